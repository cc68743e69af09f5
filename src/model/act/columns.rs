//! Changes the list's columns.

use crate::model::data::shape::Change;
use crate::model::{Effect, Model, columns};

/// Applies a change to the selected column.
pub(in crate::model) fn change(model: &mut Model, change: Change) -> Vec<Effect> {
    let room = model.regions().list.width;
    let placed = columns(room, &model.shape, &model.fit);
    let entries = model.shape.entries();
    let at = model.workspace.at.min(entries.len().saturating_sub(1));
    let Some(entry) = entries.get(at) else { return Vec::new() };
    let drawn = placed.iter().find(|(column, ..)| *column == entry.column).map(|(.., width)| *width);
    let to = model.shape.change(at, change, drawn);
    if to != at {
        model.workspace.at = to;
    }
    Vec::new()
}

/// Resets the columns to the configuration.
pub(in crate::model) fn reset(model: &mut Model) -> Vec<Effect> {
    model.shape.clone_from(&model.workspace.columns_from);
    Vec::new()
}
