//! What decoders of other tools' webhooks share: a body read by pointers, and what it says as events.
//!
//! A tool cannot mend what it sends, so a body is read leniently: texts are cut to their
//! bounds, fields of another type are missing, and only what a fact cannot do without is
//! asked for. It decides no meaning.

mod repository;
mod workload;

use model::{
    Actor, ActorKind, Change, Event, NewEvent, Occurred, SourceName, SourceRef, Timestamp, bounds,
};
use serde_json::Value;

use crate::decoded::{Malformed, NotUnderstood, Part, sealed};
use crate::fields::shortened;
use crate::intake::Delivery;
use crate::said::{Said, whole};
pub(crate) use repository::{Code, Repository, deploys};
pub(crate) use workload::{image, is_workload};

/// What a form of webhook is.
pub(crate) struct Form {
    /// What it is called among the counters, in the quarantine and in the configuration.
    pub(crate) name: &'static str,
    /// The header with the sender's id of the delivery; empty where it has none.
    pub(crate) delivery_id: &'static str,
    /// The headers without which a body cannot be read again.
    pub(crate) kept: &'static [&'static str],
}

/// One request of a tool, unfolded.
pub(crate) struct Webhook<'d> {
    /// What it says.
    pub(crate) body: Said<'d>,
    form: &'static Form,
    delivery: &'d Delivery,
}

/// One fact, and when and by whom.
#[derive(Debug)]
pub(crate) struct Fact {
    pub(crate) event: Event,
    /// When, if the sender states it.
    pub(crate) at: Option<Timestamp>,
    pub(crate) actor: Actor,
    /// It is repeated by several deliveries and is one event: its content names it.
    pub(crate) is_repeated: bool,
}

/// Why a body says nothing.
#[derive(Debug)]
pub(crate) enum Nothing {
    /// It is understood and says nothing that is kept here.
    Ignored(&'static str),
    /// It is not understood.
    NotUnderstood(String),
}

/// What a body says, or why it says nothing.
pub(crate) type Facts = Result<Vec<Fact>, Nothing>;

/// Reads a body and names its facts.
pub(crate) fn decode(
    delivery: &Delivery,
    form: &'static Form,
    read: impl Fn(&Webhook<'_>) -> Facts,
) -> Result<Vec<Part>, Malformed> {
    Ok(vec![match whole(&delivery.body)? {
        Ok(value) => decode_value(delivery, form, &value, read),
        Err(refused) => refused,
    }])
}

/// The same of a body, or a part of one, that is unfolded already.
pub(crate) fn decode_value(
    delivery: &Delivery,
    form: &'static Form,
    value: &Value,
    read: impl Fn(&Webhook<'_>) -> Facts,
) -> Part {
    let webhook = Webhook {
        body: Said(value),
        form,
        delivery,
    };
    match read(&webhook) {
        Ok(facts) => Part::Events(webhook.events(facts)),
        Err(Nothing::Ignored(reason)) => Part::ignored(reason),
        Err(Nothing::NotUnderstood(reason)) => webhook.kept_aside(value, reason),
    }
}

impl<'d> Webhook<'d> {
    /// A header of the request.
    pub(crate) fn header(&self, name: &str) -> Option<&'d str> {
        let value = self.delivery.headers.get(name)?;
        value.to_str().ok().filter(|text| !text.is_empty())
    }

    /// Who its facts come from.
    pub(crate) fn source(&self) -> SourceName {
        let configured = self.delivery.sender.source.clone();
        configured.unwrap_or_else(|| SourceName::new(self.form.name))
    }

    /// The environment of what names none.
    pub(crate) fn environment(&self) -> Option<String> {
        self.delivery.sender.environment.clone()
    }

    /// A statement about a change that the sender calls so.
    pub(crate) fn change(&self, source_id: &str) -> Change {
        Change::new(&self.reference(source_id))
    }

    /// A change by the sender's id.
    pub(crate) fn reference(&self, source_id: &str) -> SourceRef {
        SourceRef {
            source: self.source(),
            source_id: as_source_id(source_id),
        }
    }

    fn events(&self, facts: Vec<Fact>) -> Vec<NewEvent> {
        let delivery_id = self.header(self.form.delivery_id).map(as_source_id);
        let mut by_delivery = 0_usize;
        let mut events = Vec::with_capacity(facts.len());
        for fact in facts {
            let occurred = match fact.at {
                Some(at) => Occurred::Stated(at),
                None => Occurred::Received(self.delivery.received_at),
            };
            let named = delivery_id.as_ref().filter(|_| !fact.is_repeated);
            let named = named.map(|id| match by_delivery {
                0 => id.clone(),
                more => format!("{id}#{more}"),
            });
            by_delivery += usize::from(named.is_some());
            events.push(sealed(
                self.source(),
                named,
                occurred,
                fact.actor,
                fact.event,
            ));
        }
        events
    }

    fn kept_aside(&self, value: &Value, reason: String) -> Part {
        let kept = self.form.kept.iter();
        let headers = kept.filter_map(|name| {
            let value = self.header(name)?;
            Some(((*name).to_owned(), value.to_owned()))
        });
        Part::Unknown(Box::new(NotUnderstood {
            source: self.source(),
            occurred: Occurred::Received(self.delivery.received_at),
            format: self.form.name,
            body: value.to_string().into_bytes(),
            headers: headers.collect(),
            reason,
        }))
    }
}

impl Fact {
    /// A fact at a stated time, or when it came.
    pub(crate) const fn of(event: Event, at: Option<Timestamp>, actor: Actor) -> Self {
        Self {
            event,
            at,
            actor,
            is_repeated: false,
        }
    }

    /// A statement about a change; who acted is its operator.
    pub(crate) fn change(mut change: Change, at: Option<Timestamp>, actor: Actor) -> Self {
        if actor != Actor::default() {
            change.operator.get_or_insert_with(|| actor.clone());
        }
        Self::of(Event::ChangeRecorded(Box::new(change)), at, actor)
    }

    /// The same fact, which several deliveries repeat.
    #[must_use]
    pub(crate) fn repeated(mut self) -> Self {
        self.is_repeated = true;
        self
    }
}

/// A person, a machine or nobody, by a name and by what marks a machine.
pub(crate) fn person(name: Option<String>, is_machine: bool) -> Actor {
    let kind = match (&name, is_machine) {
        (_, true) => ActorKind::Automatic,
        (Some(_), false) => ActorKind::Human,
        (None, false) => ActorKind::Unknown,
    };
    Actor { kind, name }
}

/// What stands behind the last slash, as in `refs/heads/main` without `refs/heads/`.
pub(crate) fn after_the_point<'t>(text: &'t str, prefix: &str) -> Option<&'t str> {
    text.strip_prefix(prefix).filter(|rest| !rest.is_empty())
}

/// A text as an id of a sender.
fn as_source_id(text: &str) -> String {
    shortened(text, bounds::SOURCE_ID_BYTES)
}

impl From<String> for Nothing {
    fn from(reason: String) -> Self {
        Self::NotUnderstood(reason)
    }
}

#[cfg(test)]
pub(crate) mod shown;
