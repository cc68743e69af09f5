//! The sources that the linear mode reads consents from.

use crate::consent::{Consent, Orgs, Seq};
use crate::exit::Exit;
use crate::journal::ReadError;

/// A source of consents for the linear mode: a journal that is being written, or files.
pub trait Book {
    /// Returns the orgs of the consents so far.
    fn orgs(&self) -> &Orgs;
    /// Returns some of what is new since the last call, or an empty list if nothing is.
    fn news(&mut self) -> Result<Vec<News>, Trouble>;
    /// Waits until there may be news.
    fn moved(&mut self) -> impl Future<Output = ()>;
    /// Returns whether enough has been read to answer commands.
    fn is_ready(&self) -> bool;
    /// Passes the latest consents to `look`, newest first, until it returns [`Go::Home`] or `most` were passed. Returns
    /// how many were passed.
    fn latest(&mut self, most: usize, look: &mut dyn FnMut(Noted) -> Go) -> Result<usize, Trouble>;
    /// Returns one consent, or `None` if there is none with this number.
    fn record(&mut self, seq: Seq) -> Result<Option<Consent>, Trouble>;
    /// Returns sentences about the number of consents and the status of the sources.
    fn status(&mut self) -> Result<Vec<String>, Trouble>;
    /// Makes the sources poll now. Returns a sentence that says so, or why not.
    fn poll(&mut self) -> &'static str;
}

/// Something new to report.
pub enum News {
    /// A sentence to print.
    Words(String),
    /// The existing consents are read. Those that follow are new.
    Begun,
    /// A new consent.
    Came(Box<Noted>),
}

/// A consent with the note of its mark, if it has one.
pub struct Noted {
    pub(super) seq: Seq,
    pub(super) consent: Consent,
    pub(super) note: Option<String>,
}

/// Whether to continue with the next consent.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Go {
    /// Continue.
    On,
    /// Stop.
    Home,
}

/// Why the linear mode ends.
pub enum Trouble {
    /// A normal end.
    Over(Exit),
    /// A failure, as a sentence for people.
    Failed(String),
}

impl From<ReadError> for Trouble {
    fn from(error: ReadError) -> Self {
        Self::Failed(error.fault().to_string())
    }
}
