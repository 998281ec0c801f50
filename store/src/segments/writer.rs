//! The one writer: links digests, writes groups, syncs once per group, and answers.
//!
//! It alone knows what is linked but not yet durable. A write or sync that fails
//! ends its work: whether those bytes are on the disk nobody can know before a restart.

use std::io;
use std::ops::Range;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender};
use std::time::Duration;

use model::{Clock, LogPosition, Timestamp};
use tokio::sync::{oneshot, watch};
use tracing::{error, warn};

use super::catalog::{CompleteSegment, OpenSegment, Unsealed};
use super::directory::DirectoryFile;
use super::frames::Mark;
use super::ids::{IdSet, IdTable, Kept};
use super::layout::{Footer, HEADER_BYTES, Header};
use super::lookup;
use super::queue::{Taken, Waiting};
use super::record::{self, HEAD_BYTES, Head, Link, SealedView};
use super::submission::{First, Prepared, Submission};
use super::tender::{Job, PreparedSegment};
use super::{SegmentConfig, Shared};
use crate::{AppendError, Appended};

/// Positions this far apart can be found without walking.
pub(crate) const PLACE_EVERY_BYTES: u64 = 32 * 1024;
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
}

pub(crate) struct Writer {
    pub(crate) config: SegmentConfig,
    pub(crate) shared: Arc<Shared>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) head: watch::Sender<LogPosition>,
    pub(crate) jobs: Sender<Job>,
    pub(crate) prepared: Receiver<io::Result<PreparedSegment>>,
    pub(crate) at: Start,
    pub(crate) group: Group,
    /// A segment that is full, until the next one holds something durable.
    pub(crate) completed: Option<CompleteSegment>,
    /// Whether bytes are written that no sync has covered: the last mark.
    pub(crate) unsynced: bool,
}

/// What is linked and not yet durable.
#[derive(Default)]
pub(crate) struct Group {
    bytes: Vec<u8>,
    /// Where the sealed part of each of its records lies in `bytes`.
    sealed: Vec<Range<usize>>,
    places: Vec<(LogPosition, u64)>,
    answers: Vec<Answer>,
}

struct Answer {
    to: oneshot::Sender<Result<Vec<Appended>, AppendError>>,
    outcomes: Vec<Appended>,
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
                Ok(outcomes) => self.group.answers.push(Answer {
                    to: answer,
                    outcomes,
                }),
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
        // Segments may have been completed since the submitting thread looked.
        let searched = self.shared.lookup.search(&mut submission);
        searched.map_err(Refusal::One)?;
        let mut outcomes = Vec::with_capacity(submission.records.len());
        for prepared in &submission.records {
            let first = match prepared.first {
                Some(first) => Some(first),
                None => self.first(&submission, prepared).map_err(Refusal::One)?,
            };
            outcomes.push(match first {
                Some(First {
                    position,
                    same: true,
                }) => Appended::Duplicate(position),
                Some(First {
                    position,
                    same: false,
                }) => Appended::Conflict {
                    id: submission.view(prepared).id(),
                    first: position,
                },
                None => {
                    let sealed = submission.sealed(prepared);
                    self.make_room(HEAD_BYTES + sealed.len())?;
                    Appended::Recorded(self.push(prepared, sealed))
                }
            });
        }
        Ok(outcomes)
    }

    /// The first record of the id in the open segment.
    fn first(
        &self,
        submission: &Submission,
        prepared: &Prepared,
    ) -> Result<Option<First>, AppendError> {
        let mut candidates = Vec::new();
        self.at.ids.candidates(prepared.id, &mut candidates);
        if candidates.is_empty() {
            return Ok(None);
        }
        let sealed = submission.view(prepared);
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
            let range = self.group.sealed.get(usize::try_from(index).ok()?)?;
            let first = SealedView::parse(self.group.bytes.get(range.clone())?)?;
            let same = lookup::compared(&first, sealed);
            let same = same.expect("both were sealed by this process")?;
            Some(First { position, same })
        })
    }

    /// Makes the group durable, or goes to the next segment, where the record does not fit.
    fn make_room(&mut self, bytes: usize) -> Result<(), Refusal> {
        let group_full = self.config.group_bytes < self.group.bytes.len() + bytes;
        if group_full && !self.group.sealed.is_empty() {
            self.flush().map_err(Refusal::Disk)?;
        }
        let end = self.at.segment.offset + (self.group.bytes.len() + bytes) as u64;
        let is_fresh = self.at.segment.offset == 0 && self.group.bytes.is_empty();
        if end <= self.at.segment.prepared || is_fresh {
            return Ok(());
        }
        self.flush().map_err(Refusal::Disk)?;
        self.turn_over()
    }

    /// Begins the next segment in memory; its first bytes are written with its first group.
    fn turn_over(&mut self) -> Result<(), Refusal> {
        // The next segment's header says where this one ends, so its last mark must stay.
        self.sync_mark().map_err(Refusal::Disk)?;
        let gone = || io::Error::other("the thread that prepares segments has ended");
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

    fn push(&mut self, prepared: &Prepared, sealed: &[u8]) -> LogPosition {
        if self.group.sealed.is_empty() {
            self.at.recorded_at = self.at.recorded_at.max(self.clock.now());
            self.begin_segment();
        }
        let position = self.at.head.next();
        let offset = self.at.segment.offset + self.group.bytes.len() as u64;
        let last_place = self.group.places.last().or(self.at.segment.places.last());
        if last_place.is_none_or(|(_, last)| last + PLACE_EVERY_BYTES <= offset) {
            self.group.places.push((position, offset));
        }
        let head = Head {
            in_group: u32::try_from(self.group.sealed.len()).unwrap_or(u32::MAX),
            position,
            recorded_at: self.at.recorded_at,
            link: self.at.link,
        };
        let start = self.group.bytes.len() + HEAD_BYTES;
        record::write_record(&head, sealed, prepared.checksum, &mut self.group.bytes);
        self.group.sealed.push(start..start + sealed.len());
        self.at.link = record::link_after(&head, &prepared.digest);
        self.at.head = position;
        self.at.ids.insert(prepared.id, position);
        position
    }

    /// The header goes out with the first group of its segment.
    fn begin_segment(&mut self) {
        let segment = &self.at.segment;
        if segment.offset != 0 {
            return;
        }
        let header = Header {
            sequence: segment.sequence,
            first: segment.first,
            previous_end: segment.previous_end,
            prepared: segment.prepared,
            link: self.at.link,
            recorded_from: self.at.recorded_at,
        };
        self.group.bytes.extend_from_slice(&header.encode());
        debug_assert_eq!(self.group.bytes.len(), HEADER_BYTES);
    }

    /// Makes the group durable and answers.
    fn flush(&mut self) -> io::Result<()> {
        if !self.group.sealed.is_empty() {
            let written = self.write_group();
            if let Err(error) = written {
                // Before anybody hears of it: who asks again is refused at once.
                self.poison(&error);
                let after = self.durable();
                for Answer { to, .. } in self.group.answers.drain(..) {
                    drop(to.send(Err(sync_error(after, &error))));
                }
                return Err(error);
            }
        }
        for Answer { to, outcomes } in self.group.answers.drain(..) {
            // Whoever asked may be gone; what was written stays written.
            drop(to.send(Ok(outcomes)));
        }
        Ok(())
    }

    fn write_group(&mut self) -> io::Result<()> {
        let segment = &mut self.at.segment;
        segment.file.write_at(&self.group.bytes, segment.offset)?;
        segment.file.sync()?;
        segment.offset += self.group.bytes.len() as u64;
        segment.places.extend_from_slice(&self.group.places);
        let mark = Mark {
            head: self.at.head,
            offset: segment.offset,
            link: self.at.link,
        };
        let mark = mark.encode();
        segment.file.write_at(&mark, segment.offset)?;
        segment.offset += mark.len() as u64;
        self.unsynced = true;
        self.publish();
        self.group.bytes.clear();
        self.group.sealed.clear();
        self.group.places.clear();
        Ok(())
    }

    /// Shows readers what has become durable.
    fn publish(&mut self) {
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
                listed.open.places.extend_from_slice(&self.group.places);
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
