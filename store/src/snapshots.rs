//! Saved folds, so that a start or a question about the past need not begin at the first event.
//!
//! A snapshot is a cache: a cut, a flipped bit or another version only means that
//! the fold begins earlier. Nothing here knows what a fold is, and nothing here is
//! ever the only copy of anything.

mod format;
mod retention;

use std::cmp::Reverse;
use std::fs::{self, File};
use std::io::{self, BufReader, BufWriter, Read, Seek, SeekFrom, Take, Write};
use std::num::NonZeroU64;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use model::LogPosition;
use thiserror::Error;

/// The end of a finished snapshot's name.
const FINISHED: &str = "snapshot";

/// The end of the name of one that is being written.
const UNFINISHED: &str = "unfinished";

/// Which snapshots stay. Every name is counted for itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SnapshotRetention {
    /// So many of the newest.
    pub newest: usize,
    /// Of the older ones, the first of each stretch of so many events, for questions about the past.
    pub one_per_events: NonZeroU64,
    /// At most so many older ones; with more, the stretch doubles until they fit.
    pub older_max: usize,
}

/// What a snapshot holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SnapshotLabel {
    /// The projection: lower-case letters, digits and `_`.
    pub name: String,
    /// The version of the projection's state.
    pub version: u32,
    /// The last position folded into it.
    pub position: LogPosition,
    /// Tells the log apart from any other with as many events, where the log offers such a digest.
    pub log_digest: Option<[u8; 32]>,
}

/// A snapshot whose every byte was checked, ready to be read.
#[derive(Debug)]
pub struct Snapshot {
    /// What it holds.
    pub label: SnapshotLabel,
    /// Its length in bytes.
    pub body_bytes: u64,
    body: Take<BufReader<File>>,
}

impl Read for Snapshot {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.body.read(into)
    }
}

/// What a search found.
#[derive(Debug)]
pub struct FoundSnapshot {
    /// The newest good one.
    pub snapshot: Option<Snapshot>,
    /// Newer ones that were passed over.
    pub skipped: Vec<SkippedSnapshot>,
}

/// A snapshot that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SkippedSnapshot {
    /// Its file.
    pub path: PathBuf,
    /// Why.
    pub reason: SkipReason,
}

/// Why a snapshot cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum SkipReason {
    /// Another version of the projection wrote it.
    #[error("another version of the projection wrote it")]
    OtherVersion,
    /// The file ends too early.
    #[error("it was cut")]
    Cut,
    /// The bytes are not what was written.
    #[error("its checksum does not fit")]
    Checksum,
    /// The file is no snapshot, or its content is not what its name says.
    #[error("it holds something else than its name says")]
    Mislabelled,
    /// It could not be read.
    #[error("it could not be read")]
    Unreadable,
}

/// Why a snapshot could not be saved or looked for.
#[derive(Debug, Error)]
pub enum SnapshotError {
    /// The disk failed.
    #[error("could not use the snapshot at {path}")]
    Io {
        /// Which file or folder.
        path: PathBuf,
        /// What the disk said.
        source: io::Error,
    },
}

/// The folder of snapshots. Every call may wait for the disk: keep it off the async threads.
#[derive(Debug)]
pub struct Snapshots {
    directory: PathBuf,
    retention: SnapshotRetention,
    temporary: AtomicU64,
}

/// A snapshot as its name tells it.
#[derive(Clone, Debug)]
struct Named {
    path: PathBuf,
    version: u32,
    position: LogPosition,
}

impl Snapshots {
    /// Opens the folder, makes it if need be, and removes what was not finished.
    pub fn open(
        directory: impl Into<PathBuf>,
        retention: SnapshotRetention,
    ) -> Result<Self, SnapshotError> {
        let directory = directory.into();
        remove_unfinished(&directory).map_err(|source| failed(&directory, source))?;
        Ok(Self {
            directory,
            retention,
            temporary: AtomicU64::new(0),
        })
    }

    /// Saves what `write` writes, then drops what the retention no longer wants.
    ///
    /// The file has its name only once it and every byte are on the disk.
    pub fn save(
        &self,
        label: &SnapshotLabel,
        write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
    ) -> Result<u64, SnapshotError> {
        let number = self.temporary.fetch_add(1, Ordering::Relaxed);
        let temporary = self.directory.join(format!("{number}.{UNFINISHED}"));
        let path = self.path_of(label);
        let saved = write_file(&temporary, label, write).and_then(|body_bytes| {
            fs::rename(&temporary, &path)?;
            File::open(&self.directory)?.sync_all()?;
            Ok(body_bytes)
        });
        match saved {
            Ok(body_bytes) => {
                self.prune(&label.name, label.version)?;
                Ok(body_bytes)
            }
            Err(source) => {
                // A full disk must not stay full of this; opening removes it otherwise.
                drop(fs::remove_file(&temporary));
                Err(failed(&path, source))
            }
        }
    }

    /// The newest good snapshot of a projection, at most as new as asked.
    pub fn newest(
        &self,
        name: &str,
        version: u32,
        at_or_before: Option<LogPosition>,
    ) -> Result<FoundSnapshot, SnapshotError> {
        let mut skipped = Vec::new();
        for named in self.named(name)? {
            if at_or_before.is_some_and(|limit| limit < named.position) {
                continue;
            }
            let checked = if named.version == version {
                check(&named, name)
            } else {
                Err(SkipReason::OtherVersion)
            };
            match checked {
                Ok(snapshot) => {
                    let snapshot = Some(snapshot);
                    return Ok(FoundSnapshot { snapshot, skipped });
                }
                Err(reason) => skipped.push(SkippedSnapshot {
                    path: named.path,
                    reason,
                }),
            }
        }
        Ok(FoundSnapshot {
            snapshot: None,
            skipped,
        })
    }

    /// The positions of a projection's snapshots, newest first, unchecked.
    pub fn positions(&self, name: &str, version: u32) -> Result<Vec<LogPosition>, SnapshotError> {
        let named = self.named(name)?;
        let this_version = named.iter().filter(|named| named.version == version);
        Ok(this_version.map(|named| named.position).collect())
    }

    /// Drops snapshots that the retention does not want, and those of other versions.
    fn prune(&self, name: &str, version: u32) -> Result<(), SnapshotError> {
        let named = self.named(name)?;
        let positions: Vec<LogPosition> = named
            .iter()
            .filter(|named| named.version == version)
            .map(|named| named.position)
            .collect();
        let kept = retention::kept(&positions, self.retention);
        for old in named {
            if old.version == version && kept.contains(&old.position) {
                continue;
            }
            match fs::remove_file(&old.path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    return Err(failed(&old.path, error));
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// The snapshots of a projection, newest first.
    fn named(&self, name: &str) -> Result<Vec<Named>, SnapshotError> {
        let listed = fs::read_dir(&self.directory).and_then(|entries| {
            entries
                .map(|entry| entry.map(|entry| entry.path()))
                .collect::<io::Result<Vec<PathBuf>>>()
        });
        let paths = listed.map_err(|source| failed(&self.directory, source))?;
        let mut named: Vec<Named> = paths
            .into_iter()
            .filter_map(|path| parse_name(path, name))
            .collect();
        named.sort_by_key(|named| Reverse(named.position));
        Ok(named)
    }

    fn path_of(&self, label: &SnapshotLabel) -> PathBuf {
        let SnapshotLabel {
            name,
            version,
            position,
            ..
        } = label;
        let number = position.number();
        self.directory
            .join(format!("{name}-{version}-{number:020}.{FINISHED}"))
    }
}

fn parse_name(path: PathBuf, name: &str) -> Option<Named> {
    let rest = path.file_name()?.to_str()?.strip_prefix(name)?;
    let (version, position) = rest
        .strip_prefix('-')?
        .strip_suffix(FINISHED)?
        .strip_suffix('.')?
        .split_once('-')?;
    Some(Named {
        version: version.parse().ok()?,
        position: position.parse().ok()?,
        path,
    })
}

fn remove_unfinished(directory: &Path) -> io::Result<()> {
    fs::create_dir_all(directory)?;
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        if path.extension().is_some_and(|end| end == UNFINISHED) {
            fs::remove_file(path)?;
        }
    }
    Ok(())
}

/// Writes and syncs the whole file; answers with the length of its body.
fn write_file(
    path: &Path,
    label: &SnapshotLabel,
    write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> io::Result<u64> {
    let mut file = BufWriter::with_capacity(1 << 20, File::create(path)?);
    file.write_all(&format::encode_label(label))?;
    let mut body = format::Digesting::new(&mut file);
    write(&mut body)?;
    let (body_bytes, trailer) = body.finish();
    file.write_all(&trailer)?;
    file.into_inner()
        .map_err(io::IntoInnerError::into_error)?
        .sync_all()?;
    Ok(body_bytes)
}

/// Reads the whole file once to see that every byte is what was written.
fn check(named: &Named, name: &str) -> Result<Snapshot, SkipReason> {
    let unreadable = |_: io::Error| SkipReason::Unreadable;
    let file = File::open(&named.path).map_err(unreadable)?;
    let file_bytes = file.metadata().map_err(unreadable)?.len();
    let mut file = BufReader::with_capacity(1 << 20, file);
    let (label, label_bytes) = format::read_label(&mut file)?;
    let body_bytes = file_bytes
        .checked_sub(label_bytes + format::TRAILER_BYTES)
        .ok_or(SkipReason::Cut)?;
    format::check_body(&mut file, body_bytes)?;
    let as_named =
        label.name == name && label.version == named.version && label.position == named.position;
    if !as_named {
        return Err(SkipReason::Mislabelled);
    }
    file.seek(SeekFrom::Start(label_bytes))
        .map_err(unreadable)?;
    Ok(Snapshot {
        label,
        body_bytes,
        body: file.take(body_bytes),
    })
}

fn failed(path: &Path, source: io::Error) -> SnapshotError {
    SnapshotError::Io {
        path: path.to_owned(),
        source,
    }
}

#[cfg(test)]
mod tests;
