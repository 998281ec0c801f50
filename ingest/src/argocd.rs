//! Argo CD's notifications: `/ingest/argocd`, by the template that the documentation publishes.
//!
//! Their bodies are whatever the template says; what is read is the Application in them. One
//! synchronisation is one change, named by the application and the moment it began. Of manifests,
//! Helm values and parameters nothing is read.

#[cfg(test)]
mod tests;

use model::{
    Actor, ActorKind, Change, ChangeStatus, CheckResult, KeyParts, SourceKey, Timestamp,
    ValueChange, bounds,
};

use crate::fields::shortened;
use crate::intake::Address;
use crate::said::Said;
use crate::webhook::{
    self, Code, Fact, Facts, Form, Nothing, Repository, Webhook, image, is_workload,
};

const FORM: Form = Form {
    name: "argocd",
    delivery_id: "",
    kept: &[],
};

/// Where notifications are taken.
pub(crate) const ADDRESS: Address = Address::of_json(FORM.name, "/ingest/argocd", |delivery| {
    webhook::decode(delivery, &FORM, read)
});

/// Workloads and images of one application that are told.
const TOLD_MAX: usize = 100;

fn read(webhook: &Webhook<'_>) -> Facts {
    let app = webhook
        .body
        .at("/app")
        .or_else(|| webhook.body.at("/application"));
    let app = app.unwrap_or(webhook.body);
    let name = app.must_name("/metadata/name")?;
    let namespace = app
        .name("/metadata/namespace")
        .unwrap_or_else(|| "argocd".to_owned());
    let Some(operation) = app.at("/status/operationState") else {
        return Err(Nothing::Ignored(
            "an application that was never synchronised",
        ));
    };
    let started_at = operation
        .time("/startedAt")
        .ok_or_else(|| "app.status.operationState.startedAt is required".to_owned())?;
    let finished_at = operation.time("/finishedAt");
    let status = status(operation)?;
    let environment = environment(app).or_else(|| webhook.environment());
    let mut change = webhook.change(&format!("{namespace}/{name}/{started_at}"));
    let revision = revision(app, operation);
    let shown = revision
        .as_deref()
        .map(|revision| revision.get(..12).unwrap_or(revision));
    let title = format!("{name} synchronised to {}", shown.unwrap_or("its source"));
    change.kind = Some("deployment".to_owned());
    change.title = Some(shortened(&title, bounds::LINE_BYTES));
    change.description = operation.text("/message");
    change.category = app.name("/spec/project");
    change.status = Some(status);
    change.started_at = Some(started_at);
    change.finished_at = finished_at.filter(|_| status != ChangeStatus::Running);
    change.targets = targets(app, operation, environment.as_deref());
    change.environment = environment;
    change.link = link(webhook.body, app, &namespace, &name);
    change.check_results.extend(health(app));
    change
        .values
        .extend(revision.and_then(|after| replaced(app, started_at, after)));
    let images = app
        .list("/status/summary/images")
        .filter_map(|it| it.name(""));
    change
        .artifacts
        .extend(images.take(TOLD_MAX).map(|written| image(&written)));
    let repositories = sources(app, operation, &mut change);
    let by = initiator(operation);
    let checked_at = app.time("/status/health/lastTransitionTime");
    let at = match status {
        ChangeStatus::Running => Some(started_at),
        _ => finished_at.max(checked_at).or(Some(started_at)),
    };
    let mut relations = Vec::new();
    if status == ChangeStatus::Succeeded {
        for repository in &repositories {
            relations.extend(change.targets.iter().map(|key| repository.deploys(key)));
        }
    }
    let mut facts = vec![Fact::change(change, at, by.clone())];
    facts.extend(
        relations
            .into_iter()
            .map(|event| Fact::of(event, finished_at, by.clone())),
    );
    Ok(facts)
}

fn status(operation: Said<'_>) -> Result<ChangeStatus, Nothing> {
    match operation.must_name("/phase")?.as_str() {
        "Running" | "Terminating" => Ok(ChangeStatus::Running),
        "Succeeded" => Ok(ChangeStatus::Succeeded),
        "Failed" | "Error" => Ok(ChangeStatus::Failed),
        other => {
            let reason = format!("app.status.operationState.phase {other:?} has no meaning here");
            Err(Nothing::NotUnderstood(reason))
        }
    }
}

fn environment(app: Said<'_>) -> Option<String> {
    const LABELS: [&str; 4] = [
        "/metadata/labels/environment",
        "/metadata/labels/env",
        "/metadata/labels/app.kubernetes.io~1environment",
        "/metadata/annotations/environment",
    ];
    LABELS.iter().find_map(|pointer| app.name(pointer))
}

/// The workloads of the application; a service of its name where it tells of none.
fn targets(app: Said<'_>, operation: Said<'_>, environment: Option<&str>) -> Vec<SourceKey> {
    let own = app.list("/status/resources");
    let synchronised = operation.list("/syncResult/resources");
    let workloads = own.chain(synchronised).filter_map(|resource| {
        let kind = resource.name("/kind")?.to_lowercase();
        let name = resource.name("/name").filter(|_| is_workload(&kind))?;
        let namespace = resource.name("/namespace");
        let namespace = namespace.or_else(|| app.name("/spec/destination/namespace"));
        let parts = KeyParts::new(kind, name).in_namespace(namespace);
        Some(SourceKey::from(
            parts.in_environment(environment.map(str::to_owned)),
        ))
    });
    let mut keys: Vec<SourceKey> = Vec::new();
    for key in workloads.take(2 * TOLD_MAX) {
        if keys.len() < TOLD_MAX && !keys.contains(&key) {
            keys.push(key);
        }
    }
    if keys.is_empty() {
        let service = app
            .name("/metadata/name")
            .map(|name| KeyParts::new("service", name));
        let service = service.map(|it| it.in_environment(environment.map(str::to_owned)));
        keys.extend(service.map(SourceKey::from));
    }
    keys
}

fn revision(app: Said<'_>, operation: Said<'_>) -> Option<String> {
    let first = |body: Said<'_>, pointer: &str| body.list(pointer).find_map(|it| it.name(""));
    operation
        .name("/syncResult/revision")
        .or_else(|| first(operation, "/syncResult/revisions"))
        .or_else(|| operation.name("/operation/sync/revision"))
        .or_else(|| app.name("/status/sync/revision"))
        .or_else(|| first(app, "/status/sync/revisions"))
}

/// The code behind it: one reference for each source of the application.
fn sources(app: Said<'_>, operation: Said<'_>, change: &mut Change) -> Vec<Repository> {
    let single = app.at("/spec/source").into_iter();
    let several = app.list("/spec/sources");
    let revisions: Vec<Option<String>> = operation
        .list("/syncResult/revisions")
        .chain(app.list("/status/sync/revisions"))
        .map(|revision| revision.name(""))
        .collect();
    let only = revision(app, operation);
    let mut repositories = Vec::new();
    for (index, source) in single.chain(several).take(TOLD_MAX).enumerate() {
        let Some(repository) = source.written("/repoURL").and_then(Repository::at) else {
            continue;
        };
        let code = Code {
            commit: revisions
                .get(index)
                .cloned()
                .flatten()
                .or_else(|| only.clone()),
            reference: source.name("/targetRevision"),
            merge_request: None,
        };
        repository.code(code, change);
        if !repositories.contains(&repository) {
            repositories.push(repository);
        }
    }
    repositories
}

/// What was there before, by the history that Argo CD keeps.
fn replaced(app: Said<'_>, started_at: Timestamp, after: String) -> Option<ValueChange> {
    let entries: Vec<Said<'_>> = app.list("/status/history").collect();
    let is_own = |entry: &Said<'_>| {
        let began = entry.time("/deployStartedAt");
        began.is_some_and(|began| began.millis_since(started_at).abs() < 1_000.0)
    };
    let own = entries.iter().position(is_own)?;
    let before = entries.get(own.checked_sub(1)?)?.name("/revision")?;
    (before != after).then(|| ValueChange {
        field: "revision".to_owned(),
        before: Some(before.into()),
        after: Some(after.into()),
    })
}

fn health(app: Said<'_>) -> Option<CheckResult> {
    let result = match app.written("/status/health/status")? {
        "Healthy" => "pass",
        "Degraded" => "warn",
        _ => return None,
    };
    Some(CheckResult {
        mode: Some("observer".to_owned()),
        reason: app.line("/status/health/message"),
        ..CheckResult::new("health", result)
    })
}

fn link(body: Said<'_>, app: Said<'_>, namespace: &str, name: &str) -> Option<String> {
    let stated = app
        .list("/status/summary/externalURLs")
        .find_map(|url| url.line(""));
    let base = body
        .written("/argocdUrl")
        .map(|url| url.trim_end_matches('/'));
    let page = base.map(|url| format!("{url}/applications/{namespace}/{name}"));
    page.or(stated)
        .map(|page| shortened(&page, bounds::LINE_BYTES))
}

/// A person who pressed the button, or Argo CD by itself.
fn initiator(operation: Said<'_>) -> Actor {
    let name = operation.line("/operation/initiatedBy/username");
    let is_automatic = operation.is("/operation/initiatedBy/automated");
    match (name, is_automatic) {
        (Some(name), false) => Actor {
            kind: ActorKind::Human,
            name: Some(name),
        },
        (name, true) => Actor {
            kind: ActorKind::Automatic,
            name: name.or_else(|| Some("argocd".to_owned())),
        },
        (None, false) => Actor::default(),
    }
}
