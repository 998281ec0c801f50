//! Keeps what parsed but was not understood, for a time, so that it can be looked at and sent again.
//!
//! One checksummed file for each body, named by when it came and what it holds, so
//! that a listing needs no index. It redacts before it keeps. The log learns of a
//! body through `input.quarantined`, never through this folder; deleting the folder
//! loses these bodies and nothing else.

mod directory;
mod format;

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use model::{Clock, ContentHash, SourceName, Timestamp};
use thiserror::Error;

use crate::mapping;
use crate::redact::redact_body;
use crate::sender::SENDER_HEADER;
pub(crate) use format::is_kept;

/// Bounds of the quarantine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QuarantineConfig {
    /// Most bytes on the disk; beyond them the oldest go.
    pub max_bytes: u64,
    /// What is older goes, in milliseconds.
    pub max_age_ms: i64,
}

/// A body that was not understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QuarantinedBody {
    /// Who sent it.
    pub source: SourceName,
    /// What it was taken for, such as `cloudevents`.
    pub format: String,
    /// Its media type, if the sender stated one.
    pub content_type: Option<String>,
    /// Its headers; only those on a short list are kept, none of which carries a credential.
    pub headers: Vec<(String, String)>,
    /// Its bytes.
    pub body: Vec<u8>,
    /// What was not understood.
    pub reason: String,
}

impl QuarantinedBody {
    /// Whether it is a delivery to the mapping of this name.
    pub fn is_of_mapping(&self, name: &str) -> bool {
        let mut headers = self.headers.iter();
        let sent_to = headers.any(|(header, value)| header == SENDER_HEADER && value == name);
        sent_to && self.format == mapping::FORM
    }
}

/// What a listing shows of a body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QuarantineEntry {
    /// Names the body: the hash of its bytes after redaction.
    pub hash: ContentHash,
    /// When it came first.
    pub received_at: Timestamp,
    /// Who sent it.
    pub source: SourceName,
    /// What it was taken for.
    pub format: String,
    /// Its media type.
    pub content_type: Option<String>,
    /// Its kept headers.
    pub headers: Vec<(String, String)>,
    /// What was not understood.
    pub reason: String,
    /// Its length.
    pub body_bytes: u64,
    /// How often it came again since this process started.
    pub repeats: u64,
}

/// A page of entries, newest first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QuarantinePage {
    /// The entries.
    pub entries: Vec<QuarantineEntry>,
    /// Those of this page whose file is damaged or gone.
    pub damaged: Vec<ContentHash>,
    /// How many lie in the quarantine altogether.
    pub total: usize,
    /// What to pass as `after` for the next page; `None` at the end.
    pub next: Option<ContentHash>,
}

/// What lies there and what was dropped since this process started.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct QuarantineStats {
    /// Bodies.
    pub count: usize,
    /// Bytes on the disk.
    pub bytes: u64,
    /// Dropped for their age.
    pub dropped_expired: u64,
    /// Dropped because newer ones needed the room.
    pub dropped_over_size: u64,
    /// Files that were not what was written, each time one was met.
    pub damaged: u64,
}

/// Why the quarantine failed.
#[derive(Debug, Error)]
pub enum QuarantineError {
    /// The disk failed.
    #[error("could not use the quarantine at {path}")]
    Io {
        /// Which file or folder.
        path: PathBuf,
        /// What the disk said.
        source: io::Error,
    },
    /// The body alone is larger than the quarantine.
    #[error("a body of {bytes} bytes is larger than the quarantine of {limit}")]
    TooLarge {
        /// Its size on the disk.
        bytes: u64,
        /// The quarantine's.
        limit: u64,
    },
    /// The file is not what was written.
    #[error("the quarantined body {hash} is damaged: {reason}")]
    Damaged {
        /// Which body.
        hash: ContentHash,
        /// What does not fit.
        reason: &'static str,
    },
}

/// The quarantine's folder. Every call may wait for the disk: keep it off the async threads.
pub struct Quarantine {
    directory: PathBuf,
    config: QuarantineConfig,
    clock: Arc<dyn Clock>,
    temporary: AtomicU64,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    by_age: BTreeMap<(Timestamp, ContentHash), Kept>,
    by_hash: BTreeMap<ContentHash, Timestamp>,
    stats: QuarantineStats,
}

#[derive(Clone, Copy)]
struct Kept {
    bytes: u64,
    repeats: u64,
}

impl Quarantine {
    /// Opens the folder, makes it if need be, and drops what is too old or too much.
    pub fn open(
        directory: impl Into<PathBuf>,
        config: QuarantineConfig,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, QuarantineError> {
        let directory = directory.into();
        let mut state = State::default();
        for found in directory::open(&directory).map_err(|source| failed(&directory, source))? {
            state.insert(found.received_at, found.hash, found.bytes);
        }
        let quarantine = Self {
            directory,
            config,
            clock,
            temporary: AtomicU64::new(0),
            state: Mutex::new(state),
        };
        quarantine.expire()?;
        Ok(quarantine)
    }

    /// Reads every whole body of a folder and changes nothing in it: its server may be running.
    pub fn look_through(
        directory: &Path,
        mut visit: impl FnMut(ContentHash, Timestamp, QuarantinedBody),
    ) -> Result<(), QuarantineError> {
        let found = directory::look(directory).map_err(|source| failed(directory, source))?;
        for (received_at, hash) in found {
            let path = directory::path_of(directory, received_at, hash);
            // What was dropped meanwhile, or is damaged, is not there to be looked at.
            let bytes = std::fs::read(&path).unwrap_or_default();
            if let Ok(body) = format::decode(&bytes, hash) {
                visit(hash, received_at, body);
            }
        }
        Ok(())
    }

    /// Redacts a body and keeps it; answers after its bytes are on the disk. The same bytes again are the same entry.
    pub fn keep(&self, body: &QuarantinedBody) -> Result<ContentHash, QuarantineError> {
        let redacted = redact_body(&body.body).into_owned();
        let hash = ContentHash::of(&redacted);
        let received_at = self.clock.now();
        let bytes = format::encode(body, hash, &redacted);
        let size = directory::size_on_disk(bytes.len() as u64);
        if self.config.max_bytes < size {
            let limit = self.config.max_bytes;
            return Err(QuarantineError::TooLarge { bytes: size, limit });
        }
        if self.count_repeat(hash) {
            return Ok(hash);
        }
        let number = self.temporary.fetch_add(1, Ordering::Relaxed);
        let temporary = directory::write_temporary(&self.directory, number, &bytes)
            .map_err(|source| failed(&self.directory, source))?;
        self.publish(&temporary, received_at, hash, size)?;
        Ok(hash)
    }

    /// A page of what lies there, newest first, beginning after an entry of an earlier page.
    pub fn list(
        &self,
        after: Option<ContentHash>,
        first: usize,
    ) -> Result<QuarantinePage, QuarantineError> {
        let (keys, total, more) = self.keys_after(after, first);
        let mut page = QuarantinePage {
            entries: Vec::with_capacity(keys.len()),
            damaged: Vec::new(),
            total,
            next: keys.last().filter(|_| more).map(|(_, hash, _)| *hash),
        };
        for (received_at, hash, repeats) in keys {
            match self.read_header(received_at, hash) {
                Ok(header) => page.entries.push(header.entry(received_at, hash, repeats)),
                Err(QuarantineError::Damaged { hash, .. }) => page.damaged.push(hash),
                Err(error) => return Err(error),
            }
        }
        Ok(page)
    }

    /// A body with all that was kept of it; `None` if it is not or no longer there.
    pub fn get(&self, hash: ContentHash) -> Result<Option<QuarantinedBody>, QuarantineError> {
        let Some(received_at) = self.state().by_hash.get(&hash).copied() else {
            return Ok(None);
        };
        let path = directory::path_of(&self.directory, received_at, hash);
        let bytes = match std::fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(self.damaged(hash, "its file is gone"));
            }
            Err(source) => return Err(failed(&path, source)),
        };
        match format::decode(&bytes, hash) {
            Ok(body) => Ok(Some(body)),
            Err(reason) => Err(self.damaged(hash, reason)),
        }
    }

    /// When a body came first; `None` if it is not or no longer there.
    pub fn received_at(&self, hash: ContentHash) -> Option<Timestamp> {
        self.state().by_hash.get(&hash).copied()
    }

    /// Removes a body and says whether it was there.
    pub fn remove(&self, hash: ContentHash) -> Result<bool, QuarantineError> {
        let mut state = self.state();
        let Some(received_at) = state.by_hash.get(&hash).copied() else {
            return Ok(false);
        };
        self.delete(&mut state, received_at, hash)?;
        Ok(true)
    }

    /// Drops what is too old or too much; the owner calls it now and then.
    pub fn expire(&self) -> Result<(), QuarantineError> {
        let oldest_kept = self
            .clock
            .now()
            .plus_millis(self.config.max_age_ms.saturating_neg());
        let mut state = self.state();
        while let Some((received_at, hash)) = state.oldest().filter(|(at, _)| *at < oldest_kept) {
            self.delete(&mut state, received_at, hash)?;
            state.stats.dropped_expired += 1;
        }
        self.make_room(&mut state, 0)
    }

    /// What lies there, and what was dropped.
    pub fn stats(&self) -> QuarantineStats {
        self.state().stats
    }

    /// A panic elsewhere leaves the tables whole: every change of them is a single step behind the disk's.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn count_repeat(&self, hash: ContentHash) -> bool {
        let mut state = self.state();
        let Some(received_at) = state.by_hash.get(&hash).copied() else {
            return false;
        };
        if let Some(kept) = state.by_age.get_mut(&(received_at, hash)) {
            kept.repeats += 1;
        }
        true
    }

    /// Gives the file its name, unless the same bytes came first on another thread.
    fn publish(
        &self,
        temporary: &Path,
        received_at: Timestamp,
        hash: ContentHash,
        size: u64,
    ) -> Result<(), QuarantineError> {
        let mut state = self.state();
        if state.by_hash.contains_key(&hash) {
            drop(state);
            self.count_repeat(hash);
            return std::fs::remove_file(temporary).map_err(|source| failed(temporary, source));
        }
        self.make_room(&mut state, size)?;
        let path = directory::path_of(&self.directory, received_at, hash);
        directory::publish(&self.directory, temporary, &path)
            .map_err(|source| failed(&path, source))?;
        state.insert(received_at, hash, size);
        Ok(())
    }

    fn make_room(&self, state: &mut State, wanted: u64) -> Result<(), QuarantineError> {
        while self.config.max_bytes < state.stats.bytes.saturating_add(wanted) {
            let Some((received_at, hash)) = state.oldest() else {
                break;
            };
            self.delete(state, received_at, hash)?;
            state.stats.dropped_over_size += 1;
        }
        Ok(())
    }

    fn delete(
        &self,
        state: &mut State,
        received_at: Timestamp,
        hash: ContentHash,
    ) -> Result<(), QuarantineError> {
        let path = directory::path_of(&self.directory, received_at, hash);
        match std::fs::remove_file(&path) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(source) => return Err(failed(&path, source)),
        }
        state.remove(received_at, hash);
        Ok(())
    }

    fn keys_after(
        &self,
        after: Option<ContentHash>,
        first: usize,
    ) -> (Vec<(Timestamp, ContentHash, u64)>, usize, bool) {
        let state = self.state();
        let end = match after {
            None => (Timestamp::MAX, ContentHash::from_bytes([0xff; 16])),
            Some(hash) => match state.by_hash.get(&hash) {
                Some(received_at) => (*received_at, hash),
                None => return (Vec::new(), state.by_age.len(), false),
            },
        };
        let mut older = state.by_age.range(..end).rev();
        let keys: Vec<_> = older
            .by_ref()
            .take(first)
            .map(|((received_at, hash), kept)| (*received_at, *hash, kept.repeats))
            .collect();
        (keys, state.by_age.len(), older.next().is_some())
    }

    fn read_header(
        &self,
        received_at: Timestamp,
        hash: ContentHash,
    ) -> Result<format::Header, QuarantineError> {
        let path = directory::path_of(&self.directory, received_at, hash);
        let bytes = match directory::read_front(&path, format::FRONT_BYTES_MAX) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(self.damaged(hash, "its file is gone"));
            }
            Err(source) => return Err(failed(&path, source)),
        };
        match format::decode_header(&bytes, hash) {
            Ok((header, _)) => Ok(header),
            Err(reason) => Err(self.damaged(hash, reason)),
        }
    }

    fn damaged(&self, hash: ContentHash, reason: &'static str) -> QuarantineError {
        self.state().stats.damaged += 1;
        QuarantineError::Damaged { hash, reason }
    }
}

impl State {
    fn insert(&mut self, received_at: Timestamp, hash: ContentHash, bytes: u64) {
        let kept = Kept { bytes, repeats: 0 };
        self.by_hash.insert(hash, received_at);
        self.by_age.insert((received_at, hash), kept);
        self.stats.count += 1;
        self.stats.bytes += bytes;
    }

    fn remove(&mut self, received_at: Timestamp, hash: ContentHash) {
        if let Some(kept) = self.by_age.remove(&(received_at, hash)) {
            self.by_hash.remove(&hash);
            self.stats.count -= 1;
            self.stats.bytes -= kept.bytes;
        }
    }

    fn oldest(&self) -> Option<(Timestamp, ContentHash)> {
        self.by_age.first_key_value().map(|(key, _)| *key)
    }
}

fn failed(path: &Path, source: io::Error) -> QuarantineError {
    QuarantineError::Io {
        path: path.to_owned(),
        source,
    }
}

#[cfg(test)]
mod tests;
