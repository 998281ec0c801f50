//! The cases by which Grafana Tempo's service graphs and the Collector's servicegraph connector describe
//! themselves, on spans of the same shape, written here after their documentation and the names of their tests.
//! Where we say something else than they, the test says why.

use super::topology::shown;
use super::*;

/// Requester -> server over HTTP, server -> database, requester -> recorder over `RabbitMQ`.
const SHOP: &str = "
    1 requester server
    2<1 requester client
    3<2 server server
    4<3 server client db.system=postgresql db.name=postgres
    5<1 requester producer messaging.system=rabbitmq messaging.destination=beasts
    6<5 recorder consumer messaging.system=rabbitmq messaging.destination=beasts";

#[tokio::test]
async fn requests_messages_and_databases_are_edges() {
    // They draw requester -> recorder; the queue between them is an item here, and both sides need it.
    assert_eq!(
        shown(SHOP).await,
        "service:recorder consumes_from queue:beasts x1 OneSided\n\
         service:requester publishes_to queue:beasts x1 OneSided\n\
         service:requester calls service:server x1 Paired\n\
         service:server queries database:postgres x1 OneSided"
    );
}

#[tokio::test]
async fn failed_requests_are_counted_as_the_caller_saw_them() {
    // They count a call as failed when either side failed; a caller that was served after all is not failed here.
    let text = shown(
        "2 requester client !
         3<2 server server !
         4<3 server client ! db.system=postgresql db.name=postgres
         5 requester client
         6<5 server server !",
    )
    .await;
    assert_eq!(
        text,
        "service:requester calls service:server x2 !1 Paired\n\
         service:server queries database:postgres x1 !1 OneSided"
    );
}

#[tokio::test]
async fn uninstrumented_peers_are_nodes_of_their_own() {
    let text = shown(
        "1 server server
         2<1 requester client peer.service=external-payments-platform
         3 consumer consumer peer.service=external-producer",
    )
    .await;
    assert_eq!(
        text,
        "service:consumer consumes_from service:external-producer x1 OneSided\n\
         service:requester calls service:external-payments-platform x1 OneSided\n\
         service:server calls service:requester x1 Paired"
    );
}

#[tokio::test]
async fn nobody_is_called_user_but_where_calls_come_in_is_known() {
    // They draw user -> server. Whoever calls is no item that somebody answers for, so the service carries a mark.
    let bench = Bench::new();
    bench.spans("1 server server").await;
    bench.spans("2<9 behind server").await;
    bench.otlp.flush().await.unwrap();
    let events = bench.events();
    let Event::CallsObserved(observed) = &events[0].event else {
        panic!("{events:?}");
    };
    let marked: Vec<String> = observed
        .items
        .iter()
        .map(|item| format!("{} {:?}", item.key, item.attributes.get("entry_point")))
        .collect();
    assert_eq!(
        marked,
        ["service:behind None", "service:server Some(Bool(true))"]
    );
    let counters = bench.otlp.counters();
    assert_eq!((counters.entry_spans, counters.callers_unseen), (1, 1));
}

#[tokio::test]
async fn a_database_has_the_name_that_the_best_attribute_gives() {
    for (attributes, expected) in [
        ("db.system=postgresql", "database:server.postgresql"),
        ("db.name=postgres", "database:postgres"),
        ("db.namespace=mydb", "database:mydb"),
        (
            "db.name=old db.namespace=priority-db",
            "database:priority-db",
        ),
        (
            "db.system=postgresql server.address=mythical-database",
            "database:mythical-database",
        ),
        (
            "db.system=postgresql peer.service=mythical-database server.address=x",
            "database:mythical-database",
        ),
        (
            "db.system=postgresql network.peer.address=mythical-database network.peer.port=5433",
            "database:mythical-database:5433",
        ),
        (
            "db.system=postgresql network.peer.address=mythical-database",
            "database:mythical-database",
        ),
        // What the caller asked for says more than what its socket reached.
        (
            "db.system.name=postgresql server.address=db network.peer.address=10.0.0.9 network.peer.port=6432",
            "database:db",
        ),
    ] {
        let text = shown(&format!("1 server client {attributes}")).await;
        assert_eq!(
            text,
            format!("service:server queries {expected} x1 OneSided"),
            "{attributes}"
        );
    }
}

#[tokio::test]
async fn one_side_alone_is_told_by_reason() {
    let bench = Bench::new();
    bench
        .spans(
            "1 root server
             2<1 root client
             3<2 server server
             4<3 server client db.name=postgres
             5<8 lonely server
             6 lonely client
             3<2 server server",
        )
        .await;
    bench.otlp.flush().await.unwrap();
    let counters = bench.otlp.counters();
    assert_eq!(counters.entry_spans, 1);
    assert_eq!(counters.callers_unseen, 1);
    assert_eq!(counters.peers_unknown, 1);
    assert_eq!(counters.spans_duplicated, 1);
    assert_eq!(bench.told().lines().count(), 2);
}
