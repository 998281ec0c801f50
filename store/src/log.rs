//! The seam between the log and everybody: append, read, follow.
//!
//! Segments on disk, memory, and the fault-injecting twin implement it and pass one suite.

use std::fmt;
use std::io;
use std::pin::Pin;

use model::{DecodeEventError, EventEnvelope, EventId, LogPosition, NewEvent};
use thiserror::Error;
use tokio::sync::watch;

/// The one truth: an append-only, gapless list of events.
pub trait EventLog: Send + Sync + 'static {
    /// Appends a batch, and answers only after its bytes are on the disk.
    ///
    /// The outcomes stand in the order of the batch. An event that conflicts is
    /// not written; the others are. The events of one batch stand next to each
    /// other in the log.
    fn append(&self, batch: Vec<NewEvent>) -> AppendFuture;

    /// The last position whose bytes are on the disk.
    fn head(&self) -> LogPosition;

    /// Follows [`EventLog::head`]; with [`EventLog::read`] it makes a live subscription without a gap.
    fn watch_head(&self) -> watch::Receiver<LogPosition>;

    /// The events after a position in their order, no more than the limit allows, at least one unless at the head.
    fn read(&self, after: LogPosition, limit: ReadLimit) -> Result<Vec<EventEnvelope>, ReadError>;

    /// Whether it takes writes.
    fn health(&self) -> LogHealth;
}

/// What [`EventLog::append`] answers with.
pub type AppendFuture = Pin<Box<dyn Future<Output = Result<Vec<Appended>, AppendError>> + Send>>;

/// What became of one event of a batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Appended {
    /// It was written here.
    Recorded(LogPosition),
    /// The same event was written there before.
    Duplicate(LogPosition),
    /// Another event with the same id was written there before; this one was not.
    Conflict {
        /// The id that came twice.
        id: EventId,
        /// Where the first one stands.
        first: LogPosition,
    },
}

/// Bounds of one read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReadLimit {
    /// At most so many events.
    pub events: usize,
    /// Stop after so many payload bytes.
    pub bytes: usize,
}

/// Whether the log takes writes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LogHealth {
    /// It does.
    Writable,
    /// A sync failed after this position; nothing more is taken until restart.
    Poisoned {
        /// The last position that is surely on the disk.
        after: LogPosition,
    },
    /// It was closed.
    Closed,
}

/// Why a batch was refused. Nothing of it was acknowledged.
#[derive(Debug, Error)]
pub enum AppendError {
    /// Too much is waiting already; the sender tries again later.
    #[error("the log is busy")]
    Busy,
    /// The encoded event is larger than the log takes.
    #[error("event {id} has {bytes} bytes, the log takes {limit}")]
    TooLarge {
        /// Which event.
        id: EventId,
        /// Its encoded size.
        bytes: usize,
        /// The limit.
        limit: usize,
    },
    /// The disk did not confirm the write; the log takes no more until restart.
    #[error("could not sync the log after position {after}")]
    Sync {
        /// The last position that is surely on the disk.
        after: LogPosition,
        /// What the disk said.
        source: io::Error,
    },
    /// Whether the event was already recorded could not be told.
    #[error("could not look up whether event {id} is already recorded")]
    Lookup {
        /// Which event.
        id: EventId,
        /// Why.
        source: Box<ReadError>,
    },
    /// What the events need beside the log could not be written; none of them was.
    #[error("could not write what the events need beside the log")]
    Beside {
        /// What the disk said.
        source: io::Error,
    },
    /// A sync failed before; the log takes no more until restart.
    #[error("the log takes no more after a failed sync at position {after}")]
    Poisoned {
        /// The last position that is surely on the disk.
        after: LogPosition,
    },
    /// The log was closed.
    #[error("the log is closed")]
    Closed,
}

/// Where the bytes of a record lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecordPlace {
    /// Which segment, counted from 1.
    pub segment: u64,
    /// How many bytes lie before it in that segment.
    pub offset: u64,
}

impl fmt::Display for RecordPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "segment {}, byte {}", self.segment, self.offset)
    }
}

/// Why events could not be read.
#[derive(Debug, Error)]
pub enum ReadError {
    /// The disk failed.
    #[error("could not read the log at position {at}")]
    Io {
        /// Where.
        at: LogPosition,
        /// What the disk said.
        source: io::Error,
    },
    /// The bytes are not what was written.
    #[error("the record at position {at} is damaged ({place}): {reason}")]
    Damaged {
        /// Which record.
        at: LogPosition,
        /// Where its bytes lie.
        place: RecordPlace,
        /// What does not fit: length, checksum, chain or position.
        reason: &'static str,
    },
    /// The payload cannot be brought to today's version.
    #[error("the event at position {at} cannot be upcast")]
    Upcast {
        /// Where.
        at: LogPosition,
        /// Why.
        source: migrations::UpcastError,
    },
    /// The payload is not one this version knows.
    #[error("the event at position {at} cannot be decoded")]
    Decode {
        /// Where.
        at: LogPosition,
        /// Why.
        source: DecodeEventError,
    },
}
