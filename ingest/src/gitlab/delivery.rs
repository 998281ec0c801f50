//! Deployments, pipelines that deploy, and feature flags.

use model::{Change, ChangeStatus, KeyParts, ValueChange, bounds};
use serde_json::Value;

use super::{id_in, user};
use crate::fields::shortened;
use crate::webhook::{Code, Fact, Facts, Nothing, Repository, Webhook, deploys};

/// `deployment`: each status of it speaks of one change.
pub(super) fn deployment(webhook: &Webhook<'_>, repository: &Repository) -> Facts {
    let body = webhook.body;
    let id = body
        .name("/deployment_id")
        .or_else(|| body.name("/deployable_id"));
    // Older releases name neither, but the page of the job.
    let page = body.written("/deployable_url");
    let last = page
        .and_then(|page| page.rsplit('/').next())
        .map(str::to_owned);
    let id = id
        .or(last)
        .ok_or_else(|| "deployment_id is required".to_owned())?;
    let state = body.must_name("/status")?;
    let status = match state.as_str() {
        "created" | "blocked" => ChangeStatus::Planned,
        "running" => ChangeStatus::Running,
        "success" => ChangeStatus::Succeeded,
        "failed" => ChangeStatus::Failed,
        "canceled" | "skipped" => ChangeStatus::Cancelled,
        other => {
            return Err(Nothing::NotUnderstood(format!(
                "status {other:?} has no meaning here"
            )));
        }
    };
    let at = body.time("/status_changed_at");
    let environment = body.name("/environment").or_else(|| webhook.environment());
    let reference = body.name("/ref");
    let sha = body.name("/commit/id").or_else(|| body.name("/short_sha"));
    let place = environment
        .as_deref()
        .map(|name| format!(" to {name}"))
        .unwrap_or_default();
    let what = reference.as_deref().or(sha.as_deref()).unwrap_or("it");
    let title = format!("{} {what} deployed{place}", repository.name());
    let is_over = matches!(
        status,
        ChangeStatus::Succeeded | ChangeStatus::Failed | ChangeStatus::Cancelled
    );
    let mut change = webhook.change(&id_in(body, &format!("deployments/{id}"))?);
    change.kind = Some("deployment".to_owned());
    change.title = Some(shortened(&title, bounds::LINE_BYTES));
    change.description = body.line("/commit_title");
    change.status = Some(status);
    change.started_at = at.filter(|_| status == ChangeStatus::Running);
    change.finished_at = at.filter(|_| is_over);
    change.category = body.name("/environment_tier");
    change.link = body.line("/deployable_url");
    change.targets = repository.guessed(environment.as_deref());
    let relations = relations(&change, repository);
    change.environment = environment;
    let code = Code {
        commit: sha,
        reference,
        merge_request: None,
    };
    repository.code(code, &mut change);
    let by = user(body);
    let mut facts = vec![Fact::change(change, at, by.clone())];
    let deployed = relations.into_iter();
    facts.extend(deployed.map(|event| Fact::of(event, at, by.clone())));
    Ok(facts)
}

fn relations(change: &Change, repository: &Repository) -> Vec<model::Event> {
    let own = repository.key();
    let services = change.targets.iter().filter(|key| **key != own);
    services.map(|key| repository.deploys(key)).collect()
}

/// `pipeline`, if a job of it goes to an environment, or a stage by its name deploys.
pub(super) fn pipeline(webhook: &Webhook<'_>, repository: &Repository) -> Facts {
    let body = webhook.body;
    let is_trial = body.written("/object_attributes/source") == Some("merge_request_event");
    let mut jobs = body.list("/builds");
    let environment = jobs.find_map(|job| {
        let starts = matches!(job.written("/environment/action"), None | Some("start"));
        job.name("/environment/name").filter(|_| starts)
    });
    let by_name = body
        .list("/object_attributes/stages")
        .filter_map(|stage| stage.name(""))
        .chain(body.name("/object_attributes/name"))
        .any(|name| deploys(&name));
    if is_trial || (environment.is_none() && !by_name) {
        return Err(Nothing::Ignored(
            "a pipeline without an environment or a deploying stage, or of a merge request",
        ));
    }
    let id = body.must_name("/object_attributes/id")?;
    let (created_at, finished_at) = (
        body.time("/object_attributes/created_at"),
        body.time("/object_attributes/finished_at"),
    );
    let status = match body.must_name("/object_attributes/status")?.as_str() {
        "success" => ChangeStatus::Succeeded,
        "failed" => ChangeStatus::Failed,
        "canceled" | "skipped" => ChangeStatus::Cancelled,
        "running" | "canceling" => ChangeStatus::Running,
        _ => ChangeStatus::Planned,
    };
    let is_open = matches!(status, ChangeStatus::Running | ChangeStatus::Planned);
    let environment = environment.or_else(|| webhook.environment());
    let reference = body.name("/object_attributes/ref");
    let name = body.line("/object_attributes/name");
    let name = name.unwrap_or_else(|| format!("pipeline {id}"));
    let title = format!("{name} of {}", repository.name());
    let mut change = webhook.change(&id_in(body, &format!("pipelines/{id}"))?);
    change.kind = Some("pipeline".to_owned());
    change.title = Some(shortened(&title, bounds::LINE_BYTES));
    change.description = body.line("/commit/title");
    change.status = Some(status);
    change.started_at = created_at.filter(|_| status != ChangeStatus::Planned);
    change.finished_at = finished_at.filter(|_| !is_open);
    change.entry_channel = body.line("/object_attributes/source");
    change.link = body.line("/object_attributes/url");
    change.targets = repository.guessed(environment.as_deref());
    change.environment = environment;
    let code = Code {
        commit: body.name("/object_attributes/sha"),
        reference,
        merge_request: body.name("/merge_request/iid"),
    };
    repository.code(code, &mut change);
    let at = if is_open { None } else { finished_at };
    Ok(vec![Fact::change(change, at, user(body))])
}

/// `feature_flag`: every turn of it is a change of its own.
pub(super) fn feature_flag(webhook: &Webhook<'_>, repository: &Repository) -> Facts {
    let body = webhook.body;
    let name = body.must_name("/object_attributes/name")?;
    let is_on = body.is("/object_attributes/active");
    // GitLab says neither when nor gives the turn an id of its own.
    let turn = webhook.header("idempotency-key");
    let turn = turn.or_else(|| webhook.header("x-gitlab-event-uuid"));
    let turn = turn.ok_or_else(|| "the header Idempotency-Key is required".to_owned())?;
    let state = if is_on { "on" } else { "off" };
    let mut change = webhook.change(&id_in(body, &format!("feature_flags/{name}/{turn}"))?);
    change.kind = Some("flag".to_owned());
    change.title = Some(shortened(
        &format!("flag {name} of {} turned {state}", repository.name()),
        bounds::LINE_BYTES,
    ));
    change.description = body.text("/object_attributes/description");
    change.status = Some(ChangeStatus::Succeeded);
    change.environment = webhook.environment();
    change.link = body
        .line("/project/web_url")
        .map(|page| format!("{page}/-/feature_flags"));
    let flag = KeyParts::new("flag", name.clone()).in_environment(webhook.environment());
    change.targets = vec![flag.into(), repository.key()];
    change.values.push(ValueChange {
        field: name,
        before: Some(Value::Bool(!is_on)),
        after: Some(Value::Bool(is_on)),
    });
    Ok(vec![Fact::change(change, None, user(body))])
}
