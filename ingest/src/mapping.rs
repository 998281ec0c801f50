//! Mappings: what senders say for whom nobody wrote a decoder, turned into our own events by a filter of jq.
//!
//! `/ingest/mapping/NAME` runs `NAME.jq` over `{headers, body, receivedAt}`. What it makes is read
//! as `/ingest/events` reads it. A filter reads nothing but its input, and cannot go on for ever.

mod drafts;
mod folder;
mod meter;
mod metered;
mod program;
#[cfg(test)]
mod tests;
mod thread;
mod trial;
mod value;

use model::Occurred;
use serde_json::{Map, Value};

use crate::decoded::{Malformed, NotUnderstood, Part};
use crate::intake::{Address, Delivery};
use crate::quarantine::is_kept;
use crate::said::whole;
use crate::sender::SENDER_HEADER;

pub(crate) use folder::Mapping;
pub use folder::{MappingState, Mappings};
pub use program::Broken;
pub use trial::{Refused, Trial, Tried};

/// How the quarantine calls this form.
pub(crate) const FORM: &str = "mapping";

/// Most headers that a filter knows, and that are kept of a delivery.
const HEADERS_MAX: usize = 12;

/// Where the senders of all mappings post, each at its mapping's name.
pub(crate) const ADDRESS: Address = Address::of_json(FORM, "/ingest/mapping", decode);

fn decode(delivery: &Delivery) -> Result<Vec<Part>, Malformed> {
    let Some(mapping) = &delivery.sender.mapping else {
        let reason = "the address has the name of a mapping at its end: /ingest/mapping/NAME";
        return Err(Malformed::because(reason));
    };
    let body = match whole(&delivery.body)? {
        Ok(body) => body,
        Err(refused) => return Ok(vec![refused]),
    };
    Ok(match mapping.run(input(delivery, body)) {
        Ok(drafts) => drafts::parts(mapping.name(), drafts, delivery),
        Err(reason) => vec![kept_aside(mapping.name(), delivery, &reason)],
    })
}

/// What a filter knows of a delivery.
fn input(delivery: &Delivery, body: Value) -> Value {
    let headers = telling(delivery);
    let headers = headers.map(|(name, value)| (name, Value::from(value)));
    let mut input = Map::new();
    input.insert("headers".to_owned(), Value::Object(headers.collect()));
    input.insert("body".to_owned(), body);
    let received_at = delivery.received_at.to_string();
    input.insert("receivedAt".to_owned(), received_at.into());
    Value::Object(input)
}

/// The whole delivery for the quarantine, as far as it can be read again.
fn kept_aside(name: &str, delivery: &Delivery, reason: &str) -> Part {
    Part::Unknown(Box::new(NotUnderstood {
        source: delivery.sender.source_or(name),
        occurred: Occurred::Received(delivery.received_at),
        format: FORM,
        body: delivery.body.clone(),
        headers: telling(delivery).collect(),
        reason: format!("{name}.jq: {reason}"),
    }))
}

/// The headers that tell what a delivery is of. None of them carries a credential.
fn telling(delivery: &Delivery) -> impl Iterator<Item = (String, String)> {
    let headers = delivery.headers.iter().filter_map(|(name, value)| {
        let name = name.as_str();
        let tells = is_kept(name) && name != SENDER_HEADER;
        let value = value.to_str().ok().filter(|_| tells)?;
        Some((name.to_owned(), value.to_owned()))
    });
    headers.take(HEADERS_MAX)
}
