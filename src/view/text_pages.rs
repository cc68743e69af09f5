//! Pages of text over the whole screen: help, sources and copied text.

use std::time::Duration;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::widgets::{Clear, Widget as _};

use super::pen::{Line, Pen, grouped};
use super::{Role, Theme, hook, sources_line, text, time};
use crate::model::{Model, Offline, OrgSources, Page};
use crate::report::{Coverage, Part, Pulse};

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
/// Several orgs have a section each.
pub(super) fn sources(model: &Model, theme: &Theme, buffer: &mut Buffer, area: Rect) {
    let mut page = SourcesPage { model, width: area.width, lines: Vec::new() };
    let is_several = model.sources.is_several();
    let first = model.sources.first();
    let of_org = [Part::Poll, Part::Hook, Part::Readiness];
    let is_team = *model.sources.worst(Part::Team) != Pulse::Off;
    if is_several {
        if model.offline.is_none() {
            page.part(Part::Journal, model.sources.worst(Part::Journal));
            if is_team {
                page.part(Part::Team, model.sources.worst(Part::Team));
            }
        }
        for sources in model.sources.iter() {
            page.heading(sources);
            if model.offline.is_none() {
                for part in of_org {
                    page.part_of(part, sources);
                }
                page.notes(sources.board.notes.of_org());
                page.traffic(sources);
            }
            page.covered(&sources.coverage);
        }
        page.lines.push(Vec::new());
    } else if model.offline.is_none() {
        for part in [Part::Poll, Part::Hook, Part::Journal, Part::Readiness] {
            page.part_of(part, first);
        }
        if is_team {
            page.part_of(Part::Team, first);
        }
    }
    if let Some(files) = &model.offline {
        page.offline(files);
    }
    if is_several {
        let mut told: Vec<&str> = Vec::new();
        for note in model.sources.iter().flat_map(|sources| sources.board.notes.of_journal()) {
            if !told.contains(&note) {
                told.push(note);
            }
        }
        page.notes(told.into_iter());
    } else {
        page.notes(first.board.notes.all());
    }
    page.lines.push(Vec::new());
    page.fact("rows", grouped(model.rows.len() as u64), Role::Text);
    if !is_several {
        page.traffic(first);
    }
    if model.sent > 0 {
        page.fact("sent", format!("{} bytes to this terminal", grouped(model.sent)), Role::Text);
    }
    page.marks();
    if let Some(fault) = &model.workspace.fault {
        page.wrapped(fault, Role::Bad);
    }
    if !is_several {
        page.covered(&first.coverage);
    }
    self::page(model, theme, buffer, area, Page::Sources.title(), &page.lines);
}

/// The page of sources as it is put together.
struct SourcesPage<'m> {
    model: &'m Model,
    width: u16,
    lines: Vec<Line>,
}

impl SourcesPage<'_> {
    /// Adds a text, wrapped and indented.
    fn wrapped(&mut self, words: &str, role: Role) {
        for line in text::wrap(words, self.width.saturating_sub(6)) {
            self.lines.push(vec![(format!("    {line}"), role)]);
        }
    }

    /// Adds a fact in one line.
    fn fact(&mut self, name: &str, words: String, role: Role) {
        self.lines.push(vec![(format!("{name:<10}"), Role::Header), (words, role)]);
    }

    /// Adds the heading of an org's section.
    fn heading(&mut self, sources: &OrgSources) {
        let org = &sources.known;
        let words = match &org.name {
            Some(name) => format!("{}, {}", name.as_str(), org.host),
            None => org.host.to_string(),
        };
        self.lines.push(Vec::new());
        self.lines.push(vec![(words, Role::Title)]);
    }

    /// Adds the status of a part, and its fault.
    fn part(&mut self, part: Part, pulse: &Pulse) {
        self.fact(part.word(), sources_line::words(self.model, pulse), sources_line::role(pulse));
        let Some(fault) = pulse.fault() else { return };
        for (words, role) in
            [(&fault.what, Role::Bad), (&fault.doing, Role::Text), (&fault.remedy, Role::Key)]
        {
            self.wrapped(words, role);
        }
    }

    /// Adds the status of a part of an org.
    fn part_of(&mut self, part: Part, sources: &OrgSources) {
        self.part(part, sources.board.get(part));
        if part == Part::Hook {
            hook::lines(self.model, sources, self.width, &mut self.lines);
        }
    }

    fn notes<'n>(&mut self, notes: impl Iterator<Item = &'n str>) {
        notes.for_each(|note| self.wrapped(note, Role::Wait));
    }

    /// Adds lines about what the journal covers of an org.
    fn covered(&mut self, coverage: &Coverage) {
        let covered = match coverage.complete_since {
            None if self.model.offline.is_some() => "the files do not say".to_owned(),
            Some(since) => format!("everything polled since {}", time::moment(self.model, since)),
            None => "not known yet: the poller has not caught up".to_owned(),
        };
        self.fact("complete", covered, Role::Text);
        if coverage.late > 0 {
            let late = format!("{} came late and are listed at their own time", grouped(coverage.late));
            self.fact("late", late, Role::Text);
        }
        if coverage.shared > 0 {
            let words = format!(
                "{} events share an id with an event of different content; one of them may be altered or forged",
                grouped(coverage.shared)
            );
            self.fact("shared id", words, Role::Wait);
        }
        if let Some(words) = coverage.unreadable.sentence() {
            self.fact("unreadable", " records of the log".to_owned(), Role::Bad);
            self.wrapped(&words, Role::Bad);
        }
        for gap in &coverage.gaps {
            let (from, to) = (time::moment(self.model, gap.from), time::moment(self.model, gap.to));
            self.wrapped(&format!("possible gap {from} to {to}: {}", gap.why), Role::Wait);
        }
    }

    /// Adds lines about the files that rows come from, and their problems.
    fn offline(&mut self, files: &Offline) {
        for name in &files.files {
            self.fact("file", name.clone(), Role::Text);
        }
        if let Some(taken) = files.taken {
            self.fact("taken", time::second(self.model, taken), Role::Text);
        }
        if let Some(filter) = &files.filter {
            self.fact("filter", filter.clone(), Role::Wait);
        }
        if files.repeated > 0 {
            let words = format!("{} events came more than once and are shown once", grouped(files.repeated));
            self.fact("repeated", words, Role::Text);
        }
        if files.shared > 0 {
            let words = format!(
                "{} events share an id with another event and are listed separately",
                grouped(files.shared)
            );
            self.fact("shared id", words, Role::Wait);
        }
        for trouble in &files.troubles {
            self.wrapped(trouble, Role::Bad);
        }
        for note in &files.notes {
            self.wrapped(note, Role::Wait);
        }
    }

    /// Adds a line with the numbers of marks and notes.
    fn marks(&mut self) {
        let marks = self.model.rows.marks();
        let noted = marks.iter().filter(|(_, mark)| !mark.note.is_empty()).count() as u64;
        let words = match (&self.model.workspace.fault, marks.len() as u64) {
            (Some(_), _) => "not stored".to_owned(),
            (None, 0) => return,
            (None, count) => format!("{}, {} with a note", grouped(count), grouped(noted)),
        };
        let role = if self.model.workspace.fault.is_some() { Role::Bad } else { Role::Text };
        self.fact("marks", words, role);
    }

    /// Adds lines about the last successful poll of an org, the poll interval, and the use of the rate limit.
    fn traffic(&mut self, sources: &OrgSources) {
        let traffic = sources.board.traffic;
        if let Some(at) = traffic.last_good.max(sources.coverage.last_good_poll) {
            let at = time::second(self.model, at);
            // Rounded to tenths, because a share of the rate limit can give a fraction of a second.
            let tenths = |interval: Duration| (interval.as_secs_f64() * 10.0).round() / 10.0;
            let words =
                traffic.interval.map_or(at.clone(), |interval| format!("{at}, every {} s", tenths(interval)));
            self.fact("last poll", words, Role::Text);
        }
        if let (Some(limit), Some(ours)) = (traffic.limit, traffic.ours) {
            let left = traffic.remaining.map_or(String::new(), |left| format!(", {} left", grouped(left)));
            let words = format!(
                "{} of our {} requests a minute; the limit is {}{left}",
                grouped(u64::from(traffic.used)),
                grouped(ours),
                grouped(limit)
            );
            self.fact("budget", words, if traffic.is_low() { Role::Wait } else { Role::Text });
        }
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
