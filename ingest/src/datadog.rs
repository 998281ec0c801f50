//! The event intake of Datadog, versions 1 and 2, at the addresses of its API.
//!
//! An event of version 1, and one of the category `change`, is a change that has happened;
//! one of the category `alert` opens or ends an incident. The API key proves its sender.

mod answer;
mod tags;
#[cfg(test)]
mod tests;
mod v1;
mod v2;

use model::{NewEvent, SourceName};

use crate::decoded::{Malformed, Part};
use crate::fields::Problems;
use crate::intake::Delivery;
use crate::proof::Proof;
use crate::said::{Said, whole};

pub(crate) use v1::ADDRESS as V1;
pub(crate) use v2::ADDRESS as V2;

const PROOF: Proof = Proof::Header("dd-api-key");

fn source(delivery: &Delivery) -> SourceName {
    delivery.sender.source_or("datadog")
}

/// One body, one event.
fn decode(
    delivery: &Delivery,
    read: fn(Said<'_>, &Delivery, &mut Problems) -> Option<NewEvent>,
) -> Result<Vec<Part>, Malformed> {
    let body = match whole(&delivery.body)? {
        Ok(body) => body,
        Err(refused) => return Ok(vec![refused]),
    };
    let mut problems = Problems::default();
    let event = read(Said(&body), delivery, &mut problems);
    Ok(vec![match event {
        Some(event) if problems.is_empty() => Part::Events(vec![event]),
        _ => Part::Rejected(problems),
    }])
}
