//! Writes a consent as a sentence, for screen readers and braille displays.

use super::text::{field, first, joined, unread, who};
use crate::consent::{Consent, Difference, Evidence, Kind, Orgs, Seq, Untrusted};

/// Returns a consent as one line with its number and a sentence. It is safe to print on a terminal. If there are
/// several orgs, it names the consent's.
///
/// An outcome other than success comes first, since the sentence would sound like a consent otherwise.
pub fn sentence(seq: Seq, consent: &Consent, orgs: &Orgs) -> String {
    let result = consent.outcome.result.as_ref().map(Untrusted::exact);
    let failed = match result.filter(|result| *result != "SUCCESS") {
        Some(result) => format!("not a success ({}): ", field(result)),
        None => String::new(),
    };
    let org = match &consent.org {
        _ if !orgs.is_several() => String::new(),
        Some(label) => format!("{label}: "),
        None => "unknown org: ".to_owned(),
    };
    let when = consent.published.map_or_else(
        || "at an unknown time".to_owned(),
        |at| at.strftime("at %H:%M:%S UTC on %-d %B %Y").to_string(),
    );
    let place = match joined([consent.from.ip.as_ref(), consent.from.country.as_ref()].into_iter()).as_str() {
        "-" => String::new(),
        place => format!(", from {place}"),
    };
    let hidden = match consent.hidden {
        0 => String::new(),
        1 => ", 1 secret value hidden".to_owned(),
        count => format!(", {count} secret values hidden"),
    };
    format!(
        "{}. {org}{failed}{}, {when}{place}, by {}{hidden}.",
        seq.0,
        deed(consent),
        consent.via.told(consent.doubt).replace('+', " and ")
    )
}

/// Returns who did what, and for which client.
fn deed(consent: &Consent) -> String {
    let client = match client(consent).as_str() {
        "-" => "an unnamed client".to_owned(),
        client => client.to_owned(),
    };
    let scopes = match joined(consent.scopes.iter().map(|scope| scope.name.as_ref())).as_str() {
        "-" => "no named scope".to_owned(),
        scopes => scopes.replace(' ', ", "),
    };
    let server = match server(consent).as_str() {
        "-" => String::new(),
        server => format!(" at {server}"),
    };
    let who = match consent.who.evidence {
        Evidence::Session => format!("{} inferred from the session", who(consent)),
        _ => who(consent),
    };
    match consent.kind {
        Kind::Grant => format!("grant: {who} allowed {client} {scopes}{server}"),
        Kind::OrgGrant => {
            format!("org grant: {who} allowed {client} {scopes} at the org authorization server")
        }
        Kind::AdminGrant => format!("admin grant: {who} allowed {client} {scopes}"),
        Kind::Revoke => format!("revoke: the consent of {who} for {client} to {scopes}{server} has ended"),
        Kind::AdminRevoke => format!("admin revoke: {who} took {scopes} from {client}"),
        Kind::Other => {
            format!("other, {}: {who}, {client}, {scopes}{server}", field(consent.event_type.exact()))
        }
    }
}

fn client(consent: &Consent) -> String {
    first([consent.client.label.as_ref(), consent.client.id.as_ref().map(|id| &id.0)])
}

fn server(consent: &Consent) -> String {
    first([consent.server.name.as_ref(), consent.server.id.as_ref().map(|id| &id.0)])
}

/// Returns the details of a consent as lines: first the sentence, then `name: value` for each known value.
pub fn sentences(seq: Seq, consent: &Consent, orgs: &Orgs) -> Vec<String> {
    let actor = consent.actor.as_ref();
    let mut lines = vec![sentence(seq, consent, orgs)];
    for (name, text) in [
        ("Message", consent.message.as_ref()),
        ("Event type", Some(&consent.event_type)),
        ("UUID", consent.uuid.as_ref()),
        ("Severity", consent.severity.as_ref()),
        ("Outcome", consent.outcome.result.as_ref()),
        ("Reason", consent.outcome.reason.as_ref()),
        ("Actor", actor.and_then(|actor| actor.alternate_id.as_ref())),
        ("Actor's name", actor.and_then(|actor| actor.display_name.as_ref())),
        ("Actor's type", actor.and_then(|actor| actor.kind.as_ref())),
        ("Client", consent.client.label.as_ref()),
        ("Client id", consent.client.id.as_ref().map(|id| &id.0)),
        ("Authorization server", consent.server.name.as_ref()),
        ("Authorization server id", consent.server.id.as_ref().map(|id| &id.0)),
        ("Address", consent.from.ip.as_ref()),
        ("City", consent.from.city.as_ref()),
        ("Country", consent.from.country.as_ref()),
        ("User agent", consent.from.user_agent.as_ref()),
        ("Transaction", consent.transaction_id.as_ref()),
        ("Session", consent.session_id.as_ref()),
    ] {
        lines.extend(text.map(|text| format!("{name}: {}", field(text.exact()))));
    }
    for scope in &consent.scopes {
        let name = first([scope.name.as_ref()]);
        let grant = first([scope.grant_id.as_ref().map(|id| &id.0)]);
        lines.push(format!("Scope: {name}, grant {grant}"));
    }
    lines.push(format!("Evidence: {}", consent.who.evidence.meaning()));
    for (fact, difference) in consent.differences() {
        let of = |consent: &Consent| fact.of(consent).map_or("unknown".to_owned(), |text| field(&text));
        let said = consent.hook_copy.as_deref().map_or("unknown".to_owned(), of);
        let label = fact.label();
        lines.push(match difference {
            Difference::HookOnly => format!("{label}: only the hook says {said}"),
            Difference::Contradicts => format!("{label}: the hook says {said}, the log {}", of(consent)),
        });
    }
    lines.extend(consent.doubt.map(|doubt| format!("Doubt: {}", doubt.meaning())));
    lines.extend(unread(consent).map(|words| format!("Not read: {words}.")));
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::consent::{ClientId, Doubt, OutcomeOf, Person, Who};
    use crate::export::sample;

    #[test]
    fn a_grant_is_a_sentence() {
        assert_eq!(
            sentence(Seq(41), &sample::both_ways(), &Orgs::default()),
            "41. grant: mira@example.test allowed Paint \"Box\" paint.read, paint.write at default, \
             at 07:08:09 UTC on 6 May 2026, from 198.51.100.7 Netherlands, by poll and hook."
        );
    }

    #[test]
    fn the_org_comes_first_if_there_are_several() {
        let of = |consent: &Consent| sentence(Seq(41), consent, &sample::two_orgs());
        assert!(of(&sample::both_ways()).starts_with("41. prod: grant: mira@example.test allowed "));
        assert!(of(&sample::bare()).starts_with("41. unknown org: other, "));
    }

    #[test]
    fn what_is_not_known_is_not_claimed() {
        assert_eq!(
            sentence(Seq(1), &sample::bare(), &Orgs::default()),
            format!(
                "1. other, {}: unknown, an unnamed client, no named scope, at an unknown time, by poll.",
                sample::bare().event_type.exact()
            )
        );
    }

    #[test]
    fn what_the_hook_claims_otherwise_is_told_beside_what_the_log_says() {
        let mut consent = sample::both_ways();
        let mut copy = sample::both_ways();
        copy.client.id = Some(ClientId::new("0oaFORGED\u{1b}"));
        copy.from.ip = Some(Untrusted::new("192.0.2.9"));
        consent.from.ip = None;
        consent.hook_copy = Some(Box::new(copy));
        consent.doubt = Some(Doubt::Altered);
        let told = sentences(Seq(7), &consent, &Orgs::default());
        for line in [
            "Client: the hook says 0oaFORGED^[, the log 0oaDDDDDDDDDDDDDD1d7",
            "Address: only the hook says 192.0.2.9",
            "Evidence: the consent grant itself names this user",
            &format!("Doubt: {}", Doubt::Altered.meaning()),
        ] {
            assert!(told.iter().any(|told| told == line), "{line}: {told:#?}");
        }
        let told = sentences(Seq(7), &sample::both_ways(), &Orgs::default());
        assert!(
            told.iter().all(|line| !line.contains("the hook says") && !line.starts_with("Doubt")),
            "{told:#?}"
        );
    }

    #[test]
    fn every_kind_says_what_was_done_and_a_failure_comes_first() {
        let mut consent = sample::both_ways();
        for (kind, words) in [
            (Kind::Grant, "grant: mira@example.test allowed"),
            (Kind::OrgGrant, "at the org authorization server"),
            (Kind::Revoke, "revoke: the consent of mira@example.test for"),
            (Kind::AdminGrant, "admin grant: mira@example.test allowed"),
            (Kind::AdminRevoke, "admin revoke: mira@example.test took paint.read, paint.write from Paint"),
        ] {
            consent.kind = kind;
            let told = sentence(Seq(1), &consent, &Orgs::default());
            assert!(told.contains(words), "{told}");
        }
        consent.kind = Kind::Grant;
        consent.outcome = OutcomeOf { result: Some(Untrusted::new("FAILURE")), reason: None };
        assert!(
            sentence(Seq(2), &consent, &Orgs::default()).starts_with("2. not a success (FAILURE): grant: ")
        );
        consent.who = Who { person: Person::default(), evidence: Evidence::Unknown };
        assert!(sentence(Seq(2), &consent, &Orgs::default()).contains("unknown (by mira@example.test)"));
    }

    #[test]
    fn nothing_from_outside_breaks_a_line_or_is_obeyed() {
        let mut hostile = sample::both_ways();
        hostile.client.label = Some(Untrusted::new("x\u{1b}]0;y\u{7}\nz\u{202e}"));
        hostile.event_type = Untrusted::new("a\r\nb\u{9b}2J");
        for line in sentences(Seq(1), &hostile, &Orgs::default()) {
            assert_eq!(crate::export::unseen::unseen(&line, false), None, "{line:?}");
        }
        assert!(sentence(Seq(1), &hostile, &Orgs::default()).contains("allowed x^[]0;y^G^Jz<U+202E> "));
    }
}
