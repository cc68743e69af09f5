//! Durations and times as people write them.

use std::str::FromStr;
use std::time::Duration;

use jiff::Timestamp;
use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;

/// A time, either absolute or relative to now.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum When {
    /// This long before now.
    Ago(Duration),
    /// At this time.
    At(Timestamp),
}

impl When {
    /// Returns the absolute time.
    pub fn at(self, now: Timestamp) -> Timestamp {
        match self {
            Self::Ago(length) => now.saturating_sub(length).unwrap_or(Timestamp::MIN),
            Self::At(at) => at,
        }
    }
}

impl FromStr for When {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Ok(ago) = length(text) {
            return Ok(Self::Ago(ago));
        }
        if let Ok(at) = text.parse::<Timestamp>() {
            return Ok(Self::At(at));
        }
        let civil =
            text.parse::<DateTime>().or_else(|_| text.parse::<Date>().map(|date| date.at(0, 0, 0, 0)));
        civil
            .and_then(|civil| civil.to_zoned(TimeZone::UTC))
            .map(|zoned| Self::At(zoned.timestamp()))
            .map_err(|_| {
                "write a duration back from now (90s, 15m, 24h, 7d) or a time (2026-03-04T09:15:00Z)"
                    .to_owned()
            })
    }
}

/// Parses a duration: `90s`, `15m`, `24h`, `7d`.
///
/// # Errors
/// The text is not a duration, or is longer than 100 years. The message says what is expected.
pub fn length(text: &str) -> Result<Duration, String> {
    let expected = || "write a duration such as 90s, 15m, 24h or 7d".to_owned();
    let unit = text.chars().last().ok_or_else(expected)?;
    let number: u64 = text.strip_suffix(unit).ok_or_else(expected)?.parse().map_err(|_| expected())?;
    let seconds = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3_600,
        'd' => 86_400,
        _ => return Err(expected()),
    };
    // More than a hundred years is a typing error, and could leave the range of a timestamp.
    let total =
        number.checked_mul(seconds).filter(|total| *total <= 100 * 366 * 86_400).ok_or_else(expected)?;
    Ok(Duration::from_secs(total))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths() {
        assert_eq!(length("90s"), Ok(Duration::from_secs(90)));
        assert_eq!(length("7d"), Ok(Duration::from_hours(7 * 24)));
        for bad in ["", "s", "-5m", "5", "5 m", "1w", "99999999999999999999d", "5é"] {
            assert!(length(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn times_without_a_zone_are_utc() {
        let now = "2026-03-04T10:00:00Z".parse().expect("a time");
        let at = |text: &str| text.parse::<When>().map(|when| when.at(now).to_string());
        assert_eq!(at("1h"), Ok("2026-03-04T09:00:00Z".into()));
        assert_eq!(at("2026-03-04"), Ok("2026-03-04T00:00:00Z".into()));
        assert_eq!(at("2026-03-04T09:15"), Ok("2026-03-04T09:15:00Z".into()));
        assert_eq!(at("2026-03-04T09:15:00+02:00"), Ok("2026-03-04T07:15:00Z".into()));
        assert!(at("noon").is_err());
    }
}
