//! The consent that is open in the detail.

use super::{Detail, Node};
use crate::consent::{Beside, Consent, Seq};

/// The consent that is open.
#[derive(Debug)]
pub struct Opened {
    /// Its number.
    pub seq: Seq,
    /// What was read of it, or `None` while it is being read.
    pub consent: Option<Box<Consent>>,
    /// What the journal has of its session and transaction, once that was read.
    pub beside: Option<Beside>,
    /// What is known around it, as it stands in the tree.
    pub(in crate::model) around: Vec<Node>,
    /// The tree, of this consent or, while it is being read, of the one before.
    pub tree: Option<Detail>,
    /// Why it could not be read.
    pub failure: Option<String>,
}
