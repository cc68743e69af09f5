//! Writes what the journal covers as a JSON line for scripts.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;

use super::Source;
use crate::consent::OrgId;
use crate::journal::ReadError;
use crate::report::{Board, Coverage, Gap, Unreadable};

/// The JSON line. Every key is always present. An unknown value is `null`.
#[derive(Serialize)]
struct Line<'a> {
    schema: &'static str,
    org: &'a str,
    complete_since: Option<String>,
    gaps: Vec<GapLine<'a>>,
    last_good_poll: Option<String>,
    late: u64,
    shared: u64,
    unreadable: UnreadableLine,
    hook: HookLine,
}

#[derive(Serialize)]
struct UnreadableLine {
    count: u64,
    first: Option<String>,
    last: Option<String>,
}

#[derive(Serialize)]
struct HookLine {
    verified: Option<String>,
    unconfirmed: u64,
    missed: u64,
    altered: u64,
    failed_deliveries: u64,
    last_failed_delivery: Option<String>,
}

#[derive(Serialize)]
struct GapLine<'a> {
    from: String,
    to: String,
    why: &'a str,
}

/// Notices when the coverage of an org changes.
#[derive(Debug, Default)]
pub(super) struct Watcher {
    told: BTreeMap<OrgId, Coverage>,
}

impl Watcher {
    /// Returns the line of each org whose coverage changed. There is none if only the time of the last good poll changed
    /// or nothing is known yet. The caller passes in the boards that it read: reading them here would mark a change as
    /// seen that the caller waits for.
    pub(super) fn look(&mut self, source: &Source, boards: &[Board]) -> Result<Vec<String>, ReadError> {
        let mut lines = Vec::new();
        for ((org, label), board) in source.in_use().zip(source.labels()).zip(boards) {
            let coverage = source.coverage(org)?;
            let last_good_poll = coverage.last_good_poll.max(board.traffic.last_good);
            lines.extend(self.tell(org, label, Coverage { last_good_poll, ..coverage }));
        }
        Ok(lines)
    }

    fn tell(&mut self, org: OrgId, label: &str, coverage: Coverage) -> Option<String> {
        let facts = |coverage: &Coverage| Coverage { last_good_poll: None, ..coverage.clone() };
        let before = self.told.get(&org).map_or_else(Coverage::default, facts);
        if before == facts(&coverage) {
            return None;
        }
        let text = line(label, &coverage);
        self.told.insert(org, coverage);
        Some(text)
    }
}

fn line(org: &str, coverage: &Coverage) -> String {
    let time = |time: Timestamp| format!("{time:.3}");
    let gap = |gap: &'_ Gap| (time(gap.from), time(gap.to));
    let gaps = coverage.gaps.iter().map(|one| {
        let (from, to) = gap(one);
        GapLine { from, to, why: &one.why }
    });
    let line = Line {
        schema: "consentwatch.coverage/1",
        org,
        complete_since: coverage.complete_since.map(time),
        gaps: gaps.collect(),
        last_good_poll: coverage.last_good_poll.map(time),
        late: coverage.late,
        shared: coverage.shared,
        unreadable: {
            let Unreadable { count, first, last } = coverage.unreadable;
            UnreadableLine { count, first: first.map(time), last: last.map(time) }
        },
        hook: HookLine {
            verified: coverage.hook.verified.map(time),
            unconfirmed: coverage.hook.unconfirmed,
            missed: coverage.hook.missed,
            altered: coverage.hook.altered,
            failed_deliveries: coverage.hook.failures,
            last_failed_delivery: coverage.hook.last_failure.map(time),
        },
    };
    serde_json::to_string(&line).expect("texts and numbers always have a JSON form")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::HookProof;

    #[test]
    fn a_line_says_everything_once() {
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let tell = |watcher: &mut Watcher, coverage| watcher.tell(OrgId(0), "prod", coverage);
        let mut watcher = Watcher::default();
        assert_eq!(tell(&mut watcher, Coverage::default()), None);
        let mut coverage = Coverage {
            complete_since: Some(at("2026-03-03T09:15:27Z")),
            gaps: vec![Gap {
                from: at("2026-03-03T10:00:00Z"),
                to: at("2026-03-03T10:05:00.5Z"),
                why: "a \"reason\"".to_owned(),
            }],
            late: 2,
            shared: 0,
            last_good_poll: None,
            hook: HookProof {
                verified: Some(at("2026-03-03T09:00:00Z")),
                unconfirmed: 1,
                missed: 3,
                ..HookProof::default()
            },
            ..Coverage::default()
        };
        let wanted = concat!(
            r#"{"schema":"consentwatch.coverage/1","org":"prod","complete_since":"2026-03-03T09:15:27.000Z","#,
            r#""gaps":[{"from":"2026-03-03T10:00:00.000Z","to":"2026-03-03T10:05:00.500Z","why":"a \"reason\""}],"#,
            r#""last_good_poll":null,"late":2,"shared":0,"unreadable":{"count":0,"first":null,"last":null},"hook":{"verified":"2026-03-03T09:00:00.000Z","unconfirmed":1,"#,
            r#""missed":3,"altered":0,"failed_deliveries":0,"last_failed_delivery":null}}"#
        );
        assert_eq!(tell(&mut watcher, coverage.clone()).as_deref(), Some(wanted));
        assert_eq!(tell(&mut watcher, coverage.clone()), None);
        coverage.last_good_poll = Some(at("2026-03-04T00:00:00Z"));
        assert_eq!(tell(&mut watcher, coverage.clone()), None, "that alone is no change");
        coverage.late = 3;
        let line = tell(&mut watcher, coverage.clone()).unwrap();
        assert!(line.contains(r#""last_good_poll":"2026-03-04T00:00:00.000Z","late":3,"#), "{line}");
        // Later lines contain the changes too.
        coverage.shared = 2;
        let line = tell(&mut watcher, coverage.clone()).unwrap();
        assert!(line.contains(r#""late":3,"shared":2,"#), "{line}");
        coverage.unreadable = Unreadable {
            count: 3,
            first: Some(at("2026-03-04T00:00:00Z")),
            last: Some(at("2026-03-04T00:01:00Z")),
        };
        let line = tell(&mut watcher, coverage.clone()).unwrap();
        let wanted = r#""unreadable":{"count":3,"first":"2026-03-04T00:00:00.000Z","last":"2026-03-04T00:01:00.000Z"}"#;
        assert!(line.contains(wanted), "{line}");
        coverage.gaps.clear();
        assert!(tell(&mut watcher, coverage).unwrap().contains(r#""gaps":[]"#));
    }
}
