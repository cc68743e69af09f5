//! What the person arranged, and what they left behind the last time.

use super::{Effect, Model, Notice, Overlay, Query, RowRef, marks, shape, update};
use crate::consent::Seq;

/// What the person arranged.
#[derive(Debug, Default)]
pub struct Desk {
    /// The reader's line on a page of choices.
    pub at: usize,
    /// Whether the detail is to be opened as soon as there is a row.
    pub(super) opens: bool,
    /// Whether the next key says what to copy.
    pub(super) is_copying: bool,
    /// What the page of keys shows: what holds this, all if it is empty.
    pub help: String,
    /// Whether the hints on the last line are hidden.
    pub hints_are_hidden: bool,
    /// Filters of the configuration: name and text.
    pub saved: Vec<(String, String)>,
    /// Filters that were used, the newest first.
    pub history: Vec<String>,
    /// Which of them stands in the line being typed, from 1; 0 is what was typed.
    pub(super) recalled: usize,
    /// What was typed before one was recalled.
    pub(super) typed: String,
    /// Why marks are not kept, if they are not.
    pub fault: Option<String>,
    /// A row to go to as soon as it is read: its number and time.
    pub(super) wanted: Option<(Seq, i64)>,
}

/// Filters that are remembered here.
const HISTORY_MAX: usize = 200;

impl Desk {
    /// Returns the filters to choose from: those of the configuration by name, then those that were used.
    pub fn filters(&self) -> impl Iterator<Item = (&str, &str)> {
        let saved = self.saved.iter().map(|(name, text)| (name.as_str(), text.as_str()));
        saved.chain(self.history.iter().map(|text| ("", text.as_str())))
    }

    /// Puts a filter first among those that were used.
    pub(super) fn remember(&mut self, text: &str) {
        self.history.retain(|other| other != text);
        self.history.insert(0, text.to_owned());
        self.history.truncate(HISTORY_MAX);
        self.recalled = 0;
    }

    /// Puts the filter that was used before the one in the line there, or the one after it.
    pub(super) fn recall(&mut self, line: &str, back: bool) -> Option<String> {
        if self.recalled == 0 {
            line.clone_into(&mut self.typed);
        }
        let to = if back { self.recalled + 1 } else { self.recalled.checked_sub(1)? };
        let text = if to == 0 { self.typed.clone() } else { self.history.get(to - 1)?.clone() };
        self.recalled = to;
        Some(text)
    }
}

/// Takes the filter on the reader's line.
fn choose_filter(model: &mut Model) -> Vec<Effect> {
    let Some(text) = model.desk.filters().nth(model.desk.at).map(|(_, text)| text.to_owned()) else {
        return Vec::new();
    };
    match Query::parse(&text, model.now.as_millisecond(), &model.zone.shown) {
        Ok(query) => {
            model.overlay = None;
            model.leaf = super::Leaf::Consents;
            let mut effects = update::set_filter(model, (!query.is_empty()).then(|| query.into()));
            model.desk.remember(&text);
            effects.push(Effect::Remember(text));
            effects
        }
        Err(error) => {
            let text = format!("This filter makes no sense: {error}. It was not taken.");
            model.notice = Some(Notice { text, is_bad: true });
            Vec::new()
        }
    }
}

/// How many choices the page that lies over the list has; nothing if it has none.
fn choices(model: &Model) -> Option<usize> {
    match model.overlay? {
        Overlay::Marks => Some(model.rows.marks().len()),
        Overlay::Columns => Some(model.shape.entries().len()),
        Overlay::Filters => Some(model.desk.filters().count()),
        Overlay::Help | Overlay::Sources | Overlay::Copied => None,
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
        Some(Overlay::Columns) => shape::change(model, shape::Change::Show),
        Some(Overlay::Filters) => choose_filter(model),
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
