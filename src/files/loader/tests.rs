use jiff::Timestamp;

use super::*;
use crate::consent::{Beside, Person};
use crate::files::file_index::{BESIDE_BYTES, CHANGED};

const EVENT: &str = r#"{"uuid":"5b1f0c9e-3333-4333-8333-000000000001","eventType":"app.oauth2.as.consent.grant","published":"2026-03-04T09:00:00.000Z","displayMessage":"whole"}"#;

/// Loads texts as files. Returns the file index, the final rows and the number of repeated records.
fn load(texts: &[&str]) -> (Arc<FileIndex>, Vec<Row>, u64) {
    let folder = tempfile::tempdir().unwrap();
    let inputs: Vec<FileInput> = (0..)
        .zip(texts)
        .map(|(number, text): (u32, _)| {
            let path = folder.path().join(number.to_string());
            std::fs::write(&path, text).unwrap();
            FileInput::File(path)
        })
        .collect();
    let file_index = Arc::new(FileIndex::new("2026-03-05T00:00:00Z".parse().unwrap()));
    let (mut rows, mut repeated): (Vec<Row>, _) = (Vec::new(), 0);
    Loader::new(Arc::clone(&file_index))
        .load(&inputs, |news| {
            match news {
                LoadNews::Rows { page, .. } => rows.extend(page.rows),
                LoadNews::Changed(page) => {
                    for row in page.rows {
                        rows[row.seq.0 as usize - 1] = row;
                    }
                }
                LoadNews::Done { repeated: count, .. } => repeated = count,
                LoadNews::Head(_) | LoadNews::Note(_) => {}
                LoadNews::Trouble(words) => panic!("{words}"),
            }
            Ok(())
        })
        .unwrap();
    (file_index, rows, repeated)
}

#[test]
fn an_event_is_one_row_in_whatever_order_and_form_it_comes() {
    let hooked = EVENT.replace(r#","displayMessage":"whole""#, "");
    let delivery =
        format!(r#"{{"eventType":"com.okta.event_hook","eventId":"e1","data":{{"events":[{hooked}]}}}}"#);
    let ours = format!(
        r#"{{"schema":"consentwatch.consent/1","via":["poll"],"who":{{"id":"00u1","evidence":"session"}},"raw":{EVENT}}}"#
    );
    let forms = [EVENT, &delivery, &ours];
    for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
        let (file_index, rows, repeated) = load(&order.map(|index| forms[index]));
        assert_eq!((rows.len(), repeated), (1, 2), "{order:?}");
        let consent = file_index.consent(Seq(1)).unwrap().unwrap();
        assert_eq!(consent.via, Via::POLL.with(Via::HOOK), "{order:?}");
        assert_eq!(rows[0].via, consent.via, "{order:?}: the list says what the detail says");
        assert_eq!(consent.message.unwrap().exact(), "whole", "{order:?}");
        assert_eq!(consent.who.person.id.unwrap().exact(), "00u1", "{order:?}");
        assert_eq!(rows[0].evidence, consent.who.evidence);
        assert!(consent.hook.is_some(), "{order:?}");
    }
    let (file_index, rows, repeated) = load(&[EVENT, EVENT]);
    assert_eq!((rows.len(), repeated, rows[0].via), (1, 1, Via::FILE));
    assert_eq!((file_index.consent(Seq(2)), file_index.consent(Seq(0))), (Ok(None), Ok(None)));
}

#[test]
fn records_of_one_uuid_that_say_something_else_are_rows_with_a_mark() {
    let other = EVENT.replace("whole", "forged");
    let spaced = EVENT
        .replace(",\"", " ,\n\"")
        .replace(r#""displayMessage":"whole""#, r#""displayMessage":"whole","x":null"#);
    let doubt = Some(Doubt::SharedId);
    let page = format!("[{spaced},{other}]").replace('\n', "");
    for texts in [
        vec![EVENT, &other, &spaced, &other],
        vec![&other, EVENT, EVENT, &spaced],
        vec![EVENT, &page],
        vec![&page, EVENT, &other],
    ] {
        let (file_index, rows, repeated) = load(&texts);
        let marks: Vec<_> = rows.iter().map(|row| row.doubt).collect();
        let records = if texts.contains(&page.as_str()) { texts.len() + 1 } else { texts.len() };
        assert_eq!((marks, repeated), (vec![doubt; 2], records as u64 - 2), "{texts:?}");
        let told = |seq| file_index.consent(Seq(seq)).unwrap().unwrap();
        assert_eq!((told(1).doubt, told(2).doubt), (doubt, doubt));
        assert_ne!(told(1).message, told(2).message);
    }
    let (_, rows, _) = load(&[EVENT, &spaced]);
    assert_eq!((rows.len(), rows[0].doubt), (1, None));
    // A hook's copy always differs from the log's, and a log store's copy from Okta's.
    let delivery = format!(
        r#"{{"eventType":"com.okta.event_hook","eventId":"e1","data":{{"events":[{}]}}}}"#,
        EVENT.replace(r#","displayMessage":"whole""#, "")
    );
    let lower = EVENT.replace("eventType", "eventtype").replace(r#","displayMessage":"whole""#, "");
    let (_, rows, _) = load(&[EVENT, &delivery, &lower]);
    assert_eq!((rows.len(), rows[0].doubt), (1, None));
}

#[test]
fn spelled_anew_in_one_way_two_contents_are_two_rows() {
    let lower = EVENT.replace("eventType", "eventtype").replace("displayMessage", "displaymessage");
    let capitals = lower.replace("eventtype", "EVENTTYPE").replace("displaymessage", "DISPLAYMESSAGE");
    let doubt = Some(Doubt::SharedId);
    let of = |texts: &[&str]| load(texts).1.iter().map(|row| row.doubt).collect::<Vec<_>>();
    assert_eq!(of(&[&lower, &lower.replace("whole", "forged")]), [doubt; 2]);
    // Another store, or a record in Okta's own spelling, may have kept other parts of the same event.
    assert_eq!(of(&[&lower, &capitals.replace("whole", "cut")]), [None]);
    assert_eq!(of(&[EVENT, &lower.replace("whole", "cut")]), [None]);
    // Such an event in a record does not affect the comparison of the others.
    let number = |event: &str| event.replace("0000000001", "0000000002");
    let page = format!("[[{},{}]]", number(&lower), EVENT.replace("whole", "forged"));
    assert_eq!(of(&[EVENT, &page]), [doubt, None, doubt]);
}

#[test]
fn a_delivery_that_contradicts_the_log_s_event_is_kept_beside_it_and_said() {
    let log = r#"{"uuid":"5b1f0c9e-3333-4333-8333-000000000001","eventType":"app.oauth2.as.consent.grant","published":"2026-03-04T09:00:00.000Z","outcome":{"result":"SUCCESS"}}"#;
    let delivered = |event: &str| {
        format!(r#"{{"eventType":"com.okta.event_hook","eventId":"e1","data":{{"events":[{event}]}}}}"#)
    };
    let forged = delivered(&log.replace("SUCCESS", "FAILURE"));
    let more = delivered(&log.replace("SUCCESS\"}", "SUCCESS\"},\"client\":{\"ipAddress\":\"192.0.2.9\"}"));
    let polled = format!(r#"{{"schema":"consentwatch.consent/1","via":["poll"],"raw":{log}}}"#);
    for (texts, doubt, kept, told) in [
        ([log, &forged], Some(Doubt::Altered), true, "file+hook, altered?"),
        ([&forged, log], Some(Doubt::Altered), true, "file+hook, altered?"),
        ([&forged, &polled], Some(Doubt::Altered), true, "poll+hook, altered?"),
        ([log, &more], None, true, "hook"),
        ([log, &delivered(log)], None, false, "hook"),
    ] {
        let (file_index, rows, _) = load(&texts);
        let consent = file_index.consent(Seq(1)).unwrap().unwrap();
        assert_eq!((rows.len(), rows[0].doubt, consent.doubt), (1, doubt, doubt), "{texts:?}");
        assert_eq!((consent.hook_copy.is_some(), consent.via.told(consent.doubt)), (kept, told), "{texts:?}");
        assert_eq!(consent.outcome.result.unwrap().exact(), "SUCCESS", "the log's counts: {texts:?}");
    }
}

#[test]
fn a_record_of_many_events_is_read_once_for_all_of_them() {
    let hits: Vec<String> = (0..2000)
        .map(|number| {
            format!("{{\"_source\":{}}}", acted_as(number, "s", "{\"id\":\"00u1\",\"type\":\"User\"}"))
        })
        .collect();
    let text = format!("{{\"hits\":{{\"hits\":[{}]}}}}", hits.join(","));
    let (file_index, rows, _) = load(&[&text]);
    assert_eq!(rows.len(), 2000);
    let record = |row: usize| {
        let at = file_index.read(|inner| (inner.places[row], Arc::clone(&inner.files[0])));
        file_index.record_at(at).unwrap()
    };
    let first = record(0);
    assert!((1..2000).all(|row| Arc::ptr_eq(&record(row), &first)));
    let uuid = file_index.consent(Seq(2000)).unwrap().unwrap().uuid.unwrap();
    assert_eq!(uuid.exact(), "5b1f0c9e-3333-4333-8333-000000001999");
    // Events in the row's own record are not counted as read, however long it is.
    let pad = "x".repeat(BESIDE_BYTES as usize);
    let text = format!("{{\"pad\":\"{pad}\",\"hits\":[{}]}}", hits[..3].join(","));
    let (file_index, ..) = load(&[&text]);
    assert_eq!(file_index.beside(Seq(1)).unwrap().consents.len(), 3);
}

#[test]
fn events_beyond_those_that_have_a_place_are_left_out_and_said() {
    let text = format!("[[{}]]", vec![EVENT; usize::from(u16::MAX) + 5].join(","));
    let found = crate::files::record::read(&text.as_bytes()[1..text.len() - 1], Timestamp::UNIX_EPOCH);
    assert_eq!(found.consents.len(), usize::from(u16::MAX));
    assert!(found.bad[0].contains("more than 65535 events"), "{:?}", found.bad);
}

/// Returns a grant with this number in a session.
fn acted_as(number: u32, session: &str, actor: &str) -> String {
    format!(
        r#"{{"uuid":"5b1f0c9e-3333-4333-8333-{number:012}","eventType":"app.oauth2.as.consent.grant","published":"2026-03-04T09:00:00.000Z","authenticationContext":{{"externalSessionId":"{session}"}},"actor":{actor}}}"#
    )
}

/// Returns an event of a session at this minute, by an actor of this type.
fn acted(minute: u8, event_type: &str, session: &str, actor: &str) -> String {
    format!(
        r#"{{"uuid":"5b1f0c9e-3333-4333-8333-0000000000{minute:02}","eventType":"{event_type}","published":"2026-03-04T09:{minute:02}:00.000Z","authenticationContext":{{"externalSessionId":"{session}"}},"actor":{actor}}}"#
    )
}

#[test]
fn a_consent_that_names_nobody_is_of_the_one_user_of_its_session() {
    let okta = r#"{"id":"00uSYSTEM","type":"SystemPrincipal","alternateId":"system@okta.com"}"#;
    let user = |id: &str| format!(r#"{{"id":"{id}","type":"User","alternateId":"{id}@example.test"}}"#);
    let grant = |minute, session| acted(minute, "app.oauth2.as.consent.grant", session, okta);
    let lines = [
        grant(30, "alone"),
        acted(10, "user.session.start", "alone", &user("00u1")),
        acted(31, "app.oauth2.as.authorize.code", "alone", okta),
        acted(32, "user.authentication.sso", "alone", &user("00u1")),
        grant(33, "shared"),
        acted(34, "user.session.start", "shared", &user("00u1")),
        acted(35, "user.session.start", "shared", &user("00u2")),
        grant(36, "later"),
        acted(59, "user.session.start", "later", &user("00u1")),
        grant(40, "unknown"),
        acted(41, "user.session.start", "unknown", &user("00u1")),
        grant(42, "alone"),
    ];
    let (file_index, rows, _) = load(&[&lines.join("\n")]);
    let evidence =
        |seq: i64| (rows[seq as usize - 1].evidence, file_index.consent(Seq(seq)).unwrap().unwrap().who);
    for consent in [1, 12] {
        let (row, who) = evidence(consent);
        assert_eq!((row, who.evidence), (Evidence::Session, Evidence::Session));
        assert_eq!(who.person.alternate_id.unwrap().exact(), "00u1@example.test");
    }
    for nobody in [5, 8, 10] {
        let (row, who) = evidence(nobody);
        assert_eq!(
            (row, who.evidence, who.person),
            (Evidence::Unknown, Evidence::Unknown, Person::default())
        );
    }
    let beside = file_index.beside(Seq(1)).unwrap();
    let kinds: Vec<&str> = beside.sides.iter().map(|side| side.event_type.exact()).collect();
    assert_eq!(kinds, ["user.session.start", "app.oauth2.as.authorize.code", "user.authentication.sso"]);
    assert_eq!(beside.consents, [Seq(1), Seq(12)]);
    assert_eq!(file_index.beside(Seq(10)), Ok(Beside::default()));
}

#[test]
fn a_file_that_changed_is_not_taken_for_what_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("events");
    std::fs::write(&path, EVENT).unwrap();
    let file_index = Arc::new(FileIndex::new(Timestamp::UNIX_EPOCH));
    Loader::new(Arc::clone(&file_index)).load(&[FileInput::File(path.clone())], |_| Ok(())).unwrap();
    std::fs::write(&path, "{").unwrap();
    assert_eq!(file_index.consent(Seq(1)), Err(CHANGED.to_owned()));
}
