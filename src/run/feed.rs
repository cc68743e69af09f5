//! A journal that is open, and whatever brings rows to it.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, watch};

use super::Source;
use crate::clock::Clock;
use crate::intake::{http, poll};
use crate::journal::{self, Head, Journal, Opened, Reader, Settings};
use crate::okta::{Credentials, PollPlan, Poller};
use crate::report::{Board, Fault, Part, Pulse};
use crate::secret::SecretSource;
use crate::tasks::Tasks;

/// All that is needed to open a feed.
#[derive(Debug)]
pub struct FeedPlan {
    /// The folder of this org's journal.
    pub dir: PathBuf,
    /// What the journal keeps.
    pub keep: Settings,
    /// How to poll, and what.
    pub poll: PollPlan,
    /// The way in.
    pub credentials: Credentials,
    /// Where the way in can be read again, after it was refused.
    pub renew: Option<SecretSource>,
    /// An extra certificate authority.
    pub ca_file: Option<PathBuf>,
}

/// An open journal with a poller on it, or the journal of another process, followed read-only.
#[derive(Debug)]
pub struct Feed {
    /// Asks the poller to ask Okta at once.
    pub nudge: Arc<Notify>,
    /// Who writes the journal, if it is not this process.
    pub holder: Option<String>,
    journal: Option<Journal>,
}

/// Followers look this often whether the writer wrote; SQLite offers nothing to wait on.
const FOLLOW_EVERY: Duration = Duration::from_millis(200);

/// Opens the journal and starts what writes to it.
///
/// # Errors
/// The journal cannot be opened, or the HTTP client cannot be made; nothing was started.
pub fn open(plan: FeedPlan, clock: &Clock, tasks: &Tasks) -> Result<(Feed, Source), Box<Fault>> {
    let opened = journal::open(&plan.dir, plan.keep, clock.clone()).map_err(|error| error.fault())?;
    let reader = Reader::open(&plan.dir).map_err(|error| error.fault())?;
    let (board, seen_board) = watch::channel(Board::default());
    let nudge = Arc::new(Notify::new());
    match opened {
        Opened::Writer(journal) => {
            let client = http::Client::new(&plan.poll.org, plan.credentials, plan.ca_file.as_deref())
                .map_err(|error| {
                    Fault::new(
                        Part::Config,
                        "no HTTP client",
                        "The HTTP client could not be made.",
                        "Nothing was started.",
                        "Check org.ca_file and the proxy settings of the environment.",
                    )
                    .caused_by(&error)
                })?;
            board.send_modify(|board| {
                board.set(Part::Poll, Pulse::Starting);
                board.set(Part::Journal, Pulse::Live);
            });
            let client = client.with_renewal(plan.renew);
            let stored = reader.bookmark().map_err(|error| error.fault())?;
            let poller = Poller::new(plan.poll, stored, clock.now());
            let source = Source::new(reader, journal.head(), seen_board);
            let work = poll::run(
                poller,
                client,
                journal.clone(),
                board,
                clock.clone(),
                tasks.clone(),
                Arc::clone(&nudge),
            );
            tasks.spawn("poll", work);
            Ok((Feed { nudge, holder: None, journal: Some(journal) }, source))
        }
        Opened::Follower { holder } => {
            board.send_modify(|board| {
                board.set(Part::Poll, Pulse::Elsewhere(holder.clone()));
                board.set(Part::Journal, Pulse::Live);
            });
            let (head, seen_head) = watch::channel(reader.head().map_err(|error| error.fault())?);
            let ear = Reader::open(&plan.dir).map_err(|error| error.fault())?;
            tasks.spawn("follow", follow(ear, head, board, clock.clone()));
            Ok((
                Feed { nudge, holder: Some(holder), journal: None },
                Source::new(reader, seen_head, seen_board),
            ))
        }
    }
}

async fn follow(ear: Reader, head: watch::Sender<Head>, board: watch::Sender<Board>, clock: Clock) {
    let mut version = None;
    loop {
        let looked = ear.data_version().and_then(|now| {
            if version != Some(now) {
                let found = ear.head()?;
                head.send_if_modified(|head| std::mem::replace(head, found) != found);
                version = Some(now);
            }
            Ok(())
        });
        let pulse = match looked {
            Ok(()) => Pulse::Live,
            Err(error) => Pulse::Down(error.fault()),
        };
        board.send_if_modified(|board| board.set(Part::Journal, pulse));
        clock.sleep(FOLLOW_EVERY).await;
    }
}

impl Feed {
    /// Closes the journal. Tasks that write to it have been stopped before.
    pub async fn close(self) {
        if let Some(journal) = self.journal {
            journal.close().await;
        }
    }
}
