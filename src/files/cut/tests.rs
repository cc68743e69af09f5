use proptest::prelude::*;

use super::*;

/// Reads a few bytes at a time.
struct Drip<'a>(&'a [u8], usize);

impl Read for Drip<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let count = self.1.min(out.len()).min(self.0.len());
        out[..count].copy_from_slice(&self.0[..count]);
        self.0 = &self.0[count..];
        Ok(count)
    }
}

fn records(bytes: &[u8], drip: usize) -> Result<(Vec<String>, End), CutError> {
    cut(bytes, drip, false)
}

fn cut(bytes: &[u8], drip: usize, is_live: bool) -> Result<(Vec<String>, End), CutError> {
    let (mut cutter, _) = Cutter::begin(Drip(bytes, drip), is_live)?;
    let mut found = Vec::new();
    while let Some(chunk) = cutter.next()? {
        for span in crate::files::record::spans(&chunk) {
            let at = (chunk.at + span.at) as usize;
            let text = &bytes[at..at + span.length as usize];
            found.push(String::from_utf8_lossy(text).into_owned());
        }
    }
    Ok((found, cutter.end()))
}

#[test]
fn every_layout_gives_the_same_records() {
    let wanted = [r#"{"a":"x,]}\" y"}"#, r#"{"b":[1,{"c":2}]}"#, r#"{"d":"\\"}"#];
    for text in [
        wanted.join("\n"),
        format!("\u{feff}\r\n{}\r\n", wanted.join("\r\n")),
        format!("\n\n{}\n\n\n", wanted.join("\n\n")),
        format!("[{}]", wanted.join(",")),
        format!("[{}]", wanted.join(",\n")),
        format!("[\n{}\n]\n", wanted.join(",\n")),
        format!("[ \n  {}\n]", wanted.join(" ,\n  ")),
        format!("[\n{}]", wanted.join(",\n")),
        format!("[\n{} ]\n\n", wanted.join(",\n")),
        format!("[{}][{},{}]", wanted[0], wanted[1], wanted[2]),
        format!("[\n{}\n]\n[\n{},\n{}\n]\n", wanted[0], wanted[1], wanted[2]),
        format!("[\n{},\n{}\n][\n{}\n]\n", wanted[0], wanted[1], wanted[2]),
        format!("[\n{}][{}]\n{}", wanted[0], wanted[1], wanted[2]),
        format!("[\n]\n[\n]\n[\n{}\n]\n", wanted.join(",\n")),
        wanted.concat(),
        format!(
            "{{\"schema\": \"consentwatch.snapshot/1\", \"consents\" :[{}], \"x\":[1]}}",
            wanted.join(", ")
        ),
        format!(
            "{{\"schema\":\"consentwatch.snapshot/1\",\"screen\":\"\\\"consents\\\":[\",\"consents\":[\n{}\n]}}\n",
            wanted.join(",\n")
        ),
        format!(
            "{{\"schema\":\"consentwatch.snapshot/1\",\"consents\":[\n{} ] }}\n{{\"e\":1}}\n",
            wanted.join(",\n")
        ),
    ] {
        for drip in [1, 7, 1 << 20] {
            let (found, end) = records(text.as_bytes(), drip).unwrap();
            assert_eq!(found, wanted, "{text} {drip}");
            assert!(!end.is_cut, "{text} {drip}");
        }
    }
}

/// Returns one piece at a time. The next is read only once all records of the pieces before were returned.
struct Piped<'a> {
    pieces: Vec<&'a str>,
    given: usize,
    taken: &'a std::cell::RefCell<Vec<String>>,
}

impl Read for Piped<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let whole: Vec<String> = (1..=self.given).map(|n| format!("{{\"n\":{n}}}")).collect();
        assert_eq!(*self.taken.borrow(), whole, "it waits for more with records at hand");
        let Some(piece) = self.pieces.get(self.given) else { return Ok(0) };
        out[..piece.len()].copy_from_slice(piece.as_bytes());
        self.given += 1;
        Ok(piece.len())
    }
}

#[test]
fn a_live_stream_gives_out_each_record_before_it_waits_for_more() {
    for pieces in [
        vec!["{\"n\":1}\n", "{\"n\":2}\n", "{\"n\":3}\n"],
        vec!["\u{feff}\n{\"n\":1}", "\n{\"n\":2}", "\r\n{\"n\":3}"],
        vec!["[{\"n\":1}", ",{\"n\":2}", ",\n{\"n\":3}]\n"],
        vec!["[\n{\"n\":1},\n", "{\"n\":2},\n", "{\"n\":3}\n]\n"],
        vec!["{\"schema\":\"consentwatch.snapshot/1\",\"consents\":[\n{\"n\":1},\n", "{\"n\":2}\n"],
    ] {
        let taken = std::cell::RefCell::new(Vec::new());
        let text = pieces.concat();
        let count = pieces.len();
        let input = Piped { pieces, given: 0, taken: &taken };
        let (mut cutter, _) = Cutter::begin(input, true).unwrap();
        while let Some(chunk) = cutter.next().unwrap() {
            for span in crate::files::record::spans(&chunk) {
                let at = (chunk.at + span.at) as usize;
                let record = text.get(at..at + span.length as usize).unwrap();
                taken.borrow_mut().push(record.to_owned());
            }
        }
        assert_eq!(taken.borrow().len(), count);
    }
}

#[test]
fn a_live_stream_gives_the_same_records_in_whatever_pieces_it_comes() {
    let wanted = [r#"{"a":"x,]}\" y"}"#, r#"{"b":[1,{"c":2}]}"#, r#"{"d":"\\"}"#];
    for text in [
        wanted.join("\n"),
        format!("garbage\n\u{feff}\n{}", wanted.join("\r\n")),
        format!("[{}]", wanted.join(",")),
        format!("[\n{}\n]\n", wanted.join(",\n")),
        format!("[ \n  {}\n]", wanted.join(" ,\n  ")),
        format!("[{}][{},{}]", wanted[0], wanted[1], wanted[2]),
        format!("[\n{}\n]\n[\n{},\n{}]\n", wanted[0], wanted[1], wanted[2]),
        format!("{{\n \"a\":1\n}}\n{}", wanted.join("\n")),
        format!("{{\"schema\":\"consentwatch.snapshot/1\",\"consents\":[\n{}\n]}}\n", wanted.join(",\n")),
    ] {
        for drip in [1, 7, 1 << 20] {
            let (found, _) = cut(text.as_bytes(), drip, true).unwrap();
            assert!(found.ends_with(&wanted.map(str::to_owned)), "{text} {drip}: {found:?}");
        }
    }
}

#[test]
fn a_record_over_many_lines_is_one() {
    let text = "{\n  \"a\": 1\n}\n{\n  \"b\": {}\n}\n";
    assert_eq!(records(text.as_bytes(), 3).unwrap().0, ["{\n  \"a\": 1\n}", "{\n  \"b\": {}\n}"]);
}

#[test]
fn a_damaged_line_costs_itself_alone() {
    let text = "[\n{\"a\":1},\n{\"b\":\"},\n{\"c\":3}\n]\n";
    assert_eq!(records(text.as_bytes(), 5).unwrap().0, ["{\"a\":1}", "{\"b\":\"}", "{\"c\":3}"]);
}

#[test]
fn what_is_cut_is_said() {
    let (a, cut) = (r#"{"a":1}"#, r#"{"b""#);
    for (text, wanted) in [
        ("[{\"a\":1},{\"b\"", &[a, cut][..]),
        ("[\n{\"a\":1},\n{\"b\"", &[a, cut]),
        ("[{\"a\":1},", &[a]),
        ("[\n{\"a\":1}]\n[\n{\"b\":2},\n", &[a, r#"{"b":2}"#]),
        ("{\"schema\":\"consentwatch.snapshot/1\",\"consents\":[\n{\"a\":1},\n", &[a]),
    ] {
        for drip in [1, 4, 1 << 20] {
            let (found, end) = records(text.as_bytes(), drip).unwrap();
            assert_eq!(found, wanted, "{text} {drip}");
            assert!(end.is_cut, "{text} {drip}");
        }
    }
    let head = records(b"{\"schema\":\"consentwatch.snapshot/1\",\"screen\":\"x", 9);
    assert!(matches!(head, Err(CutError::Head(_))));
}

#[test]
fn what_is_no_json_is_not_taken_for_it() {
    assert!(matches!(records(b"", 9), Err(CutError::Empty)));
    assert!(matches!(records(b" \n\n", 9), Err(CutError::Empty)));
    assert!(matches!(records(b"time,kind,who\n1,2,3\n", 9), Err(CutError::NotJson)));
    let (found, _) = records(b"garbage\n{\"a\":1}\n", 9).unwrap();
    assert_eq!(found, ["garbage", "{\"a\":1}"]);
}

proptest! {
    #[test]
    fn any_bytes_end_and_lie_within(bytes in prop::collection::vec(any::<u8>(), 0..300), opener in 0..4_usize, drip in 1..40_usize, is_live: bool) {
        let opener: &[u8] = [b"".as_slice(), b"[", b"{\"a\":", b"[\n{\"a\":1},\n"][opener];
        let text = [opener, &bytes].concat();
        if let Ok((found, _)) = cut(&text, drip, is_live) {
            // The spans lie within the input and do not overlap.
            prop_assert!(found.iter().map(String::len).sum::<usize>() <= String::from_utf8_lossy(&text).len());
        }
    }
}
