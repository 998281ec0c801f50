//! The few file operations the log needs, so that a twin can let every one of them fail.
//!
//! A directory is flat. Nothing here knows what a segment is.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use rustix::fs::FallocateFlags;
use rustix::io::Errno;

/// The directory of one log.
pub trait Directory: Send + Sync + 'static {
    /// The names of all files, in no order.
    fn list(&self) -> io::Result<Vec<String>>;

    /// A new file that reads as so many zeros, its space durable, though its name is not yet.
    /// Replaces one of the same name.
    ///
    /// What is written over real zeros is synced faster than what is written into space that
    /// is only reserved. Once it is `enough`, no more of them are written.
    fn create(
        &self,
        name: &str,
        zeros: u64,
        enough: &dyn Fn() -> bool,
    ) -> io::Result<Arc<dyn DirectoryFile>>;

    /// An existing file.
    fn open(&self, name: &str) -> io::Result<Arc<dyn DirectoryFile>>;

    /// Gives a file another name at once; durable after [`Directory::sync`].
    fn rename(&self, from: &str, to: &str) -> io::Result<()>;

    /// Removes a file.
    fn remove(&self, name: &str) -> io::Result<()>;

    /// Makes names durable.
    fn sync(&self) -> io::Result<()>;
}

/// One file of a [`Directory`].
pub trait DirectoryFile: Send + Sync + 'static {
    /// Its length.
    fn length(&self) -> io::Result<u64>;

    /// Reads some bytes at an offset; none at the end.
    fn read_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<usize>;

    /// Writes all bytes at an offset.
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()>;

    /// Makes its bytes durable.
    fn sync(&self) -> io::Result<()>;

    /// Cuts it to a length.
    fn cut(&self, length: u64) -> io::Result<()>;
}

/// Reads until the bytes are full or the file ends; answers with how many were read.
pub(crate) fn read_full(
    file: &dyn DirectoryFile,
    bytes: &mut [u8],
    offset: u64,
) -> io::Result<usize> {
    let mut filled = 0;
    while let Some(rest) = bytes.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match file.read_at(rest, offset + filled as u64) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

/// A directory on the disk.
pub struct DiskDirectory {
    path: PathBuf,
    /// Its lock is held as long as it is open; the kernel gives it back when the process ends.
    lock: Option<File>,
}

const LOCK_NAME: &str = "LOCK";
/// How often a lock that is taken is tried, and how long between.
const LOCK_STEPS_MAX: u32 = 50;
const LOCK_STEP: Duration = Duration::from_millis(5);
static ZEROS: [u8; 256 * 1024] = [0; 256 * 1024];
const SYNC_ZEROS_EVERY: u64 = 1024 * 1024;

impl DiskDirectory {
    /// The directory, made if it is missing, for the one process that writes; `None` when another process has it.
    pub fn lock(path: &Path) -> io::Result<Option<Self>> {
        let is_new = !path.exists();
        fs::create_dir_all(path)?;
        if let (true, Some(above)) = (is_new, path.parent()) {
            // An empty path means the working directory.
            let above = if above.as_os_str().is_empty() {
                Path::new(".")
            } else {
                above
            };
            File::open(above)?.sync_all()?;
        }
        let lock = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(path.join(LOCK_NAME))?;
        // A process that was forked a moment ago holds the files of its maker until it runs a program of its own.
        for _ in 0..LOCK_STEPS_MAX {
            match lock.try_lock() {
                Ok(()) => {
                    return Ok(Some(Self {
                        path: path.to_owned(),
                        lock: Some(lock),
                    }));
                }
                Err(fs::TryLockError::WouldBlock) => thread::sleep(LOCK_STEP),
                Err(fs::TryLockError::Error(error)) => return Err(error),
            }
        }
        Ok(None)
    }

    /// The directory for somebody who only reads.
    pub fn for_reading(path: &Path) -> Self {
        Self {
            path: path.to_owned(),
            lock: None,
        }
    }
}

impl Directory for DiskDirectory {
    fn list(&self) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in fs::read_dir(&self.path)? {
            if let Ok(name) = entry?.file_name().into_string()
                && name != LOCK_NAME
            {
                names.push(name);
            }
        }
        Ok(names)
    }

    fn create(
        &self,
        name: &str,
        zeros: u64,
        enough: &dyn Fn() -> bool,
    ) -> io::Result<Arc<dyn DirectoryFile>> {
        let file = OpenOptions::new()
            .create(true)
            .truncate(true)
            .read(true)
            .write(true)
            .open(self.path.join(name))?;
        if 0 < zeros {
            let is_reserved = reserve(&file, zeros)?;
            fill(&file, zeros, &|| is_reserved && enough())?;
            file.sync_all()?;
        }
        Ok(Arc::new(DiskFile(file)))
    }

    fn open(&self, name: &str) -> io::Result<Arc<dyn DirectoryFile>> {
        let path = self.path.join(name);
        let file = match self.lock {
            Some(_) => OpenOptions::new().read(true).write(true).open(path)?,
            None => File::open(path)?,
        };
        Ok(Arc::new(DiskFile(file)))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        fs::rename(self.path.join(from), self.path.join(to))
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        fs::remove_file(self.path.join(name))
    }

    fn sync(&self) -> io::Result<()> {
        File::open(&self.path)?.sync_all()
    }
}

/// Reserves space that reads as zeros; false where the file system cannot.
fn reserve(file: &File, bytes: u64) -> io::Result<bool> {
    match rustix::fs::fallocate(file, FallocateFlags::empty(), 0, bytes) {
        Ok(()) => Ok(true),
        Err(Errno::OPNOTSUPP | Errno::NOSYS | Errno::INVAL) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// Writes zeros up to a length, or until it is enough. Syncs now and then, so that little is left to sync at the end.
fn fill(file: &File, bytes: u64, enough: &dyn Fn() -> bool) -> io::Result<()> {
    let mut offset = 0;
    while offset < bytes && !enough() {
        let missing = usize::try_from(bytes - offset).unwrap_or(usize::MAX);
        let zeros = ZEROS.get(..missing).unwrap_or(&ZEROS);
        file.write_all_at(zeros, offset)?;
        offset += zeros.len() as u64;
        if offset.is_multiple_of(SYNC_ZEROS_EVERY) {
            file.sync_data()?;
        }
    }
    Ok(())
}

struct DiskFile(File);

impl DirectoryFile for DiskFile {
    fn length(&self) -> io::Result<u64> {
        Ok(self.0.metadata()?.len())
    }

    fn read_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
        self.0.read_at(bytes, offset)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.0.write_all_at(bytes, offset)
    }

    fn sync(&self) -> io::Result<()> {
        self.0.sync_data()
    }

    fn cut(&self, length: u64) -> io::Result<()> {
        self.0.set_len(length)
    }
}
