//! What decoders of other tools' webhooks share: a body read by pointers, and what it says as events.
//!
//! A tool cannot mend what it sends, so a body is read leniently: texts are cut to their
//! bounds, fields of another type are missing, and only what a fact cannot do without is
//! asked for. It decides no meaning.

mod body;
mod repository;
mod workload;

use model::{Actor, Change, Event, EventId, NewEvent, Occurred, SourceName, SourceRef, Timestamp};
use serde_json::Value;

use crate::decoded::{Malformed, NotUnderstood, Part};
use crate::intake::Delivery;
use crate::split::unfold;
pub(crate) use body::{Body, after_the_point, person};
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
    pub(crate) body: Body<'d>,
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
pub(crate) type Said = Result<Vec<Fact>, Nothing>;

/// Reads a body and names its facts.
pub(crate) fn decode(
    delivery: &Delivery,
    form: &'static Form,
    read: impl Fn(&Webhook<'_>) -> Said,
) -> Result<Vec<Part>, Malformed> {
    let value = unfolded(delivery)?;
    Ok(vec![decode_value(delivery, form, &value, read)])
}

/// The whole body as one value within its bounds.
pub(crate) fn unfolded(delivery: &Delivery) -> Result<Value, Malformed> {
    let text = std::str::from_utf8(&delivery.body)
        .map_err(|error| Malformed::because(format!("the body is not UTF-8: {error}")))?;
    unfold(text).map_err(|refused| {
        let told = match refused {
            Part::Rejected(problems) => problems.told,
            Part::Events(_)
            | Part::Unknown(_)
            | Part::Ignored(_)
            | Part::Asked(_)
            | Part::Notice(_) => Vec::new(),
        };
        let reasons: Vec<String> = told.into_iter().map(|(_, reason)| reason).collect();
        Malformed::because(format!("the body {}", reasons.join("; ")))
    })
}

/// The same of a body, or a part of one, that is unfolded already.
pub(crate) fn decode_value(
    delivery: &Delivery,
    form: &'static Form,
    value: &Value,
    read: impl Fn(&Webhook<'_>) -> Said,
) -> Part {
    let webhook = Webhook {
        body: Body::of(value),
        form,
        delivery,
    };
    match read(&webhook) {
        Ok(facts) => Part::Events(webhook.events(facts)),
        Err(Nothing::Ignored(reason)) => Part::Ignored(reason),
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
            source_id: Body::as_source_id(source_id),
        }
    }

    fn events(&self, facts: Vec<Fact>) -> Vec<NewEvent> {
        let delivery_id = self.header(self.form.delivery_id).map(Body::as_source_id);
        let mut by_delivery = 0_usize;
        let mut events = Vec::with_capacity(facts.len());
        for fact in facts {
            let occurred = match fact.at {
                Some(at) => Occurred::Stated(at),
                None => Occurred::Received(self.delivery.received_at),
            };
            let named = delivery_id.as_ref().filter(|_| !fact.is_repeated);
            events.push(match named {
                Some(id) => {
                    let delivery = match by_delivery {
                        0 => id.clone(),
                        more => format!("{id}#{more}"),
                    };
                    by_delivery += 1;
                    NewEvent {
                        id: EventId {
                            source: self.source(),
                            delivery,
                        },
                        occurred,
                        actor: fact.actor,
                        event: fact.event,
                    }
                }
                None => NewEvent::named_by_content(self.source(), occurred, fact.actor, fact.event),
            });
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

impl From<String> for Nothing {
    fn from(reason: String) -> Self {
        Self::NotUnderstood(reason)
    }
}

#[cfg(test)]
pub(crate) mod shown;
