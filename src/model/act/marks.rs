//! Marks rows, edits their notes, and moves to marked rows.

use std::collections::HashSet;

use crate::consent::Seq;
use crate::model::{Ask, Effect, Mark, Marks, Model, Notice, Page, Prompt, RowRef};

/// Replaces all marks.
pub(in crate::model) fn take(model: &mut Model, marks: Marks) -> Vec<Effect> {
    *model.rows.marks_mut() = marks;
    changed(model)
}

/// Replaces the mark of one row.
pub(in crate::model) fn put(model: &mut Model, seq: Seq, mark: Option<Mark>) -> Vec<Effect> {
    model.rows.marks_mut().set(seq, mark);
    changed(model)
}

fn changed(model: &mut Model) -> Vec<Effect> {
    let at = model.workspace.at.min(model.rows.ordered_marks().len().saturating_sub(1));
    if model.over == Some(Page::Marks) {
        model.workspace.at = at;
    }
    model.grow_tree(true);
    if model.filter.as_ref().is_some_and(|filter| filter.query().looks_at_marks()) {
        model.list_again();
        return model.open_cursor();
    }
    Vec::new()
}

/// Marks the row under the cursor, or removes its mark.
pub(in crate::model) fn toggle(model: &mut Model) -> Vec<Effect> {
    let Some(seq) = here(model) else { return Vec::new() };
    match model.rows.marks().get(seq) {
        None => vec![Effect::Mark(seq, Some(String::new()))],
        Some(mark) if mark.note.is_empty() => vec![Effect::Mark(seq, None)],
        Some(_) => {
            // A single key must not delete a note.
            let text = "This row has a note. Empty it (m, ^u, Enter) to remove note and mark.".to_owned();
            model.notice = Some(Notice::plain(text));
            Vec::new()
        }
    }
}

/// Opens the prompt for the note of the row under the cursor.
pub(in crate::model) fn note(model: &mut Model) -> Vec<Effect> {
    let Some(seq) = here(model) else { return Vec::new() };
    let text = model.rows.marks().get(seq).map_or("", |mark| &mark.note).to_owned();
    model.prompt = Some(Prompt::new(Ask::Note(seq), &text));
    Vec::new()
}

/// Stores the typed note. An empty note removes the mark too.
pub(in crate::model) fn noted(model: &Model, seq: Seq, text: &str) -> Vec<Effect> {
    let text = text.trim();
    match model.rows.marks().get(seq) {
        None if text.is_empty() => Vec::new(),
        Some(mark) if *mark.note == *text && !text.is_empty() => Vec::new(),
        _ => vec![Effect::Mark(seq, (!text.is_empty()).then(|| text.to_owned()))],
    }
}

/// Moves to the next or previous marked row of the list, and wraps around at the end.
pub(in crate::model) fn next(model: &mut Model, back: bool) -> Vec<Effect> {
    let height = usize::from(model.regions().list.height);
    let marked: HashSet<RowRef> =
        model.rows.marks().iter().filter_map(|(seq, _)| model.rows.find(seq)).collect();
    let is_found =
        !marked.is_empty() && model.list.seek(&model.rows, back, height, |at| marked.contains(&at));
    if !is_found {
        let text = if model.rows.marks().is_empty() {
            "Nothing is marked. space marks a row, m writes a note on it."
        } else {
            "No marked row is listed. The filter hides it, or it is still being read."
        };
        model.notice = Some(Notice::plain(text));
    }
    model.open_cursor()
}

/// Moves to the row selected on the page of marks.
pub(in crate::model) fn choose(model: &mut Model) -> Vec<Effect> {
    let chosen = model.rows.ordered_marks().get(model.workspace.at).map(|(seq, at, _)| (*seq, *at));
    let Some((seq, at)) = chosen else { return Vec::new() };
    model.over = None;
    go_to(model, seq, at)
}

/// Returns the number of the row under the cursor.
fn here(model: &Model) -> Option<Seq> {
    model.list.cursor().map(|at| model.rows.get(at).seq)
}

/// Moves to a row, and clears the filter if it hides the row. A row that is not read yet is moved to once it is.
fn go_to(model: &mut Model, seq: Seq, at: Option<RowRef>) -> Vec<Effect> {
    let Some(at) = at else {
        model.workspace.wanted = Some((seq, 0));
        let text = "This row is still being read. The list will go to it.".to_owned();
        model.notice = Some(Notice::plain(text));
        return Vec::new();
    };
    let mut effects = Vec::new();
    model.page = Page::Consents;
    model.list.go_to(&model.rows, at);
    if model.list.cursor() != Some(at) {
        effects = model.set_filter(None);
        model.list.go_to(&model.rows, at);
        let text = "The filter hid this row, so it was cleared.".to_owned();
        model.notice = Some(Notice::plain(text));
    }
    effects.extend(model.open_cursor());
    effects
}
