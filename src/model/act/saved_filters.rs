//! Filters saved in the configuration, and the history of used filters.

use crate::consent::visible;
use crate::model::{Ask, Effect, Model, Notice, Page, Prompt};

/// Applies a saved filter, or shows a notice if it is invalid.
pub(in crate::model) fn apply(model: &mut Model, index: usize) -> Vec<Effect> {
    let Some(saved) = model.workspace.saved.get(index).cloned() else { return Vec::new() };
    match model.parse(&saved.query) {
        Ok(query) => {
            model.page = Page::Consents;
            let mut effects = model.set_filter((!query.is_empty()).then(|| query.into()));
            effects.extend(remember(model, &saved.query));
            effects
        }
        Err(error) => {
            let text = format!("The filter {} cannot be used: {error}.", visible(&saved.name));
            model.notice = Some(Notice::bad(text));
            Vec::new()
        }
    }
}

/// Adds a filter to the history.
pub(in crate::model) fn remember(model: &mut Model, query: &str) -> Vec<Effect> {
    let query = query.trim();
    model.workspace.back = (0, String::new());
    if query.is_empty() || model.workspace.history.first().is_some_and(|last| last == query) {
        return Vec::new();
    }
    model.workspace.history.retain(|other| other != query);
    model.workspace.history.insert(0, query.to_owned());
    model.workspace.history.truncate(HISTORY_MAX);
    vec![Effect::Remember(query.to_owned())]
}

/// The number of filters in the history.
const HISTORY_MAX: usize = 200;

/// Replaces the text of the prompt by an older filter of the history, or by a newer one. The newest is followed by what
/// the user had typed.
pub(in crate::model) fn walk_history(model: &mut Model, before: bool) {
    let Some(prompt) = &mut model.prompt else { return };
    let (back, typed) = &mut model.workspace.back;
    if *back == 0 {
        typed.clone_from(&prompt.text);
    }
    // The newest filter is skipped if the prompt contains it already.
    let count = model.workspace.history.len();
    let mut to = if before { (*back + 1).min(count) } else { back.saturating_sub(1) };
    if before && *back == 0 && model.workspace.history.first() == Some(typed) {
        to = 2.min(count);
    }
    *back = to;
    let text = to.checked_sub(1).and_then(|index| model.workspace.history.get(index)).unwrap_or(typed);
    *prompt = Prompt { stood: prompt.stood, ..Prompt::new(Ask::Filter, text) };
}
