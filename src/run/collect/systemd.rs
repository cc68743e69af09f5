//! Reports to systemd, if the process runs as a service of type `notify` (systemd: sd_notify(3)). Elsewhere it does
//! nothing.

use std::time::Duration;

use sd_notify::NotifyState;

/// The connection to the service manager.
#[derive(Debug)]
pub(super) struct Systemd {
    /// How long the manager waits for a sign of life before it restarts the service, or `None` if it does not.
    watchdog: Option<Duration>,
    /// The status that was sent last.
    status: String,
}

/// The most bytes of a status. systemd ignores a message of more than 4 KiB.
const STATUS_BYTES_MAX: usize = 1000;

impl Systemd {
    /// Reads from the environment what the manager expects.
    pub(super) fn new() -> Self {
        Self { watchdog: sd_notify::watchdog_enabled(), status: String::new() }
    }

    /// Returns how often to send a sign of life, or `None` if the manager waits for none. It is a third of the manager's
    /// patience, so that a late one does no harm.
    pub(super) fn alive_every(&self) -> Option<Duration> {
        self.watchdog.map(|limit| (limit / 3).max(Duration::from_millis(100)))
    }

    /// Sends the status if it changed, a sign of life if there is one, and that the service is ready if `is_start` is
    /// set.
    pub(super) fn tell(&mut self, status: &str, is_start: bool, is_alive: bool) {
        let mut states = Vec::new();
        if is_start {
            states.push(NotifyState::Ready);
        }
        if is_alive && self.watchdog.is_some() {
            states.push(NotifyState::Watchdog);
        }
        send(&states);
        if self.status != status {
            status.clone_into(&mut self.status);
            // A message that is too long for the manager is ignored as a whole, so this one goes by itself.
            let end = status.floor_char_boundary(STATUS_BYTES_MAX);
            let (told, rest) = status.split_at(end);
            let more = if rest.is_empty() { "" } else { " …" };
            send(&[NotifyState::Status(&format!("{told}{more}"))]);
        }
    }

    /// Sends that the configuration is being read again.
    pub(super) fn is_reloading() {
        match NotifyState::monotonic_usec_now() {
            Ok(now) => send(&[NotifyState::Reloading, now]),
            Err(error) => tracing::debug!(%error, "The system has no monotonic clock."),
        }
    }

    /// Sends that the service ends on purpose.
    pub(super) fn is_stopping() {
        send(&[NotifyState::Stopping]);
    }
}

fn send(states: &[NotifyState<'_>]) {
    if states.is_empty() {
        return;
    }
    if let Err(error) = sd_notify::notify(states) {
        tracing::debug!(%error, "The service manager was not told.");
    }
}
