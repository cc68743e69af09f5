//! The collector's state: what of it is stored, and what people see.

use std::time::Duration;

use super::super::fetch::BYTES;
use super::{Ended, Follower, LOOK_EVERY, POLL_EVERY, TeamDoors};
use crate::consent::Bookmark;
use crate::jetstream::{RequestError, TeamLink};
use crate::journal::{Batch, Listening, Polled, TeamBatch};
use crate::report::{Fault, Part, Pulse};
use crate::team::{LEASE_STREAM, Lease, MessageError, State, Stream, check_schema, lease_subject};

impl Follower {
    /// Reads the collector's state, and whether there is a collector.
    pub(super) async fn hear_state(&mut self, link: &TeamLink) -> Result<(), Ended> {
        let key = self.doors.org.key.clone();
        let up = self.doors.clock.uptime();
        if !self.doors.is_collector && self.lease_at.is_none_or(|at| at + LOOK_EVERY <= up) {
            let lease = match link.last_of(LEASE_STREAM, &lease_subject(&key)).await {
                // The first collector makes it.
                Err(RequestError::NoStream(_)) => None,
                lease => lease?,
            };
            let lease = lease.and_then(|message| Lease::of_body(&message.body).ok());
            self.holder = lease.filter(|lease| !lease.journal.is_empty()).map(|lease| lease.collector);
            self.lease_at = Some(up);
        }
        // The stream has one message, so a later one is the state.
        let found = link.fetch(&Stream::State.name(&key), self.state_seq + 1, 1, BYTES).await?;
        if let Some(message) = found.messages.into_iter().next() {
            let is_own = self.own.is_some() && message.journal == self.own;
            self.state_seq = message.seq;
            let state = check_schema(message.schema.as_deref()).and_then(|()| State::of_body(&message.body));
            match state {
                Ok(_) if is_own => self.state = None,
                Ok(state) => {
                    // A watcher asks nobody else for the time. Only the state of the collector that runs now is seconds
                    // old.
                    if !self.doors.is_collector && self.holder.as_ref() == Some(&state.collector) {
                        self.doors.clock.hear(state.at);
                    }
                    self.state = Some(state);
                }
                Err(error @ MessageError::Newer { .. }) => return Err(Ended::Newer(error)),
                Err(error) => {
                    self.unread += 1;
                    tracing::warn!(%error, "The collector's state cannot be read.");
                }
            }
        }
        Ok(())
    }

    /// Returns whether the state says nothing that is not stored yet.
    pub(super) fn is_state_applied(&self) -> bool {
        self.state.as_ref().is_none_or(|state| self.has(state))
    }

    /// Returns whether every row that a state builds upon is stored.
    pub(super) fn has(&self, state: &State) -> bool {
        let first = self.first;
        self.position.as_ref().is_some_and(|at| at.low <= first && at.high >= state.events)
    }

    /// Stores what the state says of the org's coverage, once every row is stored that it builds upon.
    pub(super) async fn apply_state(&mut self) -> Result<(), Ended> {
        let Some(state) = self.state.clone().filter(|state| self.has(state)) else { return Ok(()) };
        if state.complete_since.is_some() && self.first > 1 && self.floor.is_none() {
            // The time is known from an earlier run, unless that one was stopped before it stored it.
            let coverage = self.doors.reader.coverage(self.doors.journal.org())?;
            let link = self.doors.link.borrow().link().cloned();
            self.floor = match (coverage.complete_since, link) {
                (Some(since), _) => Some(since),
                (None, Some(link)) => self.received_at(&link, self.first).await?,
                (None, None) => None,
            };
        }
        let complete_since = match (state.complete_since, self.floor) {
            (Some(since), Some(floor)) => Some(since.max(floor)),
            (Some(since), None) if self.first <= 1 => Some(since),
            _ => None,
        };
        let bookmark = state.bookmark.map(|mark| Bookmark {
            query: mark.query,
            next: mark.next,
            last_published: mark.last_published,
            since: mark.since,
            caught_up: mark.caught_up,
        });
        let listening = state.listening.map(|period| Listening {
            since: period.since,
            until: period.until,
            verified: period.verified,
        });
        let team = TeamBatch { bookmark, gaps: state.gaps, complete_since, ..TeamBatch::default() };
        let batch = Batch { listening, team: Some(Box::new(team)), ..Batch::default() };
        let up = self.doors.clock.uptime();
        let is_due = self.poll_stored.is_none_or(|stored| stored + POLL_EVERY <= up);
        if !is_due && self.applied.as_ref() == Some(&batch) {
            return Ok(());
        }
        let polled = state.polled.map(|polled| Polled {
            at: polled.at,
            caught_up: polled.caught_up,
            interval: Duration::from_millis(polled.interval_ms),
        });
        self.store(Batch { polled, ..batch.clone() }).await?;
        self.applied = Some(batch);
        self.poll_stored = Some(up);
        Ok(())
    }

    /// Puts the state on the board.
    pub(super) fn tell(&mut self, has_older: bool) {
        let fault = (self.unread > 0).then(|| {
            Fault::new(
                Part::Team,
                "unreadable messages",
                &format!("Messages or rows of the team's server that could not be read: {}.", self.unread),
                "They are left out, and the log names the last reason.",
                "Check whether another program publishes to the streams of consentwatch.",
            )
        });
        let team = match fault {
            Some(fault) => Pulse::Impaired(fault),
            None if has_older => Pulse::Catching,
            None => Pulse::Live,
        };
        if self.doors.is_collector {
            let own = self.own_fault.take();
            self.doors.board.send_if_modified(|board| {
                // What hinders publishing stays.
                let is_others =
                    board.get(Part::Team).fault().is_some_and(|fault| Some(&fault.brief) != own.as_ref());
                !is_others && board.set(Part::Team, team)
            });
            return;
        }
        let poll = match &self.state {
            _ if self.holder.is_none() => Pulse::Down(no_collector(&self.doors)),
            _ if has_older || !self.is_state_applied() => Pulse::Catching,
            Some(state) => state.board.get(Part::Poll).clone(),
            None => Pulse::Starting,
        };
        self.doors.board.send_if_modified(|board| {
            let before = board.clone();
            if let Some(state) = &self.state {
                let (own, journal) = (board.notes.clone(), board.get(Part::Journal).clone());
                *board = state.board.clone();
                board.set(Part::Journal, journal);
                board.notes.files = own.files;
                board.notes.writer = vec![format!(
                    "Everything here comes from the team's server {}; the collector {} polls.",
                    self.doors.server, state.collector
                )];
                board.notes.journal = own.journal;
                board.notes.damage = own.damage;
            }
            board.set(Part::Poll, poll);
            board.set(Part::Team, team);
            *board != before
        });
    }
}

fn no_collector(doors: &TeamDoors) -> Fault {
    Fault::new(
        Part::Poll,
        "no collector",
        &format!("No collector polls {} for the team.", doors.org.label()),
        "What is stored is shown; new events come once a collector runs again, and none is lost.",
        "Start consentwatch collect --to, or see its log. consentwatch team status shows who collects.",
    )
    .passing()
}
