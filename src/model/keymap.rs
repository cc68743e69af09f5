//! Which chord does what: the table, with the person's own keys in place of its.

use super::keys::{BINDINGS, Binding, Chord, Command, Key, Mode};

/// The keys in force.
#[derive(Clone, Debug)]
pub struct KeyMap {
    /// In the order of the table.
    chords: Vec<Vec<Chord>>,
}

/// Keys that cannot be had.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum KeyMapError {
    /// There is no such command.
    #[error("[keys] {name}: there is no such command; the commands are {known}")]
    Command {
        /// As it was written.
        name: String,
        /// All that there are.
        known: String,
    },
    /// There is no such key.
    #[error(
        "[keys] {name}: \"{text}\" is no key; write a character, ^d for Control and d, Alt-d, or one of {NAMES}"
    )]
    Key {
        /// The command.
        name: String,
        /// As it was written.
        text: String,
    },
    /// Two commands would have the same key.
    #[error("[keys] {name}: {chord} is the key of {other} as well; give one of them another")]
    Clash {
        /// One command.
        name: String,
        /// The other.
        other: String,
        /// The key.
        chord: Chord,
    },
    /// Nobody could leave the program.
    #[error("[keys] {name}: this command needs a key")]
    None {
        /// The command.
        name: String,
    },
}

const NAMES: &str =
    "Enter Esc Tab BackTab Up Down Left Right PgUp PgDn Home End Backspace Delete Insert space F1 to F12";

impl Default for KeyMap {
    fn default() -> Self {
        Self { chords: BINDINGS.iter().map(|binding| binding.chords.to_vec()).collect() }
    }
}

impl KeyMap {
    /// Puts a person's keys in place of the table's, command by command.
    ///
    /// # Errors
    /// Names the command and the key that cannot be had.
    pub fn new<'a>(
        own: impl IntoIterator<Item = (&'a String, &'a Vec<String>)>,
    ) -> Result<Self, KeyMapError> {
        let mut map = Self::default();
        let mut named = Vec::new();
        for (name, keys) in own {
            let place = BINDINGS.iter().position(|binding| binding.command.name() == *name);
            let Some(place) = place else {
                let known: Vec<String> = BINDINGS.iter().map(|binding| binding.command.name()).collect();
                return Err(KeyMapError::Command { name: name.clone(), known: known.join(" ") });
            };
            let read = |text: &String| {
                chord(text).ok_or_else(|| KeyMapError::Key { name: name.clone(), text: text.clone() })
            };
            map.chords[place] = keys.iter().map(read).collect::<Result<_, _>>()?;
            let is_needed =
                matches!(BINDINGS[place].command, Command::Quit | Command::Back | Command::Interrupt);
            if is_needed && keys.is_empty() {
                return Err(KeyMapError::None { name: name.clone() });
            }
            named.push(place);
        }
        map.check(&named)?;
        Ok(map)
    }

    fn check(&self, named: &[usize]) -> Result<(), KeyMapError> {
        for one in named.iter().copied() {
            for other in (0..BINDINGS.len()).filter(|other| *other != one) {
                let share = BINDINGS[one].modes.iter().any(|mode| BINDINGS[other].modes.contains(mode));
                let same = self.chords[one].iter().find(|chord| self.chords[other].contains(chord));
                if let (true, Some(chord)) = (share, same) {
                    return Err(KeyMapError::Clash {
                        name: BINDINGS[one].command.name(),
                        other: BINDINGS[other].command.name(),
                        chord: *chord,
                    });
                }
            }
        }
        Ok(())
    }

    /// Returns what a chord means in a mode.
    pub fn command(&self, mode: Mode, chord: Chord) -> Option<Command> {
        self.bindings()
            .find(|(binding, chords)| binding.modes.contains(&mode) && chords.contains(&chord))
            .map(|(binding, _)| binding.command)
    }

    /// Returns each line of the table with its keys.
    pub fn bindings(&self) -> impl Iterator<Item = (&'static Binding, &[Chord])> {
        BINDINGS.iter().zip(self.chords.iter().map(Vec::as_slice))
    }

    /// Returns the first key and the words of each line that is hinted at in a mode.
    pub fn hints(&self, mode: Mode) -> impl Iterator<Item = (Chord, &'static str)> {
        self.bindings()
            .filter(move |(binding, _)| !binding.hint.is_empty() && binding.modes.contains(&mode))
            .filter_map(|(binding, chords)| Some((*chords.first()?, binding.hint)))
    }
}

/// Reads a key as the help page writes it.
fn chord(text: &str) -> Option<Chord> {
    let mut chord = Chord::plain(Key::Esc);
    let mut rest = text;
    loop {
        let stripped =
            [("^", 0), ("Ctrl-", 0), ("Alt-", 1), ("Shift-", 2)].into_iter().find_map(|(word, which)| {
                Some((rest.strip_prefix(word).filter(|rest| !rest.is_empty())?, which))
            });
        let Some((after, which)) = stripped else { break };
        match which {
            0 => chord.ctrl = true,
            1 => chord.alt = true,
            _ => chord.shift = true,
        }
        rest = after;
    }
    let mut characters = rest.chars();
    chord.key = match (characters.next()?, characters.next()) {
        (c, None) if !c.is_control() => Key::Char(if chord.ctrl { c.to_ascii_lowercase() } else { c }),
        _ => named(rest)?,
    };
    Some(chord)
}

fn named(text: &str) -> Option<Key> {
    let number = |text: &str| text.parse::<u8>().ok().filter(|number| (1..=12).contains(number));
    Some(match text.to_ascii_lowercase().as_str() {
        "enter" => Key::Enter,
        "esc" => Key::Esc,
        "tab" => Key::Tab,
        "backtab" => Key::BackTab,
        "up" => Key::Up,
        "down" => Key::Down,
        "left" => Key::Left,
        "right" => Key::Right,
        "pgup" => Key::PageUp,
        "pgdn" => Key::PageDown,
        "home" => Key::Home,
        "end" => Key::End,
        "backspace" => Key::Backspace,
        "delete" => Key::Delete,
        "insert" => Key::Insert,
        "space" => Key::Char(' '),
        other => Key::F(number(other.strip_prefix('f')?)?),
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn map(own: &[(&str, &[&str])]) -> Result<KeyMap, KeyMapError> {
        let own: BTreeMap<String, Vec<String>> = own
            .iter()
            .map(|(name, keys)| ((*name).to_owned(), keys.iter().map(|key| (*key).to_owned()).collect()))
            .collect();
        KeyMap::new(&own)
    }

    #[test]
    fn every_key_of_the_table_is_read_as_it_is_written() {
        for binding in BINDINGS {
            for wanted in binding.chords {
                assert_eq!(chord(&wanted.to_string()), Some(*wanted), "{wanted}");
            }
        }
        for text in ["", "Enterr", "F13", "F0", "ab", "\u{1b}", "Hyper-x"] {
            assert_eq!(chord(text), None, "{text}");
        }
        assert_eq!(chord("Ctrl-D"), Some(Chord::ctrl('d')));
        assert_eq!(chord("^"), Some(Chord::char('^')));
    }

    #[test]
    fn own_keys_take_the_place_of_the_table_s() {
        let own = map(&[("quit", &["Q", "F10"]), ("down", &["e"]), ("fetch_session", &["E"])]).unwrap();
        assert_eq!(own.command(Mode::List, Chord::char('Q')), Some(Command::Quit));
        assert_eq!(own.command(Mode::List, Chord::char('q')), None);
        assert_eq!(own.command(Mode::List, Chord::char('e')), Some(Command::Down));
        assert_eq!(own.command(Mode::List, Chord::char('k')), Some(Command::Up));
    }

    #[test]
    fn what_cannot_be_had_is_named() {
        let say = |own| map(own).unwrap_err().to_string();
        assert!(
            say(&[("dance", &["d"])])
                .starts_with("[keys] dance: there is no such command; the commands are help")
        );
        assert!(say(&[("quit", &["Meta-q"])]).contains("\"Meta-q\" is no key"));
        assert_eq!(
            say(&[("quit", &["j"])]),
            "[keys] quit: j is the key of down as well; give one of them another"
        );
        assert_eq!(say(&[("quit", &[])]), "[keys] quit: this command needs a key");
        assert!(map(&[("follow", &[])]).is_ok(), "a key may be taken away");
    }
}
