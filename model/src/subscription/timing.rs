//! When notices are sent: hours in which they wait, digests in which they gather, and what does neither.

use serde::{Deserialize, Serialize};

use crate::{RuleTimes, TimesFault, Timestamp, Weekday, WeeklyTime};

/// What gathers is sent as one message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Digest {
    /// So many milliseconds after the first notice that gathered.
    EveryMs(u64),
    /// The next time that a clock shows this.
    At(DigestTime),
}

/// A time of the day at which what gathered is sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DigestTime {
    /// On these days; every day when empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub days: Vec<Weekday>,
    /// The time of the day, `HH:MM`.
    pub time: String,
    /// Where it is read from a clock: a name of the IANA time zone database.
    pub time_zone: String,
}

/// What is sent at once: any of these.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Urgent {
    /// Every incident.
    #[serde(default)]
    pub incidents: bool,
    /// Incidents of one of these severities, in upper or lower case.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub severities: Vec<String>,
    /// Changes that some source holds as risky as this, or more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub risk_min: Option<f64>,
    /// Changes that are emergencies.
    #[serde(default)]
    pub emergency: bool,
}

impl Digest {
    /// When what gathers since a moment is sent.
    pub fn due_at(&self, since: Timestamp) -> Timestamp {
        match self {
            Self::EveryMs(ms) => since.plus_millis(i64::try_from(*ms).unwrap_or(i64::MAX)),
            // What cannot be read was refused; were it here, nothing would wait for it.
            Self::At(time) => time.hours().next_begin(since).unwrap_or(since),
        }
    }

    /// What cannot be read of it.
    pub fn fault(&self) -> Option<TimesFault> {
        match self {
            Self::EveryMs(_) => None,
            Self::At(time) => time.hours().fault(),
        }
    }
}

impl DigestTime {
    /// The days that begin at this time.
    fn hours(&self) -> WeeklyTime {
        WeeklyTime {
            days: self.days.clone(),
            from: self.time.clone(),
            until: self.time.clone(),
            time_zone: self.time_zone.clone(),
        }
    }
}

impl Urgent {
    /// Whether nothing is urgent.
    pub fn is_nothing(&self) -> bool {
        *self == Self::default()
    }
}

/// Until when these hours of the week last, at a moment that lies in one of them.
pub fn quiet_until(hours: &[WeeklyTime], now: Timestamp) -> Option<Timestamp> {
    if hours.is_empty() {
        return None;
    }
    let times = RuleTimes {
        spans: Vec::new(),
        weekly: hours.to_vec(),
    };
    times
        .overlapping(now, now)
        .into_iter()
        .map(|span| span.until)
        .max()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn nightly(days: &[Weekday], from: &str, until: &str) -> WeeklyTime {
        WeeklyTime {
            days: days.to_vec(),
            from: from.to_owned(),
            until: until.to_owned(),
            time_zone: "Asia/Shanghai".to_owned(),
        }
    }

    #[test]
    fn hours_are_quiet_from_their_first_moment_to_the_one_before_their_end() {
        let night = [nightly(&[], "22:00", "08:00")];
        let quiet = |now: &str| quiet_until(&night, at(now)).map(|until| until.to_string());
        assert_eq!(quiet("2026-11-20T13:59:59Z"), None);
        let morning = "2026-11-21T00:00:00Z";
        assert_eq!(quiet("2026-11-20T14:00:00Z").as_deref(), Some(morning));
        assert_eq!(quiet("2026-11-20T23:59:59Z").as_deref(), Some(morning));
        assert_eq!(quiet(morning), None);
        assert_eq!(quiet_until(&[], at(morning)), None);
    }

    #[test]
    fn a_digest_goes_out_after_a_time_or_when_the_clock_shows_one() {
        let hour = Digest::EveryMs(3_600_000);
        let since = at("2026-11-20T10:20:00Z");
        assert_eq!(hour.due_at(since), at("2026-11-20T11:20:00Z"));
        let nine = |days: &[Weekday]| {
            Digest::At(DigestTime {
                days: days.to_vec(),
                time: "09:00".to_owned(),
                time_zone: "Asia/Shanghai".to_owned(),
            })
        };
        assert_eq!(nine(&[]).due_at(since), at("2026-11-21T01:00:00Z"));
        // The 20th of November 2026 is a Friday.
        let mondays = nine(&[Weekday::Monday]);
        assert_eq!(mondays.due_at(since), at("2026-11-23T01:00:00Z"));
        let just_then = at("2026-11-23T01:00:00Z");
        assert_eq!(mondays.due_at(just_then), at("2026-11-30T01:00:00Z"));
        let nowhere = Digest::At(DigestTime {
            days: Vec::new(),
            time: "9:00".to_owned(),
            time_zone: "UTC".to_owned(),
        });
        assert!(nowhere.fault().is_some());
    }
}
