//! The one door of every write: takes secrets out, bounds what is in flight,
//! appends, and answers after the log has synced.
//!
//! It decides nothing about the meaning of an event, and it holds no queue of
//! its own: what does not fit now is refused as busy, and the sender comes again.

use std::sync::Arc;

use model::{EventId, LogPosition, NewEvent, bounds};
use store::{AppendError, AppendFuture, Appended, EventLog};
use thiserror::Error;
use tokio::task::JoinError;

use crate::kinds::Rules;
use crate::room::{Room, Taken};
use crate::scrub::scrub;

/// Batches from here on are encoded on a thread that may block.
const SMALL_BATCH: usize = 32;

/// How much may wait for the disk at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecorderLimits {
    /// At most so many events.
    pub events_in_flight: usize,
    /// At most so many bytes of encoded payload.
    pub bytes_in_flight: usize,
}

/// Takes batches of events and has them written.
#[derive(Clone)]
pub struct Recorder {
    log: Arc<dyn EventLog>,
    events: Room,
    bytes: Room,
    rules: Option<Rules>,
}

/// What became of a batch, after its bytes are on the disk.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RecordedBatch {
    /// One outcome for each event, in the order of the batch.
    pub outcomes: Vec<Appended>,
}

/// Why nothing of a batch was written.
#[derive(Debug, Error)]
pub enum RecordError {
    /// Too much waits for the disk already; the sender comes again.
    #[error("too many writes are waiting for the disk")]
    Busy,
    /// One event is larger than an event may be.
    #[error(
        "event {id} has {bytes} bytes, an event may have {}",
        bounds::EVENT_BYTES
    )]
    TooLarge {
        /// Which event.
        id: EventId,
        /// Its encoded size.
        bytes: usize,
    },
    /// The log refused.
    #[error("the log did not take the events")]
    Log(#[source] AppendError),
    /// The thread that encodes was stopped: the server is going down.
    #[error("the server stopped while encoding")]
    Stopped(#[source] JoinError),
}

impl Recorder {
    /// A recorder that writes to `log`.
    pub fn new(log: Arc<dyn EventLog>, limits: RecorderLimits) -> Self {
        Self {
            log,
            events: Room::new(limits.events_in_flight),
            bytes: Room::new(limits.bytes_in_flight),
            rules: None,
        }
    }

    /// The same, whose facts are held against the models before they come here.
    #[must_use]
    pub fn checked_by(mut self, rules: Rules) -> Self {
        self.rules = Some(rules);
        self
    }

    /// The check that a door holds its facts against, where there is one.
    pub(crate) fn rules(&self) -> Option<&Rules> {
        self.rules.as_ref()
    }

    /// Writes a batch and answers after the sync. The events stand next to each other in the log.
    pub async fn record(&self, batch: Vec<NewEvent>) -> Result<RecordedBatch, RecordError> {
        if batch.is_empty() {
            return Ok(RecordedBatch::default());
        }
        let submitted = if batch.len() < SMALL_BATCH {
            self.submit(batch)?
        } else {
            let recorder = self.clone();
            tokio::task::spawn_blocking(move || recorder.submit(batch))
                .await
                .map_err(RecordError::Stopped)??
        };
        submitted.recorded().await
    }

    /// How many events wait for the disk at this moment.
    pub fn events_in_flight(&self) -> usize {
        self.events.taken()
    }

    /// Whether the log takes writes.
    pub fn health(&self) -> store::LogHealth {
        self.log.health()
    }

    /// Hands a batch to the log without waiting for the disk. It encodes: off the async threads, if it is large.
    pub(crate) fn submit(&self, mut batch: Vec<NewEvent>) -> Result<Submitted, RecordError> {
        for event in &mut batch {
            scrub(&mut event.event);
        }
        let events = self.events.take(batch.len()).ok_or(RecordError::Busy)?;
        let bytes = self
            .bytes
            .take(encoded_size(&batch)?)
            .ok_or(RecordError::Busy)?;
        Ok(Submitted {
            appended: self.log.append(batch),
            _events: events,
            _bytes: bytes,
        })
    }
}

/// A batch handed to the log, with the room it takes until it is through.
pub(crate) struct Submitted {
    appended: AppendFuture,
    _events: Taken,
    _bytes: Taken,
}

impl Submitted {
    /// Waits for the disk.
    pub(crate) async fn recorded(self) -> Result<RecordedBatch, RecordError> {
        let outcomes = self.appended.await.map_err(|error| match error {
            AppendError::Busy => RecordError::Busy,
            other => RecordError::Log(other),
        })?;
        Ok(RecordedBatch { outcomes })
    }
}

impl RecordedBatch {
    /// The last position of this request; for what was written before, its first position. `None` when all is conflict.
    pub fn position(&self) -> Option<LogPosition> {
        let standing = self.outcomes.iter().filter_map(|outcome| match outcome {
            Appended::Recorded(position) | Appended::Duplicate(position) => Some(*position),
            Appended::Conflict { .. } => None,
        });
        standing.max()
    }
}

fn encoded_size(batch: &[NewEvent]) -> Result<usize, RecordError> {
    let mut total = 0;
    let mut payload = Vec::new();
    for event in batch {
        payload.clear();
        event.event.encode_payload(&mut payload);
        if bounds::EVENT_BYTES < payload.len() {
            return Err(RecordError::TooLarge {
                id: event.id.clone(),
                bytes: payload.len(),
            });
        }
        total += payload.len();
    }
    Ok(total)
}

#[cfg(test)]
mod tests {
    use model::{
        Actor, Event, EventEnvelope, ItemRetired, Occurred, SourceKey, SourceName, Timestamp,
    };
    use store::{LogHealth, ReadError, ReadLimit};
    use tokio::sync::watch;

    use super::*;

    /// A log whose disk answers when the test says so.
    struct HeldLog(watch::Sender<bool>);

    impl EventLog for HeldLog {
        fn append(&self, batch: Vec<NewEvent>) -> AppendFuture {
            let mut released = self.0.subscribe();
            Box::pin(async move {
                let _ = released.wait_for(|released| *released).await;
                let last = batch.len() as u64;
                Ok((1..=last)
                    .map(|at| Appended::Recorded(LogPosition::new(at)))
                    .collect())
            })
        }

        fn head(&self) -> LogPosition {
            LogPosition::ZERO
        }

        fn watch_head(&self) -> watch::Receiver<LogPosition> {
            watch::channel(LogPosition::ZERO).1
        }

        fn read(&self, _: LogPosition, _: ReadLimit) -> Result<Vec<EventEnvelope>, ReadError> {
            Ok(Vec::new())
        }

        fn health(&self) -> LogHealth {
            LogHealth::Writable
        }
    }

    fn retired(delivery: &str) -> NewEvent {
        NewEvent {
            id: EventId {
                source: SourceName::new("test"),
                delivery: delivery.to_owned(),
            },
            occurred: Occurred::Received(Timestamp::from_unix_nanos(0)),
            actor: Actor::default(),
            event: Event::ItemRetired(ItemRetired {
                key: SourceKey::text("service:a"),
                reason: None,
            }),
        }
    }

    fn recorder(events_in_flight: usize, bytes_in_flight: usize) -> (Recorder, Arc<HeldLog>) {
        let log = Arc::new(HeldLog(watch::Sender::new(false)));
        let limits = RecorderLimits {
            events_in_flight,
            bytes_in_flight,
        };
        (Recorder::new(log.clone(), limits), log)
    }

    async fn busy_while_two_wait(recorder: Recorder, log: Arc<HeldLog>) {
        let waiting = recorder.submit(vec![retired("1"), retired("2")]).unwrap();
        let refused = recorder.record(vec![retired("3")]).await;
        assert!(matches!(refused, Err(RecordError::Busy)), "{refused:?}");
        assert_eq!(recorder.events_in_flight(), 2);
        log.0.send_replace(true);
        assert!(waiting.appended.await.is_ok());
        drop((waiting._events, waiting._bytes));
        assert_eq!(recorder.events_in_flight(), 0);
        assert!(recorder.record(vec![retired("3")]).await.is_ok());
    }

    #[tokio::test]
    async fn more_events_than_may_wait_are_refused_as_busy() {
        let (recorder, log) = recorder(2, 1_000_000);
        busy_while_two_wait(recorder, log).await;
    }

    #[tokio::test]
    async fn more_bytes_than_may_wait_are_refused_as_busy() {
        let payload = r#"{"key":"service:a"}"#;
        let (recorder, log) = recorder(1_000_000, 2 * payload.len());
        busy_while_two_wait(recorder, log).await;
    }

    #[tokio::test]
    async fn a_batch_larger_than_all_the_room_is_let_in_alone() {
        let (recorder, log) = recorder(2, 10);
        log.0.send_replace(true);
        let many = (0..100).map(|n| retired(&n.to_string())).collect();
        let batch = recorder.record(many).await.unwrap();
        assert_eq!(batch.position(), Some(LogPosition::new(100)));
        assert_eq!(recorder.events_in_flight(), 0);
    }

    #[tokio::test]
    async fn a_sender_that_hangs_up_gives_its_room_back() {
        let (recorder, _log) = recorder(2, 1_000_000);
        let mut waiting = Box::pin(recorder.record(vec![retired("1")]));
        assert!(futures_util::poll!(&mut waiting).is_pending());
        assert_eq!(recorder.events_in_flight(), 1);
        drop(waiting);
        assert_eq!(recorder.events_in_flight(), 0);
    }

    #[tokio::test]
    async fn an_event_beyond_its_bound_is_refused_by_name() {
        let (recorder, _log) = recorder(2, 1_000_000);
        let mut large = retired("large");
        large.event = Event::ItemRetired(ItemRetired {
            key: SourceKey::text("service:a"),
            reason: Some("x".repeat(bounds::EVENT_BYTES)),
        });
        let refused = recorder.record(vec![large]).await;
        assert!(
            matches!(&refused, Err(RecordError::TooLarge { id, .. }) if id.delivery == "large"),
            "{refused:?}"
        );
    }

    #[test]
    fn the_position_of_a_request_is_its_last_standing_one() {
        let at = LogPosition::new;
        let id = retired("x").id;
        let outcomes = vec![
            Appended::Recorded(at(42)),
            Appended::Duplicate(at(7)),
            Appended::Conflict { id, first: at(50) },
        ];
        assert_eq!(RecordedBatch { outcomes }.position(), Some(at(42)));
        assert_eq!(RecordedBatch::default().position(), None);
    }
}
