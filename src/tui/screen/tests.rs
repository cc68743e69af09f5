use std::num::NonZero;

use proptest::prelude::*;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Color, Style};

use super::*;

/// A terminal that records each write and can fail.
#[derive(Debug, Default, Clone)]
struct Line {
    writes: Vec<Vec<u8>>,
    fails_after: Option<usize>,
}

impl Line {
    fn text(&self, from: usize) -> String {
        let bytes = self.writes.iter().skip(from).flatten().copied().collect();
        String::from_utf8(bytes).unwrap().replace('\x1b', "^")
    }
}

impl Write for &mut Line {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.fails_after.is_some_and(|most| self.writes.len() >= most) {
            self.fails_after = Some(usize::MAX);
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        self.writes.push(bytes.to_vec());
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

const SMALL: Size = Size { width: 20, height: 5 };

fn rows(lines: &[&str]) -> impl FnOnce(&mut Frame<'_>) {
    let lines: Vec<String> = lines.iter().map(|line| (*line).to_owned()).collect();
    move |frame| {
        for (y, line) in (0..frame.area().height).zip(lines) {
            frame.buffer_mut().set_stringn(0, y, line, usize::from(u16::MAX), Style::new());
        }
    }
}

#[test]
fn what_is_switched_on_is_switched_off_in_the_opposite_order() {
    let mut line = Line::default();
    let setup = Setup { mouse: true, ..Setup::default() };
    let mut screen = Screen::over(&mut line, SMALL, setup).unwrap();
    assert!(screen.is_on());
    screen.leave().unwrap();
    assert!(!screen.is_on());
    screen.leave().unwrap();
    drop(screen);
    let on = "^[?1049h^[?7l^[?25l^[?2004h^[?1000h^[?1006h";
    let off = "^[?1006l^[?1000l^[?2004l^[?25h^[?7h^[H^[2J^[?1049l";
    assert_eq!(line.text(0), format!("{on}{off}"));
}

#[test]
fn the_mouse_is_left_to_the_terminal_unless_asked_for() {
    let mut line = Line::default();
    drop(Screen::over(&mut line, SMALL, Setup::default()).unwrap());
    assert_eq!(line.text(0), "^[?1049h^[?7l^[?25l^[?2004h^[?2004l^[?25h^[?7h^[H^[2J^[?1049l");
}

#[test]
fn a_window_has_a_name_while_it_is_ours() {
    let mut line = Line::default();
    let mut screen = Screen::over(&mut line, SMALL, Setup { title: true, ..Setup::default() }).unwrap();
    screen.set_title("an \x1b]2;org\u{9c}").unwrap();
    screen.leave().unwrap();
    screen.enter().unwrap();
    drop(screen);
    let once = "^[?1049h^[?7l^[?25l^[?2004h^[22;2t^]2;an ]2;org^\\^[23;2t^[?2004l^[?25h^[?7h^[H^[2J^[?1049l";
    assert_eq!(line.text(0), once.repeat(2));
    let mut line = Line::default();
    let mut screen = Screen::over(&mut line, SMALL, Setup::default()).unwrap();
    screen.set_title("not asked for").unwrap();
    drop(screen);
    assert!(!line.text(0).contains("not asked for"));
}

#[test]
fn a_start_that_fails_restores_what_was_on() {
    for good in 0..4 {
        let mut line = Line { fails_after: Some(good), ..Line::default() };
        assert!(Screen::over(&mut line, SMALL, Setup::default()).is_err());
        let on = ["^[?1049h", "^[?7l", "^[?25l", "^[?2004h"];
        let off = ["^[?2004l", "^[?25h", "^[?7h", "^[H^[2J^[?1049l"];
        // A part of the failed sequence may have arrived, so its mode is switched off as well.
        let expected = format!("{}{}", on[..good].concat(), off[3 - good..].concat());
        assert_eq!(line.text(0), expected);
    }
}

#[test]
fn restoring_elsewhere_leaves_nothing_to_do() {
    let mut line = Line::default();
    let mut screen = Screen::over(&mut line, SMALL, Setup::default()).unwrap();
    let mut hook = Vec::new();
    screen
        .modes
        .clone()
        .restore(|bytes| {
            hook.extend_from_slice(bytes);
            Ok(())
        })
        .unwrap();
    assert!(hook.ends_with(b"\x1b[?1049l"));
    let written = screen.bytes_written();
    screen.paint(rows(&["late"])).unwrap();
    screen.leave().unwrap();
    assert_eq!(screen.bytes_written(), written);
}

#[test]
fn a_frame_is_one_write_and_the_same_again_is_none() {
    for (sync, expected) in
        [(false, "^[2J^[1;1Hhello^[2;1Hworld"), (true, "^[?2026h^[2J^[1;1Hhello^[2;1Hworld^[?2026l")]
    {
        let mut line = Line::default();
        let mut screen = Screen::over(&mut line, SMALL, Setup { sync, ..Setup::default() }).unwrap();
        for _ in 0..3 {
            screen.paint(rows(&["hello", "world"])).unwrap();
        }
        std::mem::forget(screen);
        assert_eq!(line.writes.len(), 5);
        assert_eq!(line.text(4), expected);
    }
}

#[test]
fn a_large_frame_is_one_write_too() {
    let mut line = Line::default();
    let mut screen = Screen::over(&mut line, Size::new(400, 200), Setup::default()).unwrap();
    screen
        .paint(|frame| {
            for y in 0..200 {
                for x in 0..400 {
                    let cell = &mut frame.buffer_mut()[(x, y)];
                    cell.set_char(if (x + y) % 2 == 0 { 'a' } else { 'b' }).set_fg(Color::Indexed(x as u8));
                }
            }
        })
        .unwrap();
    std::mem::forget(screen);
    assert_eq!(line.writes.len(), 5);
    assert!(line.writes[4].len() > 64 * 1024);
}

#[test]
fn on_a_slow_line_what_is_new_goes_first_and_the_rest_follows() {
    let mut line = Line::default();
    let mut screen = Screen::over(&mut line, SMALL, Setup::default()).unwrap();
    screen.set_frame_budget(Some(19));
    screen.paint(rows(&["head", "one", "two", "three", "foot"])).unwrap();
    assert!(screen.is_behind());
    // A key changes the last row while two rows have not been sent yet.
    let pressed = || rows(&["head", "one", "two", "three", "key!"]);
    screen.paint(pressed()).unwrap();
    assert!(screen.is_behind());
    screen.paint(pressed()).unwrap();
    assert!(!screen.is_behind());
    screen.paint(pressed()).unwrap();
    std::mem::forget(screen);
    let frames: Vec<String> =
        line.writes.iter().skip(4).map(|write| String::from_utf8_lossy(write).replace('\x1b', "^")).collect();
    assert_eq!(
        frames,
        ["^[2J^[1;1Hhead^[2;1Hone", "^[5;1Hkey!^[3;1Htwo", "^[4;1Hthree"],
        "each ends with the row that fills it"
    );
}

#[test]
fn after_a_failed_write_the_next_frame_is_whole() {
    let mut line = Line { fails_after: Some(5), ..Line::default() };
    let mut screen = Screen::over(&mut line, SMALL, Setup::default()).unwrap();
    screen.paint(rows(&["one"])).unwrap();
    assert!(screen.paint(rows(&["two"])).is_err());
    screen.paint(rows(&["two"])).unwrap();
    std::mem::forget(screen);
    assert_eq!(line.text(5), "^[2J^[1;1Htwo");
}

#[test]
fn a_size_that_went_and_came_back_is_painted_anew() {
    let mut line = Line::default();
    let mut screen = Screen::over(&mut line, SMALL, Setup::default()).unwrap();
    screen.paint(rows(&["one"])).unwrap();
    screen.set_size(10, 2);
    screen.set_size(20, 5);
    screen.paint(rows(&["one"])).unwrap();
    screen.set_size(2, 2);
    screen.paint(rows(&["one"])).unwrap();
    screen.set_size(0, 0);
    screen.paint(rows(&["one"])).unwrap();
    assert_eq!(screen.size(), Size::ZERO);
    std::mem::forget(screen);
    assert_eq!(line.text(4), "^[2J^[1;1Hone^[2J^[1;1Hone^[2J^[1;1Hon^[2J");
}

#[test]
fn a_row_that_comes_in_costs_a_row() {
    let mut line = Line::default();
    let mut screen = Screen::over(&mut line, SMALL, Setup::default()).unwrap();
    screen.paint(rows(&["head", "one", "two", "three", "foot"])).unwrap();
    let list = rows(&["head", "two", "three", "four", "foot"]);
    screen.paint_scrolled(1, 3, 1, list).unwrap();
    let list = rows(&["head", "one", "two", "three", "foot"]);
    screen.paint_scrolled(1, 3, -1, list).unwrap();
    std::mem::forget(screen);
    assert_eq!(line.text(5), "^[2;4r^[1S^[r^[4;1Hfour^[2;4r^[1T^[r^[2;1Hone");
}

#[test]
fn a_following_list_costs_little_on_a_wide_screen() {
    let list = |last: u16| {
        move |frame: &mut Frame<'_>| {
            let frame = frame.buffer_mut();
            for (y, row) in (2..48).zip(last.saturating_sub(45)..=last) {
                let text = format!("22 Nov 09:15:{:02}  grant  person{row}@example.test", row % 60);
                frame.set_string(0, y, text, Style::new());
                frame.set_string(60, y, "orders.read orders.write", Style::new().fg(Color::Cyan));
                frame.set_string(120, y, "192.0.2.17  poll+hook", Style::new().dim());
            }
        }
    };
    let mut line = Line::default();
    let mut screen =
        Screen::over(&mut line, Size::new(200, 50), Setup { sync: true, ..Setup::default() }).unwrap();
    screen.paint(list(100)).unwrap();
    let before = screen.bytes_written();
    screen.paint_scrolled(2, 46, 1, list(101)).unwrap();
    let scrolled = screen.bytes_written() - before;
    assert!(scrolled < 200, "{scrolled} bytes for a row that came in");
}

#[test]
fn the_panic_hook_only_restores_what_is_on() {
    let modes = Modes::default();
    modes.restore(|_| panic!("nothing is on")).unwrap();
}

/// A frame: rows of text, each in one of a few styles.
#[derive(Debug, Clone)]
struct Picture(Vec<(String, u8)>);

impl Picture {
    fn draw(&self, frame: &mut Buffer) {
        let area = *frame.area();
        for (y, (text, style)) in (0..area.height).zip(&self.0) {
            let style = [
                Style::new(),
                Style::new().fg(Color::LightBlue).bold(),
                Style::new().bg(Color::Indexed(24)),
                Style::new().fg(Color::Rgb(230, 159, 0)).reversed(),
            ][usize::from(style % 4)];
            frame.set_stringn(0, y, text, usize::from(area.width), style);
            frame.set_style(Rect { y, height: 1, ..area }, style);
        }
    }
}

fn picture() -> impl Strategy<Value = Picture> {
    // Includes wide, combining and joined characters whose width vt100 and ratatui agree on.
    let text = "[a-c é李·─]{0,14}";
    prop::collection::vec((text, any::<u8>()), 8).prop_map(Picture)
}

/// Returns what a terminal shows after `bytes`: a line for each row, with a word for each visible cell.
fn seen(bytes: &[u8]) -> Vec<String> {
    let mut parser = vt100::Parser::new(NonZero::new(8).unwrap(), NonZero::new(12).unwrap(), 0);
    parser.process(bytes);
    let look = |x, y| {
        let cell = parser.screen().cell(y, x).unwrap();
        if cell.is_wide_continuation() {
            return String::new();
        }
        let text = if cell.has_contents() { cell.contents() } else { " " };
        let (fore, back) = (cell.fgcolor(), cell.bgcolor());
        format!("{text}{fore:?}{back:?}{}{} ", u8::from(cell.bold()), u8::from(cell.inverse()))
            .replace("Default", "_")
    };
    (0..8).map(|y| (0..12).map(|x| look(x, y)).collect()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_way_to_a_frame_ends_in_that_frame(
        steps in prop::collection::vec((picture(), 0_u16..10, 0_u16..10, -10_i16..10, any::<bool>()), 1..6),
        sync in any::<bool>(),
        most in prop::option::of(0_usize..200),
    ) {
        let size = Size::new(12, 8);
        let mut line = Line::default();
        let mut screen = Screen::over(&mut line, size, Setup { sync, ..Setup::default() }).unwrap();
        screen.set_frame_budget(most);
        for (picture, top, height, up, clear) in &steps {
            if *clear {
                screen.clear();
            }
            screen.paint_scrolled(*top, *height, *up, |frame| picture.draw(frame.buffer_mut())).unwrap();
        }
        let last = &steps.last().unwrap().0;
        while screen.is_behind() {
            screen.paint(|frame| last.draw(frame.buffer_mut())).unwrap();
        }
        std::mem::forget(screen);

        let mut whole = Line::default();
        let mut screen = Screen::over(&mut whole, size, Setup::default()).unwrap();
        screen.paint(|frame| last.draw(frame.buffer_mut())).unwrap();
        std::mem::forget(screen);

        let (now, then) = (seen(&line.writes.concat()), seen(&whole.writes.concat()));
        prop_assert_eq!(now, then);
    }

    #[test]
    fn a_list_that_really_scrolled_is_cheap_and_right(
        list in prop::collection::vec(("[a-z]{1,11}", 0_u8..4), 30),
        moves in prop::collection::vec(-3_i16..=3, 1..8),
    ) {
        let size = Size::new(12, 8);
        let mut line = Line::default();
        let mut screen = Screen::over(&mut line, size, Setup::default()).unwrap();
        let mut at = 12_i16;
        let window = |at: i16| Picture(list.iter().skip(at as usize).take(6).cloned().collect());
        screen.paint(|frame| window(at).draw(frame.buffer_mut())).unwrap();
        for by in moves {
            let next = (at + by).clamp(0, 24);
            screen.paint_scrolled(0, 6, next - at, |frame| window(next).draw(frame.buffer_mut())).unwrap();
            at = next;
        }
        std::mem::forget(screen);
        let mut whole = Line::default();
        let mut screen = Screen::over(&mut whole, size, Setup::default()).unwrap();
        screen.paint(|frame| window(at).draw(frame.buffer_mut())).unwrap();
        std::mem::forget(screen);
        prop_assert_eq!(seen(&line.writes.concat()), seen(&whole.writes.concat()));
    }
}
