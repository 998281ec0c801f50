//! Fills the full text behind the log and behind the bodies it is made of.

use std::sync::Arc;
use std::time::{Duration, Instant};

use index::{IndexError, IndexReader, TextIndex, TextReader};
use model::LogPosition;
use store::EventLog;
use tokio::sync::watch;

use crate::follower::{Follow, Follower, Next};
use crate::metrics::Metrics;

/// How long a text waits for others before both are committed.
const COMMIT_AFTER: Duration = Duration::from_millis(500);
/// While there is much to take, so many events are committed at once.
const COMMIT_EVENTS: u64 = 200_000;

/// A running full text.
pub(crate) struct TextIndexer {
    reader: TextReader,
    follower: Follower,
}

impl TextIndexer {
    /// Starts to fill `texts` on a thread of its own; `indexed` tells how far the bodies are.
    pub(crate) fn start(
        texts: TextIndex,
        log: Arc<dyn EventLog>,
        bodies: IndexReader,
        indexed: watch::Receiver<LogPosition>,
    ) -> anyhow::Result<Self> {
        let reader = texts.reader();
        let filling = Filling {
            texts,
            log,
            bodies,
            committed_at: Instant::now(),
        };
        Ok(Self {
            reader,
            follower: Follower::start(filling, indexed)?,
        })
    }

    /// A handle for questions.
    pub(crate) fn reader(&self) -> TextReader {
        self.reader.clone()
    }

    /// Ends after the step it is at, commits and closes. It may wait for the disk.
    pub(crate) fn stop(self) {
        self.follower.stop();
    }

    /// Registers what the full text measures.
    pub(crate) fn register(&self, metrics: &Metrics) {
        let reader = self.reader();
        self.follower.register(
            metrics,
            (
                "text_position",
                "Last position whose texts can be searched on the disk.",
            ),
            (
                "text_failures_total",
                "Times that the full text could not be filled.",
            ),
            move || reader.position(),
        );
    }
}

struct Filling {
    texts: TextIndex,
    log: Arc<dyn EventLog>,
    bodies: IndexReader,
    committed_at: Instant,
}

impl Follow for Filling {
    const NAME: &'static str = "the full text";
    const THREAD: &'static str = "text-indexer";

    fn step(&mut self) -> Result<Next, IndexError> {
        let step = self.texts.step(self.log.as_ref(), &self.bodies)?;
        let caught_up = step.head <= step.reached;
        let waiting = self.texts.uncommitted();
        let age = self.committed_at.elapsed();
        let is_due = COMMIT_EVENTS <= waiting || (caught_up && COMMIT_AFTER <= age);
        if 0 < waiting && is_due {
            self.texts.commit()?;
            self.committed_at = Instant::now();
            return Ok(Next::Now);
        }
        Ok(match (caught_up, waiting) {
            (false, _) => Next::Now,
            (true, 0) => Next::Events,
            (true, _) => Next::After(COMMIT_AFTER.saturating_sub(age)),
        })
    }

    fn close(self) -> Result<(), IndexError> {
        self.texts.close()
    }
}
