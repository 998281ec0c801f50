//! A refused fact in the quarantine, and back.
//!
//! It is kept as it would have been stored, so that reading it again gives the same event.

use model::{Actor, Event, EventId, NewEvent, Occurred, SourceName, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What the quarantine calls this form.
pub(crate) const FORMAT: &str = "fact";

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Kept {
    id: String,
    source: SourceName,
    r#type: String,
    version: u16,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    time: Option<Timestamp>,
    #[serde(default)]
    actor: Actor,
    data: Value,
}

/// The bytes that are kept.
pub(super) fn write(event: &NewEvent) -> Vec<u8> {
    let mut payload = Vec::new();
    event.event.encode_payload(&mut payload);
    let (name, version) = event.event.tag();
    let kept = Kept {
        id: event.id.delivery.clone(),
        source: event.id.source.clone(),
        r#type: name.to_owned(),
        version,
        time: match event.occurred {
            Occurred::Stated(at) => Some(at),
            Occurred::Received(_) => None,
        },
        actor: event.actor.clone(),
        data: serde_json::from_slice(&payload).expect("a payload is JSON"),
    };
    serde_json::to_vec(&kept).expect("a fact has string keys only and memory takes it")
}

/// The fact that was kept, or why it is none any more.
pub(crate) fn read(body: &[u8], received_at: Timestamp) -> Result<NewEvent, String> {
    let kept: Kept = serde_json::from_slice(body).map_err(|error| error.to_string())?;
    let is_of_today = Event::TAGS.contains(&(kept.r#type.as_str(), kept.version));
    if !is_of_today {
        return Err(format!(
            "it was kept as {} v{}, which this version does not write; send it again",
            kept.r#type, kept.version
        ));
    }
    let payload = kept.data.to_string();
    let event = Event::decode_payload(&kept.r#type, payload.as_bytes());
    Ok(NewEvent {
        id: EventId {
            source: kept.source,
            delivery: kept.id,
        },
        occurred: kept
            .time
            .map_or(Occurred::Received(received_at), Occurred::Stated),
        actor: kept.actor,
        event: event.map_err(|error| error.to_string())?,
    })
}
