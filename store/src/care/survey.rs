//! Walks all records of a log and checks everything there is to check: checksums,
//! positions, the chain, headers and footers. It goes on behind damage.

use std::fmt;
use std::io;
use std::path::Path;
use std::sync::Arc;

use model::LogPosition;

use super::files::{Files, Opened, read_header};
use super::{CareError, CareProgress};
use crate::segments::catalog::sound_footer;
use crate::segments::chain::{Chain, Link};
use crate::segments::directory::DirectoryFile;
use crate::segments::frames::{Frame, FrameError, Frames, Mark};
use crate::segments::layout::{HEADER_BYTES, Header};
use crate::segments::record::{Head, SealedView};
use crate::segments::recovery::{Behind, io_error, search_behind};
use crate::{RecordPlace, TornTail};

/// Something that is not as it was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Damage {
    /// The first position that is touched, as far as that can be told.
    pub at: LogPosition,
    /// Where.
    pub place: RecordPlace,
    /// What does not fit.
    pub reason: &'static str,
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "position {} ({}): {}", self.at, self.place, self.reason)
    }
}

/// What a survey meets.
pub(super) enum Met<'a> {
    Record(&'a Head, &'a SealedView<'a>),
    Damage(Damage),
    SegmentDone(CareProgress),
}

/// What a survey knows at its end.
pub(super) struct Survey {
    pub(super) files: Files,
    pub(super) segments: u64,
    pub(super) records: u64,
    pub(super) file_bytes: u64,
    pub(super) head: LogPosition,
    pub(super) link: Link,
    pub(super) torn: Option<TornTail>,
}

/// Walks the log of a directory and shows everything it meets.
///
/// Beside a process that writes it goes up to the end of the segment in use when it began.
pub(super) fn survey(
    path: &Path,
    visitor: &mut dyn FnMut(Met<'_>) -> Result<(), CareError>,
) -> Result<Survey, CareError> {
    let files = Files::of(path)?;
    let last_in_use = files.last_in_use()?;
    let mut surveyor = Surveyor {
        visitor,
        files: &files,
        last_in_use,
        sequence: 0,
        next: LogPosition::ZERO.next(),
        chain: Some(Chain::at([0; 32])),
        unproved: None,
        records: 0,
        file_bytes: 0,
        end: 0,
        torn: None,
    };
    if let Some(segment) = files.missing {
        surveyor.sequence = segment;
        surveyor.damage(0, "the segment is missing")?;
    }
    let all = files.sequences();
    for (done, sequence) in all.iter().enumerate() {
        surveyor.segment(*sequence)?;
        let progress = CareProgress {
            segments_done: done as u64 + 1,
            segments: all.len() as u64,
            records: surveyor.records,
        };
        (surveyor.visitor)(Met::SegmentDone(progress))?;
    }
    Ok(Survey {
        segments: last_in_use,
        records: surveyor.records,
        file_bytes: surveyor.file_bytes,
        head: LogPosition::new(surveyor.next.number() - 1),
        link: surveyor.chain.map_or([0; 32], |chain| chain.link()),
        torn: surveyor.torn,
        files,
    })
}

struct Surveyor<'a> {
    visitor: &'a mut dyn FnMut(Met<'_>) -> Result<(), CareError>,
    files: &'a Files,
    last_in_use: u64,
    sequence: u64,
    /// The position to come.
    next: LogPosition,
    /// The chain so far; unknown behind damage, up to the next mark.
    chain: Option<Chain>,
    /// The first record behind the last mark, and where it stands.
    unproved: Option<(LogPosition, u64)>,
    records: u64,
    file_bytes: u64,
    /// Where the records of the segment before ended.
    end: u64,
    torn: Option<TornTail>,
}

impl Surveyor<'_> {
    fn damage(&mut self, offset: u64, reason: &'static str) -> Result<(), CareError> {
        self.damage_at(self.next, offset, reason)
    }

    fn damage_at(
        &mut self,
        at: LogPosition,
        offset: u64,
        reason: &'static str,
    ) -> Result<(), CareError> {
        let place = self.place(offset);
        (self.visitor)(Met::Damage(Damage { at, place, reason }))
    }

    fn place(&self, offset: u64) -> RecordPlace {
        RecordPlace {
            segment: self.sequence,
            offset,
        }
    }

    fn segment(&mut self, sequence: u64) -> Result<(), CareError> {
        self.sequence = sequence;
        let Some(Opened { file, is_sealed }) = self.files.open(sequence)? else {
            return self.damage(0, "the segment is missing");
        };
        let read = io_error("read a segment");
        let length = file.length().map_err(&read)?;
        self.file_bytes += length;
        let Some(header) = read_header(&*file, sequence)? else {
            return self.without_header(&file, length);
        };
        if self.last_in_use < sequence {
            // It came into use after the survey began.
            return Ok(());
        }
        self.check_header(&header)?;
        let footer = match is_sealed {
            true => sound_footer(&*file, length).map_err(&read)?,
            false => None,
        };
        if is_sealed && footer.is_none() {
            self.damage(length, "the segment's footer is damaged")?;
        }
        let following = self.following_start()?;
        let is_open = !is_sealed && following.is_none();
        if is_open && length < header.prepared {
            self.damage(length, "the file was cut short")?;
        }
        let footer_end = footer.as_ref().map(|footer| footer.end);
        let limit = footer_end.or(following).unwrap_or(length).min(length);
        self.end = self.records(&file, limit)?;
        match footer {
            Some(footer) if footer.last.next() != self.next => {
                self.damage(self.end, "the last records are missing")
            }
            Some(_) | None => Ok(()),
        }
    }

    /// Where this segment ends, by the header of the next one, if that is in use by now.
    fn following_start(&self) -> Result<Option<u64>, CareError> {
        let following = self.files.header(self.sequence + 1)?;
        Ok(following.map(|header| header.previous_end))
    }

    fn without_header(
        &mut self,
        file: &Arc<dyn DirectoryFile>,
        length: u64,
    ) -> Result<(), CareError> {
        if self.sequence < self.last_in_use || length < HEADER_BYTES as u64 {
            return self.damage(0, "the segment's header is damaged");
        }
        let behind = search_behind(file, 0, length, None)?;
        if read_header(&**file, self.sequence)?.is_some() {
            // It came into use at this moment.
            return Ok(());
        }
        match behind {
            Behind::Nothing => Ok(()),
            Behind::Durable(_) => self.damage(0, "the segment's header is damaged"),
            Behind::Torn(bytes) => {
                self.torn_at(0, bytes);
                Ok(())
            }
        }
    }

    fn torn_at(&mut self, offset: u64, bytes: u64) {
        self.torn = Some(TornTail {
            after: LogPosition::new(self.next.number() - 1),
            place: self.place(offset),
            bytes,
        });
    }

    fn check_header(&mut self, header: &Header) -> Result<(), CareError> {
        if header.sequence != self.sequence {
            self.damage(0, "it is another segment")?;
        }
        if header.first != self.next {
            self.damage(0, "records are missing before this segment")?;
            self.next = header.first;
            self.chain = None;
        }
        if header.previous_end != self.end && self.chain.is_some() {
            self.damage(0, "the segment before does not end where it ended")?;
        }
        self.prove(&header.link, 0)?;
        Ok(())
    }

    /// Compares the chain with what is written down of it, and goes on from there.
    fn prove(&mut self, link: &Link, offset: u64) -> Result<(), CareError> {
        let unproved = self.unproved.take();
        if self
            .chain
            .as_ref()
            .is_some_and(|chain| chain.link() != *link)
        {
            let (at, offset) = unproved.unwrap_or((self.next, offset));
            self.damage_at(at, offset, "the chain does not lead on from here")?;
        }
        self.chain = Some(Chain::at(*link));
        Ok(())
    }

    /// Walks the records and answers with where they end.
    fn records(&mut self, file: &Arc<dyn DirectoryFile>, limit: u64) -> Result<u64, CareError> {
        let mut frames = Frames::new(Arc::clone(file), HEADER_BYTES as u64, limit);
        let mut end = frames.offset();
        loop {
            let offset = frames.offset();
            let reason = match frames.advance() {
                Ok(Frame::Record(head)) => {
                    self.record(&head, &frames, offset)?;
                    end = frames.offset();
                    continue;
                }
                Ok(Frame::Mark(mark)) => {
                    self.mark(&mark, offset)?;
                    end = frames.offset();
                    continue;
                }
                Ok(Frame::Nothing) if frames.at_end() => return Ok(end),
                Ok(Frame::Nothing) => "the record is missing",
                Err(FrameError::Damaged(reason)) => reason,
                Err(FrameError::Io(source)) => {
                    return Err(io_error("read a segment")(source).into());
                }
            };
            let behind = search_behind(file, offset, limit, Some(self.next))?;
            // Where somebody writes, what is there now was perhaps not there yet.
            frames.forget();
            if frames.peek().map_err(io_error("read a segment"))? {
                continue;
            }
            let following = self.following_start()?;
            if following.is_some_and(|start| start <= offset) {
                return Ok(end);
            }
            match behind {
                Behind::Nothing => return Ok(end),
                Behind::Torn(last) if following.is_none() => {
                    self.torn_at(offset, last - offset);
                    return Ok(end);
                }
                Behind::Torn(_) | Behind::Durable(_) => self.damage(offset, reason)?,
            }
            self.chain = None;
            self.unproved = None;
            if !go_to_next_frame(&mut frames).map_err(io_error("read a segment"))? {
                return Ok(end);
            }
        }
    }

    fn record(&mut self, head: &Head, frames: &Frames, offset: u64) -> Result<(), CareError> {
        if head.position != self.next {
            let reason = match head.position < self.next {
                true => "an earlier record stands in its place",
                false => "a later record stands in its place",
            };
            // Behind known damage it is no news that records are missing.
            if self.chain.is_some() {
                self.damage(offset, reason)?;
            }
            self.chain = None;
        }
        self.next = head.position;
        let Ok(sealed) = frames.sealed() else {
            self.chain = None;
            return self.damage(offset, "its parts do not fit its length");
        };
        self.unproved.get_or_insert((head.position, offset));
        let chain = self.chain.as_mut();
        if chain.is_some_and(|chain| !chain.follow(head, frames.sealed_bytes())) {
            self.chain = None;
            self.damage(offset, "the chain does not lead to this record")?;
        }
        (self.visitor)(Met::Record(head, &sealed))?;
        self.records += 1;
        self.next = head.position.next();
        Ok(())
    }

    fn mark(&mut self, mark: &Mark, offset: u64) -> Result<(), CareError> {
        if mark.head.next() != self.next {
            // Behind known damage it is no news that records are missing.
            if self.chain.is_some() {
                self.damage(offset, "the mark names another record")?;
            }
            self.chain = None;
            self.next = mark.head.next();
        }
        self.prove(&mark.link, offset)
    }
}

/// Goes to the next place where a record or mark stands; false if there is none.
fn go_to_next_frame(frames: &mut Frames) -> io::Result<bool> {
    frames.skip();
    while frames.skip_zeros()? {
        match frames.peek() {
            Ok(true) => return Ok(true),
            Ok(false) => frames.skip(),
            Err(error) => return Err(error),
        }
    }
    Ok(false)
}
