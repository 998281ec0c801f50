//! Spans of time by the clock of a place: minutes, hours, days and weeks.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{RoundMode, ToSpan, Unit, Zoned, ZonedRound};
use thiserror::Error;

use crate::Timestamp;

/// How long a span of time is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SpanLength {
    /// A minute.
    Minute,
    /// An hour.
    Hour,
    /// A day, from midnight.
    Day,
    /// A week, from the midnight before Monday.
    Week,
}

/// Why a time cannot be cut into spans.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum SpanError {
    /// Nobody keeps time by that name.
    #[error("no time zone is called {0:?}; give a name such as Asia/Shanghai, or UTC")]
    UnknownZone(String),
    /// There would be too many.
    #[error("there would be more than {0} spans; ask for less time or longer ones")]
    TooMany(usize),
    /// A moment that no calendar of the place holds.
    #[error("a moment lies outside the calendar")]
    OutOfRange,
}

impl SpanLength {
    /// Where the spans begin that hold two moments and all between, in order, and last where the last one ends.
    pub fn moments(
        self,
        zone: &str,
        first: Timestamp,
        last: Timestamp,
        most: usize,
    ) -> Result<Vec<Timestamp>, SpanError> {
        let unknown = |_| SpanError::UnknownZone(zone.to_owned());
        let zone = TimeZone::get(zone).map_err(unknown)?;
        let mut begin = self.begin_of(first, &zone)?;
        let mut moments = vec![begin];
        while begin <= last {
            if most < moments.len() {
                return Err(SpanError::TooMany(most));
            }
            begin = self.begin_after(begin, &zone)?;
            moments.push(begin);
        }
        Ok(moments)
    }

    fn begin_of(self, moment: Timestamp, zone: &TimeZone) -> Result<Timestamp, SpanError> {
        let there = there(moment, zone)?;
        let by_clock = |unit| {
            let down = ZonedRound::new().smallest(unit).mode(RoundMode::Trunc);
            there.round(down).map_err(|_| SpanError::OutOfRange)
        };
        match self {
            Self::Minute => here(&by_clock(Unit::Minute)?),
            Self::Hour => here(&by_clock(Unit::Hour)?),
            Self::Day => midnight(there.date(), zone),
            Self::Week => {
                let since_monday = there.weekday().to_monday_zero_offset();
                let monday = there.date().checked_sub(i64::from(since_monday).days());
                midnight(monday.map_err(|_| SpanError::OutOfRange)?, zone)
            }
        }
    }

    fn begin_after(self, begin: Timestamp, zone: &TimeZone) -> Result<Timestamp, SpanError> {
        const MINUTE_NANOS: i64 = 60_000_000_000;
        let days = match self {
            Self::Minute => return Ok(begin.plus_nanos(MINUTE_NANOS)),
            Self::Hour => return Ok(begin.plus_nanos(60 * MINUTE_NANOS)),
            Self::Day => 1,
            Self::Week => 7,
        };
        let next = there(begin, zone)?.date().checked_add(days.days());
        midnight(next.map_err(|_| SpanError::OutOfRange)?, zone)
    }
}

fn there(moment: Timestamp, zone: &TimeZone) -> Result<Zoned, SpanError> {
    let moment = jiff::Timestamp::from_nanosecond(i128::from(moment.unix_nanos()));
    let moment = moment.map_err(|_| SpanError::OutOfRange)?;
    Ok(moment.to_zoned(zone.clone()))
}

fn here(moment: &Zoned) -> Result<Timestamp, SpanError> {
    let nanos = i64::try_from(moment.timestamp().as_nanosecond());
    let nanos = nanos.map_err(|_| SpanError::OutOfRange)?;
    Ok(Timestamp::from_unix_nanos(nanos))
}

/// Where a day begins: where its clocks are turned forward at midnight, an hour later.
fn midnight(date: Date, zone: &TimeZone) -> Result<Timestamp, SpanError> {
    let begin = date.to_zoned(zone.clone());
    here(&begin.map_err(|_| SpanError::OutOfRange)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spans(span: SpanLength, zone: &str, first: &str, last: &str) -> String {
        let moment = |text: &str| text.parse().expect("a moment");
        match span.moments(zone, moment(first), moment(last), 5) {
            Ok(moments) => {
                let moments: Vec<String> = moments.iter().map(ToString::to_string).collect();
                moments.join(" ")
            }
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn days_and_weeks_begin_at_the_midnight_of_their_place() {
        assert_eq!(
            spans(
                SpanLength::Day,
                "Asia/Shanghai",
                "2026-11-20T15:59:59Z",
                "2026-11-20T16:00:00Z"
            ),
            "2026-11-19T16:00:00Z 2026-11-20T16:00:00Z 2026-11-21T16:00:00Z"
        );
        assert_eq!(
            spans(
                SpanLength::Week,
                "UTC",
                "2026-11-20T00:00:00Z",
                "2026-11-20T00:00:00Z"
            ),
            "2026-11-16T00:00:00Z 2026-11-23T00:00:00Z"
        );
        assert_eq!(
            spans(
                SpanLength::Day,
                "Europe/Berlin",
                "2026-10-25T10:00:00Z",
                "2026-10-25T10:00:00Z"
            ),
            "2026-10-24T22:00:00Z 2026-10-25T23:00:00Z",
            "the day on which clocks are turned back has 25 hours"
        );
        assert_eq!(
            spans(
                SpanLength::Hour,
                "Asia/Kolkata",
                "2026-11-20T10:10:00Z",
                "2026-11-20T10:20:00Z"
            ),
            "2026-11-20T09:30:00Z 2026-11-20T10:30:00Z"
        );
    }

    #[test]
    fn what_cannot_be_cut_is_told() {
        let day = ("2026-11-20T00:00:00Z", "2026-11-20T09:00:00Z");
        assert_eq!(
            spans(SpanLength::Day, "Asia/Peking", day.0, day.1),
            "no time zone is called \"Asia/Peking\"; give a name such as Asia/Shanghai, or UTC"
        );
        assert_eq!(
            spans(SpanLength::Minute, "UTC", day.0, day.1),
            "there would be more than 5 spans; ask for less time or longer ones"
        );
    }
}
