//! The times of a rule: spans of the calendar, and hours of the week in a time zone.
//!
//! Time zones come from the database that is built in, so that every machine reads a rule alike.

use jiff::civil::{Date, Time};
use jiff::tz::TimeZone;
use jiff::{Timestamp as Instant, ToSpan};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::Timestamp;

/// Days looked at to find the hours of a week; a change that is to run for longer meets every hour anyway.
const DAYS_MAX: usize = 800;

/// When a rule holds. Nothing at all means always.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RuleTimes {
    /// Spans of the calendar.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub spans: Vec<TimeSpan>,
    /// Hours of every week.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub weekly: Vec<WeeklyTime>,
}

/// A span of the calendar, half-open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TimeSpan {
    /// Its first moment.
    pub from: Timestamp,
    /// The first moment after it.
    pub until: Timestamp,
}

/// Hours of every week.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct WeeklyTime {
    /// On these days; every day when empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub days: Vec<Weekday>,
    /// From this time of the day, `HH:MM`.
    pub from: String,
    /// Until this one, `HH:MM`; of the next day if it is not later.
    pub until: String,
    /// Where these hours are read from a clock: a name of the IANA time zone database.
    pub time_zone: String,
}

/// A day of the week.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "their names say it")]
pub enum Weekday {
    Monday,
    Tuesday,
    Wednesday,
    Thursday,
    Friday,
    Saturday,
    Sunday,
}

/// Why times cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum TimesFault {
    /// A span that holds no moment.
    #[error("the span from {0} ends before it begins")]
    Backwards(Timestamp),
    /// No time of a day.
    #[error("{0:?} is no time of the day; write 09:30")]
    TimeOfDay(String),
    /// No time zone.
    #[error("{0:?} is no time zone; write Asia/Shanghai or UTC")]
    TimeZone(String),
}

impl RuleTimes {
    /// Whether nothing is said, which means always.
    pub fn is_empty(&self) -> bool {
        self.spans.is_empty() && self.weekly.is_empty()
    }

    /// What cannot be read.
    pub fn fault(&self) -> Option<TimesFault> {
        let spans = self.spans.iter();
        let backwards = spans.filter(|span| span.until <= span.from);
        let backwards = backwards
            .map(|span| TimesFault::Backwards(span.from))
            .next();
        let weekly = || self.weekly.iter().find_map(|weekly| weekly.read().err());
        backwards.or_else(weekly)
    }

    /// The spans that overlap `[from, until]`, each whole, in order; always is one span without end.
    pub fn overlapping(&self, from: Timestamp, until: Timestamp) -> Vec<TimeSpan> {
        if self.is_empty() {
            let always = TimeSpan {
                from: Timestamp::MIN,
                until: Timestamp::MAX,
            };
            return vec![always];
        }
        let mut found = self.spans.clone();
        for weekly in &self.weekly {
            // Read when it was declared; a rule of which nothing can be read has no hours.
            if let Ok(read) = weekly.read() {
                found.extend(read.around(from, until));
            }
        }
        found.retain(|span| span.from <= until && from < span.until);
        found.sort_unstable();
        joined(found)
    }
}

/// Spans that touch are one.
fn joined(sorted: Vec<TimeSpan>) -> Vec<TimeSpan> {
    let mut joined: Vec<TimeSpan> = Vec::with_capacity(sorted.len());
    for span in sorted {
        match joined.last_mut() {
            Some(last) if span.from <= last.until => last.until = last.until.max(span.until),
            _ => joined.push(span),
        }
    }
    joined
}

/// Hours of the week, read.
struct Hours<'a> {
    days: &'a [Weekday],
    from: Time,
    until: Time,
    zone: TimeZone,
}

impl WeeklyTime {
    /// What cannot be read of it.
    pub fn fault(&self) -> Option<TimesFault> {
        self.read().err()
    }

    /// The first moment after another at which it begins.
    pub fn next_begin(&self, after: Timestamp) -> Option<Timestamp> {
        // A week later every day has come, and a day more for an hour that the clock skips.
        let until = after.plus_millis(8 * 24 * 60 * 60 * 1_000);
        let begins = self.read().ok()?.around(after, until).into_iter();
        let begins = begins.map(|span| span.from);
        begins.filter(|begin| after < *begin).min()
    }

    fn read(&self) -> Result<Hours<'_>, TimesFault> {
        let zone = TimeZone::get(&self.time_zone);
        Ok(Hours {
            days: &self.days,
            from: time_of_day(&self.from)?,
            until: time_of_day(&self.until)?,
            zone: zone.map_err(|_| TimesFault::TimeZone(self.time_zone.clone()))?,
        })
    }
}

fn time_of_day(text: &str) -> Result<Time, TimesFault> {
    let fault = || TimesFault::TimeOfDay(text.to_owned());
    let (hour, minute) = text.split_once(':').ok_or_else(fault)?;
    let two = |digits: &str| {
        let plain = digits.len() == 2 && digits.bytes().all(|byte| byte.is_ascii_digit());
        plain.then(|| digits.parse::<i8>().ok()).flatten()
    };
    let (hour, minute) = two(hour).zip(two(minute)).ok_or_else(fault)?;
    Time::new(hour, minute, 0, 0).map_err(|_| fault())
}

impl Hours<'_> {
    /// The spans of the days around an interval.
    fn around(&self, from: Timestamp, until: Timestamp) -> Vec<TimeSpan> {
        let local = |at: Timestamp| {
            let instant = Instant::from_nanosecond(i128::from(at.unix_nanos())).ok()?;
            Some(self.zone.to_datetime(instant).date())
        };
        let Some((first, last)) = local(from).zip(local(until)) else {
            return Vec::new();
        };
        // What began the day before may go on.
        let first = first.yesterday().unwrap_or(first);
        first
            .series(1.day())
            .take(DAYS_MAX)
            .take_while(|day| *day <= last)
            .filter(|day| self.days.is_empty() || self.days.contains(&Weekday::of(*day)))
            .filter_map(|day| self.on(day))
            .collect()
    }

    fn on(&self, day: Date) -> Option<TimeSpan> {
        let last = match self.until <= self.from {
            true => day.tomorrow().ok()?,
            false => day,
        };
        let moment = |day: Date, time: Time| {
            let zoned = self.zone.to_ambiguous_zoned(day.to_datetime(time));
            let instant = zoned.compatible().ok()?.timestamp();
            let nanos = i64::try_from(instant.as_nanosecond()).ok()?;
            Some(Timestamp::from_unix_nanos(nanos))
        };
        Some(TimeSpan {
            from: moment(day, self.from)?,
            until: moment(last, self.until)?,
        })
    }
}

impl Weekday {
    /// Every day with its stored word.
    pub const WRITTEN: [(&'static str, Self); 7] = [
        ("monday", Self::Monday),
        ("tuesday", Self::Tuesday),
        ("wednesday", Self::Wednesday),
        ("thursday", Self::Thursday),
        ("friday", Self::Friday),
        ("saturday", Self::Saturday),
        ("sunday", Self::Sunday),
    ];

    /// The stored word.
    pub fn as_str(self) -> &'static str {
        let mut words = Self::WRITTEN.iter();
        let found = words.find(|(_, day)| *day == self);
        found.map_or("", |(word, _)| word)
    }

    /// The day of the week of a moment in UTC.
    pub fn in_utc(at: Timestamp) -> Self {
        const DAY_NANOS: i64 = 86_400_000_000_000;
        // The first of January 1970 was a Thursday, three days after a Monday.
        let day = (at.unix_nanos().div_euclid(DAY_NANOS) + 3).rem_euclid(7);
        let found = usize::try_from(day)
            .ok()
            .and_then(|day| Self::WRITTEN.get(day));
        found.map_or(Self::Monday, |(_, day)| *day)
    }

    /// The day of the week of a date.
    pub fn of(day: Date) -> Self {
        match day.weekday() {
            jiff::civil::Weekday::Monday => Self::Monday,
            jiff::civil::Weekday::Tuesday => Self::Tuesday,
            jiff::civil::Weekday::Wednesday => Self::Wednesday,
            jiff::civil::Weekday::Thursday => Self::Thursday,
            jiff::civil::Weekday::Friday => Self::Friday,
            jiff::civil::Weekday::Saturday => Self::Saturday,
            jiff::civil::Weekday::Sunday => Self::Sunday,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn weekly(days: &[Weekday], from: &str, until: &str, time_zone: &str) -> RuleTimes {
        RuleTimes {
            spans: Vec::new(),
            weekly: vec![WeeklyTime {
                days: days.to_vec(),
                from: from.to_owned(),
                until: until.to_owned(),
                time_zone: time_zone.to_owned(),
            }],
        }
    }

    fn shown(times: &RuleTimes, from: &str, until: &str) -> String {
        let spans = times.overlapping(at(from), at(until));
        let each = spans
            .iter()
            .map(|span| format!("{} to {}", span.from, span.until));
        each.collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn hours_of_the_week_are_those_of_the_clock_there() {
        let trading = weekly(&[Weekday::Monday], "09:30", "15:00", "Asia/Shanghai");
        assert_eq!(
            shown(&trading, "2026-11-22T00:00:00Z", "2026-11-24T00:00:00Z"),
            "2026-11-23T01:30:00Z to 2026-11-23T07:00:00Z"
        );
        assert_eq!(
            shown(&trading, "2026-11-23T07:00:00Z", "2026-11-23T08:00:00Z"),
            ""
        );
    }

    #[test]
    fn a_night_goes_on_into_the_next_day() {
        let night = weekly(&[Weekday::Friday], "22:00", "04:00", "UTC");
        assert_eq!(
            shown(&night, "2026-11-21T01:00:00Z", "2026-11-21T02:00:00Z"),
            "2026-11-20T22:00:00Z to 2026-11-21T04:00:00Z"
        );
    }

    #[test]
    fn an_hour_that_the_clock_skips_begins_when_it_goes_on() {
        // 2026-03-29: from 02:00 to 03:00 there is no hour in Berlin.
        let skipped = weekly(&[], "02:30", "05:00", "Europe/Berlin");
        assert_eq!(
            shown(&skipped, "2026-03-29T00:00:00Z", "2026-03-29T06:00:00Z"),
            "2026-03-29T01:30:00Z to 2026-03-29T03:00:00Z"
        );
    }

    #[test]
    fn days_that_touch_are_one_span_and_no_times_are_always() {
        let days = weekly(&[], "00:00", "00:00", "UTC");
        assert_eq!(
            shown(&days, "2026-11-21T01:00:00Z", "2026-11-22T01:00:00Z"),
            "2026-11-21T00:00:00Z to 2026-11-23T00:00:00Z"
        );
        let always = RuleTimes::default().overlapping(at("2026-01-01T00:00:00Z"), Timestamp::MAX);
        assert_eq!(always.len(), 1);
    }

    #[test]
    fn what_cannot_be_read_is_named() {
        let fault = |times: RuleTimes| times.fault().map(|fault| fault.to_string());
        assert_eq!(
            fault(weekly(&[], "9:30", "15:00", "UTC")).unwrap(),
            "\"9:30\" is no time of the day; write 09:30"
        );
        assert_eq!(
            fault(weekly(&[], "09:30", "24:00", "UTC")).unwrap(),
            "\"24:00\" is no time of the day; write 09:30"
        );
        assert_eq!(
            fault(weekly(&[], "09:30", "15:00", "Mars")).unwrap(),
            "\"Mars\" is no time zone; write Asia/Shanghai or UTC"
        );
        assert_eq!(fault(weekly(&[], "09:30", "15:00", "UTC")), None);
    }
}
