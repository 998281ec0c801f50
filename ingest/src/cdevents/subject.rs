//! The parts every event of theirs has: context and subject.

use model::{
    Actor, Change, Event, EventId, KeyParts, NewEvent, Occurred, SourceKey, SourceName, SourceRef,
    Timestamp, bounds,
};
use serde_json::{Map, Value};

use super::Named;
use crate::fields::{self, Fields, Path, Problems, shortened};

/// What an event states of its subject.
pub(super) struct Statement {
    /// How the event is named.
    named: Named,
    /// Its type.
    tag: String,
    /// When it happened, if it says so.
    pub(super) at: Option<Timestamp>,
    /// The id of the subject.
    pub(super) subject_id: String,
    /// Who named the subject, if another than the sender.
    subject_source: Option<SourceName>,
    /// What is said of the subject.
    content: Map<String, Value>,
    /// What the sender added.
    custom: Option<Value>,
    /// What does not fit.
    pub(super) problems: Problems,
}

/// Type and name of an event by its context.
pub(super) fn read_context(event: &Value, problems: &mut Problems) -> Option<(String, Named)> {
    let context = event.get("context").cloned().unwrap_or_default();
    let path = Path::Field(&Path::Root, "context");
    let mut fields = Fields::open(context, &path, problems)?;
    let tag = fields.must("type", fields::key_part);
    let id = fields.must("id", fields::source_id);
    let source = fields.must("source", fields::source_name);
    let time = fields.may("timestamp", fields::time);
    let named = Named {
        id: id?,
        source: source?,
        time,
    };
    Some((tag?, named))
}

/// Reads what is common to all.
pub(super) fn read(
    event: Value,
    tag: &str,
    named: Named,
    problems: &mut Problems,
) -> Option<Statement> {
    let mut fields = Fields::open(event, &Path::Root, problems)?;
    let timestamp = fields.must("context", |context, path, problems| {
        let mut fields = Fields::open(context, path, problems)?;
        Some(fields.may("timestamp", fields::time))
    });
    let subject = fields.must("subject", |subject, path, problems| {
        let mut fields = Fields::open(subject, path, problems)?;
        let id = fields.must("id", fields::key_part);
        let source = fields.may("source", fields::source_name);
        let content = fields.may("content", object);
        Some((id?, source, content.unwrap_or_default()))
    });
    let custom = fields.may("customData", |custom, _, _| Some(custom));
    let (subject_id, subject_source, content) = subject?;
    Some(Statement {
        at: timestamp?.or(named.time),
        named,
        tag: tag.to_owned(),
        subject_id,
        subject_source,
        content,
        custom,
        problems: Problems::default(),
    })
}

impl Statement {
    /// A text of the content.
    pub(super) fn text(&mut self, name: &'static str) -> Option<String> {
        self.field(name, fields::text)
    }

    /// A one-line text of the content.
    pub(super) fn line(&mut self, name: &'static str) -> Option<String> {
        self.field(name, fields::line)
    }

    /// The first of two names a line goes by in different versions.
    pub(super) fn either(&mut self, newer: &'static str, older: &'static str) -> Option<String> {
        self.line(newer).or_else(|| self.line(older))
    }

    /// The id in an object of the content that refers to another subject, and who named it.
    pub(super) fn other(&mut self, name: &'static str) -> Option<(String, Option<SourceName>)> {
        self.field(name, |value, path, problems| {
            let mut fields = Fields::open(value, path, problems)?;
            let id = fields.must("id", fields::key_part);
            let source = fields.may("source", fields::source_name);
            Some((id?, source))
        })
    }

    /// A text in an object of the content.
    pub(super) fn inner(&mut self, name: &'static str, field: &'static str) -> Option<String> {
        self.field(name, |value, path, problems| {
            let mut fields = Fields::open(value, path, problems)?;
            fields.may(field, fields::line)
        })
    }

    /// A text the sender added.
    pub(super) fn custom_line(&self, name: &str) -> Option<String> {
        let stated = self.custom.as_ref()?.get(name)?.as_str()?;
        Some(shortened(stated, bounds::LINE_BYTES))
    }

    /// An item named by the subject or by another id, in an environment.
    pub(super) fn key(kind: &str, name: &str, environment: Option<&str>) -> SourceKey {
        let parts = KeyParts::new(kind, name).in_environment(environment.map(str::to_owned));
        SourceKey::Parts(parts)
    }

    /// The subject as its source calls it: what lives through several events.
    pub(super) fn subject(&self) -> SourceRef {
        self.reference(self.subject_id.clone(), self.subject_source.clone())
    }

    /// Something else that lives through several events.
    pub(super) fn reference(&self, id: String, source: Option<SourceName>) -> SourceRef {
        SourceRef {
            source: source.unwrap_or_else(|| self.named.source.clone()),
            source_id: id,
        }
    }

    /// A change that is told by this event alone.
    pub(super) fn change_of_its_own(&self, kind: &str, title: &str) -> Change {
        let reference = self.reference(self.named.id.clone(), None);
        Change {
            kind: Some(kind.to_owned()),
            title: Some(shortened(title, bounds::LINE_BYTES)),
            started_at: self.at,
            finished_at: self.at,
            status: Some(model::ChangeStatus::Succeeded),
            ..Change::new(&reference)
        }
    }

    /// The facts as events. Some senders give events of several types one id (the published
    /// examples do), so the type belongs to the name of the delivery.
    pub(super) fn events(self, facts: Vec<Event>, received_at: Timestamp) -> Vec<NewEvent> {
        let occurred = match self.at {
            Some(at) => Occurred::Stated(at),
            None => Occurred::Received(received_at),
        };
        let delivery = format!("{} {}", self.named.id, self.tag);
        let named = facts
            .into_iter()
            .enumerate()
            .map(|(index, event)| NewEvent {
                id: EventId {
                    source: self.named.source.clone(),
                    delivery: match index {
                        0 => delivery.clone(),
                        _ => format!("{delivery}#{}", event.tag().0),
                    },
                },
                occurred,
                actor: Actor::default(),
                event,
            });
        named.collect()
    }

    fn field<T>(
        &mut self,
        name: &'static str,
        read: impl FnOnce(Value, &Path<'_>, &mut Problems) -> Option<T>,
    ) -> Option<T> {
        let value = self.content.get(name).filter(|value| !value.is_null())?;
        let subject = Path::Field(&Path::Root, "subject");
        let content = Path::Field(&subject, "content");
        read(
            value.clone(),
            &Path::Field(&content, name),
            &mut self.problems,
        )
    }
}

fn object(value: Value, path: &Path<'_>, problems: &mut Problems) -> Option<Map<String, Value>> {
    match value {
        Value::Object(entries) => Some(entries),
        _ => {
            problems.add(path, "expected an object");
            None
        }
    }
}
