//! Shows what a mapping would make of a body, without a server and without a log.

use std::sync::Arc;

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use model::{NewEvent, SourceName, Timestamp};
use serde_json::{Value, json};

use super::folder::Mapping;
use super::program::{Broken, Program};
use super::{FORM, drafts, input};
use crate::Sender;
use crate::decoded::Part;
use crate::intake::{Delivery, MediaType};
use crate::said::whole;
use crate::scrub::scrub;

/// A mapping to be tried out.
pub struct Trial {
    mapping: Arc<Mapping>,
    sender: Sender,
}

/// What became of one body.
#[derive(Debug, Default)]
pub struct Tried {
    /// What would be recorded, as it would stand in the log.
    pub events: Vec<Value>,
    /// What would be refused; the body would lie in the quarantine.
    pub refused: Vec<Refused>,
}

/// Something that a mapping made and nobody takes; or nothing, where it failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// Which of what it made, from 1 on; 0 when it made nothing.
    pub index: usize,
    /// Which field.
    pub field: String,
    /// Why.
    pub reason: String,
}

impl Trial {
    /// Compiles a mapping.
    pub fn of(name: &str, code: &str) -> Result<Self, Broken> {
        let mapping = Arc::new(Mapping::alone(name, Program::compile(code)?));
        let sender = Sender {
            name: name.to_owned(),
            mapping: Some(Arc::clone(&mapping)),
            ..Sender::unnamed(FORM)
        };
        Ok(Self { mapping, sender })
    }

    /// The same for a sender of which the configuration says a source and an environment.
    #[must_use]
    pub fn from(mut self, source: Option<String>, environment: Option<String>) -> Self {
        self.sender.source = source.map(SourceName::new);
        self.sender.environment = environment;
        self
    }

    /// What the mapping makes of a body.
    pub fn run(&self, headers: &[(String, String)], body: &[u8], received_at: Timestamp) -> Tried {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            let name = HeaderName::try_from(name).ok();
            map.extend(name.zip(HeaderValue::try_from(value).ok()));
        }
        let delivery = Delivery {
            headers: map,
            media: MediaType::parse("application/json"),
            body: body.to_vec(),
            received_at,
            sender: Arc::new(self.sender.clone()),
        };
        let mut tried = Tried::default();
        match whole(&delivery.body) {
            Ok(Ok(body)) => match self.mapping.run(input(&delivery, body)) {
                Ok(made) => {
                    for (index, draft) in made.into_iter().enumerate() {
                        tried.add(index + 1, self.read(draft, &delivery));
                    }
                }
                Err(reason) => tried.add(0, Part::refused("", reason)),
            },
            Ok(Err(refused)) => tried.add(0, refused),
            Err(malformed) => tried.add(0, Part::refused("", malformed.reason)),
        }
        tried
    }

    /// Whoever sends to it.
    #[cfg(test)]
    pub(crate) fn sender(&self) -> Sender {
        self.sender.clone()
    }

    fn read(&self, draft: Value, delivery: &Delivery) -> Part {
        match draft {
            Value::Object(draft) => drafts::read(self.mapping.name(), draft, delivery),
            other => {
                let found = crate::fields::said(&other);
                Part::refused("", format!("is an object, found {found}"))
            }
        }
    }
}

impl Tried {
    fn add(&mut self, index: usize, part: Part) {
        match part {
            Part::Events(events) => self.events.extend(events.into_iter().map(shown)),
            Part::Rejected(problems) => {
                let told = problems.told.into_iter();
                self.refused.extend(told.map(|(field, reason)| Refused {
                    index,
                    field,
                    reason,
                }));
            }
            Part::Unknown(unknown) => self.refused.push(Refused {
                index,
                field: String::new(),
                reason: unknown.reason,
            }),
            Part::Ignored(_) | Part::Notice(_) | Part::Asked(_) => {}
        }
    }
}

/// An event without the secrets in it, as the log would hold it.
fn shown(mut event: NewEvent) -> Value {
    scrub(&mut event.event);
    let mut payload = Vec::new();
    event.event.encode_payload(&mut payload);
    let data: Value = serde_json::from_slice(&payload).unwrap_or_default();
    json!({
        "id": event.id.delivery,
        "source": event.id.source,
        "type": event.event.tag().0,
        "time": event.occurred.at(),
        "data": data,
    })
}
