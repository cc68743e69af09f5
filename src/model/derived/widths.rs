//! Computes the widths that the rows on the screen need.
//!
//! Widths are computed for one screenful and do not change while rows arrive, so that columns do not jump. They are
//! computed again for a new size, page, filter, order, zone or mask, once the initial rows were read, and when names
//! that were looked up would be truncated. Only the rows in the window are measured.

use super::cells;
use crate::model::data::fit::View;
use crate::model::{Column, Fit, Loading, Model, Order, OrgSources, Page, RowRef, columns};
use crate::report::{Part, Pulse};

/// Returns the mail domain that more than half of the people with a domain share, if there is one.
fn shared_domain(model: &Model, rows: &[RowRef]) -> Option<String> {
    if model.mask.is_on() {
        return None;
    }
    let symbols = model.rows.symbols();
    let mut domains: Vec<&str> =
        rows.iter().filter_map(|at| cells::domain(symbols, &model.rows.get(*at))).collect();
    domains.sort_unstable();
    let all = domains.len();
    let most = domains.chunk_by(|one, other| one == other).max_by_key(|same| same.len())?;
    (most.len() > 1 && most.len() * 2 > all).then(|| most[0].to_owned())
}

/// The width of an Okta id. Empty lines of the window are assumed to need it in WHO and CLIENT.
const ID: u16 = 20;

/// Measures the rows in the window.
fn settled(model: &Model, view: View) -> Fit {
    let height = usize::from(view.area.1);
    let rows = model.list.window(&model.rows, height).rows;
    let mut fit =
        Fit { domain: shared_domain(model, &rows), is_full: rows.len() == height, view, ..Fit::default() };
    let symbols = model.rows.symbols();
    fit.is_default = !rows.is_empty();
    for at in &rows {
        let row = model.rows.get(*at);
        fit.is_default &= cells::is_default_server(symbols, &row);
        for (place, column) in Column::ALL.into_iter().enumerate() {
            let (whole, short) = cells::needs(model, *at, &row, column, fit.domain());
            fit.needs[place].push(whole);
            fit.short[place] = fit.short[place].max(short);
        }
    }
    for (column, needs) in Column::ALL.into_iter().zip(&mut fit.needs) {
        if matches!(column, Column::State | Column::From | Column::Server)
            && needs.iter().all(|need| *need <= 1)
            && !needs.is_empty()
        {
            fit.empty.push(column);
        }
        if matches!(column, Column::Who | Column::Client) && !needs.is_empty() {
            needs.resize(height.max(needs.len()), ID);
        }
        needs.sort_unstable();
    }
    fit.rows = rows;
    fit
}

fn view(model: &Model) -> View {
    let area = model.regions().list;
    View {
        area: (area.width, area.height),
        filter: model.filter.as_ref().map(|filter| filter.query().text().to_owned()),
        order: model.order.as_ref().map(Order::column),
        is_sorted: model.list.is_sorted(),
        is_newest_first: model.list.is_newest_first(),
        is_masked: model.mask.is_on(),
        zone: model.zone.name.clone(),
        org_width: cells::org_width(model),
    }
}

/// The cause of a change.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::model) enum By {
    /// The user.
    Person,
    /// Names that were looked up.
    Names,
    /// Data that arrived.
    Arrival,
}

/// The state of the screen before a message.
pub(in crate::model) struct Before {
    by: By,
    cursor: Option<RowRef>,
    cut: usize,
    is_reading: bool,
}

impl Before {
    /// Records the state before a message is applied.
    pub(in crate::model) fn of(model: &Model, by: By) -> Self {
        Self {
            by,
            cursor: model.list.cursor(),
            cut: if by == By::Names { cut(model) } else { 0 },
            is_reading: is_reading(model),
        }
    }
}

/// Returns whether the rows that existed at the start are still being read.
fn is_reading(model: &Model) -> bool {
    let is_busy =
        |sources: &OrgSources| matches!(sources.board.get(Part::Poll), Pulse::Starting | Pulse::Catching);
    model.loading != Loading::Done || model.sources.iter().any(is_busy)
}

/// Computes the widths again if a message requires it.
pub(in crate::model) fn after(model: &mut Model, before: &Before) {
    let pages = std::mem::take(&mut model.workspace.has_paged);
    if model.page != Page::Consents {
        return;
    }
    let view = view(model);
    let height = usize::from(view.area.1);
    if height == 0 {
        return;
    }
    let fit = &model.fit;
    let is_due = fit.view != view
        || match before.by {
            By::Person if model.list.cursor() == before.cursor && !pages => false,
            By::Person => {
                let rows = model.list.window(&model.rows, height).rows;
                let is_elsewhere = !rows.iter().any(|row| fit.rows.contains(row));
                is_elsewhere || pages && rows.first() != fit.rows.first()
            }
            By::Names => {
                cut(model) > before.cut
                    || fit.domain.is_none() && {
                        let rows = model.list.window(&model.rows, height).rows;
                        shared_domain(model, &rows).is_some()
                    }
            }
            By::Arrival => {
                let is_read = before.is_reading && !is_reading(model);
                (fit.rows.is_empty() || before.is_reading && !fit.is_full || is_read)
                    && !model.list.is_empty(&model.rows)
            }
        };
    if is_due {
        model.fit = settled(model, view);
    } else if before.by == By::Arrival && model.list.is_following() && model.list.cursor() != before.cursor {
        // New rows replaced the measured ones, and the user has not moved away.
        model.fit.rows = model.list.window(&model.rows, height).rows;
    }
}

/// Returns the number of truncated cells on the screen in WHO, CLIENT, KIND and VIA.
fn cut(model: &Model) -> usize {
    let area = model.regions().list;
    let placed = columns(area.width, &model.shape, &model.fit);
    let width = |column| placed.iter().find(|(placed, ..)| *placed == column).map(|(.., width)| *width);
    let watched =
        [Column::Who, Column::Client, Column::Kind, Column::Via].map(|column| (column, width(column)));
    let rows = model.list.window(&model.rows, usize::from(area.height)).rows;
    let is_cut = |at: RowRef, (column, width): &(Column, Option<u16>)| {
        let need = || cells::needs(model, at, &model.rows.get(at), *column, model.fit.domain()).1;
        width.is_some_and(|width| need() > width)
    };
    rows.into_iter().map(|at| watched.iter().filter(|column| is_cut(at, column)).count()).sum()
}
