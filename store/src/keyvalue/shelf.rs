//! One generation of content: an open sled, its trees, and the files beside it.
//!
//! Every call into sled is guarded here. After a panic or an error nothing of it is
//! used again but to be dropped.

use std::any::Any;
use std::fs::{self, File};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread;
use std::time::Duration;

use super::marker::{Marker, Sum};
use super::state::LARGE_FOLDER;
use super::{Entry, KeyValueConfig, KeyValueError, KeyValueLayout, failed, large};

/// Where sled's own files lie.
const SLED_FOLDER: &str = "sled";

/// What stands before the key of an entry.
const ENTRY: u8 = b'e';

/// The key of a tree's marker.
const MARKER: &[u8] = b"m";

/// How long a close waits for sled's last threads, in steps of 5 ms.
const CLOSE_STEPS_MAX: u32 = 2_000;

/// An open sled.
pub(super) struct Shelf {
    folder: PathBuf,
    generation: u64,
    config: KeyValueConfig,
    /// What failed first.
    damaged: OnceLock<String>,
    unflushed_bytes: AtomicU64,
    sled: Option<Sled>,
}

struct Sled {
    db: sled::Db,
    trees: Vec<Tree>,
}

struct Tree {
    name: &'static str,
    tree: sled::Tree,
    sum: Mutex<Sum>,
}

impl Shelf {
    pub(super) fn open(
        folder: PathBuf,
        generation: u64,
        layout: KeyValueLayout,
        config: KeyValueConfig,
    ) -> Result<Self, KeyValueError> {
        let large = folder.join(LARGE_FOLDER);
        fs::create_dir_all(&large).map_err(|source| failed(&large, source))?;
        let mut shelf = Self {
            folder,
            generation,
            config,
            damaged: OnceLock::new(),
            unflushed_bytes: AtomicU64::new(0),
            sled: None,
        };
        let path = shelf.folder.join(SLED_FOLDER);
        let sled = shelf.guarded(|| open_sled(path, layout, config))?;
        shelf.sled = Some(sled);
        Ok(shelf)
    }

    pub(super) const fn generation(&self) -> u64 {
        self.generation
    }

    /// What failed first, if something did.
    pub(super) fn check(&self) -> Result<(), KeyValueError> {
        self.guarded(|| Ok(()))
    }

    pub(super) fn append(
        &self,
        name: &'static str,
        entries: &[Entry],
        marker: Marker,
    ) -> Result<(), KeyValueError> {
        let tree = self.tree(name)?;
        let mut sum = tree.sum();
        let mut next = Sum { marker, ..*sum };
        let mut batch = sled::Batch::default();
        let mut bytes = 0;
        for (key, value) in entries {
            let key = entry_key(key);
            let folder = self.folder.join(LARGE_FOLDER);
            let stored = large::store(&folder, value, self.config.inline_bytes_max)
                .map_err(|source| failed(&folder, source))?;
            next.add(&key, &stored);
            bytes += (key.len() + stored.len()) as u64;
            batch.insert(key, stored);
        }
        batch.insert(MARKER, next.encode());
        self.guarded(|| {
            tree.tree
                .apply_batch(batch)
                .map_err(|error| error.to_string())
        })?;
        *sum = next;
        drop(sum);
        let unflushed = self.unflushed_bytes.fetch_add(bytes, Ordering::Relaxed) + bytes;
        if self.config.flush_every_bytes <= unflushed {
            self.flush()?;
        }
        Ok(())
    }

    pub(super) fn marker(&self, name: &'static str) -> Result<Marker, KeyValueError> {
        Ok(self.tree(name)?.sum().marker)
    }

    pub(super) fn content(&self, name: &'static str) -> Result<(u64, u128), KeyValueError> {
        let sum = *self.tree(name)?.sum();
        Ok((sum.entries, sum.digest))
    }

    pub(super) fn get(
        &self,
        name: &'static str,
        key: &[u8],
    ) -> Result<Option<Vec<u8>>, KeyValueError> {
        let tree = self.tree(name)?;
        self.guarded(|| {
            let stored = tree
                .tree
                .get(entry_key(key))
                .map_err(|error| error.to_string())?;
            stored.map(|stored| self.load(&stored)).transpose()
        })
    }

    pub(super) fn last_between(
        &self,
        name: &'static str,
        from: &[u8],
        until: &[u8],
        limit: usize,
    ) -> Result<Vec<Entry>, KeyValueError> {
        let tree = self.tree(name)?;
        self.guarded(|| {
            let mut entries = Vec::new();
            let range = tree.tree.range(entry_key(from)..entry_key(until));
            for entry in range.rev().take(limit) {
                let (key, stored) = entry.map_err(|error| error.to_string())?;
                let key = key.get(1..).unwrap_or_default().to_vec();
                entries.push((key, self.load(&stored)?));
            }
            entries.reverse();
            Ok(entries)
        })
    }

    /// Reads every entry and compares the sum of what is there with the sum of what was written.
    pub(super) fn verify(&self) -> Result<(), KeyValueError> {
        let large = self.folder.join(LARGE_FOLDER);
        for tree in &self.sled()?.trees {
            let written = *tree.sum();
            self.guarded(|| {
                let mut found = Sum {
                    marker: written.marker,
                    ..Sum::ZERO
                };
                for entry in tree.tree.range(vec![ENTRY]..vec![ENTRY + 1]) {
                    let (key, stored) = entry.map_err(|error| error.to_string())?;
                    if !large::is_there(&large, &stored) {
                        return Err("the file of a large value is gone".to_owned());
                    }
                    found.add(&key, &stored);
                }
                if found == written {
                    Ok(())
                } else {
                    Err(format!(
                        "the tree {} does not hold what was written",
                        tree.name
                    ))
                }
            })?;
        }
        Ok(())
    }

    pub(super) fn flush(&self) -> Result<(), KeyValueError> {
        let sled = self.sled()?;
        self.unflushed_bytes.store(0, Ordering::Relaxed);
        self.guarded(|| sled.db.flush().map(drop).map_err(|error| error.to_string()))
    }

    pub(super) fn size_on_disk(&self) -> Result<u64, KeyValueError> {
        let sled = self.sled()?;
        self.guarded(|| sled.db.size_on_disk().map_err(|error| error.to_string()))
    }

    /// Writes out what sled holds, lets go of it, and waits until its last thread did too.
    pub(super) fn close(mut self) -> Result<PathBuf, KeyValueError> {
        self.flush()?;
        let sled = self.sled.take();
        self.guarded(|| {
            drop(sled);
            Ok(())
        })?;
        let path = self.folder.join(SLED_FOLDER).join("db");
        let file = File::open(&path).map_err(|source| failed(&path, source))?;
        for _ in 0..CLOSE_STEPS_MAX {
            if file.try_lock().is_ok() {
                return Ok(self.folder.clone());
            }
            thread::sleep(Duration::from_millis(5));
        }
        Err(self.damaged("sled did not let go of its file".to_owned()))
    }

    fn load(&self, stored: &[u8]) -> Result<Vec<u8>, String> {
        large::load(&self.folder.join(LARGE_FOLDER), stored)
    }

    fn sled(&self) -> Result<&Sled, KeyValueError> {
        self.sled.as_ref().ok_or(KeyValueError::Closed)
    }

    fn tree(&self, name: &'static str) -> Result<&Tree, KeyValueError> {
        let found = self.sled()?.trees.iter().find(|tree| tree.name == name);
        Ok(found.expect("the layout names every tree that is asked for"))
    }

    /// Runs something inside sled. A panic there is an error here, and either is the last call.
    fn guarded<T>(&self, work: impl FnOnce() -> Result<T, String>) -> Result<T, KeyValueError> {
        if let Some(reason) = self.damaged.get() {
            return Err(KeyValueError::Damaged {
                reason: reason.clone(),
            });
        }
        match catch_unwind(AssertUnwindSafe(work)) {
            Ok(Ok(done)) => Ok(done),
            Ok(Err(reason)) => Err(self.damaged(reason)),
            Err(panic) => Err(self.damaged(panic_text(panic.as_ref()))),
        }
    }

    fn damaged(&self, reason: String) -> KeyValueError {
        let first = self.damaged.get_or_init(|| reason).clone();
        KeyValueError::Damaged { reason: first }
    }
}

impl Drop for Shelf {
    /// sled may panic while it is let go, too.
    fn drop(&mut self) {
        let sled = self.sled.take();
        drop(catch_unwind(AssertUnwindSafe(|| drop(sled))));
    }
}

impl Tree {
    /// A panic while it was held came before the sum was changed.
    fn sum(&self) -> MutexGuard<'_, Sum> {
        self.sum.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// No background flusher: it syncs the disk twice a second beside the log, and after a
/// panic in it sled's drop waits for ever.
fn open_sled(
    path: PathBuf,
    layout: KeyValueLayout,
    config: KeyValueConfig,
) -> Result<Sled, String> {
    let db = sled::Config::new()
        .path(path)
        .cache_capacity(config.cache_bytes)
        .flush_every_ms(None)
        .open()
        .map_err(|error| error.to_string())?;
    let mut trees = Vec::with_capacity(layout.trees.len());
    for name in layout.trees {
        let tree = db.open_tree(name).map_err(|error| error.to_string())?;
        let sum = match tree.get(MARKER).map_err(|error| error.to_string())? {
            Some(bytes) => Sum::decode(&bytes).ok_or("a marker has no known form")?,
            None => Sum::ZERO,
        };
        trees.push(Tree {
            name,
            tree,
            sum: Mutex::new(sum),
        });
    }
    Ok(Sled { db, trees })
}

fn entry_key(key: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(1 + key.len());
    bytes.push(ENTRY);
    bytes.extend_from_slice(key);
    bytes
}

fn panic_text(panic: &(dyn Any + Send)) -> String {
    let text = panic
        .downcast_ref::<&str>()
        .map(|text| (*text).to_owned())
        .or_else(|| panic.downcast_ref::<String>().cloned());
    format!("sled panicked: {}", text.unwrap_or_default())
}
