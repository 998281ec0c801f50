//! Audit logs of Google Cloud: `/ingest/gcp` takes entries of Cloud Logging, bare or as a push
//! of Pub/Sub wraps them.
//!
//! Admin activity and what Google's systems do by themselves are changes; access to data and
//! what was refused are not. The first and the last entry of a long operation are one change.

#[cfg(test)]
mod tests;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use model::{Actor, ActorKind, ChangeStatus, KeyParts, SourceKey};
use serde_json::Value;

use crate::decoded::{Malformed, Part};
use crate::intake::{Address, Delivery};
use crate::said::Said;
use crate::split::{Wrapping, split, unfold};
use crate::told::{self, Told, actor, source_of};

/// How the quarantine calls this form.
const FORMAT: &str = "gcp";

/// Where they are taken.
pub(crate) const ADDRESS: Address = Address::of_json(FORMAT, "/ingest/gcp", decode);

/// `PERMISSION_DENIED` and `UNAUTHENTICATED`.
const DENIED: [i64; 2] = [7, 16];

fn decode(delivery: &Delivery) -> Result<Vec<Part>, Malformed> {
    let parts = split(&delivery.body, Wrapping::Json)?;
    Ok(parts
        .into_iter()
        .map(|part| match unfold(part) {
            Ok(value) => pushed(&value, delivery).made_of(part),
            Err(refused) => refused,
        })
        .collect())
}

/// Opens what Pub/Sub wrapped.
fn pushed(value: &Value, delivery: &Delivery) -> Part {
    let Some(message) = value
        .get("message")
        .filter(|_| value.get("subscription").is_some())
    else {
        return part_of(value, delivery);
    };
    let Some(data) = Said(message).written("/data") else {
        return Part::ignored("a message without data");
    };
    let Ok(bytes) = STANDARD.decode(data) else {
        return Part::refused("message.data", "is not base64");
    };
    let Ok(entry) = std::str::from_utf8(&bytes) else {
        return Part::refused("message.data", "is not UTF-8");
    };
    match unfold(entry) {
        Ok(said) => part_of(&said, delivery).made_of(entry),
        Err(refused) => refused,
    }
}

fn part_of(entry: &Value, delivery: &Delivery) -> Part {
    let (Some(log), Some(audit)) = (Said(entry).written("/logName"), entry.get("protoPayload"))
    else {
        let body = entry.to_string();
        return told::unknown(
            delivery,
            FORMAT,
            body.as_bytes(),
            "is no entry of an audit log: there is no logName or no protoPayload",
        );
    };
    if let Some(reason) = no_change(log, entry, audit) {
        return Part::ignored(reason);
    }
    let Some(method) = Said(audit).written("/methodName") else {
        return Part::refused("protoPayload.methodName", "is required");
    };
    let Some(insert_id) = Said(entry).written("/insertId") else {
        return Part::refused("insertId", "is required");
    };
    let Some(at) = Said(entry).time_in_millis("/timestamp") else {
        return Part::refused("timestamp", "is required, as RFC 3339");
    };
    let resource = Said(audit).written("/resourceName").unwrap_or_default();
    let operation = Said(entry).written("/operation/id");
    let source = source_of(delivery, FORMAT);
    let mut change = told::change(&source, operation.unwrap_or(insert_id), "infrastructure");
    let status = status(entry, audit);
    change.status = Some(status);
    let begins = operation.is_none() || flag(entry, "/operation/first");
    change.started_at = begins.then_some(at);
    change.finished_at = (status != ChangeStatus::Running).then_some(at);
    let called = resource.rsplit('/').next().unwrap_or(resource);
    change.title = Some(format!("{method} {called}").trim().to_owned());
    change.category = Said(audit).written("/serviceName").map(str::to_owned);
    change.environment.clone_from(&delivery.sender.environment);
    if status == ChangeStatus::Failed {
        change.description = Said(audit).written("/status/message").map(str::to_owned);
    }
    let operator = operator(log, audit);
    change.operator = (operator != Actor::default()).then_some(operator);
    change.targets = targets(entry, resource);
    let told = Told {
        delivery: Some(format!("{insert_id}/{at}")),
        at: Some(at),
        change,
    };
    Part::Events(vec![told.seal(delivery.received_at)])
}

fn no_change(log: &str, entry: &Value, audit: &Value) -> Option<&'static str> {
    let name = log.rsplit("%2F").next().unwrap_or(log);
    let code = audit.pointer("/status/code").and_then(Value::as_i64);
    let code = code.filter(|code| *code != 0);
    let long = Said(entry).written("/operation/id").is_some();
    let ends = flag(entry, "/operation/last") && !flag(entry, "/operation/first");
    match name.rsplit('/').next() {
        Some("activity" | "system_event") => {}
        Some("data_access") => return Some("access to data, and what only reads"),
        Some("policy") => return Some("what a policy refused changed nothing"),
        _ => return Some("an entry of a log that is no audit log"),
    }
    if Said(audit).written("/serviceName") == Some("k8s.io") {
        return Some("objects of a cluster are told by the cluster itself");
    }
    match code {
        // What was begun and failed may have left something behind.
        Some(code) if long && ends && !DENIED.contains(&code) => None,
        Some(_) => Some("the call was refused or failed, and changed nothing"),
        None => None,
    }
}

fn status(entry: &Value, audit: &Value) -> ChangeStatus {
    let failed = audit
        .pointer("/status/code")
        .and_then(Value::as_i64)
        .is_some_and(|code| code != 0);
    let long = Said(entry).written("/operation/id").is_some();
    let goes_on = long && !flag(entry, "/operation/last");
    match (goes_on, failed) {
        (true, _) => ChangeStatus::Running,
        (false, true) => ChangeStatus::Failed,
        (false, false) => ChangeStatus::Succeeded,
    }
}

fn flag(value: &Value, pointer: &str) -> bool {
    value.pointer(pointer) == Some(&Value::Bool(true))
}

fn operator(log: &str, audit: &Value) -> Actor {
    let who = Said(audit)
        .written("/authenticationInfo/principalEmail")
        .or_else(|| Said(audit).written("/authenticationInfo/principalSubject"));
    let kind = match who {
        _ if log.ends_with("system_event") => ActorKind::Automatic,
        Some(email) if email.ends_with("gserviceaccount.com") => ActorKind::Automatic,
        Some(subject) if subject.starts_with("serviceAccount:") => ActorKind::Automatic,
        Some(email) if email.contains('@') => ActorKind::Human,
        _ => ActorKind::Unknown,
    };
    actor(kind, who)
}

/// The resource, as a state of Terraform names it; the project where there is none.
fn targets(entry: &Value, resource: &str) -> Vec<SourceKey> {
    let resource = resource.trim_start_matches('/');
    if let Some(bucket) = resource.strip_prefix("projects/_/buckets/") {
        let bucket = bucket.split('/').next().unwrap_or(bucket);
        return vec![KeyParts::new("bucket", bucket).into()];
    }
    let named = resource
        .find("projects/")
        .and_then(|from| resource.get(from..));
    let is_finer = named.is_some_and(|named| 2 < named.split('/').count());
    if let (true, Some(named)) = (is_finer, named) {
        return vec![SourceKey::Claim {
            scheme: "cloud.resource_id".to_owned(),
            value: named.to_owned(),
        }];
    }
    let project = Said(entry).written("/resource/labels/project_id");
    let project = project.map(|project| KeyParts::new("cloud_account", project));
    project.into_iter().map(SourceKey::from).collect()
}
