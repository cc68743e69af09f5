//! A builder for the lines of a detail tree.

use serde_json::Value;

use super::node::{Node, Weight};
use crate::consent::{Consent, Untrusted, visible};
use crate::model::data::mask::{Mask, MaskedNames};

/// The maximum number of lines, which bounds the tree of a very large event.
const NODES_MAX: usize = 20_000;
/// JSON nested deeper than this is shown as text.
const DEPTH_MAX: u16 = 24;

/// The lines so far, made visible and masked.
pub(super) struct Nodes {
    lines: Vec<Node>,
    mask: Mask,
    /// The people named in the consent.
    named: MaskedNames,
}

impl Nodes {
    /// Creates an empty tree for a consent.
    pub(super) fn new(consent: &Consent, mask: &Mask) -> Self {
        Self { lines: Vec::new(), mask: mask.clone(), named: mask.names(consent) }
    }

    /// Returns the finished lines.
    pub(super) fn finish(self) -> Vec<Node> {
        self.lines
    }

    pub(super) fn event(&mut self, path: &str, label: &str, raw: &str) {
        match serde_json::from_str::<Value>(raw) {
            Ok(value) => self.json(path, 0, label, &value),
            Err(_) => self.value(path, 0, label, &visible(raw)),
        }
    }

    pub(super) fn json(&mut self, path: &str, depth: u16, label: &str, value: &Value) {
        if self.lines.len() >= NODES_MAX {
            return;
        }
        match value {
            Value::Object(map) if depth < DEPTH_MAX && !map.is_empty() => {
                self.heading(path, depth, label, &count(map.len(), "key"));
                for (key, value) in map {
                    self.json(&format!("{path}/{key}"), depth + 1, &visible(key), value);
                }
            }
            Value::Array(items) if depth < DEPTH_MAX && !items.is_empty() => {
                self.heading(path, depth, label, &count(items.len(), "entry"));
                for (index, value) in items.iter().enumerate() {
                    self.json(&format!("{path}/{index}"), depth + 1, &(index + 1).to_string(), value);
                }
            }
            Value::String(text) => {
                // Okta stores JSON inside strings of the debug data, so it is parsed and shown as a tree.
                let nested = text
                    .trim_start()
                    .starts_with(['{', '['])
                    .then(|| serde_json::from_str(text).ok())
                    .flatten();
                match nested {
                    Some(nested @ (Value::Object(_) | Value::Array(_))) => {
                        self.json(path, depth, label, &nested);
                    }
                    _ => self.value(path, depth, label, &visible(text)),
                }
            }
            Value::Null => self.absent(path, depth, label, "null"),
            other => self.value(path, depth, label, &visible(&other.to_string())),
        }
    }

    pub(super) fn heading(&mut self, path: &str, depth: u16, label: &str, value: &str) {
        self.push(path, depth, label, value, Weight::Heading);
    }

    pub(super) fn value(&mut self, path: &str, depth: u16, label: &str, value: &str) {
        self.push(path, depth, label, value, Weight::Value);
    }

    pub(super) fn absent(&mut self, path: &str, depth: u16, label: &str, why: &str) {
        self.push(path, depth, label, why, Weight::Absent);
    }

    pub(super) fn text(&mut self, path: &str, depth: u16, label: &str, value: Option<&Untrusted>) {
        self.maybe(path, depth, label, value, "none given");
    }

    pub(super) fn maybe(
        &mut self,
        path: &str,
        depth: u16,
        label: &str,
        value: Option<&Untrusted>,
        why: &str,
    ) {
        match value {
            Some(value) => self.value(path, depth, label, &value.visible()),
            None => self.absent(path, depth, label, why),
        }
    }

    pub(super) fn push(&mut self, path: &str, depth: u16, label: &str, value: &str, weight: Weight) {
        if self.lines.len() >= NODES_MAX {
            return;
        }
        if let Some(parent) = self.lines.last_mut().filter(|last| last.depth < depth) {
            parent.has_children = true;
        }
        self.lines.push(Node {
            path: path.to_owned(),
            depth,
            label: self.mask.told(label, &self.named).into_owned(),
            value: self.mask.told(value, &self.named).into_owned(),
            weight,
            has_children: false,
        });
    }
}

fn count(n: usize, noun: &str) -> String {
    match (n, noun) {
        (1, noun) => format!("1 {noun}"),
        (n, "entry") => format!("{n} entries"),
        (n, noun) => format!("{n} {noun}s"),
    }
}
