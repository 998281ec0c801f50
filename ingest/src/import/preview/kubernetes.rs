//! Manifests: each object as it would be observed once it is applied.

use serde_json::{Value, json};

use super::{PlannedAction, PlannedTarget, PlannedWork};
use crate::import::ImportFile;
use crate::import::kubernetes::{key_of, object_facts};
use crate::import::listing::{Listing, Surroundings};
use crate::import::read::pieces;

/// Kinds that are in no namespace.
const OUTSIDE: [&str; 2] = ["Namespace", "Node"];

pub(super) fn manifests(
    file: &ImportFile,
    around: &Surroundings,
    namespace: Option<&str>,
    work: &mut PlannedWork,
) {
    let mut listing = Listing::default();
    let read = pieces(&file.name, &file.bytes, &mut listing);
    work.unread.append(&mut listing.rejected);
    for piece in read {
        take(
            piece.value,
            None,
            &piece.place,
            &mut |object, place| match target(object, place, around, namespace) {
                Ok(target) => work.targets.push(target),
                Err((field, reason)) => work.leave(place, field, reason),
            },
        );
    }
}

/// Every object of a document, which may be a list.
fn take(mut value: Value, kind: Option<&str>, place: &str, object: &mut impl FnMut(Value, &str)) {
    if let (Some(kind), Value::Object(fields)) = (kind, &mut value) {
        fields.entry("kind").or_insert_with(|| kind.into());
    }
    let own = value
        .get("kind")
        .and_then(Value::as_str)
        .unwrap_or_default();
    let of_entries = own.strip_suffix("List").map(str::to_owned);
    let entries = value.get_mut("items").and_then(Value::as_array_mut);
    let (Some(of_entries), Some(entries)) = (of_entries, entries.map(std::mem::take)) else {
        return object(value, place);
    };
    let kind = Some(of_entries.as_str()).filter(|kind| !kind.is_empty());
    for (index, entry) in entries.into_iter().enumerate() {
        take(entry, kind, &format!("{place}, items[{index}]"), object);
    }
}

/// An object as a target; the field and the reason where it says nothing here.
pub(super) fn target(
    mut object: Value,
    place: &str,
    around: &Surroundings,
    namespace: Option<&str>,
) -> Result<PlannedTarget, (&'static str, String)> {
    let Some(kind) = object
        .get("kind")
        .and_then(Value::as_str)
        .map(str::to_owned)
    else {
        return Err((
            "kind",
            "is missing: this is no Kubernetes object".to_owned(),
        ));
    };
    let stated = object.pointer("/metadata/namespace").is_some();
    if let (Some(namespace), false) = (namespace, stated || OUTSIDE.contains(&kind.as_str()))
        && let Some(Value::Object(metadata)) = object.get_mut("metadata")
    {
        metadata.insert("namespace".to_owned(), json!(namespace));
    }
    let facts =
        object_facts(&object, around).map_err(|missing| (missing, "is missing".to_owned()))?;
    let key = key_of(&object, &kind, around);
    let (Some(facts), Some(key)) = (facts, key) else {
        return Err((
            "kind",
            format!("nothing is known of objects of the kind {kind}"),
        ));
    };
    let key = key.into();
    let item = facts.items.into_iter().find(|item| item.key == key);
    let (names, mut attributes) = item
        .map(|item| (item.claims, item.attributes))
        .unwrap_or_default();
    // It is mixed with the object's own id, which a manifest does not know.
    attributes.remove("fingerprint");
    Ok(PlannedTarget {
        key,
        names,
        place: place.to_owned(),
        action: PlannedAction::Apply,
        attributes,
        differences: Vec::new(),
    })
}
