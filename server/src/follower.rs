//! A thread that follows the log: it takes step after step, goes on after failures and ends when told.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::Context;
use index::IndexError;
use model::LogPosition;
use tokio::runtime::Handle;
use tokio::sync::watch;

use crate::metrics::Metrics;
use crate::tasks::message_of;

/// How long to wait before the next attempt when one has failed, and between checks of a log at rest.
const AGAIN_AFTER: Duration = Duration::from_secs(10);

/// What follows the log.
pub(crate) trait Follow: Send + 'static {
    /// What it is called in sentences.
    const NAME: &'static str;
    /// What its thread is called.
    const THREAD: &'static str;

    /// Takes a step. It may wait for the disk.
    fn step(&mut self) -> Result<Next, IndexError>;

    /// Ends in order, after the last step.
    fn close(self) -> Result<(), IndexError>;
}

/// When the next step comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// At once: there is more.
    Now,
    /// When events have come.
    Events,
    /// After a time, whatever comes: a busy log must not make it spin.
    After(Duration),
}

/// A running follower.
pub(crate) struct Follower {
    failures: Arc<AtomicU64>,
    stop: watch::Sender<bool>,
    thread: Option<JoinHandle<()>>,
}

impl Follower {
    /// Starts it on a thread of its own; `events` moves when there is more to take.
    pub(crate) fn start<F: Follow>(
        work: F,
        events: watch::Receiver<LogPosition>,
    ) -> anyhow::Result<Self> {
        let failures = Arc::new(AtomicU64::new(0));
        let (stop, stopping) = watch::channel(false);
        let following = Following {
            work,
            events,
            failures: Arc::clone(&failures),
            stop: stopping,
        };
        let runtime = Handle::current();
        let thread = std::thread::Builder::new()
            .name(F::THREAD.to_owned())
            .spawn(move || following.run(&runtime))
            .with_context(|| format!("could not start the thread of {}", F::NAME))?;
        Ok(Self {
            failures,
            stop,
            thread: Some(thread),
        })
    }

    /// Ends it after the step it is at. It may wait for the disk.
    pub(crate) fn stop(mut self) {
        self.stop.send_replace(true);
        if let Some(thread) = self.thread.take() {
            thread.join().expect("a follower catches its own panics");
        }
    }

    /// Registers how far it is and how often it failed, each with its name and what it says.
    pub(crate) fn register(
        &self,
        metrics: &Metrics,
        (position_name, position_help): (&'static str, &'static str),
        (failures_name, failures_help): (&'static str, &'static str),
        position: impl Fn() -> LogPosition + Send + Sync + 'static,
    ) {
        let failures = Arc::clone(&self.failures);
        metrics.register(move |scrape| {
            #[expect(clippy::cast_precision_loss, reason = "a measure, not an id")]
            let position = position().number() as f64;
            scrape.gauge(position_name, position_help, &[], position);
            let failures = failures.load(Ordering::Relaxed);
            scrape.counter(failures_name, failures_help, &[], failures);
        });
    }
}

struct Following<F> {
    work: F,
    events: watch::Receiver<LogPosition>,
    failures: Arc<AtomicU64>,
    stop: watch::Receiver<bool>,
}

impl<F: Follow> Following<F> {
    fn run(mut self, runtime: &Handle) {
        let ran = std::panic::catch_unwind(AssertUnwindSafe(|| self.follow(runtime)));
        let name = F::NAME;
        match ran {
            Ok(()) => {
                if let Err(error) = self.work.close() {
                    tracing::warn!("{name} was not closed in order: {error}");
                }
            }
            Err(panic) => {
                self.failures.fetch_add(1, Ordering::Relaxed);
                let message = message_of(panic.as_ref());
                tracing::error!("{name} panicked and stands still: {message}");
            }
        }
    }

    fn follow(&mut self, runtime: &Handle) {
        while !*self.stop.borrow() {
            // Seen before the step, so that what comes meanwhile wakes the thread.
            self.events.borrow_and_update();
            match self.work.step() {
                Ok(Next::Now) => {}
                Ok(Next::Events) => self.wait(runtime, AGAIN_AFTER, true),
                Ok(Next::After(time)) => self.wait(runtime, time, false),
                Err(error) => {
                    self.failures.fetch_add(1, Ordering::Relaxed);
                    let cause: &dyn std::error::Error = &error;
                    tracing::error!(cause, "{} could not be filled: {error}", F::NAME);
                    self.wait(runtime, AGAIN_AFTER, false);
                }
            }
        }
    }

    fn wait(&mut self, runtime: &Handle, most: Duration, for_events: bool) {
        let (events, stop) = (&mut self.events, &mut self.stop);
        runtime.block_on(async {
            // A closed channel means that its owner is gone; time then wakes it.
            tokio::select! {
                Ok(()) = events.changed(), if for_events => {}
                _ = stop.changed() => {}
                () = tokio::time::sleep(most) => {}
            }
        });
    }
}
