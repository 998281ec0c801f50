//! Deployments: one change, whatever statuses follow and in whatever order they come.

use model::{Change, ChangeStatus, SourceKey, bounds};
use serde_json::Value;

use super::{id_in, user};
use crate::fields::shortened;
use crate::said::Said;
use crate::webhook::{Code, Fact, Facts, Nothing, Repository, Webhook};

/// `deployment`: somebody asked for it, and as far as anybody knows it begins.
pub(super) fn created(webhook: &Webhook<'_>, repository: &Repository) -> Facts {
    if webhook.body.written("/action") != Some("created") {
        return Err(Nothing::Ignored("a deployment that is not created"));
    }
    begun(webhook, repository)
}

/// `deployment_status`. Each says once more how the deployment began, for whoever gets statuses
/// only; GitHub repeats it word for word, so it is one event.
pub(super) fn status(webhook: &Webhook<'_>, repository: &Repository) -> Facts {
    let body = webhook.body;
    let state = body.must_name("/deployment_status/state")?;
    let status = match state.as_str() {
        "queued" | "pending" | "waiting" => ChangeStatus::Planned,
        "in_progress" => ChangeStatus::Running,
        "success" => ChangeStatus::Succeeded,
        "failure" | "error" => ChangeStatus::Failed,
        "inactive" => {
            return Err(Nothing::Ignored(
                "a deployment that a later one replaced; how it ended was told before",
            ));
        }
        other => {
            let reason = format!("deployment_status.state {other:?} has no meaning here");
            return Err(Nothing::NotUnderstood(reason));
        }
    };
    let mut facts = begun(webhook, repository)?;
    let at = body.time("/deployment_status/created_at");
    let mut change = statement(webhook, repository)?;
    change.status = Some(status);
    let is_over = matches!(status, ChangeStatus::Succeeded | ChangeStatus::Failed);
    change.started_at = at.filter(|_| status == ChangeStatus::Running);
    change.finished_at = at.filter(|_| is_over);
    let told = body.text("/deployment_status/description");
    change.description = told.or(change.description);
    let pages = [
        "/deployment_status/log_url",
        "/deployment_status/target_url",
        "/deployment_status/environment_url",
    ];
    let link = pages.iter().find_map(|pointer| body.line(pointer));
    change.link = link.or(change.link);
    facts.push(Fact::change(
        change,
        at,
        user(body, "/deployment_status/creator"),
    ));
    Ok(facts)
}

/// How it began, and what is deployed from where.
fn begun(webhook: &Webhook<'_>, repository: &Repository) -> Facts {
    let body = webhook.body;
    let at = body.time("/deployment/created_at");
    let creator = user(body, "/deployment/creator");
    let mut change = statement(webhook, repository)?;
    change.status = Some(ChangeStatus::Running);
    change.started_at = at;
    let services: Vec<SourceKey> = change.targets.clone();
    let mut facts = vec![Fact::change(change, at, creator.clone()).repeated()];
    let own = repository.key();
    let deployed = services.iter().filter(|key| **key != own);
    facts.extend(
        deployed.map(|key| Fact::of(repository.deploys(key), at, creator.clone()).repeated()),
    );
    Ok(facts)
}

/// What every event says of a deployment.
fn statement(webhook: &Webhook<'_>, repository: &Repository) -> Result<Change, String> {
    let body = webhook.body;
    let id = body.must_name("/deployment/id")?;
    let environment = environment(webhook);
    let sha = body.name("/deployment/sha");
    let reference = body.name("/deployment/ref");
    let task = body.name("/deployment/task");
    let payload = payload(body);
    let named = Repository::named_by(Said(&payload), environment.as_deref());
    let targets = match named.is_empty() {
        true => repository.guessed(environment.as_deref()),
        false => named,
    };
    let place = environment
        .as_deref()
        .map(|name| format!(" to {name}"))
        .unwrap_or_default();
    let what = reference.as_deref().or(sha.as_deref()).unwrap_or("it");
    let title = match task.as_deref() {
        None | Some("deploy") => format!("{} {what} deployed{place}", repository.name()),
        Some(task) => format!("{} {what}: {task}{place}", repository.name()),
    };
    let is_rollback = task
        .as_deref()
        .is_some_and(|task| task.contains("rollback"));
    let mut change = webhook.change(&id_in(body, &format!("deployments/{id}"))?);
    change.kind = Some(
        if is_rollback {
            "rollback"
        } else {
            "deployment"
        }
        .to_owned(),
    );
    change.title = Some(shortened(&title, bounds::LINE_BYTES));
    change.description = body.text("/deployment/description");
    change.category = task;
    change.link = body.line("/workflow_run/html_url");
    change.targets = targets;
    change.environment = environment;
    // Statuses are often set by the machine that a person told to deploy.
    change.operator = Some(user(body, "/deployment/creator"));
    let code = Code {
        commit: sha,
        reference,
        merge_request: None,
    };
    repository.code(code, &mut change);
    Ok(change)
}

/// Where the deployment went when it was created: statuses may name another one.
fn environment(webhook: &Webhook<'_>) -> Option<String> {
    let body = webhook.body;
    let stated = body.name("/deployment/original_environment");
    let stated = stated.or_else(|| body.name("/deployment/environment"));
    stated.or_else(|| webhook.environment())
}

/// Whatever who deploys attached; some attach JSON as a text.
fn payload(body: Said<'_>) -> Value {
    let stated = body.value("/deployment/payload");
    match stated {
        Some(Value::String(text)) => serde_json::from_str(text).unwrap_or_default(),
        Some(other) => other.clone(),
        None => Value::Null,
    }
}
