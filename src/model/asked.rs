//! The line being typed: a filter, a search, a time to go to.

use super::keys::{Chord, Key};
use super::{Effect, Model, Pane, Query, RowRef, Search};

/// What the line is for.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum Ask {
    /// What does not match is hidden.
    #[default]
    Filter,
    /// What matches is gone to and stands out.
    Search,
    /// A time to go to.
    Time,
}

impl Ask {
    /// Returns the words before the line.
    pub fn words(self) -> &'static str {
        match self {
            Self::Filter => "filter: ",
            Self::Search => "search: ",
            Self::Time => "go to time: ",
        }
    }
}

/// A line being typed.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Prompt {
    /// What it is for.
    pub ask: Ask,
    /// The text so far.
    pub text: String,
    /// The cursor, in characters.
    pub at: usize,
    /// What is wrong with it: the character, and the words.
    pub error: Option<(usize, String)>,
    /// Where the reader stood when it was opened, and whether he followed.
    pub(super) stood: (Option<RowRef>, bool),
}

/// A prompt holds at most this many characters.
const TEXT_MAX: usize = 1000;

/// Opens a line, beginning with what is in force.
pub(super) fn open(model: &mut Model, ask: Ask) -> Vec<Effect> {
    let text = match ask {
        Ask::Filter => model.filter.as_ref().map_or("", |filter| filter.query().text()),
        Ask::Search | Ask::Time => "",
    };
    let (text, stood) = (text.to_owned(), (model.list.cursor(), model.list.is_following()));
    model.prompt = Some(Prompt { ask, at: text.chars().count(), text, error: None, stood });
    Vec::new()
}

/// Takes a key while a line is typed.
pub(super) fn key(model: &mut Model, chord: Chord) -> Vec<Effect> {
    let Some(prompt) = &mut model.prompt else { return Vec::new() };
    match chord {
        Chord { key: Key::Enter, .. } => return enter(model),
        Chord { key: Key::Esc, .. } => return leave(model),
        Chord { key: Key::Char('c'), ctrl: true, .. } => return vec![Effect::Interrupt],
        Chord { key: Key::Char('u'), ctrl: true, .. } => {
            (prompt.text, prompt.at, prompt.error) = (String::new(), 0, None);
        }
        Chord { key: Key::Char('w'), ctrl: true, .. } => prompt.erase_word(),
        Chord { key: Key::Char('a'), ctrl: true, .. } | Chord { key: Key::Home, .. } => prompt.at = 0,
        Chord { key: Key::Char('e'), ctrl: true, .. } | Chord { key: Key::End, .. } => {
            prompt.at = prompt.text.chars().count();
        }
        Chord { key: Key::Char(c), ctrl: false, alt: false, .. } => prompt.insert(&c.to_string()),
        Chord { key: Key::Backspace, .. } => prompt.erase(),
        Chord { key: Key::Delete, .. } => prompt.delete(),
        Chord { key: Key::Left, .. } => prompt.at = prompt.at.saturating_sub(1),
        Chord { key: Key::Right, .. } => prompt.at = (prompt.at + 1).min(prompt.text.chars().count()),
        _ => return Vec::new(),
    }
    typed(model)
}

/// Takes a pasted text into the line, if there is one. A line break in it must not end the line.
pub(super) fn paste(model: &mut Model, text: &str) -> Vec<Effect> {
    let Some(prompt) = &mut model.prompt else { return Vec::new() };
    let line: String = text.chars().take(TEXT_MAX).map(|c| if c.is_control() { ' ' } else { c }).collect();
    prompt.insert(&line);
    typed(model)
}

impl Prompt {
    fn insert(&mut self, text: &str) {
        let room = TEXT_MAX.saturating_sub(self.text.chars().count());
        let text: String = text.chars().take(room).collect();
        self.text.insert_str(self.byte(self.at), &text);
        self.at += text.chars().count();
    }

    fn byte(&self, at: usize) -> usize {
        self.text.char_indices().nth(at).map_or(self.text.len(), |(byte, _)| byte)
    }

    fn erase(&mut self) {
        if let Some(before) = self.at.checked_sub(1) {
            self.at = before;
            self.delete();
        }
    }

    fn delete(&mut self) {
        if self.at < self.text.chars().count() {
            self.text.remove(self.byte(self.at));
        }
    }

    fn erase_word(&mut self) {
        let before: Vec<char> = self.text.chars().take(self.at).collect();
        let word_end = before.iter().rposition(|c| !c.is_whitespace()).map_or(0, |last| last + 1);
        let start = before[..word_end].iter().rposition(|c| c.is_whitespace()).map_or(0, |blank| blank + 1);
        self.text.replace_range(self.byte(start)..self.byte(self.at), "");
        self.at = start;
    }
}

/// Takes the typed text if it makes sense; if not, says where, and what was good last stays.
fn typed(model: &mut Model) -> Vec<Effect> {
    let Some(prompt) = &mut model.prompt else { return Vec::new() };
    match prompt.ask {
        Ask::Filter => filter(model),
        Ask::Search => {
            let (text, stood) = (prompt.text.clone(), prompt.stood);
            search(model, &text, stood)
        }
        Ask::Time => {
            prompt.error = None;
            Vec::new()
        }
    }
}

fn filter(model: &mut Model) -> Vec<Effect> {
    let Some(prompt) = &mut model.prompt else { return Vec::new() };
    let query = Query::parse(&prompt.text, model.now.as_millisecond(), &model.zone.shown);
    match query.map(|query| (query.deep_field(), query)) {
        Ok((Some(field), _)) => {
            let why = format!("{field}: is not on the screen yet; use it with tail --filter");
            prompt.error = Some((0, why));
            Vec::new()
        }
        Ok((None, query)) => {
            prompt.error = None;
            super::update::set_filter(model, (!query.is_empty()).then(|| query.into()))
        }
        Err(error) => {
            prompt.error = Some((error.at, error.why));
            Vec::new()
        }
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
    model.prompt = None;
    Vec::new()
}

/// Gives the line up, and with it what it did.
fn leave(model: &mut Model) -> Vec<Effect> {
    let Some(prompt) = model.prompt.take() else { return Vec::new() };
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
        Ask::Time => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(text: &str, at: usize) -> Prompt {
        Prompt { text: text.to_owned(), at, ..Prompt::default() }
    }

    #[test]
    fn words_and_characters_go_whatever_their_bytes() {
        let mut prompt = typed("who:李明  x", 7);
        prompt.erase();
        assert_eq!((prompt.text.as_str(), prompt.at), ("who:李明 x", 6));
        prompt.erase_word();
        assert_eq!((prompt.text.as_str(), prompt.at), (" x", 0));
        prompt.erase();
        prompt.delete();
        assert_eq!((prompt.text.as_str(), prompt.at), ("x", 0));
        prompt.insert("é");
        assert_eq!((prompt.text.as_str(), prompt.at), ("éx", 1));
        prompt.insert(&"y".repeat(2000));
        assert_eq!(prompt.text.chars().count(), TEXT_MAX);
    }
}
