//! Parses times: absolute, relative to now, or relative to the row under the cursor.

use jiff::tz::TimeZone;
use jiff::{Timestamp, civil};

use crate::model::Zone;

/// Parses a time to go to. Returns milliseconds since 1970, or an error message.
///
/// Accepts `2026-03-04`, `2026-03-04T09:15`, `09:15` for today in the zone in use, `2h` for two hours ago, and `+10m`
/// and `-10m` relative to `here_ms`, the time of the row under the cursor, or to now if there is no row.
pub(in crate::model) fn read(
    text: &str,
    now: Timestamp,
    zone: &Zone,
    here_ms: Option<i64>,
) -> Result<i64, String> {
    let text = text.trim();
    let text = text.strip_suffix("ago").unwrap_or(text).trim_end();
    let here = || here_ms.unwrap_or(now.as_millisecond());
    let zone = &zone.shown;
    let today = || now.to_zoned(zone.clone()).date();
    let found = match text.chars().next() {
        Some('+') => duration_ms(text.get(1..).unwrap_or("")).map(|length| here().saturating_add(length)),
        Some('-') => duration_ms(text.get(1..).unwrap_or("")).map(|length| here().saturating_sub(length)),
        _ => duration_ms(text)
            .map(|length| now.as_millisecond().saturating_sub(length))
            .or_else(|| span_of(text, zone).map(|(start, _)| start))
            .or_else(|| span_of(&format!("{}T{text}", today()), zone).map(|(start, _)| start)),
    };
    found.ok_or_else(|| {
        "write 2026-03-04, 2026-03-04T09:15, 09:15, 2h for two hours ago, or +10m after this row".to_owned()
    })
}

/// Parses a duration such as `90s`, `15m`, `24h` or `7d`, in milliseconds.
pub(super) fn duration_ms(text: &str) -> Option<i64> {
    let unit = text.chars().last()?;
    let value: i64 = text.strip_suffix(unit)?.parse().ok()?;
    let each = match unit {
        's' => 1_000,
        'm' => 60_000,
        'h' => 3_600_000,
        'd' => 86_400_000,
        _ => return None,
    };
    value.checked_mul(each).filter(|ms| *ms >= 0)
}

/// Returns the half-open span of a day, minute, second or instant, in milliseconds since 1970.
pub(super) fn span_of(text: &str, zone: &TimeZone) -> Option<(i64, i64)> {
    if let Ok(exact) = text.parse::<Timestamp>() {
        return Some((exact.as_millisecond(), exact.as_millisecond().saturating_add(1)));
    }
    let in_zone =
        |at: civil::DateTime| at.to_zoned(zone.clone()).ok().map(|at| at.timestamp().as_millisecond());
    if let Ok(date) = text.parse::<civil::Date>()
        && !text.contains('T')
    {
        let next = date.tomorrow().ok()?;
        return Some((in_zone(date.at(0, 0, 0, 0))?, in_zone(next.at(0, 0, 0, 0))?));
    }
    let at = text.parse::<civil::DateTime>().ok()?;
    let length = if text.matches(':').count() > 1 { 1_000 } else { 60_000 };
    let from = in_zone(at)?;
    Some((from, from.saturating_add(length)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_as_people_write_them() {
        let now: Timestamp = "2026-03-04T09:15:00Z".parse().unwrap();
        let zone = Zone { shown: TimeZone::fixed(jiff::tz::offset(1)), ..Zone::default() };
        let at = |text: &str| {
            read(text, now, &zone, None).map(|ms| Timestamp::from_millisecond(ms).unwrap().to_string())
        };
        for (text, wanted) in [
            ("2h", "2026-03-04T07:15:00Z"),
            (" 15m ago ", "2026-03-04T09:00:00Z"),
            ("2026-03-03", "2026-03-02T23:00:00Z"),
            ("2026-03-03T10:00", "2026-03-03T09:00:00Z"),
            ("10:05", "2026-03-04T09:05:00Z"),
            ("2026-03-03T10:00:00Z", "2026-03-03T10:00:00Z"),
            ("+10m", "2026-03-04T09:25:00Z"),
            ("-1d", "2026-03-03T09:15:00Z"),
        ] {
            assert_eq!(at(text).as_deref(), Ok(wanted), "{text}");
        }
        for text in ["", "yesterday", "+", "-x", "99:99", "2026-13-01"] {
            assert!(at(text).is_err(), "{text}");
        }
    }
}
