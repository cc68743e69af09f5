//! Compares the content of a file with what it says about itself.

use std::collections::BTreeMap;

use super::cut::Span;
use super::head::SnapshotHead;
use super::remark::Remark;

/// Remarks, each with the number of its events and the byte position of the first.
pub(super) type Remarked = BTreeMap<Remark, (u64, u64)>;

/// The most different remarks for one file.
const REMARKS_MAX: usize = 40;

/// Counts a remark, unless it is new and the limit is reached. Returns whether it is new and was counted.
pub(super) fn count(remarked: &mut Remarked, remark: Remark, count: u64, at: u64) -> bool {
    let is_new = !remarked.contains_key(&remark);
    if is_new && remarked.len() >= REMARKS_MAX {
        return false;
    }
    remarked.entry(remark).or_insert((0, at)).0 += count;
    is_new
}

/// How a file ended.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Ending {
    /// Whether it ended in the middle of its array or of a record.
    pub(super) is_cut: bool,
    /// Why its compressed data is incomplete, as a clause, or `None` if it is complete.
    pub(super) damage: Option<String>,
    /// What followed its compressed data and was ignored, as a clause.
    pub(super) ignored: Option<String>,
    /// Whether it grew while it was read.
    pub(super) has_grown: bool,
    /// The digest of its lines, as hexadecimal digits, if it is a snapshot with one consent on each line.
    pub(super) sha256: Option<String>,
}

/// Compares what a file contains with what it says about itself.
#[derive(Default)]
pub(super) struct Check {
    /// The count and the digest that a snapshot names.
    said: Option<(Option<u64>, Option<String>)>,
    consents: u64,
    bad: u64,
    first_bad: Option<String>,
    /// Where the last record that is not inside another one ends. `is_last_bad` says whether it was unreadable.
    last_end: u64,
    is_last_bad: bool,
    remarked: Remarked,
}

impl Check {
    pub(super) fn new(head: Option<&SnapshotHead>) -> Self {
        Self { said: head.map(|head| (head.count, head.sha256.clone())), ..Self::default() }
    }

    pub(super) fn add(&mut self, span: Span, consents: usize, bad: Vec<String>) {
        self.consents += consents as u64;
        self.bad += bad.len() as u64;
        // Records found inside an unreadable one are added after it.
        if span.at >= self.last_end {
            self.last_end = span.at + u64::from(span.length);
            self.is_last_bad = !bad.is_empty();
        }
        if self.first_bad.is_none() {
            self.first_bad = bad.into_iter().next().map(|why| format!("at byte {}: {why}", span.at));
        }
    }

    /// Adds remarks on some events, and returns a sentence for each new one.
    pub(super) fn remark(&mut self, remarked: Remarked) -> Vec<String> {
        let mut new = Vec::new();
        for (remark, (number, at)) in remarked {
            let sentence = remark.sentence(number, at);
            if count(&mut self.remarked, remark, number, at) {
                new.push(sentence);
            }
        }
        new
    }

    /// Returns a sentence for each remark.
    pub(super) fn remarks(&self) -> Vec<String> {
        self.remarked.iter().map(|(remark, (count, at))| remark.sentence(*count, *at)).collect()
    }

    /// Returns a sentence for each problem of the file.
    pub(super) fn troubles(&self, ending: &Ending) -> Vec<String> {
        let mut out = Vec::new();
        let (count, sha256) = self.said.clone().unwrap_or_default();
        // An unreadable last record of an incomplete file is reported as the file's end, not as a bad record.
        let ends_early = ending.is_cut || ending.damage.is_some();
        let bad = self.bad - u64::from(ends_early && self.is_last_bad);
        if bad > 0 {
            let first = self.first_bad.as_deref().unwrap_or_default();
            let records = if bad == 1 { "record" } else { "records" };
            out.push(format!("{bad} {records} cannot be read; the first {first}"));
        }
        if ending.has_grown {
            out.push("it grew while it was read; the data added meanwhile was not read.".to_owned());
        }
        if let Some(damage) = &ending.damage {
            let of = count.map_or(String::new(), |count| format!(" of {count}"));
            out.push(format!("{damage}; {} could be read.", self.read(&of)));
            return out;
        }
        if ending.is_cut {
            // The count and the digest cannot match then, so they are not compared.
            let of = count.map_or(String::new(), |count| format!(" of {count}"));
            out.push(format!("it is incomplete; {} could be read.", self.read(&of)));
            return out;
        }
        if let Some(count) = count.filter(|count| *count != self.consents) {
            out.push(format!("it says that it holds {count} consents, but {} could be read.", self.consents));
        }
        match (sha256, &ending.sha256) {
            (Some(said), Some(found)) if said != *found => {
                out.push("its consents do not match its SHA-256: it was changed or damaged.".to_owned());
            }
            (Some(_), None) => {
                out.push("its SHA-256 cannot be checked, because the file was reformatted.".to_owned());
            }
            _ => {}
        }
        out
    }
    /// Returns how many consents could be read. `of` adds how many there should be.
    fn read(&self, of: &str) -> String {
        let consents = if self.consents == 1 && of.is_empty() { "consent" } else { "consents" };
        format!("{}{of} {consents}", self.consents)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the problems of a file with ten bytes per record, some of them bad.
    fn troubles(records: &[bool], ending: &Ending) -> Vec<String> {
        let mut check = Check::new(None);
        for (at, is_bad) in (0..).step_by(10).zip(records) {
            let bad = is_bad.then(|| "odd.".to_owned()).into_iter().collect();
            check.add(Span { at, length: 10 }, usize::from(!is_bad), bad);
        }
        check.troubles(ending)
    }

    #[test]
    fn a_bad_record_is_told_of_beside_the_end() {
        let damage = Ending { damage: Some("it is damaged".to_owned()), ..Ending::default() };
        let cut = Ending { is_cut: true, ..Ending::default() };
        let damaged = "it is damaged; 2 consents could be read.";
        let incomplete = "it is incomplete; 1 consent could be read.";
        let bad = "1 record cannot be read; the first at byte 10: odd.";
        assert_eq!(troubles(&[false, true, false], &damage), [bad, damaged]);
        assert_eq!(troubles(&[false, false, true], &damage), [damaged]);
        assert_eq!(troubles(&[false, true], &cut), [incomplete]);
        assert_eq!(troubles(&[false, true, true], &cut), [bad, incomplete]);
        // Complete records inside an unreadable last record do not count as the last one.
        let mut check = Check::new(None);
        check.add(Span { at: 0, length: 50 }, 0, vec!["odd.".to_owned()]);
        check.add(Span { at: 20, length: 20 }, 1, Vec::new());
        assert_eq!(check.troubles(&cut), [incomplete]);
    }

    #[test]
    fn each_remark_is_told_once_and_not_without_end() {
        let mut check = Check::new(None);
        let mut told = 0;
        for number in (0..100).chain(0..100) {
            let mut remarked = Remarked::new();
            count(&mut remarked, Remark::Held(format!("pod-{number}.log")), 1, 0);
            told += check.remark(remarked).len();
        }
        assert_eq!((told, check.remarks().len()), (REMARKS_MAX, REMARKS_MAX));
    }
}
