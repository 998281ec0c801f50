//! Moments, half-open intervals, and the two time axes of a question.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use thiserror::Error;

use crate::LogPosition;

/// A moment, in nanoseconds since 1970-01-01T00:00:00Z (years 1677 to 2262).
///
/// Reads and prints RFC 3339.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

/// Why a text is not a moment or a span of time.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum TimeError {
    /// The text is not RFC 3339.
    #[error("not an RFC 3339 time: {0:?}")]
    NotRfc3339(String),
    /// The moment lies outside the years 1677 to 2262.
    #[error("time out of range: {0:?}")]
    OutOfRange(String),
    /// The text is not an ISO 8601 duration.
    #[error("not an ISO 8601 duration: {0:?}")]
    NotIso8601(String),
}

impl Timestamp {
    /// The earliest moment that can be said.
    pub const MIN: Self = Self(i64::MIN);
    /// The latest moment that can be said.
    pub const MAX: Self = Self(i64::MAX);

    /// A moment from nanoseconds since the Unix epoch.
    pub const fn from_unix_nanos(nanos: i64) -> Self {
        Self(nanos)
    }

    /// A moment from milliseconds since the Unix epoch, held at the ends of the range.
    pub const fn from_unix_millis(millis: i64) -> Self {
        Self(millis.saturating_mul(1_000_000))
    }

    /// Nanoseconds since the Unix epoch.
    pub const fn unix_nanos(self) -> i64 {
        self.0
    }

    /// The moment `nanos` later (earlier when negative), held at the ends of the range.
    pub const fn plus_nanos(self, nanos: i64) -> Self {
        Self(self.0.saturating_add(nanos))
    }

    /// The moment `millis` later (earlier when negative), held at the ends of the range.
    pub const fn plus_millis(self, millis: i64) -> Self {
        self.plus_nanos(millis.saturating_mul(1_000_000))
    }

    /// Milliseconds from `earlier` to this moment, negative if it is not earlier.
    #[expect(
        clippy::cast_precision_loss,
        reason = "a measure in milliseconds, not an id"
    )]
    pub fn millis_since(self, earlier: Self) -> f64 {
        self.0.saturating_sub(earlier.0) as f64 / 1e6
    }
}

impl FromStr for Timestamp {
    type Err = TimeError;

    fn from_str(text: &str) -> Result<Self, TimeError> {
        let moment: jiff::Timestamp = text
            .parse()
            .map_err(|_| TimeError::NotRfc3339(text.to_owned()))?;
        i64::try_from(moment.as_nanosecond())
            .map(Self)
            .map_err(|_| TimeError::OutOfRange(text.to_owned()))
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_nanosecond(i128::from(self.0)) {
            Ok(moment) => fmt::Display::fmt(&moment, f),
            Err(_) => write!(f, "{}ns", self.0),
        }
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            serializer.collect_str(self)
        } else {
            serializer.serialize_i64(self.0)
        }
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if deserializer.is_human_readable() {
            deserializer.deserialize_str(Rfc3339)
        } else {
            i64::deserialize(deserializer).map(Self)
        }
    }
}

/// Reads a moment where its text lies, without a copy.
struct Rfc3339;

impl serde::de::Visitor<'_> for Rfc3339 {
    type Value = Timestamp;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Timestamp, E> {
        text.parse().map_err(E::custom)
    }
}

/// A half-open span of valid time: `from` belongs to it, `until` does not; an open end is `None`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ValidInterval {
    from: Timestamp,
    until: Option<Timestamp>,
}

impl ValidInterval {
    /// The span from `from` up to `until`; `None` when it would be empty or reversed.
    pub fn new(from: Timestamp, until: Option<Timestamp>) -> Option<Self> {
        match until {
            Some(end) if end <= from => None,
            _ => Some(Self { from, until }),
        }
    }

    /// The span from `from` on, without an end.
    pub const fn starting(from: Timestamp) -> Self {
        Self { from, until: None }
    }

    /// The first moment inside.
    pub const fn from(&self) -> Timestamp {
        self.from
    }

    /// The first moment outside, if it ends.
    pub const fn until(&self) -> Option<Timestamp> {
        self.until
    }

    /// Whether the moment lies inside.
    pub fn contains(&self, at: Timestamp) -> bool {
        self.from <= at && self.until.is_none_or(|end| at < end)
    }
}

/// How far back a question looks, in nanoseconds. Reads and prints ISO 8601 (`PT72H`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Lookback(i64);

impl Lookback {
    /// A span of whole hours.
    pub const fn hours(hours: i64) -> Self {
        Self(hours.saturating_mul(3_600_000_000_000))
    }

    /// A span of nanoseconds; negative becomes nothing.
    pub const fn from_nanos(nanos: i64) -> Self {
        Self(if nanos < 0 { 0 } else { nanos })
    }

    /// Its length in nanoseconds, never negative.
    pub const fn nanos(self) -> i64 {
        self.0
    }
}

impl FromStr for Lookback {
    type Err = TimeError;

    fn from_str(text: &str) -> Result<Self, TimeError> {
        let not_iso = || TimeError::NotIso8601(text.to_owned());
        if !text.starts_with('P') {
            return Err(not_iso());
        }
        let span: jiff::Span = text.parse().map_err(|_| not_iso())?;
        let length = span
            .to_duration(jiff::SpanRelativeTo::days_are_24_hours())
            .map_err(|_| not_iso())?;
        match i64::try_from(length.as_nanos()) {
            Ok(nanos) if 0 <= nanos => Ok(Self(nanos)),
            _ => Err(TimeError::OutOfRange(text.to_owned())),
        }
    }
}

impl fmt::Display for Lookback {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&jiff::SignedDuration::from_nanos(self.0), f)
    }
}

/// The two time axes of a question: the state of the world at `valid_at`, as known at `known_at`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AsOf {
    /// The moment asked about.
    pub valid_at: Timestamp,
    /// The last log position whose knowledge counts.
    pub known_at: LogPosition,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn a_moment_reads_and_prints_rfc_3339() {
        assert_eq!(
            at("2026-11-20T11:00:00+01:00").to_string(),
            "2026-11-20T10:00:00Z"
        );
        assert_eq!(
            at("2026-11-20T10:00:00.123456789Z").to_string(),
            "2026-11-20T10:00:00.123456789Z"
        );
        assert!("2026-11-20".parse::<Timestamp>().is_err());
        assert!("9999-01-01T00:00:00Z".parse::<Timestamp>().is_err());
    }

    #[test]
    fn an_interval_holds_its_start_and_not_its_end() {
        let interval = ValidInterval::new(
            Timestamp::from_unix_nanos(1),
            Some(Timestamp::from_unix_nanos(3)),
        )
        .unwrap();
        let inside: Vec<i64> = (0..5)
            .filter(|n| interval.contains(Timestamp::from_unix_nanos(*n)))
            .collect();
        assert_eq!(inside, [1, 2]);
        assert_eq!(
            ValidInterval::new(Timestamp::MIN, Some(Timestamp::MIN)),
            None
        );
    }

    #[test]
    fn a_lookback_reads_iso_8601() {
        assert_eq!("PT72H".parse::<Lookback>(), Ok(Lookback::hours(72)));
        assert_eq!("P3D".parse::<Lookback>(), Ok(Lookback::hours(72)));
        assert_eq!(Lookback::hours(72).to_string(), "PT72H");
        for bad in ["72h", "-PT1H", "PT-1H", "", "P", "P1M", "P999999999D"] {
            assert!(bad.parse::<Lookback>().is_err(), "{bad:?}");
        }
    }
}
