//! A line of the detail tree.

/// The role of a line, which decides how it is styled.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Weight {
    /// A line with a value.
    Value,
    /// A heading of other lines.
    Heading,
    /// A line whose value is absent. The line gives the reason.
    Absent,
}

/// A line of the detail tree.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Node {
    /// Identifies the line. The path is the same for every consent, so that folds persist.
    pub path: String,
    /// The depth of the line. Sections have depth 0.
    pub depth: u16,
    /// The label, made visible.
    pub label: String,
    /// The value, made visible.
    pub value: String,
    /// The role of the line.
    pub weight: Weight,
    /// Whether the line has children.
    pub has_children: bool,
}
