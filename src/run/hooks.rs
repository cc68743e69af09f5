//! Lists, registers and verifies the event hook in the org.

use std::fmt::Write as _;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;
use std::time::Duration;

use tokio::net::TcpStream;

use super::stdio::{note, print};
use super::{OrgPlan, SignIn};
use crate::clock::Clock;
use crate::config::Hook;
use crate::consent::visible;
use crate::exit::Exit;
use crate::intake::http::OktaClient;
use crate::journal::{ReadError, Reader};
use crate::okta::hook_admin::{self, EventHook};
use crate::okta::{OrgUrl, Refusal, Reply, Request, SendError};
use crate::report::{HookProof, Part};

/// What to do with the event hook.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum HookTask {
    /// Print the hooks of the org.
    Status,
    /// Print the request that creates a hook, and send it if `yes` is set.
    Register {
        /// Whether the user passed `--yes`.
        yes: bool,
    },
    /// Have Okta verify the hook again.
    Verify,
}

/// The name of a hook that this program creates.
const NAME: &str = "consentwatch";
/// How long to wait for a connection to the listener on this machine.
const LOOK: Duration = Duration::from_secs(2);

type Ended = (Exit, String);

/// Runs a task on the event hook of each org. The plan has the settings of each org's hook beside the org.
///
/// # Errors
/// Returns an exit code and a sentence for stderr if Okta cannot be reached, if it refuses, if a setting is missing, or
/// if there are several orgs and the task changes something.
pub async fn hook(
    task: HookTask,
    orgs: Vec<(Hook, OrgPlan)>,
    dir: &Path,
    clock: &Clock,
) -> Result<Exit, Ended> {
    let is_several = orgs.len() > 1;
    if is_several && task != HookTask::Status {
        let labels: Vec<&str> = orgs.iter().map(|(_, plan)| plan.org.label()).collect();
        let words = format!("This works with one org at a time. Name it with --org: {}.", labels.join(", "));
        return Err((Exit::Usage, words));
    }
    let mut failed: Vec<Ended> = Vec::new();
    for (at, (config, plan)) in orgs.into_iter().enumerate() {
        let prefix = if is_several { format!("{}: ", plan.org.label()) } else { String::new() };
        if at > 0 {
            out("\n")?;
        }
        let clock = if at == 0 { clock.clone() } else { clock.for_another_org() };
        if let Err((exit, words)) = of_org(task, &config, (plan, is_several), dir, &clock).await {
            failed.push((exit, format!("{prefix}{words}")));
        }
    }
    if failed.is_empty() {
        return Ok(Exit::Done);
    }
    let exit = Exit::worst(failed.iter().map(|(exit, _)| *exit));
    let words: Vec<String> = failed.into_iter().map(|(_, words)| words).collect();
    Err((exit, words.join("\n")))
}

async fn of_org(
    task: HookTask,
    config: &Hook,
    (plan, is_several): (OrgPlan, bool),
    dir: &Path,
    clock: &Clock,
) -> Result<Exit, Ended> {
    let org = plan.poll.org.clone();
    let SignIn { credentials, route, .. } = plan.sign_in.map_err(|fault| (Exit::Usage, fault.to_string()))?;
    let client = OktaClient::new(&org, credentials, &route, clock.clone()).map_err(|error| {
        (Exit::Failed, format!("The HTTP client could not be made: {error}. Nothing was sent."))
    })?;
    let choice = if is_several { format!(" --org {}", plan.org.label()) } else { String::new() };
    let command = HookCommand { client, org, config, clock, choice };
    match task {
        HookTask::Status => command.status(dir, &plan.org.key).await,
        HookTask::Register { yes } => command.register(yes).await,
        HookTask::Verify => command.verify().await,
    }
}

struct HookCommand<'c> {
    client: OktaClient,
    org: OrgUrl,
    config: &'c Hook,
    clock: &'c Clock,
    /// The flag that chooses the org in a command; empty if there is only one.
    choice: String,
}

impl HookCommand<'_> {
    async fn status(&self, journal: &Path, key: &str) -> Result<Exit, Ended> {
        let hooks = self.hooks().await?;
        let ours: Vec<&EventHook> = hooks.iter().filter(|hook| hook.asks_for_consents()).collect();
        let mut text =
            format!("Event hooks of {} that ask for consent events: {}\n", self.org.origin(), ours.len());
        for hook in &ours {
            self.show(hook, &mut text);
        }
        text.push('\n');
        text.push_str(&self.verdict(&ours));
        text.push('\n');
        // Without a journal, this line is left out.
        if let Ok(reader) = Reader::open(journal) {
            let unread = |error: ReadError| (Exit::Failed, error.fault().to_string());
            let orgs = reader.orgs().map_err(unread)?;
            if let Some((id, _)) = orgs.iter().find(|(_, org)| &*org.key == key) {
                text.push_str(&proof_line(reader.coverage(id).map_err(unread)?.hook));
            }
        }
        out(&text)
    }

    fn show(&self, hook: &EventHook, text: &mut String) {
        let state = if hook.is_active { "ACTIVE" } else { "INACTIVE" };
        let verified = if hook.is_verified { "VERIFIED" } else { "UNVERIFIED" };
        let own = if self.is_ours(hook) { "  (hook.public_url)" } else { "" };
        let mut line = |name: &str, words: &str| {
            // Writing to a `String` cannot fail.
            writeln!(text, "{name:<14}{words}").expect("a text takes whatever is written");
        };
        line("\nhook", &format!("{} {}", hook.name.visible(), hook.id.visible()));
        line("  status", &format!("{state}, {verified}"));
        line("  delivers to", &format!("{}{own}", hook.uri.visible()));
        let lacks: Vec<&str> = hook.lacks().collect();
        let asks: Vec<&str> = hook_admin::TYPES.into_iter().filter(|name| !lacks.contains(name)).collect();
        line("  asks for", &asks.join(" "));
        if !lacks.is_empty() {
            line("  not for", &lacks.join(" "));
        }
        if hook.has_filter {
            line("  filter", "it has one, which may exclude events");
        }
    }

    fn is_ours(&self, hook: &EventHook) -> bool {
        self.config.public_url.as_ref().is_some_and(|url| hook.delivers_to(url))
    }

    /// Returns a sentence that says whether Okta delivers to this program, or what is missing for that.
    fn verdict(&self, hooks: &[&EventHook]) -> String {
        let Some(url) = &self.config.public_url else {
            return "It is not known which of them calls this program: set hook.public_url to the address that Okta \
                    calls."
                .into();
        };
        let url = visible(url);
        let ours: Vec<&&EventHook> = hooks.iter().filter(|hook| self.is_ours(hook)).collect();
        match ours.as_slice() {
            [] => format!("None delivers to {url}. consentwatch hook register{} creates one.", self.choice),
            ours if ours.iter().any(|hook| hook.is_on()) && self.config.enabled => {
                format!("Okta delivers to {url}, and hook.enabled is true.")
            }
            ours if ours.iter().any(|hook| hook.is_on()) => {
                format!("Okta delivers to {url}, but nothing listens there: set hook.enabled = true.")
            }
            ours if ours.iter().any(|hook| hook.is_active) => format!(
                "The hook for {url} is not verified, so nothing is delivered. Run consentwatch hook verify{} while \
                 watch or tail runs.",
                self.choice
            ),
            _ => format!(
                "The hook for {url} is not active. An admin can activate it under Workflow, Event Hooks."
            ),
        }
    }

    async fn register(&self, yes: bool) -> Result<Exit, Ended> {
        let missing = |what: &str| (Exit::Usage, format!("{what} Nothing was sent."));
        let url =
            self.config.public_url.as_ref().ok_or_else(|| {
                missing("hook.public_url is not set: Okta must be told which address to call.")
            })?;
        if !url.starts_with("https://") && !self.org.is_loopback() {
            return Err(missing(
                "hook.public_url does not begin with https://, and Okta calls nothing else.",
            ));
        }
        let source = self.config.secret.as_ref().ok_or_else(|| {
            missing("The hook has no secret: set hook.secret_file; config init creates one.")
        })?;
        let secret = source
            .read()
            .map_err(|error| missing(&format!("The hook's secret cannot be read from {source}: {error}.")))?;
        let creation = hook_admin::creation(NAME, url, &secret);
        let request = self.request(hook_admin::HOOKS);
        let head = format!(
            "POST {}\nContent-Type: application/json\n\n{}\n\n",
            visible(&request.url),
            visible_lines(&creation.shown)
        );
        out(&head)?;
        if !yes {
            note("Nothing was sent. Add --yes to send this request and have the hook verified.");
            return Ok(Exit::Done);
        }
        if let Some(known) = self.hooks().await?.iter().find(|hook| self.is_ours(hook)) {
            return Err((
                Exit::Failed,
                format!(
                    "The org has a hook for that address already, {} ({}). Nothing was sent. consentwatch hook status \
                     shows it; consentwatch hook verify has Okta verify it.",
                    known.name.visible(),
                    known.id.visible()
                ),
            ));
        }
        let reply =
            self.client.post(&request, Some(&creation.body)).await.map_err(|error| not_sent(&error))?;
        let made = answered(&reply)?;
        let hook = hook_admin::hook(&made.body).ok_or((
            Exit::Failed,
            "The hook may have been created, but Okta's answer cannot be read. Run consentwatch hook status."
                .into(),
        ))?;
        out(&format!("Created: {} ({}).\n", hook.name.visible(), hook.id.visible()))?;
        self.have_verified(&hook).await
    }

    async fn verify(&self) -> Result<Exit, Ended> {
        let hooks = self.hooks().await?;
        let ours = hooks.iter().find(|hook| self.is_ours(hook));
        let alone = || {
            let mut about = hooks.iter().filter(|hook| hook.asks_for_consents());
            about.next().filter(|_| about.next().is_none() && self.config.public_url.is_none())
        };
        let hook = ours.or_else(alone).ok_or_else(|| {
            let why = "No hook of the org delivers to hook.public_url. Nothing was sent. Run consentwatch hook \
                       status.";
            (Exit::Failed, why.to_owned())
        })?;
        self.have_verified(hook).await
    }

    async fn have_verified(&self, hook: &EventHook) -> Result<Exit, Ended> {
        self.need_listener().await?;
        let path = hook_admin::verification(&hook.id)
            .ok_or((Exit::Failed, "The hook's id is not valid. Nothing was sent.".to_owned()))?;
        let reply = self.client.post(&self.request(&path), None).await.map_err(|error| not_sent(&error))?;
        if reply.status == 400 {
            let refusal = Refusal::read(reply.status, &reply.headers, &reply.body);
            let words = format!(
                "Okta could not verify the hook ({refusal}). Okta delivers nothing until it is verified. Check \
                 whether {} reaches this listener from the internet with a valid certificate, and whether the secret \
                 in Okta is the whole value of hook.secret_*.",
                hook.uri.visible()
            );
            return Err((Exit::Failed, words));
        }
        let verified = answered(&reply).map(|reply| hook_admin::hook(&reply.body))?;
        if verified.is_some_and(|hook| hook.is_verified) {
            return out(
                "Verified: Okta delivers from now on. The first delivery of a new hook takes some minutes.\n",
            );
        }
        Err((
            Exit::Failed,
            "Okta did not say that the hook is verified. Run consentwatch hook status.".to_owned(),
        ))
    }

    /// Returns an error if nothing listens at the hook's address. Okta calls the listener during verification.
    async fn need_listener(&self) -> Result<(), Ended> {
        let mut at: SocketAddr = self.config.listen;
        match at.ip() {
            IpAddr::V4(ip) if ip.is_unspecified() => at.set_ip(Ipv4Addr::LOCALHOST.into()),
            IpAddr::V6(ip) if ip.is_unspecified() => at.set_ip(Ipv6Addr::LOCALHOST.into()),
            _ => {}
        }
        let looked = tokio::select! {
            looked = TcpStream::connect(at) => looked.is_ok(),
            _ = self.clock.sleep(LOOK) => false,
        };
        if looked {
            return Ok(());
        }
        Err((
            Exit::Failed,
            format!(
                "Nothing listens at {at}, so the hook cannot be verified. Set hook.enabled = true, start watch or \
                 tail, and then run consentwatch hook verify."
            ),
        ))
    }

    async fn hooks(&self) -> Result<Vec<EventHook>, Ended> {
        let reply =
            self.client.send(&self.request(hook_admin::HOOKS)).await.map_err(|error| not_sent(&error))?;
        let reply = answered(&reply)?;
        hook_admin::list(&reply.body).ok_or_else(|| {
            let fault = Refusal::read(reply.status, &reply.headers, &reply.body).fault(Part::Hook);
            (Exit::Failed, format!("{} {}", fault.what, fault.remedy))
        })
    }

    fn request(&self, path: &str) -> Request {
        Request { url: self.org.join(path), headers: Vec::new() }
    }
}

fn proof_line(proof: HookProof) -> String {
    let HookProof { verified, unconfirmed, missed, altered, failures, .. } = proof;
    let verified = verified.map_or("never verified".to_owned(), |at| format!("first verified {at:.0}"));
    format!(
        "The journal: {verified}; {unconfirmed} unconfirmed, {missed} missed, {altered} contradicted by the log, \
         {failures} failed deliveries in the log.\n"
    )
}

fn visible_lines(text: &str) -> String {
    text.lines().map(|line| visible(line).into_owned()).collect::<Vec<_>>().join("\n")
}

fn out(text: &str) -> Result<Exit, Ended> {
    match print(text.as_bytes()) {
        Ok(()) => Ok(Exit::Done),
        Err(error) => Err((Exit::Failed, format!("Standard output cannot be written: {error}."))),
    }
}

fn not_sent(error: &SendError) -> Ended {
    let fault = error.fault(Part::Hook);
    let exit = if fault.refused { Exit::Refused } else { Exit::Failed };
    (exit, format!("{} {}", fault.what, fault.remedy).trim_end().to_owned())
}

/// Returns the reply if its status is 2xx, else the error to report.
fn answered(reply: &Reply) -> Result<&Reply, Ended> {
    if (200..300).contains(&reply.status) {
        return Ok(reply);
    }
    let fault = Refusal::read(reply.status, &reply.headers, &reply.body).fault(Part::Hook);
    let exit = if fault.refused { Exit::Refused } else { Exit::Failed };
    Err((exit, format!("{} {}", fault.what, fault.remedy).trim_end().to_owned()))
}
