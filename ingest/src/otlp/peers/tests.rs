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
