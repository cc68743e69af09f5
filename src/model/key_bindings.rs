//! The default table of keys, commands and help texts. Dispatch, the help page and the hints read it, and the table in
//! docs/reference.md is generated from it.

use serde::{Deserialize, Serialize};

use std::fmt;

/// A key with its modifiers.
///
/// Shift is set only if the key is not a character. For a character, the case already expresses it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub struct Chord {
    /// The key.
    pub key: Key,
    /// Control was held.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub ctrl: bool,
    /// Alt was held.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub alt: bool,
    /// Shift was held.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub shift: bool,
}

/// A key of the keyboard.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the names are those on the keys")]
pub enum Key {
    Char(char),
    Enter,
    Esc,
    Tab,
    BackTab,
    Up,
    Down,
    Left,
    Right,
    PageUp,
    PageDown,
    Home,
    End,
    Backspace,
    Delete,
    Insert,
    F(u8),
}

impl Chord {
    /// Returns a key without modifiers.
    pub const fn plain(key: Key) -> Self {
        Self { key, ctrl: false, alt: false, shift: false }
    }

    /// Returns a character without modifiers.
    pub const fn char(c: char) -> Self {
        Self::plain(Key::Char(c))
    }

    /// Returns a character with Control. The character must be lower case.
    pub const fn ctrl(c: char) -> Self {
        Self { key: Key::Char(c), ctrl: true, alt: false, shift: false }
    }
}

impl fmt::Display for Chord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.ctrl {
            f.write_str("^")?;
        }
        if self.alt {
            f.write_str("Alt-")?;
        }
        if self.shift {
            f.write_str("Shift-")?;
        }
        match self.key {
            Key::Char(' ') => f.write_str("space"),
            Key::Char(c) => write!(f, "{c}"),
            Key::Up => f.write_str("Up"),
            Key::Down => f.write_str("Down"),
            Key::Left => f.write_str("Left"),
            Key::Right => f.write_str("Right"),
            Key::PageUp => f.write_str("PgUp"),
            Key::PageDown => f.write_str("PgDn"),
            Key::F(n) => write!(f, "F{n}"),
            other => write!(f, "{other:?}"),
        }
    }
}

/// A command that keys can be bound to.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[expect(missing_docs, reason = "the table below describes each command")]
pub enum Command {
    Down,
    Up,
    PageDown,
    PageUp,
    HalfDown,
    HalfUp,
    First,
    Last,
    Follow,
    Open,
    SwitchPane,
    Back,
    Fold,
    Unfold,
    Filter,
    Search,
    SearchNext,
    SearchBack,
    GoToTime,
    Order,
    SortColumn,
    Consents,
    Clients,
    People,
    Scopes,
    Zone,
    Readiness,
    Sources,
    Mark,
    Note,
    NextMark,
    MarkBefore,
    Marks,
    Choose,
    Palette,
    SavedFilters,
    FindKey,
    Hints,
    Columns,
    ColumnLeft,
    ColumnRight,
    Wider,
    Narrower,
    FreeWidth,
    ColumnsReset,
    Copy,
    Save,
    SaveAs,
    Extent,
    PollNow,
    FetchSession,
    Strip,
    ZoomIn,
    ZoomOut,
    BucketNext,
    BucketBack,
    Mask,
    Help,
    Record,
    Redraw,
    Suspend,
    Quit,
    Interrupt,
}

impl Command {
    /// Returns whether the command moves the cursor of the list.
    pub(super) fn moves(self) -> bool {
        matches!(
            self,
            Self::Down
                | Self::Up
                | Self::PageDown
                | Self::PageUp
                | Self::HalfDown
                | Self::HalfUp
                | Self::First
                | Self::Last
                | Self::Follow
                | Self::NextMark
                | Self::MarkBefore
        )
    }

    /// Returns whether the command can scroll the list by more than one line.
    pub(super) fn turns_page(self) -> bool {
        matches!(
            self,
            Self::PageDown
                | Self::PageUp
                | Self::HalfDown
                | Self::HalfUp
                | Self::First
                | Self::Last
                | Self::Follow
                | Self::SearchNext
                | Self::SearchBack
                | Self::NextMark
                | Self::MarkBefore
        )
    }
}

/// The state of the screen that decides what keys do.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Mode {
    /// The list of consents.
    List,
    /// The tree of one consent.
    Detail,
    /// The page of clients, people or scopes.
    Pivot,
    /// The help page.
    Help,
    /// The readiness page.
    Readiness,
    /// The page to arrange columns.
    Columns,
    /// The page to save files.
    Save,
    /// The page of sources.
    Sources,
    /// The page of marked rows.
    Marks,
    /// The page of saved filters.
    Filters,
    /// A line of text is being typed.
    Prompt,
}

/// One line of the table of keys.
#[derive(Clone, Copy, Debug)]
pub struct Binding {
    /// The command.
    pub command: Command,
    /// The chords bound to the command.
    pub chords: &'static [Chord],
    /// The modes in which the command is available.
    pub modes: &'static [Mode],
    /// The description on the help page.
    pub words: &'static str,
    /// One or two words for the hint line, or an empty string if the command is not hinted at.
    pub hint: &'static str,
}

const EVERY: &[Mode] = &[
    Mode::List,
    Mode::Detail,
    Mode::Pivot,
    Mode::Help,
    Mode::Readiness,
    Mode::Sources,
    Mode::Marks,
    Mode::Filters,
    Mode::Columns,
    Mode::Save,
];
const PAGES: &[Mode] = &[Mode::List, Mode::Detail, Mode::Pivot];
const LISTS: &[Mode] = &[Mode::List, Mode::Pivot];
const MAIN: &[Mode] = &[Mode::List, Mode::Detail];
const LIST: &[Mode] = &[Mode::List];
const CHOICES: &[Mode] = &[Mode::Marks, Mode::Filters, Mode::Columns, Mode::Save];
const COLUMNS: &[Mode] = &[Mode::Columns];
const SAVE: &[Mode] = &[Mode::Save];
const HELP: &[Mode] = &[Mode::Help];
const DETAIL: &[Mode] = &[Mode::Detail];

const fn c(c: char) -> Chord {
    Chord::char(c)
}

const fn k(key: Key) -> Chord {
    Chord::plain(key)
}

/// The default key bindings. A test ensures that no chord has two commands in one mode.
pub const BINDINGS: &[Binding] = &[
    bind(Command::Help, &[c('?'), k(Key::F(1))], EVERY, "this help", "help"),
    bind(Command::Down, &[c('j'), k(Key::Down)], EVERY, "one line down", ""),
    bind(Command::Up, &[c('k'), k(Key::Up)], EVERY, "one line up", ""),
    bind(Command::PageDown, &[k(Key::PageDown)], EVERY, "one page down", ""),
    bind(Command::PageUp, &[k(Key::PageUp)], EVERY, "one page up", ""),
    bind(Command::HalfDown, &[Chord::ctrl('d')], EVERY, "half a page down", ""),
    bind(Command::HalfUp, &[Chord::ctrl('u')], EVERY, "half a page up", ""),
    bind(Command::First, &[c('g'), k(Key::Home)], EVERY, "first line", ""),
    bind(Command::Last, &[c('G'), k(Key::End)], EVERY, "last line; follow the newest from there", ""),
    bind(
        Command::Open,
        &[k(Key::Enter)],
        LISTS,
        "open or enter the detail; on pages 2 to 4, list the consents",
        "open",
    ),
    bind(Command::SwitchPane, &[k(Key::Tab), k(Key::BackTab)], MAIN, "switch between list and detail", ""),
    bind(Command::Fold, &[c('h'), k(Key::Left)], DETAIL, "fold, or go to the parent", ""),
    bind(Command::Unfold, &[c('l'), k(Key::Right), k(Key::Enter)], DETAIL, "unfold", ""),
    bind(Command::Back, &[k(Key::Esc)], EVERY, "back: close what is open, clear the filter", ""),
    bind(Command::Search, &[c('/')], PAGES, "search: go to what matches, hide nothing", "search"),
    bind(Command::SearchNext, &[c('n')], PAGES, "next match", ""),
    bind(Command::SearchBack, &[c('N')], PAGES, "previous match", ""),
    bind(Command::Filter, &[c('f')], MAIN, "filter: hide what does not match", "filter"),
    bind(Command::Follow, &[c('F')], MAIN, "follow the newest, or hold the list still", ""),
    bind(Command::GoToTime, &[c('t')], LIST, "go to a time", ""),
    bind(Command::Order, &[c('o')], LISTS, "reverse the order", ""),
    bind(Command::SortColumn, &[c('O')], LISTS, "sort by the next column", ""),
    bind(Command::Consents, &[c('1')], EVERY, "consents", ""),
    bind(Command::Clients, &[c('2')], EVERY, "clients: who asked, how many people consented", ""),
    bind(Command::People, &[c('3')], EVERY, "people: who consented, to how many clients", ""),
    bind(Command::Scopes, &[c('4')], EVERY, "scopes: how many hold each", ""),
    bind(Command::Mark, &[c(' ')], MAIN, "mark the row, or remove the mark", "mark"),
    bind(Command::Note, &[c('m')], MAIN, "write a note on the row", ""),
    bind(Command::NextMark, &[c('\'')], MAIN, "next marked row", ""),
    bind(Command::MarkBefore, &[c('"')], MAIN, "previous marked row", ""),
    bind(Command::Marks, &[c('M')], EVERY, "the marked rows with their notes", ""),
    bind(
        Command::Copy,
        &[c('y')],
        MAIN,
        "copy, then: y line, u uuid, w who, c client, s scopes, j JSON, n this node",
        "",
    ),
    bind(Command::Save, &[c('s')], PAGES, "save a snapshot of the listed rows; again: stop it", "save"),
    bind(Command::SaveAs, &[c('S')], PAGES, "save: choose format and rows", ""),
    bind(Command::Extent, &[k(Key::Tab)], SAVE, "save: other rows", "rows"),
    bind(Command::Columns, &[c('C')], EVERY, "columns: which, in which order, how wide", ""),
    bind(Command::ColumnLeft, &[c('K')], COLUMNS, "columns: one place to the left", "left"),
    bind(Command::ColumnRight, &[c('J')], COLUMNS, "columns: one place to the right", "right"),
    bind(Command::Wider, &[c('+'), k(Key::Right)], COLUMNS, "columns: wider", "wider"),
    bind(Command::Narrower, &[c('-'), k(Key::Left)], COLUMNS, "columns: narrower", "narrower"),
    bind(Command::FreeWidth, &[c('=')], COLUMNS, "columns: automatic width", ""),
    bind(Command::ColumnsReset, &[c('d')], COLUMNS, "columns: reset to the configuration", ""),
    bind(Command::Palette, &[c(':')], EVERY, "commands: find one by some of its letters", ""),
    bind(Command::SavedFilters, &[Chord::ctrl('f')], EVERY, "the saved filters", ""),
    bind(Command::FindKey, &[c('/')], HELP, "find keys by words on this page", "find"),
    bind(Command::Hints, &[c('H')], EVERY, "show or hide the keys on the last line", ""),
    bind(
        Command::Choose,
        &[k(Key::Enter)],
        CHOICES,
        "use the selected line; show or hide a column",
        "choose",
    ),
    bind(Command::Zone, &[c('z')], MAIN, "switch times between UTC and the local zone", ""),
    bind(
        Command::Readiness,
        &[c('5'), c('R')],
        EVERY,
        "readiness: whether the org can produce consents, and what to do",
        "",
    ),
    bind(Command::Sources, &[c('6')], EVERY, "sources: status of each, and what to do", "sources"),
    bind(Command::PollNow, &[c('r')], EVERY, "poll and probe now", ""),
    bind(Command::FetchSession, &[c('e')], MAIN, "ask Okta for the other events of this session", ""),
    bind(Command::Strip, &[c('i')], MAIN, "activity strip: number of rows over time", ""),
    bind(Command::ZoomIn, &[c('+')], MAIN, "strip: less time per column", ""),
    bind(Command::ZoomOut, &[c('-')], MAIN, "strip: more time per column", ""),
    bind(Command::BucketNext, &[c(']')], MAIN, "strip: to the next column with rows", ""),
    bind(Command::BucketBack, &[c('[')], MAIN, "strip: to the previous column with rows", ""),
    bind(Command::Mask, &[c('p')], EVERY, "privacy mask: hide people, addresses and ids", ""),
    bind(
        Command::Record,
        &[Chord::ctrl('r')],
        EVERY,
        "record: the last messages to a file, for a bug report",
        "",
    ),
    bind(Command::Redraw, &[Chord::ctrl('l')], EVERY, "redraw the screen", ""),
    bind(Command::Suspend, &[Chord::ctrl('z')], EVERY, "suspend; fg resumes", ""),
    bind(Command::Quit, &[c('q')], EVERY, "quit", "quit"),
    bind(Command::Interrupt, &[Chord::ctrl('c')], EVERY, "quit as if interrupted: exit code 130", ""),
];

const fn bind(
    command: Command,
    chords: &'static [Chord],
    modes: &'static [Mode],
    words: &'static str,
    hint: &'static str,
) -> Binding {
    Binding { command, chords, modes, words, hint }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    #[test]
    fn no_chord_means_two_things_in_one_mode() {
        let mut seen = HashMap::new();
        for binding in BINDINGS {
            for mode in binding.modes {
                for chord in binding.chords {
                    let before = seen.insert((*mode, *chord), binding.command);
                    assert_eq!(before, None, "{chord} in {mode:?}");
                }
            }
        }
    }

    #[test]
    fn each_command_can_be_reached_and_is_explained() {
        for binding in BINDINGS {
            assert!(!binding.chords.is_empty() && !binding.words.is_empty());
            let keymap = super::super::Keymap::default();
            assert_eq!(keymap.command(binding.modes[0], binding.chords[0]), Some(binding.command));
        }
    }
}
