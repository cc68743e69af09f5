//! Reads the head of a snapshot: what it says about itself before its consents.

use std::borrow::Cow;
use std::fmt;

use jiff::Timestamp;
use serde::de::{IgnoredAny, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

use crate::consent::{KnownOrg, OrgName, visible};
use crate::json_scan::end_of_string;
use crate::report::{Coverage, Gap, HookProof, Readiness, ReadinessItem, Unreadable};

/// The head of a snapshot. Everything but the schema may be missing.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct SnapshotHead {
    /// When the snapshot was made.
    pub created: Option<Timestamp>,
    /// The orgs whose consents it holds, at most 255.
    pub orgs: Vec<SnapshotOrg>,
    /// How many more orgs it describes.
    pub more_orgs: u64,
    /// The filter that it was made with, with control characters made visible.
    pub filter: Option<String>,
    /// What the journal covered of all orgs.
    pub coverage: Coverage,
    /// How many consents it holds.
    pub count: Option<u64>,
    /// The digest of its lines, as hexadecimal digits.
    pub sha256: Option<String>,
}

/// What a snapshot says about one org.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SnapshotOrg {
    /// The name and the host of the org, with control characters made visible.
    pub org: KnownOrg,
    /// What the journal covered of it.
    pub coverage: Coverage,
    /// What was known of its readiness.
    pub readiness: Option<Readiness>,
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
    orgs: WireOrgs,
    filter: Option<String>,
    coverage: Option<Seen>,
    readiness: Option<Box<serde_json::value::RawValue>>,
    count: Option<u64>,
    sha256: Option<String>,
}

/// The most orgs whose description is read, which is as many as a journal can know.
const ORGS_MAX: usize = 255;

/// The first orgs of a head, and the number of the others, which take no memory.
#[derive(Default)]
struct WireOrgs {
    first: Vec<WireOrg>,
    more: u64,
}

impl<'de> Deserialize<'de> for WireOrgs {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Orgs;
        impl<'de> Visitor<'de> for Orgs {
            type Value = WireOrgs;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of orgs")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<WireOrgs, A::Error> {
                let mut orgs = WireOrgs::default();
                while orgs.first.len() < ORGS_MAX {
                    let Some(org) = list.next_element()? else { return Ok(orgs) };
                    orgs.first.push(org);
                }
                while list.next_element::<IgnoredAny>()?.is_some() {
                    orgs.more += 1;
                }
                Ok(orgs)
            }
        }
        from.deserialize_seq(Orgs)
    }
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct WireOrg {
    name: Option<String>,
    host: String,
    coverage: Option<Seen>,
    readiness: Option<Box<serde_json::value::RawValue>>,
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
        let coverage = wire.coverage.unwrap_or_default().coverage();
        let mut orgs: Vec<SnapshotOrg> = wire.orgs.first.into_iter().map(WireOrg::org).collect();
        if let (true, Some(label)) = (orgs.is_empty(), &wire.org) {
            // An older version described only the whole.
            orgs.push(SnapshotOrg {
                org: KnownOrg::unnamed(&visible(label)),
                coverage: coverage.clone(),
                readiness: wire.readiness.and_then(|raw| readiness(raw.get().as_bytes())),
            });
        }
        Ok(Self {
            created: wire.created.and_then(|at| at.parse().ok()),
            orgs,
            more_orgs: wire.orgs.more,
            filter: wire.filter.map(|filter| visible(&filter).into_owned()),
            coverage,
            count: wire.count,
            sha256: wire.sha256,
        })
    }

    /// Returns a sentence about the orgs whose description was not read, or `None` if all were.
    pub(super) fn remark(&self) -> Option<String> {
        let all = self.orgs.len() as u64 + self.more_orgs;
        (self.more_orgs > 0).then(|| {
            format!("Its head describes {all} orgs; only what it says of the first {ORGS_MAX} is used.")
        })
    }
}

impl WireOrg {
    fn org(self) -> SnapshotOrg {
        let name = self.name.and_then(|name| OrgName::parse(&name).ok());
        SnapshotOrg {
            org: KnownOrg { name, ..KnownOrg::unnamed(&visible(&self.host)) },
            coverage: self.coverage.unwrap_or_default().coverage(),
            readiness: self.readiness.and_then(|raw| readiness(raw.get().as_bytes())),
        }
    }
}

impl Seen {
    fn coverage(self) -> Coverage {
        Coverage {
            complete_since: self.complete_since.and_then(|at| at.parse().ok()),
            gaps: self.gaps.into_iter().filter_map(Hole::gap).collect(),
            late: self.late,
            shared: self.shared,
            unreadable: Unreadable {
                count: self.unreadable.count,
                first: self.unreadable.first.and_then(|at| at.parse().ok()),
                last: self.unreadable.last.and_then(|at| at.parse().ok()),
            },
            last_good_poll: self.last_good_poll.and_then(|at| at.parse().ok()),
            hook: HookProof {
                unconfirmed: self.hook_unconfirmed,
                missed: self.hook_missed,
                altered: self.hook_altered,
                ..HookProof::default()
            },
        }
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
    use crate::export::{About, AboutOrg, Snapshot};
    use crate::report::Overall;

    #[test]
    fn a_head_says_what_it_knows() {
        let text = br#"{"schema":"consentwatch.snapshot/1","created":"2026-03-04T10:00:00.000Z","org":"ex\u001b","filter":null,
            "coverage":{"complete_since":"2026-03-01T00:00:00.000Z","gaps":[{"from":"2026-03-02T00:00:00Z","to":"2026-03-02T01:00:00Z","why":"x"}],"late":2},
            "readiness":{"odd":1},"count":        7,"sha256":"ab","consents":"#;
        let head = SnapshotHead::read(text).unwrap();
        let [org] = head.orgs.as_slice() else { panic!("{:?}", head.orgs) };
        assert_eq!((org.org.label(), head.count, head.sha256.as_deref()), ("ex^[", Some(7), Some("ab")));
        assert_eq!((head.coverage.gaps.len(), head.coverage.late, &org.readiness), (1, 2, &None));
        assert_eq!(org.coverage, head.coverage);
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
        let readiness = Readiness {
            probed: at("2026-03-04T10:30:00Z"),
            verdict: Overall::Unproven,
            credentials_refused: false,
            items: Vec::new(),
            changes: Vec::new(),
        };
        let org = |name: Option<&str>, host: &str| AboutOrg {
            org: KnownOrg { name: name.map(|name| OrgName::parse(name).unwrap()), ..KnownOrg::unnamed(host) },
            coverage: coverage.clone(),
            board: None,
            readiness: serde_json::value::to_raw_value(&readiness).ok(),
        };
        let about = |orgs: &[AboutOrg]| About {
            orgs: orgs.to_vec(),
            created: at("2026-03-04T11:00:00Z"),
            filter: None,
            extent: "all",
            since: None,
            until: None,
            screen: None,
        };
        let one = org(Some("prod"), "example.okta.com");
        let other = org(None, "example.oktapreview.com");
        for orgs in [&[one.clone()][..], &[one, other]] {
            let mut out = std::io::Cursor::new(Vec::new());
            Snapshot::begin(&mut out, &about(orgs)).unwrap().finish().unwrap();
            let text = out.into_inner();
            let head = SnapshotHead::read(&text[..opens(&text).unwrap()]).unwrap();
            let mut all = Coverage::of_all(orgs.iter().map(|org| &org.coverage));
            // The gap is one, because both orgs have it.
            all.gaps.dedup();
            assert_eq!(head.coverage, all);
            assert_eq!(head.orgs.len(), orgs.len());
            for (read, org) in head.orgs.iter().zip(orgs) {
                assert_eq!((&read.org, &read.coverage), (&org.org, &org.coverage));
                assert_eq!(read.readiness.as_ref(), Some(&readiness));
            }
        }
    }

    #[test]
    fn a_head_that_describes_too_many_orgs_is_read_in_part() {
        let read = |count: usize| {
            let orgs = vec![r#"{"host":"a.okta.com"}"#; count].join(",");
            let text =
                format!(r#"{{"schema":"consentwatch.snapshot/1","orgs":[{orgs}],"count":7,"consents":"#);
            let head = SnapshotHead::read(text.as_bytes()).unwrap();
            assert_eq!(head.count, Some(7));
            (head.orgs.len(), head.more_orgs, head.remark())
        };
        assert_eq!(read(ORGS_MAX), (ORGS_MAX, 0, None));
        let words = "Its head describes 100000 orgs; only what it says of the first 255 is used.";
        assert_eq!(read(100_000), (ORGS_MAX, 99_745, Some(words.to_owned())));
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
