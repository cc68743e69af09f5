//! The screen on another backend than ours. Whoever draws it on one of ratatui's own sees the same.

use std::num::NonZero;
use std::time::Duration;

use consentwatch::view;
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::buffer::Buffer;
use ratatui::style::{Color, Modifier};

use crate::rig::{Rig, backlog};

/// Later than any frame waits for the one before.
const LATER: Duration = Duration::from_secs(1);

/// A cell as it is seen: its text, its two colors, and whether it is bold, dim, italic, underlined, reversed.
type Seen = (String, vt100::Color, vt100::Color, [bool; 5]);

fn color(color: Color) -> vt100::Color {
    match color {
        Color::Reset => vt100::Color::Default,
        Color::Rgb(r, g, b) => vt100::Color::Rgb(r, g, b),
        other => panic!("a theme of full depth has no {other}"),
    }
}

/// What ratatui's backend for tests shows.
fn drawn(buffer: &Buffer) -> Vec<Seen> {
    let mut cells = Vec::new();
    let mut covered = 0;
    for cell in &buffer.content {
        // What is two columns wide covers the cell behind it.
        if covered > 0 {
            covered -= 1;
            continue;
        }
        covered = view::text::width(cell.symbol()).saturating_sub(1);
        let looks =
            [Modifier::BOLD, Modifier::DIM, Modifier::ITALIC, Modifier::UNDERLINED, Modifier::REVERSED]
                .map(|modifier| cell.modifier.contains(modifier));
        cells.push((cell.symbol().to_owned(), color(cell.fg), color(cell.bg), looks));
    }
    cells
}

/// What a terminal shows that was sent all that the loop wrote.
fn shown(rig: &Rig) -> Vec<Seen> {
    let (width, height) = rig.model.size;
    let cells = |number| NonZero::new(number).expect("a terminal has cells");
    let mut parser = vt100::Parser::new(cells(height), cells(width), 0);
    parser.process(&rig.writes().concat());
    let places = (0..height).flat_map(|y| (0..width).map(move |x| (y, x)));
    let cells = places.map(|(y, x)| parser.screen().cell(y, x).expect("a cell"));
    cells
        .filter(|cell| !cell.is_wide_continuation())
        .map(|cell| {
            let text = if cell.has_contents() { cell.contents() } else { " " };
            let looks = [cell.bold(), cell.dim(), cell.italic(), cell.underline(), cell.inverse()];
            (text.to_owned(), cell.fgcolor(), cell.bgcolor(), looks)
        })
        .collect()
}

#[tokio::test]
async fn ratatui_s_own_backend_shows_what_ours_does() {
    let mut rig = Rig::start(backlog(200), 140, 40).await;
    for keys in ["", "kkkk", "<enter>", "<esc>h", "2", "3", "1", "?", "<esc>", "fkind:revoke<enter>", "G"] {
        rig.press(keys);
        rig.advance(LATER).await;
        // A new one each time: this backend keeps what a wide character covers, and shows it when that is gone.
        let mut terminal = Terminal::new(TestBackend::new(140, 40)).expect("a terminal in memory");
        terminal.draw(|frame| view::draw(&rig.model, &rig.theme, frame)).expect("a frame");
        let (ours, other) = (shown(&rig), drawn(terminal.backend().buffer()));
        let differ = ours.iter().zip(&other).find(|(one, other)| one != other);
        assert_eq!((differ, ours.len()), (None, other.len()), "after {keys:?}");
    }
}
