//! A consent in the form of Okta Workflows' event card.

use serde_json::Value;

use super::nodes::Nodes;
use crate::consent::{Consent, Untrusted};

const POLLED: &str = "not in a polled event";

/// Adds the output fields of Okta Workflows' event card "OAuth2 App Consent Granted", under the card's field names.
pub(super) fn card(nodes: &mut Nodes, consent: &Consent) {
    let raw: Value = serde_json::from_str(&consent.raw).unwrap_or(Value::Null);
    let delivery = consent.hook.as_ref();
    nodes.heading("card", 0, "OAuth2 App Consent Granted", "event card");
    let exact = raw.get("published").and_then(Value::as_str).map(Untrusted::new);
    nodes.maybe("card/Date and Time", 1, "Date and Time", exact.as_ref(), "the event has no time");
    nodes.text("card/Message", 1, "Message", consent.message.as_ref());
    nodes.maybe("card/Event ID", 1, "Event ID", delivery.and_then(|d| d.event_id.as_ref()), POLLED);
    nodes.value("card/Event Type", 1, "Event Type", &consent.event_type.visible());
    nodes.maybe("card/Event Time", 1, "Event Time", delivery.and_then(|d| d.event_time.as_ref()), POLLED);
    nodes.text("card/Version", 1, "Version", consent.version.as_ref());
    let actor = consent.actor.clone().unwrap_or_default();
    let name = actor.display_name.as_ref().or(actor.alternate_id.as_ref()).or(actor.id.as_ref());
    nodes.heading("card/Actor", 1, "Actor", &name.map_or("none given".into(), Untrusted::visible));
    nodes.text("card/Actor/ID", 2, "ID", actor.id.as_ref());
    nodes.text("card/Actor/Alternate ID", 2, "Alternate ID", actor.alternate_id.as_ref());
    nodes.text("card/Actor/Display Name", 2, "Display Name", actor.display_name.as_ref());
    nodes.text("card/Actor/Type", 2, "Type", actor.kind.as_ref());
    targets(nodes, raw.get("target"));
    nodes.text("card/UUID", 1, "UUID", consent.uuid.as_ref());
    nodes.json("card/Event Details", 1, "Event Details", &raw);
    match delivery {
        None => nodes.absent("card/Headers", 1, "Headers", POLLED),
        Some(delivery) => {
            nodes.heading("card/Headers", 1, "Headers", &delivery.headers.len().to_string());
            for (index, header) in delivery.headers.iter().enumerate() {
                nodes.value(&format!("card/Headers/{index}"), 2, "Header", &header.visible());
            }
        }
    }
    nodes.maybe("card/Source", 1, "Source", delivery.and_then(|d| d.source.as_ref()), POLLED);
    nodes.heading("card/Debug Context", 1, "Debug Context", "");
    match raw.get("debugContext").and_then(|context| context.get("debugData")) {
        None | Some(Value::Null) => {
            nodes.absent("card/Debug Context/Debug Data", 2, "Debug Data", "none given");
        }
        Some(data) => nodes.json("card/Debug Context/Debug Data", 2, "Debug Data", data),
    }
}

fn targets(nodes: &mut Nodes, targets: Option<&Value>) {
    let Some(Value::Array(targets)) = targets else {
        return nodes.absent("card/Target", 1, "Target", "the event has no targets");
    };
    nodes.heading("card/Target", 1, "Target", &targets.len().to_string());
    for (index, target) in targets.iter().enumerate() {
        let path = format!("card/Target/{index}");
        let part = |name: &str| target.get(name).and_then(Value::as_str).map(Untrusted::new);
        let name = part("displayName");
        nodes.heading(
            &path,
            2,
            &(index + 1).to_string(),
            &name.as_ref().map_or("unnamed".into(), Untrusted::visible),
        );
        nodes.text(&format!("{path}/ID"), 3, "ID", part("id").as_ref());
        nodes.text(&format!("{path}/Display Name"), 3, "Display Name", name.as_ref());
        nodes.text(&format!("{path}/Type"), 3, "Type", part("type").as_ref());
        match target.get("detailEntry") {
            None | Some(Value::Null) => {
                nodes.absent(&format!("{path}/Detail Entry"), 3, "Detail Entry", "none given");
            }
            Some(entry) => nodes.json(&format!("{path}/Detail Entry"), 3, "Detail Entry", entry),
        }
    }
}
