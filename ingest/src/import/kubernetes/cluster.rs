//! Nodes, the namespaces, and what they stand on: cluster, zone, region.

use model::KeyParts;
use serde_json::Value;

use super::object::{Object, text};
use super::{ItemWriter, Listing, item};

/// A namespace.
pub(super) fn namespace(object: &Object<'_>, listing: &mut Listing) {
    let Some(namespace) = item(object) else {
        return;
    };
    listing.items.push(namespace.done());
    let Some(mut cluster) = cluster(object).map(ItemWriter::new) else {
        return;
    };
    // By convention the cluster's uid is that of this namespace; it stays a scheme of its own.
    if object.name() == Some("kube-system") {
        cluster.claim("k8s.cluster.uid", object.text("/metadata/uid"));
    }
    listing.items.push(cluster.done());
}

/// A node: the host others know by its name, its machine id or its id in the cloud.
pub(super) fn node(object: &Object<'_>, listing: &mut Listing) {
    let (Some(mut node), Some(key), Some(name)) = (item(object), object.key(), object.name())
    else {
        return;
    };
    node.also_called(object.key_of("host", None, name));
    let from = object
        .time("/metadata/creationTimestamp")
        .unwrap_or(object.around.at);
    for address in object.list("/status/addresses") {
        let value = address.get("address").and_then(text);
        match address.get("type").and_then(text) {
            Some("Hostname") => {
                if let Some(hostname) = value {
                    node.also_called(object.key_of("host", None, hostname));
                }
            }
            Some("InternalIP" | "ExternalIP") => node.address(value, from, None),
            _ => {}
        }
    }
    machine(object, &mut node);
    listing.items.push(node.done());
    if let Some(cluster) = cluster(object) {
        listing.relate(key.clone(), "runs_on", cluster.clone());
        listing.items.push(ItemWriter::new(cluster).done());
    }
    zone(object, key, listing);
}

fn machine(object: &Object<'_>, node: &mut ItemWriter) {
    let lower = |pointer: &str| object.text(pointer).map(str::to_lowercase);
    let (machine_id, system_uuid) = (
        lower("/status/nodeInfo/machineID"),
        lower("/status/nodeInfo/systemUUID"),
    );
    let in_cloud = object
        .text("/spec/providerID")
        .and_then(|provider| cloud(provider, node));
    // A thing has one `host.id`: in a cloud that of the instance, elsewhere that of the machine.
    let host_id = match in_cloud {
        Some(Cloud::Instance(id)) => Some(id),
        Some(Cloud::ByNode) => object
            .annotation("container.googleapis.com/instance_id")
            .map(str::to_owned),
        Some(Cloud::BySystem) => system_uuid.clone(),
        None => machine_id.clone(),
    };
    node.claim("host.id", host_id.as_deref());
    node.claim("machine.id", machine_id.as_deref());
    node.claim("system.uuid", system_uuid.as_deref());
    for (attribute, pointer) in [
        ("host.arch", "/status/nodeInfo/architecture"),
        ("os.type", "/status/nodeInfo/operatingSystem"),
        ("os.description", "/status/nodeInfo/osImage"),
        ("k8s.node.kernel.version", "/status/nodeInfo/kernelVersion"),
        (
            "k8s.node.kubelet.version",
            "/status/nodeInfo/kubeletVersion",
        ),
        (
            "container.runtime.version",
            "/status/nodeInfo/containerRuntimeVersion",
        ),
        ("host.cpu.count", "/status/capacity/cpu"),
        ("host.memory", "/status/capacity/memory"),
    ] {
        node.attribute(attribute, object.text(pointer).unwrap_or_default());
    }
    node.attribute(
        "host.type",
        object
            .label("node.kubernetes.io/instance-type")
            .unwrap_or_default(),
    );
    let unschedulable = object.at("/spec/unschedulable") == Some(&Value::Bool(true));
    if unschedulable {
        node.attribute("k8s.node.unschedulable", true);
    }
}

/// Where the id stands that the cloud's own detectors report as `host.id`.
enum Cloud {
    /// It is this.
    Instance(String),
    /// In an annotation of the node.
    ByNode,
    /// It is the system's UUID.
    BySystem,
}

/// What a node's provider id says of its machine: `aws:///eu-west-1a/i-0abc`.
fn cloud(provider_id: &str, node: &mut ItemWriter) -> Option<Cloud> {
    let (provider, path) = provider_id.split_once("://")?;
    node.claim("k8s.provider_id", Some(provider_id));
    let trimmed = path.trim_start_matches('/');
    match provider {
        "aws" => {
            node.attribute("cloud.provider", "aws");
            let instance = trimmed
                .rsplit('/')
                .next()
                .filter(|id| id.starts_with("i-"))?;
            Some(Cloud::Instance(instance.to_owned()))
        }
        "gce" => {
            node.attribute("cloud.provider", "gcp");
            if let [project, zone, name] = trimmed.split('/').collect::<Vec<_>>().as_slice() {
                let resource = format!("projects/{project}/zones/{zone}/instances/{name}");
                node.claim("cloud.resource_id", Some(&resource));
            }
            Some(Cloud::ByNode)
        }
        "azure" => {
            node.attribute("cloud.provider", "azure");
            let resource = format!("/{}", trimmed.to_lowercase());
            node.claim("cloud.resource_id", Some(&resource));
            Some(Cloud::BySystem)
        }
        _ => None,
    }
}

/// What fails with a zone: `node runs_on zone runs_on region`.
fn zone(object: &Object<'_>, node: KeyParts, listing: &mut Listing) {
    let zone = object.label("topology.kubernetes.io/zone");
    let region = object.label("topology.kubernetes.io/region");
    let region = region.map(|region| KeyParts::new("region", region));
    if let Some(zone) = zone {
        let zone = KeyParts::new("zone", zone);
        listing.items.push(ItemWriter::new(zone.clone()).done());
        listing.relate(node, "runs_on", zone.clone());
        if let Some(region) = region.clone() {
            listing.relate(zone, "runs_on", region);
        }
    }
    listing
        .items
        .extend(region.map(|region| ItemWriter::new(region).done()));
}

fn cluster(object: &Object<'_>) -> Option<KeyParts> {
    let name = object.around.cluster.as_deref()?;
    Some(KeyParts::new("cluster", name))
}
