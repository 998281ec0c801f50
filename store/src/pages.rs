//! Pages: files named by the hash of what they hold, written once and never changed.
//!
//! They are made of the log and can be made again, so a damaged one is told and nothing is repaired here.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use model::ContentHash;
use thiserror::Error;

const UNFINISHED: &str = "unfinished";

/// A folder of pages. Every call may wait for the disk: keep it off the async threads.
#[derive(Debug)]
pub struct PageFiles {
    folder: PathBuf,
}

/// Why a page was not written or read.
#[derive(Debug, Error)]
pub enum PageFileError {
    /// The disk refused.
    #[error("could not use the page file {}", path.display())]
    File {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file does not hold what was written.
    #[error("the page file {} is damaged", path.display())]
    Damaged {
        /// Which file.
        path: PathBuf,
    },
}

impl PageFiles {
    /// Opens the folder, made if need be.
    pub fn open(folder: impl Into<PathBuf>) -> Result<Self, PageFileError> {
        let folder = folder.into();
        let opened = fs::create_dir_all(&folder).and_then(|()| {
            for entry in fs::read_dir(&folder)? {
                let path = entry?.path();
                if path.extension().is_some_and(|end| end == UNFINISHED) {
                    fs::remove_file(path)?;
                }
            }
            Ok(())
        });
        opened.map_err(|source| failed(&folder, source))?;
        Ok(Self { folder })
    }

    /// Writes pages that are not there yet; answers once all are on the disk.
    pub fn write<'a>(
        &self,
        pages: impl IntoIterator<Item = (ContentHash, &'a [u8])>,
    ) -> Result<(), PageFileError> {
        let mut wrote = false;
        for (page, bytes) in pages {
            let path = self.path_of(page);
            if path.exists() {
                continue;
            }
            let temporary = path.with_extension(UNFINISHED);
            let written =
                write_file(&temporary, bytes).and_then(|()| fs::rename(&temporary, &path));
            if let Err(source) = written {
                // A full disk must not stay full of this; opening removes it otherwise.
                drop(fs::remove_file(&temporary));
                return Err(failed(&path, source));
            }
            wrote = true;
        }
        if wrote {
            let synced = File::open(&self.folder).and_then(|folder| folder.sync_all());
            synced.map_err(|source| failed(&self.folder, source))?;
        }
        Ok(())
    }

    /// Reads a page, and sees that it holds what was written.
    pub fn read(&self, page: ContentHash) -> Result<Vec<u8>, PageFileError> {
        let path = self.path_of(page);
        let compressed = fs::read(&path).map_err(|source| failed(&path, source))?;
        match lz4_flex::decompress_size_prepended(&compressed) {
            Ok(bytes) if ContentHash::of(&bytes) == page => Ok(bytes),
            Ok(_) | Err(_) => Err(PageFileError::Damaged { path }),
        }
    }

    /// Whether there is such a page; it may still be damaged.
    pub fn holds(&self, page: ContentHash) -> bool {
        self.path_of(page).exists()
    }

    /// Removes the pages that `wanted` refuses, and says how many; what is no page is left alone.
    pub fn retain(&self, wanted: impl Fn(ContentHash) -> bool) -> Result<usize, PageFileError> {
        let listed = fs::read_dir(&self.folder).map_err(|source| failed(&self.folder, source))?;
        let mut removed = 0;
        for entry in listed {
            let entry = entry.map_err(|source| failed(&self.folder, source))?;
            let name = entry.file_name();
            let page = name
                .to_str()
                .and_then(|name| name.parse::<ContentHash>().ok());
            if page.is_some_and(|page| !wanted(page)) {
                let path = entry.path();
                fs::remove_file(&path).map_err(|source| failed(&path, source))?;
                removed += 1;
            }
        }
        Ok(removed)
    }

    /// Takes a damaged page away, so that it is written again.
    pub fn remove(&self, page: ContentHash) {
        drop(fs::remove_file(self.path_of(page)));
    }

    fn path_of(&self, page: ContentHash) -> PathBuf {
        self.folder.join(page.to_string())
    }
}

fn write_file(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = File::create(path)?;
    file.write_all(&lz4_flex::compress_prepend_size(bytes))?;
    file.sync_all()
}

fn failed(path: &Path, source: io::Error) -> PageFileError {
    PageFileError::File {
        path: path.to_owned(),
        source,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_read_as_it_was_written_or_not_at_all() {
        let folder = tempfile::tempdir().unwrap();
        let bytes = b"what was put away ".repeat(100);
        let page = ContentHash::of(&bytes);
        let pages = PageFiles::open(folder.path()).unwrap();
        assert!(!pages.holds(page));
        pages.write([(page, &*bytes)]).unwrap();
        pages.write([(page, &*bytes)]).unwrap();
        let pages = PageFiles::open(folder.path()).unwrap();
        assert_eq!(pages.read(page).unwrap(), bytes);

        let path = pages.path_of(page);
        let mut flipped = fs::read(&path).unwrap();
        *flipped.last_mut().unwrap() ^= 1;
        fs::write(&path, flipped).unwrap();
        let damaged = pages.read(page).unwrap_err();
        assert!(
            matches!(damaged, PageFileError::Damaged { .. }),
            "{damaged}"
        );
        pages.remove(page);
        assert!(!pages.holds(page));
        pages.write([(page, &*bytes)]).unwrap();
        assert_eq!(pages.read(page).unwrap(), bytes);
    }

    #[test]
    fn only_the_wanted_pages_stay() {
        let folder = tempfile::tempdir().unwrap();
        let pages = PageFiles::open(folder.path()).unwrap();
        let [one, other] = [b"one", b"two"].map(|bytes| ContentHash::of(bytes));
        pages.write([(one, &b"one"[..]), (other, b"two")]).unwrap();
        fs::write(folder.path().join("note"), "of somebody").unwrap();
        assert_eq!(pages.retain(|page| page == one).unwrap(), 1);
        assert!(pages.holds(one) && !pages.holds(other));
        assert!(folder.path().join("note").exists());
    }

    #[test]
    fn what_was_not_finished_is_no_page() {
        let folder = tempfile::tempdir().unwrap();
        let half = folder.path().join("sha_0.unfinished");
        fs::write(&half, "half").unwrap();
        PageFiles::open(folder.path()).unwrap();
        assert!(!half.exists());
    }
}
