//! The models as they stand now, for the check that every fact passes.

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwapOption;
use graph::KindBook;
use ingest::{Crowded, KnownKinds};
use model::{Cardinality, ChangeId, Clock, Kinds, ObservedRelation, SourceRef, Timestamp};
use store::EventLog;
use tokio::runtime::Handle;

use crate::projector::Published;

/// How long a refusal waits for what was acknowledged before it.
const PATIENCE: Duration = Duration::from_secs(1);

/// The kinds of the newest view.
pub(crate) struct NewestKinds {
    log: Arc<dyn EventLog>,
    published: Arc<Published>,
    clock: Arc<dyn Clock>,
    runtime: Handle,
    /// Made again when somebody defines something, or when a definition begins to count.
    cached: ArcSwapOption<Cached>,
}

struct Cached {
    book: Arc<KindBook>,
    from: Timestamp,
    until: Option<Timestamp>,
    kinds: Arc<Kinds>,
}

impl NewestKinds {
    /// The kinds as the fold of `log` publishes them.
    pub(crate) fn new(
        log: Arc<dyn EventLog>,
        published: Arc<Published>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self {
            log,
            published,
            clock,
            runtime: Handle::current(),
            cached: ArcSwapOption::empty(),
        }
    }
}

impl KnownKinds for NewestKinds {
    fn now(&self) -> Arc<Kinds> {
        let view = self.published.newest();
        let (book, now) = (view.kinds(), self.clock.now());
        if let Some(cached) = self.cached.load().as_deref() {
            let is_of_now = cached.from <= now && cached.until.is_none_or(|until| now < until);
            if is_of_now && Arc::ptr_eq(&cached.book, book) {
                return Arc::clone(&cached.kinds);
            }
        }
        let kinds = Arc::new(book.at(now));
        self.cached.store(Some(Arc::new(Cached {
            book: Arc::clone(book),
            from: now,
            until: book.next_change_after(now),
            kinds: Arc::clone(&kinds),
        })));
        kinds
    }

    fn scene_of(&self, change: &SourceRef) -> Option<String> {
        let view = self.published.newest();
        let change = view.change(ChangeId::of(change))?;
        change.scene().map(str::to_owned)
    }

    fn crowded(
        &self,
        relation: &ObservedRelation,
        cardinality: Cardinality,
        at: Timestamp,
    ) -> Option<Crowded> {
        let view = self.published.newest();
        let crowding = graph::crowding(&view, relation, cardinality, at)?;
        Some(Crowded {
            end: match crowding.is_dependent {
                true => "dependent",
                false => "provider",
            },
            holder: crowding.holder,
        })
    }

    /// Blocks its thread; a fold that lags longer than we have patience leaves the refusal as it is.
    fn catch_up(&self) {
        let head = self.log.head();
        if self.published.position() < head {
            let arrived = self.published.at_least(head, PATIENCE);
            if let Err(behind) = self.runtime.block_on(arrived) {
                tracing::warn!(
                    "checked a fact against the models of position {}; the log is at {head}",
                    behind.reached
                );
            }
        }
    }
}
