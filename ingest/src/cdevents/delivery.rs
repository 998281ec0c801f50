//! Services, code and runs: what a delivery does.

use model::{
    Artifact, Change, ChangeLink, ChangeStatus, CodeRef, Event, ItemRetired, ObservedItem, bounds,
};

use super::subject::Statement;
use crate::fields::shortened;

/// Where a run stands.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    Queued,
    Started,
    Finished,
}

/// A change of a service in an environment, and the service.
pub(super) fn service(statement: &mut Statement, kind: &str, done: &str) -> Vec<Event> {
    let (change, environment) = service_change(statement, kind, done);
    let key = Statement::key("service", &statement.subject_id, environment.as_deref());
    let mut item = ObservedItem::new(key);
    if let Some(artifact) = statement.line("artifactId") {
        item.attributes
            .insert("artifact".to_owned(), artifact.into());
    }
    vec![
        Event::ChangeRecorded(Box::new(change)),
        Event::ItemObserved(item),
    ]
}

/// The last change of a service, and its end.
pub(super) fn service_removed(statement: &mut Statement) -> Vec<Event> {
    let (change, environment) = service_change(statement, "removal", "removed");
    let key = Statement::key("service", &statement.subject_id, environment.as_deref());
    let retired = ItemRetired {
        key,
        reason: Some("the service was removed".to_owned()),
    };
    vec![
        Event::ChangeRecorded(Box::new(change)),
        Event::ItemRetired(retired),
    ]
}

fn service_change(statement: &mut Statement, kind: &str, done: &str) -> (Change, Option<String>) {
    let environment = statement.other("environment").map(|(id, _)| id);
    let place = environment
        .as_deref()
        .map(|name| format!(" in {name}"))
        .unwrap_or_default();
    let title = format!("{} {done}{place}", statement.subject_id);
    let artifact = statement.line("artifactId");
    let mut change = statement.change_of_its_own(kind, &title);
    let target = Statement::key("service", &statement.subject_id, environment.as_deref());
    change.targets.push(target);
    change
        .artifacts
        .extend(artifact.as_deref().map(artifact_of));
    change.environment.clone_from(&environment);
    (change, environment)
}

/// A change of code: a merge request from its beginning to its merge.
pub(super) fn code(statement: &mut Statement, status: ChangeStatus) -> Vec<Event> {
    let description = statement.text("description");
    let repository = statement.other("repository");
    let first_line = description.as_deref().and_then(|text| text.lines().next());
    let title = match (first_line, &repository) {
        (Some(line), _) => Some(shortened(line, bounds::LINE_BYTES)),
        (None, Some((repository, _))) => {
            let title = format!("{} of {repository}", statement.subject_id);
            Some(shortened(&title, bounds::LINE_BYTES))
        }
        (None, None) => None,
    };
    let merged_at = statement.at.filter(|_| status == ChangeStatus::Succeeded);
    let mut change = Change {
        kind: Some("code".to_owned()),
        status: Some(status),
        title,
        description,
        started_at: merged_at,
        finished_at: merged_at,
        ..Change::new(&statement.subject())
    };
    if let Some((repository, _)) = repository {
        change
            .targets
            .push(Statement::key("repository", &repository, None));
        change.code_refs.push(CodeRef {
            repository: Some(repository),
            merge_request: Some(statement.subject_id.clone()),
            ..CodeRef::default()
        });
    }
    vec![Event::ChangeRecorded(Box::new(change))]
}

/// A run of a pipeline, a task or a build.
pub(super) fn run(statement: &mut Statement, kind: &'static str, step: Step) -> Vec<Event> {
    let name = match kind {
        "pipeline" => statement.line("pipelineName"),
        "task" => statement.line("taskName"),
        _ => None,
    };
    let title = match &name {
        Some(name) => format!("{kind} {name}"),
        None => format!("{kind} {}", statement.subject_id),
    };
    let status = match step {
        Step::Queued => Some(ChangeStatus::Planned),
        Step::Started => Some(ChangeStatus::Running),
        Step::Finished => outcome(statement, kind),
    };
    let mut change = Change {
        kind: Some(kind.to_owned()),
        title: Some(shortened(&title, bounds::LINE_BYTES)),
        status,
        started_at: statement.at.filter(|_| step == Step::Started),
        finished_at: statement.at.filter(|_| step == Step::Finished),
        description: statement.text("errors"),
        link: statement.either("uri", "url"),
        ..Change::new(&statement.subject())
    };
    change
        .targets
        .extend(name.map(|name| Statement::key(kind, &name, None)));
    change
        .artifacts
        .extend(statement.line("artifactId").as_deref().map(artifact_of));
    if let Some((id, source)) = statement.other("pipelineRun") {
        change.links.push(ChangeLink {
            kind: "part_of".to_owned(),
            change: statement.reference(id, source),
        });
    }
    vec![Event::ChangeRecorded(Box::new(change))]
}

/// How a run ended; a build that is through has built something.
fn outcome(statement: &mut Statement, kind: &str) -> Option<ChangeStatus> {
    match statement.line("outcome").as_deref() {
        Some("success") => Some(ChangeStatus::Succeeded),
        Some("failure" | "error") => Some(ChangeStatus::Failed),
        Some("cancel") => Some(ChangeStatus::Cancelled),
        None if kind == "build" => Some(ChangeStatus::Succeeded),
        Some(_) | None => None,
    }
}

/// A package URL: what stands before the `@` names it, a digest or a version stands after.
fn artifact_of(purl: &str) -> Artifact {
    let (name, version) = match purl.split_once('@') {
        Some((name, version)) => (name, Some(version)),
        None => (purl, None),
    };
    let version = version.map(|version| {
        let bare = version.split(['?', '#']).next().unwrap_or_default();
        bare.replace("%3A", ":").replace("%3a", ":")
    });
    let (digest, version) = match version {
        Some(version) if version.starts_with("sha256:") => (Some(version), None),
        other => (None, other),
    };
    Artifact {
        name: name.to_owned(),
        version,
        digest,
        url: None,
    }
}
