//! Decides which collector polls an org.
//!
//! The lease is one message that the server forgets after 15 seconds. Who wants it writes it with the number of the message
//! that it knows, so of two writers one is refused. Its own number is the epoch: it rises with every renewal and every
//! change of the holder.

use std::time::Duration;

use crate::clock::Clock;
use crate::jetstream::{RequestError, TeamLink};
use crate::team::{LEASE_STREAM, Lease, lease_subject};

/// How long the server keeps a lease that is not renewed.
pub(super) const LEASE_FOR: Duration = Duration::from_secs(15);
/// How often it is renewed, or looked at.
pub(super) const RENEW_EVERY: Duration = Duration::from_secs(5);

/// Who has the lease of an org, as far as this process knows.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Holder {
    /// It is not known yet.
    Unknown,
    /// This process, with the number of its last renewal.
    Own(u64),
    /// Another collector.
    Other(Lease),
}

/// The lease of one org.
pub(super) struct LeaseKeeper {
    pub(super) holder: Holder,
    /// The org's key.
    org: String,
    /// What this process writes.
    own: Lease,
    /// The uptime at which to act next.
    next: Duration,
    clock: Clock,
}

impl LeaseKeeper {
    pub(super) fn new(org: &str, own: Lease, clock: Clock) -> Self {
        Self { holder: Holder::Unknown, org: org.to_owned(), own, next: Duration::ZERO, clock }
    }

    /// Returns the number of the lease if this process has it.
    pub(super) fn epoch(&self) -> Option<u64> {
        match self.holder {
            Holder::Own(epoch) => Some(epoch),
            _ => None,
        }
    }

    /// Returns the uptime at which [`Self::keep`] has something to do.
    pub(super) fn next(&self) -> Duration {
        self.next
    }

    /// Asks at once what became of the lease, for example on a new connection.
    pub(super) fn hurry(&mut self) {
        self.next = Duration::ZERO;
    }

    /// Renews the lease, or takes it if nobody has it, when that is due.
    ///
    /// # Errors
    /// The server did not answer as it should. Who had the lease keeps it: another can only take it once the server has
    /// forgotten this one, and then this one learns of it at the next renewal.
    pub(super) async fn keep(&mut self, link: &TeamLink) -> Result<(), RequestError> {
        if self.clock.uptime() < self.next {
            return Ok(());
        }
        self.next = self.clock.uptime() + RENEW_EVERY;
        self.own.at = self.clock.now();
        let mut was_overtaken = false;
        if let Holder::Own(last) = self.holder {
            match self.write(link, last).await {
                Err(RequestError::Overtaken) => was_overtaken = true,
                Err(error) => return Err(error),
                Ok(number) => {
                    self.holder = Holder::Own(number);
                    return Ok(());
                }
            }
        }
        let found = link.last_of(LEASE_STREAM, &lease_subject(&self.org)).await?;
        let (last, lease) = match found {
            None => (0, None),
            Some(message) => (message.seq, Lease::of_body(&message.body).ok()),
        };
        match lease {
            // This journal can be open in one process only, so a lease of it is that of an earlier run, or one whose
            // acknowledgment was lost. But if another process took it from this one, it works on a copy of the journal.
            Some(lease) if !lease.journal.is_empty() && self.is_of_other(&lease, was_overtaken) => {
                self.holder = Holder::Other(lease);
                // The server forgets it 15 seconds after its last renewal.
                self.next = self.clock.uptime() + Duration::from_secs(2);
                return Ok(());
            }
            _ => {}
        }
        match self.write(link, last).await {
            Ok(number) => self.holder = Holder::Own(number),
            Err(RequestError::Overtaken) => {
                self.holder = Holder::Unknown;
                self.hurry();
            }
            Err(error) => return Err(error),
        }
        Ok(())
    }

    /// Returns whether a lease is that of another collector that runs.
    fn is_of_other(&self, lease: &Lease, was_overtaken: bool) -> bool {
        let is_copy = match &self.holder {
            Holder::Other(known) => known.collector == lease.collector,
            _ => was_overtaken && lease.collector != self.own.collector,
        };
        lease.journal != self.own.journal || is_copy
    }

    async fn write(&self, link: &TeamLink, expected: u64) -> Result<u64, RequestError> {
        let body = self.own.to_body().map_err(|error| RequestError::Other(error.to_string()))?;
        link.publish(lease_subject(&self.org), Some(&self.own.journal), body, Some(expected)).await
    }

    /// Gives the lease up, so that another collector need not wait until the server forgets it.
    pub(super) async fn release(&mut self, link: &TeamLink) {
        let Holder::Own(last) = self.holder else { return };
        let nobody = Lease { journal: String::new(), ..self.own.clone() };
        if let Ok(body) = nobody.to_body() {
            link.publish(lease_subject(&self.org), None, body, Some(last)).await.ok();
        }
        self.holder = Holder::Unknown;
    }
}
