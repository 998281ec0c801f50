//! Pods, and what pods need: nodes, configuration, volumes.

use model::{ObservedRelation, Strength, Timestamp};
use serde_json::Value;

use super::object::{Object, kind_of_item, list, text};
use super::{Listing, item, neighbour};

/// A pod.
pub(super) fn pod(object: &Object<'_>, listing: &mut Listing) {
    let (Some(mut pod), Some(key)) = (item(object), object.key()) else {
        return;
    };
    let from = object.time("/metadata/creationTimestamp");
    let until = ended_at(object);
    pod.exists(from, until);
    pod.attribute(
        "k8s.node.name",
        object.text("/spec/nodeName").unwrap_or_default(),
    );
    pod.attribute("images", images(object.at("/spec")));
    let uses_address_of_node = object.at("/spec/hostNetwork") == Some(&Value::Bool(true));
    let started = object.time("/status/startTime").or(from);
    if let (false, Some(started)) = (uses_address_of_node, started) {
        pod.address(object.text("/status/podIP"), started, until);
        for ip in object.list("/status/podIPs") {
            pod.address(ip.get("ip").and_then(text), started, until);
        }
    }
    listing.items.push(pod.done());
    if let Some(node) = object.text("/spec/nodeName") {
        listing.relate(key.clone(), "runs_on", object.key_of("node", None, node));
    }
    if let Some((kind, name)) = workload(object) {
        listing.relate(neighbour(object, kind, &name), "includes", key);
        volumes(object, listing);
    } else {
        needs(object, object.at("/spec"), listing);
    }
}

/// The workload that a pod is part of, seen from the pod alone.
fn workload(object: &Object<'_>) -> Option<(&'static str, String)> {
    let (kind, name) = object.controller()?;
    match kind {
        // A deployment's replica sets are its revisions: `name-hash`.
        "ReplicaSet" => {
            let hash = object.label("pod-template-hash");
            let deployment = hash.and_then(|hash| name.strip_suffix(hash)?.strip_suffix('-'));
            Some(match deployment {
                Some(deployment) => ("deployment", deployment.to_owned()),
                None => ("replicaset", name.to_owned()),
            })
        }
        "StatefulSet" | "DaemonSet" | "Job" | "Deployment" => {
            Some((kind_of_item(kind), name.to_owned()))
        }
        _ => None,
    }
}

/// When a pod that is through ended.
fn ended_at(object: &Object<'_>) -> Option<Timestamp> {
    if !matches!(object.text("/status/phase"), Some("Succeeded" | "Failed")) {
        return None;
    }
    let statuses = object.list("/status/containerStatuses");
    let finished = statuses.iter().filter_map(|status| {
        let at = status
            .pointer("/state/terminated/finishedAt")
            .and_then(text)?;
        at.parse().ok()
    });
    finished.max()
}

/// The images that a pod's containers run.
pub(super) fn images(spec: Option<&Value>) -> Vec<Value> {
    let containers = list(spec.and_then(|spec| spec.get("containers")));
    let images = containers
        .iter()
        .filter_map(|container| container.get("image"));
    images.cloned().collect()
}

/// What a pod by this specification needs to start: configuration, secrets, volumes.
pub(super) fn needs(object: &Object<'_>, spec: Option<&Value>, listing: &mut Listing) {
    let Some(spec) = spec else { return };
    let mut named = Vec::new();
    for volume in list(spec.get("volumes")) {
        named_by_volume(volume, &mut named);
    }
    for containers in ["initContainers", "containers"] {
        for container in list(spec.get(containers)) {
            named_by_container(container, &mut named);
        }
    }
    let Some(key) = object.key() else { return };
    for needed in named {
        let is_volume = needed.kind == "volume";
        let kind = if is_volume { "uses" } else { "config_from" };
        let provider = neighbour(object, needed.kind, needed.name);
        let before = listing.relations.len();
        listing.relate(key.clone(), kind, provider);
        for relation in listing.relations.iter_mut().skip(before) {
            mark(relation, needed.optional);
        }
    }
}

fn mark(relation: &mut ObservedRelation, optional: bool) {
    if optional {
        relation.strength = Some(Strength::Weak);
    }
}

/// Claims of volumes belong to the pod itself, whoever made it.
fn volumes(object: &Object<'_>, listing: &mut Listing) {
    let Some(key) = object.key() else { return };
    for volume in object.list("/spec/volumes") {
        if let Some(claim) = volume
            .pointer("/persistentVolumeClaim/claimName")
            .and_then(text)
        {
            listing.relate(key.clone(), "uses", neighbour(object, "volume", claim));
        }
    }
}

/// Something that a pod needs, by its kind and name.
struct Needed<'v> {
    kind: &'static str,
    name: &'v str,
    optional: bool,
}

/// Where a reference stands, and the field that holds the name.
fn reference<'v>(at: Option<&'v Value>, kind: &'static str, field: &str) -> Option<Needed<'v>> {
    let at = at?;
    Some(Needed {
        kind,
        name: at.get(field).and_then(text)?,
        optional: at.get("optional") == Some(&Value::Bool(true)),
    })
}

fn named_by_volume<'v>(volume: &'v Value, named: &mut Vec<Needed<'v>>) {
    named.extend(reference(volume.get("configMap"), "configmap", "name"));
    named.extend(reference(volume.get("secret"), "secret", "secretName"));
    named.extend(reference(
        volume.get("persistentVolumeClaim"),
        "volume",
        "claimName",
    ));
    for projected in list(volume.pointer("/projected/sources")) {
        named.extend(reference(projected.get("configMap"), "configmap", "name"));
        named.extend(reference(projected.get("secret"), "secret", "name"));
    }
}

fn named_by_container<'v>(container: &'v Value, named: &mut Vec<Needed<'v>>) {
    for whole in list(container.get("envFrom")) {
        named.extend(reference(whole.get("configMapRef"), "configmap", "name"));
        named.extend(reference(whole.get("secretRef"), "secret", "name"));
    }
    for variable in list(container.get("env")) {
        let from = variable.get("valueFrom");
        let within = |field: &str| from.and_then(|from| from.get(field));
        named.extend(reference(within("configMapKeyRef"), "configmap", "name"));
        named.extend(reference(within("secretKeyRef"), "secret", "name"));
    }
}
