//! The real binary with hostile files and folders, secrets in the wrong places, and proxies that cannot be used.

#[path = "support/process.rs"]
#[expect(dead_code, reason = "other tests need more of it")]
mod process;

use std::ffi::OsStr;
use std::fmt::Write as _;
use std::fs::{self, Permissions};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _, symlink};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use base64::Engine as _;
use consentwatch::journal::Notes;
use process::{CONFIG, Output, Process, Sandbox, Sim, TOKEN};
use rustix::fs::{CWD, Mode, OFlags, mkfifoat};

const ONCE: [&str; 2] = ["tail", "--once"];

fn run(command: &mut Command) -> Output {
    Process::start(command).end()
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).expect("it is there").mode() & 0o777
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).expect("its mode can be set");
}

fn write(path: &Path, text: &str, mode: u32) {
    fs::write(path, text).expect("it is written");
    set_mode(path, mode);
}

fn private_folder(path: &Path) {
    fs::create_dir_all(path).expect("a folder");
    set_mode(path, 0o700);
}

/// Checks that the program refused: exit code 2, no standard output, and these words on standard error.
#[track_caller]
fn refused(output: &Output, wanted: &[&str]) {
    assert_eq!((output.code, output.out.as_str()), (Some(2), ""), "{}", output.err);
    for word in wanted {
        assert!(output.err.contains(word), "{word:?} is missing: {}", output.err);
    }
}

/// The folder of an org's journal, named as the program names it.
fn org_folder(sandbox: &Sandbox, org: &Sim) -> PathBuf {
    let host = org.url.strip_prefix("http://").expect("a loopback URL");
    sandbox.path("data").join(host.replace(':', "_"))
}

/// A file that must not change, which others may read.
struct Victim(PathBuf);

impl Victim {
    const TEXT: &str = "precious";

    fn new(sandbox: &Sandbox) -> Self {
        let path = sandbox.path("victim");
        write(&path, Self::TEXT, 0o644);
        Self(path)
    }

    #[track_caller]
    fn is_unharmed(&self, what: &str) {
        assert_eq!(fs::read_to_string(&self.0).expect("it is there"), Self::TEXT, "{what}");
        assert_eq!(mode(&self.0), 0o644, "{what}");
    }
}

#[test]
fn planted_links_are_not_followed() {
    let org = Sim::start(20, &[]);
    for name in ["journal.lock", "journal.sqlite3", "journal.sqlite3-wal", "journal.sqlite3-shm"] {
        let sandbox = Sandbox::new();
        let victim = Victim::new(&sandbox);
        private_folder(&sandbox.path("data"));
        private_folder(&org_folder(&sandbox, &org));
        symlink(&victim.0, org_folder(&sandbox, &org).join(name)).expect("a link");
        let output = sandbox.start(&org, &ONCE).end();
        victim.is_unharmed(name);
        if !name.ends_with("-wal") && !name.ends_with("-shm") {
            assert_eq!((output.code, output.out.as_str()), (Some(1), ""), "{name}: {}", output.err);
            for words in ["symbolic link", "Nothing was started", "--data-dir"] {
                assert!(output.err.contains(words), "{name}: {words:?} is missing: {}", output.err);
            }
        }
    }
    // The log: the program continues without it.
    for (place, args) in [("data/consentwatch.log", &[][..]), ("my.log", &["--log-file", "my.log"])] {
        let sandbox = Sandbox::new();
        let victim = Victim::new(&sandbox);
        private_folder(&sandbox.path("data"));
        symlink(&victim.0, sandbox.path(place)).expect("a link");
        let output = sandbox.start(&org, &[&ONCE, args].concat()).end();
        victim.is_unharmed(place);
        assert_eq!((output.code, output.out.lines().count()), (Some(0), org.total()), "{}", output.err);
        assert!(
            output.err.contains("No log is written") && output.err.contains("symbolic link"),
            "{}",
            output.err
        );
    }
    // The notes, and what is exported.
    let sandbox = Sandbox::new();
    let victim = Victim::new(&sandbox);
    symlink(&victim.0, sandbox.path("notes.sqlite3")).expect("a link");
    assert!(Notes::open(&sandbox.path("")).is_err());
    assert_eq!(sandbox.start(&org, &ONCE).end().code, Some(0));
    symlink(&victim.0, sandbox.path("out.json")).expect("a link");
    assert_eq!(sandbox.start(&org, &["export", "--output", "out.json"]).end().code, Some(2));
    symlink(&victim.0, sandbox.path("new.toml")).expect("a link");
    refused(&run(&mut sandbox.command(None, &["config", "init", "--config", "new.toml"])), &["exists"]);
    victim.is_unharmed("notes, export, config init");
}

#[test]
fn the_data_folder_may_be_a_link() {
    let org = Sim::start(20, &[]);
    let sandbox = Sandbox::new();
    private_folder(&sandbox.path("real"));
    symlink("real", sandbox.path("data")).expect("a link");
    let output = sandbox.start(&org, &ONCE).end();
    assert_eq!((output.code, output.out.lines().count()), (Some(0), org.total()), "{}", output.err);
    assert_eq!(sandbox.start(&org, &["export"]).end().out.lines().count(), org.total());
    assert!(sandbox.path("real/consentwatch.log").exists());
}

#[test]
fn a_data_folder_that_others_may_change_is_refused_or_warned_of() {
    let org = Sim::start(20, &[]);
    let sandbox = Sandbox::new();
    let data = sandbox.path("data");
    private_folder(&data);
    for mode in [0o777, 0o1777, 0o703] {
        set_mode(&data, mode);
        for command in [&ONCE[..], &["export"], &["doctor"], &["config", "check"]] {
            let output = sandbox.start(&org, command).end();
            refused(&output, &["Every account may write", "chmod 700", "--allow-shared-data-dir"]);
        }
        assert_eq!(fs::read_dir(&data).expect("a folder").count(), 0, "nothing was written");
    }
    let output = sandbox.start(&org, &[&ONCE[..], &["--allow-shared-data-dir"]].concat()).end();
    assert_eq!((output.code, output.out.lines().count()), (Some(0), org.total()), "{}", output.err);
    assert!(output.err.contains("because of --allow-shared-data-dir"), "{}", output.err);
    // The folder of the org counts as well.
    set_mode(&data, 0o700);
    set_mode(&org_folder(&sandbox, &org), 0o777);
    refused(&sandbox.start(&org, &ONCE).end(), &["Every account may write"]);
    set_mode(&org_folder(&sandbox, &org), 0o700);
    set_mode(&data, 0o770);
    for command in [&ONCE[..], &["prune"], &["doctor", "--check"]] {
        let output = sandbox.start(&org, command).end();
        assert_eq!(output.code, Some(0), "{command:?}: {}", output.err);
        let told = output.err.matches("The group of the data folder").count();
        assert_eq!(told, 1, "{command:?}: {}", output.err);
    }
}

#[test]
fn a_data_folder_of_another_account_is_refused() {
    // Only root can change a folder's owner. The rule is also tested with numbers next to the code.
    if !rustix::process::geteuid().is_root() {
        return;
    }
    let org = Sim::start(20, &[]);
    let sandbox = Sandbox::new();
    private_folder(&sandbox.path("data"));
    std::os::unix::fs::chown(sandbox.path("data"), Some(65_533), None).expect("root may");
    refused(&sandbox.start(&org, &ONCE).end(), &["belongs to another account (uid 65533)", "chown"]);
    let output = sandbox.start(&org, &[&ONCE[..], &["--allow-shared-data-dir"]].concat()).end();
    assert_eq!(output.code, Some(0), "{}", output.err);
}

#[test]
fn secret_files_that_others_may_read_are_warned_of_and_those_they_may_write_refused() {
    let org = Sim::start(20, &[]);
    let secret = "invented-secret-of-the-hook-0001";
    let key = fs::read_to_string(tls("key.pem")).expect("a key");
    for (name, text, section) in [
        ("token", TOKEN, "[org]\nurl = \"URL\"\ntoken_file = \"token\"\n"),
        ("secret", secret, "[hook]\nenabled = true\nlisten = \"127.0.0.1:0\"\nsecret_file = \"secret\"\n"),
        (
            "before",
            secret,
            "[hook]\nenabled = true\nlisten = \"127.0.0.1:0\"\nsecret_env = \"SECRET\"\nprevious_secret_file = \"before\"\n",
        ),
        (
            "key.pem",
            &key,
            "[hook]\nenabled = true\nlisten = \"127.0.0.1:0\"\nsecret_env = \"SECRET\"\ntls_key = \"key.pem\"\n\
             tls_cert = \"cert.pem\"\n",
        ),
        (CONFIG, "", "[org]\nurl = \"URL\"\ntoken_command = \"echo TOKEN\"\n"),
    ] {
        let sandbox = Sandbox::new();
        let own = section.contains("URL");
        let config = section.replace("URL", &org.url).replace("echo TOKEN", &format!("echo {TOKEN}"));
        fs::copy(tls("cert.pem"), sandbox.path("cert.pem")).expect("a copy");
        write(&sandbox.path(CONFIG), &config, 0o600);
        if name != CONFIG {
            write(&sandbox.path(name), text, 0o600);
        }
        let check = |file_mode| {
            set_mode(&sandbox.path(name), file_mode);
            let command = if own { &ONCE[..] } else { &["config", "check"] };
            let mut command = sandbox.command((!own).then_some(org.url.as_str()), command);
            run(command.env("SECRET", secret))
        };
        let warned = |output: &Output| output.err.matches("Other accounts may read or change").count();
        let output = check(0o600);
        assert_eq!((output.code, warned(&output)), (Some(0), 0), "{name}: {}", output.err);
        for open in [0o644, 0o640, 0o660] {
            let output = check(open);
            assert_eq!((output.code, warned(&output)), (Some(0), 1), "{name}: {}", output.err);
            assert!(output.err.contains(&format!("mode {open:o}")), "{name}: {}", output.err);
        }
        refused(&check(0o666), &["very account may write", "mode 666", "chmod 600", "Nothing was started"]);
    }
}

#[test]
fn without_a_umask_nothing_is_open() {
    let org = Sim::start(20, &[]);
    let sandbox = Sandbox::new();
    let exe = env!("CARGO_BIN_EXE_consentwatch");
    let unmasked = |args: &[&str]| {
        let mut command = Command::new("sh");
        command.args(["-c", "umask 0; exec \"$0\" \"$@\"", exe]).args(args);
        command.env_clear().envs(sandbox.environment(Some(&org.url))).current_dir(sandbox.path(""));
        let output = run(&mut command);
        assert_eq!(output.code, Some(0), "{args:?}: {}", output.err);
    };
    unmasked(&ONCE);
    unmasked(&["export", "--output", "out.jsonl"]);
    unmasked(&["config", "init", "--config", "made/by/config.toml"]);
    assert!(Notes::open(&org_folder(&sandbox, &org)).is_ok());
    let (mut folders, mut found) = (vec![sandbox.path("data"), sandbox.path("made")], 1);
    assert_eq!(mode(&sandbox.path("out.jsonl")), 0o600);
    while let Some(folder) = folders.pop() {
        assert_eq!(mode(&folder), 0o700, "{folder:?}");
        for entry in fs::read_dir(&folder).expect("a folder").flatten() {
            found += 1;
            let path = entry.path();
            if path.is_dir() { folders.push(path) } else { assert_eq!(mode(&path), 0o600, "{path:?}") }
        }
    }
    assert!(found >= 7, "journal, lock, log, notes, configuration and secret are there: {found}");
}

#[test]
#[cfg(target_os = "linux")]
fn no_core_is_dumped_and_nobody_of_the_same_account_looks_in() {
    // Root may read everything, so the test starts the program as `nobody`.
    let ours = rustix::process::geteuid();
    let account = if ours.is_root() { 65_534 } else { ours.as_raw() };
    let mut command = Command::new(env!("CARGO_BIN_EXE_consentwatch"));
    command.args(["sim", "--listen", "127.0.0.1:0", "--token", TOKEN]).env_clear().current_dir("/");
    if ours.is_root() {
        command.uid(account).gid(account);
    }
    let sim = Process::start(&mut command);
    sim.wait("the simulated org", |said| said.out.contains("total").then_some(()));
    let of = |what: &str| PathBuf::from(format!("/proc/{}/{what}", sim.id()));
    let limits = fs::read_to_string(of("limits")).expect("limits");
    let core = limits.lines().find(|line| line.starts_with("Max core file size")).expect("a limit");
    assert_eq!(core.split_whitespace().skip(4).take(2).collect::<Vec<_>>(), ["0", "0"], "{core}");
    // The memory of a process that is not dumpable belongs to root (proc(5), PR_SET_DUMPABLE).
    assert_eq!(fs::metadata(of("environ")).expect("it runs").uid(), 0);
}

fn tls(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src/intake/hook/testing").join(name)
}

#[test]
fn a_pipe_or_device_in_place_of_a_file_is_refused_at_once() {
    let sandbox = Sandbox::new();
    let pipe = sandbox.path("pipe");
    mkfifoat(CWD, &pipe, Mode::RWXU).expect("a pipe");
    fs::copy(tls("cert.pem"), sandbox.path("cert.pem")).expect("a copy");
    write(&sandbox.path("secret"), "invented-secret-of-the-hook-0001", 0o600);
    let url = "[org]\nurl = \"https://example.okta.com\"\n";
    let hook = "[hook]\nenabled = true\nsecret_file = \"secret\"\n";
    let token = "token_env = \"TOKEN\"\n";
    for (config, wanted) in [
        (format!("{url}token_file = \"FILE\"\n"), "org.token_command"),
        (
            format!("{url}[org.oauth]\nclient_id = \"0oa1\"\nprivate_key_file = \"FILE\"\n"),
            "org.oauth.private_key_command",
        ),
        (format!("{url}{token}ca_file = \"FILE\"\n"), "the CA file"),
        (format!("{url}{token}{}", hook.replace("\"secret\"", "\"FILE\"")), "hook.secret_command"),
        (format!("{url}{token}{hook}previous_secret_file = \"FILE\"\n"), "hook.previous_secret_command"),
        (format!("{url}{token}{hook}tls_cert = \"FILE\"\ntls_key = \"cert.pem\"\n"), "hook.tls_cert"),
        (format!("{url}{token}{hook}tls_cert = \"cert.pem\"\ntls_key = \"FILE\"\n"), "hook.tls_cert"),
    ] {
        for (file, kind) in [("pipe", "it is a pipe"), ("/dev/zero", "it is a device")] {
            write(&sandbox.path(CONFIG), &config.replace("FILE", file), 0o600);
            for command in [&["config", "check"][..], &ONCE] {
                let output = run(sandbox.command(None, command).env("TOKEN", TOKEN));
                let is_secret = wanted.ends_with("_command");
                let named = if is_secret && file != "pipe" { "cannot be read" } else { wanted };
                refused(&output, &[file, kind, named, "Nothing was started"]);
            }
        }
    }
    for (file, kind) in [("pipe", "it is a pipe"), ("/dev/zero", "it is a device")] {
        let output = run(&mut sandbox.command(None, &["config", "check", "--config", file]));
        refused(&output, &[file, kind]);
        let mut command = sandbox.command(Some("https://example.okta.com"), &["config", "check"]);
        command.env_remove("OKTA_CLIENT_TOKEN").env("OKTA_CLIENT_CLIENTID", "0oa1");
        refused(&run(command.env("OKTA_CLIENT_PRIVATEKEY", file)), &[file, kind]);
    }
    // A file that is only read may be a link, since Kubernetes makes such links.
    write(&sandbox.path("token"), TOKEN, 0o600);
    symlink("token", sandbox.path("link")).expect("a link");
    write(&sandbox.path("real.toml"), &format!("{url}token_file = \"link\"\n"), 0o600);
    fs::remove_file(sandbox.path(CONFIG)).expect("it was there");
    symlink("real.toml", sandbox.path(CONFIG)).expect("a link");
    let output = run(&mut sandbox.command(None, &["config", "check"]));
    assert_eq!((output.code, output.err.as_str()), (Some(0), ""), "{}", output.out);
    let large = "#".repeat(1 << 20) + "\n";
    write(&sandbox.path("large.toml"), &large, 0o600);
    let output = run(&mut sandbox.command(None, &["config", "check", "--config", "large.toml"]));
    refused(&output, &["large.toml", "larger than 1024 KiB"]);
}

#[test]
fn the_log_may_be_a_pipe_or_standard_error() {
    let org = Sim::start(20, &[]);
    let sandbox = Sandbox::new();
    let output = sandbox.start(&org, &[&ONCE[..], &["--log-file", "/dev/stderr"]].concat()).end();
    assert_eq!(output.code, Some(0));
    assert!(output.err.contains(" INFO consentwatch"), "{}", output.err);
    let pipe = sandbox.path("pipe");
    mkfifoat(CWD, &pipe, Mode::RWXU).expect("a pipe");
    let mut options = fs::OpenOptions::new();
    let reader = options.read(true).custom_flags(OFlags::NONBLOCK.bits().cast_signed()).open(&pipe);
    let output = sandbox.start(&org, &[&ONCE[..], &["--log-file", "pipe"]].concat()).end();
    assert_eq!((output.code, output.err.contains("No log")), (Some(0), false), "{}", output.err);
    let mut text = String::new();
    reader.expect("the pipe opens").read_to_string(&mut text).expect("its writer is gone");
    assert!(text.contains(" INFO consentwatch"), "{text}");
    // The pipe has no reader any more: the program continues without a log.
    let output = sandbox.start(&org, &[&ONCE[..], &["--log-file", "pipe"]].concat()).end();
    assert_eq!((output.code, output.err.contains("No log is written")), (Some(0), true), "{}", output.err);
}

#[test]
fn a_ca_file_that_cannot_be_used_is_named_at_start() {
    let sandbox = Sandbox::new();
    let pem = fs::read_to_string(tls("cert.pem")).expect("a certificate");
    let base64: String = pem.lines().filter(|line| !line.starts_with("-----")).collect();
    write(&sandbox.path("der.pem"), "", 0o600);
    let der = base64::engine::general_purpose::STANDARD.decode(base64).expect("base64");
    fs::write(sandbox.path("der.pem"), der).expect("written");
    write(&sandbox.path("empty.pem"), "", 0o600);
    write(&sandbox.path("text.pem"), "no certificate", 0o600);
    let cut = pem.lines().take(4).chain(["-----END CERTIFICATE-----\n"]).collect::<Vec<_>>().join("\n");
    write(&sandbox.path("cut.pem"), &cut, 0o600);
    for (file, why) in [
        ("missing.pem", "cannot be read"),
        ("der.pem", "is DER"),
        ("empty.pem", "is empty"),
        ("text.pem", "holds no PEM certificate"),
        ("cut.pem", "is damaged"),
    ] {
        write(&sandbox.path(CONFIG), &format!("[org]\nca_file = \"{file}\"\n"), 0o600);
        for command in [
            &["config", "check"][..],
            &ONCE,
            &["doctor"],
            &["hook", "status"],
            &["backfill", "--since", "1d"],
        ] {
            let output = run(&mut sandbox.command(Some("https://org.invalid"), command));
            refused(&output, &[file, why, "Nothing was started"]);
        }
    }
    fs::copy(tls("cert.pem"), sandbox.path("good.pem")).expect("a copy");
    write(&sandbox.path(CONFIG), "[org]\nca_file = \"good.pem\"\n", 0o600);
    let output = run(&mut sandbox.command(Some("https://org.invalid"), &["config", "check"]));
    assert_eq!((output.code, output.err.as_str()), (Some(0), ""));
}

/// Every key of the configuration that takes a string, and some of other types.
const KEYS: [(&str, &str); 37] = [
    ("org", "url"),
    ("org", "token_file"),
    ("org", "token_env"),
    ("org", "ca_file"),
    ("org", "name"),
    ("org", "authorization_server"),
    ("org.hook", "secret_file"),
    ("org.hook", "secret_env"),
    ("org.hook", "public_url"),
    ("org.oauth", "client_id"),
    ("org.oauth", "private_key_file"),
    ("org.oauth", "private_key_env"),
    ("org.oauth", "dpop"),
    ("poll", "interval"),
    ("poll", "page_size"),
    ("poll", "rate_share"),
    ("poll", "events"),
    ("poll", "names"),
    ("hook", "enabled"),
    ("hook", "listen"),
    ("hook", "path"),
    ("hook", "secret_file"),
    ("hook", "secret_env"),
    ("hook", "tls_cert"),
    ("readiness", "interval"),
    ("journal", "name"),
    ("journal", "keep_days"),
    ("ui", "theme"),
    ("ui", "time_zone"),
    ("ui", "columns"),
    ("ui", "clipboard"),
    ("ui", "max_fps"),
    ("keys", "down"),
    ("keys", "SECRET"),
    ("filters", "x"),
    ("snapshot", "every"),
    ("poll", "SECRET"),
];

#[test]
fn a_secret_in_the_wrong_place_is_never_quoted() {
    let sandbox = Sandbox::new();
    let mut refusals = 0;
    for secret in [TOKEN, "q3Zk9_fR2xLw-7TnB0vYc8Ue1HsJm4PaDi6Go5KtWXE", "5f2d7c41a9e04b6b8c1d3e5f7a9b0c2d"] {
        let mut check = |what: &str, command: &mut Command| {
            let output = run(command);
            let said = format!("{}{}", output.out, output.err);
            assert!(!said.contains(secret), "{what}: {said}");
            refusals += usize::from(output.code == Some(2));
        };
        for (section, key) in KEYS {
            for value in [format!("\"{secret}\""), format!("[\"{secret}\"]"), secret.to_owned()] {
                let mut text = String::new();
                if section != "org" && section != "org.oauth" {
                    text.push_str("[org]\nurl = \"https://example.okta.com\"\ntoken_env = \"TOKEN\"\n");
                } else if key != "url" {
                    text.push_str("[org]\nurl = \"https://example.okta.com\"\n");
                }
                if !text.contains(&format!("[{section}]")) {
                    writeln!(text, "[{section}]").expect("a String takes it");
                }
                if section == "hook" && key != "enabled" {
                    text.push_str("enabled = true\n");
                }
                writeln!(text, "{} = {value}", key.replace("SECRET", secret)).expect("a String takes it");
                write(&sandbox.path(CONFIG), &text, 0o600);
                let mut command = sandbox.command(None, &["config", "check"]);
                check(&text, command.env("TOKEN", "00other"));
            }
        }
        for text in
            [secret.to_owned(), format!("{secret}==\n"), format!("[{secret}]\n"), format!("{secret} = 1\n")]
        {
            write(&sandbox.path(CONFIG), &text, 0o600);
            check(&text, &mut sandbox.command(None, &["config", "check"]));
        }
        fs::remove_file(sandbox.path(CONFIG)).expect("it was there");
        for args in [
            &["config", "check", "--org", secret][..],
            &["config", "check", "--org", secret, "--org", "https://other.example.test"],
            &["config", "check", "--profile", secret],
            &["config", "check", "--config", secret],
            &["tail", "--since", secret],
            &["export", "--filter", &format!("{secret}:x")],
            &["export", "--filter", &format!("({secret}")],
            &["--color", secret],
            &[secret],
        ] {
            check(&format!("{args:?}"), &mut sandbox.command(Some("https://example.okta.com"), args));
        }
        for name in ["OKTA_CLIENT_ORGURL", "OKTA_CLIENT_CLIENTID", "CONSENTWATCH_CONFIG", "HTTPS_PROXY"] {
            let mut command = sandbox.command(Some("https://example.okta.com"), &["config", "check"]);
            check(name, command.env(name, secret).env("OKTA_CLIENT_AUTHORIZATIONMODE", "PrivateKey"));
        }
    }
    assert!(refusals > 200, "most of them are errors: {refusals}");
}

#[test]
fn hidden_characters_of_a_configuration_are_shown_as_marks() {
    let sandbox = Sandbox::new();
    for (text, mark) in [
        ("[poll]\n\"int\u{200b}erval\" = \"5s\"\n", "<U+200B>"),
        ("[ui]\n\"the\u{202e}me\" = \"dark\"\n", "<U+202E>"),
        ("[keys]\n\"do\u{7}wn\" = [\"x\"]\n", "line 2"),
        ("[filters]\n\"a\u{2066}b\" = \"knd:grant\"\n", "<U+2066>"),
        ("[poll]\nevents = [\"gr\u{200d}ant\"]\n", "poll.events"),
        ("[keys]\ndown = [\"\u{9b}x\"]\n", "keys.down"),
    ] {
        write(&sandbox.path(CONFIG), text, 0o600);
        let output = run(&mut sandbox.command(Some("https://example.okta.com"), &["config", "check"]));
        refused(&output, &[mark]);
        let is_hidden =
            |c: char| c.is_control() && c != '\n' || "\u{200b}\u{200d}\u{202e}\u{2066}".contains(c);
        assert!(!output.err.contains(is_hidden), "{:?}", output.err);
    }
}

#[test]
fn a_proxy_that_cannot_be_read_is_refused_by_its_variable() {
    let sandbox = Sandbox::new();
    for name in ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"] {
        for (value, why) in [
            (&b"\"http://ada:hush@192.0.2.1:3128\""[..], "quotation marks"),
            (b"htp://ada:hush@192.0.2.1:3128", "neither with http"),
            (b"http://ada:hu sh@192.0.2.1:3128", "%20"),
            (b"socks5://ada:hush@192.0.2.1:1080", "SOCKS"),
            (b"socks4a://192.0.2.1", "SOCKS"),
            (b"http://", "not a URL"),
            (b"http://hush\xff:3128", "character"),
        ] {
            for args in [&["config", "check"][..], &ONCE, &["doctor"], &["hook", "status"]] {
                let mut command = sandbox.command(Some("https://org.invalid"), args);
                let output = run(command.env(name, OsStr::from_bytes(value)));
                refused(&output, &[name, why, "Nothing was started"]);
                assert!(!output.err.contains("hush"), "{}", output.err);
            }
        }
    }
    // A bad proxy does not matter if it would not be used.
    let mut command = sandbox.command(Some("https://org.invalid"), &["config", "check"]);
    assert_eq!(run(command.env("ALL_PROXY", "socks5://x:1").env("NO_PROXY", ".invalid")).code, Some(0));
    let mut command = sandbox.command(Some("http://127.0.0.1:1"), &["config", "check"]);
    assert_eq!(run(command.env("HTTPS_PROXY", "htp://x")).code, Some(0));
}

/// Returns the first line of a request to a proxy, and its authorization header.
fn asked_of(proxy: &TcpListener) -> (String, String) {
    let (socket, _) = proxy.accept().expect("somebody calls");
    let mut lines = BufReader::new(&socket).lines().map(|line| line.expect("text").to_ascii_lowercase());
    let first = lines.next().expect("a line");
    let authorization = lines.take_while(|line| !line.is_empty()).find(|line| line.starts_with("proxy-auth"));
    (&socket).write_all(b"HTTP/1.1 403 No\r\n\r\n").expect("it listens");
    (first, authorization.unwrap_or_default())
}

#[test]
fn the_proxy_of_okta_yaml_is_used() {
    let proxy = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = proxy.local_addr().expect("bound").port();
    let sandbox = Sandbox::new();
    fs::create_dir_all(sandbox.path("home/.okta")).expect("a folder");
    let yaml = format!(
        "okta:\n  client:\n    orgUrl: https://org.invalid\n    token: {TOKEN}\n    proxy:\n      host: 127.0.0.1\n      \
         port: {port}\n      username: ada\n      password: p ss\n"
    );
    write(&sandbox.path("home/.okta/okta.yaml"), &yaml, 0o600);
    let shown = run(&mut sandbox.command(None, &["config", "show"])).out;
    assert!(shown.contains(&format!("# proxy: http://127.0.0.1:{port}, from ")), "{shown}");
    assert!(!shown.contains("p ss") && !shown.contains("p%20ss"), "{shown}");
    let tail = Process::start(&mut sandbox.command(None, &ONCE));
    let (first, authorization) = asked_of(&proxy);
    assert_eq!(first, "connect org.invalid:443 http/1.1");
    // ada:p ss
    assert_eq!(authorization, "proxy-authorization: basic ywrhonagc3m=");
    drop(tail);
    // This proxy is used even if the org and the credentials come from a higher layer. Others may read the password.
    let place = sandbox.path("home/.okta/okta.yaml");
    let proxy_alone =
        "okta:\n  client:\n    proxy:\n      host: 192.0.2.7\n      port: 3128\n      username: ada\n";
    write(&place, &format!("{proxy_alone}      password: hush\n"), 0o644);
    let output = run(&mut sandbox.command(Some("https://org.invalid"), &["config", "check"]));
    assert_eq!(output.code, Some(0), "{}", output.err);
    assert!(
        output.err.contains("Other accounts may read or change the file with credentials"),
        "{}",
        output.err
    );
    let above = |args: &[&str]| run(&mut sandbox.command(Some("https://org.invalid"), args));
    let shown = above(&["config", "show"]).out;
    assert!(shown.contains("# proxy: http://192.0.2.7:3128, from "), "{shown}");
    // With a proxy from a variable, the file is not needed.
    let mut command = sandbox.command(Some("https://org.invalid"), &["config", "show"]);
    let shown = run(command.env("HTTPS_PROXY", "http://192.0.2.8:3128")).out;
    assert!(shown.contains("# proxy: http://192.0.2.8:3128, from HTTPS_PROXY"), "{shown}");
    // A file that is needed only for its proxy is no reason to fail.
    for (text, mode) in [("[hush", 0o600), (proxy_alone, 0o666)] {
        write(&place, text, mode);
        let output = above(&["config", "check"]);
        assert_eq!(output.code, Some(0), "{}", output.err);
        assert!(output.err.contains("okta.yaml cannot be read: "), "{}", output.err);
        assert!(
            output.err.contains("go out without that proxy") && !output.err.contains("hush"),
            "{}",
            output.err
        );
    }
    write(
        &sandbox.path("home/.okta/okta.yaml"),
        &yaml.replace("host: 127.0.0.1", "host: socks5://127.0.0.1"),
        0o644,
    );
    let output = run(&mut sandbox.command(None, &["config", "check"]));
    refused(&output, &["okta.yaml", "SOCKS"]);
    assert!(output.err.is_ascii());
}
