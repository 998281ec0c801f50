//! Counts what a log holds.

use std::collections::BTreeMap;
use std::path::Path;

use model::{LogPosition, Timestamp};
use serde::Serialize;

use super::survey::{Met, survey};
use super::{CareError, CareProgress};

/// What a log holds.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LogStats {
    /// Segments in use.
    pub segments: u64,
    /// Bytes of all segment files, prepared space included.
    pub file_bytes: u64,
    /// Events.
    pub records: u64,
    /// Bytes of their payloads before compression.
    pub payload_bytes: u64,
    /// The same as they are stored.
    pub stored_payload_bytes: u64,
    /// The last position.
    pub head: Option<LogPosition>,
    /// When the first event was recorded.
    pub first_recorded_at: Option<Timestamp>,
    /// When the last one was.
    pub last_recorded_at: Option<Timestamp>,
    /// Events by stored name.
    pub events: BTreeMap<String, u64>,
    /// Events by the source that sent them.
    pub sources: BTreeMap<String, u64>,
}

/// Counts what the log in a directory holds; damage ends it.
pub fn stats(path: &Path, progress: &mut dyn FnMut(CareProgress)) -> Result<LogStats, CareError> {
    let mut counted = LogStats::default();
    let surveyed = survey(path, &mut |met| {
        match met {
            Met::Damage(damage) => return Err(CareError::Damaged(damage)),
            Met::SegmentDone(done) => progress(done),
            Met::Record(head, sealed) => {
                counted.payload_bytes += sealed.plain_bytes as u64;
                counted.stored_payload_bytes += sealed.stored.len() as u64;
                counted.first_recorded_at.get_or_insert(head.recorded_at);
                counted.last_recorded_at = Some(head.recorded_at);
                count(&mut counted.events, sealed.name);
                count(&mut counted.sources, sealed.source);
            }
        }
        Ok(())
    })?;
    counted.segments = surveyed.segments;
    counted.file_bytes = surveyed.file_bytes;
    counted.records = surveyed.records;
    counted.head = Some(surveyed.head);
    Ok(counted)
}

fn count(counts: &mut BTreeMap<String, u64>, key: &str) {
    match counts.get_mut(key) {
        Some(count) => *count += 1,
        None => drop(counts.insert(key.to_owned(), 1)),
    }
}
