//! The metrics of a collector in the OpenMetrics text format, for Prometheus and others.

use std::fmt;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use jiff::Timestamp;
use prometheus_client::encoding::text;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry;

use super::health::{Health, OrgHealth};
use crate::report::{HookRefused, Part, Pulse};

/// The content type of the text (OpenMetrics 1.0).
pub(super) const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

type Labels = Vec<(&'static str, String)>;
type Number = Gauge<f64, AtomicU64>;

/// Returns the metrics as text.
///
/// # Errors
/// Fails only if the library cannot format a number.
pub(super) fn text(health: &Health, now: Timestamp) -> Result<String, fmt::Error> {
    let mut all = Metrics { registry: Registry::with_prefix("consentwatch"), orgs: &health.orgs };
    let build = Info::new(vec![("version", env!("CARGO_PKG_VERSION"))]);
    all.registry.register("build", "The version of the program", build);
    all.count("events", "New rows since the start, by kind and by the way on which they first came", |org| {
        let counted = org.events.iter();
        counted.map(|((kind, via), count)| (vec![("kind", *kind), ("via", *via)], *count)).collect()
    });
    all.parts();
    all.poll(now);
    all.hook();
    all.coverage();
    all.team();
    let is_writer = f64::from(u8::from(health.not_writing.is_none()));
    let writer = "Whether this process writes the journal: 1, or 0 while another one does";
    all.of_journal("writer", writer, is_writer);
    all.of_journal("journal_rows", "Rows in the journal", health.rows as f64);
    all.of_journal("journal_bytes", "The size of the journal's files", health.bytes as f64);
    let mut out = String::new();
    text::encode(&mut out, &all.registry)?;
    Ok(out)
}

struct Metrics<'a> {
    registry: Registry,
    orgs: &'a [OrgHealth],
}

/// The values of one org, each with its labels.
type Values<T> = Vec<(Vec<(&'static str, &'static str)>, T)>;

fn labels(org: &OrgHealth, labels: Vec<(&'static str, &'static str)>) -> Labels {
    let org = ("org", org.label.clone());
    std::iter::once(org).chain(labels.into_iter().map(|(name, value)| (name, value.to_owned()))).collect()
}

impl Metrics<'_> {
    /// Adds a number that only grows.
    fn count(&mut self, name: &str, help: &str, values: impl Fn(&OrgHealth) -> Values<u64>) {
        let family = Family::<Labels, Counter>::default();
        for org in self.orgs {
            for (own, value) in values(org) {
                family.get_or_create(&labels(org, own)).inc_by(value);
            }
        }
        self.registry.register(name, help, family);
    }

    /// Adds a number that rises and falls. Those without a value are left out.
    fn measure(&mut self, name: &str, help: &str, values: impl Fn(&OrgHealth) -> Values<Option<f64>>) {
        let family = Family::<Labels, Number>::default();
        for org in self.orgs {
            for (own, value) in values(org) {
                if let Some(value) = value {
                    family.get_or_create(&labels(org, own)).set(value);
                }
            }
        }
        self.registry.register(name, help, family);
    }

    fn one(&mut self, name: &str, help: &str, value: impl Fn(&OrgHealth) -> Option<f64>) {
        self.measure(name, help, |org| vec![(Vec::new(), value(org))]);
    }

    /// Adds a number of the whole journal, which all orgs share.
    fn of_journal(&mut self, name: &str, help: &str, value: f64) {
        let number = Number::default();
        number.set(value);
        self.registry.register(name, help, number);
    }

    fn parts(&mut self) {
        self.measure("part_up", "Whether a part works: 1, or 0", |org| {
            let is_here = |part: &Part| !matches!(org.board.get(*part), Pulse::Off | Pulse::Elsewhere(_));
            let value = |part: Part| {
                let is_well =
                    matches!(org.board.get(part), Pulse::Live | Pulse::Catching | Pulse::Impaired(_));
                (vec![("part", part.word())], Some(f64::from(u8::from(is_well))))
            };
            Part::ALL.into_iter().filter(is_here).map(value).collect()
        });
    }

    fn poll(&mut self, now: Timestamp) {
        self.one(
            "last_good_poll_timestamp_seconds",
            "When the System Log was last read, by Okta's clock",
            |org| org.board.traffic.last_good.map(|at| at.as_millisecond() as f64 / 1000.0),
        );
        self.one("poll_lag_seconds", "The time since the System Log was last read", |org| {
            org.board.traffic.last_good.map(|at| now.duration_since(at).as_secs_f64().max(0.0))
        });
        let used = "Requests in the minute before the last answer";
        self.one("poll_requests_last_minute", used, |org| Some(f64::from(org.board.traffic.used)));
        let number = |value: Option<u64>| value.map(|value| value as f64);
        self.one("okta_rate_limit", "Okta's limit of requests a minute, from its last answer", |org| {
            number(org.board.traffic.limit)
        });
        self.one("okta_rate_limit_remaining", "What is left of Okta's limit, from its last answer", |org| {
            number(org.board.traffic.remaining)
        });
    }

    fn hook(&mut self) {
        let is_off = |org: &OrgHealth| *org.board.get(Part::Hook) == Pulse::Off;
        if self.orgs.iter().all(is_off) {
            return;
        }
        let one =
            |org: &OrgHealth, value: u64| if is_off(org) { Vec::new() } else { vec![(Vec::new(), value)] };
        self.count("hook_deliveries", "Deliveries of the event hook that were accepted", |org| {
            one(org, org.board.hook.deliveries)
        });
        self.count("hook_evicted", "Connections closed to make room for others", |org| {
            one(org, org.board.hook.evicted)
        });
        self.count("hook_refused", "Requests to the hook's listener that were refused, by reason", |org| {
            if is_off(org) {
                return Vec::new();
            }
            let HookRefused { secret, form, size, place, slow, journal, unconfirmed } =
                org.board.hook.refused;
            let reasons = [
                ("secret", secret),
                ("form", form),
                ("size", size),
                ("place", place),
                ("slow", slow),
                ("journal", journal),
                ("unconfirmed", unconfirmed),
            ];
            reasons.into_iter().map(|(reason, count)| (vec![("reason", reason)], count)).collect()
        });
        self.measure(
            "hook_delay_seconds",
            "The time from publication to storage of the latest new events that came by the hook",
            |org| {
                let delay = org.board.hook.delay;
                let delays = [("0.5", delay.map(|delay| delay.p50)), ("0.95", delay.map(|delay| delay.p95))];
                let value = |(quantile, delay): (&'static str, Option<Duration>)| {
                    (vec![("quantile", quantile)], delay.map(|delay| delay.as_secs_f64()))
                };
                delays.into_iter().map(value).collect()
            },
        );
    }

    /// Adds the state of a team's streams. Without a team, there is none.
    fn team(&mut self) {
        if self.orgs.iter().all(|org| *org.board.get(Part::Team) == Pulse::Off) {
            return;
        }
        self.one(
            "team_lease_epoch",
            "The number of the lease; absent while another collector has it",
            |org| org.board.team.epoch.map(|epoch| epoch as f64),
        );
        self.one("team_stream_last_message", "The last message of the stream of events", |org| {
            Some(org.board.team.last_message as f64)
        });
        let family = Family::<Labels, Number>::default();
        for org in self.orgs {
            for (watcher, behind) in &org.board.team.watchers {
                let labels = vec![("org", org.label.clone()), ("watcher", watcher.clone())];
                family.get_or_create(&labels).set(*behind as f64);
            }
        }
        let help = "How many messages a watcher is behind";
        self.registry.register("team_watcher_lag_messages", help, family);
    }

    fn coverage(&mut self) {
        self.one("coverage_gaps", "Periods in which events may be missing", |org| {
            Some(org.coverage.gaps.len() as f64)
        });
        self.one(
            "complete_since_timestamp_seconds",
            "Since when the journal is complete except for the gaps",
            |org| org.coverage.complete_since.map(|at| at.as_millisecond() as f64 / 1000.0),
        );
        self.count(
            "unreadable_records",
            "Records of the log that could not be read, since the journal began",
            |org| vec![(Vec::new(), org.coverage.unreadable.count)],
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::HookDelay;

    #[test]
    fn each_number_is_said_once_with_its_labels() {
        let mut org = OrgHealth { label: "example.okta.com".to_owned(), ..OrgHealth::default() };
        org.events.insert(("grant", "poll"), 7);
        org.board.set(Part::Poll, Pulse::Live);
        org.board.set(Part::Hook, Pulse::Live);
        org.board.hook.refused.secret = 3;
        org.board.hook.delay =
            Some(HookDelay { p50: Duration::from_millis(250), p95: Duration::from_millis(1500) });
        org.board.traffic.last_good = Some(Timestamp::from_second(1000).expect("a time"));
        org.board.set(Part::Team, Pulse::Live);
        org.board.team.epoch = Some(41);
        org.board.team.watchers = vec![("desk:7".to_owned(), 2)];
        let mut other = OrgHealth { label: "preview".to_owned(), ..OrgHealth::default() };
        other.events.insert(("grant", "poll"), 2);
        let health = Health { orgs: vec![org, other], rows: 12, bytes: 4096, ..Health::default() };
        let text = text(&health, Timestamp::from_second(1004).expect("a time")).expect("text");
        for line in [
            r#"consentwatch_events_total{org="example.okta.com",kind="grant",via="poll"} 7"#,
            r#"consentwatch_part_up{org="example.okta.com",part="poll"} 1.0"#,
            r#"consentwatch_poll_lag_seconds{org="example.okta.com"} 4.0"#,
            r#"consentwatch_hook_refused_total{org="example.okta.com",reason="secret"} 3"#,
            r#"consentwatch_hook_delay_seconds{org="example.okta.com",quantile="0.95"} 1.5"#,
            r#"consentwatch_events_total{org="preview",kind="grant",via="poll"} 2"#,
            r#"consentwatch_team_lease_epoch{org="example.okta.com"} 41.0"#,
            r#"consentwatch_team_watcher_lag_messages{org="example.okta.com",watcher="desk:7"} 2.0"#,
            "consentwatch_journal_rows 12.0",
        ] {
            assert_eq!(text.lines().filter(|other| *other == line).count(), 1, "{line}\n{text}");
        }
        assert!(text.ends_with("# EOF\n"));
        assert!(!text.contains("okta_rate_limit{"), "a number that nobody knows is left out");
    }
}
