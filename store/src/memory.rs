//! A log in memory: for tests and for estates that nobody needs tomorrow. It keeps every
//! promise of [`EventLog`] but durability, and has no limits on what waits, since nothing does.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use model::{Clock, EventEnvelope, EventId, LogPosition, NewEvent, Timestamp, bounds};
use tokio::sync::watch;

use crate::content::same_content;
use crate::{AppendError, AppendFuture, Appended, EventLog, LogHealth, ReadError, ReadLimit};

/// A log that lives and ends with the process.
pub struct MemoryLog {
    clock: Arc<dyn Clock>,
    kept: Mutex<Kept>,
    head: watch::Sender<LogPosition>,
}

#[derive(Default)]
struct Kept {
    records: Vec<MemoryRecord>,
    positions: HashMap<EventId, LogPosition>,
    last_recorded_at: Option<Timestamp>,
}

struct MemoryRecord {
    written: NewEvent,
    recorded_at: Timestamp,
    payload_bytes: usize,
}

impl MemoryLog {
    /// An empty log.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self {
            clock,
            kept: Mutex::default(),
            head: watch::Sender::new(LogPosition::ZERO),
        }
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        // Nothing that holds the lock leaves half a record behind, so a panic elsewhere harms nothing.
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn append_now(&self, batch: Vec<NewEvent>) -> Result<Vec<Appended>, AppendError> {
        let sizes = payload_sizes(&batch)?;
        let now = self.clock.now();
        let mut kept = self.kept();
        let recorded_at = kept.last_recorded_at.map_or(now, |last| last.max(now));
        let mut outcomes = Vec::with_capacity(batch.len());
        for (new, payload_bytes) in batch.into_iter().zip(sizes) {
            outcomes.push(kept.take(new, recorded_at, payload_bytes));
        }
        // Under the lock, so that followers never see the head go back.
        self.head.send_replace(kept.head());
        Ok(outcomes)
    }
}

impl Kept {
    fn head(&self) -> LogPosition {
        LogPosition::new(self.records.len() as u64)
    }

    fn take(&mut self, new: NewEvent, recorded_at: Timestamp, payload_bytes: usize) -> Appended {
        if let Some(&first) = self.positions.get(&new.id) {
            let same = self
                .record(first)
                .is_some_and(|record| same_content(&record.written, &new));
            return match same {
                true => Appended::Duplicate(first),
                false => Appended::Conflict { id: new.id, first },
            };
        }
        let position = self.head().next();
        self.positions.insert(new.id.clone(), position);
        self.last_recorded_at = Some(recorded_at);
        self.records.push(MemoryRecord {
            written: new,
            recorded_at,
            payload_bytes,
        });
        Appended::Recorded(position)
    }

    fn record(&self, position: LogPosition) -> Option<&MemoryRecord> {
        let index = usize::try_from(position.number().checked_sub(1)?).ok()?;
        self.records.get(index)
    }
}

impl EventLog for MemoryLog {
    fn append(&self, batch: Vec<NewEvent>) -> AppendFuture {
        let outcome = self.append_now(batch);
        Box::pin(std::future::ready(outcome))
    }

    fn head(&self) -> LogPosition {
        self.kept().head()
    }

    fn watch_head(&self) -> watch::Receiver<LogPosition> {
        self.head.subscribe()
    }

    fn read(&self, after: LogPosition, limit: ReadLimit) -> Result<Vec<EventEnvelope>, ReadError> {
        let kept = self.kept();
        let mut envelopes = Vec::new();
        let mut bytes = 0;
        let mut position = after.next();
        while let Some(record) = kept.record(position) {
            let full = limit.events <= envelopes.len() || limit.bytes <= bytes;
            if full && !envelopes.is_empty() {
                break;
            }
            bytes += record.payload_bytes;
            envelopes.push(record.envelope(position));
            position = position.next();
        }
        Ok(envelopes)
    }

    fn health(&self) -> LogHealth {
        LogHealth::Writable
    }
}

impl MemoryRecord {
    fn envelope(&self, position: LogPosition) -> EventEnvelope {
        EventEnvelope {
            position,
            recorded_at: self.recorded_at,
            id: self.written.id.clone(),
            occurred_at: self.written.occurred.at(),
            actor: self.written.actor.clone(),
            event: self.written.event.clone(),
        }
    }
}

fn payload_sizes(batch: &[NewEvent]) -> Result<Vec<usize>, AppendError> {
    let mut sizes = Vec::with_capacity(batch.len());
    let mut payload = Vec::new();
    for new in batch {
        payload.clear();
        new.event.encode_payload(&mut payload);
        if bounds::EVENT_BYTES < payload.len() {
            return Err(AppendError::TooLarge {
                id: new.id.clone(),
                bytes: payload.len(),
                limit: bounds::EVENT_BYTES,
            });
        }
        sizes.push(payload.len());
    }
    Ok(sizes)
}
