//! All kinds of credentials, and each way in which an org refuses them: the real binary against the simulated org,
//! which verifies signatures. In every case, no secret appears anywhere.

#[path = "support/process.rs"]
mod process;

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use aws_lc_rs::encoding::{AsBigEndian as _, AsDer, EcPrivateKeyBin, EcPrivateKeyRfc5915Der, Pkcs8V1Der};
use aws_lc_rs::encoding::{EcPublicKeyUncompressedBin, PublicKeyX509Der};
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use process::{Output, Process, Sandbox, Sim, TOKEN};
use rustix::process::Signal;
use tempfile::TempDir;

const CLIENT: &str = "0oaDDDDDDDDDDDDDD1d7";
const KID: &str = "kid-1";
/// How an assertion, a proof and an access token begin: the base64url of `{"alg":`.
const SIGNED: &str = "eyJhbGciOi";
const ALL: [&str; 6] = ["tail", "--once", "--since", "90d", "--log-level", "debug"];

/// A key pair in all supported formats.
struct Pair {
    /// The name and the text of each format.
    private: Vec<(&'static str, String)>,
    public: String,
}

fn pem(tag: &str, der: &[u8]) -> String {
    pem::encode(&pem::Pem::new(tag, der))
}

/// Returns an RSA key. Generating one is slow, so all tests share the same key.
fn rsa() -> &'static Pair {
    static PAIR: OnceLock<Pair> = OnceLock::new();
    PAIR.get_or_init(|| {
        let pair = aws_lc_rs::rsa::KeyPair::generate(KeySize::Rsa2048).expect("a key");
        let pkcs8 = AsDer::<Pkcs8V1Der<'_>>::as_der(&pair).expect("its form");
        // For 2048 bits, PKCS #8 has 26 bytes before the PKCS #1 form.
        let pkcs1 = pkcs8.as_ref().get(26..).expect("a key");
        let public = AsDer::<PublicKeyX509Der<'_>>::as_der(pair.public_key()).expect("its form");
        Pair {
            private: vec![
                ("RS256 PKCS8", pem("PRIVATE KEY", pkcs8.as_ref())),
                ("RS256 PKCS1", pem("RSA PRIVATE KEY", pkcs1)),
            ],
            public: pem("PUBLIC KEY", public.as_ref()),
        }
    })
}

fn ec() -> &'static Pair {
    static PAIR: OnceLock<Pair> = OnceLock::new();
    PAIR.get_or_init(another_ec)
}

fn another_ec() -> Pair {
    let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).expect("a key");
    let pkcs8 = pair.to_pkcs8v1().expect("its form");
    let sec1 = AsDer::<EcPrivateKeyRfc5915Der<'_>>::as_der(&pair.private_key()).expect("its form");
    let d: EcPrivateKeyBin<'_> = pair.private_key().as_be_bytes().expect("its form");
    let point: EcPublicKeyUncompressedBin<'_> = pair.public_key().as_be_bytes().expect("its form");
    let (x, y) = point.as_ref().get(1..).expect("a point").split_at(32);
    let part = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
    let public = serde_json::json!({ "kty": "EC", "crv": "P-256", "kid": KID, "x": part(x), "y": part(y) });
    let mut jwk = public.clone();
    jwk["d"] = part(d.as_ref()).into();
    Pair {
        private: vec![
            ("ES256 SEC1", pem("EC PRIVATE KEY", sec1.as_ref())),
            ("ES256 PKCS8", pem("PRIVATE KEY", pkcs8.as_ref())),
            ("ES256 JWK", jwk.to_string()),
        ],
        public: serde_json::json!({ "keys": [public] }).to_string(),
    }
}

/// A service app with its key, and the places that its process may have written to.
struct App {
    sandbox: Sandbox,
    /// The folder of the key files, which is not searched for secrets.
    keys: TempDir,
    private: String,
}

impl App {
    fn new(private: &str) -> Self {
        let keys = tempfile::tempdir().expect("a folder");
        let path = keys.path().join("private");
        fs::write(&path, private).expect("a key file");
        fs::set_permissions(&path, Permissions::from_mode(0o600)).expect("its mode");
        Self { sandbox: Sandbox::new(), keys, private: private.to_owned() }
    }

    fn rsa() -> Self {
        Self::new(&rsa().private[0].1)
    }

    fn key_file(&self) -> String {
        self.keys.path().join("private").to_string_lossy().into_owned()
    }

    /// Starts an org that accepts this app, or an app with this public key.
    fn org(&self, public: &str, more: &[&str]) -> Sim {
        let path = self.keys.path().join("public");
        fs::write(&path, public).expect("a key file");
        let path = path.to_string_lossy();
        let app = ["--app", CLIENT, "--app-kid", KID, "--app-key", &path];
        Sim::start(60, &[&app[..], more].concat())
    }

    fn command(&self, org: &Sim, args: &[&str]) -> Command {
        let mut command = self.sandbox.command(Some(&org.url), args);
        command.env_remove("OKTA_CLIENT_TOKEN").env("OKTA_CLIENT_CLIENTID", CLIENT);
        command.env("OKTA_CLIENT_PRIVATEKEY", self.key_file()).env("OKTA_CLIENT_PRIVATEKEYID", KID);
        command.env("OKTA_CLIENT_SCOPES", "okta.logs.read");
        command
    }

    /// Writes a configuration with the app, and returns its path. Lines of other tables may follow `oauth`.
    fn configure(&self, org: &Sim, oauth: &str) -> String {
        let text = format!(
            "[org]\nurl = \"{}\"\n[org.oauth]\nclient_id = \"{CLIENT}\"\nkey_id = \"{KID}\"\n\
             private_key_file = \"{}\"\nscopes = [\"okta.logs.read\"]\n{oauth}\n",
            org.url,
            self.key_file()
        );
        fs::write(self.sandbox.path("c.toml"), text).expect("a configuration");
        "c.toml".to_owned()
    }

    fn configured(&self, org: &Sim, oauth: &str, args: &[&str]) -> Process {
        let config = self.configure(org, oauth);
        Process::start(&mut self.sandbox.command(None, &[args, &["--config", &config]].concat()))
    }

    fn log(&self) -> String {
        log(&self.sandbox)
    }

    /// Checks that no secret is in the output, in any file, or in the journal's compressed bodies.
    #[track_caller]
    fn hides(&self, org: &Sim, output: &Output) {
        let mut secrets: Vec<&str> = self.private.lines().filter(|line| !line.starts_with("-----")).collect();
        if let Some((_, d)) = self.private.split_once(r#""d":""#) {
            secrets.push(d.split('"').next().expect("a part"));
        }
        hides(&self.sandbox, &[&secrets[..], &[SIGNED]].concat(), &[&output.out, &output.err]);
        let mut command = self.command(org, &["export"]);
        hides(&self.sandbox, &[SIGNED], &[&Process::start(&mut command).end().out]);
    }
}

fn log(sandbox: &Sandbox) -> String {
    let mut found = Vec::new();
    files(&sandbox.path("data"), &mut found);
    let path = found.iter().find(|path| path.ends_with("consentwatch.log"));
    path.map_or_else(String::new, |path| fs::read_to_string(path).expect("the log"))
}

/// Returns every file below a folder.
fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() { files(&path, found) } else { found.push(path) }
    }
}

#[track_caller]
fn hides(sandbox: &Sandbox, secrets: &[&str], said: &[&str]) {
    let mut found = Vec::new();
    files(&sandbox.path(""), &mut found);
    for secret in secrets {
        assert!(secret.len() > 7, "too short to be told apart");
        assert!(!said.iter().any(|said| said.contains(secret)), "it was said: {said:?}");
        for path in &found {
            let bytes = fs::read(path).expect("a file");
            let place = memchr::memmem::find(&bytes, secret.as_bytes());
            assert!(place.is_none(), "{} holds a secret at {place:?}", path.display());
        }
    }
}

/// Returns the messages for people: standard error without the coverage lines.
fn words(err: &str) -> String {
    let is_coverage = |line: &&str| line.starts_with(r#"{"schema":"consentwatch.coverage/1","#);
    err.split_inclusive('\n').filter(|line| !is_coverage(line)).collect()
}

/// Checks the exit code, and that a message with these words is on standard error and in the log.
#[track_caller]
fn refused(output: &Output, log: &str, code: i32, wanted: &[&str]) {
    assert_eq!((output.code, output.out.as_str()), (Some(code), ""), "{}", output.err);
    let said = words(&output.err);
    assert!(said.starts_with("consentwatch: ") && said.lines().count() == 1, "{said}");
    for word in wanted.iter().chain(&["Stopped. Nothing stored was lost."]) {
        assert!(said.contains(word), "{word:?} is missing: {said}");
    }
    let warned = log.lines().find(|line| wanted.iter().all(|word| line.contains(word)));
    assert!(warned.is_some_and(|line| line.contains(" WARN ")), "{wanted:?}: {log}");
}

/// Checks that it succeeded and that the messages for people contain these words.
#[track_caller]
fn good(output: &Output, org: &Sim, wanted: &[&str]) {
    assert_eq!((output.code, output.out.lines().count()), (Some(0), org.total()), "{}", output.err);
    let said = words(&output.err);
    assert_eq!(said.is_empty(), wanted.is_empty(), "{said}");
    for word in wanted {
        assert!(said.contains(word), "{word:?} is missing: {said}");
    }
}

#[test]
fn a_service_app_signs_in_with_each_form_of_key() {
    for pair in [rsa(), ec()] {
        for (form, private) in &pair.private {
            for proofs in [&[][..], &["--app-dpop"]] {
                let app = App::new(private);
                let org = app.org(&pair.public, proofs);
                let mut command = app.command(&org, &ALL);
                if !proofs.is_empty() {
                    // The variable may also contain the key itself, even if there is an unused token.
                    command.env("OKTA_CLIENT_PRIVATEKEY", private).env("OKTA_CLIENT_TOKEN", TOKEN);
                    command.env("OKTA_CLIENT_AUTHORIZATIONMODE", "PrivateKey");
                }
                let output = Process::start(&mut command).end();
                good(&output, &org, &[]);
                app.hides(&org, &output);
                hides(&app.sandbox, &[TOKEN], &[&output.out, &output.err]);
                assert!(!app.log().contains(" WARN "), "{form}: {}", app.log());
            }
        }
    }
}

#[test]
fn an_org_registers_the_public_half_of_a_private_key() {
    for (form, private) in rsa().private.iter().chain(&ec().private) {
        let app = App::new(private);
        let org = app.org(private, &[]);
        good(&Process::start(&mut app.command(&org, &ALL)).end(), &org, &[]);
        let told = org.process.wait("what the org takes", |said| {
            said.out.lines().find(|line| line.starts_with("service app ")).map(str::to_owned)
        });
        assert_eq!(
            told,
            format!(
                "service app {CLIENT} by key {KID}: scopes okta.logs.read, role read-only, DPoP optional"
            ),
            "{form}"
        );
        org.process.signal(Signal::TERM);
        let output = org.process.end();
        for line in private.lines().filter(|line| !line.starts_with("-----")) {
            assert!(!output.out.contains(line) && !output.err.contains(line), "{form}");
        }
    }
}

#[test]
fn proofs_are_sent_as_the_configuration_says() {
    for (demanded, dpop) in
        [(false, "auto"), (false, "always"), (false, "never"), (true, "auto"), (true, "always")]
    {
        let app = App::rsa();
        let org = app.org(&rsa().public, if demanded { &["--app-dpop"] } else { &[] });
        let output = app.configured(&org, &format!("dpop = \"{dpop}\""), &ALL).end();
        good(&output, &org, &[]);
        app.hides(&org, &output);
    }
    let app = App::rsa();
    let org = app.org(&rsa().public, &["--app-dpop"]);
    let output = app.configured(&org, "dpop = \"never\"", &ALL).end();
    let wanted = [
        "400 invalid_dpop_proof",
        "request id Z",
        "The app requires DPoP",
        "org.oauth.dpop to auto or always",
    ];
    refused(&output, &app.log(), 3, &wanted);
    app.hides(&org, &output);
}

/// The key registered in the org, further flags of the org, a changed variable, and the expected message.
type Row<'a> = (&'a str, &'a [&'a str], Option<(&'a str, &'a str)>, &'a [&'a str]);

#[test]
fn a_refused_sign_in_says_why_and_what_to_do() {
    let not_let = "Okta does not let the service app sign in";
    let no_token = "Okta issues no token to the service app";
    let check =
        "Check client_id, the private key, key_id as registered with the app, and this machine's clock.";
    let other = ec().public.as_str();
    let own = rsa().public.as_str();
    let set = |name, value| Some((name, value));
    let sheet: [Row<'_>; 10] = [
        (other, &[], None, &[not_let, "401 invalid_client: The signature", check]),
        (
            own,
            &[],
            set("OKTA_CLIENT_PRIVATEKEYID", "kid-2"),
            &[not_let, "401 invalid_client: The 'kid'", check],
        ),
        (own, &[], set("OKTA_CLIENT_PRIVATEKEYID", ""), &[not_let, "401 invalid_client: The 'kid'", check]),
        (own, &[], set("OKTA_CLIENT_CLIENTID", "0oaEEEEEEEEEEEEEE1d7"), &[not_let, "error id oae", check]),
        (
            own,
            &["--fault", "app_deactivated"],
            None,
            &[not_let, "401 invalid_client: The client is not", check],
        ),
        (
            own,
            &["--app-dpop", "--fault", "nonce_loop"],
            None,
            &[not_let, "400 use_dpop_nonce", "Okta refuses nonces that it issued itself"],
        ),
        (
            own,
            &["--fault", "zone_denied"],
            None,
            &[no_token, "403 access_denied", "Check the app's network zones"],
        ),
        (
            own,
            &["--app-scope", "okta.users.read"],
            None,
            &[no_token, "400 consent_required", "A Super Admin must grant okta.logs.read to the app"],
        ),
        (
            own,
            &[],
            set("OKTA_CLIENT_SCOPES", "openid"),
            &[no_token, "400 invalid_scope", "Ask for scopes of Okta's API", "OKTA_CLIENT_SCOPES"],
        ),
        (
            own,
            &["--fault", "token_expired@1-99"],
            None,
            &[
                "Okta does not accept the credentials",
                "401 invalid_token",
                "whether the service app is active",
            ],
        ),
    ];
    for (public, more, change, wanted) in sheet {
        let app = App::rsa();
        let org = app.org(public, more);
        let mut command = app.command(&org, &ALL);
        let output = Process::start(command.envs(change)).end();
        refused(&output, &app.log(), 3, &[wanted, &["request id Z"]].concat());
        app.hides(&org, &output);
    }
}

#[test]
fn a_missing_right_is_named_as_scope_or_role() {
    let lacks = "The credentials lack a right";
    let role = "a role that may read this, such as Read-only Administrator";
    let scope = "Grant the scope okta.logs.read to the service app";
    for (more, wanted) in [
        (&["--app-role", "none"][..], &[lacks, "403 E0000006", "error id oae", role][..]),
        (&["--fault", "forbidden"], &[lacks, "403 E0000006", "error id oae", role]),
        (&["--fault", "forbidden_empty"], &[lacks, "403 insufficient_scope", scope]),
    ] {
        let app = App::rsa();
        let org = app.org(&rsa().public, more);
        let output = Process::start(&mut app.command(&org, &ALL)).end();
        refused(&output, &app.log(), 3, &[wanted, &["request id Z"]].concat());
        app.hides(&org, &output);
    }
    for (fault, wanted) in [
        ("unauthorized", &["401 E0000011", "error id oae", "Configure a valid token"][..]),
        ("forbidden", &[lacks, "403 E0000006", "error id oae", role]),
        ("forbidden_empty", &[lacks, "403 insufficient_scope", scope]),
    ] {
        let (org, sandbox) = (Sim::start(20, &["--fault", fault]), Sandbox::new());
        let output = sandbox.start(&org, &ALL).end();
        refused(&output, &log(&sandbox), 3, &[wanted, &["request id Z"]].concat());
        hides(&sandbox, &[TOKEN], &[&output.out, &output.err]);
    }
}

#[test]
fn scopes_that_were_not_granted_are_named() {
    let app = App::rsa();
    let org = app.org(&rsa().public, &["--app-scope", "okta.logs.read", "okta.users.read"]);
    let mut command = app.command(&org, &ALL);
    let output =
        Process::start(command.env("OKTA_CLIENT_SCOPES", "okta.logs.read okta.users.read okta.apps.read"));
    let output = output.end();
    let wanted =
        ["did not grant these scopes: okta.apps.read.", "The log can still be read", "OKTA_CLIENT_SCOPES"];
    good(&output, &org, &wanted);
    assert_eq!(words(&output.err).lines().count(), 1, "{}", output.err);
    assert!(app.log().contains(wanted[0]), "{}", app.log());
    app.hides(&org, &output);

    // If the granted scopes are useless, the message names the missing scope and its effect.
    let org = app.org(&rsa().public, &["--app-scope", "okta.users.read"]);
    let mut command = app.command(&org, &ALL);
    let output = Process::start(command.env("OKTA_CLIENT_SCOPES", "okta.users.read okta.logs.read")).end();
    assert_eq!((output.code, output.out.as_str()), (Some(3), ""), "{}", output.err);
    for word in
        ["these scopes: okta.logs.read.", "under Okta API Scopes", "403 insufficient_scope", "request id Z"]
    {
        assert!(output.err.contains(word) && app.log().contains(word), "{word}: {}", output.err);
    }
    app.hides(&org, &output);
}

#[test]
fn what_okta_teaches_is_learned_without_ado() {
    // Each case uses small pages, so that the token is used before and after the fault.
    let small = "[poll]\npage_size = 20\ninterval = \"1s\"";
    for more in [
        &["--fault", "token_expired@2"][..],
        &["--fault", "token_expired@3", "--app-dpop"],
        &["--fault", "bad_nonce", "--app-dpop"],
    ] {
        let app = App::rsa();
        let org = app.org(&rsa().public, more);
        let output = app.configured(&org, small, &ALL).end();
        good(&output, &org, &[]);
        app.hides(&org, &output);
    }
    for (fault, way) in [("clock_skew", "behind Okta's"), ("clock_behind", "ahead of Okta's")] {
        for proofs in [&[][..], &["--app-dpop"]] {
            let app = App::rsa();
            let org = app.org(&rsa().public, &[&["--fault", fault], proofs].concat());
            let output = app.configured(&org, small, &ALL).end();
            let wanted = ["This machine's clock is ", way, "correct the clock"];
            good(&output, &org, &wanted);
            assert!(app.log().contains(way), "{}", app.log());
            app.hides(&org, &output);
        }
    }
    // The program waits for a token endpoint that cannot answer now.
    let app = App::rsa();
    let org = app.org(&rsa().public, &["--fault", "token_endpoint_down@1"]);
    let tail = app.configured(&org, small, &["tail", "--since", "90d"]);
    let wanted = "Okta cannot answer now (status 500 E0000009";
    tail.wait("the sentence", |said| said.err.contains(wanted).then_some(()));
    tail.signal(Signal::TERM);
    let output = tail.end();
    assert!(output.code == Some(143) && app.log().contains(wanted), "{}", output.err);
    app.hides(&org, &output);
}

#[test]
fn whoever_else_answers_gets_nothing_and_is_named() {
    let page = [
        "Something other than Okta's API answered (status 200)",
        "whether a proxy or a sign-in page is in between",
    ];
    let led = ["redirects elsewhere", "status 302 to http://127.0.0.2:9", "Use the org's own URL"];
    for (fault, wanted) in [("login_page", &page[..]), ("redirect", &led)] {
        // At the sign-in.
        let app = App::rsa();
        let org = app.org(&rsa().public, &["--fault", fault]);
        let output = Process::start(&mut app.command(&org, &ALL)).end();
        refused(&output, &app.log(), 1, wanted);
        app.hides(&org, &output);

        // At the second page. The events of the first are good.
        let app = App::rsa();
        let org = app.org(&rsa().public, &["--fault", &format!("{fault}@2")]);
        let output = app.configured(&org, "[poll]\npage_size = 20", &ALL).end();
        assert_eq!((output.code, output.out.lines().count()), (Some(1), 20), "{}", output.err);
        for word in wanted {
            assert!(output.err.contains(word) && app.log().contains(word), "{word}: {}", output.err);
        }
        app.hides(&org, &output);
        // With a token, at the first page.
        let (org, sandbox) = (Sim::start(20, &["--fault", fault]), Sandbox::new());
        let output = sandbox.start(&org, &ALL).end();
        refused(&output, &log(&sandbox), 1, wanted);
        hides(&sandbox, &[TOKEN], &[&output.out, &output.err]);
    }
    let app = App::rsa();
    let org = app.org(&rsa().public, &["--fault", "foreign_next", "--app-dpop"]);
    let output = Process::start(&mut app.command(&org, &ALL)).end();
    // The events of the page with the wrong link are good.
    assert_eq!((output.code, output.out.lines().count()), (Some(1), org.total()), "{}", output.err);
    for word in ["next link leads elsewhere, to http://127.0.0.2:9,", "Check the org URL"] {
        assert!(output.err.contains(word) && app.log().contains(word), "{word}: {}", output.err);
    }
    app.hides(&org, &output);
}

#[test]
fn an_org_url_that_credentials_must_not_go_to_is_refused_before_anything_starts() {
    for (url, wanted) in [
        ("https://{yourOktaDomain}", &["still contains a placeholder"][..]),
        ("http://example.okta.com", &["must begin with https://", "http://example.okta.com"]),
        ("http://192.0.2.7:8080", &["must begin with https://"]),
        (
            "https://ada:SecretWord@example.okta.com",
            &["hidden@example.okta.com", "a user name or a password"],
        ),
    ] {
        let app = App::rsa();
        for has_token in [true, false] {
            let mut command = app.sandbox.command(Some(url), &ALL);
            if !has_token {
                command.env_remove("OKTA_CLIENT_TOKEN").env("OKTA_CLIENT_CLIENTID", CLIENT);
                command.env("OKTA_CLIENT_PRIVATEKEY", &app.private);
            }
            let output = Process::start(&mut command).end();
            assert_eq!((output.code, output.out.as_str()), (Some(2), ""), "{}", output.err);
            for word in wanted.iter().chain(&["(from the environment)", "Nothing was started"]) {
                assert!(output.err.contains(word), "{word:?} is missing: {}", output.err);
            }
            let key = app.private.lines().nth(1).expect("a line of the key");
            hides(&app.sandbox, &[TOKEN, "SecretWord", key], &[&output.out, &output.err]);
            assert!(!app.sandbox.path("data").exists(), "nothing was written");
        }
    }
}

#[test]
fn a_key_that_is_none_is_refused_and_not_shown() {
    let app = App::rsa();
    let org = app.org(&rsa().public, &[]);
    // A key without its first and last line.
    let bare: String = app.private.lines().filter(|line| !line.starts_with("-----")).collect();
    let cut: String = app.private.lines().take(9).collect::<Vec<_>>().join("\n");
    let pair = another_ec();
    let jwk = pair.private[2].1.replace("\"x\"", "\"z\"");
    for (key, wanted) in [
        (
            bare.as_str(),
            "neither PEM nor a JWK, a JWKS or the base64 of one of them. It came from the environment or okta.yaml, and is not the path of a file.",
        ),
        (&cut, "damaged"),
        (&jwk, "lacks a part"),
        (&rsa().public, "The private key is needed"),
    ] {
        for args in [&ALL[..], &["config", "check"]] {
            let mut command = app.command(&org, args);
            let output = Process::start(command.env("OKTA_CLIENT_PRIVATEKEY", key)).end();
            assert_eq!((output.code, output.out.as_str()), (Some(2), ""), "{}", output.err);
            assert!(
                output.err.contains(wanted) && output.err.contains("Nothing was started"),
                "{}",
                output.err
            );
        }
        let mut command = app.command(&org, &["config", "show"]);
        let shown = Process::start(command.env("OKTA_CLIENT_PRIVATEKEY", key)).end();
        for text in [shown.out, shown.err] {
            assert!(!key.lines().any(|line| text.contains(line)) && !text.contains(&bare), "{text}");
        }
    }
    assert!(!app.sandbox.path("data").exists(), "nothing was written");
}

#[test]
fn a_refusal_in_the_middle_ends_no_tail() {
    let stays = "It retries every minute and reads the credentials again; what is stored stays usable.";
    let (org, sandbox) = (Sim::start(60, &["--fault", "unauthorized@3"]), Sandbox::new());
    fs::write(sandbox.path("c.toml"), "[poll]\ninterval = \"1s\"\n").expect("a configuration");
    let tail = sandbox.start(&org, &["tail", "--since", "90d", "--config", "c.toml", "--log-level", "debug"]);
    tail.wait("the refusal", |said| said.err.contains(stays).then_some(()));
    tail.signal(Signal::TERM);
    let output = tail.end();
    assert_eq!((output.code, output.out.lines().count()), (Some(143), org.total()), "{}", output.err);
    for word in ["401 E0000011", "error id oae", "request id Z", stays, "Configure a valid token"] {
        assert!(output.err.contains(word) && log(&sandbox).contains(word), "{word}: {}", output.err);
    }
    hides(&sandbox, &[TOKEN], &[&output.out, &output.err]);

    let app = App::rsa();
    let org = app.org(&rsa().public, &["--fault", "token_expired@3", "app_deactivated@2"]);
    let tail = app.configured(
        &org,
        "[poll]\ninterval = \"1s\"",
        &["tail", "--since", "90d", "--log-level", "debug"],
    );
    tail.wait("the refusal", |said| said.err.contains(stays).then_some(()));
    tail.signal(Signal::TERM);
    let output = tail.end();
    assert_eq!((output.code, output.out.lines().count()), (Some(143), org.total()), "{}", output.err);
    for word in ["Okta does not let the service app sign in", "401 invalid_client", "request id Z", stays] {
        assert!(output.err.contains(word) && app.log().contains(word), "{word}: {}", output.err);
    }
    app.hides(&org, &output);
}

#[test]
fn an_org_is_told_wrongly_and_says_so() {
    let app = App::rsa();
    fs::write(app.keys.path().join("public"), &rsa().public).expect("a key file");
    fs::write(app.keys.path().join("empty.jwks"), r#"{"keys":[]}"#).expect("a key file");
    let path = |name: &str| app.keys.path().join(name).to_string_lossy().into_owned();
    let (public, empty, missing) = (path("public"), path("empty.jwks"), path("missing"));
    for (args, wanted) in [
        (&["--app", CLIENT][..], &["--app-key"][..]),
        (&["--app-dpop"], &["--app"]),
        (&["--app", CLIENT, "--app-key", &missing], &["missing", "Nothing was started"]),
        (&["--app", CLIENT, "--app-key", &empty], &["no such key", "Nothing was started"]),
        (&["--app", CLIENT, "--app-key", &public, "--app-scope", "mail"], &["mail", "Nothing was started"]),
        (&["--app", CLIENT, "--app-key", &public, "--app-role", "x"], &["none, read-only, super"]),
        (&["--fault", "redirect@0"], &["redirect@0", "NAME@FROM-TO"]),
    ] {
        let mut command = app.sandbox.command(None, &[&["sim"], args].concat());
        let output = Process::start(&mut command).end();
        assert_eq!((output.code, output.out.as_str()), (Some(2), ""), "{}", output.err);
        for word in wanted {
            assert!(output.err.contains(word), "{word:?} is missing: {}", output.err);
        }
    }
}
