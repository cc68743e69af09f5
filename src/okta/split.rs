//! A page of the log, cut into its records before anything is read.
//!
//! Cutting looks at strings and brackets only, on bytes. So a record that is no JSON, or not even text, stays one
//! record, and those beside it are read.

use memchr::memchr2;
use thiserror::Error;

/// Why an answer is not a page. Quotes nothing of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
pub enum ReadError {
    /// It holds something else, such as HTML or an object.
    #[error("It is not a JSON array.")]
    NotAnArray,
    /// It ends in the middle.
    #[error("It ends before its array does.")]
    Cut,
    /// Something stands behind the array.
    #[error("Something follows its array.")]
    Trailing,
    /// It holds more records than any page does.
    #[error("It holds more than {RECORDS_MAX} records.")]
    TooMany,
}

/// Okta sends at most 1000 (System Log query, `limit`); a small record still costs memory here.
pub(super) const RECORDS_MAX: usize = 10_000;

/// Returns the bytes of each member of an array, without the white space around them.
pub(super) fn records(page: &[u8]) -> Result<Vec<&[u8]>, ReadError> {
    let page = page.strip_prefix(b"\xef\xbb\xbf").unwrap_or(page).trim_ascii();
    let Some(inside) = page.strip_prefix(b"[") else { return Err(ReadError::NotAnArray) };
    let mut records = Vec::new();
    let mut depth = 0_usize;
    let mut start = 0;
    let mut at = 0;
    loop {
        let Some(&byte) = inside.get(at) else { return Err(ReadError::Cut) };
        match byte {
            b'"' => at = end_of_string(inside, at + 1).ok_or(ReadError::Cut)?,
            b'[' | b'{' => depth += 1,
            b']' | b'}' if depth > 0 => depth -= 1,
            b',' if depth == 0 => {
                if records.len() == RECORDS_MAX {
                    return Err(ReadError::TooMany);
                }
                records.push(inside[start..at].trim_ascii());
                start = at + 1;
            }
            b']' | b'}' => break,
            _ => {}
        }
        at += 1;
    }
    let last = inside[start..at].trim_ascii();
    if !(last.is_empty() && records.is_empty()) {
        records.push(last);
    }
    if inside.len() > at + 1 {
        return Err(ReadError::Trailing);
    }
    Ok(records)
}

/// Returns where the quote stands that ends a string.
fn end_of_string(bytes: &[u8], mut at: usize) -> Option<usize> {
    loop {
        at += memchr2(b'"', b'\\', bytes.get(at..)?)?;
        if bytes[at] == b'"' {
            return Some(at);
        }
        at += 2;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_array_is_cut_at_its_own_commas() {
        let page = br#" [ {"a":[1,2],"b":"],\"}"} , 7,{}] "#;
        assert_eq!(records(page).unwrap(), [&br#"{"a":[1,2],"b":"],\"}"}"#[..], b"7", b"{}"]);
        assert_eq!(records(b"\xef\xbb\xbf[ ]").unwrap(), Vec::<&[u8]>::new());
        assert_eq!(records(b"[1,]").unwrap(), [&b"1"[..], b""]);
    }

    #[test]
    fn what_is_no_array_is_an_error() {
        for (bytes, error) in [
            (&b""[..], ReadError::NotAnArray),
            (b"<html>", ReadError::NotAnArray),
            (b"{}", ReadError::NotAnArray),
            (b"[", ReadError::Cut),
            (b"[{]", ReadError::Cut),
            (b"[\"", ReadError::Cut),
            (b"[\"\\", ReadError::Cut),
            (b"[\"\\\"", ReadError::Cut),
            (b"[] x", ReadError::Trailing),
        ] {
            assert_eq!(records(bytes), Err(error));
        }
        assert_eq!(
            records(format!("[{}0]", "0,".repeat(RECORDS_MAX + 1)).as_bytes()),
            Err(ReadError::TooMany)
        );
    }

    proptest! {
        #[test]
        fn any_bytes_are_cut_without_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            drop(records(&bytes));
            let inside = [b"[".as_slice(), &bytes, b"]"].concat();
            drop(records(&inside));
        }
    }
}
