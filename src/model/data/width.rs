//! How many columns a text takes, as ratatui's buffer counts them cluster by cluster, so that what is said to fit does.

use ratatui::buffer::CellWidth as _;
use unicode_segmentation::UnicodeSegmentation as _;

/// Returns the columns that `text` takes; more than fit a screen count as `u16::MAX`.
pub fn width(text: &str) -> u16 {
    if is_plain(text) {
        return u16::try_from(text.len()).unwrap_or(u16::MAX);
    }
    text.graphemes(true).fold(0, |sum, cluster| sum.saturating_add(cluster_width(cluster)))
}

/// Returns the columns of one cluster. One with a control character counts as nothing, and ratatui leaves it out.
pub fn cluster_width(cluster: &str) -> u16 {
    if cluster.contains(char::is_control) { 0 } else { cluster.cell_width() }
}

/// Returns whether a text is printable ASCII. Most text is, and needs no tables.
pub fn is_plain(text: &str) -> bool {
    text.bytes().all(|byte| (0x20..0x7f).contains(&byte))
}
