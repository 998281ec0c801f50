//! Entity events as a collector sends them.

use super::*;

async fn told(body: &str) -> String {
    let bench = Bench::new();
    let (status, answer) = bench
        .post("/v1/logs", "application/json", body.into())
        .await;
    assert_eq!(status, StatusCode::OK);
    let answer = String::from_utf8(answer).unwrap();
    [bench.told(), answer].join("\n")
}

/// A record of an entity, whose attributes are written as plain JSON.
fn record(event: &str, attributes: &serde_json::Value) -> String {
    fn any(value: &serde_json::Value) -> serde_json::Value {
        match value {
            serde_json::Value::String(text) => serde_json::json!({"stringValue": text}),
            serde_json::Value::Array(list) => {
                serde_json::json!({"arrayValue": {"values": list.iter().map(any).collect::<Vec<_>>()}})
            }
            serde_json::Value::Object(map) => {
                serde_json::json!({"kvlistValue": {"values": pairs(map)}})
            }
            other => serde_json::json!({"intValue": other}),
        }
    }
    fn pairs(map: &serde_json::Map<String, serde_json::Value>) -> Vec<serde_json::Value> {
        map.iter()
            .map(|(key, value)| serde_json::json!({"key": key, "value": any(value)}))
            .collect()
    }
    serde_json::json!({"resourceLogs": [{"scopeLogs": [{"logRecords": [{
        "eventName": event,
        "timeUnixNano": "1768213800000000000",
        "attributes": pairs(attributes.as_object().unwrap()),
    }]}]}]})
    .to_string()
}

#[tokio::test]
async fn the_sample_of_the_specification_is_understood() {
    let body = include_str!("../../../testdata/otlp/entity-events.written-here.logs.json");
    assert_eq!(
        told(body).await,
        "pod:nginx-deployment-66b6c is\n\
         k8s.uid=abc-123-def-456 runs_on k8s.uid=node-001\n\
         k8s.uid=abc-123-def-456 is gone\n\
         {}"
    );
}

#[tokio::test]
async fn relationships_are_turned_so_that_the_dependent_comes_first() {
    let related = |kind: &str, name: &str| serde_json::json!({"relationship.type": kind, "entity.type": "service", "entity.id": {"service.name": name}});
    let body = record(
        "entity.state",
        &serde_json::json!({
            "entity.type": "service",
            "entity.id": {"service.name": "api", "service.namespace": "shop"},
            "entity.relationships": [
                related("depends_on", "db"), related("called_by", "web"),
                related("part_of", "suite"), related("tickles", "toe"),
            ],
        }),
    );
    assert_eq!(
        told(&body).await,
        "service:-/shop/api is\n\
         service:-/shop/api depends_on service:db\n\
         service:web calls service:-/shop/api\n\
         service:suite includes service:-/shop/api\n\
         service:-/shop/api tickles service:toe\n\
         {}"
    );
}

#[tokio::test]
async fn the_names_used_before_the_specification_are_understood() {
    let body = record(
        "",
        &serde_json::json!({
            "otel.entity.event.type": "entity_state",
            "otel.entity.type": "k8s.node",
            "otel.entity.id": {"k8s.node.uid": "n-1"},
            "otel.entity.attributes": {"k8s.node.name": "node-7"},
        }),
    );
    assert_eq!(told(&body).await, "node:node-7 is\n{}");
}

#[tokio::test]
async fn a_record_that_is_not_valid_is_named_and_the_others_are_kept() {
    let body = record("entity.state", &serde_json::json!({"entity.type": "host"}));
    assert_eq!(
        told(&body).await,
        "\n{\"partialSuccess\":{\"errorMessage\":\"record 0: entity.id must be a map of texts\",\"rejectedLogRecords\":\"1\"}}"
    );
}

#[tokio::test]
async fn the_same_entity_event_twice_is_one() {
    let bench = Bench::new();
    let attributes = serde_json::json!({"entity.type": "host", "entity.id": {"host.id": "h1"}});
    let body = record("entity.state", &attributes);
    for _ in 0..2 {
        let (status, _) = bench
            .post("/v1/logs", "application/json", body.clone().into())
            .await;
        assert_eq!(status, StatusCode::OK);
    }
    assert_eq!(bench.told(), "host:h1 is");
}
