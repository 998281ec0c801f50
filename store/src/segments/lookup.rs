//! Tells whether an id is already in the log, and what stands there.

use std::sync::Arc;

use model::LogPosition;
use tracing::warn;

use super::block::{self, Block, First};
use super::catalog::Catalog;
use super::directory::Directory;
use super::frames::{Frame, Frames};
use super::ids::{CompleteIds, IdKey, IdSet, IdTable, Kept, Run, RunError};
use super::reader::{Reader, Visit, frame_error};
use super::record::SealedView;
use super::submission::Submission;
use crate::content::{self, StoredError};
use crate::{AppendError, ReadError, RecordPlace};

/// Searches the ids of complete segments.
pub(crate) struct Lookup {
    pub(crate) key: IdKey,
    pub(crate) complete: CompleteIds,
    pub(crate) reader: Reader,
    catalog: Arc<Catalog>,
}

impl Lookup {
    pub(crate) fn new(key: IdKey, sets: Vec<IdSet>, catalog: Arc<Catalog>) -> Self {
        Self {
            key,
            complete: CompleteIds::new(sets),
            reader: Reader::new(Arc::clone(&catalog)),
            catalog,
        }
    }

    /// Searches what the submission has not been searched for yet.
    pub(crate) fn search(&self, submission: &mut Submission) -> Result<(), AppendError> {
        let sets = self.complete.sets();
        let searched = submission.searched;
        let newest = sets.last().map_or(0, |set| set.last);
        if newest <= searched {
            return Ok(());
        }
        let mut candidates = Vec::new();
        for Block { bytes, records, .. } in &mut submission.blocks {
            let unknown = records.iter_mut().filter(|record| record.first.is_none());
            for prepared in unknown {
                candidates.clear();
                for set in sets.iter().filter(|set| searched < set.last) {
                    let found = self.candidates(set, prepared.id, &mut candidates);
                    found.map_err(|error| lookup_error(&block::view(bytes, prepared), error))?;
                }
                if !candidates.is_empty() {
                    prepared.first = self.confirm(&block::view(bytes, prepared), &candidates)?;
                }
            }
        }
        submission.searched = newest;
        Ok(())
    }

    /// The first candidate that is a record of the same id.
    pub(crate) fn confirm(
        &self,
        sealed: &SealedView<'_>,
        candidates: &[LogPosition],
    ) -> Result<Option<First>, AppendError> {
        for &position in candidates {
            let confirmed = self.compare(sealed, position);
            if let Some(first) = confirmed.map_err(|error| lookup_error(sealed, error))? {
                return Ok(Some(first));
            }
        }
        Ok(None)
    }

    fn compare(
        &self,
        sealed: &SealedView<'_>,
        position: LogPosition,
    ) -> Result<Option<First>, ReadError> {
        let Some(before) = position.number().checked_sub(1) else {
            return Ok(None);
        };
        let mut first = None;
        let mut compare = |seen: &super::reader::Seen<'_>| {
            let same = compared(&seen.sealed, sealed).map_err(|error| seen.stored_error(error))?;
            first = same.map(|same| First { position, same });
            Ok(Visit::Enough)
        };
        self.reader
            .visit(LogPosition::new(before), position, &mut compare)?;
        Ok(first)
    }

    /// Asks a set; one that is lost or damaged is made anew from its segments.
    fn candidates(
        &self,
        set: &IdSet,
        hash: u128,
        found: &mut Vec<LogPosition>,
    ) -> Result<(), ReadError> {
        let Err(error) = set.candidates(hash, found) else {
            return Ok(());
        };
        warn!(
            segment.first = set.first,
            segment.last = set.last,
            error = &error as &dyn std::error::Error,
            "the ids of segments {} to {} are made anew",
            set.first,
            set.last
        );
        let table = self.rebuild(set.first, set.last)?;
        table.candidates(hash, found);
        let kept = Kept::Table(Arc::new(table));
        self.complete.put(IdSet { kept, ..*set });
        Ok(())
    }

    /// The ids of some complete segments, from their records.
    pub(crate) fn rebuild(&self, first: u64, last: u64) -> Result<IdTable, ReadError> {
        let mut table = IdTable::default();
        let mut scratch = Vec::new();
        for sequence in first..=last {
            let io_error = |source| ReadError::Io {
                at: LogPosition::ZERO,
                source,
            };
            let stretch = self.catalog.whole(sequence).map_err(io_error)?;
            let mut frames = Frames::new(stretch.file, stretch.offset, stretch.end);
            let mut at = stretch.position;
            while stretch.beyond != Some(at) {
                let place = RecordPlace {
                    segment: sequence,
                    offset: frames.offset(),
                };
                let frame = frames.advance();
                match frame.map_err(|error| frame_error(at, place, error))? {
                    Frame::Mark(_) => {}
                    Frame::Record(head) if head.position == at => {
                        let sealed = frames.sealed();
                        let sealed = sealed.map_err(|error| frame_error(at, place, error))?;
                        let hash = self.key.hash(sealed.source, sealed.delivery, &mut scratch);
                        table.insert(hash, at);
                        at = at.next();
                    }
                    Frame::Record(_) | Frame::Nothing => {
                        let reason = "the record is missing";
                        return Err(ReadError::Damaged { at, place, reason });
                    }
                }
            }
        }
        Ok(table)
    }

    /// Writes the ids of some complete segments beside them.
    pub(crate) fn write_run(
        &self,
        directory: &Arc<dyn Directory>,
        (first, last): (u64, u64),
        table: &IdTable,
    ) -> Result<(), RunError> {
        let sorted = table.sorted();
        let count = sorted.len() as u64;
        let entries = sorted.into_iter().map(Ok);
        let run = Run::write(directory, (first, last), &self.key, entries, count)?;
        let kept = Kept::Run(Arc::new(run));
        self.complete.put(IdSet { first, last, kept });
        Ok(())
    }
}

/// Whether `second` says the same as `first`; none if it has another id.
pub(crate) fn compared(
    first: &SealedView<'_>,
    second: &SealedView<'_>,
) -> Result<Option<bool>, StoredError> {
    let same_id = first.source == second.source && first.delivery == second.delivery;
    match same_id {
        true => content::same_sealed(first, second).map(Some),
        false => Ok(None),
    }
}

fn lookup_error(sealed: &SealedView<'_>, error: ReadError) -> AppendError {
    AppendError::Lookup {
        id: sealed.id(),
        source: Box::new(error),
    }
}
