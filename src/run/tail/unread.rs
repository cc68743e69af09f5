//! Reports records of the log that could not be read.

use jiff::Timestamp;

use super::super::Source;
use super::super::stdio::note;
use super::options::TailOptions;
use crate::consent::OrgId;
use crate::exit::Exit;
use crate::journal::ReadError;

/// Reports unreadable records, each only once.
pub(super) struct Unread {
    /// How many unreadable records there were before this run.
    before: u64,
    told: Option<u64>,
}

impl Unread {
    pub(super) fn new(before: u64) -> Self {
        Self { before, told: None }
    }

    /// Returns sentences about the unreadable records of an org: first those of the last day, and then each new one.
    /// Used without `--once`.
    pub(super) fn news(
        &mut self,
        source: &Source,
        org: OrgId,
        now: Timestamp,
    ) -> Result<Option<String>, ReadError> {
        let found = source.coverage(org)?.unreadable;
        let is_first = self.told.is_none() && found.is_recent(now);
        let is_news = is_first || found.count > self.told.unwrap_or(self.before);
        self.told = Some(found.count);
        Ok(found.sentence().filter(|_| is_news))
    }

    /// Returns the result of a run that has printed everything readable of an org. The prefix comes before its sentences.
    ///
    /// # Errors
    /// With `--once`, returns an exit code and a sentence for stderr if new records were unreadable, unless
    /// `--allow-unreadable` is set.
    pub(super) fn end(
        &self,
        source: &Source,
        (org, prefix): (OrgId, &str),
        options: &TailOptions,
    ) -> Result<(), (Exit, String)> {
        let found =
            source.coverage(org).map_err(|error| (Exit::Failed, error.fault().to_string()))?.unreadable;
        let Some(words) = found.sentence().filter(|_| options.once && found.count > self.before) else {
            return Ok(());
        };
        if options.allow_unreadable {
            note(&format!("{prefix}{words}"));
            return Ok(());
        }
        let ended = "This run exits with 1, because its output may be incomplete; with --allow-unreadable it exits \
                     with 0.";
        Err((Exit::Failed, format!("{words} {ended}")))
    }
}
