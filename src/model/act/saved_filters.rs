//! Filters that were saved in the configuration, and those that were used.

use crate::consent::visible;
use crate::model::{Ask, Effect, Model, Notice, Page, Prompt};

/// Filters by one that was saved.
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
            model.notice = Some(Notice { text, is_bad: true });
            Vec::new()
        }
    }
}

/// Remembers a filter that was taken.
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

/// Filters that can be gone back to.
const HISTORY_MAX: usize = 200;

/// Puts the filter into the line that was used before, or the one after it; what was typed comes after the last.
pub(in crate::model) fn walk_history(model: &mut Model, before: bool) {
    let Some(prompt) = &mut model.prompt else { return };
    let (back, typed) = &mut model.workspace.back;
    if *back == 0 {
        typed.clone_from(&prompt.text);
    }
    // What is typed already is no step back.
    let count = model.workspace.history.len();
    let mut to = if before { (*back + 1).min(count) } else { back.saturating_sub(1) };
    if before && *back == 0 && model.workspace.history.first() == Some(typed) {
        to = 2.min(count);
    }
    *back = to;
    let text = to.checked_sub(1).and_then(|index| model.workspace.history.get(index)).unwrap_or(typed);
    *prompt = Prompt { stood: prompt.stood, ..Prompt::new(Ask::Filter, text) };
}
