//! What the person arranged, and what they left behind the last time.

use super::data::layout::{Rect, contains};
use super::data::prompt::Prompt;
use super::{
    Ask, Effect, Keymap, Model, Notice, Overlay, Query, RowRef, Shape, marks, palette, shape, update,
};
use crate::consent::Seq;

/// What the person arranged.
#[derive(Debug, Default)]
pub struct Desk {
    /// The keys in force.
    pub keymap: Keymap,
    /// The columns as the configuration has them.
    pub columns_from: Shape,
    /// Filters of the configuration, by name.
    pub saved: Vec<Saved>,
    /// Filters that were used, the last one first.
    pub history: Vec<String>,
    /// How far back in them the reader is while typing, and what was typed before he went there.
    back: (usize, String),
    /// What the page of keys is narrowed to.
    pub find: String,
    /// Whether the last line shows no keys.
    pub hides_hints: bool,
    /// Which rows the page of files means.
    pub extent: super::Extent,
    /// Whether the next key says what to copy.
    pub(super) is_copying: bool,
    /// Whether the reader went to another page of the list.
    pub(super) has_paged: bool,
    /// Whether the detail is to be opened as soon as there is a row.
    pub(super) opens: bool,
    /// The reader's line on a page of choices.
    pub at: usize,
    /// Why marks are not kept, if they are not.
    pub fault: Option<String>,
    /// A row to go to as soon as it is read: its number and time.
    pub(super) wanted: Option<(Seq, i64)>,
}

/// A filter with a name.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Saved {
    /// The name.
    pub name: String,
    /// The filter as it was written.
    pub query: String,
}

/// How many choices the page that lies over the list has, or `None` if it has none.
fn choices(model: &Model) -> Option<usize> {
    match model.overlay? {
        Overlay::Marks => Some(model.rows.marks().len()),
        Overlay::Filters => Some(model.desk.saved.len()),
        Overlay::Save => Some(super::Form::ALL.len()),
        Overlay::Columns => Some(model.shape.entries().len()),
        Overlay::Help | Overlay::Readiness | Overlay::Sources | Overlay::Copied => None,
    }
}

/// Columns of the page of columns, which stands beside the list that changes with it.
const BESIDE_WIDTH: u16 = 28;

impl Model {
    /// Where the page of choices stands, its title with it; empty if there is none.
    pub fn choices_page(&self) -> Rect {
        let (width, height) = self.size;
        let Some(count) = choices(self) else { return Rect::default() };
        if self.overlay != Some(Overlay::Columns) {
            return Rect::new(0, 0, width, height);
        }
        let foot = self.regions().foot.height;
        let lines = (count as u16 + 1).min(height.saturating_sub(foot));
        let columns = BESIDE_WIDTH.min(width);
        Rect::new(width - columns, height - foot - lines, columns, lines)
    }
}

/// The first choice that a window of `height` lines shows.
pub fn first_choice(at: usize, count: usize, height: usize) -> usize {
    at.saturating_sub(height / 2).min(count.saturating_sub(height))
}

/// Goes to the choice at a place of the screen; the one where the reader stands already is taken.
pub(super) fn click(model: &mut Model, column: u16, row: u16) -> Vec<Effect> {
    let page = model.choices_page();
    let Some(count) = choices(model).filter(|_| contains(page, column, row) && row > page.y) else {
        return Vec::new();
    };
    // A line at the end of the page of marks tells of those that are elsewhere.
    let last = model.overlay == Some(Overlay::Marks) && model.rows.marks().elsewhere > 0;
    let height = usize::from(page.height.saturating_sub(1 + u16::from(last)));
    let there = first_choice(model.desk.at, count, height) + usize::from(row - page.y - 1);
    if there == model.desk.at {
        return choose(model);
    }
    if there < count {
        model.desk.at = there;
    }
    Vec::new()
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
        Some(Overlay::Save) => super::save::choose(model),
        Some(Overlay::Columns) => shape::change(model, shape::Change::Show),
        Some(Overlay::Filters) => {
            model.overlay = None;
            apply(model, model.desk.at)
        }
        _ => Vec::new(),
    }
}

/// Filters by one that was saved.
pub(super) fn apply(model: &mut Model, index: usize) -> Vec<Effect> {
    let Some(saved) = model.desk.saved.get(index).cloned() else { return Vec::new() };
    match Query::parse(&saved.query, model.now.as_millisecond(), &model.zone.shown) {
        Ok(query) => {
            model.leaf = super::Leaf::Consents;
            let mut effects = update::set_filter(model, (!query.is_empty()).then(|| query.into()));
            effects.extend(remember(model, &saved.query));
            effects
        }
        Err(error) => {
            let text =
                format!("The filter {} cannot be used: {error}.", crate::consent::visible(&saved.name));
            model.notice = Some(Notice { text, is_bad: true });
            Vec::new()
        }
    }
}

/// Remembers a filter that was taken.
fn remember(model: &mut Model, query: &str) -> Vec<Effect> {
    let query = query.trim();
    model.desk.back = (0, String::new());
    if query.is_empty() || model.desk.history.first().is_some_and(|last| last == query) {
        return Vec::new();
    }
    model.desk.history.retain(|other| other != query);
    model.desk.history.insert(0, query.to_owned());
    model.desk.history.truncate(HISTORY_MAX);
    vec![Effect::Remember(query.to_owned())]
}

/// Filters that can be gone back to.
const HISTORY_MAX: usize = 200;

/// Opens one of the lines of this room.
pub(super) fn ask(model: &mut Model, ask: Ask) -> Vec<Effect> {
    let text = if ask == Ask::Key { model.desk.find.clone() } else { String::new() };
    model.desk.at = 0;
    model.prompt = Some(Prompt::new(ask, &text));
    Vec::new()
}

/// A line changed; returns nothing if it is none of this room.
pub(super) fn typed(model: &mut Model) {
    let Some(prompt) = &mut model.prompt else { return };
    prompt.error = None;
    match prompt.ask {
        Ask::Command => model.desk.at = 0,
        Ask::Key => {
            model.desk.find.clone_from(&prompt.text);
            model.overlay_top = 0;
        }
        _ => {}
    }
}

/// A line was taken.
pub(super) fn entered(model: &mut Model, ask: Ask, text: &str) -> Vec<Effect> {
    match ask {
        Ask::Command => palette::run(model),
        Ask::Filter => remember(model, text),
        _ => Vec::new(),
    }
}

/// A line was given up.
pub(super) fn left(model: &mut Model, ask: Ask) {
    model.desk.back = (0, String::new());
    if ask == Ask::Key {
        model.desk.find.clear();
    }
}

/// Goes to the line above or below: in the palette to another choice, in a filter to what was used before. Returns
/// whether the typed text is another one now.
pub(super) fn wander(model: &mut Model, before: bool) -> bool {
    let Some(prompt) = &mut model.prompt else { return false };
    match prompt.ask {
        Ask::Command => {
            let last = palette::choices(model).len().saturating_sub(1);
            let at = model.desk.at;
            model.desk.at = if before { at.saturating_sub(1) } else { (at + 1).min(last) };
            false
        }
        Ask::Filter => {
            let (back, typed) = &mut model.desk.back;
            if *back == 0 {
                typed.clone_from(&prompt.text);
            }
            // What is typed already is no step back.
            let count = model.desk.history.len();
            let mut to = if before { (*back + 1).min(count) } else { back.saturating_sub(1) };
            if before && *back == 0 && model.desk.history.first() == Some(typed) {
                to = 2.min(count);
            }
            *back = to;
            let text = to.checked_sub(1).and_then(|index| model.desk.history.get(index)).unwrap_or(typed);
            *prompt = Prompt { stood: prompt.stood, ..Prompt::new(Ask::Filter, text) };
            true
        }
        _ => false,
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
        // It is gone from the journal; its time is not. A journal that is made anew comes to that time some day.
        let newest = model.rows.order().back().map(|at| model.rows.key(RowRef(*at)).0);
        if newest.is_some_and(|newest| newest >= ms) {
            model.list.go_to_time(&model.rows, ms);
            model.desk.wanted = None;
        }
    }
}
