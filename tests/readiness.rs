//! Readiness of each variant of the simulated org, over real HTTP, with the verdict on each item.

use std::collections::BTreeMap;
use std::time::Duration;

use consentwatch::clock::Clock;
use consentwatch::intake::{OktaClient, probe};
use consentwatch::okta::{Budget, Credentials, OrgUrl, Prober, ReadinessBudgets, ReadinessPlan};
use consentwatch::report::Overall::{NotReady, Ready, Unproven};
use consentwatch::report::{Confidence, Overall, Readiness};
use consentwatch::run::Route;
use consentwatch::secret::Secret;
use consentwatch::sim::{OrgShape, Plan, SimOrg};
use consentwatch::tasks::Tasks;

const TOKEN: &str = "00invented-token";

async fn probe_of(word: &str, server: &str) -> Readiness {
    let clock = Clock::system();
    let tasks = Tasks::new();
    let shape = OrgShape::from_word(word).unwrap_or_else(|| panic!("no variant {word}"));
    let plan = Plan {
        backlog: 40,
        rate_per_minute: 0.0,
        token: TOKEN.to_owned(),
        variant: shape.variant(),
        shape,
        ..Plan::default()
    };
    let org = SimOrg::start("127.0.0.1:0".parse().expect("an address"), plan, &clock, &tasks)
        .await
        .expect("the org starts");
    let (url, _) = OrgUrl::parse(&org.url()).expect("it is good");
    let credentials = Credentials::ssws(&Secret::new(TOKEN)).expect("it is good");
    let client = OktaClient::new(&url, credentials, &Route::default(), clock.clone()).expect("it is good");
    let plan = ReadinessPlan {
        org: url,
        server: server.to_owned(),
        public_url: None,
        has_credentials: true,
        jitter_seed: 1,
    };
    let log = Budget::new(1.0, Duration::from_secs(10));
    let mut prober = Prober::new(plan, ReadinessBudgets::beside(log, 1.0));
    let found = probe::round(&mut prober, &client, &clock, None, true, None).await;
    drop(org);
    assert!(tasks.finish(Duration::from_secs(10)).await, "every task ends");
    found
}

type Verdicts = &'static [(&'static str, &'static str)];

/// The expected items if nothing is wrong and people consent. A sign at the end marks a blocker.
const PROVEN: &[(&str, &str)] = &[
    ("engine", "Identity Engine / confirmed"),
    ("api_access_management", "on / confirmed"),
    ("api_access_management_consent", "on / confirmed"),
    ("eng_oie_consent", "on / confirmed"),
    ("api_access_management_extensibility", "unknown / cannot tell"),
    ("authorization_server", "ACTIVE / confirmed"),
    ("access_policy", "ACTIVE / confirmed"),
    ("access_rule", "lets people through / confirmed"),
    ("scopes", "13 of 20 ask / confirmed"),
    ("apps", "22 of 22 require / confirmed"),
    ("history", "proven / confirmed"),
    ("event_hook", "none / confirmed"),
    ("features", "no hint / cannot tell"),
    ("token", "API token / confirmed"),
    ("clock", "in step / confirmed"),
];

/// The same if nobody has consented yet.
const QUIET: &[(&str, &str)] = &[
    ("engine", "Identity Engine / confirmed"),
    ("api_access_management", "on / confirmed"),
    ("api_access_management_consent", "on / likely"),
    ("eng_oie_consent", "unknown / cannot tell"),
    ("api_access_management_extensibility", "unknown / cannot tell"),
    ("authorization_server", "ACTIVE / confirmed"),
    ("access_policy", "ACTIVE / confirmed"),
    ("access_rule", "lets people through / confirmed"),
    ("scopes", "13 of 20 ask / confirmed"),
    ("apps", "22 of 22 require / confirmed"),
    ("history", "none / confirmed"),
    ("event_hook", "none / confirmed"),
    ("features", "no hint / cannot tell"),
    ("token", "API token / confirmed"),
    ("clock", "in step / confirmed"),
];

/// Every variant of the simulated org with its verdict and the items that differ from one of the two lists above.
const TABLE: &[(&str, Overall, Verdicts, Verdicts)] = &[
    ("oie", Ready, PROVEN, &[]),
    (
        "classic",
        Ready,
        PROVEN,
        &[("engine", "Classic / confirmed"), ("eng_oie_consent", "not applicable / confirmed")],
    ),
    ("oie-quiet", Unproven, QUIET, &[]),
    (
        "classic-quiet",
        Unproven,
        QUIET,
        &[("engine", "Classic / confirmed"), ("eng_oie_consent", "not applicable / confirmed")],
    ),
    (
        "oie-unlicensed",
        NotReady,
        QUIET,
        &[
            ("api_access_management", "off / confirmed !"),
            ("authorization_server", "unknown / cannot tell"),
            ("access_policy", "unknown / cannot tell"),
            ("access_rule", "unknown / cannot tell"),
            ("scopes", "unknown / cannot tell"),
        ],
    ),
    (
        "classic-unlicensed",
        NotReady,
        QUIET,
        &[
            ("engine", "Classic / confirmed"),
            ("api_access_management", "off / confirmed !"),
            ("api_access_management_consent", "off / likely"),
            ("eng_oie_consent", "not applicable / confirmed"),
            ("authorization_server", "unknown / cannot tell"),
            ("access_policy", "unknown / cannot tell"),
            ("access_rule", "unknown / cannot tell"),
            ("scopes", "unknown / cannot tell"),
            ("apps", "none requires / confirmed"),
        ],
    ),
    (
        "half-unlicensed",
        Unproven,
        QUIET,
        &[
            ("api_access_management", "off / likely"),
            ("api_access_management_consent", "off / likely"),
            ("authorization_server", "unknown / cannot tell"),
            ("access_policy", "unknown / cannot tell"),
            ("access_rule", "unknown / cannot tell"),
            ("scopes", "unknown / cannot tell"),
            ("apps", "none requires / confirmed"),
        ],
    ),
    (
        "contradiction",
        Unproven,
        QUIET,
        &[
            ("api_access_management", "unknown / cannot tell"),
            ("api_access_management_consent", "off / likely"),
            ("authorization_server", "there / likely"),
            ("access_policy", "unknown / cannot tell"),
            ("access_rule", "unknown / cannot tell"),
            ("scopes", "unknown / cannot tell"),
            ("apps", "none requires / confirmed"),
        ],
    ),
    (
        "oie-no-consent",
        Unproven,
        QUIET,
        &[("api_access_management_consent", "off / likely"), ("apps", "none requires / confirmed")],
    ),
    (
        "classic-no-consent",
        Unproven,
        QUIET,
        &[
            ("engine", "Classic / confirmed"),
            ("api_access_management_consent", "off / likely"),
            ("eng_oie_consent", "not applicable / confirmed"),
            ("apps", "none requires / confirmed"),
        ],
    ),
    ("default-renamed", Ready, PROVEN, &[]),
    (
        "default-missing",
        NotReady,
        PROVEN,
        &[
            ("authorization_server", "missing / confirmed !"),
            ("access_policy", "unknown / cannot tell"),
            ("access_rule", "unknown / cannot tell"),
            ("scopes", "21 ask / confirmed"),
        ],
    ),
    ("default-inactive", NotReady, PROVEN, &[("authorization_server", "INACTIVE / confirmed !")]),
    (
        "no-policy",
        NotReady,
        QUIET,
        &[("access_policy", "missing / confirmed !"), ("access_rule", "missing / confirmed")],
    ),
    (
        "policy-inactive",
        NotReady,
        QUIET,
        &[("access_policy", "INACTIVE / confirmed !"), ("access_rule", "missing / confirmed")],
    ),
    ("no-rule", NotReady, QUIET, &[("access_rule", "no user flow / confirmed !")]),
    ("rule-inactive", NotReady, QUIET, &[("access_rule", "no user flow / confirmed !")]),
    ("no-user-flow", NotReady, QUIET, &[("access_rule", "no user flow / confirmed !")]),
    ("inline-hook", Ready, PROVEN, &[("api_access_management_extensibility", "in use / confirmed")]),
    ("implicit-scopes", NotReady, QUIET, &[("scopes", "none asks / confirmed !")]),
    (
        "keyless-scopes",
        NotReady,
        QUIET,
        &[
            ("api_access_management_consent", "off / likely"),
            ("scopes", "none asks / confirmed !"),
            ("apps", "none requires / confirmed"),
        ],
    ),
    ("fewer-scopes", Ready, PROVEN, &[("scopes", "12 of 20 ask / confirmed")]),
    ("apps-trusted", Unproven, QUIET, &[("apps", "none requires / confirmed")]),
    (
        "apps-none",
        Unproven,
        QUIET,
        &[("api_access_management_consent", "unknown / cannot tell"), ("apps", "no app / confirmed")],
    ),
    (
        "apps-catalogue",
        Unproven,
        QUIET,
        &[("api_access_management_consent", "unknown / cannot tell"), ("apps", "none requires / confirmed")],
    ),
    ("hook-verified", Ready, PROVEN, &[("event_hook", "ACTIVE, VERIFIED / confirmed")]),
    ("hook-unverified", Ready, PROVEN, &[("event_hook", "ACTIVE, UNVERIFIED / confirmed")]),
    ("hook-inactive", Ready, PROVEN, &[("event_hook", "INACTIVE, VERIFIED / confirmed")]),
    ("hook-other-events", Ready, PROVEN, &[]),
    ("feature-hint", Ready, PROVEN, &[("features", "a hint / likely")]),
    (
        "no-servers-role",
        Ready,
        PROVEN,
        &[
            ("api_access_management", "on / likely"),
            ("authorization_server", "there / likely"),
            ("access_policy", "unknown / not permitted"),
            ("access_rule", "unknown / not permitted"),
            ("scopes", "unknown / not permitted"),
        ],
    ),
    (
        "no-servers-scope",
        Ready,
        PROVEN,
        &[
            ("api_access_management", "on / likely"),
            ("authorization_server", "there / likely"),
            ("access_policy", "unknown / not permitted"),
            ("access_rule", "unknown / not permitted"),
            ("scopes", "unknown / not permitted"),
        ],
    ),
    ("no-apps-role", Ready, PROVEN, &[("apps", "unknown / not permitted")]),
    ("no-apps-scope", Ready, PROVEN, &[("apps", "unknown / not permitted")]),
    ("no-features-role", Ready, PROVEN, &[("features", "unknown / not permitted")]),
    ("no-features-scope", Ready, PROVEN, &[("features", "unknown / not permitted")]),
    ("no-hooks-role", Ready, PROVEN, &[("event_hook", "unknown / not permitted")]),
    ("no-hooks-scope", Ready, PROVEN, &[("event_hook", "unknown / not permitted")]),
    ("no-logs-role", Unproven, QUIET, &[("history", "unknown / not permitted")]),
    ("no-logs-scope", Unproven, QUIET, &[("history", "unknown / not permitted")]),
    (
        "no-rights-role",
        Unproven,
        QUIET,
        &[
            ("api_access_management", "on / likely"),
            ("api_access_management_consent", "unknown / not permitted"),
            ("authorization_server", "there / likely"),
            ("access_policy", "unknown / not permitted"),
            ("access_rule", "unknown / not permitted"),
            ("scopes", "unknown / not permitted"),
            ("apps", "unknown / not permitted"),
            ("history", "unknown / not permitted"),
            ("event_hook", "unknown / not permitted"),
            ("features", "unknown / not permitted"),
        ],
    ),
    (
        "no-rights-scope",
        Unproven,
        QUIET,
        &[
            ("api_access_management", "on / likely"),
            ("api_access_management_consent", "unknown / not permitted"),
            ("authorization_server", "there / likely"),
            ("access_policy", "unknown / not permitted"),
            ("access_rule", "unknown / not permitted"),
            ("scopes", "unknown / not permitted"),
            ("apps", "unknown / not permitted"),
            ("history", "unknown / not permitted"),
            ("event_hook", "unknown / not permitted"),
            ("features", "unknown / not permitted"),
        ],
    ),
    (
        "dead-token",
        Unproven,
        QUIET,
        &[
            ("api_access_management", "on / likely"),
            ("api_access_management_consent", "unknown / cannot tell"),
            ("authorization_server", "there / likely"),
            ("access_policy", "unknown / cannot tell"),
            ("access_rule", "unknown / cannot tell"),
            ("scopes", "unknown / cannot tell"),
            ("apps", "unknown / cannot tell"),
            ("history", "unknown / cannot tell"),
            ("event_hook", "unknown / cannot tell"),
            ("features", "unknown / cannot tell"),
            ("token", "refused / confirmed"),
        ],
    ),
    (
        "servers-404",
        Ready,
        PROVEN,
        &[
            ("api_access_management", "on / likely"),
            ("authorization_server", "there / likely"),
            ("access_policy", "unknown / cannot tell"),
            ("access_rule", "unknown / cannot tell"),
            ("scopes", "unknown / cannot tell"),
        ],
    ),
    (
        "servers-429",
        Ready,
        PROVEN,
        &[
            ("api_access_management", "on / likely"),
            ("authorization_server", "there / likely"),
            ("access_policy", "unknown / cannot tell"),
            ("access_rule", "unknown / cannot tell"),
            ("scopes", "unknown / cannot tell"),
        ],
    ),
    (
        "servers-500",
        Ready,
        PROVEN,
        &[
            ("api_access_management", "on / likely"),
            ("authorization_server", "there / likely"),
            ("access_policy", "unknown / cannot tell"),
            ("access_rule", "unknown / cannot tell"),
            ("scopes", "unknown / cannot tell"),
        ],
    ),
    (
        "servers-html",
        Ready,
        PROVEN,
        &[
            ("api_access_management", "on / likely"),
            ("authorization_server", "there / likely"),
            ("access_policy", "unknown / cannot tell"),
            ("access_rule", "unknown / cannot tell"),
            ("scopes", "unknown / cannot tell"),
        ],
    ),
    (
        "servers-garbage",
        Ready,
        PROVEN,
        &[
            ("api_access_management", "on / likely"),
            ("authorization_server", "there / likely"),
            ("access_policy", "unknown / cannot tell"),
            ("access_rule", "unknown / cannot tell"),
            ("scopes", "unknown / cannot tell"),
        ],
    ),
    ("apps-401", Ready, PROVEN, &[("apps", "unknown / cannot tell")]),
    ("apps-429", Ready, PROVEN, &[("apps", "unknown / cannot tell")]),
    ("apps-html", Ready, PROVEN, &[("apps", "unknown / cannot tell")]),
    ("hooks-garbage", Ready, PROVEN, &[("event_hook", "unknown / cannot tell")]),
    ("features-500", Ready, PROVEN, &[("features", "unknown / cannot tell")]),
    ("logs-html", Unproven, QUIET, &[("history", "unknown / cannot tell")]),
    ("logs-garbage", Unproven, QUIET, &[("history", "unknown / cannot tell")]),
    (
        "no-rights-quiet",
        Unproven,
        QUIET,
        &[
            ("api_access_management", "on / likely"),
            ("api_access_management_consent", "unknown / not permitted"),
            ("authorization_server", "there / likely"),
            ("access_policy", "unknown / not permitted"),
            ("access_rule", "unknown / not permitted"),
            ("scopes", "unknown / not permitted"),
            ("apps", "unknown / not permitted"),
            ("history", "unknown / not permitted"),
            ("event_hook", "unknown / not permitted"),
            ("features", "unknown / not permitted"),
        ],
    ),
];

#[tokio::test]
async fn each_org_gets_its_verdict_item_by_item() {
    let known: Vec<&str> = TABLE.iter().map(|(word, ..)| *word).collect();
    assert_eq!(known, OrgShape::WORDS, "each variant has a line");
    let rounds = TABLE.iter().map(|(word, ..)| probe_of(word, "default"));
    let rounds = futures_util::future::join_all(rounds).await;
    for ((word, verdict, base, others), found) in TABLE.iter().zip(rounds) {
        assert_eq!(found.verdict, *verdict, "{word}");
        assert_eq!(found.credentials_refused, *word == "dead-token", "{word}");
        let mut expected: BTreeMap<&str, &str> = base.iter().copied().collect();
        expected.extend(others.iter().copied());
        let mut heard = BTreeMap::new();
        for item in found.items.iter().filter(|item| !item.id.starts_with("server.")) {
            let state = if item.state.starts_with("proven ") { "proven" } else { &item.state };
            let mark = if item.blocking { " !" } else { "" };
            heard.insert(&*item.id, format!("{state} / {}{mark}", item.confidence.word()));
            assert!(!item.meaning.is_empty(), "{word}: {} means nothing", item.id);
            let needs_remedy = item.blocking || item.confidence == Confidence::NotPermitted;
            let is_alone = !["access_policy", "access_rule"].contains(&&*item.id) || item.blocking;
            assert!(
                !needs_remedy || !is_alone || !item.remedy.is_empty(),
                "{word}: {} has no remedy",
                item.id
            );
        }
        let heard: BTreeMap<&str, &str> = heard.iter().map(|(id, words)| (*id, words.as_str())).collect();
        assert_eq!(heard, expected, "{word}");
    }
}

#[tokio::test]
async fn another_server_may_be_the_one_that_matters() {
    let found = probe_of("oie", "default").await;
    let other = found.items.iter().find(|item| item.id.starts_with("server.")).expect("another server");
    let id = other.id.trim_start_matches("server.").to_owned();
    // The default server lets nobody through, but the probed server is another one.
    for server in [id.clone(), format!("https://example.okta.com/oauth2/{id}")] {
        let found = probe_of("no-policy", &server).await;
        assert_eq!(found.verdict, Overall::Unproven);
        assert_eq!(found.item("authorization_server").expect("it").state, "ACTIVE");
        let default = found.items.iter().find(|item| item.name == "Server default").expect("the other");
        assert!(!default.blocking && default.details.iter().any(|detail| detail.state == "missing"));
    }
    let found = probe_of("oie", "ausNOBODYKNOWSTHIS1d7").await;
    assert_eq!(found.verdict, Overall::NotReady);
    assert_eq!(found.item("authorization_server").expect("it").state, "missing");
}
