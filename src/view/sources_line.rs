//! Line 2 of the status bar, and the words for states. Every state is shown as a word, and never by color alone.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::pen::{Pen, grouped};
use super::{Role, Theme, hook, time};
use crate::model::{Model, Offline, OrgSources};
use crate::report::{Part, Pulse, Unreadable, process};

/// Draws the status of each source.
pub(super) fn sources(model: &Model, theme: &Theme, buffer: &mut Buffer, area: Rect) {
    let mut pen = Pen::new(buffer, theme, area);
    let dot = if theme.ascii { " | " } else { " · " };
    if let Some(files) = &model.offline {
        offline(model, files, &mut pen, dot);
        return coverage(model, &mut pen, dot);
    }
    pen.put(0, " ", Role::Text);
    // Parts with faults come first, so that they are visible in a narrow terminal.
    let mut parts = vec![Part::Poll, Part::Hook, Part::Journal];
    if *model.sources.worst(Part::Team) != Pulse::Off {
        parts.push(Part::Team);
    }
    parts.sort_by_key(|part| model.sources.worst(*part).fault().is_none());
    for (index, part) in parts.into_iter().enumerate() {
        if index > 0 {
            pen.put(0, dot, Role::Dim);
        }
        if part == Part::Poll && model.sources.is_several() {
            polls(model, &mut pen);
            continue;
        }
        let pulse = model.sources.worst(part);
        pen.put(0, part.word(), Role::Text);
        pen.put(0, &format!(" {}", words(model, pulse)), role(pulse));
        if part == Part::Hook {
            for (count, what) in hook::doubts(model) {
                pen.put(0, &format!(", {} {what}", grouped(count)), Role::Wait);
            }
        }
    }
    for sources in model.sources.iter() {
        let traffic = sources.board.traffic;
        if let (true, Some(limit), Some(left)) = (traffic.is_low(), traffic.limit, traffic.remaining) {
            let label = heading(model, sources).map_or(String::new(), |label| format!("{label} "));
            pen.put(0, &format!("{dot}{label}{left} of {limit} requests left"), Role::Wait);
        }
    }
    coverage(model, &mut pen, dot);
}

/// Writes how many of several orgs are polled, and which are not and why: `3 orgs: preview 401 bad credentials, 2 live`.
fn polls(model: &Model, pen: &mut Pen<'_>) {
    pen.put(0, &format!("{} orgs: ", model.sources.iter().count()), Role::Text);
    let is_faulty = |sources: &&OrgSources| sources.board.get(Part::Poll).fault().is_some();
    let mut gap = "";
    for sources in model.sources.iter().filter(is_faulty) {
        let pulse = sources.board.get(Part::Poll);
        pen.put(0, &format!("{gap}{} ", sources.known.label()), Role::Text);
        pen.put(0, &words(model, pulse), role(pulse));
        gap = ", ";
    }
    let mut counts: Vec<(&Pulse, usize)> = Vec::new();
    for sources in model.sources.iter().filter(|sources| !is_faulty(sources)) {
        let pulse = sources.board.get(Part::Poll);
        match counts.iter_mut().find(|(known, _)| *known == pulse) {
            Some((_, count)) => *count += 1,
            None => counts.push((pulse, 1)),
        }
    }
    for (pulse, count) in counts {
        pen.put(0, &format!("{gap}{count} "), Role::Text);
        pen.put(0, &words(model, pulse), role(pulse));
        gap = ", ";
    }
}

/// Returns the label of an org for a heading, or `None` if this process works for one org only.
pub(super) fn heading<'m>(model: &Model, sources: &'m OrgSources) -> Option<&'m str> {
    model.sources.is_several().then(|| sources.known.label())
}

/// Writes the status of files, if rows come from files.
fn offline(model: &Model, files: &Offline, pen: &mut Pen<'_>, dot: &str) {
    let words = match files.taken {
        Some(taken) => format!(" offline, taken {}", time::moment(model, taken)),
        None => " offline".to_owned(),
    };
    pen.put(0, &words, Role::Text);
    match (files.troubles.as_slice(), files.files.as_slice()) {
        ([first, ..], _) => pen.put(0, &format!("{dot}DAMAGED: {first}"), Role::Bad),
        ([], [one]) => pen.put(0, &format!("{dot}{one}"), Role::Dim),
        ([], all) => pen.put(0, &format!("{dot}{} files", all.len()), Role::Dim),
    }
    if let Some(filter) = &files.filter {
        pen.put(0, &format!("{dot}taken with the filter {filter}"), Role::Wait);
    }
}

fn coverage(model: &Model, pen: &mut Pen<'_>, dot: &str) {
    if let Some(since) = model.sources.complete_since() {
        pen.put(0, &format!("{dot}complete since {}", time::moment(model, since)), Role::Text);
        let gaps = model.sources.gaps();
        if gaps > 0 {
            pen.put(0, &format!(", {gaps} gap(s)"), Role::Wait);
        }
    }
    unreadable(model, model.sources.unreadable(), pen, dot);
}

/// Writes the number of unreadable records, for a day after the last one. Page 6 keeps showing it.
fn unreadable(model: &Model, found: Unreadable, pen: &mut Pen<'_>, dot: &str) {
    let Unreadable { count: count @ 1.., first: Some(first), .. } = found else { return };
    if found.is_recent(model.now) {
        let words = format!("{dot}{} unreadable since {}", grouped(count), time::moment(model, first));
        pen.put(0, &words, Role::Bad);
    }
}

/// Returns the state of a part in a few words.
pub(super) fn words(model: &Model, pulse: &Pulse) -> String {
    match pulse {
        Pulse::Waiting(until, fault) => {
            let until = until.to_zoned(model.zone.shown.clone());
            format!("{}, again {}", fault.brief, until.strftime("%H:%M:%S"))
        }
        Pulse::Down(fault) => format!("down: {}", fault.brief),
        Pulse::Impaired(fault) => fault.brief.clone(),
        Pulse::Elsewhere(holder) => format!("by {}, read-only here", process(holder)),
        other => other.word().to_owned(),
    }
}

pub(super) fn role(pulse: &Pulse) -> Role {
    match pulse {
        Pulse::Live => Role::Good,
        Pulse::Down(_) => Role::Bad,
        Pulse::Waiting(..) | Pulse::Catching | Pulse::Impaired(_) => Role::Wait,
        Pulse::Off | Pulse::Starting | Pulse::Elsewhere(_) => Role::Dim,
    }
}
