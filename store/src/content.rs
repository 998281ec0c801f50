//! What makes two deliveries of one id the same event.

use std::borrow::Cow;

use migrations::upcast;
use model::{DecodeEventError, Event, NewEvent, Occurred};

use crate::segments::SealedView;

/// Whether a second delivery says what the first one said.
///
/// The time counts only when the sender stated it: a retry of an event without
/// one is received later and is still the same event.
pub(crate) fn same_content(first: &NewEvent, second: &NewEvent) -> bool {
    same_occurred(first.occurred, second.occurred)
        && first.actor == second.actor
        && first.event == second.event
}

/// The same for two sealed events; an error says why the first cannot be read.
pub(crate) fn same_sealed(
    first: &SealedView<'_>,
    second: &SealedView<'_>,
) -> Result<bool, StoredError> {
    let same_outside = same_occurred(first.occurred, second.occurred)
        && first.actor_kind == second.actor_kind
        && first.actor_name == second.actor_name
        && first.name == second.name;
    if !same_outside {
        return Ok(false);
    }
    let (first_payload, second_payload) = (stored(first)?, stored(second)?);
    if first.version == second.version && first_payload == second_payload {
        return Ok(true);
    }
    // The first may be of an older version, or have been written by a program that
    // orders keys otherwise: what counts is what they mean today.
    Ok(decode(first, &first_payload)? == decode(second, &second_payload)?)
}

fn same_occurred(first: Occurred, second: Occurred) -> bool {
    match (first, second) {
        (Occurred::Stated(first), Occurred::Stated(second)) => first == second,
        (Occurred::Received(_), Occurred::Received(_)) => true,
        (Occurred::Stated(_), Occurred::Received(_))
        | (Occurred::Received(_), Occurred::Stated(_)) => false,
    }
}

/// Why a stored event is no event of today.
#[derive(Debug)]
pub(crate) enum StoredError {
    Damaged(&'static str),
    Upcast(migrations::UpcastError),
    Decode(DecodeEventError),
}

/// The event of a sealed part, brought to today's version.
pub(crate) fn event(sealed: &SealedView<'_>) -> Result<Event, StoredError> {
    decode(sealed, &stored(sealed)?)
}

fn stored<'a>(sealed: &SealedView<'a>) -> Result<Cow<'a, [u8]>, StoredError> {
    sealed.payload().map_err(StoredError::Damaged)
}

fn decode(sealed: &SealedView<'_>, payload: &[u8]) -> Result<Event, StoredError> {
    decode_stored(sealed.name, sealed.version, payload)
}

/// The event of a payload as it was stored.
pub(crate) fn decode_stored(
    name: &str,
    version: u16,
    payload: &[u8],
) -> Result<Event, StoredError> {
    let newest = Event::TAGS.iter().find(|(known, _)| *known == name);
    let newest = newest.map_or(version, |(_, newest)| *newest);
    if version == newest {
        return Event::decode_payload(name, payload).map_err(StoredError::Decode);
    }
    let old = serde_json::from_slice(payload).map_err(|source| {
        let name = name.to_owned();
        StoredError::Decode(DecodeEventError::Payload { name, source })
    })?;
    let newest_payload = upcast(name, version, newest, old).map_err(StoredError::Upcast)?;
    Event::decode_payload(name, newest_payload.to_string().as_bytes()).map_err(StoredError::Decode)
}
