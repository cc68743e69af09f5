//! Display widths of texts, counted by grapheme cluster as ratatui's buffer does, so that both agree on what fits.

use ratatui::buffer::CellWidth as _;
use unicode_segmentation::UnicodeSegmentation as _;

/// Returns the number of columns that `text` takes, at most `u16::MAX`.
pub fn width(text: &str) -> u16 {
    if is_plain(text) {
        return u16::try_from(text.len()).unwrap_or(u16::MAX);
    }
    text.graphemes(true).fold(0, |sum, cluster| sum.saturating_add(cluster_width(cluster)))
}

/// Returns the number of columns of a cluster. It is 0 for a cluster with a control character, which ratatui omits.
pub fn cluster_width(cluster: &str) -> u16 {
    if cluster.contains(char::is_control) { 0 } else { cluster.cell_width() }
}

/// Returns whether a text is printable ASCII, whose width is its length.
pub fn is_plain(text: &str) -> bool {
    text.bytes().all(|byte| (0x20..0x7f).contains(&byte))
}
