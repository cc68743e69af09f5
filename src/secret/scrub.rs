//! Recognizes secrets by their shape, so that a secret that was given instead of another value is not shown.

use std::borrow::Cow;

/// The text that replaces a word that looks like a secret.
const HIDDEN: &str = "(hidden: it looks like a secret)";
/// The length of the shortest word that is hidden. Most names and ids are shorter, and no secret from Okta is.
const SHORTEST: usize = 20;

/// Returns whether a word looks like a secret.
///
/// Okta API tokens have 42 letters, digits, `-` and `_` and begin with `00`. JSON web tokens begin with `eyJ`. Keys and
/// generated secrets are long and mix letters and digits.
pub fn looks_secret(word: &str) -> bool {
    let word = word.trim_matches(['=', '~', '-', '_', '+']);
    if word.len() < SHORTEST || !word.is_ascii() {
        return false;
    }
    if word.starts_with("eyJ") {
        return true;
    }
    let count = |is: fn(&u8) -> bool| word.bytes().filter(is).count();
    let (lower, upper, digits) =
        (count(u8::is_ascii_lowercase), count(u8::is_ascii_uppercase), count(u8::is_ascii_digit));
    let is_okta_token = word.starts_with("00") && word.len() >= 40;
    // Random letters of both cases with digits. A time such as 20260304T101500Z has no lower case.
    let is_mixed = lower >= 4 && upper >= 4 && digits >= 1;
    // Random letters of one case with more digits than in any name.
    let is_hex = (lower == 0 || upper == 0)
        && lower + upper >= 4
        && digits >= 6
        && lower + upper + digits == word.len();
    // Base64 of a key. A line of it may have no digit.
    let is_base64 = word.len() >= 48 && lower >= 8 && upper >= 8;
    is_okta_token || is_mixed || is_hex || is_base64
}

/// Replaces every word that looks like a secret. Returns a text without such words unchanged and borrowed.
pub fn scrub(text: &str) -> Cow<'_, str> {
    let is_part = |c: char| c.is_ascii_alphanumeric() || "_-+=~".contains(c);
    let mut out = String::new();
    let mut rest = text;
    while let Some(start) = rest.find(is_part) {
        let (before, from) = rest.split_at(start);
        let (word, after) = from.split_at(from.find(|c| !is_part(c)).unwrap_or(from.len()));
        out.push_str(before);
        out.push_str(if looks_secret(word) { HIDDEN } else { word });
        rest = after;
    }
    out.push_str(rest);
    if out == text { Cow::Borrowed(text) } else { Cow::Owned(out) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_told_from_names() {
        for secret in [
            "00TokenThatNobodyMayEverSee",
            "00aBcDeFgHiJkLmNoPqRsTuVwXyZ-0123456789_ab",
            "eyJhbGciOiJSUzI1NiJ9",
            "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7",
            "5f2d7c41a9e04b6b8c1d3e5f7a9b0c2d",
            "q3Zk9_fR2xLw-7TnB0vYc8Ue1HsJm4PaDi6Go5KtWXE",
        ] {
            assert!(looks_secret(secret), "{secret}");
            assert_eq!(
                scrub(&format!("no such value \"{secret}\".")),
                format!("no such value \"{HIDDEN}\".")
            );
        }
    }

    #[test]
    fn names_and_paths_stay() {
        for text in [
            "/home/ada/.config/consentwatch/config.toml, line 3, key token_file: unknown field `tokenfile`",
            "consents-20260304T101500Z.json exists.",
            "https://dev-12345678.okta.com",
            "okta.authorizationServers.read okta.eventHooks.read API_ACCESS_MANAGEMENT_CONSENT",
            "previous_secret_command private_key_command bytes_per_second 1000000000",
            "client 0oa1gjh63g214q0Hq0g4",
            "consentwatch config init --print shows every key.",
        ] {
            assert_eq!(scrub(text), text);
        }
    }
}
