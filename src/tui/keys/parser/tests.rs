use super::*;

fn feed(pieces: &[&[u8]]) -> Vec<Input> {
    let (mut parser, mut found) = (Parser::default(), Vec::new());
    for piece in pieces {
        parser.feed(piece, &mut found);
    }
    found
}

fn typed(text: &str) -> Vec<Input> {
    text.chars().map(|c| key(Key::Char(c))).collect()
}

#[test]
fn each_key_has_one_spelling() {
    let chord = |key, ctrl, alt, shift| Input::Key(Chord { key, ctrl, alt, shift });
    for (bytes, meant) in [
        (&b"G"[..], chord(Key::Char('G'), false, false, false)),
        ("É".as_bytes(), chord(Key::Char('É'), false, false, false)),
        ("李".as_bytes(), chord(Key::Char('李'), false, false, false)),
        ("😀".as_bytes(), chord(Key::Char('😀'), false, false, false)),
        (b"\x03", chord(Key::Char('c'), true, false, false)),
        (b"\x0a", chord(Key::Char('j'), true, false, false)),
        (b"\0", chord(Key::Char(' '), true, false, false)),
        (b"\r", key(Key::Enter)),
        (b"\t", key(Key::Tab)),
        (b"\x7f", key(Key::Backspace)),
        (b"\x08", key(Key::Backspace)),
        (b"\x1bx", chord(Key::Char('x'), false, true, false)),
        (b"\x1b[A", key(Key::Up)),
        (b"\x1bOB", key(Key::Down)),
        (b"\x1b[1;2A", chord(Key::Up, false, false, true)),
        (b"\x1b[1;5C", chord(Key::Right, true, false, false)),
        (b"\x1b[1;3D", chord(Key::Left, false, true, false)),
        (b"\x1b[Z", key(Key::BackTab)),
        (b"\x1b[1;2Z", key(Key::BackTab)),
        (b"\x1b[5~", key(Key::PageUp)),
        (b"\x1b[6;5~", chord(Key::PageDown, true, false, false)),
        (b"\x1b[H", key(Key::Home)),
        (b"\x1b[4~", key(Key::End)),
        (b"\x1bOP", key(Key::F(1))),
        (b"\x1b[15~", key(Key::F(5))),
        (b"\x1b[17~", key(Key::F(6))),
        (b"\x1b[24~", key(Key::F(12))),
        (b"\x1b[[E", key(Key::F(5))),
    ] {
        let shown = bytes.escape_ascii().to_string();
        assert_eq!(feed(&[bytes]), std::slice::from_ref(&meant), "{shown}");
        let pieces: Vec<&[u8]> = bytes.chunks(1).collect();
        assert_eq!(feed(&pieces), [meant], "{shown}, byte by byte");
    }
}

#[test]
fn the_mouse_tells_where() {
    assert_eq!(feed(&[b"\x1b[<0;12;7M\x1b[<0;12;7m"]), [Input::Click(11, 6)]);
    assert_eq!(feed(&[b"\x1b[<64;1;1M\x1b[<65;300;1M"]), [Input::Wheel(false), Input::Wheel(true)]);
    assert_eq!(feed(&[b"\x1b[M \x2c\x27"]), [Input::Click(11, 6)]);
    // Other buttons, movement, a missing position, and invalid numbers are ignored.
    assert_eq!(feed(&[b"\x1b[<2;1;1M\x1b[<35;1;1M\x1b[<0;0;0M\x1b[<;;M\x1b[<99999999;1;1M\x1b[<0;1M"]), []);
}

#[test]
fn no_answer_of_a_terminal_is_a_key_however_it_is_cut() {
    let answers: [&[u8]; 12] = [
        b"\x1b[?62;22;52c",
        b"\x1b[>41;390;0c",
        b"\x1b[24;80R",
        b"\x1b[0n",
        b"\x1b[?1u",
        b"\x1b[8;24;80t",
        b"\x1b[?7;1$y",
        b"\x1b]11;rgb:1e1e/1e1e/2e2e\x1b\\",
        b"\x1b]52;c;cXVpdA==\x07",
        b"\x1bP>|xterm(390)\x1b\\",
        b"\x1bP1+r436f=323536\x1b\\",
        b"\x1b[I\x1b[O",
    ];
    for answer in answers {
        let shown = answer.escape_ascii().to_string();
        assert_eq!(feed(&[answer, b"j"]), typed("j"), "{shown}");
        for cut in 1..answer.len() {
            assert_eq!(feed(&[&answer[..cut], &answer[cut..], b"j"]), typed("j"), "{shown} at {cut}");
        }
        // A lull in the middle of an answer: ESC may be parsed as the escape key, but the rest never as keys.
        for cut in 1..answer.len().min(3) {
            let (mut parser, mut found) = (Parser::default(), Vec::new());
            parser.feed(&answer[..cut], &mut found);
            if cut == 1 && matches!(answer[1], b'[' | b']') || cut > 1 && answer[1] == b'[' {
                parser.lull(&mut found);
            }
            parser.feed(&answer[cut..], &mut found);
            found.retain(|input| *input != key(Key::Esc));
            assert_eq!(found, [], "{shown} late at {cut}");
        }
    }
}

#[test]
fn whether_frames_can_be_bracketed_is_answered() {
    assert_eq!(feed(&[b"\x1b[?2026;2$y"]), [Input::Sync(true)]);
    assert_eq!(feed(&[b"\x1b[?2026", b";1$y"]), [Input::Sync(true)]);
    assert_eq!(feed(&[b"\x1b[?2026;0$y"]), [Input::Sync(false)]);
    assert_eq!(feed(&[b"\x1b[?2026;4$y"]), [Input::Sync(false)]);
}

#[test]
fn escape_is_a_key_after_a_lull() {
    let (mut parser, mut found) = (Parser::default(), Vec::new());
    parser.feed(b"\x1b", &mut found);
    assert_eq!((parser.wait(), &found[..]), (Wait::Briefly, &[][..]));
    parser.lull(&mut found);
    assert_eq!((parser.wait(), &found[..]), (Wait::Patiently, &[key(Key::Esc)][..]));
    parser.lull(&mut found);
    assert_eq!(parser.wait(), Wait::Ever);
    found.clear();
    // Long after the escape key, two bytes are two keys.
    parser.feed(b"[]", &mut found);
    assert_eq!(found, typed("[]"));
    assert_eq!(feed(&[b"\x1b\x1b[A"]), [key(Key::Esc), key(Key::Up)]);
}

#[test]
fn nothing_keeps_a_person_out() {
    // Alt with a letter that can begin a string, and then keys.
    for begin in [&b"\x1bP"[..], b"\x1b]", b"\x1bO"] {
        let (mut parser, mut found) = (Parser::default(), Vec::new());
        parser.feed(begin, &mut found);
        parser.lull(&mut found);
        parser.feed(b"q", &mut found);
        assert_eq!(found, typed("q"));
    }
    // A string, a sequence and a paste without an end: `^C` after a lull.
    for (begin, then) in
        [(&b"\x1bPabc"[..], Wait::Patiently), (b"\x1b[12", Wait::Ever), (b"\x1b[200~abc", Wait::Patiently)]
    {
        let (mut parser, mut found) = (Parser::default(), Vec::new());
        parser.feed(begin, &mut found);
        assert_eq!(parser.wait(), Wait::Patiently);
        parser.lull(&mut found);
        assert_eq!(parser.wait(), then);
        parser.feed(b"\x03", &mut found);
        assert_eq!(found, [Input::Key(Chord::ctrl('c'))]);
    }
}

#[test]
fn a_paste_is_one_piece_and_never_keys() {
    let paste = |text: &str| Input::Paste(text.to_owned());
    assert_eq!(
        feed(&[b"\x1b[200~q\x03\x1b[A\r\x1b[201~j"]),
        [&[paste("q\x03\x1b[A\r")], &typed("j")[..]].concat()
    );
    let bytes = b"\x1b[200~one \xc3\xa9\x1b[201~";
    let pieces: Vec<&[u8]> = bytes.chunks(1).collect();
    assert_eq!(feed(&pieces), [paste("one é")]);
    assert_eq!(feed(&[b"\x1b[200~\xff\x1b[201~"]), [paste("\u{fffd}")]);
}

#[test]
fn a_paste_without_its_end_swallows_keys_for_some_seconds_and_no_longer() {
    let paste = |text: &str| Input::Paste(text.to_owned());
    // Repeated lulls: keys typed between them belong to the paste, and keys after them are keys.
    let (mut parser, mut found) = (Parser::default(), Vec::new());
    parser.feed(b"\x1b[200~kind:grant", &mut found);
    for typed in [&b"q"[..], b"", b"\x1b[A", b"j"] {
        assert_eq!(parser.wait(), Wait::Patiently);
        parser.lull(&mut found);
        parser.feed(typed, &mut found);
        assert_eq!(found, [], "it may still be a slow line");
    }
    parser.lull(&mut found);
    assert_eq!((parser.wait(), &found[..]), (Wait::Ever, &[paste("kind:grantq\x1b[Aj")][..]));
    found.clear();
    // A late end of the paste is not a key, and the next paste starts with no lulls.
    parser.feed(b"\x1b[201~q\x1b[200~one", &mut found);
    parser.lull(&mut found);
    parser.feed(b"\x1b[201~", &mut found);
    assert_eq!(found, [&typed("q")[..], &[paste("one")]].concat());
    // Many bytes without an end: bytes beyond the maximum are dropped, and lulls end the paste.
    let (mut parser, mut found) = (Parser::default(), Vec::new());
    parser.feed(b"\x1b[200~", &mut found);
    parser.feed(&vec![b'x'; 2 * PASTE_MAX], &mut found);
    for _ in 0..5 {
        assert_eq!((parser.wait(), &found[..]), (Wait::Patiently, &[][..]));
        parser.lull(&mut found);
    }
    let Input::Paste(text) = &found[0] else { panic!("{:?}", found[0]) };
    assert_eq!((text.len(), parser.wait()), (PASTE_MAX, Wait::Ever));
    found.clear();
    parser.feed(b"j", &mut found);
    assert_eq!(found, typed("j"));
    // Lulls also end a string of the terminal, without input.
    let (mut parser, mut found) = (Parser::default(), Vec::new());
    parser.feed(b"\x1b]52;c;abc", &mut found);
    for _ in 0..5 {
        assert_eq!(parser.wait(), Wait::Patiently);
        parser.lull(&mut found);
    }
    parser.feed(b"j", &mut found);
    assert_eq!(found, typed("j"));
}

#[test]
fn the_rest_of_a_long_or_slow_paste_is_no_key() {
    // The number of pieces, and the number of lulls among them.
    for (pieces, lulls) in [(512, 0), (40, 30)] {
        let (mut parser, mut found) = (Parser::default(), Vec::new());
        parser.feed(b"\x1b[200~", &mut found);
        for piece in 0..pieces {
            parser.feed(&[b'q'; 4096], &mut found);
            if piece < lulls {
                assert_eq!(parser.wait(), Wait::Patiently);
                parser.lull(&mut found);
            }
            assert_eq!(found, [], "piece {piece}");
        }
        parser.feed(b"\x1b[201~j", &mut found);
        assert_eq!(found, [&[Input::Paste("q".repeat(PASTE_MAX))], &typed("j")[..]].concat());
    }
    // The same holds for a string of the terminal, which may contain a whole clipboard.
    let (mut parser, mut found) = (Parser::default(), Vec::new());
    parser.feed(b"\x1b]52;c;", &mut found);
    parser.feed(&vec![b'q'; 1 << 20], &mut found);
    parser.feed(b"\x07j", &mut found);
    assert_eq!(found, typed("j"));
}

#[test]
fn a_key_reported_by_its_number_is_the_key_that_it_is() {
    let chord = |key, ctrl, alt, shift| Input::Key(Chord { key, ctrl, alt, shift });
    let c = |c| key(Key::Char(c));
    for (bytes, meant) in [
        (&b"\x1b[113u"[..], c('q')),
        (b"\x1b[113;1u", c('q')),
        (b"\x1b[113;1:1u", c('q')),
        (b"\x1b[113;1:2u", c('q')),
        (b"\x1b[103;2u", c('G')),
        (b"\x1b[103:71;2u", c('G')),
        (b"\x1b[103:71:103;2;71u", c('G')),
        (b"\x1b[103;65u", c('G')),
        (b"\x1b[103;66u", c('g')),
        (b"\x1b[49:33;2u", c('!')),
        (b"\x1b[49;2;33u", c('!')),
        (b"\x1b[228;2u", c('Ä')),
        (b"\x1b[32;2u", c(' ')),
        (b"\x1b[113;129u", c('q')),
        (b"\x1b[57400u", c('1')),
        (b"\x1b[57413u", c('+')),
        (b"\x1b[27u", key(Key::Esc)),
        (b"\x1b[13u", key(Key::Enter)),
        (b"\x1b[57414u", key(Key::Enter)),
        (b"\x1b[9u", key(Key::Tab)),
        (b"\x1b[9;2u", key(Key::BackTab)),
        (b"\x1b[127u", key(Key::Backspace)),
        (b"\x1b[57419u", key(Key::Up)),
        (b"\x1b[99;5u", chord(Key::Char('c'), true, false, false)),
        (b"\x1b[99;6u", chord(Key::Char('c'), true, false, false)),
        (b"\x1b[67;5u", chord(Key::Char('c'), true, false, false)),
        (b"\x1b[32;5u", chord(Key::Char(' '), true, false, false)),
        (b"\x1b[105;5u", key(Key::Tab)),
        (b"\x1b[109;5u", key(Key::Enter)),
        (b"\x1b[91;5u", key(Key::Esc)),
        (b"\x1b[120;3u", chord(Key::Char('x'), false, true, false)),
        (b"\x1b[120;33u", chord(Key::Char('x'), false, true, false)),
        // xterm's form, and keys that have a sequence, with their event.
        (b"\x1b[27;5;99~", chord(Key::Char('c'), true, false, false)),
        (b"\x1b[27;2;13~", chord(Key::Enter, false, false, true)),
        (b"\x1b[1;1:1A", key(Key::Up)),
        (b"\x1b[1;5:2C", chord(Key::Right, true, false, false)),
        (b"\x1b[5;1:1~", key(Key::PageUp)),
    ] {
        let shown = bytes.escape_ascii().to_string();
        assert_eq!(feed(&[bytes]), std::slice::from_ref(&meant), "{shown}");
        let pieces: Vec<&[u8]> = bytes.chunks(1).collect();
        assert_eq!(feed(&pieces), [meant], "{shown}, byte by byte");
    }
}

#[test]
fn a_report_of_what_is_no_key_of_ours_does_nothing() {
    for bytes in [
        // Released keys, keys with Super or Hyper, unknown keys, answers and invalid numbers are ignored.
        &b"\x1b[113;1:3u"[..],
        b"\x1b[1;1:3A",
        b"\x1b[5;1:3~",
        b"\x1b[113;9u",
        b"\x1b[113;17u",
        b"\x1b[57441;2u",
        b"\x1b[57358u",
        b"\x1b[57376u",
        b"\x1b[?1u",
        b"\x1b[u",
        b"\x1b[;u",
        b"\x1b[;5u",
        b"\x1b[0u",
        b"\x1b[155u",
        b"\x1b[55296u",
        b"\x1b[1114112u",
        b"\x1b[99999999999999999999u",
        b"\x1b[113;99999999u",
        b"\x1b[113;5;1;1u",
        b"\x1b[113;-5u",
        b"\x1b[27;5;99;1~",
        b"\x1b[1;2;3A",
        b"\x1b[::::u",
    ] {
        let shown = bytes.escape_ascii().to_string();
        assert_eq!(feed(&[bytes, b"j"]), typed("j"), "{shown}");
    }
}

#[test]
fn a_paste_is_cut_between_characters() {
    let text = format!("a{}", "é".repeat(PASTE_MAX));
    let found = feed(&[b"\x1b[200~", text.as_bytes(), b"\x1b[201~j"]);
    let [Input::Paste(cut), Input::Key(_)] = &found[..] else { panic!("{} inputs", found.len()) };
    assert_eq!(cut.len(), PASTE_MAX - 1);
    assert!(text.starts_with(cut));
}

#[test]
fn what_is_no_text_is_nothing() {
    assert_eq!(feed(&[b"\x80\x9b\xff\xc3j\xe6\x9dk"]), typed("jk"));
    // A C1 control character in two bytes.
    assert_eq!(feed(&[b"\xc2\x9bj"]), typed("j"));
    assert_eq!(feed(&[b"\x1b[", &[b'9'; 5000], b"A", b"j"]), typed("j"));
}
