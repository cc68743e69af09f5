//! Whether this process writes the journal or follows another one.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::writing::Writing;

/// What this process is to the journal. It may change once, from a follower to the writer. Clones share one answer.
#[derive(Clone, Debug)]
pub(super) struct Role(Arc<Mutex<State>>);

/// The answer.
#[derive(Debug)]
pub(super) enum State {
    /// This process writes.
    Writes(Box<Writing>),
    /// Another process does; what it left in the lock file.
    Follows(String),
}

impl Role {
    pub(super) fn new(state: State) -> Self {
        Self(Arc::new(Mutex::new(state)))
    }

    /// The answer as it is now. Nobody may keep it for longer than a look takes.
    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes the answer and returns the one before.
    pub(super) fn set(&self, state: State) -> State {
        std::mem::replace(&mut *self.state(), state)
    }

    /// Who writes, if it is not this process.
    pub(super) fn holder(&self) -> Option<String> {
        match &*self.state() {
            State::Writes(_) => None,
            State::Follows(holder) => Some(holder.clone()),
        }
    }
}
