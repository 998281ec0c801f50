//! Flagger's webhooks of the type `event`: `/ingest/flagger`.
//!
//! One revision of a canary is one change, named by the checksum of what is rolled out; every
//! weight it is given is a batch. The gates ask and are told nothing but yes.

#[cfg(test)]
mod tests;

use model::{Actor, ActorKind, ChangeBatch, ChangeStatus, CheckResult, KeyParts, bounds};

use crate::fields::shortened;
use crate::intake::Address;
use crate::said::Said;
use crate::webhook::{self, Fact, Facts, Form, Nothing, Webhook};

const FORM: Form = Form {
    name: "flagger",
    delivery_id: "",
    kept: &[],
};

/// Where events are taken.
pub(crate) const ADDRESS: Address = Address::of_json(FORM.name, "/ingest/flagger", |delivery| {
    webhook::decode(delivery, &FORM, read)
});

fn read(webhook: &Webhook<'_>) -> Facts {
    let body = webhook.body;
    let name = body.must_name("/name")?;
    let namespace = body.must_name("/namespace")?;
    let phase = body.must_name("/phase")?;
    let Some(message) = body.line("/metadata/eventMessage") else {
        return Err(Nothing::Ignored(
            "a gate of Flagger's; what happens is told by its events",
        ));
    };
    if message.starts_with("New revision detected") {
        return Err(Nothing::Ignored(
            "the announcement of a revision, which still carries the checksum of the one before",
        ));
    }
    let status = status(&phase)?;
    let checksum = body.must_name("/checksum")?;
    let at = body.time("/metadata/timestamp");
    let environment = ["/metadata/environment", "/metadata/env"];
    let environment = environment.iter().find_map(|pointer| body.name(pointer));
    let environment = environment.or_else(|| webhook.environment());
    let key = KeyParts::new("deployment", name.clone())
        .in_namespace(Some(namespace.clone()))
        .in_environment(environment.clone());
    let mut change = webhook.change(&format!("{namespace}/{name}/{checksum}"));
    change.kind = Some("deployment".to_owned());
    let title = format!("canary {namespace}/{name} {checksum}");
    change.title = Some(shortened(&title, bounds::LINE_BYTES));
    change.status = Some(status);
    change.finished_at = at.filter(|_| status != ChangeStatus::Running);
    change.targets = vec![key.into()];
    change.environment = environment;
    change.scope = Some("by traffic ratio".to_owned());
    change
        .batches
        .extend(weight(body, &message).map(|weight| ChangeBatch {
            traffic_percent: Some(f64::from(weight)),
            started_at: at,
            ..ChangeBatch::new(weight)
        }));
    let is_warning = body.written("/metadata/eventType") == Some("Warning");
    change.check_results.extend(is_warning.then(|| CheckResult {
        mode: Some("enforcer".to_owned()),
        reason: Some(message.clone()),
        ..CheckResult::new("canary analysis", "warn")
    }));
    change.description = Some(message);
    let by = Actor {
        kind: ActorKind::Automatic,
        name: Some(FORM.name.to_owned()),
    };
    Ok(vec![Fact::change(change, at, by)])
}

/// Where a canary of this phase stands.
fn status(phase: &str) -> Result<ChangeStatus, Nothing> {
    match phase {
        "Waiting" | "Progressing" | "WaitingPromotion" | "Promoting" | "Finalising" => {
            Ok(ChangeStatus::Running)
        }
        "Succeeded" => Ok(ChangeStatus::Succeeded),
        // The traffic is back where it was.
        "Failed" => Ok(ChangeStatus::RolledBack),
        "Initializing" | "Initialized" | "Terminating" | "Terminated" => {
            Err(Nothing::Ignored("a canary that is set up or taken down"))
        }
        other => Err(Nothing::NotUnderstood(format!(
            "phase {other:?} has no meaning here"
        ))),
    }
}

/// The share of traffic that the canary is given by this event.
fn weight(body: Said<'_>, message: &str) -> Option<u32> {
    let told = message.split_once("canary weight ").map(|(_, rest)| {
        let digits = rest.find(|letter: char| !letter.is_ascii_digit());
        rest.get(..digits.unwrap_or(rest.len())).unwrap_or_default()
    })?;
    let told = told.parse().ok();
    let stated = body
        .name("/canaryWeight")
        .and_then(|weight| weight.parse().ok());
    told.or(stated).filter(|weight| *weight <= 100)
}
