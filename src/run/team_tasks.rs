//! Starts what works with a team's server.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use super::org_parts::{Lost, OrgStart, Parts, WritingOrg};
use super::plan::{TeamPlan, TeamRole};
use super::{last_readiness, team_notes};
use crate::intake;
use crate::jetstream::{self, Dial, LinkState};
use crate::journal::Reader;
use crate::outgo;
use crate::report::{Fault, Part, Pulse};
use crate::tasks::Tasks;
use crate::team::TeamProgress;

/// Returns what this process calls itself at a team's server: the host and the process.
pub(super) fn process_name() -> String {
    let host = rustix::system::uname();
    format!("{}:{}", host.nodename().to_string_lossy(), std::process::id())
}

/// Connects to the team's server, if there is one. All orgs share the connection.
pub(super) fn connect(parts: &Parts) -> watch::Receiver<LinkState> {
    let (tell, link) = watch::channel(LinkState::Connecting);
    if let Some(plan) = &parts.team {
        let TeamPlan { server, ca_file, .. } = plan.clone();
        let dial = Dial { server, ca_file, name: process_name() };
        parts.tasks.spawn("team", jetstream::dial(dial, tell, parts.clock.clone()));
    }
    link
}

/// Starts what an org does at the team's server.
///
/// # Errors
/// Returns a fault if the journal cannot be read.
pub(super) fn start(
    start: OrgStart<'_>,
    parts: &Parts,
    plan: &TeamPlan,
    link: &watch::Receiver<LinkState>,
    lost: Lost,
) -> Result<WritingOrg, Box<Fault>> {
    let (org, journal) = (start.org, &start.journal);
    let read = || Reader::open(&parts.dir).map_err(|error| Box::new(error.fault()));
    let server: Arc<str> = plan.server.to_string().into();
    let (progress, seen) = watch::channel(TeamProgress::default());
    let is_collector = plan.role == TeamRole::Collector;
    let doors = intake::team::TeamDoors {
        org: org.org.clone(),
        journal: journal.clone(),
        reader: read()?,
        board: org.board.clone(),
        clock: org.clock.clone(),
        tasks: parts.tasks.clone(),
        link: link.clone(),
        server: Arc::clone(&server),
        nudge: Arc::clone(&org.nudge),
        name: process_name(),
        is_collector,
        progress,
    };
    org.board.send_if_modified(|board| board.set(Part::Team, Pulse::Starting));
    let notes = team_notes::NotesDoors {
        dir: parts.dir.clone(),
        org: org.org.clone(),
        link: link.clone(),
        clock: org.clock.clone(),
        answers: parts.answers.clone(),
        name: process_name(),
    };
    parts.tasks.spawn("team notes", team_notes::share(notes));
    parts.tasks.spawn("team stream", intake::team::follow(doors));
    if is_collector {
        // What asks Okta is started anew with each lease, from what the journal has then.
        let (all, own, handle) = (parts.clone(), org.clone(), journal.clone());
        let begin = move |tasks: &Tasks| {
            OrgStart::read(&all, &own, handle.clone())?.start(&all, tasks, lost.clone());
            Ok(())
        };
        let doors = outgo::team::PublishDoors {
            org: org.org.clone(),
            query: org.poll.query(),
            journal: journal.clone(),
            board: org.board.clone(),
            clock: org.clock.clone(),
            tasks: parts.tasks.clone(),
            link: link.clone(),
            server,
            name: process_name(),
            keep: Duration::from_hours(24 * u64::from(parts.keep.keep_days)),
            progress: seen,
            can_poll: org.client.is_ok(),
            begin: Box::new(begin),
        };
        parts.tasks.spawn_to_end("team publish", outgo::team::publish(doors, read()?));
    } else {
        // Exports and further screens on this machine read the last round of the collector's probes from here.
        let keep = last_readiness::keep(parts.dir.clone(), org.org.key.clone(), org.board.subscribe());
        parts.tasks.spawn("last readiness", keep);
    }
    Ok(start.unasked())
}
