//! Classifies keys that name a secret (Okta: event types; RFC 6749, 7636, 8628; OpenID Connect Core).

/// What a key of an object says about its value.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Class {
    /// A credential.
    Secret,
    /// `state`: a credential, except in a `geographicalContext`, where it is part of a country.
    State,
    /// A URL, absolute or relative.
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

/// The names of secrets, sorted. They are compared without regard to case, `_`, `-`, `.` and white space.
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

/// The names of secrets that also occur in ordinary text, such as `code=401`. Sorted.
const AMBIGUOUS: [&str; 8] =
    ["assertion", "authorization", "code", "cookie", "nonce", "otp", "secret", "token"];

/// Endings of further names of secrets, such as `proxy_password`.
const ENDINGS: [&str; 3] = ["password", "privatekey", "clientsecret"];

/// A key that ends like a secret but has a Boolean value (Okta: event types, `OAuth2ClientDetails`).
const KEPT: &str = "hasexternalclientsecret";

/// A header whose name ends with one of these carries a secret. Only endings are listed, since every proxy
/// chooses its own header names.
const HEADERS: [&str; 9] =
    ["token", "secret", "password", "apikey", "authkey", "accesskey", "authorization", "cookie", "assertion"];

/// How many characters at the end of a key are compared.
const LENGTH_MAX: usize = 64;

/// A key in the form that is compared: its last characters in lower case, without separators.
struct Plain {
    bytes: [u8; LENGTH_MAX],
    start: usize,
}

impl Plain {
    fn of(key: &[u8]) -> Self {
        let mut plain = Self { bytes: [0; LENGTH_MAX], start: LENGTH_MAX };
        let decoded;
        let key = if key.contains(&b'%') {
            decoded = super::encoding::percent_decoded(key, false).map(|decoded| decoded.bytes);
            decoded.as_deref().unwrap_or(key)
        } else {
            key
        };
        for byte in key.iter().rev() {
            if SEPARATORS.contains(byte) {
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

/// A filter that rules out most keys of an event by their last three bytes.
pub(super) struct Endings {
    /// For each last byte, the sets of bytes allowed one and two places before it, as bits by their [`CODES`].
    allowed: [(u32, u32); 256],
}

/// The endings of all names of secrets, of `state` and of `type`.
pub(super) static SECRET_ENDINGS: Endings = Endings::none().and(&[
    "ret", "ets", "ode", "dle", "ate", "nce", "ier", "ken", "ion", "nse", "ord", "otp", "key", "kie", "ype",
]);

/// The endings of all names of three letters and more that [`class`] knows.
static KNOWN_ENDINGS: Endings = SECRET_ENDINGS.and(&["url", "uri", "gin", "ext", "eid", "ame"]);

/// A number for each byte. Letters count from 0 without regard to case.
const CODES: [u8; 256] = {
    let mut codes = [OTHER; 256];
    let mut letter = 0;
    while letter < 26 {
        codes[(b'a' + letter) as usize] = letter;
        codes[(b'A' + letter) as usize] = letter;
        letter += 1;
    }
    let mut index = 0;
    while index < SEPARATORS.len() {
        codes[SEPARATORS[index] as usize] = SEPARATOR;
        index += 1;
    }
    codes
};
const SEPARATOR: u8 = 26;
const OTHER: u8 = 27;

/// The separators that are ignored when keys are compared. They may occur between any two letters and at the end.
const SEPARATORS: [u8; 8] = *b"_-. \t\n\x0c\r";

impl Endings {
    /// Returns a filter without names. It still lets keys that end in separators pass.
    const fn none() -> Self {
        let mut allowed = [(0, 0); 256];
        let mut index = 0;
        while index < SEPARATORS.len() {
            allowed[SEPARATORS[index] as usize] = (!(1 << OTHER), !(1 << OTHER));
            index += 1;
        }
        Self { allowed }
    }

    /// Returns a filter with further endings, each of three letters in lower case.
    const fn and(&self, endings: &[&str]) -> Self {
        let mut allowed = self.allowed;
        let mut index = 0;
        while index < endings.len() {
            let [first, before, last] = *endings[index].as_bytes().first_chunk().expect("three letters");
            let (befores, firsts) = allowed[last as usize];
            allowed[last as usize] =
                (befores | 1 << CODES[before as usize], firsts | 1 << CODES[first as usize] | 1 << SEPARATOR);
            allowed[last.to_ascii_uppercase() as usize] = allowed[last as usize];
            index += 1;
        }
        Self { allowed }
    }

    /// Returns whether a key with these last three bytes may be one of the names. `false` is certain. If one of the
    /// bytes is a quote, the key is shorter than three bytes.
    #[inline]
    pub(super) fn may_end(&self, [first, before, last]: [u8; 3]) -> bool {
        let (befores, firsts) = self.allowed[usize::from(last)];
        let before = CODES[usize::from(before)];
        let first = CODES[usize::from(first)];
        befores >> before & firsts >> first & 1 != 0 || before == SEPARATOR && befores != 0
    }
}

/// Returns the class of a key. JSON escapes must be decoded before.
pub(super) fn class(key: &[u8]) -> Class {
    match key {
        b"id" => return Class::Id,
        b"type" => return Class::Type,
        b"displayName" | b"alternateId" => return Class::Name,
        b"geographicalContext" => return Class::Map,
        _ => {}
    }
    if key.last_chunk().is_some_and(|last| !KNOWN_ENDINGS.may_end(*last)) && !key.contains(&b'%') {
        return Class::Other;
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

/// Returns whether a key in a list of `key=value` names a secret.
pub(super) fn is_secret(key: &[u8]) -> bool {
    matches!(class(key), Class::Secret | Class::State)
}

/// Returns whether a name always names a secret, even in a sentence.
pub(super) fn is_always_secret(name: &[u8]) -> bool {
    class(name) == Class::Secret
        && AMBIGUOUS.binary_search_by(|known| known.as_bytes().cmp(Plain::of(name).get())).is_err()
}

/// Returns whether a target of this type is itself a credential.
pub(super) fn is_code(kind: &[u8]) -> bool {
    // Most types end in another letter, which is fast to check.
    let may_be = kind.last().is_some_and(|last| matches!(last, b'e' | b'E') || !last.is_ascii_alphabetic());
    may_be && matches!(Plain::of(kind).get(), b"code" | b"interactioncode")
}

/// Returns whether a header with this name carries a credential.
pub(super) fn is_secret_header(name: &[u8]) -> bool {
    let plain = Plain::of(name);
    is_secret(name) || HEADERS.iter().any(|end| plain.get().ends_with(end.as_bytes()))
}

/// Returns whether the value of a URL parameter is kept, because it describes the request and is not a credential.
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
    fn the_endings_of_every_known_name_are_listed() {
        let may_end = |endings: &Endings, name: &str| {
            let name = name.as_bytes();
            let [.., first, before, last] = name else { unreachable!() };
            [[*first, *before, *last], [b'x', *first, b'_'], [b'_', *before, *last], [*before, b'_', *last]]
                .into_iter()
                .all(|last| endings.may_end(last) && endings.may_end(last.map(|b| b.to_ascii_uppercase())))
        };
        let secrets = SECRETS.into_iter().chain(ENDINGS).chain(["state", "type"]);
        let others = [
            "url",
            "requesturi",
            "redirecturi",
            "origin",
            "geographicalcontext",
            "alternateid",
            "displayname",
        ];
        for name in secrets.clone() {
            assert!(may_end(&SECRET_ENDINGS, name), "{name}");
        }
        for name in secrets.chain(others) {
            assert!(may_end(&KNOWN_ENDINGS, name), "{name}");
            assert_ne!(class(name.as_bytes()), Class::Other, "{name}");
        }
        assert_eq!(class(b"ID"), Class::Id);
        assert!(!may_end(&KNOWN_ENDINGS, "city") && !may_end(&KNOWN_ENDINGS, "result"));
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
            "clientsecre%5Ft",
            "clientsecret%2d",
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
