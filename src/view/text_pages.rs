//! Pages of text over the whole screen: help, sources and copied text.

use std::time::Duration;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::widgets::{Clear, Widget as _};

use super::pen::{Line, Pen, grouped};
use super::{Role, Theme, hook, sources_line, text, time};
use crate::model::{Model, Offline, Page};
use crate::report::Part;

/// The notes on the help page.
const HELP: &[&str] = &[
    "While a filter is typed: Enter keeps it, Esc clears it, ^u empties the line, Up and Down recall used filters.",
    "Filter: words must all match; \"two words\"; -word; field:value; field:~regex; field:*; or; ( ).",
    "Fields: org kind who actor client server scope outcome ip country city asn proxy via severity time age mark.",
    "In the list: ? after a name means inferred, ! after a kind means it did not succeed, L that it came late, = that another event has its uuid, * that it is marked.",
    "#2 after a kind: two secrets in the event were hidden before it was stored.",
    "VIA: hook only, and ? before a row, mean that the log does not confirm it; poll only, that the hook missed it.",
    "VIA: altered?, and ? before a row, mean that the hook's copy contradicts the log's. The row shows the log's version; Enter shows both.",
];

/// Draws the help page from the key bindings in force, filtered by the typed words.
pub(super) fn help(model: &Model, theme: &Theme, buffer: &mut Buffer, area: Rect) {
    let find = model.workspace.find.to_lowercase();
    let has_words = |text: &str| {
        let text = text.to_lowercase();
        find.split_whitespace().all(|word| text.contains(word))
    };
    let mut lines: Vec<Line> = Vec::new();
    for line in model.workspace.keymap.lines() {
        let (keys, name) = (line.keys(), line.command.name());
        if !has_words(&format!("{keys} {} {name}", line.words)) {
            continue;
        }
        let mut words = vec![(format!("{keys:<14}"), Role::Key), (line.words.to_owned(), Role::Text)];
        if area.width >= 100 {
            words[1].0 = format!("{:<62}", line.words);
            words.push((format!(" {name}"), Role::Dim));
        }
        lines.push(words);
    }
    if lines.is_empty() {
        lines.push(vec![("No key matches. Esc shows all.".to_owned(), Role::Dim)]);
    }
    let mut is_first = true;
    for words in HELP.iter().filter(|words| has_words(words)) {
        if std::mem::take(&mut is_first) {
            lines.push(Vec::new());
        }
        for line in text::wrap(words, area.width.saturating_sub(2)) {
            lines.push(vec![(line.to_owned(), Role::Dim)]);
        }
    }
    let title = match model.workspace.find.trim() {
        "" => Page::Help.title().to_owned(),
        find => format!("{} with {}", Page::Help.title(), crate::consent::visible(find)),
    };
    page(model, theme, buffer, area, &title, &lines);
}

/// Draws the page of sources: the status of each part, what happened, what the program does, and what the user can do.
pub(super) fn sources(model: &Model, theme: &Theme, buffer: &mut Buffer, area: Rect) {
    let mut lines: Vec<Line> = Vec::new();
    let wrapped = |lines: &mut Vec<Line>, words: &str, role: Role| {
        for line in text::wrap(words, area.width.saturating_sub(6)) {
            lines.push(vec![(format!("    {line}"), role)]);
        }
    };
    let parts = [Part::Poll, Part::Hook, Part::Journal, Part::Readiness];
    for part in parts.into_iter().filter(|_| model.offline.is_none()) {
        let pulse = model.board.get(part);
        lines.push(vec![
            (format!("{:<10}", part.word()), Role::Header),
            (sources_line::words(model, pulse), sources_line::role(pulse)),
        ]);
        if let Some(fault) = pulse.fault() {
            for (words, role) in
                [(&fault.what, Role::Bad), (&fault.doing, Role::Text), (&fault.remedy, Role::Key)]
            {
                wrapped(&mut lines, words, role);
            }
        }
        if part == Part::Hook {
            hook::lines(model, area.width, &mut lines);
        }
    }
    if let Some(files) = &model.offline {
        offline(model, files, &mut lines, wrapped);
    }
    for note in model.board.notes.all() {
        wrapped(&mut lines, note, Role::Wait);
    }
    lines.push(Vec::new());
    lines.push(vec![("rows      ".into(), Role::Header), (grouped(model.rows.len() as u64), Role::Text)]);
    traffic(model, &mut lines);
    if model.sent > 0 {
        let sent = format!("{} bytes to this terminal", grouped(model.sent));
        lines.push(vec![("sent      ".into(), Role::Header), (sent, Role::Text)]);
    }
    marks(model, &mut lines);
    if let Some(fault) = &model.workspace.fault {
        wrapped(&mut lines, fault, Role::Bad);
    }
    let covered = match model.coverage.complete_since {
        None if model.offline.is_some() => "the files do not say".to_owned(),
        Some(since) => format!("everything polled since {}", time::moment(model, since)),
        None => "not known yet: the poller has not caught up".to_owned(),
    };
    lines.push(vec![("complete  ".into(), Role::Header), (covered, Role::Text)]);
    if model.coverage.late > 0 {
        let late = format!("{} came late and are listed at their own time", grouped(model.coverage.late));
        lines.push(vec![("late      ".into(), Role::Header), (late, Role::Text)]);
    }
    if model.coverage.shared > 0 {
        let words = format!(
            "{} events share an id with an event of different content; one of them may be altered or forged",
            grouped(model.coverage.shared)
        );
        lines.push(vec![("shared id ".into(), Role::Header), (words, Role::Wait)]);
    }
    if let Some(words) = model.coverage.unreadable.sentence() {
        lines.push(vec![("unreadable".into(), Role::Header), (" records of the log".into(), Role::Bad)]);
        wrapped(&mut lines, &words, Role::Bad);
    }
    for gap in &model.coverage.gaps {
        let (from, to) = (time::moment(model, gap.from), time::moment(model, gap.to));
        wrapped(&mut lines, &format!("possible gap {from} to {to}: {}", gap.why), Role::Wait);
    }
    page(model, theme, buffer, area, Page::Sources.title(), &lines);
}

/// Adds lines about the files that rows come from, and their problems.
fn offline(
    model: &Model,
    files: &Offline,
    lines: &mut Vec<Line>,
    wrapped: impl Fn(&mut Vec<Line>, &str, Role),
) {
    for name in &files.files {
        lines.push(vec![("file      ".into(), Role::Header), (name.clone(), Role::Text)]);
    }
    if let Some(taken) = files.taken {
        lines.push(vec![("taken     ".into(), Role::Header), (time::second(model, taken), Role::Text)]);
    }
    if let Some(filter) = &files.filter {
        lines.push(vec![("filter    ".into(), Role::Header), (filter.clone(), Role::Wait)]);
    }
    if files.repeated > 0 {
        let words = format!("{} events came more than once and are shown once", grouped(files.repeated));
        lines.push(vec![("repeated  ".into(), Role::Header), (words, Role::Text)]);
    }
    if files.shared > 0 {
        let words = format!(
            "{} events share an id with another event and are listed separately",
            grouped(files.shared)
        );
        lines.push(vec![("shared id ".into(), Role::Header), (words, Role::Wait)]);
    }
    for trouble in &files.troubles {
        wrapped(lines, trouble, Role::Bad);
    }
    for note in &files.notes {
        wrapped(lines, note, Role::Wait);
    }
}

/// Adds a line with the numbers of marks and notes.
fn marks(model: &Model, lines: &mut Vec<Line>) {
    let marks = model.rows.marks();
    let noted = marks.iter().filter(|(_, mark)| !mark.note.is_empty()).count() as u64;
    let words = match (&model.workspace.fault, marks.len() as u64) {
        (Some(_), _) => "not stored".to_owned(),
        (None, 0) => return,
        (None, count) => format!("{}, {} with a note", grouped(count), grouped(noted)),
    };
    let role = if model.workspace.fault.is_some() { Role::Bad } else { Role::Text };
    lines.push(vec![("marks     ".into(), Role::Header), (words, role)]);
}

/// Adds lines about the last successful poll, the poll interval, and the use of the rate limit.
fn traffic(model: &Model, lines: &mut Vec<Line>) {
    let traffic = model.board.traffic;
    if let Some(at) = traffic.last_good.max(model.coverage.last_good_poll) {
        let at = time::second(model, at);
        // Rounded to tenths, because a share of the rate limit can give a fraction of a second.
        let tenths = |interval: Duration| (interval.as_secs_f64() * 10.0).round() / 10.0;
        let words =
            traffic.interval.map_or(at.clone(), |interval| format!("{at}, every {} s", tenths(interval)));
        lines.push(vec![("last poll ".into(), Role::Header), (words, Role::Text)]);
    }
    if let (Some(limit), Some(ours)) = (traffic.limit, traffic.ours) {
        let left = traffic.remaining.map_or(String::new(), |left| format!(", {} left", grouped(left)));
        let words = format!(
            "{} of our {} requests a minute; the limit is {}{left}",
            grouped(u64::from(traffic.used)),
            grouped(ours),
            grouped(limit)
        );
        let role = if traffic.is_low() { Role::Wait } else { Role::Text };
        lines.push(vec![("budget    ".into(), Role::Header), (words, role)]);
    }
}

pub(super) fn page(
    model: &Model,
    theme: &Theme,
    buffer: &mut Buffer,
    area: Rect,
    title: &str,
    lines: &[Line],
) {
    frame(theme, buffer, area, title, model.over.map_or("", Page::keys));
    let height = usize::from(area.height.saturating_sub(1));
    let top = model.over_top.min(lines.len().saturating_sub(height));
    for (line, words) in (1..area.height).zip(lines.iter().skip(top)) {
        let mut pen = Pen::new(buffer, theme, area);
        pen.go(1);
        for (words, role) in words {
            pen.put(line, &model.mask.text(words), *role);
        }
    }
}

/// Clears an area.
pub(super) fn clear(theme: &Theme, buffer: &mut Buffer, area: Rect) {
    Clear.render(area, buffer);
    buffer.set_style(area, theme.style(Role::Text));
}

/// Clears an area, draws the title line, and returns the rest of the area.
pub(super) fn frame(theme: &Theme, buffer: &mut Buffer, area: Rect, title: &str, keys: &str) -> Rect {
    clear(theme, buffer, area);
    let mut pen = Pen::new(buffer, theme, Rect { height: 1, ..area }).over(Role::Title);
    pen.put(0, &format!(" {title} "), Role::Title);
    pen.put_right(0, &[(format!("{keys} "), Role::Title)]);
    Rect { y: area.y + 1, height: area.height.saturating_sub(1), ..area }
}

/// Draws a text that was copied, so that the user can select it with the terminal.
pub(super) fn copied(model: &Model, theme: &Theme, buffer: &mut Buffer, area: Rect) {
    let Some(copied) = &model.copied else { return };
    let mut lines: Vec<Line> = Vec::new();
    let width = area.width.saturating_sub(2);
    if !copied.why.is_empty() {
        lines.extend(
            text::wrap(&copied.why, width).into_iter().map(|line| vec![(line.to_owned(), Role::Wait)]),
        );
        lines.push(Vec::new());
    }
    for line in copied.text.lines().take(LINES_MAX) {
        let line = crate::consent::visible(line);
        lines.extend(text::wrap(&line, width).into_iter().map(|line| vec![(line.to_owned(), Role::Text)]));
    }
    page(model, theme, buffer, area, &copied.what, &lines);
}

/// The maximum number of lines shown of a copied text.
const LINES_MAX: usize = 2000;
