//! Incidents and tickets.

use model::{Event, Incident, IncidentStatus, bounds};

use super::subject::Statement;
use super::{IncidentStep, TicketStep};
use crate::fields::shortened;

/// An incident that began, is told to people, or is over.
pub(super) fn incident(statement: &mut Statement, step: IncidentStep) -> Vec<Event> {
    let description = statement.text("description");
    let environment = statement.other("environment").map(|(id, _)| id);
    let service = statement.other("service").map(|(id, _)| id);
    let first_line = description.as_deref().and_then(|text| text.lines().next());
    let mut incident = Incident {
        title: first_line
            .filter(|_| step != IncidentStep::Resolved)
            .map(|line| shortened(line, bounds::LINE_BYTES)),
        severity: statement.custom_line("severity"),
        link: statement.either("ticketURI", "ticketURL"),
        environment: environment.clone(),
        ..Incident::new(statement.subject())
    };
    incident.description = description;
    match (service, &environment) {
        (Some(service), _) => {
            let key = Statement::key("service", &service, environment.as_deref());
            incident.items.push(key);
        }
        (None, Some(environment)) => {
            incident
                .items
                .push(Statement::key("environment", environment, None));
        }
        (None, None) => {}
    }
    match step {
        IncidentStep::Detected => begin(&mut incident, statement),
        // It began before people were told.
        IncidentStep::Reported => incident.status = Some(IncidentStatus::Open),
        IncidentStep::Resolved => return vec![end(incident, statement)],
    }
    vec![Event::IncidentOpened(incident)]
}

/// A ticket says something here only if it stands for an incident.
pub(super) fn ticket(statement: &mut Statement, step: TicketStep) -> Result<Vec<Event>, String> {
    let kind = statement.line("ticketType").unwrap_or_default();
    if kind != "incident" {
        let kind = if kind.is_empty() { "unknown" } else { &kind };
        return Err(format!(
            "a ticket of type {kind} names no item and changes nothing; one of type incident is an incident"
        ));
    }
    let mut incident = Incident {
        title: statement.line("summary"),
        severity: statement.line("priority"),
        link: statement.line("uri"),
        ..Incident::new(statement.subject())
    };
    let fact = match step {
        TicketStep::Created => {
            begin(&mut incident, statement);
            Event::IncidentOpened(incident)
        }
        TicketStep::Updated => Event::IncidentUpdated(incident),
        TicketStep::Closed => end(incident, statement),
    };
    Ok(vec![fact])
}

fn begin(incident: &mut Incident, statement: &Statement) {
    incident.status = Some(IncidentStatus::Open);
    incident.started_at = statement.at;
}

fn end(mut incident: Incident, statement: &Statement) -> Event {
    incident.status = Some(IncidentStatus::Resolved);
    incident.resolved_at = statement.at;
    Event::IncidentUpdated(incident)
}
