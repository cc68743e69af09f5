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
                LoadNews::Head(_) | LoadNews::Orgs(_) | LoadNews::Note(_) => {}
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

/// Returns an event as this program exports it from an org.
fn exported(org: &str, event: &str) -> String {
    format!(r#"{{"schema":"consentwatch.consent/1","org":"{org}","via":["poll"],"raw":{event}}}"#)
}

/// Returns the doubt and the label of each row, and checks that the list and the detail agree.
fn labels(texts: &[&str]) -> Vec<(Option<Doubt>, String)> {
    let folder = tempfile::tempdir().unwrap();
    let inputs = texts.iter().enumerate().map(|(number, text)| {
        let path = folder.path().join(number.to_string());
        std::fs::write(&path, text).unwrap();
        FileInput::File(path)
    });
    let file_index = Arc::new(FileIndex::new(Timestamp::UNIX_EPOCH));
    let (mut rows, mut orgs): (Vec<Row>, _) = (Vec::new(), Orgs::default());
    let tell = |news| {
        match news {
            LoadNews::Orgs(told) => orgs = told,
            LoadNews::Rows { page, .. } => {
                let is_known = |row: &Row| row.org.index() < orgs.len().max(1);
                assert!(page.rows.iter().all(is_known), "the orgs come first");
                rows.extend(page.rows);
            }
            LoadNews::Changed(page) => {
                page.rows.into_iter().for_each(|row| rows[row.seq.0 as usize - 1] = row);
            }
            _ => {}
        }
        Ok(())
    };
    Loader::new(Arc::clone(&file_index)).load(&inputs.collect::<Vec<_>>(), tell).unwrap();
    let label = |row: &Row| {
        let consent = file_index.consent(row.seq).unwrap().unwrap();
        let label = orgs.label(row.org);
        // While there is one org, it is that of the rows that name none.
        assert!(consent.org.as_deref().unwrap_or_default() == label || !orgs.is_several(), "{consent:?}");
        (row.doubt, label.to_owned())
    };
    rows.iter().map(label).collect()
}

#[test]
fn the_same_uuid_in_two_orgs_is_two_events() {
    let forged = EVENT.replace("whole", "forged");
    let (prod, preview) = (exported("prod", EVENT), exported("preview", EVENT));
    let (prod_forged, preview_forged) = (exported("prod", &forged), exported("preview", &forged));
    let own = |label: &str| (None, label.to_owned());
    let doubted = |label: &str| (Some(Doubt::SharedId), label.to_owned());
    let both = [own("prod"), own("preview")];
    assert_eq!(labels(&[&prod, &preview, &prod, &preview]), both);
    assert_eq!(labels(&[&prod, &preview_forged, &prod]), both, "another org's content is no doubt");
    // Within one org, another content is one, and only there.
    assert_eq!(
        labels(&[&prod, &preview, &preview_forged, &preview_forged]),
        [own("prod"), doubted("preview"), doubted("preview")]
    );
    assert_eq!(
        labels(&[&prod, &preview, &prod_forged, &preview_forged]),
        [doubted("prod"), doubted("preview"), doubted("prod"), doubted("preview")]
    );
}

#[test]
fn a_record_that_names_no_org_is_of_any() {
    let event = |number: u32| EVENT.replace("0000000001", &format!("{number:010}"));
    let prod = exported("prod", EVENT);
    let own = |label: &str| (None, label.to_owned());
    for texts in [[EVENT, &prod], [&prod, EVENT]] {
        assert_eq!(labels(&texts), [own("prod")], "{texts:?}");
    }
    // The same way gives an org too, and a copy of another org stays another event.
    let unnamed = prod.replace(r#""org":"prod","#, "");
    let preview = exported("preview", EVENT);
    assert_eq!(labels(&[&unnamed, &prod, &preview, EVENT]), [own("prod"), own("preview")]);
    // With one org, rows that name none are of it. With two they are apart, also those that came before.
    let (second, third) = (event(2), event(3));
    assert_eq!(labels(&[&second, &prod]), [own("prod"), own("prod")]);
    assert_eq!(labels(&[&second, &prod, &preview, &third]), [own(""), own("prod"), own("preview"), own("")]);
    // A plain record repeats the org whose content it has.
    let forged = EVENT.replace("whole", "forged");
    let plain = |org: &str, event: &str| exported(org, event).replace(r#""poll""#, "");
    assert_eq!(
        labels(&[&plain("prod", &forged), &plain("preview", EVENT), EVENT]),
        [own("prod"), own("preview")]
    );
}

#[test]
fn a_record_without_an_org_is_compared_with_few_orgs() {
    let own = |label: &str| (None, label.to_owned());
    let doubted = |label: &str| (Some(Doubt::SharedId), label.to_owned());
    let said = |number: usize| EVENT.replace("whole", &format!("said {number}"));
    let orgs: Vec<String> = (0..8)
        .map(|number| exported(&format!("org{number}"), &said(number)).replace(r#""poll""#, ""))
        .collect();
    let mut texts: Vec<&str> = orgs.iter().map(String::as_str).collect();
    let all: Vec<_> = (0..8).map(|number| own(&format!("org{number}"))).collect();
    // The same text is found in any org, and other spellings of it only in the first ones.
    let (last, spaced) = (said(7), said(COMPARED_MAX).replace(":\"said", ": \"said"));
    texts.push(&last);
    assert_eq!(labels(&texts), all);
    texts.push(&spaced);
    assert_eq!(labels(&texts), all);
    let far = said(COMPARED_MAX + 1).replace(":\"said", ": \"said");
    texts.push(&far);
    let mut doubts = all.clone();
    doubts[0] = doubted("org0");
    doubts.push(doubted(""));
    assert_eq!(labels(&texts), doubts);
}

#[test]
fn an_org_that_got_a_name_is_one_org() {
    let event = |number: u32| EVENT.replace("0000000001", &format!("{number:010}"));
    let snapshot = |org: &str, lines: &[String]| {
        let lines = lines.join(",\n");
        format!(r#"{{"schema":"consentwatch.snapshot/1","orgs":[{org}],"consents":["#)
            + "\n"
            + &lines
            + "\n]}\n"
    };
    let old = [exported("a.okta.com", &event(1)), exported("b.okta.com", &event(2))].join("\n");
    let named = r#"{"name":"prod","host":"a.okta.com"}"#;
    let new = snapshot(named, &[exported("prod", &event(1)), exported("prod", &event(3))]);
    let own = |label: &str| (None, label.to_owned());
    assert_eq!(labels(&[&old, &new]), [own("prod"), own("b.okta.com"), own("prod")]);
    assert_eq!(labels(&[&new, &old]), [own("prod"), own("prod"), own("b.okta.com")]);
    // What is no host does not make two names one org.
    let odd = r#"{"name":"prod","host":"preview"}"#;
    let odd = snapshot(odd, &[exported("prod", &event(1)), exported("preview", &event(1))]);
    assert_eq!(labels(&[&odd]), [own("prod"), own("preview")]);
}

#[test]
fn rows_that_change_at_the_end_are_told_a_page_at_a_time() {
    let event = |number: u32| EVENT.replace("0000000001", &format!("{number:010}"));
    let folder = tempfile::tempdir().unwrap();
    let [first, second] = ["first", "second"].map(|name| folder.path().join(name));
    let unnamed: Vec<String> = (1..=AT_A_TIME as u32 * 2).map(event).collect();
    std::fs::write(&first, unnamed.join("\n")).unwrap();
    std::fs::write(&second, [exported("prod", &event(8001)), exported("preview", &event(8002))].join("\n"))
        .unwrap();
    let mut told = Vec::new();
    let tell = |news| {
        if let LoadNews::Changed(page) = news {
            told.push(page.rows.len());
            // Rows that are not read yet cannot be read any more.
            std::fs::write(&first, "").unwrap();
        }
        Ok(())
    };
    let inputs = [&first, &second].map(|path| FileInput::File(path.clone()));
    Loader::new(Arc::new(FileIndex::new(Timestamp::UNIX_EPOCH))).load(&inputs, tell).unwrap();
    assert_eq!(told, [AT_A_TIME]);
}

#[test]
fn a_session_of_one_org_names_nobody_in_another() {
    let okta = r#"{"id":"00uSYSTEM","type":"SystemPrincipal","alternateId":"system@okta.com"}"#;
    let user = |id: &str| format!(r#"{{"id":"{id}","type":"User","alternateId":"{id}@example.test"}}"#);
    let grant = exported("prod", &acted(30, "app.oauth2.as.consent.grant", "s", okta));
    let sign_in = |org: &str, minute, id| exported(org, &acted(minute, "user.session.start", "s", &user(id)));
    let who = |lines: &[&str]| {
        let (file_index, rows, _) = load(&[&lines.join("\n")]);
        let who = file_index.consent(Seq(1)).unwrap().unwrap().who;
        assert_eq!(rows[0].evidence, who.evidence);
        (who.person.id.map(|id| id.exact().to_owned()), file_index.beside(Seq(1)).unwrap().sides.len())
    };
    let (own, other) = (sign_in("prod", 20, "00u1"), sign_in("preview", 25, "00u2"));
    assert_eq!(who(&[&grant, &own]), (Some("00u1".to_owned()), 1));
    assert_eq!(who(&[&grant, &other]), (None, 0));
    assert_eq!(who(&[&grant, &own, &other]), (Some("00u1".to_owned()), 1));
    let plain = acted(26, "user.session.start", "s", &user("00u1"));
    assert_eq!(who(&[&grant, &plain]), (Some("00u1".to_owned()), 1), "a plain record may be of the same org");
    let unnamed = grant.replace(r#""org":"prod","#, "");
    let both = sign_in("preview", 27, "00u1");
    assert_eq!(who(&[&unnamed, &own, &both]), (None, 2), "of which org is not known");
}
