//! What a collector says: its state to the team, how far it is published to the journal, and both to the board.

use super::{Ended, LAGS_BYTES, LAGS_EVERY, NOTE_EVERY, Publisher, STATE_AT_MOST, STATE_EVERY, WATCHERS_MAX};
use crate::jetstream::{RequestError, TeamLink};
use crate::journal::{Batch, TeamBatch};
use crate::outgo::team::page::Facts;
use crate::report::{Board, Fault, Part, Pulse, TeamHealth};
use crate::team::{Lag, State, Stream, escape};

impl Publisher {
    /// Publishes the state if this process has the lease and the state is new or old.
    pub(super) async fn tell_state(&mut self, link: &TeamLink, facts: Option<Facts>) -> Result<(), Ended> {
        let (Some(epoch), Some(facts)) = (self.lease.epoch(), facts) else { return Ok(()) };
        if self.asking.is_none() {
            return Ok(());
        }
        let up = self.doors.clock.uptime();
        if self.state_at.is_some_and(|at| at + STATE_AT_MOST > up) {
            return Ok(());
        }
        let mut board = self.doors.board.borrow().clone();
        // The server tells every collector, and it would grow with the watchers.
        board.team = TeamHealth::default();
        let state = facts.state(State {
            at: self.doors.clock.sure(),
            epoch,
            collector: self.doors.name.clone(),
            label: self.doors.org.label().to_owned(),
            events: self.events.max(self.doors.progress.borrow().events),
            labels: self.labels,
            bookmark: None,
            complete_since: None,
            gaps: Vec::new(),
            polled: None,
            listening: None,
            board,
        });
        let is_new = self.last_state.as_ref().is_none_or(|last| {
            State { at: state.at, epoch: state.epoch, polled: state.polled, ..last.clone() }
                != State { board: without_traffic(&state.board, &last.board), ..state.clone() }
        });
        if !is_new && self.state_at.is_some_and(|at| at + STATE_EVERY > up) {
            return Ok(());
        }
        let body = state.to_body().map_err(|error| RequestError::Other(error.to_string()))?;
        let subject = Stream::State.subject(&self.doors.org.key);
        link.publish(subject, Some(&self.journal), body, None).await?;
        let now = format!("cw.now.{}", escape(&self.doors.org.key));
        link.send(now, self.events.to_string().into_bytes()).await;
        self.state_at = Some(up);
        self.last_state = Some(state);
        Ok(())
    }

    /// Notes in the journal how far it is published. If that fails, rows are published again after a restart.
    pub(super) async fn note_published(&mut self) {
        let up = self.doors.clock.uptime();
        if self.noted == self.published || up < self.noted_at + NOTE_EVERY {
            return;
        }
        self.noted_at = up;
        let team = TeamBatch { published: Some(self.published.clone()), ..TeamBatch::default() };
        let batch = Batch { team: Some(Box::new(team)), ..Batch::default() };
        match self.doors.journal.append(batch).await {
            Ok(_) => self.noted = self.published.clone(),
            Err(error) => tracing::debug!(%error, "It was not noted how far the journal is published."),
        }
    }

    /// Reads how far the watchers have read, for the metrics.
    pub(super) async fn hear_lags(&mut self, link: &TeamLink) {
        let up = self.doors.clock.uptime();
        if self.lags_at.is_some_and(|at| at + LAGS_EVERY > up) {
            return;
        }
        self.lags_at = Some(up);
        let stream = Stream::Lags.name(&self.doors.org.key);
        let Ok(found) = link.fetch(&stream, 1, WATCHERS_MAX, LAGS_BYTES).await else { return };
        let lags = found.messages.iter().filter_map(|message| Lag::of_body(&message.body).ok());
        self.watchers = lags.map(|lag| (lag.watcher, self.events.saturating_sub(lag.events))).collect();
        self.watchers.sort();
    }

    pub(super) fn tell_board(&mut self) {
        let pulse = if self.left_out > 0 {
            let what = format!("{} events are larger than the team's server takes.", self.left_out);
            let doing = "They are stored here and not shown to the team.";
            let remedy = "Raise max_payload in the server's configuration, and start the collector with an empty stream.";
            Pulse::Impaired(Fault::new(Part::Team, "events too large", &what, doing, remedy))
        } else {
            Pulse::Live
        };
        let team = TeamHealth {
            epoch: self.lease.epoch(),
            last_message: self.events,
            watchers: self.watchers.clone(),
        };
        let own = self.own_fault.take();
        self.doors.board.send_if_modified(|board| {
            // What hinders following stays.
            let is_others =
                board.get(Part::Team).fault().is_some_and(|fault| Some(&fault.brief) != own.as_ref());
            let is_new = !is_others && board.set(Part::Team, pulse);
            std::mem::replace(&mut board.team, team.clone()) != team || is_new
        });
    }
}

/// Returns a board with the traffic and persons of another, which change all the time.
fn without_traffic(board: &Board, other: &Board) -> Board {
    let mut board = board.clone();
    (board.traffic, board.persons) = (other.traffic, other.persons);
    board
}
