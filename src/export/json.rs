//! Writes a consent as the program's own JSON.

use jiff::Timestamp;
use serde::Serialize;
use serde_json::value::RawValue;

use super::raw::embedded;
use crate::consent::{ClientId, Consent, Difference, Doubt, GrantId, Seq, ServerId, Untrusted, UserId};

/// The name of this format. Keys may be added under the same name. The number rises if a key is removed or changes its
/// meaning.
pub const SCHEMA: &str = "consentwatch.consent/1";

/// Appends one object and a line feed. Every key is always present, with `null` for an unknown value. The only
/// exception is `unread_targets`, which is left out if it is 0.
pub(super) fn line(seq: Seq, consent: &Consent, out: &mut Vec<u8>) {
    let start = out.len();
    if serde_json::to_writer(&mut *out, &Line::of(seq, consent)).is_err() {
        // Serializing these types into a buffer cannot fail. If it did, half a line would be worse than none.
        debug_assert!(false, "a consent is always writable");
        out.truncate(start);
        return;
    }
    out.push(b'\n');
}

/// Returns a time with milliseconds and `Z`. Smaller units are truncated, so that the result is never in the future.
pub(super) fn time(at: Timestamp) -> String {
    jiff::fmt::temporal::DateTimePrinter::new().precision(Some(3)).timestamp_to_string(&at)
}

type Text<'a> = Option<&'a Untrusted>;

#[derive(Serialize)]
struct Line<'a> {
    schema: &'static str,
    seq: i64,
    org: Option<&'a str>,
    uuid: Text<'a>,
    kind: &'static str,
    event_type: &'a Untrusted,
    published: Option<String>,
    received: String,
    message: Text<'a>,
    severity: Text<'a>,
    version: Text<'a>,
    outcome: Outcome<'a>,
    actor: Actor<'a>,
    who: Who<'a>,
    client: Client<'a>,
    authorization_server: Server<'a>,
    scopes: Vec<Scope<'a>>,
    #[serde(skip_serializing_if = "is_zero")]
    unread_targets: u64,
    from: From<'a>,
    transaction_id: Text<'a>,
    session_id: Text<'a>,
    via: &'static [&'static str],
    doubt: Option<&'static str>,
    hook: Option<Hook<'a>>,
    hook_copy: Option<HookCopy>,
    looked_up: Vec<LookedUp<'a>>,
    hidden: usize,
    raw: Box<RawValue>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands it over so")]
fn is_zero(count: &u64) -> bool {
    *count == 0
}

#[derive(Serialize)]
struct Outcome<'a> {
    result: Text<'a>,
    reason: Text<'a>,
}

#[derive(Serialize)]
struct Actor<'a> {
    id: Text<'a>,
    alternate_id: Text<'a>,
    display_name: Text<'a>,
    r#type: Text<'a>,
}

#[derive(Serialize)]
struct Who<'a> {
    id: Option<&'a UserId>,
    alternate_id: Text<'a>,
    display_name: Text<'a>,
    evidence: &'static str,
}

#[derive(Serialize)]
struct Client<'a> {
    id: Option<&'a ClientId>,
    label: Text<'a>,
}

#[derive(Serialize)]
struct Server<'a> {
    id: Option<&'a ServerId>,
    name: Text<'a>,
}

#[derive(Serialize)]
struct Scope<'a> {
    grant_id: Option<&'a GrantId>,
    name: Text<'a>,
}

#[derive(Serialize)]
struct From<'a> {
    ip: Text<'a>,
    city: Text<'a>,
    country: Text<'a>,
    as_number: Option<i64>,
    as_org: Text<'a>,
    is_proxy: Option<bool>,
    user_agent: Text<'a>,
}

#[derive(Serialize)]
struct Hook<'a> {
    event_id: Text<'a>,
    event_time: Text<'a>,
    source: Text<'a>,
    headers: &'a [Untrusted],
    received: Option<String>,
}

/// The hook's copy of an event that the log has confirmed. It is not evidence.
#[derive(Serialize)]
struct HookCopy {
    contradicts: Vec<&'static str>,
    hook_only: Vec<&'static str>,
    raw: Box<RawValue>,
}

#[derive(Serialize)]
struct LookedUp<'a> {
    thing: &'static str,
    id: &'a Untrusted,
    name: Text<'a>,
    login: Text<'a>,
    deleted: bool,
    asked: String,
}

impl<'a> Line<'a> {
    fn of(seq: Seq, consent: &'a Consent) -> Self {
        let Consent { outcome, who, client, server, from, .. } = consent;
        let actor = consent.actor.as_ref();
        Self {
            schema: SCHEMA,
            seq: seq.0,
            org: consent.org.as_deref(),
            uuid: consent.uuid.as_ref(),
            kind: consent.kind.word(),
            event_type: &consent.event_type,
            published: consent.published.map(time),
            received: time(consent.received),
            message: consent.message.as_ref(),
            severity: consent.severity.as_ref(),
            version: consent.version.as_ref(),
            outcome: Outcome { result: outcome.result.as_ref(), reason: outcome.reason.as_ref() },
            actor: Actor {
                id: actor.and_then(|actor| actor.id.as_ref()),
                alternate_id: actor.and_then(|actor| actor.alternate_id.as_ref()),
                display_name: actor.and_then(|actor| actor.display_name.as_ref()),
                r#type: actor.and_then(|actor| actor.kind.as_ref()),
            },
            who: Who {
                id: who.person.id.as_ref(),
                alternate_id: who.person.alternate_id.as_ref(),
                display_name: who.person.display_name.as_ref(),
                evidence: who.evidence.word(),
            },
            client: Client { id: client.id.as_ref(), label: client.label.as_ref() },
            authorization_server: Server { id: server.id.as_ref(), name: server.name.as_ref() },
            scopes: consent
                .scopes
                .iter()
                .map(|scope| Scope { grant_id: scope.grant_id.as_ref(), name: scope.name.as_ref() })
                .collect(),
            unread_targets: consent.unread_targets,
            from: From {
                ip: from.ip.as_ref(),
                city: from.city.as_ref(),
                country: from.country.as_ref(),
                as_number: from.as_number,
                as_org: from.as_org.as_ref(),
                is_proxy: from.is_proxy,
                user_agent: from.user_agent.as_ref(),
            },
            transaction_id: consent.transaction_id.as_ref(),
            session_id: consent.session_id.as_ref(),
            via: consent.via.words(),
            doubt: consent.doubt.map(Doubt::word),
            hook: consent.hook.as_ref().map(|hook| Hook {
                event_id: hook.event_id.as_ref(),
                event_time: hook.event_time.as_ref(),
                source: hook.source.as_ref(),
                headers: &hook.headers,
                received: hook.received.map(time),
            }),
            hook_copy: consent.hook_copy.as_deref().map(|copy| {
                let differences = consent.differences();
                let facts = |wanted: Difference| {
                    differences.iter().filter(|(_, is)| *is == wanted).map(|(fact, _)| fact.word()).collect()
                };
                HookCopy {
                    contradicts: facts(Difference::Contradicts),
                    hook_only: facts(Difference::HookOnly),
                    raw: embedded(&copy.raw),
                }
            }),
            looked_up: consent
                .labels
                .iter()
                .map(|label| LookedUp {
                    thing: label.thing.word(),
                    id: &label.id,
                    name: label.name.as_ref(),
                    login: label.login.as_ref(),
                    deleted: label.is_gone,
                    asked: time(label.asked),
                })
                .collect(),
            hidden: consent.hidden,
            raw: embedded(&consent.raw),
        }
    }
}

/// Appends a value and a line feed.
pub(super) fn put_value(value: &serde_json::Value, out: &mut Vec<u8>) {
    let start = out.len();
    if serde_json::to_writer(&mut *out, value).is_err() {
        debug_assert!(false, "a buffer takes every value");
        out.truncate(start);
        return;
    }
    out.push(b'\n');
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::export::sample;

    fn written(seq: i64, consent: &Consent) -> String {
        let mut out = Vec::new();
        line(Seq(seq), consent, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_full_event_has_every_key_in_the_promised_order() {
        assert_eq!(
            written(41, &sample::both_ways()),
            concat!(
                r#"{"schema":"consentwatch.consent/1","seq":41,"org":"prod","uuid":"5B1F0C9E-3333-4333-8333-0242AC120002","kind":"grant","#,
                r#""event_type":"app.oauth2.as.consent.grant","published":"2026-05-06T07:08:09.123Z","#,
                r#""received":"2026-05-06T07:08:20.000Z","message":"Consent granted","severity":"INFO","version":"0","#,
                r#""outcome":{"result":"SUCCESS","reason":null},"#,
                r#""actor":{"id":"00uPPPPPPPPPPPPPP1d7","alternate_id":"mira@example.test","display_name":"Mira Example","type":"User"},"#,
                r#""who":{"id":"00uPPPPPPPPPPPPPP1d7","alternate_id":"mira@example.test","display_name":"Mira Example","evidence":"grant_detail"},"#,
                r#""client":{"id":"0oaDDDDDDDDDDDDDD1d7","label":"Paint \"Box\""},"#,
                r#""authorization_server":{"id":"ausSSSSSSSSSSSSSS1d7","name":"default"},"#,
                r#""scopes":[{"grant_id":"oagGGGGGGGGGGGGGG1d7","name":"paint.read"},{"grant_id":null,"name":"paint.write"}],"#,
                r#""from":{"ip":"198.51.100.7","city":"Delft","country":"Netherlands","as_number":64501,"as_org":"example net","is_proxy":false,"user_agent":"Mozilla/5.0 \u0007"},"#,
                r#""transaction_id":"ZtransactionExample00000001","session_id":"102sessionExample0000001","#,
                r#""via":["poll","hook"],"doubt":null,"#,
                r#""hook":{"event_id":"d0000000-4444-4444-8444-0242ac120002","event_time":"2026-05-06T07:08:19.000Z","#,
                r#""source":"https://example.test/api/v1/eventHooks/whoHHHHHHHHHHHHHH1d7","headers":["Content-Type: application/json"],"received":"2026-05-06T07:08:19.250Z"},"hook_copy":null,"looked_up":[],"hidden":0,"#,
                r#""raw":{"uuid":"5B1F0C9E-3333-4333-8333-0242AC120002","version":0,"odd":1.0E+2,"#,
                r#""target":[{"id":"oagGGGGGGGGGGGGGG1d7","type":"ConsentGrant","displayName":"paint.read","detailEntry":{"user":"00uPPPPPPPPPPPPPP1d7"}}],"#,
                r#""debugContext":{"debugData":{"note":"two  spaces"}}}}"#,
                "\n"
            )
        );
    }

    #[test]
    fn an_empty_event_has_every_key_too() {
        let written = written(1, &sample::bare());
        assert_eq!(
            written,
            concat!(
                r#"{"schema":"consentwatch.consent/1","seq":1,"org":null,"uuid":null,"kind":"other","event_type":"","published":null,"#,
                r#""received":"2026-05-06T07:08:20.000Z","message":null,"severity":null,"version":null,"#,
                r#""outcome":{"result":null,"reason":null},"#,
                r#""actor":{"id":null,"alternate_id":null,"display_name":null,"type":null},"#,
                r#""who":{"id":null,"alternate_id":null,"display_name":null,"evidence":"unknown"},"#,
                r#""client":{"id":null,"label":null},"authorization_server":{"id":null,"name":null},"scopes":[],"#,
                r#""from":{"ip":null,"city":null,"country":null,"as_number":null,"as_org":null,"is_proxy":null,"user_agent":null},"#,
                r#""transaction_id":null,"session_id":null,"via":["poll"],"doubt":null,"hook":null,"hook_copy":null,"looked_up":[],"hidden":0,"raw":{}}"#,
                "\n"
            )
        );
    }

    #[test]
    fn a_line_is_one_line_and_reads_back() {
        let written = written(41, &sample::both_ways());
        assert_eq!(written.matches('\n').count(), 1);
        let value: serde_json::Value = serde_json::from_str(&written).unwrap();
        assert_eq!(value["client"]["label"], "Paint \"Box\"");
    }

    #[test]
    fn an_event_that_is_no_json_is_kept_as_a_text() {
        let damaged = "{\"uuid\": \u{7}\n";
        let written = written(1, &Consent { raw: damaged.into(), ..sample::bare() });
        assert_eq!(written.matches('\n').count(), 1);
        let value: serde_json::Value = serde_json::from_str(&written).unwrap();
        assert_eq!(value["raw"], damaged);
    }

    #[test]
    fn times_are_cut_to_milliseconds() {
        let at: Timestamp = "2026-05-06T07:08:09.9999999Z".parse().unwrap();
        assert_eq!(time(at), "2026-05-06T07:08:09.999Z");
        let at: Timestamp = "2026-05-06T09:08:09+02:00".parse().unwrap();
        assert_eq!(time(at), "2026-05-06T07:08:09.000Z");
    }
}
