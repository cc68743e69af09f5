//! Good configurations, the errors for bad ones, and the precedence of layers.

#[path = "config/orgs.rs"]
mod orgs;

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use consentwatch::config::{
    Config, ConfigError, DpopSetting, GlobalFlags, Hook, Org, Places, Service, Ui, Way, load, show,
};
use consentwatch::model::Shape;
use consentwatch::secret::SecretSource;

fn files(kind: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/configs").join(kind);
    let mut files: Vec<PathBuf> =
        fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("a file").path()).collect();
    files.sort();
    assert!(files.len() > 2);
    files
}

fn read(file: Option<&Path>, flags: GlobalFlags, env: &[(&str, &str)]) -> Result<Config, ConfigError> {
    let env: HashMap<String, String> = env.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
    let flags = GlobalFlags { config: file.map(Path::to_path_buf), ..flags };
    load(&flags, &|name| env.get(name).cloned(), &Places::default())
}

/// Returns the org of a configuration that has one.
fn only(config: &Config) -> &Org {
    let [org] = config.orgs.as_slice() else { panic!("not one org: {:?}", config.orgs) };
    org
}

fn usual() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/configs/good/usual.toml")
}

#[test]
fn good_files_are_read() {
    for file in files("good") {
        let config = read(Some(&file), GlobalFlags::default(), &[]);
        assert!(config.is_ok(), "{}: {config:?}", file.display());
    }
}

/// The first line of a bad file is a comment that says what must be in the error.
#[test]
fn bad_files_are_refused_by_file_line_and_key() {
    for file in files("bad") {
        // Some errors are found only by the modules that parse keys and filters.
        let config = read(Some(&file), GlobalFlags::default(), &[]);
        let config = config.and_then(|config| consentwatch::run::arranged(&config));
        let error = config.expect_err("a bad file").to_string();
        let text = fs::read_to_string(&file).expect("a file");
        let wanted = text.lines().next().expect("a line").trim_start_matches("# ");
        assert!(error.contains(wanted), "{}: {error}", file.display());
        assert!(error.contains(&*file.to_string_lossy()), "{error}");
    }
}

#[test]
fn the_environment_wins_over_the_file_and_the_flag_over_both() {
    let env = [("OKTA_CLIENT_ORGURL", "https://env.example.test"), ("OKTA_CLIENT_TOKEN", "hush")];
    let config = read(Some(&usual()), GlobalFlags::default(), &env).expect("good");
    assert_eq!(only(&config).url, "https://env.example.test");
    assert!(matches!(only(&config).way, Some(Way::Token(SecretSource::Direct(_)))));
    let flags = GlobalFlags { org: vec!["https://ENV.example.test/".into()], ..GlobalFlags::default() };
    let config = read(Some(&usual()), flags, &env).expect("the same host");
    assert_eq!(only(&config).url_from, "flag");
    assert!(matches!(only(&config).way, Some(Way::Token(SecretSource::Direct(_)))));
}

#[test]
fn a_token_never_goes_to_an_org_that_its_layer_did_not_name() {
    let flags = GlobalFlags { org: vec!["https://other.example.test".into()], ..GlobalFlags::default() };
    let error = read(Some(&usual()), flags, &[]).expect_err("another org").to_string();
    assert!(error.contains("no token was sent"), "{error}");
    let env = [("OKTA_CLIENT_ORGURL", "https://env.example.test")];
    assert!(read(Some(&usual()), GlobalFlags::default(), &env).is_err());
    // A token in the environment without an org is not used for the org of the file.
    let env = [("OKTA_CLIENT_TOKEN", "hush")];
    let config = read(Some(&usual()), GlobalFlags::default(), &env).expect("good");
    assert_eq!(only(&config).way, Some(Way::Token(SecretSource::Env("CONSENTWATCH_TEST_TOKEN".into()))));
}

#[test]
fn a_profile_that_names_an_org_brings_its_own_way_in() {
    let file = usual().with_file_name("profile.toml");
    let flags = GlobalFlags { profile: Some("staging".into()), ..GlobalFlags::default() };
    let config = read(Some(&file), flags, &[]).expect("good");
    assert_eq!(only(&config).url, "https://staging.example.test");
    assert_eq!(only(&config).way, Some(Way::Token(SecretSource::Command("echo abc".into()))));
    assert_eq!(config.poll.interval, Duration::from_mins(1));
    let config = read(Some(&file), GlobalFlags::default(), &[]).expect("good");
    assert_eq!(only(&config).way, Some(Way::Token(SecretSource::File(file.with_file_name("token")))));
    let flags = GlobalFlags { profile: Some("nowhere".into()), ..GlobalFlags::default() };
    assert!(read(Some(&file), flags, &[]).expect_err("no profile").to_string().contains("staging"));
}

#[test]
fn what_is_shown_holds_no_secret() {
    let env = [("OKTA_CLIENT_ORGURL", "https://env.example.test"), ("OKTA_CLIENT_TOKEN", "hush-hush")];
    let config = read(Some(&usual()), GlobalFlags::default(), &env).expect("good");
    for text in [show(&config), format!("{config:?}")] {
        assert!(!text.contains("hush"), "{text}");
    }
    let shown = show(&config);
    let toml: Result<toml::Table, _> = shown.parse();
    assert!(toml.is_ok(), "{shown}");
}

/// What `config show` prints, read as a configuration, has the same effect.
#[test]
fn what_is_shown_is_all_that_is_in_force() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("config.toml");
    let other = r#"
[poll]
interval = "45s"
lookback = "48h"
page_size = 100
rate_share = 0.25
events = ["grant", "revoke"]
names = false
[hook]
enabled = true
listen = "127.0.0.1:9999"
path = "/other"
secret_env = "SOME_VARIABLE"
behind_proxy = true
public_url = "https://monitor.example.test/other"
[readiness]
authorization_server = "aus1"
interval = "10m"
[journal]
name = "team"
keep_days = 30
keep_rows = 5000
[ui]
theme = "mono"
time_zone = "Europe/Vienna"
clock = true
columns = ["time", "who"]
mouse = true
title = false
max_fps = 5
bytes_per_second = 400
clipboard = "off"
[keys]
down = ["J"]
[filters]
admins = "kind:admin"
[snapshot]
dir = "elsewhere"
every = "2h"
on_exit = true
keep = 7
"#;
    fs::write(&file, other).expect("written");
    let said = read(Some(&file), GlobalFlags::default(), &[]).expect("good");
    // Each section of the example is there with each of its keys, so that a new key must be added here.
    let example = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("config.example.toml"));
    let (mut section, mut keys) = (String::new(), 0);
    for line in example.expect("the example").lines() {
        if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            name.clone_into(&mut section);
        }
        let key = line.trim_start_matches("# ").split_once(" = ").map(|(key, _)| key);
        let Some(key) = key.filter(|key| key.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'))
        else {
            continue;
        };
        let is_looked_at = ["poll", "readiness", "journal", "ui", "snapshot"].contains(&section.as_str());
        if is_looked_at && !line.contains("profile") {
            assert!(other.contains(&format!("\n{key} = ")), "[{section}] {key} is not in this test");
            keys += 1;
        }
    }
    assert!(keys >= 20, "{keys}");
    fs::write(&file, show(&said)).expect("written");
    // Where a secret comes from is shown as a comment.
    let env = [("CONSENTWATCH_HOOK_SECRET", "a-secret-of-some-length")];
    let shown = read(Some(&file), GlobalFlags::default(), &env).expect("what is shown can be read");
    assert_eq!(shown.poll, said.poll);
    assert_eq!(Hook { secret: said.hook.secret.clone(), ..shown.hook.clone() }, said.hook);
    assert_eq!(shown.readiness, said.readiness);
    assert_eq!(shown.journal, said.journal);
    assert_eq!(shown.ui, said.ui);
    assert_eq!(shown.snapshot, said.snapshot);
    let values = |config: &Config| {
        let filters = config.filters.iter().map(|(name, said)| (name.clone(), said.value.clone()));
        let keys = config.keys.iter().map(|(name, said)| (name.clone(), said.value.join(" ")));
        filters.chain(keys).collect::<Vec<_>>()
    };
    assert_eq!(values(&shown), values(&said));
}

/// The example configuration has the same effect as no configuration.
#[test]
fn the_example_says_the_defaults() {
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("config.example.toml");
    let said = read(Some(&example), GlobalFlags::default(), &[]).expect("good");
    let default = read(None, GlobalFlags::default(), &[]).expect("good");
    assert_eq!(said.poll, default.poll);
    assert_eq!(said.readiness, default.readiness);
    assert_eq!(said.journal, default.journal);
    assert_eq!(said.snapshot, default.snapshot);
    // `config init` creates the secret that the example names. Without a file there is none.
    let secret = Some(SecretSource::File(example.with_file_name("hook-secret")));
    assert_eq!(said.hook, Hook { secret, ..default.hook });
    // Without a file, the screen has its default columns.
    let columns = said.ui.columns.clone().expect("the columns");
    let shown = |shape: &Shape| {
        shape.words().split(' ').filter(|word| !word.starts_with('-')).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(shown(&Shape::of_names(&columns).expect("columns")), shown(&Shape::default()));
    assert_eq!(Ui { columns: None, ..said.ui }, default.ui);
    assert!(said.keys.is_empty() && said.filters.is_empty());
    assert!(said.orgs.is_empty() && said.listed.is_empty());
    // Scopes and proofs are commented out in the example. Their values are the defaults of a service app.
    let text = fs::read_to_string(&example).expect("the example");
    let folder = tempfile::tempdir().expect("a folder");
    let app = |more: &str| {
        let file = folder.path().join("config.toml");
        let text = format!(
            "[org]\nurl = \"https://example.okta.com\"\n[org.oauth]\nclient_id = \"0oa1\"\nprivate_key_file = \"k\"\n{more}"
        );
        fs::write(&file, text).expect("written");
        service(&read(Some(&file), GlobalFlags::default(), &[]).expect("good")).clone()
    };
    for key in ["scopes", "dpop"] {
        let start = format!("# {key} = ");
        let line = text.lines().find(|line| line.starts_with(&start)).expect("the key");
        assert_eq!(app(line.trim_start_matches("# ")), app(""), "{line}");
    }
}

#[test]
fn a_secret_in_the_place_of_a_variables_name_is_not_shown() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("config.toml");
    for secret in ["q3Zk9fR2xLw7TnB0vYc8Ue1HsJm4PaDi6Go5KtWXE", "00hush+/="] {
        fs::write(&file, format!("[hook]\nenabled = true\nsecret_env = \"{secret}\"\n")).expect("written");
        let config = read(Some(&file), GlobalFlags::default(), &[]).expect("good");
        for text in [show(&config), format!("{config:?}")] {
            assert!(text.contains("[hook]") || text.contains("hook:"), "{text}");
            assert!(!text.contains(secret), "{text}");
        }
    }
}

#[test]
fn the_secret_of_the_hook_may_come_from_the_environment_and_is_not_shown() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("config.toml");
    fs::write(&file, "[hook]\nenabled = true\nsecret_file = \"s\"\n").expect("written");
    let config = read(Some(&file), GlobalFlags::default(), &[]).expect("good");
    assert_eq!(config.hook.secret, Some(SecretSource::File(folder.path().join("s"))));
    assert_eq!((config.hook.listen.to_string().as_str(), config.hook.tls), ("127.0.0.1:8787", None));
    let config = read(Some(&file), GlobalFlags::default(), &[("CONSENTWATCH_HOOK_SECRET", "hush")]);
    let config = config.expect("good");
    assert!(matches!(config.hook.secret, Some(SecretSource::Direct(_))));
    assert!(!show(&config).contains("hush"));
    assert!(show(&config).parse::<toml::Table>().is_ok());
}

#[test]
fn a_named_file_that_is_not_there_is_an_error_and_an_unnamed_one_is_not() {
    let error =
        read(Some(Path::new("/nowhere/at/all.toml")), GlobalFlags::default(), &[]).expect_err("missing");
    assert!(error.to_string().contains("/nowhere/at/all.toml"));
    assert!(read(None, GlobalFlags::default(), &[]).is_ok());
}

fn service(config: &Config) -> &Service {
    match &only(config).way {
        Some(Way::Service(service)) => service,
        other => panic!("no service app: {other:?}"),
    }
}

#[test]
fn a_service_app_is_read_from_the_file() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("config.toml");
    let write = |oauth: &str| {
        let text = format!("[org]\nurl = \"https://example.okta.com\"\n[org.oauth]\n{oauth}\n");
        fs::write(&file, text).expect("the file is written");
        read(Some(&file), GlobalFlags::default(), &[])
    };
    let config =
        write("client_id = \"0oa1\"\nprivate_key_file = \"key.pem\"\nkey_id = \"k\"\ndpop = \"never\"")
            .expect("good");
    let app = service(&config);
    assert_eq!(
        (app.client_id.as_str(), app.key_id.as_deref(), app.dpop),
        ("0oa1", Some("k"), DpopSetting::Never)
    );
    assert_eq!(app.private_key, SecretSource::File(folder.path().join("key.pem")));
    assert!(app.scopes.contains(&"okta.logs.read".to_owned()) && app.scopes.len() == 6);
    assert!(show(&config).contains("# service app: 0oa1, private key from the file"), "{}", show(&config));
    for (oauth, wanted) in [
        ("private_key_file = \"k\"", "client_id"),
        ("client_id = \"0oa1\"", "exactly one of private_key_file"),
        (
            "client_id = \"0oa1\"\nprivate_key_file = \"k\"\nprivate_key_env = \"K\"",
            "exactly one of private_key_file",
        ),
        ("client_id = \"0oa1\"\nprivate_key_file = \"k\"\ndpop = \"perhaps\"", "dpop"),
    ] {
        let error = write(oauth).expect_err(oauth).to_string();
        assert!(error.contains(wanted), "{error}");
    }
}

#[test]
fn the_variables_of_the_sdks_name_a_service_app_too() {
    let url = ("OKTA_CLIENT_ORGURL", "https://env.example.test");
    let id = ("OKTA_CLIENT_CLIENTID", "0oa1");
    let key = ("OKTA_CLIENT_PRIVATEKEY", "-----BEGIN PRIVATE KEY-----\\nhush");
    let read = |env: &[(&str, &str)]| read(None, GlobalFlags::default(), env);
    let env = [url, id, key, ("OKTA_CLIENT_PRIVATEKEYID", "k"), ("OKTA_CLIENT_SCOPES", "okta.logs.read,a b")];
    let config = read(&env).expect("good");
    assert_eq!(service(&config).scopes, ["okta.logs.read", "a", "b"]);
    assert!(matches!(service(&config).private_key, SecretSource::Direct(_)));
    assert!(!format!("{config:?}{}", show(&config)).contains("hush"));
    let file = tempfile::NamedTempFile::new().expect("a file");
    let path = file.path().to_str().expect("a plain name");
    let config = read(&[url, id, ("OKTA_CLIENT_PRIVATEKEY", path)]).expect("good");
    assert_eq!(service(&config).private_key, SecretSource::File(path.into()));
    // Text that is not the path of a file may be a key without its first line.
    let config = read(&[url, id, ("OKTA_CLIENT_PRIVATEKEY", "MIIEvQhush")]).expect("good");
    assert!(!format!("{config:?}{}", show(&config)).contains("hush"));
    assert!(read(&[url, id]).expect_err("no key").to_string().contains("private key is missing"));
    // With both, the token takes precedence unless the mode says otherwise.
    let token = ("OKTA_CLIENT_TOKEN", "hush");
    assert!(matches!(only(&read(&[url, id, key, token]).expect("good")).way, Some(Way::Token(_))));
    let mode = ("OKTA_CLIENT_AUTHORIZATIONMODE", "PrivateKey");
    service(&read(&[url, id, key, token, mode]).expect("good"));
}

#[test]
fn the_yaml_of_the_sdks_comes_last() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("okta.yaml");
    let places = Places { sdk: Some(path.clone()), ..Places::default() };
    let read = |yaml: &str, env: &[(&str, &str)]| {
        fs::write(&path, yaml).expect("the file is written");
        load(
            &GlobalFlags::default(),
            &|name| env.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned()),
            &places,
        )
    };
    let yaml = "okta:\n  client:\n    orgUrl: https://yaml.example.test\n    token: hush\n    connectionTimeout: 30\n";
    let config = read(yaml, &[]).expect("good");
    assert_eq!(only(&config).url, "https://yaml.example.test");
    assert!(
        only(&config).url_from.ends_with("okta.yaml") && matches!(only(&config).way, Some(Way::Token(_)))
    );
    let yaml_key = "okta:\n  client:\n    orgUrl: https://yaml.example.test\n    authorizationMode: PrivateKey\n    clientId: 0oa1\n    scopes:\n      - okta.logs.read\n    kid: k\n    privateKey: |\n      -----BEGIN PRIVATE KEY-----\n      hush\n";
    let config = read(yaml_key, &[]).expect("good");
    assert_eq!((service(&config).key_id.as_deref(), service(&config).scopes.len()), (Some("k"), 1));
    // An org from a higher layer does not need this file. Its credentials are used only for the same host.
    let other = [("OKTA_CLIENT_ORGURL", "https://env.example.test"), ("OKTA_CLIENT_TOKEN", "hush")];
    assert_eq!(only(&read("[broken", &other).expect("not read")).url_from, "environment");
    let error = read(yaml, &other[..1]).expect_err("another org").to_string();
    assert!(error.contains("no token was sent"), "{error}");
    let same = [("OKTA_CLIENT_ORGURL", "https://YAML.example.test/")];
    assert!(only(&read(yaml, &same).expect("the same host")).way.is_some());
    // Keys whose values are commented out are null.
    let token = "orgUrl: https://yaml.example.test\n    token: hush";
    for empty in [
        String::new(),
        "# okta:\n".to_owned(),
        "okta:\n".to_owned(),
        "okta:\n  client:\n    # token: hush\n".to_owned(),
    ] {
        let config = read(&empty, &[]).unwrap_or_else(|error| panic!("{empty:?}: {error}"));
        assert!(config.orgs.is_empty() && config.proxy.is_none(), "{empty:?}");
    }
    for proxy in ["proxy:", "proxy: null", "proxy:\n      # host: a\n", "proxy: {host: , port: }"] {
        let config = read(&format!("okta:\n  client:\n    {token}\n    {proxy}\n"), &[]);
        let config = config.unwrap_or_else(|error| panic!("{proxy:?}: {error}"));
        assert!(only(&config).way.is_some() && config.proxy.is_none(), "{proxy:?}");
    }
    // An invalid port is an error of the proxy, not of the file.
    let config = read(&format!("okta:\n  client:\n    {token}\n    proxy: {{host: a, port: 70000}}\n"), &[]);
    let error = config.expect("read").proxy.expect("a proxy").read().expect_err("no port");
    assert!(error.contains("okta.yaml") && error.contains("a host and a port"), "{error}");
    for broken in [
        "[broken",
        "okta: 7",
        "okta:\n  client:\n    scopes: {hush: 1}",
        "okta:\n  client: {orgUrl: a, clientId: b}",
    ] {
        let error = read(broken, &[]).expect_err(broken).to_string();
        assert!(error.contains("okta.yaml") && !error.contains("hush"), "{error}");
    }
}

#[test]
fn an_empty_variable_hides_no_other() {
    let no_proxy = |env: &[(&str, &str)]| read(None, GlobalFlags::default(), env).expect("good").no_proxy;
    let lower = ("no_proxy", "org.example.test");
    assert_eq!(no_proxy(&[("NO_PROXY", ""), lower]).as_deref(), Some("org.example.test"));
    assert_eq!(no_proxy(&[("NO_PROXY", "*"), lower]).as_deref(), Some("*"));
    assert_eq!(no_proxy(&[("NO_PROXY", ""), ("no_proxy", "")]), None);
}
