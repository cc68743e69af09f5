//! Writes case files for people: Markdown, and self-contained HTML.

use std::fmt::Write as _;

use super::about::{About, Tool};
use super::json::time;
use super::summary::{BARS, Summary};
use crate::consent::{Consent, Evidence, Person, Untrusted, visible};

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

/// The first column of both tables if there are several orgs: its name, and its alignment in Markdown.
const ORG_COLUMN: (&str, &str) = ("org", "---");
/// The columns of the table of clients.
const CLIENT_COLUMNS: [(&str, &str); 7] = [
    ("client", "---"),
    ("consents", "--:"),
    ("revocations", "--:"),
    ("people", "--:"),
    ("first", "---"),
    ("last", "---"),
    ("scopes", "---"),
];
/// The columns of the table of consents.
const CONSENT_COLUMNS: [(&str, &str); 9] = [
    ("time", "---"),
    ("kind", "---"),
    ("who", "---"),
    ("client", "---"),
    ("server", "---"),
    ("scopes", "---"),
    ("from", "---"),
    ("outcome", "---"),
    ("note", "---"),
];

impl Report {
    /// Appends everything up to the header of the table of consents.
    pub fn head(self, about: &About, summary: &Summary, out: &mut String) {
        let title = format!("OAuth consents in {}", about.labels());
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
            }
        }
        self.coverage(about, out);
        self.readiness(about, out);
        if self == Self::Html {
            picture(summary, out);
        }
        let names_orgs = Self::names_orgs(about, summary);
        self.table("Clients", &CLIENT_COLUMNS, names_orgs, out);
        self.clients(summary, names_orgs, out);
        if self == Self::Html {
            out.push_str("</tbody></table>\n");
        }
        self.table("Consents", &CONSENT_COLUMNS, names_orgs, out);
    }

    /// Returns whether each row names its org: if there are several, or the consents are of several.
    pub fn names_orgs(about: &About, summary: &Summary) -> bool {
        about.orgs.len() > 1 || summary.is_of_several_orgs()
    }

    /// Appends the heading and the header of a table.
    fn table(self, heading: &str, columns: &[(&str, &str)], names_orgs: bool, out: &mut String) {
        let columns = names_orgs.then_some(&ORG_COLUMN).into_iter().chain(columns);
        self.heading(heading, out);
        match self {
            Self::Markdown => {
                columns.clone().for_each(|(name, _)| push(out, format_args!("| {name} ")));
                out.push_str("|\n");
                columns.for_each(|(_, rule)| push(out, format_args!("|{rule}")));
                out.push_str("|\n");
            }
            Self::Html => {
                out.push_str("<table><thead><tr>");
                columns.for_each(|(name, _)| push(out, format_args!("<th>{name}</th>")));
                out.push_str("</tr></thead><tbody>\n");
            }
        }
    }

    /// Appends a heading of the second level.
    fn heading(self, heading: &str, out: &mut String) {
        match self {
            Self::Markdown => push(out, format_args!("\n## {heading}\n\n")),
            Self::Html => push(out, format_args!("<h2>{heading}</h2>\n")),
        }
    }

    /// Appends lines as a list under the label of their org, or without a heading.
    fn list(self, org: Option<&str>, lines: &[String], out: &mut String) {
        match self {
            Self::Markdown => {
                if let Some(org) = org {
                    push(out, format_args!("### {}\n\n", md(org)));
                }
                for line in lines {
                    push(out, format_args!("* {}\n", md(line)));
                }
            }
            Self::Html => {
                if let Some(org) = org {
                    push(out, format_args!("<h3>{}</h3>\n", html(org)));
                }
                out.push_str("<ul>\n");
                for line in lines {
                    push(out, format_args!("<li>{}</li>\n", html(line)));
                }
                out.push_str("</ul>\n");
            }
        }
    }

    /// Appends what the journal covers of each org.
    fn coverage(self, about: &About, out: &mut String) {
        self.heading("Coverage and gaps", out);
        self.lists(about.orgs.iter().map(|org| (about.heading(org), org.sentences())), out);
    }

    /// Appends the readiness of each org of which it is known.
    fn readiness(self, about: &About, out: &mut String) {
        let known = about.orgs.iter().filter_map(|org| Some((about.heading(org), org.probed()?)));
        let mut known = known.peekable();
        if known.peek().is_some() {
            self.heading("Readiness", out);
            self.lists(known, out);
        }
    }

    /// Appends lists, with an empty line between two in Markdown.
    fn lists<'a>(self, lists: impl Iterator<Item = (Option<&'a str>, Vec<String>)>, out: &mut String) {
        for (index, (org, lines)) in lists.enumerate() {
            if index > 0 && self == Self::Markdown {
                out.push('\n');
            }
            self.list(org, &lines, out);
        }
    }

    fn clients(self, summary: &Summary, names_orgs: bool, out: &mut String) {
        let clients = summary.clients(names_orgs);
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
            let cells = [
                client.name.clone(),
                client.grants.to_string(),
                client.revocations.to_string(),
                people,
                at(client.first),
                at(client.last),
                some(&client.scopes),
            ];
            self.row(org_cell(names_orgs, client.org.as_deref()).chain(cells), out);
        }
        if clients.len() > CLIENTS_MAX {
            let more = format!("and {} more clients", clients.len() - CLIENTS_MAX);
            let empty = CLIENT_COLUMNS.len() - 1 + usize::from(names_orgs);
            self.row(std::iter::once(more).chain(std::iter::repeat_n(String::new(), empty)), out);
        }
    }

    /// Appends one row of the table of consents. `names_orgs` is what [`Report::names_orgs`] returns.
    pub fn line(self, consent: &Consent, note: Option<&str>, names_orgs: bool, out: &mut String) {
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
        let cells = [
            consent.published.map_or("no time".to_owned(), time),
            consent.kind.word().to_owned(),
            who,
            client,
            server,
            scopes.join(" "),
            from.join(" ").trim().to_owned(),
            shown(consent.outcome.result.as_ref()),
            note.map(visible).unwrap_or_default().into_owned(),
        ];
        self.row(org_cell(names_orgs, consent.org.as_deref()).chain(cells), out);
    }

    fn row(self, cells: impl IntoIterator<Item = String>, out: &mut String) {
        match self {
            Self::Markdown => {
                for cell in cells {
                    push(out, format_args!("| {} ", md(&cell)));
                }
                out.push_str("|\n");
            }
            Self::Html => {
                out.push_str("<tr>");
                for cell in cells {
                    push(out, format_args!("<td>{}</td>", html(&cell)));
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

/// Returns the first cell of a row if rows name their orgs.
fn org_cell(names_orgs: bool, label: Option<&str>) -> impl Iterator<Item = String> {
    names_orgs.then(|| label.unwrap_or("-").to_owned()).into_iter()
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
    use crate::export::{AboutOrg, sample};

    fn about() -> About {
        About {
            orgs: vec![sample::about_org()],
            created: "2026-03-04T10:00:00Z".parse().unwrap(),
            filter: Some("<script>alert(1)</script> | `x`".to_owned()),
            extent: "all",
            since: None,
            until: None,
            screen: None,
        }
    }

    fn written_of(form: Report, about: &About, consents: &[Consent], note: &str) -> String {
        let mut summary = Summary::default();
        for consent in consents {
            summary.add(consent);
        }
        let names_orgs = Report::names_orgs(about, &summary);
        let mut out = String::new();
        form.head(about, &summary, &mut out);
        for consent in consents {
            form.line(consent, Some(note), names_orgs, &mut out);
        }
        form.foot("00", &mut out);
        out
    }

    fn written(form: Report, note: &str) -> String {
        written_of(form, &about(), &[sample::both_ways()], note)
    }

    /// Returns the number of cells of each row of the tables, with their headers and rules.
    fn cells(text: &str) -> Vec<usize> {
        let cells = |line: &str| line.replace("\\|", "").matches('|').count() - 1;
        text.lines().filter(|line| line.starts_with('|')).map(cells).collect()
    }

    #[test]
    fn several_orgs_are_named_in_the_title_the_sections_and_each_row() {
        let readiness = r#"{"probed":"x","items":[{"name":"server","state":"on","confidence":"proven"}]}"#;
        let orgs = ["prod", "preview"].map(|name| AboutOrg {
            org: sample::named(name, &format!("{name}.okta.com")),
            readiness: Some(serde_json::value::RawValue::from_string(readiness.to_owned()).unwrap()),
            ..sample::about_org()
        });
        let two = About { orgs: orgs.into(), ..about() };
        let consent = sample::both_ways();
        let consents = [consent.clone(), Consent { org: Some("preview".into()), ..consent }];
        let text = written_of(Report::Markdown, &two, &consents, "a note");
        assert!(text.starts_with("# OAuth consents in prod, preview\n"), "{text}");
        for org in ["prod", "preview"] {
            assert_eq!(
                text.matches(&format!("\n\n### {org}\n\n* ")).count(),
                2,
                "coverage and readiness: {text}"
            );
            assert_eq!(text.matches(&format!("\n| {org} | ")).count(), 2, "a client and a consent: {text}");
        }
        assert_eq!(cells(&text), [8, 8, 8, 8, 10, 10, 10, 10]);
        let page = written_of(Report::Html, &two, &consents, "a note");
        for (words, count) in [
            ("<h3>preview</h3>", 2),
            ("<tr><th>org</th>", 2),
            ("<tr><td>prod</td>", 2),
            ("<h2>Readiness</h2>", 1),
        ] {
            assert_eq!(page.matches(words).count(), count, "{words}: {page}");
        }
        // Each record of a file may name another org, so there can be more than the head knows of.
        assert_eq!(cells(&written_of(Report::Markdown, &about(), &consents, ""))[0], 8);
        assert_eq!(cells(&written_of(Report::Markdown, &about(), &consents[..1], ""))[0], 7);
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
        assert_eq!(cells(&text), [7, 7, 7, 9, 9, 9]);
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
