//! The one writer: links digests, writes groups, syncs once per group, and answers.
//!
//! It alone knows what is linked but not yet durable. A write or sync that fails
//! ends its work: whether those bytes are on the disk nobody can know before a restart.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender};
use std::time::Duration;

use model::{Clock, LogPosition, Timestamp};
use tokio::sync::watch;
use tracing::{error, warn};

use super::block::{Block, First, Prepared};
use super::catalog::{CompleteSegment, OpenSegment, Unsealed};
use super::chain::Link;
use super::directory::DirectoryFile;
use super::frames::Mark;
use super::group::{Group, Site};
use super::ids::{IdSet, IdTable, Kept};
use super::layout::{Footer, HEADER_BYTES, Header};
use super::lookup;
use super::queue::{Taken, Waiting};
use super::record::SealedView;
use super::submission::Submission;
use super::tender::{Job, PreparedSegment};
use super::{SegmentConfig, Shared};
use crate::{AppendError, Appended};

/// Zeros written beforehand save a part of each sync. Where fewer syncs fill a segment, they cost more than they save.
const SYNCS_WORTH_ZEROS: u32 = 64;
/// When nothing comes for so long, the last mark is made durable too.
const IDLE: Duration = Duration::from_secs(1);

/// Where the log stands when the writer begins.
pub(crate) struct Start {
    pub(crate) segment: Writing,
    pub(crate) ids: IdTable,
    pub(crate) head: LogPosition,
    pub(crate) link: Link,
    pub(crate) recorded_at: Timestamp,
}

/// The segment that is written to.
pub(crate) struct Writing {
    pub(crate) sequence: u64,
    pub(crate) file: Arc<dyn DirectoryFile>,
    pub(crate) first: LogPosition,
    /// Where the next bytes go.
    pub(crate) offset: u64,
    /// The length the file was prepared with.
    pub(crate) prepared: u64,
    pub(crate) previous_end: u64,
    pub(crate) places: Vec<(LogPosition, u64)>,
    /// How often it was synced since the log was opened.
    pub(crate) syncs: u32,
}

pub(crate) struct Writer {
    pub(crate) config: SegmentConfig,
    pub(crate) shared: Arc<Shared>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) head: watch::Sender<LogPosition>,
    pub(crate) jobs: Sender<Job>,
    pub(crate) prepared: Receiver<io::Result<PreparedSegment>>,
    /// Tells who prepares segments that they are filled faster than zeros can be.
    pub(crate) hurried: Arc<AtomicBool>,
    pub(crate) at: Start,
    pub(crate) group: Group,
    /// A segment that is full, until the next one holds something durable.
    pub(crate) completed: Option<CompleteSegment>,
    /// Whether bytes are written that no sync has covered: the last mark.
    pub(crate) unsynced: bool,
}

/// Why a submission was not taken.
enum Refusal {
    /// Only this one.
    One(AppendError),
    /// The disk failed: this one and every one after it.
    Disk(io::Error),
}

impl Writer {
    /// Works until the queue is closed and empty.
    pub(crate) fn run(mut self) {
        loop {
            let taken =
                self.shared
                    .queue
                    .take(self.config.group_bytes, self.config.group_delay, IDLE);
            let failed = match taken {
                Taken::Group(waiting) => self.take_group(waiting),
                Taken::Idle => self.sync_mark(),
                Taken::Closed => {
                    if let Err(error) = self.sync_mark() {
                        warn!(
                            error = &error as &dyn std::error::Error,
                            "could not sync the last mark"
                        );
                    }
                    return;
                }
            };
            if let Err(error) = failed {
                self.poison(&error);
                return self.refuse_all();
            }
        }
    }

    fn take_group(&mut self, waiting: Vec<Waiting>) -> io::Result<()> {
        let mut rest = waiting.into_iter();
        while let Some(Waiting { submission, answer }) = rest.next() {
            match self.link(submission) {
                Ok(outcomes) => self.group.answer_later(answer, outcomes),
                Err(Refusal::One(refused)) => drop(answer.send(Err(refused))),
                Err(Refusal::Disk(error)) => {
                    self.poison(&error);
                    let after = self.durable();
                    drop(answer.send(Err(sync_error(after, &error))));
                    for Waiting { answer, .. } in rest {
                        drop(answer.send(Err(sync_error(after, &error))));
                    }
                    return Err(error);
                }
            }
        }
        self.flush()
    }

    /// Links the events of a submission that are new.
    fn link(&mut self, mut submission: Submission) -> Result<Vec<Appended>, Refusal> {
        let mut outcomes = Vec::with_capacity(submission.events());
        for index in 0..submission.blocks.len() {
            let block = submission.blocks.get(index);
            self.make_room(block.map_or(0, |block| block.bytes.len()))?;
            // Segments may have been completed since the submitting thread looked, the last one just now.
            let searched = self.shared.lookup.search(&mut submission);
            searched.map_err(Refusal::One)?;
            if let Some(block) = submission.blocks.get_mut(index) {
                self.link_block(std::mem::take(block), &mut outcomes)?;
            }
        }
        Ok(outcomes)
    }

    /// Takes a block as a whole up to the first event that may be known already.
    fn link_block(&mut self, block: Block, outcomes: &mut Vec<Appended>) -> Result<(), Refusal> {
        let mut new = 0;
        for prepared in &block.records {
            let position = self.at.head.next();
            if prepared.first.is_some() || !self.at.ids.insert_first(prepared.id, position) {
                break;
            }
            self.at.head = position;
            outcomes.push(Appended::Recorded(position));
            new += 1;
        }
        if 0 < new {
            self.begin_group();
        }
        if new == block.records.len() {
            self.group.keep(block, &self.shared.blocks);
            return Ok(());
        }
        let (all_new, rest) = block.records.split_at_checked(new).unwrap_or_default();
        for prepared in all_new {
            self.group.gather(&block, prepared, &self.shared.blocks);
        }
        for prepared in rest {
            outcomes.push(self.link_one(&block, prepared)?);
        }
        self.shared.blocks.give_back(block);
        Ok(())
    }

    /// Takes one event of a block unless it is known.
    fn link_one(&mut self, block: &Block, prepared: &Prepared) -> Result<Appended, Refusal> {
        let first = match prepared.first {
            Some(first) => Some(first),
            None => self.first(block, prepared).map_err(Refusal::One)?,
        };
        let Some(First { position, same }) = first else {
            self.begin_group();
            self.at.head = self.at.head.next();
            self.at.ids.insert(prepared.id, self.at.head);
            self.group.gather(block, prepared, &self.shared.blocks);
            return Ok(Appended::Recorded(self.at.head));
        };
        Ok(match same {
            true => Appended::Duplicate(position),
            false => Appended::Conflict {
                id: block.view(prepared).id(),
                first: position,
            },
        })
    }

    /// The first record of the id in the open segment.
    fn first(&self, block: &Block, prepared: &Prepared) -> Result<Option<First>, AppendError> {
        let mut candidates = Vec::new();
        self.at.ids.candidates(prepared.id, &mut candidates);
        if candidates.is_empty() {
            return Ok(None);
        }
        let sealed = block.view(prepared);
        let durable = self.durable();
        candidates.sort_unstable();
        let written = candidates.partition_point(|position| *position <= durable);
        let (written, unwritten) = candidates.split_at_checked(written).unwrap_or_default();
        let first = self.shared.lookup.confirm(&sealed, written)?;
        Ok(first.or_else(|| self.confirm_unwritten(&sealed, unwritten)))
    }

    fn confirm_unwritten(
        &self,
        sealed: &SealedView<'_>,
        candidates: &[LogPosition],
    ) -> Option<First> {
        let durable = self.durable();
        candidates.iter().find_map(|&position| {
            let index = position.number().checked_sub(durable.number() + 1)?;
            let first = self.group.record(index)?;
            let same = lookup::compared(&first, sealed);
            let same = same.expect("both were sealed by this process")?;
            Some(First { position, same })
        })
    }

    /// Makes the group durable, or goes to the next segment, where the block does not fit.
    fn make_room(&mut self, bytes: usize) -> Result<(), Refusal> {
        let group_full = self.config.group_bytes < self.group.bytes() + bytes;
        if group_full && !self.group.is_empty() {
            self.flush().map_err(Refusal::Disk)?;
        }
        let is_fresh = self.at.segment.offset == 0 && self.group.is_empty();
        let end = self.group_offset() + (self.group.bytes() + bytes) as u64;
        if end <= self.at.segment.prepared || is_fresh {
            return Ok(());
        }
        self.flush().map_err(Refusal::Disk)?;
        self.turn_over()
    }

    /// Where the records of the group will lie: behind the header, where that is not written yet.
    fn group_offset(&self) -> u64 {
        self.at.segment.offset.max(HEADER_BYTES as u64)
    }

    /// Begins the next segment in memory; its first bytes are written with its first group.
    fn turn_over(&mut self) -> Result<(), Refusal> {
        // The next segment's header says where this one ends, so its last mark must stay.
        self.sync_mark().map_err(Refusal::Disk)?;
        let gone = || io::Error::other("the thread that prepares segments has ended");
        let few_syncs = self.at.segment.syncs < SYNCS_WORTH_ZEROS;
        self.hurried.store(few_syncs, Ordering::Relaxed);
        let prepared = self.prepared.recv().map_err(|_| Refusal::Disk(gone()))?;
        let prepared = prepared.map_err(|error| match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                error!("the disk is full; the log takes nothing until there is room");
                Refusal::One(AppendError::Busy)
            }
            _ => Refusal::Disk(error),
        })?;
        let next = Writing {
            sequence: prepared.sequence,
            file: prepared.file,
            first: self.at.head.next(),
            offset: 0,
            prepared: prepared.bytes,
            previous_end: self.at.segment.offset,
            places: Vec::new(),
            syncs: 0,
        };
        let full = std::mem::replace(&mut self.at.segment, next);
        let footer = Footer {
            end: full.offset,
            last: self.at.head,
            places: full.places,
        };
        let table = Arc::new(std::mem::take(&mut self.at.ids));
        self.shared.lookup.complete.put(IdSet {
            first: full.sequence,
            last: full.sequence,
            kept: Kept::Table(table),
        });
        self.completed = Some(CompleteSegment {
            sequence: full.sequence,
            first: full.first,
            unsealed: Some(Unsealed {
                file: full.file,
                footer: Arc::new(footer),
            }),
        });
        Ok(())
    }

    /// All records of a group get the time at which its first one came.
    fn begin_group(&mut self) {
        if self.group.is_empty() {
            self.at.recorded_at = self.at.recorded_at.max(self.clock.now());
        }
    }

    /// Makes the group durable and answers.
    fn flush(&mut self) -> io::Result<()> {
        if !self.group.is_empty() {
            let written = self.write_group();
            if let Err(error) = written {
                // Before anybody hears of it: who asks again is refused at once.
                self.poison(&error);
                let after = self.durable();
                self.group.refuse(|| sync_error(after, &error));
                return Err(error);
            }
        }
        self.group.answer();
        Ok(())
    }

    fn write_group(&mut self) -> io::Result<()> {
        if self.at.segment.offset == 0 {
            self.write_header()?;
        }
        let site = Site {
            first: self.durable().next(),
            offset: self.at.segment.offset,
            recorded_at: self.at.recorded_at,
            link: self.at.link,
        };
        let segment = &mut self.at.segment;
        let known_places = segment.places.len();
        self.at.link = self.group.link(&site, &mut segment.places);
        for block in self.group.blocks() {
            segment.file.write_at(&block.bytes, segment.offset)?;
            segment.offset += block.bytes.len() as u64;
        }
        segment.file.sync()?;
        segment.syncs += 1;
        let mark = Mark {
            head: self.at.head,
            offset: segment.offset,
            link: self.at.link,
        };
        let mark = mark.encode();
        segment.file.write_at(&mark, segment.offset)?;
        segment.offset += mark.len() as u64;
        self.unsynced = true;
        self.publish(known_places);
        self.group.clear(&self.shared.blocks);
        Ok(())
    }

    /// The header becomes durable with the first group of its segment.
    fn write_header(&mut self) -> io::Result<()> {
        let segment = &mut self.at.segment;
        let header = Header {
            sequence: segment.sequence,
            first: segment.first,
            previous_end: segment.previous_end,
            prepared: segment.prepared,
            link: self.at.link,
            recorded_from: self.at.recorded_at,
        };
        segment.file.write_at(&header.encode(), 0)?;
        segment.offset = HEADER_BYTES as u64;
        Ok(())
    }

    /// Shows readers what has become durable.
    fn publish(&mut self, known_places: usize) {
        let segment = &self.at.segment;
        let completed = self.completed.take();
        let sealed = completed.as_ref().map(|completed| completed.sequence);
        {
            let mut listed = self.shared.catalog.listed();
            if listed.open.sequence != segment.sequence || sealed.is_some() {
                listed.complete.extend(completed);
                listed.open = OpenSegment {
                    sequence: segment.sequence,
                    first: segment.first,
                    file: Arc::clone(&segment.file),
                    end: segment.offset,
                    places: segment.places.clone(),
                };
            } else {
                listed.open.end = segment.offset;
                let new_places = segment.places.get(known_places..).unwrap_or_default();
                listed.open.places.extend_from_slice(new_places);
            }
        }
        self.head.send_replace(self.at.head);
        if let Some(sequence) = sealed {
            drop(self.jobs.send(Job::Seal(sequence)));
        }
    }

    fn sync_mark(&mut self) -> io::Result<()> {
        if self.unsynced {
            self.at.segment.file.sync()?;
            self.unsynced = false;
        }
        Ok(())
    }

    fn durable(&self) -> LogPosition {
        *self.head.borrow()
    }

    fn poison(&self, error: &io::Error) {
        let after = self.durable();
        if !self.shared.poison(after) {
            return;
        }
        error!(
            event.position = %after,
            error = error as &dyn std::error::Error,
            "could not sync the log after position {after}; it takes no more until restart"
        );
    }

    fn refuse_all(&self) {
        let after = self.durable();
        loop {
            match self.shared.queue.take(usize::MAX, Duration::ZERO, IDLE) {
                Taken::Group(waiting) => {
                    for Waiting { answer, .. } in waiting {
                        drop(answer.send(Err(AppendError::Poisoned { after })));
                    }
                }
                Taken::Idle => {}
                Taken::Closed => return,
            }
        }
    }
}

fn sync_error(after: LogPosition, error: &io::Error) -> AppendError {
    let source = match error.raw_os_error() {
        Some(code) => io::Error::from_raw_os_error(code),
        None => io::Error::new(error.kind(), error.to_string()),
    };
    AppendError::Sync { after, source }
}
