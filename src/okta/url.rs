//! The URL of an org.

use std::fmt;

use thiserror::Error;
use url::{Host, Position, Url};

use crate::consent::KnownOrg;

/// The path of the System Log (Okta management API, System Log).
pub(super) const LOGS: &str = "/api/v1/logs";

/// The maximum number of events on a page.
pub(super) const LIMIT_MAX: u16 = 1000;

/// The origin of an org: scheme, host and port, nothing else. Every request to Okta goes there.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct OrgUrl(Url);

/// Why a text is not the URL of an org. No variant quotes the text: it may hold a password.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
pub enum OrgUrlError {
    /// The text is empty.
    #[error("The org URL is empty.")]
    Empty,
    /// The text still has the placeholder of an example.
    #[error("The org URL still contains a placeholder; put the org's own host there.")]
    Placeholder,
    /// The text does not parse as a URL.
    #[error("The org URL is not a URL; it should look like https://example.okta.com.")]
    Malformed,
    /// There are two schemes.
    #[error("The org URL contains https:// twice.")]
    SchemeTwice,
    /// The scheme is not https.
    #[error("The org URL must begin with https://; http:// is for loopback hosts only.")]
    Scheme,
    /// The URL has a user name or a password.
    #[error("The org URL contains a user name or a password; remove it.")]
    UserInfo,
    /// The host has an empty or missing label.
    #[error("The host of the org URL is not complete.")]
    Host,
    /// The host ends in `.com.com`, a typing error that the SDKs refuse as well.
    #[error("The host of the org URL ends in .com.com; remove one .com.")]
    ComCom,
    /// The host is Okta's own and belongs to no org.
    #[error("That host is Okta's own, not an org's; take the one that your sign-in page shows.")]
    NotAnOrg,
}

/// Suffixes under which `<org>-admin` is the admin console of `<org>` (Okta SDKs, configuration validators).
const SUFFIXES: [&str; 7] = [
    "okta.com",
    "oktapreview.com",
    "okta-emea.com",
    "okta-gov.com",
    "okta.mil",
    "okta-miltest.com",
    "trex-govcloud.com",
];

/// First labels below a suffix that belong to Okta itself.
const OKTAS_OWN: [&str; 6] = ["login", "developer", "www", "help", "support", "status"];

impl OrgUrl {
    /// Parses what a person typed or pasted. Returns the origin, and a sentence if something was corrected.
    pub fn parse(text: &str) -> Result<(Self, Option<String>), OrgUrlError> {
        let text = text.trim();
        if text.is_empty() {
            return Err(OrgUrlError::Empty);
        }
        if text.contains(['{', '}', '<', '>', '$']) || text.to_ascii_lowercase().contains("youroktadomain") {
            return Err(OrgUrlError::Placeholder);
        }
        let rest = text.split_once("://").map_or(text, |(_, rest)| rest).to_ascii_lowercase();
        if rest.starts_with("https:/") || rest.starts_with("http:/") {
            return Err(OrgUrlError::SchemeTwice);
        }
        let whole = if text.contains("://") { text.to_owned() } else { format!("https://{text}") };
        let mut url = Url::parse(&whole).map_err(|_| OrgUrlError::Malformed)?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err(OrgUrlError::UserInfo);
        }
        match url.scheme() {
            "https" => {}
            "http" if is_loopback(&url) => {}
            _ => return Err(OrgUrlError::Scheme),
        }

        let mut notes = Vec::new();
        if let Some(Host::Domain(domain)) = url.host() {
            let host = real_host(domain, &mut notes)?;
            if host != domain {
                url.set_host(Some(&host)).map_err(|_| OrgUrlError::Host)?;
            }
        }
        if url.path() != "/" || url.query().is_some() || url.fragment().is_some() {
            notes.push("everything after the host was dropped".to_owned());
        }
        url.set_path("");
        url.set_query(None);
        url.set_fragment(None);
        let org = Self(url);
        let note = (!notes.is_empty())
            .then(|| format!("The org URL was corrected to {}: {}.", org.origin(), notes.join("; ")));
        Ok((org, note))
    }

    /// Returns scheme, host and port, without a slash at the end.
    pub fn origin(&self) -> &str {
        self.0[..Position::BeforePath].trim_end_matches('/')
    }

    /// Returns the host, with the port where it is not the scheme's own.
    pub fn host(&self) -> &str {
        &self.0[Position::BeforeHost..Position::AfterPort]
    }

    /// Returns the host as a folder name that is valid on any system.
    pub fn folder(&self) -> String {
        KnownOrg::key_of(self.host()).into()
    }

    /// Returns the URL of a path and query in this org. No argument can change the host.
    pub fn join(&self, path_and_query: &str) -> String {
        let slash = if path_and_query.starts_with('/') { "" } else { "/" };
        format!("{}{slash}{path_and_query}", self.origin())
    }

    /// Returns whether a link leads to the origin of this org, so that credentials may be sent there.
    pub fn same_origin(&self, link: &str) -> bool {
        self.path_of(link).is_some()
    }

    /// Returns the path and query of a link within this org, or `None` for a link that leads elsewhere.
    pub fn path_of(&self, link: &str) -> Option<String> {
        let url = self.0.join(link).ok()?;
        let bare = url.username().is_empty() && url.password().is_none();
        (bare && url.origin() == self.0.origin())
            .then(|| url[Position::BeforePath..Position::AfterQuery].to_owned())
    }

    /// Returns whether the host is this machine, so that no proxy may be used.
    pub fn is_loopback(&self) -> bool {
        is_loopback(&self.0)
    }
}

impl fmt::Display for OrgUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.origin())
    }
}

impl fmt::Debug for OrgUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "OrgUrl({})", self.origin())
    }
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

/// Checks a host name, and returns the org's own in place of the admin console's.
fn real_host(domain: &str, notes: &mut Vec<String>) -> Result<String, OrgUrlError> {
    let host = domain.strip_suffix('.').unwrap_or(domain);
    if host != domain {
        notes.push("the dot at the end of the host was dropped".to_owned());
    }
    let is_local = host == "localhost" || host.ends_with(".localhost");
    if host.split('.').any(str::is_empty) || !(host.contains('.') || is_local) {
        return Err(OrgUrlError::Host);
    }
    if host.ends_with(".com.com") {
        return Err(OrgUrlError::ComCom);
    }
    if SUFFIXES.contains(&host) {
        return Err(OrgUrlError::NotAnOrg);
    }
    for suffix in SUFFIXES {
        let Some(label) = host.strip_suffix(suffix).and_then(|rest| rest.strip_suffix('.')) else { continue };
        if OKTAS_OWN.contains(&label) {
            return Err(OrgUrlError::NotAnOrg);
        }
        let Some(org) = label.strip_suffix("-admin").filter(|org| !org.contains('.')) else { continue };
        if org.is_empty() {
            return Err(OrgUrlError::Host);
        }
        notes.push("that was the admin console's host".to_owned());
        return Ok(format!("{org}.{suffix}"));
    }
    Ok(host.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn good(text: &str) -> (String, bool) {
        let (org, note) = OrgUrl::parse(text).unwrap();
        (org.origin().to_owned(), note.is_some())
    }

    fn bad(text: &str) -> OrgUrlError {
        OrgUrl::parse(text).unwrap_err()
    }

    #[test]
    fn what_people_paste_becomes_an_origin() {
        assert_eq!(good(" https://example.okta.com "), ("https://example.okta.com".into(), false));
        assert_eq!(good("https://example.okta.com/"), ("https://example.okta.com".into(), false));
        assert_eq!(good("Example.Okta.com"), ("https://example.okta.com".into(), false));
        assert_eq!(good("example.test:8443"), ("https://example.test:8443".into(), false));
        assert_eq!(good("https://example.okta.com:443"), ("https://example.okta.com".into(), false));
        assert_eq!(good("https://example.okta.com./x?y#z"), ("https://example.okta.com".into(), true));
        assert_eq!(
            good("https://example.okta.com/login?from=https://other.test/"),
            ("https://example.okta.com".into(), true)
        );
    }

    #[test]
    fn only_known_admin_hosts_are_corrected() {
        for suffix in SUFFIXES {
            let (org, note) =
                OrgUrl::parse(&format!("https://example-admin.{suffix}/admin/dashboard")).unwrap();
            assert_eq!(org.origin(), format!("https://example.{suffix}"));
            assert!(note.unwrap().contains("admin console"));
        }
        assert_eq!(good("https://foo-admin.example.test"), ("https://foo-admin.example.test".into(), false));
        assert_eq!(
            good("https://foo-administrator.okta.com"),
            ("https://foo-administrator.okta.com".into(), false)
        );
        assert_eq!(bad("https://-admin.okta.com"), OrgUrlError::Host);
    }

    #[test]
    fn what_is_no_org_is_refused() {
        assert_eq!(bad("  "), OrgUrlError::Empty);
        assert_eq!(bad("https://{yourOktaDomain}"), OrgUrlError::Placeholder);
        assert_eq!(bad("https://yourOktaDomain"), OrgUrlError::Placeholder);
        assert_eq!(bad("https://https://example.okta.com"), OrgUrlError::SchemeTwice);
        assert_eq!(bad("http://example.okta.com"), OrgUrlError::Scheme);
        assert_eq!(bad("ftp://example.okta.com"), OrgUrlError::Scheme);
        assert_eq!(bad("https://ada:word@example.okta.com"), OrgUrlError::UserInfo);
        assert_eq!(bad("https://ada@example.okta.com"), OrgUrlError::UserInfo);
        assert_eq!(bad("https://.okta.com"), OrgUrlError::Host);
        assert_eq!(bad("https://example"), OrgUrlError::Host);
        assert_eq!(bad("https://example.okta.com.com"), OrgUrlError::ComCom);
        for own in ["okta.com", "login.okta.com", "developer.okta.com", "www.okta.com"] {
            assert_eq!(bad(own), OrgUrlError::NotAnOrg, "{own}");
        }
        assert_eq!(bad("https://"), OrgUrlError::Malformed);
        assert_eq!(bad("https://example.okta.com:port"), OrgUrlError::Malformed);
    }

    #[test]
    fn http_is_for_loopback() {
        assert_eq!(good("http://127.0.0.1:8080").0, "http://127.0.0.1:8080");
        assert_eq!(good("http://localhost:1").0, "http://localhost:1");
        assert_eq!(good("http://[::1]:8080/").0, "http://[::1]:8080");
        assert_eq!(bad("http://192.0.2.1"), OrgUrlError::Scheme);
        assert!(OrgUrl::parse("http://127.0.0.1:8080").unwrap().0.is_loopback());
    }

    #[test]
    fn a_folder_name_has_nothing_odd_in_it() {
        let folder = |text| OrgUrl::parse(text).unwrap().0.folder();
        assert_eq!(folder("https://example.okta.com"), "example.okta.com");
        assert_eq!(folder("http://127.0.0.1:8080"), "127.0.0.1_8080");
        assert_eq!(folder("http://[::1]:8080"), "___1__8080");
    }

    #[test]
    fn a_link_elsewhere_is_not_of_this_org() {
        let (org, _) = OrgUrl::parse("https://example.okta.com").unwrap();
        assert_eq!(
            org.path_of("https://example.okta.com/api/v1/logs?after=1,2").unwrap(),
            "/api/v1/logs?after=1,2"
        );
        assert!(org.same_origin("https://EXAMPLE.okta.com:443/x"));
        assert!(org.same_origin("/api/v1/logs"));
        for foreign in [
            "https://example.okta.com.evil.test/",
            "https://example.okta.com@evil.test/",
            "https://ada@example.okta.com/",
            "http://example.okta.com/",
            "https://example.okta.com:8443/",
            "https://evil.test\\@example.okta.com/",
            "//evil.test/",
            "\\\\evil.test/",
            "javascript:alert(1)",
        ] {
            assert!(!org.same_origin(foreign), "{foreign}");
        }
    }

    #[test]
    fn joining_never_leaves_the_host() {
        let (org, _) = OrgUrl::parse("https://example.okta.com").unwrap();
        assert_eq!(org.join("/api/v1/logs"), "https://example.okta.com/api/v1/logs");
        for odd in ["@evil.test/", "evil.test", "//evil.test/", ".evil.test", ":8443/", "\\\\evil.test"] {
            assert!(org.same_origin(&org.join(odd)), "{odd}");
        }
    }
}
