//! Whom a span names: its attributes to the key of a database, cache, queue,
//! service, function or address. Pure.
//!
//! A key is inferred only as far as the attributes carry: what would make
//! strangers one item (a database of which only the product is known) is named
//! after its caller instead.

mod host;

use model::{Evidence, KeyParts};

use super::attributes::PeerFacts;
use super::calls::CallKind;
use super::items::ItemFacts;
use super::span::SpanKind;
use host::{Host, host, is_loopback};

/// Longest part of a key taken from an attribute, in bytes.
pub(crate) const PART_BYTES: usize = 256;

/// Whom a span names, and how.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct NamedPeer {
    /// Its key.
    pub(crate) key: KeyParts,
    /// What else was said of it.
    pub(crate) facts: ItemFacts,
    /// How the caller needs it.
    pub(crate) kind: CallKind,
    /// How sure that is.
    pub(crate) evidence: Evidence,
    /// Whether no span of the other side is to be expected.
    pub(crate) is_final: bool,
}

/// The peer that a span of `caller` names, if it names one.
pub(crate) fn named_peer(
    facts: &PeerFacts<'_>,
    side: SpanKind,
    caller: &KeyParts,
) -> Option<NamedPeer> {
    let named = queue(facts, side, caller).or_else(|| match side {
        SpanKind::Client => database(facts, caller)
            .or_else(|| bucket(facts))
            .or_else(|| function(facts, caller))
            .or_else(|| service(facts, caller))
            .or_else(|| address(facts, caller)),
        SpanKind::Producer | SpanKind::Consumer => {
            let mut other = service(facts, caller)?;
            other.kind = match takes_messages(facts, side) {
                true => CallKind::ConsumesFrom,
                false => CallKind::PublishesTo,
            };
            Some(other)
        }
        SpanKind::Server | SpanKind::Internal | SpanKind::Unspecified => None,
    });
    named.map(|named| match (named.kind, caller.kind.as_str()) {
        (CallKind::Calls, "gateway") => NamedPeer {
            kind: CallKind::RoutesTo,
            ..named
        },
        _ => named,
    })
}

/// Whether the span takes messages rather than hands them over.
fn takes_messages(facts: &PeerFacts<'_>, side: SpanKind) -> bool {
    match facts.messaging_operation.get() {
        Some("receive" | "process" | "deliver" | "settle") => true,
        Some("publish" | "send" | "create") => false,
        _ => side == SpanKind::Consumer,
    }
}

fn queue(facts: &PeerFacts<'_>, side: SpanKind, caller: &KeyParts) -> Option<NamedPeer> {
    let destination = part(facts.destination.get()).filter(|_| !facts.destination_is_temporary)?;
    let mut named = NamedPeer {
        key: KeyParts::new("queue", destination).in_environment(caller.environment.clone()),
        facts: ItemFacts::default(),
        kind: match takes_messages(facts, side) {
            true => CallKind::ConsumesFrom,
            false => CallKind::PublishesTo,
        },
        evidence: Evidence::OneSided,
        is_final: true,
    };
    named.attribute("messaging.system", facts.messaging_system.get());
    Some(named)
}

/// Systems that keep what others can give back.
const CACHES: [&str; 6] = [
    "redis",
    "valkey",
    "memcached",
    "aws.elasticache",
    "hazelcast",
    "dragonfly",
];

fn database(facts: &PeerFacts<'_>, caller: &KeyParts) -> Option<NamedPeer> {
    let system = part(facts.database_system.get());
    let namespace = part(facts.database_namespace.get());
    if system.is_none() && namespace.is_none() {
        return None;
    }
    let kind = match system {
        Some(system) if CACHES.contains(&system) => "cache",
        _ => "database",
    };
    let host = host(facts);
    let server = host.as_ref().map(|host| {
        if is_loopback(host.name) {
            format!("{}.localhost", caller.name)
        } else {
            host.with_port()
        }
    });
    let name = match (part(facts.peer_name.get()), namespace, server) {
        (Some(name), _, _) => name.to_owned(),
        (None, Some(namespace), Some(server)) => format!("{namespace}@{server}"),
        (None, Some(namespace), None) => namespace.to_owned(),
        (None, None, Some(server)) => server,
        (None, None, None) => format!("{}.{}", caller.name, system.unwrap_or(kind)),
    };
    let mut named = NamedPeer {
        key: KeyParts::new(kind, name).in_environment(caller.environment.clone()),
        facts: ItemFacts::default(),
        kind: CallKind::Queries,
        evidence: Evidence::OneSided,
        is_final: true,
    };
    named.attribute("db.system.name", system);
    named.attribute("db.namespace", namespace);
    named.address(host.as_ref());
    Some(named)
}

/// Buckets share one space of names, whoever asks.
fn bucket(facts: &PeerFacts<'_>) -> Option<NamedPeer> {
    let name = part(facts.bucket.get())?;
    Some(NamedPeer {
        key: KeyParts::new("bucket", name),
        facts: ItemFacts::default(),
        kind: CallKind::Queries,
        evidence: Evidence::OneSided,
        is_final: true,
    })
}

fn function(facts: &PeerFacts<'_>, caller: &KeyParts) -> Option<NamedPeer> {
    let name = part(facts.function_name.get())?;
    Some(NamedPeer {
        key: KeyParts::new("function", name).in_environment(caller.environment.clone()),
        facts: ItemFacts::default(),
        kind: CallKind::Calls,
        evidence: Evidence::OneSided,
        is_final: false,
    })
}

fn service(facts: &PeerFacts<'_>, caller: &KeyParts) -> Option<NamedPeer> {
    let name = part(facts.peer_name.get())?;
    let namespace = part(facts.peer_namespace.get()).map(str::to_owned);
    Some(NamedPeer {
        key: KeyParts::new("service", name)
            .in_environment(caller.environment.clone())
            .in_namespace(namespace),
        facts: ItemFacts::default(),
        kind: CallKind::Calls,
        evidence: Evidence::OneSided,
        is_final: false,
    })
}

/// An address, or the name of an interface where even that is unknown: an item of its own until somebody says more.
/// It gets no alias, because several services may share a host. One whose name means the same everywhere is
/// somebody else's, as far as is known.
fn address(facts: &PeerFacts<'_>, caller: &KeyParts) -> Option<NamedPeer> {
    let host = host(facts).filter(|host| !is_loopback(host.name));
    let interface = part(facts.rpc_service.get()).or_else(|| {
        let (service, _) = part(facts.rpc_method.get())?.rsplit_once('/')?;
        part(Some(service.trim_start_matches('/')))
    });
    let (name, is_public) = match (&host, interface) {
        (Some(host), _) => (host.with_port(), host.is_public()),
        (None, Some(interface)) => (interface.to_owned(), false),
        (None, None) => return None,
    };
    let environment = caller.environment.clone().filter(|_| !is_public);
    let mut named = NamedPeer {
        key: KeyParts::new("endpoint", name).in_environment(environment),
        facts: ItemFacts::default(),
        kind: CallKind::Calls,
        evidence: Evidence::Inferred,
        is_final: false,
    };
    named.address(host.as_ref());
    if is_public {
        let attributes = &mut named.facts.attributes;
        attributes.insert("third_party".to_owned(), true.into());
    }
    Some(named)
}

impl NamedPeer {
    fn attribute(&mut self, name: &str, value: Option<&str>) {
        if let Some(value) = value {
            self.facts.attributes.insert(name.to_owned(), value.into());
        }
    }

    fn address(&mut self, host: Option<&Host<'_>>) {
        if let Some(host) = host {
            self.attribute("server.address", Some(host.name));
            if let Some(port) = host.port {
                let attributes = &mut self.facts.attributes;
                attributes.insert("server.port".to_owned(), port.into());
            }
        }
    }
}

/// A text that may become part of a key.
pub(crate) fn part(text: Option<&str>) -> Option<&str> {
    text.map(str::trim).filter(|text| {
        !text.is_empty() && text.len() <= PART_BYTES && !text.chars().any(char::is_control)
    })
}

#[cfg(test)]
mod tests;
