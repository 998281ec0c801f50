//! What of an object somebody decided, without what the cluster notes for itself, and the
//! change between two such. Pure.
//!
//! Values of variables, arguments, config maps and secrets are replaced by fingerprints before
//! anything else looks at them: they show that something differs and nothing more.

#[cfg(test)]
mod tests;

use model::{
    Actor, ActorKind, Artifact, Change, ContentHash, KeyParts, SourceName, Timestamp, ValueChange,
};
use serde_json::{Map, Value, json};

use crate::import::Surroundings;
use crate::said::Said;
use crate::told::{self, actor};

/// Managers of fields that are machines, by how their names begin.
const MACHINES: [&str; 12] = [
    "kube-controller-manager",
    "argocd",
    "argo-rollouts",
    "kustomize-controller",
    "helm-controller",
    "flagger",
    "keda",
    "vpa-",
    "cert-manager",
    "cluster-autoscaler",
    "external-secrets",
    "prometheus-operator",
];

/// Managers that set replicas by what they measure.
const SCALERS: [&str; 4] = [
    "kube-controller-manager",
    "horizontal-pod-autoscaler",
    "keda",
    "vpa-",
];

/// Secrets that come with every account or release.
const PASSED_SECRETS: [&str; 2] = ["kubernetes.io/service-account-token", "helm.sh/release.v1"];

/// An annotation of the pods by which `kubectl rollout restart` restarts them.
const RESTARTED: &str = "kubectl.kubernetes.io/restartedAt";

/// Hex digits of a fingerprint; those of secrets prove no guess.
const DIGITS: usize = 12;
const SECRET_DIGITS: usize = 4;

/// What an object means, and how its newest writing is called.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Meaning {
    /// What somebody decided.
    pub(crate) decided: Box<[u8]>,
    /// The object's own id.
    pub(crate) uid: Box<str>,
    /// The writing: its version, who wrote, and when.
    pub(crate) writing: Writing,
}

/// The newest writing of an object that was not of its status.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Writing {
    pub(crate) version: Box<str>,
    manager: Option<Box<str>>,
    at: Option<Timestamp>,
    /// Whether replicas were last set by what measures.
    is_scaled: bool,
}

/// What became of an object.
pub(crate) enum Became<'a> {
    Created(&'a Meaning),
    Differs(&'a [u8], &'a Meaning),
    Gone(&'a str),
}

impl Meaning {
    /// What an object means; `None` for kinds that nobody decides on, and for what others control.
    pub(crate) fn of(object: &Value, kind: &str) -> Option<Self> {
        let decided = decided(object, kind)?;
        Some(Self {
            decided: decided.to_string().into_bytes().into(),
            uid: Said(object)
                .written("/metadata/uid")
                .unwrap_or_default()
                .into(),
            writing: Writing::of(object),
        })
    }
}

impl Writing {
    fn of(object: &Value) -> Self {
        let fields = Said(object).entries("/metadata/managedFields");
        let written = |entry: &&Value| Said(entry).written("/subresource") != Some("status");
        let at = |entry: &Value| Said(entry).time_in_millis("/time");
        let newest = fields.iter().filter(written).max_by_key(|entry| at(entry));
        let scaled = fields.iter().filter(|entry| {
            let replicas = entry.pointer("/fieldsV1/f:spec/f:replicas");
            replicas.is_some()
        });
        let scaled = scaled.max_by_key(|entry| at(entry));
        let scaler = scaled.and_then(|entry| Said(entry).written("/manager"));
        Self {
            version: Said(object)
                .written("/metadata/resourceVersion")
                .unwrap_or_default()
                .into(),
            manager: newest
                .and_then(|entry| Said(entry).written("/manager"))
                .map(Into::into),
            at: newest.and_then(at),
            is_scaled: scaler.is_some_and(|scaler| begins(scaler, &SCALERS)),
        }
    }
}

fn begins(name: &str, with: &[&str]) -> bool {
    with.iter().any(|prefix| name.starts_with(prefix))
}

/// What somebody decided of an object, or of the part of it that a patch holds.
pub(crate) fn decided(object: &Value, kind: &str) -> Option<Value> {
    let spec = object.get("spec").cloned().unwrap_or_default();
    let uid = Said(object).written("/metadata/uid").unwrap_or_default();
    let is_controlled = Said(object)
        .entries("/metadata/ownerReferences")
        .iter()
        .any(|owner| owner.get("controller") == Some(&Value::Bool(true)));
    match kind {
        "ReplicaSet" | "Job" if is_controlled => None,
        "Deployment" | "StatefulSet" | "DaemonSet" | "ReplicaSet" | "Job" | "CronJob" => {
            let mut spec = spec;
            hide(&mut spec, uid);
            keep_annotations(&mut spec, uid);
            Some(json!({ "spec": spec }))
        }
        "Service"
        | "PersistentVolumeClaim"
        | "Gateway"
        | "HTTPRoute"
        | "GRPCRoute"
        | "TCPRoute"
        | "TLSRoute"
        | "UDPRoute" => Some(json!({ "spec": spec })),
        "Ingress" => {
            let annotations = object.pointer("/metadata/annotations");
            let annotations = annotations.map(|all| annotations_of_ingress(all, uid));
            Some(json!({ "spec": spec, "annotations": annotations }))
        }
        "ConfigMap" => {
            let name = Said(object).written("/metadata/name").unwrap_or_default();
            let led = "/metadata/annotations/control-plane.alpha.kubernetes.io~1leader";
            let of_machine = name.ends_with("-status") || object.pointer(led).is_some();
            (!of_machine).then(|| contents(object, uid, DIGITS))
        }
        "Secret" => {
            let passed = Said(object)
                .written("/type")
                .is_some_and(|kind| PASSED_SECRETS.contains(&kind));
            (!passed).then(|| contents(object, uid, SECRET_DIGITS))
        }
        "Node" => Some(node(&spec)),
        _ => None,
    }
}

/// Whether pods may come to a node, as far as people say so: conditions of the node make taints too.
fn node(spec: &Value) -> Value {
    const OF_MACHINES: [&str; 3] = [
        "node.kubernetes.io/",
        "node.cloudprovider.kubernetes.io/",
        "ToBeDeletedByClusterAutoscaler",
    ];
    let taints = Said(spec).entries("/taints").iter().filter(|taint| {
        let key = Said(taint).written("/key").unwrap_or_default();
        !begins(key, &OF_MACHINES) && !key.starts_with("DeletionCandidate")
    });
    let taints: Vec<Value> = taints
        .map(|taint| json!({ "key": taint.get("key"), "value": taint.get("value"), "effect": taint.get("effect") }))
        .collect();
    let unschedulable = spec
        .get("unschedulable")
        .cloned()
        .unwrap_or(Value::Bool(false));
    json!({ "spec": { "unschedulable": unschedulable, "taints": taints } })
}

/// Replaces values of variables and arguments wherever containers stand.
fn hide(value: &mut Value, salt: &str) {
    match value {
        Value::Object(fields) => {
            for (name, inner) in fields {
                match (name.as_str(), &mut *inner) {
                    ("env", Value::Array(variables)) => {
                        for variable in variables {
                            if let Some(value) = variable.get_mut("value") {
                                *value = fingerprint(value, salt, SECRET_DIGITS);
                            }
                        }
                    }
                    ("args" | "command", Value::Array(_)) => {
                        *inner = fingerprint(inner, salt, SECRET_DIGITS);
                    }
                    _ => hide(inner, salt),
                }
            }
        }
        Value::Array(entries) => entries.iter_mut().for_each(|entry| hide(entry, salt)),
        _ => {}
    }
}

/// Of the annotations of pods, those count that begin a new set of them on purpose: a restart, a
/// digest of what they are configured by.
fn keep_annotations(spec: &mut Value, salt: &str) {
    for pointer in ["/template/metadata", "/jobTemplate/spec/template/metadata"] {
        let Some(Value::Object(metadata)) = spec.pointer_mut(pointer) else {
            continue;
        };
        metadata.remove("creationTimestamp");
        let annotations = match metadata.remove("annotations") {
            Some(Value::Object(annotations)) => annotations,
            _ => Map::new(),
        };
        let kept = annotations.into_iter().filter_map(|(name, value)| {
            let digest = name.starts_with("checksum/") || name.ends_with("-hash");
            match name == RESTARTED {
                true => Some((name, value)),
                false => digest.then(|| (name, fingerprint(&value, salt, DIGITS))),
            }
        });
        metadata.insert("annotations".to_owned(), Value::Object(kept.collect()));
    }
}

/// An ingress is configured by annotations too; those of tools are not its configuration.
fn annotations_of_ingress(annotations: &Value, salt: &str) -> Value {
    let all = annotations.as_object().into_iter().flatten();
    let kept = all.filter(|(name, _)| name.contains("ingress.kubernetes.io/"));
    let kept = kept.map(|(name, value)| (name.clone(), fingerprint(value, salt, SECRET_DIGITS)));
    Value::Object(kept.collect())
}

fn contents(object: &Value, salt: &str, digits: usize) -> Value {
    let mut entries = Map::new();
    for place in ["data", "binaryData", "stringData"] {
        let all = object.get(place).and_then(Value::as_object);
        for (name, value) in all.into_iter().flatten() {
            entries.insert(name.clone(), fingerprint(value, salt, digits));
        }
    }
    json!({ "data": entries })
}

/// `#` and a part of the hash, mixed with the object's own id so that equal values do not show.
fn fingerprint(value: &Value, salt: &str, digits: usize) -> Value {
    let hash = ContentHash::of(format!("{salt}\n{value}").as_bytes()).to_string();
    let hex = hash.rsplit('_').next().unwrap_or_default();
    let shown: String = hex.chars().take(digits).collect();
    Value::from(format!("#{shown}"))
}

/// How a source names the writing of an object: the audit names it by the same two.
pub(super) fn writing_id(uid: &str, version: &str) -> String {
    format!("{uid}@{version}")
}

/// The change that a difference is; `None` when nothing that somebody decided differs.
pub(crate) fn change(
    key: &KeyParts,
    became: &Became<'_>,
    source: &SourceName,
    around: &Surroundings,
    now: Timestamp,
) -> Option<Change> {
    let called = called(key);
    let (uid, version, writing) = match became {
        Became::Created(meaning) | Became::Differs(_, meaning) => (
            &*meaning.uid,
            &*meaning.writing.version,
            Some(&meaning.writing),
        ),
        Became::Gone(uid) => (*uid, "deleted", None),
    };
    let (kind, title, values, artifacts) = match became {
        Became::Created(meaning) => {
            let made: Value = serde_json::from_slice(&meaning.decided).ok()?;
            (
                "creation",
                format!("{called} created"),
                Vec::new(),
                images(&made),
            )
        }
        Became::Gone(_) => (
            "removal",
            format!("{called} deleted"),
            Vec::new(),
            Vec::new(),
        ),
        Became::Differs(before, after) => {
            let earlier = serde_json::from_slice(before).ok()?;
            let later = serde_json::from_slice(&after.decided).ok()?;
            let mut values = told::differences("", &earlier, &later);
            if after.writing.is_scaled {
                values.retain(|value| value.field != "spec.replicas");
            }
            if values.is_empty() {
                return None;
            }
            let delivered = values.iter().filter(|value| is_image(value));
            let delivered = delivered.filter_map(|value| artifact(value.after.as_ref()?.as_str()?));
            let delivered = delivered.collect();
            let title = format!("{called}: {}", summary(&values));
            (kind_of(&values), title, values, delivered)
        }
    };
    // What a test or a file left out must not make one change of many.
    let uid = Some(uid).filter(|uid| !uid.is_empty());
    let uid = uid.map_or_else(|| key.to_string(), str::to_owned);
    let version = Some(version).filter(|version| !version.is_empty());
    let version = version.map_or_else(|| now.to_string(), str::to_owned);
    let mut change = told::change(source, writing_id(&uid, &version), kind);
    let at = writing
        .and_then(|writing| writing.at)
        .filter(|at| *at <= now);
    change = told::done(change, Some(at.unwrap_or(now)));
    change.title = Some(title);
    change.values = values;
    change.artifacts = artifacts;
    change.environment.clone_from(&around.environment);
    change.targets = vec![key.clone().into()];
    let manager = writing.and_then(|writing| writing.manager.as_deref());
    change.entry_channel = manager.map(str::to_owned);
    change.operator = manager.and_then(machine);
    Some(change)
}

/// A manager of fields that is a machine. Of others only the audit knows who it is.
fn machine(manager: &str) -> Option<Actor> {
    begins(manager, &MACHINES).then(|| actor(ActorKind::Automatic, Some(manager)))
}

/// `deployment shop/checkout`.
pub(super) fn called(key: &KeyParts) -> String {
    match &key.namespace {
        Some(namespace) => format!("{} {namespace}/{}", key.kind, key.name),
        None => format!("{} {}", key.kind, key.name),
    }
}

fn is_image(value: &ValueChange) -> bool {
    value.field.ends_with("].image")
}

fn kind_of(values: &[ValueChange]) -> &'static str {
    let all = |pattern: &dyn Fn(&ValueChange) -> bool| values.iter().all(pattern);
    if values.iter().any(is_image) {
        "deployment"
    } else if all(&|value| value.field == "spec.replicas") {
        "scaling"
    } else if all(&|value| value.field.ends_with(RESTARTED)) {
        "restart"
    } else {
        "configuration"
    }
}

/// The differences in a line: images and replicas in full, of others their names.
fn summary(values: &[ValueChange]) -> String {
    let side = |side: &Option<Value>| match side {
        None => "none".to_owned(),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    };
    let mut said = Vec::new();
    for value in values {
        let field = value.field.trim_start_matches("spec.");
        let field = field.trim_start_matches("template.spec.");
        let word = match is_image(value) || field == "replicas" || field == "unschedulable" {
            true => format!("{field} {} -> {}", side(&value.before), side(&value.after)),
            false => field.to_owned(),
        };
        said.push(word);
    }
    let shown = said.len().min(4);
    let more = said.len() - shown;
    said.truncate(shown);
    match more {
        0 => said.join(", "),
        more => format!("{} and {more} more", said.join(", ")),
    }
}

/// The images of every container, wherever it stands.
pub(super) fn images(value: &Value) -> Vec<Artifact> {
    let mut found = Vec::new();
    for pointer in [
        "/spec/template/spec/containers",
        "/spec/jobTemplate/spec/template/spec/containers",
        "/spec/containers",
    ] {
        let containers = Said(value).entries(pointer).iter();
        found.extend(
            containers.filter_map(|container| artifact(Said(container).written("/image")?)),
        );
    }
    found
}

/// `registry/name:tag@sha256:digest` in its parts.
fn artifact(image: &str) -> Option<Artifact> {
    let (rest, digest) = match image.split_once('@') {
        Some((rest, digest)) => (rest, Some(digest.to_owned())),
        None => (image, None),
    };
    // A colon before a slash is that of a port.
    let (name, version) = match rest.rsplit_once(':') {
        Some((name, tag)) if !tag.contains('/') => (name, Some(tag.to_owned())),
        _ => (rest, None),
    };
    (!name.is_empty()).then(|| Artifact {
        name: name.to_owned(),
        version,
        digest,
        url: None,
    })
}
