//! Starts writing files, and cancels it.

use crate::consent::{ExportFormat, Seq};
use crate::model::{Effect, Extent, Model, Notice, Page, RowRef, SaveOrder};

/// Returns the number of rows that `extent` selects.
pub fn count(model: &Model, extent: Extent) -> usize {
    match extent {
        Extent::Listed => model.list.len(&model.rows),
        Extent::All => model.rows.len(),
        Extent::Marked => {
            model.rows.marks().iter().filter(|(seq, _)| model.rows.find(*seq).is_some()).count()
        }
        Extent::This => usize::from(model.list.cursor().is_some()),
    }
}

/// Returns an order to save the rows that `extent` selects now, sorted by time.
pub fn order(model: &Model, format: ExportFormat, extent: Extent) -> SaveOrder {
    let seq = |at: &RowRef| model.rows.get(*at).seq;
    let mut seqs: Vec<(i64, Seq)> = Vec::new();
    let mut add = |at: RowRef| seqs.push((model.rows.key(at).0, model.rows.get(at).seq));
    match extent {
        Extent::Listed | Extent::All => {
            let shown = model.list.shown().filter(|_| extent == Extent::Listed);
            let ids = shown.unwrap_or_else(|| model.rows.order());
            if !model.list.is_sorted() || shown.is_none() {
                return finish(model, format, extent, ids.iter().map(seq).collect());
            }
            for at in ids {
                add(*at);
            }
        }
        Extent::Marked => {
            for at in model.rows.marks().iter().filter_map(|(seq, _)| model.rows.find(seq)) {
                add(at);
            }
        }
        Extent::This => {
            if let Some(at) = model.list.cursor() {
                add(at);
            }
        }
    }
    seqs.sort_unstable();
    finish(model, format, extent, seqs.into_iter().map(|(_, seq)| seq).collect())
}

fn finish(model: &Model, format: ExportFormat, extent: Extent, seqs: Vec<Seq>) -> SaveOrder {
    let notes = model.rows.marks().iter().filter(|(_, mark)| !mark.note.is_empty());
    let notes = notes.map(|(seq, mark)| (seq, mark.note.to_string())).collect();
    let filter = model.filter.as_ref().filter(|_| extent == Extent::Listed);
    SaveOrder { format, extent, seqs, notes, filter: filter.map(|filter| filter.query().text().to_owned()) }
}

/// Saves a snapshot of the listed rows, or cancels the save in progress.
pub(in crate::model) fn quick(model: &mut Model) -> Vec<Effect> {
    if model.saving.is_some() {
        return vec![Effect::StopSave];
    }
    save(model, ExportFormat::Snapshot, Extent::Listed)
}

/// Saves in the format selected on the save page.
pub(in crate::model) fn choose(model: &mut Model) -> Vec<Effect> {
    let format = ExportFormat::ALL.get(model.workspace.at).copied().unwrap_or_default();
    let extent = model.workspace.extent;
    model.over = None;
    save(model, format, extent)
}

fn save(model: &mut Model, format: ExportFormat, extent: Extent) -> Vec<Effect> {
    let text = if model.saving.is_some() {
        "A file is being written; s stops it.".to_owned()
    } else if count(model, extent) == 0 {
        format!("There are no rows to save ({}).", extent.word())
    } else {
        model.saving = Some((0, count(model, extent)));
        return vec![Effect::Save(order(model, format, extent))];
    };
    model.notice = Some(Notice::plain(text));
    Vec::new()
}

/// Quits, or shows a notice instead while a file is being written.
pub(in crate::model) fn quit(model: &mut Model) -> Vec<Effect> {
    if model.saving.is_none() {
        return vec![Effect::Quit];
    }
    let text = "A file is being written. s stops it; ^c quits and leaves no part of it.";
    model.notice = Some(Notice::plain(text));
    Vec::new()
}

/// Selects the next choice of rows to save.
pub(in crate::model) fn turn(model: &mut Model) -> Vec<Effect> {
    if model.over == Some(Page::Save) {
        model.workspace.extent = model.workspace.extent.next();
    }
    Vec::new()
}

/// Ends the save and shows its outcome.
pub(in crate::model) fn done(model: &mut Model, outcome: Notice) -> Vec<Effect> {
    model.saving = None;
    model.notice = Some(outcome);
    Vec::new()
}
