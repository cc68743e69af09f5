//! The description of a snapshot or report: which rows it has, and what the journal covers.

use jiff::Timestamp;
use serde::Serialize;

use super::json::time;
use crate::consent::{KnownOrg, Orgs, visible};
use crate::report::{Board, Coverage, Part};

/// The contents and context of a snapshot or a report.
#[derive(Clone, Debug)]
pub struct About {
    /// The orgs whose consents it has.
    pub orgs: Vec<AboutOrg>,
    /// When it was created.
    pub created: Timestamp,
    /// The filter, if any.
    pub filter: Option<String>,
    /// Which rows it has: `all`, `listed`, `marked` or `this`.
    pub extent: &'static str,
    /// The first publication time that it includes, if limited.
    pub since: Option<Timestamp>,
    /// The publication time before which its events are, if limited.
    pub until: Option<Timestamp>,
    /// The text of the screen when it was created, if there was one.
    pub screen: Option<String>,
}

/// What a snapshot or a report says about one org.
#[derive(Clone, Debug)]
pub struct AboutOrg {
    /// The name and the host of the org.
    pub org: KnownOrg,
    /// What the journal covers of it.
    pub coverage: Coverage,
    /// The status of poller, hook and journal, if they were running.
    pub board: Option<Board>,
    /// The org's readiness as `consentwatch.doctor/1` JSON, if it is known.
    pub readiness: Option<Box<serde_json::value::RawValue>>,
}

/// The program's name and version, as files contain them.
#[derive(Serialize)]
pub(super) struct Tool {
    name: &'static str,
    version: &'static str,
}

impl Tool {
    pub(super) const THIS: Self = Self { name: "consentwatch", version: env!("CARGO_PKG_VERSION") };

    /// Returns name and version for people.
    pub(super) fn words() -> String {
        format!("{} {}", Self::THIS.name, Self::THIS.version)
    }
}

/// The coverage of the journal, as JSON.
#[derive(Serialize)]
pub(super) struct Seen {
    complete_since: Option<String>,
    gaps: Vec<Hole>,
    late: u64,
    shared: u64,
    unreadable: Unread,
    last_good_poll: Option<String>,
    hook_unconfirmed: u64,
    hook_missed: u64,
    hook_altered: u64,
    sources: std::collections::BTreeMap<&'static str, &'static str>,
}

#[derive(Serialize)]
struct Unread {
    count: u64,
    first: Option<String>,
    last: Option<String>,
}

#[derive(Serialize)]
struct Hole {
    from: String,
    to: String,
    why: String,
}

impl Seen {
    /// Returns the coverage, and the status of each part of a board.
    fn of(coverage: &Coverage, board: Option<&Board>) -> Self {
        let pulses = board.into_iter().flat_map(|board| {
            [Part::Poll, Part::Hook, Part::Journal].map(|part| (part.word(), board.get(part).word()))
        });
        Self {
            complete_since: coverage.complete_since.map(time),
            gaps: coverage
                .gaps
                .iter()
                .map(|gap| Hole { from: time(gap.from), to: time(gap.to), why: gap.why.clone() })
                .collect(),
            late: coverage.late,
            shared: coverage.shared,
            unreadable: Unread {
                count: coverage.unreadable.count,
                first: coverage.unreadable.first.map(time),
                last: coverage.unreadable.last.map(time),
            },
            last_good_poll: coverage.last_good_poll.map(time),
            hook_unconfirmed: coverage.hook.unconfirmed,
            hook_missed: coverage.hook.missed,
            hook_altered: coverage.hook.altered,
            sources: pulses.collect(),
        }
    }
}

impl About {
    /// Returns the orgs, for lines that name them.
    pub fn known_orgs(&self) -> Orgs {
        Orgs::new(self.orgs.iter().map(|about| about.org.clone()).collect())
    }

    /// Returns the only org, or `None` if there are several or none.
    pub(super) fn only_org(&self) -> Option<&AboutOrg> {
        match self.orgs.as_slice() {
            [one] => Some(one),
            _ => None,
        }
    }

    /// Returns what all orgs cover together. Only a single org has a status of its parts.
    pub(super) fn seen(&self) -> Seen {
        if let Some(org) = self.only_org() {
            return org.seen();
        }
        let mut all = Coverage::of_all(self.orgs.iter().map(|org| &org.coverage));
        // A gap that several orgs have in common is one.
        all.gaps.dedup();
        Seen::of(&all, None)
    }

    /// Returns the heading of what is said about an org, or `None` if it is the only one.
    pub(super) fn heading<'a>(&self, about: &'a AboutOrg) -> Option<&'a str> {
        (self.orgs.len() > 1).then(|| about.org.label())
    }

    /// Returns the labels of the orgs, for people.
    pub(super) fn labels(&self) -> String {
        const LABELS_MAX: usize = 12;
        let labels: Vec<&str> = self.orgs.iter().map(|about| about.org.label()).take(LABELS_MAX).collect();
        let more = self.orgs.len() - labels.len();
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        format!("{}{more}", labels.join(", "))
    }

    /// Returns which rows were requested, as a line for people.
    pub(super) fn asked(&self) -> String {
        let filter = self.filter.as_ref().map_or("no filter".to_owned(), |filter| format!("filter {filter}"));
        let since = self.since.map_or(String::new(), |at| format!(", published since {}", time(at)));
        let until = self.until.map_or(String::new(), |at| format!(", published before {}", time(at)));
        format!("{} consents, {filter}{since}{until}", self.extent)
    }
}

impl AboutOrg {
    pub(super) fn seen(&self) -> Seen {
        Seen::of(&self.coverage, self.board.as_ref())
    }

    /// Returns when the org was probed, and its readiness, as lines. Returns `None` if it is not known.
    pub(super) fn probed(&self) -> Option<Vec<String>> {
        let value = serde_json::from_str::<serde_json::Value>(self.readiness.as_ref()?.get()).ok()?;
        let items =
            value.get("items").and_then(|items| items.as_array()).filter(|items| !items.is_empty())?;
        let text = |of: &serde_json::Value, key: &str| {
            of.get(key).and_then(|value| value.as_str()).map(visible).unwrap_or_default().into_owned()
        };
        let probed = format!("Probed {}; later changes are not included.", text(&value, "probed"));
        let items = items.iter().map(|item| {
            format!("{}: {} ({})", text(item, "name"), text(item, "state"), text(item, "confidence"))
        });
        Some(std::iter::once(probed).chain(items).collect())
    }

    /// Returns what the journal covers and what it lacks, as sentences.
    pub(super) fn sentences(&self) -> Vec<String> {
        let coverage = &self.coverage;
        let mut out = Vec::new();
        out.push(match coverage.complete_since {
            Some(since) => format!("The journal is complete since {}.", time(since)),
            None => {
                "Nothing is known to be complete: the poller has never caught up with the log.".to_owned()
            }
        });
        out.push(match coverage.last_good_poll {
            Some(at) => {
                format!(
                    "The System Log was last read successfully at {}; later events are not included.",
                    time(at)
                )
            }
            None => "The System Log was never read successfully.".to_owned(),
        });
        for gap in &coverage.gaps {
            out.push(format!("Possible gap from {} to {}: {}.", time(gap.from), time(gap.to), gap.why));
        }
        if coverage.late > 0 {
            out.push(match coverage.late {
                1 => "1 event arrived late; it is listed at the time it was published.".to_owned(),
                late => {
                    format!("{late} events arrived late; they are listed at the time they were published.")
                }
            });
        }
        if coverage.shared > 0 {
            out.push(match coverage.shared {
                1 => "1 row has the same uuid as a row with different content.".to_owned(),
                count => format!("{count} rows have the same uuid as a row with different content."),
            });
        }
        out.extend(coverage.unreadable.sentence());
        if coverage.hook.unconfirmed > 0 {
            out.push(match coverage.hook.unconfirmed {
                1 => "1 event came only by the hook; the log does not confirm it.".to_owned(),
                count => format!("{count} events came only by the hook; the log does not confirm them."),
            });
        }
        if coverage.hook.missed > 0 {
            out.push(match coverage.hook.missed {
                1 => "1 event in the log was not delivered by the hook, although it should have been.".to_owned(),
                count => {
                    format!(
                        "{count} events in the log were not delivered by the hook, although they should have been."
                    )
                }
            });
        }
        if coverage.hook.altered > 0 {
            let events = if coverage.hook.altered == 1 { "event" } else { "events" };
            out.push(format!(
                "For {} {events}, the hook's copy contradicts the log. The rows show the log's version.",
                coverage.hook.altered
            ));
        }
        out
    }
}
