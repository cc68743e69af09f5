//! One line of the tree.

/// How a value reads.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Weight {
    /// A value.
    Value,
    /// A heading over others.
    Heading,
    /// Not there, and why.
    Absent,
}

/// One line of the tree.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Node {
    /// Names the line among all, the same for every consent, so that a fold stays folded.
    pub path: String,
    /// How deep it stands; 0 is a section.
    pub depth: u16,
    /// What it is; made visible.
    pub label: String,
    /// What it says; made visible.
    pub value: String,
    /// How it reads.
    pub weight: Weight,
    /// Whether lines hang below it.
    pub has_children: bool,
}
