//! Our own events: `/ingest/events`.
//!
//! The form is published as `docs/schema/events.schema.json`. Whatever else a
//! sender speaks is turned into these facts by its own decoder.

mod change;
mod decode;
mod group;
mod identity;
mod incident;
mod item;
mod kind;
mod relation;
#[cfg(test)]
mod tests;

pub(crate) use decode::{Envelope, decode, is_own_type, read_data};

/// The published form, as JSON Schema.
pub(crate) const SCHEMA: &str = include_str!("../../docs/schema/events.schema.json");
