//! Writes a log out as JSON lines: everything that was recorded, as it was recorded.

use std::io::Write;
use std::path::Path;

use model::{Actor, Event, LogPosition, Occurred, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::survey::{Met, survey};
use super::{CareError, CareProgress};
use crate::RecordPlace;
use crate::content;
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

/// What is done to events before they are written out.
pub struct Rewriting<'a> {
    /// It concerns those whose text holds this, which JSON writes as it is.
    pub mark: &'a str,
    /// What is done.
    pub rewrite: &'a dyn Fn(&mut Actor, &mut Event),
}

/// Writes the events after a position, one JSON object a line, and answers with their number; damage ends it.
pub fn export(
    path: &Path,
    after: LogPosition,
    rewriting: Option<&Rewriting<'_>>,
    output: &mut dyn Write,
    progress: &mut dyn FnMut(CareProgress),
) -> Result<u64, CareError> {
    let mut written = 0;
    survey(path, &mut |met| {
        match met {
            Met::Damage(damage) => return Err(CareError::Damaged(damage)),
            Met::SegmentDone(done) => progress(done),
            Met::Record(head, sealed) if after < head.position => {
                let mut line = exported(head, sealed)?;
                if let Some(rewriting) = rewriting {
                    line.rewrite(rewriting);
                }
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

impl ExportedEvent {
    /// What is no event of this version stays as it is.
    fn rewrite(&mut self, rewriting: &Rewriting<'_>) {
        let holds = |text: &str| text.contains(rewriting.mark);
        if !holds(self.payload.get()) && !self.actor.name.as_deref().is_some_and(holds) {
            return;
        }
        let payload = self.payload.get().as_bytes();
        let Ok(mut event) = content::decode_stored(&self.name, self.version, payload) else {
            return;
        };
        (rewriting.rewrite)(&mut self.actor, &mut event);
        let mut payload = Vec::new();
        event.encode_payload(&mut payload);
        let payload = String::from_utf8(payload).map(RawValue::from_string);
        self.payload = payload
            .expect("a payload is text")
            .expect("a payload is JSON");
        let (name, version) = event.tag();
        (self.name, self.version) = (name.to_owned(), version);
    }
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
