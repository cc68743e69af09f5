//! Hides secrets in events before anything is stored or shown.
//!
//! Okta documents event fields whose values are credentials: client secrets, codes, `state`, tokens (Okta: event types,
//! `OAuth2PlatformResourceDetails` and `OAuth2DebugData`), and real events show tokens in URLs. [`event`] replaces each
//! such value by `‹hidden, 22 characters›` and leaves every other byte of the text as it was: the order of keys, the
//! spelling of numbers, white space. It hides:
//!
//! * the value of a key that names a secret (the list is in `secret_names.rs`), anywhere in the event, also in JSON inside a
//!   string or in percent-encoding;
//! * in a text of several words, the value after a name that always names a secret, such as `client_secret=`;
//! * in URLs, user names with passwords, and all values of query and fragment parameters except for a few that describe
//!   the request;
//! * the id of a target whose type is `code` or `interaction_code`.
//!
//! Empty values, `null`, Boolean values and values of only stars are kept, since they contain no secret. Hiding twice
//! has no further effect. Most events cost one pass over their bytes, and a check of the strings with something
//! suspect, such as a URL with a query.

mod byte_set;
mod edit;
mod encoding;
mod loose;
mod record;
mod scan;
mod secret_names;
mod strings;
#[cfg(test)]
mod tests;
mod text;
mod walk;

use std::borrow::Cow;

use edit::Edit;
use scan::Suspects;

/// An event in which something was hidden.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Clean {
    /// The event with marks in place of secrets.
    pub text: String,
    /// How many values are hidden in it, including those that were hidden before.
    pub hidden: usize,
}

/// Hides the secrets in a LogEvent, given as JSON text. Returns `None` if it has no secrets or all are hidden
/// already.
pub fn event(raw: &str) -> Option<Clean> {
    let edits = edits(raw);
    if edits.iter().all(Edit::is_done) {
        return None;
    }
    // Edits begin and end next to ASCII, so no character is split. If that ever fails, the whole event is
    // hidden.
    let text = edit::applied_to_text(raw, &edits);
    let text = text.unwrap_or_else(|| format!("\"{}\"", edit::Mark(raw.chars().count())));
    Some(Clean { text, hidden: edits.len() })
}

/// Returns the settled edits for an event.
fn edits(raw: &str) -> Vec<Edit> {
    let found = match scan::suspects(raw.as_bytes()) {
        Suspects::Strings(mut places) => {
            // Values that were hidden before count too.
            places.extend(edit::marks(raw.as_bytes()));
            places.sort_unstable();
            strings::around(raw.as_bytes(), &places)
        }
        Suspects::Anything => None,
    };
    edit::settled(found.unwrap_or_else(|| {
        let mut all = Vec::new();
        walk::json(raw.as_bytes(), 0, text::value, &mut all);
        all
    }))
}

/// Returns how many values are hidden in a LogEvent that went through [`event`]. If there are none, the cost
/// is one search for the mark.
pub fn hidden(raw: &str) -> usize {
    if !edit::has_mark(raw.as_bytes()) {
        return 0;
    }
    edits(raw).iter().filter(|edit| edit.is_done()).count()
}

/// Hides the secrets in one text of an event: in URLs, in a text that is JSON or a list of `name=value`, and after
/// names in a sentence that always name a secret.
pub fn text(text: &str) -> Cow<'_, str> {
    let mut edits = Vec::new();
    text::value(text.as_bytes(), false, 0, &mut edits);
    changed(text, edits)
}

/// Hides the secret in a request header, given as `Name: value`.
pub fn header(line: &str) -> Cow<'_, str> {
    let Some((name, value)) = line.split_once(':') else { return text(line) };
    let mut edits = Vec::new();
    let start = line.len() - value.trim_start().len();
    if secret_names::is_secret_header(name.as_bytes()) {
        edit::hide(line.as_bytes(), start, line.len(), &mut edits);
    } else {
        let mut inner = Vec::new();
        text::value(&line.as_bytes()[start..], false, 0, &mut inner);
        edits.extend(edit::shifted(inner, start));
    }
    changed(line, edits)
}

/// Returns the text before and after the first mark of a hidden value, or `None` if there is no mark.
pub(super) fn split_mark(text: &str) -> Option<(&str, &str)> {
    let mark = edit::next_mark(text.as_bytes())?;
    Some((text.get(..mark.start)?, text.get(mark.end..)?))
}

fn changed(text: &str, edits: Vec<Edit>) -> Cow<'_, str> {
    let edits = edit::settled(edits);
    if edits.iter().all(Edit::is_done) {
        return Cow::Borrowed(text);
    }
    Cow::Owned(
        edit::applied_to_text(text, &edits).unwrap_or_else(|| edit::Mark(text.chars().count()).to_string()),
    )
}

/// Hides the secrets in a record that could not be read as an event: it may be truncated, not JSON, or not
/// even text. Also finds keys that are written with escapes or percent-encoding.
pub fn record(bytes: &[u8]) -> Cow<'_, [u8]> {
    let mut kept = Cow::Borrowed(bytes);
    for pass in [record::as_json, record::plain, record::unescaped, record::decoded] {
        let mut edits = Vec::new();
        pass(&kept, &mut edits);
        let edits = edit::settled(edits);
        if !edits.iter().all(Edit::is_done) {
            kept = Cow::Owned(edit::applied(&kept, &edits));
        }
    }
    kept
}
