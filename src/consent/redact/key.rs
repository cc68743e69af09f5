//! Which keys name a secret (Okta: event types; RFC 6749, 7636, 8628; OpenID Connect Core).

/// What a key of an object says of its value.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Class {
    /// A credential.
    Secret,
    /// `state`: a credential, except in a `geographicalContext`, where it is a part of a country.
    State,
    /// A URL, absolute or not.
    Place,
    /// `geographicalContext`
    Map,
    /// `type`
    Type,
    /// `id`
    Id,
    /// `alternateId` or `displayName`: may repeat the id.
    Name,
    /// Anything else.
    Other,
}

/// Sorted. Compared without regard to case, `_`, `-`, `.` and blanks.
pub(super) const SECRETS: [&str; 36] = [
    "accesstoken",
    "activationtoken",
    "actortoken",
    "apikey",
    "apitoken",
    "assertion",
    "authcode",
    "authorization",
    "authorizationcode",
    "clientassertion",
    "clientsecret",
    "clientsecrets",
    "code",
    "codeverifier",
    "cookie",
    "devicecode",
    "devicesecret",
    "idtoken",
    "interactioncode",
    "interactionhandle",
    "nonce",
    "onetimetoken",
    "otp",
    "passcode",
    "password",
    "privatekey",
    "recoverytoken",
    "refreshtoken",
    "samlresponse",
    "secret",
    "sessiontoken",
    "sharedsecret",
    "statetoken",
    "subjecttoken",
    "token",
    "usercode",
];

/// Of those, the ones that are words of ordinary sentences too, such as `code=401`. Sorted.
const AMBIGUOUS: [&str; 8] =
    ["assertion", "authorization", "code", "cookie", "nonce", "otp", "secret", "token"];

/// A key that ends so names a secret too, such as `proxy_password`.
const ENDINGS: [&str; 3] = ["password", "privatekey", "clientsecret"];

/// Ends like one and is a truth value (Okta: event types, `OAuth2ClientDetails`).
const KEPT: &str = "hasexternalclientsecret";

/// A header whose name ends with one of these carries a secret. Only endings are listed, since every proxy
/// chooses its own header names.
const HEADERS: [&str; 9] =
    ["token", "secret", "password", "apikey", "authkey", "accesskey", "authorization", "cookie", "assertion"];

/// Only so many characters at the end of a key are compared.
const LENGTH_MAX: usize = 64;

/// A key as it is compared: its last characters, lower case, without separators.
struct Plain {
    bytes: [u8; LENGTH_MAX],
    start: usize,
}

impl Plain {
    fn of(key: &[u8]) -> Self {
        let mut plain = Self { bytes: [0; LENGTH_MAX], start: LENGTH_MAX };
        let decoded;
        let key = if key.contains(&b'%') {
            decoded = super::text::percent_decoded(key, false).map(|decoded| decoded.bytes);
            decoded.as_deref().unwrap_or(key)
        } else {
            key
        };
        for byte in key.iter().rev() {
            if matches!(byte, b'_' | b'-' | b'.') || byte.is_ascii_whitespace() {
                continue;
            }
            let Some(start) = plain.start.checked_sub(1) else { break };
            plain.start = start;
            plain.bytes[start] = byte.to_ascii_lowercase();
        }
        plain
    }

    fn get(&self) -> &[u8] {
        &self.bytes[self.start..]
    }
}

/// The last two letters of every name that [`class`] knows, in lower case.
const LAST_TWO: [&[u8; 2]; 22] = [
    b"en", b"on", b"in", b"ey", b"de", b"ie", b"ce", b"le", b"te", b"se", b"pe", b"me", b"et", b"xt", b"ts",
    b"er", b"rd", b"id", b"tp", b"rl", b"ri", b"ns",
];

/// For each last letter of a known name, the letters that may stand before it, as bits.
const BEFORE_LAST: [u32; 26] = {
    let mut table = [0; 26];
    let mut index = 0;
    while index < LAST_TWO.len() {
        let [before, last] = *LAST_TWO[index];
        table[(last - b'a') as usize] |= 1 << (before - b'a');
        index += 1;
    }
    table
};

/// Whether the last two bytes of a key may be those of a name that [`class`] knows. Tells most keys of an event from
/// these at once.
fn may_be_known(key: &[u8]) -> bool {
    let Some([before, last]) = key.last_chunk::<2>() else { return false };
    // A separator may stand between any two letters and behind them.
    if !(before.is_ascii_alphabetic() && last.is_ascii_alphabetic()) {
        return true;
    }
    let letter = |byte: u8| usize::from((byte | 0x20) - b'a');
    BEFORE_LAST[letter(*last)] & 1 << letter(*before) != 0
}

/// Returns what a key says; escapes of JSON are undone before.
pub(super) fn class(key: &[u8]) -> Class {
    match key {
        b"id" => return Class::Id,
        b"type" => return Class::Type,
        b"displayName" | b"alternateId" => return Class::Name,
        b"geographicalContext" => return Class::Map,
        _ if !may_be_known(key) => return Class::Other,
        _ => {}
    }
    let plain = Plain::of(key);
    let plain = plain.get();
    match plain {
        b"state" => Class::State,
        b"url" | b"requesturi" | b"redirecturi" | b"origin" => Class::Place,
        b"geographicalcontext" => Class::Map,
        b"type" => Class::Type,
        b"id" => Class::Id,
        b"alternateid" | b"displayname" => Class::Name,
        _ if SECRETS.binary_search_by(|known| known.as_bytes().cmp(plain)).is_ok() => Class::Secret,
        _ if ENDINGS.iter().any(|end| plain.ends_with(end.as_bytes())) && plain != KEPT.as_bytes() => {
            Class::Secret
        }
        _ => Class::Other,
    }
}

/// Whether a key of a list of `key=value` names a secret.
pub(super) fn is_secret(key: &[u8]) -> bool {
    matches!(class(key), Class::Secret | Class::State)
}

/// Whether a name can only be that of a secret, wherever in a sentence it stands.
pub(super) fn is_always_secret(name: &[u8]) -> bool {
    class(name) == Class::Secret
        && AMBIGUOUS.binary_search_by(|known| known.as_bytes().cmp(Plain::of(name).get())).is_err()
}

/// Whether a target of this type is itself a credential.
pub(super) fn is_code(kind: &[u8]) -> bool {
    matches!(Plain::of(kind).get(), b"code" | b"interactioncode")
}

/// Whether a header of this name carries a credential.
pub(super) fn is_secret_header(name: &[u8]) -> bool {
    let plain = Plain::of(name);
    is_secret(name) || HEADERS.iter().any(|end| plain.get().ends_with(end.as_bytes()))
}

/// Whether the value of a URL's parameter stays: it says what was asked for, and opens nothing.
pub(super) fn is_kept_parameter(name: &[u8]) -> bool {
    matches!(
        name,
        b"client_id"
            | b"scope"
            | b"response_type"
            | b"response_mode"
            | b"redirect_uri"
            | b"prompt"
            | b"audience"
            | b"resource"
            | b"grant_type"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_in_order() {
        assert!(SECRETS.is_sorted() && AMBIGUOUS.is_sorted());
        assert!(AMBIGUOUS.iter().all(|name| SECRETS.contains(name)));
    }

    #[test]
    fn the_last_two_letters_of_every_known_name_are_listed() {
        let others =
            ["state", "url", "requesturi", "redirecturi", "origin", "geographicalcontext", "type", "id"];
        let names = SECRETS.into_iter().chain(ENDINGS).chain(others).chain(["alternateid", "displayname"]);
        for name in names {
            assert!(
                may_be_known(name.as_bytes()) && may_be_known(name.to_ascii_uppercase().as_bytes()),
                "{name}"
            );
            assert_ne!(class(name.as_bytes()), Class::Other, "{name}");
        }
        assert!(!may_be_known(b"city") && !may_be_known(b"result"));
    }

    #[test]
    fn some_names_can_only_be_those_of_secrets() {
        for name in
            ["client_secret", "password", "Proxy-Password", "refreshToken", "code_verifier", "id_token"]
        {
            assert!(is_always_secret(name.as_bytes()), "{name}");
        }
        for name in ["code", "Token", "state", "secret", "hasExternalClientSecret", "x"] {
            assert!(!is_always_secret(name.as_bytes()), "{name}");
        }
    }

    #[test]
    fn keys_are_compared_without_case_and_separators() {
        for key in [
            "client_secret",
            "ClientSecret",
            "CLIENT-SECRET",
            "client.secret",
            "client secret",
            "c_l-i.e ntsecret_",
            "client%5Fsecret",
            "client%5fsecret",
            "proxy_password",
            "credentials_client_secret",
            "stateToken",
            "credentials_signing_private_key",
            "Authorization",
            "OTP",
            "userPassword",
        ] {
            assert_eq!(class(key.as_bytes()), Class::Secret, "{key}");
        }
        let long = format!("{}password", "x".repeat(500));
        assert_eq!(class(long.as_bytes()), Class::Secret);
    }

    #[test]
    fn what_only_sounds_secret_is_none() {
        for key in [
            "hash",
            "subject_token_id",
            "actorTokenId",
            "oldRefreshTokenHash",
            "token_count",
            "refreshTokenType",
            "subject_token_type",
            "token_endpoint_auth_method",
            "client_credentials_type",
            "has_external_client_secret",
            "kid",
            "key_id",
            "token_encryption_key",
            "postalCode",
            "authorizationServer",
            "grantedScopes",
            "",
            "%",
            "risk",
            "passwordless",
            "country",
            "sessionId",
            "externalSessionId",
        ] {
            assert_eq!(class(key.as_bytes()), Class::Other, "{key}");
        }
    }
}
