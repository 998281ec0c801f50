//! When an event begins again, by its rule. The rule itself is followed by the library.

use calcard::common::PartialDateTime;
use calcard::common::timezone::Tz;
use calcard::icalendar::{
    ICalendar, ICalendarComponent, ICalendarComponentType, ICalendarDuration, ICalendarProperty,
    ICalendarRecurrenceRule, ICalendarValue,
};
use jiff::civil::DateTime;
use model::Timestamp;

use super::moment::{Moment, Zone, civil, civil_of};
use super::times::{Horizon, rule_of};

/// How often an event may begin before its horizon.
const STARTS_MAX: usize = 20_000;

/// When an event begins.
pub(super) struct Starts {
    /// Each time, those before the horizon.
    pub(super) starts: Vec<Moment>,
    /// The horizon, where it begins again after it.
    pub(super) cut_at: Option<Timestamp>,
}

/// Every time that an event begins before the horizon. The first time counts whether its rule says so or not.
pub(super) fn repeats(
    component: &ICalendarComponent,
    start: &Moment,
    horizon: &Horizon,
) -> Result<Starts, String> {
    let Some(rule) = rule_of(component)? else {
        return Ok(Starts {
            starts: vec![start.clone()],
            cut_at: None,
        });
    };
    let mut found = Starts {
        starts: vec![start.clone()],
        cut_at: None,
    };
    let clocks = follow(rule, start)?;
    let is_cut = clocks.len() == STARTS_MAX;
    for clock in clocks {
        let next = Moment {
            civil: clock,
            ..start.clone()
        };
        if horizon.until <= next.at()? {
            found.cut_at = Some(horizon.until);
            break;
        }
        if clock != start.civil {
            found.starts.push(next);
        }
    }
    match is_cut && found.cut_at.is_none() {
        true => Err(format!(
            "repeats more than {STARTS_MAX} times before {}",
            horizon.until
        )),
        false => Ok(found),
    }
}

/// The times that a rule says, on the clock of the event's zone.
fn follow(rule: &ICalendarRecurrenceRule, start: &Moment) -> Result<Vec<DateTime>, String> {
    let mut rule = rule.clone();
    if let Some(until) = &rule.until {
        rule.until = Some(clock_of(last(until, start)?));
    }
    let mut event = ICalendarComponent::new(ICalendarComponentType::VEvent);
    event.add_property(ICalendarProperty::Dtstart, written(clock_of(start.civil)));
    let second = ICalendarDuration {
        seconds: 1,
        ..ICalendarDuration::default()
    };
    event.add_property(
        ICalendarProperty::Duration,
        ICalendarValue::Duration(second),
    );
    let rule = ICalendarValue::RecurrenceRule(Box::new(rule));
    event.add_property(ICalendarProperty::Rrule, rule);
    let mut root = ICalendarComponent::new(ICalendarComponentType::VCalendar);
    root.component_ids.push(1);
    let calendar = ICalendar {
        components: vec![root, event],
    };
    let expanded = calendar.expand_dates(Tz::Floating, STARTS_MAX);
    if let Some(fault) = expanded.errors.first() {
        return Err(format!(
            "has an RRULE that cannot be followed: {}",
            fault.error
        ));
    }
    let seconds = expanded.events.iter().map(|event| event.start.timestamp());
    let clocks = seconds.map(|second| {
        let nanos = second.checked_mul(1_000_000_000);
        nanos.map(|nanos| civil(Timestamp::from_unix_nanos(nanos)))
    });
    // What lies beyond the calendar lies beyond every horizon too.
    Ok(clocks.take_while(Option::is_some).flatten().collect())
}

/// The last time at which a rule lets the event begin, on the clock of the event's zone.
fn last(until: &PartialDateTime, start: &Moment) -> Result<DateTime, String> {
    let fault = || "has an RRULE whose UNTIL is no time".to_owned();
    let clock = civil_of(until).ok_or_else(fault)?;
    if !until.has_time() {
        // The whole of that day.
        return Ok(clock.date().to_datetime(jiff::civil::time(23, 59, 59, 0)));
    }
    if until.tz_hour.is_none() {
        return Ok(clock);
    }
    let utc = Moment {
        civil: clock,
        zone: Zone::utc(),
        is_date: false,
    };
    start.clock_at(&utc)
}

fn clock_of(time: DateTime) -> PartialDateTime {
    let part = |part: i8| u8::try_from(part).ok();
    PartialDateTime {
        year: u16::try_from(time.year()).ok(),
        month: part(time.month()),
        day: part(time.day()),
        hour: part(time.hour()),
        minute: part(time.minute()),
        second: part(time.second()),
        ..PartialDateTime::default()
    }
}

fn written(time: PartialDateTime) -> ICalendarValue {
    ICalendarValue::PartialDateTime(Box::new(time))
}
