//! The thread that fills the index behind the log, and mends it.
//!
//! The log is its queue: nothing piles up in memory, and nothing that was lost
//! is ever missing for longer than it takes to read the log again.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::Context;
use index::{Index, IndexReader};
use model::LogPosition;
use store::EventLog;
use tokio::runtime::Handle;
use tokio::sync::watch;

use crate::metrics::Metrics;
use crate::tasks::message_of;

/// How long to wait before the next attempt when one has failed, and between checks of a log at rest.
const AGAIN_AFTER: Duration = Duration::from_secs(10);

/// A running index.
pub(crate) struct Indexer {
    reader: IndexReader,
    failures: Arc<AtomicU64>,
    position: watch::Receiver<LogPosition>,
    stop: watch::Sender<bool>,
    thread: Option<JoinHandle<()>>,
}

impl Indexer {
    /// Starts to fill `index` on a thread of its own.
    pub(crate) fn start(index: Index, log: Arc<dyn EventLog>) -> anyhow::Result<Self> {
        let reader = index.reader();
        let failures = Arc::new(AtomicU64::new(0));
        let (stop, stopping) = watch::channel(false);
        let (reached, position) = watch::channel(LogPosition::ZERO);
        let filling = Filling {
            index,
            head: log.watch_head(),
            log,
            failures: Arc::clone(&failures),
            reached,
            stop: stopping,
        };
        let runtime = Handle::current();
        let thread = std::thread::Builder::new()
            .name("indexer".to_owned())
            .spawn(move || filling.run(&runtime))
            .context("could not start the thread of the index")?;
        Ok(Self {
            reader,
            failures,
            position,
            stop,
            thread: Some(thread),
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
    pub(crate) fn stop(mut self) {
        self.stop.send_replace(true);
        if let Some(thread) = self.thread.take() {
            thread.join().expect("the index catches its own panics");
        }
    }

    /// Registers what the index measures.
    pub(crate) fn register(&self, metrics: &Metrics) {
        let (reader, failures) = (self.reader(), Arc::clone(&self.failures));
        metrics.register(move |scrape| {
            #[expect(clippy::cast_precision_loss, reason = "a measure, not an id")]
            let position = reader.position().number() as f64;
            scrape.gauge(
                "index_position",
                "Last position that the index holds.",
                &[],
                position,
            );
            scrape.counter(
                "index_failures_total",
                "Times that the index could not be filled.",
                &[],
                failures.load(Ordering::Relaxed),
            );
        });
    }
}

struct Filling {
    index: Index,
    log: Arc<dyn EventLog>,
    head: watch::Receiver<LogPosition>,
    failures: Arc<AtomicU64>,
    reached: watch::Sender<LogPosition>,
    stop: watch::Receiver<bool>,
}

impl Filling {
    fn run(mut self, runtime: &Handle) {
        let ran = std::panic::catch_unwind(AssertUnwindSafe(|| self.fill(runtime)));
        match ran {
            Ok(()) => {
                if let Err(error) = self.index.close() {
                    tracing::warn!("the index was not closed in order: {error}");
                }
            }
            Err(panic) => {
                self.failures.fetch_add(1, Ordering::Relaxed);
                let message = message_of(panic.as_ref());
                tracing::error!("the index panicked and stands still: {message}");
            }
        }
    }

    fn fill(&mut self, runtime: &Handle) {
        while !*self.stop.borrow() {
            let stepped = self.index.step(self.log.as_ref());
            if let Ok(step) = &stepped {
                self.reached.send_replace(step.reached);
            }
            match stepped {
                Ok(step) if step.reached < step.head => {}
                Ok(_) => self.wait(runtime, true),
                Err(error) => {
                    self.failures.fetch_add(1, Ordering::Relaxed);
                    let cause: &dyn std::error::Error = &error;
                    tracing::error!(cause, "the index could not be filled: {error}");
                    // The time alone: a busy log must not make a failure spin.
                    self.wait(runtime, false);
                }
            }
        }
    }

    fn wait(&mut self, runtime: &Handle, for_events: bool) {
        let (head, stop) = (&mut self.head, &mut self.stop);
        runtime.block_on(async {
            // A closed channel means that its owner is gone; the next step then finds what there is to do.
            tokio::select! {
                _ = head.changed(), if for_events => {}
                _ = stop.changed() => {}
                () = tokio::time::sleep(AGAIN_AFTER) => {}
            }
        });
    }
}
