//! Writes consents as CSV (RFC 4180) in which a spreadsheet runs no cell as a formula.

use crate::consent::{Consent, Person, Seq, Untrusted, visible};

/// The names of the first columns.
const HEAD: [&str; 20] = [
    "seq",
    "published",
    "received",
    "kind",
    "outcome",
    "reason",
    "who",
    "who_id",
    "evidence",
    "actor",
    "client",
    "client_id",
    "server",
    "server_id",
    "scopes",
    "ip",
    "city",
    "country",
    "via",
    "uuid",
];

/// The byte order mark that marks a file as UTF-8. Without it, Excel on Windows reads a file in the old code page.
pub(super) const MARK: &str = "\u{feff}";

/// Appends the line of column names.
pub(super) fn head(out: &mut Vec<u8>) {
    record(HEAD.iter().chain(&["note", "event_type", "hidden", "org"]).map(|name| (*name).to_owned()), out);
}

/// Appends one consent and its note.
pub(super) fn line(seq: Seq, consent: &Consent, note: Option<&str>, out: &mut Vec<u8>) {
    let text = |text: Option<&Untrusted>| text.map_or(String::new(), |text| text.visible().into_owned());
    let time = |at: Option<jiff::Timestamp>| at.map_or(String::new(), super::json::time);
    let actor = consent.actor.as_ref();
    let actor = actor.and_then(|actor| {
        Person::shown(
            actor.id.as_ref().map_or("", Untrusted::exact),
            actor.alternate_id.as_ref().map_or("", Untrusted::exact),
            actor.display_name.as_ref().map_or("", Untrusted::exact),
        )
    });
    let scopes: Vec<&str> =
        consent.scopes.iter().filter_map(|scope| Some(scope.name.as_ref()?.exact())).collect();
    let fields = [
        seq.0.to_string(),
        time(consent.published),
        time(Some(consent.received)),
        consent.kind.word().to_owned(),
        text(consent.outcome.result.as_ref()),
        text(consent.outcome.reason.as_ref()),
        consent.who.person.name().unwrap_or("").to_owned(),
        consent.who.person.id.as_ref().map_or(String::new(), |id| id.exact().to_owned()),
        consent.who.evidence.word().to_owned(),
        actor.unwrap_or("").to_owned(),
        text(consent.client.label.as_ref()),
        text(consent.client.id.as_ref().map(|id| &id.0)),
        text(consent.server.name.as_ref()),
        text(consent.server.id.as_ref().map(|id| &id.0)),
        scopes.join(" "),
        text(consent.from.ip.as_ref()),
        text(consent.from.city.as_ref()),
        text(consent.from.country.as_ref()),
        consent.via.told(consent.doubt).to_owned(),
        text(consent.uuid.as_ref()),
        note.unwrap_or("").to_owned(),
        // Columns added later come last, so that the positions of the older ones stay the same.
        consent.event_type.visible().into_owned(),
        consent.hidden.to_string(),
        consent.org.as_deref().unwrap_or("").to_owned(),
    ];
    record(fields, out);
}

/// Appends one record. Cells with special characters are quoted, and no cell runs as a formula.
fn record(fields: impl IntoIterator<Item = String>, out: &mut Vec<u8>) {
    for (index, field) in fields.into_iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        // Invisible characters are made visible, so that no cell or line looks like two.
        let field = visible(&field);
        let field = harmless(&field);
        if field.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.:@/ ".contains(&b)) {
            out.extend_from_slice(field.as_bytes());
        } else {
            out.push(b'"');
            out.extend_from_slice(field.replace('"', "\"\"").as_bytes());
            out.push(b'"');
        }
    }
    out.extend_from_slice(b"\r\n");
}

/// Puts an apostrophe before text that a spreadsheet would take for a formula, also after spaces, quotes and invisible
/// characters that it skips (OWASP: CSV Injection). Where the list separator is a semicolon or a tab, as in many
/// locales, a cell is split there even inside quotes. So text after a separator or line end is treated like the start
/// of a cell.
fn harmless(field: &str) -> std::borrow::Cow<'_, str> {
    let is_skipped = |c: char| {
        c.is_whitespace()
            || c.is_control()
            || matches!(c, '"' | '\'' | '\u{feff}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}')
    };
    let is_separator = |c: char| matches!(c, ',' | ';' | '\t' | '\r' | '\n');
    let is_trigger = |c: char| matches!(c, '=' | '+' | '-' | '@' | '|' | '%' | '＝' | '＋' | '－' | '＠');
    let mut out = String::new();
    let mut copied = 0;
    // The start of the next text that could become a cell.
    let mut next = Some(0);
    while let Some(mut start) = next {
        let mut chars = field.get(start..).unwrap_or_default().char_indices();
        let begun = start;
        let first = loop {
            match chars.next() {
                Some((at, c)) if is_separator(c) => start = begun + at + 1,
                Some((_, c)) if is_skipped(c) => {}
                first => break first,
            }
        };
        let Some((at, first)) = first else { break };
        if is_trigger(first) {
            out.push_str(field.get(copied..start).unwrap_or_default());
            out.push('\'');
            copied = start;
        }
        let rest = begun + at;
        next = field.as_bytes()[rest..]
            .iter()
            .position(|b| is_separator(char::from(*b)))
            .map(|at| rest + at + 1);
    }
    if field.starts_with(['\t', '\r', '\n']) && !out.starts_with('\'') {
        out.insert(0, '\'');
    }
    if out.is_empty() {
        return field.into();
    }
    out.push_str(field.get(copied..).unwrap_or_default());
    out.into()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::export::sample;

    /// Parses one record by RFC 4180.
    fn read(line: &str) -> Vec<String> {
        let (mut fields, mut field, mut quoted) = (Vec::new(), String::new(), false);
        let mut rest = line.strip_suffix("\r\n").expect("an end").chars().peekable();
        while let Some(c) = rest.next() {
            match c {
                '"' if quoted && rest.peek() == Some(&'"') => {
                    field.push('"');
                    rest.next();
                }
                '"' => quoted = !quoted,
                ',' if !quoted => fields.push(std::mem::take(&mut field)),
                c => field.push(c),
            }
        }
        fields.push(field);
        fields
    }

    #[test]
    fn every_line_has_every_column() {
        let mut out = Vec::new();
        head(&mut out);
        let names = String::from_utf8(out).unwrap();
        let mut out = Vec::new();
        line(Seq(41), &sample::both_ways(), Some("=1+1, \"said\"\nthe owner"), &mut out);
        let fields = read(std::str::from_utf8(&out).unwrap());
        assert_eq!(fields.len(), read(&names).len());
        assert_eq!((fields[0].as_str(), fields[3].as_str()), ("41", "grant"));
        assert_eq!(fields[20], "'=1+1, \"said\"^Jthe owner");
        assert_eq!(fields[21..], ["app.oauth2.as.consent.grant", "0", "prod"]);
    }

    /// Splits a line as a spreadsheet does: a quote counts only at the start of a cell.
    fn cells(line: &str, separator: char) -> Vec<String> {
        let (mut cells, mut cell, mut is_quoted, mut is_first) = (Vec::new(), String::new(), false, true);
        for c in line.trim_end_matches("\r\n").chars() {
            match c {
                '"' if is_first => is_quoted = true,
                '"' if is_quoted => is_quoted = false,
                c if c == separator && !is_quoted => {
                    cells.push(std::mem::take(&mut cell));
                    is_first = true;
                    continue;
                }
                c => cell.push(c),
            }
            is_first = false;
        }
        cells.push(cell);
        cells
    }

    /// Returns whether a spreadsheet would run a cell as a formula.
    fn runs(cell: &str) -> bool {
        let bare = cell.trim_start_matches([' ', '\t', '"', '\u{feff}', '\u{200b}', '\u{a0}']);
        bare.starts_with(['=', '+', '-', '@', '|'])
    }

    #[test]
    fn no_cell_runs_where_semicolons_or_tabs_part_cells() {
        for text in ["x;=1+1", "a,=1", "a;\u{feff} \"=1", ";;@SUM(1)", "a\t=1", "=1;=2;b;-3", "x; \u{a0}+1"] {
            let text = harmless(text);
            for separator in [',', ';', '\t'] {
                assert!(!text.split(separator).any(runs), "{text:?} by {separator:?}");
            }
        }
        assert_eq!(harmless("a;b=1, c-d"), "a;b=1, c-d");
        assert_eq!(harmless("a;=1"), "a;'=1");
    }

    proptest! {
        #[test]
        fn no_cell_is_run_and_none_is_lost(texts in proptest::collection::vec("[ \t\"'\u{feff}=+@|,;\r\n\u{200b}a-c-]{0,8}", 1..4)) {
            let mut out = Vec::new();
            record(texts.clone(), &mut out);
            let fields = read(std::str::from_utf8(&out).unwrap());
            prop_assert_eq!(fields.len(), texts.len());
            for (field, text) in fields.iter().zip(&texts) {
                prop_assert!(!runs(field), "{field:?}");
                let text = visible(text).replace('\'', "");
                prop_assert_eq!(field.replace('\'', ""), text, "nothing but apostrophes is put in");
            }
            // The first cell of a line is the row's number.
            let line = format!("7,{}", std::str::from_utf8(&out).unwrap());
            for separator in [',', ';', '\t'] {
                for cell in cells(&line, separator) {
                    prop_assert!(!runs(&cell), "{cell:?} by {separator:?}");
                }
            }
        }
    }
}
