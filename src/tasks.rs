//! Groups of named tasks that can be stopped together, and threads for work that may wait for a disk.

use std::future::Future;
use std::io;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::FutureExt as _;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Starts a thread for work that may wait for a disk. The process does not wait for the thread to end.
///
/// # Errors
/// The operating system cannot start another thread.
pub fn start_thread(name: &str, work: impl FnOnce() + Send + 'static) -> io::Result<()> {
    std::thread::Builder::new().name(name.to_owned()).spawn(work).map(drop)
}

/// Does work that may wait for all items at once, each on a thread of its own. Returns the results in the order of the
/// items, `None` where the work panicked.
pub fn on_threads<I: Sync, T: Send>(items: &[I], work: impl Fn(&I) -> T + Sync) -> Vec<Option<T>> {
    let work = &work;
    std::thread::scope(|scope| {
        let threads: Vec<_> = items.iter().map(|item| scope.spawn(move || work(item))).collect();
        threads.into_iter().map(|thread| thread.join().ok()).collect()
    })
}

/// A group of tasks that are stopped together. Clones share the same group.
#[derive(Clone, Debug, Default)]
pub struct Tasks {
    tracker: TaskTracker,
    stop: CancellationToken,
    busy: Arc<AtomicUsize>,
}

/// A guard for a piece of work. Its group is busy until it is dropped.
#[derive(Debug)]
pub struct Busy(Arc<AtomicUsize>);

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Tasks {
    /// Makes an empty group.
    pub fn new() -> Self {
        Self::default()
    }

    /// Runs a task until it ends or the group stops. A panic ends this task only, and is logged under its name.
    pub fn spawn<F>(&self, name: &'static str, task: F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let stop = self.stop.clone();
        self.tracker.spawn(async move {
            let guarded = AssertUnwindSafe(task).catch_unwind();
            if let Some(Err(_)) = stop.run_until_cancelled(guarded).await {
                tracing::error!(name, "A task panicked.");
            }
        });
    }

    /// Runs a task until it ends by itself. It must watch [`Tasks::stopping`] and finish its work when that fires.
    /// [`Tasks::finish`] waits for it as for any other task.
    pub fn spawn_to_end<F>(&self, name: &'static str, task: F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        self.tracker.spawn(async move {
            if AssertUnwindSafe(task).catch_unwind().await.is_err() {
                tracing::error!(name, "A task panicked.");
            }
        });
    }

    /// Counts a piece of work from now until the returned guard is dropped.
    pub fn busy(&self) -> Busy {
        self.busy.fetch_add(1, Ordering::SeqCst);
        Busy(Arc::clone(&self.busy))
    }

    /// Returns whether no work is in progress.
    pub fn at_rest(&self) -> bool {
        self.busy.load(Ordering::SeqCst) == 0
    }

    /// Returns a token that is canceled when the group stops.
    pub fn stopping(&self) -> CancellationToken {
        self.stop.clone()
    }

    /// Stops every task and waits up to `limit` for them to end. Returns whether all have ended.
    pub async fn finish(&self, limit: Duration) -> bool {
        self.stop.cancel();
        self.tracker.close();
        tokio::time::timeout(limit, self.tracker.wait()).await.is_ok()
    }
}
