//! The bodies of changes and items as `api` sees them: from the index, and from the log where the index is behind.

use std::collections::BTreeSet;
use std::sync::Arc;

use api::{Bodies, BodiesError, ItemStatements, PortFuture};
use graph::{AttributeStatement, ItemStatement, Observation, claim_of, tie_of};
use index::{EvidenceSubject, Found, IndexReader, KnownUntil, teller};
use model::{
    Change, ChangeId, Claim, Event, EventEnvelope, Incident, IncidentId, LogPosition, ObservedItem,
    SourceName,
};
use store::EventLog;

use super::behind::{self, Behind};
use super::said;

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
        Box::pin(behind::off_the_async_threads(move || {
            said::change(&index, &*log, id, &statements)
        }))
    }

    fn changes(
        &self,
        wanted: Vec<(ChangeId, Vec<LogPosition>)>,
    ) -> PortFuture<'_, Result<Vec<Option<Change>>, BodiesError>> {
        let (index, log) = (self.index.clone(), Arc::clone(&self.log));
        Box::pin(behind::off_the_async_threads(move || {
            let wanted = wanted.iter();
            let read = wanted.map(|(id, statements)| said::change(&index, &*log, *id, statements));
            read.collect()
        }))
    }

    fn incident(
        &self,
        id: IncidentId,
        statements: Vec<LogPosition>,
    ) -> PortFuture<'_, Result<Option<Incident>, BodiesError>> {
        let (index, log) = (self.index.clone(), Arc::clone(&self.log));
        Box::pin(behind::off_the_async_threads(move || {
            said::incident(&index, &*log, id, &statements)
        }))
    }

    fn items(
        &self,
        observations: Vec<Observation>,
        until: KnownUntil,
    ) -> PortFuture<'_, Result<ItemStatements, BodiesError>> {
        let (index, log) = (self.index.clone(), Arc::clone(&self.log));
        Box::pin(behind::off_the_async_threads(move || {
            let behind = Behind::of(&index, until);
            let mut said = ItemStatements::default();
            for observation in &observations {
                indexed(&index, &behind, observation, &mut said)?;
            }
            let named: Vec<(SourceName, Claim)> = observations
                .into_iter()
                .map(|observation| (observation.source, claim_of(&observation.key)))
                .collect();
            said.truncated |= behind.each(&*log, |envelope| {
                let of_item = |item: &&ObservedItem| {
                    let claim = claim_of(&item.key);
                    named.contains(&(envelope.id.source.clone(), claim))
                };
                let described = described(&envelope.event).iter().filter(of_item);
                let statements = described.map(|item| statement(envelope, item));
                said.statements.extend(statements);
            })?;
            Ok(said)
        }))
    }

    fn attributes(
        &self,
        names: Vec<String>,
        until: KnownUntil,
        read_max: usize,
    ) -> PortFuture<'_, Result<Found<AttributeStatement>, BodiesError>> {
        let (index, log) = (self.index.clone(), Arc::clone(&self.log));
        Box::pin(behind::off_the_async_threads(move || {
            let behind = Behind::of(&index, until);
            let found = index.attribute_statements(&names, behind.indexed, read_max);
            let mut found = found.map_err(failed)?;
            found.truncated |= behind.each(&*log, |envelope| {
                let described = described(&envelope.event).iter();
                let said = described.filter_map(|item| stated(envelope, item, &names));
                found.entries.extend(said);
            })?;
            Ok(found)
        }))
    }

    fn evidence(
        &self,
        subjects: Vec<EvidenceSubject>,
        until: KnownUntil,
        limit: usize,
    ) -> PortFuture<'_, Result<Found<LogPosition>, BodiesError>> {
        let (index, log) = (self.index.clone(), Arc::clone(&self.log));
        Box::pin(behind::off_the_async_threads(move || {
            let behind = Behind::of(&index, until);
            let mut positions: BTreeSet<LogPosition> = BTreeSet::new();
            let asked: BTreeSet<&EvidenceSubject> = subjects.iter().collect();
            let mut truncated = behind.each(&*log, |envelope| {
                let evidence = index::evidence_of(envelope);
                if evidence.iter().any(|subject| asked.contains(subject)) {
                    positions.insert(envelope.position);
                }
            })?;
            for subject in &subjects {
                let found = index.evidence(subject, behind.indexed, limit);
                let found = found.map_err(failed)?;
                truncated |= found.truncated && found.entries.len() < limit;
                positions.extend(found.entries);
            }
            let entries = positions.into_iter().rev().take(limit).collect();
            Ok(Found { entries, truncated })
        }))
    }
}

/// What an event says of some attributes of an item, if anything.
fn stated(
    envelope: &EventEnvelope,
    item: &ObservedItem,
    names: &[String],
) -> Option<AttributeStatement> {
    let mut attributes = item.attributes.clone();
    attributes.retain(|name, _| names.contains(name));
    (!attributes.is_empty()).then(|| AttributeStatement {
        key: item.key.clone(),
        teller: teller(&envelope.id.source, &item.key),
        occurred_at: envelope.occurred_at,
        tie: tie_of(&envelope.id),
        position: envelope.position,
        attributes,
    })
}

/// What the index holds of what a source said of an item.
fn indexed(
    index: &IndexReader,
    behind: &Behind,
    observation: &Observation,
    said: &mut ItemStatements,
) -> Result<(), BodiesError> {
    let Observation { source, key, .. } = observation;
    let known = index.item_observations(source, key, behind.indexed);
    let known = known.map_err(failed)?;
    said.truncated |= known.truncated;
    let statements = known.statements.into_iter().map(|statement| ItemStatement {
        source: source.clone(),
        occurred_at: statement.occurred_at,
        tie: statement.tie,
        position: statement.position,
        item: statement.said,
    });
    said.statements.extend(statements);
    Ok(())
}

/// The items that an event describes.
fn described(event: &Event) -> &[ObservedItem] {
    if let Event::ItemObserved(item) = event {
        return std::slice::from_ref(item);
    }
    if let Event::CallsObserved(calls) = event {
        return &calls.items;
    }
    &[]
}

fn statement(envelope: &EventEnvelope, item: &ObservedItem) -> ItemStatement {
    ItemStatement {
        source: envelope.id.source.clone(),
        occurred_at: envelope.occurred_at,
        tie: tie_of(&envelope.id),
        position: envelope.position,
        item: item.clone(),
    }
}

fn failed(error: impl std::error::Error + Send + Sync + 'static) -> BodiesError {
    BodiesError(Box::new(error))
}
