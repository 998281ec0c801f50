//! Closes windows in time and brings their events to the log, each exactly once.
//!
//! An event waits until the log has it. It keeps its id while it waits, so a
//! retry after an unclear answer is the same event.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use model::{
    Event, EventId, NewEvent, ObservationGap, Occurred, SourceName, Timestamp, ValidInterval,
};
use thiserror::Error;
use tokio::time::{MissedTickBehavior, interval};
use tracing::{info, warn};

use super::Otlp;
use super::cursor::Cursor;
use super::report::{SOURCE, automatic};
use super::warm::Warm;
use crate::RecordError;

/// Most events handed to the log at once.
const BATCH_EVENTS: usize = 256;

/// Why not everything that was seen could be written.
#[derive(Debug, Error)]
#[error("{waiting} events of closed windows wait for the log")]
pub struct FlushError {
    /// How many events still wait.
    pub waiting: usize,
    /// Why the next one was not taken.
    pub source: RecordError,
}

impl Otlp {
    /// Closes windows when they are due, until `shutdown` resolves; then closes and writes all.
    pub async fn run(self: Arc<Self>, shutdown: impl Future<Output = ()> + Send) {
        let started_at = self.now();
        let mut cursor = self.tell_gap(started_at).await;
        self.warm_up(started_at).await;
        let mut shutdown = std::pin::pin!(shutdown);
        let mut ticks = interval(self.tick());
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = &mut shutdown => break,
                _ = ticks.tick() => {}
            }
            self.close(Closing::Due).await;
            match self.write().await {
                Ok(()) => self.remember(&mut cursor).await,
                Err(error) => warn!(
                    waiting = error.waiting,
                    "could not write closed windows, trying again: {}", error.source
                ),
            }
        }
        match self.flush().await {
            Ok(()) => self.remember(&mut cursor).await,
            Err(error) => warn!(
                waiting = error.waiting,
                "lost at shutdown: {error}: {}", error.source
            ),
        }
    }

    /// Learns what is usual from what was measured before this start, before any window is judged.
    pub(super) async fn warm_up(self: &Arc<Self>, started_at: Timestamp) {
        let Some(rollups) = self.rollups.clone() else {
            return;
        };
        let nanos = |duration: Duration| i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX);
        let (window, again) = (nanos(self.config.window), nanos(self.config.summary));
        let learning =
            tokio::task::spawn_blocking(move || Warm::learnt(&rollups, started_at, window, again));
        match learning.await {
            Ok(warm) => self.state().warm(warm, started_at, window),
            Err(error) => warn!("could not learn what is usual from measurements: {error}"),
        }
    }

    /// Concludes all pairing, closes all windows, and writes their events.
    pub async fn flush(self: &Arc<Self>) -> Result<(), FlushError> {
        self.close(Closing::All).await;
        self.write().await
    }

    /// Closes and writes what is due at this moment.
    #[cfg(test)]
    pub(super) async fn close_due_now(self: &Arc<Self>) {
        self.close(Closing::Due).await;
        self.write().await.expect("the log in memory takes all");
    }

    fn tick(&self) -> Duration {
        const SHORTEST: Duration = Duration::from_millis(20);
        const LONGEST: Duration = Duration::from_secs(1);
        (self.config.window / 4).clamp(SHORTEST, LONGEST)
    }

    /// Large windows take their time to sum up, so this leaves the async threads.
    async fn close(self: &Arc<Self>, closing: Closing) {
        let otlp = Arc::clone(self);
        let closed = tokio::task::spawn_blocking(move || {
            let now = otlp.now();
            let closed = {
                let mut state = otlp.state();
                match closing {
                    Closing::Due => state.close_due(now),
                    Closing::All => state.close_all(now),
                }
                state.take_unmeasured()
            };
            if let Some(rollups) = &otlp.rollups {
                closed.iter().for_each(|window| window.add_to(rollups));
            }
        });
        if let Err(error) = closed.await {
            warn!("could not close windows: {error}");
        }
    }

    async fn write(&self) -> Result<(), FlushError> {
        let _one_at_a_time = self.writing.lock().await;
        loop {
            let batch = self.state().waiting(BATCH_EVENTS);
            if batch.is_empty() {
                return Ok(());
            }
            let count = batch.len();
            match self.recorder.record(batch).await {
                Ok(_) => self.state().written(count),
                Err(RecordError::TooLarge { .. }) if count == 1 => self.drop_first(),
                Err(RecordError::TooLarge { .. }) => self.write_singly(count).await?,
                Err(source) => {
                    let waiting = self.state().pending_len();
                    return Err(FlushError { waiting, source });
                }
            }
        }
    }

    /// One event of the batch is too large for the log; the others are not to suffer.
    async fn write_singly(&self, count: usize) -> Result<(), FlushError> {
        for _ in 0..count {
            let first = self.state().waiting(1);
            match self.recorder.record(first).await {
                Ok(_) => self.state().written(1),
                Err(RecordError::TooLarge { .. }) => self.drop_first(),
                Err(source) => {
                    let waiting = self.state().pending_len();
                    return Err(FlushError { waiting, source });
                }
            }
        }
        Ok(())
    }

    fn drop_first(&self) {
        self.state().written(1);
        self.counters.event_dropped();
        warn!("dropped an event of a window that is larger than the log takes");
    }

    /// Says once what was not observed between the last written window and this start.
    async fn tell_gap(&self, started_at: Timestamp) -> Option<Remembered> {
        let cursor = Cursor::at(self.config.cursor.clone()?);
        let loading = cursor.clone();
        let loaded = tokio::task::spawn_blocking(move || loading.load()).await;
        let complete_until = loaded.ok().flatten();
        let gap = complete_until.and_then(|until| ValidInterval::new(until, Some(started_at)));
        if let Some(window) = gap {
            info!("spans from {} until now were not observed", window.from());
            self.state().say(gap_event(window, started_at));
        }
        Some(Remembered {
            cursor,
            saved: complete_until,
        })
    }

    /// Saves how far everything is written, when that has moved by a window.
    async fn remember(&self, remembered: &mut Option<Remembered>) {
        let Some(remembered) = remembered else { return };
        let (complete_until, has_spans) = {
            let state = self.state();
            (state.complete_until(self.now()), state.has_spans())
        };
        let has_moved = match remembered.saved {
            None => has_spans,
            Some(saved) => {
                let step = i64::try_from(self.config.window.as_nanos()).unwrap_or(i64::MAX);
                saved.plus_nanos(step) <= complete_until
            }
        };
        if !has_moved {
            return;
        }
        let cursor = remembered.cursor.clone();
        let saving = tokio::task::spawn_blocking(move || cursor.save(complete_until));
        match saving.await {
            Ok(Ok(())) => remembered.saved = Some(complete_until),
            Ok(Err(error)) => warn!("could not save how far windows are written: {error}"),
            Err(error) => warn!("could not save how far windows are written: {error}"),
        }
    }
}

#[derive(Clone, Copy)]
enum Closing {
    Due,
    All,
}

/// The cursor and what stands in it.
struct Remembered {
    cursor: Cursor,
    saved: Option<Timestamp>,
}

fn gap_event(window: ValidInterval, started_at: Timestamp) -> NewEvent {
    NewEvent {
        id: EventId {
            source: SourceName::new(SOURCE),
            delivery: format!("gap-{}", started_at.unix_nanos()),
        },
        occurred: Occurred::Stated(window.from()),
        actor: automatic(),
        event: Event::ObservationGap(ObservationGap {
            source: SourceName::new(SOURCE),
            window,
            reason: "no spans were taken between the last written window and this start".to_owned(),
        }),
    }
}
