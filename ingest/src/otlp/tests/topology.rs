//! Which relations spans show.

use proptest::prelude::*;

use super::*;

/// What the log holds after these spans, each in a request of its own, in this order.
async fn seen(lines: &[&str]) -> String {
    let bench = Bench::new();
    for line in lines {
        bench.spans(line).await;
    }
    bench.otlp.flush().await.unwrap();
    bench.told()
}

pub(super) async fn shown(text: &str) -> String {
    let lines: Vec<&str> = text
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .collect();
    seen(&lines).await
}

#[tokio::test]
async fn the_two_sides_of_a_call_are_one_call_as_the_caller_saw_it() {
    let text = shown(
        "1 web server
         2<1 web client ! server.address=checkout
         3<2 checkout server",
    )
    .await;
    assert_eq!(text, "service:web calls service:checkout x1 !1 Paired");
}

#[tokio::test]
async fn a_call_without_another_side_goes_to_whom_its_attributes_name() {
    let text = shown(
        "1 web client server.address=api.stripe.com
         2 web client peer.service=payments
         3 web client db.system.name=postgresql db.namespace=orders server.address=pg
         4 web client",
    )
    .await;
    assert_eq!(
        text,
        "service:web queries database:orders@pg x1 OneSided\n\
         service:web calls endpoint:api.stripe.com x1 Inferred\n\
         service:web calls service:payments x1 OneSided"
    );
}

#[tokio::test]
async fn a_database_is_counted_once_even_when_it_sends_spans() {
    let text = shown(
        "1 web client db.system=cockroachdb server.address=crdb
         2<1 crdb-node server",
    )
    .await;
    assert_eq!(
        text,
        "service:web queries database:crdb x1 OneSided\n\
         service:web calls service:crdb-node x1 Paired"
    );
}

#[tokio::test]
async fn a_queue_stands_between_producer_and_consumer() {
    let kafka = "messaging.system=kafka messaging.destination.name=orders";
    let text = shown(&format!(
        "1 shop producer {kafka}
         2<1 billing consumer {kafka}
         3<1 mailer consumer messaging.system=kafka
         4<1 audit server"
    ))
    .await;
    assert_eq!(
        text,
        "service:audit consumes_from queue:orders x1 Paired\n\
         service:billing consumes_from queue:orders x1 OneSided\n\
         service:mailer consumes_from queue:orders x1 Paired\n\
         service:shop publishes_to queue:orders x1 OneSided"
    );
}

#[tokio::test]
async fn spans_inside_one_service_are_no_call() {
    let text = shown(
        "1 web server
         2<1 web internal
         3<2 web client server.address=web
         4<3 web server",
    )
    .await;
    assert_eq!(text, "");
}

#[tokio::test]
async fn spans_without_kinds_pair_by_their_services() {
    let text = shown(
        "1 gateway unspecified
         2<1 orders unspecified
         3<2 orders unspecified
         4<3 seats unspecified",
    )
    .await;
    assert_eq!(
        text,
        "service:gateway calls service:orders x1 Paired\n\
         service:orders calls service:seats x1 Paired"
    );
}

#[tokio::test]
async fn sides_that_share_one_id_are_paired() {
    let text = shown(
        "1 web server
         2<1 web client server.address=x
         2<1 checkout server
         3<2 checkout internal",
    )
    .await;
    assert_eq!(text, "service:web calls service:checkout x1 Paired");
}

#[tokio::test]
async fn a_service_runs_where_its_resource_says() {
    let text =
        shown("1 web[k8s.pod.name=w-1,k8s.node.name=n1,k8s.deployment.name=web] server").await;
    assert_eq!(
        text,
        "pod:w-1 runs_on node:n1\n\
         service:web runs_on deployment:web\n\
         service:web runs_on pod:w-1"
    );
}

#[tokio::test]
async fn environments_and_namespaces_are_part_of_the_key() {
    let text = shown(
        "1 web[deployment.environment.name=prod,service.namespace=shop] client
         2<1 cart[deployment.environment=prod] server",
    )
    .await;
    assert_eq!(
        text,
        "service:prod/shop/web calls service:prod/cart x1 Paired"
    );
}

#[tokio::test]
async fn a_side_that_comes_too_late_leaves_both_alone() {
    let bench = Bench::new();
    bench.spans("1 web client server.address=checkout").await;
    bench.pass(10_000).await;
    bench.spans("2<1 checkout server").await;
    bench.otlp.flush().await.unwrap();
    assert_eq!(
        bench.told(),
        "service:web calls endpoint:checkout x1 Inferred"
    );
    assert_eq!(bench.otlp.counters().callers_unseen, 1);
}

#[tokio::test]
async fn too_many_open_spans_conclude_the_oldest_early() {
    let bench = Bench::with(OtlpConfig {
        open_spans_max: 2,
        ..config()
    });
    for line in ["1 web client peer.service=a", "2 web client peer.service=b"] {
        bench.spans(line).await;
    }
    bench.spans("3 web client peer.service=c").await;
    let counters = bench.otlp.counters();
    assert_eq!((counters.spans_evicted, counters.spans_open), (1, 2));
}

/// Three traces through a small shop.
fn shop() -> Vec<String> {
    let mut lines = Vec::new();
    for trip in 0..3_u64 {
        let id = |n: u64| trip * 20 + n;
        let failed = if trip == 1 { "!" } else { "" };
        for line in [
            format!("{} gateway server @0 +90", id(1)),
            format!(
                "{}<{} gateway client @1 +80 server.address=web",
                id(2),
                id(1)
            ),
            format!("{}<{} web server @2 +70", id(3), id(2)),
            format!("{}<{} web internal @3 +60", id(4), id(3)),
            format!(
                "{}<{} web client @4 +50 {failed} server.address=cart",
                id(5),
                id(4)
            ),
            format!("{}<{} cart server @5 +40", id(6), id(5)),
            format!(
                "{}<{} cart client @6 +3 db.system=redis server.address=r1",
                id(7),
                id(6)
            ),
            format!(
                "{}<{} web producer @7 +1 messaging.destination.name=orders",
                id(8),
                id(4)
            ),
            format!("{}<{} mail consumer @9 +1", id(9), id(8)),
            format!("{}<{} web client @60001 +5 peer.service=pay", id(10), id(3)),
        ] {
            lines.push(line);
        }
    }
    lines
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(testkit::cases(40)))]

    #[test]
    fn the_order_and_repetition_of_spans_does_not_matter(
        order in Just(shop()).prop_shuffle(),
        repeated in proptest::collection::vec(0..30_usize, 0..10),
    ) {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let straight = shop();
        let straight: Vec<&str> = straight.iter().map(String::as_str).collect();
        let mut shuffled: Vec<&str> = order.iter().map(String::as_str).collect();
        for place in repeated {
            shuffled.push(&order[place]);
        }
        let events = |lines: Vec<&str>| runtime.block_on(async move {
            let bench = Bench::new();
            for line in lines {
                bench.spans(line).await;
            }
            bench.otlp.flush().await.unwrap();
            bench.events().into_iter().map(|event| event.event).collect::<Vec<_>>()
        });
        prop_assert_eq!(events(straight), events(shuffled));
    }
}
