//! A list that scrolls: the terminal is told to move its lines, and still shows what was drawn.

use std::num::NonZero;
use std::time::Duration;

use crate::rig::{Rig, backlog};

/// Longer than any frame waits for the one before.
const LATER: Duration = Duration::from_secs(1);
const POLL: Duration = Duration::from_secs(11);

/// Returns what a terminal shows after all output of the loop: one text per cell.
fn shown(rig: &Rig) -> Vec<Vec<String>> {
    let (width, height) = rig.model.size;
    let cells = |number| NonZero::new(number).expect("a terminal has cells");
    let mut parser = vt100::Parser::new(cells(height), cells(width), 0);
    parser.process(&rig.writes().concat());
    let cell = |x, y| {
        let cell = parser.screen().cell(y, x).expect("a cell");
        // A character of two columns covers the next cell.
        let is_blank = !cell.has_contents() || cell.is_wide_continuation();
        if is_blank { " ".to_owned() } else { cell.contents().to_owned() }
    };
    (0..height).map(|y| (0..width).map(|x| cell(x, y)).collect()).collect()
}

/// Returns what a full redraw shows, in the same form.
fn drawn(rig: &Rig) -> Vec<Vec<String>> {
    let buffer = rig.buffer();
    let row = |y| {
        let mut row = Vec::new();
        while row.len() < usize::from(buffer.area.width) {
            let symbol = buffer[(row.len() as u16, y)].symbol();
            let width = usize::from(consentwatch::view::text::width(symbol)).max(1);
            row.push(symbol.to_owned());
            row.extend((1..width).map(|_| " ".to_owned()));
        }
        row
    };
    (0..buffer.area.height).map(row).collect()
}

/// Returns the output after a number of writes, as text.
fn since(rig: &Rig, writes: usize) -> String {
    String::from_utf8(rig.writes().split_off(writes).concat()).expect("UTF-8")
}

#[tokio::test]
async fn new_rows_move_the_lines_of_a_following_list() {
    let mut rig = Rig::start(backlog(200), 140, 40).await;
    rig.advance(LATER).await;
    assert_eq!(shown(&rig), drawn(&rig));
    for count in [1, 3] {
        let before = rig.writes().len();
        rig.org.emit(count);
        rig.advance(POLL).await;
        rig.advance(LATER).await;
        let sent = since(&rig, before);
        assert!(sent.contains(&format!("\x1b[{count}S")), "the lines move up by {count}: {sent:?}");
        assert!(sent.len() < 1500 * count, "{} bytes for {count} rows: {sent:?}", sent.len());
        assert_eq!(shown(&rig), drawn(&rig), "after {count} more");
    }
}

#[tokio::test]
async fn a_reader_who_walks_out_of_the_window_moves_the_lines() {
    let mut rig = Rig::start(backlog(200), 140, 40).await;
    rig.advance(LATER).await;
    let height = usize::from(rig.model.regions().list.height);
    let mut moves = [0, 0];
    for (key, sign) in [("k", "T"), ("j", "S")] {
        for _ in 0..2 * height {
            let before = rig.writes().len();
            rig.press(key);
            rig.advance(LATER).await;
            moves[usize::from(sign == "S")] +=
                usize::from(since(&rig, before).contains(&format!("\x1b[1{sign}")));
            assert_eq!(shown(&rig), drawn(&rig));
        }
    }
    assert!(moves.iter().all(|count| *count > height / 2), "{moves:?}");
}

/// Returns whether the terminal was told to move lines.
fn is_moved(sent: &str) -> bool {
    sent.split("\x1b[").skip(1).any(|rest| {
        let rest = rest.trim_start_matches(|c: char| c.is_ascii_digit());
        rest.starts_with(['S', 'T'])
    })
}

#[tokio::test]
async fn what_is_no_move_of_the_list_as_a_whole_moves_nothing() {
    let mut rig = Rig::start(backlog(200), 140, 40).await;
    // The cursor is at the top of the window, and the next page keeps few of its rows.
    rig.press("kkk<pgup>");
    rig.advance(LATER).await;
    let keys = ["<pgup>", "g", "G", "fkind:revoke<enter>", "f<clear><enter>", "o", "o", "6", "6"];
    for keys in keys.into_iter().chain(["<enter>", "<esc>"]) {
        let before = rig.writes().len();
        rig.press(keys);
        rig.advance(LATER).await;
        assert!(!is_moved(&since(&rig, before)), "{keys}");
        assert_eq!(shown(&rig), drawn(&rig), "{keys}");
    }
}
