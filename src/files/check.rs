//! Whether a file is what it says it is.

use std::collections::BTreeMap;

use super::head::Head;
use super::record::Span;
use super::remark::Remark;

/// Remarks, each with the count of events that it is about and the place of the first.
pub(super) type Remarked = BTreeMap<Remark, (u64, u64)>;

/// Remarks of one file; more of them say nothing more.
const REMARKS_MAX: usize = 40;

/// Counts a remark.
pub(super) fn count(remarked: &mut Remarked, remark: Remark, count: u64, at: u64) {
    let is_full = remarked.len() >= REMARKS_MAX && !remarked.contains_key(&remark);
    if !is_full {
        remarked.entry(remark).or_insert((0, at)).0 += count;
    }
}

/// How a file ended.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Ending {
    /// In the middle of its array or of a record.
    pub(super) is_cut: bool,
    /// Why what it was packed in gave less than it should: a clause.
    pub(super) damage: Option<String>,
    /// What stood behind it and was left out: a clause.
    pub(super) ignored: Option<String>,
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
    remarked: Remarked,
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

    /// Takes in what is remarked on some events, and returns a sentence for each remark that is new.
    pub(super) fn remark(&mut self, remarked: Remarked) -> Vec<String> {
        let mut new = Vec::new();
        for (remark, (number, at)) in remarked {
            if !self.remarked.contains_key(&remark) {
                new.push(remark.sentence(number, at));
            }
            count(&mut self.remarked, remark, number, at);
        }
        new
    }

    /// What is to be said though nothing is wrong, a sentence each.
    pub(super) fn remarks(&self) -> Vec<String> {
        self.remarked.iter().map(|(remark, (count, at))| remark.sentence(*count, *at)).collect()
    }

    /// What is not as it should be, a sentence each.
    pub(super) fn troubles(&self, ending: &Ending) -> Vec<String> {
        let mut out = Vec::new();
        let (count, sha256) = self.said.clone().unwrap_or_default();
        // The record that a file ends in is told of as its end.
        let ends_early = ending.is_cut || ending.damage.is_some();
        let bad = self.bad - u64::from(ends_early && self.bad > 0);
        if bad > 0 {
            let first = self.first_bad.as_deref().unwrap_or_default();
            let records = if bad == 1 { "record" } else { "records" };
            out.push(format!("{bad} {records} cannot be read; the first {first}"));
        }
        if ending.has_grown {
            out.push("it grew while it was read; what came later was not read.".to_owned());
        }
        if let Some(damage) = &ending.damage {
            let of = count.map_or(String::new(), |count| format!(" of {count}"));
            out.push(format!("{damage}; {}{of} consents could be read and are there.", self.consents));
            return out;
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
