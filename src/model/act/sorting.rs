//! Sorts the list or a pivot page, and reverses its order.

use crate::model::{Column, Effect, Known, Model, Order};

/// Reverses the order of the list or the pivot page.
pub(in crate::model) fn turn(model: &mut Model) -> Vec<Effect> {
    match model.pivot() {
        Some(pivot) => pivot.turn(),
        None => model.list.turn(&model.rows),
    }
    model.and_work(Vec::new())
}

/// Sorts by the next column. After the last column, sorts by time again.
pub(in crate::model) fn sort_next(model: &mut Model) -> Vec<Effect> {
    let is_several = model.rows.orgs().is_several();
    if let Some(pivot) = model.pivot() {
        pivot.sort_next(is_several);
        return model.and_work(Vec::new());
    }
    let column = model.order.as_ref().map_or(Column::Time, Order::column).next_sort(is_several);
    sort_by(model, column)
}

fn sort_by(model: &mut Model, column: Column) -> Vec<Effect> {
    let known = Known { rows: &model.rows, ledger: &model.ledger };
    model.order = (column != Column::Time).then(|| Order::new(column, &known));
    if model.order.is_none() {
        model.list_again();
    }
    model.and_work(Vec::new())
}
