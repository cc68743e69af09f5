//! `sim`: a simulated org for other programs.

use std::fmt::Write as _;

use super::common::{Ended, on_runtime, printed, usage};
use crate::exit::{Exit, Signal};
use crate::flags;
use crate::okta::SigningKey;
use crate::secret::{SecretError, SecretSource};
use crate::sim;
use crate::tui::{Signals, StopSignal};

pub(super) fn simulate(flags: &flags::Sim) -> Result<Exit, Ended> {
    let mut spells = Vec::new();
    for words in &flags.fault {
        let known = || {
            format!(
                "--fault: unknown fault \"{}\". Known: {} status_404 status_400_E0000053, and other statuses and codes alike. \
                 To limit a fault to some answers, counted from 1, write NAME@FROM or NAME@FROM-TO.",
                crate::consent::visible(words),
                sim::SimFault::WORDS.join(" ")
            )
        };
        spells.push(sim::Spell::from_words(words).ok_or_else(|| usage(known()))?);
    }
    let shape = sim::OrgShape::from_word(&flags.org_variant).ok_or_else(|| {
        usage(format!("--org-variant: must be one of {}.", sim::OrgShape::WORDS.join(", ")))
    })?;
    if !flags.listen.ip().is_loopback() {
        return Err(usage("--listen: the simulated org listens on loopback only."));
    }
    let plan = sim::Plan {
        story: flags.story.clone(),
        seed: flags.seed,
        rate_per_minute: flags.rate,
        backlog: flags.backlog,
        token: flags.token.clone(),
        spells,
        variant: shape.variant(),
        shape,
        apps: simulated_app(flags)?.into_iter().collect(),
        is_plain: flags.plain,
        hook: simulated_hook(flags)?,
        ..sim::Plan::default()
    };
    on_runtime(|clock, tasks| async move {
        let mut signals = Signals::listen_to_all().map_err(|error| (Exit::Failed, error.to_string()))?;
        let told = plan.apps.iter().map(app_line).collect::<String>();
        let org =
            sim::SimOrg::start(flags.listen, plan, &clock, &tasks).await.map_err(|error| match error {
                error @ sim::SimError::Listen { .. } => (Exit::Failed, error.to_string()),
                error => usage(format!("{error}. Nothing was started.")),
            })?;
        let mut text = format!("listening on {}\n{told}", org.url());
        for (kind, count) in org.held().into_iter().chain([("total".to_owned(), org.held_total())]) {
            writeln!(text, "{kind} {count}").map_err(|error| (Exit::Failed, error.to_string()))?;
        }
        printed(text.as_bytes())?;
        Ok(Exit::Signal(match signals.stop().await {
            StopSignal::Interrupt => Signal::Interrupt,
            StopSignal::Terminate => Signal::Terminate,
            StopSignal::Hangup => Signal::HangUp,
        }))
    })
}

/// Returns the service app that the flags describe, or `None` if they name no app.
fn simulated_app(flags: &flags::Sim) -> Result<Option<sim::SimServiceApp>, Ended> {
    let (Some(client_id), Some(path)) = (&flags.app, &flags.app_key) else { return Ok(None) };
    let shown = crate::consent::visible(&path.to_string_lossy()).into_owned();
    let bad = |why: String| usage(format!("--app-key: {shown}: {why} Nothing was started."));
    let text = SecretSource::File(path.clone()).read().map_err(|error| match error {
        SecretError::File { source, .. } => bad(format!("{source}.")),
        error => bad(format!("{error}.")),
    })?;
    let (public_key, own_id) = if text.reveal().contains("PRIVATE KEY") {
        let key = SigningKey::read(&text, None).map_err(|error| bad(error.to_string()))?;
        (key.public_jwk().to_string(), None)
    } else {
        sim::SimServiceApp::read_key(text.reveal(), flags.app_kid.as_deref())
            .map_err(|why| bad(format!("{why}.")))?
    };
    let role = match &flags.app_role {
        None => sim::AdminRole::default(),
        Some(word) => sim::AdminRole::from_word(word).ok_or_else(|| {
            usage(format!("--app-role: must be one of {}.", sim::AdminRole::WORDS.join(", ")))
        })?,
    };
    let scopes = match flags.app_scope.as_slice() {
        [] => vec!["okta.logs.read".to_owned()],
        scopes => scopes.to_vec(),
    };
    Ok(Some(sim::SimServiceApp {
        client_id: client_id.clone(),
        key_id: flags.app_kid.clone().or(own_id).unwrap_or_else(|| "sim-key".to_owned()),
        public_key,
        scopes,
        role,
        dpop: flags.app_dpop,
    }))
}

/// Returns a line that describes a service app of the simulated org.
fn app_line(app: &sim::SimServiceApp) -> String {
    let line = format!(
        "service app {} by key {}: scopes {}, role {}, DPoP {}",
        app.client_id,
        app.key_id,
        app.scopes.join(" "),
        app.role.word(),
        if app.dpop { "required" } else { "optional" },
    );
    format!("{}\n", crate::consent::visible(&line))
}

/// Returns the event hook that the flags describe, or `None` if they name none.
fn simulated_hook(flags: &flags::Sim) -> Result<Option<sim::SimHookPlan>, Ended> {
    let (Some(url), Some(secret)) = (&flags.hook_url, &flags.hook_secret) else { return Ok(None) };
    let mut plan = sim::SimHookPlan::new(url, secret);
    for word in &flags.hook_fault {
        let known = || format!("--hook-fault: must be one of {}.", sim::HookFault::WORDS.join(", "));
        plan.faults.insert(sim::HookFault::from_word(word).ok_or_else(|| usage(known()))?);
    }
    Ok(Some(plan))
}
