//! The picture in the README: cells of a real frame as SVG. `UPDATE_FRAMES=1 cargo test --test screen` regenerates it.

use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

use consentwatch::consent::OrgId;
use consentwatch::model::Msg;
use consentwatch::sim::Plan;
use ratatui::buffer::{Buffer, Cell};
use ratatui::style::{Color, Modifier};

use crate::rig::{Rig, backlog};

/// The size of the screen in cells.
const SIZE: (u16, u16) = (120, 32);
/// The size of a cell and the margin around the screen, in tenths of a pixel. Whole numbers keep the file the same
/// everywhere.
const CELL: (u32, u32) = (78, 170);
const MARGIN: u32 = 120;
/// The default colors of the terminal, for cells without a color of the theme.
const GROUND: &str = "#14171c";
const INK: &str = "#d5d9de";

#[tokio::test]
async fn the_picture_in_the_readme_is_of_this_screen() {
    let probed = Rig::start_probing("oie", SIZE.0, SIZE.1).await;
    let readiness = probed.model.sources.first().board.readiness.clone();
    let mut rig = Rig::start_with_names(Plan { seed: 3, ..backlog(120) }, SIZE.0, SIZE.1).await;
    // A look-up every two seconds, until people and clients have their names.
    for _ in 0..240 {
        rig.advance(Duration::from_secs(1)).await;
    }
    rig.press("kkkk");
    rig.org.emit(2);
    rig.advance(Duration::from_secs(11)).await;
    let mut board = rig.model.sources.first().board.clone();
    board.readiness = readiness;
    rig.tell(Msg::Board(OrgId(0), Box::new(board)));
    let picture = svg(&rig.buffer());

    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/screen.svg");
    if std::env::var_os("UPDATE_FRAMES").is_some() {
        std::fs::write(&path, picture).expect("the picture is written");
        return;
    }
    let drawn = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        drawn == picture,
        "docs/screen.svg shows another screen. UPDATE_FRAMES=1 cargo test --test screen writes this one:\n{}",
        rig.text()
    );
}

/// Neighboring cells of one line with the same style.
struct Run {
    from: u16,
    cells: u16,
    text: String,
    look: Look,
}

#[derive(Clone, PartialEq, Eq)]
struct Look {
    ink: String,
    ground: Option<String>,
    modifier: Modifier,
}

impl Look {
    fn of(cell: &Cell) -> Self {
        let (ink, ground) = (hex(cell.fg), hex(cell.bg));
        let modifier = cell.modifier;
        if modifier.contains(Modifier::REVERSED) {
            let (ink, ground) = (ground.unwrap_or_else(|| GROUND.into()), ink.unwrap_or_else(|| INK.into()));
            return Self { ink, ground: Some(ground), modifier };
        }
        Self { ink: ink.unwrap_or_else(|| INK.into()), ground, modifier }
    }
}

/// Returns the color that the theme gives a cell, or `None` for the terminal's own.
fn hex(color: Color) -> Option<String> {
    match color {
        Color::Rgb(red, green, blue) => Some(format!("#{red:02x}{green:02x}{blue:02x}")),
        Color::Reset => None,
        other => panic!("the theme of the picture has true colors, and this is {other:?}"),
    }
}

/// Returns the runs of a line. Each word is a run, and so is each character that a font may draw wider or narrower than
/// a cell, so that columns stay aligned with any font.
fn runs(buffer: &Buffer, y: u16) -> Vec<Run> {
    let mut runs: Vec<Run> = Vec::new();
    let mut x = 0;
    while x < buffer.area.width {
        let cell = &buffer[(x, y)];
        let cells = consentwatch::view::text::width(cell.symbol()).max(1);
        let look = Look::of(cell);
        let is_plain = cell.symbol().is_ascii();
        match runs.last_mut() {
            Some(last)
                if last.look == look
                    && is_plain
                    && last.text.is_ascii()
                    && !(last.text.ends_with(' ') && cell.symbol() != " ") =>
            {
                last.text.push_str(cell.symbol());
                last.cells += cells;
            }
            _ => runs.push(Run { from: x, cells, text: cell.symbol().to_owned(), look }),
        }
        x += cells;
    }
    runs
}

/// Writes tenths of a pixel as pixels.
fn px(tenths: u32) -> String {
    if tenths.is_multiple_of(10) {
        return (tenths / 10).to_string();
    }
    format!("{}.{}", tenths / 10, tenths % 10)
}

/// Draws a frame as SVG. The picture has no fonts, scripts or links.
fn svg(buffer: &Buffer) -> String {
    let (width, height) = (u32::from(buffer.area.width) * CELL.0, u32::from(buffer.area.height) * CELL.1);
    let (full_width, full_height) = (px(width + 2 * MARGIN), px(height + 2 * MARGIN));
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{full_width}\" height=\"{full_height}\" \
         viewBox=\"0 0 {full_width} {full_height}\" role=\"img\">\n\
         <title>The screen of consentwatch on a simulated org</title>\n\
         <rect width=\"100%\" height=\"100%\" rx=\"8\" fill=\"{GROUND}\"/>\n\
         <g font-family=\"ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', \
         'Liberation Mono', monospace\" font-size=\"13\">\n"
    );
    for y in 0..buffer.area.height {
        let top = MARGIN + u32::from(y) * CELL.1;
        let runs = runs(buffer, y);
        for run in &runs {
            let Some(ground) = &run.look.ground else { continue };
            let (left, length) = (MARGIN + u32::from(run.from) * CELL.0, u32::from(run.cells) * CELL.0);
            writeln!(
                out,
                "<rect x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" fill=\"{ground}\"/>",
                px(left),
                px(top),
                px(length),
                px(CELL.1)
            )
            .expect("a String");
        }
        for run in &runs {
            let is_lined = run.look.modifier.contains(Modifier::UNDERLINED);
            let (text, blank) = if is_lined {
                (run.text.as_str(), 0)
            } else {
                let text = run.text.trim_start_matches(' ');
                (text.trim_end_matches(' '), run.text.len() - text.len())
            };
            if text.is_empty() {
                continue;
            }
            let cells = u32::from(consentwatch::view::text::width(text));
            let left = MARGIN + (u32::from(run.from) + u32::try_from(blank).expect("few")) * CELL.0;
            let mut look = format!("fill=\"{}\"", run.look.ink);
            for (modifier, words) in [
                (Modifier::BOLD, " font-weight=\"bold\""),
                (Modifier::DIM, " opacity=\"0.7\""),
                (Modifier::ITALIC, " font-style=\"italic\""),
                (Modifier::UNDERLINED, " text-decoration=\"underline\""),
            ] {
                if run.look.modifier.contains(modifier) {
                    look.push_str(words);
                }
            }
            let text = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
            writeln!(
                out,
                "<text x=\"{}\" y=\"{}\" textLength=\"{}\" lengthAdjust=\"spacingAndGlyphs\" \
                 xml:space=\"preserve\" {look}>{text}</text>",
                px(left),
                px(top + 130),
                px(cells * CELL.0)
            )
            .expect("a String");
        }
    }
    out.push_str("</g>\n</svg>\n");
    out
}
