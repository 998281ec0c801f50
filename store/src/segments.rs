//! The log in segment files of our own: append-only, checksummed, chained, synced once per group.
//!
//! `record`, `frames` and `chain` are the bytes, `submission` what is done by whoever appends,
//! `writer` the one thread that writes, `recovery` what happens at the start, `ids` how a repeated delivery is found, `tender` what is done
//! in the background. Nothing here knows what an event means.

mod assembly;
mod block;
pub(crate) mod catalog;
pub(crate) mod chain;
pub(crate) mod directory;
pub(crate) mod frames;
mod group;
pub(crate) mod ids;
pub(crate) mod layout;
mod lookup;
mod queue;
mod reader;
pub(crate) mod record;
pub(crate) mod recovery;
mod submission;
mod tender;
mod writer;

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use model::{Clock, EventEnvelope, LogPosition, NewEvent};
use tokio::sync::{oneshot, watch};

use crate::{AppendError, AppendFuture, Appended, EventLog, LogHealth, ReadError, ReadLimit};
use block::Blocks;
use catalog::Catalog;
use lookup::Lookup;
use queue::{Queue, Waiting};
use reader::Visit;
use submission::Submission;

pub use directory::{Directory, DirectoryFile, DiskDirectory};
pub(crate) use record::SealedView;
pub use recovery::{OpenError, TornTail};

/// The limits of a [`SegmentLog`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SegmentConfig {
    /// The size of one file. Opening a log walks one of them.
    pub segment_bytes: u64,
    /// At most so many bytes are made durable by one sync, unless one batch is larger.
    pub group_bytes: usize,
    /// How long a group that is not full waits for more; zero is best for most.
    pub group_delay: Duration,
    /// At most so many bytes wait to be written; beyond, appends are refused as busy.
    pub queue_bytes: usize,
}

/// A log in segment files.
pub struct SegmentLog {
    shared: Arc<Shared>,
    head: watch::Receiver<LogPosition>,
    threads: Mutex<Vec<JoinHandle<()>>>,
    torn: Option<TornTail>,
}

/// A record that is checked and not decoded.
#[derive(Clone, Copy, Debug)]
pub struct StoredRecord<'a> {
    /// Its place.
    pub position: LogPosition,
    /// The stored name of its event.
    pub name: &'a str,
    /// The version of its payload.
    pub version: u16,
    /// The payload, compressed if that paid.
    pub stored: &'a [u8],
}

/// What the log and its threads share.
struct Shared {
    queue: Queue,
    catalog: Arc<Catalog>,
    lookup: Lookup,
    blocks: Blocks,
    health: Mutex<LogHealth>,
}

impl SegmentLog {
    /// Opens the log of a directory, which is made if it is missing.
    pub fn open(
        path: &Path,
        config: SegmentConfig,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, OpenError> {
        let locked = DiskDirectory::lock(path);
        let locked = locked.map_err(recovery::io_error("lock its directory"))?;
        let directory = locked.ok_or(OpenError::Locked)?;
        Self::open_in(Arc::new(directory), config, clock)
    }

    /// Opens the log of a directory that nobody else has open.
    pub fn open_in(
        directory: Arc<dyn Directory>,
        config: SegmentConfig,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, OpenError> {
        assembly::open(directory, config, clock)
    }

    /// What was cut off when the log was opened.
    pub fn torn_tail(&self) -> Option<TornTail> {
        self.torn
    }

    /// Shows every durable record after a position, checked and with its payload as it is stored.
    ///
    /// For measures and tools; whoever wants events calls [`EventLog::read`].
    pub fn visit_stored(
        &self,
        after: LogPosition,
        visitor: &mut dyn FnMut(StoredRecord<'_>),
    ) -> Result<(), ReadError> {
        let reader = &self.shared.lookup.reader;
        reader.visit(after, self.head(), |seen| {
            visitor(StoredRecord {
                position: seen.head.position,
                name: seen.sealed.name,
                version: seen.sealed.version,
                stored: seen.sealed.stored,
            });
            Ok(Visit::Next)
        })
    }

    /// Takes no more, makes durable what waits, and answers it.
    pub fn close(&self) {
        self.shared.queue.close();
        let mut threads = self.threads.lock().unwrap_or_else(PoisonError::into_inner);
        for thread in threads.drain(..) {
            if thread.join().is_err() {
                tracing::error!("a thread of the log has panicked");
            }
        }
        let mut health = self.shared.health();
        if *health == LogHealth::Writable {
            *health = LogHealth::Closed;
        }
    }

    fn submit(
        &self,
        batch: &[NewEvent],
    ) -> Result<oneshot::Receiver<Result<Vec<Appended>, AppendError>>, AppendError> {
        match *self.shared.health() {
            LogHealth::Writable => {}
            LogHealth::Poisoned { after } => return Err(AppendError::Poisoned { after }),
            LogHealth::Closed => return Err(AppendError::Closed),
        }
        let mut submission =
            Submission::prepare(&self.shared.lookup.key, &self.shared.blocks, batch)?;
        self.shared.lookup.search(&mut submission)?;
        let (answer, answered) = oneshot::channel();
        self.shared.queue.push(Waiting { submission, answer })?;
        Ok(answered)
    }
}

impl EventLog for SegmentLog {
    fn append(&self, batch: Vec<NewEvent>) -> AppendFuture {
        if batch.is_empty() {
            return Box::pin(std::future::ready(Ok(Vec::new())));
        }
        match self.submit(&batch) {
            Ok(answered) => Box::pin(async { answered.await.unwrap_or(Err(AppendError::Closed)) }),
            Err(refused) => Box::pin(std::future::ready(Err(refused))),
        }
    }

    fn head(&self) -> LogPosition {
        *self.head.borrow()
    }

    fn watch_head(&self) -> watch::Receiver<LogPosition> {
        self.head.clone()
    }

    fn read(&self, after: LogPosition, limit: ReadLimit) -> Result<Vec<EventEnvelope>, ReadError> {
        self.shared.lookup.reader.read(after, self.head(), limit)
    }

    fn health(&self) -> LogHealth {
        self.shared.health().clone()
    }
}

impl Drop for SegmentLog {
    fn drop(&mut self) {
        self.close();
    }
}

impl Shared {
    fn health(&self) -> std::sync::MutexGuard<'_, LogHealth> {
        // A health is replaced as a whole.
        self.health.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes no more from now on; false if it was so already.
    fn poison(&self, after: LogPosition) -> bool {
        let mut health = self.health();
        let was_writable = *health == LogHealth::Writable;
        *health = LogHealth::Poisoned { after };
        was_writable
    }
}
