//! A delivery that was altered on its way, compared with the log's record of the same event.

use consentwatch::model::{Detail, Mask};
use consentwatch::okta;

use super::*;

const OTHER: &str = "0oaEEEEEEEEEEEEEE1d7";

#[test]
fn an_altered_delivery_is_a_doubt_and_both_versions_can_be_read() {
    let (org, sandbox, held) = (Sim::start(40, &[]), Sandbox::new(), Port::hold());
    let port = held.at;
    let config = configure(&sandbox, port, "");
    let tail = sandbox.start(&org, &["tail", "--config", &config]);
    let lines = tail.wait("the backlog", |said| (said.lines >= 40).then(|| said.out.clone()));
    let lines: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let line = lines.iter().find(|line| line["kind"] == "grant" && line["client"]["id"].is_string());
    let line = line.expect("a grant that names its client");
    let (uuid, client) =
        (line["uuid"].as_str().expect("a uuid"), line["client"]["id"].as_str().expect("an id"));
    let event = line["raw"].to_string().replace(client, OTHER);
    let body = format!(r#"{{"eventId":"3d1f7a10-2222-4222-8222-0242ac120002","data":{{"events":{event}}}}}"#);
    let request = format!(
        "POST {PATH}/ HTTP/1.1\r\nHost: x\r\nAuthorization: {SECRET}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let mut socket = connect(port, &tail);
    socket.write_all(request.as_bytes()).expect("sent");
    assert_eq!(answer(&mut socket), Some((204, String::new())));
    tail.signal(Signal::TERM);
    tail.end();

    let filter = format!("uuid:{uuid}");
    let export = |form: &str| {
        let output = sandbox.start(&org, &["export", "--format", form, "--filter", &filter]).end();
        assert_eq!(output.code, Some(0), "{}", output.err);
        output.out
    };
    let exported = export("jsonl");
    let after: Value = serde_json::from_str(&exported).expect("JSON");
    assert_eq!((&after["doubt"], &after["via"]), (&"altered".into(), &serde_json::json!(["poll", "hook"])));
    for key in ["/client/id", "/who/id", "/actor/id", "/scopes", "/from", "/outcome", "/raw"] {
        assert_eq!(after.pointer(key), line.pointer(key), "{key} is as the log has it");
    }
    assert_eq!(after["hook_copy"]["contradicts"], serde_json::json!(["client"]));
    assert_eq!(after["hook_copy"]["hook_only"], serde_json::json!([]));
    assert_eq!(after["hook_copy"]["raw"].to_string(), event, "the hook's copy is all there");
    assert!(export("csv").contains("altered?"));

    // An exported file shows the same when it is opened.
    let file = sandbox.path("exported.jsonl");
    fs::write(&file, &exported).expect("written");
    let again = sandbox.start(&org, &["tail", "--input", &file.to_string_lossy()]).end();
    let again: Value = serde_json::from_str(&again.out).unwrap_or_else(|error| panic!("{error}: {again:?}"));
    assert_eq!((&again["hook_copy"], &again["doubt"]), (&after["hook_copy"], &after["doubt"]));

    let rows = stored(&journal_folder(&sandbox));
    let row = rows.iter().find(|row| row.hook_copy.is_some()).expect("the row");
    let detail = Detail::new(&okta::restore(row), None, &[], &Mask::default(), None);
    let says = |label: &str, value: &str| {
        let is = |node: &&consentwatch::model::Node| node.label == label && node.value.contains(value);
        assert!(detail.nodes().iter().any(|node| is(&node)), "{label}: {value}: {:#?}", detail.nodes());
    };
    says("Trace", "altered?");
    says("Client", &format!("hook: {OTHER}; log: {client}"));
    says("Client", client);
    says("Raw Event of the Hook", "keys");
}
