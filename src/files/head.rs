//! Reads the head of a snapshot: what it says about itself before its consents.

use std::borrow::Cow;

use jiff::Timestamp;
use serde::Deserialize;

use crate::consent::visible;
use crate::json_scan::end_of_string;
use crate::report::{Coverage, Gap, HookProof, Readiness, ReadinessItem, Unreadable};

/// The head of a snapshot. Everything but the schema may be missing.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct SnapshotHead {
    /// When the snapshot was made.
    pub created: Option<Timestamp>,
    /// The org's host, with control characters made visible.
    pub org: Option<String>,
    /// The filter that it was made with, with control characters made visible.
    pub filter: Option<String>,
    /// What the journal covered.
    pub coverage: Coverage,
    /// What was known of the org's readiness.
    pub readiness: Option<Readiness>,
    /// How many consents it holds.
    pub count: Option<u64>,
    /// The digest of its lines, as hexadecimal digits.
    pub sha256: Option<String>,
}

/// The prefix of the schemas of snapshots.
const SCHEMA: &str = "consentwatch.snapshot/";
const VERSION: u64 = 1;

#[derive(Deserialize, Default)]
#[serde(default)]
struct Wire {
    schema: String,
    created: Option<String>,
    org: Option<String>,
    filter: Option<String>,
    coverage: Option<Seen>,
    readiness: Option<Box<serde_json::value::RawValue>>,
    count: Option<u64>,
    sha256: Option<String>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Seen {
    complete_since: Option<String>,
    gaps: Vec<Hole>,
    late: u64,
    shared: u64,
    unreadable: Unread,
    last_good_poll: Option<String>,
    hook_unconfirmed: u64,
    hook_missed: u64,
    hook_altered: u64,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Unread {
    count: u64,
    first: Option<String>,
    last: Option<String>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Hole {
    from: String,
    to: String,
    why: String,
}

/// Returns the value of the key `schema`, if that is the first key of the object at the start of a text.
pub(super) fn schema(bytes: &[u8]) -> Option<&str> {
    let rest = bytes.strip_prefix(b"{")?.trim_ascii_start().strip_prefix(b"\"schema\"")?;
    let rest = rest.trim_ascii_start().strip_prefix(b":")?.trim_ascii_start().strip_prefix(b"\"")?;
    let end = memchr::memchr2(b'"', b'\\', rest.get(..rest.len().min(100))?)?;
    std::str::from_utf8(&rest[..end]).ok()
}

/// Returns whether a text begins like a snapshot.
pub(super) fn is_snapshot(bytes: &[u8]) -> bool {
    schema(bytes).is_some_and(|schema| schema.starts_with(SCHEMA))
}

/// Returns the position of the bracket that opens a snapshot's consents.
pub(super) fn opens(bytes: &[u8]) -> Option<usize> {
    let (mut at, mut depth) = (0, 0_usize);
    // The last string directly in the object, while only white space and a colon follow it.
    let mut key: Option<&[u8]> = None;
    while at < bytes.len() {
        match bytes[at] {
            b'"' => {
                let start = at + 1;
                let end = end_of_string(bytes, start)?;
                key = (depth == 1).then(|| &bytes[start..end]);
                at = end + 1;
                continue;
            }
            b'[' if depth == 1 && key == Some(b"consents") => return Some(at),
            b'[' | b'{' => {
                depth += 1;
                key = None;
            }
            b']' | b'}' => {
                depth = depth.saturating_sub(1);
                key = None;
            }
            b':' => {}
            byte if byte.is_ascii_whitespace() => {}
            _ => key = None,
        }
        at += 1;
    }
    None
}

impl SnapshotHead {
    /// Parses a snapshot's text up to the bracket that opens its consents. The error is a sentence without its period.
    pub(super) fn read(bytes: &[u8]) -> Result<Self, String> {
        let mut text = bytes.to_vec();
        text.extend_from_slice(b"[]}");
        let wire: Wire =
            serde_json::from_slice(&text).map_err(|_| "Its head is not valid JSON".to_owned())?;
        let version = wire.schema.strip_prefix(SCHEMA).and_then(|version| version.parse::<u64>().ok());
        if version != Some(VERSION) {
            return Err(format!(
                "Its schema is {}, but this program reads {SCHEMA}{VERSION}. A newer consentwatch may read it",
                visible(&wire.schema)
            ));
        }
        let clean = |text: String| visible(&text).into_owned();
        let seen = wire.coverage.unwrap_or_default();
        let readiness = wire.readiness.and_then(|raw| readiness(raw.get().as_bytes()));
        Ok(Self {
            created: wire.created.and_then(|at| at.parse().ok()),
            org: wire.org.map(clean),
            filter: wire.filter.map(clean),
            coverage: Coverage {
                complete_since: seen.complete_since.and_then(|at| at.parse().ok()),
                gaps: seen.gaps.into_iter().filter_map(Hole::gap).collect(),
                late: seen.late,
                shared: seen.shared,
                unreadable: Unreadable {
                    count: seen.unreadable.count,
                    first: seen.unreadable.first.and_then(|at| at.parse().ok()),
                    last: seen.unreadable.last.and_then(|at| at.parse().ok()),
                },
                last_good_poll: seen.last_good_poll.and_then(|at| at.parse().ok()),
                hook: HookProof {
                    unconfirmed: seen.hook_unconfirmed,
                    missed: seen.hook_missed,
                    altered: seen.hook_altered,
                    ..HookProof::default()
                },
            },
            readiness,
            count: wire.count,
            sha256: wire.sha256,
        })
    }
}

/// Parses an org's readiness from a file. Returns `None` if it cannot be parsed. Control characters in every text are
/// made visible.
pub fn readiness(json: &[u8]) -> Option<Readiness> {
    serde_json::from_slice(json).ok().map(made_visible)
}

/// Makes control characters in every text visible, since a file may contain anything.
fn made_visible(mut readiness: Readiness) -> Readiness {
    let clean = |text: &mut String| {
        if let Cow::Owned(seen) = visible(text) {
            *text = seen;
        }
    };
    for item in &mut readiness.items {
        let ReadinessItem { id, name, state, evidence, meaning, remedy, details, confidence: _, blocking: _ } =
            item;
        [id, name, state, meaning, remedy].into_iter().for_each(clean);
        for detail in details {
            clean(&mut detail.name);
            clean(&mut detail.state);
        }
        for found in evidence {
            clean(&mut found.call);
            clean(&mut found.said);
            found.code.iter_mut().for_each(clean);
        }
    }
    readiness.changes.iter_mut().for_each(|change| clean(&mut change.what));
    readiness
}

impl Hole {
    fn gap(self) -> Option<Gap> {
        let why = visible(&self.why).into_owned();
        Some(Gap { from: self.from.parse().ok()?, to: self.to.parse().ok()?, why })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::export::{About, Snapshot};

    #[test]
    fn a_head_says_what_it_knows() {
        let text = br#"{"schema":"consentwatch.snapshot/1","created":"2026-03-04T10:00:00.000Z","org":"ex\u001b","filter":null,
            "coverage":{"complete_since":"2026-03-01T00:00:00.000Z","gaps":[{"from":"2026-03-02T00:00:00Z","to":"2026-03-02T01:00:00Z","why":"x"}],"late":2},
            "readiness":{"odd":1},"count":        7,"sha256":"ab","consents":"#;
        let head = SnapshotHead::read(text).unwrap();
        assert_eq!(
            (head.org.as_deref(), head.count, head.sha256.as_deref()),
            (Some("ex^["), Some(7), Some("ab"))
        );
        assert_eq!((head.coverage.gaps.len(), head.coverage.late, head.readiness), (1, 2, None));
        assert!(head.created.is_some() && head.coverage.complete_since.is_some());
    }

    #[test]
    fn what_a_snapshot_says_of_its_coverage_is_read_back_whole() {
        let at = |text: &str| text.parse().unwrap();
        let coverage = Coverage {
            complete_since: Some(at("2026-03-01T00:00:00Z")),
            gaps: vec![Gap {
                from: at("2026-03-02T00:00:00Z"),
                to: at("2026-03-02T01:00:00Z"),
                why: "the machine slept".to_owned(),
            }],
            late: 2,
            shared: 3,
            last_good_poll: Some(at("2026-03-04T10:00:00Z")),
            unreadable: Unreadable {
                count: 4,
                first: Some(at("2026-03-03T10:00:00Z")),
                last: Some(at("2026-03-03T11:00:00Z")),
            },
            hook: HookProof { unconfirmed: 5, missed: 6, altered: 7, ..HookProof::default() },
        };
        let about = About {
            org: "example.okta.com".to_owned(),
            created: at("2026-03-04T11:00:00Z"),
            filter: None,
            extent: "all",
            since: None,
            until: None,
            coverage: coverage.clone(),
            board: None,
            readiness: None,
            screen: None,
        };
        let mut out = std::io::Cursor::new(Vec::new());
        Snapshot::begin(&mut out, &about).unwrap().finish().unwrap();
        let text = out.into_inner();
        assert_eq!(SnapshotHead::read(&text[..opens(&text).unwrap()]).unwrap().coverage, coverage);
    }

    #[test]
    fn the_future_is_refused_by_name() {
        let why = SnapshotHead::read(br#"{"schema":"consentwatch.snapshot/2","consents":"#).unwrap_err();
        assert!(why.contains("consentwatch.snapshot/2") && why.contains("newer"), "{why}");
        assert!(
            SnapshotHead::read(br#"{"schema":"consentwatch.snapshot/1","count":"x","consents":"#).is_err()
        );
    }

    #[test]
    fn the_consents_are_found_by_their_key_alone() {
        for (text, at) in [
            (r#"{"a":"consents","consents":["#, Some(27)),
            (r#"{"a":{"consents":[1]},"consents" : ["#, Some(35)),
            (r#"{"consents":1,"b":["#, None),
            (r#"{"screen":"\"consents\":[","b":1"#, None),
            (r#"{"consents"#, None),
        ] {
            assert_eq!(opens(text.as_bytes()), at, "{text}");
        }
        assert!(
            is_snapshot(b"{ \"schema\" :\n\"consentwatch.snapshot/9\"") && !is_snapshot(b"{\"schema\":\"x\"")
        );
    }
}
