//! The `okta.yaml` of Okta's SDKs: `okta.client` with `orgUrl`, `token`, `clientId` and so on.

use std::path::Path;

use serde::Deserialize;

use super::load::{ConfigError, shown, text_of};
use super::way::{Parts, Way, words};

/// The file. What it holds for others is no error.
#[derive(Default, Deserialize)]
#[serde(default)]
struct File {
    okta: Okta,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Okta {
    client: Settings,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Settings {
    org_url: Option<String>,
    token: Option<String>,
    authorization_mode: Option<String>,
    client_id: Option<String>,
    private_key: Option<String>,
    private_key_id: Option<String>,
    kid: Option<String>,
    scopes: Option<Scopes>,
}

/// A list, or one text with the scopes in it.
#[derive(Deserialize)]
#[serde(untagged)]
enum Scopes {
    List(Vec<String>),
    Text(String),
}

/// Reads the org and the way in that a file names.
pub(super) fn read(path: &Path) -> Result<(Option<String>, Option<Way>), ConfigError> {
    let name = shown(path);
    let bad = |what: &str| {
        ConfigError(format!(
            "{name}: {what}. Nothing was started. Mend it, or name the org and a way in elsewhere; \
             consentwatch config init --print shows how."
        ))
    };
    // Its errors may quote a line of the file, and the file holds secrets.
    let file: File =
        serde_saphyr::from_str(&text_of(path)?).map_err(|_| bad("it is not the YAML that the SDKs read"))?;
    let client = file.okta.client;
    let some = |text: Option<String>| text.filter(|text| !text.is_empty());
    let parts = Parts {
        token: some(client.token),
        mode: client.authorization_mode,
        client_id: some(client.client_id),
        private_key: some(client.private_key),
        key_id: some(client.private_key_id).or(some(client.kid)),
        scopes: match client.scopes {
            Some(Scopes::List(list)) => list,
            Some(Scopes::Text(text)) => words(&text),
            None => Vec::new(),
        },
    };
    Ok((some(client.org_url), parts.way(|what| bad(what))?))
}
