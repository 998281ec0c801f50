//! The quarantine's files: their names, and how one comes to be whole or not at all.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use model::{ContentHash, Timestamp};

/// What a file takes at least; a count of small files is bounded through it.
const BLOCK_BYTES: u64 = 4096;

/// The end of a finished file's name.
const FINISHED: &str = "body";

/// The end of the name of a file that is being written.
const UNFINISHED: &str = "unfinished";

/// A file as its name tells it.
pub(super) struct Found {
    pub(super) received_at: Timestamp,
    pub(super) hash: ContentHash,
    pub(super) bytes: u64,
}

/// Makes the folder readable to its owner only, removes what was not finished, and lists the rest.
pub(super) fn open(directory: &Path) -> io::Result<Vec<Found>> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(directory)?;
    let mut found = Vec::new();
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        if path.extension().is_some_and(|end| end == UNFINISHED) {
            fs::remove_file(&path)?;
        } else if let Some((received_at, hash)) = name_of(&path) {
            let bytes = size_on_disk(fs::metadata(&path)?.len());
            found.push(Found {
                received_at,
                hash,
                bytes,
            });
        }
    }
    Ok(found)
}

/// What lies in the folder, the oldest first, by the names of the files alone.
pub(super) fn look(directory: &Path) -> io::Result<Vec<(Timestamp, ContentHash)>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory)? {
        found.extend(name_of(&entry?.path()));
    }
    found.sort();
    Ok(found)
}

/// Whole blocks, as the disk counts.
pub(super) fn size_on_disk(bytes: u64) -> u64 {
    bytes.div_ceil(BLOCK_BYTES) * BLOCK_BYTES
}

/// Where a body lies. The time is shifted above zero so that names sort by it.
pub(super) fn path_of(directory: &Path, received_at: Timestamp, hash: ContentHash) -> PathBuf {
    let sortable = received_at.unix_nanos().cast_unsigned() ^ (1 << 63);
    directory.join(format!("{sortable:016x}-{hash}.{FINISHED}"))
}

fn name_of(path: &Path) -> Option<(Timestamp, ContentHash)> {
    let name = path.file_name()?.to_str()?.strip_suffix(FINISHED)?;
    let (sortable, hash) = name.strip_suffix('.')?.split_once('-')?;
    let nanos = (u64::from_str_radix(sortable, 16).ok()? ^ (1 << 63)).cast_signed();
    let named = (Timestamp::from_unix_nanos(nanos), hash.parse().ok()?);
    (path_of(path.parent()?, named.0, named.1) == path).then_some(named)
}

/// Writes and syncs a file that does not count yet.
pub(super) fn write_temporary(directory: &Path, number: u64, bytes: &[u8]) -> io::Result<PathBuf> {
    let path = directory.join(format!("{number}.{UNFINISHED}"));
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&path)?;
    let written = file.write_all(bytes).and_then(|()| file.sync_all());
    if let Err(error) = written {
        // The disk may be full: the half file must not keep it so. Opening removes it otherwise.
        drop(fs::remove_file(&path));
        return Err(error);
    }
    Ok(path)
}

/// Makes it count: its name, and the folder that holds the name, are on the disk when this returns.
pub(super) fn publish(directory: &Path, temporary: &Path, path: &Path) -> io::Result<()> {
    fs::rename(temporary, path)?;
    File::open(directory)?.sync_all()
}

/// The first bytes of a file.
pub(super) fn read_front(path: &Path, bytes_max: u64) -> io::Result<Vec<u8>> {
    let mut front = Vec::new();
    File::open(path)?.take(bytes_max).read_to_end(&mut front)?;
    Ok(front)
}
