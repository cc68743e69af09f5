//! What a person did at the terminal.

use std::io;
use std::pin::pin;
use std::task::Poll;

use crossterm::event::{
    Event, EventStream, KeyCode, KeyEvent, KeyEventKind, KeyModifiers, MouseButton, MouseEventKind,
};
use futures_util::{Stream, StreamExt as _};

use crate::model::{Chord, Key};

/// A paste is cut here, in bytes: no filter, note or search that a person means is longer.
pub const PASTE_MAX: usize = 64 * 1024;

/// Something a person did, or the terminal became.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Input {
    /// A key was pressed or repeats.
    Key(Chord),
    /// The left button of the mouse was pressed: column and row.
    Click(u16, u16),
    /// The wheel was turned one notch, down or up.
    Wheel(bool),
    /// Text was pasted as one piece, at most [`PASTE_MAX`] bytes of it. It is as hostile as any text from outside.
    Paste(String),
    /// The terminal has this many columns and rows now.
    Resize(u16, u16),
    /// No more can come.
    Gone,
}

/// The source of what a person does. One in a process and always awaited by the same task, since crossterm keeps one
/// reader for all and remembers only the first waker.
#[derive(Debug)]
pub struct Keyboard<S = EventStream> {
    events: S,
    gone: bool,
}

impl Keyboard {
    /// Begins to read the terminal, which must be in raw mode by then.
    pub fn open() -> Self {
        Self::over(EventStream::new())
    }
}

impl<S: Stream<Item = io::Result<Event>> + Unpin> Keyboard<S> {
    /// Takes events from elsewhere.
    pub fn over(events: S) -> Self {
        Self { events, gone: false }
    }

    /// Waits for the next thing. Loses nothing when dropped; after [`Input::Gone`] it never answers again.
    pub async fn next(&mut self) -> Input {
        if self.gone {
            return std::future::pending().await;
        }
        loop {
            match self.events.next().await {
                Some(Ok(event)) => {
                    if let Some(input) = read(event) {
                        return input;
                    }
                }
                Some(Err(error)) => {
                    tracing::warn!(%error, "The terminal cannot be read.");
                    return self.end();
                }
                None => return self.end(),
            }
        }
    }

    /// Returns the next thing if it is there already, without waiting: keys that were typed during a long frame belong
    /// to one frame.
    pub async fn waiting(&mut self) -> Option<Input> {
        // Polled with the waker of the task, never with an empty one: crossterm keeps the first waker that it is given
        // until the next event, and whoever waits after us would sleep through that.
        match futures_util::poll!(pin!(self.next())) {
            Poll::Ready(input) => Some(input),
            Poll::Pending => None,
        }
    }

    fn end(&mut self) -> Input {
        self.gone = true;
        Input::Gone
    }
}

/// Returns what an event means, if it means anything to us.
fn read(event: Event) -> Option<Input> {
    match event {
        Event::Key(key) => chord(key).map(Input::Key),
        Event::Paste(text) => Some(Input::Paste(bounded(text))),
        Event::Resize(columns, rows) => Some(Input::Resize(columns, rows)),
        Event::Mouse(mouse) => match mouse.kind {
            MouseEventKind::Down(MouseButton::Left) => Some(Input::Click(mouse.column, mouse.row)),
            MouseEventKind::ScrollUp => Some(Input::Wheel(false)),
            MouseEventKind::ScrollDown => Some(Input::Wheel(true)),
            _ => None,
        },
        Event::FocusGained | Event::FocusLost => None,
    }
}

/// Returns the chord of a key, if it was pressed and has a name here.
///
/// A character carries Shift itself (`G`, not Shift and `g`) and is lower case under Control; Shift with Tab is
/// [`Key::BackTab`] alone. So each chord has one spelling, and a table of keys can compare.
pub fn chord(event: KeyEvent) -> Option<Chord> {
    if event.kind == KeyEventKind::Release {
        return None;
    }
    // The window manager's keys are none of ours.
    if event.modifiers.intersects(KeyModifiers::SUPER | KeyModifiers::HYPER) {
        return None;
    }
    let ctrl = event.modifiers.contains(KeyModifiers::CONTROL);
    let alt = event.modifiers.intersects(KeyModifiers::ALT | KeyModifiers::META);
    let held = event.modifiers.contains(KeyModifiers::SHIFT);
    let key = match event.code {
        KeyCode::Char(c) => Key::Char(letter(c, ctrl, held)?),
        KeyCode::Enter => Key::Enter,
        KeyCode::Esc => Key::Esc,
        KeyCode::Tab if held => Key::BackTab,
        KeyCode::Tab => Key::Tab,
        KeyCode::BackTab => Key::BackTab,
        KeyCode::Up => Key::Up,
        KeyCode::Down => Key::Down,
        KeyCode::Left => Key::Left,
        KeyCode::Right => Key::Right,
        KeyCode::PageUp => Key::PageUp,
        KeyCode::PageDown => Key::PageDown,
        KeyCode::Home => Key::Home,
        KeyCode::End => Key::End,
        KeyCode::Backspace => Key::Backspace,
        KeyCode::Delete => Key::Delete,
        KeyCode::Insert => Key::Insert,
        KeyCode::F(number) => Key::F(number),
        _ => return None,
    };
    let shift = held && !matches!(key, Key::Char(_) | Key::BackTab);
    Some(Chord { key, ctrl, alt, shift })
}

fn letter(c: char, ctrl: bool, shift: bool) -> Option<char> {
    if c.is_control() {
        return None;
    }
    Some(match (ctrl, shift) {
        (true, _) => c.to_ascii_lowercase(),
        (false, true) => c.to_ascii_uppercase(),
        (false, false) => c,
    })
}

fn bounded(mut text: String) -> String {
    text.truncate(text.floor_char_boundary(PASTE_MAX));
    text
}

#[cfg(test)]
mod tests {
    use futures_util::stream;

    use super::*;

    fn typed(code: KeyCode, modifiers: KeyModifiers) -> Option<Chord> {
        chord(KeyEvent::new(code, modifiers))
    }

    #[test]
    fn a_character_carries_its_shift() {
        let big = Some(Chord::plain(Key::Char('G')));
        assert_eq!(typed(KeyCode::Char('G'), KeyModifiers::SHIFT), big);
        assert_eq!(typed(KeyCode::Char('G'), KeyModifiers::NONE), big);
        assert_eq!(typed(KeyCode::Char('g'), KeyModifiers::SHIFT), big);
        assert_eq!(typed(KeyCode::Char('?'), KeyModifiers::SHIFT), Some(Chord::plain(Key::Char('?'))));
        assert_eq!(typed(KeyCode::Char('É'), KeyModifiers::SHIFT), Some(Chord::plain(Key::Char('É'))));
    }

    #[test]
    fn control_has_one_spelling() {
        let ctrl_c = Some(Chord { ctrl: true, ..Chord::plain(Key::Char('c')) });
        assert_eq!(typed(KeyCode::Char('c'), KeyModifiers::CONTROL), ctrl_c);
        assert_eq!(typed(KeyCode::Char('C'), KeyModifiers::CONTROL | KeyModifiers::SHIFT), ctrl_c);
    }

    #[test]
    fn other_keys_keep_shift_but_for_the_tabulator() {
        let back = Some(Chord::plain(Key::BackTab));
        assert_eq!(typed(KeyCode::BackTab, KeyModifiers::SHIFT), back);
        assert_eq!(typed(KeyCode::Tab, KeyModifiers::SHIFT), back);
        let up = Some(Chord { shift: true, ..Chord::plain(Key::Up) });
        assert_eq!(typed(KeyCode::Up, KeyModifiers::SHIFT), up);
        let alt = Some(Chord { alt: true, ..Chord::plain(Key::Enter) });
        assert_eq!(typed(KeyCode::Enter, KeyModifiers::ALT), alt);
    }

    #[test]
    fn what_is_no_press_or_no_key_of_ours_is_nothing() {
        let mut event = KeyEvent::new(KeyCode::Char('q'), KeyModifiers::NONE);
        event.kind = KeyEventKind::Release;
        assert_eq!(chord(event), None);
        event.kind = KeyEventKind::Repeat;
        assert_eq!(chord(event), Some(Chord::plain(Key::Char('q'))));
        assert_eq!(typed(KeyCode::CapsLock, KeyModifiers::NONE), None);
        assert_eq!(typed(KeyCode::Char('q'), KeyModifiers::SUPER), None);
        assert_eq!(typed(KeyCode::Char('\x1b'), KeyModifiers::NONE), None);
    }

    #[test]
    fn a_paste_is_cut_between_characters() {
        let text = format!("a{}", "é".repeat(PASTE_MAX));
        let cut = bounded(text.clone());
        assert_eq!(cut.len(), PASTE_MAX - 1);
        assert!(text.starts_with(&cut));
        assert_eq!(bounded("short".to_owned()), "short");
    }

    #[tokio::test]
    async fn the_end_is_told_once() {
        let events = stream::iter([Ok(Event::FocusGained), Ok(Event::Resize(40, 10))]);
        let mut keyboard = Keyboard::over(events);
        assert_eq!(keyboard.next().await, Input::Resize(40, 10));
        assert_eq!(keyboard.next().await, Input::Gone);
        assert_eq!(keyboard.waiting().await, None);

        let broken = stream::iter([Err(io::ErrorKind::BrokenPipe.into()), Ok(Event::Resize(1, 1))]);
        let mut keyboard = Keyboard::over(broken);
        assert_eq!(keyboard.waiting().await, Some(Input::Gone));
        assert_eq!(keyboard.waiting().await, None);
    }
}
