//! Frames as text: the characters, the style of each cell as a letter, and a legend of the letters.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use consentwatch::view::{Theme, roles};
use ratatui::buffer::Buffer;

/// Returns a frame as text: its characters, a letter for the style of each cell (`.` is plain text), and the legend.
pub fn print(buffer: &Buffer, theme: &Theme) -> String {
    let (mut text, mut styles) = (String::new(), String::new());
    let mut legend = BTreeMap::new();
    for y in 0..buffer.area.height {
        let (mut line, mut letters) = (String::new(), String::new());
        let mut skip = 0;
        for x in 0..buffer.area.width {
            let cell = &buffer[(x, y)];
            if skip > 0 {
                skip -= 1;
            } else {
                line.push_str(cell.symbol());
                skip = usize::from(consentwatch::view::text::width(cell.symbol())).saturating_sub(1);
            }
            let letter = theme.letter(cell.style());
            if let Some((role, _)) = roles().iter().find(|(_, known)| known.eq_ignore_ascii_case(&letter)) {
                legend.insert(letter, format!("{role:?}"));
            }
            letters.push(letter);
        }
        writeln!(text, "{}", line.trim_end()).expect("a String");
        writeln!(styles, "{}", letters.trim_end()).expect("a String");
    }
    let legend: Vec<String> = legend.into_iter().map(|(letter, role)| format!("{letter} {role}")).collect();
    format!("{text}--- styles\n{styles}--- legend\n{}\n", legend.join("\n"))
}

/// Compares a frame with the one in `tests/screen/frames`. With `UPDATE_FRAMES=1` in the environment, writes the file
/// instead.
#[track_caller]
pub fn check(name: &str, frame: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/screen/frames").join(format!("{name}.txt"));
    if std::env::var_os("UPDATE_FRAMES").is_some() {
        fs::write(&path, frame).expect("the frame is written");
        return;
    }
    let golden = fs::read_to_string(&path).unwrap_or_default();
    assert!(golden == frame, "{name} differs from its golden frame; it is now:\n{frame}");
}
