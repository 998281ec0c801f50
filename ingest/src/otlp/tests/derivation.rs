//! What service graphs lack: links, proxies, interfaces, samples, clocks.

use super::topology::shown;
use super::*;

#[tokio::test]
async fn a_consumer_of_a_batch_takes_from_the_queues_of_the_producers_it_is_linked_to() {
    let queue = "messaging.destination.name=orders";
    // Each link is one message; that of the causing span is counted once.
    let text = shown(&format!(
        "1 shop producer #7 {queue}
         2 web producer #8 {queue}
         3 billing consumer #9 ~7.1 ~8.2
         4<2 mailer consumer #8 ~8.2 ~7.1"
    ))
    .await;
    assert_eq!(
        text,
        "service:billing consumes_from queue:orders x2 Paired\n\
         service:mailer consumes_from queue:orders x2 Paired\n\
         service:shop publishes_to queue:orders x1 OneSided\n\
         service:web publishes_to queue:orders x1 OneSided"
    );
}

#[tokio::test]
async fn links_join_whatever_side_names_the_queue_and_whichever_comes_first() {
    let text = shown(
        "3 billing consumer #9 ~7.1 messaging.destination.name=orders
         4 mailer consumer #9 ~7.2
         1 shop producer #7
         2 shop producer #7",
    )
    .await;
    assert_eq!(
        text,
        "service:billing consumes_from queue:orders x1 OneSided\n\
         service:mailer consumes_from service:shop x1 Paired\n\
         service:shop publishes_to queue:orders x1 Paired"
    );
}

#[tokio::test]
async fn a_pull_of_messages_is_joined_like_a_push() {
    let text = shown(
        "1 shop producer #7
         3 billing client #9 ~7.1 messaging.destination.name=orders messaging.operation.type=receive
         4 other client #9 ~7.1 server.address=x",
    )
    .await;
    assert_eq!(
        text,
        "service:billing consumes_from queue:orders x1 OneSided\n\
         service:other calls endpoint:x x1 Inferred\n\
         service:shop publishes_to queue:orders x1 Paired"
    );
}

#[tokio::test]
async fn a_producer_is_remembered_while_its_message_lies_in_the_queue() {
    let bench = Bench::new();
    let queue = "messaging.destination.name=orders";
    bench.spans(&format!("1 shop producer #7 {queue}")).await;
    bench.pass(300_000).await;
    bench.spans("2<1 mailer consumer #7").await;
    bench.spans("3 billing consumer #9 ~7.1").await;
    bench.pass(600_000).await;
    bench.spans("4 late consumer #9 ~7.1").await;
    bench.otlp.flush().await.unwrap();
    assert_eq!(
        bench.told(),
        "service:shop publishes_to queue:orders x1 OneSided\n\
         service:billing consumes_from queue:orders x1 Paired\n\
         service:mailer consumes_from queue:orders x1 Paired"
    );
    assert_eq!(bench.otlp.counters().links_unseen, 1);
}

#[tokio::test]
async fn links_are_bounded_in_each_span_and_in_all() {
    let bench = Bench::with(OtlpConfig {
        open_spans_max: 64,
        ..config()
    });
    let links: String = (1..=130).map(|id| format!("~7.{id} ")).collect();
    bench.spans(&format!("1 billing consumer #9 {links}")).await;
    let counters = bench.otlp.counters();
    assert_eq!(counters.links_beyond_limit, 2);
    assert_eq!(counters.links_unseen, 120, "eight of 128 may wait");
}

#[tokio::test]
async fn a_service_may_send_messages_to_itself() {
    let text = shown(
        "1 shop producer messaging.destination.name=orders
         2<1 shop consumer
         3<1 shop client server.address=broker",
    )
    .await;
    assert_eq!(
        text,
        "service:shop calls endpoint:broker x1 Inferred\n\
         service:shop publishes_to queue:orders x1 OneSided\n\
         service:shop consumes_from queue:orders x1 Paired"
    );
}

#[tokio::test]
async fn a_gateway_is_no_service_and_hands_calls_on() {
    for gateway in [
        "istio-ingressgateway",
        "edge[telemetry.sdk.name=envoy]",
        "nginx",
    ] {
        let name = gateway.split('[').next().unwrap();
        let text = shown(&format!(
            "1 web client server.address=shop.example.com
             2<1 {gateway} server
             3<2 {gateway} client upstream_cluster=outbound|9080||cart.shop.svc.cluster.local
             4<3 cart server
             5<2 {gateway} client upstream_cluster=outbound|9080||pay.shop.svc.cluster.local"
        ))
        .await;
        assert_eq!(
            text,
            format!(
                "gateway:{name} routes_to endpoint:pay.shop.svc.cluster.local:9080 x1 Inferred\n\
                 gateway:{name} routes_to service:cart x1 Paired\n\
                 service:web calls gateway:{name} x1 Paired"
            )
        );
    }
}

#[tokio::test]
async fn a_proxy_beside_a_service_counts_as_the_service() {
    let proxy = |service: &str| {
        format!(
            "component=proxy istio.canonical_service={service} node_id=sidecar~10.0.0.1~{service}-1.shop~shop"
        )
    };
    let (web, cart) = (proxy("web"), proxy("cart"));
    let text = shown(&format!(
        "1 web server
         2<1 web client server.address=cart
         3<2 web.shop client {web}
         4<3 cart.shop server {cart}
         5<4 cart server
         6 edge client component=proxy istio.canonical_service=edge node_id=router~10.0.0.2~edge-1.shop~shop peer.service=web"
    ))
    .await;
    assert_eq!(
        text,
        "gateway:edge routes_to service:web x1 OneSided\n\
         service:web calls service:cart x1 Paired"
    );
}

#[tokio::test]
async fn interfaces_lie_below_services_and_are_bounded() {
    // Three fit, see `config`.
    let text = shown(
        "1 web client
         2<1 cart server http.request.method=GET http.route=/a
         3 web client
         4<3 cart server http.request.method=GET http.route=/b
         5 web client
         6<5 cart server rpc.method=shop.Cart/Get
         7 web client
         8<7 cart server http.request.method=GET http.route=/d
         9 web client
         10<9 cart server http.request.method=GET http.route=/e
         11 web client
         12<11 cart server http.request.method=GET http.route=/a
         13 web client
         14<13 cart server url.full=https://cart/77",
    )
    .await;
    let cart = "service:cart";
    let expected = [
        "service:web invokes interface:cart GET %2Fa x2 Paired".to_owned(),
        "service:web invokes interface:cart GET %2Fb x1 Paired".to_owned(),
        "service:web invokes interface:cart other x2 Paired".to_owned(),
        "service:web invokes interface:cart shop.Cart%2FGet x1 Paired".to_owned(),
        format!("service:web calls {cart} x7 Paired"),
        format!("interface:cart GET %2Fa part_of {cart}"),
        format!("interface:cart GET %2Fb part_of {cart}"),
        format!("interface:cart other part_of {cart}"),
        format!("interface:cart shop.Cart%2FGet part_of {cart}"),
    ];
    assert_eq!(text, expected.join("\n"));
}

#[tokio::test]
async fn what_takes_messages_is_an_interface_too_and_a_route_of_a_gateway_is_none() {
    let text = shown(
        "1 mail consumer messaging.destination.name=orders messaging.operation.type=process
         2 nginx server http.route=/",
    )
    .await;
    assert_eq!(
        text,
        "service:mail consumes_from queue:orders x1 OneSided\n\
         interface:mail process orders part_of service:mail"
    );
}

#[tokio::test]
async fn a_sampled_call_stands_for_those_left_out_by_whichever_convention() {
    let text = shown(
        "1 web client %ot=th:c peer.service=api
         2 web client ! %ot=p:3 peer.service=api
         3 web client %ot=p:63 peer.service=rare",
    )
    .await;
    assert_eq!(
        text,
        "service:web calls service:api x12 !8 OneSided\n\
         service:web calls service:rare x1 OneSided"
    );
}

#[tokio::test]
async fn clocks_that_differ_make_no_other_calls_and_one_far_ahead_is_not_believed() {
    let bench = Bench::new();
    bench
        .spans(
            "1 web client @1000 +50
             2<1 cart server @-240000 +40
             3 web client @2000 +50
             4<3 cart server @1800000 +40
             5 ahead client @86400000 peer.service=api",
        )
        .await;
    bench.otlp.flush().await.unwrap();
    let text = bench.told();
    assert_eq!(
        text,
        "service:ahead calls service:api x1 OneSided\n\
         service:web calls service:cart x2 Paired"
    );
    assert_eq!(bench.otlp.counters().spans_ahead, 1);
    let latest = bench.events().iter().map(|event| event.occurred_at).max();
    assert_eq!(latest.unwrap().to_string(), "2026-11-20T12:00:00Z");
}

#[tokio::test]
async fn calls_cross_clusters_and_clouds_and_each_side_has_its_place() {
    let text = shown(
        "1 web[k8s.cluster.name=eu,k8s.namespace.name=shop,k8s.pod.name=w,k8s.node.name=n1] client server.address=cart.us.example.com
         2<1 cart[host.name=vm-7,cloud.provider=aws,cloud.region=us-east-1] server",
    )
    .await;
    assert_eq!(
        text,
        "service:web calls service:cart x1 Paired\n\
         node:n1 runs_on cluster:eu\n\
         pod:-/shop/w runs_on node:n1\n\
         service:cart runs_on host:vm-7\n\
         service:web runs_on pod:-/shop/w"
    );
}

#[tokio::test]
async fn somebody_elses_interface_is_an_item_by_its_host() {
    let bench = Bench::new();
    bench
        .spans(
            "1 web client url.full=https://user:secret@api.stripe.com/v1/charges?key=1
             2 web client server.address=cart.internal
             3 web client aws.s3.bucket=invoices server.address=s3.eu-west-1.amazonaws.com
             4 web producer aws.sqs.queue.url=https://sqs.eu-west-1.amazonaws.com/111122223333/orders",
        )
        .await;
    bench.otlp.flush().await.unwrap();
    assert_eq!(
        bench.told(),
        "service:web queries bucket:invoices x1 OneSided\n\
         service:web calls endpoint:api.stripe.com x1 Inferred\n\
         service:web calls endpoint:cart.internal x1 Inferred\n\
         service:web publishes_to queue:orders x1 OneSided"
    );
    let events = bench.events();
    let Event::CallsObserved(observed) = &events[0].event else {
        panic!("{events:?}");
    };
    let others: Vec<String> = observed
        .items
        .iter()
        .filter(|item| item.attributes.contains_key("third_party"))
        .map(|item| item.key.to_string())
        .collect();
    assert_eq!(others, ["endpoint:api.stripe.com"]);
}
