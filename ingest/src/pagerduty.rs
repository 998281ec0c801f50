//! PagerDuty, both ways: what its clients send to its Events API v2, and what it sends itself.
//!
//! The clients' addresses are those of the Events API, so that a team switches by changing a
//! URL. A routing key proves its sender; it is never part of a fact, nor of what the quarantine keeps.

mod alert;
mod answer;
mod change;
#[cfg(test)]
mod tests;
mod webhook;

use model::{Occurred, SourceName};
use serde_json::Value;

use crate::decoded::{NotUnderstood, Part};
use crate::intake::Delivery;
use crate::proof::Proof;

pub(crate) use alert::ADDRESS as ALERTS;
pub(crate) use change::ADDRESS as CHANGES;
pub(crate) use webhook::ADDRESS as WEBHOOKS;

/// Where a client puts its routing key.
const ROUTING_KEY: &str = "routing_key";

/// The routing key is the secret.
const PROOF: Proof = Proof::AnyOf(&[Proof::Header("x-routing-key"), Proof::Field(ROUTING_KEY)]);

/// Keeps a body aside without the key that it came with.
fn not_understood(
    delivery: &Delivery,
    format: &'static str,
    mut body: Value,
    reason: impl Into<String>,
) -> Part {
    if let Some(fields) = body.as_object_mut() {
        fields.remove(ROUTING_KEY);
    }
    Part::Unknown(Box::new(NotUnderstood {
        source: source(delivery),
        occurred: Occurred::Received(delivery.received_at),
        format,
        body: body.to_string().into_bytes(),
        headers: Vec::new(),
        reason: reason.into(),
    }))
}

fn source(delivery: &Delivery) -> SourceName {
    delivery.sender.source_or("pagerduty")
}

/// Details as lines for people, nested ones as JSON.
fn shown(details: Option<&Value>) -> Vec<String> {
    match details {
        Some(Value::Object(details)) => details
            .iter()
            .filter(|(_, value)| !value.is_null())
            .map(|(name, value)| match value {
                Value::String(text) => format!("{name}: {text}"),
                other => format!("{name}: {other}"),
            })
            .collect(),
        Some(Value::String(text)) => vec![text.clone()],
        Some(Value::Null) | None => Vec::new(),
        Some(other) => vec![other.to_string()],
    }
}
