//! A fast first check. It shows of most events, without parsing them, that they have nothing to hide.

use memchr::{memchr, memchr_iter, memchr2, memchr3_iter, memrchr, memrchr2};

use super::key::{self, Class};

/// Whether an event may hold something to hide. Never wrong where it says no; where it says yes, the walk decides.
pub(super) fn is_suspect(raw: &[u8]) -> bool {
    has_parameters(raw) || has_form(raw) || has_secret_key(raw)
}

/// Whether there is a fragment, a query that is not empty, or an escape of anything but a quote. The text of a string
/// may be JSON, with its quotes escaped: Identity Engine writes `logOnlySecurityData` so in every event.
fn has_parameters(raw: &[u8]) -> bool {
    memchr3_iter(b'\\', b'#', b'?', raw).any(|at| raw[at] == b'#' || raw.get(at + 1) != Some(&b'"'))
}

/// Whether there is percent-encoding, a list of `name=value`, or a URL with a user.
fn has_form(raw: &[u8]) -> bool {
    memchr3_iter(b'%', b'=', b'@', raw).any(|at| raw[at] != b'@' || is_behind_slashes(&raw[..at]))
}

/// Whether two slashes stand before the name that a string so far ends with. A URL without a scheme begins with them.
fn is_behind_slashes(before: &[u8]) -> bool {
    memrchr2(b'/', b'"', before).is_some_and(|at| before[..=at].ends_with(b"//"))
}

/// Whether a key names a secret or a type that is one. Nothing but quotes is escaped, so each quote before a colon ends
/// a key, here or in JSON that is the text of a string.
fn has_secret_key(raw: &[u8]) -> bool {
    let (words, rest) = raw.as_chunks::<8>();
    for (at, word) in (0..).step_by(8).zip(words) {
        let mut colons = colons(u64::from_le_bytes(*word));
        while colons != 0 {
            if is_suspect_at(raw, at + colons.trailing_zeros() as usize / 8) {
                return true;
            }
            colons &= colons - 1;
        }
    }
    let start = raw.len() - rest.len();
    memchr_iter(b':', rest).any(|at| is_suspect_at(raw, start + at))
}

/// The highest bit of each byte that is a colon. Eight bytes at a time: colons stand too close together for a search.
fn colons(word: u64) -> u64 {
    const LOW: u64 = 0x7f7f_7f7f_7f7f_7f7f;
    let other = word ^ 0x3a3a_3a3a_3a3a_3a3a;
    !(((other & LOW) + LOW) | other | LOW)
}

#[inline]
fn is_suspect_at(raw: &[u8], colon: usize) -> bool {
    let before = &raw[..colon];
    match before.last_chunk::<5>() {
        // A key in JSON that is the text of a string.
        Some([a, b, c, b'\\', b'"']) => {
            may_end_a_secret([*a, *b, *c]) && is_suspect_key(raw, colon - 2, colon)
        }
        // By far the most: the end of a key that is none of these.
        Some([_, a, b, c, b'"']) => may_end_a_secret([*a, *b, *c]) && is_suspect_key(raw, colon - 1, colon),
        // A time of day, or an address.
        Some([.., b'0'..=b'9']) => false,
        _ => is_suspect_colon(raw, before.trim_ascii_end(), colon),
    }
}

#[cold]
fn is_suspect_colon(raw: &[u8], before: &[u8], colon: usize) -> bool {
    match before.last() {
        Some(b'"') => {
            let key = &before[..before.len() - 1];
            is_suspect_key(raw, key.strip_suffix(b"\\").unwrap_or(key).len(), colon)
        }
        Some(b'\'') => true,
        _ => false,
    }
}

/// Whether the key that ends at a place says that its value is to be looked at.
fn is_suspect_key(raw: &[u8], end: usize, colon: usize) -> bool {
    if let Some(eight) = raw[..end].last_chunk::<8>() {
        // Of the keys of an ordinary event only these are left, and their values mostly say that they are harmless.
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
    match key::class(&raw[start..end]) {
        Class::Secret => true,
        Class::State => !is_on_map(&raw[..start]),
        Class::Type => is_suspect_type(raw, colon),
        _ => false,
    }
}

/// Whether the value behind a colon is a type that is a code.
fn is_suspect_type(raw: &[u8], colon: usize) -> bool {
    let value = raw[colon + 1..].trim_ascii_start();
    let value = value.strip_prefix(b"\\").unwrap_or(value).get(1..).unwrap_or_default();
    let begins = value.first().is_none_or(|b| matches!(b | 0x20, b'c' | b'i') || !b.is_ascii_alphabetic());
    begins && key::is_code(&value[..memchr2(b'"', b'\\', value).unwrap_or(value.len())])
}

/// Whether the last eight bytes of a key, in lower case, may end one that names a secret. A quote stands before a key.
fn has_long_ending(eight: [u8; 8]) -> bool {
    let [.., four, three, two, one] = &eight;
    // A separator may stand between any two letters; `_` in lower case is the sign with the number 127.
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

/// Lower-case endings of all keys that name a secret, and of `type`.
const ENDINGS: [&[u8; 3]; 15] = [
    b"ret", b"ets", b"ode", b"dle", b"ate", b"nce", b"ier", b"ken", b"ion", b"nse", b"ord", b"otp", b"key",
    b"kie", b"ype",
];

/// For each last letter of an ending the letters that stand before it, as bits, in lower case.
const BEFORE: [u32; 256] = {
    let mut table = [0_u32; 256];
    let mut index = 0;
    while index < ENDINGS.len() {
        let [_, before, last] = *ENDINGS[index];
        table[last as usize] |= 1 << (before - b'a');
        table[last.to_ascii_uppercase() as usize] |= 1 << (before - b'a');
        index += 1;
    }
    // Separators may stand between the letters of a name and behind them: those are looked at whole.
    table[b'_' as usize] = u32::MAX;
    table[b'-' as usize] = u32::MAX;
    table[b'.' as usize] = u32::MAX;
    table[b' ' as usize] = u32::MAX;
    table
};

/// Whether a key with these last three bytes may name a secret, or be `type`.
fn may_end_a_secret([first, before, last]: [u8; 3]) -> bool {
    let letters = BEFORE[usize::from(last)];
    if letters == 0 {
        return false;
    }
    if !before.is_ascii_alphabetic() {
        // A quote ends the search: no secret's name has two letters.
        return before != b'"';
    }
    if letters & 1 << ((before | 0x20) - b'a') == 0 {
        return false;
    }
    if !first.is_ascii_alphabetic() {
        return first != b'"';
    }
    let ending = [first | 0x20, before | 0x20, last | 0x20];
    letters == u32::MAX || ENDINGS.contains(&&ending)
}

/// Returns whether the key behind `before` is in a `geographicalContext`, where `state` is a part of a
/// country.
pub(super) fn is_on_map(before: &[u8]) -> bool {
    let Some(brace) = memrchr(b'{', before) else { return false };
    // The object is closed again. A bracket in a string costs a walk, no more.
    if memchr(b'}', &before[brace..]).is_some() {
        return false;
    }
    if before[..brace].ends_with(b"\"geographicalContext\":") {
        return true;
    }
    let Some(name) = before[..brace].trim_ascii_end().strip_suffix(b":") else { return false };
    let Some(name) = name.trim_ascii_end().strip_suffix(b"\"") else { return false };
    let start = memrchr(b'"', name).map_or(0, |quote| quote + 1);
    key::class(&name[start..]) == Class::Map
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
        assert!(!is_suspect(event));
    }

    #[test]
    fn every_key_that_names_a_secret_is_looked_at() {
        for name in
            key::SECRETS.into_iter().chain(["state", "proxypassword", "myprivatekey", "theclientsecret"])
        {
            for name in [name.to_owned(), name.to_ascii_uppercase(), name.replace('e', "E")] {
                // Nowhere does a separator between its letters, before or behind them, make it another name.
                for at in 0..=name.len() {
                    for separator in ["", "_", "-", ".", " "] {
                        let (before, behind) = name.split_at(at);
                        let event = format!(r#"{{"a":{{"{before}{separator}{behind}":"x"}}}}"#);
                        assert!(is_suspect(event.as_bytes()), "{event}");
                    }
                }
            }
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
            assert!(is_suspect(event.as_bytes()), "{event}");
        }
    }
}
