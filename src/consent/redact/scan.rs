//! A fast first check that shows for most events, without parsing, that they have nothing to hide.

use memchr::{memchr, memchr2, memrchr, memrchr2};
use wide::u8x16;

use super::secret_names::{self, Class};

/// What in an event may need to be hidden.
#[derive(PartialEq, Eq, Debug)]
pub(super) enum Suspects {
    /// Only the text of some strings, given as positions inside them in order. Usually there are none.
    Strings(Vec<usize>),
    /// Something that needs a walk over the whole event.
    Anything,
}

/// Scans an event without parsing it. Anything it does not suspect has nothing to hide. Anything it suspects may have.
pub(super) fn suspects(raw: &[u8]) -> Suspects {
    let (blocks, rest) = raw.as_chunks();
    let mut last = [0; Block::SIZE];
    last[..rest.len()].copy_from_slice(rest);
    let mut look = Look { raw, behind: Behind::default(), strings: Vec::new() };
    for (start, block) in (0..).step_by(Block::SIZE).zip(blocks.iter().chain([&last])) {
        if !look.note_strings(start, &Block::of(block)) {
            return Suspects::Anything;
        }
    }
    Suspects::Strings(look.strings)
}

/// The state of a scan, block by block.
struct Look<'a> {
    raw: &'a [u8],
    behind: Behind,
    /// The suspect positions in strings.
    strings: Vec<usize>,
}

/// What carries over from the previous blocks to the next one. The first three fields use the lowest bit.
#[derive(Default)]
struct Behind {
    quote: u64,
    escape: u64,
    query: u64,
    /// The XOR of the quote bits of all blocks. An odd number of set bits means that a string is open.
    ends: u64,
}

impl Look<'_> {
    /// Records what is suspect in strings of the block at `start`. Returns `false` if something outside of strings is
    /// suspect.
    #[inline]
    fn note_strings(&mut self, start: usize, block: &Block) -> bool {
        let quotes = block.places(b'"');
        let behind = &self.behind;
        let (mut escapes, mut queries, mut strange) = (0, 0, 0);
        // Most blocks have none of these.
        if block.has([b'\\', b'?', b'#', b'%', b'=', b'@']) {
            escapes = block.places(b'\\');
            queries = block.places(b'?');
            // A fragment, percent-encoding, or a list of `name=value`.
            strange = block.places(b'#') | block.places(b'%') | block.places(b'=');
            // A URL with a user.
            let users = ones(block.places(b'@'));
            strange |= users
                .filter(|place| is_behind_slashes(&self.raw[..start + place]))
                .fold(0, |users, place| users | 1 << place);
        }
        let escaped = escapes << 1 | behind.escape;
        // In most events only quotes are escaped, because a string may contain JSON: Identity Engine writes
        // `logOnlySecurityData` this way in every event.
        if escaped & !quotes != 0 {
            return false;
        }
        // A query that is not empty.
        strange |= (queries << 1 | behind.query) & !quotes;
        let ends = quotes & !escaped;
        if strange != 0 && !self.note(start, strange, ends) {
            return false;
        }
        // Each quote before a colon ends a key, of the event or of JSON inside a string.
        let colons = block.places(b':');
        let behind_quotes = quotes << 1 | self.behind.quote;
        self.behind = Behind {
            quote: quotes >> Block::LAST,
            escape: escapes >> Block::LAST,
            query: queries >> Block::LAST,
            ends: self.behind.ends ^ ends,
        };
        let raw = self.raw;
        let mut key_ends = ones(colons & behind_quotes).map(|place| start + place);
        let mut others = ones(colons & !behind_quotes).map(|place| start + place);
        !(key_ends.any(|colon| may_end_a_secret(raw, colon) && is_suspect_colon(raw, colon))
            // These are mostly colons in times of day or addresses.
            || others
                .any(|colon| !raw[..colon].last().is_some_and(u8::is_ascii_digit) && is_suspect_colon(raw, colon)))
    }

    /// Records suspect bytes. Returns whether all are inside strings. `ends` are the quotes around strings.
    fn note(&mut self, start: usize, strange: u64, ends: u64) -> bool {
        ones(strange).all(|place| {
            self.strings.push(start + place);
            is_odd(self.behind.ends ^ ends & ((1 << place) - 1))
        })
    }
}

fn is_odd(bits: u64) -> bool {
    bits.count_ones() % 2 == 1
}

/// Bytes that are compared together.
struct Block([u8x16; 4]);

impl Block {
    const SIZE: usize = 64;
    /// The index of the last byte.
    const LAST: usize = Self::SIZE - 1;

    fn of(bytes: &[u8; Self::SIZE]) -> Self {
        let (parts, _) = bytes.as_chunks();
        Self(std::array::from_fn(|part| u8x16::new(parts[part])))
    }

    /// Returns the positions of a byte as bits, with the first position in the lowest bit.
    fn places(&self, byte: u8) -> u64 {
        let byte = u8x16::splat(byte);
        let bits = self.0.map(|part| u64::from(part.simd_eq(byte).to_bitmask()));
        bits[0] | bits[1] << 16 | bits[2] << 32 | bits[3] << 48
    }

    /// Returns whether the block contains one of the bytes.
    fn has<const N: usize>(&self, bytes: [u8; N]) -> bool {
        let mut found = u8x16::ZERO;
        for byte in bytes {
            let byte = u8x16::splat(byte);
            for part in self.0 {
                found |= part.simd_eq(byte);
            }
        }
        found.to_bitmask() != 0
    }
}

/// Returns the positions of the set bits, lowest first.
fn ones(mut bits: u64) -> impl Iterator<Item = usize> {
    std::iter::from_fn(move || {
        let place = (bits != 0).then_some(bits.trailing_zeros() as usize)?;
        bits &= bits - 1;
        Some(place)
    })
}

/// Returns whether the last name in a string follows two slashes. A URL without a scheme begins with them.
fn is_behind_slashes(before: &[u8]) -> bool {
    memrchr2(b'/', b'"', before).is_some_and(|at| before[..=at].ends_with(b"//"))
}

/// Returns whether the key before a colon may name a secret or a type. Rules out most keys quickly.
fn may_end_a_secret(raw: &[u8], colon: usize) -> bool {
    let Some([first, second, third, fourth, _]) = raw[..colon].last_chunk() else { return true };
    // The quote of a key in JSON inside a string is escaped.
    let is_escaped = *fourth == b'\\';
    let last = if is_escaped { [*first, *second, *third] } else { [*second, *third, *fourth] };
    secret_names::SECRET_ENDINGS.may_end(last) && (last != *b"ype" || !is_harmless_type(&raw[colon + 1..]))
}

/// Returns whether the value of a type begins with a letter that rules out a code.
fn is_harmless_type(value: &[u8]) -> bool {
    value.first_chunk().is_some_and(|[quote, letter]| {
        *quote == b'"' && letter.is_ascii_alphabetic() && !matches!(letter | 0x20, b'c' | b'i')
    })
}

/// Returns whether the key before a colon names a secret, or is a `type` whose value is a code.
#[inline(never)]
fn is_suspect_colon(raw: &[u8], colon: usize) -> bool {
    let before = raw[..colon].trim_ascii_end();
    match before.last() {
        Some(b'"') => {
            let key = &before[..before.len() - 1];
            is_suspect_key(raw, key.strip_suffix(b"\\").unwrap_or(key).len(), colon)
        }
        Some(b'\'') => true,
        _ => false,
    }
}

/// Returns whether the key that ends at a position makes its value suspect.
fn is_suspect_key(raw: &[u8], end: usize, colon: usize) -> bool {
    if let Some(eight) = raw[..end].last_chunk::<8>() {
        // Of the keys of an ordinary event only these remain, and their values are mostly harmless.
        let lower = eight.map(|b| b | 0x20);
        if lower.ends_with(b"\"type") {
            return is_suspect_type(raw, colon);
        }
        if eight.ends_with(b"\"state") && is_on_map(&raw[..end - 5]) {
            return false;
        }
        if !has_long_ending(lower) {
            return false;
        }
    }
    let start = memrchr(b'"', &raw[..end]).map_or(0, |quote| quote + 1);
    match secret_names::class(&raw[start..end]) {
        Class::Secret => true,
        Class::State => !is_on_map(&raw[..start]),
        Class::Type => is_suspect_type(raw, colon),
        _ => false,
    }
}

/// Returns whether the value after a colon is the type of a code.
fn is_suspect_type(raw: &[u8], colon: usize) -> bool {
    let value = raw[colon + 1..].trim_ascii_start();
    let value = value.strip_prefix(b"\\").unwrap_or(value).get(1..).unwrap_or_default();
    let begins = value.first().is_none_or(|b| matches!(b | 0x20, b'c' | b'i') || !b.is_ascii_alphabetic());
    begins && secret_names::is_code(&value[..memchr2(b'"', b'\\', value).unwrap_or(value.len())])
}

/// Returns whether a key with these last eight bytes, in lower case, may name a secret. A quote precedes the key.
fn has_long_ending(eight: [u8; 8]) -> bool {
    let [.., four, three, two, one] = &eight;
    // A separator may occur between any two letters. `_ | 0x20` is byte 127.
    if eight.iter().any(|b| matches!(b, 0x7f | b'-' | b'.' | b' ')) {
        return true;
    }
    match [three, two, one] {
        [b'o', b'd', b'e'] => *four == b'c' && matches!(eight[3], b'"' | b'h' | b'n' | b'r' | b'e' | b's'),
        [b'r', b'e', b't'] => eight.ends_with(b"secret"),
        [b'e', b't', b's'] => eight.ends_with(b"secrets"),
        [b'd', b'l', b'e'] => eight.ends_with(b"handle"),
        [b'a', b't', b'e'] => eight.ends_with(b"\"state"),
        [b'n', b'c', b'e'] => eight.ends_with(b"\"nonce"),
        [b'i', b'e', b'r'] => eight.ends_with(b"verifier"),
        [b'k', b'e', b'n'] => eight.ends_with(b"token"),
        [b'i', b'o', b'n'] => eight.ends_with(b"sertion") || eight.ends_with(b"rization"),
        [b'n', b's', b'e'] => eight.ends_with(b"response"),
        [b'o', b'r', b'd'] => eight.ends_with(b"password"),
        [b'o', b't', b'p'] => *four == b'"',
        [b'k', b'e', b'y'] => eight.ends_with(b"tekey") || eight.ends_with(b"pikey"),
        [b'k', b'i', b'e'] => eight.ends_with(b"cookie"),
        _ => false,
    }
}

/// Returns whether the key after `before` is in a `geographicalContext`, where `state` is part of a country.
pub(super) fn is_on_map(before: &[u8]) -> bool {
    let Some(brace) = memrchr(b'{', before) else { return false };
    // The object may be closed already. If the bracket was in a string, this only costs a walk.
    if memchr(b'}', &before[brace..]).is_some() {
        return false;
    }
    if before[..brace].ends_with(b"\"geographicalContext\":") {
        return true;
    }
    let Some(name) = before[..brace].trim_ascii_end().strip_suffix(b":") else { return false };
    let Some(name) = name.trim_ascii_end().strip_suffix(b"\"") else { return false };
    let start = memrchr(b'"', name).map_or(0, |quote| quote + 1);
    secret_names::class(&name[start..]) == Class::Map
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ordinary_event_needs_no_walk() {
        let event =
            br#"{"client":{"zone":"null","geographicalContext":{"city":"U","state":"U","postalCode":"3511"}},
            "published":"2026-03-04T09:15:27.431Z","issuer":"https://example.okta.com/oauth2/default",
            "target":[{"type":"ConsentGrant","alternateId":"ada@example.test"}],
            "debugContext":{"debugData":{"url":"/api/v1/authn/consent?","tokenId":"AT.x",
            "logOnlySecurityData":"{\"risk\":{\"level\":\"LOW\"},\"behaviors\":{\"New Geo-Location\":\"NEGATIVE\"}}"}}}"#;
        assert_eq!(suspects(event), Suspects::Strings(Vec::new()));
    }

    #[test]
    fn every_key_that_names_a_secret_is_looked_at() {
        for name in secret_names::SECRETS.into_iter().chain([
            "state",
            "proxypassword",
            "myprivatekey",
            "theclientsecret",
        ]) {
            for name in [name.to_owned(), name.to_ascii_uppercase(), name.replace('e', "E")] {
                // A separator between, before or after the letters does not change the name.
                for at in 0..=name.len() {
                    for separator in ["", "_", "-", ".", " "] {
                        let (before, behind) = name.split_at(at);
                        let event = format!(r#"{{"a":{{"{before}{separator}{behind}":"x"}}}}"#);
                        assert_ne!(suspects(event.as_bytes()), Suspects::Strings(Vec::new()), "{event}");
                    }
                }
            }
        }
    }

    #[test]
    fn what_is_suspect_in_strings_alone_is_told_by_its_place() {
        let event = br#"{"a":"b?c=d","e":{"f":"https://u:p@host/"}}"#;
        let Suspects::Strings(places) = suspects(event) else { panic!("only strings are suspect") };
        assert_eq!(places.iter().map(|at| event[*at]).collect::<Vec<_>>(), b"c=@");
        // The suspect bytes here are outside of strings.
        for damaged in [r#"{"a":1?b=c}"#, r##"{"a":"b"#c","d":1}"##, r#"{"a":"b" # "c"}"#] {
            assert_eq!(suspects(damaged.as_bytes()), Suspects::Anything, "{damaged}");
        }
    }

    #[test]
    fn every_candidate_is_looked_at() {
        for event in [
            r#"{"a":"s3://u:p@host"}"#,
            r#"{"client_secret":"x"}"#,
            r#"{"ClientSecret" : "x"}"#,
            r#"{"s_e_c_r_e_t_":"x"}"#,
            r#"{"otp":"x"}"#,
            r#"{"a":"b?c=d"}"#,
            r#"{"a":"b#c"}"#,
            r#"{"a":"\u0062"}"#,
            r#"{"a":"%7b"}"#,
            r#"{"a":"{k=v}"}"#,
            r#"{"a":"https://u:p@host/"}"#,
            r#"{"a":"8://u:p@host/"}"#,
            r#"{"a":"://u:p@host/"}"#,
            r#"{"a":[" ://u:p@host/"]}"#,
            r#"{"debugContext":{"debugData":{"redirectUri":"//ada:hunter2@h.test/cb"}}}"#,
            r#"{"url":["x","//ada:hunter2@h.test/cb"]}"#,
            r#"{"geographicalContext":{"city":"x"},"state":"s3cr3t"}"#,
            r#"{"state":"x"}"#,
            r#"{"map":{"city":"x","state":"y"}}"#,
            r#"{"type":"code","id":"x"}"#,
            r#"{"a":"{'password': 'x'}"}"#,
            r#"{"type" : "Interaction-Code"}"#,
            r#"{"a":"{\"otp\":\"x\"}"}"#,
            r#"{"a":"{\"Client-Secret\" : \"x\"}"}"#,
            r#"{"a":"[{\"type\":\"code\",\"id\":\"x\"}]"}"#,
            r#"{"a":"{\"state\":\"x\"}"}"#,
            r#"{"a":"{\"geographicalContext\":{\"city\":\"x\"","state":"x"}"#,
            r#"{"a":"because of {\"password\":\"x\"}"}"#,
            r#"{"a":"{\\\"otp\\\":1}"}"#,
        ] {
            assert_ne!(suspects(event.as_bytes()), Suspects::Strings(Vec::new()), "{event}");
        }
    }
}
