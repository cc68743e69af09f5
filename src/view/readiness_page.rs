//! The readiness page: each item with its meaning, what to do, and the evidence.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::pen::Line;
use super::readiness_line::{probed, role};
use super::{Role, Theme, sources_line, text, text_pages, time};
use crate::model::{Model, Page};
use crate::report::{Board, Confidence, Overall, Part, Pulse, ReadinessItem, process};

/// Draws the readiness page: each item with its meaning, what to do, and the evidence. Several orgs have a section each.
pub(super) fn draw(model: &Model, theme: &Theme, buffer: &mut Buffer, area: Rect) {
    let mut lines: Vec<Line> = Vec::new();
    for sources in model.sources.iter() {
        if let Some(label) = sources_line::heading(model, sources) {
            if !lines.is_empty() {
                lines.push(Vec::new());
            }
            lines.push(vec![(label.to_owned(), Role::Title)]);
        }
        org(model, &sources.board, area.width, &mut lines);
    }
    text_pages::page(model, theme, buffer, area, Page::Readiness.title(), &lines);
}

/// Adds the lines of one org.
fn org(model: &Model, board: &Board, width: u16, lines: &mut Vec<Line>) {
    let wrapped = |lines: &mut Vec<Line>, indent: u16, words: &str, role: Role| {
        for line in text::wrap(words, width.saturating_sub(indent + 2)) {
            lines.push(vec![(" ".repeat(usize::from(indent)), role), (line.to_owned(), role)]);
        }
    };
    let Some(found) = &board.readiness else {
        if model.offline.is_some() {
            let words =
                "These files do not contain the org's readiness. A snapshot saved by the screen does.";
            return wrapped(lines, 0, words, Role::Text);
        }
        let pulse = board.get(Part::Readiness);
        lines.push(vec![
            ("Not probed yet: ".to_owned(), Role::Text),
            (sources_line::words(model, pulse), sources_line::role(pulse)),
        ]);
        if let Some(fault) = pulse.fault() {
            wrapped(lines, 2, &fault.to_string(), Role::Text);
        }
        return;
    };
    let role_of_all = match found.verdict {
        Overall::Ready => Role::Good,
        Overall::NotReady => Role::Bad,
        Overall::Unproven => Role::Wait,
    };
    wrapped(lines, 0, found.verdict.sentence(), role_of_all);
    let (probed, probed_role, _) = probed(model, found);
    let whose = match board.get(Part::Readiness) {
        Pulse::Elsewhere(holder) => format!("{probed} by {}", process(holder)),
        _ => format!("{probed}; r probes again"),
    };
    lines.push(vec![(whose, probed_role)]);
    for item in found.blockers() {
        wrapped(lines, 2, &format!("{} {}: {}", item.name, item.state, item.remedy), Role::Bad);
    }
    if !found.changes.is_empty() {
        lines.push(vec![("Changes".to_owned(), Role::Header)]);
    }
    for change in &found.changes {
        wrapped(lines, 2, &format!("{}  {}", time::second(model, change.at), change.what), Role::Wait);
    }
    for item in &found.items {
        lines.push(Vec::new());
        head(item, width, lines);
        wrapped(lines, 2, &item.meaning, Role::Text);
        if !item.remedy.is_empty() {
            wrapped(lines, 2, &format!("To do: {}", item.remedy), Role::Key);
        }
        for detail in &item.details {
            let detail = format!("- {}: {}", detail.name, detail.state);
            wrapped(lines, 4, &detail, Role::Text);
        }
        for evidence in &item.evidence {
            let status = evidence.status.map_or("no answer".to_owned(), |status| status.to_string());
            let code = evidence.code.as_ref().map_or(String::new(), |code| format!(" {code}"));
            let at = time::second(model, evidence.at);
            let words = if evidence.call == "journal" {
                format!("by the journal, {at}: {}", evidence.said)
            } else {
                format!("by {}, {at}: {status}{code}, {}", evidence.call, evidence.said)
            };
            wrapped(lines, 4, &words, Role::Dim);
        }
    }
}

/// Adds an item's name and verdict, in two lines if they do not fit in one.
fn head(item: &ReadinessItem, width: u16, lines: &mut Vec<Line>) {
    let name = (item.name.clone(), Role::Header);
    let mut verdict = match item.confidence {
        Confidence::Confirmed => item.state.clone(),
        Confidence::Likely => format!("likely {}", item.state),
        other => other.word().to_owned(),
    };
    if item.blocking {
        verdict.push_str(", blocks");
    }
    let verdict = (verdict, role(item));
    if text::width(&name.0) + text::width(&verdict.0) + 4 <= width {
        lines.push(vec![name, ("  ".to_owned(), Role::Text), verdict]);
    } else {
        lines.push(vec![name]);
        lines.push(vec![("  ".to_owned(), Role::Text), verdict]);
    }
}
