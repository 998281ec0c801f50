//! Walks a segment file from record to record.
//!
//! Between records stand marks: after every sync the writer leaves one that says
//! up to where all bytes are durable. A record or mark that claims durability is
//! how damage is told from a torn end when a log is opened.

use std::io;
use std::sync::Arc;

use model::LogPosition;

use super::chain::Link;
use super::directory::{DirectoryFile, read_full};
use super::record::{self, ALIGNMENT, HEAD_BYTES, Head, SealedView, u32_at, u64_at};

/// Length of a mark.
pub(crate) const MARK_BYTES: usize = 64;
const MARK_MAGIC: [u8; 4] = [0xFF, b'e', b'n', b'd'];
const CHUNK_BYTES: usize = 256 * 1024;

/// Says that everything up to a position is durable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Mark {
    /// The last durable position.
    pub(crate) head: LogPosition,
    /// Where the mark itself stands.
    pub(crate) offset: u64,
    /// The chain up to and with that position.
    pub(crate) link: Link,
}

impl Mark {
    /// ```text
    ///  0 magic 4, checksum of the rest 4, head 8, offset 8, link 32, zeros 8
    /// ```
    pub(crate) fn encode(&self) -> [u8; MARK_BYTES] {
        let mut bytes = [0; MARK_BYTES];
        let mut covered = Vec::with_capacity(MARK_BYTES);
        covered.extend_from_slice(&self.head.number().to_le_bytes());
        covered.extend_from_slice(&self.offset.to_le_bytes());
        covered.extend_from_slice(&self.link);
        covered.resize(MARK_BYTES - 8, 0);
        let checksum = crc32c::crc32c(&covered);
        let (begin, rest) = bytes.split_at_mut(8);
        let (magic, check) = begin.split_at_mut(4);
        magic.copy_from_slice(&MARK_MAGIC);
        check.copy_from_slice(&checksum.to_le_bytes());
        rest.copy_from_slice(&covered);
        bytes
    }

    /// The mark at the beginning of `bytes`, which lie at `offset`.
    pub(crate) fn parse(bytes: &[u8], offset: u64) -> Option<Self> {
        let bytes = bytes.first_chunk::<MARK_BYTES>()?;
        let (begin, covered) = bytes.split_first_chunk::<8>()?;
        let sound =
            begin.starts_with(&MARK_MAGIC) && u32_at(begin, 4) == Some(crc32c::crc32c(covered));
        let mark = Self {
            head: LogPosition::new(u64_at(bytes, 8)?),
            offset: u64_at(bytes, 16)?,
            link: *bytes.get(24..)?.first_chunk()?,
        };
        (sound && mark.offset == offset).then_some(mark)
    }
}

/// What stands at one place of a segment.
pub(crate) enum Frame {
    /// A record, its checksum good; [`Frames::sealed`] shows the rest of it.
    Record(Head),
    /// A mark.
    Mark(Mark),
    /// Zeros, or the end of the bytes.
    Nothing,
}

/// Why a walk cannot go on.
#[derive(Debug)]
pub(crate) enum FrameError {
    /// The disk failed.
    Io(io::Error),
    /// The bytes are neither record nor mark nor nothing.
    Damaged(&'static str),
}

impl From<io::Error> for FrameError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// A walk over part of a segment file.
pub(crate) struct Frames {
    file: Arc<dyn DirectoryFile>,
    buffer: Vec<u8>,
    /// Where in the file the buffer begins, and how much of it is read.
    buffer_offset: u64,
    buffered: usize,
    /// Where the next frame begins, and where the walk ends.
    offset: u64,
    end: u64,
    /// Length of the record passed last.
    passed: usize,
}

impl Frames {
    /// A walk from `offset`, where a frame begins, up to `end`.
    pub(crate) fn new(file: Arc<dyn DirectoryFile>, offset: u64, end: u64) -> Self {
        Self {
            file,
            buffer: Vec::new(),
            buffer_offset: offset,
            buffered: 0,
            offset,
            end,
            passed: 0,
        }
    }

    /// Where the next frame begins.
    pub(crate) fn offset(&self) -> u64 {
        self.offset
    }

    /// The next frame. The walk stays where it is before damage and before nothing.
    pub(crate) fn advance(&mut self) -> Result<Frame, FrameError> {
        let offset = self.offset;
        let here = self.fill(MARK_BYTES)?;
        let begin = here.get(..8.min(here.len())).unwrap_or_default();
        if begin.iter().all(|byte| *byte == 0) {
            return Ok(Frame::Nothing);
        }
        if begin.starts_with(&MARK_MAGIC) {
            let mark = Mark::parse(here, offset);
            let mark = mark.ok_or(FrameError::Damaged("the mark's checksum differs"))?;
            self.offset += MARK_BYTES as u64;
            return Ok(Frame::Mark(mark));
        }
        let length = record::claimed_length(here);
        let length = length.ok_or(FrameError::Damaged("no record begins here"))?;
        if self.end < self.offset + length as u64 {
            return Err(FrameError::Damaged("its length leads past the end"));
        }
        let bytes = self.fill(length)?.get(..length);
        let bytes = bytes.ok_or(FrameError::Damaged("the file ends within it"))?;
        let head = record::check(bytes).map_err(FrameError::Damaged)?;
        self.passed = length;
        self.offset += length as u64;
        Ok(Frame::Record(head))
    }

    /// The bytes after the head of the record passed last.
    pub(crate) fn sealed_bytes(&self) -> &[u8] {
        let end = usize::try_from(self.offset - self.buffer_offset).unwrap_or(usize::MAX);
        let start = end.saturating_sub(self.passed) + HEAD_BYTES;
        self.buffer.get(start..end).unwrap_or_default()
    }

    /// The same in its parts.
    pub(crate) fn sealed(&self) -> Result<SealedView<'_>, FrameError> {
        let parts = SealedView::parse(self.sealed_bytes());
        parts.ok_or(FrameError::Damaged("its parts do not fit its length"))
    }

    /// Goes on at the next aligned place: how a walk gets past damage.
    pub(crate) fn skip(&mut self) {
        self.offset += ALIGNMENT as u64;
    }

    /// Reads again what was read ahead: somebody may have written since.
    pub(crate) fn forget(&mut self) {
        self.buffered = 0;
        self.buffer_offset = self.offset;
    }

    /// Whether a record or mark stands here; the walk stays.
    pub(crate) fn peek(&mut self) -> io::Result<bool> {
        let here = self.offset;
        let found = self.advance();
        self.offset = here;
        match found {
            Ok(Frame::Record(_) | Frame::Mark(_)) => Ok(true),
            Ok(Frame::Nothing) | Err(FrameError::Damaged(_)) => Ok(false),
            Err(FrameError::Io(error)) => Err(error),
        }
    }

    /// Whether the walk has come to its end.
    pub(crate) fn at_end(&self) -> bool {
        self.end <= self.offset
    }

    /// Goes over zeros to the next aligned place that holds something; false at the end.
    pub(crate) fn skip_zeros(&mut self) -> io::Result<bool> {
        while !self.at_end() {
            let here = self.fill(ALIGNMENT)?;
            let zeros = here.iter().take_while(|byte| **byte == 0).count();
            let all = here.len();
            if zeros < all {
                self.offset += (zeros / ALIGNMENT * ALIGNMENT) as u64;
                return Ok(true);
            }
            if all == 0 {
                return Ok(false);
            }
            self.offset += all.next_multiple_of(ALIGNMENT) as u64;
        }
        Ok(false)
    }

    /// The bytes from here on: at least `wanted`, fewer only where file or walk end.
    fn fill(&mut self, wanted: usize) -> io::Result<&[u8]> {
        let left = usize::try_from(self.end.saturating_sub(self.offset)).unwrap_or(usize::MAX);
        let wanted = wanted.min(left);
        let gone = usize::try_from(self.offset.saturating_sub(self.buffer_offset));
        let mut start = gone.unwrap_or(usize::MAX).min(self.buffered);
        if self.buffered - start < wanted {
            self.buffer.copy_within(start..self.buffered, 0);
            self.buffered -= start;
            self.buffer_offset = self.offset;
            start = 0;
            let size = CHUNK_BYTES.max(wanted);
            if self.buffer.len() < size {
                self.buffer.resize(size, 0);
            }
            let until = self.buffer.len().min(left);
            let missing = self
                .buffer
                .get_mut(self.buffered..until)
                .unwrap_or_default();
            let read_offset = self.buffer_offset + self.buffered as u64;
            self.buffered += read_full(&*self.file, missing, read_offset)?;
        }
        let until = self.buffered.min(start.saturating_add(left));
        Ok(self.buffer.get(start..until).unwrap_or_default())
    }
}
