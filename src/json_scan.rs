//! Finds the ends of strings and values in JSON, using only quotes and brackets.
//!
//! Nothing here checks that the text is valid JSON. So the bounds of a damaged record are found too, and the records
//! next to it can be read.

use memchr::memchr2;

/// Returns the index of the quote that ends a string, or `None` if the text ends before it. `at` is an index in the
/// string, but not of an escaped character.
pub(crate) fn end_of_string(text: &[u8], mut at: usize) -> Option<usize> {
    loop {
        at += memchr2(b'"', b'\\', text.get(at..)?)?;
        if text[at] == b'"' {
            return Some(at);
        }
        at += 2;
    }
}

/// Returns the index after the object or array that begins at `start`, or `None` if the text ends before it.
pub(crate) fn end_of_brackets(text: &[u8], start: usize) -> Option<usize> {
    let (mut depth, mut at) = (0_usize, start);
    loop {
        match text.get(at)? {
            b'"' => at = end_of_string(text, at + 1)?,
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth = depth.saturating_sub(1),
            _ => {}
        }
        at += 1;
        if depth == 0 {
            return Some(at);
        }
    }
}

/// Returns whether objects and arrays nest deeper than a number of levels. Brackets in strings do not count.
pub(crate) fn is_deeper_than(levels: usize, text: &[u8]) -> bool {
    // A quick check: most texts have fewer brackets than allowed levels. The compiler vectorizes this count.
    let count = |chunk: &[u8]| {
        usize::from(chunk.iter().map(|byte| u8::from(matches!(byte, b'{' | b'['))).sum::<u8>())
    };
    if text.chunks(usize::from(u8::MAX)).map(count).sum::<usize>() <= levels {
        return false;
    }
    let (mut depth, mut at) = (0_usize, 0);
    while let Some(byte) = text.get(at) {
        match byte {
            b'"' => match end_of_string(text, at + 1) {
                Some(end) => at = end,
                None => return false,
            },
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > levels {
            return true;
        }
        at += 1;
    }
    false
}

/// An incremental search for the end of a JSON value whose bytes arrive in pieces.
#[derive(Debug, Default)]
pub(crate) struct ValueEnd {
    at: usize,
    depth: usize,
    in_string: bool,
}

impl ValueEnd {
    /// Continues the search. `bytes` must begin with all bytes of the call before. Returns the length of the value, or
    /// `None` if its end is not there yet. A number or a word ends before a comma, a closing bracket or a line end.
    pub(crate) fn go_on(&mut self, bytes: &[u8]) -> Option<usize> {
        while self.at < bytes.len() {
            if self.in_string {
                match memchr2(b'"', b'\\', &bytes[self.at..]) {
                    None => self.at = bytes.len(),
                    Some(next) if bytes[self.at + next] == b'"' => {
                        self.in_string = false;
                        self.at += next + 1;
                        if self.depth == 0 {
                            return Some(self.at);
                        }
                    }
                    // The escaped byte may not have arrived yet.
                    Some(next) if self.at + next + 1 < bytes.len() => self.at += next + 2,
                    Some(next) => {
                        self.at += next;
                        return None;
                    }
                }
                continue;
            }
            match bytes[self.at] {
                b'"' => self.in_string = true,
                b'{' | b'[' => self.depth += 1,
                b'}' | b']' if self.depth > 1 => self.depth -= 1,
                b'}' | b']' if self.depth == 1 => return Some(self.at + 1),
                b',' | b'}' | b']' | b'\n' if self.depth == 0 => return Some(self.at.max(1)),
                _ => {}
            }
            self.at += 1;
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_string_ends_at_the_first_quote_that_is_not_escaped() {
        assert_eq!(end_of_string(br#"a\"b\\"c""#, 0), Some(6));
        for open in [&b""[..], b"a", b"a\\", b"a\\\"", b"\\\\\\\""] {
            assert_eq!(end_of_string(open, 0), None, "{}", open.escape_ascii());
        }
    }

    #[test]
    fn brackets_in_strings_end_nothing() {
        let text = br#"x[{"a]":"}\"]"},7]]"#;
        assert_eq!(end_of_brackets(text, 1), Some(text.len() - 1));
        assert_eq!(end_of_brackets(&text[..text.len() - 2], 1), None);
        assert_eq!(end_of_brackets(b"7,8", 0), Some(1), "a byte that opens nothing ends at once");
    }

    #[test]
    fn levels_are_counted_outside_of_strings() {
        let nested = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
        assert!(!is_deeper_than(3, nested(3).as_bytes()));
        assert!(is_deeper_than(3, nested(4).as_bytes()));
        assert!(!is_deeper_than(3, b"[\"[[[[\\\"[[[\",[[]],[[]]]"));
        assert!(!is_deeper_than(3, b"[][][][][]{}{}"));
        assert!(!is_deeper_than(3, b"[\"[[[[[["), "a string that does not end holds no levels");
    }

    /// Generates JSON with strings that contain quotes, backslashes and brackets.
    fn value() -> impl Strategy<Value = serde_json::Value> {
        let leaf = prop_oneof![
            any::<i64>().prop_map(serde_json::Value::from),
            "[\\[\\]{}\",:\\\\a\n]{0,8}".prop_map(serde_json::Value::from),
        ];
        leaf.prop_recursive(4, 24, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(serde_json::Value::from),
                prop::collection::hash_map("[\\[\\]\"\\\\a]{0,4}", inner, 0..4)
                    .prop_map(|members| serde_json::Value::Object(members.into_iter().collect())),
            ]
        })
    }

    fn depth(value: &serde_json::Value) -> usize {
        match value {
            serde_json::Value::Array(members) => 1 + members.iter().map(depth).max().unwrap_or(0),
            serde_json::Value::Object(members) => 1 + members.values().map(depth).max().unwrap_or(0),
            _ => 0,
        }
    }

    proptest! {
        #[test]
        fn the_end_of_any_value_is_found_however_it_comes(value in value(), cuts in prop::collection::vec(0..200_usize, 0..4)) {
            let text = value.to_string();
            let all = format!("{text},7]");
            let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(text.len() - 1)).collect();
            cuts.sort_unstable();
            let mut search = ValueEnd::default();
            for cut in cuts {
                prop_assert_eq!(search.go_on(&all.as_bytes()[..cut]), None);
            }
            prop_assert_eq!(search.go_on(all.as_bytes()), Some(text.len()));
            if text.starts_with(['[', '{']) {
                prop_assert_eq!(end_of_brackets(all.as_bytes(), 0), Some(text.len()));
            }
            let levels = depth(&value);
            prop_assert!(!is_deeper_than(levels, text.as_bytes()));
            prop_assert!(levels == 0 || is_deeper_than(levels - 1, text.as_bytes()));
        }

        #[test]
        fn any_bytes_are_scanned_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..60), at in 0..70_usize) {
            end_of_string(&bytes, at);
            end_of_brackets(&bytes, at);
            is_deeper_than(2, &bytes);
            ValueEnd::default().go_on(&bytes);
        }
    }
}
