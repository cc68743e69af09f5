//! What each message does. Routes only: the work is done by what owns the data.

use std::collections::VecDeque;

use super::keys::{self, Chord, Command, Mode};
use super::prompt::{Ask, Edit, Prompt};
use super::{
    Detail, Effect, Filter, Known, Loading, Model, Msg, Notice, Opened, Overlay, Pane, Query, RowRef, desk,
    marks,
};
use crate::consent::{Consent, Page, Seq};

/// Takes in one message and returns what must be done outside.
pub fn update(model: &mut Model, msg: Msg) -> Vec<Effect> {
    match msg {
        Msg::Key(chord) => key(model, chord),
        Msg::Paste(text) => paste(model, &text),
        Msg::Resize(width, height) => resize(model, width, height),
        Msg::Committed(page) => grew(model, &page, true),
        Msg::Older { page, left } => older(model, &page, left),
        Msg::Changed(page) => changed(model, &page),
        Msg::Cut { after, to, kept } => cut(model, after, to, &kept),
        Msg::Board(board) => quietly(|| model.board = *board),
        Msg::Coverage(coverage) => quietly(|| model.coverage = coverage),
        Msg::Record(seq, consent) => record(model, seq, consent),
        Msg::RecordFailed(seq, why) => record_failed(model, seq, why),
        Msg::Day(today) => quietly(|| model.today = today),
        Msg::Notice(text, is_bad) => quietly(|| model.notice = Some(Notice { text, is_bad })),
        Msg::Marks(marks) => marks::take(model, *marks),
        Msg::Marked(seq, mark) => marks::put(model, seq, mark),
        Msg::Work => work(model),
    }
}

/// Does one slice of what takes long.
fn work(model: &mut Model) -> Vec<Effect> {
    let more = model.ledger.work(&model.rows);
    if model.filter.as_ref().is_some_and(|filter| filter.query().looks_at_standing()) {
        list_again(model);
    }
    if more { vec![Effect::Work] } else { Vec::new() }
}

/// Lists what passes the filter now, since what it looks at changed.
pub(super) fn list_again(model: &mut Model) {
    if let Some(filter) = &mut model.filter {
        let ids = filter.list(&Known { rows: &model.rows, ledger: &model.ledger }, None);
        model.list.show(&model.rows, Some(ids));
    }
}

/// Adds the wish for more time to others, if something is behind.
fn and_work(model: &Model, mut effects: Vec<Effect>) -> Vec<Effect> {
    effects.extend(model.ledger.is_behind().then_some(Effect::Work));
    effects
}

fn quietly(change: impl FnOnce()) -> Vec<Effect> {
    change();
    Vec::new()
}

fn resize(model: &mut Model, width: u16, height: u16) -> Vec<Effect> {
    model.size = (width, height);
    // A window that shrinks keeps the reader's line inside it.
    let height = page_height(model);
    if let Some(tree) = model.opened.as_mut().and_then(|opened| opened.tree.as_mut()) {
        tree.step(0, height);
    }
    Vec::new()
}

fn grew(model: &mut Model, page: &Page, live: bool) -> Vec<Effect> {
    let new = model.rows.take(page);
    for at in &new {
        model.ledger.take(&model.rows, *at);
    }
    let shown: Vec<RowRef> = match &mut model.filter {
        None => new,
        Some(filter) => {
            filter.forget(&page.symbols);
            let known = Known { rows: &model.rows, ledger: &model.ledger };
            new.into_iter().filter(|at| filter.shows(&known, *at)).collect()
        }
    };
    model.list.grew(&model.rows, &shown, live);
    if model.loading == Loading::Starting && live {
        model.loading = Loading::Done;
    }
    super::desk::arrived(model);
    let effects = open_cursor(model);
    and_work(model, effects)
}

fn older(model: &mut Model, page: &Page, left: u64) -> Vec<Effect> {
    model.loading = if left == 0 { Loading::Done } else { Loading::Older(left) };
    grew(model, page, false)
}

fn changed(model: &mut Model, page: &Page) -> Vec<Effect> {
    model.rows.take(page);
    for row in &page.rows {
        if let Some(at) = model.rows.find(row.seq) {
            model.ledger.take(&model.rows, at);
        }
    }
    if let Some(filter) = &mut model.filter {
        filter.forget(&page.symbols);
    }
    list_again(model);
    let open = model.opened.as_ref().map(|opened| opened.seq);
    // A name may stand in the open one too.
    let again = open.filter(|open| !page.symbols.is_empty() || page.rows.iter().any(|row| row.seq == *open));
    let effects = again.map(Effect::Read).into_iter().collect();
    and_work(model, effects)
}

fn cut(model: &mut Model, after: Seq, to: Seq, kept: &[Seq]) -> Vec<Effect> {
    // Where the reader stood is asked before the row that says so may go.
    let stood = model.list.cursor().map(|at| model.rows.key(at));
    let gone = model.rows.cut(after, to, kept);
    if gone.is_empty() {
        return Vec::new();
    }
    model.ledger.cut(&gone);
    model.list.cut(&model.rows, stood);
    if model.list.cursor().is_none()
        && let Some(opened) = &mut model.opened
    {
        opened.failure = Some(GONE.to_owned());
    }
    let effects = open_cursor(model);
    and_work(model, effects)
}

const GONE: &str = "This consent is no longer in the journal.";

fn record(model: &mut Model, seq: Seq, consent: Option<Box<Consent>>) -> Vec<Effect> {
    let height = page_height(model);
    if let Some(opened) = model.opened.as_mut().filter(|opened| opened.seq == seq) {
        match consent {
            Some(consent) => {
                let mut tree = Detail::marked(&consent, model.rows.marks().get(seq), opened.tree.as_ref());
                tree.step(0, height);
                opened.tree = Some(tree);
                opened.consent = Some(consent);
                opened.failure = None;
            }
            None => opened.failure = Some(GONE.to_owned()),
        }
    }
    Vec::new()
}

fn record_failed(model: &mut Model, seq: Seq, why: String) -> Vec<Effect> {
    if let Some(opened) = model.opened.as_mut().filter(|opened| opened.seq == seq) {
        opened.failure = Some(why);
    }
    Vec::new()
}

fn key(model: &mut Model, chord: Chord) -> Vec<Effect> {
    model.notice = None;
    if model.prompt.is_some() {
        return type_key(model, chord);
    }
    match keys::command(mode(model), chord) {
        Some(command) => obey(model, command),
        None => Vec::new(),
    }
}

/// Returns where the keys go now.
pub(super) fn mode(model: &Model) -> Mode {
    match (&model.prompt, model.overlay, model.pane) {
        (Some(_), _, _) => Mode::Prompt,
        (None, Some(Overlay::Help), _) => Mode::Help,
        (None, Some(Overlay::Sources), _) => Mode::Sources,
        (None, Some(Overlay::Marks), _) => Mode::Marks,
        (None, None, Pane::List) => Mode::List,
        (None, None, Pane::Detail) => Mode::Detail,
    }
}

fn obey(model: &mut Model, command: Command) -> Vec<Effect> {
    let page = page_height(model) as isize;
    match command {
        Command::Down => step(model, 1),
        Command::Up => step(model, -1),
        Command::PageDown => step(model, page.max(1)),
        Command::PageUp => step(model, -page.max(1)),
        Command::HalfDown => step(model, (page / 2).max(1)),
        Command::HalfUp => step(model, -(page / 2).max(1)),
        Command::First => jump(model, false),
        Command::Last => jump(model, true),
        Command::Follow => follow(model),
        Command::Open => open(model),
        Command::SwitchPane => switch(model),
        Command::Back => back(model),
        Command::Fold => fold(model, true),
        Command::Unfold => fold(model, false),
        Command::Filter => quietly(|| model.prompt = Some(prompt_of(model.filter.as_ref()))),
        Command::Order => quietly(|| model.list.turn(&model.rows)),
        Command::Zone => quietly(|| {
            std::mem::swap(&mut model.zone.shown, &mut model.zone.other);
            std::mem::swap(&mut model.zone.name, &mut model.zone.other_name);
        }),
        Command::Help => turn_overlay(model, Overlay::Help),
        Command::Sources => turn_overlay(model, Overlay::Sources),
        Command::Mark => marks::toggle(model),
        Command::Note => marks::note(model),
        Command::NextMark => marks::next(model, false),
        Command::MarkBefore => marks::next(model, true),
        Command::Marks => desk::turn(model, Overlay::Marks),
        Command::Choose => desk::choose(model),
        Command::PollNow => {
            model.notice = Some(Notice { text: "Asking Okta now.".to_owned(), is_bad: false });
            vec![Effect::PollNow]
        }
        Command::Redraw => vec![Effect::Redraw],
        Command::Suspend => vec![Effect::Suspend],
        Command::Quit => vec![Effect::Quit],
        Command::Interrupt => vec![Effect::Interrupt],
    }
}

fn step(model: &mut Model, lines: isize) -> Vec<Effect> {
    let height = page_height(model);
    if desk::step(model, lines) {
        return Vec::new();
    }
    match (model.overlay, model.pane) {
        (None, Pane::List) => model.list.step(&model.rows, lines, height),
        (None, Pane::Detail) => {
            if let Some(tree) = model.opened.as_mut().and_then(|opened| opened.tree.as_mut()) {
                tree.step(lines, height);
            }
        }
        (Some(_), _) => {
            model.overlay_top = model.overlay_top.saturating_add_signed(lines).min(OVERLAY_LINES_MAX);
        }
    }
    open_cursor(model)
}

/// A page of words has fewer lines than this.
const OVERLAY_LINES_MAX: usize = 400;

fn jump(model: &mut Model, last: bool) -> Vec<Effect> {
    match (model.overlay, model.pane) {
        (None, Pane::List) => model.list.jump(&model.rows, last),
        _ => return step(model, if last { isize::MAX / 2 } else { isize::MIN / 2 }),
    }
    open_cursor(model)
}

fn follow(model: &mut Model) -> Vec<Effect> {
    if model.list.is_following() {
        model.list.hold();
        return Vec::new();
    }
    model.list.resume(&model.rows);
    open_cursor(model)
}

fn open(model: &mut Model) -> Vec<Effect> {
    if model.opened.is_some() {
        model.pane = Pane::Detail;
        return Vec::new();
    }
    let Some(at) = model.list.cursor() else { return Vec::new() };
    let seq = model.rows.get(at).seq;
    model.opened = Some(Opened { seq, consent: None, tree: None, failure: None });
    // Where list and detail do not fit together, opening goes there; else the list keeps the keys.
    if super::layout::place(model.size.0, model.size.1) == super::DetailPlace::Alone {
        model.pane = Pane::Detail;
    }
    vec![Effect::Read(seq)]
}

fn switch(model: &mut Model) -> Vec<Effect> {
    match model.pane {
        Pane::Detail => quietly(|| model.pane = Pane::List),
        Pane::List => open(model),
    }
}

fn back(model: &mut Model) -> Vec<Effect> {
    if model.overlay.take().is_some() {
        return Vec::new();
    }
    match model.pane {
        Pane::Detail => {
            model.pane = Pane::List;
            if super::layout::place(model.size.0, model.size.1) == super::DetailPlace::Alone {
                model.opened = None;
            }
        }
        Pane::List if model.opened.is_some() => model.opened = None,
        Pane::List => return set_filter(model, None),
    }
    Vec::new()
}

fn fold(model: &mut Model, fold: bool) -> Vec<Effect> {
    if let Some(tree) = model.opened.as_mut().and_then(|opened| opened.tree.as_mut()) {
        if fold { tree.fold() } else { tree.unfold() }
    }
    Vec::new()
}

fn turn_overlay(model: &mut Model, overlay: Overlay) -> Vec<Effect> {
    model.overlay = if model.overlay == Some(overlay) { None } else { Some(overlay) };
    model.overlay_top = 0;
    Vec::new()
}

/// An open detail shows the reader's row, whichever that has become.
pub(super) fn open_cursor(model: &mut Model) -> Vec<Effect> {
    let (Some(opened), Some(at)) = (&mut model.opened, model.list.cursor()) else { return Vec::new() };
    let seq = model.rows.get(at).seq;
    if opened.seq == seq {
        return Vec::new();
    }
    opened.seq = seq;
    opened.consent = None;
    opened.failure = None;
    vec![Effect::Read(seq)]
}

/// How many lines a page has where the keys go.
fn page_height(model: &Model) -> usize {
    let regions = model.regions();
    match (model.overlay, model.pane) {
        (None, Pane::List) => usize::from(regions.list.height),
        (None, Pane::Detail) => usize::from(regions.detail.height.saturating_sub(2)),
        (Some(_), _) => usize::from(model.size.1.saturating_sub(2)),
    }
}

fn prompt_of(filter: Option<&Filter>) -> Prompt {
    Prompt::new(Ask::Filter, filter.map_or("", |filter| filter.query().text()))
}

fn type_key(model: &mut Model, chord: Chord) -> Vec<Effect> {
    let Some(prompt) = &mut model.prompt else { return Vec::new() };
    match (prompt.edit(chord), prompt.ask) {
        (Edit::Interrupt, _) => vec![Effect::Interrupt],
        (Edit::Enter, Ask::Filter) => {
            if prompt.error.is_none() {
                model.prompt = None;
            }
            Vec::new()
        }
        (Edit::Esc, Ask::Filter) => {
            model.prompt = None;
            set_filter(model, None)
        }
        (Edit::Text, Ask::Filter) => typed(model),
        (Edit::Enter, Ask::Note(seq)) => {
            let text = std::mem::take(&mut prompt.text);
            model.prompt = None;
            marks::noted(model, seq, &text)
        }
        (Edit::Esc, Ask::Note(_)) => quietly(|| model.prompt = None),
        (Edit::Text, Ask::Note(_)) | (Edit::Cursor | Edit::Before | Edit::After, _) => Vec::new(),
    }
}

fn paste(model: &mut Model, text: &str) -> Vec<Effect> {
    let Some(prompt) = &mut model.prompt else { return Vec::new() };
    prompt.paste(text);
    match prompt.ask {
        Ask::Filter => typed(model),
        Ask::Note(_) => Vec::new(),
    }
}

/// Takes the typed text as the filter if it makes sense; if not, says where, and the last good filter stays.
fn typed(model: &mut Model) -> Vec<Effect> {
    let Some(prompt) = &mut model.prompt else { return Vec::new() };
    let query = Query::parse(&prompt.text, model.today.as_millisecond(), &model.zone.shown);
    match query.map(|query| (query.deep_field(), query)) {
        Ok((Some(field), _)) => {
            let why = format!("{field}: is not on the screen yet; use it with tail --filter");
            prompt.error = Some((0, why));
            Vec::new()
        }
        Ok((None, query)) => {
            prompt.error = None;
            set_filter(model, (!query.is_empty()).then_some(query))
        }
        Err(error) => {
            prompt.error = Some((error.at, error.why));
            Vec::new()
        }
    }
}

/// Hides what does not match; nothing shows all.
pub(super) fn set_filter(model: &mut Model, query: Option<Query>) -> Vec<Effect> {
    let Some(query) = query else {
        model.filter = None;
        model.list.show(&model.rows, None);
        return open_cursor(model);
    };
    // A longer text mostly means fewer of the rows that are listed.
    let is_narrower = model.filter.as_ref().is_some_and(|before| query.narrows(before.query()));
    let mut filter = Filter::new(query);
    let within = model.list.shown().filter(|_| is_narrower);
    let known = Known { rows: &model.rows, ledger: &model.ledger };
    let ids: VecDeque<u32> = filter.list(&known, within);
    model.list.show(&model.rows, Some(ids));
    model.filter = Some(filter);
    open_cursor(model)
}

impl Model {
    /// Where the keys go now.
    pub fn mode(&self) -> Mode {
        mode(self)
    }

    /// Sets the filter that the person gave at the start.
    pub fn filter_by(&mut self, query: Query) {
        // Nothing is open yet, so nothing is asked for.
        drop(set_filter(self, (!query.is_empty()).then_some(query)));
    }
}
