//! Our own events: `/ingest/events`.
//!
//! The form is published as `docs/schema/events.schema.json`. Whatever else a
//! sender speaks is turned into these facts by its own decoder.

mod calendar;
mod change;
mod decode;
mod group;
mod identity;
mod incident;
mod item;
mod kind;
mod relation;
mod risk;
mod rollout;
mod scene;
#[cfg(test)]
mod tests;
mod withdrawal;

use crate::intake::{Address, Delivery};
use crate::split::Wrapping;

pub(crate) use calendar::scope as calendar_scope;
pub(crate) use decode::{Envelope, decode, decode_part, is_own_type, read_data};

/// Where they are taken.
pub(crate) const ADDRESS: Address = Address {
    takes: |media, _| media.is_json() || media.is_json_lines(),
    expects: "application/json or application/x-ndjson",
    ..Address::of_json("events", "/ingest/events", |delivery| {
        decode(&delivery.body, wrapping(delivery), delivery.received_at)
    })
};

fn wrapping(delivery: &Delivery) -> Wrapping {
    match delivery.media.is_json_lines() {
        true => Wrapping::Lines,
        false => Wrapping::Json,
    }
}

/// The published form, as JSON Schema.
pub(crate) const SCHEMA: &str = include_str!("../../docs/schema/events.schema.json");
