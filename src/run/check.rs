//! From a configuration to what a feed needs, or to the sentence that says what is missing.

use std::path::PathBuf;

use jiff::Timestamp;

use super::FeedPlan;
use crate::config::Config;
use crate::consent::visible;
use crate::journal::Settings;
use crate::okta::{Credentials, OrgUrl, PollPlan};

/// A configuration that other rooms have found good as well.
#[derive(Debug)]
pub struct Ready {
    /// The org.
    pub org: OrgUrl,
    /// What was corrected in its URL.
    pub note: Option<String>,
    /// The folder of its journal.
    pub dir: PathBuf,
}

const HOW: &str = "consentwatch demo needs neither; consentwatch config init writes a file to fill in; or set \
                   OKTA_CLIENT_ORGURL and OKTA_CLIENT_TOKEN.";

/// Checks the org and finds the folder of its journal.
///
/// # Errors
/// A sentence: what is missing or wrong, and what to do.
pub fn ready(config: &Config) -> Result<Ready, String> {
    let url =
        config.org.url.as_deref().ok_or_else(|| format!("No org is named. Nothing was started. {HOW}"))?;
    let (org, note) = OrgUrl::parse(url).map_err(|error| {
        format!("The org URL \"{}\" (from the {}) cannot be used: {error}", visible(url), config.org.url_from)
    })?;
    let data = config
        .data_dir
        .as_ref()
        .ok_or("No folder for data is known. Nothing was started. Give --data-dir.")?;
    let dir = data.join(org.folder());
    Ok(Ready { org, note, dir })
}

impl Ready {
    /// Reads the credentials and lays out the polling.
    ///
    /// # Errors
    /// A sentence: which credentials cannot be had, and why. Never any of them.
    pub fn plan(
        self,
        config: &Config,
        since: Option<Timestamp>,
        jitter_seed: u64,
    ) -> Result<FeedPlan, String> {
        let Some(source) = &config.org.token else {
            let what = match config.org.client_id {
                Some(_) => {
                    "A service app is configured, and this version cannot sign in as one yet: give an API token."
                }
                None => "The org has no credentials.",
            };
            return Err(format!("{what} Nothing was started. {HOW}"));
        };
        let secret = source.read().map_err(|error| {
            format!("The API token cannot be had from {source}: {error}. Nothing was started. Mend it, then start again.")
        })?;
        let credentials = Credentials::ssws(&secret).map_err(|error| {
            format!("{error} It came from {source}. Nothing was started, nothing was sent.")
        })?;
        let poll = PollPlan {
            org: self.org,
            kinds: config.poll.events.clone(),
            interval: config.poll.interval,
            lookback: config.poll.lookback,
            page_size: config.poll.page_size,
            rate_share: config.poll.rate_share,
            since,
            until: None,
            jitter_seed,
        };
        Ok(FeedPlan {
            dir: self.dir,
            keep: Settings { keep_days: config.journal.keep_days, keep_rows: config.journal.keep_rows },
            poll,
            credentials,
            renew: Some(source.clone()),
            ca_file: config.org.ca_file.clone(),
        })
    }
}
