//! The consent that is open in the detail.

use super::{Detail, Node};
use crate::consent::{Beside, Consent, Seq};

/// The consent that is open in the detail.
#[derive(Debug)]
pub struct OpenConsent {
    /// The number of its row.
    pub seq: Seq,
    /// The full consent, or `None` while it is being read.
    pub consent: Option<Box<Consent>>,
    /// The events of its session and transaction, once they were read.
    pub beside: Option<Beside>,
    /// The lines of the timeline that the tree contains.
    pub(in crate::model) around: Vec<Node>,
    /// The tree. While the consent is being read, this is the tree of the previous consent.
    pub tree: Option<Detail>,
    /// The reason why the consent could not be read, if it could not.
    pub failure: Option<String>,
}
