//! The lines of `terraform apply -json`: one change, its resources the targets.

use model::{ChangeStatus, KeyParts, SourceKey, Timestamp, bounds};
use serde_json::Value;

use super::{FORMAT, apply_id};
use crate::decoded::Part;
use crate::import::terraform_key;
use crate::intake::Delivery;
use crate::said::Said;
use crate::split::unfold;
use crate::told::{self, Told, source_of};

/// What the lines said so far.
#[derive(Default)]
struct Read {
    is_log: bool,
    began_at: Option<Timestamp>,
    last_at: Option<Timestamp>,
    targets: Vec<SourceKey>,
    done: [u64; 3],
    failed: Vec<String>,
    has_error: bool,
    is_over: bool,
}

/// The change that a log tells of: the same one however much of the log is there.
pub(super) fn part(lines: &[&str], delivery: &Delivery) -> Part {
    let mut read = Read::default();
    for line in lines {
        match unfold(line) {
            Ok(line) => read.line(&line, delivery),
            Err(refused) => return refused,
        }
    }
    let (true, Some(began_at)) = (read.is_log, read.began_at) else {
        let reason = "is no log of terraform apply -json: no line is of its user interface";
        return told::unknown(delivery, FORMAT, &delivery.body, reason);
    };
    if read.targets.is_empty() && !read.is_over {
        return Part::ignored("a log of an apply that touched nothing yet");
    }
    let source = source_of(delivery, FORMAT);
    let mut change = told::change(&source, apply_id(&source, began_at), "infrastructure");
    let status = match (read.has_error, read.is_over) {
        (true, _) => ChangeStatus::Failed,
        (false, true) => ChangeStatus::Succeeded,
        (false, false) => ChangeStatus::Running,
    };
    change.status = Some(status);
    change.started_at = Some(began_at);
    change.finished_at = read.last_at.filter(|_| status != ChangeStatus::Running);
    let [added, changed, removed] = read.done;
    change.title = Some(format!(
        "Terraform apply: {added} added, {changed} changed, {removed} destroyed"
    ));
    change.description =
        (!read.failed.is_empty()).then(|| format!("Failed: {}", read.failed.join(", ")));
    change.environment.clone_from(&delivery.sender.environment);
    change.targets = read.targets;
    let told = Told {
        delivery: None,
        at: read.last_at,
        change,
    };
    Part::Events(vec![told.seal(delivery.received_at)])
}

impl Read {
    fn line(&mut self, line: &Value, delivery: &Delivery) {
        self.is_log |= Said(line).written("/@module") == Some("terraform.ui");
        let at = Said(line).time_in_millis("/@timestamp");
        self.began_at = self.began_at.or(at);
        self.last_at = self.last_at.max(at);
        match Said(line).written("/type").unwrap_or_default() {
            "apply_complete" => {
                let action = Said(line).written("/hook/action").unwrap_or_default();
                let count = match action {
                    "create" => 0,
                    "delete" => 2,
                    _ => 1,
                };
                if let Some(count) = self.done.get_mut(count) {
                    *count += 1;
                }
                self.touch(line, delivery);
            }
            "apply_errored" => {
                self.has_error = true;
                self.failed
                    .extend(Said(line).written("/hook/resource/addr").map(str::to_owned));
                self.touch(line, delivery);
            }
            "apply_start" => self.touch(line, delivery),
            "diagnostic" => {
                self.has_error |= Said(line).written("/diagnostic/severity") == Some("error");
            }
            "change_summary" => {
                let operation = Said(line).written("/changes/operation");
                self.is_over |= matches!(operation, Some("apply" | "destroy"));
            }
            _ => {}
        }
    }

    /// A resource by the best name that the line has.
    fn touch(&mut self, line: &Value, delivery: &Delivery) {
        let (Some(address), Some(kind)) = (
            Said(line).written("/hook/resource/addr"),
            Said(line).written("/hook/resource/resource_type"),
        ) else {
            return;
        };
        let id = Said(line).written("/hook/id_value");
        let claim = |scheme: &str, value: String| SourceKey::Claim {
            scheme: scheme.to_owned(),
            value,
        };
        let key = match id {
            Some(id) if id.starts_with("arn:") => Some(claim("arn", id.to_owned())),
            Some(id) if id.starts_with("projects/") => {
                Some(claim("cloud.resource_id", id.to_owned()))
            }
            Some(id) if id.starts_with("/subscriptions/") => {
                Some(claim("cloud.resource_id", id.to_lowercase()))
            }
            _ => {
                let environment = delivery.sender.environment.clone();
                let key: Option<KeyParts> = terraform_key(kind, address, id, environment);
                key.map(SourceKey::from)
            }
        };
        // Where a resource was begun without an id, the line of its end has it.
        let known = key.as_ref().is_some_and(|key| self.targets.contains(key));
        let is_end = Said(line).written("/type") != Some("apply_start");
        if let (Some(key), false) = (key, known)
            && (is_end || id.is_some())
            && self.targets.len() < bounds::TARGETS_MAX
        {
            self.targets.push(key);
        }
    }
}
