//! The few file operations the log needs, so that a twin can let every one of them fail.
//!
//! A directory is flat. Nothing here knows what a segment is.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The directory of one log.
pub trait Directory: Send + Sync + 'static {
    /// The names of all files, in no order.
    fn list(&self) -> io::Result<Vec<String>>;

    /// A new file of so many zeros, durable with its length, though its name is not yet. Replaces one of the same name.
    fn create(&self, name: &str, zeros: u64) -> io::Result<Arc<dyn DirectoryFile>>;

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
static ZEROS: [u8; 64 * 1024] = [0; 64 * 1024];

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
        match lock.try_lock() {
            Ok(()) => Ok(Some(Self {
                path: path.to_owned(),
                lock: Some(lock),
            })),
            Err(fs::TryLockError::WouldBlock) => Ok(None),
            Err(fs::TryLockError::Error(error)) => Err(error),
        }
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

    fn create(&self, name: &str, zeros: u64) -> io::Result<Arc<dyn DirectoryFile>> {
        let file = OpenOptions::new()
            .create(true)
            .truncate(true)
            .read(true)
            .write(true)
            .open(self.path.join(name))?;
        // Real zeros, not only reserved space: the first write into reserved space
        // has to change the file system's own records, and its sync takes several times as long.
        let mut offset = 0;
        while offset < zeros {
            let missing = usize::try_from(zeros - offset).unwrap_or(usize::MAX);
            let chunk = ZEROS.get(..missing).unwrap_or(&ZEROS);
            file.write_all_at(chunk, offset)?;
            offset += chunk.len() as u64;
        }
        if 0 < zeros {
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
