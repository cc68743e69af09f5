//! What the commands of a team say and write without a server.

#[path = "support/process.rs"]
#[expect(dead_code, reason = "other tests need more of it")]
mod process;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use process::{CONFIG, Output, Process, Sandbox};
use rustix::process::Signal;

const ORGS: &str = "[[org]]\nname = \"prod\"\nurl = \"https://prod.okta.com\"\ntoken_env = \"T\"\n\
                    [[org]]\nurl = \"https://preview.oktapreview.com\"\ntoken_env = \"T\"\n";

fn sandbox(config: &str) -> Sandbox {
    let sandbox = Sandbox::new();
    fs::write(sandbox.path(CONFIG), config).expect("a file");
    sandbox
}

fn run(sandbox: &Sandbox, args: &[&str]) -> Output {
    Process::start(sandbox.command(None, args).env("T", "invented")).end()
}

/// Returns the password in the address of a role.
fn password(sandbox: &Sandbox, file: &str) -> String {
    let address = fs::read_to_string(sandbox.path(file)).expect("an address");
    let login = address.split_once("://").and_then(|(_, rest)| rest.split_once('@')).expect("a login").0;
    login.split_once(':').expect("a password").1.to_owned()
}

#[test]
fn a_role_has_a_private_file_and_no_password_is_printed() {
    let sandbox = sandbox(ORGS);
    let dir = sandbox.path("team");
    let args = ["team", "config", "--dir", dir.to_str().expect("UTF-8")];
    let made = run(&sandbox, &args);
    assert_eq!(made.code, Some(0), "{}", made.err);
    let roles = ["collector", "watcher", "watcher-prod", "watcher-preview_2Eoktapreview_2Ecom"];
    let config = fs::read_to_string(dir.join("server.conf")).expect("a configuration");
    let mut passwords: Vec<String> = Vec::new();
    for role in roles {
        let file = format!("team/{role}.url");
        let password = password(&sandbox, &file);
        assert!(password.len() >= 43 && !passwords.contains(&password), "{role}");
        assert!(config.contains(&format!("user: \"{role}\"")) && config.contains(&password), "{role}");
        assert!(!made.out.contains(&password) && !made.err.contains(&password), "{role}");
        assert!(made.out.contains(&format!("{role}.url")), "{}", made.out);
        passwords.push(password);
    }
    for entry in fs::read_dir(&dir).expect("a folder") {
        let mode = entry.expect("a file").metadata().expect("rights").permissions().mode();
        assert_eq!(mode & 0o077, 0);
    }
    let all = fs::read_to_string(dir.join("watcher.url")).expect("an address");
    assert!(all.trim_end().ends_with("/prod=prod.okta.com,preview.oktapreview.com"), "{all}");
    // An org more, or another address, needs no new password.
    let again = run(&sandbox, &[&args[..], &["--listen", "127.0.0.1:4333"]].concat());
    assert_eq!(again.code, Some(0), "{}", again.err);
    let kept: Vec<String> =
        roles.iter().map(|role| password(&sandbox, &format!("team/{role}.url"))).collect();
    assert_eq!(kept, passwords);
    // A file that is something else is left alone.
    fs::write(dir.join("collector.url"), "notes of mine").expect("a file");
    let refused = run(&sandbox, &args);
    assert_eq!(refused.code, Some(2), "{}", refused.out);
    assert!(refused.err.contains("holds no address with a password"), "{}", refused.err);
    assert_eq!(fs::read_to_string(dir.join("collector.url")).expect("a file"), "notes of mine");
}

#[test]
fn passwords_do_not_cross_a_network_in_the_clear() {
    let sandbox = sandbox(ORGS);
    let dir = sandbox.path("team");
    let open =
        run(&sandbox, &["team", "config", "--dir", dir.to_str().expect("UTF-8"), "--listen", "0.0.0.0:4222"]);
    assert_eq!((open.code, dir.exists()), (Some(2), false), "{}", open.err);
    assert!(open.err.contains("--tls-cert"), "{}", open.err);
    for args in [["collect", "--to"], ["watch", "--from"], ["tail", "--from"], ["export", "--from"]] {
        let refused = run(&sandbox, &[args[0], args[1], "nats://u:hunter2@nats.example.test/prod.okta.com"]);
        assert_eq!(refused.code, Some(2), "{args:?}: {}", refused.err);
        assert!(refused.err.contains("tls://") && !refused.err.contains("hunter2"), "{}", refused.err);
    }
    let named = run(&sandbox, &["tail", "--once", "--from", "tls://nats.example.test"]);
    assert_eq!(named.code, Some(2));
    assert!(named.err.contains("names no org"), "{}", named.err);
    let missing = run(&sandbox, &["tail", "--once", "--from", "@missing.url"]);
    assert!(missing.code == Some(2) && missing.err.contains("missing.url"), "{}", missing.err);
}

#[test]
fn a_configuration_names_a_server_without_a_password() {
    for (team, words) in [
        ("url = \"tls://u:hunter2@h/x\"", "url_file"),
        ("url = \"tls://h/x\"\nurl_file = \"f\"", "exclude each other"),
        ("nkey_file = \"f\"\ncreds_file = \"g\"", "exclude each other"),
    ] {
        let sandbox = sandbox(&format!("{ORGS}[team]\n{team}\n"));
        let refused = run(&sandbox, &["config", "check"]);
        assert_eq!(refused.code, Some(2), "{team}");
        assert!(refused.err.contains(words) && !refused.err.contains("hunter2"), "{}", refused.err);
    }
}

#[test]
fn a_watcher_needs_neither_org_nor_token_and_says_what_it_waits_for() {
    let sandbox = sandbox("[team]\nurl = \"nats://127.0.0.1:1/prod=prod.okta.com\"\n");
    let tail = Process::start(sandbox.command(None, &["tail"]).env("T", "invented"));
    tail.wait("the reason", |said| {
        said.err.contains("The team's server nats://127.0.0.1:1 cannot be reached").then_some(())
    });
    tail.signal(Signal::TERM);
    tail.end();
    let status = run(&sandbox, &["team", "status"]);
    assert_eq!(status.code, Some(1));
    assert!(status.err.contains("cannot be reached"), "{}", status.err);
}
