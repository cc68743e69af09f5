//! Hands what the loop asks for to a worker on a thread of its own.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// What a loop asks of a worker. The loop may change it until the worker takes it, so a newer wish can replace an older
/// one.
pub(super) trait Request: Default {
    /// Whether nothing is asked for.
    fn is_empty(&self) -> bool;
}

/// A place for one request between a loop and its worker.
#[derive(Debug, Default)]
pub(super) struct Handover<T> {
    state: Mutex<State<T>>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State<T> {
    request: T,
    /// The worker does something, or has something to do.
    is_busy: bool,
    /// No more requests come.
    is_over: bool,
}

impl<T: Request> Handover<T> {
    /// Changes the request, and returns whether the worker had nothing to do before.
    pub(super) fn change(&self, change: impl FnOnce(&mut T)) -> bool {
        let mut state = self.lock();
        change(&mut state.request);
        let was_at_rest = !std::mem::replace(&mut state.is_busy, true);
        drop(state);
        self.changed.notify_all();
        was_at_rest
    }

    /// Whether the worker does something, or has something to do. A worker that is not busy has sent all its answers.
    pub(super) fn is_busy(&self) -> bool {
        self.lock().is_busy
    }

    /// Says that no more requests come. The worker carries out what was asked for, and ends.
    pub(super) fn close(&self) {
        self.lock().is_over = true;
        self.changed.notify_all();
    }

    /// Waits for a request and takes it. Returns `None` when there is none and no more come.
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
