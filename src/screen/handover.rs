//! Hands requests of the loop to a worker thread.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// A request of the loop to a worker. The loop may change it until the worker takes it, so a newer request can replace
/// an older one.
pub(super) trait Request: Default {
    /// Returns whether nothing is requested.
    fn is_empty(&self) -> bool;
}

/// A slot for one request between the loop and a worker.
#[derive(Debug, Default)]
pub(super) struct Handover<T> {
    state: Mutex<State<T>>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State<T> {
    request: T,
    /// Whether the worker is working or has a request.
    is_busy: bool,
    /// Whether no more requests will come.
    is_over: bool,
}

impl<T: Request> Handover<T> {
    /// Changes the request, and returns whether the worker was idle.
    pub(super) fn change(&self, change: impl FnOnce(&mut T)) -> bool {
        let mut state = self.lock();
        change(&mut state.request);
        let was_at_rest = !std::mem::replace(&mut state.is_busy, true);
        drop(state);
        self.changed.notify_all();
        was_at_rest
    }

    /// Returns whether the worker is working or has a request. A worker that is not busy has sent all its answers.
    pub(super) fn is_busy(&self) -> bool {
        self.lock().is_busy
    }

    /// Closes the slot. The worker performs the last request and ends.
    pub(super) fn close(&self) {
        self.lock().is_over = true;
        self.changed.notify_all();
    }

    /// Waits for a request and takes it. Returns `None` if there is none and the slot is closed.
    pub(super) fn next(&self) -> Option<T> {
        let mut state = self.lock();
        loop {
            if !state.request.is_empty() {
                return Some(std::mem::take(&mut state.request));
            }
            state.is_busy = false;
            if state.is_over {
                return None;
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
