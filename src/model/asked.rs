//! What a typed line does: hides rows, finds some, goes to a time.

use super::data::prompt::{Ask, Edit, Prompt};
use super::keys::Chord;
use super::{Effect, Model, Pane, Query, RowRef, Search, desk, marks};

/// Opens a line, beginning with what is in force.
pub(super) fn open(model: &mut Model, ask: Ask) -> Vec<Effect> {
    let text = match ask {
        Ask::Filter => model.filter.as_ref().map_or("", |filter| filter.query().text()),
        _ => "",
    };
    let (text, stood) = (text.to_owned(), (model.list.cursor(), model.list.is_following()));
    model.prompt = Some(Prompt { stood, ..Prompt::new(ask, &text) });
    Vec::new()
}

/// Takes a key while a line is typed.
pub(super) fn key(model: &mut Model, chord: Chord) -> Vec<Effect> {
    let Some(prompt) = &mut model.prompt else { return Vec::new() };
    match prompt.edit(chord) {
        Edit::Enter => {
            let mut effects = catch_up(model);
            effects.extend(enter(model));
            effects
        }
        Edit::Esc => leave(model),
        Edit::Interrupt => vec![Effect::Interrupt],
        Edit::Text => typed(model),
        edit @ (Edit::Before | Edit::After) => {
            if desk::wander(model, edit == Edit::Before) {
                typed(model)
            } else {
                Vec::new()
            }
        }
        Edit::Cursor => Vec::new(),
    }
}

/// Takes a pasted text into the line, if there is one.
pub(super) fn paste(model: &mut Model, text: &str) -> Vec<Effect> {
    let Some(prompt) = &mut model.prompt else { return Vec::new() };
    prompt.paste(text);
    typed(model)
}

/// Takes the typed text if it makes sense; if not, says where, and what was good last stays.
fn typed(model: &mut Model) -> Vec<Effect> {
    let Some(prompt) = &mut model.prompt else { return Vec::new() };
    match prompt.ask {
        Ask::Filter => {
            check(model);
            vec![Effect::Work]
        }
        Ask::Search => {
            prompt.is_behind = true;
            vec![Effect::Work]
        }
        Ask::Time | Ask::Note(_) | Ask::Command | Ask::Key => {
            desk::typed(model);
            Vec::new()
        }
    }
}

/// Says at once where a filter stops making sense.
fn check(model: &mut Model) {
    let Some(prompt) = &mut model.prompt else { return };
    let read = Query::parse(&prompt.text, model.now.as_millisecond(), &model.zone.shown);
    prompt.is_behind = read.is_ok();
    prompt.error = read.err().map(|error| (error.at, error.why));
}

/// Looks for what was typed, if that was not done yet.
pub(super) fn catch_up(model: &mut Model) -> Vec<Effect> {
    let Some(prompt) = &mut model.prompt else { return Vec::new() };
    if !std::mem::take(&mut prompt.is_behind) {
        return Vec::new();
    }
    let (text, stood) = (prompt.text.clone(), prompt.stood);
    match prompt.ask {
        Ask::Search => search(model, &text, stood),
        Ask::Filter => match Query::parse(&text, model.now.as_millisecond(), &model.zone.shown) {
            Ok(query) => super::update::set_filter(model, (!query.is_empty()).then(|| query.into())),
            // What is wrong was said when it was typed.
            Err(_) => Vec::new(),
        },
        _ => Vec::new(),
    }
}

/// Looks for the text from where the reader stood on, while it is being typed.
fn search(model: &mut Model, text: &str, (stood, followed): (Option<RowRef>, bool)) -> Vec<Effect> {
    model.search = Search::new(text);
    if model.is_on_list() {
        if let Some(stood) = stood {
            model.list.go_to(&model.rows, stood);
        }
        super::search::list_hits(model);
        let is_hit = |at: RowRef| model.search.as_ref().is_some_and(|search| search.is_hit(at));
        if !stood.is_some_and(is_hit) && !super::search::step(model, false) && followed {
            model.list.resume(&model.rows);
        }
    } else {
        super::search::step(model, false);
    }
    super::update::open_cursor(model)
}

fn enter(model: &mut Model) -> Vec<Effect> {
    let Some(prompt) = &mut model.prompt else { return Vec::new() };
    if prompt.error.is_some() {
        return Vec::new();
    }
    let (ask, text) = (prompt.ask, prompt.text.clone());
    if let Ask::Note(seq) = ask {
        model.prompt = None;
        return marks::noted(model, seq, &text);
    }
    if ask == Ask::Time && !text.trim().is_empty() {
        match super::time::read(&text, model) {
            Ok(at_ms) => model.list.go_to_time(&model.rows, at_ms),
            Err(why) => {
                if let Some(prompt) = &mut model.prompt {
                    prompt.error = Some((0, why));
                }
                return Vec::new();
            }
        }
        model.prompt = None;
        return super::update::open_cursor(model);
    }
    if ask != Ask::Command {
        model.prompt = None;
    }
    desk::entered(model, ask, &text)
}

/// Gives the line up, and with it what it did.
fn leave(model: &mut Model) -> Vec<Effect> {
    let Some(prompt) = model.prompt.take() else { return Vec::new() };
    desk::left(model, prompt.ask);
    match prompt.ask {
        Ask::Filter => super::update::set_filter(model, None),
        Ask::Search => {
            model.search = None;
            if model.is_on_list() && model.pane == Pane::List {
                match prompt.stood {
                    (_, true) => model.list.resume(&model.rows),
                    (Some(stood), _) => model.list.go_to(&model.rows, stood),
                    _ => {}
                }
            }
            super::update::open_cursor(model)
        }
        Ask::Time | Ask::Note(_) | Ask::Command | Ask::Key => Vec::new(),
    }
}
