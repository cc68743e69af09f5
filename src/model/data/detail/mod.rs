//! One consent as a foldable tree: its explanation, the event card and the raw event.

mod card;
mod meaning;
mod node;
mod nodes;

use std::collections::HashSet;

use card::card;
use meaning::meaning;
pub use node::{Node, Weight};
use nodes::Nodes;

use super::marks::Mark;
use super::mask::Mask;
use crate::consent::{Consent, Untrusted};

/// The tree of one consent, with its cursor and folds.
#[derive(Debug)]
pub struct Detail {
    nodes: Vec<Node>,
    /// Paths of the nodes that the user folded or unfolded, against their initial state.
    turned: HashSet<String>,
    cursor: usize,
    top: usize,
}

impl Detail {
    /// Builds the tree of a consent. Keeps the folds and the cursor of the tree `before`. The lines `around` come after
    /// the explanation.
    pub fn new(
        consent: &Consent,
        mark: Option<&Mark>,
        around: &[Node],
        mask: &Mask,
        before: Option<&Detail>,
    ) -> Self {
        let mut tree = Nodes::new(consent, mask);
        if let Some(mark) = mark {
            tree.heading("mark", 0, "Mark", &format!("{:.0}", mark.at));
            let note = Some(&*mark.note).filter(|note| !note.is_empty()).map(Untrusted::new);
            tree.maybe("mark/note", 1, "Note", note.as_ref(), "none; m writes one");
        }
        meaning(&mut tree, consent);
        for node in around {
            tree.push(&node.path, node.depth, &node.label, &node.value, node.weight);
        }
        card(&mut tree, consent);
        tree.event("raw", "Raw Event", &consent.raw);
        if let Some(copy) = &consent.hook_copy {
            tree.event("raw-hook", "Raw Event of the Hook", &copy.raw);
        }
        let mut detail = Self { nodes: tree.finish(), turned: HashSet::new(), cursor: 0, top: 0 };
        if let Some(before) = before {
            detail.turned.clone_from(&before.turned);
            let path = before.visible().nth(before.cursor).map(|node| node.path.clone());
            let place = path.and_then(|path| detail.visible().position(|node| node.path == path));
            detail.cursor = place.unwrap_or(0);
            detail.top = before.top.min(detail.cursor);
        }
        detail
    }

    /// Moves the cursor to the next or previous line that `is` accepts, and unfolds its parents. Wraps around at the
    /// end. Returns whether there is such a line.
    pub(in crate::model) fn seek(&mut self, back: bool, height: usize, is: impl Fn(&Node) -> bool) -> bool {
        let total = self.nodes.len();
        let path = self.visible().nth(self.cursor).map(|node| node.path.clone());
        let here = self.nodes.iter().position(|node| Some(&node.path) == path.as_ref()).unwrap_or(0);
        let mut places = (1..=total).map(|gap| (here + if back { total - gap } else { gap }) % total.max(1));
        let Some(there) = places.find(|place| is(&self.nodes[*place])) else { return false };
        self.reveal(there);
        let path = self.nodes[there].path.clone();
        let line = self.visible().position(|node| node.path == path).unwrap_or(0);
        self.step(line as isize - self.cursor as isize, height);
        true
    }

    /// Unfolds all parents of a line.
    fn reveal(&mut self, line: usize) {
        let mut depth = self.nodes[line].depth;
        for above in (0..line).rev() {
            if self.nodes[above].depth < depth {
                depth = self.nodes[above].depth;
                if !self.is_open(&self.nodes[above]) {
                    let path = self.nodes[above].path.clone();
                    if !self.turned.remove(&path) {
                        self.turned.insert(path);
                    }
                }
            }
        }
    }

    /// Returns the lines that are not hidden by a fold.
    pub fn visible(&self) -> impl Iterator<Item = &Node> {
        let mut hidden_below: Option<u16> = None;
        self.nodes.iter().filter(move |node| {
            if hidden_below.is_some_and(|depth| node.depth > depth) {
                return false;
            }
            hidden_below = (node.has_children && !self.is_open(node)).then_some(node.depth);
            true
        })
    }

    /// Returns every line, including those hidden by a fold.
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// Returns whether the children of a node are shown.
    pub fn is_open(&self, node: &Node) -> bool {
        opens_at_first(&node.path) != self.turned.contains(&node.path)
    }

    /// Returns the position of the cursor among the visible lines.
    pub fn cursor(&self) -> usize {
        self.cursor
    }

    /// Returns the first line of a window of `height` lines.
    pub fn top(&self, height: usize) -> usize {
        let top = self.top.min(self.cursor);
        top.max((self.cursor + 1).saturating_sub(height))
    }

    /// Moves the cursor by lines, in a window of `height` lines.
    pub fn step(&mut self, lines: isize, height: usize) {
        let last = self.visible().count().saturating_sub(1);
        self.cursor = self.cursor.saturating_add_signed(lines).min(last);
        self.top = self.top(height);
    }

    /// Unfolds the line under the cursor.
    pub fn unfold(&mut self) {
        self.turn(true);
    }

    /// Folds the line under the cursor, or moves to its parent if there is nothing to fold.
    pub fn fold(&mut self) {
        if self.turn(false) {
            return;
        }
        let lines: Vec<&Node> = self.visible().collect();
        let Some(here) = lines.get(self.cursor) else { return };
        let parent = lines[..self.cursor].iter().rposition(|node| node.depth < here.depth);
        self.cursor = parent.unwrap_or(self.cursor);
    }

    /// Unfolds the line under the cursor, or folds it if it is unfolded.
    pub(in crate::model) fn turn_here(&mut self) {
        if !self.turn(true) {
            self.turn(false);
        }
    }

    fn turn(&mut self, open: bool) -> bool {
        let Some(node) = self.visible().nth(self.cursor) else { return false };
        if !node.has_children || self.is_open(node) == open {
            return false;
        }
        let path = node.path.clone();
        if !self.turned.remove(&path) {
            self.turned.insert(path);
        }
        true
    }
}

/// Returns whether a node is unfolded at first. The raw event is folded, because the lines above it explain it.
fn opens_at_first(path: &str) -> bool {
    !(path.starts_with("raw") || path == "card/Event Details" || path.starts_with("card/Event Details/"))
}
