//! Applies data that arrives, such as rows and the status of the parts, and runs long computations in slices.

use jiff::Timestamp;

use super::{detail, prompt_input};
use crate::consent::{OrgId, Orgs, RowPage, Seq};
use crate::model::{Column, Effect, Known, Loading, Model, Notice, Offline, Pane, Pivot, RowRef};
use crate::report::{Board, Coverage};

/// Stores the orgs. Sorts and filters again what depends on their labels.
pub(in crate::model) fn orgs(model: &mut Model, orgs: Orgs) -> Vec<Effect> {
    if *model.rows.orgs() == orgs {
        return Vec::new();
    }
    model.rows.set_orgs(orgs);
    model.place_org();
    model.pivots.iter_mut().for_each(Pivot::outdate);
    if let Some(order) = model.order.as_mut().filter(|order| order.column() == Column::Org) {
        order.mark_stale();
    }
    model.grow_tree(false);
    let mut effects = Vec::new();
    if model.filter.as_ref().is_some_and(|filter| filter.query().looks_at_orgs()) {
        // The filter is set anew, because rows that it hid may pass now and their full events may have to be read.
        let query = model.filter.take().map(|filter| filter.query_shared());
        effects = model.set_filter(query);
    }
    model.and_work(effects)
}

/// Adds new rows. `live` is `false` for rows older than those already read, which do not count as new to the user.
pub(in crate::model) fn grew(model: &mut Model, page: &RowPage, live: bool) -> Vec<Effect> {
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
                order.mark_stale();
            }
            model.list.grew(&model.rows, &shown, live);
        }
    }
    let known = Known { rows: &model.rows, ledger: &model.ledger };
    if let Some(search) = &mut model.search {
        search.grew(&known, &new, &shown);
    }
    let look_up = model.whole_reads.grew(model.filter.as_mut(), &known, &new).map(Effect::LookUp);
    if model.loading == Loading::Starting && live {
        model.loading = Loading::Done;
    }
    arrived(model);
    let mut effects = model.open_cursor();
    if std::mem::take(&mut model.workspace.opens) && model.opened.is_none() && model.page.is_list() {
        effects.extend(model.open_row());
        model.pane = Pane::List;
    }
    effects.extend(look_up);
    model.and_work(effects)
}

/// Adds older rows. `left` is the number of rows that have not been read yet.
pub(in crate::model) fn older(model: &mut Model, page: &RowPage, left: u64) -> Vec<Effect> {
    model.loading = if left == 0 { Loading::Done } else { Loading::Older(left) };
    grew(model, page, false)
}

/// Adds rows read from files.
pub(in crate::model) fn read_files(model: &mut Model, page: &RowPage, loading: Loading) -> Vec<Effect> {
    model.loading = loading;
    grew(model, page, false)
}

/// Stores the metadata of the files.
pub(in crate::model) fn offline(model: &mut Model, offline: Offline) -> Vec<Effect> {
    if let Some(org) = &offline.org {
        model.origin.org.clone_from(org);
    }
    model.offline = Some(offline);
    Vec::new()
}

/// Applies changed rows and texts. An empty page means that related events arrived, so those of the open row are read.
pub(in crate::model) fn changed(model: &mut Model, page: &RowPage) -> Vec<Effect> {
    if page.rows.is_empty() && page.symbols.is_empty() {
        return detail::read_beside(model);
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
        order.mark_stale();
    }
    model.list_again();
    model.list_matches();
    let open = model.opened.as_ref().map(|opened| opened.seq);
    // The open consent may show a name that changed.
    let again = open.filter(|open| !page.symbols.is_empty() || page.rows.iter().any(|row| row.seq == *open));
    let effects = again.map(Effect::Read).into_iter().collect();
    model.and_work(effects)
}

/// Removes the rows above `after`, up to and including `to`, that are not in `kept`.
pub(in crate::model) fn cut(model: &mut Model, after: Seq, to: Seq, kept: &[Seq]) -> Vec<Effect> {
    // The cursor's key is read first, because its row may be removed.
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
    model.count_matches();
    if model.list.cursor().is_none()
        && let Some(opened) = &mut model.opened
    {
        opened.failure = Some(detail::GONE.to_owned());
    }
    let effects = model.open_cursor();
    model.and_work(effects)
}

/// Applies the result of a look-up, and lists the rows that now pass the filter.
pub(in crate::model) fn looked_up(
    model: &mut Model,
    number: u64,
    found: &[(Seq, u64)],
    looked: usize,
    trouble: Option<String>,
) -> Vec<Effect> {
    let known = Known { rows: &model.rows, ledger: &model.ledger };
    let (passing, next) = model.whole_reads.learn(model.filter.as_mut(), &known, number, found, looked);
    if let Some(text) = trouble {
        model.notice = Some(Notice::bad(text));
    }
    if model.list.is_sorted() {
        if !passing.is_empty() {
            model.list_again();
        }
    } else {
        model.list.grew(&model.rows, &passing, false);
    }
    let known = Known { rows: &model.rows, ledger: &model.ledger };
    if let Some(search) = &mut model.search {
        search.grew(&known, &[], &passing);
    }
    let mut effects = model.open_cursor();
    effects.extend(next.map(Effect::LookUp));
    effects
}

/// Runs one slice of the long computations.
pub(in crate::model) fn work(model: &mut Model) -> Vec<Effect> {
    let asked = prompt_input::catch_up(model);
    let before = model.ledger.changes();
    model.ledger.work(&model.rows);
    let has_moved = model.ledger.changes() != before;
    let looks_at_standing = model.filter.as_ref().is_some_and(|filter| filter.query().looks_at_standing());
    let known = Known { rows: &model.rows, ledger: &model.ledger };
    let is_sorted_anew = match &mut model.order {
        Some(order) if !known.ledger.is_behind() => {
            if has_moved && order.column() == Column::State {
                order.mark_stale();
            }
            order.is_behind() && order.work(&known)
        }
        _ => false,
    };
    if is_sorted_anew || has_moved && looks_at_standing {
        model.list_again();
    }
    if has_moved && !model.ledger.is_behind() {
        model.grow_tree(false);
    }
    model.and_work(asked)
}

/// Sets the current time. Ages and counts over recent periods depend on it.
pub(in crate::model) fn minute(model: &mut Model, now: Timestamp) -> Vec<Effect> {
    model.now = now;
    model.and_work(Vec::new())
}

/// Stores the status of an org's parts, and shows a notice if the org's readiness changed.
pub(in crate::model) fn board(model: &mut Model, org: OrgId, board: Board) -> Vec<Effect> {
    let is_several = model.sources.is_several();
    let Some(sources) = model.sources.of_mut(org) else { return Vec::new() };
    if let (Some(before), Some(now)) = (&sources.board.readiness, &board.readiness)
        && let Some(text) = now.news_since(before)
    {
        let text = if is_several { format!("{}: {text}", sources.known.label()) } else { text };
        model.notice = Some(Notice::plain(text));
    }
    sources.board = board;
    Vec::new()
}

/// Stores what the journal covers of an org.
pub(in crate::model) fn coverage(model: &mut Model, org: OrgId, coverage: Coverage) -> Vec<Effect> {
    if let Some(sources) = model.sources.of_mut(org) {
        sources.coverage = coverage;
    }
    Vec::new()
}

/// Moves to the row that the user left or chose earlier, if it has been read by now.
fn arrived(model: &mut Model) {
    let Some((seq, ms)) = model.workspace.wanted else { return };
    if let Some(at) = model.rows.find(seq) {
        model.list.go_to(&model.rows, at);
        model.workspace.wanted = None;
    } else if model.loading == Loading::Done {
        // The row is no longer in the journal, so its time is used. A new journal may not have reached that time yet.
        let newest = model.rows.order().back().map(|at| model.rows.key(*at).0);
        if newest.is_some_and(|newest| newest >= ms) {
            model.list.go_to_time(&model.rows, ms);
            model.workspace.wanted = None;
        }
    }
}

/// Polls Okta now.
pub(in crate::model) fn poll_now(model: &mut Model) -> Vec<Effect> {
    model.notice = Some(Notice::plain("Asking Okta now."));
    vec![Effect::PollNow]
}
