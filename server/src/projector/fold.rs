//! The thread that owns the estate.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, Instant};

use graph::{Estate, Projection};
use model::LogPosition;
use store::{EventLog, ReadLimit};
use tokio::runtime::Handle;
use tokio::sync::watch;

use super::{Published, SavedFolds};
use crate::config::ProjectorSettings;
use crate::tasks::message_of;

/// What the thread works with.
pub(super) struct Fold {
    log: Arc<dyn EventLog>,
    saved: Arc<SavedFolds>,
    published: Arc<Published>,
    settings: ProjectorSettings,
    stop: watch::Receiver<bool>,
    head: watch::Receiver<LogPosition>,
    last_publish: Option<Instant>,
    last_saved: LogPosition,
}

/// What there is to do next.
enum Next {
    Read,
    Publish,
    Wait(Option<Duration>),
    Stop,
}

impl Fold {
    pub(super) fn new(
        log: Arc<dyn EventLog>,
        saved: Arc<SavedFolds>,
        published: Arc<Published>,
        settings: ProjectorSettings,
        stop: watch::Receiver<bool>,
    ) -> Self {
        let head = log.watch_head();
        Self {
            log,
            saved,
            published,
            settings,
            stop,
            head,
            last_publish: None,
            last_saved: LogPosition::ZERO,
        }
    }

    /// Folds until told to stop. A failure is published; it never takes the process down.
    pub(super) fn run(mut self, runtime: &Handle) {
        let published = Arc::clone(&self.published);
        let ran = std::panic::catch_unwind(AssertUnwindSafe(|| self.fold(runtime)));
        match ran {
            Ok(Ok(())) => {}
            Ok(Err(error)) => published.fail(format!("{error:#}")),
            Err(panic) => published.fail(message_of(panic.as_ref())),
        }
    }

    fn fold(&mut self, runtime: &Handle) -> anyhow::Result<()> {
        let mut estate = self.saved.restore(self.log.head());
        self.last_saved = estate.position();
        self.publish(&mut estate);
        loop {
            match self.next(&estate) {
                Next::Read => self.read(&mut estate)?,
                Next::Publish => {
                    self.publish(&mut estate);
                    self.save_if_due();
                }
                Next::Wait(at_most) => self.wait(runtime, at_most),
                Next::Stop => break,
            }
        }
        if self.last_saved < estate.position() {
            self.saved.try_save(&self.published.newest());
        }
        Ok(())
    }

    fn next(&self, estate: &Estate) -> Next {
        let unpublished = self.published.position() < estate.position();
        let interval = Duration::from_millis(self.settings.publish_interval_ms);
        let wait = self
            .last_publish
            .and_then(|last| interval.checked_sub(last.elapsed()));
        let behind = estate.position() < self.log.head();
        let stopping = *self.stop.borrow();
        match (behind, unpublished) {
            (_, true) if wait.is_none() => Next::Publish,
            (true, _) => Next::Read,
            (false, true) if stopping => Next::Publish,
            (false, true) => Next::Wait(wait),
            (false, false) if stopping => Next::Stop,
            (false, false) => Next::Wait(None),
        }
    }

    fn read(&mut self, estate: &mut Estate) -> anyhow::Result<()> {
        let limit = ReadLimit {
            events: self.settings.batch_events,
            bytes: self.settings.batch_bytes,
        };
        for envelope in self.log.read(estate.position(), limit)? {
            estate.apply(&envelope);
        }
        Ok(())
    }

    fn publish(&mut self, estate: &mut Estate) {
        let started = Instant::now();
        let view = estate.publish();
        self.published.publish(view, started.elapsed());
        self.last_publish = Some(Instant::now());
    }

    fn save_if_due(&mut self) {
        let view = self.published.newest();
        let since = view.position().number() - self.last_saved.number();
        if self.settings.snapshot_every_events <= since {
            self.last_saved = view.position();
            SavedFolds::save_aside(&self.saved, view);
        }
    }

    /// Waits until the log grows, the time is over, or somebody says stop.
    fn wait(&mut self, runtime: &Handle, at_most: Option<Duration>) {
        let (head, stop) = (&mut self.head, &mut self.stop);
        let stopping = *stop.borrow();
        runtime.block_on(async {
            let time = async {
                match at_most {
                    Some(time) => tokio::time::sleep(time).await,
                    None => std::future::pending().await,
                }
            };
            // Closed channels mean that their owner is gone; `next` then finds what there is to do.
            tokio::select! {
                _ = head.changed() => {}
                _ = stop.changed(), if !stopping => {}
                () = time => {}
            }
        });
    }
}
