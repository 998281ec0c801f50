//! Who sends spans, and what that runs on: resource attributes to keys. Pure.
//!
//! A service `runs_on` its pod and its workload, a pod `runs_on` its node, a
//! node `runs_on` its cluster. Without Kubernetes a service `runs_on` its host.
//! A proxy is a gateway, or counts as the service it stands beside.
//! Besides, it `runs_on` the function or the other resource of a cloud that it is.

use model::{Claim, KeyParts};

use super::attributes::{Fact, Proxy, ResourceFacts};
use super::items::ItemFacts;
use super::pairing::Role;
use super::peers::part;

/// A sender of spans, as its resource attributes place it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct PlacedService {
    /// What it is to the calls it speaks of.
    pub(crate) role: Role,
    /// The service first, then what it runs on.
    pub(crate) items: Vec<(KeyParts, ItemFacts)>,
    /// Who runs on whom, as places in `items`.
    pub(crate) runs_on: Vec<(usize, usize)>,
}

/// The service of a resource and its places; `None` when it has no name that tells it from others.
pub(crate) fn placed_service(facts: &ResourceFacts<'_>) -> Option<PlacedService> {
    let environment = part(facts.environment.get()).map(str::to_owned);
    let namespace = part(facts.service_namespace.get()).map(str::to_owned);
    let (kind, name, role) = named_service(facts)?;
    let service = KeyParts::new(kind, name)
        .in_environment(environment)
        .in_namespace(namespace);
    let mut placed = PlacedService {
        role,
        items: vec![(service, service_facts(facts))],
        runs_on: Vec::new(),
    };
    let cloud = cloud_resource(facts);
    let function = function(facts, &mut placed);
    let is_in_kubernetes = kubernetes(facts, &mut placed);
    let host = host(facts).filter(|_| !is_in_kubernetes);
    let host = host.map(|host| placed.add(0, host));
    // In a cluster nobody says whether the cluster, the node or something else is meant.
    let Some(cloud) = cloud.filter(|_| !is_in_kubernetes || function.is_some()) else {
        return Some(placed);
    };
    let place = match (function, host) {
        (Some(function), _) => function,
        (None, Some(host)) if cloud.is_machine => host,
        (None, _) => placed.add(0, cloud_item(facts, &cloud)),
    };
    if let Some((_, item)) = placed.items.get_mut(place) {
        item.claims.extend(cloud.claims);
    }
    Some(placed)
}

/// The function that the sender is, or that its service runs as.
fn function(facts: &ResourceFacts<'_>, placed: &mut PlacedService) -> Option<usize> {
    let name = part(facts.function_name.get())?;
    let (service, known) = placed.items.first_mut()?;
    if service.kind == "function" {
        attribute(known, "faas.version", facts.function_version);
        cloud(facts, known);
        return Some(0);
    }
    let key = KeyParts::new("function", name).in_environment(service.environment.clone());
    let mut item = ItemFacts::default();
    attribute(&mut item, "faas.version", facts.function_version);
    cloud(facts, &mut item);
    Some(placed.add(0, (key, item)))
}

/// What a cloud calls the resource that a sender is.
struct CloudResource {
    claims: Vec<Claim>,
    /// The last part of its name.
    name: String,
    /// Whether it is a virtual machine.
    is_machine: bool,
}

/// The name of a cloud's resource, written as its inventories write it.
fn cloud_resource(facts: &ResourceFacts<'_>) -> Option<CloudResource> {
    let stated = part(facts.cloud_resource.get())?;
    let id = match stated.strip_prefix("//") {
        // The full name of a Google resource begins with the service that has it.
        Some(rest) => rest.split_once('/')?.1.to_owned(),
        None if stated.starts_with("/subscriptions/") => stated.to_lowercase(),
        None => unqualified(stated),
    };
    let is_arn = id.starts_with("arn:");
    let machines = ["/virtualmachines/", "/instances/", ":instance/"];
    Some(CloudResource {
        name: id.rsplit(['/', ':']).next()?.to_owned(),
        is_machine: machines.iter().any(|kind| id.contains(kind)),
        claims: [Some("cloud.resource_id"), is_arn.then_some("arn")]
            .into_iter()
            .flatten()
            .map(|scheme| Claim::new(scheme, id.clone()))
            .collect(),
    })
}

/// An ARN of a function without the version or alias that was called.
fn unqualified(id: &str) -> String {
    let parts: Vec<&str> = id.split(':').collect();
    match parts.as_slice() {
        ["arn", _, "lambda", _, _, "function", _, _] => {
            let (function, _) = id.rsplit_once(':').unwrap_or((id, ""));
            function.to_owned()
        }
        _ => id.to_owned(),
    }
}

/// A resource of a cloud of which no more is known than its name.
fn cloud_item(facts: &ResourceFacts<'_>, resource: &CloudResource) -> (KeyParts, ItemFacts) {
    let environment = part(facts.environment.get()).map(str::to_owned);
    let mut item = ItemFacts::default();
    cloud(facts, &mut item);
    let key = KeyParts::new("cloud_resource", resource.name.clone());
    (key.in_environment(environment), item)
}

/// Names under which proxies send spans when nobody gave them another.
const PROXIES: [&str; 12] = [
    "apisix",
    "envoy",
    "haproxy",
    "ingress-nginx",
    "istio-egressgateway",
    "istio-ingressgateway",
    "kong",
    "linkerd-proxy",
    "nginx",
    "nginx-ingress-controller",
    "traefik",
    "ztunnel",
];

/// SDKs without a configured name all call themselves `unknown_service`; that is no name.
fn named_service<'a>(facts: &ResourceFacts<'a>) -> Option<(&'static str, &'a str, Role)> {
    if let Proxy::Beside(service) = facts.proxy
        && let Some(service) = part(Some(service))
    {
        return Some(("service", service, Role::Beside));
    }
    let service =
        part(facts.service_name.get()).filter(|name| !name.starts_with("unknown_service"));
    let is_proxy = |name: &str| PROXIES.contains(&name.to_lowercase().as_str());
    if let Some(name) = service
        && (facts.proxy == Proxy::Between || is_proxy(name))
    {
        return Some(("gateway", name, Role::Between));
    }
    let workload = || {
        let (_, name) = facts.workload?;
        Some(("service", part(Some(name))?))
    };
    let (kind, name) = service
        .map(|name| ("service", name))
        .or_else(|| part(facts.function_name.get()).map(|name| ("function", name)))
        .or_else(workload)?;
    Some((kind, name, Role::Party))
}

fn service_facts(facts: &ResourceFacts<'_>) -> ItemFacts {
    let mut service = ItemFacts {
        criticality: part(facts.service_criticality.get()).map(str::to_owned),
        ..ItemFacts::default()
    };
    attribute(&mut service, "service.version", facts.service_version);
    attribute(&mut service, "telemetry.sdk.language", facts.sdk_language);
    service
}

fn kubernetes(facts: &ResourceFacts<'_>, placed: &mut PlacedService) -> bool {
    let cluster = part(facts.cluster.get());
    let namespace = part(facts.kubernetes_namespace.get());
    let environment = part(facts.environment.get()).map(str::to_owned);
    let item = |kind: &str, name: &str, uid: Option<&str>| {
        let is_namespaced = kind != "node";
        let mut key = KeyParts::new(kind, name);
        if is_namespaced {
            key = key
                .in_environment(environment.clone())
                .in_namespace(namespace.map(str::to_owned));
        }
        let mut facts = ItemFacts {
            ages: true,
            ..ItemFacts::default()
        };
        facts
            .claims
            .extend(uid.map(|uid| Claim::new("k8s.uid", uid)));
        let path_namespace = if is_namespaced { namespace } else { Some("") };
        if let (Some(cluster), Some(namespace)) = (cluster, path_namespace) {
            let path = format!("{cluster}/{namespace}/{kind}/{name}");
            facts.claims.push(Claim::new("k8s", path));
        }
        (key, facts)
    };
    let workload = facts
        .workload
        .and_then(|(kind, name)| Some((kind, part(Some(name))?)));
    if let Some((kind, name)) = workload {
        let uid = facts.workload_uid.filter(|(of, _)| *of == kind);
        let uid = uid.and_then(|(_, uid)| part(Some(uid)));
        placed.add(0, item(kind.as_str(), name, uid));
    }
    let pod = part(facts.pod_name.get())
        .map(|name| placed.add(0, item("pod", name, part(facts.pod_uid.get()))));
    let node = part(facts.node_name.get()).map(|name| {
        let mut node = item("node", name, part(facts.node_uid.get()));
        cloud(facts, &mut node.1);
        placed.add(pod.unwrap_or(0), node)
    });
    if let (Some(node), Some(cluster)) = (node, cluster) {
        placed.add(
            node,
            (KeyParts::new("cluster", cluster), ItemFacts::default()),
        );
    }
    workload.is_some() || pod.is_some() || node.is_some()
}

fn host(facts: &ResourceFacts<'_>) -> Option<(KeyParts, ItemFacts)> {
    let name = part(facts.host_name.get())?;
    // A container's host name is the start of its own id, not a host.
    let is_container = part(facts.container_id.get()).is_some_and(|id| id.starts_with(name));
    if is_container {
        return None;
    }
    let environment = part(facts.environment.get()).map(str::to_owned);
    let mut host = ItemFacts {
        ages: true,
        ..ItemFacts::default()
    };
    host.claims
        .extend(part(facts.host_id.get()).map(|id| Claim::new("host.id", id)));
    cloud(facts, &mut host);
    Some((
        KeyParts::new("host", name).in_environment(environment),
        host,
    ))
}

fn cloud(facts: &ResourceFacts<'_>, item: &mut ItemFacts) {
    attribute(item, "cloud.provider", facts.cloud_provider);
    attribute(item, "cloud.region", facts.cloud_region);
    attribute(item, "cloud.availability_zone", facts.cloud_zone);
    attribute(item, "cloud.account.id", facts.cloud_account);
}

fn attribute(item: &mut ItemFacts, name: &str, fact: Fact<'_>) {
    if let Some(value) = part(fact.get()) {
        item.attributes.insert(name.to_owned(), value.into());
    }
}

impl PlacedService {
    /// Adds what the item at `dependent` runs on.
    fn add(&mut self, dependent: usize, item: (KeyParts, ItemFacts)) -> usize {
        let provider = self.items.len();
        self.items.push(item);
        self.runs_on.push((dependent, provider));
        provider
    }
}

#[cfg(test)]
mod tests {
    use super::super::attributes::{AttributeValue, ResourceKey};
    use super::*;

    fn places(attributes: &str) -> String {
        let mut facts = ResourceFacts::default();
        for pair in attributes.split_whitespace() {
            let (name, value) = pair.split_once('=').unwrap();
            let key = ResourceKey::of(name.as_bytes()).unwrap();
            facts.set(key, AttributeValue::Text(value));
        }
        let Some(placed) = placed_service(&facts) else {
            return "nobody".to_owned();
        };
        let key = |at: usize| {
            let (key, facts) = &placed.items[at];
            let claims = facts.claims.iter();
            let claims = claims.map(|claim| format!(" = {}={}", claim.scheme, claim.value));
            format!("{key}{}", claims.collect::<String>())
        };
        let mut lines = vec![key(0)];
        for (dependent, provider) in &placed.runs_on {
            lines.push(format!("{} -> {}", key(*dependent), key(*provider)));
        }
        lines.join("\n")
    }

    #[test]
    fn a_service_runs_on_its_workload_and_its_pod_and_the_pod_on_its_node() {
        let text = places(
            "service.name=cart service.namespace=shop deployment.environment.name=prod \
             k8s.cluster.name=eu k8s.namespace.name=shop k8s.pod.name=cart-1 k8s.pod.uid=u1 \
             k8s.node.name=n7 k8s.deployment.name=cart k8s.deployment.uid=d1 k8s.job.uid=j1 \
             host.name=cart-1",
        );
        insta::assert_snapshot!(text, @r"
        service:prod/shop/cart
        service:prod/shop/cart -> deployment:prod/shop/cart = k8s.uid=d1 = k8s=eu/shop/deployment/cart
        service:prod/shop/cart -> pod:prod/shop/cart-1 = k8s.uid=u1 = k8s=eu/shop/pod/cart-1
        pod:prod/shop/cart-1 = k8s.uid=u1 = k8s=eu/shop/pod/cart-1 -> node:n7 = k8s=eu//node/n7
        node:n7 = k8s=eu//node/n7 -> cluster:eu
        ");
    }

    #[test]
    fn without_kubernetes_a_service_runs_on_its_host_unless_that_is_a_container() {
        assert_eq!(
            places("service.name=cart host.name=web-1"),
            "service:cart\nservice:cart -> host:web-1"
        );
        assert_eq!(
            places("service.name=cart host.name=0f3c container.id=0f3c99"),
            "service:cart"
        );
    }

    #[test]
    fn a_service_runs_on_the_resource_of_a_cloud_by_the_name_inventories_have() {
        let lambda = "cloud.resource_id=arn:aws:lambda:eu-1:1:function:thumbs:live";
        insta::assert_snapshot!(places(&format!("service.name=thumbs faas.name=thumbs {lambda}")), @r"
        service:thumbs
        service:thumbs -> function:thumbs = cloud.resource_id=arn:aws:lambda:eu-1:1:function:thumbs = arn=arn:aws:lambda:eu-1:1:function:thumbs
        ");
        insta::assert_snapshot!(places(&format!("faas.name=thumbs {lambda}")), @"function:thumbs = cloud.resource_id=arn:aws:lambda:eu-1:1:function:thumbs = arn=arn:aws:lambda:eu-1:1:function:thumbs");
        let machine = "cloud.resource_id=/subscriptions/S/resourceGroups/g/providers/Microsoft.Compute/virtualMachines/Web1";
        insta::assert_snapshot!(places(&format!("service.name=cart host.name=web1 {machine}")), @r"
        service:cart
        service:cart -> host:web1 = cloud.resource_id=/subscriptions/s/resourcegroups/g/providers/microsoft.compute/virtualmachines/web1
        ");
        let run = "cloud.resource_id=//run.googleapis.com/projects/p/locations/l/services/cart";
        insta::assert_snapshot!(places(&format!("service.name=cart host.name=localhost {run}")), @r"
        service:cart
        service:cart -> host:localhost
        service:cart -> cloud_resource:cart = cloud.resource_id=projects/p/locations/l/services/cart
        ");
        // Whose id it is in a cluster, nobody says.
        insta::assert_snapshot!(places(&format!("service.name=cart k8s.pod.name=cart-1 {run}")), @r"
        service:cart
        service:cart -> pod:cart-1
        ");
    }

    #[test]
    fn a_default_name_is_no_name() {
        assert_eq!(places("service.name=unknown_service:java"), "nobody");
        assert_eq!(
            places("service.name=unknown_service k8s.deployment.name=cart"),
            "service:cart\nservice:cart -> deployment:cart"
        );
        assert_eq!(places("faas.name=thumbnail"), "function:thumbnail");
    }
}
