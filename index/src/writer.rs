//! Fills the index behind the log.
//!
//! The log itself is the queue: whoever owns the index calls [`Index::catch_up`]
//! whenever the log's head moves, and nothing piles up in memory. The same call
//! mends an index that is lost, damaged, behind the log, ahead of it, or another log's;
//! it costs nothing when there is nothing to do, so a timer may make it too.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use model::{ContentHash, EventEnvelope, EventId, LogPosition};
use store::{Entry, EventLog, KeyValue, KeyValueConfig, KeyValueError, Marker, Opened, ReadLimit};
use tracing::{info, warn};

use crate::entries::TREES;
use crate::keys::LAYOUT;
use crate::{IndexError, IndexReader};

/// Readers wait while a batch is written, so batches are short.
const BATCH_EVENTS_MAX: usize = 256;

/// One read of the log while catching up.
const READ: ReadLimit = ReadLimit {
    events: 2_048,
    bytes: 8 << 20,
};

/// What one step did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CatchUp {
    /// Where it began.
    pub from: LogPosition,
    /// Where it is now.
    pub reached: LogPosition,
    /// The log's head when it began.
    pub head: LogPosition,
}

/// The index, to be written by one owner.
pub struct Index {
    shared: Arc<Shared>,
    /// Whether the log was seen to be the one the content came from.
    is_of_this_log: bool,
}

/// What writer and readers share.
pub(crate) struct Shared {
    store: KeyValue,
    is_open: AtomicBool,
    position: AtomicU64,
}

impl Shared {
    /// The last entries of a range; none while the content is still checked.
    pub(crate) fn last_between(
        &self,
        tree: &'static str,
        from: &[u8],
        until: &[u8],
        limit: usize,
    ) -> Result<Vec<Entry>, IndexError> {
        if !self.is_open() {
            return Ok(Vec::new());
        }
        let entries = self.store.last_between(tree, from, until, limit);
        entries.map_err(IndexError::Store)
    }

    fn is_open(&self) -> bool {
        self.is_open.load(Ordering::Acquire)
    }

    pub(crate) fn position(&self) -> LogPosition {
        LogPosition::new(self.position.load(Ordering::Acquire))
    }

    fn move_to(&self, position: LogPosition) {
        self.position.store(position.number(), Ordering::Release);
    }
}

impl Index {
    /// Opens what lies in the folder. It may be empty or behind: [`Index::catch_up`] comes next.
    pub fn open(directory: impl Into<PathBuf>, config: KeyValueConfig) -> Result<Self, IndexError> {
        let index = Self::claim(directory, config)?;
        index.check_and_open()?;
        Ok(index)
    }

    /// Keeps others out of the folder; what lies in it is checked by the first [`Index::step`].
    ///
    /// Checking reads every byte. Until it is through readers find nothing, at no position.
    pub fn claim(
        directory: impl Into<PathBuf>,
        config: KeyValueConfig,
    ) -> Result<Self, IndexError> {
        let store = KeyValue::claim(directory, LAYOUT, config).map_err(IndexError::Store)?;
        Ok(Self {
            shared: Arc::new(Shared {
                store,
                is_open: AtomicBool::new(false),
                position: AtomicU64::new(0),
            }),
            is_of_this_log: false,
        })
    }

    fn check_and_open(&self) -> Result<(), IndexError> {
        if self.shared.is_open() {
            return Ok(());
        }
        match self
            .shared
            .store
            .check_and_open()
            .map_err(IndexError::Store)?
        {
            Opened::Fresh | Opened::AsClosed => {}
            Opened::Recovered => {
                info!("the index was not closed; its content was checked and kept");
            }
            Opened::Discarded(reason) => {
                warn!("the index was thrown away and is made anew: {reason}");
            }
        }
        self.shared.move_to(self.least_marker()?);
        self.shared.is_open.store(true, Ordering::Release);
        Ok(())
    }

    /// The last position whose statements are all here.
    pub fn position(&self) -> LogPosition {
        self.shared.position()
    }

    /// A handle for questions.
    pub fn reader(&self) -> IndexReader {
        IndexReader::new(Arc::clone(&self.shared))
    }

    /// Takes events in the order of the log. Those it has already are passed over.
    pub fn apply(&mut self, events: &[EventEnvelope]) -> Result<(), IndexError> {
        let mut expected = self.position().next();
        for event in events {
            if expected < event.position {
                let given = event.position;
                return Err(IndexError::Gap { expected, given });
            }
            expected = expected.max(event.position.next());
        }
        for batch in events.chunks(BATCH_EVENTS_MAX) {
            self.apply_batch(batch)?;
        }
        Ok(())
    }

    /// Takes everything that is in the log by now; `progress` is called after each [`Index::step`].
    pub fn catch_up(
        &mut self,
        log: &dyn EventLog,
        progress: &mut dyn FnMut(CatchUp),
    ) -> Result<(), IndexError> {
        let head = log.head();
        loop {
            let step = self.step(log)?;
            if step.reached == step.from {
                return Ok(());
            }
            progress(step);
            if head <= step.reached {
                return Ok(());
            }
        }
    }

    /// Takes what one read of the log gives; the owner may stop between two steps.
    ///
    /// What cannot be right (damage, an index ahead of the log, the index of another
    /// log) is thrown away first, with a warning, and the step begins at nothing.
    pub fn step(&mut self, log: &dyn EventLog) -> Result<CatchUp, IndexError> {
        match self.step_checked(log) {
            Err(IndexError::Store(KeyValueError::Damaged { reason })) => {
                warn!("the index is damaged and is made anew: {reason}");
                self.clear()?;
                self.take_one_read(log)
            }
            result => result,
        }
    }

    /// Reads every entry and compares it with what was written.
    pub fn verify(&self) -> Result<(), IndexError> {
        self.shared.store.verify().map_err(IndexError::Store)
    }

    /// Entries and a digest of them for each tree; equal content has equal digests.
    pub fn content(&self) -> Result<Vec<(&'static str, u64, u128)>, IndexError> {
        let mut content = Vec::with_capacity(LAYOUT.trees.len());
        for tree in LAYOUT.trees {
            let (entries, digest) = self.shared.store.content(tree).map_err(IndexError::Store)?;
            content.push((*tree, entries, digest));
        }
        Ok(content)
    }

    /// Bytes on the disk.
    pub fn size_on_disk(&self) -> Result<u64, IndexError> {
        self.shared.store.size_on_disk().map_err(IndexError::Store)
    }

    /// Closes it so that the next start need not check every entry. Questions fail from now on.
    pub fn close(self) -> Result<(), IndexError> {
        self.shared.store.close().map_err(IndexError::Store)
    }

    fn step_checked(&mut self, log: &dyn EventLog) -> Result<CatchUp, IndexError> {
        self.check_and_open()?;
        self.shared.store.check().map_err(IndexError::Store)?;
        self.check_log(log)?;
        self.take_one_read(log)
    }

    fn take_one_read(&mut self, log: &dyn EventLog) -> Result<CatchUp, IndexError> {
        let (from, head) = (self.position(), log.head());
        if from < head {
            let events = log.read(from, READ).map_err(IndexError::Log)?;
            self.apply(&events)?;
        }
        let reached = self.position();
        Ok(CatchUp {
            from,
            reached,
            head,
        })
    }

    /// Throws the content away if this log cannot have given it.
    fn check_log(&mut self, log: &dyn EventLog) -> Result<(), IndexError> {
        if self.is_of_this_log {
            return Ok(());
        }
        let head = log.head();
        for tree in LAYOUT.trees {
            let marker = self.shared.store.marker(tree).map_err(IndexError::Store)?;
            if head < marker.position {
                let ahead = marker.position;
                warn!("the index is at {ahead}, ahead of the log at {head}; it is made anew");
                self.clear()?;
            } else if marker.stamp != stamp_at(log, marker.position)? {
                warn!("the index is of another log; it is made anew");
                self.clear()?;
            }
        }
        self.is_of_this_log = true;
        Ok(())
    }

    fn clear(&mut self) -> Result<(), IndexError> {
        self.shared.move_to(LogPosition::ZERO);
        self.shared.store.clear().map_err(IndexError::Store)
    }

    /// Each tree knows itself how far it is, so a stop between two of them repeats nothing.
    fn apply_batch(&self, events: &[EventEnvelope]) -> Result<(), IndexError> {
        let Some(last) = events.last() else {
            return Ok(());
        };
        let reached = Marker {
            position: last.position,
            stamp: stamp(&last.id),
        };
        for (tree, keep) in TREES {
            let marker = self.shared.store.marker(tree).map_err(IndexError::Store)?;
            if reached.position <= marker.position {
                continue;
            }
            let mut entries: Vec<Entry> = Vec::new();
            for event in events {
                if marker.position < event.position {
                    keep(event, &mut entries);
                }
            }
            self.shared
                .store
                .append(tree, &entries, reached)
                .map_err(IndexError::Store)?;
        }
        self.shared.move_to(self.least_marker()?);
        Ok(())
    }

    fn least_marker(&self) -> Result<LogPosition, IndexError> {
        let mut least = None;
        for tree in LAYOUT.trees {
            let marker = self.shared.store.marker(tree).map_err(IndexError::Store)?;
            least = Some(least.map_or(marker.position, |least: LogPosition| {
                least.min(marker.position)
            }));
        }
        Ok(least.unwrap_or(LogPosition::ZERO))
    }
}

/// The mark of an event: another log has another event at its position.
pub(crate) fn stamp(id: &EventId) -> [u8; 16] {
    let text = serde_json::to_vec(id).expect("an event id is made of texts");
    *ContentHash::of(&text).as_bytes()
}

pub(crate) fn stamp_at(log: &dyn EventLog, position: LogPosition) -> Result<[u8; 16], IndexError> {
    if position == LogPosition::ZERO {
        return Ok(Marker::ZERO.stamp);
    }
    let before = LogPosition::new(position.number() - 1);
    let limit = ReadLimit {
        events: 1,
        bytes: 1,
    };
    let events = log.read(before, limit).map_err(IndexError::Log)?;
    Ok(events
        .first()
        .map_or(Marker::ZERO.stamp, |event| stamp(&event.id)))
}
