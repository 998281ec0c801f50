//! One object with its place: the names by which others know it.

use model::{Claim, KeyParts, Timestamp};
use serde_json::Value;

use crate::import::listing::Surroundings;

/// One object as it was read.
#[derive(Clone, Copy)]
pub(super) struct Object<'v> {
    pub(super) value: &'v Value,
    pub(super) kind: &'v str,
    pub(super) around: &'v Surroundings,
}

impl<'v> Object<'v> {
    pub(super) fn new(value: &'v Value, kind: &'v str, around: &'v Surroundings) -> Self {
        Self {
            value,
            kind,
            around,
        }
    }

    /// The value at a JSON pointer.
    pub(super) fn at(&self, pointer: &str) -> Option<&'v Value> {
        self.value.pointer(pointer)
    }

    /// The text at a JSON pointer, unless it is empty.
    pub(super) fn text(&self, pointer: &str) -> Option<&'v str> {
        text(self.at(pointer)?)
    }

    /// The time at a JSON pointer.
    pub(super) fn time(&self, pointer: &str) -> Option<Timestamp> {
        self.text(pointer)?.parse().ok()
    }

    /// The list at a JSON pointer; empty when it is missing.
    pub(super) fn list(&self, pointer: &str) -> &'v [Value] {
        list(self.at(pointer))
    }

    pub(super) fn name(&self) -> Option<&'v str> {
        self.text("/metadata/name")
    }

    pub(super) fn namespace(&self) -> Option<&'v str> {
        self.text("/metadata/namespace")
    }

    pub(super) fn label(&self, name: &str) -> Option<&'v str> {
        self.at("/metadata/labels")?.get(name).and_then(text)
    }

    pub(super) fn annotation(&self, name: &str) -> Option<&'v str> {
        self.at("/metadata/annotations")?.get(name).and_then(text)
    }

    /// The item's key.
    pub(super) fn key(&self) -> Option<KeyParts> {
        Some(self.key_of(kind_of_item(self.kind), self.namespace(), self.name()?))
    }

    /// The key of an item in the same environment.
    pub(super) fn key_of(&self, kind: &str, namespace: Option<&str>, name: &str) -> KeyParts {
        KeyParts::new(kind, name)
            .in_environment(self.around.environment.clone())
            .in_namespace(namespace.map(str::to_owned))
    }

    /// Its place in the cluster as a claim, in the words that spans use too.
    pub(super) fn path_claim(&self) -> Option<Claim> {
        let cluster = self.around.cluster.as_deref()?;
        let (namespace, name) = (self.namespace().unwrap_or(""), self.name()?);
        let kind = self.kind.to_lowercase();
        Some(Claim::new(
            "k8s",
            format!("{cluster}/{namespace}/{kind}/{name}"),
        ))
    }

    /// The owner that controls it: kind and name.
    pub(super) fn controller(&self) -> Option<(&'v str, &'v str)> {
        let owners = self.list("/metadata/ownerReferences");
        let owner = owners
            .iter()
            .find(|owner| owner.get("controller") == Some(&Value::Bool(true)))?;
        Some((
            owner.get("kind").and_then(text)?,
            owner.get("name").and_then(text)?,
        ))
    }
}

/// A text that is not empty.
pub(super) fn text(value: &Value) -> Option<&str> {
    value.as_str().filter(|text| !text.is_empty())
}

/// The entries of a list; empty when it is missing.
pub(super) fn list(value: Option<&Value>) -> &[Value] {
    value.and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// What an object of this kind is called here, in the words that alerts use too.
pub(crate) fn kind_of_item(kind: &str) -> &'static str {
    match kind {
        "Namespace" => "namespace",
        "Node" => "node",
        "Pod" => "pod",
        "Deployment" => "deployment",
        "StatefulSet" => "statefulset",
        "DaemonSet" => "daemonset",
        "ReplicaSet" => "replicaset",
        "Job" => "job",
        "CronJob" => "cronjob",
        "Service" => "service",
        "Ingress" => "ingress",
        "Gateway" => "gateway",
        "ConfigMap" => "configmap",
        "Secret" => "secret",
        "PersistentVolumeClaim" => "volume",
        "HTTPRoute" => "httproute",
        "GRPCRoute" => "grpcroute",
        "TCPRoute" => "tcproute",
        "TLSRoute" => "tlsroute",
        "UDPRoute" => "udproute",
        _ => "object",
    }
}
