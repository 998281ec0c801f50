//! How requests come to pods: services, ingresses, gateways and their routes.

use std::collections::BTreeSet;

use model::KeyParts;
use serde_json::Value;

use super::object::{Object, list, text};
use super::{ItemWriter, Listing, claimed, item, neighbour};

/// Ports that spans leave out of an endpoint's name.
const UNNAMED_PORTS: [u64; 2] = [80, 443];

/// A service, under every name by which a client in the cluster may call it.
pub(super) fn service(object: &Object<'_>, listing: &mut Listing) {
    let (Some(mut service), Some(key), Some(name)) = (item(object), object.key(), object.name())
    else {
        return;
    };
    let kind = object.text("/spec/type").unwrap_or("ClusterIP");
    service.attribute("k8s.service.type", kind);
    let ports: Vec<u64> = object
        .list("/spec/ports")
        .iter()
        .filter_map(|port| port.get("port")?.as_u64())
        .collect();
    service.attribute("ports", ports.clone());
    if let Some(namespace) = object.namespace() {
        for host in [
            format!("{name}.{namespace}"),
            format!("{name}.{namespace}.svc"),
            format!("{name}.{namespace}.svc.cluster.local"),
        ] {
            service.also_called(object.key_of("endpoint", None, &host));
            for port in ports.iter().filter(|port| !UNNAMED_PORTS.contains(port)) {
                service.also_called(object.key_of("endpoint", None, &format!("{host}:{port}")));
            }
        }
    }
    let from = object
        .time("/metadata/creationTimestamp")
        .unwrap_or(object.around.at);
    for ip in object.list("/spec/clusterIPs") {
        service.address(text(ip), from, None);
    }
    service.address(object.text("/spec/clusterIP"), from, None);
    for balancer in object.list("/status/loadBalancer/ingress") {
        service.address(balancer.get("ip").and_then(text), from, None);
    }
    listing.items.push(service.done());
    for balancer in object.list("/status/loadBalancer/ingress") {
        balanced(balancer, &key, listing);
    }
    if let Some(outside) = object.text("/spec/externalName") {
        let outside = outside.trim_end_matches('.').to_lowercase();
        listing.relate(key, "routes_to", object.key_of("endpoint", None, &outside));
    }
}

/// The cloud's balancer before it, known by its host name.
fn balanced(balancer: &Value, behind: &KeyParts, listing: &mut Listing) {
    if let Some(host) = balancer.get("hostname").and_then(text) {
        let balancer = model::Claim::new("hostname", host.to_lowercase());
        listing.relate(claimed(balancer), "routes_to", behind.clone());
    }
}

/// An ingress: `domain routes_to ingress routes_to service`.
pub(super) fn ingress(object: &Object<'_>, listing: &mut Listing) {
    let (Some(mut ingress), Some(key)) = (item(object), object.key()) else {
        return;
    };
    let class = object
        .text("/spec/ingressClassName")
        .or_else(|| object.annotation("kubernetes.io/ingress.class"));
    ingress.attribute("k8s.ingress.class", class.unwrap_or_default());
    listing.items.push(ingress.done());
    let mut backends = vec![
        object.at("/spec/defaultBackend"),
        object.at("/spec/backend"),
    ];
    let mut hosts: BTreeSet<&str> = BTreeSet::new();
    for rule in object.list("/spec/rules") {
        hosts.extend(rule.get("host").and_then(text));
        for path in list(rule.pointer("/http/paths")) {
            backends.push(path.get("backend"));
        }
    }
    for backend in backends.into_iter().flatten() {
        let name = backend
            .pointer("/service/name")
            .or_else(|| backend.get("serviceName"));
        if let Some(name) = name.and_then(text) {
            listing.relate(key.clone(), "routes_to", neighbour(object, "service", name));
        }
    }
    for tls in object.list("/spec/tls") {
        hosts.extend(list(tls.get("hosts")).iter().filter_map(text));
        if let Some(secret) = tls.get("secretName").and_then(text) {
            listing.relate(
                key.clone(),
                "config_from",
                neighbour(object, "secret", secret),
            );
        }
    }
    for balancer in object.list("/status/loadBalancer/ingress") {
        balanced(balancer, &key, listing);
    }
    domains(hosts, &key, listing);
}

/// Names under which it is reached from outside, as spans of its callers have them too.
fn domains<'v>(
    hosts: impl IntoIterator<Item = &'v str>,
    reached: &KeyParts,
    listing: &mut Listing,
) {
    for host in hosts {
        let host = host.to_lowercase();
        let mut domain = ItemWriter::new(KeyParts::new("domain", host.clone()));
        if !host.starts_with('*') {
            domain.also_called(KeyParts::new("endpoint", host.clone()));
        }
        listing.items.push(domain.done());
        listing.relate(KeyParts::new("domain", host), "routes_to", reached.clone());
    }
}

/// A gateway of the Gateway API.
pub(super) fn gateway(object: &Object<'_>, listing: &mut Listing) {
    let (Some(mut gateway), Some(key)) = (item(object), object.key()) else {
        return;
    };
    gateway.attribute(
        "k8s.gateway.class",
        object.text("/spec/gatewayClassName").unwrap_or_default(),
    );
    let from = object
        .time("/metadata/creationTimestamp")
        .unwrap_or(object.around.at);
    for address in object.list("/status/addresses") {
        gateway.address(address.get("value").and_then(text), from, None);
    }
    listing.items.push(gateway.done());
    for listener in object.list("/spec/listeners") {
        for certificate in list(listener.pointer("/tls/certificateRefs")) {
            if let Some(secret) = referred(object, certificate, "Secret", "secret") {
                listing.relate(key.clone(), "config_from", secret);
            }
        }
    }
}

/// A route of the Gateway API: `gateway routes_to route routes_to service`.
pub(super) fn route(object: &Object<'_>, listing: &mut Listing) {
    let (Some(route), Some(key)) = (item(object), object.key()) else {
        return;
    };
    listing.items.push(route.done());
    for attached in object.list("/spec/parentRefs") {
        if let Some(gateway) = referred(object, attached, "Gateway", "gateway") {
            listing.relate(gateway, "routes_to", key.clone());
        }
    }
    for rule in object.list("/spec/rules") {
        for backend in list(rule.get("backendRefs")) {
            if let Some(service) = referred(object, backend, "Service", "service") {
                listing.relate(key.clone(), "routes_to", service);
            }
        }
    }
    let hosts = object.list("/spec/hostnames").iter().filter_map(text);
    domains(hosts, &key, listing);
}

/// The item that a reference of the Gateway API names, if it is of this kind; a missing kind means it.
fn referred(object: &Object<'_>, reference: &Value, kind: &str, item: &str) -> Option<KeyParts> {
    let stated = reference.get("kind").and_then(text).unwrap_or(kind);
    let name = reference
        .get("name")
        .and_then(text)
        .filter(|_| stated == kind)?;
    let namespace = reference
        .get("namespace")
        .and_then(text)
        .or_else(|| object.namespace());
    Some(object.key_of(item, namespace, name))
}
