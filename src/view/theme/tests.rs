use super::*;

const KINDS: [ThemeKind; 4] = [ThemeKind::Dark, ThemeKind::Light, ThemeKind::Ansi, ThemeKind::Mono];
const DEPTHS: [Depth; 5] = [Depth::None, Depth::C8, Depth::C16, Depth::C256, Depth::True];

fn themes() -> impl Iterator<Item = (ThemeKind, Depth, Theme)> {
    KINDS.into_iter().flat_map(|kind| DEPTHS.map(|depth| (kind, depth, Theme::new(kind, depth))))
}

fn env(pairs: &'static [(&'static str, &'static str)]) -> impl Fn(&str) -> Option<String> {
    move |name| pairs.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
}

#[test]
fn tables_are_in_the_order_of_their_enums() {
    for (index, (role, _)) in ROLES.iter().enumerate() {
        assert_eq!(*role as usize, index);
    }
    for (index, (glyph, ..)) in GLYPHS.iter().enumerate() {
        assert_eq!(*glyph as usize, index);
    }
}

#[test]
fn in_a_golden_frame_each_role_has_its_letter() {
    for kind in [ThemeKind::Dark, ThemeKind::Light] {
        for depth in [Depth::C256, Depth::True] {
            let theme = Theme::new(kind, depth);
            for (role, letter) in roles() {
                assert_eq!(theme.letter(theme.style(*role)), *letter, "{role:?} in {kind:?} {depth:?}");
            }
            let upper = theme.letter(theme.over(Role::Selected, Role::KindRevoke));
            assert_eq!(upper, 'R');
            assert_eq!(theme.letter(Style::new().fg(Ink::Rgb(1, 2, 3))), '?');
        }
    }
}

#[test]
fn a_cell_has_the_letter_of_what_was_drawn_into_it() {
    let theme = Theme::new(ThemeKind::Dark, Depth::True);
    let mut cell = ratatui::buffer::Cell::EMPTY;
    assert_eq!(theme.letter(cell.style()), '.');
    cell.set_style(theme.style(Role::Bad));
    assert_eq!(theme.letter(cell.style()), 'b');
}

#[test]
fn without_colors_there_is_no_color_at_all() {
    for (kind, depth, theme) in themes() {
        if kind == ThemeKind::Mono || depth == Depth::None {
            for (role, _) in roles() {
                let style = theme.style(*role);
                assert_eq!((style.fg, style.bg), (None, None), "{role:?}");
            }
            assert!(theme.style(Role::Selected).add_modifier.contains(Modifier::REVERSED));
        }
    }
}

#[test]
fn no_theme_uses_more_colors_than_there_are() {
    for (kind, depth, theme) in themes() {
        for (role, _) in roles() {
            let style = theme.style(*role);
            for ink in [style.fg, style.bg].into_iter().flatten() {
                let needs = match ink {
                    Ink::Rgb(..) => Depth::True,
                    Ink::Indexed(_) => Depth::C256,
                    Ink::DarkGray
                    | Ink::LightRed
                    | Ink::LightYellow
                    | Ink::LightBlue
                    | Ink::LightMagenta
                    | Ink::LightCyan => Depth::C16,
                    _ => Depth::C8,
                };
                assert!(needs <= depth, "{role:?} in {kind:?} {depth:?}");
                assert!(kind != ThemeKind::Ansi || needs <= Depth::C16);
            }
        }
    }
}

#[test]
fn what_matters_is_told_apart_in_every_theme() {
    let pairs = [
        (Role::Good, Role::Bad),
        (Role::Good, Role::Wait),
        (Role::Wait, Role::Bad),
        (Role::KindGrant, Role::KindRevoke),
        (Role::KindGrant, Role::KindAdmin),
        (Role::KindRevoke, Role::KindAdmin),
        (Role::Text, Role::Selected),
        (Role::Text, Role::SelectedDim),
        (Role::Selected, Role::SelectedDim),
        (Role::Text, Role::Match),
        (Role::Text, Role::Odd),
        (Role::Border, Role::BorderFocus),
        (Role::Text, Role::Dim),
    ];
    for (kind, depth, theme) in themes() {
        for (one, other) in pairs {
            assert_ne!(theme.style(one), theme.style(other), "{one:?} and {other:?} in {kind:?} {depth:?}");
        }
    }
}

#[test]
fn a_selected_row_is_seen_to_be_one_whatever_is_on_it() {
    for (kind, depth, theme) in themes() {
        for (role, _) in roles() {
            let style = theme.over(Role::Selected, *role);
            let seen = style.bg.is_some() || style.add_modifier.contains(Modifier::REVERSED);
            assert!(seen, "{role:?} in {kind:?} {depth:?}");
        }
    }
}

/// Returns a color in linear RGB, with components from 0 to 1.
fn light(ink: Ink) -> [f64; 3] {
    let (r, g, b) = match ink {
        Ink::Rgb(r, g, b) => (r, g, b),
        Ink::Indexed(index @ 232..) => {
            let gray = 8 + 10 * (index - 232);
            (gray, gray, gray)
        }
        Ink::Indexed(index @ 16..) => {
            let level = |n: u8| if n == 0 { 0 } else { 55 + 40 * n };
            let cube = index - 16;
            (level(cube / 36), level(cube / 6 % 6), level(cube % 6))
        }
        other => panic!("{other:?} is what the terminal says"),
    };
    [r, g, b].map(|channel| {
        let c = f64::from(channel) / 255.0;
        if c <= 0.04045 { c / 12.92 } else { ((c + 0.055) / 1.055).powf(2.4) }
    })
}

/// Returns the WCAG 2 contrast ratio of two colors, from 1 to 21.
fn contrast(one: Ink, other: Ink) -> f64 {
    let luminance = |ink: Ink| {
        let [r, g, b] = light(ink);
        0.2126 * r + 0.7152 * g + 0.0722 * b
    };
    let (one, other) = (luminance(one) + 0.05, luminance(other) + 0.05);
    (one / other).max(other / one)
}

/// Simulates a color as seen with deuteranopia (Viénot, Brettel and Mollon 1999).
fn without_green(ink: Ink) -> [f64; 3] {
    let [r, g, b] = light(ink);
    let mixed = 0.292_75 * r + 0.707_25 * g;
    [mixed, mixed, -0.022_34 * r + 0.022_34 * g + b]
}

#[test]
fn every_color_can_be_read_on_its_ground() {
    for (kind, grounds) in [
        (ThemeKind::Dark, [Ink::Rgb(0, 0, 0), Ink::Rgb(30, 30, 30)]),
        (ThemeKind::Light, [Ink::Rgb(255, 255, 255), Ink::Rgb(250, 248, 240)]),
    ] {
        for depth in [Depth::C256, Depth::True] {
            let theme = Theme::new(kind, depth);
            for (role, _) in roles() {
                // WCAG requires 4.5 for text and 3 for lines.
                let least = if *role == Role::Border { 3.0 } else { 4.5 };
                let style = theme.style(*role);
                let Some(fg) = style.fg else { continue };
                for ground in grounds {
                    let ratio = contrast(fg, style.bg.unwrap_or(ground));
                    assert!(ratio >= least, "{role:?} in {kind:?} {depth:?}: {ratio:.2}");
                }
                for row in [Role::Selected, Role::SelectedDim] {
                    let style = theme.over(row, *role);
                    let ratio = contrast(style.fg.unwrap(), style.bg.unwrap());
                    // Lines and other backgrounds are not drawn on a selected row.
                    let is_never = matches!(
                        role,
                        Role::Match | Role::Selected | Role::SelectedDim | Role::Border | Role::BorderFocus
                    );
                    let least = if matches!(role, Role::Dim | Role::Label) { 3.0 } else { 4.5 };
                    assert!(
                        is_never || ratio >= least,
                        "{role:?} on {row:?} in {kind:?} {depth:?}: {ratio:.2}"
                    );
                }
            }
        }
    }
}

#[test]
fn good_and_bad_differ_for_eyes_without_green() {
    for kind in [ThemeKind::Dark, ThemeKind::Light] {
        for depth in [Depth::C256, Depth::True] {
            let theme = Theme::new(kind, depth);
            for (one, other) in
                [(Role::Good, Role::Bad), (Role::Good, Role::Wait), (Role::KindGrant, Role::KindRevoke)]
            {
                let one = without_green(theme.style(one).fg.unwrap());
                let other = without_green(theme.style(other).fg.unwrap());
                let distance: f64 = one.iter().zip(other).map(|(a, b)| (a - b).powi(2)).sum::<f64>().sqrt();
                assert!(distance > 0.2, "{kind:?} {depth:?}: {distance:.2}");
            }
        }
    }
}

#[test]
fn the_environment_decides_unless_the_person_does() {
    let modern = env(&[("TERM", "xterm-256color"), ("COLORTERM", "truecolor"), ("LANG", "en_US.UTF-8")]);
    assert_eq!(Theme::choose("auto", Color::Auto, &modern, false), Theme::new(ThemeKind::Dark, Depth::True));
    assert_eq!(
        Theme::choose("light", Color::Auto, &modern, false),
        Theme::new(ThemeKind::Light, Depth::True)
    );
    assert_eq!(
        Theme::choose("mono", Color::Always, &modern, false),
        Theme::new(ThemeKind::Mono, Depth::True)
    );
    assert_eq!(Theme::choose("dark", Color::Never, &modern, false), Theme::new(ThemeKind::Mono, Depth::None));
    assert!(Theme::choose("auto", Color::Auto, &modern, true).ascii);

    let quiet = env(&[("TERM", "xterm-256color"), ("NO_COLOR", "1"), ("LC_ALL", "C.utf8")]);
    assert_eq!(Theme::choose("dark", Color::Auto, &quiet, false), Theme::new(ThemeKind::Mono, Depth::None));
    assert_eq!(Theme::choose("dark", Color::Always, &quiet, false), Theme::new(ThemeKind::Dark, Depth::C256));
    let empty = env(&[("TERM", "xterm-256color"), ("NO_COLOR", ""), ("LANG", "C.UTF-8")]);
    assert_eq!(Theme::choose("dark", Color::Auto, &empty, false), Theme::new(ThemeKind::Dark, Depth::C256));

    let white = env(&[("TERM", "rxvt"), ("COLORFGBG", "0;default;15"), ("LANG", "de_DE.UTF-8")]);
    assert_eq!(Theme::choose("auto", Color::Auto, &white, false), Theme::new(ThemeKind::Light, Depth::C16));
}

#[test]
fn a_terminal_gets_no_more_than_it_understands() {
    for (pairs, expected) in [
        (&[][..], Depth::None),
        (&[("TERM", "dumb"), ("COLORTERM", "truecolor")], Depth::None),
        (&[("TERM", "vt220")], Depth::None),
        (&[("TERM", "xterm-mono-m")], Depth::None),
        (&[("TERM", "ansi")], Depth::C8),
        (&[("TERM", "linux")], Depth::C16),
        (&[("TERM", "xterm")], Depth::C16),
        (&[("TERM", "screen-256color"), ("COLORTERM", "truecolor")], Depth::C256),
        (&[("TERM", "screen.xterm-256color")], Depth::C256),
        (&[("TERM", "tmux-256color"), ("COLORTERM", "truecolor")], Depth::True),
        (&[("TERM", "xterm-kitty")], Depth::C256),
        (&[("TERM", "xterm-direct")], Depth::True),
    ] {
        assert_eq!(depth(&env(pairs)), expected, "{pairs:?}");
    }
}

#[test]
fn a_locale_without_unicode_gets_ascii() {
    for (pairs, expected) in [
        (&[][..], false),
        (&[("LANG", "C")], false),
        (&[("LANG", "en_US.ISO-8859-1")], false),
        (&[("LANG", "en_US.UTF-8"), ("LC_ALL", "C")], false),
        (&[("LANG", "en_US.UTF-8"), ("LC_ALL", "")], true),
        (&[("LC_CTYPE", "UTF-8")], true),
        (&[("LANG", "en_US.utf8")], true),
    ] {
        assert_eq!(is_utf8(&env(pairs)), expected, "{pairs:?}");
    }
}

#[test]
fn every_glyph_is_one_column_wide() {
    let theme = Theme::new(ThemeKind::Dark, Depth::True);
    let ascii = theme.clone().with_ascii(true);
    for (glyph, ..) in GLYPHS {
        assert_eq!(text::width(theme.glyph(glyph)), 1);
        assert_eq!(text::width(ascii.glyph(glyph)), 1);
        assert!(ascii.glyph(glyph).is_ascii());
    }
    assert_eq!(ascii.cut("ada@example.test", 4), "ada~");
    assert_eq!(ascii.border().top_left, "+");
    assert_eq!(theme.border().top_left, "┌");
}
