//! CloudEvents 1.0: `/ingest/cloudevents`, in binary, structured and batch mode.
//!
//! It reads the envelope strictly and hands the data on: CDEvents to their table,
//! our own types to the decoder of our own events. Everything else is kept aside
//! as it is.

mod binary;
mod structured;
#[cfg(test)]
mod tests;

use axum::http::HeaderMap;
use model::{Occurred, SourceName, Timestamp};
use serde_json::Value;

use crate::cdevents;
use crate::decoded::{Malformed, NotUnderstood, Part};
use crate::events::{Envelope, is_own_type, read_data};
use crate::fields::{Path, Problems};
use crate::intake::{Address, Delivery, MediaType};
use crate::split::{Wrapping, split, unfold};

/// How the quarantine calls this form.
const FORMAT: &str = "cloudevents";

/// Where they are taken.
pub(crate) const ADDRESS: Address = Address {
    takes,
    expects: "application/cloudevents+json, application/cloudevents-batch+json, application/json, or ce- headers",
    ..Address::of_json(FORMAT, "/ingest/cloudevents", decode)
};

/// One event, its envelope read.
struct CloudEvent {
    id: String,
    source: SourceName,
    tag: String,
    time: Option<Timestamp>,
    data: Data,
    /// The whole event in structured mode, as the quarantine keeps it.
    whole: Value,
}

/// What an event carries.
enum Data {
    /// Nothing.
    Nothing,
    /// A JSON value.
    Json(Value),
    /// Bytes of this media type, or JSON that is none.
    Other(String),
}

/// Whether a body of this media type with these headers speaks CloudEvents or CDEvents.
fn takes(media: &MediaType, headers: &HeaderMap) -> bool {
    media.is_json() || (binary::is_binary(headers) && !media.is_cloudevents())
}

/// Every event of a request, each for itself.
fn decode(delivery: &Delivery) -> Result<Vec<Part>, Malformed> {
    if binary::is_binary(&delivery.headers) && !delivery.media.is_cloudevents() {
        let mut problems = Problems::default();
        let event = binary::read(delivery, &mut problems);
        return Ok(vec![part_of(event, problems, delivery.received_at)]);
    }
    decode_json(&delivery.body, delivery.received_at)
}

/// The same for a body in structured or batch mode, or for CDEvents without an envelope.
pub(crate) fn decode_json(body: &[u8], received_at: Timestamp) -> Result<Vec<Part>, Malformed> {
    let parts = split(body, Wrapping::Json)?;
    let decoded = parts.into_iter().map(|part| {
        let event = match unfold(part) {
            Ok(event) => event,
            Err(refused) => return refused,
        };
        if cdevents::is_bare(&event) {
            return cdevents::decode_bare(event, received_at);
        }
        let mut problems = Problems::default();
        let event = structured::read(event, &mut problems);
        part_of(event, problems, received_at)
    });
    Ok(decoded.collect())
}

fn part_of(event: Option<CloudEvent>, problems: Problems, received_at: Timestamp) -> Part {
    match event {
        Some(event) if problems.is_empty() => event.meaning(received_at),
        _ => Part::Rejected(problems),
    }
}

impl CloudEvent {
    fn meaning(self, received_at: Timestamp) -> Part {
        if cdevents::is_type(&self.tag) {
            return self.cdevent(received_at);
        }
        let own = self
            .tag
            .strip_prefix("epicenter.")
            .unwrap_or(&self.tag)
            .to_owned();
        if is_own_type(&own) {
            return self.own_event(&own, received_at);
        }
        let reason = format!("the type {} has no meaning here", self.tag);
        self.unknown(reason, received_at)
    }

    fn own_event(self, tag: &str, received_at: Timestamp) -> Part {
        let envelope = Envelope {
            delivery: Some(self.id),
            source: self.source,
            time: self.time,
        };
        let data = match self.data {
            Data::Json(data) => data,
            Data::Nothing => return Part::refused("data", "is required"),
            Data::Other(what) => return Part::refused("data", format!("is {what}, not JSON")),
        };
        let mut problems = Problems::default();
        let path = Path::Field(&Path::Root, "data");
        match read_data(tag, data, &envelope, &path, &mut problems) {
            Some(event) if problems.is_empty() => {
                Part::Events(vec![envelope.seal(event, received_at)])
            }
            _ => Part::Rejected(problems),
        }
    }

    fn cdevent(self, received_at: Timestamp) -> Part {
        let data = match &self.data {
            Data::Json(data) => data.clone(),
            Data::Nothing => return self.unknown("there is no data".to_owned(), received_at),
            Data::Other(what) => {
                let reason = format!("the data is {what}, not JSON");
                return self.unknown(reason, received_at);
            }
        };
        let named = cdevents::Named {
            id: self.id.clone(),
            source: self.source.clone(),
            time: self.time,
        };
        match cdevents::read(&self.tag, data, named, received_at) {
            Ok(events) => Part::Events(events),
            Err(reason) => self.unknown(reason, received_at),
        }
    }

    fn unknown(self, reason: String, received_at: Timestamp) -> Part {
        let occurred = match self.time {
            Some(at) => Occurred::Stated(at),
            None => Occurred::Received(received_at),
        };
        Part::Unknown(Box::new(NotUnderstood {
            source: self.source,
            occurred,
            format: FORMAT,
            body: self.whole.to_string().into_bytes(),
            headers: Vec::new(),
            reason,
        }))
    }
}
