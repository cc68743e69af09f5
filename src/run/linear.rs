//! The linear face: each event is a sentence, each command a line. No cursor is moved and no mode is changed, so that a
//! screen reader, a braille line or a dumb terminal can follow.

use std::io::{self, BufRead as _, IsTerminal as _, Read as _, Write as _};
use std::path::PathBuf;
use std::time::Duration;

use jiff::tz::TimeZone;
use tokio::sync::mpsc;

use super::lines::matches;
use super::{Feed, Marked, Source};
use crate::clock::Clock;
use crate::consent::{Consent, Seq, Stored, visible};
use crate::exit::{Exit, Signal};
use crate::export::{sentence, sentences};
use crate::journal::ReadError;
use crate::model::Query;
use crate::okta;
use crate::report::{Board, Part, Pulse};
use crate::tui::{Signals, Stop, hangup};

/// How the linear face begins.
#[derive(Debug)]
pub struct LinearOptions {
    /// The folder of the journal, and of the marks beside it.
    pub dir: PathBuf,
    /// What the first sentence names; made visible.
    pub org: String,
    /// What rows must match to be told.
    pub filter: Option<Query>,
    /// Ends by itself after this long.
    pub stop_after: Option<Duration>,
}

/// Rows read at a time.
const BATCH: usize = 200;
/// What is told at the start, and by `list` without a number.
const FEW: usize = 5;
/// The most that `list` tells.
const MANY: usize = 200;
/// `list` with a filter looks through this many rows and no more.
const LOOK_MAX: usize = 20_000;
/// The longest command, in bytes.
const LINE_MAX: u64 = 4096;

const HELP: &str = "Commands, each with Enter. list, or list and a number: the latest consents. \
show and a number: all of one consent. status: how the sources are. filter and words: tell only what matches. \
filter alone: tell all again. hold: only count what comes. go: tell again. poll: ask Okta now. \
help: this. quit: leave. Short forms: l, s, f, g, p, h, q.";

/// Tells consents as sentences until the person or a signal ends it.
///
/// # Errors
/// Standard output or the journal cannot be used: a sentence for stderr.
pub async fn linear(
    options: LinearOptions,
    feed: &Feed,
    source: Source,
    clock: &Clock,
) -> Result<Exit, String> {
    let mut signals = Signals::listen().map_err(|error| format!("Signals cannot be heard: {error}."))?;
    let marked = Marked::beside(&options.dir)?;
    let stop_at = options.stop_after.map(|length| clock.uptime() + length);
    let mut teller = Teller {
        source,
        filter: options.filter,
        marked,
        seen: Seq(0),
        has_begun: false,
        is_held: false,
        missed: 0,
        told: Vec::new(),
    };
    let mut typed = commands().map_err(|error| format!("Commands cannot be read: {error}."))?;
    let mut end =
        say(&format!("consentwatch tells the consents of {}. Type help for commands.", options.org));
    loop {
        if let Ok(()) = end {
            end = teller.tell_news(feed);
        }
        match end {
            Ok(()) => {}
            Err(Trouble::Over(exit)) => return Ok(exit),
            Err(Trouble::Failed(words)) => return Err(words),
        }
        tokio::select! {
            biased;
            stop = signals.stop() => return Ok(Exit::Signal(match stop {
                Stop::Interrupt => Signal::Interrupt,
                Stop::Terminate => Signal::Terminate,
                Stop::Hangup => Signal::HangUp,
            })),
            line = typed.recv() => match line {
                Some(line) => end = teller.obey(&line, feed, clock),
                None if hangup::is_gone() => return Ok(Exit::Signal(Signal::HangUp)),
                None => return Ok(Exit::Done),
            },
            () = teller.source.moved() => {}
            _ = clock.sleep_until(stop_at.unwrap_or(Duration::MAX)), if stop_at.is_some() => return Ok(Exit::Done),
        }
    }
}

/// Why no more is told.
enum Trouble {
    Over(Exit),
    Failed(String),
}

impl From<ReadError> for Trouble {
    fn from(error: ReadError) -> Self {
        Self::Failed(error.fault().to_string())
    }
}

struct Teller {
    source: Source,
    filter: Option<Query>,
    marked: Marked,
    seen: Seq,
    /// Whether what was there before is behind us.
    has_begun: bool,
    is_held: bool,
    /// What came while held.
    missed: u64,
    /// What was said of the sources last.
    told: Vec<String>,
}

impl Teller {
    /// Tells what is new of sources and consents.
    fn tell_news(&mut self, feed: &Feed) -> Result<(), Trouble> {
        // The board is read before the rows: what it calls caught up is then certainly among them.
        let board = self.source.board();
        self.tell_board(&board)?;
        if !self.has_begun {
            let pulse = board.get(Part::Poll);
            if feed.holder.is_none() && !matches!(pulse, Pulse::Live) && pulse.fault().is_none() {
                return Ok(());
            }
            self.has_begun = true;
            self.seen = self.source.head().last;
            let rows = self.source.reader().counts()?.rows;
            if let Some(holder) = &feed.holder {
                say(&format!("Process {holder} writes this journal; it is followed here, read-only."))?;
            }
            say(&format!("{rows} consents are stored."))?;
            return self.tell_latest(FEW);
        }
        self.marked.refresh();
        loop {
            let records = self.source.reader().records_after(self.seen, BATCH)?;
            let Some(last) = records.last() else { return Ok(()) };
            self.seen = last.seq;
            for stored in &records {
                let consent = okta::restore(stored);
                if !self.passes(stored, &consent) {
                    continue;
                }
                if self.is_held {
                    self.missed += 1;
                } else {
                    say(&sentence(stored.seq, &consent))?;
                }
            }
        }
    }

    fn passes(&self, stored: &Stored, consent: &Consent) -> bool {
        let note = self.marked.note(&stored.key);
        self.filter.as_ref().is_none_or(|filter| matches(filter, stored.seq, consent, note))
    }

    /// Tells how the sources are, where that is not what was told last. Okta's own numbers differ each time it refuses,
    /// so a fault counts by its short form.
    fn tell_board(&mut self, board: &Board) -> Result<(), Trouble> {
        let mut states = Vec::new();
        for part in [Part::Poll, Part::Hook, Part::Journal] {
            let pulse = board.get(part);
            let (brief, words) = match pulse.fault() {
                Some(fault) => (fault.brief.clone(), format!("{}: {fault}", part.word())),
                None if matches!(pulse, Pulse::Off | Pulse::Starting) => continue,
                None => (String::new(), format!("{} is {}.", part.word(), pulse.word())),
            };
            states.push((format!("{} {} {brief}", part.word(), pulse.word()), words));
        }
        for (state, words) in &states {
            if !self.told.contains(state) {
                say(words)?;
            }
        }
        self.told = states.into_iter().map(|(state, _)| state).collect();
        Ok(())
    }

    /// Tells the latest that pass the filter, oldest of them first.
    fn tell_latest(&mut self, wanted: usize) -> Result<(), Trouble> {
        let mut found = Vec::new();
        let mut before = Seq(i64::MAX);
        let mut looked = 0;
        'all: while looked < LOOK_MAX {
            let page = self.source.reader().before(before, BATCH)?;
            let Some(first) = page.rows.first() else { break };
            before = first.seq;
            looked += page.rows.len();
            for row in page.rows.iter().rev() {
                let Some(stored) = self.source.reader().record(row.seq)? else { continue };
                let consent = okta::restore(&stored);
                if self.passes(&stored, &consent) {
                    found.push(sentence(stored.seq, &consent));
                    if found.len() == wanted {
                        break 'all;
                    }
                }
            }
        }
        match (found.len(), looked) {
            (0, 0) => say("None to tell."),
            (0, _) => say(&format!("Of the latest {looked} none matches.")),
            _ => {
                say(&format!("The latest {}:", found.len()))?;
                found.iter().rev().try_for_each(|sentence| say(sentence))
            }
        }
    }

    /// Does what a line asks for.
    fn obey(&mut self, line: &Line, feed: &Feed, clock: &Clock) -> Result<(), Trouble> {
        let Line::Whole(line) = line else {
            return say(&format!("A command has at most {LINE_MAX} bytes. Nothing was done."));
        };
        let line = line.trim();
        let (word, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
        let rest = rest.trim();
        match word.to_lowercase().as_str() {
            "" => Ok(()),
            "h" | "help" | "?" => say(HELP),
            "q" | "quit" | "exit" => Err(Trouble::Over(Exit::Done)),
            "l" | "list" => match rest.parse::<usize>() {
                _ if rest.is_empty() => self.tell_latest(FEW),
                Ok(number @ 1..=MANY) => self.tell_latest(number),
                _ => say(&format!("list takes a number from 1 to {MANY}.")),
            },
            "s" | "show" if !rest.is_empty() => self.show(rest),
            "s" | "status" => self.status(),
            "f" | "filter" => self.filter_by(rest, clock),
            "hold" => {
                self.is_held = true;
                say("Held: what comes is counted. Type go to hear again.")
            }
            "g" | "go" => {
                let missed = std::mem::take(&mut self.missed);
                self.is_held = false;
                say(&format!("Going on. {missed} came while held; list tells the latest."))
            }
            "p" | "poll" => {
                feed.nudge.notify_one();
                say("Asking Okta now.")
            }
            _ => say(&format!("There is no command {}. Type help for commands.", visible(word))),
        }
    }

    fn show(&mut self, number: &str) -> Result<(), Trouble> {
        let Ok(number) = number.parse() else { return say("show takes the number of a consent.") };
        match self.source.reader().record(Seq(number))? {
            Some(stored) => {
                let consent = okta::restore(&stored);
                sentences(stored.seq, &consent).iter().try_for_each(|line| say(line))
            }
            None => say(&format!("No consent has the number {number}.")),
        }
    }

    fn status(&mut self) -> Result<(), Trouble> {
        let rows = self.source.reader().counts()?.rows;
        say(&format!("{rows} consents are stored."))?;
        if let Some(filter) = &self.filter {
            say(&format!("Told is what matches {}.", visible(filter.text())))?;
        }
        if self.is_held {
            say(&format!("Held; {} came since.", self.missed))?;
        }
        match self.source.reader().coverage()?.complete_since {
            Some(since) => say(&format!("Complete since {since:.0}."))?,
            None => say("How far back it is complete is not known yet.")?,
        }
        self.told.clear();
        let board = self.source.board();
        self.tell_board(&board)
    }

    fn filter_by(&mut self, text: &str, clock: &Clock) -> Result<(), Trouble> {
        if text.is_empty() {
            self.filter = None;
            return say("No filter: all is told.");
        }
        match Query::parse(text, clock.now().as_millisecond(), &TimeZone::UTC) {
            Err(error) => say(&format!(
                "The filter is not taken: {}. What was told before is told.",
                visible(&error.to_string())
            )),
            Ok(query) => {
                if let Some(field) = query.screen_field() {
                    return say(&format!("{field}: is for the screen, which knows all rows."));
                }
                self.filter = Some(query);
                say("Only what matches is told.")
            }
        }
    }
}

/// A line as it was typed.
enum Line {
    Whole(String),
    TooLong,
}

/// Reads commands on a thread of its own; nothing can take a read of a terminal back. The end of a terminal's input is
/// the end of commands and the wish to leave; where input is no terminal there are none, and no end.
fn commands() -> io::Result<mpsc::Receiver<Line>> {
    let (tell, told) = mpsc::channel(16);
    std::thread::Builder::new().name("commands".to_owned()).spawn(move || {
        let mut input = io::stdin().lock();
        while let Ok(Some(line)) = read_line(&mut input) {
            if tell.blocking_send(line).is_err() {
                return;
            }
        }
        if !io::stdin().is_terminal() && !hangup::is_gone() {
            // Commands were piped in, or never there: what is told goes on until a signal.
            while !tell.is_closed() {
                std::thread::park();
            }
        }
    })?;
    Ok(told)
}

fn read_line(input: &mut impl io::BufRead) -> io::Result<Option<Line>> {
    let mut bytes = Vec::new();
    input.by_ref().take(LINE_MAX).read_until(b'\n', &mut bytes)?;
    if bytes.is_empty() {
        return Ok(None);
    }
    if bytes.len() as u64 == LINE_MAX && !bytes.ends_with(b"\n") {
        input.skip_until(b'\n')?;
        return Ok(Some(Line::TooLong));
    }
    Ok(Some(Line::Whole(String::from_utf8_lossy(&bytes).into_owned())))
}

/// Tells one line.
fn say(line: &str) -> Result<(), Trouble> {
    let mut out = io::stdout().lock();
    // One write, so that nothing stands between a sentence and its end.
    match out.write_all(format!("{line}\n").as_bytes()).and_then(|()| out.flush()) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Err(Trouble::Over(Exit::Done)),
        Err(error) if hangup::is_hangup(&error) => Err(Trouble::Over(Exit::Signal(Signal::HangUp))),
        Err(error) => Err(Trouble::Failed(format!(
            "Standard output cannot be written: {error}. Nothing stored is lost."
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_has_a_bound_and_the_next_is_whole_again() {
        let long = format!("{}\nlist 3\nlast", "x".repeat(10_000));
        let mut input = long.as_bytes();
        assert!(matches!(read_line(&mut input), Ok(Some(Line::TooLong))));
        for expected in ["list 3\n", "last"] {
            let Ok(Some(Line::Whole(line))) = read_line(&mut input) else { panic!("a line") };
            assert_eq!(line, expected);
        }
        assert!(matches!(read_line(&mut input), Ok(None)));
    }
}
