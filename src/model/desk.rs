//! What the person arranged, and what they left behind the last time.

use super::{Effect, Model, Notice, Overlay, RowRef, marks, update};
use crate::consent::Seq;

/// What the person arranged.
#[derive(Debug, Default)]
pub struct Desk {
    /// The reader's line on a page of choices.
    pub at: usize,
    /// Why marks are not kept, if they are not.
    pub fault: Option<String>,
    /// A row to go to as soon as it is read: its number and time.
    pub(super) wanted: Option<(Seq, i64)>,
}

/// How many choices the page that lies over the list has; nothing if it has none.
fn choices(model: &Model) -> Option<usize> {
    match model.overlay? {
        Overlay::Marks => Some(model.rows.marks().len()),
        Overlay::Help | Overlay::Sources => None,
    }
}

/// Moves the reader among the choices and says whether there are any.
pub(super) fn step(model: &mut Model, lines: isize) -> bool {
    let Some(count) = choices(model) else { return false };
    model.desk.at = model.desk.at.saturating_add_signed(lines).min(count.saturating_sub(1));
    true
}

/// Opens a page of choices, or closes it.
pub(super) fn turn(model: &mut Model, overlay: Overlay) -> Vec<Effect> {
    model.overlay = if model.overlay == Some(overlay) { None } else { Some(overlay) };
    (model.desk.at, model.overlay_top) = (0, 0);
    Vec::new()
}

/// Takes the choice on the reader's line.
pub(super) fn choose(model: &mut Model) -> Vec<Effect> {
    match model.overlay {
        Some(Overlay::Marks) => marks::choose(model),
        _ => Vec::new(),
    }
}

/// Goes to a row, whatever hides it; to one that is still to be read as soon as it is.
pub(super) fn go_to(model: &mut Model, seq: Seq, at: Option<RowRef>) -> Vec<Effect> {
    let Some(at) = at else {
        model.desk.wanted = Some((seq, 0));
        let text = "This row is still being read; the list goes there then.".to_owned();
        model.notice = Some(Notice { text, is_bad: false });
        return Vec::new();
    };
    let mut effects = Vec::new();
    model.leaf = super::Leaf::Consents;
    model.list.go_to(&model.rows, at);
    if model.list.cursor() != Some(at) {
        effects = update::set_filter(model, None);
        model.list.go_to(&model.rows, at);
        let text = "The filter hid this row, so it was cleared.".to_owned();
        model.notice = Some(Notice { text, is_bad: false });
    }
    effects.extend(update::open_cursor(model));
    effects
}

/// Rows were read: goes to the one that is waited for, if it is among them.
pub(super) fn arrived(model: &mut Model) {
    let Some((seq, ms)) = model.desk.wanted else { return };
    if let Some(at) = model.rows.find(seq) {
        model.list.go_to(&model.rows, at);
        model.desk.wanted = None;
    } else if model.loading == super::Loading::Done {
        // It is gone from the journal; its time is not.
        if ms != 0 {
            model.list.go_to_time(&model.rows, ms);
        }
        model.desk.wanted = None;
    }
}
