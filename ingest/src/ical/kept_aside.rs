//! An event that the calendar cannot express, as the quarantine keeps it: a calendar of that event alone.

use calcard::icalendar::ICalendarComponentType;
use model::{Occurred, SourceName};

use super::FORMAT;
use super::MEANING_HEADER;
use super::feed::{Feed, Group};
use crate::decoded::{NotUnderstood, Part};
use crate::intake::Delivery;

/// By which the part remembers its rule until the feed was compared; it is not kept on the disk.
const RULE_HEADER: &str = "epicenter-rule";

pub(super) fn part(
    feed: &Feed,
    group: &Group,
    delivery: &Delivery,
    source: &SourceName,
    rule: &str,
    reason: String,
) -> Part {
    let mut headers = vec![(RULE_HEADER.to_owned(), rule.to_owned())];
    let meaning = delivery.headers.get(MEANING_HEADER);
    let meaning = meaning.and_then(|value| value.to_str().ok());
    headers.extend(meaning.map(|value| (MEANING_HEADER.to_owned(), value.to_owned())));
    Part::Unknown(Box::new(NotUnderstood {
        source: source.clone(),
        occurred: Occurred::Received(delivery.received_at),
        format: FORMAT,
        body: alone(feed, group).into_bytes(),
        headers,
        reason,
    }))
}

/// The rule that a part would have been.
pub(super) fn name_of(unknown: &NotUnderstood) -> Option<String> {
    let mut headers = unknown.headers.iter();
    let found = headers.find(|(name, _)| name == RULE_HEADER);
    found.map(|(_, rule)| rule.clone())
}

/// A calendar without the other events.
fn alone(feed: &Feed, group: &Group) -> String {
    let mut alone = feed.calendar.clone();
    let others = feed.calendar.components.iter().enumerate();
    let others = others.filter_map(|(index, component)| {
        let is_event = component.component_type == ICalendarComponentType::VEvent;
        let is_own = group.members.contains(&index);
        (is_event && !is_own)
            .then(|| u32::try_from(index).ok())
            .flatten()
    });
    alone.remove_component_ids(&others.collect::<Vec<u32>>());
    alone.to_string()
}
