//! iCalendar (RFC 5545): `/ingest/ical/NAME` takes a feed of events that say when changes may run.
//!
//! What the events mean, freezes or windows, and of which changes, says the configuration of the
//! sender. A feed is whole: an event that it no longer holds is withdrawn, and one that says what
//! was declared before is not written again. The zones are those of the IANA database that is built
//! in; what a feed itself says about a zone only helps to find its name there.

mod differences;
mod feed;
mod kept_aside;
mod meaning;
mod moment;
mod repeats;
#[cfg(test)]
mod tests;
mod times;

use calcard::icalendar::ICalendarStatus;
use model::{
    Actor, ActorKind, CalendarRuleDeclared, Event, NewEvent, Occurred, RuleEffect, SourceName,
    bounds,
};
use sha2::{Digest, Sha256};

use crate::decoded::{Malformed, Part};
use crate::fields::shortened;
use crate::intake::{Address, Delivery};
use feed::{Feed, Group};
pub use meaning::CalendarMeaning;
use meaning::Meant;
use times::{Horizon, Repeated};

/// How the quarantine calls this form.
pub(crate) const FORMAT: &str = "ical";

/// Where a feed says what its events mean, if its sender is none of the configuration.
pub(crate) const MEANING_HEADER: &str = "epicenter-calendar";

/// Where they are taken.
pub(crate) const ADDRESS: Address = Address {
    takes: |media, _| media.is("text/calendar"),
    expects: "text/calendar",
    against: Some(differences::between),
    ..Address::of_json(FORMAT, "/ingest/ical", decode)
};

/// The longest beginning of the names of a feed's rules.
const PREFIX_BYTES: usize = 96;
/// Most spans of one rule.
const SPANS_MAX: usize = bounds::DEFINED_NAMES_MAX;

fn decode(delivery: &Delivery) -> Result<Vec<Part>, Malformed> {
    let meant = Meant::of(delivery)?;
    if PREFIX_BYTES < meant.source.as_str().len() {
        let reason = format!("the source of a feed has at most {PREFIX_BYTES} bytes");
        return Err(Malformed::because(reason));
    }
    let feed = Feed::read(&delivery.body)?;
    let reading = Reading {
        horizon: Horizon::of(delivery.received_at),
        feed: &feed,
        meant: &meant,
        delivery,
    };
    Ok(match meant.meaning.effect {
        RuleEffect::Window => reading.window(),
        RuleEffect::Freeze | RuleEffect::Spacing => reading.freezes(),
    })
}

/// How the names of a feed's rules begin.
fn prefix(source: &SourceName) -> String {
    format!("{source}/")
}

/// The name of the rule of an event; a long id gives way to its hash.
fn rule_name(source: &SourceName, uid: &str) -> String {
    let name = format!("{source}/{uid}");
    if name.len() <= bounds::KIND_BYTES {
        return name;
    }
    let digest = Sha256::digest(uid.as_bytes());
    let hash: String = digest
        .iter()
        .take(8)
        .map(|byte| format!("{byte:02x}"))
        .collect();
    format!("{source}/{hash}")
}

/// A feed while its events become rules.
struct Reading<'f> {
    feed: &'f Feed,
    meant: &'f Meant,
    horizon: Horizon,
    delivery: &'f Delivery,
}

/// What one event comes to.
enum Read {
    Times(Repeated),
    Nothing(&'static str),
    Unclear(String),
}

impl Reading<'_> {
    /// Each event is a rule of its own: one freeze can be lifted while another holds.
    fn freezes(&self) -> Vec<Part> {
        let groups = self.feed.groups.iter();
        groups
            .map(|(uid, group)| match self.read(group) {
                Read::Nothing(reason) => Part::ignored(reason).made_of(uid),
                Read::Unclear(reason) => self.aside(uid, group, reason),
                Read::Times(repeated) if SPANS_MAX < repeated.times.spans.len() => {
                    let reason = format!("comes to more than {SPANS_MAX} spans of time");
                    self.aside(uid, group, reason)
                }
                Read::Times(repeated) => {
                    let title = group.text_of(self.feed, Group::summary);
                    let why = group.text_of(self.feed, Group::description);
                    let name = rule_name(&self.meant.source, uid);
                    self.declared(name, title, why, &repeated)
                }
            })
            .collect()
    }

    /// All events are the times of one rule: windows of two rules would both have to hold.
    fn window(&self) -> Vec<Part> {
        let mut parts = Vec::new();
        let mut all = Repeated::default();
        for (uid, group) in &self.feed.groups {
            match self.read(group) {
                Read::Nothing(reason) => parts.push(Part::ignored(reason).made_of(uid)),
                Read::Unclear(reason) => parts.push(self.aside(uid, group, reason)),
                Read::Times(repeated) => all.join(repeated),
            }
        }
        all.settle(&self.horizon, SPANS_MAX);
        if !all.times.is_empty() {
            let name = format!("{}/window", self.meant.source);
            parts.push(self.declared(name, self.feed.name.clone(), None, &all));
        }
        parts
    }

    fn read(&self, group: &Group) -> Read {
        if group.is_unnamed {
            let reason = "has no UID, by which it could be changed or withdrawn";
            return Read::Unclear(reason.to_owned());
        }
        match group.status(self.feed) {
            Some(ICalendarStatus::Cancelled) => return Read::Nothing("an event that is cancelled"),
            Some(ICalendarStatus::Tentative) => return Read::Nothing("an event that is tentative"),
            _ => {}
        }
        let zone = self.meant.meaning.time_zone.as_deref();
        match times::of(self.feed, group, zone, &self.horizon) {
            Ok(repeated) if repeated.times.is_empty() => {
                Read::Nothing("an event of which every repeat is cancelled or further away")
            }
            Ok(repeated) => Read::Times(repeated),
            Err(reason) => Read::Unclear(reason),
        }
    }

    fn declared(
        &self,
        name: String,
        title: Option<String>,
        why: Option<String>,
        repeated: &Repeated,
    ) -> Part {
        let meaning = &self.meant.meaning;
        let told = repeated
            .until
            .map(|until| format!("Repeats are written out until {until}."));
        let why: Vec<String> = why.into_iter().chain(told).collect();
        let why = (!why.is_empty()).then(|| why.join("\n\n"));
        let event = Event::CalendarRuleDeclared(Box::new(CalendarRuleDeclared {
            name,
            effect: meaning.effect,
            title: title.map(|title| shortened(&title, bounds::LINE_BYTES)),
            reason: why.map(|why| shortened(&why, bounds::TEXT_BYTES)),
            scope: meaning.scope.clone(),
            times: repeated.times.clone(),
            binds_administrators: meaning.binds_administrators,
            lifted_for: meaning.lifted_for.clone(),
            between: None,
            apart_ms: None,
        }));
        Part::Events(vec![seal(self.delivery, &self.meant.source, event)])
    }

    fn aside(&self, uid: &str, group: &Group, reason: String) -> Part {
        let name = rule_name(&self.meant.source, uid);
        kept_aside::part(
            self.feed,
            group,
            self.delivery,
            &self.meant.source,
            &name,
            reason,
        )
    }
}

/// An event of the feed: it speaks of the moment at which the feed was read.
fn seal(delivery: &Delivery, source: &SourceName, event: Event) -> NewEvent {
    let actor = Actor {
        kind: ActorKind::Automatic,
        ..Actor::default()
    };
    let occurred = Occurred::Stated(delivery.received_at);
    NewEvent::named_by_content(source.clone(), occurred, actor, event)
}
