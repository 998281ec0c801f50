//! CDEvents, in CloudEvents or bare: what each type becomes stands in one table.
//!
//! A type without a meaning here, or one that does not keep its form, is kept
//! aside with the reason. Versions of a type are not told apart: what is read of
//! them has the same place in all.

mod delivery;
mod estate;
mod subject;
#[cfg(test)]
mod tests;
mod trouble;

use model::{ChangeStatus, NewEvent, Occurred, SourceName, Timestamp};
use serde_json::Value;

use crate::decoded::{NotUnderstood, Part};
use crate::fields::Problems;

/// How the quarantine calls this form.
pub(crate) const FORMAT: &str = "cdevents";

const PREFIX: &str = "dev.cdevents.";

/// What a type becomes.
#[derive(Clone, Copy)]
enum Meaning {
    /// A change of a service in an environment, and the service itself.
    Service {
        /// The kind of the change.
        kind: &'static str,
        /// What was done to the service, for its title.
        done: &'static str,
    },
    /// The service is gone: a change, and its retirement.
    ServiceRemoved,
    /// A change of code that stands here in its life.
    Code(ChangeStatus),
    /// A run of a pipeline, a task or a build, waiting.
    RunQueued(&'static str),
    /// The same, under way.
    RunStarted(&'static str),
    /// The same, through.
    RunFinished(&'static str),
    /// An environment that is, and a change of it.
    Environment(&'static str),
    /// An environment that is no more, and a change of it.
    EnvironmentDeleted,
    /// A repository that is.
    Repository,
    /// An artifact that is.
    Artifact,
    /// An item of this kind is no more.
    Retired(&'static str),
    /// An incident began, is told to people, or is over.
    Incident(IncidentStep),
    /// A ticket; one of an incident is an incident.
    Ticket(TicketStep),
    /// Nothing, for this reason.
    Nothing(&'static str),
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum IncidentStep {
    Detected,
    Reported,
    Resolved,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum TicketStep {
    Created,
    Updated,
    Closed,
}

const BRANCH: Meaning = Meaning::Nothing("a branch is no item, and nothing that runs changes");
const TEST: Meaning = Meaning::Nothing("a test run changes nothing that runs");

/// Subject and predicate of each type, and what it becomes.
const TABLE: [(&str, Meaning); 46] = [
    (
        "service.deployed",
        Meaning::Service {
            kind: "deployment",
            done: "deployed",
        },
    ),
    (
        "service.upgraded",
        Meaning::Service {
            kind: "deployment",
            done: "upgraded",
        },
    ),
    (
        "service.rolledback",
        Meaning::Service {
            kind: "rollback",
            done: "rolled back",
        },
    ),
    (
        "service.published",
        Meaning::Service {
            kind: "publication",
            done: "published",
        },
    ),
    ("service.removed", Meaning::ServiceRemoved),
    ("change.created", Meaning::Code(ChangeStatus::Planned)),
    ("change.updated", Meaning::Code(ChangeStatus::Planned)),
    ("change.reviewed", Meaning::Code(ChangeStatus::Planned)),
    ("change.merged", Meaning::Code(ChangeStatus::Succeeded)),
    ("change.abandoned", Meaning::Code(ChangeStatus::Cancelled)),
    ("pipelinerun.queued", Meaning::RunQueued("pipeline")),
    ("pipelinerun.started", Meaning::RunStarted("pipeline")),
    ("pipelinerun.finished", Meaning::RunFinished("pipeline")),
    ("taskrun.queued", Meaning::RunQueued("task")),
    ("taskrun.started", Meaning::RunStarted("task")),
    ("taskrun.finished", Meaning::RunFinished("task")),
    ("build.queued", Meaning::RunQueued("build")),
    ("build.started", Meaning::RunStarted("build")),
    ("build.finished", Meaning::RunFinished("build")),
    ("environment.created", Meaning::Environment("created")),
    ("environment.modified", Meaning::Environment("modified")),
    ("environment.deleted", Meaning::EnvironmentDeleted),
    ("repository.created", Meaning::Repository),
    ("repository.modified", Meaning::Repository),
    ("repository.deleted", Meaning::Retired("repository")),
    ("artifact.packaged", Meaning::Artifact),
    ("artifact.signed", Meaning::Artifact),
    ("artifact.published", Meaning::Artifact),
    ("artifact.deleted", Meaning::Retired("artifact")),
    (
        "artifact.downloaded",
        Meaning::Nothing("a download changes nothing"),
    ),
    (
        "incident.detected",
        Meaning::Incident(IncidentStep::Detected),
    ),
    (
        "incident.reported",
        Meaning::Incident(IncidentStep::Reported),
    ),
    (
        "incident.resolved",
        Meaning::Incident(IncidentStep::Resolved),
    ),
    ("ticket.created", Meaning::Ticket(TicketStep::Created)),
    ("ticket.updated", Meaning::Ticket(TicketStep::Updated)),
    ("ticket.closed", Meaning::Ticket(TicketStep::Closed)),
    ("branch.created", BRANCH),
    ("branch.deleted", BRANCH),
    ("testcaserun.queued", TEST),
    ("testcaserun.started", TEST),
    ("testcaserun.finished", TEST),
    ("testcaserun.skipped", TEST),
    ("testsuiterun.queued", TEST),
    ("testsuiterun.started", TEST),
    ("testsuiterun.finished", TEST),
    ("testoutput.published", TEST),
];

/// How an event is named, by its envelope or by its own context.
pub(crate) struct Named {
    /// The sender's id of the event.
    pub(crate) id: String,
    /// Who sent it.
    pub(crate) source: SourceName,
    /// The time the envelope states.
    pub(crate) time: Option<Timestamp>,
}

/// Whether a type is one of theirs.
pub(crate) fn is_type(tag: &str) -> bool {
    tag.starts_with(PREFIX)
}

/// Whether a body is an event of theirs without an envelope.
pub(crate) fn is_bare(event: &Value) -> bool {
    let tag = event.get("context").and_then(|context| context.get("type"));
    tag.and_then(Value::as_str).is_some_and(is_type)
}

/// Reads an event that came without an envelope: its context names it.
pub(crate) fn decode_bare(event: Value, received_at: Timestamp) -> Part {
    let body = event.to_string().into_bytes();
    let unknown = |source: SourceName, occurred: Occurred, reason: String| {
        Part::Unknown(Box::new(NotUnderstood {
            source,
            occurred,
            format: FORMAT,
            body,
            headers: Vec::new(),
            reason,
        }))
    };
    let mut problems = Problems::default();
    let Some((tag, named)) = subject::read_context(&event, &mut problems) else {
        let source = SourceName::new(FORMAT);
        return unknown(
            source,
            Occurred::Received(received_at),
            reason_of(&problems),
        );
    };
    let source = named.source.clone();
    let occurred = match named.time {
        Some(at) => Occurred::Stated(at),
        None => Occurred::Received(received_at),
    };
    match read(&tag, event, named, received_at) {
        Ok(events) => Part::Events(events),
        Err(reason) => unknown(source, occurred, reason),
    }
}

/// The facts in an event, or why there are none.
pub(crate) fn read(
    tag: &str,
    event: Value,
    named: Named,
    received_at: Timestamp,
) -> Result<Vec<NewEvent>, String> {
    let meaning = meaning_of(tag).ok_or_else(|| format!("the type {tag} has no meaning here"))?;
    let mut problems = Problems::default();
    let statement = subject::read(event, tag, named, &mut problems).filter(|_| problems.is_empty());
    let mut statement = statement.ok_or_else(|| reason_of(&problems))?;
    let facts = match meaning {
        Meaning::Service { kind, done } => delivery::service(&mut statement, kind, done),
        Meaning::ServiceRemoved => delivery::service_removed(&mut statement),
        Meaning::Code(status) => delivery::code(&mut statement, status),
        Meaning::RunQueued(kind) => delivery::run(&mut statement, kind, delivery::Step::Queued),
        Meaning::RunStarted(kind) => delivery::run(&mut statement, kind, delivery::Step::Started),
        Meaning::RunFinished(kind) => delivery::run(&mut statement, kind, delivery::Step::Finished),
        Meaning::Environment(done) => estate::environment(&mut statement, done),
        Meaning::EnvironmentDeleted => estate::environment_deleted(&mut statement),
        Meaning::Repository => estate::repository(&mut statement),
        Meaning::Artifact => estate::artifact(&mut statement),
        Meaning::Retired(kind) => estate::retired(&statement, kind),
        Meaning::Incident(step) => trouble::incident(&mut statement, step),
        Meaning::Ticket(step) => trouble::ticket(&mut statement, step)?,
        Meaning::Nothing(reason) => return Err(reason.to_owned()),
    };
    match statement.problems.is_empty() {
        true => Ok(statement.events(facts, received_at)),
        false => Err(reason_of(&statement.problems)),
    }
}

/// The meaning of a type such as `dev.cdevents.service.deployed.0.3.0`.
fn meaning_of(tag: &str) -> Option<Meaning> {
    let rest = tag.strip_prefix(PREFIX)?;
    let mut words = rest.splitn(3, '.');
    let (subject, predicate) = (words.next()?, words.next()?);
    let name = format!("{subject}.{predicate}");
    let found = TABLE.iter().find(|(known, _)| *known == name);
    found.map(|(_, meaning)| *meaning)
}

fn reason_of(problems: &Problems) -> String {
    let told = problems
        .told
        .iter()
        .map(|(field, reason)| format!("{field} {reason}"));
    told.collect::<Vec<String>>().join("; ")
}
