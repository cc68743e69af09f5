//! How each thing looks: roles to styles, glyphs to characters.
//!
//! Nothing is told by color alone, and where two colors stand against each other they are blue and orange, which
//! every kind of color vision tells apart. Without colors bold, underline and reverse say what matters.

use std::borrow::Cow;

use ratatui::style::{Color as Ink, Modifier, Style};
use ratatui::symbols::border;

use super::text;
use crate::consent::in_ascii;

/// What something on the screen is. A drawing names the role, never the color.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[repr(u8)]
pub enum Role {
    /// What is read.
    Text,
    /// What is read last: separators, what repeats, what is off.
    Dim,
    /// The program's name and the titles of panes.
    Title,
    /// The heads of columns.
    Header,
    /// The name of a field.
    Label,
    /// The row under the cursor, in the pane that has the keys.
    Selected,
    /// The row under the cursor in another pane.
    SelectedDim,
    /// A part that is well; a verdict that passed.
    Good,
    /// Something that will pass, or is not proven.
    Wait,
    /// Something that needs the person.
    Bad,
    /// A key in help and hints.
    Key,
    /// A consent that a person gave.
    KindGrant,
    /// A consent that ended.
    KindRevoke,
    /// A consent of an admin, either way.
    KindAdmin,
    /// What a search found.
    Match,
    /// What came since the reader looked.
    New,
    /// Lines around panes.
    Border,
    /// Lines around the pane that has the keys.
    BorderFocus,
    /// The marker of the cursor's row, and of rows that the person marked.
    Mark,
    /// What the person types.
    Prompt,
    /// What was hidden in a text and has been made visible.
    Odd,
}

/// Every role and the letter that stands for its style in a golden frame. An upper-case letter is the same role on the
/// selected row.
const ROLES: [(Role, char); 21] = [
    (Role::Text, '.'),
    (Role::Dim, 'd'),
    (Role::Title, 't'),
    (Role::Header, 'h'),
    (Role::Label, 'l'),
    (Role::Selected, 's'),
    (Role::SelectedDim, 'u'),
    (Role::Good, 'g'),
    (Role::Wait, 'w'),
    (Role::Bad, 'b'),
    (Role::Key, 'k'),
    (Role::KindGrant, 'a'),
    (Role::KindRevoke, 'r'),
    (Role::KindAdmin, 'p'),
    (Role::Match, 'm'),
    (Role::New, 'n'),
    (Role::Border, 'e'),
    (Role::BorderFocus, 'f'),
    (Role::Mark, 'x'),
    (Role::Prompt, 'i'),
    (Role::Odd, 'o'),
];

/// Returns every role and its letter.
pub fn roles() -> &'static [(Role, char)] {
    &ROLES
}

/// Which colors suit the terminal's background.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum ThemeKind {
    /// Light text on a dark ground.
    Dark,
    /// Dark text on a light ground.
    Light,
    /// The terminal's own sixteen colors, as the person has set them.
    Ansi,
    /// No colors.
    Mono,
}

/// How many colors the terminal has.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Depth {
    /// None.
    None,
    /// The eight of ECMA-48.
    C8,
    /// Those and their bright ones.
    C16,
    /// The 256 of xterm.
    C256,
    /// Red, green and blue in eight bits each.
    True,
}

/// What the person said about colors.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum Color {
    /// As the environment says.
    #[default]
    Auto,
    /// Colors, whatever the environment says.
    Always,
    /// No colors.
    Never,
}

/// A character that is drawn, and not part of a text. Each is one column wide.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[repr(u8)]
pub enum Glyph {
    /// At the left of the cursor's row.
    Cursor,
    /// At the left of a row that the person marked.
    Mark,
    /// Where a text was cut.
    Cut,
    /// There is more below.
    Down,
    /// There is more above.
    Up,
    /// Before the state of a part.
    Dot,
    /// Between things on a line.
    Between,
    /// From one thing to another.
    To,
    /// Before a branch that is open.
    Open,
    /// Before a branch that is folded.
    Folded,
    /// A line across.
    Across,
    /// A line down.
    Upright,
}

/// Each glyph where Unicode is to be had, and where it is not.
const GLYPHS: [(Glyph, &str, &str); 12] = [
    (Glyph::Cursor, "▌", ">"),
    (Glyph::Mark, "◆", "*"),
    (Glyph::Cut, "…", "~"),
    (Glyph::Down, "↓", "v"),
    (Glyph::Up, "↑", "^"),
    (Glyph::Dot, "●", "*"),
    (Glyph::Between, "·", "-"),
    (Glyph::To, "→", ">"),
    (Glyph::Open, "▾", "-"),
    (Glyph::Folded, "▸", "+"),
    (Glyph::Across, "─", "-"),
    (Glyph::Upright, "│", "|"),
];

const ASCII_BORDER: border::Set<'static> = border::Set {
    top_left: "+",
    top_right: "+",
    bottom_left: "+",
    bottom_right: "+",
    vertical_left: "|",
    vertical_right: "|",
    horizontal_top: "-",
    horizontal_bottom: "-",
};

/// The looks of everything.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Theme {
    /// Whether our own signs are ASCII.
    pub ascii: bool,
    /// Whether texts from outside are drawn in ASCII too, since the terminal reads no UTF-8.
    pub escapes: bool,
    styles: [Style; ROLES.len()],
}

impl Theme {
    /// Makes a theme for a ground and a number of colors, with all glyphs.
    pub fn new(kind: ThemeKind, depth: Depth) -> Self {
        let palette = Palette::of(kind, depth);
        Self {
            ascii: false,
            escapes: false,
            styles: ROLES.map(|(role, _)| palette.map_or_else(|| mono(role), |p| p.style(role))),
        }
    }

    /// The sign behind the head of a column: of the one that a list is sorted by, none behind the others.
    pub(super) fn sort_sign(&self, is_sorted: bool, is_turned: bool) -> &'static str {
        match (is_sorted, is_turned, self.ascii) {
            (false, ..) => "",
            (true, false, false) => "↑",
            (true, true, false) => "↓",
            (true, false, true) => "+",
            (true, true, true) => "-",
        }
    }

    /// The sign before the reader's row.
    pub(super) fn cursor(&self) -> &'static str {
        if self.ascii { ">" } else { "▌" }
    }

    /// Words of ours with the signs that the terminal has.
    pub(super) fn plain<'a>(&self, words: &'a str) -> Cow<'a, str> {
        if self.ascii { words.replace('…', "...").replace('·', "|").into() } else { words.into() }
    }

    /// Draws with ASCII only, or with all glyphs.
    #[must_use]
    pub fn with_ascii(mut self, ascii: bool) -> Self {
        self.ascii = ascii;
        self
    }

    /// Chooses a theme by the configuration's word (`auto`, `dark`, `light`, `ansi`, `mono`; any other is `auto`), by
    /// what the person said about colors, and by the environment.
    ///
    /// `NO_COLOR` counts if it is not empty (no-color.org). `auto` is light only if `COLORFGBG` names a light ground,
    /// and dark otherwise. Our signs are ASCII where that is asked for and where the locale is not UTF-8; there texts
    /// from outside are, too.
    pub fn choose(theme: &str, color: Color, env: &dyn Fn(&str) -> Option<String>, ascii: bool) -> Self {
        let depth = match color {
            Color::Never => Depth::None,
            Color::Auto if env("NO_COLOR").is_some_and(|value| !value.is_empty()) => Depth::None,
            Color::Auto => depth(env),
            Color::Always => depth(env).max(Depth::C8),
        };
        let kind = match theme {
            "dark" => ThemeKind::Dark,
            "light" => ThemeKind::Light,
            "ansi" => ThemeKind::Ansi,
            "mono" => ThemeKind::Mono,
            _ if has_light_ground(env) => ThemeKind::Light,
            _ => ThemeKind::Dark,
        };
        let escapes = !is_utf8(env);
        Self { escapes, ..Self::new(kind, depth).with_ascii(ascii || escapes) }
    }

    /// Returns the style of a role.
    pub fn style(&self, role: Role) -> Style {
        self.styles[role as usize]
    }

    /// Returns the style of a role on the ground of another, such as a kind on the selected row.
    ///
    /// Where the ground has no color of its own, only its modifiers tell it, and the role's color stays away:
    /// reversed it would be a ground of its own.
    pub fn over(&self, ground: Role, role: Role) -> Style {
        let (ground, style) = (self.style(ground), self.style(role));
        match (ground.bg, style.fg) {
            (Some(_), Some(fg)) => ground.fg(fg).add_modifier(style.add_modifier),
            _ => ground.add_modifier(style.add_modifier),
        }
    }

    /// Returns the letter of the role that has a cell's style, in upper case on the selected row; `?` if none has it.
    ///
    /// In themes of few colors several roles share a style; the first one in [`roles`] answers.
    pub fn letter(&self, style: Style) -> char {
        let wanted = settled(style);
        let plain = ROLES.iter().find(|(role, _)| settled(self.style(*role)) == wanted);
        if let Some((_, letter)) = plain {
            return *letter;
        }
        let selected = ROLES.iter().find(|(role, _)| settled(self.over(Role::Selected, *role)) == wanted);
        selected.map_or('?', |(_, letter)| letter.to_ascii_uppercase())
    }

    /// Returns a glyph, one column wide.
    pub fn glyph(&self, glyph: Glyph) -> &'static str {
        let (_, unicode, ascii) = GLYPHS[glyph as usize];
        if self.ascii { ascii } else { unicode }
    }

    /// Returns the characters of a box.
    pub fn border(&self) -> border::Set<'static> {
        if self.ascii { ASCII_BORDER } else { border::PLAIN }
    }

    /// Returns a text as this terminal can show it.
    pub fn shown<'a>(&self, text: &'a str) -> Cow<'a, str> {
        if self.escapes { in_ascii(text) } else { Cow::Borrowed(text) }
    }

    /// Returns `text` if it fits into `width` columns, otherwise cut with this theme's mark.
    pub fn cut<'a>(&self, text: &'a str, width: u16) -> std::borrow::Cow<'a, str> {
        text::cut(text, width, self.glyph(Glyph::Cut))
    }

    /// Returns `text` in exactly `width` columns, cut with this theme's mark or filled at its end.
    pub fn pad<'a>(&self, text: &'a str, width: u16) -> std::borrow::Cow<'a, str> {
        text::pad(text, width, self.glyph(Glyph::Cut))
    }
}

/// A style as a cell has it: with a value for everything.
fn settled(style: Style) -> (Ink, Ink, Modifier) {
    (style.fg.unwrap_or(Ink::Reset), style.bg.unwrap_or(Ink::Reset), style.add_modifier)
}

/// The colors of one ground at one depth.
#[derive(Clone, Copy)]
struct Palette {
    dim: Ink,
    good: Ink,
    wait: Ink,
    bad: Ink,
    key: Ink,
    admin: Ink,
    border: Ink,
    /// Text and ground, or `None` where the terminal's colors are not known well enough to lay one on another.
    selected: Option<(Ink, Ink)>,
    selected_dim: Option<(Ink, Ink)>,
    matched: Option<(Ink, Ink)>,
}

impl Palette {
    /// Returns the palette, or none where there are no colors.
    fn of(kind: ThemeKind, depth: Depth) -> Option<Self> {
        // True colors are Okabe and Ito's, which all eyes tell apart, moved in lightness until each can be read on its
        // ground. The 256 are the nearest of the cube, which unlike the first sixteen nobody redefines.
        let palette = match (kind, depth) {
            (ThemeKind::Mono, _) | (_, Depth::None) => return None,
            (ThemeKind::Dark, Depth::True) => Self {
                dim: rgb(0x9a_9a_9a),
                good: rgb(0x56_b4_e9),
                wait: rgb(0xf0_e4_42),
                bad: rgb(0xff_8a_3d),
                key: rgb(0x4c_d2_a8),
                admin: rgb(0xe2_9a_c4),
                border: rgb(0x80_80_80),
                selected: Some((rgb(0xff_ff_ff), rgb(0x1f_3a_5f))),
                selected_dim: Some((rgb(0xff_ff_ff), rgb(0x30_30_30))),
                matched: Some((rgb(0x00_00_00), rgb(0xe6_9f_00))),
            },
            (ThemeKind::Dark, Depth::C256) => Self {
                dim: Ink::Indexed(247),
                good: Ink::Indexed(74),
                wait: Ink::Indexed(227),
                bad: Ink::Indexed(209),
                key: Ink::Indexed(79),
                admin: Ink::Indexed(176),
                border: Ink::Indexed(244),
                selected: Some((Ink::Indexed(231), Ink::Indexed(17))),
                selected_dim: Some((Ink::Indexed(231), Ink::Indexed(236))),
                matched: Some((Ink::Indexed(16), Ink::Indexed(178))),
            },
            (ThemeKind::Light, Depth::True) => Self {
                dim: rgb(0x60_60_60),
                good: rgb(0x00_5f_9e),
                wait: rgb(0x7a_5c_00),
                bad: rgb(0xa8_40_00),
                key: rgb(0x00_6b_4f),
                admin: rgb(0x8a_3a_70),
                border: rgb(0x76_76_76),
                selected: Some((rgb(0x00_00_00), rgb(0xc9_e2_f7))),
                selected_dim: Some((rgb(0x00_00_00), rgb(0xe4_e4_e4))),
                matched: Some((rgb(0x00_00_00), rgb(0xf0_b4_3c))),
            },
            (ThemeKind::Light, Depth::C256) => Self {
                dim: Ink::Indexed(59),
                good: Ink::Indexed(24),
                wait: Ink::Indexed(58),
                bad: Ink::Indexed(124),
                key: Ink::Indexed(23),
                admin: Ink::Indexed(90),
                border: Ink::Indexed(243),
                selected: Some((Ink::Indexed(16), Ink::Indexed(189))),
                selected_dim: Some((Ink::Indexed(16), Ink::Indexed(254))),
                matched: Some((Ink::Indexed(16), Ink::Indexed(215))),
            },
            (ThemeKind::Dark, Depth::C16) => Self {
                dim: Ink::DarkGray,
                good: Ink::LightCyan,
                wait: Ink::LightYellow,
                bad: Ink::LightRed,
                key: Ink::LightBlue,
                admin: Ink::LightMagenta,
                border: Ink::DarkGray,
                ..Self::BASIC
            },
            (ThemeKind::Light, Depth::C16 | Depth::C8) => {
                // Yellow and cyan cannot be read on white.
                Self { good: Ink::Blue, wait: Ink::Magenta, key: Ink::Blue, ..Self::BASIC }
            }
            (ThemeKind::Dark, Depth::C8) | (ThemeKind::Ansi, _) => Self::BASIC,
        };
        Some(palette)
    }

    /// The eight colors that every color terminal has. Blue on black is left out: on many it cannot be read.
    const BASIC: Self = Self {
        dim: Ink::Reset,
        good: Ink::Cyan,
        wait: Ink::Yellow,
        bad: Ink::Red,
        key: Ink::Cyan,
        admin: Ink::Magenta,
        border: Ink::Reset,
        selected: None,
        selected_dim: None,
        matched: None,
    };

    fn style(self, role: Role) -> Style {
        let ink = |ink: Ink| if ink == Ink::Reset { Style::new() } else { Style::new().fg(ink) };
        let laid = |pair: Option<(Ink, Ink)>| pair.map(|(fg, bg)| Style::new().fg(fg).bg(bg));
        match role {
            Role::Text => Style::new(),
            // Where dim has no color, the modifier has to say it.
            Role::Dim if self.dim == Ink::Reset => mono(role),
            Role::Dim => ink(self.dim),
            Role::Title | Role::Header | Role::Prompt => mono(role),
            Role::Label => ink(self.dim).italic(),
            Role::Selected => laid(self.selected).unwrap_or_else(|| mono(role)),
            Role::SelectedDim => laid(self.selected_dim).unwrap_or_else(|| mono(role)),
            Role::Good => ink(self.good).bold(),
            Role::KindGrant => ink(self.good),
            Role::Wait => ink(self.wait),
            Role::New => ink(self.wait).bold(),
            Role::Bad => ink(self.bad).bold(),
            Role::KindRevoke => ink(self.bad),
            Role::Key => ink(self.key).bold(),
            Role::KindAdmin => ink(self.admin),
            Role::Odd => ink(self.admin).reversed(),
            Role::Match => laid(self.matched).unwrap_or_else(|| mono(role)),
            Role::Border if self.border == Ink::Reset => mono(role),
            Role::Border => ink(self.border),
            Role::BorderFocus => ink(self.key),
            Role::Mark => ink(self.wait).underlined(),
        }
    }
}

/// The style of a role without colors.
fn mono(role: Role) -> Style {
    let plain = Style::new();
    match role {
        Role::Text | Role::KindGrant | Role::Good => plain,
        Role::Dim | Role::Border => plain.dim(),
        Role::Label => plain.italic(),
        Role::Title | Role::KindAdmin | Role::Key | Role::New | Role::BorderFocus | Role::Mark => {
            plain.bold()
        }
        Role::Header => plain.bold().underlined(),
        Role::Wait | Role::KindRevoke | Role::Prompt => plain.underlined(),
        Role::Bad | Role::Match | Role::Odd => plain.bold().reversed(),
        Role::Selected => plain.reversed(),
        Role::SelectedDim => plain.reversed().dim(),
    }
}

fn rgb(value: u32) -> Ink {
    Ink::from_u32(value)
}

fn depth(env: &dyn Fn(&str) -> Option<String>) -> Depth {
    let term = env("TERM").unwrap_or_default();
    if term.is_empty() || term == "dumb" || term.starts_with("vt") || term.ends_with("-m") {
        return Depth::None;
    }
    let has_all = matches!(env("COLORTERM").as_deref(), Some("truecolor" | "24bit"));
    // GNU screen passes COLORTERM on from outside and cannot read what it promises.
    let is_screen = term == "screen" || term.starts_with("screen.") || term.starts_with("screen-");
    if (has_all && !is_screen) || term.ends_with("-direct") {
        return Depth::True;
    }
    let is_modern =
        ["kitty", "alacritty", "wezterm", "ghostty", "foot", "tmux"].iter().any(|name| term.contains(name));
    if term.contains("256color") || is_modern || has_all {
        Depth::C256
    } else if term.starts_with("ansi") || term.starts_with("cons25") {
        Depth::C8
    } else {
        Depth::C16
    }
}

/// Whether `COLORFGBG`, which some terminals set to the numbers of text and ground, names a light ground.
fn has_light_ground(env: &dyn Fn(&str) -> Option<String>) -> bool {
    let value = env("COLORFGBG").unwrap_or_default();
    let ground = value.rsplit(';').next().and_then(|number| number.parse::<u8>().ok());
    ground.is_some_and(|number| matches!(number, 7 | 9..=15))
}

/// Whether the first locale variable that says anything says UTF-8 (POSIX: an empty one says nothing).
pub fn is_utf8(env: &dyn Fn(&str) -> Option<String>) -> bool {
    let said = ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().filter_map(env).find(|value| !value.is_empty());
    said.is_some_and(|value| {
        let value = value.to_ascii_lowercase();
        value.contains("utf-8") || value.contains("utf8")
    })
}

#[cfg(test)]
mod tests;
