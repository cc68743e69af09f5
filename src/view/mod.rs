//! What is seen: pure functions from the model to cells, one file a region. Knows no time and does no I/O.

mod columns;
mod detail;
mod draw;
mod foot;
mod hook;
mod list;
mod marks;
mod pages;
mod palette;
mod pen;
mod pivot;
mod readiness;
mod status;
mod strip;
pub mod text;
mod theme;
mod title;

pub use draw::draw;
pub use theme::{Color, Depth, Glyph, Role, Theme, ThemeKind, roles};

/// The sign behind the head of the column that a list is sorted by; empty behind the others.
fn sort_sign(theme: &Theme, is_sorted: bool, is_turned: bool) -> &'static str {
    match (is_sorted, is_turned, theme.ascii) {
        (false, ..) => "",
        (true, false, false) => "↑",
        (true, true, false) => "↓",
        (true, false, true) => "+",
        (true, true, true) => "-",
    }
}
