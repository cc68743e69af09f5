//! What consents are told from.

use crate::consent::{Consent, Seq};
use crate::exit::Exit;
use crate::journal::ReadError;

/// What consents are told from: a journal that is being written, or files.
pub trait Book {
    /// What is new since the last call, some of it; nothing when there is no more for now.
    fn news(&mut self) -> Result<Vec<News>, Trouble>;
    /// Waits until there may be news.
    fn moved(&mut self) -> impl Future<Output = ()>;
    /// Whether it is read so far that commands can be answered.
    fn is_ready(&self) -> bool;
    /// Goes through the latest consents, newest first, until told that it is enough or so many were looked at. Returns
    /// how many were.
    fn latest(&mut self, most: usize, look: &mut dyn FnMut(Noted) -> Go) -> Result<usize, Trouble>;
    /// One consent.
    fn record(&mut self, seq: Seq) -> Result<Option<Consent>, Trouble>;
    /// How much there is and how the sources are, in sentences.
    fn status(&mut self) -> Result<Vec<String>, Trouble>;
    /// Has the sources asked now, and says so.
    fn poll(&mut self) -> &'static str;
}

/// A piece of news.
pub enum News {
    /// A sentence.
    Words(String),
    /// What was there before is read; what comes from now on is new.
    Begun,
    /// A consent that came.
    Came(Box<Noted>),
}

/// A consent with the note of its mark, if it has one.
pub struct Noted {
    pub(super) seq: Seq,
    pub(super) consent: Consent,
    pub(super) note: Option<String>,
}

/// Whether to go on.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Go {
    /// There is more to look at.
    On,
    /// It is enough.
    Home,
}

/// Why no more is told.
pub enum Trouble {
    /// It is over, with nothing wrong.
    Over(Exit),
    /// A sentence.
    Failed(String),
}

impl From<ReadError> for Trouble {
    fn from(error: ReadError) -> Self {
        Self::Failed(error.fault().to_string())
    }
}
