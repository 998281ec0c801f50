//! Argo CD: an application with the resources that are out of sync, its managed resources with both
//! states, or what `argocd app diff` prints.

use model::ValueChange;
use serde_json::{Value, json};

use super::kubernetes::target;
use super::{PlannedAction, PlannedTarget, PlannedWork};
use crate::import::ImportFile;
use crate::import::listing::{Listing, Surroundings};
use crate::import::read::pieces;
use crate::kubernetes::meaning::decided;
use crate::told;

/// What a line begins with by which a printed difference names its object.
const HEADING: &str = "=====";

pub(super) fn read(
    file: &ImportFile,
    around: &Surroundings,
    namespace: Option<&str>,
    work: &mut PlannedWork,
) {
    let text = String::from_utf8_lossy(&file.bytes);
    if text.trim_start().starts_with(HEADING) {
        return printed(&file.name, &text, around, work);
    }
    let mut listing = Listing::default();
    let read = pieces(&file.name, &file.bytes, &mut listing);
    work.unread.append(&mut listing.rejected);
    for piece in read {
        let lists = ["/status/resources", "/items", "/resources"];
        let list = lists
            .iter()
            .find_map(|place| piece.value.pointer(place)?.as_array());
        let resources = match list {
            Some(list) => list.iter().collect(),
            None if piece.value.get("name").is_some() => vec![&piece.value],
            None => {
                let reason =
                    "is no application, no list of its resources and no printed difference";
                work.leave(&piece.place, "", reason);
                continue;
            }
        };
        for resource in resources {
            let place = format!("{}, {}", piece.place, called(resource));
            one(resource, &place, around, namespace, work);
        }
    }
}

fn text<'v>(value: &'v Value, name: &str) -> &'v str {
    value.get(name).and_then(Value::as_str).unwrap_or_default()
}

fn called(resource: &Value) -> String {
    format!(
        "{} {}/{}",
        text(resource, "kind"),
        text(resource, "namespace"),
        text(resource, "name")
    )
}

fn one(
    resource: &Value,
    place: &str,
    around: &Surroundings,
    namespace: Option<&str>,
    work: &mut PlannedWork,
) {
    let has_states = [
        "liveState",
        "targetState",
        "normalizedLiveState",
        "predictedLiveState",
    ]
    .iter()
    .any(|name| resource.get(name).is_some());
    let planned = match has_states {
        true => by_states(resource),
        false => by_status(resource),
    };
    let Some((action, differences)) = planned else {
        return;
    };
    let object = bare(
        text(resource, "kind"),
        text(resource, "namespace"),
        text(resource, "name"),
    );
    match target(object, place, around, namespace) {
        Ok(found) => work.targets.push(PlannedTarget {
            action,
            differences,
            attributes: Default::default(),
            ..found
        }),
        Err((field, reason)) => work.leave(place, field, reason),
    }
}

/// By what Argo CD says of a resource; nothing for what is in sync.
fn by_status(resource: &Value) -> Option<(PlannedAction, Vec<ValueChange>)> {
    let prunes = resource.get("requiresPruning") == Some(&Value::Bool(true));
    let health = resource.pointer("/health/status").and_then(Value::as_str);
    let action = match (text(resource, "status"), health) {
        _ if prunes => PlannedAction::Delete,
        ("Synced", _) => return None,
        (_, Some("Missing")) => PlannedAction::Create,
        _ => PlannedAction::Update,
    };
    Some((action, Vec::new()))
}

/// By the state that is and the one that is to be; nothing where they are equal.
fn by_states(resource: &Value) -> Option<(PlannedAction, Vec<ValueChange>)> {
    let state = |names: [&str; 2]| {
        let states = names.iter().map(|name| text(resource, name));
        let written = states.filter(|state| !state.is_empty());
        let read = written.filter_map(|state| serde_json::from_str::<Value>(state).ok());
        read.into_iter().find(|state| !state.is_null())
    };
    let live = state(["normalizedLiveState", "liveState"]);
    let target = state(["predictedLiveState", "targetState"]);
    match (live, target) {
        (None, None) => None,
        (None, Some(_)) => Some((PlannedAction::Create, Vec::new())),
        (Some(_), None) => Some((PlannedAction::Delete, Vec::new())),
        (Some(live), Some(target)) if live == target => None,
        (Some(live), Some(target)) => {
            let differences = differences(&live, target, text(resource, "kind"));
            // Where somebody's decisions can be told from the cluster's notes, only they count.
            let is_told = decided(&live, text(resource, "kind")).is_some();
            (!is_told || !differences.is_empty()).then_some((PlannedAction::Update, differences))
        }
    }
}

fn differences(live: &Value, mut target: Value, kind: &str) -> Vec<ValueChange> {
    // Values that may be secret are compared by fingerprints, which are mixed with the id.
    let uid = live.pointer("/metadata/uid").cloned().unwrap_or_default();
    if let Some(Value::Object(metadata)) = target.get_mut("metadata") {
        metadata.insert("uid".to_owned(), uid);
    }
    let (Some(before), Some(after)) = (decided(live, kind), decided(&target, kind)) else {
        return Vec::new();
    };
    let mut found = told::differences("", &before, &after);
    for value in &mut found {
        hide(&mut value.before);
        hide(&mut value.after);
    }
    found
}

/// A fingerprint says that something differs, which the field says already.
fn hide(side: &mut Option<Value>) {
    let is_print = |value: &Value| value.to_string().contains("\"#");
    if side.as_ref().is_some_and(is_print) {
        *side = None;
    }
}

fn bare(kind: &str, namespace: &str, name: &str) -> Value {
    let mut metadata = json!({ "name": name });
    if let (Value::Object(fields), false) = (&mut metadata, namespace.is_empty()) {
        fields.insert("namespace".to_owned(), json!(namespace));
    }
    json!({ "kind": kind, "metadata": metadata })
}

/// `===== apps/Deployment shop/checkout ======`: the lines below hold values, and are not read.
fn printed(file: &str, text: &str, around: &Surroundings, work: &mut PlannedWork) {
    for (index, line) in text.lines().enumerate() {
        let Some(heading) = line.strip_prefix(HEADING) else {
            continue;
        };
        let place = format!("{file} line {}", index + 1);
        let heading = heading.trim_matches(['=', ' ']);
        let named = heading.split_once(' ').and_then(|(kind, name)| {
            let kind = kind.rsplit('/').next()?;
            let (namespace, name) = name.rsplit_once('/')?;
            Some(bare(kind, namespace, name))
        });
        let Some(object) = named else {
            work.leave(
                &place,
                "",
                "names no object as in apps/Deployment shop/checkout",
            );
            continue;
        };
        match target(object, &place, around, None) {
            Ok(found) => work.targets.push(PlannedTarget {
                action: PlannedAction::Update,
                attributes: Default::default(),
                ..found
            }),
            Err((field, reason)) => work.leave(&place, field, reason),
        }
    }
}
