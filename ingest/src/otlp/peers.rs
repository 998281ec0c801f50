//! Whom a span names: its attributes to the key of a database, cache, queue,
//! service, function or address. Pure.
//!
//! A key is inferred only as far as the attributes carry: what would make
//! strangers one item (a database of which only the product is known) is named
//! after its caller instead.

use model::{Evidence, KeyParts};

use super::attributes::PeerFacts;
use super::calls::CallKind;
use super::items::ItemFacts;
use super::span::SpanKind;

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
    if let Some(queue) = queue(facts, side, caller) {
        return Some(queue);
    }
    match side {
        SpanKind::Client => database(facts, caller)
            .or_else(|| function(facts, caller))
            .or_else(|| service(facts, caller))
            .or_else(|| address(facts, caller)),
        _ => None,
    }
}

fn queue(facts: &PeerFacts<'_>, side: SpanKind, caller: &KeyParts) -> Option<NamedPeer> {
    let destination = part(facts.destination.get()).filter(|_| !facts.destination_is_temporary)?;
    let takes = match facts.messaging_operation.get() {
        Some("receive" | "process" | "deliver" | "settle") => true,
        Some("publish" | "send" | "create") => false,
        _ => side == SpanKind::Consumer,
    };
    let mut named = NamedPeer {
        key: KeyParts::new("queue", destination).in_environment(caller.environment.clone()),
        facts: ItemFacts::default(),
        kind: if takes {
            CallKind::ConsumesFrom
        } else {
            CallKind::PublishesTo
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

/// Ports that need no mention.
const USUAL_PORTS: [u16; 12] = [
    80, 443, 1433, 1521, 3306, 5432, 6379, 9042, 9200, 11211, 26257, 27017,
];

fn database(facts: &PeerFacts<'_>, caller: &KeyParts) -> Option<NamedPeer> {
    let system = part(facts.database_system.get())?;
    let kind = if CACHES.contains(&system) {
        "cache"
    } else {
        "database"
    };
    let host = host(facts);
    let namespace = part(facts.database_namespace.get());
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
        (None, None, None) => format!("{}.{system}", caller.name),
    };
    let mut named = NamedPeer {
        key: KeyParts::new(kind, name).in_environment(caller.environment.clone()),
        facts: ItemFacts::default(),
        kind: CallKind::Queries,
        evidence: Evidence::OneSided,
        is_final: true,
    };
    named.attribute("db.system.name", Some(system));
    named.attribute("db.namespace", namespace);
    named.address(host.as_ref());
    Some(named)
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
/// It gets no alias, because several services may share a host.
fn address(facts: &PeerFacts<'_>, caller: &KeyParts) -> Option<NamedPeer> {
    let host = host(facts).filter(|host| !is_loopback(host.name));
    let interface = part(facts.rpc_service.get());
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

/// A host with its port.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Host<'a> {
    name: &'a str,
    port: Option<u16>,
}

impl Host<'_> {
    fn with_port(&self) -> String {
        let name = self.name.to_lowercase();
        match self.port.filter(|port| !USUAL_PORTS.contains(port)) {
            Some(port) if name.contains(':') => format!("[{name}]:{port}"),
            Some(port) => format!("{name}:{port}"),
            None => name,
        }
    }

    fn is_ip(&self) -> bool {
        self.name.parse::<std::net::IpAddr>().is_ok()
    }

    /// Whether the name means the same everywhere: it is qualified and not of a private zone.
    fn is_public(&self) -> bool {
        const PRIVATE: [&str; 7] = [
            ".local",
            ".internal",
            ".svc",
            ".lan",
            ".consul",
            ".localdomain",
            ".intranet",
        ];
        let private_zone = PRIVATE.iter().any(|zone| self.name.ends_with(zone));
        self.name.contains('.') && !private_zone && !self.is_ip()
    }
}

fn host<'a>(facts: &PeerFacts<'a>) -> Option<Host<'a>> {
    let (name, port) = match part(facts.address.get()) {
        Some(address) => split_port(address.rsplit_once('@').map_or(address, |(_, host)| host)),
        None => split_port(authority(part(facts.url.get())?)?),
    };
    let port = facts.port.or(port);
    part(Some(name)).map(|name| Host { name, port })
}

/// The host and port of a URL, without what comes before an `@`: that may be a password.
fn authority(url: &str) -> Option<&str> {
    let (_, rest) = url.split_once("://")?;
    let authority = rest.split(['/', '?', '#']).next()?;
    Some(
        authority
            .rsplit_once('@')
            .map_or(authority, |(_, host)| host),
    )
}

fn split_port(address: &str) -> (&str, Option<u16>) {
    if let Some(rest) = address.strip_prefix('[')
        && let Some((name, port)) = rest.split_once(']')
    {
        return (
            name,
            port.strip_prefix(':').and_then(|port| port.parse().ok()),
        );
    }
    match address.split_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => {
            (name, port.parse().ok())
        }
        _ => (address, None),
    }
}

fn is_loopback(name: &str) -> bool {
    let is_local_socket = name.starts_with('/');
    let ip = name.parse::<std::net::IpAddr>();
    is_local_socket || name == "localhost" || ip.is_ok_and(|ip| ip.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::super::attributes::{AttributeValue, PeerKey};
    use super::*;

    /// The relation of `prod/shop/web` that a span with these attributes shows.
    fn relation(side: SpanKind, attributes: &str) -> String {
        let mut facts = PeerFacts::default();
        for pair in attributes.split_whitespace() {
            let (name, value) = pair.split_once('=').unwrap();
            facts.set(
                PeerKey::of(name.as_bytes()).unwrap(),
                AttributeValue::Text(value),
            );
        }
        let caller = KeyParts::new("service", "web").in_environment(Some("prod".to_owned()));
        match named_peer(&facts, side, &caller) {
            Some(peer) => format!("{} {} {:?}", peer.kind.relation(), peer.key, peer.evidence),
            None => "nobody".to_owned(),
        }
    }

    fn client(attributes: &str) -> String {
        relation(SpanKind::Client, attributes)
    }

    #[test]
    fn a_database_is_named_by_what_tells_it_from_others() {
        for (attributes, expected) in [
            (
                "db.system.name=postgresql db.namespace=orders server.address=pg-1 server.port=5432",
                "queries database:prod/orders@pg-1 OneSided",
            ),
            (
                "db.system=mysql db.name=orders net.peer.name=PG-1 net.peer.port=3307",
                "queries database:prod/orders@pg-1:3307 OneSided",
            ),
            (
                "db.system=redis server.address=10.0.0.7",
                "queries cache:prod/10.0.0.7 OneSided",
            ),
            (
                "db.system=mysql",
                "queries database:prod/web.mysql OneSided",
            ),
            (
                "db.system=mysql server.address=127.0.0.1",
                "queries database:prod/web.localhost OneSided",
            ),
            (
                "db.system=mysql peer.service=orders-db server.address=x",
                "queries database:prod/orders-db OneSided",
            ),
        ] {
            assert_eq!(client(attributes), expected, "{attributes}");
        }
    }

    #[test]
    fn a_queue_is_needed_by_both_its_sides() {
        let kafka = "messaging.system=kafka messaging.destination.name=orders";
        assert_eq!(
            relation(SpanKind::Producer, kafka),
            "publishes_to queue:prod/orders OneSided"
        );
        assert_eq!(
            relation(SpanKind::Consumer, kafka),
            "consumes_from queue:prod/orders OneSided"
        );
        assert_eq!(
            client(&format!("{kafka} messaging.operation.type=receive")),
            "consumes_from queue:prod/orders OneSided"
        );
        let temporary = format!("{kafka} messaging.destination.temporary=true");
        assert_eq!(relation(SpanKind::Producer, &temporary), "nobody");
    }

    #[test]
    fn an_address_is_an_item_of_its_own_and_keeps_no_password() {
        for (attributes, expected) in [
            (
                "server.address=checkout server.port=8080",
                "calls endpoint:prod/checkout:8080 Inferred",
            ),
            (
                "url.full=https://user:secret@api.stripe.com/v1?key=1",
                "calls endpoint:api.stripe.com Inferred",
            ),
            (
                "http.url=http://[fd00::1]:8080/",
                "calls endpoint:prod/[fd00::1]:8080 Inferred",
            ),
            (
                "http.host=cart.shop.svc:81",
                "calls endpoint:prod/cart.shop.svc:81 Inferred",
            ),
            (
                "rpc.service=shop.Cart",
                "calls endpoint:prod/shop.Cart Inferred",
            ),
            (
                "service.peer.name=payments server.address=x",
                "calls service:prod/payments OneSided",
            ),
            ("server.address=localhost", "nobody"),
            ("url.full=nonsense", "nobody"),
        ] {
            assert_eq!(client(attributes), expected, "{attributes}");
        }
    }
}
