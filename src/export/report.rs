//! Writes case files for people: Markdown, and self-contained HTML.

use std::fmt::Write as _;

use super::about::{About, Tool};
use super::json::time;
use super::summary::{BARS, Summary};
use crate::consent::{Consent, Evidence, Person, Seq, Untrusted, visible};

/// The formats of a report.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Report {
    /// Markdown.
    Markdown,
    /// One HTML file without scripts or external resources, with light, dark and print styles.
    Html,
}

/// The most clients in the table. The others are only counted.
const CLIENTS_MAX: usize = 500;
/// The most people, and the most scopes, named for a client.
const NAMES_MAX: usize = 12;

impl Report {
    /// Appends everything up to the header of the table of consents.
    pub fn head(self, about: &About, summary: &Summary, out: &mut String) {
        let title = format!("OAuth consents in {}", about.org);
        match self {
            Self::Markdown => {
                push(out, format_args!("# {}\n\n", md(&title)));
                push(
                    out,
                    format_args!(
                        "Created {} by {}. {}: {} rows.\n",
                        time(about.created),
                        Tool::words(),
                        md(&about.asked()),
                        summary.count
                    ),
                );
                out.push_str("\n## Coverage and gaps\n\n");
                for sentence in about.sentences() {
                    push(out, format_args!("* {}\n", md(&sentence)));
                }
                self.readiness(about, out);
                out.push_str("\n## Clients\n\n| client | consents | revocations | people | first | last | scopes |\n|---|--:|--:|--:|---|---|---|\n");
            }
            Self::Html => {
                push(
                    out,
                    format_args!(
                        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>{}</title>\n",
                        html(&title)
                    ),
                );
                out.push_str("<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n<meta name=\"viewport\" content=\"width=device-width\">\n");
                push(out, format_args!("<style>{STYLE}</style></head><body>\n<h1>{}</h1>\n", html(&title)));
                push(
                    out,
                    format_args!(
                        "<p>Created {} by {}. {}: {} rows.</p>\n",
                        time(about.created),
                        Tool::words(),
                        html(&about.asked()),
                        summary.count
                    ),
                );
                out.push_str("<h2>Coverage and gaps</h2>\n<ul>\n");
                for sentence in about.sentences() {
                    push(out, format_args!("<li>{}</li>\n", html(&sentence)));
                }
                out.push_str("</ul>\n");
                self.readiness(about, out);
                picture(summary, out);
                out.push_str("<h2>Clients</h2>\n<table><thead><tr><th>client</th><th>consents</th><th>revocations</th><th>people</th><th>first</th><th>last</th><th>scopes</th></tr></thead><tbody>\n");
            }
        }
        self.clients(summary, out);
        match self {
            Self::Markdown => out.push_str("\n## Consents\n\n| time | kind | who | client | server | scopes | from | outcome | note |\n|---|---|---|---|---|---|---|---|---|\n"),
            Self::Html => out.push_str("</tbody></table>\n<h2>Consents</h2>\n<table><thead><tr><th>time</th><th>kind</th><th>who</th><th>client</th><th>server</th><th>scopes</th><th>from</th><th>outcome</th><th>note</th></tr></thead><tbody>\n"),
        }
    }

    fn readiness(self, about: &About, out: &mut String) {
        let Some(raw) = &about.readiness else { return };
        let Ok(value) = serde_json::from_str::<serde_json::Value>(raw.get()) else { return };
        let items = value.get("items").and_then(|items| items.as_array()).cloned().unwrap_or_default();
        if items.is_empty() {
            return;
        }
        out.push_str(if self == Self::Markdown {
            "\n## Readiness\n\n"
        } else {
            "<h2>Readiness</h2>\n<ul>\n"
        });
        let text = |of: &serde_json::Value, key: &str| {
            of.get(key).and_then(|value| value.as_str()).map(visible).unwrap_or_default().into_owned()
        };
        let probed = format!("Probed {}; later changes are not included.", text(&value, "probed"));
        let items = items.iter().map(|item| {
            format!("{}: {} ({})", text(item, "name"), text(item, "state"), text(item, "confidence"))
        });
        for line in std::iter::once(probed).chain(items) {
            match self {
                Self::Markdown => push(out, format_args!("* {}\n", md(&line))),
                Self::Html => push(out, format_args!("<li>{}</li>\n", html(&line))),
            }
        }
        if self == Self::Html {
            out.push_str("</ul>\n");
        }
    }

    fn clients(self, summary: &Summary, out: &mut String) {
        let clients = summary.clients();
        let some = |names: &std::collections::BTreeSet<String>| {
            let more = names.len().saturating_sub(NAMES_MAX);
            let mut words = names.iter().take(NAMES_MAX).cloned().collect::<Vec<_>>().join(", ");
            if more > 0 {
                push(&mut words, format_args!(" and {more} more"));
            }
            words
        };
        for client in clients.iter().take(CLIENTS_MAX) {
            let at = |at: Option<jiff::Timestamp>| at.map_or("-".to_owned(), time);
            let people = format!("{}: {}", client.people.len(), some(&client.people));
            self.row(
                &[
                    client.name.clone(),
                    client.grants.to_string(),
                    client.revocations.to_string(),
                    people,
                    at(client.first),
                    at(client.last),
                    some(&client.scopes),
                ],
                out,
            );
        }
        if clients.len() > CLIENTS_MAX {
            let more = format!("and {} more clients", clients.len() - CLIENTS_MAX);
            self.row(
                &[
                    more,
                    String::new(),
                    String::new(),
                    String::new(),
                    String::new(),
                    String::new(),
                    String::new(),
                ],
                out,
            );
        }
    }

    /// Appends one row of the table of consents.
    pub fn line(self, _seq: Seq, consent: &Consent, note: Option<&str>, out: &mut String) {
        let shown = |text: Option<&Untrusted>| text.map_or(String::new(), |text| text.visible().into_owned());
        let person = consent.who.person.name().map(|name| visible(name).into_owned());
        let who = match (person, consent.who.evidence) {
            (Some(name), Evidence::Session) => format!("{name} (inferred from the session)"),
            (Some(name), _) => name,
            (None, Evidence::NotApplicable) => {
                let actor = consent.actor.as_ref().and_then(|actor| {
                    Person::shown(
                        actor.id.as_ref().map_or("", Untrusted::exact),
                        actor.alternate_id.as_ref().map_or("", Untrusted::exact),
                        actor.display_name.as_ref().map_or("", Untrusted::exact),
                    )
                    .map(|name| visible(name).into_owned())
                });
                actor.map_or("-".to_owned(), |actor| format!("by {actor}"))
            }
            (None, _) => "unknown".to_owned(),
        };
        let client = shown(consent.client.label.as_ref().or(consent.client.id.as_ref().map(|id| &id.0)));
        let server = shown(consent.server.name.as_ref().or(consent.server.id.as_ref().map(|id| &id.0)));
        let scopes: Vec<String> = consent.scopes.iter().map(|scope| shown(scope.name.as_ref())).collect();
        let from = [
            shown(consent.from.ip.as_ref()),
            shown(consent.from.city.as_ref()),
            shown(consent.from.country.as_ref()),
        ];
        self.row(
            &[
                consent.published.map_or("no time".to_owned(), time),
                consent.kind.word().to_owned(),
                who,
                client,
                server,
                scopes.join(" "),
                from.join(" ").trim().to_owned(),
                shown(consent.outcome.result.as_ref()),
                note.map(visible).unwrap_or_default().into_owned(),
            ],
            out,
        );
    }

    fn row(self, cells: &[String], out: &mut String) {
        match self {
            Self::Markdown => {
                for cell in cells {
                    push(out, format_args!("| {} ", md(cell)));
                }
                out.push_str("|\n");
            }
            Self::Html => {
                out.push_str("<tr>");
                for cell in cells {
                    push(out, format_args!("<td>{}</td>", html(cell)));
                }
                out.push_str("</tr>\n");
            }
        }
    }

    /// Appends the end, with the same digest of the consents as in a snapshot of the same rows.
    pub fn foot(self, digest: &str, out: &mut String) {
        let words = format!("SHA-256 of these consents as JSON lines: {digest}");
        match self {
            Self::Markdown => push(out, format_args!("\n{words}\n")),
            Self::Html => {
                push(
                    out,
                    format_args!("</tbody></table>\n<p class=\"digest\">{words}</p>\n</body></html>\n"),
                );
            }
        }
    }
}

fn push(out: &mut String, words: std::fmt::Arguments<'_>) {
    if out.write_fmt(words).is_err() {
        debug_assert!(false, "a string takes everything");
    }
}

/// Appends a bar chart of the activity over time, as inline SVG.
fn picture(summary: &Summary, out: &mut String) {
    let Some((first, last)) = summary.span() else { return };
    let bars = summary.bars();
    let most = bars.iter().copied().max().unwrap_or(0).max(1);
    push(
        out,
        format_args!(
            "<h2>Activity</h2>\n<svg role=\"img\" preserveAspectRatio=\"none\" viewBox=\"0 0 {} 110\" class=\"bars\"><title>{} rows from {} to {}, at most {most} in one of {BARS} time spans</title>\n",
            BARS * 10,
            summary.count,
            time(first),
            time(last)
        ),
    );
    for (index, count) in bars.iter().enumerate() {
        let height = count * 100 / most;
        // A nonzero count has a visible bar.
        let height = if *count > 0 { height.max(1) } else { 0 };
        push(
            out,
            format_args!(
                "<rect x=\"{}\" y=\"{}\" width=\"8\" height=\"{height}\"/>\n",
                index * 10 + 1,
                105 - height
            ),
        );
    }
    push(
        out,
        format_args!(
            "<line x1=\"0\" y1=\"106\" x2=\"{}\" y2=\"106\"/></svg>\n<p class=\"axis\"><span>{}</span><span>at most {most}</span><span>{}</span></p>\n",
            BARS * 10,
            time(first),
            time(last)
        ),
    );
}

/// Escapes text for HTML.
fn html(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}

/// Escapes text for a cell of a Markdown table.
fn md(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\\' | '`' | '*' | '_' | '{' | '}' | '[' | ']' | '(' | ')' | '#' | '+' | '!' | '|' | '<'
            | '>' | '~' | '&' => {
                out.push('\\');
                out.push(c);
            }
            '\n' | '\r' => out.push(' '),
            c => out.push(c),
        }
    }
    // Some renderers turn bare URLs into links.
    out.replace("://", "&#58;//").replace("www.", "www&#46;")
}

const STYLE: &str = "
:root{color-scheme:light dark;--ink:#1b1b1b;--paper:#fff;--line:#ccc;--head:#f2f2f2;--bar:#0b57d0}
@media (prefers-color-scheme:dark){:root{--ink:#e6e6e6;--paper:#161616;--line:#444;--head:#242424;--bar:#8ab4f8}}
@media print{:root{--ink:#000;--paper:#fff;--line:#999;--head:#eee;--bar:#333}thead{display:table-header-group}tr{break-inside:avoid}}
body{font:14px/1.4 system-ui,sans-serif;color:var(--ink);background:var(--paper);margin:2rem auto;max-width:100rem;padding:0 1rem}
table{border-collapse:collapse;width:100%;font-size:13px}th,td{border:1px solid var(--line);padding:.25rem .5rem;text-align:left;vertical-align:top;overflow-wrap:anywhere}
th{background:var(--head);white-space:nowrap;overflow-wrap:normal}.bars{width:100%;max-height:9rem}.bars rect{fill:var(--bar)}.bars line{stroke:var(--line)}.axis{display:flex;justify-content:space-between;margin:0}.digest{font-family:monospace;overflow-wrap:anywhere}
";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::export::sample;

    fn written(form: Report, note: &str) -> String {
        let about = About {
            org: "example.okta.com".to_owned(),
            created: "2026-03-04T10:00:00Z".parse().unwrap(),
            filter: Some("<script>alert(1)</script> | `x`".to_owned()),
            extent: "all",
            since: None,
            until: None,
            coverage: crate::report::Coverage::default(),
            board: None,
            readiness: None,
            screen: None,
        };
        let consent = sample::both_ways();
        let mut summary = Summary::default();
        summary.add(&consent);
        let mut out = String::new();
        form.head(&about, &summary, &mut out);
        form.line(Seq(1), &consent, Some(note), &mut out);
        form.foot("00", &mut out);
        out
    }

    #[test]
    fn nothing_hostile_is_markup() {
        let hostile = "</td><img src=x onerror=alert(1)> [a](javascript:alert(1)) | **b** \u{202e}x";
        let page = written(Report::Html, hostile);
        assert!(!page.contains("<img") && !page.contains("<script>") && !page.contains('\u{202e}'), "{page}");
        assert!(page.contains("&lt;img src=x onerror=alert(1)&gt;"));
        for outside in ["src=\"", "href=", "url(", "http://", "https://", "<script"] {
            assert!(!page.contains(outside), "{outside}");
        }
        let text = written(Report::Markdown, hostile);
        // Every row of a table has as many cells as its header.
        let cells = |line: &str| line.replace("\\|", "").matches('|').count();
        let rows: Vec<usize> = text.lines().filter(|line| line.starts_with('|')).map(cells).collect();
        assert!(rows.iter().all(|count| *count == 8 || *count == 10), "{rows:?}");
        // A character after a backslash is not markup.
        let bare = |(n, part): (usize, &str)| part.chars().skip(usize::from(n > 0)).collect::<String>();
        let text: String = text.split('\\').enumerate().map(bare).collect();
        assert!(
            !text.contains("](javascript") && !text.contains("<img") && !text.contains("**b**"),
            "{text}"
        );
    }

    #[test]
    fn every_element_that_is_opened_is_closed() {
        let page = written(Report::Html, "");
        for tag in [
            "html", "head", "body", "table", "thead", "tbody", "tr", "td", "th", "ul", "li", "svg", "p",
            "h1", "h2",
        ] {
            let count = |open: &str| page.matches(open).count();
            let opened = count(&format!("<{tag}>")) + count(&format!("<{tag} "));
            assert_eq!(opened, count(&format!("</{tag}>")), "{tag}");
        }
    }
}
