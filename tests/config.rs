//! Configurations that are good, those that are bad with what is said of them, and which layer wins.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use consentwatch::config::{Config, ConfigError, GlobalFlags, Places, load, show};
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
        let error = read(Some(&file), GlobalFlags::default(), &[]).expect_err("a bad file").to_string();
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
    assert_eq!(config.org.url.as_deref(), Some("https://env.example.test"));
    assert!(matches!(config.org.token, Some(SecretSource::Direct(_))));
    let flags = GlobalFlags { org: Some("https://ENV.example.test/".into()), ..GlobalFlags::default() };
    let config = read(Some(&usual()), flags, &env).expect("the same host");
    assert_eq!(config.org.url_from, "flag");
    assert!(matches!(config.org.token, Some(SecretSource::Direct(_))));
}

#[test]
fn a_token_never_goes_to_an_org_that_its_layer_did_not_name() {
    let flags = GlobalFlags { org: Some("https://other.example.test".into()), ..GlobalFlags::default() };
    let error = read(Some(&usual()), flags, &[]).expect_err("another org").to_string();
    assert!(error.contains("no token was sent"), "{error}");
    let env = [("OKTA_CLIENT_ORGURL", "https://env.example.test")];
    assert!(read(Some(&usual()), GlobalFlags::default(), &env).is_err());
    // A token alone in the environment is not for the org of the file.
    let env = [("OKTA_CLIENT_TOKEN", "hush")];
    let config = read(Some(&usual()), GlobalFlags::default(), &env).expect("good");
    assert_eq!(config.org.token, Some(SecretSource::Env("CONSENTWATCH_TEST_TOKEN".into())));
}

#[test]
fn a_profile_that_names_an_org_brings_its_own_way_in() {
    let file = usual().with_file_name("profile.toml");
    let flags = GlobalFlags { profile: Some("staging".into()), ..GlobalFlags::default() };
    let config = read(Some(&file), flags, &[]).expect("good");
    assert_eq!(config.org.url.as_deref(), Some("https://staging.example.test"));
    assert_eq!(config.org.token, Some(SecretSource::Command("echo abc".into())));
    assert_eq!(config.poll.interval, Duration::from_mins(1));
    let config = read(Some(&file), GlobalFlags::default(), &[]).expect("good");
    assert_eq!(config.org.token, Some(SecretSource::File(file.with_file_name("token"))));
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

#[test]
fn a_named_file_that_is_not_there_is_an_error_and_an_unnamed_one_is_not() {
    let error =
        read(Some(Path::new("/nowhere/at/all.toml")), GlobalFlags::default(), &[]).expect_err("missing");
    assert!(error.to_string().contains("/nowhere/at/all.toml"));
    assert!(read(None, GlobalFlags::default(), &[]).is_ok());
}
