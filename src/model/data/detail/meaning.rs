//! The section of the detail that explains a consent: who, which client, which scopes, from where, and how that is
//! known.

use jiff::Timestamp;

use super::nodes::Nodes;
use crate::consent::{Consent, Difference, Evidence, Person, Thing, Untrusted, Via, visible};

/// Adds the section that explains a consent.
pub(super) fn meaning(nodes: &mut Nodes, consent: &Consent) {
    nodes.heading("consent", 0, "Consent", consent.kind.word());
    let who = Person::shown(
        consent.who.person.id.as_ref().map_or("", |id| id.exact()),
        consent.who.person.alternate_id.as_ref().map_or("", Untrusted::exact),
        consent.who.person.display_name.as_ref().map_or("", Untrusted::exact),
    );
    match who {
        Some(name) => nodes.heading("consent/who", 1, "Who", &visible(name)),
        None => nodes.heading("consent/who", 1, "Who", "unknown"),
    }
    nodes.text("consent/who/name", 2, "Display Name", consent.who.person.display_name.as_ref());
    nodes.text("consent/who/alt", 2, "Alternate ID", consent.who.person.alternate_id.as_ref());
    nodes.text("consent/who/id", 2, "ID", consent.who.person.id.as_ref().map(|id| &id.0));
    told(nodes, "consent/who/told", consent, Thing::Person);
    let evidence = consent.who.evidence;
    let only_hook =
        consent.via == Via::HOOK && !matches!(evidence, Evidence::Unknown | Evidence::NotApplicable);
    let evidence = evidence.meaning();
    if only_hook {
        let words = format!("hook only, not shown by the log: {evidence}");
        nodes.value("consent/who/evidence", 2, "Evidence", &words);
    } else {
        nodes.value("consent/who/evidence", 2, "Evidence", evidence);
    }
    let label = consent.client.label.as_ref().or(consent.client.id.as_ref().map(|id| &id.0));
    nodes.heading("consent/client", 1, "Client", &label.map_or("unknown".into(), Untrusted::visible));
    nodes.text("consent/client/id", 2, "ID", consent.client.id.as_ref().map(|id| &id.0));
    nodes.maybe("consent/client/label", 2, "Label", consent.client.label.as_ref(), "not known");
    told(nodes, "consent/client/told", consent, Thing::Client);
    let name = consent.server.name.as_ref().or(consent.server.id.as_ref().map(|id| &id.0));
    nodes.heading(
        "consent/server",
        1,
        "Authorization Server",
        &name.map_or("unknown".into(), Untrusted::visible),
    );
    nodes.text("consent/server/id", 2, "ID", consent.server.id.as_ref().map(|id| &id.0));
    nodes.text("consent/server/name", 2, "Name", consent.server.name.as_ref());
    told(nodes, "consent/server/told", consent, Thing::Server);
    let count = consent.scopes.len();
    let words = if count == 1 { "1 scope".to_owned() } else { format!("{count} scopes") };
    nodes.heading("consent/scopes", 1, "Scope Grants", &words);
    for (index, scope) in consent.scopes.iter().enumerate() {
        let path = format!("consent/scopes/{index}");
        let name = scope.name.as_ref().map_or("unnamed".into(), Untrusted::visible);
        let grant = scope.grant_id.as_ref().map_or("no grant id".into(), |id| id.0.visible());
        nodes.value(&path, 2, &name, &grant);
    }
    if consent.unread_targets > 0 {
        let words = format!("{} more targets are only in the raw event", consent.unread_targets);
        nodes.absent("consent/scopes/unread", 2, "Not Read", &words);
    }
    let result = consent.outcome.result.as_ref().map_or("none given".into(), Untrusted::visible);
    nodes.heading("consent/outcome", 1, "Outcome", &result);
    nodes.maybe("consent/outcome/reason", 2, "Reason", consent.outcome.reason.as_ref(), "none given");
    nodes.text("consent/outcome/severity", 2, "Severity", consent.severity.as_ref());
    let from = &consent.from;
    nodes.heading("consent/from", 1, "From", &from.ip.as_ref().map_or("unknown".into(), Untrusted::visible));
    nodes.text("consent/from/city", 2, "City", from.city.as_ref());
    nodes.text("consent/from/country", 2, "Country", from.country.as_ref());
    let number = from.as_number.map(|number| Untrusted::new(number.to_string()));
    nodes.text("consent/from/asn", 2, "AS Number", number.as_ref());
    nodes.text("consent/from/as", 2, "AS Organization", from.as_org.as_ref());
    let proxy = from.is_proxy.map(|is| Untrusted::new(if is { "yes" } else { "no" }));
    nodes.text("consent/from/proxy", 2, "Proxy", proxy.as_ref());
    nodes.text("consent/from/agent", 2, "User Agent", from.user_agent.as_ref());
    nodes.heading("consent/trace", 1, "Trace", consent.via.told(consent.doubt));
    if let Some(doubt) = consent.doubt {
        nodes.value("consent/trace/doubt", 2, "Doubt", doubt.meaning());
    }
    match consent.hidden {
        0 => {}
        1 => nodes.value(
            "consent/trace/hidden",
            2,
            "Hidden",
            "1 value of the event is a secret; it was hidden before it was stored",
        ),
        count => {
            let words =
                format!("{count} values of the event are secrets; they were hidden before they were stored");
            nodes.value("consent/trace/hidden", 2, "Hidden", &words);
        }
    }
    hook_copy(nodes, consent);
    nodes.text("consent/trace/session", 2, "Session ID", consent.session_id.as_ref());
    nodes.text("consent/trace/txn", 2, "Transaction ID", consent.transaction_id.as_ref());
    nodes.value("consent/trace/received", 2, "Received", &format!("{:.3}", consent.received));
    if let Some(delivery) = &consent.hook {
        let built = delivery.event_time.as_ref().and_then(|text| text.exact().parse().ok());
        delay(nodes, "consent/trace/built", "Delivery Built", consent.published, built);
        delay(nodes, "consent/trace/came", "Delivery Came", consent.published, delivery.received);
    }
}

/// Adds each fact in which the hook's copy differs from the log's, with both versions.
fn hook_copy(nodes: &mut Nodes, consent: &Consent) {
    let Some(copy) = consent.hook_copy.as_deref() else { return };
    for (fact, difference) in consent.differences() {
        let said =
            |consent: &Consent| fact.of(consent).map_or("?".into(), |text| visible(&text).into_owned());
        let words = match difference {
            Difference::HookOnly => format!("hook only: {}", said(copy)),
            Difference::Contradicts => format!("hook: {}; log: {}", said(copy), said(consent)),
        };
        nodes.value(&format!("consent/trace/hook/{}", fact.word()), 2, fact.label(), &words);
    }
}

/// Adds a time of the hook's delivery, with the delay since the event was published.
fn delay(nodes: &mut Nodes, path: &str, label: &str, published: Option<Timestamp>, at: Option<Timestamp>) {
    let (Some(published), Some(at)) = (published, at) else { return };
    let delay = at.duration_since(published).as_secs_f64();
    nodes.value(path, 2, label, &format!("{at:.3}, {delay:.1} s after the event"));
}

/// Adds when Okta was asked for a name that the event lacks, and whether Okta still had an object with that id.
fn told(nodes: &mut Nodes, path: &str, consent: &Consent, thing: Thing) {
    let Some(label) = consent.labels.iter().find(|label| label.thing == thing) else { return };
    let state = match (label.is_gone, label.name.is_some()) {
        (false, _) => "",
        (true, true) => "; deleted in Okta since",
        (true, false) => "; deleted in Okta before",
    };
    nodes.value(path, 2, "Looked Up", &format!("{:.0}{state}", label.asked));
}
