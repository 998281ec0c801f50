//! A plan as a change that is planned.

use std::collections::BTreeMap;

use model::{Change, ChangeStatus, ContentHash, SourceKey, ValueChange, bounds};
use serde_json::{Value, json};

use super::kinds::ATTRIBUTES;
use super::resource::Resource;
use super::{list, mask};
use crate::import::listing::{Listing, Surroundings};
use crate::import::preview::{PlannedAction, PlannedTarget, PlannedWork};

/// The change that a plan plans: what it touches, and how.
pub(super) fn planned(plan: &Value, around: &Surroundings) -> Change {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    let mut targets = Vec::new();
    let mut values = Vec::new();
    for planned in list(plan.get("resource_changes")) {
        let Some((verb, resources)) = touched(planned) else {
            continue;
        };
        *counts.entry(verb).or_default() += 1;
        let key = resources.iter().find_map(|resource| resource.key(around));
        let key = key.map(SourceKey::from);
        targets.extend(key.filter(|key| !targets.contains(key)));
        if let [before, after] = resources.as_slice() {
            differences(before, after, &mut values);
        }
    }
    targets.truncate(bounds::TARGETS_MAX);
    values.truncate(bounds::DETAILS_MAX);
    let mut said: Vec<String> = counts
        .iter()
        .map(|(verb, count)| format!("{count} to {verb}"))
        .collect();
    if said.is_empty() {
        said.push("nothing to do".to_owned());
    }
    let title = format!("Terraform plan: {}", said.join(", "));
    // The plan has no id of its own. Its content is one, and does not tell what is in it.
    let id = ContentHash::of(plan.to_string().as_bytes()).to_string();
    let change = json!({ "source": "terraform", "sourceId": id, "title": title });
    let mut change: Change =
        serde_json::from_value(change).expect("source, id and title are all a change needs");
    change.status = Some(ChangeStatus::Planned);
    change.kind = Some("infrastructure".to_owned());
    change.environment.clone_from(&around.environment);
    change.targets = targets;
    change.values = values;
    change
}

/// Everything that a plan is to touch.
pub(in crate::import) fn previewed(plan: &Value, around: &Surroundings, work: &mut PlannedWork) {
    for planned in list(plan.get("resource_changes")) {
        let Some((verb, resources)) = touched(planned) else {
            continue;
        };
        let Some(first) = resources.first() else {
            continue;
        };
        let address = first.address.clone();
        let Some(key) = resources.iter().find_map(|resource| resource.key(around)) else {
            let reason = format!(
                "{} is a helper of the configuration and no item",
                first.kind
            );
            work.leave(&address, "type", reason);
            continue;
        };
        let mut said = Listing::default();
        first.say(around, &mut said);
        let names = said.items.into_iter().flat_map(|item| item.claims);
        let mut values = Vec::new();
        if let [before, after] = resources.as_slice() {
            differences(before, after, &mut values);
            unknown(planned, before, &mut values);
        }
        work.targets.push(PlannedTarget {
            key: key.into(),
            names: names.collect(),
            place: address,
            action: action(verb),
            attributes: BTreeMap::new(),
            differences: values,
        });
    }
}

fn action(verb: &str) -> PlannedAction {
    match verb {
        "create" => PlannedAction::Create,
        "delete" => PlannedAction::Delete,
        "forget" => PlannedAction::Forget,
        "replace" => PlannedAction::Replace,
        _ => PlannedAction::Update,
    }
}

/// Values that are known only once the plan was applied.
fn unknown(planned: &Value, before: &Resource, values: &mut Vec<ValueChange>) {
    let marks = planned.pointer("/change/after_unknown");
    let marks = marks.and_then(Value::as_object).into_iter().flatten();
    for (name, _) in marks.filter(|(_, mark)| **mark == Value::Bool(true)) {
        let field = format!("{}.{name}", before.address);
        if !values.iter().any(|value| value.field == field) {
            let old = before.values.get(name).unwrap_or(&Value::Null);
            values.push(ValueChange {
                field,
                before: may_leave(name, old),
                after: None,
            });
        }
    }
}

/// What is done to one resource, and the resource before and after; `None` if nothing is.
fn touched(planned: &Value) -> Option<(&'static str, Vec<Resource>)> {
    let text = |name: &str| planned.get(name).and_then(Value::as_str);
    if text("mode") != Some("managed") {
        return None;
    }
    let change = planned.get("change")?;
    let actions: Vec<&str> = list(change.get("actions"))
        .iter()
        .filter_map(Value::as_str)
        .collect();
    let verb = match actions.as_slice() {
        ["create"] => "create",
        ["update"] => "update",
        ["delete"] => "delete",
        ["forget"] => "forget",
        [_, _] => "replace",
        _ => return None,
    };
    let sides = [("before", "before_sensitive"), ("after", "after_sensitive")];
    let mut resources = Vec::new();
    for (side, marks) in sides {
        let mut values = change.get(side).cloned().unwrap_or_default();
        mask::by_form(&mut values, change.get(marks));
        if values.is_null() {
            continue;
        }
        resources.push(Resource {
            address: text("address")?.to_owned(),
            base: String::new(),
            kind: text("type")?.to_owned(),
            values,
            depends_on: Vec::new(),
        });
    }
    Some((verb, resources))
}

/// Which attributes differ. Only those that may leave show their values.
fn differences(before: &Resource, after: &Resource, values: &mut Vec<ValueChange>) {
    let (Value::Object(earlier), Value::Object(later)) = (&before.values, &after.values) else {
        return;
    };
    for (name, value) in later {
        let old = earlier.get(name).unwrap_or(&Value::Null);
        if old == value {
            continue;
        }
        values.push(ValueChange {
            field: format!("{}.{name}", after.address),
            before: may_leave(name, old),
            after: may_leave(name, value),
        });
    }
}

fn may_leave(name: &str, value: &Value) -> Option<Value> {
    let plain = !value.is_object() && !value.is_array() && !value.is_null();
    (plain && ATTRIBUTES.contains(&name)).then(|| value.clone())
}
