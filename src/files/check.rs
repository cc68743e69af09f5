//! Whether a file is what it says it is.

use super::head::Head;
use super::record::Span;

/// How a file ended.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Ending {
    /// In the middle of its array or of a record.
    pub(super) is_cut: bool,
    /// It was written to meanwhile.
    pub(super) has_grown: bool,
    /// The digest over its lines, as hexadecimal digits, if it is a snapshot with a consent on each.
    pub(super) sha256: Option<String>,
}

/// What a file held against what it says of itself.
#[derive(Default)]
pub(super) struct Check {
    /// Count and digest of a snapshot, as it says.
    said: Option<(Option<u64>, Option<String>)>,
    consents: u64,
    bad: u64,
    first_bad: Option<String>,
}

impl Check {
    pub(super) fn new(head: Option<&Head>) -> Self {
        Self { said: head.map(|head| (head.count, head.sha256.clone())), ..Self::default() }
    }

    pub(super) fn add(&mut self, span: Span, consents: usize, bad: Vec<String>) {
        self.consents += consents as u64;
        self.bad += bad.len() as u64;
        if self.first_bad.is_none() {
            self.first_bad = bad.into_iter().next().map(|why| format!("at byte {}: {why}", span.at));
        }
    }

    /// What is not as it should be, a sentence each.
    pub(super) fn troubles(&self, ending: &Ending) -> Vec<String> {
        let mut out = Vec::new();
        let (count, sha256) = self.said.clone().unwrap_or_default();
        // The record that a file ends in is told of as its end.
        let bad = self.bad - u64::from(ending.is_cut && self.bad > 0);
        if bad > 0 {
            let first = self.first_bad.as_deref().unwrap_or_default();
            let records = if bad == 1 { "record" } else { "records" };
            out.push(format!("{bad} {records} cannot be read; the first {first}"));
        }
        if ending.has_grown {
            out.push("it grew while it was read; what came later was not read.".to_owned());
        }
        if ending.is_cut {
            // Count and digest are wrong then, and say nothing more.
            let of = count.map_or(String::new(), |count| format!(" of {count}"));
            out.push(format!("it ends in the middle; {}{of} consents could be read.", self.consents));
            return out;
        }
        if let Some(count) = count.filter(|count| *count != self.consents) {
            out.push(format!("it says that it holds {count} consents, and {} could be read.", self.consents));
        }
        match (sha256, &ending.sha256) {
            (Some(said), Some(found)) if said != *found => {
                out.push("its consents do not match its SHA-256: it was changed or damaged.".to_owned());
            }
            (Some(_), None) => {
                out.push("its SHA-256 cannot be checked, since it was laid out anew.".to_owned());
            }
            _ => {}
        }
        out
    }
}
