//! Late, doubled and shuffled facts give the same estate, all the way from the socket to the answer.

use serde_json::{Value, json};

use crate::running::{Running, event, folder};

const QUESTION: &str = "{
  items(first: 100, asOf: { validAt: \"2026-11-20T13:00:00Z\" }) {
    nodes {
      key aliases { scheme value } owner
      dependsOn(first: 50) { nodes { kind provider { key } firstSeenAt lastSeenAt } }
    }
  }
  changes(first: 100) {
    nodes { id title status startedAt finishedAt operator targets { key item { key } } }
  }
  incidents(first: 100) { nodes { id title status severity startedAt resolvedAt items { key } } }
}";

/// Facts that speak of each other: names learnt late, changes told in pieces, ends before begins.
fn facts() -> Vec<Value> {
    let item = |time: &str, data: Value| event("item.observed", time, &data);
    let relation = |time: &str, data: Value| event("relation.observed", time, &data);
    let change = |time: &str, data: Value| event("change.recorded", time, &data);
    vec![
        item(
            "2026-11-20T09:00:00Z",
            json!({ "key": "service:prod/shop/web", "owner": "shop" }),
        ),
        item(
            "2026-11-20T09:10:00Z",
            json!({ "key": "service:prod/shop/web", "owner": "front" }),
        ),
        item(
            "2026-11-20T09:20:00Z",
            json!({
                "key": "database:prod/orders",
                "claims": [{ "scheme": "arn", "value": "arn:db:7" }],
                "aliases": [{ "scheme": "hostname", "value": "pg-7" }],
            }),
        ),
        relation(
            "2026-11-20T09:30:00Z",
            json!({ "dependent": "service:web", "kind": "calls", "provider": "service:prod/shop/api" }),
        ),
        relation(
            "2026-11-20T09:40:00Z",
            json!({
                "dependent": "service:prod/shop/api", "kind": "reads",
                "provider": { "scheme": "arn", "value": "arn:db:7" },
            }),
        ),
        event(
            "relation.ended",
            "2026-11-20T12:00:00Z",
            &json!({ "dependent": "service:web", "kind": "calls", "provider": "service:prod/shop/api" }),
        ),
        change(
            "2026-11-20T10:00:00Z",
            json!({
                "sourceId": "7", "title": "Lower the limit", "status": "running",
                "startedAt": "2026-11-20T10:00:00Z",
                "targets": [{ "scheme": "hostname", "value": "pg-7" }],
            }),
        ),
        change(
            "2026-11-20T10:20:00Z",
            json!({ "sourceId": "7", "status": "succeeded", "finishedAt": "2026-11-20T10:20:00Z" }),
        ),
        change(
            "2026-11-20T10:05:00Z",
            json!({ "sourceId": "7", "operator": "mika" }),
        ),
        event(
            "incident.opened",
            "2026-11-20T10:30:00Z",
            &json!({ "sourceId": "1", "title": "It fails", "items": ["service:web"], "environment": "prod" }),
        ),
        event(
            "incident.updated",
            "2026-11-20T11:00:00Z",
            &json!({ "sourceId": "1", "status": "resolved", "resolvedAt": "2026-11-20T11:00:00Z" }),
        ),
        event(
            "incident.updated",
            "2026-11-20T10:45:00Z",
            &json!({ "sourceId": "1", "severity": "critical", "status": "acknowledged" }),
        ),
    ]
}

/// A small generator: the same seed gives the same order on every machine.
struct Shuffle(u64);

impl Shuffle {
    fn next(&mut self, below: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap_or_default() % below
    }

    /// The facts in another order, about a third of them twice.
    fn mix(&mut self, facts: &[Value]) -> Vec<Value> {
        let mut mixed = Vec::new();
        for fact in facts {
            for _ in 0..=usize::from(self.next(3) == 0) {
                let place = self.next(mixed.len() + 1);
                mixed.insert(place, fact.clone());
            }
        }
        mixed
    }
}

/// The estate that a server makes of facts sent one by one in this order.
async fn estate(facts: &[Value]) -> Value {
    let folder = folder();
    let server = Running::over(folder.path()).await;
    for fact in facts {
        server.take(std::slice::from_ref(fact)).await;
    }
    let answer = server.ask(QUESTION).await;
    server.stop().await;
    answer
}

#[tokio::test]
async fn the_order_and_number_of_deliveries_do_not_matter() {
    let expected = estate(&facts()).await;
    assert_eq!(expected["changes"]["nodes"][0]["status"], "succeeded");
    assert_eq!(expected["incidents"]["nodes"][0]["status"], "resolved");
    assert_eq!(
        expected["changes"]["nodes"][0]["targets"][0]["item"]["key"],
        "database:prod/orders"
    );
    for seed in 1..=12 {
        let mixed = Shuffle(seed).mix(&facts());
        let found = estate(&mixed).await;
        assert_eq!(found, expected, "seed {seed}");
    }
}
