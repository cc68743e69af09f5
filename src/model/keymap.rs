//! The key bindings in force: the default table with the changes of the user's configuration.

use std::collections::HashMap;
use std::str::FromStr;

use super::key_bindings::{BINDINGS, Chord, Command, Key, Mode};

/// The key bindings in force. Dispatch, help, hints and the palette read them.
#[derive(Clone, Debug)]
pub struct Keymap {
    lines: Vec<KeyLine>,
}

/// One command with the keys that it has now.
#[derive(Clone, Debug)]
pub struct KeyLine {
    /// The command.
    pub command: Command,
    /// The chords bound to the command. Empty if the user removed them.
    pub chords: Vec<Chord>,
    /// The modes in which the command is available.
    pub modes: &'static [Mode],
    /// The description on the help page.
    pub words: &'static str,
    /// One or two words for the hint line, or an empty string if the command is not hinted at.
    pub hint: &'static str,
}

/// An error in the user's key bindings.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{command}: {why}")]
pub struct KeymapError {
    /// The name of the command with the faulty binding.
    pub command: String,
    /// The reason.
    pub why: String,
}

impl Default for Keymap {
    fn default() -> Self {
        let lines = BINDINGS.iter().map(|binding| KeyLine {
            command: binding.command,
            chords: binding.chords.to_vec(),
            modes: binding.modes,
            words: binding.words,
            hint: binding.hint,
        });
        Self { lines: lines.collect() }
    }
}

impl Keymap {
    /// Returns the default table with changes: for each named command, the keys that replace its default keys.
    ///
    /// # Errors
    /// A command or a key is not known, a key would mean two things in one place, or nothing would be left to quit by.
    pub fn changed<'a>(
        changes: impl IntoIterator<Item = (&'a str, &'a [String])>,
    ) -> Result<Self, KeymapError> {
        let mut keymap = Self::default();
        let mut touched = Vec::new();
        for (name, keys) in changes {
            let fail = |why: String| KeymapError { command: name.to_owned(), why };
            let Some(command) = Command::from_name(name) else {
                return Err(fail(unknown(name)));
            };
            let chords: Vec<Chord> =
                keys.iter().map(|key| key.parse()).collect::<Result<_, _>>().map_err(fail)?;
            for line in keymap.lines.iter_mut().filter(|line| line.command == command) {
                line.chords.clone_from(&chords);
            }
            touched.push(command);
        }
        keymap.check(&touched)?;
        Ok(keymap)
    }

    fn check(&self, touched: &[Command]) -> Result<(), KeymapError> {
        let mut seen: HashMap<(Mode, Chord), Command> = HashMap::new();
        for line in &self.lines {
            for mode in line.modes {
                for chord in &line.chords {
                    let Some(other) = seen.insert((*mode, *chord), line.command) else { continue };
                    if other == line.command {
                        continue;
                    }
                    // The error is reported at the command that the user changed, and names the other one.
                    let (ours, other) = if touched.contains(&line.command) {
                        (line.command, other)
                    } else {
                        (other, line.command)
                    };
                    let why = format!(
                        "the key {chord} already belongs to {}; give one of them another key",
                        other.name()
                    );
                    return Err(KeymapError { command: ours.name(), why });
                }
            }
        }
        let ends = |line: &KeyLine| matches!(line.command, Command::Quit | Command::Interrupt);
        if !self.lines.iter().any(|line| ends(line) && !line.chords.is_empty()) {
            let why = "neither quit nor interrupt would have a key, and there would be no way out".to_owned();
            return Err(KeymapError { command: Command::Quit.name(), why });
        }
        Ok(())
    }

    /// Returns the command of a chord in a mode, or `None` if the chord is not bound there.
    pub fn command(&self, mode: Mode, chord: Chord) -> Option<Command> {
        let means = |line: &&KeyLine| line.modes.contains(&mode) && line.chords.contains(&chord);
        self.lines.iter().find(means).map(|line| line.command)
    }

    /// Returns the first chord and the hint of each command that is hinted at in a mode.
    pub fn hints(&self, mode: Mode) -> impl Iterator<Item = (Chord, &'static str)> {
        let hinted = move |line: &&KeyLine| !line.hint.is_empty() && line.modes.contains(&mode);
        self.lines.iter().filter(hinted).filter_map(|line| Some((*line.chords.first()?, line.hint)))
    }

    /// Returns every line, in the order of the help page.
    pub fn lines(&self) -> &[KeyLine] {
        &self.lines
    }

    /// Returns the first key of a command, or `None` if it has no key.
    pub fn key(&self, command: Command) -> Option<Chord> {
        let line = self.lines.iter().find(|line| line.command == command && !line.chords.is_empty());
        line.map(|line| line.chords[0])
    }
}

impl KeyLine {
    /// Returns the keys as the help page shows them.
    pub fn keys(&self) -> String {
        self.chords.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
    }
}

fn unknown(name: &str) -> String {
    let names: Vec<String> = BINDINGS.iter().map(|binding| binding.command.name()).collect();
    let near = names.iter().find(|known| known.contains(name) || name.contains(known.as_str()));
    match near {
        Some(near) => format!("no command has this name; did you mean {near}? The palette (:) lists all"),
        None => "no command has this name; the palette (:) lists all".to_owned(),
    }
}

impl Command {
    /// Returns the name of the command in the configuration and the palette, for example `half_down`.
    pub fn name(self) -> String {
        let mut name = String::new();
        for c in format!("{self:?}").chars() {
            if c.is_ascii_uppercase() && !name.is_empty() {
                name.push('_');
            }
            name.push(c.to_ascii_lowercase());
        }
        name
    }

    /// Returns the command with a name, or `None` if there is none.
    pub fn from_name(name: &str) -> Option<Self> {
        BINDINGS.iter().map(|binding| binding.command).find(|command| command.name() == name)
    }
}

/// The names of the keys that are not characters.
const NAMES: &[(&str, Key)] = &[
    ("space", Key::Char(' ')),
    ("enter", Key::Enter),
    ("return", Key::Enter),
    ("esc", Key::Esc),
    ("escape", Key::Esc),
    ("tab", Key::Tab),
    ("backtab", Key::BackTab),
    ("up", Key::Up),
    ("down", Key::Down),
    ("left", Key::Left),
    ("right", Key::Right),
    ("pgup", Key::PageUp),
    ("pageup", Key::PageUp),
    ("pgdn", Key::PageDown),
    ("pagedown", Key::PageDown),
    ("home", Key::Home),
    ("end", Key::End),
    ("backspace", Key::Backspace),
    ("delete", Key::Delete),
    ("insert", Key::Insert),
];

impl FromStr for Chord {
    type Err = String;

    /// Parses a key such as `j`, `^d`, `space`, `Alt-x`, `Shift-Up` or `F5`.
    fn from_str(text: &str) -> Result<Self, String> {
        let shown = crate::consent::visible(text).into_owned();
        let fail = |why: &str| Err(format!("\"{shown}\" is not a key: {why}"));
        let mut chord = Self::plain(Key::Esc);
        let mut rest = text;
        loop {
            let stripped =
                [("^", 0), ("ctrl-", 0), ("alt-", 1), ("shift-", 2)].iter().find_map(|(prefix, which)| {
                    let start = rest.get(..prefix.len())?;
                    // A prefix with nothing after it is an ordinary character, such as `^`.
                    let after = rest.get(prefix.len()..).filter(|after| !after.is_empty())?;
                    start.eq_ignore_ascii_case(prefix).then_some((*which, after))
                });
            let Some((which, after)) = stripped else { break };
            match which {
                0 => chord.ctrl = true,
                1 => chord.alt = true,
                _ => chord.shift = true,
            }
            rest = after;
        }
        let mut chars = rest.chars();
        chord.key = match (chars.next(), chars.next()) {
            (Some(c), None) if !c.is_control() => Key::Char(c),
            _ => match named(rest) {
                Some(key) => key,
                None => {
                    return fail(
                        "write a character, ^d, Alt-x, or a name such as space, Enter, Up, PgDn, F5",
                    );
                }
            },
        };
        match &mut chord {
            Self { key: Key::Char(_), shift: true, .. } => {
                fail("write the character that Shift gives, such as G in place of Shift-g")
            }
            Self { key: Key::Char('i' | 'I' | 'm' | 'M' | '['), ctrl: true, .. } => {
                fail("a terminal sends Tab, Enter or Esc for it")
            }
            Self { key: Key::Char(c), ctrl: true, .. } => {
                c.make_ascii_lowercase();
                Ok(chord)
            }
            _ => Ok(chord),
        }
    }
}

fn named(word: &str) -> Option<Key> {
    let word = word.to_ascii_lowercase();
    if let Some(number) = word.strip_prefix('f').and_then(|digits| digits.parse().ok()) {
        return (1..=24).contains(&number).then_some(Key::F(number));
    }
    NAMES.iter().find(|(name, _)| *name == word).map(|(_, key)| *key)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn changed(changes: &[(&str, &[&str])]) -> Result<Keymap, String> {
        let owned: Vec<(&str, Vec<String>)> = changes
            .iter()
            .map(|(name, keys)| (*name, keys.iter().map(|key| (*key).to_owned()).collect()))
            .collect();
        Keymap::changed(owned.iter().map(|(name, keys)| (*name, keys.as_slice())))
            .map_err(|error| error.to_string())
    }

    #[test]
    fn every_key_and_command_of_the_table_can_be_written() {
        for binding in BINDINGS {
            assert_eq!(Command::from_name(&binding.command.name()), Some(binding.command));
            for chord in binding.chords {
                assert_eq!(chord.to_string().parse(), Ok(*chord));
            }
        }
        assert_eq!(Command::HalfDown.name(), "half_down");
        let chord = |text: &str| text.parse::<Chord>();
        assert_eq!(chord("CTRL-d"), Ok(Chord::ctrl('d')));
        assert_eq!(chord("^D"), Ok(Chord::ctrl('d')));
        assert_eq!(chord("^"), Ok(Chord::char('^')));
        assert_eq!(chord("-"), Ok(Chord::char('-')));
        assert_eq!(chord("Alt--"), Ok(Chord { alt: true, ..Chord::char('-') }));
        assert_eq!(chord("shift-pageup"), Ok(Chord { shift: true, ..Chord::plain(Key::PageUp) }));
        assert_eq!(chord("é"), Ok(Chord::char('é')));
        for bad in ["", "jj", "Shift-g", "^i", "Ctrl-M", "F0", "F25", "\u{1b}", "Hyper-x", "down arrow"] {
            assert!(chord(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn keys_are_changed_in_every_mode_of_a_command() {
        let keymap = changed(&[("down", &["E", "Down"]), ("quit", &["Q"]), ("order", &[])]).unwrap();
        for mode in [Mode::List, Mode::Help] {
            assert_eq!(keymap.command(mode, Chord::char('E')), Some(Command::Down));
            assert_eq!(keymap.command(mode, Chord::char('j')), None);
        }
        assert_eq!(keymap.command(Mode::List, Chord::char('o')), None);
        assert!(keymap.hints(Mode::List).any(|(chord, words)| (chord, words) == (Chord::char('Q'), "quit")));
        // A key that became free may be used again, and two commands may swap keys.
        changed(&[("down", &["k"]), ("up", &["j"])]).unwrap();
    }

    #[test]
    fn what_cannot_be_is_refused_by_name() {
        for (changes, wanted) in [
            (&[("fall", &["x"] as &[&str])] as &[(&str, &[&str])], "fall: no command has this name"),
            (&[("half", &["x"])], "did you mean half_down?"),
            (&[("down", &["jj"])], "down: \"jj\" is not a key"),
            (&[("down", &["q"])], "down: the key q already belongs to quit"),
            (&[("quit", &["j"])], "quit: the key j already belongs to down"),
            (&[("down", &["x"]), ("up", &["x"])], "the key x already belongs to"),
            (&[("quit", &[]), ("interrupt", &[])], "no way out"),
        ] {
            let error = changed(changes).unwrap_err();
            assert!(error.contains(wanted), "{error}");
        }
        assert!(changed(&[("quit", &[])]).is_ok(), "^c is left");
        // Two commands that share no mode may share a key, as in the default table.
        assert!(
            changed(&[("fold", &["F"])]).is_err()
                && changed(&[("fold", &["x"]), ("go_to_time", &["x"])]).is_ok()
        );
    }
}
