//! Cuts a page of the log into its records before any is read.
//!
//! Cutting works on bytes and looks at strings and brackets only. So a record that is not JSON, or not even text, stays
//! one record, and the records beside it are read.

use thiserror::Error;

use crate::json_scan::end_of_string;

/// Why an answer is not a page. Quotes nothing of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
pub enum PageError {
    /// It is something else, for example HTML or an object.
    #[error("It is not a JSON array.")]
    NotAnArray,
    /// It ends in the middle.
    #[error("It ends before its array does.")]
    Cut,
    /// Something follows the array.
    #[error("Something follows its array.")]
    Trailing,
    /// It has more records than any page.
    #[error("It holds more than {RECORDS_MAX} records.")]
    TooMany,
}

/// The most records that are read. Okta sends at most 1000 (System Log query, `limit`); a small record still costs
/// memory here.
pub(super) const RECORDS_MAX: usize = 10_000;

/// The members of an array, one after the other. Code that can parse a member passes its length to [`Members::take`];
/// any other member is cut.
pub(super) struct Members<'p> {
    page: &'p [u8],
    /// Where the next member begins, or what follows the array.
    at: usize,
    taken: usize,
    has_ended: bool,
}

impl<'p> Members<'p> {
    /// Returns the members of the array that a page is.
    pub(super) fn of(page: &'p [u8]) -> Result<Self, PageError> {
        let marked = if page.starts_with(b"\xef\xbb\xbf") { 3 } else { 0 };
        let mut members = Self { page: page.trim_ascii_end(), at: marked, taken: 0, has_ended: false };
        members.skip_space();
        if members.byte() != Some(b'[') {
            return Err(PageError::NotAnArray);
        }
        members.at += 1;
        members.skip_space();
        if members.byte() == Some(b']') {
            members.at += 1;
            members.has_ended = true;
        }
        Ok(members)
    }

    /// Returns where in the page the next member begins, or `None` if there is none.
    pub(super) fn next(&self) -> Result<Option<usize>, PageError> {
        match (self.has_ended, self.at == self.page.len()) {
            (true, true) => Ok(None),
            (true, false) => Err(PageError::Trailing),
            (false, true) => Err(PageError::Cut),
            (false, false) if self.taken == RECORDS_MAX => Err(PageError::TooMany),
            (false, false) => Ok(Some(self.at)),
        }
    }

    /// Takes the next member, which is `length` bytes long. Takes nothing and returns `false` if the member does not
    /// end there.
    pub(super) fn take(&mut self, length: usize) -> bool {
        let start = self.at;
        self.at += length;
        self.skip_space();
        let ends = matches!(self.byte(), Some(b',' | b']'));
        if ends {
            self.go_on();
        } else {
            self.at = start;
        }
        ends
    }

    /// Takes the next member and returns it. Finds its end by its strings and brackets.
    pub(super) fn cut(&mut self) -> Result<&'p [u8], PageError> {
        let start = self.at;
        let mut depth = 0_usize;
        loop {
            match self.byte().ok_or(PageError::Cut)? {
                b'"' => self.at = end_of_string(self.page, self.at + 1).ok_or(PageError::Cut)?,
                b'[' | b'{' => depth += 1,
                b',' | b']' | b'}' if depth == 0 => {
                    let member = self.page[start..self.at].trim_ascii_end();
                    self.go_on();
                    return Ok(member);
                }
                b']' | b'}' => depth -= 1,
                _ => {}
            }
            self.at += 1;
        }
    }

    /// Moves past the separator at the current position.
    fn go_on(&mut self) {
        self.has_ended = self.byte() != Some(b',');
        self.at += 1;
        self.taken += 1;
        self.skip_space();
    }

    fn skip_space(&mut self) {
        while self.byte().is_some_and(|byte| byte.is_ascii_whitespace()) {
            self.at += 1;
        }
    }

    fn byte(&self) -> Option<u8> {
        self.page.get(self.at).copied()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn records(page: &[u8]) -> Result<Vec<&[u8]>, PageError> {
        let mut members = Members::of(page)?;
        let mut records = Vec::new();
        while members.next()?.is_some() {
            records.push(members.cut()?);
        }
        Ok(records)
    }

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
            (&b""[..], PageError::NotAnArray),
            (b"<html>", PageError::NotAnArray),
            (b"{}", PageError::NotAnArray),
            (b"[", PageError::Cut),
            (b"[{]", PageError::Cut),
            (b"[\"", PageError::Cut),
            (b"[\"\\", PageError::Cut),
            (b"[\"\\\"", PageError::Cut),
            (b"[] x", PageError::Trailing),
        ] {
            assert_eq!(records(bytes), Err(error));
        }
        assert_eq!(
            records(format!("[{}0]", "0,".repeat(RECORDS_MAX + 1)).as_bytes()),
            Err(PageError::TooMany)
        );
    }

    #[test]
    fn a_member_that_was_read_is_taken_if_it_ends_there() {
        let mut members = Members::of(b"[{} ,7x, 8 ]").unwrap();
        assert_eq!((members.next(), members.take(1), members.take(99)), (Ok(Some(1)), false, false));
        assert_eq!((members.take(2), members.next()), (true, Ok(Some(5))));
        assert_eq!((members.take(1), members.cut()), (false, Ok(&b"7x"[..])));
        assert_eq!((members.take(1), members.next()), (true, Ok(None)));
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
