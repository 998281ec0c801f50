//! The times of one event: hours of every week where it repeats so, else each repeat as a span.

use calcard::icalendar::{
    ICalendarComponent, ICalendarDay, ICalendarFrequency, ICalendarParameter,
    ICalendarParameterName, ICalendarPeriod, ICalendarProperty, ICalendarRecurrenceRule,
    ICalendarStatus, ICalendarValue, ICalendarWeekday,
};
use jiff::SignedDuration;
use jiff::civil::DateTime;
use model::{RuleTimes, TimeSpan, Timestamp, Weekday, WeeklyTime};

use super::feed::{Feed, Group};
use super::moment::{Moment, Zones, civil, fits};
use super::repeats::repeats;

/// How many months ahead of the feed's reading repeats are written out, counted from the month's first day:
/// what a feed without an end comes to changes once a month only.
const MONTHS_AHEAD: i32 = 14;
/// Hours of a day in seconds.
const DAY_S: i64 = 24 * 60 * 60;

/// Between which moments repeats are looked for.
#[derive(Clone, Copy)]
pub(super) struct Horizon {
    /// When the feed is read.
    pub(super) now: Timestamp,
    /// The first day of that month.
    month: Timestamp,
    /// Where repeats are no longer written out.
    pub(super) until: Timestamp,
}

impl Horizon {
    pub(super) fn of(now: Timestamp) -> Self {
        let today = civil(now).date().first_of_month();
        let ahead = jiff::Span::new().months(MONTHS_AHEAD);
        let end = today.checked_add(ahead).unwrap_or(today);
        let moment = |day: jiff::civil::Date| {
            Moment::utc(day.to_datetime(jiff::civil::Time::midnight())).at()
        };
        Self {
            now,
            month: moment(today).unwrap_or(now),
            until: moment(end).unwrap_or(now),
        }
    }
}

/// The times of an event or of several.
#[derive(Default)]
pub(super) struct Repeated {
    pub(super) times: RuleTimes,
    /// Where repeats that go on were cut.
    pub(super) until: Option<Timestamp>,
}

impl Repeated {
    /// Adds the times of another event.
    pub(super) fn join(&mut self, other: Self) {
        self.times.spans.extend(other.times.spans);
        for weekly in other.times.weekly {
            if !self.times.weekly.contains(&weekly) {
                self.times.weekly.push(weekly);
            }
        }
        self.until = match (self.until, other.until) {
            (Some(one), Some(other)) => Some(one.min(other)),
            (one, other) => one.or(other),
        };
    }

    /// Puts the spans in order, and leaves out what is over and then what is furthest where they are too many.
    pub(super) fn settle(&mut self, horizon: &Horizon, spans_max: usize) {
        let spans = &mut self.times.spans;
        spans.sort_unstable();
        spans.dedup();
        if spans_max < spans.len() {
            spans.retain(|span| horizon.month < span.until);
        }
        if let Some(cut) = spans.get(spans_max) {
            self.until = Some(cut.from);
            spans.truncate(spans_max);
        }
    }
}

/// The times of an event; why not, where the calendar cannot express them.
pub(super) fn of(
    feed: &Feed,
    group: &Group,
    default_zone: Option<&str>,
    horizon: &Horizon,
) -> Result<Repeated, String> {
    let zones = Zones::of(feed, default_zone)?;
    let Some(master) = group.master(feed) else {
        // The feed holds changed repeats only: each is a time of its own.
        let mut alone = Repeated::default();
        for changed in group.overrides(feed).filter(|it| !is_cancelled(it)) {
            let event = Event::read(changed, &zones)?;
            alone.times.spans.push(event.span_from(&event.start)?);
        }
        alone.settle(horizon, usize::MAX);
        return Ok(alone);
    };
    let event = Event::read(master, &zones)?;
    let is_plain = group.overrides(feed).next().is_none();
    if is_plain && let Some(weekly) = event.weekly(master, horizon)? {
        let mut repeated = Repeated::default();
        repeated.times.weekly.push(weekly);
        return Ok(repeated);
    }
    let mut repeated = each(feed, group, master, &event, &zones, horizon)?;
    repeated.settle(horizon, usize::MAX);
    Ok(repeated)
}

/// Every repeat of an event until the horizon, as the feed changed, cancelled and added it.
fn each(
    feed: &Feed,
    group: &Group,
    master: &ICalendarComponent,
    event: &Event,
    zones: &Zones,
    horizon: &Horizon,
) -> Result<Repeated, String> {
    let found = repeats(master, &event.start, horizon)?;
    let mut starts = found.starts;
    let added = listed(master, &ICalendarProperty::Rdate, event, zones)?;
    let mut spans: Vec<TimeSpan> = Vec::new();
    for one in added {
        match one {
            Listed::Start(start) => starts.push(start),
            Listed::Span(span) => spans.push(span),
        }
    }
    for one in listed(master, &ICalendarProperty::Exdate, event, zones)? {
        if let Listed::Start(gone) = one {
            let is_day = gone.is_date && !event.start.is_date;
            starts.retain(|start| match is_day {
                true => start.civil.date() != gone.civil.date(),
                false => start.at() != gone.at(),
            });
        }
    }
    for changed in group.overrides(feed) {
        let entry = changed.property(&ICalendarProperty::RecurrenceId);
        let entry = entry.ok_or("has a changed repeat that does not say which")?;
        if !entry.params.iter().all(is_single) {
            return Err(
                "changes one repeat and all later ones (RANGE), which is not read".to_owned(),
            );
        }
        let which = zones.moment(entry, 0, Some(&event.start))?;
        starts.retain(|start| start.at() != which.at());
        if !is_cancelled(changed) {
            let other = Event::read(changed, zones)?;
            spans.push(other.span_from(&other.start)?);
        }
    }
    for start in &starts {
        spans.push(event.span_from(start)?);
    }
    Ok(Repeated {
        times: RuleTimes {
            spans,
            weekly: Vec::new(),
        },
        until: found.cut_at,
    })
}

fn is_cancelled(component: &ICalendarComponent) -> bool {
    component.status() == Some(&ICalendarStatus::Cancelled)
}

fn is_single(param: &ICalendarParameter) -> bool {
    param.name != ICalendarParameterName::Range
}

/// What a list of dates holds.
enum Listed {
    Start(Moment),
    Span(TimeSpan),
}

fn listed(
    component: &ICalendarComponent,
    property: &ICalendarProperty,
    event: &Event,
    zones: &Zones,
) -> Result<Vec<Listed>, String> {
    let mut all = Vec::new();
    for entry in component.properties(property) {
        for (index, value) in entry.values.iter().enumerate() {
            all.push(match value {
                ICalendarValue::Period(ICalendarPeriod::Range { start, end }) => {
                    let start = zones.moment_of(entry, start, Some(&event.start))?;
                    let end = zones.moment_of(entry, end, Some(&event.start))?;
                    Listed::Span(span(start.at()?, end.at()?)?)
                }
                ICalendarValue::Period(ICalendarPeriod::Duration { start, duration }) => {
                    let start = zones.moment_of(entry, start, Some(&event.start))?;
                    let length = Length::Civil(seconds(duration)?);
                    Listed::Span(length.span_from(&start)?)
                }
                _ => Listed::Start(zones.moment(entry, index, Some(&event.start))?),
            });
        }
    }
    Ok(all)
}

/// When an event begins, and how long it lasts.
struct Event {
    start: Moment,
    length: Length,
}

/// How long something lasts.
#[derive(Clone, Copy)]
enum Length {
    /// By the clock of its zone: over a change of the clock it ends at the same time of the day.
    Civil(i64),
    /// In seconds, where it ends by another zone's clock.
    Exact(i64),
}

impl Event {
    fn read(component: &ICalendarComponent, zones: &Zones) -> Result<Self, String> {
        let entry = component.property(&ICalendarProperty::Dtstart);
        let entry = entry.ok_or("has no DTSTART")?;
        let start = zones.moment(entry, 0, None)?;
        let length = match (
            component.property(&ICalendarProperty::Dtend),
            component.property(&ICalendarProperty::Duration),
        ) {
            (Some(end), _) => Length::between(&start, &zones.moment(end, 0, Some(&start))?)?,
            (None, Some(duration)) => match duration.values.first() {
                Some(ICalendarValue::Duration(duration)) => Length::Civil(seconds(duration)?),
                _ => return Err("has a DURATION that cannot be read".to_owned()),
            },
            (None, None) if start.is_date => Length::Civil(DAY_S),
            (None, None) => {
                return Err("has neither DTEND nor DURATION, so it takes no time".to_owned());
            }
        };
        Ok(Self { start, length })
    }

    fn span_from(&self, start: &Moment) -> Result<TimeSpan, String> {
        self.length.span_from(start)
    }

    /// The hours of every week, where it repeats so without an end and began before it was read.
    fn weekly(
        &self,
        component: &ICalendarComponent,
        horizon: &Horizon,
    ) -> Result<Option<WeeklyTime>, String> {
        let Some(rule) = rule_of(component)? else {
            return Ok(None);
        };
        let is_changed = component.has_property(&ICalendarProperty::Exdate)
            || component.has_property(&ICalendarProperty::Rdate);
        let Length::Civil(length) = self.length else {
            return Ok(None);
        };
        let start = self.start.civil;
        let is_even = start.second() == 0 && start.subsec_nanosecond() == 0 && length % 60 == 0;
        let began = self.start.at()? <= horizon.now;
        if is_changed || !is_even || !began || DAY_S < length || !repeats_weekly(rule) {
            return Ok(None);
        }
        let days = rule.byday.iter().map(|day| weekday(day.weekday));
        let mut days: Vec<Weekday> = days.collect();
        if days.is_empty() && rule.freq == ICalendarFrequency::Weekly {
            days.push(Weekday::of(start.date()));
        }
        let end = start + SignedDuration::from_secs(length);
        let clock = |time: DateTime| format!("{:02}:{:02}", time.hour(), time.minute());
        Ok(Some(WeeklyTime {
            days,
            from: clock(start),
            until: clock(end),
            time_zone: self.start.zone.name.clone(),
        }))
    }
}

impl Length {
    fn between(start: &Moment, end: &Moment) -> Result<Self, String> {
        if start.zone.name == end.zone.name {
            let seconds = start.civil.duration_until(end.civil).as_secs();
            return Self::positive(Self::Civil(seconds), seconds);
        }
        let nanos = end.at()?.unix_nanos() - start.at()?.unix_nanos();
        let seconds = nanos / 1_000_000_000;
        Self::positive(Self::Exact(seconds), seconds)
    }

    fn positive(self, seconds: i64) -> Result<Self, String> {
        match 0 < seconds {
            true => Ok(self),
            false => Err("does not end after it begins".to_owned()),
        }
    }

    fn span_from(self, start: &Moment) -> Result<TimeSpan, String> {
        let from = start.at()?;
        let until = match self {
            Self::Exact(seconds) => from.plus_nanos(seconds.saturating_mul(1_000_000_000)),
            Self::Civil(seconds) => {
                let civil = start.civil.checked_add(SignedDuration::from_secs(seconds));
                let civil = civil.map_err(|_| "ends beyond the calendar")?;
                Moment {
                    civil,
                    ..start.clone()
                }
                .at()?
            }
        };
        span(from, until)
    }
}

fn span(from: Timestamp, until: Timestamp) -> Result<TimeSpan, String> {
    match from < until {
        true => Ok(TimeSpan { from, until }),
        false => Err("does not end after it begins".to_owned()),
    }
}

fn seconds(duration: &calcard::icalendar::ICalendarDuration) -> Result<i64, String> {
    let days = i64::from(duration.weeks) * 7 + i64::from(duration.days);
    let minutes = i64::from(duration.hours) * 60 + i64::from(duration.minutes);
    let seconds = days * DAY_S + minutes * 60 + i64::from(duration.seconds);
    match !duration.neg && 0 < seconds && fits(seconds) {
        true => Ok(seconds),
        false => Err("has a DURATION that is no time".to_owned()),
    }
}

/// The rule by which an event repeats.
pub(super) fn rule_of(
    component: &ICalendarComponent,
) -> Result<Option<&ICalendarRecurrenceRule>, String> {
    if component.has_property(&ICalendarProperty::Exrule) {
        return Err("has an EXRULE, which is not read".to_owned());
    }
    let mut rules = component.properties(&ICalendarProperty::Rrule);
    let Some(entry) = rules.next() else {
        return Ok(None);
    };
    if rules.next().is_some() {
        return Err("has more than one RRULE".to_owned());
    }
    match entry.values.first() {
        Some(ICalendarValue::RecurrenceRule(rule)) => Ok(Some(rule)),
        _ => Err("has an RRULE that cannot be read".to_owned()),
    }
}

/// Whether a rule says days of every week, and nothing else.
fn repeats_weekly(rule: &ICalendarRecurrenceRule) -> bool {
    let is_often = matches!(
        rule.freq,
        ICalendarFrequency::Weekly | ICalendarFrequency::Daily
    );
    let is_every = rule.interval.is_none_or(|interval| interval == 1);
    let goes_on = rule.count.is_none() && rule.until.is_none();
    let plain = |day: &ICalendarDay| day.ordwk.is_none();
    let plain_days = ICalendarRecurrenceRule {
        freq: rule.freq,
        interval: rule.interval,
        byday: rule.byday.clone(),
        wkst: rule.wkst,
        ..ICalendarRecurrenceRule::default()
    };
    is_often && is_every && goes_on && rule.byday.iter().all(plain) && *rule == plain_days
}

const fn weekday(day: ICalendarWeekday) -> Weekday {
    match day {
        ICalendarWeekday::Monday => Weekday::Monday,
        ICalendarWeekday::Tuesday => Weekday::Tuesday,
        ICalendarWeekday::Wednesday => Weekday::Wednesday,
        ICalendarWeekday::Thursday => Weekday::Thursday,
        ICalendarWeekday::Friday => Weekday::Friday,
        ICalendarWeekday::Saturday => Weekday::Saturday,
        ICalendarWeekday::Sunday => Weekday::Sunday,
    }
}
