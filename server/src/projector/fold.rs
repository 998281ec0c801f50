//! The thread that owns the estate.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::anyhow;
use graph::{Estate, LayoutMade, Projection};
use model::LogPosition;
use store::{EventLog, ReadLimit};
use tokio::runtime::Handle;
use tokio::sync::watch;

use super::anew::{AT_ONCE, apply_until, fold_knowing};
use super::{FoldError, Published, SavedFolds};
use crate::config::ProjectorSettings;
use crate::memory::give_back_freed;
use crate::tasks::message_of;

/// How often the thread looks whether a state folded aside is ready.
const RENEWAL_LOOK: Duration = Duration::from_millis(20);

/// How often an idle thread looks whether views hold more read pages than they should.
const READ_LOOK: Duration = Duration::from_secs(1);

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
    /// Much memory is free once the newest view is published.
    freed: bool,
    /// The state that is being folded anew aside.
    anew: Option<JoinHandle<Result<Estate, FoldError>>>,
    /// The relations that are being laid out aside.
    layout: Option<JoinHandle<LayoutMade>>,
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
            freed: false,
            anew: None,
            layout: None,
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
        self.saved.archive().tidy(&estate);
        self.publish(&mut estate);
        loop {
            self.make_lost_again(&mut estate)?;
            self.renew(&mut estate)?;
            self.lay_out(&mut estate)?;
            match self.next(&estate) {
                Next::Read => self.read(&mut estate)?,
                Next::Publish => {
                    self.publish(&mut estate);
                    self.save_if_due();
                }
                Next::Wait(at_most) => {
                    let at_most = self.until_renewed(&estate, at_most);
                    self.wait(runtime, at_most);
                }
                Next::Stop => break,
            }
        }
        if self.last_saved < estate.position() && !estate.is_outdated() {
            self.saved.try_save(&self.published.newest());
        }
        Ok(())
    }

    /// Folds the log anew where a page is lost that rows of changes lie on.
    fn make_lost_again(&mut self, estate: &mut Estate) -> anyhow::Result<()> {
        let Some(error) = estate.lost() else {
            return Ok(());
        };
        tracing::error!("{error}; folding the log anew, which makes it again");
        let (archive, log) = (self.saved.archive(), &self.log);
        let (retractions, position) = (estate.retractions().clone(), estate.position());
        *estate = fold_knowing(retractions, archive, log, position, &self.settings)?;
        self.freed = true;
        self.publish(estate);
        Ok(())
    }

    /// Sees to it that an outdated estate is folded anew, and puts the new one in its place.
    ///
    /// The published position never goes back: the new one first folds what the old one held.
    fn renew(&mut self, estate: &mut Estate) -> anyhow::Result<()> {
        if let Some(anew) = self.anew.take_if(|anew| anew.is_finished()) {
            let folded = anew
                .join()
                .map_err(|panic| anyhow!(message_of(panic.as_ref())))?;
            let mut renewed = folded?;
            apply_until(
                &mut renewed,
                self.saved.archive(),
                self.log.as_ref(),
                estate.position(),
                &self.settings,
            )?;
            tracing::info!("folded the log anew up to position {}", renewed.position());
            *estate = renewed;
            self.freed = true;
            self.publish(estate);
        }
        if !estate.is_outdated() || self.anew.is_some() {
            return Ok(());
        }
        let retractions = estate.retractions().clone();
        let (log, settings) = (Arc::clone(&self.log), self.settings.clone());
        let position = estate.position();
        if position <= AT_ONCE {
            *estate = fold_knowing(retractions, self.saved.archive(), &log, position, &settings)?;
            self.publish(estate);
            return Ok(());
        }
        tracing::info!(
            "folding {position} events anew, because a source was retracted or restored"
        );
        let aside = std::thread::Builder::new().name("projector-anew".to_owned());
        let head = self.log.head();
        let archive = Arc::clone(self.saved.archive());
        self.anew =
            Some(aside.spawn(move || fold_knowing(retractions, &archive, &log, head, &settings))?);
        Ok(())
    }

    /// Sees to it that many relations are laid out anew beside the fold, and takes the layout once it is made.
    fn lay_out(&mut self, estate: &mut Estate) -> anyhow::Result<()> {
        if let Some(layout) = self.layout.take_if(|layout| layout.is_finished()) {
            let made = layout.join();
            estate.take_layout(made.map_err(|panic| anyhow!(message_of(panic.as_ref())))?);
            self.publish(estate);
        }
        if self.layout.is_none() && estate.is_layout_due() {
            let aside = std::thread::Builder::new().name("projector-layout".to_owned());
            let layout = estate.lay_out_aside();
            self.layout = Some(aside.spawn(move || layout.make())?);
        }
        Ok(())
    }

    /// A wait is short while something is being made aside, and never long while questions read pages.
    fn until_renewed(&self, estate: &Estate, at_most: Option<Duration>) -> Option<Duration> {
        let look = if self.anew.is_some() || self.layout.is_some() {
            RENEWAL_LOOK
        } else if estate.pages().next().is_some() {
            READ_LOOK
        } else {
            return at_most;
        };
        Some(at_most.map_or(look, |most| most.min(look)))
    }

    fn next(&self, estate: &Estate) -> Next {
        let unpublished = self.published.position() < estate.position() || estate.has_read_much();
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
            let archive = self.saved.archive();
            let taken = archive.take(estate, &envelope).or_else(|error| {
                tracing::error!("{error}; folding the log anew, which makes it again");
                let (log, position) = (&self.log, estate.position());
                let retractions = estate.retractions().clone();
                *estate = fold_knowing(retractions, archive, log, position, &self.settings)?;
                anyhow::Ok(archive.take(estate, &envelope)?)
            });
            self.freed |= taken?;
        }
        Ok(())
    }

    fn publish(&mut self, estate: &mut Estate) {
        let started = Instant::now();
        let view = estate.publish();
        self.published.publish(view, started.elapsed());
        if std::mem::take(&mut self.freed) {
            give_back_freed();
        }
        self.last_publish = Some(Instant::now());
    }

    fn save_if_due(&mut self) {
        let view = self.published.newest();
        if view.is_outdated() {
            return;
        }
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
