//! Writes a log out as JSON lines: everything that was recorded, as it was recorded.

use std::io::Write;
use std::path::Path;

use model::{Actor, LogPosition, Occurred, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::survey::{Met, survey};
use super::{CareError, CareProgress};
use crate::RecordPlace;
use crate::segments::record::{Head, SealedView};

/// One line. Its form is a promise: a line written by any version is read by every later one.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct ExportedEvent {
    pub(super) position: LogPosition,
    pub(super) recorded_at: Timestamp,
    pub(super) source: String,
    pub(super) delivery: String,
    pub(super) occurred_at: Timestamp,
    /// Whether the sender stated that time.
    pub(super) occurred_stated: bool,
    pub(super) actor: Actor,
    pub(super) name: String,
    pub(super) version: u16,
    /// The payload of that version, to the byte.
    pub(super) payload: Box<RawValue>,
}

/// Writes the events after a position, one JSON object a line, and answers with their number; damage ends it.
pub fn export(
    path: &Path,
    after: LogPosition,
    output: &mut dyn Write,
    progress: &mut dyn FnMut(CareProgress),
) -> Result<u64, CareError> {
    let mut written = 0;
    survey(path, &mut |met| {
        match met {
            Met::Damage(damage) => return Err(CareError::Damaged(damage)),
            Met::SegmentDone(done) => progress(done),
            Met::Record(head, sealed) if after < head.position => {
                let line = exported(head, sealed)?;
                let line = serde_json::to_writer(&mut *output, &line);
                line.map_err(|error| CareError::Output(error.into()))?;
                output.write_all(b"\n").map_err(CareError::Output)?;
                written += 1;
            }
            Met::Record(..) => {}
        }
        Ok(())
    })?;
    output.flush().map_err(CareError::Output)?;
    Ok(written)
}

fn exported(head: &Head, sealed: &SealedView<'_>) -> Result<ExportedEvent, CareError> {
    let damaged = |reason| {
        CareError::Damaged(super::Damage {
            at: head.position,
            place: RecordPlace {
                segment: 0,
                offset: 0,
            },
            reason,
        })
    };
    let payload = sealed.payload().map_err(damaged)?;
    let payload = String::from_utf8(payload.into_owned());
    let payload = payload.map_err(|_| damaged("its payload is no text"))?;
    let payload = RawValue::from_string(payload);
    Ok(ExportedEvent {
        position: head.position,
        recorded_at: head.recorded_at,
        source: sealed.source.to_owned(),
        delivery: sealed.delivery.to_owned(),
        occurred_at: sealed.occurred.at(),
        occurred_stated: matches!(sealed.occurred, Occurred::Stated(_)),
        actor: sealed.actor(),
        name: sealed.name.to_owned(),
        version: sealed.version,
        payload: payload.map_err(|_| damaged("its payload is no JSON"))?,
    })
}
