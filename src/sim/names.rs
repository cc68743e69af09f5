//! Invented names of people, apps, scopes and places. Some are hostile on purpose, since a monitor must show them
//! without obeying them.

/// Given names of ordinary people.
pub(super) const GIVEN: [&str; 24] = [
    "Ada", "Bo", "Carla", "Dmitri", "Edith", "Femi", "Greta", "Hamid", "Ines", "Jonas", "Kaori", "Liam",
    "Mira", "Nils", "Olga", "Pavel", "Quinn", "Rosa", "Sven", "Tara", "Umar", "Vera", "Wim", "Yara",
];

/// Family names of ordinary people.
pub(super) const FAMILY: [&str; 25] = [
    "Abernathy",
    "Bakker",
    "Castellan",
    "Dunmore",
    "Eriksen",
    "Farrow",
    "Grünwald",
    "Holloway",
    "Ibsen",
    "Janda",
    "Kowalczyk",
    "Lindqvist",
    "Marchetti",
    "Nakagawa",
    "Okonjo",
    "Petrakis",
    "Quarles",
    "Renard",
    "Sørensen",
    "Thackeray",
    "Urquhart",
    "Vandermeer",
    "Whitlock",
    "Xanthos",
    "Zieliński",
];

/// Display names and logins that break naive screens: other scripts, wide and combining characters, escape sequences,
/// text direction and invisible characters. `Population` adds a very long one.
pub(super) const STRANGE: [(&str, &str); 18] = [
    ("山田 花子", "hanako.yamada@example.test"),
    ("김서연", "seoyeon.kim@example.test"),
    ("Ольга Смирнова", "olga.smirnova@example.test"),
    ("Zoë Łukasiewicz-Ångström", "zoë.łukasiewicz@example.test"),
    ("مريم الحداد", "maryam@example.test"),
    ("נועה לוי", "noa.levi@example.test"),
    ("สมชาย ใจดี", "somchai@example.test"),
    ("👩🏽\u{200d}💻 Dev Ops", "devops@example.test"),
    ("Jose\u{301} A\u{30a}\u{308}\u{304}berg", "jose.aberg@example.test"),
    (
        "Z\u{334}\u{321}\u{33c}a\u{335}\u{31b}\u{34d}l\u{337}\u{35d}\u{320}g\u{338}\u{301}\u{329}o",
        "zalgo@example.test",
    ),
    ("\u{1b}[31mRed\u{1b}[0m \u{1b}]0;owned\u{7}", "esc@example.test"),
    ("\u{9b}2J\u{90}1$r\u{9c}Control One", "c1@example.test"),
    ("Mallory \u{202e}tset.elpmaxe@nimda\u{202c}", "mallory@example.test"),
    ("Ad\u{200b}a\u{feff} Aber\u{2060}nathy", "ad\u{200b}a.abernathy@example.test"),
    ("Plain\u{e0041}\u{e0064}\u{e006d}\u{e0069}\u{e006e}\u{e007f}", "tags@example.test"),
    ("Last_name, First_Name\r\n2026-01-01 grant root", "newline@example.test"),
    ("=HYPERLINK(\"http://198.51.100.66/\",\"Ada\")|<b>`#`</b>", "formula@example.test"),
    ("   ", "blank@example.test"),
];

/// Apps: label, and the authorization server as an index into [`SERVERS`].
pub(super) const APPS: [(&str, usize); 22] = [
    ("Orders Portal", 0),
    ("Orders Mobile", 0),
    ("Figma Sync", 0),
    ("Calendar Bridge", 0),
    ("Travel Desk", 0),
    ("Expense Snap", 0),
    ("Warehouse Scanner", 0),
    ("Helpdesk Companion", 0),
    ("CRM Connector", 0),
    ("Wiki Search", 0),
    ("Patient Passport", 1),
    ("Clinic Kiosk", 1),
    ("Vitals Dashboard", 1),
    ("Pharmacy Refill", 1),
    ("Research Export (β)", 1),
    ("Ledger Reader", 2),
    ("Payroll Assistant", 2),
    ("Invoice Robot", 2),
    ("Tax Season Helper", 2),
    ("Legacy Intranet", 0),
    ("Totally\u{202e}gnp.exe Safe\u{1b}[5m", 0),
    ("経費精算アプリ", 2),
];

/// Custom authorization servers: name and scopes.
pub(super) const SERVERS: [(&str, &[&str]); 3] = [
    (
        "default",
        &[
            "openid",
            "profile",
            "email",
            "offline_access",
            "orders.read",
            "orders.write",
            "orders.export",
            "customers.read",
            "customers.write",
            "inventory.read",
            "calendar.read",
            "calendar.write",
            "travel.book",
            "expenses.submit",
            "tickets.read",
            "tickets.write",
            "wiki.search",
            "address",
            "phone",
            "device_sso",
        ],
    ),
    (
        "patient-records",
        &[
            "openid",
            "profile",
            "offline_access",
            "launch/patient",
            "patient/Patient.read",
            "patient/Observation.read",
            "patient/Condition.read",
            "patient/MedicationRequest.read",
            "patient/AllergyIntolerance.read",
            "patient/Immunization.read",
            "patient/Procedure.read",
            "patient/DiagnosticReport.read",
            "patient/DocumentReference.read",
            "patient/Encounter.read",
            "patient/Practitioner.read",
            "patient/Organization.read",
            "claim.read",
            "fhirUser",
        ],
    ),
    (
        "Ledger EU",
        &[
            "openid",
            "email",
            "offline_access",
            "ledger:accounts:read",
            "ledger:postings:read",
            "ledger:postings:write",
            "payroll.view",
            "payroll.run",
            "invoices.read",
            "invoices.write",
            "tax.file",
            "https://api.example.test/scopes/statement",
            "urn:example:audit",
            "budgets.read",
        ],
    ),
];

/// Scopes of the org authorization server.
pub(super) const ORG_SCOPES: [&str; 7] = [
    "openid",
    "profile",
    "email",
    "offline_access",
    "okta.users.read.self",
    "okta.myAccount.profile.read",
    "okta.myAccount.email.manage",
];

/// Okta API scopes that admins grant to apps.
pub(super) const ADMIN_SCOPES: [&str; 10] = [
    "okta.users.read",
    "okta.users.manage",
    "okta.groups.read",
    "okta.apps.read",
    "okta.apps.manage",
    "okta.logs.read",
    "okta.authorizationServers.read",
    "okta.policies.read",
    "okta.eventHooks.manage",
    "okta.factors.read",
];

/// Browsers and tools: raw user agent, operating system, browser, device.
pub(super) const AGENTS: [(&str, &str, &str, &str); 8] = [
    (
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/143.0.0.0 Safari/537.36",
        "Windows 10",
        "CHROME",
        "Computer",
    ),
    (
        "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/19.1 Safari/605.1.15",
        "Mac OS X",
        "SAFARI",
        "Computer",
    ),
    (
        "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0",
        "Linux",
        "FIREFOX",
        "Computer",
    ),
    (
        "Mozilla/5.0 (iPhone; CPU iPhone OS 19_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/19.1 Mobile/15E148 Safari/604.1",
        "iOS 19 (iPhone)",
        "SAFARI",
        "Mobile",
    ),
    (
        "Mozilla/5.0 (Linux; Android 16; Pixel 9) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/143.0.0.0 Mobile Safari/537.36",
        "Android 16",
        "CHROME",
        "Mobile",
    ),
    (
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/143.0.0.0 Safari/537.36 Edg/143.0.0.0",
        "Windows 11",
        "EDGE",
        "Computer",
    ),
    ("OrdersMobile/4.2 (iPad; iOS 19.1)", "iOS 19 (iPad)", "UNKNOWN", "Tablet"),
    ("python-requests/2.32", "Unknown", "UNKNOWN", "Unknown"),
];

/// A place: city, state, country, postal code, latitude, longitude, network owner, network number.
pub(super) type Place =
    (&'static str, &'static str, &'static str, &'static str, &'static str, &'static str, &'static str, u32);

/// The places of people. The network numbers are reserved for documentation (RFC 5398).
pub(super) const PLACES: [Place; 10] = [
    ("Utrecht", "Utrecht", "Netherlands", "3511", "52.09", "5.12", "example net", 64500),
    ("Amsterdam", "North Holland", "Netherlands", "1012", "52.37", "4.89", "example net", 64500),
    ("Kraków", "Lesser Poland", "Poland", "30-001", "50.06", "19.94", "przykład telekom", 64501),
    ("Denver", "Colorado", "United States", "80228", "39.69", "-105.14", "placeholder  cable llc", 64502),
    ("Toronto", "Ontario", "Canada", "M4M", "43.66", "-79.34", "maple sample inc", 64503),
    ("Lagos", "Lagos", "Nigeria", "100001", "6.45", "3.39", "muster mobile", 64504),
    ("大阪市", "大阪府", "Japan", "530-0001", "34.69", "135.5", "見本ネット", 64505),
    ("São Paulo", "São Paulo", "Brazil", "01111", "-23.55", "-46.63", "exemplo telecom", 64506),
    ("Berlin", "Land Berlin", "Germany", "10115", "52.52", "13.4", "muster mobile", 64504),
    ("Reykjavík", "Capital Region", "Iceland", "101", "64.15", "-21.94", "dæmi net", 64507),
];
