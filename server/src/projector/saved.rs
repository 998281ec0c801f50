//! Saved states of the fold: caches that only make a start or a question about the past faster.

use std::io::Read;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Instant;

use anyhow::bail;
use graph::{Estate, GraphView, Projection, Retractions};
use model::{ContentHash, LogPosition};
use store::{EventLog, ReadLimit, Snapshot, SnapshotLabel, Snapshots};

use super::Archive;
use crate::metrics::Metrics;

/// The folder of saved states, if the log outlives the process.
pub(crate) struct SavedFolds {
    log: Arc<dyn EventLog>,
    snapshots: Option<Snapshots>,
    archive: Arc<Archive>,
    saving: AtomicBool,
    saved: AtomicU64,
    failed: AtomicU64,
}

impl SavedFolds {
    /// States of folds of `log` are saved in `snapshots`, or nowhere; what is closed is put in the archive.
    pub(crate) fn new(
        log: Arc<dyn EventLog>,
        snapshots: Option<Snapshots>,
        archive: Arc<Archive>,
    ) -> Self {
        Self {
            log,
            snapshots,
            archive,
            saving: AtomicBool::new(false),
            saved: AtomicU64::new(0),
            failed: AtomicU64::new(0),
        }
    }

    /// Where the fold puts away what is closed.
    pub(crate) fn archive(&self) -> &Arc<Archive> {
        &self.archive
    }

    /// The newest good state at or before a position; an empty one where there is none.
    pub(crate) fn restore(&self, at_or_before: LogPosition) -> Estate {
        let found = self.find(at_or_before);
        found.unwrap_or_else(|| self.archive.begin(Retractions::default()))
    }

    fn find(&self, at_or_before: LogPosition) -> Option<Estate> {
        let snapshots = self.snapshots.as_ref()?;
        let started = Instant::now();
        let found = match snapshots.newest(Estate::NAME, Estate::VERSION, Some(at_or_before)) {
            Ok(found) => found,
            Err(error) => {
                tracing::warn!("saved states cannot be read, folding from the start: {error}");
                return None;
            }
        };
        for skipped in found.skipped {
            let path = skipped.path.display();
            tracing::warn!("passed over the saved state {path}: {:?}", skipped.reason);
        }
        match found.snapshot.map(|snapshot| self.read(snapshot)) {
            None => None,
            Some(Ok(estate)) if !self.archive.suits(&estate) => {
                tracing::warn!(
                    "passed over the saved state of position {}: another projector.closed_horizon_ms was set, or pages of closed items are missing",
                    estate.position()
                );
                None
            }
            Some(Ok(estate)) => {
                let took = started.elapsed().as_millis();
                tracing::info!(
                    event.position = estate.position().number(),
                    duration_ms = took,
                    "read the saved state of position {} in {took} ms",
                    estate.position()
                );
                Some(estate)
            }
            Some(Err(error)) => {
                tracing::warn!("the saved state cannot be read, folding from the start: {error:#}");
                None
            }
        }
    }

    /// Saves a view.
    pub(crate) fn save(&self, view: &GraphView) -> anyhow::Result<()> {
        let Some(snapshots) = &self.snapshots else {
            return Ok(());
        };
        if !self.archive.outlives(view) {
            bail!("pages of closed items could not be written");
        }
        let started = Instant::now();
        let label = SnapshotLabel {
            name: Estate::NAME.to_owned(),
            version: Estate::VERSION,
            position: view.position(),
            log_digest: self.digest_at(view.position()),
        };
        let bytes = Estate::save_view(view);
        let written = snapshots.save(&label, |file| file.write_all(&bytes))?;
        let (position, took) = (view.position(), started.elapsed().as_millis());
        tracing::info!(
            event.position = position.number(),
            duration_ms = took,
            "saved the state of position {position}, {written} bytes, in {took} ms"
        );
        Ok(())
    }

    /// Saves a view, and counts. That it fails is a warning: the log still holds everything.
    pub(crate) fn try_save(&self, view: &GraphView) {
        match self.save(view) {
            Ok(()) => {
                self.saved.fetch_add(1, Ordering::Relaxed);
            }
            Err(error) => {
                self.failed.fetch_add(1, Ordering::Relaxed);
                tracing::warn!("the state could not be saved: {error:#}");
            }
        }
    }

    /// Saves a view on a thread of its own, unless one is still being saved.
    pub(crate) fn save_aside(saved: &Arc<Self>, view: Arc<GraphView>) {
        if saved.snapshots.is_none() || saved.saving.swap(true, Ordering::AcqRel) {
            return;
        }
        let this = Arc::clone(saved);
        let spawned = std::thread::Builder::new()
            .name("snapshots".to_owned())
            .spawn(move || {
                this.try_save(&view);
                this.saving.store(false, Ordering::Release);
            });
        if let Err(error) = spawned {
            saved.saving.store(false, Ordering::Release);
            tracing::warn!("no thread to save the state on: {error}");
        }
    }

    fn read(&self, mut snapshot: Snapshot) -> anyhow::Result<Estate> {
        let position = snapshot.label.position;
        if snapshot.label.log_digest != self.digest_at(position) {
            bail!("it is of another log");
        }
        let mut bytes = Vec::new();
        snapshot.read_to_end(&mut bytes)?;
        Ok(Estate::restore_with(&bytes, &self.archive.pages())?)
    }

    /// Tells this log from any other that is as long: which event stands at a position, and since when.
    fn digest_at(&self, position: LogPosition) -> Option<[u8; 32]> {
        let before = LogPosition::new(position.number().checked_sub(1)?);
        let one = ReadLimit {
            events: 1,
            bytes: usize::MAX,
        };
        let events = self.log.read(before, one).ok()?;
        let event = events.first()?;
        let text = format!("{position} {} {}", event.recorded_at, event.id);
        let mut digest = [0; 32];
        let hash = ContentHash::of(text.as_bytes());
        digest
            .first_chunk_mut()
            .map(|half| *half = *hash.as_bytes())?;
        Some(digest)
    }

    /// Registers what saving measures.
    pub(crate) fn register(self: &Arc<Self>, metrics: &Metrics) {
        let this = Arc::clone(self);
        metrics.register(move |scrape| {
            for (result, count) in [("saved", &this.saved), ("failed", &this.failed)] {
                scrape.counter(
                    "fold_snapshots_total",
                    "States saved since start.",
                    &[("result", result)],
                    count.load(Ordering::Relaxed),
                );
            }
        });
    }
}
