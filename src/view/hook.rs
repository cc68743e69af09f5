//! The status of the event hook, on the page of sources and in the status bar.

use std::time::Duration;

use super::pen::{Line, grouped};
use super::{Role, text, time};
use crate::model::{Model, OrgSources};
use crate::report::{HookRefused, Part, Pulse};

/// Returns the numbers of rows on which hook and log disagree, with a word for each kind. Empty while the hook is off,
/// even if the journal has such rows.
pub(super) fn doubts(model: &Model) -> impl Iterator<Item = (u64, &'static str)> {
    let is_on = *model.sources.worst(Part::Hook) != Pulse::Off;
    let proof = model.sources.hook();
    [(proof.altered, "altered?"), (proof.unconfirmed, "unconfirmed"), (proof.missed, "missed")]
        .into_iter()
        .filter(move |(count, _)| is_on && *count > 0)
}

/// The width of a fact's name, including its indent.
const NAMES: u16 = 16;

/// Adds lines about the hook of an org, wrapped to a width.
pub(super) fn lines(model: &Model, sources: &OrgSources, width: u16, lines: &mut Vec<Line>) {
    let (health, proof) = (&sources.board.hook, sources.coverage.hook);
    if *sources.board.get(Part::Hook) == Pulse::Off {
        return;
    }
    let mut fact = |name: &str, words: String, role: Role| {
        let mut name = name;
        for line in text::wrap(&words, width.saturating_sub(NAMES + 2)) {
            let name = std::mem::take(&mut name);
            lines.push(vec![(format!("    {name:<12}"), Role::Dim), (line.to_owned(), role)]);
        }
    };
    if let (Some(at), Some(since)) = (&health.listens_at, health.up_since) {
        fact("listens at", format!("{at} since {}", time::second(model, since)), Role::Text);
    }
    match proof.verified.or(health.verified) {
        Some(at) => fact("verified", time::second(model, at), Role::Text),
        None => fact("verified", "not yet: Okta delivers nothing until then".to_owned(), Role::Wait),
    }
    if let Some(at) = health.last_delivery {
        let counts = format!(
            "{}; {} deliveries of {} events: {} new, {} polled before, {} repeated",
            time::second(model, at),
            grouped(health.deliveries),
            grouped(health.received),
            grouped(health.new),
            grouped(health.merged),
            grouped(health.duplicates),
        );
        fact("received", counts, Role::Text);
    }
    if let Some(delay) = health.delay {
        let words = format!("half within {}, 95 % within {}", length(delay.p50), length(delay.p95));
        fact("delay", words, Role::Text);
    }
    if health.rejects > 0 {
        fact("unreadable", format!("{}, kept", grouped(health.rejects)), Role::Wait);
    }
    if health.refused.total() > 0 {
        fact("refused", refused(health.refused), Role::Wait);
    }
    if health.evicted > 0 {
        let words = format!("{} connections closed to make room for others", grouped(health.evicted));
        fact("evicted", words, Role::Wait);
    }
    if proof.unconfirmed > 0 {
        let words = "came by the hook but are not in the log, and may be forged: filter via:unconfirmed";
        fact("unconfirmed", format!("{} {words}", grouped(proof.unconfirmed)), Role::Bad);
    }
    if proof.altered > 0 {
        let words = "differ in the hook's copy, which may have been altered; the rows show the log's version: filter \
                     via:altered";
        fact("altered?", format!("{} {words}", grouped(proof.altered)), Role::Bad);
    }
    if proof.missed > 0 {
        let words = "are in the log but did not come by the hook within an hour: filter via:missed";
        fact("missed", format!("{} {words}", grouped(proof.missed)), Role::Wait);
    }
    if let Some(last) = proof.last_failure {
        let count = grouped(proof.failures);
        let words =
            format!("{count} failed deliveries of the org's hooks, the last {}", time::second(model, last));
        fact("Okta says", words, Role::Wait);
    }
}

fn refused(refused: HookRefused) -> String {
    let HookRefused { secret, form, size, place, slow, journal, unconfirmed } = refused;
    let reasons = [
        (secret, "wrong secret"),
        (form, "not a delivery"),
        (size, "too large"),
        (place, "wrong path or method"),
        (slow, "too slow"),
        (journal, "not stored in time"),
        (unconfirmed, "too many unconfirmed"),
    ];
    let told: Vec<String> = reasons
        .into_iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, why)| format!("{} {why}", grouped(count)))
        .collect();
    told.join(", ")
}

/// Formats a duration in a suitable unit.
fn length(time: Duration) -> String {
    match time.as_secs() {
        0 => format!("{} ms", time.as_millis()),
        1..120 => format!("{:.1} s", time.as_secs_f64()),
        120..7200 => format!("{:.0} min", time.as_secs_f64() / 60.0),
        _ => format!("{:.0} h", time.as_secs_f64() / 3600.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_length_has_the_unit_that_suits_it() {
        let told = [120, 999, 1500, 90_000, 600_000, 90_000_000].map(|ms| length(Duration::from_millis(ms)));
        assert_eq!(told, ["120 ms", "999 ms", "1.5 s", "90.0 s", "10 min", "25 h"]);
    }

    #[test]
    fn reasons_are_told_that_there_were() {
        assert_eq!(
            refused(HookRefused { secret: 1200, slow: 1, ..HookRefused::default() }),
            "1,200 wrong secret, 1 too slow"
        );
    }
}
