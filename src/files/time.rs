//! Parses times in the formats of log stores. Okta itself writes RFC 3339.

use jiff::civil::DateTime;
use jiff::tz::{Offset, TimeZone};
use jiff::{Timestamp, Zoned};

/// The format of a time.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Spelling {
    /// A date and a time of day without a zone (Athena `timestamp`, most CSV exports). It is read as UTC, which Okta
    /// uses.
    NoZone,
    /// The same followed by a zone (Athena `timestamp with time zone`, Splunk).
    WithZone,
    /// Seconds since 1970, perhaps with a fraction (Splunk `_time`, Panther).
    Seconds,
    /// Milliseconds since 1970 (Elasticsearch, Sentinel).
    Milliseconds,
    /// Microseconds since 1970 (BigQuery).
    Microseconds,
    /// Nanoseconds since 1970 (Loki, Datadog).
    Nanoseconds,
}

impl Spelling {
    /// Returns a clause that says how the time was read, to follow "is".
    pub(super) fn words(self) -> &'static str {
        match self {
            Self::NoZone => "a date and a time of day without a zone, read as UTC",
            Self::WithZone => "a date and a time of day with a zone behind it",
            Self::Seconds => "a number, read as seconds since 1970",
            Self::Milliseconds => "a number, read as milliseconds since 1970",
            Self::Microseconds => "a number, read as microseconds since 1970",
            Self::Nanoseconds => "a number, read as nanoseconds since 1970",
        }
    }
}

/// Parses a time that is not RFC 3339. For a number, the count of digits gives the unit, which is right from 2001 to
/// 2286. Returns `None` for any other number.
pub(super) fn read(text: &str) -> Option<(Timestamp, Spelling)> {
    let text = text.trim();
    if text.len() > 80 {
        return None;
    }
    number(text).or_else(|| civil(text))
}

fn number(text: &str) -> Option<(Timestamp, Spelling)> {
    let whole;
    let (digits, fraction) = if text.contains(['e', 'E']) {
        // Some JSON writers use exponents for large numbers. Such a number has only the precision of a double anyway.
        let number: f64 = text.parse().ok().filter(|number: &f64| (1e9..1e19).contains(number))?;
        whole = format!("{number:.0}");
        (whole.as_str(), "")
    } else {
        text.split_once('.').unwrap_or((text, ""))
    };
    if digits.is_empty() || !digits.bytes().chain(fraction.bytes()).all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let (spelling, nanoseconds) = match digits.len() {
        10 => (Spelling::Seconds, 1_000_000_000),
        13 => (Spelling::Milliseconds, 1_000_000),
        16 => (Spelling::Microseconds, 1_000),
        19 => (Spelling::Nanoseconds, 1),
        _ => return None,
    };
    let mut at = digits.parse::<i128>().ok()? * nanoseconds;
    let mut unit = nanoseconds;
    for digit in fraction.bytes() {
        unit /= 10;
        at += i128::from(digit - b'0') * unit;
    }
    Some((Timestamp::from_nanosecond(at).ok()?, spelling))
}

fn civil(text: &str) -> Option<(Timestamp, Spelling)> {
    // A date without a time of day would become midnight, which is a guess.
    if !text.contains(':') {
        return None;
    }
    let with_zone = text.parse().ok().or_else(|| Some(text.parse::<Zoned>().ok()?.timestamp()));
    if let Some(at) = with_zone {
        return Some((at, Spelling::WithZone));
    }
    let zoned = |at: &str, zone: &str| {
        let at = local(at.trim_end())?;
        let zone = match zone {
            "Z" | "z" | "UTC" | "GMT" | "Etc/UTC" => TimeZone::UTC,
            _ => offset(zone).map(TimeZone::fixed).or_else(|| TimeZone::get(zone).ok())?,
        };
        Some((at.to_zoned(zone).ok()?.timestamp(), Spelling::WithZone))
    };
    if let Some((at, zone)) = text.rsplit_once(' ')
        && let Some(read) = zoned(at, zone)
    {
        return Some(read);
    }
    Some((local(text)?.to_zoned(TimeZone::UTC).ok()?.timestamp(), Spelling::NoZone))
}

/// Parses a date and a time of day. Returns `None` if a zone follows, since it would be ignored.
fn local(text: &str) -> Option<DateTime> {
    let has_zone = text.bytes().skip(DATE).any(|byte| matches!(byte, b'+' | b'-' | b'['));
    if has_zone { None } else { text.parse().ok() }
}

/// The length of a date in bytes.
const DATE: usize = "2024-05-02".len();

/// Parses an offset such as `+02:00`, `+0200` or `+02`.
fn offset(text: &str) -> Option<Offset> {
    let (sign, rest) = match text.as_bytes().first()? {
        b'+' => (1, text.get(1..)?),
        b'-' => (-1, text.get(1..)?),
        _ => return None,
    };
    let digits: String = rest.chars().filter(|c| *c != ':').collect();
    if !matches!(digits.len(), 2 | 4) || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let hours: i32 = digits.get(..2)?.parse().ok()?;
    let minutes: i32 = digits.get(2..)?.parse().unwrap_or(0);
    Offset::from_seconds(sign * (hours * 3600 + minutes * 60)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_of_log_stores_are_read_and_told_apart() {
        let at = "2024-05-02T18:46:21.121Z";
        for (text, wanted, spelling) in [
            ("2024-05-02 18:46:21.121", at, Spelling::NoZone),
            ("2024-05-02T18:46:21.121", at, Spelling::NoZone),
            ("2024-05-02 18:46:21.121000000", at, Spelling::NoZone),
            ("2024-05-02 18:46:21.121 UTC", at, Spelling::WithZone),
            ("2024-05-02 18:46:21.121 Z", at, Spelling::WithZone),
            ("2024-05-02 20:46:21.121 +0200", at, Spelling::WithZone),
            ("2024-05-02 14:16:21.121 -04:30", at, Spelling::WithZone),
            ("2024-05-02 20:46:21.121 Europe/Amsterdam", at, Spelling::WithZone),
            ("2024-05-02T20:46:21.121[Europe/Amsterdam]", at, Spelling::WithZone),
            ("2024-05-02T20:46:21.121+02:00[Europe/Amsterdam]", at, Spelling::WithZone),
            ("2024-05-02 20:46:21.121+02:00", at, Spelling::WithZone),
            ("1714675581.121", at, Spelling::Seconds),
            ("1714675581", "2024-05-02T18:46:21Z", Spelling::Seconds),
            ("1714675581121", at, Spelling::Milliseconds),
            ("1.714675581121E12", at, Spelling::Milliseconds),
            ("1714675581121000", at, Spelling::Microseconds),
            (" 1714675581121000000 ", at, Spelling::Nanoseconds),
        ] {
            assert_eq!(read(text), Some((wanted.parse().unwrap(), spelling)), "{text}");
        }
    }

    #[test]
    fn what_tells_no_moment_is_no_time() {
        for text in [
            "",
            "yesterday",
            "0",
            "-1",
            "17146755811",
            "2024-05-02",
            "18:46:21",
            "2024-13-02 18:46:21",
            "1e300",
            "2024-05-02 18:46:21 Nowhere/Land",
            "2024-05-02T18:46:21[Nowhere/Land]",
            "2024-05-02T18:46:21+02:00 UTC",
            "2024-05-02T18:46:21[Europe/Amsterdam] UTC",
            "NaN",
            "..........",
            &"1".repeat(100),
        ] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
