//! Argo Rollouts' notifications: `/ingest/argo-rollouts`, by the template that the documentation publishes.
//!
//! One revision of a rollout is one change; its steps that move traffic are its batches.

#[cfg(test)]
mod tests;

use model::{Actor, ActorKind, BatchStatus, ChangeBatch, ChangeStatus, KeyParts, bounds};

use crate::fields::shortened;
use crate::intake::Address;
use crate::said::Said;
use crate::webhook::{self, Fact, Facts, Form, Nothing, Webhook, image};

const FORM: Form = Form {
    name: "argo-rollouts",
    delivery_id: "",
    kept: &[],
};

/// Where notifications are taken.
pub(crate) const ADDRESS: Address =
    Address::of_json(FORM.name, "/ingest/argo-rollouts", |delivery| {
        webhook::decode(delivery, &FORM, read)
    });

const REVISION: &str = "/metadata/annotations/rollout.argoproj.io~1revision";

fn read(webhook: &Webhook<'_>) -> Facts {
    let rollout = webhook.body.at("/rollout").unwrap_or(webhook.body);
    let name = rollout.must_name("/metadata/name")?;
    let namespace = rollout.must_name("/metadata/namespace")?;
    let revision = rollout
        .name(REVISION)
        .or_else(|| rollout.name("/status/currentPodHash"))
        .ok_or_else(|| {
            "rollout.metadata.annotations[rollout.argoproj.io/revision] is required".to_owned()
        })?;
    let is_aborted = rollout.is("/status/abort");
    let status = match rollout.must_name("/status/phase")?.as_str() {
        _ if is_aborted => ChangeStatus::RolledBack,
        "Healthy" => ChangeStatus::Succeeded,
        "Progressing" | "Paused" => ChangeStatus::Running,
        "Degraded" => ChangeStatus::Failed,
        other => {
            let reason = format!("rollout.status.phase {other:?} has no meaning here");
            return Err(Nothing::NotUnderstood(reason));
        }
    };
    let environment = webhook.environment();
    let key = KeyParts::new("rollout", name.clone())
        .in_namespace(Some(namespace.clone()))
        .in_environment(environment.clone());
    let ended_at = rollout.time("/status/abortedAt");
    let ended_at = ended_at.or_else(|| {
        let mut conditions = rollout.list("/status/conditions");
        let completed = conditions.find(|it| {
            let is_true = it.written("/status") == Some("True");
            is_true && it.written("/type") == Some("Completed")
        })?;
        completed.time("/lastTransitionTime")
    });
    let mut change = webhook.change(&format!("{namespace}/{name}/revisions/{revision}"));
    change.kind = Some("deployment".to_owned());
    let title = format!("rollout {name} revision {revision}");
    change.title = Some(shortened(&title, bounds::LINE_BYTES));
    change.description = rollout.text("/status/message");
    change.status = Some(status);
    change.finished_at = ended_at.filter(|_| status != ChangeStatus::Running);
    change.targets = vec![key.into()];
    change.environment = environment;
    change.batches = batches(rollout, status);
    change.scope = (!change.batches.is_empty()).then(|| "by traffic ratio".to_owned());
    let containers = rollout.list("/spec/template/spec/containers");
    let images = containers.filter_map(|container| container.name("/image"));
    change.artifacts = images
        .take(bounds::DETAILS_MAX)
        .map(|written| image(&written))
        .collect();
    let by = Actor {
        kind: ActorKind::Automatic,
        name: Some(FORM.name.to_owned()),
    };
    Ok(vec![Fact::change(change, None, by)])
}

/// Every step that sets a weight, and the whole traffic at the end. Those before the current
/// step are done, the last of them carries the traffic now.
fn batches(rollout: Said<'_>, status: ChangeStatus) -> Vec<ChangeBatch> {
    let current = rollout.name("/status/currentStepIndex");
    let current: usize = current.and_then(|index| index.parse().ok()).unwrap_or(0);
    let steps = rollout.list("/spec/strategy/canary/steps").enumerate();
    let weights = steps.filter_map(|(step, it)| Some((step, it.number("/setWeight")?)));
    let mut weights: Vec<(usize, f64)> = weights.take(bounds::BATCHES_MAX - 1).collect();
    if weights.is_empty() {
        return Vec::new();
    }
    let is_whole = weights.last().is_some_and(|(_, weight)| 100.0 <= *weight);
    if !is_whole {
        weights.push((usize::MAX, 100.0));
    }
    let reached = weights.iter().rposition(|(step, _)| *step <= current);
    let batches = (0..).zip(weights).map(|(index, (_, weight))| {
        let place = index as usize;
        let stands = match (status, reached) {
            (ChangeStatus::Succeeded, _) => BatchStatus::Succeeded,
            (_, Some(reached)) if place < reached => BatchStatus::Succeeded,
            (ChangeStatus::Running, Some(reached)) if place == reached => BatchStatus::Running,
            (_, Some(reached)) if place == reached => BatchStatus::Failed,
            _ => BatchStatus::Planned,
        };
        ChangeBatch {
            traffic_percent: Some(weight.clamp(0.0, 100.0)),
            status: Some(stands),
            ..ChangeBatch::new(index)
        }
    });
    batches.collect()
}
