//! Starts everything that runs in the process that writes a journal: poller, hook, look-ups and probes. A
//! process that takes over starts them in the same way.

use tokio::sync::watch;

use super::org_parts::{OrgStart, Parts, WritingOrg};
#[cfg(feature = "team")]
use super::team_tasks;
use crate::consent::Seq;
use crate::intake::hook::{self, HookDoors};
use crate::intake::{mending, state};
use crate::journal::{Claim, Head, Journal, OrgEntry, OrgJournal, Reader};
use crate::report::{Fault, Part, Pulse};

/// A journal that this process writes, and handles to the running parts.
#[derive(Debug)]
pub(super) struct Writing {
    journal: Journal,
    /// In the order of the plan.
    pub(super) orgs: Vec<WritingOrg>,
    /// The newest row before the first part started.
    pub(super) last_before: Seq,
}

impl Writing {
    /// Closes the journal.
    pub(super) async fn close(&self) {
        self.journal.close().await;
    }
}

/// Opens the journal and starts everything that writes to it. Also returns a reader for listing the rows.
///
/// # Errors
/// Returns a fault if the journal cannot be opened. Nothing was started then, and the claim is released.
pub(super) fn start(
    parts: &Parts,
    claim: Claim,
    head: &watch::Sender<Head>,
) -> Result<(Writing, Reader), Box<Fault>> {
    let entries = parts.orgs.iter().map(|org| OrgEntry { org: org.org.clone(), clock: org.clock.clone() });
    let journal = claim.open(parts.keep, parts.clock.clone(), head, entries.collect(), &parts.others);
    let journal = journal.map_err(|error| error.fault())?;
    let handles: Vec<OrgJournal> = journal.orgs().collect();
    let last_before = head.borrow().last;
    // Everything that can fail comes before the first part starts.
    let read = || Reader::open(&parts.dir).map_err(|error| Box::new(error.fault()));
    let (list, scan_reader) = (read()?, read()?);
    let starts = parts.orgs.iter().zip(handles).map(|(org, handle)| OrgStart::read(parts, org, handle));
    let starts: Vec<OrgStart<'_>> = starts.collect::<Result<_, _>>()?;
    let boards: Vec<_> = parts.orgs.iter().map(|org| org.board.clone()).collect();
    for (board, start) in boards.iter().zip(&starts) {
        board.send_modify(|board| {
            board.set(Part::Poll, Pulse::Starting);
            board.set(Part::Journal, Pulse::Live);
            board.traffic.last_good = start.coverage.last_good_poll;
        });
    }
    let state = state::tell(journal.clone(), boards, parts.clock.clone());
    parts.tasks.spawn("journal state", state);
    let listeners = starts.iter().map(|start| HookDoors {
        journal: start.journal.clone(),
        board: start.org.board.clone(),
        clock: start.org.clock.clone(),
    });
    let listeners: Vec<HookDoors> = listeners.collect();
    #[cfg(feature = "team")]
    let team = team_tasks::connect(parts);
    let mut orgs = Vec::new();
    let mut menders = Vec::new();
    for start in starts {
        let (mender, lost) = start.mender();
        menders.push(mender);
        orgs.push(match &parts.team {
            #[cfg(feature = "team")]
            Some(plan) => team_tasks::start(start, parts, plan, &team, lost)?,
            _ => start.start(parts, &parts.tasks, lost),
        });
    }
    let scan = mending::scan(scan_reader, menders, parts.clock.clone(), parts.tasks.clone());
    parts.tasks.spawn("damage scan", scan);
    if let Some(plan) = parts.hook.clone() {
        parts.tasks.spawn("hook", hook::run(plan, listeners, parts.clock.clone(), parts.tasks.clone()));
    }
    Ok((Writing { journal, orgs, last_before }, list))
}
