//! Runs the real binary on its own pseudo-terminal, and reads what the user sees.

use std::io::{Read as _, Write};
use std::num::NonZero;
use std::sync::Arc;

use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};

use super::process::{Sandbox, Sim, Tell, Watched, on_end, one_at_a_time};

/// Raw mode is not visible in the output, so it is read from the terminal.
pub(crate) const ON: &str = "\x1b[?1049h\x1b[?7l\x1b[?25l\x1b[?2004h";
pub(crate) const OFF: &str = "\x1b[?2004l\x1b[?25h\x1b[?7h\x1b[H\x1b[2J\x1b[?1049l";
/// The output of the terminal.
pub(crate) struct Shown {
    pub(crate) bytes: Vec<u8>,
    pub(crate) parser: vt100::Parser,
    pub(crate) ended: bool,
    /// Whether no more output can come: the last process on the terminal is gone, or reading has stopped.
    pub(crate) is_silent: bool,
    pub(crate) is_closing: bool,
}

impl Tell for Shown {
    fn tell(&self) -> String {
        format!("ended: {}, {} bytes\n{}", self.ended, self.bytes.len(), self.text())
    }
}

impl Shown {
    pub(crate) fn text(&self) -> String {
        self.parser.screen().contents()
    }

    pub(crate) fn has(&self, words: &str) -> bool {
        self.text().contains(words)
    }

    /// Returns whether a full redraw has begun since a number of bytes.
    pub(crate) fn is_cleared_after(&self, bytes: usize) -> bool {
        self.bytes.get(bytes..).is_some_and(|new| memchr::memmem::find(new, b"\x1b[2J").is_some())
    }

    /// Returns the last line. A frame draws it last, so the frame is complete when it is there.
    pub(crate) fn foot(&self) -> String {
        self.text().lines().last().unwrap_or_default().to_owned()
    }

    /// Returns the number of rows of the list: lines that contain a kind.
    pub(crate) fn rows(&self) -> usize {
        let kinds = ["grant", "revoke", " org ", " adm +", " adm -"];
        let is_row = |line: &&str| kinds.iter().any(|kind| line.contains(kind));
        self.text().lines().skip(2).filter(is_row).count()
    }
}

/// The program on its own terminal.
pub(crate) struct Terminal {
    /// The user's side of the terminal, or `None` after it was closed.
    pub(crate) person: Option<(Box<dyn MasterPty + Send>, Box<dyn Write + Send>)>,
    pub(crate) child: Box<dyn Child + Send + Sync>,
    pub(crate) id: u32,
    pub(crate) shown: Arc<Watched<Shown>>,
    /// The terminal's settings before the start.
    pub(crate) before: String,
}

pub(crate) fn size(columns: u16, rows: u16) -> PtySize {
    PtySize { rows, cols: columns, pixel_width: 0, pixel_height: 0 }
}

pub(crate) fn cells(number: u16) -> NonZero<u16> {
    NonZero::new(number).expect("a terminal has cells")
}

impl Terminal {
    pub(crate) fn open(sandbox: &Sandbox, org: Option<&Sim>, size: (u16, u16), args: &[&str]) -> Self {
        Self::open_as(sandbox, org, size, args, true)
    }

    /// The same. `has_own` says whether the terminal is the program's controlling terminal, so that closing it sends
    /// SIGHUP.
    pub(crate) fn open_as(
        sandbox: &Sandbox,
        org: Option<&Sim>,
        size: (u16, u16),
        args: &[&str],
        has_own: bool,
    ) -> Self {
        Self::open_in(sandbox, org, size, args, &[], has_own)
    }

    /// The same, with more environment variables.
    pub(crate) fn open_in(
        sandbox: &Sandbox,
        org: Option<&Sim>,
        (columns, rows): (u16, u16),
        args: &[&str],
        more: &[(&str, &str)],
        has_own: bool,
    ) -> Self {
        let mut command = CommandBuilder::new(env!("CARGO_BIN_EXE_consentwatch"));
        command.env_clear();
        for (name, value) in sandbox.environment(org.map(|org| org.url.as_str())) {
            command.env(name, value);
        }
        for (name, value) in more {
            command.env(name, value);
        }
        command.cwd(sandbox.path(""));
        command.args(args);
        command.set_controlling_tty(has_own);
        let (master, before, child) = one_at_a_time(|| {
            let pair = native_pty_system().openpty(size(columns, rows)).expect("a pseudo-terminal");
            let before = format!("{:?}", pair.master.get_termios());
            let child = pair.slave.spawn_command(command).expect("the binary starts");
            (pair.master, before, child)
        });
        let shown = Watched::new(Shown {
            bytes: Vec::new(),
            parser: vt100::Parser::new(cells(rows), cells(columns), 0),
            ended: false,
            is_silent: false,
            is_closing: false,
        });
        let mut output = master.try_clone_reader().expect("the terminal can be read");
        let keys = master.take_writer().expect("the terminal can be typed at");
        let id = child.process_id().expect("a process has a number");
        let ended = Arc::clone(&shown);
        on_end(id, move || ended.with(|shown| shown.ended = true));
        let heard = Arc::clone(&shown);
        std::thread::spawn(move || {
            let mut piece = [0; 1 << 14];
            while let Ok(length @ 1..) = output.read(&mut piece) {
                let is_closing = heard.with(|shown| {
                    shown.bytes.extend_from_slice(&piece[..length]);
                    shown.parser.process(&piece[..length]);
                    shown.is_closing
                });
                if is_closing {
                    break;
                }
            }
            drop(output);
            heard.with(|shown| shown.is_silent = true);
        });
        Self { person: Some((master, keys)), child, id, shown, before }
    }

    pub(crate) fn press(&mut self, typed: &[u8]) {
        let (_, keys) = self.person.as_mut().expect("the terminal was not closed");
        keys.write_all(typed).and_then(|()| keys.flush()).expect("the program reads its keys");
    }

    /// Requests a full redraw and returns it. All keys typed before have taken effect by then.
    #[track_caller]
    pub(crate) fn redrawn(&mut self) -> String {
        let bytes = self.shown.with(|shown| shown.bytes.len());
        self.press(b"\x0c");
        self.shown.wait("a frame drawn anew", |shown| {
            (shown.is_cleared_after(bytes) && shown.foot().contains("q quit")).then(|| shown.text())
        })
    }

    /// Waits until the screen meets a condition.
    #[track_caller]
    pub(crate) fn wait(&self, what: &str, mut look: impl FnMut(&Shown) -> bool) {
        self.shown.wait(what, |shown| look(shown).then_some(()));
    }

    #[track_caller]
    pub(crate) fn wait_words(&self, words: &str) {
        self.wait(words, |shown| shown.has(words));
    }

    /// Resizes the terminal, and waits until the screen has been redrawn.
    #[track_caller]
    pub(crate) fn resize(
        &self,
        (columns, rows): (u16, u16),
        what: &str,
        mut look: impl FnMut(&Shown) -> bool,
    ) {
        let bytes = self.shown.with(|shown| {
            shown.parser.screen_mut().set_size(cells(rows), cells(columns));
            shown.bytes.len()
        });
        let (master, _) = self.person.as_ref().expect("the terminal was not closed");
        master.resize(size(columns, rows)).expect("a terminal can change its size");
        self.wait(what, |shown| shown.is_cleared_after(bytes) && look(shown));
    }

    /// Waits for the end and returns the exit code. Checks that all modes were switched off in reverse order, and that
    /// there is no output after that.
    #[track_caller]
    pub(crate) fn end_restored(self) -> u32 {
        let (code, said) = self.end_saying();
        assert_eq!(said, "", "nothing is said after the end");
        code
    }

    /// Does the same, and returns what was said after that.
    #[track_caller]
    pub(crate) fn end_saying(mut self) -> (u32, String) {
        self.wait("the end of the program", |shown| shown.ended && shown.is_silent);
        let status = self.child.wait().expect("it has ended");
        assert_eq!(status.signal(), None, "it was not killed");
        let after = self.person.as_ref().map(|(master, _)| format!("{:?}", master.get_termios()));
        assert_eq!(after.as_ref(), Some(&self.before), "raw mode is off");
        let said = self.shown.with(|shown| {
            let bytes = String::from_utf8_lossy(&shown.bytes);
            assert!(bytes.starts_with(ON), "{:?}", bytes.chars().take(80).collect::<String>());
            let end: String = bytes.chars().skip(bytes.chars().count().saturating_sub(80)).collect();
            let (_, said) = bytes.rsplit_once(OFF).unwrap_or_else(|| panic!("not switched off: {end:?}"));
            assert_eq!(bytes.matches("\x1b[?1049").count(), 2, "the other screen was taken and left once");
            let screen = shown.parser.screen();
            assert!(!screen.alternate_screen() && !screen.hide_cursor() && !screen.bracketed_paste());
            let words = |text: &str| text.split_whitespace().collect::<String>();
            assert_eq!(words(&screen.contents()), words(said), "the screen from before is as it was");
            said.to_owned()
        });
        (status.exit_code(), said)
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // It may have ended long ago.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}
