//! The arrangement of the list's columns: which are shown, in which order, and the widths set by the user.

use super::Column;

/// The arrangement of the list's columns.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Shape {
    entries: Vec<Entry>,
}

/// The settings of one column.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Entry {
    /// The column.
    pub column: Column,
    /// Whether the column is shown if there is room.
    pub is_shown: bool,
    /// The width set by the user, if any.
    pub width: Option<u16>,
}

/// The widths that a user can set.
const WIDTHS: std::ops::RangeInclusive<u16> = 4..=120;
/// The width from which a change starts if the column is not on the screen.
const START: u16 = 16;

impl Default for Shape {
    fn default() -> Self {
        let columns = Column::ALL.into_iter().filter(|column| *column != Column::Org);
        let entry = |column| Entry { column, is_shown: column != Column::Age, width: None };
        Self { entries: columns.map(entry).collect() }
    }
}

impl Shape {
    /// Returns an arrangement that shows these columns in this order, and hides the others.
    ///
    /// # Errors
    /// Fails if a name is unknown, or if there are no names.
    pub fn of_names(names: &[String]) -> Result<Self, String> {
        let known = || Column::ALL.map(Column::name).join(" ");
        let mut entries: Vec<Entry> = Vec::new();
        for name in names {
            let column = Column::named(name)
                .ok_or_else(|| format!("there is no column \"{name}\"; the columns are {}", known()))?;
            if !entries.iter().any(|entry| entry.column == column) {
                entries.push(Entry { column, is_shown: true, width: None });
            }
        }
        if !entries.iter().any(|entry| shows_one_org(*entry)) {
            return Err(format!("at least one column is needed; the columns are {}", known()));
        }
        Ok(Self { entries }.whole())
    }

    /// Adds missing columns as hidden, except for the org, which only a list of several orgs has.
    fn whole(mut self) -> Self {
        for column in Column::ALL.into_iter().filter(|column| *column != Column::Org) {
            if !self.has(column) {
                self.entries.push(Entry { column, is_shown: false, width: None });
            }
        }
        self
    }

    fn has(&self, column: Column) -> bool {
        self.entries.iter().any(|entry| entry.column == column)
    }

    /// Adds the org beside the time and shows it, unless the arrangement has that column: a list of columns that was
    /// written for one org must not hide where a row belongs.
    #[must_use]
    pub(in crate::model) fn with_org(mut self) -> Self {
        if !self.has(Column::Org) {
            let time = self.entries.iter().position(|entry| entry.column == Column::Time);
            let place = time.map_or(0, |time| time + 1);
            self.entries.insert(place, Entry { column: Column::Org, is_shown: true, width: None });
        }
        self
    }

    /// Returns every column, left to right.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Returns the arrangement as text for [`Shape::read`].
    pub fn words(&self) -> String {
        let word = |entry: &Entry| {
            let width = entry.width.map_or(String::new(), |width| format!(":{width}"));
            format!("{}{}{width}", if entry.is_shown { "" } else { "-" }, entry.column.name())
        };
        self.entries.iter().map(word).collect::<Vec<_>>().join(" ")
    }

    /// Parses the text from [`Shape::words`]. Ignores invalid words, and returns `None` if no column would be shown.
    pub fn read(words: &str) -> Option<Self> {
        let mut entries: Vec<Entry> = Vec::new();
        for word in words.split(' ').take(64) {
            let (name, width) = word.split_once(':').unwrap_or((word, ""));
            let (is_shown, name) = name.strip_prefix('-').map_or((true, name), |name| (false, name));
            let Some(column) = Column::named(name) else { continue };
            if !entries.iter().any(|entry| entry.column == column) {
                let width = width.parse().ok().filter(|width| WIDTHS.contains(width));
                entries.push(Entry { column, is_shown, width });
            }
        }
        entries.iter().any(|entry| shows_one_org(*entry)).then(|| Self { entries }.whole())
    }

    /// Changes the column at index `at`, and returns its new index. `drawn` is its width on the screen, if it is shown.
    pub(in crate::model) fn change(&mut self, at: usize, change: Change, drawn: Option<u16>) -> usize {
        let entries = &mut self.entries;
        let shown = entries.iter().filter(|entry| shows_one_org(**entry)).count();
        let Some(entry) = entries.get_mut(at) else { return at };
        let width = entry.width.or(drawn).unwrap_or(START);
        let fitting = |width: u16| Some(width.clamp(*WIDTHS.start(), *WIDTHS.end()));
        match change {
            // The last shown column cannot be hidden, because a list needs a column.
            Change::Show => entry.is_shown = !entry.is_shown || shown == 1 && shows_one_org(*entry),
            Change::Wider => entry.width = fitting(width + 1),
            Change::Narrower => entry.width = fitting(width - 1),
            Change::Free => entry.width = None,
            Change::Left | Change::Right => {
                let to = if change == Change::Left { at.checked_sub(1) } else { Some(at + 1) };
                if let Some(to) = to.filter(|to| *to < entries.len()) {
                    entries.swap(at, to);
                    return to;
                }
            }
        }
        at
    }
}

/// Returns whether a column is shown even if there is only one org.
fn shows_one_org(entry: Entry) -> bool {
    entry.is_shown && entry.column != Column::Org
}

/// A change to a column.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::model) enum Change {
    Show,
    Left,
    Right,
    Wider,
    Narrower,
    Free,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shape_is_read_as_it_was_written() {
        let names: Vec<String> = ["who", "time", "scopes", "who"].map(str::to_owned).to_vec();
        let mut shape = Shape::of_names(&names).unwrap();
        shape.entries[2].width = Some(40);
        assert!(shape.words().starts_with("who time scopes:40 -age"), "{}", shape.words());
        assert_eq!(Shape::read(&shape.words()), Some(shape));
        assert_eq!(Shape::read(&Shape::default().words()), Some(Shape::default()));
    }

    #[test]
    fn the_org_is_shown_beside_the_time_unless_it_has_a_place() {
        let with_org = |text: &str| Shape::read(text).expect("a shape").with_org().words();
        assert!(!Shape::default().words().contains("org"));
        assert!(Shape::default().with_org().words().starts_with("time org -age kind"));
        assert!(with_org("kind time:12 who").starts_with("kind time:12 org who -age"));
        assert!(with_org("who -time").starts_with("who -time org -age"));
        assert!(with_org("-org time who").starts_with("-org time who -age"));
        assert!(with_org("time who org:9").starts_with("time who org:9 -age"));
    }

    #[test]
    fn the_org_alone_is_no_list() {
        assert_eq!(Shape::read("org -time"), None);
        assert!(Shape::of_names(&["org".to_owned()]).is_err());
        let mut shape = Shape::read("time org").expect("a shape");
        shape.change(0, Change::Show, None);
        assert!(shape.words().starts_with("time org"), "the only other column stays");
        shape.change(1, Change::Show, None);
        assert!(shape.words().starts_with("time -org"));
        shape.change(1, Change::Show, None);
        assert!(shape.words().starts_with("time org"));
    }

    #[test]
    fn what_makes_no_sense_is_left_away() {
        assert_eq!(Shape::read(""), None);
        assert_eq!(Shape::read("-time -who"), None);
        let shape = Shape::read("time:99999 nonsense:3 kind:x time").unwrap();
        assert_eq!(shape.entries[..2].iter().map(|entry| entry.width).collect::<Vec<_>>(), [None, None]);
        assert_eq!(shape.entries.len(), Column::ALL.len() - 1, "all but the org");
        assert!(Shape::of_names(&["nonsense".to_owned()]).is_err());
        assert!(Shape::of_names(&[]).is_err());
    }
}
