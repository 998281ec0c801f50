//! What was said of a change or an incident, laid together: from the index, and from the log where the index is behind.

use api::BodiesError;
use graph::{Statement, merge_change, merge_incident, tie_of};
use index::IndexReader;
use model::{Change, ChangeId, Event, Incident, IncidentId, LogPosition};
use store::EventLog;

use super::behind;

/// A change as its statements at these positions describe it.
pub(super) fn change(
    index: &IndexReader,
    log: &dyn EventLog,
    id: ChangeId,
    statements: &[LogPosition],
) -> Result<Option<Change>, BodiesError> {
    let said = statements_of_change(index, log, id, statements)?;
    Ok(merge_change(&said))
}

/// What was said of a change at these positions, in the order of the log.
pub(super) fn statements_of_change(
    index: &IndexReader,
    log: &dyn EventLog,
    id: ChangeId,
    statements: &[LogPosition],
) -> Result<Vec<Statement<Change>>, BodiesError> {
    let Some(last) = statements.last() else {
        return Ok(Vec::new());
    };
    let indexed = index.position();
    let mut said = index
        .change_statements(id, *last)
        .map_err(failed)?
        .statements;
    said.retain(|statement| statement.position <= indexed);
    let of_event = |event| {
        if let Event::ChangeRecorded(change) = event {
            return Some(*change);
        }
        None
    };
    said.extend(behind_it(log, indexed, statements, of_event)?);
    Ok(said)
}

/// An incident as its statements at these positions describe it.
pub(super) fn incident(
    index: &IndexReader,
    log: &dyn EventLog,
    id: IncidentId,
    statements: &[LogPosition],
) -> Result<Option<Incident>, BodiesError> {
    let Some(last) = statements.last() else {
        return Ok(None);
    };
    let indexed = index.position();
    let known = index.incident_statements(id, *last).map_err(failed)?;
    let mut said = known.statements;
    said.retain(|statement| statement.position <= indexed);
    let of_event = |event| {
        if let Event::IncidentOpened(incident) | Event::IncidentUpdated(incident) = event {
            return Some(incident);
        }
        None
    };
    said.extend(behind_it(log, indexed, statements, of_event)?);
    Ok(merge_incident(&said))
}

/// The statements that the index does not hold yet.
fn behind_it<T>(
    log: &dyn EventLog,
    indexed: LogPosition,
    statements: &[LogPosition],
    of_event: impl Fn(Event) -> Option<T>,
) -> Result<Vec<Statement<T>>, BodiesError> {
    let mut said = Vec::new();
    for position in statements.iter().filter(|position| indexed < **position) {
        let Some(envelope) = behind::at(log, *position).map_err(failed)? else {
            continue;
        };
        let (occurred_at, tie) = (envelope.occurred_at, tie_of(&envelope.id));
        said.extend(of_event(envelope.event).map(|said| Statement {
            occurred_at,
            tie,
            position: *position,
            said,
        }));
    }
    Ok(said)
}

fn failed(error: impl std::error::Error + Send + Sync + 'static) -> BodiesError {
    BodiesError(Box::new(error))
}
