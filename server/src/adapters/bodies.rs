//! The bodies of changes and items as `api` sees them: from the index, and from the log where the index is behind.

use std::sync::Arc;

use api::{Bodies, BodiesError, ItemStatement, PortFuture};
use graph::{Observation, Statement, claim_of, merge_change};
use index::IndexReader;
use model::{Change, ChangeId, Event, EventEnvelope, LogPosition, ObservedItem};
use store::{EventLog, ReadLimit};

/// What is read of the log at once where the index is behind.
const BEHIND: ReadLimit = ReadLimit {
    events: 1_000,
    bytes: 4 * 1024 * 1024,
};
/// How far the log is read where the index is behind: an index that is being made again is not waited for.
const BEHIND_MAX: usize = 20_000;

/// The index, and the log behind it.
pub(super) struct IndexedBodies {
    pub(super) index: IndexReader,
    pub(super) log: Arc<dyn EventLog>,
}

impl Bodies for IndexedBodies {
    fn change(
        &self,
        id: ChangeId,
        statements: Vec<LogPosition>,
    ) -> PortFuture<'_, Result<Option<Change>, BodiesError>> {
        let (index, log) = (self.index.clone(), Arc::clone(&self.log));
        Box::pin(off_the_async_threads(move || {
            let Some(last) = statements.last().copied() else {
                return Ok(None);
            };
            let indexed = index.position();
            let known = index.change_statements(id, last).map_err(failed)?;
            let mut said = known.statements;
            said.retain(|statement| statement.position <= indexed);
            for position in statements
                .into_iter()
                .filter(|position| indexed < *position)
            {
                let envelope = at(&*log, position)?;
                if let Some(EventEnvelope {
                    occurred_at,
                    event: Event::ChangeRecorded(change),
                    ..
                }) = envelope
                {
                    said.push(Statement {
                        occurred_at,
                        position,
                        said: *change,
                    });
                }
            }
            Ok(merge_change(&said))
        }))
    }

    fn items(
        &self,
        observations: Vec<Observation>,
    ) -> PortFuture<'_, Result<Vec<ItemStatement>, BodiesError>> {
        let (index, log) = (self.index.clone(), Arc::clone(&self.log));
        Box::pin(off_the_async_threads(move || {
            let mut statements = Vec::new();
            for observation in observations {
                let known = said_before(&index, &*log, &observation)?;
                statements.extend(known.into_iter().map(|statement| ItemStatement {
                    source: observation.source.clone(),
                    occurred_at: statement.occurred_at,
                    item: statement.said,
                }));
            }
            statements.sort_by_key(|statement| statement.occurred_at);
            Ok(statements)
        }))
    }
}

/// What a source said of an item up to its newest observation.
fn said_before(
    index: &IndexReader,
    log: &dyn EventLog,
    observation: &Observation,
) -> Result<Vec<Statement<ObservedItem>>, BodiesError> {
    let Observation {
        source,
        key,
        position,
        ..
    } = observation;
    let indexed = index.position();
    let known = index
        .item_observations(source, key, *position)
        .map_err(failed)?;
    let mut said = known.statements;
    said.retain(|statement| statement.position <= indexed);
    let mut after = indexed;
    let mut read = 0;
    while after < *position && read < BEHIND_MAX {
        let envelopes = log.read(after, BEHIND).map_err(failed)?;
        let Some(last) = envelopes.last() else { break };
        after = last.position;
        read += envelopes.len();
        for envelope in envelopes {
            if *position < envelope.position || envelope.id.source != *source {
                continue;
            }
            let (occurred_at, position) = (envelope.occurred_at, envelope.position);
            if let Event::ItemObserved(item) = envelope.event
                && claim_of(&item.key) == claim_of(key)
            {
                said.push(Statement {
                    occurred_at,
                    position,
                    said: item,
                });
            }
        }
    }
    Ok(said)
}

/// The event at a position.
fn at(log: &dyn EventLog, position: LogPosition) -> Result<Option<EventEnvelope>, BodiesError> {
    let before = LogPosition::new(position.number().saturating_sub(1));
    let read = log.read(
        before,
        ReadLimit {
            events: 1,
            bytes: usize::MAX,
        },
    );
    Ok(read.map_err(failed)?.pop())
}

async fn off_the_async_threads<T: Send + 'static>(
    read: impl FnOnce() -> Result<T, BodiesError> + Send + 'static,
) -> Result<T, BodiesError> {
    tokio::task::spawn_blocking(read).await.map_err(failed)?
}

fn failed(error: impl std::error::Error + Send + Sync + 'static) -> BodiesError {
    BodiesError(Box::new(error))
}
