//! What the rows on the screen need of each column.
//!
//! It is computed for one screenful and does not change while rows arrive, so that columns do not jump. It is
//! computed again for a new size, page, filter, order, zone or mask, at the end of the first reading, and
//! when names that were looked up would be cut. Only the rows of the window are measured.

use super::cells;
use super::{Column, Command, Leaf, Loading, Model, Msg, RowRef, Shape};
use crate::report::{Part, Pulse};

/// What the rows of a screenful need.
#[derive(Clone, Debug, Default)]
pub struct Fit {
    /// For each column, by its place in [`Column::ALL`], the columns that its cells need, rising; and with short words.
    needs: [Vec<u16>; Column::ALL.len()],
    short: [u16; Column::ALL.len()],
    /// Left out of WHO and said in its heading, with its `@`; as it came.
    domain: Option<String>,
    /// Whether every row is of the default server.
    is_default: bool,
    /// Columns of which no row says anything.
    empty: Vec<Column>,
    /// The rows that it was settled for, or that took their places since.
    rows: Vec<RowRef>,
    /// Whether they filled the window.
    is_full: bool,
    view: View,
}

/// What a person may change that settles widths anew.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
struct View {
    area: (u16, u16),
    filter: Option<String>,
    order: Option<Column>,
    is_sorted: bool,
    is_newest_first: bool,
    is_masked: bool,
    zone: String,
}

/// An id of Okta's. As long as a window is not full, its free lines are taken to need this for who and client.
const ID: u16 = 20;

impl Fit {
    /// The mail domain of most people on the screen, with its `@`: the heading of WHO says it, and its cells do not.
    /// Not yet made visible.
    pub fn domain(&self) -> Option<&str> {
        self.domain.as_deref()
    }

    /// Whether the column of servers is left out since every row is of the default one. A width that the person has set
    /// keeps it.
    pub fn folds_server(&self, shape: &Shape) -> bool {
        let is_free =
            |entry: &super::Entry| entry.column == Column::Server && entry.is_shown && entry.width.is_none();
        self.is_default && shape.entries().iter().any(is_free)
    }

    /// Whether no row needs a column.
    pub(super) fn folds(&self, column: Column) -> bool {
        self.empty.contains(&column) || column == Column::Server && self.is_default
    }

    /// The columns that the cells of a column need, rising; nothing while there are no rows.
    pub(super) fn needs(&self, column: Column) -> &[u16] {
        &self.needs[index(column)]
    }

    /// The columns that its widest cell needs if it has short words, or `None` while there are no rows.
    pub(super) fn short(&self, column: Column) -> Option<u16> {
        (!self.needs(column).is_empty()).then_some(self.short[index(column)])
    }

    /// What rows need that nobody has.
    #[cfg(test)]
    pub(super) fn of(needs: &[Vec<u16>], is_default: bool) -> Self {
        let mut fit = Self { is_default, ..Self::default() };
        for (place, needs) in needs.iter().enumerate() {
            fit.needs[place].clone_from(needs);
            fit.needs[place].sort_unstable();
            fit.short[place] = needs.iter().copied().max().unwrap_or(0);
        }
        fit
    }

    /// Measures the rows of the window.
    fn settled(model: &Model, view: View) -> Self {
        let height = usize::from(view.area.1);
        let rows = model.list.window(&model.rows, height).rows;
        let mut fit = Self {
            domain: shared_domain(model, &rows),
            is_full: rows.len() == height,
            view,
            ..Self::default()
        };
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
}

fn index(column: Column) -> usize {
    column as usize
}

/// The mail domain of more than half of those who have one.
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

impl View {
    fn of(model: &Model) -> Self {
        let area = model.regions().list;
        Self {
            area: (area.width, area.height),
            filter: model.filter.as_ref().map(|filter| filter.query().text().to_owned()),
            order: model.order.as_ref().map(super::Order::column),
            is_sorted: model.list.is_sorted(),
            is_newest_first: model.list.is_newest_first(),
            is_masked: model.mask.is_on(),
            zone: model.zone.name.clone(),
        }
    }
}

/// Who changes something.
#[derive(Clone, Copy, PartialEq, Eq)]
enum By {
    /// The person.
    Person,
    /// Names that were looked up.
    Names,
    /// Whatever arrives.
    Arrival,
}

/// How the screen stood before a message.
pub(super) struct Before {
    by: By,
    cursor: Option<RowRef>,
    cut: usize,
    is_reading: bool,
}

impl Before {
    /// Looks at what must be known before a message is taken in.
    pub(super) fn of(model: &Model, msg: &Msg) -> Self {
        let by = match msg {
            Msg::Key(_)
            | Msg::Click(..)
            | Msg::Wheel { .. }
            | Msg::Paste(_)
            | Msg::Resize(..)
            | Msg::Place(_) => By::Person,
            Msg::Changed(_) => By::Names,
            _ => By::Arrival,
        };
        Self {
            by,
            cursor: model.list.cursor(),
            cut: if by == By::Names { cut(model) } else { 0 },
            is_reading: is_reading(model),
        }
    }
}

/// Whether what there was at the start is still being read.
fn is_reading(model: &Model) -> bool {
    model.loading != Loading::Done || matches!(model.board.get(Part::Poll), Pulse::Starting | Pulse::Catching)
}

/// Settles the widths anew if a message calls for it.
pub(super) fn after(model: &mut Model, before: &Before) {
    let pages = std::mem::take(&mut model.desk.has_paged);
    if model.leaf != Leaf::Consents {
        return;
    }
    let view = View::of(model);
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
        model.fit = Fit::settled(model, view);
    } else if before.by == By::Arrival && model.list.is_following() && model.list.cursor() != before.cursor {
        // What took the place of the rows that were measured; the reader has not left them.
        model.fit.rows = model.list.window(&model.rows, height).rows;
    }
}

/// How many cells on the screen are cut that should not be: of who, client and the columns of single words.
fn cut(model: &Model) -> usize {
    let area = model.regions().list;
    let placed = super::columns(area.width, &model.shape, &model.fit);
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

/// Whether a command takes the reader to another page.
pub(super) fn is_page(command: Command) -> bool {
    matches!(
        command,
        Command::PageDown
            | Command::PageUp
            | Command::HalfDown
            | Command::HalfUp
            | Command::First
            | Command::Last
            | Command::Follow
            | Command::SearchNext
            | Command::SearchBack
            | Command::NextMark
            | Command::MarkBefore
    )
}
