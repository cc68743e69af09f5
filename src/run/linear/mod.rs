//! The linear mode: each event is a sentence, each command a line. The cursor never moves and no terminal mode changes,
//! so screen readers, braille displays and dumb terminals can follow.

mod book;
mod files;
mod journal;

use std::io::{self, BufRead as _, IsTerminal as _, Read as _, Write as _};
use std::time::Duration;

use jiff::tz::TimeZone;
use tokio::sync::mpsc;

use super::charset;
use super::matching::matches;
use crate::clock::Clock;
use crate::consent::{Orgs, Seq, visible};
use crate::exit::{Exit, Signal};
use crate::export::{sentence, sentences};
use crate::model::Query;
use crate::tui::{Signals, StopSignal, hangup};
use book::{Book, Go, News, Noted, Trouble};
pub use files::FileBook;
pub(super) use files::shared_words;
pub use journal::JournalBook;

/// How the linear mode starts.
#[derive(Debug)]
pub struct LinearOptions {
    /// The source named in the first sentence, with control characters made visible.
    pub org: String,
    /// Only consents that match this filter are printed.
    pub filter: Option<Query>,
    /// Stop after this long.
    pub stop_after: Option<Duration>,
    /// Stop at the end of input, even if it is not a terminal.
    pub ends_with_commands: bool,
}

/// How many consents are printed at the start, and by `list` without a number.
const FEW: usize = 5;
/// The most consents that `list` prints.
const MANY: usize = 200;
/// How many rows `list` searches for matches of a filter.
const LOOK_MAX: usize = 20_000;
/// The longest command, in bytes.
const LINE_MAX: u64 = 4096;

const HELP: &str = "Commands, each with Enter. list, or list and a number: the latest consents. show and a number: \
                    one consent in full. status: the state of the sources. filter and words: print only matches. \
                    filter alone: print all again. hold: only count new consents. go: print again. poll: ask Okta \
                    now. help: this list. quit: leave. Short forms: l, s, f, g, p, h, q.";

/// Prints consents as sentences until the user or a signal ends it.
///
/// # Errors
/// Returns a sentence for stderr if standard output or the book cannot be used.
pub async fn linear(options: LinearOptions, book: &mut impl Book, clock: &Clock) -> Result<Exit, String> {
    let mut signals =
        Signals::listen().map_err(|error| format!("Signal handlers cannot be installed: {error}."))?;
    let stop_at = options.stop_after.map(|length| clock.uptime() + length);
    let mut teller = Teller { book, filter: options.filter, is_held: false, missed: 0 };
    let mut typed =
        commands(options.ends_with_commands).map_err(|error| format!("Commands cannot be read: {error}."))?;
    let mut end =
        say(&format!("consentwatch prints the consents of {}. Type help for commands.", options.org));
    loop {
        if let Ok(()) = end {
            end = teller.tell_news();
        }
        match end {
            Ok(()) => {}
            Err(Trouble::Over(exit)) => return Ok(exit),
            Err(Trouble::Failed(words)) => return Err(words),
        }
        tokio::select! {
            biased;
            stop = signals.stop() => return Ok(Exit::Signal(match stop {
                StopSignal::Interrupt => Signal::Interrupt,
                StopSignal::Terminate => Signal::Terminate,
                StopSignal::Hangup => Signal::HangUp,
            })),
            line = typed.recv(), if teller.book.is_ready() => match line {
                Some(line) => end = teller.obey(&line, clock),
                None if hangup::is_gone() => return Ok(Exit::Signal(Signal::HangUp)),
                None => return Ok(Exit::Done),
            },
            () = teller.book.moved() => {}
            _ = clock.sleep_until(stop_at.unwrap_or(Duration::MAX)), if stop_at.is_some() => return Ok(Exit::Done),
        }
    }
}

struct Teller<'a, B> {
    book: &'a mut B,
    filter: Option<Query>,
    is_held: bool,
    /// How many matching consents came while output was held.
    missed: u64,
}

impl<B: Book> Teller<'_, B> {
    /// Prints what is new about sources and consents.
    fn tell_news(&mut self) -> Result<(), Trouble> {
        loop {
            let news = self.book.news()?;
            if news.is_empty() {
                return Ok(());
            }
            for piece in news {
                match piece {
                    News::Words(words) => say(&words)?,
                    News::Begun => self.tell_latest(FEW)?,
                    News::Came(noted) if !passes(self.filter.as_ref(), self.book.orgs(), &noted) => {}
                    News::Came(_) if self.is_held => self.missed += 1,
                    News::Came(noted) => say(&sentence(noted.seq, &noted.consent, self.book.orgs()))?,
                }
            }
        }
    }

    /// Prints the latest consents that pass the filter, oldest first.
    fn tell_latest(&mut self, wanted: usize) -> Result<(), Trouble> {
        let mut found = Vec::new();
        let filter = self.filter.as_ref();
        let orgs = self.book.orgs().clone();
        let looked = self.book.latest(LOOK_MAX, &mut |noted| {
            if passes(filter, &orgs, &noted) {
                found.push(sentence(noted.seq, &noted.consent, &orgs));
            }
            if found.len() == wanted { Go::Home } else { Go::On }
        })?;
        match (found.len(), looked) {
            (0, 0) => say("There are no consents."),
            (0, _) => say(&format!("None of the latest {looked} matches.")),
            _ => {
                say(&format!("The latest {}:", found.len()))?;
                found.iter().rev().try_for_each(|sentence| say(sentence))
            }
        }
    }

    /// Runs the command in a line.
    fn obey(&mut self, line: &Line, clock: &Clock) -> Result<(), Trouble> {
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
                say("Held: new consents are only counted. Type go to continue.")
            }
            "g" | "go" => {
                let missed = std::mem::take(&mut self.missed);
                self.is_held = false;
                say(&format!("Continuing. {missed} came while held; list prints the latest."))
            }
            "p" | "poll" => say(self.book.poll()),
            _ => say(&format!("There is no command {}. Type help for commands.", visible(word))),
        }
    }

    fn show(&mut self, number: &str) -> Result<(), Trouble> {
        let Ok(number) = number.parse() else { return say("show takes the number of a consent.") };
        match self.book.record(Seq(number))? {
            Some(consent) => {
                sentences(Seq(number), &consent, self.book.orgs()).iter().try_for_each(|line| say(line))
            }
            None => say(&format!("No consent has the number {number}.")),
        }
    }

    fn status(&mut self) -> Result<(), Trouble> {
        if let Some(filter) = &self.filter {
            say(&format!("The filter is {}.", visible(filter.text())))?;
        }
        if self.is_held {
            say(&format!("Held; {} came since.", self.missed))?;
        }
        self.book.status()?.iter().try_for_each(|words| say(words))
    }

    fn filter_by(&mut self, text: &str, clock: &Clock) -> Result<(), Trouble> {
        if text.is_empty() {
            self.filter = None;
            return say("No filter: all consents are printed.");
        }
        match Query::parse(text, clock.sure().as_millisecond(), &TimeZone::UTC) {
            Err(error) => say(&format!(
                "The filter is invalid: {}. The filter from before stays.",
                visible(&error.to_string())
            )),
            Ok(query) => {
                if let Some((field, _)) = query.screen_field() {
                    return say(&format!("{field}: works only on the screen, which has all rows."));
                }
                self.filter = Some(query);
                say("Only matching consents are printed.")
            }
        }
    }
}

fn passes(filter: Option<&Query>, orgs: &Orgs, noted: &Noted) -> bool {
    filter.is_none_or(|filter| matches(filter, orgs, noted.seq, &noted.consent, noted.note.as_deref()))
}

/// A line of input.
enum Line {
    Whole(String),
    TooLong,
}

/// Reads commands on a separate thread, because a blocking read of a terminal cannot be canceled.
///
/// The channel closes at the end of a terminal's input, which ends the program. Input that is not a terminal may be
/// empty, so its end closes the channel only if `ends` is set.
fn commands(ends: bool) -> io::Result<mpsc::Receiver<Line>> {
    let (tell, told) = mpsc::channel(16);
    std::thread::Builder::new().name("commands".to_owned()).spawn(move || {
        let mut input = io::stdin().lock();
        while let Ok(Some(line)) = read_line(&mut input) {
            if tell.blocking_send(line).is_err() {
                return;
            }
        }
        if !ends && !io::stdin().is_terminal() && !hangup::is_gone() {
            // The commands were piped in or there never were any. Output goes on until a signal.
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

/// Prints one line.
fn say(line: &str) -> Result<(), Trouble> {
    let mut out = io::stdout().lock();
    // One write, so that no other output can split a sentence.
    match out.write_all(format!("{}\n", charset::for_people(line)).as_bytes()).and_then(|()| out.flush()) {
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
