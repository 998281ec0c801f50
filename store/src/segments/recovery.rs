//! Opens what a log's directory holds, however the last process ended.
//!
//! Only the newest segment is walked. Where its records stop there is either nothing,
//! or a group that was being written when the process or the machine stopped. Such a
//! torn end is cut off: nobody was told that it is durable. It is told from damage by
//! what stands behind it. A group is written only after the one before it is durable,
//! and every sync leaves a mark, so a later group or a mark behind unreadable bytes
//! says that those bytes had been durable: damage, and the log does not open.
//!
//! One case stays open: power fails after a sync and before its mark is durable (at the
//! latest a second later), and the very last group is damaged too. It looks torn, and
//! the report says what was cut.

use std::io;
use std::sync::Arc;

use model::{LogPosition, Timestamp};
use thiserror::Error;

use super::chain::{Chain, Link};
use super::directory::{Directory, DirectoryFile, read_full};
use super::frames::{Frame, FrameError, Frames, MARK_BYTES, Mark};
use super::group::PLACE_EVERY_BYTES;
use super::ids::{IdKey, IdTable};
use super::layout::{FORMAT, HEADER_BYTES, Header, Named, segment_name};
use super::record::Head;
use crate::RecordPlace;

/// Why a log cannot be opened.
#[derive(Debug, Error)]
pub enum OpenError {
    /// Another process has it.
    #[error("another process has the log open")]
    Locked,
    /// The disk failed.
    #[error("could not open the log: {what}")]
    Io {
        /// What was done.
        what: &'static str,
        /// What the disk said.
        source: io::Error,
    },
    /// Bytes that had been durable are not what was written.
    #[error("the log is damaged before position {next} ({place}): {reason}")]
    Damaged {
        /// The first position that cannot be read.
        next: LogPosition,
        /// Where its bytes lie.
        place: RecordPlace,
        /// What does not fit.
        reason: &'static str,
    },
    /// A segment was written by a program of another version.
    #[error("segment {segment} of the log has format {found}, and this program reads {FORMAT}")]
    Format {
        /// Which segment.
        segment: u64,
        /// Its format.
        found: u8,
    },
    /// A segment file is gone.
    #[error("segment {0} of the log is missing")]
    SegmentMissing(u64),
}

/// The end of a group that was not complete when the log was last closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TornTail {
    /// The last position before it.
    pub after: LogPosition,
    /// Where it began.
    pub place: RecordPlace,
    /// How many bytes were cut off.
    pub bytes: u64,
}

/// The files of a log.
#[derive(Default)]
pub(crate) struct Inventory {
    /// Complete segments with their last name.
    pub(crate) sealed: Vec<(u64, LogPosition)>,
    /// The others.
    pub(crate) unsealed: Vec<u64>,
    pub(crate) runs: Vec<(u64, u64)>,
    pub(crate) unfinished: Vec<String>,
    pub(crate) names: Vec<String>,
}

/// A walk over the records of a segment that has no footer.
pub(crate) struct Walked {
    pub(crate) header: Header,
    pub(crate) file: Arc<dyn DirectoryFile>,
    pub(crate) ids: IdTable,
    pub(crate) places: Vec<(LogPosition, u64)>,
    /// The last position, or the one before its first.
    pub(crate) head: LogPosition,
    /// The chain up to there.
    pub(crate) link: Link,
    pub(crate) recorded_at: Timestamp,
    /// Where its records and marks end.
    pub(crate) end: u64,
    /// Whether a mark is the last thing.
    pub(crate) ends_with_mark: bool,
    pub(crate) torn: Option<TornTail>,
}

impl Inventory {
    pub(crate) fn of(directory: &dyn Directory) -> Result<Self, OpenError> {
        let mut inventory = Self {
            names: directory.list().map_err(io_error("list its files"))?,
            ..Self::default()
        };
        for name in &inventory.names {
            match Named::parse(name) {
                Named::Segment(sequence) => inventory.unsealed.push(sequence),
                Named::Sealed(sequence, first) => inventory.sealed.push((sequence, first)),
                Named::Run(first, last) => inventory.runs.push((first, last)),
                Named::Unfinished => inventory.unfinished.push(name.clone()),
                Named::Foreign => {}
            }
        }
        inventory.sealed.sort_unstable();
        inventory.unsealed.sort_unstable();
        inventory.runs.sort_unstable();
        Ok(inventory)
    }

    /// Segments are counted from 1 without a gap, and the newest is never sealed.
    pub(crate) fn check_sequence(&self) -> Result<(), OpenError> {
        let sealed = self.sealed.iter().map(|(sequence, _)| *sequence);
        let mut expected = 1;
        for sequence in sealed.chain(self.unsealed.iter().copied()) {
            if sequence != expected {
                return Err(OpenError::SegmentMissing(expected));
            }
            expected += 1;
        }
        match self.unsealed.is_empty() && !self.sealed.is_empty() {
            true => Err(OpenError::SegmentMissing(expected)),
            false => Ok(()),
        }
    }
}

/// An unsealed segment: in use, or waiting to be.
pub(crate) enum Unsealed {
    InUse(Header, Arc<dyn DirectoryFile>),
    /// All zeros, with its length; or torn in its very first group, which was cut off.
    Blank(Arc<dyn DirectoryFile>, u64, Option<TornTail>),
}

/// Reads the header of an unsealed segment.
pub(crate) fn open_unsealed(
    directory: &dyn Directory,
    sequence: u64,
) -> Result<Unsealed, OpenError> {
    let file = directory.open(&segment_name(sequence));
    let file = file.map_err(io_error("open a segment"))?;
    let length = length_of(&*file)?;
    let mut bytes = [0; HEADER_BYTES];
    let read = read_full(&*file, &mut bytes, 0).map_err(io_error("read a segment"))?;
    let place = RecordPlace {
        segment: sequence,
        offset: 0,
    };
    let damaged = |next, reason| OpenError::Damaged {
        next,
        place,
        reason,
    };
    if let Some(header) = Header::parse(&bytes) {
        return match header.sequence == sequence {
            true => Ok(Unsealed::InUse(header, file)),
            false => Err(damaged(header.first, "it is another segment")),
        };
    }
    check_format(&bytes, sequence)?;
    if read < HEADER_BYTES {
        return Err(damaged(LogPosition::ZERO, "the file was cut short"));
    }
    match search_behind(&file, 0, length, None)? {
        Behind::Durable(next) => Err(damaged(next, "the segment's header is damaged")),
        Behind::Torn(bytes) => {
            let torn = TornTail {
                after: LogPosition::ZERO,
                place,
                bytes,
            };
            cut(&*file, &torn)?;
            Ok(Unsealed::Blank(file, length, Some(torn)))
        }
        Behind::Nothing => Ok(Unsealed::Blank(file, length, None)),
    }
}

/// Refuses a sound header of another version.
pub(crate) fn check_format(header: &[u8], segment: u64) -> Result<(), OpenError> {
    match Header::format(header) {
        Some(found) if found != FORMAT => Err(OpenError::Format { segment, found }),
        Some(_) | None => Ok(()),
    }
}

/// Walks all records of a segment in use, up to `limit`. A torn end is reported and not yet cut off.
pub(crate) fn walk(
    header: Header,
    file: &Arc<dyn DirectoryFile>,
    limit: u64,
    key: &IdKey,
) -> Result<Walked, OpenError> {
    let mut walked = Walked {
        file: Arc::clone(file),
        ids: IdTable::default(),
        places: Vec::new(),
        head: LogPosition::new(header.first.number().saturating_sub(1)),
        link: header.link,
        recorded_at: header.recorded_from,
        end: HEADER_BYTES as u64,
        ends_with_mark: false,
        torn: None,
        header,
    };
    let mut frames = Frames::new(Arc::clone(file), walked.end, limit);
    let mut marked = walked.end;
    let mut scratch = Vec::new();
    let reason = loop {
        match frames.advance() {
            Ok(Frame::Record(head)) if head.position != walked.head.next() => {
                break "another record stands in its place";
            }
            Ok(Frame::Record(head)) => {
                let Ok(sealed) = frames.sealed() else {
                    break "its parts do not fit its length";
                };
                let hash = key.hash(sealed.source, sealed.delivery, &mut scratch);
                walked.take(&head, hash);
            }
            Ok(Frame::Mark(mark)) if mark.head != walked.head => {
                break "the mark names another record";
            }
            Ok(Frame::Mark(mark)) => {
                walked.ends_with_mark = true;
                walked.link = mark.link;
                marked = frames.offset();
            }
            Ok(Frame::Nothing) => break "the record is missing",
            Err(FrameError::Damaged(reason)) => break reason,
            Err(FrameError::Io(source)) => return Err(io_error("read a segment")(source)),
        }
        walked.end = frames.offset();
    };
    walked.judge_end(limit, reason)?;
    if !walked.ends_with_mark {
        walked.link = link_behind(file, header.sequence, (marked, walked.end), walked.link)?;
    }
    Ok(walked)
}

impl Walked {
    fn take(&mut self, head: &Head, hash: u128) {
        self.ids.insert(hash, head.position);
        let last_place = self.places.last();
        if last_place.is_none_or(|(_, last)| last + PLACE_EVERY_BYTES <= self.end) {
            self.places.push((head.position, self.end));
        }
        self.head = head.position;
        self.recorded_at = head.recorded_at;
        self.ends_with_mark = false;
    }

    /// Decides what the bytes are at which the walk could not go on.
    fn judge_end(&mut self, limit: u64, reason: &'static str) -> Result<(), OpenError> {
        let next = self.head.next();
        let place = RecordPlace {
            segment: self.header.sequence,
            offset: self.end,
        };
        match search_behind(&self.file, self.end, limit, Some(next))? {
            Behind::Durable(_) => Err(OpenError::Damaged {
                next,
                place,
                reason,
            }),
            Behind::Torn(last) => {
                self.torn = Some(TornTail {
                    after: self.head,
                    place,
                    bytes: last - self.end,
                });
                Ok(())
            }
            Behind::Nothing => Ok(()),
        }
    }

    /// Cuts off a torn end, leaves a mark, and makes all of it durable before anybody sees it.
    pub(crate) fn settle(&mut self) -> Result<(), OpenError> {
        if let Some(torn) = &self.torn {
            cut(&*self.file, torn)?;
        }
        if !self.ends_with_mark {
            let mark = Mark {
                head: self.head,
                offset: self.end,
                link: self.link,
            };
            let written = self.file.write_at(&mark.encode(), self.end);
            written.map_err(io_error("write a mark"))?;
            self.end += MARK_BYTES as u64;
        }
        self.file.sync().map_err(io_error("sync a segment"))
    }
}

/// The chain up to the end of the records that stand between two offsets.
fn link_behind(
    file: &Arc<dyn DirectoryFile>,
    segment: u64,
    (from, until): (u64, u64),
    link: Link,
) -> Result<Link, OpenError> {
    let mut chain = Chain::at(link);
    let mut frames = Frames::new(Arc::clone(file), from, until);
    while !frames.at_end() {
        let offset = frames.offset();
        match frames.advance() {
            Ok(Frame::Record(head)) if chain.follow(&head, frames.sealed_bytes()) => {}
            Ok(Frame::Record(head)) => {
                return Err(OpenError::Damaged {
                    next: head.position,
                    place: RecordPlace { segment, offset },
                    reason: "the chain does not lead to this record",
                });
            }
            Ok(Frame::Mark(_) | Frame::Nothing) | Err(FrameError::Damaged(_)) => {
                let changed = io::Error::other("the file changes while it is read");
                return Err(io_error("read a segment")(changed));
            }
            Err(FrameError::Io(source)) => return Err(io_error("read a segment")(source)),
        }
    }
    Ok(chain.link())
}

/// What stands behind the place where a walk could not go on.
pub(crate) enum Behind {
    /// Only zeros, from that place on.
    Nothing,
    /// Bytes that nobody was told are durable, the last of them before this offset.
    Torn(u64),
    /// Something that was written only after the record at this position was durable.
    Durable(LogPosition),
}

/// Looks for proof that the record at `next`, which cannot be read, had been durable.
pub(crate) fn search_behind(
    file: &Arc<dyn DirectoryFile>,
    from: u64,
    until: u64,
    next: Option<LogPosition>,
) -> Result<Behind, OpenError> {
    let mut frames = Frames::new(Arc::clone(file), from, until);
    let mut behind = Behind::Nothing;
    let mut expected = next;
    while frames.skip_zeros().map_err(io_error("read a segment"))? {
        match frames.advance() {
            Ok(Frame::Record(head)) => {
                let next = *expected.get_or_insert(head.position);
                // The record before its group had been durable when it was written.
                if next.number() + u64::from(head.in_group) < head.position.number() {
                    return Ok(Behind::Durable(next));
                }
            }
            Ok(Frame::Mark(mark)) => {
                let next = *expected.get_or_insert(mark.head);
                if next <= mark.head {
                    return Ok(Behind::Durable(next));
                }
            }
            Ok(Frame::Nothing) | Err(FrameError::Damaged(_)) => frames.skip(),
            Err(FrameError::Io(source)) => return Err(io_error("read a segment")(source)),
        }
        behind = Behind::Torn(frames.offset());
    }
    Ok(behind)
}

/// Overwrites a torn end with zeros, so that nothing of it is ever taken for a record.
fn cut(file: &dyn DirectoryFile, torn: &TornTail) -> Result<(), OpenError> {
    const ZEROS: [u8; 4096] = [0; 4096];
    let mut done = 0;
    while done < torn.bytes {
        let left = usize::try_from(torn.bytes - done).unwrap_or(usize::MAX);
        let zeros = ZEROS.get(..left).unwrap_or(&ZEROS);
        let written = file.write_at(zeros, torn.place.offset + done);
        written.map_err(io_error("cut off a torn end"))?;
        done += zeros.len() as u64;
    }
    file.sync().map_err(io_error("cut off a torn end"))
}

pub(crate) fn length_of(file: &dyn DirectoryFile) -> Result<u64, OpenError> {
    file.length().map_err(io_error("read a segment's length"))
}

pub(crate) fn io_error(what: &'static str) -> impl Fn(io::Error) -> OpenError {
    move |source| OpenError::Io { what, source }
}
