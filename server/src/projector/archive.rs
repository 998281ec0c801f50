//! Where the pages of closed items and of changes that are over lie, and the fold's way to them.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use graph::{Estate, GraphView, MemoryPages, PageError, Pages, PuttingAway, Retractions};
use model::{ContentHash, EventEnvelope};
use store::{PageFiles, ReadError};
use thiserror::Error;

/// Why the log could not be folded.
#[derive(Debug, Error)]
pub(crate) enum FoldError {
    /// The log could not be read.
    #[error("the log could not be read")]
    Log(#[from] ReadError),
    /// What was put away could not be brought back.
    #[error("what was put away could not be brought back")]
    Page(#[from] PageError),
}

/// The pages of what was put away: on the disk, or in memory where the log is.
pub(crate) struct Archive {
    when: Option<PuttingAway>,
    files: Option<PageFiles>,
    memory: MemoryPages,
    /// Pages that the disk refused are in memory, and no state that needs them can be saved.
    refused: AtomicBool,
}

impl Archive {
    /// What has been closed for so many milliseconds is put away; nothing with 0.
    pub(crate) fn new(closed_horizon_ms: u64, files: Option<PageFiles>) -> Self {
        let closed_for_ms = i64::try_from(closed_horizon_ms).unwrap_or(i64::MAX);
        Self {
            when: (closed_for_ms != 0).then_some(PuttingAway::after(closed_for_ms)),
            files,
            memory: MemoryPages::default(),
            refused: AtomicBool::new(false),
        }
    }

    /// An empty estate that knows whom not to believe.
    pub(crate) fn begin(self: &Arc<Self>, retractions: Retractions) -> Estate {
        let mut estate = Estate::knowing(retractions);
        if let Some(when) = self.when {
            estate.put_away_closed(when, &self.pages());
        }
        estate
    }

    /// Itself as what an estate reads rows of changes from.
    pub(crate) fn pages(self: &Arc<Self>) -> Arc<dyn Pages> {
        Arc::<Self>::clone(self)
    }

    /// Whether a saved estate can go on: it was folded with the same horizon, and its pages are there.
    pub(crate) fn suits(&self, estate: &Estate) -> bool {
        estate.puts_away() == self.when && estate.pages().all(|page| self.holds(page))
    }

    /// Removes the pages that an estate does not refer to: those of a retracted source, of another horizon, or
    /// of a state that somebody only asked about. Whatever misses one after all makes it again from the log.
    pub(crate) fn tidy(&self, estate: &Estate) {
        let Some(files) = &self.files else { return };
        let wanted: BTreeSet<ContentHash> = estate.pages().collect();
        match files.retain(|page| wanted.contains(&page)) {
            Ok(0) => {}
            Ok(removed) => tracing::info!("removed {removed} pages that nothing refers to"),
            Err(error) => tracing::warn!("pages that nothing refers to stay: {error}"),
        }
    }

    /// Folds the next event, and keeps what is put away by it. Says whether anything was.
    pub(crate) fn take(
        &self,
        estate: &mut Estate,
        envelope: &EventEnvelope,
    ) -> Result<bool, PageError> {
        estate.take(envelope, self)?;
        if estate.sealed().is_empty() {
            return Ok(false);
        }
        let sealed = estate.sealed().iter();
        let sealed = sealed.map(|sealed| (sealed.page, &*sealed.bytes));
        match self.files.as_ref().map(|files| files.write(sealed)) {
            Some(Ok(())) => {}
            None => self.memory.keep(estate.sealed()),
            Some(Err(error)) => {
                tracing::warn!("pages of what is over stay in memory: {error}");
                self.refused.store(true, Ordering::Relaxed);
                self.memory.keep(estate.sealed());
            }
        }
        estate.kept();
        Ok(true)
    }

    /// Whether everything that a view needs is where it outlives the process.
    pub(crate) fn outlives(&self, view: &GraphView) -> bool {
        let on_disk = |page| self.files.as_ref().is_some_and(|files| files.holds(page));
        !self.refused.load(Ordering::Relaxed) || view.pages().all(on_disk)
    }

    fn holds(&self, page: ContentHash) -> bool {
        match &self.files {
            Some(files) => files.holds(page),
            None => self.memory.read(page).is_ok(),
        }
    }
}

impl Pages for Archive {
    fn read(&self, page: ContentHash) -> Result<Arc<[u8]>, PageError> {
        let Some(files) = &self.files else {
            return self.memory.read(page);
        };
        match files.read(page) {
            Ok(bytes) => Ok(bytes.into()),
            Err(error) => self.memory.read(page).map_err(|_| {
                tracing::error!("a page of what is over is lost: {error}");
                files.remove(page);
                PageError {
                    page,
                    cause: Box::new(error),
                }
            }),
        }
    }
}
