//! The proxy on the way to the org: from the variables of Okta's SDKs, from those that curl reads, or from `okta.yaml`.
//!
//! A proxy that cannot be used is an error, since the HTTP library would silently ignore it and connect directly.

use url::Url;

use crate::secret::Secret;

/// A proxy as it was written. It may contain a password.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ProxySetting {
    /// The variable or file that names it.
    pub from: String,
    text: Secret,
}

/// A proxy that can be used.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Proxy {
    /// `http://host:port`, without name and password.
    pub shown: String,
    /// The whole URL, percent-encoded.
    pub url: Secret,
}

/// The variables for an `https` URL, in the order in which the HTTP library reads them.
const VARIABLES: [&str; 4] = ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"];

/// The proxy settings of Okta's SDKs.
#[derive(Debug, Default)]
pub(super) struct Parts {
    pub(super) host: Option<String>,
    pub(super) port: Option<String>,
    pub(super) user: Option<String>,
    pub(super) password: Option<String>,
}

impl Parts {
    /// Builds the proxy's URL, or returns `None` if no host is named. `from` is the variable or file that names it.
    pub(super) fn setting(self, from: &str) -> Option<ProxySetting> {
        let host = self.host.filter(|host| !host.is_empty())?;
        let mut text = if host.contains("://") { host } else { format!("http://{host}") };
        if let Some(port) = self.port.filter(|port| !port.is_empty()) {
            text = format!("{}:{port}", text.trim_end_matches('/'));
        }
        let some = |text: Option<String>| text.filter(|text| !text.is_empty());
        if let (Some(user), Ok(mut url)) = (some(self.user), Url::parse(&text)) {
            // Both percent-encode reserved characters. They fail if there is no host, which `read` reports later.
            let set = url.set_username(&user).and_then(|()| url.set_password(self.password.as_deref()));
            if set.is_ok() {
                text = url.into();
            }
        }
        Some(ProxySetting { from: from.to_owned(), text: Secret::new(text) })
    }
}

/// Returns the proxy that the environment names.
pub(super) fn of_environment(env: &dyn Fn(&str) -> Option<String>) -> Option<ProxySetting> {
    let text = |name: &str| env(name).filter(|text| !text.is_empty());
    let parts = Parts {
        host: text("OKTA_CLIENT_PROXY_HOST"),
        port: text("OKTA_CLIENT_PROXY_PORT"),
        user: text("OKTA_CLIENT_PROXY_USERNAME"),
        password: text("OKTA_CLIENT_PROXY_PASSWORD"),
    };
    parts.setting("OKTA_CLIENT_PROXY_HOST").or_else(|| {
        VARIABLES.iter().find_map(|name| {
            text(name).map(|text| ProxySetting { from: (*name).to_owned(), text: Secret::new(text) })
        })
    })
}

impl ProxySetting {
    /// Returns whether it contains a user name, and so perhaps a password.
    pub(super) fn has_name(&self) -> bool {
        self.text.reveal().contains('@')
    }

    /// Checks that the proxy can be used and returns its URL.
    ///
    /// # Errors
    /// Returns a sentence if the proxy cannot be used. It says where the proxy was named and quotes nothing of it.
    pub fn read(&self) -> Result<Proxy, String> {
        read(self.text.reveal()).map_err(|why| format!("The proxy in {} cannot be used: {why}.", self.from))
    }
}

fn read(text: &str) -> Result<Proxy, &'static str> {
    if text.starts_with(['"', '\'']) {
        return Err("it is in quotation marks");
    }
    if text.contains(char::is_whitespace) {
        return Err("it contains a space or line break; in a password, write %20 for a space");
    }
    if !text.bytes().all(|b| b.is_ascii_graphic()) {
        return Err("it contains a character that is not allowed in a URL");
    }
    // Without a scheme it is HTTP, as in curl.
    let whole = if text.contains("://") { text.to_owned() } else { format!("http://{text}") };
    let scheme = whole.split("://").next().unwrap_or_default().to_ascii_lowercase();
    match scheme.as_str() {
        "http" | "https" => {}
        scheme if scheme.starts_with("socks") => {
            return Err("SOCKS proxies are not supported; an HTTP proxy is needed");
        }
        _ => return Err("it begins neither with http:// nor with https://"),
    }
    let mut url = Url::parse(&whole).map_err(|_| "it is not a URL with a host and a port")?;
    url.set_path("");
    url.set_query(None);
    url.set_fragment(None);
    let secret = Secret::new(url.as_str());
    let (user, password) = (url.set_username(""), url.set_password(None));
    user.and(password).map_err(|()| "it names no host")?;
    Ok(Proxy { shown: url.as_str().trim_end_matches('/').to_owned(), url: secret })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_can_be_used_is_shown_without_its_password() {
        for (text, shown) in [
            ("http://192.0.2.1:3128", "http://192.0.2.1:3128"),
            ("proxy.example.test:3128", "http://proxy.example.test:3128"),
            ("HTTP://ada:p%20ss@proxy.example.test:3128/", "http://proxy.example.test:3128"),
            ("https://proxy.example.test", "https://proxy.example.test"),
        ] {
            let proxy = read(text).unwrap();
            assert_eq!(proxy.shown, shown);
            assert_eq!(proxy.url.reveal().contains("ada:p%20ss@"), text.contains("ada"));
        }
    }

    #[test]
    fn what_cannot_be_used_is_refused_and_not_quoted() {
        for (text, why) in [
            ("\"http://hush:3128\"", "quotation marks"),
            ("'http://hush:3128'", "quotation marks"),
            ("htp://hush:3128", "neither with http"),
            ("http://ada:hu sh@192.0.2.1:3128", "%20"),
            ("http://hush:3128\n", "line break"),
            ("socks5h://hush:1080", "SOCKS"),
            ("http://", "not a URL"),
            ("http://hush:99999", "not a URL"),
            ("http://hu\u{fffd}sh:3128", "character"),
        ] {
            let setting = ProxySetting { from: "HTTPS_PROXY".to_owned(), text: Secret::new(text) };
            let error = setting.read().unwrap_err();
            assert!(
                error.contains(why) && error.contains("HTTPS_PROXY") && !error.contains("hush"),
                "{error}"
            );
        }
    }

    #[test]
    fn the_variables_of_the_sdks_go_before_those_of_curl() {
        let all = [
            ("OKTA_CLIENT_PROXY_HOST", "first"),
            ("OKTA_CLIENT_PROXY_PORT", "3128"),
            ("OKTA_CLIENT_PROXY_USERNAME", "a b"),
            ("OKTA_CLIENT_PROXY_PASSWORD", "p@ss"),
            ("https_proxy", "http://second:1"),
            ("ALL_PROXY", "http://third:1"),
            ("HTTPS_PROXY", ""),
        ];
        let of = |from: usize| {
            let named = |name: &str| all[from..].iter().find(|(key, _)| *key == name);
            let setting = of_environment(&|name| named(name).map(|(_, value)| (*value).to_owned()))?;
            Some((setting.from.clone(), setting.read().unwrap().url.reveal().to_owned()))
        };
        let said = |from: &str, url: &str| Some((from.to_owned(), url.to_owned()));
        assert_eq!(of(0), said("OKTA_CLIENT_PROXY_HOST", "http://a%20b:p%40ss@first:3128/"));
        assert_eq!(of(4), said("https_proxy", "http://second:1/"));
        assert_eq!(of(5), said("ALL_PROXY", "http://third:1/"));
        assert_eq!(of(6), None);
    }
}
