//! The metrics of a collector in the OpenMetrics text format, for Prometheus and others.

use std::fmt;
use std::sync::atomic::AtomicU64;

use jiff::Timestamp;
use prometheus_client::encoding::text;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry;

use super::health::Health;
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
    let mut all = Metrics { registry: Registry::with_prefix("consentwatch"), org: &health.counts.org };
    let build = Info::new(vec![("version", env!("CARGO_PKG_VERSION"))]);
    all.registry.register("build", "The version of the program", build);
    let counted = health.counts.events.iter();
    let events = counted.map(|((kind, via), count)| (vec![("kind", *kind), ("via", *via)], *count));
    all.count("events", "New rows since the start, by kind and by the way on which they first came", events);
    all.parts(health);
    all.poll(health, now);
    all.hook(health);
    all.journal(health);
    let mut out = String::new();
    text::encode(&mut out, &all.registry)?;
    Ok(out)
}

struct Metrics<'a> {
    registry: Registry,
    org: &'a str,
}

impl Metrics<'_> {
    fn labels(&self, labels: Vec<(&'static str, &str)>) -> Labels {
        let org = ("org", self.org.to_owned());
        std::iter::once(org).chain(labels.into_iter().map(|(name, value)| (name, value.to_owned()))).collect()
    }

    /// Adds a number that only grows.
    fn count<'l>(
        &mut self,
        name: &str,
        help: &str,
        values: impl IntoIterator<Item = (Vec<(&'static str, &'l str)>, u64)>,
    ) {
        let family = Family::<Labels, Counter>::default();
        for (labels, value) in values {
            family.get_or_create(&self.labels(labels)).inc_by(value);
        }
        self.registry.register(name, help, family);
    }

    /// Adds a number that rises and falls. Those without a value are left out.
    fn measure<'l>(
        &mut self,
        name: &str,
        help: &str,
        values: impl IntoIterator<Item = (Vec<(&'static str, &'l str)>, Option<f64>)>,
    ) {
        let family = Family::<Labels, Number>::default();
        for (labels, value) in values {
            if let Some(value) = value {
                family.get_or_create(&self.labels(labels)).set(value);
            }
        }
        self.registry.register(name, help, family);
    }

    fn one(&mut self, name: &str, help: &str, value: Option<f64>) {
        self.measure(name, help, [(Vec::new(), value)]);
    }

    fn parts(&mut self, health: &Health) {
        let is_here = |part: &Part| !matches!(health.board.get(*part), Pulse::Off | Pulse::Elsewhere(_));
        let on = Part::ALL.into_iter().filter(is_here);
        let values: Vec<_> = on
            .map(|part| {
                let is_well =
                    matches!(health.board.get(part), Pulse::Live | Pulse::Catching | Pulse::Impaired(_));
                (vec![("part", part.word())], Some(f64::from(u8::from(is_well))))
            })
            .collect();
        self.measure("part_up", "Whether a part works: 1, or 0", values);
        let is_writer = f64::from(u8::from(health.not_writing.is_none()));
        self.one(
            "writer",
            "Whether this process writes the journal: 1, or 0 while another one does",
            Some(is_writer),
        );
    }

    fn poll(&mut self, health: &Health, now: Timestamp) {
        let traffic = health.board.traffic;
        let last = traffic.last_good.map(|at| at.as_millisecond() as f64 / 1000.0);
        self.one(
            "last_good_poll_timestamp_seconds",
            "When the System Log was last read, by Okta's clock",
            last,
        );
        let lag = traffic.last_good.map(|at| now.duration_since(at).as_secs_f64().max(0.0));
        self.one("poll_lag_seconds", "The time since the System Log was last read", lag);
        let used = "Requests in the minute before the last answer";
        self.one("poll_requests_last_minute", used, Some(f64::from(traffic.used)));
        let number = |value: Option<u64>| value.map(|value| value as f64);
        self.one(
            "okta_rate_limit",
            "Okta's limit of requests a minute, from its last answer",
            number(traffic.limit),
        );
        self.one(
            "okta_rate_limit_remaining",
            "What is left of Okta's limit, from its last answer",
            number(traffic.remaining),
        );
    }

    fn hook(&mut self, health: &Health) {
        if *health.board.get(Part::Hook) == Pulse::Off {
            return;
        }
        let hook = &health.board.hook;
        let one = |value: u64| [(Vec::new(), value)];
        self.count(
            "hook_deliveries",
            "Deliveries of the event hook that were accepted",
            one(hook.deliveries),
        );
        self.count("hook_evicted", "Connections closed to make room for others", one(hook.evicted));
        let HookRefused { secret, form, size, place, slow, journal, unconfirmed } = hook.refused;
        let reasons = [
            ("secret", secret),
            ("form", form),
            ("size", size),
            ("place", place),
            ("slow", slow),
            ("journal", journal),
            ("unconfirmed", unconfirmed),
        ];
        let refused = reasons.map(|(reason, count)| (vec![("reason", reason)], count));
        self.count("hook_refused", "Requests to the hook's listener that were refused, by reason", refused);
        let delay = [("0.5", hook.delay.map(|delay| delay.p50)), ("0.95", hook.delay.map(|delay| delay.p95))];
        self.measure(
            "hook_delay_seconds",
            "The time from publication to storage of the latest new events that came by the hook",
            delay.map(|(quantile, delay)| {
                (vec![("quantile", quantile)], delay.map(|delay| delay.as_secs_f64()))
            }),
        );
    }

    fn journal(&mut self, health: &Health) {
        let coverage = &health.coverage;
        self.one("journal_rows", "Rows in the journal", Some(health.rows as f64));
        self.one("journal_bytes", "The size of the journal's files", Some(health.bytes as f64));
        self.one("coverage_gaps", "Periods in which events may be missing", Some(coverage.gaps.len() as f64));
        let since = coverage.complete_since.map(|at| at.as_millisecond() as f64 / 1000.0);
        self.one(
            "complete_since_timestamp_seconds",
            "Since when the journal is complete except for the gaps",
            since,
        );
        let unreadable = [(Vec::new(), coverage.unreadable.count)];
        self.count(
            "unreadable_records",
            "Records of the log that could not be read, since the journal began",
            unreadable,
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::HookDelay;
    use std::time::Duration;

    #[test]
    fn each_number_is_said_once_with_its_labels() {
        let mut health = Health { rows: 12, bytes: 4096, ..Health::default() };
        health.counts.org = "example.okta.com".to_owned();
        health.counts.events.insert(("grant", "poll"), 7);
        health.board.set(Part::Poll, Pulse::Live);
        health.board.set(Part::Hook, Pulse::Live);
        health.board.hook.refused.secret = 3;
        health.board.hook.delay =
            Some(HookDelay { p50: Duration::from_millis(250), p95: Duration::from_millis(1500) });
        health.board.traffic.last_good = Some(Timestamp::from_second(1000).expect("a time"));
        let text = text(&health, Timestamp::from_second(1004).expect("a time")).expect("text");
        for line in [
            r#"consentwatch_events_total{org="example.okta.com",kind="grant",via="poll"} 7"#,
            r#"consentwatch_part_up{org="example.okta.com",part="poll"} 1.0"#,
            r#"consentwatch_poll_lag_seconds{org="example.okta.com"} 4.0"#,
            r#"consentwatch_hook_refused_total{org="example.okta.com",reason="secret"} 3"#,
            r#"consentwatch_hook_delay_seconds{org="example.okta.com",quantile="0.95"} 1.5"#,
            r#"consentwatch_journal_rows{org="example.okta.com"} 12.0"#,
        ] {
            assert_eq!(text.lines().filter(|other| *other == line).count(), 1, "{line}\n{text}");
        }
        assert!(text.ends_with("# EOF\n"));
        assert!(!text.contains("okta_rate_limit{"), "a number that nobody knows is left out");
    }
}
