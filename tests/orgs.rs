//! Several orgs in one journal and one list: two simulated orgs of one seed, whose clients and people have equal ids.

#[path = "support/process.rs"]
#[expect(dead_code, reason = "other tests need more of it")]
mod process;
#[path = "support/terminal.rs"]
#[expect(dead_code, reason = "other tests need more of it")]
mod terminal;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::process::Command;

use process::{CONFIG, Output, Process, Sandbox, Sim, TOKEN};
use rustix::process::Signal;
use serde_json::Value;
use terminal::Terminal;

const ONCE: [&str; 5] = ["tail", "--once", "--since", "90d", "--format=json"];

/// Two orgs, and a configuration that lists them as `prod` and `preview`.
struct Rig {
    sandbox: Sandbox,
    orgs: [Sim; 2],
}

impl Rig {
    /// Starts two orgs of one seed. `more` follows in the configuration.
    fn start(more: &str) -> Self {
        let orgs = [(); 2].map(|()| Sim::start(40, &["--seed", "7"]));
        let sandbox = Sandbox::new();
        let [prod, preview] = orgs.each_ref().map(|org| &org.url);
        let list = format!(
            "[[org]]\nname = \"prod\"\nurl = \"{prod}\"\ntoken_env = \"PROD\"\n\
             [[org]]\nname = \"preview\"\nurl = \"{preview}\"\ntoken_env = \"PREVIEW\"\n"
        );
        fs::write(sandbox.path(CONFIG), list + more).expect("a file");
        Self { sandbox, orgs }
    }

    /// Returns a command with tokens for the orgs; an empty one is left out.
    fn command(&self, args: &[&str], tokens: [&str; 2]) -> Command {
        let mut command = self.sandbox.command(None, args);
        let tokens = ["PROD", "PREVIEW"].into_iter().zip(tokens).filter(|(_, token)| !token.is_empty());
        command.envs(tokens);
        command
    }

    fn run(&self, args: &[&str], tokens: [&str; 2]) -> Output {
        Process::start(&mut self.command(args, tokens)).end()
    }

    fn good(&self, args: &[&str]) -> String {
        let output = self.run(args, [TOKEN; 2]);
        assert_eq!(output.code, Some(0), "{args:?}: {}", output.err);
        output.out
    }

    /// Returns the number of consents of one org.
    fn total(&self) -> usize {
        self.orgs[0].total()
    }

    fn watch(&self, tokens: [&str; 2]) -> Terminal {
        let tokens = [("PROD", tokens[0]), ("PREVIEW", tokens[1])];
        Terminal::open_in(&self.sandbox, None, (160, 40), &["watch", "--since", "90d"], &tokens, true)
    }
}

/// Returns the lines of each org, by its label.
fn by_org(lines: &str) -> BTreeMap<String, Vec<Value>> {
    let mut orgs: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    for line in lines.lines() {
        let line: Value = serde_json::from_str(line).expect("JSON");
        let org = line["org"].as_str().unwrap_or("none").to_owned();
        orgs.entry(org).or_default().push(line);
    }
    orgs
}

fn counts(lines: &str) -> Vec<(String, usize)> {
    by_org(lines).into_iter().map(|(org, lines)| (org, lines.len())).collect()
}

#[test]
fn rows_of_two_orgs_are_kept_apart_in_every_command() {
    let rig = Rig::start("");
    let all = rig.run(&ONCE, [TOKEN; 2]);
    assert_eq!(all.code, Some(0), "{}", all.err);
    let total = rig.total();
    let both = [("preview".to_owned(), total), ("prod".to_owned(), total)];
    assert_eq!(counts(&all.out), both, "{}", all.err);
    let coverage = |line: &&str| line.contains("\"schema\":\"consentwatch.coverage/1\"");
    let covered: Vec<&str> = all.err.lines().filter(coverage).collect();
    for org in ["prod", "preview"] {
        assert!(covered.iter().any(|line| line.contains(&format!("\"org\":\"{org}\""))), "{}", all.err);
    }
    assert!(covered.iter().all(|line| line.contains("\"shared\":0,")), "{covered:?}");

    let exported = rig.good(&["export"]);
    let orgs = by_org(&exported);
    assert_eq!(orgs["prod"].len(), orgs["preview"].len());
    let clients = |org: &str| -> BTreeSet<String> {
        orgs[org].iter().map(|line| line["client"]["id"].to_string()).collect()
    };
    assert!(
        clients("prod").intersection(&clients("preview")).count() > 1,
        "one seed gives both the same clients"
    );
    for args in [["export", "--org", "preview"], ["export", "--filter", "org:=preview"]] {
        assert_eq!(counts(&rig.good(&args)), both[..1], "{args:?}");
    }
    let snapshot: Value = serde_json::from_str(&rig.good(&["export", "--format", "json"])).expect("JSON");
    let labels: Vec<&Value> =
        snapshot["orgs"].as_array().expect("a list").iter().map(|org| &org["name"]).collect();
    assert_eq!(labels, ["prod", "preview"]);

    // The journal is that of both, so what one of them is asked for is there.
    let one = rig.good(&[&ONCE[..], &["--org", "prod"]].concat());
    assert_eq!(counts(&one), both[1..]);
    let old = rig.run(&["backfill", "--since", "89d"], [TOKEN; 2]);
    for org in ["prod", "preview"] {
        let complete = format!("consentwatch: {org}: Nothing to fetch: the journal is complete since ");
        assert!(old.err.contains(&complete), "{}", old.err);
    }
    assert_eq!(old.code, Some(0), "{}", old.err);
}

#[test]
fn an_org_that_fails_holds_up_no_other() {
    let rig = Rig::start("");
    let refused = rig.run(&ONCE, [TOKEN, "00refusedToken"]);
    assert_eq!(counts(&refused.out), [("prod".to_owned(), rig.total())], "{}", refused.err);
    assert_eq!(refused.code, Some(3), "{}", refused.err);
    assert!(refused.err.contains("consentwatch: preview: "), "{}", refused.err);
    // Without a token nothing is sent to it.
    let missing = rig.run(&ONCE, [TOKEN, ""]);
    assert_eq!((missing.code, counts(&missing.out).len()), (Some(1), 1), "{}", missing.err);
    assert!(
        missing.err.contains("consentwatch: preview: The API token cannot be read from the variable PREVIEW"),
        "{}",
        missing.err
    );
    assert!(!missing.err.contains("Nothing was started"), "{}", missing.err);
    let doctor = rig.run(&["doctor"], [TOKEN, "00refusedToken"]);
    assert_eq!(doctor.code, Some(3), "{}", doctor.err);
    for org in ["prod: http", "preview: http"] {
        assert!(doctor.out.contains(org), "{}", doctor.out);
    }
    let hook = rig.run(&["hook", "verify"], [TOKEN; 2]);
    assert_eq!(hook.code, Some(2));
    assert!(hook.err.contains("Name it with --org: prod, preview."), "{}", hook.err);
}

#[test]
fn a_screen_shows_both_and_says_of_which_it_speaks() {
    let rig = Rig::start("");
    let mut both = rig.watch([TOKEN; 2]);
    both.wait("both", |shown| shown.has("2 orgs: 2 live") && shown.has(" ORG "));
    both.press(b"6");
    both.wait("the sources of both", |shown| {
        ["prod, 127.0.0.1:", "preview, 127.0.0.1:"].iter().all(|heading| shown.has(heading))
    });
    both.press(b"\x1b");
    both.wait("the list", |shown| shown.has(" ORG "));
    both.press(b"forg:=preview\r");
    both.wait("one", |shown| shown.has(&format!("{} of {}", rig.total(), 2 * rig.total())));
    both.press(b"q");
    assert_eq!(both.end_restored(), 0);

    let mut one = rig.watch([TOKEN, "00refusedToken"]);
    one.wait("one that is refused", |shown| {
        [
            "LIVE 1/2",
            "2 orgs: preview 401 bad credentials",
            ", 1 live",
            "preview CREDENTIALS REFUSED",
            "prod READY",
        ]
        .iter()
        .all(|words| shown.has(words))
    });
    one.press(b"q");
    assert_eq!(one.end_restored(), 0);

    // A file says the same of each.
    let file = rig.sandbox.path("case.json");
    rig.good(&["export", "-o", &file.to_string_lossy()]);
    let args = ["open", &file.to_string_lossy()];
    let mut opened = Terminal::open_in(&rig.sandbox, None, (160, 40), &args, &[], true);
    opened.wait("what is known of each", |shown| {
        ["OFFLINE", "preview CREDENTIALS REFUSED", "prod READY"].iter().all(|words| shown.has(words))
    });
    opened.press(b"6");
    opened.wait("what each covers", |shown| {
        let covered = shown.text().matches("everything polled since").count();
        covered == 2 && shown.has("preview, 127.0.0.1:") && !shown.has("poll ")
    });
    opened.press(b"q");
    assert_eq!(opened.end_restored(), 0);
}

/// Sends a request to the hook, and returns the status.
fn deliver(at: &str, path: &str, secret: &str, body: &str) -> String {
    let mut socket = TcpStream::connect(at).expect("it listens");
    write!(
        socket,
        "POST {path} HTTP/1.1\r\nHost: x\r\nAuthorization: {secret}\r\nContent-Type: application/json\r\n\
         X-Other: 00SecretOfPreview00\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .expect("it is sent");
    let mut answer = String::new();
    socket.read_to_string(&mut answer).expect("an answer");
    answer.get(9..12).unwrap_or_default().to_owned()
}

#[test]
fn each_org_has_its_own_path_and_secret_of_the_hook() {
    let hook = "[org.hook]\nsecret_env = \"HOOK_PREVIEW\"\n\
                [hook]\nenabled = true\nlisten = \"127.0.0.1:0\"\nsecret_env = \"HOOK_PROD\"\n";
    let rig = Rig::start(hook);
    let (prod, preview) = ("00SecretOfProduct00", "00SecretOfPreview00");
    let mut command = rig.command(&["collect", "--listen", "127.0.0.1:0", "--log-file=log"], [TOKEN; 2]);
    let process = Process::start(command.envs([("HOOK_PROD", prod), ("HOOK_PREVIEW", preview)]));
    process.wait("both", |said| {
        ["prod: poll live. hook live.", "preview: poll live. hook live.", "consentwatch: journal live."]
            .iter()
            .all(|words| said.err.contains(words))
            .then_some(())
    });
    let log = fs::read_to_string(rig.sandbox.path("log")).expect("a log");
    let at = log.split("at=\"http://").nth(1).and_then(|rest| rest.split('/').next()).expect("an address");
    let body = |uuid: u8| {
        format!(
            "{{\"eventId\":\"e{uuid}\",\"data\":{{\"events\":[{{\"uuid\":\"00000000-0000-4000-8000-0000000000{uuid:02}\",\
             \"published\":\"2026-03-04T09:15:00.000Z\",\"eventType\":\"app.oauth2.as.consent.grant\"}}]}}}}"
        )
    };
    let (first, second) = ("/okta/hook", "/okta/hook/preview");
    assert_eq!(deliver(at, first, prod, &body(1)), "204");
    assert_eq!(deliver(at, second, preview, &body(2)), "204");
    assert_eq!(deliver(at, second, preview, &body(1)), "204", "the same uuid is another event here");
    for (path, secret) in [(first, preview), (second, prod), (second, "00nobody00nobody00")] {
        assert_eq!(deliver(at, path, secret, &body(3)), "401", "{path}");
    }
    assert_eq!(deliver(at, "/okta/hook/other", prod, &body(4)), "404");
    process.signal(Signal::TERM);
    assert_eq!(process.end().code, Some(0));
    let exported = rig.good(&["export", "--filter", "via:hook"]);
    assert_eq!(counts(&exported), [("preview".to_owned(), 2), ("prod".to_owned(), 1)], "{exported}");
    assert!(!exported.contains(preview), "a secret in another header is not kept, whichever org's it is");
}

#[test]
fn a_follower_takes_no_row_of_an_org_that_comes_for_another() {
    let rig = Rig::start("");
    let [prod, preview] = rig.orgs.each_ref().map(|org| &org.url);
    let third = Sim::start(30, &["--seed", "9"]);
    let both = fs::read_to_string(rig.sandbox.path(CONFIG)).expect("the configuration");
    // The collector begins with the first org, and then gets the others.
    let alone = format!("[[org]]\nname = \"prod\"\nurl = \"{prod}\"\ntoken_env = \"PROD\"\n");
    fs::write(rig.sandbox.path("collector.toml"), &alone).expect("a file");
    let config = format!("--config={}", rig.sandbox.path("collector.toml").display());
    let collect = ["collect", &config, "--since", "90d", "--listen", "127.0.0.1:0"];
    // A service manager keeps SIGHUP from ending it.
    let collector = Process::start(&mut rig.command(&collect, [TOKEN; 2]));
    collector.wait("the first org", |said| said.err.contains("poll live. journal live.").then_some(()));
    // The follower's second org is the one that comes last, so it may not take the one before for its own.
    let last = format!("[[org]]\nname = \"last\"\nurl = \"{}\"\ntoken_env = \"PREVIEW\"\n", third.url);
    // A follower of other events never takes over, not even while the collector starts anew.
    let follower = alone + &last + "[poll]\nevents = [\"grant\"]\n";
    fs::write(rig.sandbox.path("follower.toml"), follower).expect("a file");
    let config = format!("--config={}", rig.sandbox.path("follower.toml").display());
    let follow = ["tail", &config, "--since", "90d", "--format=json"];
    let follower = Process::start(&mut rig.command(&follow, [TOKEN; 2]));
    follower.wait("the rows of the first", |said| (said.lines == rig.total()).then_some(()));
    fs::write(rig.sandbox.path("collector.toml"), both + &last).expect("a file");
    collector.signal(Signal::HUP);
    let all = 2 * rig.total() + third.total();
    follower.wait("the rows of all", |said| (said.lines == all).then_some(()));
    follower.signal(Signal::TERM);
    let counts = counts(&follower.end().out);
    let [first, second] =
        [("last", third.total()), ("preview", rig.total())].map(|(org, n)| (org.to_owned(), n));
    assert_eq!(counts, [first, second, ("prod".to_owned(), rig.total())], "{preview}");
    collector.signal(Signal::TERM);
    assert_eq!(collector.end().code, Some(0));
}
