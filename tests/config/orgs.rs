//! Several orgs in one configuration: the forms of the table, the layers of each, and what `--org` selects.

use std::fs;
use std::path::{Path, PathBuf};

use consentwatch::config::{Config, ConfigError, GlobalFlags, JournalFolder, Org, Service, Way, load, show};
use consentwatch::run::ready;
use consentwatch::secret::SecretSource;
use tempfile::TempDir;

use super::read;

const TWO: &str = r#"
[[org]]
name = "prod"
url = "https://example.okta.com"
token_file = "prod-token"

[[org]]
name = "preview"
url = "https://example.oktapreview.com"
token_env = "PREVIEW"
authorization_server = "ausPPPPPPPPPPPPPP1d7"
"#;

/// A configuration file in a folder of its own.
struct Written {
    folder: TempDir,
    file: PathBuf,
}

impl Written {
    fn new(text: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("config.toml");
        fs::write(&file, text).expect("written");
        Self { folder, file }
    }

    fn read_with(&self, org: &[&str], env: &[(&str, &str)]) -> Result<Config, ConfigError> {
        let org = org.iter().map(|text| (*text).to_owned()).collect();
        let data_dir = Some(self.folder.path().join("data"));
        read(Some(&self.file), GlobalFlags { org, data_dir, ..GlobalFlags::default() }, env)
    }

    fn profile(&self, name: &str) -> Result<Config, ConfigError> {
        read(Some(&self.file), GlobalFlags { profile: Some(name.into()), ..GlobalFlags::default() }, &[])
    }

    /// The error of a text, without the name of its file.
    fn error(text: &str) -> String {
        let written = Self::new(text);
        let error = written.read_with(&[], &[]).expect_err(text).to_string();
        error.replace(&*written.file.to_string_lossy(), "FILE")
    }
}

fn good(text: &str) -> Config {
    Written::new(text).read_with(&[], &[]).expect(text)
}

fn hosts(config: &Config) -> Vec<&str> {
    config.orgs.iter().map(|org| org.url.trim_start_matches("https://")).collect()
}

fn label(org: &Org) -> &str {
    org.name.as_ref().map_or(&*org.url, |name| name.as_str())
}

#[test]
fn a_table_is_a_list_of_one() {
    let keys = "url = \"https://example.okta.com\"\ntoken_env = \"T\"\nname = \"prod\"\n[org.hook]\nsecret_env = \"S\"\n";
    let (one, list) = (good(&format!("[org]\n{keys}")), good(&format!("[[org]]\n{keys}")));
    assert_eq!(one.orgs, list.orgs);
    assert_eq!((one.orgs.len(), one.orgs.first().and_then(|org| org.place)), (1, Some(0)));
    assert_eq!(
        show(&one).lines().skip(2).collect::<Vec<_>>(),
        show(&list).lines().skip(2).collect::<Vec<_>>()
    );
}

#[test]
fn each_org_of_a_list_has_its_own_credentials() {
    let text = format!(
        "{TWO}[org.hook]\nsecret_env = \"SECRET\"\n[[org]]\nurl = \"third.example.test\"\n[org.oauth]\nclient_id = \"0oa1\"\nprivate_key_file = \"key.pem\"\n"
    );
    let written = Written::new(&text);
    let config = written.read_with(&[], &[]).expect("good");
    assert_eq!(config.orgs.iter().map(label).collect::<Vec<_>>(), ["prod", "preview", "third.example.test"]);
    let ways: Vec<_> = config.orgs.iter().map(|org| org.way.as_ref()).collect();
    let token = SecretSource::File(written.folder.path().join("prod-token"));
    assert_eq!(ways[..2], [Some(&Way::Token(token)), Some(&Way::Token(SecretSource::Env("PREVIEW".into())))]);
    let Some(Way::Service(Service { client_id, .. })) = ways[2] else { panic!("{ways:?}") };
    assert_eq!(client_id, "0oa1");
    let servers: Vec<_> = config.orgs.iter().map(|org| org.authorization_server.as_str()).collect();
    assert_eq!(servers, ["default", "ausPPPPPPPPPPPPPP1d7", "default"]);
    // What belongs to which org can be seen, and is read back as it is.
    let shown = show(&config);
    let read: toml::Table = shown.parse().expect("TOML");
    assert_eq!(read["org"].as_array().map(Vec::len), Some(3), "{shown}");
    let preview = shown.split("[[org]]").nth(2).expect("the second");
    for wanted in
        ["name = \"preview\"", "the variable PREVIEW", "ausPP", "[org.hook]\n# secret: the variable SECRET"]
    {
        assert!(preview.contains(wanted) && shown.matches(wanted).count() == 1, "{wanted}: {shown}");
    }
}

/// A credential is used for an org only if the layer that has it names that org's host.
#[test]
fn no_layer_gives_an_org_the_credentials_of_another() {
    let written = Written::new(TWO);
    let env = [("OKTA_CLIENT_ORGURL", "https://EXAMPLE.oktapreview.com/"), ("OKTA_CLIENT_TOKEN", "hush")];
    let of_env = |org: &Org| matches!(org.way, Some(Way::Token(SecretSource::Direct(_))));
    // By name, by URL, or by the environment alone: the variable's token is for the variable's org.
    for flags in [&["preview"][..], &["example.oktapreview.com"], &[]] {
        let config = written.read_with(flags, &env).expect("good");
        assert_eq!(config.orgs.iter().map(label).collect::<Vec<_>>(), ["preview"], "{flags:?}");
        assert!(config.orgs.iter().all(of_env));
    }
    let config = written.read_with(&["prod", "preview"], &env).expect("good");
    assert_eq!(config.orgs.iter().map(of_env).collect::<Vec<_>>(), [false, true]);
    // A token without an org is nobody's.
    let config = written.read_with(&[], &env[1..]).expect("good");
    assert_eq!(config.orgs.iter().map(of_env).collect::<Vec<_>>(), [false, false]);
    // An org that the file does not list gets nothing of the file.
    let foreign = [("OKTA_CLIENT_ORGURL", "https://other.example.test"), env[1]];
    let error =
        written.read_with(&["https://other.example.test"], &env).expect_err("no credentials").to_string();
    assert!(error.contains("The org comes from the flag, the credentials from the environment"), "{error}");
    let error = written.read_with(&[], &foreign[..1]).expect_err("no credentials").to_string();
    assert!(error.contains("The org comes from the environment, the credentials from the file"), "{error}");
    let config = written.read_with(&[], &foreign).expect("good");
    assert!(config.orgs.iter().all(|org| of_env(org) && org.name.is_none() && org.place.is_none()));
    // A listed org without credentials takes none, and the error says which one it is.
    let text = TWO.replace("token_env = \"PREVIEW\"\n", "");
    let error = Written::new(&text).read_with(&[], &env[1..]).expect_err("no credentials").to_string();
    assert!(
        error.contains("The org preview comes from the file, the credentials from the environment"),
        "{error}"
    );
    let ways: Vec<bool> = good(&text).orgs.iter().map(|org| org.way.is_some()).collect();
    assert_eq!(ways, [true, false], "prod's token stays with prod");
}

#[test]
fn a_variable_that_leaves_orgs_out_is_told() {
    let written = Written::new(TWO);
    let env = [("OKTA_CLIENT_ORGURL", "example.okta.com")];
    let told = |flags: &[&str]| written.read_with(flags, &env).expect("good").warnings;
    let warnings = told(&[]);
    assert!(warnings.len() == 1 && warnings[0].contains("OKTA_CLIENT_ORGURL"), "{warnings:?}");
    assert!(warnings[0].contains("left out: preview."), "{warnings:?}");
    assert!(told(&["prod"]).is_empty(), "the flag says so itself");
    let one = Written::new("[org]\nurl = \"https://example.okta.com\"\ntoken_env = \"T\"\n");
    assert!(one.read_with(&[], &env).expect("good").warnings.is_empty());
}

#[test]
fn the_flag_selects_orgs_by_name_host_or_url() {
    let written = Written::new(TWO);
    let (prod, preview) = ("example.okta.com", "example.oktapreview.com");
    for (flags, wanted) in [
        (&[][..], &[prod, preview][..]),
        (&["preview"], &[preview]),
        (&["preview", "prod"], &[prod, preview]),
        (&["prod", "prod", "https://EXAMPLE.okta.com/"], &[prod]),
        (&["https://example.okta.com", "preview"], &[prod, preview]),
    ] {
        let config = written.read_with(flags, &[]).expect("good");
        assert_eq!(hosts(&config), wanted, "{flags:?}");
        assert_eq!(config.listed.len(), 2, "the file lists all of them");
    }
    for (flags, wanted) in [
        (&["stage"][..], "no org of the configuration has the name \"stage\". Known: prod, preview."),
        (&["prod", "https://other.example.test"], "other.example.test is not an org of the configuration"),
        (&["a.example.test", "b.example.test"], "a.example.test is not an org of the configuration"),
        (&["00secretOfMine", "prod"], "--org: (hidden: not in the form of a URL)"),
    ] {
        let error = written.read_with(flags, &[]).expect_err(wanted).to_string();
        assert!(error.contains(wanted) && error.contains("Nothing was started"), "{error}");
    }
    let one = Written::new("[org]\nurl = \"https://example.okta.com\"\n");
    let error = one.read_with(&["prod"], &[]).expect_err("no names").to_string();
    assert!(error.contains("Known: https://example.okta.com."), "{error}");
    let none = Written::new("");
    let error = none.read_with(&["prod"], &[]).expect_err("no orgs").to_string();
    assert!(error.contains("Known: none."), "{error}");
    assert_eq!(hosts(&none.read_with(&["https://example.okta.com"], &[]).expect("good")), [prod]);
}

#[test]
fn an_error_names_the_org_and_its_line() {
    let other = |more: &str| Written::error(&format!("{TWO}\n[[org]]\n{more}"));
    let url = "name = \"third\"\nurl = \"https://third.example.test\"\n";
    for (more, wanted) in [
        ("token_env = \"T\"\n", "FILE, line 13, key org.url: it is missing"),
        ("name = \"third\"\n", "FILE, line 13, key org.url: it is missing"),
        (
            &format!("{url}token_env = \"T\"\ntoken_file = \"t\"\n"),
            "line 13, org third, key org: set exactly one of",
        ),
        (
            &format!("{url}[org.oauth]\nclient_id = \"\"\n"),
            "line 13, org third, key org.oauth.client_id: it is",
        ),
        (
            "url = \"https://user:hush@third.example.test\"\n[org.oauth]\n",
            "line 13, org https://hidden@third.example.test, key org.oauth.client_id",
        ),
        (
            &format!("{url}[org.hook]\nsecret_env = \"A\"\nsecret_file = \"b\"\n"),
            "org third, key org.hook.secret_file",
        ),
        (
            &url.replace("third\"", "prod\""),
            "line 13, org prod, key org.name: the org of line 2 has the same",
        ),
        ("url = \"https://EXAMPLE.okta.com/\"\n", "key org.url: the org of line 2 has the same"),
        (&url.replace("\"third\"", "\"Third\""), "key org.name: an org's name has 1 to 32"),
        (
            &url.replace("\"third\"", "\"5f2d7c41a9e04b6b8c1d3e5f7a9b0c2d\""),
            "key org.name: it looks like a secret",
        ),
        // The TOML library finds these, and names line and key of the value.
        (
            &format!("{url}tokn_env = \"T\"\n"),
            "FILE, line 16, key tokn_env: unknown field `tokn_env`, expected one of `name`",
        ),
        (&format!("{url}[org.hook]\nlisten = \"x\"\n"), "FILE, line 17, key listen: unknown field `listen`"),
        (&format!("{url}ca_file = 5\n"), "FILE, line 16, key ca_file: invalid type: integer"),
    ] {
        let error = other(more);
        assert!(error.contains(wanted) && !error.contains("hush"), "{wanted}: {error}");
    }
    for (text, wanted) in [
        ("[org]\nname = \"prod\"\n", "FILE, key org.url: it is missing"),
        ("[org]\n[[org]]\n", "FILE, line 2"),
        (
            "org = []\n",
            "line 1, key org: invalid length 0, expected a table [org], or 1 to 100 tables [[org]]",
        ),
        ("org = \"hush\"\n", "line 1, key org: invalid type: string, expected a table [org]"),
        ("org = [\"hush\"]\n", "line 1, key org: invalid type: string"),
        ("[[org]]\nurl = [\"hush\"]\n", "line 2, key url: invalid type: sequence"),
    ] {
        let error = Written::error(text);
        assert!(error.contains(wanted) && !error.contains("hush"), "{wanted}: {error}");
    }
    let table = |n: usize| format!("[[org]]\nurl = \"https://o{n}.example.test\"\n");
    let many = (0..101).map(table).collect::<Vec<_>>().concat();
    assert!(Written::error(&many).contains("invalid length 101"));
    assert_eq!(good(&many.replace(&table(100), "")).orgs.len(), 100);
}

#[test]
fn an_org_has_its_own_secret_or_the_common_one() {
    let listener = "[hook]\nenabled = true\n";
    let common = "secret_env = \"COMMON\"\nprevious_secret_env = \"COMMON_BEFORE\"\npublic_url = \"https://m.example.test/h\"\n";
    let secrets = |config: &Config| -> Vec<[Option<String>; 2]> {
        let text = |source: Option<SecretSource>| source.map(|source| source.to_string());
        let of = |org: &Org| config.hook.of(&org.hook);
        config.orgs.iter().map(of).map(|hook| [text(hook.secret), text(hook.previous_secret)]).collect()
    };
    let var = |name: &str| Some(format!("the variable {name}"));
    let own = format!(
        "{TWO}[org.hook]\nsecret_env = \"OWN\"\npublic_url = \"https://p.example.test\"\n{listener}{common}"
    );
    let config = good(&own);
    // Other orgs know the common previous secret, so it is not for an org with its own.
    assert_eq!(secrets(&config), [[var("COMMON"), var("COMMON_BEFORE")], [var("OWN"), None]]);
    let urls: Vec<_> = config.orgs.iter().map(|org| config.hook.of(&org.hook).public_url).collect();
    assert_eq!(urls, [Some("https://m.example.test/h".into()), Some("https://p.example.test".into())]);
    // From the common secret to one of its own: the common one is named as the previous one.
    let moving =
        own.replace("secret_env = \"OWN\"", "secret_env = \"OWN\"\nprevious_secret_env = \"COMMON\"");
    assert_eq!(secrets(&good(&moving))[1], [var("OWN"), var("COMMON")]);
    // The variable is the common secret.
    let env = [("CONSENTWATCH_HOOK_SECRET", "hush")];
    let config = Written::new(&own).read_with(&[], &env).expect("good");
    let direct = Some("the environment or okta.yaml".to_owned());
    assert_eq!(secrets(&config), [[direct, var("COMMON_BEFORE")], [var("OWN"), None]]);
    // Without a common one, each needs its own. Only the selected ones are looked at.
    let lacking = Written::new(&format!("{TWO}[org.hook]\nsecret_env = \"OWN\"\n{listener}"));
    let error = lacking.read_with(&[], &[]).expect_err("prod has none").to_string();
    let wanted = "line 2, org prod, key org.hook.secret_file: the listener needs a secret";
    assert!(error.contains(wanted), "{error}");
    assert!(lacking.read_with(&["preview"], &[]).is_ok());
    let one = "[org]\nurl = \"https://example.okta.com\"\n[org.hook]\nsecret_env = \"OWN\"\n";
    assert_eq!(secrets(&good(&format!("{one}{listener}"))), [[var("OWN"), None]]);
}

#[test]
fn a_profile_replaces_all_orgs_or_changes_the_only_one() {
    let profile = "[[profile.x.org]]\nname = \"a\"\nurl = \"https://a.example.test\"\n[[profile.x.org]]\nurl = \"https://b.example.test\"\n";
    let written = Written::new(&format!(
        "{TWO}{profile}[profile.one.org]\nurl = \"https://c.example.test\"\n[profile.half.org]\ntoken_env = \"T\"\n[profile.other.poll]\nnames = false\n"
    ));
    let config = written.profile("x").expect("good");
    assert_eq!(hosts(&config), ["a.example.test", "b.example.test"]);
    assert!(config.orgs.iter().all(|org| org.way.is_none()), "no credentials of the other list");
    assert_eq!(hosts(&written.profile("one").expect("good")), ["c.example.test"]);
    assert_eq!(hosts(&written.profile("other").expect("good")).len(), 2);
    let error = written.profile("half").expect_err("of which org?").to_string();
    assert!(error.contains("profile \"half\"") && error.contains("[[profile.half.org]]"), "{error}");
    let one = "[[org]]\nname = \"prod\"\nurl = \"https://example.okta.com\"\ntoken_env = \"T\"\n[org.hook]\nsecret_env = \"S\"\n";
    let written = Written::new(&format!(
        "{one}[profile.x.org]\nauthorization_server = \"aus1\"\n[profile.x.org.hook]\npublic_url = \"https://m.example.test\"\n"
    ));
    let config = written.profile("x").expect("good");
    let [org] = config.orgs.as_slice() else { panic!("{:?}", config.orgs) };
    assert_eq!((label(org), org.authorization_server.as_str()), ("prod", "aus1"));
    assert!(org.hook.secret.is_some() && org.hook.public_url.is_some() && org.way.is_some());
}

#[test]
fn the_orgs_of_a_file_share_the_journal_of_the_first() {
    let folder = |text: &str, flags: &[&str], env: &[(&str, &str)]| {
        let config = Written::new(text).read_with(flags, env).expect(text);
        match config.journal_folder() {
            Some(JournalFolder::Named(name)) => format!("= {name}"),
            Some(JournalFolder::OfOrg(url)) => url.to_owned(),
            None => String::new(),
        }
    };
    let (prod, named) = ("https://example.okta.com", format!("{TWO}[journal]\nname = \"team\"\n"));
    let other = [("OKTA_CLIENT_ORGURL", "https://other.example.test"), ("OKTA_CLIENT_TOKEN", "hush")];
    for flags in [&[][..], &["prod"], &["preview"], &["example.oktapreview.com", "prod"]] {
        assert_eq!(folder(TWO, flags, &[]), prod, "{flags:?}");
        assert_eq!(folder(&named, flags, &[]), "= team", "{flags:?}");
    }
    // An org that the file does not list has a journal of its own.
    assert_eq!(folder(TWO, &[], &other), "https://other.example.test");
    assert_eq!(folder(&named, &[], &other), "https://other.example.test");
    // Without a list, the name is for the org of the environment.
    assert_eq!(folder("[journal]\nname = \"team\"\n", &[], &other), "= team");
    assert_eq!(folder("", &[], &[]), "");
    for name in ["team", "example.okta.com", "127.0.0.1_8080", "a"] {
        assert!(
            Written::new(&format!("[journal]\nname = \"{name}\"\n")).read_with(&[], &[]).is_ok(),
            "{name}"
        );
    }
    let (long, secret) = ("a".repeat(101), "5f2d7c41a9e04b6b8c1d3e5f7a9b0c2d");
    for name in
        ["", ".", "..", "a/b", "../a", "Team", ".a", "a.", "snapshots", "consentwatch.log", &long, secret]
    {
        let error = Written::error(&format!("[journal]\nname = \"{name}\"\n"));
        assert!(
            error.contains("FILE, key journal.name: must be") && !error.contains(secret),
            "{name}: {error}"
        );
    }
}

#[test]
fn a_checked_list_says_where_each_org_is_and_what_is_wrong() {
    let written = Written::new(&format!(
        "{TWO}[hook]\nenabled = true\nsecret_env = \"S\"\npublic_url = \"https://m.example.test/h/\"\n"
    ));
    let config = written.read_with(&[], &[]).expect("good");
    let checked = ready(&config).expect("good");
    let data = written.folder.path().join("data");
    assert_eq!(
        (checked.dir.as_path(), checked.label().as_str()),
        (&*data.join("example.okta.com"), "prod, preview")
    );
    let keys: Vec<&str> = checked.orgs.iter().map(|org| &*org.known.key).collect();
    assert_eq!(keys, ["example.okta.com", "example.oktapreview.com"]);
    // Okta still reaches the first org after another is added.
    let hooks: Vec<_> = checked.orgs.iter().map(|org| org.hook(&config)).collect();
    let paths: Vec<_> =
        hooks.iter().map(|hook| (&*hook.path, hook.public_url.as_deref().expect("a URL"))).collect();
    let later = ("/okta/hook/preview", "https://m.example.test/h/preview");
    assert_eq!(paths, [("/okta/hook", "https://m.example.test/h/"), later]);
    let warned = |warnings: &[String], words: &str| warnings.iter().any(|warning| warning.contains(words));
    assert!(warned(&checked.warnings, "one hook secret: prod, preview"), "{:?}", checked.warnings);
    let alone = ready(&written.read_with(&["preview"], &[]).expect("good")).expect("good");
    assert!(alone.warnings.is_empty(), "{:?}", alone.warnings);
    assert_eq!(alone.dir, checked.dir, "it is selected, and its journal stays that of the list");
    // A journal of the second org from before is not silently left alone.
    fs::create_dir_all(data.join("example.oktapreview.com")).expect("a folder");
    fs::write(data.join("example.oktapreview.com/journal.sqlite3"), "").expect("a file");
    let warnings = ready(&config).expect("good").warnings;
    assert!(warned(&warnings, "set [journal] name = \"example.oktapreview.com\""), "{warnings:?}");
    assert!(warned(&warnings, "the one of preview in"), "{warnings:?}");
    // Two URLs of one org are found by what `OrgUrl` makes of them.
    let twice = TWO.replace("https://example.oktapreview.com", "https://example-admin.okta.com");
    let twice = Written::new(&twice).read_with(&[], &[]).expect("two hosts");
    let error = ready(&twice).expect_err("one org");
    assert!(
        error.contains("line 7, key org.url: the org of line 2 is the same, example.okta.com"),
        "{error}"
    );
    let odd =
        Written::new(&TWO.replace("example.oktapreview.com", "example.com.com")).read_with(&["prod"], &[]);
    let error = ready(&odd.expect("read")).expect_err("a bad URL");
    assert!(error.contains("\"https://example.com.com\" (from the file, line 7) cannot be used"), "{error}");
}

#[test]
fn the_orgs_that_are_chosen_are_those_that_are_worked_on() {
    let written = Written::new(TWO);
    let taken = |flags: &[&str]| ready(&written.read_with(flags, &[]).expect("good")).expect("good");
    for (flags, label, only) in
        [(&[][..], "prod, preview", false), (&["prod"], "prod", true), (&["preview"], "preview", true)]
    {
        let ready = taken(flags);
        assert_eq!((ready.label().as_str(), ready.only_these_orgs), (label, only), "{flags:?}");
        assert_eq!(ready.dir, taken(&[]).dir, "all share one journal");
    }
    let places = consentwatch::config::Places { data: Some(PathBuf::from("data")), ..Default::default() };
    let other = GlobalFlags { org: vec!["https://other.example.test".into()], ..GlobalFlags::default() };
    let config = load(&other, &|_| None, &places).expect("good");
    assert_eq!(ready(&config).expect("the only one").dir, Path::new("data/other.example.test"));
}
