//! A feed against what it declared before: only differences are said, and what it lacks is withdrawn. Pure.

use std::collections::{BTreeMap, BTreeSet};

use model::{CalendarRuleDeclared, CalendarRuleWithdrawn, Event, Timestamp};

use super::kept_aside::name_of;
use super::meaning::Meant;
use super::{prefix, seal};
use crate::decoded::Part;
use crate::intake::Delivery;
use crate::scrub::scrub;

/// From so many known rules on, a feed that lacks nearly all of them is not believed.
const HELD_BACK_MIN: usize = 20;
/// What is nearly all: fewer than one in so many still stands in it.
const HELD_BACK_SHARE: usize = 10;

/// What is to be written of a feed whose sender had declared some of these rules before.
pub(super) fn between(
    delivery: &Delivery,
    parts: Vec<Part>,
    before: &[CalendarRuleDeclared],
) -> Vec<Part> {
    let Ok(meant) = Meant::of(delivery) else {
        return parts;
    };
    let prefix = prefix(&meant.source);
    let own = before.iter().filter(|rule| rule.name.starts_with(&prefix));
    let own: BTreeMap<&str, &CalendarRuleDeclared> =
        own.map(|rule| (rule.name.as_str(), rule)).collect();
    let mut named = BTreeSet::new();
    let mut said: Vec<Part> = parts
        .into_iter()
        .map(|part| {
            named.extend(name_in(&part));
            unless_known(part, &own)
        })
        .collect();
    let missing: Vec<&&CalendarRuleDeclared> = own
        .values()
        .filter(|rule| !named.contains(&rule.name))
        .collect();
    // Feeds drop what is over, and often all of it at once.
    let now = delivery.received_at;
    let ahead = missing.iter().filter(|rule| holds_after(rule, now)).count();
    let kept = own.len() - missing.len();
    if HELD_BACK_MIN < ahead && kept * HELD_BACK_SHARE < ahead {
        let reason = format!(
            "lacks {ahead} events that were in it and are still to come, nearly all; nothing is withdrawn"
        );
        said.push(Part::refused("", reason));
        return said;
    }
    said.extend(missing.into_iter().map(|rule| {
        let event = Event::CalendarRuleWithdrawn(CalendarRuleWithdrawn {
            name: rule.name.clone(),
            reason: Some("no longer in the feed".to_owned()),
        });
        Part::Events(vec![seal(delivery, &meant.source, event)])
    }));
    said
}

/// The rule that a part is about.
fn name_in(part: &Part) -> Option<String> {
    match part {
        Part::Events(events) => Some(declared(&events.first()?.event)?.name.clone()),
        // What was declared before it could no longer be read stays as it is.
        Part::Unknown(unknown) => name_of(unknown),
        Part::Rejected(_) | Part::Ignored(_) | Part::Notice(_) | Part::Asked(_) => None,
    }
}

/// The part, emptied if it says what was said before.
fn unless_known(mut part: Part, own: &BTreeMap<&str, &CalendarRuleDeclared>) -> Part {
    let Part::Events(events) = &mut part else {
        return part;
    };
    // The log holds it without secrets.
    events.iter_mut().for_each(|event| scrub(&mut event.event));
    events.retain(|event| {
        let known = declared(&event.event).and_then(|rule| own.get(rule.name.as_str()));
        known.copied() != declared(&event.event) || known.is_none()
    });
    part
}

fn holds_after(rule: &CalendarRuleDeclared, now: Timestamp) -> bool {
    !rule.times.weekly.is_empty() || rule.times.spans.iter().any(|span| now < span.until)
}

fn declared(event: &Event) -> Option<&CalendarRuleDeclared> {
    if let Event::CalendarRuleDeclared(rule) = event {
        return Some(rule);
    }
    None
}
