//! The configuration of a server for a team, and the rights of each role.

use std::net::SocketAddr;

use super::names::{LEASE_STREAM, Stream, escape, lease_subject};

/// What a server's configuration says.
#[derive(Clone, Debug)]
pub struct ServerConfig {
    /// Where the server listens.
    pub listen: SocketAddr,
    /// The folder of its streams.
    pub store: String,
    /// Its certificate and key, or `None` without TLS.
    pub tls: Option<ServerTls>,
    /// The password of the collector.
    pub collector: String,
    /// The password of the watcher of all orgs, or `None` if there is one org.
    pub watcher: Option<String>,
    /// The orgs.
    pub orgs: Vec<OrgAccount>,
}

/// Files of a server's TLS.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ServerTls {
    /// The certificate chain.
    pub cert: String,
    /// The private key.
    pub key: String,
}

/// An org and its watcher.
#[derive(Clone, Debug)]
pub struct OrgAccount {
    /// The key of the org.
    pub key: String,
    /// The name of the user who watches it.
    pub user: String,
    /// The password of that user.
    pub password: String,
}

/// The name of the collector's user.
pub(super) const COLLECTOR: &str = "collector";
/// The name of the user who watches all orgs.
pub(super) const WATCHER: &str = "watcher";

/// Returns the beginning of the subjects on which a user gets answers. Without one of its own, users would read each
/// other's answers.
fn inbox(user: &str) -> String {
    format!("_INBOX_{}", escape(user))
}

impl ServerConfig {
    /// Returns the name of the collector's user.
    pub fn collector_user() -> &'static str {
        COLLECTOR
    }

    /// Returns the name of the user who watches all orgs.
    pub fn watcher_user() -> &'static str {
        WATCHER
    }

    /// Returns the beginning of the subjects on which a user gets answers.
    pub fn inbox_prefix(user: &str) -> String {
        inbox(user)
    }
}

/// Returns the text of the configuration file, for `nats-server -c`.
pub fn server_config(config: &ServerConfig) -> String {
    let tls = config.tls.as_ref().map(|tls| {
        format!("\ntls {{\n    cert_file: {}\n    key_file: {}\n}}\n", quoted(&tls.cert), quoted(&tls.key))
    });
    let keys: Vec<&str> = config.orgs.iter().map(|org| org.key.as_str()).collect();
    let collector = user(COLLECTOR, &config.collector, &collector_rights());
    let of_all =
        config.watcher.iter().map(|password| user(WATCHER, password, &watcher_rights(WATCHER, &keys)));
    let of_one = config
        .orgs
        .iter()
        .map(|org| user(&org.user, &org.password, &watcher_rights(&org.user, &[org.key.as_str()])));
    let users: String = std::iter::once(collector).chain(of_all).chain(of_one).collect();
    format!(
        "# A NATS server for consentwatch, made by consentwatch team config. It needs nats-server 2.11 or later.\n\
         # Start it with: nats-server -c server.conf\n\
         # This file holds passwords. Only the account that runs the server should read it.\n\n\
         listen: {}\nserver_name: consentwatch\nmax_payload: 8MB\n\njetstream {{\n    store_dir: {}\n    \
         # An acknowledged message is on the disk.\n    sync_interval: always\n}}\n{}\n\
         authorization {{\n    users: [\n{users}    ]\n}}\n",
        quoted(&config.listen.to_string()),
        quoted(&config.store),
        tls.unwrap_or_default(),
    )
}

/// What a user may do.
struct Rights {
    publish: Vec<String>,
    subscribe: Vec<String>,
}

/// The collector makes the streams, and neither deletes nor empties one.
fn collector_rights() -> Rights {
    let publish = [
        "cw.>",
        "$JS.API.INFO",
        "$JS.API.STREAM.CREATE.*",
        "$JS.API.STREAM.UPDATE.*",
        "$JS.API.STREAM.INFO.*",
        "$JS.API.DIRECT.GET.>",
    ];
    let subscribe = [format!("{}.>", inbox(COLLECTOR)), "cw.now.*".to_owned(), "cw.notes.*.>".to_owned()];
    Rights { publish: publish.map(str::to_owned).into(), subscribe: subscribe.into() }
}

/// A watcher reads the streams of its orgs without a consumer: it could name any subject as the target of one, and so
/// publish there. It writes notes and how far it has read.
fn watcher_rights(user: &str, orgs: &[&str]) -> Rights {
    let mut publish = vec!["$JS.API.INFO".to_owned()];
    let mut subscribe = vec![format!("{}.>", inbox(user))];
    for org in orgs {
        for stream in Stream::ALL {
            let name = stream.name(org);
            publish.push(format!("$JS.API.STREAM.INFO.{name}"));
            publish.push(format!("$JS.API.DIRECT.GET.{name}"));
            publish.push(format!("$JS.API.DIRECT.GET.{name}.>"));
        }
        publish.push(format!("$JS.API.DIRECT.GET.{LEASE_STREAM}.{}", lease_subject(org)));
        publish.push(Stream::Notes.subjects(org));
        publish.push(Stream::Lags.subjects(org));
        subscribe.push(format!("cw.now.{}", escape(org)));
        subscribe.push(Stream::Notes.subjects(org));
    }
    Rights { publish, subscribe }
}

fn user(name: &str, password: &str, rights: &Rights) -> String {
    let list = |subjects: &[String]| {
        let lines: Vec<String> =
            subjects.iter().map(|subject| format!("                    {}", quoted(subject))).collect();
        format!("[\n{}\n                ]", lines.join("\n"))
    };
    format!(
        "        {{\n            user: {}\n            password: {}\n            permissions: {{\n                \
         publish: {}\n                subscribe: {}\n            }}\n        }}\n",
        quoted(name),
        quoted(password),
        list(&rights.publish),
        list(&rights.subscribe)
    )
}

/// Returns a text in quotes, as the server reads it.
fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_watcher_may_neither_publish_events_nor_read_another_org() {
        let rights = watcher_rights("watcher-prod", &["prod.okta.com"]);
        let all: Vec<&String> = rights.publish.iter().chain(&rights.subscribe).collect();
        assert!(all.iter().all(|subject| !subject.contains("CONSUMER")), "{all:?}");
        assert!(rights.publish.iter().all(|subject| !subject.starts_with("cw.ev")), "{all:?}");
        let of_org = |subject: &&&String| subject.contains("prod_2Eokta_2Ecom");
        assert_eq!(all.iter().filter(|subject| !of_org(subject)).count(), 2, "{all:?}");
    }

    #[test]
    fn a_path_cannot_end_its_quotes() {
        assert_eq!(quoted("a\"b\\"), "\"a\\\"b\\\\\"");
    }
}
