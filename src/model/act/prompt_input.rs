//! Handles the keys of a prompt: filter, search, time, note, command, or text to find on the help page.

use super::{marks, palette, saved_filters, search};
use crate::model::data::prompt::Edit;
use crate::model::query::time;
use crate::model::{Ask, Chord, Command, Effect, Model, Pane, RowRef, Search};

/// Opens the filter prompt with the current filter in it.
pub(in crate::model) fn filter(model: &mut Model) -> Vec<Effect> {
    let text = model.filter.as_ref().map_or("", |filter| filter.query().text()).to_owned();
    model.open_prompt(Ask::Filter, &text)
}

/// Opens the command palette.
pub(in crate::model) fn command(model: &mut Model) -> Vec<Effect> {
    model.workspace.at = 0;
    model.open_prompt(Ask::Command, "")
}

/// Opens the prompt that filters the help page.
pub(in crate::model) fn find_key(model: &mut Model) -> Vec<Effect> {
    model.workspace.at = 0;
    let text = model.workspace.find.clone();
    model.open_prompt(Ask::Key, &text)
}

/// Handles a key while a prompt is open. Returns effects, and the command to run if one was chosen.
pub(in crate::model) fn key(model: &mut Model, chord: Chord) -> (Vec<Effect>, Option<Command>) {
    let Some(prompt) = &mut model.prompt else { return (Vec::new(), None) };
    let effects = match prompt.edit(chord) {
        Edit::Enter => {
            let mut effects = catch_up(model);
            let (more, command) = enter(model);
            effects.extend(more);
            return (effects, command);
        }
        Edit::Esc => leave(model),
        Edit::Interrupt => vec![Effect::Interrupt],
        Edit::Text => typed(model),
        edit @ (Edit::Before | Edit::After) => history_or_choice(model, edit == Edit::Before),
        Edit::Cursor => Vec::new(),
    };
    (effects, None)
}

/// Moves the selection of the palette, or walks through the history of filters.
fn history_or_choice(model: &mut Model, before: bool) -> Vec<Effect> {
    match model.prompt.as_ref().map(|prompt| prompt.ask) {
        Some(Ask::Command) => {
            palette::step(model, before);
            Vec::new()
        }
        Some(Ask::Filter) => {
            saved_filters::walk_history(model, before);
            typed(model)
        }
        _ => Vec::new(),
    }
}

/// Inserts pasted text into the prompt, if one is open.
pub(in crate::model) fn paste(model: &mut Model, text: &str) -> Vec<Effect> {
    let Some(prompt) = &mut model.prompt else { return Vec::new() };
    prompt.paste(text);
    typed(model)
}

/// Handles a change of the text. A filter with an error is not applied, so the last valid one stays.
fn typed(model: &mut Model) -> Vec<Effect> {
    let Some(prompt) = &mut model.prompt else { return Vec::new() };
    match prompt.ask {
        Ask::Filter => {
            check(model);
            return vec![Effect::Work];
        }
        Ask::Search => {
            prompt.is_behind = true;
            return vec![Effect::Work];
        }
        Ask::Time | Ask::Note(_) => prompt.error = None,
        Ask::Command => {
            prompt.error = None;
            model.workspace.at = 0;
        }
        Ask::Key => {
            prompt.error = None;
            model.workspace.find.clone_from(&prompt.text);
            model.over_top = 0;
        }
    }
    Vec::new()
}

/// Parses the typed filter and shows any error in the prompt.
fn check(model: &mut Model) {
    let Some(prompt) = &model.prompt else { return };
    let read = model.parse(&prompt.text);
    if let Some(prompt) = &mut model.prompt {
        prompt.is_behind = read.is_ok();
        prompt.error = read.err().map(|error| (error.at, error.why));
    }
}

/// Applies the typed search or filter, if that has not been done since the text changed.
pub(in crate::model) fn catch_up(model: &mut Model) -> Vec<Effect> {
    let Some(prompt) = &mut model.prompt else { return Vec::new() };
    if !std::mem::take(&mut prompt.is_behind) {
        return Vec::new();
    }
    let (ask, text, stood) = (prompt.ask, prompt.text.clone(), prompt.stood);
    match ask {
        Ask::Search => search_from(model, &text, stood),
        Ask::Filter => match model.parse(&text) {
            Ok(query) => model.set_filter((!query.is_empty()).then(|| query.into())),
            // The error is shown in the prompt already.
            Err(_) => Vec::new(),
        },
        _ => Vec::new(),
    }
}

/// Searches for the text typed so far, starting where the cursor was when the prompt was opened.
fn search_from(model: &mut Model, text: &str, (stood, followed): (Option<RowRef>, bool)) -> Vec<Effect> {
    model.search = Search::new(text);
    if model.is_on_list() {
        if let Some(stood) = stood {
            model.list.go_to(&model.rows, stood);
        }
        model.list_matches();
        let is_hit = |at: RowRef| model.search.as_ref().is_some_and(|search| search.is_hit(at));
        if !stood.is_some_and(is_hit) && !search::step(model, false) && followed {
            model.list.resume(&model.rows);
        }
    } else {
        search::step(model, false);
    }
    model.open_cursor()
}

fn enter(model: &mut Model) -> (Vec<Effect>, Option<Command>) {
    let Some(prompt) = &model.prompt else { return (Vec::new(), None) };
    if prompt.error.is_some() {
        return (Vec::new(), None);
    }
    let (ask, text) = (prompt.ask, prompt.text.clone());
    let effects = match ask {
        Ask::Command => return palette::choose(model),
        Ask::Time if !text.trim().is_empty() => go_to_time(model, &text),
        Ask::Note(seq) => {
            model.prompt = None;
            marks::noted(model, seq, &text)
        }
        Ask::Filter => {
            model.prompt = None;
            saved_filters::remember(model, &text)
        }
        Ask::Search | Ask::Time | Ask::Key => {
            model.prompt = None;
            Vec::new()
        }
    };
    (effects, None)
}

/// Moves to the typed time, or shows an error in the prompt.
fn go_to_time(model: &mut Model, text: &str) -> Vec<Effect> {
    let here_ms = model.list.cursor().map(|at| model.rows.key(at).0);
    match time::read(text, model.now, &model.zone, here_ms) {
        Ok(at_ms) => {
            model.list.go_to_time(&model.rows, at_ms);
            model.prompt = None;
            model.open_cursor()
        }
        Err(why) => {
            if let Some(prompt) = &mut model.prompt {
                prompt.error = Some((0, why));
            }
            Vec::new()
        }
    }
}

/// Closes the prompt and reverts what it did. For a filter, removes the filter.
fn leave(model: &mut Model) -> Vec<Effect> {
    let Some(prompt) = model.prompt.take() else { return Vec::new() };
    model.workspace.back = (0, String::new());
    match prompt.ask {
        Ask::Filter => model.set_filter(None),
        Ask::Search => {
            model.search = None;
            if model.is_on_list() && model.pane == Pane::List {
                match prompt.stood {
                    (_, true) => model.list.resume(&model.rows),
                    (Some(stood), _) => model.list.go_to(&model.rows, stood),
                    _ => {}
                }
            }
            model.open_cursor()
        }
        Ask::Key => {
            model.workspace.find.clear();
            Vec::new()
        }
        Ask::Time | Ask::Note(_) | Ask::Command => Vec::new(),
    }
}
