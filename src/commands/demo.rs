//! `demo`: the screen on a simulated org.

use std::time::Duration;

use super::common::{
    Ended, env, is_dumb, jitter_seed, on_runtime, record_to, reopen_log, show, start_log, tell, theme, usage,
};
use crate::consent::Topic;
use crate::exit::Exit;
use crate::flags::{self, Cli};
use crate::journal::Settings;
use crate::model::Origin;
use crate::okta::hook_delivery::Secrets;
use crate::okta::{Credentials, OrgUrl, PollPlan};
use crate::run::{self, Ceiling, FeedPlan, HookPlan, HookTarget, LinearOptions, OrgPlan, SignIn};
use crate::screen::{self, WatchOptions};
use crate::secret::Secret;
use crate::sim;
use crate::tui;
use crate::tui::clipboard::Between;

/// The API token of the simulated org. It is valid nowhere else.
const DEMO_TOKEN: &str = "demo-token";

/// The time between two polls. The simulated org's rate limit allows it.
const DEMO_INTERVAL: Duration = Duration::from_secs(2);

/// The time between two rounds of readiness probes.
const DEMO_PROBES: Duration = Duration::from_secs(30);

pub(super) fn demo(cli: &Cli, flags: &flags::Demo) -> Result<Exit, Ended> {
    let record_to = record_to(flags.record.as_ref())?;
    let is_linear = flags.linear || is_dumb();
    if !is_linear {
        screen::need_terminal(false).map_err(|words| (Exit::Failed, words))?;
    }
    start_log(cli, None, !is_linear);
    let folder = tempfile::Builder::new().prefix("consentwatch-demo-").tempdir().map_err(|error| {
        (Exit::Failed, format!("No temporary folder can be made: {error}. Nothing was started."))
    })?;
    on_runtime(|clock, tasks| async move {
        reopen_log(&tasks);
        let plan = sim::Plan {
            story: flags.story.clone(),
            seed: flags.seed,
            rate_per_minute: flags.rate,
            token: DEMO_TOKEN.to_owned(),
            ..sim::Plan::default()
        };
        let listen = std::net::SocketAddr::from(([127, 0, 0, 1], 0));
        let org = sim::SimOrg::start(listen, plan, &clock, &tasks)
            .await
            .map_err(|error| usage(error.to_string()))?;
        let (url, _) = OrgUrl::parse(&org.url()).map_err(|error| (Exit::Failed, error.to_string()))?;
        let credentials =
            Credentials::ssws(&Secret::new(DEMO_TOKEN)).map_err(|error| (Exit::Failed, error.to_string()))?;
        let secret = Secret::random()
            .ok_or((Exit::Failed, "The operating system returned no random bytes.".to_owned()))?;
        let hook = HookPlan {
            listen,
            targets: vec![HookTarget {
                place: 0,
                path: "/okta/hook".to_owned(),
                secrets: Secrets::new(&secret, None).map_err(|error| (Exit::Failed, error.to_string()))?,
            }],
            tls: None,
            ceiling: Ceiling::default(),
        };
        let dir = folder.path().join(url.folder());
        let org_plan = OrgPlan {
            org: crate::consent::KnownOrg::unnamed(url.host()),
            poll: PollPlan {
                org: url,
                kinds: crate::consent::Kind::ALL.into_iter().filter(|kind| kind.filter().is_some()).collect(),
                topics: Topic::ALL.to_vec(),
                interval: DEMO_INTERVAL,
                lookback: Duration::from_hours(24),
                page_size: 1000,
                rate_share: 0.5,
                since: None,
                to_its_start: false,
                jitter_seed: jitter_seed(),
            },
            names: true,
            sign_in: Ok(SignIn { credentials, renew: None, route: run::Route::default() }),
            readiness: Some(run::Probing {
                server: "default".to_owned(),
                public_url: None,
                interval: DEMO_PROBES,
            }),
        };
        let plan = FeedPlan {
            dir: dir.clone(),
            keep: Settings::default(),
            orgs: vec![org_plan],
            others: Vec::new(),
            only_these_orgs: false,
            warnings: Vec::new(),
            hook: Some(hook),
            team: None,
            is_hook_left_out: false,
        };
        let (feed, source) =
            run::open(plan, &clock, &tasks).await.map_err(|fault| (Exit::Failed, fault.to_string()))?;
        let listens_at = feed.listens_at();
        tasks.spawn("demo hook", async move {
            if let Some(url) = listens_at.await {
                org.add_hook(sim::SimHookPlan::new(url, secret.reveal()));
            }
        });
        if is_linear {
            let org = "a simulated org".to_owned();
            let options =
                LinearOptions { org, filter: None, stop_after: flags.stop_after, ends_with_commands: false };
            return tell(options, &dir, feed, source, &clock, &tasks).await;
        }
        let options = WatchOptions {
            dir: Some(dir),
            arranged: run::Arranged::default(),
            origin: Origin { org: "simulated org".to_owned(), tag: "DEMO".to_owned() },
            theme: theme(cli, "auto"),
            zone: screen::zone("utc").map_err(usage)?,
            filter: None,
            clock: false,
            max_fps: 10,
            bytes_per_second: 0,
            mouse: false,
            title: tui::may_name(&env),
            clipboard: Some(Between::of(&env)),
            snapshots: std::env::current_dir().unwrap_or_default(),
            auto: run::Auto::default(),
            fresh: true,
            ask_sync: tui::may_ask(&env),
            record_to,
            stop_after: flags.stop_after,
        };
        Box::pin(show(options, feed, source, &clock, &tasks)).await
    })
}
