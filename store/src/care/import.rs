//! Reads exported events into a log. A second import of the same lines changes nothing.

use std::io::BufRead;

use model::{EventId, LogPosition, NewEvent, Occurred, SourceName, bounds};

use super::export::ExportedEvent;
use super::{CareError, CareProgress};
use crate::content::{self, StoredError};
use crate::{Appended, EventLog};

const BATCH_EVENTS: usize = 500;
const BATCH_BYTES: usize = 4 * 1024 * 1024;
/// So many conflicts are listed; all are counted.
const LISTED_MAX: usize = 1_000;

/// What became of the lines.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ImportReport {
    /// Events that are new to this log.
    pub recorded: u64,
    /// Events it held already.
    pub duplicates: u64,
    /// Events whose id it holds with other content.
    pub conflicts: u64,
    /// The first of those.
    pub listed: Vec<ImportConflict>,
    /// The last position that was answered with.
    pub head: Option<LogPosition>,
}

/// A line that was not taken because its id was there with other content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImportConflict {
    /// The id.
    pub id: EventId,
    /// Where the first event of that id stands.
    pub first: LogPosition,
}

/// Appends the events of exported lines in their order.
///
/// Positions and recorded times are the log's own; a line that is no event ends the
/// import, and what stood before it is in the log.
pub async fn import(
    log: &dyn EventLog,
    input: &mut (dyn BufRead + Send),
    progress: &mut (dyn FnMut(CareProgress) + Send),
) -> Result<ImportReport, CareError> {
    let mut report = ImportReport::default();
    let mut line = 0;
    let mut text = String::new();
    loop {
        let mut batch = Vec::new();
        let mut bytes = 0;
        let mut ended = false;
        while batch.len() < BATCH_EVENTS && bytes < BATCH_BYTES {
            line += 1;
            text.clear();
            let read = input.read_line(&mut text);
            if read.map_err(|source| CareError::Input { line, source })? == 0 {
                ended = true;
                break;
            }
            bytes += text.len();
            if !text.trim().is_empty() {
                batch.push(parse(&text).map_err(|reason| CareError::Line { line, reason })?);
            }
        }
        if !batch.is_empty() {
            let outcomes = log.append(batch).await;
            for outcome in outcomes.map_err(|source| CareError::Append { line, source })? {
                report.count(outcome);
            }
            progress(CareProgress {
                records: report.recorded + report.duplicates + report.conflicts,
                ..CareProgress::default()
            });
        }
        if ended {
            return Ok(report);
        }
    }
}

impl ImportReport {
    fn count(&mut self, outcome: Appended) {
        match outcome {
            Appended::Recorded(position) => {
                self.recorded += 1;
                self.head = Some(position);
            }
            Appended::Duplicate(position) => {
                self.duplicates += 1;
                self.head = Some(position);
            }
            Appended::Conflict { id, first } => {
                self.conflicts += 1;
                if self.listed.len() < LISTED_MAX {
                    self.listed.push(ImportConflict { id, first });
                }
            }
        }
    }
}

fn parse(line: &str) -> Result<NewEvent, String> {
    let line: ExportedEvent = serde_json::from_str(line).map_err(|error| error.to_string())?;
    let within = line.source.len() <= bounds::SOURCE_NAME_BYTES
        && line.delivery.len() <= bounds::SOURCE_ID_BYTES
        && line.payload.get().len() <= bounds::EVENT_BYTES;
    if !within {
        return Err("an id or payload is longer than the log takes".to_owned());
    }
    let payload = line.payload.get().as_bytes();
    let event = content::decode_stored(&line.name, line.version, payload);
    let event = event.map_err(|error| match error {
        StoredError::Damaged(reason) => reason.to_owned(),
        StoredError::Upcast(error) => error.to_string(),
        StoredError::Decode(error) => error.to_string(),
    })?;
    Ok(NewEvent {
        id: EventId {
            source: SourceName::new(line.source),
            delivery: line.delivery,
        },
        occurred: match line.occurred_stated {
            true => Occurred::Stated(line.occurred_at),
            false => Occurred::Received(line.occurred_at),
        },
        actor: line.actor,
        event,
    })
}
