//! The pages of the screen, in one table: what each is called, which command shows it, and which keys it takes.

use std::sync::Arc;

use super::keys::{Command, Mode};
use super::{Query, Subject};

/// The two parts of the screen that keys can go to.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Pane {
    /// The list.
    #[default]
    List,
    /// The tree.
    Detail,
}

/// A page of the screen.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum Page {
    /// Every consent.
    #[default]
    Consents,
    /// Who asked for consent.
    Clients,
    /// Who gave it.
    People,
    /// What for.
    Scopes,
    /// The keys.
    Help,
    /// Whether the org can produce consents.
    Readiness,
    /// The sources.
    Sources,
    /// The marked rows.
    Marks,
    /// The saved filters.
    Filters,
    /// The columns, to be chosen.
    Columns,
    /// The formats of files.
    Save,
    /// A text that was to be copied.
    Copied,
}

/// Where a page stands, and what it is made of.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Kind {
    /// The list itself.
    List,
    /// What the ledger counts, in the place of the list.
    Counts(Subject),
    /// Lines to read, over the whole screen.
    Words,
    /// Lines to choose from, over the whole screen.
    Choices,
}

/// One line of the table.
#[derive(Clone, Copy, Debug)]
struct Line {
    page: Page,
    kind: Kind,
    /// Which keys it takes.
    mode: Mode,
    /// What shows it, if a command does.
    command: Option<Command>,
    /// The word by which a session keeps it; empty if the next screen does not come back to it.
    word: &'static str,
    title: &'static str,
    /// What its title line says of keys.
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
        ("", "Saved filters", "Enter takes it, Esc back"),
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

    /// Returns the page that a command shows, or `None` if it shows none.
    pub(super) fn of(command: Command) -> Option<Self> {
        PAGES.iter().find(|line| line.command == Some(command)).map(|line| line.page)
    }

    /// Returns the page of a word that a session kept.
    pub(super) fn named(word: &str) -> Option<Self> {
        PAGES.iter().find(|line| line.word == word && !word.is_empty()).map(|line| line.page)
    }

    /// Whether it is the list of consents.
    pub fn is_list(self) -> bool {
        self.line().kind == Kind::List
    }

    /// Returns what it counts, or `None` if it is no page of counts.
    pub fn subject(self) -> Option<Subject> {
        match self.line().kind {
            Kind::Counts(subject) => Some(subject),
            _ => None,
        }
    }

    /// Whether it lies over the whole screen, and not in the place of the list.
    pub fn lies_over(self) -> bool {
        matches!(self.line().kind, Kind::Words | Kind::Choices)
    }

    /// Returns which keys it takes.
    pub(super) fn mode(self) -> Mode {
        self.line().mode
    }

    /// Returns the word by which a session keeps it; empty if the next screen does not come back to it.
    pub(super) fn word(self) -> &'static str {
        self.line().word
    }

    /// Returns its title.
    pub fn title(self) -> &'static str {
        self.line().title
    }

    /// Returns what its title line says of keys.
    pub fn keys(self) -> &'static str {
        self.line().keys
    }
}

/// Where a row of a page of counts was opened: what `Esc` goes back to.
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
