//! Invented events for tests, for the bench and for the shipped dictionary: some thousand people, a few dozen clients.
//! The shape is that of Okta's System Log (Okta management API, LogEvent), in the classic form.

use std::fmt::Write as _;
use std::sync::Arc;

use jiff::Timestamp;

use crate::consent::{
    Actor, Client, ClientId, Consent, EventId, EventKey, Evidence, GrantId, Kind, OutcomeOf, Person,
    RequestOrigin, ScopeGrant, Server, ServerId, Untrusted, UserId, Via, Who,
};

/// 2026-01-05T08:00:00Z, in milliseconds.
pub(crate) const START_MS: i64 = 1_767_600_000_000;
/// The time between two events, in milliseconds.
const STEP_MS: i64 = 700;

/// Mixes a number so that its neighbors look unrelated (the finalizer of splitmix64).
fn mix(number: u64) -> u64 {
    let mut z = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

fn id(prefix: &str, number: u64) -> String {
    const DIGITS: &[u8] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    let (mut text, mut rest) = (prefix.to_owned(), mix(number));
    for _ in 0..10 {
        text.push(char::from(DIGITS[(rest % 62) as usize]));
        rest /= 62;
    }
    text.push_str("TEST1d7");
    text
}

const FIRST: [&str; 16] = [
    "Ada", "Bo", "Chidi", "Dana", "Emeka", "Fumiko", "Goran", "Hana", "Ines", "Jonas", "Kavya", "Luis",
    "Mei", "Noor", "Oskar", "Zoë",
];
const LAST: [&str; 16] = [
    "Abara", "Berg", "Castro", "Dahl", "Eze", "Fischer", "Gupta", "Haddad", "Ito", "Jansen", "Kowal", "Lind",
    "Moreau", "Novak", "Okafor", "Petrov",
];
const CITIES: [(&str, &str, &str); 8] = [
    ("Utrecht", "Utrecht", "Netherlands"),
    ("Oslo", "Oslo", "Norway"),
    ("Lyon", "Auvergne-Rhône-Alpes", "France"),
    ("Austin", "Texas", "United States"),
    ("Toronto", "Ontario", "Canada"),
    ("Osaka", "Osaka", "Japan"),
    ("Pune", "Maharashtra", "India"),
    ("Graz", "Styria", "Austria"),
];
const AGENTS: [(&str, &str, &str); 4] = [
    ("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", "Linux", "FIREFOX"),
    (
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/138.0.0.0 Safari/537.36",
        "Windows 10",
        "CHROME",
    ),
    (
        "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Safari/605.1.15",
        "Mac OS X",
        "SAFARI",
    ),
    (
        "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Mobile/15E148 Safari/604.1",
        "iOS (iPhone)",
        "SAFARI",
    ),
];
const SCOPES: [&str; 12] = [
    "orders.read",
    "orders.write",
    "profile",
    "calendar.read",
    "calendar.write",
    "files.read",
    "files.write",
    "reports.read",
    "billing.read",
    "tickets.read",
    "tickets.write",
    "offline_access",
];

struct Story {
    uuid: uuid::Uuid,
    published: Timestamp,
    person: u64,
    name: String,
    login: String,
    client: String,
    server: String,
    server_name: &'static str,
    scopes: Vec<(String, &'static str)>,
    ip: String,
    city: (&'static str, &'static str, &'static str),
    as_number: i64,
    agent: (&'static str, &'static str, &'static str),
    request: String,
    session: String,
}

fn story(number: u64) -> Story {
    let dice = mix(number);
    let person = dice % 5000;
    let (first, last) = (FIRST[(person % 16) as usize], LAST[(person / 16 % 16) as usize]);
    let client = (dice >> 13) % 40;
    let server = client % 3;
    let count = 1 + (dice >> 20) % 4;
    Story {
        uuid: uuid::Uuid::from_u64_pair(mix(dice), mix(dice ^ 1)),
        published: Timestamp::from_millisecond(START_MS + number as i64 * STEP_MS)
            .expect("not beyond the year 9999"),
        person,
        name: format!("{first} {last}"),
        login: format!("{}.{}{person}@example.test", first.to_lowercase(), last.to_lowercase()),
        client: id("0oa", client),
        server: id("aus", server + 1000),
        server_name: ["default", "partners", "internal-apis"][server as usize],
        scopes: (0..count)
            .map(|n| (id("oag", dice ^ (n + 7)), SCOPES[((client + n * 5) % 12) as usize]))
            .collect(),
        ip: format!("{}.{}", ["192.0.2", "198.51.100", "203.0.113"][(person % 3) as usize], person / 3 % 254),
        city: CITIES[(person % 8) as usize],
        as_number: 64_500 + (person % 11) as i64,
        agent: AGENTS[(person / 5 % 4) as usize],
        request: id("Z", dice ^ 0x55),
        session: id("102", dice ^ 0xaa),
    }
}

/// Returns the JSON of the LogEvent with a number.
pub(crate) fn raw(number: u64) -> String {
    let story = story(number);
    let user = id("00u", story.person + 100_000);
    let (city, state, country) = story.city;
    let (agent, os, browser) = story.agent;
    let (ip, request, server, client) = (&story.ip, &story.request, &story.server, &story.client);
    let (login, name, session) = (&story.login, &story.name, &story.session);
    let lat = 40 + story.person % 20;
    let place = format!(
        r#"{{"city":"{city}","state":"{state}","country":"{country}","postalCode":"{}","geolocation":{{"lat":{lat}.{},"lon":5.12}}}}"#,
        1000 + story.person % 8 * 311,
        story.person % 97,
    );
    let mut targets = String::new();
    for (grant, scope) in &story.scopes {
        let comma = if targets.is_empty() { "" } else { "," };
        write!(
            targets,
            r#"{comma}{{"id":"{grant}","type":"ConsentGrant","alternateId":null,"displayName":"{scope}","detailEntry":{{"publicclientapp":"{client}","authorizationserver":"{server}","user":"{user}"}}}}"#,
        )
        .expect("a String takes whatever is written");
    }
    format!(
        concat!(
            r#"{{"actor":{{"id":"{user}","type":"User","alternateId":"{login}","displayName":"{name}","detailEntry":null}},"#,
            r#""client":{{"userAgent":{{"rawUserAgent":"{agent}","os":"{os}","browser":"{browser}"}},"zone":"null","#,
            r#""device":"Computer","id":null,"ipAddress":"{ip}","geographicalContext":{place}}},"device":null,"#,
            r#""authenticationContext":{{"authenticationProvider":null,"credentialProvider":null,"credentialType":null,"#,
            r#""issuer":null,"interface":null,"authenticationStep":0,"rootSessionId":"{session}","#,
            r#""externalSessionId":"{session}"}},"displayMessage":"Consent granted","#,
            r#""eventType":"app.oauth2.as.consent.grant","outcome":{{"result":"SUCCESS","reason":null}},"#,
            r#""published":"{published}","securityContext":{{"asNumber":{as_number},"asOrg":"example net {as_number}","#,
            r#""isp":"example net {as_number}","domain":"example.test","isProxy":false,"ipDetails":null,"userBehaviors":[]}},"#,
            r#""severity":"INFO","debugContext":{{"debugData":{{"authorizationServer":"{server}","#,
            r#""authorizationServerName":"{server_name}","requestId":"{request}","requestUri":"/api/v1/authn/consent","#,
            r#""threatSuspected":"false","url":"/api/v1/authn/consent?"}}}},"#,
            r#""legacyEventType":"app.oauth2.as.consent.grant_success","#,
            r#""transaction":{{"type":"WEB","id":"{request}","detail":{{}}}},"uuid":"{uuid}","version":"0","#,
            r#""request":{{"ipChain":[{{"ip":"{ip}","geographicalContext":{place},"version":"V4","source":null}}]}},"#,
            r#""target":[{targets}]}}"#,
        ),
        user = user,
        login = login,
        name = name,
        agent = agent,
        os = os,
        browser = browser,
        ip = ip,
        place = place,
        session = session,
        published = story.published,
        as_number = story.as_number,
        server = server,
        server_name = story.server_name,
        request = request,
        uuid = story.uuid,
        targets = targets,
    )
}

/// Returns the consent with a number, as it would be read from its LogEvent.
pub(crate) fn consent(number: u64, via: Via) -> Consent {
    let story = story(number);
    let some = |text: &str| Some(Untrusted::new(text));
    let user = id("00u", story.person + 100_000);
    Consent {
        key: EventKey {
            published_ms: story.published.as_millisecond(),
            id: EventId::Uuid(*story.uuid.as_bytes()),
            part: 0,
        },
        org: None,
        uuid: some(&story.uuid.to_string()),
        kind: Kind::Grant,
        event_type: Untrusted::new("app.oauth2.as.consent.grant"),
        published: Some(story.published),
        received: story.published,
        message: some("Consent granted"),
        severity: some("INFO"),
        version: some("0"),
        outcome: OutcomeOf { result: some("SUCCESS"), reason: None },
        actor: Some(Actor {
            id: some(&user),
            alternate_id: some(&story.login),
            display_name: some(&story.name),
            kind: some("User"),
        }),
        who: Who {
            person: Person {
                id: Some(UserId::new(&user)),
                alternate_id: some(&story.login),
                display_name: some(&story.name),
            },
            evidence: Evidence::GrantDetail,
        },
        client: Client { id: Some(ClientId::new(&story.client)), label: None },
        server: Server { id: Some(ServerId::new(&story.server)), name: some(story.server_name) },
        scopes: story
            .scopes
            .iter()
            .map(|(grant, scope)| ScopeGrant { grant_id: Some(GrantId::new(grant)), name: some(scope) })
            .collect(),
        unread_targets: 0,
        hidden: 0,
        from: RequestOrigin {
            ip: some(&story.ip),
            city: some(story.city.0),
            country: some(story.city.2),
            as_number: Some(story.as_number),
            as_org: some(&format!("example net {}", story.as_number)),
            is_proxy: Some(false),
            user_agent: some(story.agent.0),
        },
        transaction_id: some(&story.request),
        session_id: some(&story.session),
        via,
        labels: Vec::new(),
        doubt: None,
        hook: None,
        hook_copy: None,
        raw: Arc::from(raw(number)),
    }
}
