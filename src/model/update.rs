//! What each message does. Routes only: the work is done by what owns the data.

use std::sync::Arc;

use super::keys::{Chord, Command, Mode};
use super::{
    Among, Ask, Column, Detail, Effect, Filter, Known, Leaf, Loading, Model, Msg, Notice, Opened, Order,
    Overlay, Pane, Query, RowRef, Subject, asked, copy, desk, fit, looking, marks, mouse, offline, pages,
    place, save, search, shape, strip,
};
use crate::consent::{Beside, Consent, Page, Seq, Untrusted};
use crate::report::Board;

/// Takes in one message and returns what must be done outside.
pub fn update(model: &mut Model, msg: Msg) -> Vec<Effect> {
    let before = fit::Before::of(model, &msg);
    let effects = take(model, msg);
    fit::after(model, &before);
    effects
}

fn take(model: &mut Model, msg: Msg) -> Vec<Effect> {
    match msg {
        Msg::Key(chord) => key(model, chord),
        Msg::Click(column, row) => mouse::click(model, column, row),
        Msg::Wheel { down } => mouse::wheel(model, down),
        Msg::Paste(text) => asked::paste(model, &text),
        Msg::Resize(width, height) => resize(model, width, height),
        Msg::Committed(page) => grew(model, &page, true),
        Msg::Older { page, left } => older(model, &page, left),
        Msg::FromFiles(page, loading) => offline::read(model, &page, loading),
        Msg::Offline(offline) => quietly(|| offline::tell(model, *offline)),
        Msg::Changed(page) => changed(model, &page),
        Msg::Cut { after, to, kept } => cut(model, after, to, &kept),
        Msg::Board(board) => board_of(model, *board),
        Msg::Coverage(coverage) => quietly(|| model.coverage = coverage),
        Msg::Record(seq, consent) => record(model, seq, consent),
        Msg::LookedUp { number, found, looked, trouble } => looked_up(model, number, &found, looked, trouble),
        Msg::Beside(seq, found) => beside(model, seq, found),
        Msg::RecordFailed(seq, why) => record_failed(model, seq, why),
        Msg::Minute(now) => minute(model, now),
        Msg::Sent(bytes) => quietly(|| model.sent = bytes),
        Msg::Notice(text, is_bad) => quietly(|| model.notice = Some(Notice { text, is_bad })),
        Msg::Place(place) => place::restore(model, &place),
        Msg::Saving(done, all) => quietly(|| model.saving = Some((done, all))),
        Msg::Saved(text, is_bad) => quietly(|| {
            model.saving = None;
            model.notice = Some(Notice { text, is_bad });
        }),
        Msg::NotCopied(copied) => copy::failed(model, copied),
        Msg::Marks(marks) => marks::take(model, *marks),
        Msg::Marked(seq, mark) => marks::put(model, seq, mark),
        Msg::Work => work(model),
    }
}

/// Does one slice of what takes long.
fn work(model: &mut Model) -> Vec<Effect> {
    let asked = asked::catch_up(model);
    let before = model.ledger.changes();
    model.ledger.work(&model.rows);
    let has_moved = model.ledger.changes() != before;
    let looks_at_standing = model.filter.as_ref().is_some_and(|filter| filter.query().looks_at_standing());
    let known = Known { rows: &model.rows, ledger: &model.ledger };
    let is_sorted_anew = match &mut model.order {
        Some(order) if !known.ledger.is_behind() => {
            if has_moved && order.column() == Column::State {
                order.is_outdated();
            }
            order.is_behind() && order.work(&known)
        }
        _ => false,
    };
    if is_sorted_anew || has_moved && looks_at_standing {
        list_again(model);
    }
    if has_moved && !model.ledger.is_behind() {
        grow_tree(model, false);
    }
    and_work(model, asked)
}

/// Lists what passes the filter now, in the order that stands now.
pub(super) fn list_again(model: &mut Model) {
    let known = Known { rows: &model.rows, ledger: &model.ledger };
    match (model.order.as_ref().and_then(Order::sorted), &mut model.filter) {
        (None, None) => model.list.show_by_time(&model.rows, None),
        (None, Some(filter)) => {
            let ids = filter.list(&known, Among::All(model.list.take_room()));
            model.list.show_by_time(&model.rows, Some(ids));
        }
        (Some(sorted), filter) => {
            let mut ids = model.list.take_room();
            ids.clear();
            ids.extend(sorted);
            if let Some(filter) = filter {
                ids = filter.list(&known, Among::These(ids));
            }
            model.list.show_sorted(&model.rows, ids);
        }
    }
    search::count(model);
}

/// Adds the wish for more time to others, if something is behind.
fn and_work(model: &mut Model, mut effects: Vec<Effect>) -> Vec<Effect> {
    effects.extend(pages::keep_up(model));
    let order_is = model.order.as_ref().is_some_and(Order::is_behind);
    effects.extend((model.ledger.is_behind() || order_is).then_some(Effect::Work));
    effects.dedup();
    effects
}

/// Ages and counts back from now are of another minute.
fn minute(model: &mut Model, now: jiff::Timestamp) -> Vec<Effect> {
    model.now = now;
    and_work(model, Vec::new())
}

/// Takes in what the parts say; that the org itself changed is told.
fn board_of(model: &mut Model, board: Board) -> Vec<Effect> {
    if let (Some(before), Some(now)) = (&model.board.readiness, &board.readiness)
        && let Some(text) = now.news_since(before)
    {
        model.notice = Some(Notice { text, is_bad: false });
    }
    model.board = board;
    Vec::new()
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

pub(super) fn grew(model: &mut Model, page: &Page, live: bool) -> Vec<Effect> {
    let new = model.rows.take(page);
    for at in &new {
        model.ledger.take(&model.rows, *at);
    }
    let shown: Vec<RowRef> = match &mut model.filter {
        None => new.clone(),
        Some(filter) => {
            filter.forget(&page.symbols);
            let known = Known { rows: &model.rows, ledger: &model.ledger };
            new.iter().copied().filter(|at| filter.shows(&known, *at)).collect()
        }
    };
    let known = Known { rows: &model.rows, ledger: &model.ledger };
    match &mut model.order {
        Some(order) if model.list.is_sorted() => {
            let few = order.grew(&known, &new);
            let shown = if few { shown.as_slice() } else { &[] };
            model.list.grew_sorted(&model.rows, shown, live, |ids, at| order.place(&known, ids, at));
        }
        other => {
            if let Some(order) = other {
                order.is_outdated();
            }
            model.list.grew(&model.rows, &shown, live);
        }
    }
    search::grew(model, &new, &shown);
    let look_up = looking::grew(model, &new);
    if model.loading == Loading::Starting && live {
        model.loading = Loading::Done;
    }
    super::desk::arrived(model);
    let mut effects = open_cursor(model);
    if std::mem::take(&mut model.desk.opens) && model.opened.is_none() && model.leaf == Leaf::Consents {
        effects.extend(open(model));
        model.pane = Pane::List;
    }
    effects.extend(look_up);
    and_work(model, effects)
}

/// Rows were read whole, and some of them pass.
fn looked_up(
    model: &mut Model,
    number: u64,
    found: &[(Seq, u64)],
    looked: usize,
    trouble: Option<String>,
) -> Vec<Effect> {
    let (passing, next) = looking::learn(model, number, found, looked);
    if let Some(text) = trouble {
        model.notice = Some(Notice { text, is_bad: true });
    }
    if model.list.is_sorted() {
        if !passing.is_empty() {
            list_again(model);
        }
    } else {
        model.list.grew(&model.rows, &passing, false);
    }
    search::grew(model, &[], &passing);
    let mut effects = open_cursor(model);
    effects.extend(next);
    effects
}

fn older(model: &mut Model, page: &Page, left: u64) -> Vec<Effect> {
    model.loading = if left == 0 { Loading::Done } else { Loading::Older(left) };
    grew(model, page, false)
}

fn changed(model: &mut Model, page: &Page) -> Vec<Effect> {
    if page.rows.is_empty() && page.symbols.is_empty() {
        return read_beside(model);
    }
    model.rows.take(page);
    for row in &page.rows {
        if let Some(at) = model.rows.find(row.seq) {
            model.ledger.take(&model.rows, at);
        }
    }
    if let Some(filter) = &mut model.filter {
        filter.forget(&page.symbols);
    }
    if let Some(order) = &mut model.order {
        order.is_outdated();
    }
    list_again(model);
    search::list_hits(model);
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
    if let Some(order) = &mut model.order {
        order.cut(&Known { rows: &model.rows, ledger: &model.ledger });
    }
    search::count(model);
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
    let Some(opened) = model.opened.as_mut().filter(|opened| opened.seq == seq) else { return Vec::new() };
    let Some(consent) = consent else {
        opened.failure = Some(GONE.to_owned());
        return Vec::new();
    };
    opened.consent = Some(consent);
    opened.failure = None;
    opened.around.clear();
    grow_tree(model, true);
    read_beside(model)
}

/// Asks for what there is of the open consent's session.
fn read_beside(model: &Model) -> Vec<Effect> {
    let Some(Opened { seq, consent: Some(consent), .. }) = &model.opened else { return Vec::new() };
    let exact = |text: &Option<Untrusted>| text.as_ref().map(|text| text.exact().to_owned());
    let (session, transaction) = (exact(&consent.session_id), exact(&consent.transaction_id));
    vec![Effect::ReadBeside { seq: *seq, session, transaction }]
}

fn beside(model: &mut Model, seq: Seq, beside: Beside) -> Vec<Effect> {
    if let Some(opened) = model.opened.as_mut().filter(|opened| opened.seq == seq) {
        opened.beside = Some(beside);
        grow_tree(model, false);
    }
    Vec::new()
}

/// Grows the tree of the open consent, if what is known around it has changed, or anyway.
pub(super) fn grow_tree(model: &mut Model, anyway: bool) {
    let Some(at) = model.opened.as_ref().and_then(|opened| model.rows.find(opened.seq)) else { return };
    let beside = model.opened.as_mut().and_then(|opened| opened.beside.take());
    let around = super::story::told(model, at, beside.as_ref());
    let height = page_height(model);
    let Some(opened) = &mut model.opened else { return };
    opened.beside = beside;
    if let Some(consent) = &opened.consent
        && (anyway || opened.around != around)
    {
        let mark = model.rows.marks().get(opened.seq);
        let mut tree = Detail::new(consent, mark, &around, &model.mask, opened.tree.as_ref());
        tree.step(0, height);
        opened.tree = Some(tree);
        opened.around = around;
    }
}

/// Asks for what Okta has of the open consent's session.
fn fetch_session(model: &mut Model) -> Vec<Effect> {
    let Some(opened) = model.opened.as_ref().filter(|opened| opened.consent.is_some()) else {
        model.notice = Some(Notice { text: "Open a consent first: Enter.".to_owned(), is_bad: false });
        return Vec::new();
    };
    let seq = opened.seq;
    model.notice =
        Some(Notice { text: "Asking Okta for the events of this session.".to_owned(), is_bad: false });
    vec![Effect::FetchSession(seq)]
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
        return asked::key(model, chord);
    }
    if std::mem::take(&mut model.desk.is_copying)
        && let Some(effects) = copy::key(model, chord)
    {
        return effects;
    }
    match model.desk.keymap.command(mode(model), chord) {
        Some(command) => obey(model, command),
        None => Vec::new(),
    }
}

/// Returns where the keys go now.
pub(super) fn mode(model: &Model) -> Mode {
    if model.prompt.is_some() { Mode::Prompt } else { beneath(model) }
}

/// Returns where they would go if no line were typed.
pub(super) fn beneath(model: &Model) -> Mode {
    match (model.overlay, model.pane) {
        (Some(Overlay::Help), _) => Mode::Help,
        (Some(Overlay::Readiness), _) => Mode::Readiness,
        (Some(Overlay::Sources | Overlay::Copied), _) => Mode::Sources,
        (Some(Overlay::Columns), _) => Mode::Columns,
        (Some(Overlay::Save), _) => Mode::Save,
        (Some(Overlay::Marks), _) => Mode::Marks,
        (Some(Overlay::Filters), _) => Mode::Filters,
        (None, _) if model.leaf != Leaf::Consents => Mode::Pivot,
        (None, Pane::List) => Mode::List,
        (None, Pane::Detail) => Mode::Detail,
    }
}

pub(super) fn obey(model: &mut Model, command: Command) -> Vec<Effect> {
    let page = page_height(model) as isize;
    if MOVES.contains(&command) {
        // Whoever moves has found a place of their own.
        model.desk.wanted = None;
    }
    model.desk.has_paged |= fit::is_page(command);
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
        Command::Filter => asked::open(model, Ask::Filter),
        Command::Search => asked::open(model, Ask::Search),
        Command::SearchNext => search_step(model, false),
        Command::SearchBack => search_step(model, true),
        Command::GoToTime => asked::open(model, Ask::Time),
        Command::Order => turn(model),
        Command::SortColumn => sort_next(model),
        Command::Consents => pages::show(model, Leaf::Consents),
        Command::Clients => pages::show(model, Leaf::Pivot(Subject::Clients)),
        Command::People => pages::show(model, Leaf::Pivot(Subject::People)),
        Command::Scopes => pages::show(model, Leaf::Pivot(Subject::Scopes)),
        Command::Zone => quietly(|| model.zone.turn()),
        Command::Help => turn_overlay(model, Overlay::Help),
        Command::Readiness => turn_overlay(model, Overlay::Readiness),
        Command::Sources => turn_overlay(model, Overlay::Sources),
        Command::Strip => strip::turn(model),
        Command::ZoomIn => strip::zoom(model, true),
        Command::ZoomOut => strip::zoom(model, false),
        Command::BucketNext => strip::jump(model, false),
        Command::BucketBack => strip::jump(model, true),
        Command::Mask => quietly(|| {
            model.mask.turn();
            grow_tree(model, true);
        }),
        Command::FetchSession => fetch_session(model),
        Command::Mark => marks::toggle(model),
        Command::Note => marks::note(model),
        Command::NextMark => marks::next(model, false),
        Command::MarkBefore => marks::next(model, true),
        Command::Marks => desk::turn(model, Overlay::Marks),
        Command::Choose => desk::choose(model),
        Command::Palette => desk::ask(model, Ask::Command),
        Command::FindKey => desk::ask(model, Ask::Key),
        Command::SavedFilters => desk::turn(model, Overlay::Filters),
        Command::Hints => quietly(|| model.desk.hides_hints = !model.desk.hides_hints),
        Command::Columns => desk::turn(model, Overlay::Columns),
        Command::ColumnLeft => shape::change(model, shape::Change::Left),
        Command::ColumnRight => shape::change(model, shape::Change::Right),
        Command::Wider => shape::change(model, shape::Change::Wider),
        Command::Narrower => shape::change(model, shape::Change::Narrower),
        Command::ColumnsReset => shape::change(model, shape::Change::Reset),
        Command::FreeWidth => shape::change(model, shape::Change::Free),
        Command::Copy => copy::ask(model),
        Command::Save => save::quick(model),
        Command::SaveAs => desk::turn(model, Overlay::Save),
        Command::Extent => save::turn(model),
        Command::PollNow => {
            model.notice = Some(Notice { text: "Asking Okta now.".to_owned(), is_bad: false });
            vec![Effect::PollNow]
        }
        Command::Redraw => vec![Effect::Redraw],
        Command::Suspend => vec![Effect::Suspend],
        Command::Quit => save::quit(model),
        Command::Interrupt => vec![Effect::Interrupt],
    }
}

/// What takes the reader elsewhere in the list.
const MOVES: [Command; 11] = [
    Command::Down,
    Command::Up,
    Command::PageDown,
    Command::PageUp,
    Command::HalfDown,
    Command::HalfUp,
    Command::First,
    Command::Last,
    Command::Follow,
    Command::NextMark,
    Command::MarkBefore,
];

pub(super) fn step(model: &mut Model, lines: isize) -> Vec<Effect> {
    let height = page_height(model);
    if desk::step(model, lines) {
        return Vec::new();
    }
    if let (None, Some(pivot)) = (model.overlay, pivot(model)) {
        pivot.step(lines, height);
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
        (None, Pane::List) if model.leaf == Leaf::Consents => model.list.jump(&model.rows, last),
        _ => return step(model, if last { isize::MAX / 2 } else { isize::MIN / 2 }),
    }
    open_cursor(model)
}

/// The pivot page that is shown.
fn pivot(model: &mut Model) -> Option<&mut super::Pivot> {
    model.leaf.subject().map(|subject| &mut model.pivots[subject as usize])
}

fn search_step(model: &mut Model, back: bool) -> Vec<Effect> {
    let text = match &model.search {
        Some(search) => search.text().to_owned(),
        None => return asked::open(model, Ask::Search),
    };
    if !search::step(model, back) {
        model.notice = Some(Notice {
            text: format!("Nothing here holds \"{}\".", crate::consent::visible(&text)),
            is_bad: false,
        });
    }
    open_cursor(model)
}

fn turn(model: &mut Model) -> Vec<Effect> {
    match pivot(model) {
        Some(pivot) => pivot.turn(),
        None => model.list.turn(&model.rows),
    }
    and_work(model, Vec::new())
}

/// Sorts by the next column; after the last the order is that of time again.
fn sort_next(model: &mut Model) -> Vec<Effect> {
    if let Some(pivot) = pivot(model) {
        pivot.sort_next();
        return and_work(model, Vec::new());
    }
    let column = model.order.as_ref().map_or(Column::Time, Order::column).next_sort();
    sort_by(model, column)
}

fn sort_by(model: &mut Model, column: Column) -> Vec<Effect> {
    let known = Known { rows: &model.rows, ledger: &model.ledger };
    model.order = (column != Column::Time).then(|| Order::new(column, &known));
    if model.order.is_none() {
        list_again(model);
    }
    and_work(model, Vec::new())
}

fn follow(model: &mut Model) -> Vec<Effect> {
    if model.order.take().is_some() {
        // Only in the order of time is there an end to follow.
        list_again(model);
        model.list.resume(&model.rows);
        return open_cursor(model);
    }
    if model.list.is_following() {
        model.list.hold();
        return Vec::new();
    }
    model.list.resume(&model.rows);
    open_cursor(model)
}

pub(super) fn open(model: &mut Model) -> Vec<Effect> {
    if model.leaf != Leaf::Consents {
        return pages::enter(model);
    }
    if model.opened.is_some() {
        model.pane = Pane::Detail;
        return Vec::new();
    }
    let Some(at) = model.list.cursor() else { return Vec::new() };
    let seq = model.rows.get(at).seq;
    model.opened =
        Some(Opened { seq, consent: None, beside: None, around: Vec::new(), tree: None, failure: None });
    // Where list and detail do not fit together, opening goes there; else the list keeps the keys.
    if super::data::layout::place(model.size.0, model.size.1) == super::DetailPlace::Alone {
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
    if model.leaf != Leaf::Consents {
        return pages::show(model, Leaf::Consents);
    }
    match model.pane {
        Pane::Detail => {
            model.pane = Pane::List;
            if super::data::layout::place(model.size.0, model.size.1) == super::DetailPlace::Alone {
                model.opened = None;
            }
        }
        Pane::List if model.opened.is_some() => model.opened = None,
        Pane::List => return back_from_list(model),
    }
    Vec::new()
}

/// One step at a time: what is searched for, the pivot row that was opened, the filter.
fn back_from_list(model: &mut Model) -> Vec<Effect> {
    if model.search.take().is_some() {
        return Vec::new();
    }
    match pages::back(model) {
        Some(effects) => effects,
        None => set_filter(model, None),
    }
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
    model.desk.find.clear();
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
    opened.beside = None;
    opened.failure = None;
    vec![Effect::Read(seq)]
}

/// How many lines a page has where the keys go.
pub(super) fn page_height(model: &Model) -> usize {
    let regions = model.regions();
    match (model.overlay, model.pane) {
        (None, Pane::List) => usize::from(regions.list.height),
        (None, Pane::Detail) => usize::from(regions.detail.height.saturating_sub(2)),
        (Some(_), _) => usize::from(model.size.1.saturating_sub(2)),
    }
}

/// Hides what does not match; nothing shows all.
pub(super) fn set_filter(model: &mut Model, query: Option<Arc<Query>>) -> Vec<Effect> {
    // A longer text mostly means fewer of the rows that are listed.
    let is_narrower = match (&model.filter, &query) {
        (Some(before), Some(query)) => query.narrows(before.query()),
        _ => false,
    };
    let mut filter = query.map(Filter::new);
    let within = if is_narrower { model.list.take_shown(&model.rows) } else { None };
    let is_narrower = within.is_some();
    if let (Some(within), Some(filter)) = (within, &mut filter) {
        let known = Known { rows: &model.rows, ledger: &model.ledger };
        let ids = filter.list(&known, Among::These(within));
        model.list.show(&model.rows, Some(ids));
        search::count(model);
    }
    model.filter = filter;
    let look_up = looking::begin(model);
    if !is_narrower {
        list_again(model);
    }
    let mut effects = open_cursor(model);
    effects.extend(look_up);
    effects
}

impl Model {
    /// Where the keys go now.
    pub fn mode(&self) -> Mode {
        mode(self)
    }

    /// Sets the filter that the person gave at the start.
    pub fn filter_by(&mut self, query: Query) {
        // Nothing is open yet and no row is there, so nothing is asked for.
        drop(set_filter(self, (!query.is_empty()).then(|| query.into())));
    }
}
