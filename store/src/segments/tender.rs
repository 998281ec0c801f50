//! What can be done behind the writer's back: preparing the next segment, which has a thread
//! of its own because the writer may wait for it; giving full ones their footer and last
//! name; and writing and merging runs of ids.
//!
//! A run of ids can be lost at any time and is made anew.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender};

use tracing::warn;

use super::Shared;
use super::catalog::{CompleteSegment, Unsealed};
use super::directory::{Directory, DirectoryFile};
use super::ids::{IdSet, Kept, Merged, Run, RunError};
use super::layout::{run_name, sealed_name, segment_name, unfinished_name};

/// So many neighbouring runs of one size become one.
const MERGED_RUNS: usize = 8;

/// A segment file whose space and name are durable.
pub(crate) struct PreparedSegment {
    pub(crate) sequence: u64,
    pub(crate) file: Arc<dyn DirectoryFile>,
    pub(crate) bytes: u64,
}

/// Something to be done.
pub(crate) enum Job {
    /// The segment of this number is complete.
    Seal(u64),
    /// The ids of these segments lie in memory only.
    KeepIds(u64, u64),
}

pub(crate) struct Tender {
    pub(crate) shared: Arc<Shared>,
    pub(crate) jobs: Receiver<Job>,
}

/// Keeps one segment ready.
pub(crate) struct Preparer {
    pub(crate) directory: Arc<dyn Directory>,
    pub(crate) segment_bytes: u64,
    /// The number of the next segment to prepare.
    pub(crate) next: u64,
    /// Holds nothing: what is handed over is what was asked for, so at most one waits unused.
    pub(crate) handed: SyncSender<io::Result<PreparedSegment>>,
    /// Whether zeros are not worth while now.
    pub(crate) hurried: Arc<AtomicBool>,
}

impl Preparer {
    /// Works until the writer has ended; begins with a segment that is ready already.
    pub(crate) fn run(mut self, ready: Option<PreparedSegment>) {
        let mut prepared = ready.map_or_else(|| self.prepare(), Ok);
        while self.handed.send(prepared).is_ok() {
            prepared = self.prepare();
        }
    }

    fn prepare(&mut self) -> io::Result<PreparedSegment> {
        let enough = || self.hurried.load(Ordering::Relaxed);
        let prepared = prepare(&self.directory, self.next, self.segment_bytes, &enough)?;
        self.next += 1;
        Ok(prepared)
    }
}

impl Tender {
    /// Works until the writer has ended.
    pub(crate) fn run(self) {
        while let Ok(job) = self.jobs.recv() {
            match job {
                Job::Seal(sequence) => {
                    self.seal_all();
                    self.keep_ids(sequence, sequence);
                }
                Job::KeepIds(first, last) => self.keep_ids(first, last),
            }
        }
    }

    fn directory(&self) -> &Arc<dyn Directory> {
        &self.shared.catalog.directory
    }

    /// Seals in order, so that the unsealed segments are always the last ones; what fails is tried again next time.
    fn seal_all(&self) {
        let unsealed: Vec<(CompleteSegment, Unsealed)> = {
            let listed = self.shared.catalog.listed();
            let complete = listed.complete.iter();
            complete
                .filter_map(|segment| Some((segment.clone(), segment.unsealed.clone()?)))
                .collect()
        };
        for (segment, unsealed) in &unsealed {
            if let Err(error) = self.seal(segment, unsealed) {
                let (sequence, error) = (segment.sequence, &error as &dyn std::error::Error);
                warn!(
                    segment = sequence,
                    error, "could not seal segment {sequence}"
                );
                return;
            }
        }
    }

    /// Writes the footer, gives unused space back, and renames. Readers have the old handle until it is done.
    fn seal(&self, segment: &CompleteSegment, unsealed: &Unsealed) -> io::Result<()> {
        let sequence = segment.sequence;
        let footer = unsealed.footer.encode();
        let end = unsealed.footer.end;
        unsealed.file.write_at(&footer, end)?;
        unsealed.file.cut(end + footer.len() as u64)?;
        // The last name promises the footer.
        unsealed.file.sync()?;
        let (from, to) = (segment_name(sequence), sealed_name(sequence, segment.first));
        self.directory().rename(&from, &to)?;
        let mut listed = self.shared.catalog.listed();
        for known in &mut listed.complete {
            if known.sequence == sequence {
                known.unsealed = None;
            }
        }
        Ok(())
    }

    fn keep_ids(&self, first: u64, last: u64) {
        let sets = self.shared.lookup.complete.sets();
        let set = sets
            .iter()
            .find(|set| set.first == first && set.last == last);
        let kept = match set.map(|set| &set.kept) {
            Some(Kept::Table(table)) => {
                let directory = self.directory();
                self.shared
                    .lookup
                    .write_run(directory, (first, last), table)
            }
            Some(Kept::Run(_)) | None => Ok(()),
        };
        if let Err(error) = kept.and_then(|()| self.merge()) {
            let error = &error as &dyn std::error::Error;
            warn!(
                segment.first = first,
                segment.last = last,
                error,
                "could not keep the ids of segments {first} to {last}"
            );
        }
    }

    /// Keeps the number of runs logarithmic: each append asks all of their filters.
    fn merge(&self) -> Result<(), RunError> {
        loop {
            let sets = self.shared.lookup.complete.sets();
            let Some(merged_sets) = mergeable(&sets) else {
                return Ok(());
            };
            let runs: Vec<&Run> = merged_sets.iter().filter_map(run_of).collect();
            let mut count = 0;
            for run in &runs {
                count += run.count()?;
            }
            let (Some(first), Some(last)) = (merged_sets.first(), merged_sets.last()) else {
                return Ok(());
            };
            let (first, last) = (first.first, last.last);
            let lookup = &self.shared.lookup;
            let merged = Merged::of(&runs)?;
            let run = Run::write(self.directory(), (first, last), &lookup.key, merged, count)?;
            let kept = Kept::Run(Arc::new(run));
            lookup.complete.put(IdSet { first, last, kept });
            for set in merged_sets {
                self.directory().remove(&run_name(set.first, set.last))?;
            }
        }
    }
}

/// Neighbouring runs, as many of one size as become one, beginning where the wider one would.
fn mergeable(sets: &[IdSet]) -> Option<&[IdSet]> {
    sets.windows(MERGED_RUNS).find(|window| {
        let Some((first, rest)) = window.split_first() else {
            return false;
        };
        let size = first.last + 1 - first.first;
        let aligned = (first.first - 1).is_multiple_of(size * MERGED_RUNS as u64);
        let equal = rest.iter().all(|set| set.last + 1 - set.first == size);
        aligned && equal && window.iter().all(|set| run_of(set).is_some())
    })
}

fn run_of(set: &IdSet) -> Option<&Run> {
    match &set.kept {
        Kept::Run(run) => Some(run),
        Kept::Table(_) => None,
    }
}

/// A new segment of zeros under its name, both durable.
pub(crate) fn prepare(
    directory: &Arc<dyn Directory>,
    sequence: u64,
    bytes: u64,
    enough: &dyn Fn() -> bool,
) -> io::Result<PreparedSegment> {
    let name = segment_name(sequence);
    let unfinished = unfinished_name(&name);
    let file = directory.create(&unfinished, bytes, enough)?;
    directory.rename(&unfinished, &name)?;
    directory.sync()?;
    Ok(PreparedSegment {
        sequence,
        file,
        bytes,
    })
}
