//! Workflow runs: those that deploy, by the name or the file of their workflow.
//!
//! A workflow that uses environments makes deployments too, which say more; a run that only
//! tests changes nothing.

use model::{ChangeStatus, bounds};

use super::{id_in, user};
use crate::fields::shortened;
use crate::webhook::{Code, Fact, Facts, Nothing, Repository, Webhook, deploys};

/// `workflow_run`, from asked for to through.
pub(super) fn workflow(webhook: &Webhook<'_>, repository: &Repository) -> Facts {
    let body = webhook.body;
    let name = body.line("/workflow/name");
    let name = name.or_else(|| body.line("/workflow_run/name"));
    let file = body.line("/workflow/path").unwrap_or_default();
    let file = file.rsplit('/').next().unwrap_or_default();
    let is_named_so = name.as_deref().is_some_and(deploys) || deploys(file);
    let is_trial = matches!(
        body.written("/workflow_run/event"),
        Some("pull_request" | "pull_request_target" | "merge_group")
    );
    if !is_named_so || is_trial {
        return Err(Nothing::Ignored(
            "a workflow that by its name deploys nothing, or runs for a pull request",
        ));
    }
    let id = body.must_name("/workflow_run/id")?;
    let attempt = body.name("/workflow_run/run_attempt");
    let run = match attempt.as_deref() {
        None | Some("1") => format!("actions/runs/{id}"),
        Some(attempt) => format!("actions/runs/{id}/attempts/{attempt}"),
    };
    let mut change = webhook.change(&id_in(body, &run)?);
    let started_at = body.time("/workflow_run/run_started_at");
    let updated_at = body.time("/workflow_run/updated_at");
    let (status, at) = match body.must_name("/action")?.as_str() {
        "requested" => (
            Some(ChangeStatus::Planned),
            body.time("/workflow_run/created_at"),
        ),
        "in_progress" => (Some(ChangeStatus::Running), started_at),
        "completed" => (
            outcome(body.written("/workflow_run/conclusion")),
            updated_at,
        ),
        _ => {
            return Err(Nothing::Ignored(
                "a step of a workflow run that says nothing new",
            ));
        }
    };
    let is_over = body.written("/action") == Some("completed");
    let environment = webhook.environment();
    let name = name.unwrap_or_else(|| file.to_owned());
    let what = body.line("/workflow_run/display_title");
    let what = what.map_or_else(String::new, |what| format!(": {what}"));
    let title = format!("workflow {name} of {}{what}", repository.name());
    change.kind = Some("pipeline".to_owned());
    change.title = Some(shortened(&title, bounds::LINE_BYTES));
    change.status = status;
    change.started_at = started_at.filter(|_| status != Some(ChangeStatus::Planned));
    change.finished_at = updated_at.filter(|_| is_over);
    change.entry_channel = body.line("/workflow_run/event");
    change.link = body.line("/workflow_run/html_url");
    change.targets = repository.guessed(environment.as_deref());
    change.environment = environment;
    let code = Code {
        commit: body.name("/workflow_run/head_sha"),
        reference: body.name("/workflow_run/head_branch"),
        merge_request: None,
    };
    repository.code(code, &mut change);
    let by = user(body, "/workflow_run/triggering_actor");
    Ok(vec![Fact::change(change, at, by)])
}

fn outcome(conclusion: Option<&str>) -> Option<ChangeStatus> {
    match conclusion? {
        "success" | "neutral" => Some(ChangeStatus::Succeeded),
        "failure" | "timed_out" | "startup_failure" => Some(ChangeStatus::Failed),
        "cancelled" | "skipped" | "stale" => Some(ChangeStatus::Cancelled),
        _ => None,
    }
}
