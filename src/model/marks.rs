//! Which rows are marked, and what was written to them.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::data::prompt::{Ask, Prompt};
use super::{Effect, Model, Notice, Overlay, RowRef, update};
use crate::consent::Seq;

/// A mark on a row.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Mark {
    /// When it was made, or its note written last.
    pub at: Timestamp,
    /// What was written; empty if nothing was. As hostile as any text, since it may have been pasted.
    pub note: Box<str>,
}

/// The marks of all rows, whether the rows were read yet or not.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Marks {
    by_seq: BTreeMap<Seq, Mark>,
    /// Marks on events that this journal does not hold.
    pub elsewhere: usize,
}

impl Marks {
    /// Takes marks by the number of their row.
    pub fn new(marks: impl IntoIterator<Item = (Seq, Mark)>, elsewhere: usize) -> Self {
        Self { by_seq: marks.into_iter().collect(), elsewhere }
    }

    /// Returns the mark of a row.
    pub fn get(&self, seq: Seq) -> Option<&Mark> {
        self.by_seq.get(&seq)
    }

    /// Returns all, by number.
    pub fn iter(&self) -> impl Iterator<Item = (Seq, &Mark)> {
        self.by_seq.iter().map(|(seq, mark)| (*seq, mark))
    }

    /// How many rows are marked.
    pub fn len(&self) -> usize {
        self.by_seq.len()
    }

    /// Whether none is.
    pub fn is_empty(&self) -> bool {
        self.by_seq.is_empty()
    }

    fn set(&mut self, seq: Seq, mark: Option<Mark>) {
        match mark {
            Some(mark) => self.by_seq.insert(seq, mark),
            None => self.by_seq.remove(&seq),
        };
    }
}

/// Takes all marks anew.
pub(super) fn take(model: &mut Model, marks: Marks) -> Vec<Effect> {
    *model.rows.marks_mut() = marks;
    changed(model)
}

/// Takes what became of one.
pub(super) fn put(model: &mut Model, seq: Seq, mark: Option<Mark>) -> Vec<Effect> {
    model.rows.marks_mut().set(seq, mark);
    changed(model)
}

fn changed(model: &mut Model) -> Vec<Effect> {
    let at = model.desk.at.min(ordered(model).len().saturating_sub(1));
    if model.overlay == Some(Overlay::Marks) {
        model.desk.at = at;
    }
    update::grow_tree(model, true);
    if model.filter.as_ref().is_some_and(|filter| filter.query().looks_at_marks()) {
        update::list_again(model);
        return update::open_cursor(model);
    }
    Vec::new()
}

/// Marks the reader's row, or takes the mark away.
pub(super) fn toggle(model: &mut Model) -> Vec<Effect> {
    let Some(seq) = here(model) else { return Vec::new() };
    match model.rows.marks().get(seq) {
        None => vec![Effect::Mark(seq, Some(String::new()))],
        Some(mark) if mark.note.is_empty() => vec![Effect::Mark(seq, None)],
        Some(_) => {
            // A note is not lost by one key.
            let text = "This row has a note. Empty it (m, ^u, Enter) to take note and mark away.".to_owned();
            model.notice = Some(Notice { text, is_bad: false });
            Vec::new()
        }
    }
}

/// Opens the line for the note of the reader's row.
pub(super) fn note(model: &mut Model) -> Vec<Effect> {
    let Some(seq) = here(model) else { return Vec::new() };
    let text = model.rows.marks().get(seq).map_or("", |mark| &mark.note).to_owned();
    model.prompt = Some(Prompt::new(Ask::Note(seq), &text));
    Vec::new()
}

/// Takes the typed note; an empty one takes the mark away with it.
pub(super) fn noted(model: &Model, seq: Seq, text: &str) -> Vec<Effect> {
    let text = text.trim();
    match model.rows.marks().get(seq) {
        None if text.is_empty() => Vec::new(),
        Some(mark) if *mark.note == *text && !text.is_empty() => Vec::new(),
        _ => vec![Effect::Mark(seq, (!text.is_empty()).then(|| text.to_owned()))],
    }
}

/// Goes to the next marked row of the list, below or above, round the end.
pub(super) fn next(model: &mut Model, back: bool) -> Vec<Effect> {
    let height = usize::from(model.regions().list.height);
    let marked: std::collections::HashSet<RowRef> =
        model.rows.marks().iter().filter_map(|(seq, _)| model.rows.find(seq)).collect();
    let is_found =
        !marked.is_empty() && model.list.seek(&model.rows, back, height, |at| marked.contains(&at));
    if !is_found {
        let text = if model.rows.marks().is_empty() {
            "Nothing is marked. space marks a row, m writes a note to it."
        } else {
            "No marked row is listed. The filter hides it, or it is still being read."
        };
        model.notice = Some(Notice { text: text.to_owned(), is_bad: false });
    }
    update::open_cursor(model)
}

/// The marks as their page lists them: the newest event first, those whose rows were not read yet last.
pub fn ordered(model: &Model) -> Vec<(Seq, Option<RowRef>, &Mark)> {
    let mut all: Vec<_> =
        model.rows.marks().iter().map(|(seq, mark)| (seq, model.rows.find(seq), mark)).collect();
    all.sort_by_key(|(seq, at, _)| std::cmp::Reverse(at.map_or((0, seq.0 as u32), |at| model.rows.key(at))));
    all
}

/// Goes to the row of the reader's line on the page of marks.
pub(super) fn choose(model: &mut Model) -> Vec<Effect> {
    let chosen = ordered(model).get(model.desk.at).map(|(seq, at, _)| (*seq, *at));
    let Some((seq, at)) = chosen else { return Vec::new() };
    model.overlay = None;
    super::desk::go_to(model, seq, at)
}

/// The number of the reader's row.
fn here(model: &Model) -> Option<Seq> {
    model.list.cursor().map(|at| model.rows.get(at).seq)
}
