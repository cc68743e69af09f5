//! Reads messages into what the journal stores.

use jiff::Timestamp;

use crate::consent::{Consent, EventKey, Evidence, Person, SideEvent, Via, Who};
use crate::jetstream::StoredMessage;
use crate::okta;
use crate::team::{MessageError, TeamPage, TeamRow, check_schema};

/// The content of several messages.
#[derive(Debug, Default)]
pub(super) struct Decoded {
    pub(super) consents: Vec<Consent>,
    pub(super) sides: Vec<SideEvent>,
    pub(super) persons: Vec<(EventKey, Person, Evidence)>,
    /// The number of the last message that was read; those of later versions are not.
    pub(super) last: u64,
    /// When the collector received the newest row of the first message that has rows.
    pub(super) first_newest: Option<Timestamp>,
    /// Messages that are none of this program, or are damaged, with the reason for the last.
    pub(super) unread: u64,
    pub(super) why: Option<String>,
    /// The version of the first message that a later version of the program wrote. What comes after it is not read.
    pub(super) newer: Option<MessageError>,
}

/// Reads messages in their order. Those that came from the journal `own` are left out, since it has their rows.
pub(super) fn decode(messages: &[StoredMessage], own: Option<&str>) -> Decoded {
    let mut decoded = Decoded::default();
    for message in messages {
        let page = match check_schema(message.schema.as_deref()) {
            Err(error @ MessageError::Newer { .. }) => {
                decoded.newer = Some(error);
                break;
            }
            Err(error) => Err(error),
            Ok(()) if own.is_some() && message.journal.as_deref() == own => {
                decoded.last = message.seq;
                continue;
            }
            Ok(()) => TeamPage::of_body(&message.body),
        };
        match page {
            Ok(page) => decoded.take(page),
            Err(error) => decoded.miss(format!("message {}: {error}", message.seq)),
        }
        decoded.last = message.seq;
    }
    decoded
}

impl Decoded {
    fn take(&mut self, page: TeamPage) {
        self.first_newest = self.first_newest.or_else(|| page.rows.iter().map(|row| row.received).max());
        for row in page.rows {
            if let Err(why) = self.row(&row) {
                self.miss(why);
            }
        }
        for side in page.sides {
            match okta::event(&side.raw, side.received, Via::POLL) {
                Ok(parts) => self.sides.extend(parts.into_iter().next().map(SideEvent::from)),
                Err(why) => self.miss(why),
            }
        }
    }

    /// Reads a row. What came both ways is given as two copies, so that the journal compares them as it does where they
    /// come from Okta.
    fn row(&mut self, row: &TeamRow) -> Result<(), String> {
        let via = Via::from_code(row.via);
        let first = if via.has(Via::POLL) { Via::POLL } else { via };
        let mut consent = part_of(&row.raw, row, first)?;
        if let Some(id) = row.digest_id() {
            consent.key.id = id;
        }
        let (id, published_ms) = (consent.key.id, consent.key.published_ms);
        if let Some(person) = &row.person {
            let evidence = Evidence::from_code(row.evidence);
            if consent.who.evidence == Evidence::Unknown && evidence.is_found_out() {
                self.persons.push((consent.key, person.clone(), evidence));
                consent.who = Who { person: person.clone(), evidence };
            }
        }
        let is_both = via.has(Via::POLL.with(Via::HOOK));
        let copy = match &row.hook_copy {
            Some(copy) if is_both => Some(part_of(copy, row, Via::HOOK)?),
            None if is_both => Some(Consent { via: Via::HOOK, ..consent.clone() }),
            _ => None,
        };
        let hook = row.hook.clone();
        if let Some(mut copy) = copy {
            copy.key.id = id;
            copy.key.published_ms = published_ms;
            copy.hook = hook;
            self.consents.extend([consent, copy]);
        } else {
            consent.hook = hook;
            self.consents.push(consent);
        }
        Ok(())
    }

    fn miss(&mut self, why: String) {
        self.unread += 1;
        self.why = Some(why);
    }
}

/// Reads the part of an event that a row is.
fn part_of(raw: &str, row: &TeamRow, via: Via) -> Result<Consent, String> {
    let mut parts = okta::event(raw, row.received, via)?;
    let index = usize::from(row.part).min(parts.len().saturating_sub(1));
    if parts.is_empty() { Err("The event has no part.".to_owned()) } else { Ok(parts.swap_remove(index)) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::team::{TeamSide, Through};

    fn event(number: u32) -> String {
        format!(
            r#"{{"uuid":"00000000-0000-4000-8000-{number:012}","published":"2026-03-04T09:15:38.951Z","eventType":"app.oauth2.as.consent.grant","displayMessage":"x","target":[]}}"#
        )
    }

    fn row(number: u32, via: u8) -> TeamRow {
        TeamRow {
            raw: event(number).into(),
            part: 0,
            digest: None,
            via,
            received: "2026-03-04T09:15:40Z".parse().unwrap(),
            person: None,
            evidence: 0,
            hook: None,
            hook_copy: None,
        }
    }

    fn message(seq: u64, schema: Option<&str>, rows: Vec<TeamRow>) -> StoredMessage {
        let sides: Vec<TeamSide> = Vec::new();
        let page = TeamPage { through: Through::default(), rows, sides };
        StoredMessage {
            seq,
            subject: "cw.ev.a.b".to_owned(),
            schema: schema.map(str::to_owned),
            journal: Some("j".to_owned()),
            body: page.to_body().unwrap(),
        }
    }

    #[test]
    fn a_message_of_a_later_version_stops_the_reading_and_a_strange_one_does_not() {
        let garbage = StoredMessage { body: b"hello".to_vec(), ..message(3, Some("1"), Vec::new()) };
        let messages = [
            message(1, Some("1"), vec![row(1, 1)]),
            message(2, None, vec![row(2, 1)]),
            garbage,
            message(4, Some("1"), vec![row(4, 1)]),
            message(5, Some("99"), vec![row(5, 1)]),
            message(6, Some("1"), vec![row(6, 1)]),
        ];
        let decoded = decode(&messages, None);
        assert_eq!((decoded.consents.len(), decoded.unread, decoded.last), (2, 2, 4));
        assert!(decoded.newer.is_some());
        let own = decode(&messages[..1], Some("j"));
        assert_eq!((own.consents.len(), own.last), (0, 1), "its rows are here already");
    }

    #[test]
    fn what_came_both_ways_comes_as_two_copies() {
        let decoded = decode(&[message(1, Some("1"), vec![row(1, 3), row(2, 2)])], None);
        let ways: Vec<Via> = decoded.consents.iter().map(|consent| consent.via).collect();
        assert_eq!(ways, [Via::POLL, Via::HOOK, Via::HOOK]);
        let broken = TeamRow { raw: "{".into(), ..row(3, 1) };
        let decoded = decode(&[message(1, Some("1"), vec![broken, row(4, 1)])], None);
        assert_eq!((decoded.consents.len(), decoded.unread), (1, 1));
    }
}
