//! Writes a snapshot: one JSON object with its description, the journal's coverage, the consents, and a digest of the
//! consents.

use std::io::{self, Seek, SeekFrom, Write};

use aws_lc_rs::digest::{Context, SHA256};
use serde::Serialize;
use serde_json::value::RawValue;

use super::about::{About, AboutOrg, Seen, Tool};
use super::json;
use crate::consent::{Consent, OrgName, Seq};

/// The name of this format. Keys may be added under the same name. The number rises if a key is removed or changes its
/// meaning.
const SCHEMA: &str = "consentwatch.snapshot/1";

/// The members before the consents.
#[derive(Serialize)]
struct Head<'a> {
    schema: &'static str,
    tool: Tool,
    created: String,
    /// The label of the only org.
    org: Option<&'a str>,
    orgs: Vec<OrgHead<'a>>,
    filter: Option<&'a str>,
    extent: &'a str,
    since: Option<String>,
    until: Option<String>,
    coverage: Seen,
    /// The readiness of the only org.
    readiness: Option<&'a RawValue>,
    screen: Option<&'a str>,
}

/// What the head says about one org.
#[derive(Serialize)]
struct OrgHead<'a> {
    name: Option<&'a OrgName>,
    host: &'a str,
    coverage: Seen,
    readiness: Option<&'a RawValue>,
}

impl<'a> OrgHead<'a> {
    fn of(about: &'a AboutOrg) -> Self {
        Self {
            name: about.org.name.as_ref(),
            host: &about.org.host,
            coverage: about.seen(),
            readiness: about.readiness.as_deref(),
        }
    }
}

/// The width of the count. It is padded with spaces, which JSON allows.
const COUNT_WIDTH: usize = 12;
const DIGEST_WIDTH: usize = 64;

/// Writes a snapshot one consent at a time. Count and digest come before the consents, so space is reserved for them
/// and filled at the end.
pub struct Snapshot<W: Write + Seek> {
    out: W,
    count: u64,
    digest: Context,
    place: u64,
    line: Vec<u8>,
}

impl<W: Write + Seek> Snapshot<W> {
    /// Starts a snapshot by writing everything before the consents.
    ///
    /// # Errors
    /// The output cannot be written.
    pub fn begin(mut out: W, about: &About) -> io::Result<Self> {
        let head = Head {
            schema: SCHEMA,
            tool: Tool::THIS,
            created: json::time(about.created),
            org: about.only_org().map(|about| about.org.label()),
            orgs: about.orgs.iter().map(OrgHead::of).collect(),
            filter: about.filter.as_deref(),
            extent: about.extent,
            since: about.since.map(json::time),
            until: about.until.map(json::time),
            coverage: about.seen(),
            readiness: about.only_org().and_then(|about| about.readiness.as_deref()),
            screen: about.screen.as_deref(),
        };
        let head = serde_json::to_string(&head)?;
        let open = head.strip_suffix('}').unwrap_or(&head);
        out.write_all(open.as_bytes())?;
        out.write_all(b",\"count\":")?;
        let place = out.stream_position()?;
        out.write_all(&[b' '; COUNT_WIDTH])?;
        out.write_all(b",\"sha256\":\"")?;
        out.write_all(&[b'0'; DIGEST_WIDTH])?;
        out.write_all(b"\",\"consents\":[")?;
        Ok(Self { out, count: 0, digest: Context::new(&SHA256), place, line: Vec::new() })
    }

    /// Adds a consent.
    ///
    /// # Errors
    /// The output cannot be written.
    pub fn add(&mut self, seq: Seq, consent: &Consent) -> io::Result<()> {
        self.line.clear();
        json::line(seq, consent, &mut self.line);
        let line = self.line.strip_suffix(b"\n").unwrap_or(&self.line);
        if self.count > 0 {
            self.digest.update(b"\n");
            self.out.write_all(b",\n")?;
        } else {
            self.out.write_all(b"\n")?;
        }
        self.digest.update(line);
        self.count += 1;
        self.out.write_all(line)
    }

    /// Completes the snapshot, and returns count and digest.
    ///
    /// # Errors
    /// The output cannot be written.
    pub fn finish(mut self) -> io::Result<(u64, String)> {
        self.out.write_all(b"\n]}\n")?;
        let digest = hex(self.digest.finish().as_ref());
        self.out.seek(SeekFrom::Start(self.place))?;
        write!(self.out, "{:>COUNT_WIDTH$},\"sha256\":\"{digest}", self.count)?;
        self.out.flush()?;
        Ok((self.count, digest))
    }
}

/// Returns bytes as lower-case hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut out, byte| {
        use std::fmt::Write as _;
        if write!(out, "{byte:02x}").is_err() {
            debug_assert!(false, "a string takes everything");
        }
        out
    })
}

impl<W: Write + Seek> std::fmt::Debug for Snapshot<W> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Snapshot").field("count", &self.count).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use serde_json::Value;

    use super::*;
    use crate::export::sample;
    use crate::report::{Board, Coverage};

    fn about() -> About {
        About {
            orgs: vec![sample::about_org()],
            created: "2026-03-04T10:00:00Z".parse().unwrap(),
            filter: Some("kind:grant \"quoted\"".to_owned()),
            extent: "listed",
            since: None,
            until: None,
            screen: Some("a\nscreen".to_owned()),
        }
    }

    fn written(count: i64) -> (Vec<u8>, String) {
        let mut out = Cursor::new(Vec::new());
        let mut snapshot = Snapshot::begin(&mut out, &about()).unwrap();
        for seq in 1..=count {
            snapshot.add(Seq(seq), &sample::both_ways()).unwrap();
        }
        let (_, digest) = snapshot.finish().unwrap();
        (out.into_inner(), digest)
    }

    #[test]
    fn each_org_is_described_and_only_a_single_one_describes_the_whole() {
        let read = |orgs: Vec<AboutOrg>| -> Value {
            let mut out = Cursor::new(Vec::new());
            Snapshot::begin(&mut out, &About { orgs, ..about() }).unwrap().finish().unwrap();
            serde_json::from_slice(&out.into_inner()).unwrap()
        };
        let org = |name: &str, since: &str| AboutOrg {
            org: sample::named(name, &format!("{name}.okta.com")),
            coverage: Coverage {
                complete_since: Some(since.parse().unwrap()),
                late: 2,
                ..Coverage::default()
            },
            board: Some(Board::default()),
            readiness: Some(RawValue::from_string(format!(r#"{{"of":"{name}"}}"#)).unwrap()),
        };
        let prod = org("prod", "2026-03-01T00:00:00Z");
        let one = read(vec![prod.clone()]);
        assert_eq!((&one["org"], &one["readiness"]["of"]), (&"prod".into(), &"prod".into()));
        assert_eq!(one["coverage"], one["orgs"][0]["coverage"]);
        let two = read(vec![prod, org("preview", "2026-03-02T00:00:00Z")]);
        assert_eq!((&two["org"], &two["readiness"]), (&Value::Null, &Value::Null));
        assert_eq!(
            (&two["coverage"]["late"], &two["coverage"]["complete_since"]),
            (&4.into(), &"2026-03-02T00:00:00.000Z".into())
        );
        assert_eq!(two["coverage"]["sources"], serde_json::json!({}));
        assert_eq!(two["orgs"][0], one["orgs"][0]);
        let preview = &two["orgs"][1];
        assert_eq!((&preview["name"], &preview["host"]), (&"preview".into(), &"preview.okta.com".into()));
        assert_eq!(
            (&preview["coverage"]["late"], &preview["readiness"]["of"]),
            (&2.into(), &"preview".into())
        );
    }

    #[test]
    fn it_says_what_it_holds() {
        for count in [0, 1, 3] {
            let (bytes, digest) = written(count);
            let read: Value = serde_json::from_slice(&bytes).unwrap();
            assert_eq!(read["schema"], SCHEMA);
            assert_eq!(
                (read["count"].as_i64(), read["sha256"].as_str()),
                (Some(count), Some(digest.as_str()))
            );
            let consents = read["consents"].as_array().unwrap();
            assert_eq!(consents.len() as i64, count);
            assert_eq!(
                (read["filter"].as_str(), read["screen"].as_str()),
                (Some("kind:grant \"quoted\""), Some("a\nscreen"))
            );
            // A reader of the file can compute the digest from its lines.
            let text = String::from_utf8(bytes).unwrap();
            let lines: Vec<&str> = text
                .lines()
                .filter(|line| line.starts_with("{\"schema\":\"consentwatch.consent/1\""))
                .collect();
            let joined: Vec<&str> = lines.iter().map(|line| line.strip_suffix(',').unwrap_or(line)).collect();
            assert_eq!(joined.len() as i64, count);
            let found = aws_lc_rs::digest::digest(&SHA256, joined.join("\n").as_bytes());
            assert_eq!(hex(found.as_ref()), digest);
        }
    }
}
