//! The source of the rows, an org or files, and the progress of reading them.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// The source of the rows.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Origin {
    /// The org's host, made visible.
    pub org: String,
    /// `demo`, or an empty string.
    pub tag: String,
}

/// The metadata of the files whose rows are shown.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Offline {
    /// The org that the files name, made visible.
    pub org: Option<String>,
    /// The time when the newest of the snapshots was made.
    pub taken: Option<Timestamp>,
    /// The filter that a snapshot was made with, made visible.
    pub filter: Option<String>,
    /// The names of the files, made visible.
    pub files: Vec<String>,
    /// Problems with the files, one sentence each.
    pub troubles: Vec<String>,
    /// Remarks on the files that are not problems, one sentence each.
    pub notes: Vec<String>,
    /// The number of events that occurred more than once.
    pub repeated: u64,
    /// The number of events that share their UUID with an event of different content.
    pub shared: u64,
}

/// The progress of reading the rows.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub enum Loading {
    /// Nothing has been read yet.
    #[default]
    Starting,
    /// Older rows are being read. Carries the number of rows left.
    Older(u64),
    /// Files are being read. Carries the progress in percent, if it is known.
    Files(Option<u8>),
    /// Every stored row has been read.
    Done,
}
