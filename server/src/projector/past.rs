//! What was known then: a fold from the nearest saved state to a position of the past.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use graph::{Asked, GraphView, Projection, Retractions};
use model::{LogPosition, Timestamp};
use store::{EventLog, ReadError, ReadLimit};
use thiserror::Error;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinError;

use super::anew::{apply_until, fold_knowing};
use super::{FoldError, Published, SavedFolds};
use crate::config::ProjectorSettings;

/// Folds states of the past, a few at once, and keeps the last ones.
pub(crate) struct Past {
    log: Arc<dyn EventLog>,
    saved: Arc<SavedFolds>,
    published: Arc<Published>,
    settings: ProjectorSettings,
    folding: Arc<Semaphore>,
    kept: Mutex<VecDeque<Arc<GraphView>>>,
}

/// Why there is no such state.
#[derive(Debug, Error)]
pub(crate) enum PastError {
    /// The log is shorter than that.
    #[error("the log ends at position {head}")]
    BeyondLog {
        /// Its last position.
        head: LogPosition,
    },
    /// As many as may be are being folded already.
    #[error("too many states of the past are being folded at once")]
    Busy,
    /// More was put away that the question may look at than one may bring back.
    #[error("a question looks at {wanted} bundles that were put away, {most} may be")]
    TooMuch {
        /// How many it looks at.
        wanted: usize,
        /// How many may be.
        most: usize,
    },
    /// The log could not be read.
    #[error("the past could not be read")]
    Read(#[from] ReadError),
    /// The log could not be folded.
    #[error("the past could not be folded")]
    Fold(#[from] FoldError),
    /// The fold panicked.
    #[error("the fold of the past broke off")]
    Broken(#[from] JoinError),
}

impl Past {
    /// Nothing folded yet.
    pub(crate) fn new(
        log: Arc<dyn EventLog>,
        saved: Arc<SavedFolds>,
        published: Arc<Published>,
        settings: ProjectorSettings,
    ) -> Self {
        Self {
            log,
            saved,
            published,
            folding: Arc::new(Semaphore::new(settings.past_folds_max)),
            settings,
            kept: Mutex::default(),
        }
    }

    /// The state that holds exactly the events up to a position.
    pub(crate) async fn at(
        self: &Arc<Self>,
        position: LogPosition,
    ) -> Result<Arc<GraphView>, PastError> {
        let head = self.log.head();
        if head < position {
            return Err(PastError::BeyondLog { head });
        }
        if let Some(view) = self.find(position) {
            return Ok(view);
        }
        let slot = self.slot().await?;
        // Somebody else may have folded it while this one waited.
        if let Some(view) = self.find(position) {
            return Ok(view);
        }
        let this = Arc::clone(self);
        let folded = tokio::task::spawn_blocking(move || {
            let folded = this.fold(position);
            drop(slot);
            folded
        });
        folded.await?
    }

    /// The state at a position as it would be if these retractions stood.
    pub(crate) async fn knowing(
        self: &Arc<Self>,
        position: LogPosition,
        retractions: Retractions,
    ) -> Result<Arc<GraphView>, PastError> {
        let slot = self.slot().await?;
        let this = Arc::clone(self);
        let folded = tokio::task::spawn_blocking(move || {
            let folded = fold_knowing(
                retractions,
                this.saved.archive(),
                &this.log,
                position,
                &this.settings,
            );
            drop(slot);
            folded.map(|mut estate| estate.publish())
        });
        Ok(folded.await??)
    }

    /// Room for one fold.
    async fn slot(&self) -> Result<OwnedSemaphorePermit, PastError> {
        let patience = Duration::from_millis(self.settings.wait_timeout_ms);
        let slot = tokio::time::timeout(patience, Arc::clone(&self.folding).acquire_owned()).await;
        match slot {
            Ok(Ok(slot)) => Ok(slot),
            Ok(Err(_)) | Err(_) => Err(PastError::Busy),
        }
    }

    /// The state that holds every event recorded at or before a moment.
    pub(crate) async fn at_moment(
        self: &Arc<Self>,
        moment: Timestamp,
    ) -> Result<Arc<GraphView>, PastError> {
        let log = Arc::clone(&self.log);
        let position = tokio::task::spawn_blocking(move || last_recorded(log.as_ref(), moment));
        self.at(position.await??).await
    }

    /// A view with what was put away and a question may look at.
    pub(crate) async fn with_past(
        self: &Arc<Self>,
        view: Arc<GraphView>,
        asked: Asked,
    ) -> Result<Arc<GraphView>, PastError> {
        let (wanted, most) = (view.put_away_of(&asked), self.settings.past_bundles_max);
        if wanted == 0 {
            return Ok(view);
        }
        if most < wanted {
            return Err(PastError::TooMuch { wanted, most });
        }
        let slot = self.slot().await?;
        let this = Arc::clone(self);
        let brought = tokio::task::spawn_blocking(move || {
            let brought = this.bring(view, &asked);
            drop(slot);
            brought
        });
        Ok(brought.await??)
    }

    /// The view with what was put away and is asked for; a page that is lost is made again from the log.
    fn bring(&self, view: Arc<GraphView>, asked: &Asked) -> Result<Arc<GraphView>, FoldError> {
        let archive = self.saved.archive();
        let error = match view.with_past(asked, archive.as_ref()) {
            Ok(more) => return Ok(more.unwrap_or(view)),
            Err(error) => error,
        };
        tracing::error!("{error}; folding the log anew, which makes it again");
        let (retractions, position) = (view.retractions().clone(), view.position());
        let mut anew = fold_knowing(retractions, archive, &self.log, position, &self.settings)?;
        let view = anew.publish();
        let more = view.with_past(asked, archive.as_ref())?;
        Ok(more.unwrap_or(view))
    }

    fn find(&self, position: LogPosition) -> Option<Arc<GraphView>> {
        let newest = self.published.newest();
        if newest.position() == position {
            return Some(newest);
        }
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.iter()
            .find(|view| view.position() == position)
            .cloned()
    }

    fn fold(&self, position: LogPosition) -> Result<Arc<GraphView>, PastError> {
        let mut estate = self.saved.restore(position);
        let (archive, log) = (self.saved.archive(), self.log.as_ref());
        let folded = apply_until(&mut estate, archive, log, position, &self.settings);
        let is_lost = match folded {
            Ok(()) => false,
            Err(FoldError::Page(error)) => {
                tracing::error!("{error}; folding the log anew, which makes it again");
                true
            }
            Err(error) => return Err(error.into()),
        };
        if is_lost || estate.is_outdated() {
            let retractions = estate.retractions().clone();
            estate = fold_knowing(retractions, archive, &self.log, position, &self.settings)?;
        }
        let view = estate.publish();
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() == self.settings.past_views_kept {
            kept.pop_front();
        }
        kept.push_back(Arc::clone(&view));
        Ok(view)
    }
}

/// The last position recorded at or before a moment. Recording times never go back along the log.
fn last_recorded(log: &dyn EventLog, moment: Timestamp) -> Result<LogPosition, ReadError> {
    let one = ReadLimit {
        events: 1,
        bytes: usize::MAX,
    };
    let (mut known, mut end) = (0, log.head().number());
    while known < end {
        let middle = known + (end - known) / 2;
        let events = log.read(LogPosition::new(middle), one)?;
        match events.first() {
            Some(event) if event.recorded_at <= moment => known = middle + 1,
            _ => end = middle,
        }
    }
    Ok(LogPosition::new(known))
}
