//! The audit of Kubernetes: `/ingest/kubernetes` takes what an API server sends to its audit webhook.
//!
//! It tells who wrote and when; what differs, the watch tells. Both name a writing by the
//! object's id and version, so that they are one change. Writings that change nothing, and
//! those of the cluster's own controllers, are no change.

#[cfg(test)]
mod tests;
mod writing;

use model::{Actor, ActorKind, KeyParts, SourceName};
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::meaning::{called, decided, images, writing_id};
use crate::decoded::{Malformed, Part};
use crate::intake::{Address, Delivery};
use crate::said::Said;
use crate::split::{Wrapping, split, unfold};
use crate::told::{self, Told, actor};

/// How the quarantine calls this form, and how its sources' names begin.
const FORMAT: &str = "kubernetes";

/// Where API servers send.
pub(crate) const ADDRESS: Address = Address {
    takes: |media, _| media.is_json() || media.is_json_lines(),
    expects: "application/json or application/x-ndjson",
    ..Address::of_json(FORMAT, "/ingest/kubernetes", decode)
};

/// A batch, its events not yet unfolded.
#[derive(Deserialize)]
struct EventList<'a> {
    #[serde(borrow)]
    items: Vec<&'a RawValue>,
}

/// Accounts of the control plane that are no service accounts.
const CONTROL_PLANE: [&str; 5] = [
    "system:kube-controller-manager",
    "system:kube-scheduler",
    "system:apiserver",
    "system:cloud-controller-manager",
    "system:node:",
];

/// Service accounts of the cluster's own controllers, besides those that end in `-controller`.
const CONTROLLERS: [&str; 5] = [
    "horizontal-pod-autoscaler",
    "generic-garbage-collector",
    "persistent-volume-binder",
    "cluster-autoscaler",
    "endpointslicemirroring-controller",
];

/// Resources that the cluster keeps its books in, and questions that are asked by creating something.
const BOOKS: [&str; 12] = [
    "events",
    "leases",
    "endpoints",
    "endpointslices",
    "controllerrevisions",
    "tokenreviews",
    "tokenrequests",
    "subjectaccessreviews",
    "selfsubjectaccessreviews",
    "selfsubjectrulesreviews",
    "selfsubjectreviews",
    "localsubjectaccessreviews",
];

fn decode(delivery: &Delivery) -> Result<Vec<Part>, Malformed> {
    let wrapping = match delivery.media.is_json_lines() {
        true => Wrapping::Lines,
        false => Wrapping::Json,
    };
    let mut parts = Vec::new();
    for part in split(&delivery.body, wrapping)? {
        match serde_json::from_str::<EventList<'_>>(part) {
            Ok(EventList { items }) => {
                let items = items.iter().map(|item| item.get());
                parts.extend(items.map(|item| part_of(item, delivery).made_of(item)));
            }
            Err(_) => parts.push(part_of(part, delivery).made_of(part)),
        }
        if model::bounds::EVENTS_PER_REQUEST_MAX < parts.len() {
            return Err(Malformed::because("more events in one body than are taken"));
        }
    }
    Ok(parts)
}

fn part_of(part: &str, delivery: &Delivery) -> Part {
    let event = match unfold(part) {
        Ok(event) => event,
        Err(refused) => return refused,
    };
    let (Some(verb), Some(resource)) = (
        Said(&event).written("/verb"),
        Said(&event).written("/objectRef/resource"),
    ) else {
        return match Said(&event).written("/auditID").is_some()
            && Said(&event).written("/verb").is_some()
        {
            true => Part::ignored("the request was about no object"),
            false => told::unknown(
                delivery,
                FORMAT,
                part.as_bytes(),
                "is no event of an audit: there is no auditID or no verb",
            ),
        };
    };
    if let Some(reason) = no_change(&event, verb, resource) {
        return Part::ignored(reason);
    }
    let Some(audit_id) = Said(&event).written("/auditID") else {
        return Part::refused("auditID", "is required");
    };
    let received_at = Said(&event).time_in_millis("/requestReceivedTimestamp");
    let ended_at = Said(&event)
        .time_in_millis("/stageTimestamp")
        .or(received_at);
    let Some(began_at) = received_at.or(ended_at) else {
        return Part::refused("stageTimestamp", "is required, as RFC 3339");
    };
    let Some(key) = key(&event, resource, delivery) else {
        return Part::ignored("the object has no name yet: what made it is told by the watch");
    };
    let id = id(&event, verb).unwrap_or_else(|| audit_id.to_owned());
    let subject = Said(&event).written("/objectRef/subresource");
    let (kind, done) = said(verb, subject);
    let mut change = told::change(&source(delivery), id, kind);
    change = told::done(change, ended_at);
    change.started_at = Some(began_at);
    change.title = Some(format!("{} {done}", called(&key)));
    change.environment.clone_from(&delivery.sender.environment);
    change.operator = Some(operator(&event));
    change.entry_channel = Said(&event).written("/userAgent").map(|agent| {
        let tool = agent.split([' ', '/']).next().unwrap_or(agent);
        tool.to_owned()
    });
    let object = event
        .get("requestObject")
        .filter(|object| object.is_object());
    if let Some(object) = object.filter(|_| matches!(verb, "patch" | "create")) {
        change.artifacts = images(object);
        if verb == "patch" && !change.artifacts.is_empty() {
            change.kind = Some("deployment".to_owned());
        }
    }
    if let (Some(object), "patch") = (object, verb) {
        let kind = kind_of(resource).unwrap_or_default();
        let asked = decided(object, kind).unwrap_or_default();
        change.values = told::leaves("", &asked);
    }
    change.targets = vec![key.into()];
    let told = Told {
        delivery: Some(audit_id.to_owned()),
        // The watch hears of it afterwards: what it says in full counts.
        at: Some(began_at),
        change,
    };
    Part::Events(vec![told.seal(delivery.received_at)])
}

/// The source that a watch of the same cluster has.
fn source(delivery: &Delivery) -> SourceName {
    let sender = &delivery.sender;
    match (&sender.source, sender.name.as_str()) {
        (Some(source), _) => source.clone(),
        (None, "") => SourceName::new(FORMAT),
        (None, cluster) => SourceName::new(format!("{FORMAT}/{cluster}")),
    }
}

fn no_change(event: &Value, verb: &str, resource: &str) -> Option<&'static str> {
    const WRITES: [&str; 5] = ["create", "update", "patch", "delete", "deletecollection"];
    const PARTS: [&str; 3] = ["scale", "resize", "ephemeralcontainers"];
    let code = event
        .pointer("/responseStatus/code")
        .and_then(Value::as_u64);
    let user = Said(event).written("/user/username").unwrap_or_default();
    let subresource = Said(event).written("/objectRef/subresource");
    let uri = Said(event).written("/requestURI").unwrap_or_default();
    if !WRITES.contains(&verb) {
        Some("the request only reads")
    } else if Said(event)
        .written("/stage")
        .is_some_and(|stage| stage != "ResponseComplete")
    {
        Some("the request goes on; its end tells what became of it")
    } else if code.is_some_and(|code| !(200..300).contains(&code)) {
        Some("the request was refused or failed, and changed nothing")
    } else if uri.contains("dryRun=") {
        Some("the request was for show")
    } else if BOOKS.contains(&resource) || subresource.is_some_and(|part| !PARTS.contains(&part)) {
        Some("the cluster's own books")
    } else if is_controller(user) {
        Some("the cluster's own controllers carry out what others decided")
    } else {
        writing::no_change(event, verb)
    }
}

fn is_controller(user: &str) -> bool {
    if let Some(account) = user.strip_prefix("system:serviceaccount:kube-system:") {
        return account.ends_with("-controller") || CONTROLLERS.contains(&account);
    }
    CONTROL_PLANE.iter().any(|prefix| user.starts_with(prefix))
}

fn operator(event: &Value) -> Actor {
    let user = Said(event).written("/user/username");
    let acting = Said(event).written("/impersonatedUser/username");
    let name = match (user, acting) {
        (Some(user), Some(acting)) => Some(format!("{acting} (by {user})")),
        (user, _) => user.map(str::to_owned),
    };
    let kind = match acting.or(user) {
        None => ActorKind::Unknown,
        Some(user) if user.starts_with("system:anonymous") => ActorKind::Unknown,
        Some(user) if user.starts_with("system:") => ActorKind::Automatic,
        Some(user) if user.ends_with("gserviceaccount.com") => ActorKind::Automatic,
        Some(user) if user.contains(":assumed-role/") => ActorKind::Unknown,
        Some(_) => ActorKind::Human,
    };
    actor(kind, name.as_deref())
}

/// The object's key, as the watch makes it.
fn key(event: &Value, resource: &str, delivery: &Delivery) -> Option<KeyParts> {
    let name = Said(event)
        .written("/objectRef/name")
        .or_else(|| Said(event).written("/responseObject/metadata/name"))
        .or_else(|| Said(event).written("/requestObject/metadata/name"))?;
    let kind = match kind_of(resource) {
        Some(kind) => crate::import::kubernetes::kind_of_item(kind).to_owned(),
        None => resource.trim_end_matches('s').to_lowercase(),
    };
    let namespace = Said(event)
        .written("/objectRef/namespace")
        .map(str::to_owned);
    // A namespace and a node are in none, whatever the reference says.
    let namespace = namespace.filter(|_| !matches!(resource, "namespaces" | "nodes"));
    let key = KeyParts::new(kind, name).in_environment(delivery.sender.environment.clone());
    Some(key.in_namespace(namespace))
}

/// The kind of the objects of a resource, of those that a watch follows.
fn kind_of(resource: &str) -> Option<&'static str> {
    const KINDS: [(&str, &str); 19] = [
        ("namespaces", "Namespace"),
        ("nodes", "Node"),
        ("pods", "Pod"),
        ("deployments", "Deployment"),
        ("statefulsets", "StatefulSet"),
        ("daemonsets", "DaemonSet"),
        ("replicasets", "ReplicaSet"),
        ("jobs", "Job"),
        ("cronjobs", "CronJob"),
        ("services", "Service"),
        ("ingresses", "Ingress"),
        ("configmaps", "ConfigMap"),
        ("secrets", "Secret"),
        ("persistentvolumeclaims", "PersistentVolumeClaim"),
        ("gateways", "Gateway"),
        ("httproutes", "HTTPRoute"),
        ("grpcroutes", "GRPCRoute"),
        ("tcproutes", "TCPRoute"),
        ("tlsroutes", "TLSRoute"),
    ];
    let found = KINDS.iter().find(|(plural, _)| *plural == resource);
    found.map(|(_, kind)| *kind)
}

/// The writing by the object's id and version, where the policy lets the answer be told.
fn id(event: &Value, verb: &str) -> Option<String> {
    let response = event.get("responseObject");
    let of = |pointer: &str| response.and_then(|object| Said(object).written(pointer));
    let uid = of("/metadata/uid")
        .or_else(|| of("/details/uid"))
        .or_else(|| Said(event).written("/objectRef/uid"))?;
    match verb {
        "delete" => Some(writing_id(uid, "deleted")),
        _ => Some(writing_id(uid, of("/metadata/resourceVersion")?)),
    }
}

/// The kind of the change and what was done, for its title.
fn said(verb: &str, subresource: Option<&str>) -> (&'static str, &'static str) {
    match (verb, subresource) {
        (_, Some("scale")) => ("scaling", "scaled"),
        ("create", _) => ("creation", "created"),
        ("delete" | "deletecollection", _) => ("removal", "deleted"),
        _ => ("configuration", "written"),
    }
}
