//! Where the rows come from, an org or files, and how far they are read.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Where the rows come from.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Origin {
    /// The org's host; made visible.
    pub org: String,
    /// `demo` or nothing.
    pub tag: String,
}

/// What is known of files whose rows are shown.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Offline {
    /// Whose consents they hold, if they say; made visible.
    pub org: Option<String>,
    /// When the newest snapshot among them was made.
    pub taken: Option<Timestamp>,
    /// The filter that a snapshot was made with; made visible.
    pub filter: Option<String>,
    /// Their names; made visible.
    pub files: Vec<String>,
    /// What is wrong with them, a sentence each.
    pub troubles: Vec<String>,
    /// What is to be said of them though nothing is wrong, a sentence each.
    pub notes: Vec<String>,
    /// Events that came more than once.
    pub repeated: u64,
    /// Events that share their uuid with another one of other content.
    pub shared: u64,
}

/// How far the reading of older rows is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub enum Loading {
    /// Nothing was read yet.
    #[default]
    Starting,
    /// This many rows are still to come.
    Older(u64),
    /// Files are being read: how many hundredths of them are, if that is known.
    Files(Option<u8>),
    /// Everything stored is listed.
    Done,
}
