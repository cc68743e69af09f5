//! Draws the model into cells, with one file for each region of the screen. Reads no clock and does no I/O.

mod columns;
mod detail;
mod draw;
mod files;
mod foot;
mod histogram;
mod hook;
mod list;
mod marks;
mod pages;
mod palette;
mod pen;
mod pivot;
mod readiness_line;
mod readiness_page;
mod status_line;
pub mod text;
mod theme;
mod time;
mod title;
mod whole;

pub use draw::{draw, draw_cells};
pub use theme::{Color, Depth, Glyph, Role, Theme, ThemeKind, is_utf8, roles};
