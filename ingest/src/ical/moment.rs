//! A time of a feed, and the zone on whose clock it is read.

use calcard::common::PartialDateTime;
use calcard::icalendar::timezone::TzResolver;
use calcard::icalendar::{ICalendarEntry, ICalendarValue};
use jiff::Timestamp as Instant;
use jiff::civil::{Date, DateTime, Time};
use jiff::tz::TimeZone;
use model::Timestamp;

use super::feed::Feed;

/// The longest an event may last: about a hundred years.
const LENGTH_MAX_S: i64 = 100 * 366 * 24 * 60 * 60;

/// Whether so many seconds are a length.
pub(super) const fn fits(seconds: i64) -> bool {
    seconds <= LENGTH_MAX_S
}

/// A zone by its name in the IANA database.
#[derive(Clone)]
pub(super) struct Zone {
    pub(super) name: String,
    zone: TimeZone,
}

impl Zone {
    fn named(name: &str) -> Option<Self> {
        Some(Self {
            name: name.to_owned(),
            zone: TimeZone::get(name).ok()?,
        })
    }

    pub(super) fn utc() -> Self {
        Self {
            name: "UTC".to_owned(),
            zone: TimeZone::UTC,
        }
    }
}

/// A time as a clock shows it.
#[derive(Clone)]
pub(super) struct Moment {
    pub(super) civil: DateTime,
    pub(super) zone: Zone,
    /// A day without a time.
    pub(super) is_date: bool,
}

impl Moment {
    pub(super) fn utc(civil: DateTime) -> Self {
        Self {
            civil,
            zone: Zone::utc(),
            is_date: false,
        }
    }

    /// The moment itself. A time that the clock skips is that at which it goes on.
    pub(super) fn at(&self) -> Result<Timestamp, String> {
        let zoned = self.zone.zone.to_ambiguous_zoned(self.civil).compatible();
        let instant = zoned.map_err(|_| "lies beyond the calendar")?.timestamp();
        let nanos = i64::try_from(instant.as_nanosecond());
        let nanos = nanos.map_err(|_| "lies beyond the calendar")?;
        Ok(Timestamp::from_unix_nanos(nanos))
    }

    /// The time that the clock of its zone shows at a moment.
    pub(super) fn clock_at(&self, at: &Self) -> Result<DateTime, String> {
        let nanos = i128::from(at.at()?.unix_nanos());
        let instant = Instant::from_nanosecond(nanos).map_err(|_| "lies beyond the calendar")?;
        Ok(self.zone.zone.to_datetime(instant))
    }
}

/// What the clock of UTC shows at a moment.
pub(super) fn civil(at: Timestamp) -> DateTime {
    let instant = Instant::from_nanosecond(i128::from(at.unix_nanos()));
    TimeZone::UTC.to_datetime(instant.unwrap_or(Instant::UNIX_EPOCH))
}

/// The zones of a feed.
pub(super) struct Zones<'f> {
    said: TzResolver<&'f str>,
    /// Of what names none.
    default: Zone,
}

impl<'f> Zones<'f> {
    /// The zones of a feed; what names none is in the configured zone, else in that of the feed, else in UTC.
    pub(super) fn of(feed: &'f Feed, configured: Option<&str>) -> Result<Self, String> {
        let said = feed.calendar.build_tz_resolver();
        let default = match configured.or(feed.zone.as_deref()) {
            Some(name) => find(&said, name)?,
            None => Zone::utc(),
        };
        Ok(Self { said, default })
    }

    /// The time of a property; without a zone in that of `near`, the time that it belongs to.
    pub(super) fn moment(
        &self,
        entry: &ICalendarEntry,
        index: usize,
        near: Option<&Moment>,
    ) -> Result<Moment, String> {
        match entry.values.get(index) {
            Some(ICalendarValue::PartialDateTime(time)) => self.moment_of(entry, time, near),
            _ => Err(format!("has a {} that is no time", entry.name.as_str())),
        }
    }

    pub(super) fn moment_of(
        &self,
        entry: &ICalendarEntry,
        time: &PartialDateTime,
        near: Option<&Moment>,
    ) -> Result<Moment, String> {
        let fault = || format!("has a {} that is no time", entry.name.as_str());
        let civil = civil_of(time).ok_or_else(fault)?;
        let is_date = !time.has_time();
        let zone = match (time.tz_hour, entry.tz_id()) {
            (Some(0), _) => Zone::utc(),
            (Some(_), _) => return Err(fault()),
            (None, Some(name)) if !is_date => find(&self.said, name)?,
            (None, _) => near.map_or_else(|| self.default.clone(), |near| near.zone.clone()),
        };
        Ok(Moment {
            civil,
            zone,
            is_date,
        })
    }
}

/// A date, or a date and a time, as it is written.
pub(super) fn civil_of(time: &PartialDateTime) -> Option<DateTime> {
    let part = |part: Option<u8>| i8::try_from(part?).ok();
    let year = i16::try_from(time.year?).ok()?;
    let date = Date::new(year, part(time.month)?, part(time.day)?).ok()?;
    if !time.has_time() {
        return Some(date.to_datetime(Time::midnight()));
    }
    // A leap second is the last second of its minute.
    let second = part(time.second).unwrap_or(0).min(59);
    let clock = Time::new(part(time.hour)?, part(time.minute).unwrap_or(0), second, 0);
    Some(date.to_datetime(clock.ok()?))
}

/// A zone by the name that a feed gives it: its name in the database, or one that is known for it.
fn find(said: &TzResolver<&str>, name: &str) -> Result<Zone, String> {
    let meant = || {
        said.resolve(name)?
            .name()
            .and_then(|name| Zone::named(&name))
    };
    let found = Zone::named(name).or_else(meant);
    found.ok_or_else(|| {
        format!("names the time zone {name:?}, which the IANA database does not know")
    })
}
