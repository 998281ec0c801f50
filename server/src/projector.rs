//! The loop that folds the log, and who waits for it.
//!
//! One thread owns the estate. Readers take immutable views; nobody else ever
//! touches the fold, and nothing here decides what an event means.

mod anew;
mod archive;
mod fold;
mod past;
mod saved;

use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use arc_swap::ArcSwap;
use graph::GraphView;
use model::LogPosition;
use store::EventLog;
use tokio::sync::watch;

pub(crate) use archive::{Archive, FoldError};
pub(crate) use past::{Past, PastError};
pub(crate) use saved::SavedFolds;

use crate::config::ProjectorSettings;
use crate::metrics::{Histogram, Metrics};
use fold::Fold;

/// Where the fold stands, for everybody who reads.
pub(crate) struct Published {
    view: ArcSwap<GraphView>,
    /// The position of the newest view. It moves after the view does.
    position: watch::Sender<LogPosition>,
    /// Why the fold stands still for good.
    failure: watch::Sender<Option<String>>,
    publish_seconds: Histogram,
}

/// The fold has not come so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Behind {
    /// Where it stands.
    pub(crate) reached: LogPosition,
}

/// A running fold.
pub(crate) struct Projector {
    published: Arc<Published>,
    stop: watch::Sender<bool>,
    thread: Option<JoinHandle<()>>,
}

impl Projector {
    /// Starts folding `log` on a thread of its own, from the newest saved state on.
    pub(crate) fn start(
        log: Arc<dyn EventLog>,
        saved: Arc<SavedFolds>,
        settings: &ProjectorSettings,
    ) -> anyhow::Result<Self> {
        let published = Arc::new(Published::empty());
        let (stop, stopping) = watch::channel(false);
        let fold = Fold::new(
            log,
            saved,
            Arc::clone(&published),
            settings.clone(),
            stopping,
        );
        let runtime = tokio::runtime::Handle::current();
        let thread = std::thread::Builder::new()
            .name("projector".to_owned())
            .spawn(move || fold.run(&runtime))?;
        Ok(Self {
            published,
            stop,
            thread: Some(thread),
        })
    }

    /// Where the fold stands.
    pub(crate) fn published(&self) -> Arc<Published> {
        Arc::clone(&self.published)
    }

    /// Folds what is in the log by now, saves the state, and ends. It may wait for the disk.
    pub(crate) fn stop(mut self) {
        self.stop.send_replace(true);
        if let Some(thread) = self.thread.take() {
            thread.join().expect("the fold catches its own panics");
        }
    }
}

impl Published {
    fn empty() -> Self {
        Self {
            view: ArcSwap::default(),
            position: watch::Sender::new(LogPosition::ZERO),
            failure: watch::Sender::new(None),
            publish_seconds: Histogram::new(&[0.0001, 0.001, 0.01, 0.1, 1.0]),
        }
    }

    /// The newest view.
    pub(crate) fn newest(&self) -> Arc<GraphView> {
        self.view.load_full()
    }

    /// The position of the newest view.
    pub(crate) fn position(&self) -> LogPosition {
        *self.position.borrow()
    }

    /// Why the fold stands still for good, if it does.
    pub(crate) fn failure(&self) -> Option<String> {
        self.failure.borrow().clone()
    }

    /// The newest view as soon as it holds `position`.
    pub(crate) async fn at_least(
        &self,
        position: LogPosition,
        patience: Duration,
    ) -> Result<Arc<GraphView>, Behind> {
        let mut reached = self.position.subscribe();
        let arrived = reached.wait_for(|reached| position <= *reached);
        let in_time = tokio::time::timeout(patience, arrived).await;
        let arrived = matches!(in_time, Ok(Ok(_)));
        match arrived {
            true => Ok(self.newest()),
            false => Err(Behind {
                reached: self.position(),
            }),
        }
    }

    /// Registers what the fold measures.
    pub(crate) fn register(self: &Arc<Self>, log: Arc<dyn EventLog>, metrics: &Metrics) {
        let published = Arc::clone(self);
        metrics.register(move |scrape| {
            let (head, reached) = (log.head(), published.position());
            scrape.gauge(
                "log_head_position",
                "Last position in the log.",
                &[],
                number(head),
            );
            scrape.gauge(
                "fold_view_position",
                "Last position folded into the newest view.",
                &[],
                number(reached),
            );
            let lag = number(head) - number(reached);
            scrape.gauge(
                "fold_lag_events",
                "Events not yet folded.",
                &[],
                lag.max(0.0),
            );
            let view = published.newest();
            scrape.gauge(
                "fold_put_away_bundles",
                "Closed items that lie on the disk, those that are one or hang together as one.",
                &[],
                count(view.put_away()),
            );
            scrape.gauge(
                "fold_brought_back_bundles",
                "Of what was put away, what a later fact brought back into memory.",
                &[],
                count(view.brought_back()),
            );
            let here = view.change_rows_here();
            for (place, rows) in [("memory", here), ("disk", view.changes_count() - here)] {
                scrape.gauge(
                    "fold_change_rows",
                    "Changes by where their rows lie.",
                    &[("place", place)],
                    count(rows),
                );
            }
            scrape.histogram(
                "fold_publish_seconds",
                "Time to publish a view.",
                &[],
                &published.publish_seconds,
            );
        });
    }

    fn publish(&self, view: Arc<GraphView>, took: Duration) {
        let position = view.position();
        self.view.store(view);
        self.position.send_replace(position);
        self.publish_seconds.observe(took);
    }

    fn fail(&self, why: String) {
        tracing::error!(
            "the fold stands still at position {}: {why}",
            self.position()
        );
        self.failure.send_replace(Some(why));
    }
}

fn number(position: LogPosition) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "a measure, not an id")]
    let number = position.number() as f64;
    number
}

fn count(bundles: usize) -> f64 {
    f64::from(u32::try_from(bundles).unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests;
