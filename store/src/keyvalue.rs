//! sled's handle, for read models that the log can give back at any time.
//!
//! sled 0.34.7 does not survive everything: its `flush` does not reach the disk, a
//! power cut can leave a folder that will not open again, and damaged bytes can make
//! it panic or wait for ever. So it never sees bytes that nobody vouches for:
//!
//! - A clean close writes down the length and BLAKE3 of every file; the next open
//!   compares them before sled looks.
//! - After a process was killed the bytes are still those sled wrote, for the
//!   kernel held them. If the machine has not restarted since, sled may recover, once; then
//!   every entry is read and compared with a digest written in the same batch.
//! - In every other case the folder is thrown away and filled again from the log.
//! - Every call is guarded: a panic or an error inside sled marks the whole handle
//!   as damaged, and its owner clears and refills it.
//!
//! Entries are written once and never again, which is what makes the digest cheap.
//! Values too large for sled's pages lie in files beside it, named by their hash.

mod large;
mod marker;
mod shelf;
mod state;

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{PoisonError, RwLock, RwLockReadGuard};

use thiserror::Error;

pub use marker::Marker;
use shelf::Shelf;
use state::{Phase, State};

/// Bounds of the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyValueConfig {
    /// sled's page cache.
    pub cache_bytes: u64,
    /// Larger values go to files; sled works badly with values above 7.5 KB.
    pub inline_bytes_max: usize,
    /// sled is asked to write out its buffers after so many bytes.
    pub flush_every_bytes: u64,
}

/// What lies in the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyValueLayout {
    /// One tree for each concern.
    pub trees: &'static [&'static str],
    /// Raised when keys or values change; another version's content is thrown away.
    pub version: u32,
}

/// What an open found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Opened {
    /// Nothing was there.
    Fresh,
    /// What was closed, byte for byte.
    AsClosed,
    /// What a killed process left, checked entry by entry.
    Recovered,
    /// What was there could not be trusted; it is gone.
    Discarded(DiscardReason),
}

/// Why content was thrown away.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum DiscardReason {
    /// The note of how it was left is missing or damaged.
    #[error("nobody vouches for it")]
    NoState,
    /// Another version wrote it.
    #[error("another version wrote it")]
    OtherLayout,
    /// A file is not what was closed.
    #[error("a file is not what it was when it was closed")]
    FileChanged,
    /// The machine stopped while it was open.
    #[error("the machine stopped while it was open")]
    MachineStopped,
    /// It was damaged when it was closed.
    #[error("it was found damaged before")]
    FoundDamaged,
    /// An earlier recovery did not end.
    #[error("an earlier recovery did not end")]
    RecoveryFailed,
    /// sled could not open it.
    #[error("it could not be opened")]
    Unopenable,
    /// The entries are not those that were written.
    #[error("its entries are not those that were written")]
    EntriesChanged,
}

/// Why the store failed.
#[derive(Debug, Error)]
pub enum KeyValueError {
    /// The disk failed.
    #[error("could not use the key-value store at {path}")]
    Io {
        /// Which file or folder.
        path: PathBuf,
        /// What the disk said.
        source: io::Error,
    },
    /// Another process uses the folder.
    #[error("another process uses the key-value store at {path}")]
    InUse {
        /// Which folder.
        path: PathBuf,
    },
    /// sled failed in an empty folder.
    #[error("could not make a key-value store at {path}: {reason}")]
    Unusable {
        /// Which folder.
        path: PathBuf,
        /// What sled said.
        reason: String,
    },
    /// The content is damaged; clear it and fill it again.
    #[error("the key-value store is damaged: {reason}")]
    Damaged {
        /// What failed.
        reason: String,
    },
    /// It was closed.
    #[error("the key-value store is closed")]
    Closed,
}

/// An entry: key and value.
pub type Entry = (Vec<u8>, Vec<u8>);

/// The store. One writer, any number of readers; every call may wait for the disk.
pub struct KeyValue {
    directory: PathBuf,
    layout: KeyValueLayout,
    config: KeyValueConfig,
    shelf: RwLock<Option<Shelf>>,
    _lock: File,
}

impl KeyValue {
    /// Opens the folder; what cannot be trusted is thrown away and said so.
    pub fn open(
        directory: impl Into<PathBuf>,
        layout: KeyValueLayout,
        config: KeyValueConfig,
    ) -> Result<(Self, Opened), KeyValueError> {
        let store = Self::claim(directory, layout, config)?;
        let opened = store.check_and_open()?;
        Ok((store, opened))
    }

    /// Keeps others out of the folder without looking into it. Until [`Self::check_and_open`] every
    /// other call fails as after [`Self::close`].
    pub fn claim(
        directory: impl Into<PathBuf>,
        layout: KeyValueLayout,
        config: KeyValueConfig,
    ) -> Result<Self, KeyValueError> {
        let directory = directory.into();
        let lock = lock(&directory)?;
        Ok(Self {
            directory,
            layout,
            config,
            shelf: RwLock::new(None),
            _lock: lock,
        })
    }

    /// Checks what lies in a claimed folder and opens it; reads every byte of it.
    pub fn check_and_open(&self) -> Result<Opened, KeyValueError> {
        let directory = &self.directory;
        let found = State::read(directory).map_err(|source| failed(directory, source))?;
        match self.reopen(&found) {
            Ok(opened) => Ok(opened),
            Err(reason) => {
                self.start_anew(found.generation() + 1)?;
                Ok(if found.is_absent() {
                    Opened::Fresh
                } else {
                    Opened::Discarded(reason)
                })
            }
        }
    }

    /// Writes entries with new keys, and with them how far the tree now is, all or nothing.
    pub fn append(
        &self,
        tree: &'static str,
        entries: &[Entry],
        marker: Marker,
    ) -> Result<(), KeyValueError> {
        self.with_shelf(|shelf| shelf.append(tree, entries, marker))
    }

    /// How far a tree is.
    pub fn marker(&self, tree: &'static str) -> Result<Marker, KeyValueError> {
        self.with_shelf(|shelf| shelf.marker(tree))
    }

    /// How many entries a tree holds, and a digest of them all; equal content has equal digests.
    pub fn content(&self, tree: &'static str) -> Result<(u64, u128), KeyValueError> {
        self.with_shelf(|shelf| shelf.content(tree))
    }

    /// A value.
    pub fn get(&self, tree: &'static str, key: &[u8]) -> Result<Option<Vec<u8>>, KeyValueError> {
        self.with_shelf(|shelf| shelf.get(tree, key))
    }

    /// The last entries, at most so many, with keys from `from` up to before `until`; in the order of keys.
    pub fn last_between(
        &self,
        tree: &'static str,
        from: &[u8],
        until: &[u8],
        limit: usize,
    ) -> Result<Vec<Entry>, KeyValueError> {
        self.with_shelf(|shelf| shelf.last_between(tree, from, until, limit))
    }

    /// Whether an earlier call, perhaps of a reader, met damage. Costs nothing.
    pub fn check(&self) -> Result<(), KeyValueError> {
        self.with_shelf(Shelf::check)
    }

    /// Compares every entry with the digest that was written with it.
    pub fn verify(&self) -> Result<(), KeyValueError> {
        self.with_shelf(Shelf::verify)
    }

    /// Asks sled to write out its buffers; cheap insurance when nothing else is to be done.
    pub fn flush(&self) -> Result<(), KeyValueError> {
        self.with_shelf(Shelf::flush)
    }

    /// Bytes on the disk.
    pub fn size_on_disk(&self) -> Result<u64, KeyValueError> {
        self.with_shelf(Shelf::size_on_disk)
    }

    /// Throws everything away and starts from nothing. Also mends a damaged store.
    pub fn clear(&self) -> Result<(), KeyValueError> {
        let generation = match &*self.shelf() {
            Some(shelf) => shelf.generation(),
            None => return Err(KeyValueError::Closed),
        };
        self.start_anew(generation + 1)
    }

    /// Closes it so that the next open can trust it. Every other call fails from now on.
    pub fn close(&self) -> Result<(), KeyValueError> {
        let taken = self
            .shelf
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        let Some(shelf) = taken else {
            return Ok(());
        };
        let generation = shelf.generation();
        let folder = match shelf.close() {
            Ok(folder) => folder,
            Err(error) => {
                self.note(generation, &Phase::Damaged)?;
                return Err(error);
            }
        };
        let io = |source| failed(&folder, source);
        let files = state::sum_files(&folder).map_err(io)?;
        self.note(generation, &Phase::Closed(files))
    }

    fn shelf(&self) -> RwLockReadGuard<'_, Option<Shelf>> {
        self.shelf.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn with_shelf<T>(
        &self,
        work: impl FnOnce(&Shelf) -> Result<T, KeyValueError>,
    ) -> Result<T, KeyValueError> {
        match &*self.shelf() {
            Some(shelf) => work(shelf),
            None => Err(KeyValueError::Closed),
        }
    }

    /// Opens what is there, if somebody vouches for it.
    fn reopen(&self, found: &State) -> Result<Opened, DiscardReason> {
        let note = found.note().ok_or(DiscardReason::NoState)?;
        if note.layout != self.layout.version {
            return Err(DiscardReason::OtherLayout);
        }
        let folder = self.generation_folder(note.generation);
        let opened = match &note.phase {
            Phase::Closed(files) => {
                let now = state::sum_files(&folder).map_err(|_| DiscardReason::FileChanged)?;
                if now != *files {
                    return Err(DiscardReason::FileChanged);
                }
                Opened::AsClosed
            }
            Phase::Open(boot) if Some(boot) == state::boot_id().as_ref() => Opened::Recovered,
            Phase::Open(_) => return Err(DiscardReason::MachineStopped),
            Phase::Recovering => return Err(DiscardReason::RecoveryFailed),
            Phase::Damaged => return Err(DiscardReason::FoundDamaged),
        };
        let unopenable = |_: KeyValueError| DiscardReason::Unopenable;
        let until_checked = match opened {
            Opened::Recovered => Phase::Recovering,
            _ => Phase::open(),
        };
        self.note(note.generation, &until_checked)
            .map_err(unopenable)?;
        let shelf = Shelf::open(folder, note.generation, self.layout, self.config);
        let shelf = shelf.map_err(unopenable)?;
        if opened == Opened::Recovered {
            shelf.verify().map_err(|_| DiscardReason::EntriesChanged)?;
            self.note(note.generation, &Phase::open())
                .map_err(unopenable)?;
        }
        *self.shelf.write().unwrap_or_else(PoisonError::into_inner) = Some(shelf);
        Ok(opened)
    }

    /// Begins with an empty generation; the earlier ones are removed.
    fn start_anew(&self, generation: u64) -> Result<(), KeyValueError> {
        let folder = self.generation_folder(generation);
        self.note(generation, &Phase::open())?;
        let mut shelf = self.shelf.write().unwrap_or_else(PoisonError::into_inner);
        drop(shelf.take());
        remove_generations(&self.directory).map_err(|source| failed(&self.directory, source))?;
        fs::create_dir_all(&folder).map_err(|source| failed(&folder, source))?;
        let made = Shelf::open(folder.clone(), generation, self.layout, self.config);
        *shelf = Some(made.map_err(|error| KeyValueError::Unusable {
            path: folder,
            reason: error.to_string(),
        })?);
        Ok(())
    }

    fn note(&self, generation: u64, phase: &Phase) -> Result<(), KeyValueError> {
        state::write(&self.directory, self.layout.version, generation, phase)
            .map_err(|source| failed(&self.directory, source))
    }

    fn generation_folder(&self, generation: u64) -> PathBuf {
        self.directory.join(generation.to_string())
    }
}

impl Drop for KeyValue {
    /// A store that nobody closed is closed here; what fails is met by the next open.
    fn drop(&mut self) {
        if let Err(error) = self.close() {
            tracing::warn!(%error, "could not close the key-value store: it will be checked or rebuilt");
        }
    }
}

fn lock(directory: &Path) -> Result<File, KeyValueError> {
    let io = |source| failed(directory, source);
    fs::create_dir_all(directory).map_err(io)?;
    let lock = File::create(directory.join("lock")).map_err(io)?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(TryLockError::WouldBlock) => Err(KeyValueError::InUse {
            path: directory.to_owned(),
        }),
        Err(TryLockError::Error(source)) => Err(io(source)),
    }
}

fn remove_generations(directory: &Path) -> io::Result<()> {
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        let is_generation = path
            .file_name()
            .and_then(|name| name.to_str())
            .is_some_and(|name| name.parse::<u64>().is_ok());
        if is_generation && path.is_dir() {
            fs::remove_dir_all(&path)?;
        }
    }
    Ok(())
}

fn failed(path: &Path, source: io::Error) -> KeyValueError {
    KeyValueError::Io {
        path: path.to_owned(),
        source,
    }
}

#[cfg(test)]
mod tests;
