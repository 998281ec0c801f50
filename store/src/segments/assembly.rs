//! Puts a [`SegmentLog`] together from what recovery finds.

use std::io;
use std::sync::atomic::AtomicBool;
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};

use model::{Clock, LogPosition, Timestamp};
use tokio::sync::watch;
use tracing::{info, warn};

use super::block::Blocks;
use super::catalog::{Catalog, CompleteSegment, Listed, OpenSegment, Unsealed};
use super::directory::{Directory, DirectoryFile};
use super::group::Group;
use super::ids::{IdKey, IdSet, IdTable, Kept, Run};
use super::layout::{Footer, Header, run_name, segment_name};
use super::lookup::Lookup;
use super::queue::Queue;
use super::recovery::{self, Inventory, OpenError, TornTail, Walked, io_error, length_of};
use super::tender::{Job, PreparedSegment, Preparer, Tender, prepare};
use super::writer::{Start, Writer, Writing};
use super::{SegmentConfig, SegmentLog, Shared};
use crate::{LogHealth, ReadError, RecordPlace};

/// What the walk over unsealed segments came to.
struct Settled {
    start: Start,
    /// Full segments that were not sealed yet, with their ids.
    full: Vec<(CompleteSegment, IdTable)>,
    /// The segment that is used next, if it was prepared.
    next: Option<PreparedSegment>,
    torn: Option<TornTail>,
}

/// An unsealed segment in use.
struct InUse {
    header: Header,
    file: Arc<dyn DirectoryFile>,
}

pub(super) fn open(
    directory: Arc<dyn Directory>,
    config: SegmentConfig,
    clock: Arc<dyn Clock>,
) -> Result<SegmentLog, OpenError> {
    let mut inventory = Inventory::of(&*directory)?;
    inventory.check_sequence()?;
    for name in &inventory.unfinished {
        directory
            .remove(name)
            .map_err(io_error("remove an unfinished file"))?;
    }
    let key = IdKey::load_or_make(&*directory, &inventory.names);
    let (key, is_new) = key.map_err(io_error("read the key of its ids"))?;
    if is_new {
        inventory.runs.clear();
    }
    let settled = settle(&directory, &inventory, config, &key)?;
    report_torn(settled.torn);
    let torn = settled.torn;
    let (jobs, jobs_taken) = mpsc::channel();
    let (shared, start, next) = share(directory, &inventory, settled, key, config, &jobs)?;
    let (head, head_seen) = watch::channel(start.head);
    let threads = Threads {
        config,
        clock,
        shared: Arc::clone(&shared),
        head,
        jobs,
        jobs_taken,
    };
    Ok(SegmentLog {
        threads: Mutex::new(
            threads
                .start(start, next)
                .map_err(io_error("start a thread"))?,
        ),
        shared,
        head: head_seen,
        torn,
    })
}

fn report_torn(torn: Option<TornTail>) {
    if let Some(torn) = torn {
        warn!(
            event.position = %torn.after,
            segment = torn.place.segment,
            offset = torn.place.offset,
            bytes = torn.bytes,
            "cut off {} bytes of a torn end after position {} ({}); nobody was told that they are durable",
            torn.bytes,
            torn.after,
            torn.place
        );
    }
}

/// Walks the unsealed segments and settles the newest.
fn settle(
    directory: &Arc<dyn Directory>,
    inventory: &Inventory,
    config: SegmentConfig,
    key: &IdKey,
) -> Result<Settled, OpenError> {
    let mut in_use: Vec<InUse> = Vec::new();
    let mut blank: Vec<PreparedSegment> = Vec::new();
    let mut torn = None;
    for &sequence in &inventory.unsealed {
        match recovery::open_unsealed(&**directory, sequence)? {
            recovery::Unsealed::InUse(header, file) if blank.is_empty() => {
                in_use.push(InUse { header, file });
            }
            recovery::Unsealed::InUse(header, _) => {
                return Err(without_header(sequence - 1, header.first));
            }
            recovery::Unsealed::Blank(file, bytes, cut) => {
                torn = torn.or(cut);
                blank.push(PreparedSegment {
                    sequence,
                    file,
                    bytes,
                });
            }
        }
    }
    let Some(newest) = in_use.pop() else {
        if !inventory.sealed.is_empty() {
            let sequence = inventory.sealed.len() as u64 + 1;
            return Err(without_header(sequence, LogPosition::ZERO));
        }
        return fresh(directory, config, blank, torn);
    };
    let next = one_prepared(directory, blank)?;
    let full = walk_full(in_use, &newest.header, key)?;
    let length = length_of(&*newest.file)?;
    if length < newest.header.prepared {
        return Err(OpenError::Damaged {
            next: newest.header.first,
            place: RecordPlace {
                segment: newest.header.sequence,
                offset: length,
            },
            reason: "the file was cut short",
        });
    }
    let mut walked = recovery::walk(newest.header, &newest.file, length, key)?;
    walked.settle()?;
    let after = walked.head;
    Ok(Settled {
        torn: walked.torn.or(torn.map(|torn| TornTail { after, ..torn })),
        start: start_after(walked),
        full,
        next,
    })
}

/// The segment to use next. A second one was prepared if the first was about to be used; it will be again.
fn one_prepared(
    directory: &Arc<dyn Directory>,
    blank: Vec<PreparedSegment>,
) -> Result<Option<PreparedSegment>, OpenError> {
    let mut blank = blank.into_iter();
    let next = blank.next();
    // From the last one on, so that stopping in between leaves no gap.
    for further in blank.rev() {
        let removed = directory.remove(&segment_name(further.sequence));
        removed.map_err(io_error("remove an unused segment"))?;
    }
    Ok(next)
}

/// A segment in which nothing was ever durable, though it should hold something.
fn without_header(segment: u64, next: LogPosition) -> OpenError {
    OpenError::Damaged {
        next,
        place: RecordPlace { segment, offset: 0 },
        reason: "the segment's header is missing",
    }
}

/// The start of a log that never held anything durable.
fn fresh(
    directory: &Arc<dyn Directory>,
    config: SegmentConfig,
    mut blank: Vec<PreparedSegment>,
    torn: Option<TornTail>,
) -> Result<Settled, OpenError> {
    let following = blank.split_off(blank.len().min(1));
    let next = one_prepared(directory, following)?;
    let first = match blank.pop() {
        Some(blank) => blank,
        None => {
            let prepared = prepare(directory, 1, config.segment_bytes, &|| false);
            prepared.map_err(io_error("prepare a segment"))?
        }
    };
    Ok(Settled {
        start: Start {
            segment: Writing {
                sequence: first.sequence,
                file: first.file,
                first: LogPosition::ZERO.next(),
                offset: 0,
                prepared: first.bytes,
                previous_end: 0,
                places: Vec::new(),
                syncs: 0,
            },
            ids: IdTable::default(),
            head: LogPosition::ZERO,
            link: [0; 32],
            recorded_at: Timestamp::MIN,
        },
        full: Vec::new(),
        next,
        torn,
    })
}

/// Full segments whose sealing was interrupted; the next one's header says where they end.
fn walk_full(
    in_use: Vec<InUse>,
    newest: &Header,
    key: &IdKey,
) -> Result<Vec<(CompleteSegment, IdTable)>, OpenError> {
    let mut following: Vec<Header> = in_use
        .iter()
        .skip(1)
        .map(|segment| segment.header)
        .collect();
    following.push(*newest);
    let mut full = Vec::new();
    for (segment, next) in in_use.into_iter().zip(following) {
        let walked = recovery::walk(segment.header, &segment.file, next.previous_end, key)?;
        let complete = walked.torn.is_none()
            && walked.head.next() == next.first
            && walked.link == next.link
            && walked.end == next.previous_end;
        if !complete {
            return Err(OpenError::Damaged {
                next: walked.head.next(),
                place: RecordPlace {
                    segment: segment.header.sequence,
                    offset: walked.end,
                },
                reason: "it does not lead to the next segment",
            });
        }
        let footer = Footer {
            end: walked.end,
            last: walked.head,
            places: walked.places,
        };
        let complete = CompleteSegment {
            sequence: segment.header.sequence,
            first: segment.header.first,
            unsealed: Some(Unsealed {
                file: segment.file,
                footer: Arc::new(footer),
            }),
        };
        full.push((complete, walked.ids));
    }
    Ok(full)
}

fn start_after(walked: Walked) -> Start {
    Start {
        head: walked.head,
        link: walked.link,
        recorded_at: walked.recorded_at,
        ids: walked.ids,
        segment: Writing {
            sequence: walked.header.sequence,
            file: walked.file,
            first: walked.header.first,
            offset: walked.end,
            prepared: walked.header.prepared,
            previous_end: walked.header.previous_end,
            places: walked.places,
            syncs: 0,
        },
    }
}

/// Lists all segments and their ids for readers and submitting threads.
fn share(
    directory: Arc<dyn Directory>,
    inventory: &Inventory,
    settled: Settled,
    key: IdKey,
    config: SegmentConfig,
    jobs: &Sender<Job>,
) -> Result<(Arc<Shared>, Start, Option<PreparedSegment>), OpenError> {
    let Settled {
        start, full, next, ..
    } = settled;
    let sealed = inventory.sealed.iter();
    let mut complete: Vec<CompleteSegment> = sealed
        .map(|&(sequence, first)| CompleteSegment {
            sequence,
            first,
            unsealed: None,
        })
        .collect();
    let last_sealed = complete.last().map_or(0, |segment| segment.sequence);
    let mut sets = chosen_runs(&directory, inventory, last_sealed, &key)?;
    for (segment, ids) in full {
        sets.push(IdSet {
            first: segment.sequence,
            last: segment.sequence,
            kept: Kept::Table(Arc::new(ids)),
        });
        drop(jobs.send(Job::Seal(segment.sequence)));
        complete.push(segment);
    }
    let open = OpenSegment {
        sequence: start.segment.sequence,
        first: start.segment.first,
        file: Arc::clone(&start.segment.file),
        end: start.segment.offset,
        places: start.segment.places.clone(),
    };
    let catalog = Arc::new(Catalog::new(directory, Listed { complete, open }));
    let lookup = Lookup::new(key, sets, Arc::clone(&catalog));
    rebuild_missing(&lookup, last_sealed, jobs)?;
    let shared = Shared {
        queue: Queue::new(config.queue_bytes),
        catalog,
        lookup,
        blocks: Blocks::new(config.segment_bytes),
        health: Mutex::new(LogHealth::Writable),
    };
    Ok((Arc::new(shared), start, next))
}

/// The widest runs that do not overlap; the others are what a merge left behind.
fn chosen_runs(
    directory: &Arc<dyn Directory>,
    inventory: &Inventory,
    last_sealed: u64,
    key: &IdKey,
) -> Result<Vec<IdSet>, OpenError> {
    let mut widest_first = inventory.runs.clone();
    widest_first
        .sort_unstable_by_key(|(first, last)| std::cmp::Reverse(last.saturating_sub(*first)));
    let mut sets: Vec<IdSet> = Vec::new();
    for (first, last) in widest_first {
        let overlaps = |set: &IdSet| first <= set.last && set.first <= last;
        if last_sealed < last || last < first || sets.iter().any(overlaps) {
            let removed = directory.remove(&run_name(first, last));
            removed.map_err(io_error("remove an old run of ids"))?;
            continue;
        }
        let run = Run::at(Arc::clone(directory), first, last, key);
        let kept = Kept::Run(Arc::new(run));
        sets.push(IdSet { first, last, kept });
    }
    sets.sort_unstable_by_key(|set| set.first);
    Ok(sets)
}

fn rebuild_missing(lookup: &Lookup, last_sealed: u64, jobs: &Sender<Job>) -> Result<(), OpenError> {
    let sets = lookup.complete.sets();
    let mut covered = sets.iter().peekable();
    let mut sequence = 1;
    while sequence <= last_sealed {
        if let Some(set) = covered.next_if(|set| set.first <= sequence) {
            sequence = set.last + 1;
            continue;
        }
        info!(
            segment = sequence,
            "the ids of segment {sequence} are made anew"
        );
        let table = lookup.rebuild(sequence, sequence).map_err(rebuild_error)?;
        lookup.complete.put(IdSet {
            first: sequence,
            last: sequence,
            kept: Kept::Table(Arc::new(table)),
        });
        drop(jobs.send(Job::KeepIds(sequence, sequence)));
        sequence += 1;
    }
    Ok(())
}

fn rebuild_error(error: ReadError) -> OpenError {
    match error {
        ReadError::Damaged { at, place, reason } => OpenError::Damaged {
            next: at,
            place,
            reason,
        },
        ReadError::Io { source, .. } => OpenError::Io {
            what: "make the ids of a segment anew",
            source,
        },
        ReadError::Upcast { at, source } => OpenError::Io {
            what: "make the ids of a segment anew",
            source: io::Error::other(format!("{at}: {source}")),
        },
        ReadError::Decode { at, source } => OpenError::Io {
            what: "make the ids of a segment anew",
            source: io::Error::other(format!("{at}: {source}")),
        },
    }
}

struct Threads {
    config: SegmentConfig,
    clock: Arc<dyn Clock>,
    shared: Arc<Shared>,
    head: watch::Sender<LogPosition>,
    jobs: Sender<Job>,
    jobs_taken: Receiver<Job>,
}

impl Threads {
    fn start(self, at: Start, next: Option<PreparedSegment>) -> io::Result<Vec<JoinHandle<()>>> {
        let newest = next
            .as_ref()
            .map_or(at.segment.sequence, |next| next.sequence);
        let (handed, prepared) = mpsc::sync_channel(0);
        let hurried = Arc::new(AtomicBool::new(false));
        let preparer = Preparer {
            directory: Arc::clone(&self.shared.catalog.directory),
            segment_bytes: self.config.segment_bytes,
            next: newest + 1,
            handed,
            hurried: Arc::clone(&hurried),
        };
        let tender = Tender {
            shared: Arc::clone(&self.shared),
            jobs: self.jobs_taken,
        };
        let writer = Writer {
            config: self.config,
            shared: self.shared,
            clock: self.clock,
            head: self.head,
            jobs: self.jobs,
            prepared,
            hurried,
            at,
            group: Group::default(),
            completed: None,
            unsynced: false,
        };
        let named = |name: &str| thread::Builder::new().name(name.to_owned());
        // The writer first: when it ends, the others do.
        let writer = named("log-writer").spawn(move || writer.run())?;
        let tender = named("log-tender").spawn(move || tender.run())?;
        let preparer = named("log-preparer").spawn(move || preparer.run(next))?;
        Ok(vec![writer, tender, preparer])
    }
}
