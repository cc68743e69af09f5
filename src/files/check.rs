//! Whether a file is what it says it is.

use std::collections::BTreeMap;

use super::cut::Span;
use super::head::Head;
use super::remark::Remark;

/// Remarks, each with the count of events that it is about and the place of the first.
pub(super) type Remarked = BTreeMap<Remark, (u64, u64)>;

/// Remarks of one file; more of them say nothing more.
const REMARKS_MAX: usize = 40;

/// Counts a remark, unless it is new and there are too many. Returns whether it is new and was counted.
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
    /// Where the last record ends that lies in no other, and whether it could not be read.
    last_end: u64,
    is_last_bad: bool,
    remarked: Remarked,
}

impl Check {
    pub(super) fn new(head: Option<&Head>) -> Self {
        Self { said: head.map(|head| (head.count, head.sha256.clone())), ..Self::default() }
    }

    pub(super) fn add(&mut self, span: Span, consents: usize, bad: Vec<String>) {
        self.consents += consents as u64;
        self.bad += bad.len() as u64;
        // Records found inside one that cannot be read come behind it.
        if span.at >= self.last_end {
            self.last_end = span.at + u64::from(span.length);
            self.is_last_bad = !bad.is_empty();
        }
        if self.first_bad.is_none() {
            self.first_bad = bad.into_iter().next().map(|why| format!("at byte {}: {why}", span.at));
        }
    }

    /// Takes in what is remarked on some events, and returns a sentence for each remark that is new.
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
            out.push(format!("{damage}; {} could be read and are there.", self.read(&of)));
            return out;
        }
        if ending.is_cut {
            // Count and digest are wrong then, and say nothing more.
            let of = count.map_or(String::new(), |count| format!(" of {count}"));
            out.push(format!("it is incomplete; {} could be read.", self.read(&of)));
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
                out.push("its SHA-256 cannot be checked, because the file was reformatted.".to_owned());
            }
            _ => {}
        }
        out
    }
    /// Says how many consents could be read; `of` says of how many.
    fn read(&self, of: &str) -> String {
        let consents = if self.consents == 1 && of.is_empty() { "consent" } else { "consents" };
        format!("{}{of} {consents}", self.consents)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is said of a file whose records are bad or not, each of ten bytes.
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
        let damaged = "it is damaged; 2 consents could be read and are there.";
        let incomplete = "it is incomplete; 1 consent could be read.";
        let bad = "1 record cannot be read; the first at byte 10: odd.";
        assert_eq!(troubles(&[false, true, false], &damage), [bad, damaged]);
        assert_eq!(troubles(&[false, false, true], &damage), [damaged]);
        assert_eq!(troubles(&[false, true], &cut), [incomplete]);
        assert_eq!(troubles(&[false, true, true], &cut), [bad, incomplete]);
        // Whole records inside of the one in which the file ends do not make it a good one.
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
