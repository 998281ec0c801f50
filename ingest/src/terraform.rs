//! Terraform at work: `/ingest/terraform` takes notifications of runs (HCP Terraform, Terraform
//! Enterprise), the log of `terraform apply -json`, and plans as `terraform show -json` writes them.
//!
//! Of a log, resources and outcome are read; its messages stay where they are.

mod log;
#[cfg(test)]
mod tests;

use model::{ActorKind, ChangeStatus, KeyParts, SourceName, Timestamp};
use serde_json::Value;

use crate::decoded::{Malformed, Part};
use crate::import::{self, Format, ImportFile, Surroundings};
use crate::intake::{Address, Delivery};
use crate::proof::{HashFunction, Proof};
use crate::said::Said;
use crate::split::{Wrapping, split, unfold};
use crate::told::{self, Told, actor, source_of};

/// How the quarantine calls this form.
const FORMAT: &str = "terraform";

/// Where they are taken. Only notifications are signed; a script that sends a log has the secret as a token.
pub(crate) const ADDRESS: Address = Address {
    takes: |media, _| media.is_json() || media.is_json_lines(),
    expects: "application/json or application/x-ndjson",
    proof: Proof::AnyOf(&[
        Proof::Hmac {
            header: "x-tfe-notification-signature",
            prefix: "",
            hash: HashFunction::Sha512,
        },
        Proof::Token,
    ]),
    ..Address::of_json(FORMAT, "/ingest/terraform", decode)
};

fn decode(delivery: &Delivery) -> Result<Vec<Part>, Malformed> {
    if delivery.media.is_json_lines() {
        let lines = split(&delivery.body, Wrapping::Lines)?;
        return Ok(vec![log::part(&lines, delivery)]);
    }
    let body = split(&delivery.body, Wrapping::Json)?;
    Ok(body
        .into_iter()
        .flat_map(|part| {
            let parts = parts_of(part, delivery).into_iter();
            parts.map(move |it| it.made_of(part))
        })
        .collect())
}

fn parts_of(part: &str, delivery: &Delivery) -> Vec<Part> {
    let value = match unfold(part) {
        Ok(value) => value,
        Err(refused) => return vec![refused],
    };
    if value.get("resource_changes").is_some() || value.get("planned_values").is_some() {
        return vec![plan(part, delivery)];
    }
    if value.get("notifications").is_none() {
        return vec![told::unknown(
            delivery,
            FORMAT,
            part.as_bytes(),
            "is neither a notification of a run nor a plan",
        )];
    }
    let notifications = Said(&value).entries("/notifications").iter();
    notifications
        .map(|notification| run(&value, notification, delivery))
        .collect()
}

/// A plan, as an import of its file reads it.
fn plan(part: &str, delivery: &Delivery) -> Part {
    let around = Surroundings {
        environment: delivery.sender.environment.clone(),
        cluster: None,
        at: delivery.received_at,
    };
    let file = ImportFile {
        name: "the plan".to_owned(),
        bytes: part.as_bytes().to_vec(),
    };
    let listing = import::decode(Format::Terraform, &[file], &around).unwrap_or_default();
    let source = source_of(delivery, FORMAT);
    let events = listing.changes.into_iter().map(|mut change| {
        change.source = source.clone();
        let told = Told {
            delivery: None,
            at: None,
            change,
        };
        told.seal(delivery.received_at)
    });
    Part::Events(events.collect())
}

/// One step of a run.
fn run(value: &Value, notification: &Value, delivery: &Delivery) -> Part {
    let Some(trigger) = Said(notification).written("/trigger") else {
        return Part::refused("notifications.trigger", "is required");
    };
    if trigger == "verification" {
        return Part::ignored("a test of the address");
    }
    let status = Said(notification)
        .written("/run_status")
        .unwrap_or_default();
    let Some((status, begins)) = standing(trigger, status) else {
        return Part::ignored("a notification that is of no run");
    };
    let Some(run) = Said(value).written("/run_id") else {
        return Part::refused("run_id", "is required");
    };
    let updated_at = Said(notification).time_in_millis("/run_updated_at");
    let Some(at) = updated_at.or_else(|| Said(value).time_in_millis("/run_created_at")) else {
        return Part::refused("notifications.run_updated_at", "is required, as RFC 3339");
    };
    let source = source_of(delivery, FORMAT);
    let mut change = told::change(&source, run, "infrastructure");
    change.status = Some(status);
    change.started_at = begins.then_some(at);
    let is_over = !matches!(status, ChangeStatus::Planned | ChangeStatus::Running);
    change.finished_at = is_over.then_some(at);
    let workspace = workspace(value);
    let called = workspace.as_deref().unwrap_or(run);
    change.title = Some(match Said(value).written("/run_message") {
        Some(message) => format!(
            "Terraform run in {called}: {}",
            message.lines().next().unwrap_or(message)
        ),
        None => format!("Terraform run in {called}"),
    });
    change.link = Said(value).written("/run_url").map(str::to_owned);
    change.environment.clone_from(&delivery.sender.environment);
    change.operator = Said(value).written("/run_created_by").map(|name| {
        // A token of a team or of an organization has a name that begins so.
        let kind = match name.starts_with("api-") {
            true => ActorKind::Automatic,
            false => ActorKind::Human,
        };
        actor(kind, Some(name))
    });
    let workspace = workspace.map(|name| KeyParts::new("workspace", name));
    change.targets.extend(workspace.map(Into::into));
    let told = Told {
        delivery: None,
        at: Some(at),
        change,
    };
    Part::Events(vec![told.seal(delivery.received_at)])
}

/// `organization/workspace`.
fn workspace(value: &Value) -> Option<String> {
    let name = Said(value).written("/workspace_name")?;
    Some(match Said(value).written("/organization_name") {
        Some(organization) => format!("{organization}/{name}"),
        None => name.to_owned(),
    })
}

/// Where a run stands, and whether it begins to take effect.
fn standing(trigger: &str, status: &str) -> Option<(ChangeStatus, bool)> {
    let status = match (trigger, status) {
        // The second had nothing to do, or was to plan only: nothing took effect.
        (_, "canceled" | "force_canceled" | "discarded")
        | ("run:completed", "planned_and_finished" | "planned_and_saved") => {
            ChangeStatus::Cancelled
        }
        ("run:created" | "run:planning" | "run:needs_attention", _) => ChangeStatus::Planned,
        ("run:applying", _) => ChangeStatus::Running,
        ("run:completed", _) => ChangeStatus::Succeeded,
        ("run:errored", _) => ChangeStatus::Failed,
        _ => return None,
    };
    Some((status, status == ChangeStatus::Running))
}

/// The name under which an apply without a run is told: its first moment.
fn apply_id(source: &SourceName, at: Timestamp) -> String {
    format!("apply/{source}/{at}")
}
