//! Themes: the style of each role and the character of each glyph.
//!
//! No information is shown by color alone. Contrasting colors are blue and orange, which every kind of color vision can
//! distinguish. Without colors, bold, underline and reverse are used instead.

use std::borrow::Cow;

use ratatui::style::{Color as Ink, Modifier, Style};
use ratatui::symbols::border;

use super::text;
use crate::consent::in_ascii;

/// The role of a text on the screen. Drawing code uses roles, never colors.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[repr(u8)]
pub enum Role {
    /// Normal text.
    Text,
    /// Less important text: separators, repetitions, and disabled items.
    Dim,
    /// The program's name and the titles of panes.
    Title,
    /// The headings of columns.
    Header,
    /// The name of a field.
    Label,
    /// The row under the cursor, in the pane that has the keys.
    Selected,
    /// The row under the cursor, in a pane that does not have the keys.
    SelectedDim,
    /// A part that works, or a verdict that passed.
    Good,
    /// Something temporary or not proven.
    Wait,
    /// Something that needs the user's attention.
    Bad,
    /// A key in help and hints.
    Key,
    /// A consent that a person gave.
    KindGrant,
    /// A revocation.
    KindRevoke,
    /// A grant by an administrator.
    KindAdmin,
    /// A match of a search.
    Match,
    /// The number of new rows.
    New,
    /// The border of a pane.
    Border,
    /// The border of the pane that has the keys.
    BorderFocus,
    /// The symbol of the cursor's row, and of rows that the user marked.
    Mark,
    /// Text that the user types.
    Prompt,
    /// Invisible characters of a text that were made visible.
    Odd,
}

/// Every role, and the letter for its style in a golden frame. An upper-case letter is the same role on the
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

/// The kind of colors, chosen for the terminal's background.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum ThemeKind {
    /// Light text on a dark background.
    Dark,
    /// Dark text on a light background.
    Light,
    /// The terminal's own 16 colors, as the user configured them.
    Ansi,
    /// No colors.
    Mono,
}

/// The number of colors that the terminal has.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Depth {
    /// No colors.
    None,
    /// The eight colors of ECMA-48.
    C8,
    /// The eight colors of ECMA-48 and their bright variants.
    C16,
    /// The 256 colors of xterm.
    C256,
    /// Red, green and blue with eight bits each.
    True,
}

/// The user's choice whether to use colors.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum Color {
    /// Depends on the environment.
    #[default]
    Auto,
    /// Colors, whatever the environment.
    Always,
    /// No colors.
    Never,
}

/// A symbol that the program draws. Each is one column wide.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[repr(u8)]
pub enum Glyph {
    /// To the left of the cursor's row.
    Cursor,
    /// To the left of a row that the user marked.
    Mark,
    /// At the end of a truncated text.
    Cut,
    /// There is more below.
    Down,
    /// There is more above.
    Up,
    /// Before the state of a part.
    Dot,
    /// Between items on a line.
    Between,
    /// From one item to another.
    To,
    /// Before a branch that is unfolded.
    Open,
    /// Before a branch that is folded.
    Folded,
    /// A horizontal line.
    Across,
    /// A vertical line.
    Upright,
}

/// Each glyph in Unicode and in ASCII.
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

/// The styles of all roles, and the character set of the screen.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Theme {
    /// Whether the program's own symbols are drawn in ASCII.
    pub ascii: bool,
    /// Whether texts from outside are drawn in ASCII too, because the terminal does not use UTF-8.
    pub escapes: bool,
    styles: [Style; ROLES.len()],
}

impl Theme {
    /// Creates a theme for a kind of colors and a depth, with Unicode symbols.
    pub fn new(kind: ThemeKind, depth: Depth) -> Self {
        let palette = Palette::of(kind, depth);
        Self {
            ascii: false,
            escapes: false,
            styles: ROLES.map(|(role, _)| palette.map_or_else(|| mono(role), |p| p.style(role))),
        }
    }

    /// Returns the symbol after a column's heading: an arrow if the list is sorted by the column, or an empty string.
    pub(super) fn sort_sign(&self, is_sorted: bool, is_turned: bool) -> &'static str {
        match (is_sorted, is_turned, self.ascii) {
            (false, ..) => "",
            (true, false, false) => "↑",
            (true, true, false) => "↓",
            (true, false, true) => "+",
            (true, true, true) => "-",
        }
    }

    /// Returns the symbol before the cursor's row.
    pub(super) fn cursor(&self) -> &'static str {
        if self.ascii { ">" } else { "▌" }
    }

    /// Returns a text of the program with symbols that the terminal can show.
    pub(super) fn plain<'a>(&self, words: &'a str) -> Cow<'a, str> {
        if self.ascii { words.replace('…', "...").replace('·', "|").into() } else { words.into() }
    }

    /// Sets whether the program's symbols are drawn in ASCII.
    #[must_use]
    pub fn with_ascii(mut self, ascii: bool) -> Self {
        self.ascii = ascii;
        self
    }

    /// Chooses a theme by its name in the configuration (`auto`, `dark`, `light`, `ansi`, `mono`; any other is `auto`),
    /// by the user's choice of colors, and by the environment.
    ///
    /// `NO_COLOR` counts if it is not empty (no-color.org). `auto` is light only if `COLORFGBG` names a light
    /// background, and dark otherwise. Symbols are drawn in ASCII if `ascii` is set or if the locale is not UTF-8. In
    /// the latter case, texts from outside are drawn in ASCII too.
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

    /// Returns the style of a role on the background of another, such as a kind on the selected row.
    ///
    /// If the background has no color, only its modifiers show it. The role's color is then omitted, because reversed
    /// it would become a background color.
    pub fn over(&self, ground: Role, role: Role) -> Style {
        let (ground, style) = (self.style(ground), self.style(role));
        match (ground.bg, style.fg) {
            (Some(_), Some(fg)) => ground.fg(fg).add_modifier(style.add_modifier),
            _ => ground.add_modifier(style.add_modifier),
        }
    }

    /// Returns the letter of the role with a cell's style, in upper case on the selected row, or `?` if there is none.
    ///
    /// In themes with few colors, several roles share a style. The first one in [`roles`] counts.
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

    /// Returns a text in a form that the terminal can show.
    pub fn shown<'a>(&self, text: &'a str) -> Cow<'a, str> {
        if self.escapes { in_ascii(text) } else { Cow::Borrowed(text) }
    }

    /// Returns `text` if it fits into `width` columns, or truncated with this theme's mark.
    pub fn cut<'a>(&self, text: &'a str, width: u16) -> std::borrow::Cow<'a, str> {
        text::cut(text, width, self.glyph(Glyph::Cut))
    }

    /// Returns `text` in exactly `width` columns, truncated with this theme's mark or padded at its end.
    pub fn pad<'a>(&self, text: &'a str, width: u16) -> std::borrow::Cow<'a, str> {
        text::pad(text, width, self.glyph(Glyph::Cut))
    }
}

/// Returns the style as a cell stores it, with a value for each attribute.
fn settled(style: Style) -> (Ink, Ink, Modifier) {
    (style.fg.unwrap_or(Ink::Reset), style.bg.unwrap_or(Ink::Reset), style.add_modifier)
}

/// The colors for one kind of theme at one depth.
#[derive(Clone, Copy)]
struct Palette {
    dim: Ink,
    good: Ink,
    wait: Ink,
    bad: Ink,
    key: Ink,
    admin: Ink,
    border: Ink,
    /// Text and background, or `None` if the terminal's colors are not known well enough to combine them.
    selected: Option<(Ink, Ink)>,
    selected_dim: Option<(Ink, Ink)>,
    matched: Option<(Ink, Ink)>,
}

impl Palette {
    /// Returns the palette, or `None` if there are no colors.
    fn of(kind: ThemeKind, depth: Depth) -> Option<Self> {
        // True colors are those of Okabe and Ito, which every kind of color vision can distinguish, with the lightness
        // adjusted until each is readable on its background. The 256 colors are the nearest ones of the color cube,
        // which, unlike the first 16, users do not redefine.
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
                // Yellow and cyan are unreadable on white.
                Self { good: Ink::Blue, wait: Ink::Magenta, key: Ink::Blue, ..Self::BASIC }
            }
            (ThemeKind::Dark, Depth::C8) | (ThemeKind::Ansi, _) => Self::BASIC,
        };
        Some(palette)
    }

    /// The eight colors that every color terminal has, except blue, which is unreadable on black in many terminals.
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
            // If dim has no color, the modifier shows it.
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

/// Returns the style of a role without colors.
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
    // GNU screen passes COLORTERM through, but does not support true color sequences.
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

/// Returns whether `COLORFGBG` names a light background. Some terminals set it to the numbers of the text and
/// background colors.
fn has_light_ground(env: &dyn Fn(&str) -> Option<String>) -> bool {
    let value = env("COLORFGBG").unwrap_or_default();
    let ground = value.rsplit(';').next().and_then(|number| number.parse::<u8>().ok());
    ground.is_some_and(|number| matches!(number, 7 | 9..=15))
}

/// Returns whether the first locale variable that is set and not empty names UTF-8 (POSIX ignores empty ones).
pub fn is_utf8(env: &dyn Fn(&str) -> Option<String>) -> bool {
    let said = ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().filter_map(env).find(|value| !value.is_empty());
    said.is_some_and(|value| {
        let value = value.to_ascii_lowercase();
        value.contains("utf-8") || value.contains("utf8")
    })
}

#[cfg(test)]
mod tests;
