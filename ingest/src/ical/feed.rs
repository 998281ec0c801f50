//! The events of a feed by their ids, out of the bytes.

use std::collections::BTreeMap;

use calcard::common::PartialDateTime;
use calcard::icalendar::{
    ICalendar, ICalendarComponent, ICalendarComponentType, ICalendarProperty, ICalendarStatus,
    ICalendarValue,
};
use calcard::{Entry, Parser};
use model::bounds;

use crate::decoded::Malformed;

/// Most events of one feed.
const EVENTS_MAX: usize = bounds::EVENTS_PER_REQUEST_MAX;

/// A feed.
pub(super) struct Feed {
    /// All of it as one calendar.
    pub(super) calendar: ICalendar,
    /// What it calls itself.
    pub(super) name: Option<String>,
    /// The zone of its days, where it says one.
    pub(super) zone: Option<String>,
    /// Its events: those of one id belong together.
    pub(super) groups: BTreeMap<String, Group>,
}

/// An event with its changed repeats.
pub(super) struct Group {
    /// Where all of them stand among the components.
    pub(super) members: Vec<usize>,
    /// It has no id, by which it could be changed or withdrawn.
    pub(super) is_unnamed: bool,
    /// The event itself; missing where the feed holds changed repeats only.
    master: Option<usize>,
}

impl Feed {
    pub(super) fn read(body: &[u8]) -> Result<Self, Malformed> {
        let text =
            std::str::from_utf8(body).map_err(|_| Malformed::because("the body is not UTF-8"))?;
        let mut feed = Self {
            calendar: ICalendar::default(),
            name: None,
            zone: None,
            groups: BTreeMap::new(),
        };
        for calendar in calendars(text)? {
            feed.join(calendar)?;
        }
        let events = feed.calendar.components.iter().enumerate();
        let events = events.filter(|(_, it)| it.component_type == ICalendarComponentType::VEvent);
        let mut count = 0;
        for (index, component) in events {
            count += 1;
            take(&mut feed.groups, index, &feed.calendar, component);
        }
        match count <= EVENTS_MAX {
            true => Ok(feed),
            false => Err(Malformed::because(format!(
                "the feed has {count} events, at most {EVENTS_MAX} are taken"
            ))),
        }
    }

    /// Takes another calendar of the body.
    fn join(&mut self, mut calendar: ICalendar) -> Result<(), Malformed> {
        let Some(root) = calendar.components.first() else {
            return Ok(());
        };
        let method = text_of(root, &ICalendarProperty::Method);
        if let Some(method) = method.filter(|method| !method.eq_ignore_ascii_case("PUBLISH")) {
            return Err(Malformed::because(format!(
                "METHOD is {method:?}: a message about single events is no feed; only PUBLISH is taken"
            )));
        }
        let named = text_of(root, &ICalendarProperty::Name);
        let named = named.or_else(|| other_text(root, "X-WR-CALNAME"));
        self.name = self.name.take().or(named);
        self.zone = self
            .zone
            .take()
            .or_else(|| other_text(root, "X-WR-TIMEZONE"));
        if self.calendar.components.is_empty() {
            self.calendar = calendar;
            return Ok(());
        }
        // Its components follow the others; its root gives way to the first.
        let moved = u32::try_from(self.calendar.components.len()).unwrap_or(u32::MAX) - 1;
        for component in &mut calendar.components {
            component
                .component_ids
                .iter_mut()
                .for_each(|id| *id += moved);
        }
        let mut components = calendar.components.into_iter();
        let root = components.next();
        if let (Some(first), Some(root)) = (self.calendar.components.first_mut(), root) {
            first.component_ids.extend(root.component_ids);
        }
        self.calendar.components.extend(components);
        Ok(())
    }

    fn component(&self, index: usize) -> Option<&ICalendarComponent> {
        self.calendar.components.get(index)
    }
}

fn calendars(text: &str) -> Result<Vec<ICalendar>, Malformed> {
    let mut parser = Parser::new(text);
    let mut calendars = Vec::new();
    loop {
        match parser.entry() {
            Entry::ICalendar(calendar) => {
                let root = calendar.components.first();
                if root.is_none_or(|it| it.component_type != ICalendarComponentType::VCalendar) {
                    return Err(Malformed::because("the body is no VCALENDAR"));
                }
                calendars.push(calendar);
            }
            Entry::Eof if calendars.is_empty() => {
                return Err(Malformed::because("the body holds no VCALENDAR"));
            }
            Entry::Eof if !is_through(text) => {
                let reason = "the body breaks off: it does not end with END:VCALENDAR";
                return Err(Malformed::because(reason));
            }
            Entry::Eof => return Ok(calendars),
            Entry::TooManyComponents => {
                return Err(Malformed::because("the body has too many components"));
            }
            _ => return Err(Malformed::because("the body is no iCalendar")),
        }
    }
}

/// Whether the last line ends a calendar: the parser takes one that breaks off.
fn is_through(text: &str) -> bool {
    let last = text.trim_end().lines().next_back().unwrap_or_default();
    last.trim().eq_ignore_ascii_case("END:VCALENDAR")
}

/// Puts an event where it belongs. Of two that say they are the same the one with the higher SEQUENCE counts.
fn take(
    groups: &mut BTreeMap<String, Group>,
    index: usize,
    of: &ICalendar,
    component: &ICalendarComponent,
) {
    // Without an id it is a group of its own, which is kept aside: it could never be withdrawn.
    let uid = component.uid().map(str::trim).unwrap_or_default();
    let is_unnamed = uid.is_empty();
    let uid = match is_unnamed {
        true => format!("without UID {index}"),
        false => uid.to_owned(),
    };
    let group = groups.entry(uid).or_insert_with(|| Group {
        members: Vec::new(),
        is_unnamed,
        master: None,
    });
    let rank = |index: usize| of.components.get(index).map(version);
    if component.is_recurrence_override() {
        let same = group.members.iter().position(|member| {
            let other = of.components.get(*member);
            other.is_some_and(|other| recurrence_id(other) == recurrence_id(component))
        });
        match same.and_then(|place| group.members.get_mut(place)) {
            Some(other) if rank(*other) < rank(index) => *other = index,
            Some(_) => {}
            None => group.members.push(index),
        }
        return;
    }
    match group.master {
        Some(master) if rank(index) <= rank(master) => {}
        older => {
            group.members.retain(|member| Some(*member) != older);
            group.members.push(index);
            group.master = Some(index);
        }
    }
}

/// SEQUENCE, then when it was last written.
fn version(component: &ICalendarComponent) -> (i64, Option<String>) {
    let sequence = component.property(&ICalendarProperty::Sequence);
    let sequence = sequence.and_then(|entry| entry.values.first()?.as_integer());
    let stamp = component
        .property(&ICalendarProperty::LastModified)
        .or_else(|| component.property(&ICalendarProperty::Dtstamp));
    let stamp = stamp.and_then(|entry| entry.values.first()?.as_partial_date_time());
    (
        sequence.unwrap_or(0),
        stamp.and_then(PartialDateTime::to_rfc3339),
    )
}

fn recurrence_id(component: &ICalendarComponent) -> Option<&ICalendarValue> {
    let entry = component.property(&ICalendarProperty::RecurrenceId)?;
    entry.values.first()
}

impl Group {
    /// The event itself, else its first changed repeat.
    pub(super) fn head<'f>(&self, feed: &'f Feed) -> Option<&'f ICalendarComponent> {
        let index = self.master.or_else(|| self.members.first().copied())?;
        feed.component(index)
    }

    pub(super) fn master<'f>(&self, feed: &'f Feed) -> Option<&'f ICalendarComponent> {
        feed.component(self.master?)
    }

    /// Its changed repeats.
    pub(super) fn overrides<'f>(
        &self,
        feed: &'f Feed,
    ) -> impl Iterator<Item = &'f ICalendarComponent> {
        let members = self.members.iter().copied();
        let others = members.filter(|member| Some(*member) != self.master);
        others.filter_map(|member| feed.component(member))
    }

    pub(super) fn status<'f>(&self, feed: &'f Feed) -> Option<&'f ICalendarStatus> {
        self.master(feed)?.status()
    }

    pub(super) fn text_of(
        &self,
        feed: &Feed,
        read: fn(&ICalendarComponent) -> Option<String>,
    ) -> Option<String> {
        let text = read(self.head(feed)?)?;
        let text = text.trim();
        (!text.is_empty()).then(|| text.to_owned())
    }

    pub(super) fn summary(component: &ICalendarComponent) -> Option<String> {
        text_of(component, &ICalendarProperty::Summary)
    }

    pub(super) fn description(component: &ICalendarComponent) -> Option<String> {
        text_of(component, &ICalendarProperty::Description)
    }
}

fn text_of(component: &ICalendarComponent, property: &ICalendarProperty) -> Option<String> {
    let entry = component.property(property)?;
    entry.values.first()?.as_text().map(str::to_owned)
}

/// A property that no standard names.
fn other_text(component: &ICalendarComponent, name: &str) -> Option<String> {
    let entry = component.entries.iter().find(
        |entry| matches!(&entry.name, ICalendarProperty::Other(other) if other.eq_ignore_ascii_case(name)),
    )?;
    entry.values.first()?.as_text().map(str::to_owned)
}
