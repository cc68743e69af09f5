//! One consent as a line for a person.

use std::borrow::Cow;

use crate::consent::{Actor, Consent, Evidence, Person, Seq, Untrusted, visible};

/// Appends time (UTC), kind, who, client, server, scopes, address and country, way; `-` stands for what is not known.
/// An outcome other than success is said at the end, since the line would read as a consent otherwise.
pub(super) fn line(_seq: Seq, consent: &Consent, out: &mut Vec<u8>) {
    let published = consent.published.map_or_else(|| "no time".to_owned(), seconds);
    let client = consent.client.label.as_ref().or(consent.client.id.as_ref().map(|id| &id.0));
    let server = consent.server.name.as_ref().or(consent.server.id.as_ref().map(|id| &id.0));
    let place = [&consent.from.ip, &consent.from.country].into_iter().flatten().map(Untrusted::visible);
    let place: Vec<Cow<'_, str>> = place.collect();
    let mut parts = vec![
        // The first two are as wide as their widest, so that lines stand under one another where it costs nothing.
        Cow::from(format!("{published:<20}")),
        Cow::from(format!("{:<12}", consent.kind.word())),
        who(consent),
        shown(client),
        shown(server),
        scopes(consent),
        if place.is_empty() { "-".into() } else { place.join(" ").into() },
        consent.via.word().into(),
    ];
    if let Some(result) = consent.outcome.result.as_ref().filter(|result| result.exact() != "SUCCESS") {
        let reason =
            consent.outcome.reason.as_ref().map_or(String::new(), |reason| format!(": {}", reason.visible()));
        parts.push(format!("[{}{reason}]", result.visible()).into());
    }
    out.extend_from_slice(parts.join("  ").as_bytes());
    out.push(b'\n');
}

fn seconds(at: jiff::Timestamp) -> String {
    jiff::fmt::temporal::DateTimePrinter::new().precision(Some(0)).timestamp_to_string(&at)
}

fn shown(text: Option<&Untrusted>) -> Cow<'_, str> {
    text.filter(|text| !text.exact().is_empty()).map_or("-".into(), Untrusted::visible)
}

fn scopes(consent: &Consent) -> Cow<'_, str> {
    let names: Vec<_> =
        consent.scopes.iter().filter_map(|scope| scope.name.as_ref()).map(Untrusted::visible).collect();
    if names.is_empty() { "-".into() } else { names.join(",").into() }
}

fn who(consent: &Consent) -> Cow<'_, str> {
    if let Some(person) = consent.who.person.name() {
        return visible(person);
    }
    let nobody = if consent.who.evidence == Evidence::NotApplicable { "nobody" } else { "unknown" };
    match consent.actor.as_ref().and_then(by) {
        Some(actor) => format!("{nobody} (by {})", visible(actor)).into(),
        None => nobody.into(),
    }
}

fn by(actor: &Actor) -> Option<&str> {
    Person::shown(
        actor.id.as_ref().map_or("", Untrusted::exact),
        actor.alternate_id.as_ref().map_or("", Untrusted::exact),
        actor.display_name.as_ref().map_or("", Untrusted::exact),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::consent::{Kind, OutcomeOf, Who};
    use crate::export::sample;

    fn written(consent: &Consent) -> String {
        let mut out = Vec::new();
        line(Seq(1), consent, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_full_event_says_who_allowed_what() {
        assert_eq!(
            written(&sample::both_ways()),
            "2026-05-06T07:08:09Z  grant         mira@example.test  Paint \"Box\"  default  paint.read,paint.write  \
             198.51.100.7 Netherlands  poll+hook\n"
        );
    }

    #[test]
    fn an_empty_event_claims_nothing() {
        assert_eq!(
            written(&sample::bare()),
            "no time               other         unknown  -  -  -  -  poll\n"
        );
    }

    #[test]
    fn an_admins_act_has_nobody() {
        let full = sample::both_ways();
        let admin = Consent {
            kind: Kind::AdminGrant,
            who: Who { person: Person::default(), evidence: Evidence::NotApplicable },
            outcome: OutcomeOf {
                result: Some(Untrusted::new("FAILURE")),
                reason: Some(Untrusted::new("a\u{202e}b")),
            },
            ..full
        };
        let written = written(&admin);
        assert!(written.contains("  admin_grant   nobody (by mira@example.test)  "), "{written}");
        assert!(written.ends_with("  poll+hook  [FAILURE: a<U+202E>b]\n"), "{written}");
    }

    #[test]
    fn nothing_from_outside_reaches_a_terminal_raw() {
        let mut hostile = sample::both_ways();
        hostile.client.label = Some(Untrusted::new("x\u{1b}]0;y\u{7}\nz"));
        let written = written(&hostile);
        assert!(written.contains("x^[]0;y^G^Jz"), "{written}");
        assert_eq!(written.matches('\n').count(), 1);
    }
}
