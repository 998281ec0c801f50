//! Fills the index behind the log, and mends it.
//!
//! The log is its queue: nothing piles up in memory, and nothing that was lost
//! is ever missing for longer than it takes to read the log again.

use std::sync::Arc;

use index::{Index, IndexError, IndexReader};
use model::LogPosition;
use store::EventLog;
use tokio::sync::watch;

use crate::follower::{Follow, Follower, Next};
use crate::metrics::Metrics;

/// A running index.
pub(crate) struct Indexer {
    reader: IndexReader,
    position: watch::Receiver<LogPosition>,
    follower: Follower,
}

impl Indexer {
    /// Starts to fill `index` on a thread of its own.
    pub(crate) fn start(index: Index, log: Arc<dyn EventLog>) -> anyhow::Result<Self> {
        let reader = index.reader();
        let (reached, position) = watch::channel(LogPosition::ZERO);
        let head = log.watch_head();
        let filling = Filling {
            index,
            log,
            reached,
        };
        Ok(Self {
            reader,
            position,
            follower: Follower::start(filling, head)?,
        })
    }

    /// A handle for questions.
    pub(crate) fn reader(&self) -> IndexReader {
        self.reader.clone()
    }

    /// How far it is, whenever that moves.
    pub(crate) fn watch_position(&self) -> watch::Receiver<LogPosition> {
        self.position.clone()
    }

    /// Ends after the step it is at, and closes the index. It may wait for the disk.
    pub(crate) fn stop(self) {
        self.follower.stop();
    }

    /// Registers what the index measures.
    pub(crate) fn register(&self, metrics: &Metrics) {
        let reader = self.reader();
        self.follower.register(
            metrics,
            ("index_position", "Last position that the index holds."),
            (
                "index_failures_total",
                "Times that the index could not be filled.",
            ),
            move || reader.position(),
        );
    }
}

struct Filling {
    index: Index,
    log: Arc<dyn EventLog>,
    reached: watch::Sender<LogPosition>,
}

impl Follow for Filling {
    const NAME: &'static str = "the index";
    const THREAD: &'static str = "indexer";

    fn step(&mut self) -> Result<Next, IndexError> {
        let step = self.index.step(self.log.as_ref())?;
        self.reached.send_replace(step.reached);
        let is_behind = step.reached < step.head;
        Ok(if is_behind { Next::Now } else { Next::Events })
    }

    fn close(self) -> Result<(), IndexError> {
        self.index.close()
    }
}
