//! Kubernetes objects, from files or from a live watch, to items and relations. Pure.
//!
//! [`object_facts`] reads one object by itself; what only several objects
//! together say (which workload a service selects) is added by [`Selection`].
//! No value of a secret, a config map or an environment variable is ever read
//! out, and no annotation but a few named ones: they hold whole manifests.

mod cluster;
mod network;
mod object;
mod pod;
mod selection;
mod settings;
mod workload;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use model::{Claim, ItemRetired, KeyParts, SourceKey, SourceName};
use serde_json::Value;

use super::ImportFile;
use super::listing::{ItemWriter, Listing, Surroundings};
use super::read::pieces;
use crate::kubernetes::meaning::{Became, Meaning, change};
use object::Object;
pub(crate) use object::kind_of_item;
pub(crate) use selection::CATALOG_ID;
pub use selection::Selection;

/// Everything that files of Kubernetes objects say: single objects, lists, and lines of a watch.
pub(super) fn decode(files: &[ImportFile], around: &Surroundings) -> Listing {
    let mut reading = Reading {
        around,
        objects: BTreeMap::new(),
        ended: BTreeMap::new(),
        selection: Selection::default(),
        decided: BTreeMap::new(),
        listing: Listing::default(),
    };
    for file in files {
        for piece in pieces(&file.name, &file.bytes, &mut reading.listing) {
            reading.take(&piece.value, None, &piece.place);
        }
    }
    reading.done()
}

/// What was read so far. The last word about an object counts.
struct Reading<'a> {
    around: &'a Surroundings,
    objects: BTreeMap<KeyParts, Listing>,
    ended: BTreeMap<KeyParts, ItemRetired>,
    selection: Selection,
    /// What the lines of a watch said was decided of each object.
    decided: BTreeMap<KeyParts, Meaning>,
    listing: Listing,
}

impl Reading<'_> {
    /// One document: an object, a list of them, or a line of a watch.
    fn take(&mut self, value: &Value, kind: Option<&str>, place: &str) {
        let kind = value.get("kind").and_then(Value::as_str).or(kind);
        let watched = value.get("type").and_then(Value::as_str);
        if let (Some(watched), Some(object), None) = (watched, value.get("object"), kind) {
            return self.watch_line(watched, object, place);
        }
        let Some(kind) = kind else {
            return self
                .listing
                .reject(place, "kind", "is missing: this is no Kubernetes object");
        };
        let entries = value.get("items").and_then(Value::as_array);
        let Some(entries) = entries.filter(|_| kind.ends_with("List")) else {
            return self.one(value, kind, place);
        };
        // The entries of a typed list need not repeat their kind.
        let of_entries = Some(kind.trim_end_matches("List")).filter(|kind| !kind.is_empty());
        for (index, entry) in entries.iter().enumerate() {
            self.take(entry, of_entries, &format!("{place}, items[{index}]"));
        }
    }

    fn watch_line(&mut self, watched: &str, object: &Value, place: &str) {
        let kind = object
            .get("kind")
            .and_then(Value::as_str)
            .unwrap_or_default();
        match watched {
            "ADDED" | "MODIFIED" => {
                self.decide(object, kind, Meaning::of(object, kind).as_ref());
                self.one(object, kind, place);
            }
            "DELETED" => {
                self.decide(object, kind, None);
                self.end(&Object::new(object, kind, self.around));
            }
            "BOOKMARK" => {}
            "ERROR" => {
                let reason = object.get("message").and_then(Value::as_str);
                let reason = reason.unwrap_or("the watch ended with an error");
                self.listing.reject(place, "", reason);
            }
            _ => self.listing.reject(place, "type", "is no event of a watch"),
        }
    }

    /// The change that a line of a watch is, by what the lines before it said of its object.
    fn decide(&mut self, object: &Value, kind: &str, meaning: Option<&Meaning>) {
        let Some(key) = Object::new(object, kind, self.around).key() else {
            return;
        };
        let before = match meaning {
            Some(meaning) => self.decided.insert(key.clone(), meaning.clone()),
            None => self.decided.remove(&key),
        };
        let Some(before) = before else { return };
        let became = match meaning {
            Some(meaning) => Became::Differs(&before.decided, meaning),
            None => Became::Gone(&before.uid),
        };
        let source = match &self.around.cluster {
            Some(cluster) => format!("kubernetes/{cluster}"),
            None => "kubernetes".to_owned(),
        };
        let source = SourceName::new(source);
        let change = change(&key, &became, &source, self.around, self.around.at);
        self.listing.changes.extend(change);
    }

    fn one(&mut self, value: &Value, kind: &str, place: &str) {
        let object = Object::new(value, kind, self.around);
        match (facts(&object), object.key()) {
            (Ok(Some(facts)), Some(key)) => {
                self.selection.note_object(&object);
                self.ended.remove(&key);
                self.objects.insert(key, facts);
            }
            (Ok(_), _) => self.listing.passed_over += 1,
            (Err(missing), _) => self.listing.reject(place, missing, "is missing"),
        }
    }

    fn end(&mut self, object: &Object<'_>) {
        self.selection.forget_object(object);
        if let (Some(retired), Some(key)) = (retired(object), object.key()) {
            self.objects.remove(&key);
            self.ended.insert(key, retired);
        }
    }

    fn done(mut self) -> Listing {
        for facts in self.objects.into_values() {
            self.listing.append(facts);
        }
        self.listing.retired.extend(self.ended.into_values());
        self.selection.relate(self.around, &mut self.listing);
        self.listing
    }
}

/// What one object says by itself; `None` if its kind says nothing here.
/// The error is the path of a field that every object has and this one lacks.
pub fn object_facts(value: &Value, around: &Surroundings) -> Result<Option<Listing>, &'static str> {
    let kind = value.get("kind").and_then(Value::as_str).ok_or("kind")?;
    facts(&Object::new(value, kind, around))
}

/// The key of the item that an object is.
pub(super) fn key_of(value: &Value, kind: &str, around: &Surroundings) -> Option<KeyParts> {
    Object::new(value, kind, around).key()
}

/// What the end of an object says; `None` if its kind says nothing here.
pub fn object_end(value: &Value, around: &Surroundings) -> Option<ItemRetired> {
    let kind = value.get("kind").and_then(Value::as_str)?;
    retired(&Object::new(value, kind, around))
}

fn retired(object: &Object<'_>) -> Option<ItemRetired> {
    facts(object).ok()??;
    Some(ItemRetired {
        key: object.key()?.into(),
        reason: Some("deleted".to_owned()),
    })
}

fn facts(object: &Object<'_>) -> Result<Option<Listing>, &'static str> {
    if object.name().is_none() {
        return Err("metadata.name");
    }
    let mut listing = Listing::default();
    match object.kind {
        "Namespace" => cluster::namespace(object, &mut listing),
        "Node" => cluster::node(object, &mut listing),
        "Pod" => pod::pod(object, &mut listing),
        "Deployment" | "StatefulSet" | "DaemonSet" | "Job" | "CronJob" | "ReplicaSet" => {
            if !workload::workload(object, &mut listing) {
                return Ok(None);
            }
        }
        "Service" => network::service(object, &mut listing),
        "Ingress" => network::ingress(object, &mut listing),
        "Gateway" => network::gateway(object, &mut listing),
        "HTTPRoute" | "GRPCRoute" | "TCPRoute" | "TLSRoute" | "UDPRoute" => {
            network::route(object, &mut listing);
        }
        "ConfigMap" => settings::config_map(object, &mut listing),
        "Secret" => {
            if !settings::secret(object, &mut listing) {
                return Ok(None);
            }
        }
        "PersistentVolumeClaim" => settings::volume_claim(object, &mut listing),
        _ => return Ok(None),
    }
    Ok(Some(listing))
}

/// The item of an object, with what every object has.
fn item(object: &Object<'_>) -> Option<ItemWriter> {
    let mut item = ItemWriter::new(object.key()?);
    item.claim("k8s.uid", object.text("/metadata/uid"));
    if let Some(claim) = object.path_claim() {
        item.claim(&claim.scheme, Some(&claim.value));
    }
    item.exists(object.time("/metadata/creationTimestamp"), None);
    item.attribute(
        "k8s.cluster.name",
        object.around.cluster.clone().unwrap_or_default(),
    );
    item.attribute("k8s.namespace.name", object.namespace().unwrap_or_default());
    if let Some(labels) = object.at("/metadata/labels") {
        item.attribute("labels", labels.clone());
    }
    let owner = |name: &str| object.label(name).or_else(|| object.annotation(name));
    item.owner(owner("owner").or_else(|| owner("team")));
    Some(item)
}

/// The key of something in an object's namespace.
fn neighbour(object: &Object<'_>, kind: &str, name: &str) -> KeyParts {
    object.key_of(kind, object.namespace(), name)
}

fn claimed(claim: Claim) -> SourceKey {
    SourceKey::Claim {
        scheme: claim.scheme,
        value: claim.value,
    }
}
