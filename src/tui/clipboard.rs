//! Copies text to the clipboard of the user's terminal, which may be remote, with OSC 52 (xterm: Control Sequences,
//! "Manipulate Selection Data").

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// The multiplexer between the program and the terminal. Sequences must be wrapped to pass through it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Between {
    /// No multiplexer.
    #[default]
    Nothing,
    /// tmux, which needs `allow-passthrough` or `set-clipboard`.
    Tmux,
    /// GNU screen, which accepts at most 768 bytes at a time.
    Screen,
}

/// The number of encoded bytes that every known terminal accepts in one sequence.
pub const ENCODED_MAX: usize = 74_994;
/// The number of bytes that GNU screen accepts at a time, less the bytes of the wrapper.
const SCREEN_PIECE: usize = 750;

impl Between {
    /// Detects the multiplexer from the environment.
    pub fn of(env: &dyn Fn(&str) -> Option<String>) -> Self {
        let has = |name| env(name).is_some_and(|value| !value.is_empty());
        let term = env("TERM").unwrap_or_default();
        if has("TMUX") || term.starts_with("tmux") {
            Self::Tmux
        } else if has("STY") || term.starts_with("screen") {
            Self::Screen
        } else {
            Self::Nothing
        }
    }
}

/// Returns the bytes that copy a text, or `None` if it is too long for a terminal.
pub fn copy(text: &str, between: Between) -> Option<Vec<u8>> {
    let encoded = STANDARD.encode(text);
    if encoded.len() > ENCODED_MAX {
        return None;
    }
    let plain = format!("\x1b]52;c;{encoded}\x07");
    Some(match between {
        Between::Nothing => plain.into_bytes(),
        // tmux copies the plain form to its own buffer, and passes the wrapped form, with each escape doubled, to the
        // terminal outside.
        Between::Tmux => format!("{plain}\x1bPtmux;{}\x1b\\", plain.replace('\x1b', "\x1b\x1b")).into_bytes(),
        Between::Screen => {
            let mut out = Vec::new();
            for piece in plain.as_bytes().chunks(SCREEN_PIECE) {
                out.extend_from_slice(b"\x1bP");
                out.extend_from_slice(piece);
                out.extend_from_slice(b"\x1b\\");
            }
            out
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_is_in_it_and_nothing_that_could_end_it_early() {
        let hostile = "a\x1b]52;c;x\x07b\x1b\\";
        assert_eq!(copy("hello", Between::Nothing).unwrap(), b"\x1b]52;c;aGVsbG8=\x07");
        let bytes = copy(hostile, Between::Nothing).unwrap();
        let text = String::from_utf8(bytes).unwrap();
        assert_eq!((text.matches('\x1b').count(), text.matches('\x07').count()), (1, 1));
        let tmux = String::from_utf8(copy("hello", Between::Tmux).unwrap()).unwrap();
        assert_eq!(tmux, "\x1b]52;c;aGVsbG8=\x07\x1bPtmux;\x1b\x1b]52;c;aGVsbG8=\x07\x1b\\");
    }

    #[test]
    fn screen_gets_pieces_that_it_takes() {
        let bytes = copy(&"x".repeat(3000), Between::Screen).unwrap();
        let text = String::from_utf8(bytes).unwrap();
        let pieces: Vec<&str> = text.split("\x1b\\").filter(|piece| !piece.is_empty()).collect();
        assert!(
            pieces.len() > 4 && pieces.iter().all(|piece| piece.starts_with("\x1bP") && piece.len() <= 764)
        );
        let joined: String = pieces.iter().map(|piece| piece.trim_start_matches("\x1bP")).collect();
        assert_eq!(joined.as_bytes(), copy(&"x".repeat(3000), Between::Nothing).unwrap());
    }

    #[test]
    fn what_no_terminal_takes_is_not_sent() {
        assert!(copy(&"x".repeat(56_244), Between::Nothing).is_some());
        assert!(copy(&"x".repeat(57_000), Between::Nothing).is_none());
    }

    #[test]
    fn what_stands_between_is_found_in_the_environment() {
        let of = |name: &'static str, value: &'static str| {
            Between::of(&move |asked| (asked == name).then(|| value.to_owned()))
        };
        assert_eq!(of("TMUX", "/tmp/tmux-0/default,1,0"), Between::Tmux);
        assert_eq!(of("TERM", "tmux-256color"), Between::Tmux);
        assert_eq!(of("STY", "1.pts-0"), Between::Screen);
        assert_eq!(of("TERM", "screen"), Between::Screen);
        assert_eq!(of("TERM", "xterm"), Between::Nothing);
    }
}
