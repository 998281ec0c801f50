//! Walks all records of a log and checks everything there is to check: checksums,
//! positions, the chain, headers and footers. It goes on behind damage.

use std::fmt;
use std::io;
use std::path::Path;
use std::sync::Arc;

use model::LogPosition;

use super::{CareError, CareProgress};
use crate::segments::catalog::sound_footer;
use crate::segments::directory::{Directory, DirectoryFile, DiskDirectory, read_full};
use crate::segments::frames::{Frame, FrameError, Frames};
use crate::segments::layout::{HEADER_BYTES, Header, sealed_name, segment_name};
use crate::segments::record::{self, Head, Link, SealedView};
use crate::segments::recovery::{Behind, Inventory, io_error, search_behind};
use crate::{OpenError, RecordPlace, TornTail};

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
    pub(super) inventory: Inventory,
    pub(super) directory: Arc<dyn Directory>,
    pub(super) segments: u64,
    pub(super) records: u64,
    pub(super) file_bytes: u64,
    pub(super) head: LogPosition,
    pub(super) link: Link,
    pub(super) torn: Option<TornTail>,
}

/// Walks the log of a directory and shows everything it meets.
pub(super) fn survey(
    path: &Path,
    visitor: &mut dyn FnMut(Met<'_>) -> Result<(), CareError>,
) -> Result<Survey, CareError> {
    let directory: Arc<dyn Directory> = Arc::new(DiskDirectory::for_reading(path));
    let inventory = Inventory::of(&*directory)?;
    let mut surveyor = Surveyor {
        visitor,
        sequence: 0,
        next: LogPosition::ZERO.next(),
        link: Some([0; 32]),
        last_link: [0; 32],
        records: 0,
        file_bytes: 0,
        end: 0,
        limit: None,
        torn: None,
    };
    if let Err(OpenError::SegmentMissing(segment)) = inventory.check_sequence() {
        surveyor.sequence = segment;
        surveyor.damage(0, "the segment is missing")?;
    }
    let sealed = inventory.sealed.iter();
    let sealed = sealed.map(|(sequence, first)| (*sequence, sealed_name(*sequence, *first)));
    let unsealed = inventory.unsealed.iter();
    let unsealed = unsealed.map(|sequence| (*sequence, segment_name(*sequence)));
    let mut all: Vec<(u64, String)> = sealed.chain(unsealed).collect();
    all.sort();
    let last_in_use = last_in_use(&*directory, &all)?;
    for (done, (sequence, name)) in all.iter().enumerate() {
        surveyor.limit = match all.get(done + 1) {
            Some((_, next)) => previous_end(&*directory, next)?,
            None => None,
        };
        surveyor.segment(&*directory, *sequence, name, last_in_use)?;
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
        link: surveyor.last_link,
        torn: surveyor.torn,
        inventory,
        directory,
    })
}

/// The newest segment with a header: those behind it wait to be used.
fn last_in_use(directory: &dyn Directory, all: &[(u64, String)]) -> Result<u64, OpenError> {
    for (sequence, name) in all.iter().rev() {
        let file = directory.open(name).map_err(io_error("open a segment"))?;
        if read_header(&*file)
            .map_err(io_error("read a segment"))?
            .is_some()
        {
            return Ok(*sequence);
        }
    }
    Ok(0)
}

/// Where the segment before ends, by the header of the next one.
fn previous_end(directory: &dyn Directory, next: &str) -> Result<Option<u64>, OpenError> {
    let file = directory.open(next).map_err(io_error("open a segment"))?;
    let header = read_header(&*file).map_err(io_error("read a segment"))?;
    Ok(header.map(|header| header.previous_end))
}

fn read_header(file: &dyn DirectoryFile) -> io::Result<Option<Header>> {
    let mut bytes = [0; HEADER_BYTES];
    read_full(file, &mut bytes, 0)?;
    Ok(Header::parse(&bytes))
}

struct Surveyor<'a> {
    visitor: &'a mut dyn FnMut(Met<'_>) -> Result<(), CareError>,
    sequence: u64,
    /// The position to come.
    next: LogPosition,
    /// The chain so far; unknown behind damage.
    link: Option<Link>,
    last_link: Link,
    records: u64,
    file_bytes: u64,
    /// Where the records of the segment before ended.
    end: u64,
    /// Where those of this segment end, by the header of the next one.
    limit: Option<u64>,
    torn: Option<TornTail>,
}

impl Surveyor<'_> {
    fn damage(&mut self, offset: u64, reason: &'static str) -> Result<(), CareError> {
        let damage = Damage {
            at: self.next,
            place: self.place(offset),
            reason,
        };
        (self.visitor)(Met::Damage(damage))
    }

    fn place(&self, offset: u64) -> RecordPlace {
        RecordPlace {
            segment: self.sequence,
            offset,
        }
    }

    fn segment(
        &mut self,
        directory: &dyn Directory,
        sequence: u64,
        name: &str,
        last_in_use: u64,
    ) -> Result<(), CareError> {
        self.sequence = sequence;
        let read = io_error("read a segment");
        let file = directory.open(name).map_err(io_error("open a segment"))?;
        let length = file.length().map_err(&read)?;
        self.file_bytes += length;
        let Some(header) = read_header(&*file).map_err(&read)? else {
            return self.without_header(&file, length, last_in_use);
        };
        self.check_header(&header)?;
        let is_sealed = name != segment_name(sequence);
        let footer = match is_sealed {
            true => sound_footer(&*file, length).map_err(&read)?,
            false => None,
        };
        if is_sealed && footer.is_none() {
            self.damage(length, "the segment's footer is damaged")?;
        }
        let is_open = sequence == last_in_use;
        if is_open && length < header.prepared {
            self.damage(length, "the file was cut short")?;
        }
        let footer_end = footer.as_ref().map(|footer| footer.end);
        let limit = footer_end.or(self.limit).unwrap_or(length).min(length);
        let walked = self.records(&file, limit, is_open)?;
        self.end = walked;
        match footer {
            Some(footer) if footer.last.next() != self.next => {
                self.damage(walked, "the last records are missing")
            }
            Some(_) | None => Ok(()),
        }
    }

    fn without_header(
        &mut self,
        file: &Arc<dyn DirectoryFile>,
        length: u64,
        last_in_use: u64,
    ) -> Result<(), CareError> {
        if self.sequence < last_in_use || length < HEADER_BYTES as u64 {
            return self.damage(0, "the segment's header is damaged");
        }
        match search_behind(file, 0, length, None)? {
            Behind::Nothing => Ok(()),
            Behind::Durable(_) => self.damage(0, "the segment's header is damaged"),
            Behind::Torn(bytes) => {
                self.torn = Some(TornTail {
                    after: LogPosition::new(self.next.number() - 1),
                    place: self.place(0),
                    bytes,
                });
                Ok(())
            }
        }
    }

    fn check_header(&mut self, header: &Header) -> Result<(), CareError> {
        if header.sequence != self.sequence {
            self.damage(0, "it is another segment")?;
        }
        if header.first != self.next {
            self.damage(0, "records are missing before this segment")?;
            self.next = header.first;
            self.link = None;
        }
        if header.previous_end != self.end && self.link.is_some() {
            self.damage(0, "the segment before does not end where it ended")?;
        }
        if self.link.is_some_and(|link| link != header.link) {
            self.damage(0, "the chain does not lead to this segment")?;
        }
        self.link = Some(header.link);
        Ok(())
    }

    /// Walks the records and answers with where they end.
    fn records(
        &mut self,
        file: &Arc<dyn DirectoryFile>,
        limit: u64,
        is_open: bool,
    ) -> Result<u64, CareError> {
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
                    if mark.head.next() != self.next {
                        self.damage(offset, "the mark names another record")?;
                    }
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
            match search_behind(file, offset, limit, Some(self.next))? {
                Behind::Nothing => return Ok(end),
                Behind::Torn(last) if is_open => {
                    self.torn = Some(TornTail {
                        after: LogPosition::new(self.next.number() - 1),
                        place: self.place(offset),
                        bytes: last - offset,
                    });
                    return Ok(end);
                }
                Behind::Torn(_) | Behind::Durable(_) => self.damage(offset, reason)?,
            }
            self.link = None;
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
            if self.link.is_some() {
                self.damage(offset, reason)?;
            }
            self.link = None;
        }
        self.next = head.position;
        if self.link.is_some_and(|link| link != head.link) {
            self.damage(offset, "the chain does not lead to this record")?;
        }
        let Ok(sealed) = frames.sealed() else {
            return self.damage(offset, "its parts do not fit its length");
        };
        (self.visitor)(Met::Record(head, &sealed))?;
        self.records += 1;
        self.last_link = record::link_after(head, &record::digest(frames.sealed_bytes()));
        self.link = Some(self.last_link);
        self.next = head.position.next();
        Ok(())
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
