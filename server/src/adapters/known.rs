//! What each source stated before, out of the newest estate.

use std::sync::Arc;
use std::time::Duration;

use ingest::{CalendarFuture, Known, KnownFuture, NotKnown, Stated, StatedItem};
use model::{CiId, Event, LogPosition, ObservedItem, SourceKey, SourceName, Timestamp};
use store::{EventLog, ReadLimit};

use crate::projector::Published;

/// How long a listing waits for the fold to hold what was acknowledged before it.
const PATIENCE: Duration = Duration::from_secs(10);

/// The estate as the fold has it, and the log for what it does not keep.
pub(crate) struct StatedBefore {
    log: Arc<dyn EventLog>,
    published: Arc<Published>,
}

impl StatedBefore {
    pub(crate) fn of(log: &Arc<dyn EventLog>, published: &Arc<Published>) -> Self {
        Self {
            log: Arc::clone(log),
            published: Arc::clone(published),
        }
    }
}

impl Known for StatedBefore {
    fn name_of(&self, key: &SourceKey) -> CiId {
        CiId::of(&graph::claim_of(key))
    }

    fn stated_by<'a>(&'a self, source: &'a SourceName) -> KnownFuture<'a> {
        Box::pin(async move {
            let head = self.log.head();
            let arrived = self.published.at_least(head, PATIENCE).await;
            let view = arrived.map_err(|behind| NotKnown {
                reached: behind.reached,
            })?;
            let source = source.clone();
            let gather = tokio::task::spawn_blocking(move || stated(&view, &source));
            gather.await.map_err(|_| NotKnown { reached: head })
        })
    }

    fn calendar(&self) -> CalendarFuture<'_> {
        Box::pin(async move {
            let head = self.log.head();
            let arrived = self.published.at_least(head, PATIENCE).await;
            let view = arrived.map_err(|behind| NotKnown {
                reached: behind.reached,
            })?;
            let rules = view.calendar_rules(Timestamp::MAX);
            Ok(rules.map(|rule| rule.what.clone()).collect())
        })
    }

    fn observation(&self, position: LogPosition) -> Option<ObservedItem> {
        let before = LogPosition::new(position.number().checked_sub(1)?);
        let one = ReadLimit {
            events: 1,
            bytes: usize::MAX,
        };
        let read = self.log.read(before, one).ok()?;
        let envelope = read.into_iter().next()?;
        let Event::ItemObserved(item) = envelope.event else {
            return None;
        };
        Some(item)
    }
}

fn stated(view: &graph::GraphView, source: &SourceName) -> Stated {
    let row = view.sources().get(source.as_str());
    let items = view.stated_by(source.as_str()).into_iter();
    let items = items.map(|stated| {
        let item = StatedItem {
            key: stated.key,
            digest: stated.digest,
            position: stated.position,
            is_ended: stated.is_ended,
            is_open: stated.is_open,
        };
        (stated.name, item)
    });
    Stated {
        listed_at: row.and_then(|row| row.listed_at),
        items: items.collect(),
    }
}
