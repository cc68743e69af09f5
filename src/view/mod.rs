//! Draws the model into cells, with one file for each region of the screen. Reads no clock and does no I/O.

mod columns_page;
mod detail;
mod draw;
mod foot;
mod histogram;
mod hook;
mod list;
mod marks_page;
mod palette;
mod pen;
mod pivot;
mod readiness_line;
mod readiness_page;
mod save_page;
mod sources_line;
pub mod text;
mod text_pages;
mod theme;
mod time;
mod title;
mod whole_row;

pub use draw::{draw, draw_cells};
pub use theme::{Color, Depth, Glyph, Role, Theme, ThemeKind, is_utf8, roles};
