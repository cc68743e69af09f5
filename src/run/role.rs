//! The role of this process: whether it writes the journal or follows the process that does.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::writing::Writing;

/// A shared handle to the role of this process. The role may change once, from follower to writer. Clones share one
/// state.
#[derive(Clone, Debug)]
pub(super) struct Role(Arc<Mutex<State>>);

/// The state behind a [`Role`].
#[derive(Debug)]
pub(super) enum State {
    /// This process writes.
    Writes(Box<Writing>),
    /// Another process writes. The string is what it left in the lock file.
    Follows(String),
}

impl Role {
    pub(super) fn new(state: State) -> Self {
        Self(Arc::new(Mutex::new(state)))
    }

    /// Returns the current state, locked. Callers must drop the guard at once.
    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sets the state and returns the previous one.
    pub(super) fn set(&self, state: State) -> State {
        std::mem::replace(&mut *self.state(), state)
    }

    /// Returns the process that writes the journal, or `None` if it is this one.
    pub(super) fn holder(&self) -> Option<String> {
        match &*self.state() {
            State::Writes(_) => None,
            State::Follows(holder) => Some(holder.clone()),
        }
    }
}
