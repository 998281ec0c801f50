//! Which segments there are, and where in them a position lies.
//!
//! Only what is durable appears here; the writer's own state is in `writer`.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use model::LogPosition;

use super::directory::{Directory, DirectoryFile, read_full};
use super::layout::{Footer, HEADER_BYTES, sealed_name};

/// All segments of a log, for everybody who reads.
pub(crate) struct Catalog {
    pub(crate) directory: Arc<dyn Directory>,
    listed: Mutex<Listed>,
}

pub(crate) struct Listed {
    /// In their order, without gaps.
    pub(crate) complete: Vec<CompleteSegment>,
    pub(crate) open: OpenSegment,
}

/// A segment that takes no more records.
#[derive(Clone)]
pub(crate) struct CompleteSegment {
    pub(crate) sequence: u64,
    pub(crate) first: LogPosition,
    /// Until it has got its last name it is reached through this.
    pub(crate) unsealed: Option<Unsealed>,
}

/// What is known of a complete segment before its footer is written.
#[derive(Clone)]
pub(crate) struct Unsealed {
    pub(crate) file: Arc<dyn DirectoryFile>,
    pub(crate) footer: Arc<Footer>,
}

/// The durable part of the segment that is written to.
#[derive(Clone)]
pub(crate) struct OpenSegment {
    pub(crate) sequence: u64,
    pub(crate) first: LogPosition,
    pub(crate) file: Arc<dyn DirectoryFile>,
    pub(crate) end: u64,
    pub(crate) places: Vec<(LogPosition, u64)>,
}

/// Some bytes of a segment, beginning at a record.
#[derive(Clone)]
pub(crate) struct Stretch {
    pub(crate) sequence: u64,
    pub(crate) file: Arc<dyn DirectoryFile>,
    /// Begins here with this position, or an earlier one than was looked for.
    pub(crate) offset: u64,
    pub(crate) position: LogPosition,
    /// The records end here at the latest.
    pub(crate) end: u64,
    /// The position after its last; none while it is written to.
    pub(crate) beyond: Option<LogPosition>,
}

impl Catalog {
    pub(crate) fn new(directory: Arc<dyn Directory>, listed: Listed) -> Self {
        Self {
            directory,
            listed: Mutex::new(listed),
        }
    }

    pub(crate) fn listed(&self) -> MutexGuard<'_, Listed> {
        // Whoever holds the lock only pushes or replaces whole entries.
        self.listed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The stretch that holds the position, which lies at or before the durable head.
    pub(crate) fn find(&self, position: LogPosition) -> io::Result<Stretch> {
        let (complete, beyond) = {
            let listed = self.listed();
            if listed.open.first <= position {
                return Ok(listed.open.stretch(position));
            }
            let behind = listed
                .complete
                .partition_point(|segment| segment.first <= position);
            listed.complete_at(behind.checked_sub(1))?
        };
        complete.stretch(&*self.directory, position, beyond)
    }

    /// The stretch over the whole of a complete segment.
    pub(crate) fn whole(&self, sequence: u64) -> io::Result<Stretch> {
        let (complete, beyond) = {
            let listed = self.listed();
            let mut complete = listed.complete.iter();
            listed.complete_at(complete.position(|segment| segment.sequence == sequence))?
        };
        complete.stretch(&*self.directory, complete.first, beyond)
    }
}

impl Listed {
    /// A complete segment and the position after its last.
    fn complete_at(&self, index: Option<usize>) -> io::Result<(CompleteSegment, LogPosition)> {
        let found = index.and_then(|index| self.complete.get(index));
        let next = index.and_then(|index| self.complete.get(index + 1));
        let beyond = next.map_or(self.open.first, |segment| segment.first);
        Ok((found.cloned().ok_or(io::ErrorKind::NotFound)?, beyond))
    }
}

impl OpenSegment {
    fn stretch(&self, position: LogPosition) -> Stretch {
        let (position, offset) = nearest(&self.places, position, self.first);
        Stretch {
            sequence: self.sequence,
            file: Arc::clone(&self.file),
            offset,
            position,
            end: self.end,
            beyond: None,
        }
    }
}

impl CompleteSegment {
    fn stretch(
        &self,
        directory: &dyn Directory,
        position: LogPosition,
        beyond: LogPosition,
    ) -> io::Result<Stretch> {
        let (file, footer) = match &self.unsealed {
            Some(unsealed) => (Arc::clone(&unsealed.file), Footer::clone(&unsealed.footer)),
            None => {
                let file = directory.open(&sealed_name(self.sequence, self.first))?;
                let footer = read_footer(&*file)?;
                (file, footer)
            }
        };
        let (position, offset) = nearest(&footer.places, position, self.first);
        Ok(Stretch {
            sequence: self.sequence,
            file,
            offset,
            position,
            end: footer.end,
            beyond: Some(beyond),
        })
    }
}

/// The last place at or before the position.
fn nearest(
    places: &[(LogPosition, u64)],
    position: LogPosition,
    first: LogPosition,
) -> (LogPosition, u64) {
    let behind = places.partition_point(|(known, _)| *known <= position);
    let known = behind.checked_sub(1).and_then(|at| places.get(at));
    known.copied().unwrap_or((first, HEADER_BYTES as u64))
}

/// The footer of a sealed segment. Where it is damaged, the records are taken to
/// reach up to the end of the file: they are found by walking, and the walk ends with them.
pub(crate) fn read_footer(file: &dyn DirectoryFile) -> io::Result<Footer> {
    let file_length = file.length()?;
    Ok(sound_footer(file, file_length)?.unwrap_or(Footer {
        end: file_length,
        last: LogPosition::ZERO,
        places: Vec::new(),
    }))
}

/// The footer, if its checksum is good.
pub(crate) fn sound_footer(
    file: &dyn DirectoryFile,
    file_length: u64,
) -> io::Result<Option<Footer>> {
    let mut trailer = vec![0; Footer::BYTES_MIN];
    let Some(offset) = file_length.checked_sub(trailer.len() as u64) else {
        return Ok(None);
    };
    read_full(file, &mut trailer, offset)?;
    let Some(length) = Footer::claimed_length(&trailer) else {
        return Ok(None);
    };
    let Some(offset) = file_length.checked_sub(length as u64) else {
        return Ok(None);
    };
    let mut bytes = vec![0; length];
    read_full(file, &mut bytes, offset)?;
    Ok(Footer::parse(&bytes, file_length))
}
