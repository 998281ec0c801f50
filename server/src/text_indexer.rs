//! The thread that fills the full text behind the log and behind the bodies it is made of.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::Context;
use index::{IndexReader, TextIndex, TextReader};
use model::LogPosition;
use store::EventLog;
use tokio::runtime::Handle;
use tokio::sync::watch;

use crate::metrics::Metrics;
use crate::tasks::message_of;

/// How long to wait before the next attempt when one has failed, and between checks of a log at rest.
const AGAIN_AFTER: Duration = Duration::from_secs(10);
/// How long a text waits for others before both are committed.
const COMMIT_AFTER: Duration = Duration::from_millis(500);
/// While there is much to take, so many events are committed at once.
const COMMIT_EVENTS: u64 = 200_000;

/// A running full text.
pub(crate) struct TextIndexer {
    reader: TextReader,
    failures: Arc<AtomicU64>,
    stop: watch::Sender<bool>,
    thread: Option<JoinHandle<()>>,
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
        let failures = Arc::new(AtomicU64::new(0));
        let (stop, stopping) = watch::channel(false);
        let filling = Filling {
            texts,
            log,
            bodies,
            indexed,
            failures: Arc::clone(&failures),
            stop: stopping,
            committed_at: Instant::now(),
        };
        let runtime = Handle::current();
        let thread = std::thread::Builder::new()
            .name("text-indexer".to_owned())
            .spawn(move || filling.run(&runtime))
            .context("could not start the thread of the full text")?;
        Ok(Self {
            reader,
            failures,
            stop,
            thread: Some(thread),
        })
    }

    /// A handle for questions.
    pub(crate) fn reader(&self) -> TextReader {
        self.reader.clone()
    }

    /// Ends after the step it is at, commits and closes. It may wait for the disk.
    pub(crate) fn stop(mut self) {
        self.stop.send_replace(true);
        if let Some(thread) = self.thread.take() {
            thread.join().expect("the full text catches its own panics");
        }
    }

    /// Registers what the full text measures.
    pub(crate) fn register(&self, metrics: &Metrics) {
        let (reader, failures) = (self.reader(), Arc::clone(&self.failures));
        metrics.register(move |scrape| {
            #[expect(clippy::cast_precision_loss, reason = "a measure, not an id")]
            let position = reader.position().number() as f64;
            scrape.gauge(
                "text_position",
                "Last position whose texts can be searched on the disk.",
                &[],
                position,
            );
            scrape.counter(
                "text_failures_total",
                "Times that the full text could not be filled.",
                &[],
                failures.load(Ordering::Relaxed),
            );
        });
    }
}

struct Filling {
    texts: TextIndex,
    log: Arc<dyn EventLog>,
    bodies: IndexReader,
    indexed: watch::Receiver<LogPosition>,
    failures: Arc<AtomicU64>,
    stop: watch::Receiver<bool>,
    committed_at: Instant,
}

impl Filling {
    fn run(mut self, runtime: &Handle) {
        let ran = std::panic::catch_unwind(AssertUnwindSafe(|| self.fill(runtime)));
        match ran {
            Ok(()) => {
                if let Err(error) = self.texts.close() {
                    tracing::warn!("the full text was not closed in order: {error}");
                }
            }
            Err(panic) => {
                self.failures.fetch_add(1, Ordering::Relaxed);
                let message = message_of(panic.as_ref());
                tracing::error!("the full text panicked and stands still: {message}");
            }
        }
    }

    fn fill(&mut self, runtime: &Handle) {
        while !*self.stop.borrow() {
            if let Err(error) = self.take_what_there_is(runtime) {
                self.failures.fetch_add(1, Ordering::Relaxed);
                let cause: &dyn std::error::Error = &error;
                tracing::error!(cause, "the full text could not be filled: {error}");
                self.wait(runtime, AGAIN_AFTER, Wake::ByTime);
            }
        }
    }

    fn take_what_there_is(&mut self, runtime: &Handle) -> Result<(), index::IndexError> {
        // Seen before the step, so that what comes meanwhile wakes the thread.
        self.indexed.borrow_and_update();
        let step = self.texts.step(self.log.as_ref(), &self.bodies)?;
        let caught_up = step.head <= step.reached;
        let waiting = self.texts.uncommitted();
        let age = self.committed_at.elapsed();
        let is_due = COMMIT_EVENTS <= waiting || (caught_up && COMMIT_AFTER <= age);
        if 0 < waiting && is_due {
            self.texts.commit()?;
            self.committed_at = Instant::now();
        } else if caught_up && 0 < waiting {
            self.wait(runtime, COMMIT_AFTER.saturating_sub(age), Wake::ByTime);
        } else if caught_up {
            self.wait(runtime, AGAIN_AFTER, Wake::ByEvents);
        }
        Ok(())
    }

    fn wait(&mut self, runtime: &Handle, most: Duration, wake: Wake) {
        let (indexed, stop) = (&mut self.indexed, &mut self.stop);
        runtime.block_on(async {
            // A closed channel means that its owner is gone; time then wakes it.
            tokio::select! {
                Ok(()) = indexed.changed(), if wake == Wake::ByEvents => {}
                _ = stop.changed() => {}
                () = tokio::time::sleep(most) => {}
            }
        });
    }
}

/// What ends a wait, beside a signal to stop.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Wake {
    ByEvents,
    /// The time alone: a busy log must not make a failure or a commit spin.
    ByTime,
}
