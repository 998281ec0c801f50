//! A log whose names of people are sealed where they lie and open for whoever reads.

use std::collections::BTreeSet;
use std::io;
use std::sync::Arc;

use model::{EventEnvelope, LogPosition, NewEvent};
use store::{AppendError, AppendFuture, Appended, EventLog, LogHealth, ReadError, ReadLimit};
use tokio::sync::watch;

use super::Persons;

/// The log that everybody but the tools for its files uses.
pub(crate) struct PersonsLog {
    inner: Arc<dyn EventLog>,
    persons: Arc<Persons>,
}

/// Events as they were sent, with their places in a batch.
type Sent = Vec<(usize, NewEvent)>;

impl PersonsLog {
    /// Over the log that keeps the events.
    pub(crate) fn new(inner: Arc<dyn EventLog>, persons: Arc<Persons>) -> Self {
        Self { inner, persons }
    }
}

impl EventLog for PersonsLog {
    fn append(&self, mut batch: Vec<NewEvent>) -> AppendFuture {
        let sent = sent(&self.persons, &mut batch);
        let mut unmet = BTreeSet::new();
        for event in &mut batch {
            self.persons
                .look(&mut unmet, |visit| event.each_person(visit));
        }
        let (inner, persons) = (Arc::clone(&self.inner), Arc::clone(&self.persons));
        if unmet.is_empty() {
            seal(&persons, &mut batch);
            let appended = inner.append(batch);
            return match sent.is_empty() {
                true => appended,
                false => Box::pin(async move {
                    let outcomes = appended.await?;
                    settle(inner, persons, sent, outcomes).await
                }),
            };
        }
        // Not in the future: it begins now, as every append does, and off the threads that must not wait for a disk.
        let meeting = tokio::task::spawn_blocking(move || {
            persons.meet(unmet).map_err(beside)?;
            seal(&persons, &mut batch);
            Ok::<_, AppendError>((inner.append(batch), inner, persons))
        });
        Box::pin(async move {
            let met = meeting.await.map_err(|_| AppendError::Closed)?;
            let (appended, inner, persons) = met?;
            let outcomes = appended.await?;
            settle(inner, persons, sent, outcomes).await
        })
    }

    fn head(&self) -> LogPosition {
        self.inner.head()
    }

    fn watch_head(&self) -> watch::Receiver<LogPosition> {
        self.inner.watch_head()
    }

    fn read(&self, after: LogPosition, limit: ReadLimit) -> Result<Vec<EventEnvelope>, ReadError> {
        let mut envelopes = self.inner.read(after, limit)?;
        for envelope in &mut envelopes {
            self.persons.open_each(|visit| envelope.each_person(visit));
        }
        Ok(envelopes)
    }

    fn health(&self) -> LogHealth {
        self.inner.health()
    }
}

/// The events that name somebody, as they came: whether one is a retry may depend on how its names were written before.
fn sent(persons: &Persons, batch: &mut [NewEvent]) -> Sent {
    let mut sent = Vec::new();
    let is_unused = persons.is_unused();
    for (at, event) in batch.iter_mut().enumerate() {
        let mut is_concerned = false;
        event.each_person(&mut |name| is_concerned |= !is_unused || persons.is_to_seal(name));
        if is_concerned {
            sent.push((at, event.clone()));
        }
    }
    sent
}

fn seal(persons: &Persons, batch: &mut [NewEvent]) {
    for event in batch {
        persons.seal(|visit| event.each_person(visit));
    }
}

/// Looks at conflicts again: an event that was recorded when names were written in another way, or of somebody who
/// was forgotten since, is still the same event.
async fn settle(
    inner: Arc<dyn EventLog>,
    persons: Arc<Persons>,
    sent: Sent,
    mut outcomes: Vec<Appended>,
) -> Result<Vec<Appended>, AppendError> {
    for (at, event) in sent {
        let Some(outcome) = outcomes.get_mut(at) else {
            continue;
        };
        let Appended::Conflict { first, .. } = *outcome else {
            continue;
        };
        let (log, persons, id) = (Arc::clone(&inner), Arc::clone(&persons), event.id.clone());
        let written = move || as_first(log.as_ref(), &persons, event, first);
        let written = tokio::task::spawn_blocking(written).await;
        let written = written.map_err(|_| AppendError::Closed)?;
        let again = written.map_err(|source| AppendError::Lookup {
            id,
            source: Box::new(source),
        })?;
        if let Some(found) = inner.append(vec![again]).await?.pop() {
            *outcome = found;
        }
    }
    Ok(outcomes)
}

/// The event with its names as they are written in the first one of its id, where they are the same or cannot be compared.
fn as_first(
    log: &dyn EventLog,
    persons: &Persons,
    mut event: NewEvent,
    first: LogPosition,
) -> Result<NewEvent, ReadError> {
    let before = LogPosition::new(first.number().saturating_sub(1));
    let limit = ReadLimit {
        events: 1,
        bytes: 1,
    };
    let mut written = Vec::new();
    if let Some(envelope) = log.read(before, limit)?.first_mut() {
        envelope.each_person(&mut |name| written.push(name.clone()));
    }
    let mut written = written.into_iter();
    event.each_person(&mut |name| {
        let Some(first) = written.next() else {
            return;
        };
        let mut opened = first.clone();
        persons.open_name(&mut opened);
        if opened == *name || persons.is_forgotten(&first) {
            *name = first;
        }
    });
    Ok(event)
}

fn beside(error: super::PersonsError) -> AppendError {
    AppendError::Beside {
        source: io::Error::other(error),
    }
}
