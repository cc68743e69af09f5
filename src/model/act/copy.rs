//! Copies a part of a consent: its line, a name, the raw event or a node of the tree.

use crate::consent::{Person, visible};
use crate::model::{Chord, Copied, Effect, Key, Model, Notice, Page, Pane};

/// Asks for the key that selects what to copy.
pub(in crate::model) fn ask(model: &mut Model) -> Vec<Effect> {
    if model.list.cursor().is_some() {
        model.workspace.is_copying = true;
        let text = "Copy: y line, u uuid, w who, c client, s scopes, j JSON, n this node; v shows the last copied text";
        model.notice = Some(Notice::plain(text));
    }
    Vec::new()
}

/// Handles the key that selects what to copy. Returns `None` if the key is an ordinary command, such as `^c`.
pub(in crate::model) fn key(model: &mut Model, chord: Chord) -> Option<Vec<Effect>> {
    match chord {
        Chord { key: Key::Char(c), ctrl: false, alt: false, .. } => Some(copy(model, c)),
        // Esc only cancels the question.
        Chord { key: Key::Esc, .. } => Some(Vec::new()),
        _ => None,
    }
}

fn copy(model: &mut Model, c: char) -> Vec<Effect> {
    if c == 'v' {
        return show_last(model);
    }
    let found = match c {
        'y' => line(model).map(|text| ("the line", text)),
        'w' => who(model).map(|text| ("who", text)),
        'c' => name(model, 'c').map(|text| ("the client", text)),
        's' => name(model, 's').map(|text| ("the scopes", text)),
        'u' => opened(model, |consent| consent.uuid.as_ref().map(|uuid| uuid.exact().to_owned()))
            .map(|text| ("the uuid", text)),
        'j' => opened(model, |consent| Some(consent.raw.to_string())).map(|text| ("the event", text)),
        'n' => node(model).map(|text| ("the node", text)),
        _ => return Vec::new(),
    };
    let Some((what, text)) = found.filter(|(_, text)| !text.is_empty()) else {
        let text = match c {
            'u' | 'j' | 'n' => "Nothing to copy: open the consent first (Enter).",
            _ => "There is nothing to copy.",
        };
        model.notice = Some(Notice::plain(text));
        return Vec::new();
    };
    let text = model.mask.text(&text).into_owned();
    model.copied = Some(Copied { what: what.to_owned(), text: text.clone(), why: String::new() });
    vec![Effect::Copy { what: what.to_owned(), text }]
}

/// Shows a text that could not be copied.
pub(in crate::model) fn failed(model: &mut Model, copied: Copied) -> Vec<Effect> {
    model.copied = Some(copied);
    show_last(model)
}

fn show_last(model: &mut Model) -> Vec<Effect> {
    if model.copied.is_some() {
        model.over = Some(Page::Copied);
        model.over_top = 0;
    }
    Vec::new()
}

/// Applies `tell` to the open consent, or returns `None` if the row under the cursor is not open.
fn opened(model: &Model, tell: impl Fn(&crate::consent::Consent) -> Option<String>) -> Option<String> {
    let opened = model.opened.as_ref()?;
    let here = model.rows.get(model.list.cursor()?).seq;
    opened.consent.as_ref().filter(|_| opened.seq == here).and_then(|consent| tell(consent))
}

fn node(model: &Model) -> Option<String> {
    let tree = model.opened.as_ref().filter(|_| model.pane == Pane::Detail)?.tree.as_ref()?;
    let node = tree.visible().nth(tree.cursor())?;
    Some(if node.value.is_empty() { node.label.clone() } else { node.value.clone() })
}

fn who(model: &Model) -> Option<String> {
    let row = model.rows.get(model.list.cursor()?);
    if model.mask.is_on() {
        return model.mask.person(model.rows.symbols(), row.who);
    }
    let field = |index| model.rows.symbols().field(row.who, index);
    Person::shown(field(0), field(1), field(2)).map(|name| visible(name).into_owned())
}

fn name(model: &Model, of: char) -> Option<String> {
    let row = model.rows.get(model.list.cursor()?);
    let symbols = model.rows.symbols();
    let fields = |sym| -> Vec<String> {
        symbols
            .fields(sym)
            .filter(|field| !field.is_empty())
            .map(|field| visible(field).into_owned())
            .collect()
    };
    Some(match of {
        // Other tools need the id, which is the first field.
        'c' => fields(row.client).into_iter().next()?,
        _ => fields(row.scopes).join(" "),
    })
}

/// Returns the row as text, with tabs between the columns.
fn line(model: &Model) -> Option<String> {
    let at = model.list.cursor()?;
    let row = model.rows.get(at);
    let time = jiff::Timestamp::from_millisecond(row.published_ms).ok().filter(|_| row.published_ms != 0);
    let symbols = model.rows.symbols();
    let from: Vec<_> =
        symbols.fields(row.from).take(3).filter(|field| !field.is_empty()).map(visible).collect();
    let orgs = model.rows.orgs();
    let org = orgs.is_several().then(|| visible(orgs.label(row.org)).into_owned());
    let parts = [
        row.kind.word().to_owned(),
        who(model).unwrap_or_else(|| "unknown".to_owned()),
        name(model, 'c').unwrap_or_else(|| "unknown".to_owned()),
        visible(symbols.field(row.server, 0)).into_owned(),
        name(model, 's').unwrap_or_default(),
        model.ledger.standing(at).word().to_owned(),
        from.join(" "),
    ];
    let time = time.map_or("no time".to_owned(), |time| time.to_string());
    let all: Vec<String> = std::iter::once(time).chain(org).chain(parts).collect();
    Some(all.join("\t"))
}
