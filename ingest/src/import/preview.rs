//! What somebody is about to apply: a plan of Terraform, manifests of Kubernetes, a difference of
//! Argo CD, as targets and what becomes of them. Pure; nothing of it is an event.
//!
//! What a plan or a manifest holds may be secret, so only what an import would keep leaves, and of
//! variables, arguments and contents of config maps only that they differ.

mod argocd;
mod kubernetes;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use model::{Change, Claim, Event, ObservedItem, SourceKey, ValueChange, bounds};
use serde_json::Value;

use super::listing::{Listing, RejectedPart, Surroundings};
use super::read::pieces;
use super::{ImportFile, terraform};
use crate::scrub::scrub;

/// In which form somebody says what is to be applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PlanForm {
    /// `terraform show -json` of a plan.
    Terraform,
    /// Objects as JSON or YAML, one document or many.
    Kubernetes,
    /// An application, its managed resources, or what `argocd app diff` prints.
    ArgoCd,
}

/// What is to happen to a target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PlannedAction {
    /// It is to be as stated; whether that makes, changes or leaves it depends on what there is.
    Apply,
    /// It is made.
    Create,
    /// It is changed in place.
    Update,
    /// It is destroyed and made anew.
    Replace,
    /// It is destroyed.
    Delete,
    /// It stays, and is no longer looked after.
    Forget,
}

/// Something that is to be touched.
#[derive(Clone, Debug, PartialEq)]
pub struct PlannedTarget {
    /// What its source would call it.
    pub key: SourceKey,
    /// Other names that mean it.
    pub names: Vec<Claim>,
    /// Where it stands: the address of a resource, the document.
    pub place: String,
    /// What is to happen to it.
    pub action: PlannedAction,
    /// Of what is applied: its values, as they would be observed.
    pub attributes: BTreeMap<String, Value>,
    /// What is to differ, where the plan itself says so.
    pub differences: Vec<ValueChange>,
}

/// Everything that is to be touched.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PlannedWork {
    /// The targets, each once.
    pub targets: Vec<PlannedTarget>,
    /// Parts that say nothing here, or could not be read.
    pub unread: Vec<RejectedPart>,
}

/// Reads what files say is to be applied. Objects without a namespace are in `namespace`.
pub fn preview(
    form: PlanForm,
    files: &[ImportFile],
    around: &Surroundings,
    namespace: Option<&str>,
) -> PlannedWork {
    let mut work = PlannedWork::default();
    for file in files {
        match form {
            PlanForm::Terraform => plan(file, around, &mut work),
            PlanForm::Kubernetes => kubernetes::manifests(file, around, namespace, &mut work),
            PlanForm::ArgoCd => argocd::read(file, around, namespace, &mut work),
        }
    }
    work.settle();
    work
}

impl PlanForm {
    /// The form that a file seems to have.
    pub fn of(bytes: &[u8]) -> Self {
        let text = String::from_utf8_lossy(bytes);
        let text = text.trim_start_matches('\u{feff}').trim_start();
        if text.starts_with("=====") {
            return Self::ArgoCd;
        }
        let Ok(value) = serde_json::from_str::<Value>(text) else {
            return Self::Kubernetes;
        };
        let entry = value.pointer("/items/0").or_else(|| value.get(0));
        let is_diff = |it: &Value| it.get("liveState").or(it.get("targetState")).is_some();
        let kind = value.get("kind").and_then(Value::as_str);
        if value.get("resource_changes").is_some() || value.get("planned_values").is_some() {
            Self::Terraform
        } else if kind == Some("Application") || entry.is_some_and(is_diff) {
            Self::ArgoCd
        } else {
            Self::Kubernetes
        }
    }
}

impl PlannedWork {
    pub(super) fn leave(&mut self, place: &str, field: &str, reason: impl Into<String>) {
        self.unread.push(RejectedPart {
            place: place.to_owned(),
            field: field.to_owned(),
            reason: reason.into(),
        });
    }

    /// Removes secrets, and says everything once: the last word about a target counts.
    fn settle(&mut self) {
        let mut last: BTreeMap<SourceKey, PlannedTarget> = BTreeMap::new();
        let mut order = Vec::new();
        for mut target in std::mem::take(&mut self.targets) {
            target.clean();
            let key = target.key.clone();
            if last.insert(key.clone(), target).is_none() {
                order.push(key);
            }
        }
        let over = order.len().saturating_sub(bounds::TARGETS_MAX);
        order.truncate(bounds::TARGETS_MAX);
        self.targets = order.iter().filter_map(|key| last.remove(key)).collect();
        if 0 < over {
            let limit = bounds::TARGETS_MAX;
            self.leave(
                "",
                "",
                format!("{over} targets after the first {limit} are left out"),
            );
        }
    }
}

impl PlannedTarget {
    fn clean(&mut self) {
        let mut item = ObservedItem::new(self.key.clone());
        item.attributes = std::mem::take(&mut self.attributes);
        let mut observed = Event::ItemObserved(item);
        scrub(&mut observed);
        if let Event::ItemObserved(item) = observed {
            self.attributes = item.attributes;
        }
        self.differences.truncate(bounds::DETAILS_MAX);
        let mut change = change_with(std::mem::take(&mut self.differences));
        scrub(&mut change);
        if let Event::ChangeRecorded(change) = change {
            self.differences = change.values;
        }
    }
}

/// Values of changes are cleaned in a change.
fn change_with(values: Vec<ValueChange>) -> Event {
    let bare = serde_json::json!({ "source": "preview", "sourceId": "preview" });
    let mut change: Change =
        serde_json::from_value(bare).expect("source and id are all that a change needs");
    change.values = values;
    Event::ChangeRecorded(Box::new(change))
}

fn plan(file: &ImportFile, around: &Surroundings, work: &mut PlannedWork) {
    let mut listing = Listing::default();
    let read = pieces(&file.name, &file.bytes, &mut listing);
    work.unread.append(&mut listing.rejected);
    for piece in read {
        let is_plan = piece.value.get("resource_changes").is_some()
            || piece.value.get("planned_values").is_some();
        match is_plan {
            true => terraform::previewed(&piece.value, around, work),
            false => work.leave(
                &piece.place,
                "",
                "is no plan; write it with terraform show -json",
            ),
        }
    }
}
