//! The segment files of a log that another process may be writing to: reached by their
//! number, since a file gets its last name at any time.

use std::io::ErrorKind;
use std::path::Path;
use std::sync::Arc;

use crate::OpenError;
use crate::segments::directory::{Directory, DirectoryFile, DiskDirectory, read_full};
use crate::segments::layout::{HEADER_BYTES, Header, sealed_name, segment_name};
use crate::segments::recovery::{Inventory, check_format, io_error};

/// So often the files are listed before one that is missing is taken to be lost.
const LISTINGS: u32 = 10;

/// The files of a log.
pub(super) struct Files {
    pub(super) directory: Arc<dyn Directory>,
    pub(super) inventory: Inventory,
    /// A segment that is not there.
    pub(super) missing: Option<u64>,
}

/// A segment that was opened.
pub(super) struct Opened {
    pub(super) file: Arc<dyn DirectoryFile>,
    /// Whether it has its last name, which promises a footer.
    pub(super) is_sealed: bool,
}

impl Files {
    /// Lists them. A file that is renamed meanwhile may be listed twice or not at all.
    pub(super) fn of(path: &Path) -> Result<Self, OpenError> {
        let directory: Arc<dyn Directory> = Arc::new(DiskDirectory::for_reading(path));
        let mut listed = Inventory::of(&*directory)?;
        let mut missing = missing(&listed);
        for _ in 1..LISTINGS {
            if missing.is_none() {
                break;
            }
            listed = Inventory::of(&*directory)?;
            missing = self::missing(&listed);
        }
        Ok(Self {
            directory,
            inventory: listed,
            missing,
        })
    }

    /// The numbers of all segments.
    pub(super) fn sequences(&self) -> Vec<u64> {
        let sealed = self.inventory.sealed.iter().map(|(sequence, _)| *sequence);
        let unsealed = self.inventory.unsealed.iter().copied();
        let mut all: Vec<u64> = sealed.chain(unsealed).collect();
        all.sort_unstable();
        all.dedup();
        all
    }

    /// Opens a segment by the name it has now; none if there is no such file.
    pub(super) fn open(&self, sequence: u64) -> Result<Option<Opened>, OpenError> {
        let mut opened = self.open_listed(&self.inventory, sequence)?;
        for _ in 1..LISTINGS {
            if opened.is_some() {
                break;
            }
            opened = self.open_listed(&Inventory::of(&*self.directory)?, sequence)?;
        }
        Ok(opened)
    }

    fn open_listed(&self, listed: &Inventory, sequence: u64) -> Result<Option<Opened>, OpenError> {
        let mut sealed = listed.sealed.iter();
        let sealed = sealed.find(|(known, _)| *known == sequence);
        let name = match sealed {
            Some((_, first)) => sealed_name(sequence, *first),
            None => segment_name(sequence),
        };
        match self.directory.open(&name) {
            Ok(file) => Ok(Some(Opened {
                file,
                is_sealed: sealed.is_some(),
            })),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(io_error("open a segment")(error)),
        }
    }

    /// The header of a segment, if it is in use by now.
    pub(super) fn header(&self, sequence: u64) -> Result<Option<Header>, OpenError> {
        match self.open(sequence)? {
            Some(opened) => read_header(&*opened.file, sequence),
            None => Ok(None),
        }
    }

    /// The newest segment with a header: those behind it wait to be used.
    pub(super) fn last_in_use(&self) -> Result<u64, OpenError> {
        for sequence in self.sequences().into_iter().rev() {
            if self.header(sequence)?.is_some() {
                return Ok(sequence);
            }
        }
        Ok(0)
    }
}

/// The header, if a sound one is there.
pub(super) fn read_header(
    file: &dyn DirectoryFile,
    sequence: u64,
) -> Result<Option<Header>, OpenError> {
    let mut bytes = [0; HEADER_BYTES];
    read_full(file, &mut bytes, 0).map_err(io_error("read a segment"))?;
    check_format(&bytes, sequence)?;
    Ok(Header::parse(&bytes))
}

fn missing(listed: &Inventory) -> Option<u64> {
    match listed.check_sequence() {
        Err(OpenError::SegmentMissing(segment)) => Some(segment),
        Ok(()) | Err(_) => None,
    }
}
