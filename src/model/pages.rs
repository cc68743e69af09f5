//! The pages of the screen, in one table: the title, command and mode of each.

use std::sync::Arc;

use super::key_bindings::{Command, Mode};
use super::{Query, Subject};

/// A pane of the screen that keys can go to.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Pane {
    /// The list of rows.
    #[default]
    List,
    /// The tree of the open consent.
    Detail,
}

/// A page of the screen.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum Page {
    /// The list of consents.
    #[default]
    Consents,
    /// The clients that asked for consent.
    Clients,
    /// The people who consented.
    People,
    /// The scopes that were granted.
    Scopes,
    /// The help page, which lists the keys.
    Help,
    /// The readiness of the org to produce consents.
    Readiness,
    /// The status of the sources.
    Sources,
    /// The marked rows.
    Marks,
    /// The saved filters.
    Filters,
    /// The columns of the list, to choose from.
    Columns,
    /// The formats of files to save, to choose from.
    Save,
    /// The text that was copied last.
    Copied,
}

/// The kind of a page: where it is drawn and what it shows.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Kind {
    /// The list of consents, in the main area.
    List,
    /// Counts from the ledger, in the main area.
    Counts(Subject),
    /// Lines of text, over the whole screen.
    Words,
    /// Lines to choose from, over the whole screen.
    Choices,
}

/// One row of the table of pages.
#[derive(Clone, Copy, Debug)]
struct Line {
    page: Page,
    kind: Kind,
    /// The mode, which decides what keys do on the page.
    mode: Mode,
    /// The command that shows the page, if there is one.
    command: Option<Command>,
    /// The word that a session stores for the page. It is empty if the next session does not restore the page.
    word: &'static str,
    title: &'static str,
    /// The key hints in the title line.
    keys: &'static str,
}

const fn line(
    page: Page,
    (kind, mode): (Kind, Mode),
    command: Option<Command>,
    (word, title, keys): (&'static str, &'static str, &'static str),
) -> Line {
    Line { page, kind, mode, command, word, title, keys }
}

use Command as C;
use Subject as S;

/// The table, in the order of [`Page`].
const PAGES: [Line; 12] = [
    line(Page::Consents, (Kind::List, Mode::List), Some(C::Consents), ("consents", "Consents", "")),
    line(
        Page::Clients,
        (Kind::Counts(S::Clients), Mode::Pivot),
        Some(C::Clients),
        ("clients", "Clients", ""),
    ),
    line(Page::People, (Kind::Counts(S::People), Mode::Pivot), Some(C::People), ("people", "People", "")),
    line(Page::Scopes, (Kind::Counts(S::Scopes), Mode::Pivot), Some(C::Scopes), ("scopes", "Scopes", "")),
    line(Page::Help, (Kind::Words, Mode::Help), Some(C::Help), ("", "Keys", "Esc back")),
    line(
        Page::Readiness,
        (Kind::Words, Mode::Readiness),
        Some(C::Readiness),
        ("readiness", "Readiness", "Esc back"),
    ),
    line(Page::Sources, (Kind::Words, Mode::Sources), Some(C::Sources), ("sources", "Sources", "Esc back")),
    line(
        Page::Marks,
        (Kind::Choices, Mode::Marks),
        Some(C::Marks),
        ("", "Marks", "Enter goes there, Esc back"),
    ),
    line(
        Page::Filters,
        (Kind::Choices, Mode::Filters),
        Some(C::SavedFilters),
        ("", "Saved filters", "Enter applies it, Esc back"),
    ),
    line(Page::Columns, (Kind::Choices, Mode::Columns), Some(C::Columns), ("", "Columns", "Esc back")),
    line(
        Page::Save,
        (Kind::Choices, Mode::Save),
        Some(C::SaveAs),
        ("", "Save", "Enter writes it, Tab other rows, Esc back"),
    ),
    line(Page::Copied, (Kind::Words, Mode::Sources), None, ("", "Copied", "Esc back")),
];

impl Page {
    fn line(self) -> &'static Line {
        &PAGES[self as usize]
    }

    /// Returns the page that a command shows, or `None` if the command shows no page.
    pub(super) fn of(command: Command) -> Option<Self> {
        PAGES.iter().find(|line| line.command == Some(command)).map(|line| line.page)
    }

    /// Returns the page for a word that a session stored, or `None` if the word is empty or unknown.
    pub(super) fn named(word: &str) -> Option<Self> {
        PAGES.iter().find(|line| line.word == word && !word.is_empty()).map(|line| line.page)
    }

    /// Returns whether this is the list of consents.
    pub fn is_list(self) -> bool {
        self.line().kind == Kind::List
    }

    /// Returns the subject that the page counts, or `None` if this is not a pivot page.
    pub fn subject(self) -> Option<Subject> {
        match self.line().kind {
            Kind::Counts(subject) => Some(subject),
            _ => None,
        }
    }

    /// Returns whether the page covers the main area, in place of being drawn in it.
    pub fn lies_over(self) -> bool {
        matches!(self.line().kind, Kind::Words | Kind::Choices)
    }

    /// Returns the mode, which decides what keys do on the page.
    pub(super) fn mode(self) -> Mode {
        self.line().mode
    }

    /// Returns the word that a session stores for the page, or an empty string if the next session does not restore it.
    pub(super) fn word(self) -> &'static str {
        self.line().word
    }

    /// Returns the title of the page.
    pub fn title(self) -> &'static str {
        self.line().title
    }

    /// Returns the key hints in the title line.
    pub fn keys(self) -> &'static str {
        self.line().keys
    }
}

/// The page and filter from which a pivot row was opened. `Esc` restores them.
#[derive(Clone, Debug)]
pub struct CameFrom {
    pub(super) page: Page,
    pub(super) filter: Option<Arc<Query>>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_page_stands_at_its_place_in_the_table() {
        for (place, line) in PAGES.iter().enumerate() {
            assert_eq!(line.page as usize, place, "{:?}", line.page);
            assert_eq!(line.command.map(Page::of), line.command.map(|_| Some(line.page)));
            assert_eq!(Page::named(line.word), (!line.word.is_empty()).then_some(line.page));
        }
        for subject in Subject::ALL {
            assert_eq!(PAGES.iter().filter(|line| line.page.subject() == Some(subject)).count(), 1);
        }
    }
}
