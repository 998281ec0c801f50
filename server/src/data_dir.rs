//! The folder that holds everything on disk, and who may use it: one process at a time.

use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use tempfile::TempDir;

/// Where the log's segments lie in a data folder that somebody else may hold.
pub(crate) fn log_folder(data_dir: &Path) -> PathBuf {
    data_dir.join("log")
}

/// Where the books of what was asked lie in a data folder that somebody else may hold.
pub(crate) fn audit_folder(data_dir: &Path) -> PathBuf {
    data_dir.join("audit")
}

/// Where the quarantine of a data folder lies that somebody else may hold.
pub(crate) fn quarantine_folder(data_dir: &Path) -> PathBuf {
    data_dir.join("quarantine")
}

/// Where the keys of persons lie in a data folder that somebody else may hold.
pub(crate) fn persons_folder(data_dir: &Path) -> PathBuf {
    data_dir.join("persons")
}

/// The key that opens what is sealed in a data folder, where no other is named.
pub(crate) fn seal_key_file(data_dir: &Path) -> PathBuf {
    data_dir.join("seal.key")
}

/// A data folder that this process holds.
#[derive(Debug)]
pub(crate) struct DataDir {
    path: PathBuf,
    /// The lock goes with the file.
    _lock: File,
    /// A folder that goes with the process.
    _temporary: Option<TempDir>,
}

impl DataDir {
    /// Makes the folder if need be and takes it.
    pub(crate) fn take(path: &Path) -> anyhow::Result<Self> {
        fs::create_dir_all(path)
            .with_context(|| format!("could not make the data folder {}", path.display()))?;
        let lock_path = path.join("lock");
        let lock = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&lock_path)
            .with_context(|| format!("could not open {}", lock_path.display()))?;
        match lock.try_lock() {
            Ok(()) => Ok(Self {
                path: path.to_owned(),
                _lock: lock,
                _temporary: None,
            }),
            Err(TryLockError::WouldBlock) => {
                bail!("another process uses the data folder {}", path.display())
            }
            Err(TryLockError::Error(error)) => {
                Err(error).with_context(|| format!("could not lock {}", lock_path.display()))
            }
        }
    }

    /// A fresh folder that goes with the process.
    pub(crate) fn temporary() -> anyhow::Result<Self> {
        let temporary =
            TempDir::with_prefix("epicenter-").context("could not make a temporary data folder")?;
        let mut taken = Self::take(temporary.path())?;
        taken._temporary = Some(temporary);
        Ok(taken)
    }

    /// Where the books of what was asked lie.
    pub(crate) fn audit(&self) -> PathBuf {
        audit_folder(&self.path)
    }

    /// Where the log's segments lie.
    pub(crate) fn log(&self) -> PathBuf {
        log_folder(&self.path)
    }

    /// Where saved folds lie.
    pub(crate) fn snapshots(&self) -> PathBuf {
        self.path.join("snapshots")
    }

    /// Where the pages of closed items lie.
    pub(crate) fn archive(&self) -> PathBuf {
        self.path.join("archive")
    }

    /// What can be made from the log again, all of it in the clear.
    pub(crate) fn made_from_the_log(&self) -> [PathBuf; 4] {
        [self.snapshots(), self.archive(), self.index(), self.texts()]
    }

    /// Where read models on disk lie.
    pub(crate) fn index(&self) -> PathBuf {
        self.path.join("index")
    }

    /// Where the full text of changes lies.
    pub(crate) fn texts(&self) -> PathBuf {
        self.path.join("texts")
    }

    /// Where measurements lie.
    pub(crate) fn rollups(&self) -> PathBuf {
        self.path.join("rollups")
    }

    /// Where it is noted how far the windows of calls are written.
    pub(crate) fn window_cursor(&self) -> PathBuf {
        self.path.join("windows")
    }

    /// Where queues and journals of deliveries lie.
    pub(crate) fn deliveries(&self) -> PathBuf {
        self.path.join("deliveries")
    }

    /// Where addresses and keys of endpoints lie sealed.
    pub(crate) fn seals(&self) -> PathBuf {
        self.path.join("seals")
    }

    /// The folder itself.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Where it is noted when tokens were last used.
    pub(crate) fn token_uses(&self) -> PathBuf {
        self.path.join("tokens.used")
    }

    /// Where input lies that was not understood.
    pub(crate) fn quarantine(&self) -> PathBuf {
        quarantine_folder(&self.path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_held_by_one_at_a_time() {
        let folder = tempfile::tempdir().unwrap();
        let held = DataDir::take(folder.path()).unwrap();
        let refused = DataDir::take(folder.path()).unwrap_err().to_string();
        assert!(refused.starts_with("another process uses"), "{refused}");
        drop(held);
        DataDir::take(folder.path()).unwrap();
    }
}
