//! What a filter made, as the events that it stands for. Pure.

use serde_json::{Map, Value};

use super::kept_aside;
use crate::decoded::Part;
use crate::events;
use crate::fields::said;
use crate::intake::Delivery;

/// Most faults that are told of one delivery.
const FAULTS_TOLD_MAX: usize = 4;

/// The events of the good drafts; a delivery with a bad one is kept aside besides, to be read again
/// once the mapping was mended. What was recorded of it then is the same event.
pub(super) fn parts(name: &str, drafts: Vec<Value>, delivery: &Delivery) -> Vec<Part> {
    if drafts.is_empty() {
        return vec![Part::ignored("the mapping makes nothing of it")];
    }
    let mut parts = Vec::with_capacity(drafts.len());
    let mut faults = Vec::new();
    for (index, draft) in drafts.into_iter().enumerate() {
        let mut fault = |field: &str, reason: &str| {
            let blank = if field.is_empty() { "" } else { " " };
            faults.push(format!("event {}: {field}{blank}{reason}", index + 1));
        };
        match draft {
            Value::Object(draft) => match read(name, draft, delivery) {
                Part::Rejected(problems) => {
                    for (field, reason) in &problems.told {
                        fault(field, reason);
                    }
                }
                good => parts.push(good),
            },
            other => fault("", &format!("is an object, found {}", said(&other))),
        }
    }
    if !faults.is_empty() {
        let more = faults.len().saturating_sub(FAULTS_TOLD_MAX);
        faults.truncate(FAULTS_TOLD_MAX);
        if 0 < more {
            faults.push(format!("and {more} more"));
        }
        parts.push(kept_aside(name, delivery, &faults.join("; ")));
    }
    parts
}

/// One draft, filled up with what the configuration says of its sender.
pub(super) fn read(name: &str, mut draft: Map<String, Value>, delivery: &Delivery) -> Part {
    let sender = &delivery.sender;
    let source = || Value::from(sender.source_or(name).as_str());
    draft.entry("source").or_insert_with(source);
    let items = match draft.get("type").and_then(Value::as_str) {
        Some("change.recorded") => Some("targets"),
        Some("incident.opened" | "incident.updated") => Some("items"),
        _ => None,
    };
    if let (Some(items), Some(data)) = (items, draft.get_mut("data").and_then(Value::as_object_mut))
    {
        if let Some(environment) = &sender.environment {
            let environment = || Value::from(environment.as_str());
            data.entry("environment").or_insert_with(environment);
        }
        if !sender.items.is_empty() {
            let all = sender.items.iter();
            let all = || all.map(|key| serde_json::to_value(key).unwrap_or_default());
            data.entry(items).or_insert_with(|| all().collect());
        }
    }
    events::decode_part(&Value::Object(draft).to_string(), delivery.received_at)
}
