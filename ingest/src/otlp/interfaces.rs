//! Which interface of its service a span answers for: method and route, remote procedure, or the
//! operation on a queue.
//!
//! Only names that a framework knows beforehand count, never a path as somebody typed it. A service has
//! a bounded number of them; further ones are one interface called `other`.

use std::collections::HashMap;

use hashbrown::DefaultHashBuilder;
use model::KeyParts;

use super::attributes::PeerFacts;
use super::items::{ItemNumber, Items, KeyRef};
use super::peers::part;
use super::span::SpanKind;

/// Longest name of an interface, in bytes.
const NAME_BYTES: usize = 160;
/// The interface of a service that stands for those beyond its bound.
const OTHER: &str = "other";

/// The interfaces of every service in use.
#[derive(Debug)]
pub(crate) struct Interfaces {
    /// Most of one service; none at all with 0.
    each: usize,
    known: HashMap<ItemNumber, Vec<ItemNumber>, DefaultHashBuilder>,
    /// Spans whose interface is beyond the bound of its service, each time its name was looked at.
    pub(crate) beyond: u64,
}

impl Interfaces {
    /// No interface yet.
    pub(crate) fn new(each: usize) -> Self {
        Self {
            each,
            known: HashMap::default(),
            beyond: 0,
        }
    }

    /// The interface that a span of this service answers for.
    pub(crate) fn number(
        &mut self,
        facts: &PeerFacts<'_>,
        side: SpanKind,
        service: ItemNumber,
        items: &mut Items,
        now: i64,
    ) -> Option<ItemNumber> {
        let name = named_interface(facts, side).filter(|_| 0 < self.each)?;
        let of = items.key(service).filter(|key| key.kind != "gateway")?;
        let key = interface_key(of, &name);
        let known = self.known.entry(service).or_default();
        let found = known
            .iter()
            .find(|number| items.key(**number) == Some(&key));
        if let Some(number) = found {
            return Some(*number);
        }
        let has_room = known.len() < self.each && name.len() <= NAME_BYTES;
        if has_room {
            let number = items.number(KeyRef::of(&key), now)?;
            known.push(number);
            return Some(number);
        }
        self.beyond += 1;
        items.number(KeyRef::of(&interface_key(of, OTHER)), now)
    }

    /// Lets go of those that are no longer items.
    pub(crate) fn forget_unused(&mut self, items: &Items) {
        let is_interface = |number: &ItemNumber| {
            let key = items.key(*number);
            key.is_some_and(|key| key.kind == "interface")
        };
        self.known.retain(|service, known| {
            known.retain(is_interface);
            items.key(*service).is_some() && !known.is_empty()
        });
    }
}

fn interface_key(service: &KeyParts, name: &str) -> KeyParts {
    KeyParts::new("interface", format!("{} {name}", service.name))
        .in_environment(service.environment.clone())
        .in_namespace(service.namespace.clone())
}

/// The name of the interface that a span answers for, if it says so.
fn named_interface(facts: &PeerFacts<'_>, side: SpanKind) -> Option<String> {
    match side {
        SpanKind::Server => procedure(facts).or_else(|| route(facts)),
        SpanKind::Consumer => operation(facts),
        SpanKind::Client | SpanKind::Producer | SpanKind::Internal | SpanKind::Unspecified => None,
    }
}

fn procedure(facts: &PeerFacts<'_>) -> Option<String> {
    let method = part(facts.rpc_method.get());
    match (method, part(facts.rpc_service.get())) {
        (Some(method), _) if method.contains('/') => {
            Some(method.trim_start_matches('/').to_owned())
        }
        (Some(method), Some(service)) => Some(format!("{service}/{method}")),
        (Some(one), None) | (None, Some(one)) => Some(one.to_owned()),
        (None, None) => None,
    }
}

fn route(facts: &PeerFacts<'_>) -> Option<String> {
    let route = part(facts.http_route.get())?;
    Some(match part(facts.http_method.get()) {
        Some(method) => format!("{method} {route}"),
        None => route.to_owned(),
    })
}

fn operation(facts: &PeerFacts<'_>) -> Option<String> {
    let queue = part(facts.destination.get()).filter(|_| !facts.destination_is_temporary)?;
    let operation = part(facts.messaging_operation.get())?;
    Some(format!("{operation} {queue}"))
}

#[cfg(test)]
mod tests {
    use super::super::attributes::{AttributeValue, PeerKey};
    use super::*;

    fn interface(side: SpanKind, attributes: &[(&'static str, &'static str)]) -> String {
        let mut facts = PeerFacts::default();
        for (name, text) in attributes {
            let key = PeerKey::of(name.as_bytes()).unwrap();
            facts.set(key, AttributeValue::Text(text));
        }
        named_interface(&facts, side).unwrap_or("none".to_owned())
    }

    #[test]
    fn an_interface_has_the_name_that_its_framework_knows() {
        let server = |attributes: &[_]| interface(SpanKind::Server, attributes);
        let get = ("http.request.method", "GET");
        let old_get = ("http.method", "GET");
        let route = ("http.route", "/cart/{id}");
        assert_eq!(server(&[get, route]), "GET /cart/{id}");
        assert_eq!(server(&[route, old_get]), "GET /cart/{id}");
        assert_eq!(server(&[get, ("url.full", "https://a/cart/7")]), "none");
        assert_eq!(
            server(&[("rpc.service", "shop.Cart"), ("rpc.method", "Get")]),
            "shop.Cart/Get"
        );
        assert_eq!(server(&[("rpc.method", "shop.Cart/Get")]), "shop.Cart/Get");
        assert_eq!(
            interface(
                SpanKind::Consumer,
                &[
                    ("messaging.destination.name", "orders"),
                    ("messaging.operation", "process"),
                ]
            ),
            "process orders"
        );
        assert_eq!(interface(SpanKind::Client, &[get, route]), "none");
    }
}
