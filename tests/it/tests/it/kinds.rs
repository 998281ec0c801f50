//! Kinds that somebody defines, all the way from the definition to what is refused and read again.

use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::running::{Running, event, folder};

const DAY: &str = "2026-11-20T09:00:00Z";

/// A server kind with a rule of every sort, as GraphQL writes it.
const SERVER: &str = r#"{
  source: "ops", name: "server", title: "服务器", closed: true, authority: "cmdb",
  occurredAt: "2026-11-20T08:00:00Z",
  attributes: [
    { name: "asset", type: STRING, unique: true, required: true, pattern: "[A-Z]{2}-[0-9]+" },
    { name: "state", type: ENUMERATION, values: ["idle", "in use"] },
    { name: "api_token", type: STRING, lengthMax: 4 }
  ]
}"#;

async fn define(server: &Running, mutation: &str, input: &str, dry_run: bool) -> Value {
    let document = format!(
        "mutation {{ {mutation}(input: {input}, dryRun: {dry_run}) {{
            position
            check {{ checked broken complete examples {{ code key attribute source message }} }}
        }} }}"
    );
    server.ask(&document).await[mutation].clone()
}

/// What GraphQL answers to a document that may fail.
async fn answer(server: &Running, document: &str) -> Value {
    let body = json!({ "query": document }).to_string().into_bytes();
    let (_, text) = server.post_body("/graphql", body).await;
    serde_json::from_str(&text).expect("a JSON answer")
}

fn server_item(name: &str, attributes: &Value) -> Value {
    let data = json!({ "key": format!("server:{name}"), "attributes": attributes });
    event("item.observed", DAY, &data)
}

/// The rejections as `index field: reason`, without the place in the quarantine.
fn told(answer: &Value) -> Vec<String> {
    let rejected = answer["rejected"].as_array().expect("a list");
    let line = |one: &Value| {
        let text = |name: &str| one[name].as_str().expect("a text").to_owned();
        format!("{} {}: {}", one["index"], text("field"), text("reason"))
    };
    rejected.iter().map(line).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_breaks_a_rule_is_named_and_kept_aside_and_the_rest_goes_on() {
    let data = folder();
    let server = Running::over(data.path()).await;
    define(&server, "defineKind", SERVER, false).await;
    let (status, answered) = server
        .post_events(&[
            server_item("good", &json!({ "asset": "AB-1", "state": "idle" })),
            server_item("bad", &json!({ "asset": "none", "colour": "red" })),
            server_item(
                "leak",
                &json!({ "asset": "AB-2", "api_token": "hunter2-hunter2" }),
            ),
            event(
                "item.observed",
                DAY,
                &json!({ "key": "shelf:a", "attributes": { "x": 1 } }),
            ),
        ])
        .await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(
        (&answered["accepted"], &answered["quarantined"]),
        (&json!(2), &json!(0))
    );
    assert_eq!(
        told(&answered),
        [
            "1 data.attributes.asset: must match [A-Z]{2}-[0-9]+, found \"none\" (kind server)",
            "1 data.attributes.colour: is not one of the attributes of server, which takes no others, found \"red\" (kind server)",
            "2 data.attributes.api_token: must have at most 4 characters, has 15, found \"[redacted]\" (kind server)",
        ]
    );
    let known = server.ask("{ items(first: 9) { nodes { key } } }").await;
    let keys = json!([{ "key": "server:good" }, { "key": "shelf:a" }]);
    assert_eq!(known["items"]["nodes"], keys);
    let kept = server
        .ask("{ quarantine(first: 9) { nodes { hash source format excerpt } } }")
        .await;
    let kept = kept["quarantine"]["nodes"]
        .as_array()
        .expect("a list")
        .clone();
    assert_eq!(kept.len(), 2);
    assert!(!json!(kept).to_string().contains("hunter2"));
    assert_eq!(kept[0]["format"], "fact");
    server.stop().await;
    assert!(!holds(data.path(), b"hunter2"), "the data folder holds it");
}

/// Whether any file below a folder holds these bytes.
fn holds(folder: &std::path::Path, wanted: &[u8]) -> bool {
    let entries = std::fs::read_dir(folder).expect("a folder");
    entries
        .map(|entry| entry.expect("an entry").path())
        .any(|path| {
            if path.is_dir() {
                return holds(&path, wanted);
            }
            let bytes = std::fs::read(&path).expect("a file");
            bytes.windows(wanted.len()).any(|window| window == wanted)
        })
}

/// Fields that every item has are ruled like attributes of their name.
#[tokio::test(flavor = "multi_thread")]
async fn a_kind_may_ask_for_an_owner() {
    let data = folder();
    let server = Running::over(data.path()).await;
    let vault = r#"{ source: "ops", name: "vault", authority: "test", occurredAt: "2026-11-20T08:00:00Z", attributes: [
        { name: "owner", type: STRING, required: true }, { name: "criticality", type: ENUMERATION, values: ["P0", "P1"] }
    ] }"#;
    let stated = |criticality: &str, owner: Option<&str>| {
        let data = json!({ "key": "vault:a", "criticality": criticality, "owner": owner });
        event("item.observed", DAY, &data)
    };
    server.take(&[stated("high", None)]).await;
    let looked = define(&server, "defineKind", vault, true).await;
    let examples = looked["check"]["examples"].as_array().expect("a list");
    let about: Vec<_> = examples
        .iter()
        .map(|one| (&one["code"], &one["attribute"]))
        .collect();
    let broken = (json!("VALUE_BREAKS_RULE"), json!("criticality"));
    let missing = (json!("ATTRIBUTE_MISSING"), json!("owner"));
    assert_eq!(about, [(&broken.0, &broken.1), (&missing.0, &missing.1)]);
    define(&server, "defineKind", vault, false).await;
    let (_, answered) = server.post_events(&[stated("low", None)]).await;
    assert_eq!(
        told(&answered),
        [
            "0 data.criticality: must be one of P0, P1, found \"low\" (kind vault)",
            "0 data.owner: is required of test, the authority for the kind vault",
        ]
    );
    server.take(&[stated("P1", Some("safe"))]).await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_refused_is_read_again_once_the_model_is_mended() {
    let data = folder();
    let server = Running::over(data.path()).await;
    define(&server, "defineKind", SERVER, false).await;
    let bad = [server_item("a", &json!({ "asset": "none" }))];
    let (status, _) = server.post_events(&bad).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    let kept = server
        .ask("{ quarantine(first: 1) { nodes { hash } } }")
        .await;
    let hash = kept["quarantine"]["nodes"][0]["hash"].clone();
    let again =
        format!("mutation {{ reprocessQuarantine(hash: {hash}) {{ understood events reason }} }}");
    let refused = server.ask(&again).await;
    assert_eq!(refused["reprocessQuarantine"]["understood"], false);
    let mended =
        r#"{ source: "ops", name: "server", attributes: [{ name: "asset", type: STRING }] }"#;
    define(&server, "defineKind", mended, false).await;
    let understood = server.ask(&again).await;
    assert_eq!(
        understood["reprocessQuarantine"],
        json!({ "understood": true, "events": 1, "reason": null })
    );
    let (status, _) = server.post_events(&bad).await;
    assert_eq!(
        status,
        StatusCode::OK,
        "the retry is the same statement, and passes now"
    );
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dry_run_names_what_would_break_and_afterwards_it_is_an_open_question() {
    let data = folder();
    let server = Running::over(data.path()).await;
    server
        .take(&[
            server_item("a", &json!({ "asset": "AB-1", "state": "lost" })),
            server_item("b", &json!({ "asset": "AB-1" })),
            server_item("c", &json!({ "state": "idle" })),
        ])
        .await;
    let looked = define(&server, "defineKind", SERVER, true).await;
    assert_eq!(looked["position"], Value::Null);
    assert_eq!(
        (&looked["check"]["checked"], &looked["check"]["broken"]),
        (&json!(3), &json!(3))
    );
    let messages: Vec<&str> = looked["check"]["examples"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|one| one["message"].as_str().expect("a text"))
        .collect();
    assert_eq!(
        messages,
        [
            "state of server:a must be one of idle, in use; test says \"lost\"",
            "server:b has the asset \"AB-1\" of server:a",
            "server:c has no asset, which its kind requires",
        ]
    );
    let before = server
        .ask("{ kind(name: \"server\") { defined itemCount } anomalies { code } }")
        .await;
    assert_eq!(before["kind"], json!({ "defined": false, "itemCount": 3 }));
    assert_eq!(before["anomalies"], json!([]));
    define(&server, "defineKind", SERVER, false).await;
    let after = server.ask("{ anomalies { code key } }").await;
    assert_eq!(
        after["anomalies"],
        json!([
            { "code": "ATTRIBUTE_MISSING", "key": "server:c" },
            { "code": "VALUE_BREAKS_RULE", "key": "server:a" },
            { "code": "VALUE_NOT_UNIQUE", "key": "server:b" },
        ])
    );
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_door_holds_its_facts_against_the_model() {
    let data = folder();
    let server = Running::over(data.path()).await;
    define(&server, "defineKind", SERVER, false).await;
    let refused = answer(
        &server,
        r#"mutation { upsertItems(input: { source: "cmdb", items: [
            { key: "server:good", attributes: { asset: "AB-1" } }, { key: "server:bad", attributes: { state: "idle" } }
        ] }) { accepted } }"#,
    )
    .await;
    assert_eq!(refused["errors"][0]["extensions"]["code"], "BAD_INPUT");
    assert_eq!(
        refused["errors"][0]["message"],
        "entry 1, attributes.asset: is required of cmdb, the authority for the kind server"
    );
    let cloudevent = json!({
        "specversion": "1.0", "id": "1", "source": "agent", "type": "item.observed",
        "data": { "key": "server:bad", "attributes": { "state": "lost" } },
    });
    let (status, text) = server
        .post_body("/ingest/cloudevents", cloudevent.to_string().into_bytes())
        .await;
    assert_eq!(status, StatusCode::BAD_REQUEST, "{text}");
    assert!(text.contains("must be one of idle, in use"), "{text}");
    let text_value = |text: &str| json!({ "stringValue": text });
    let entity = json!({ "resourceLogs": [{ "scopeLogs": [{ "logRecords": [{
        "timeUnixNano": "1763629200000000000", "eventName": "entity.state",
        "attributes": [
            { "key": "entity.type", "value": text_value("server") },
            { "key": "entity.id", "value": { "kvlistValue": { "values": [{ "key": "server.name", "value": text_value("bad") }] } } },
            { "key": "entity.description", "value": { "kvlistValue": { "values": [{ "key": "state", "value": text_value("lost") }] } } },
        ],
    }] }] }] });
    let (status, text) = server
        .post_body("/v1/logs", entity.to_string().into_bytes())
        .await;
    assert_eq!(status, StatusCode::OK, "{text}");
    assert!(text.contains("must be one of idle, in use"), "{text}");
    let known = server.ask("{ items(first: 9) { nodes { key } } }").await;
    assert_eq!(known["items"]["nodes"], json!([]));
    read_all_again(&server).await;
    server.stop().await;
}

/// Without the kind, everything that was kept aside is understood, whichever door it came by.
async fn read_all_again(server: &Running) {
    let withdrawn =
        r#"mutation { withdrawKind(input: { source: "ops", name: "server" }) { position } }"#;
    server.ask(withdrawn).await;
    let kept = server
        .ask("{ quarantine(first: 9) { nodes { hash } } }")
        .await;
    let kept = kept["quarantine"]["nodes"].as_array().expect("a list");
    assert_eq!(kept.len(), 2);
    for one in kept {
        let again = format!(
            "mutation {{ reprocessQuarantine(hash: {}) {{ understood reason }} }}",
            one["hash"]
        );
        let understood = json!({ "understood": true, "reason": null });
        assert_eq!(server.ask(&again).await["reprocessQuarantine"], understood);
    }
    let known = server
        .ask("{ item(key: \"server:bad\") { sources attributes(names: [\"state\"]) { value } } }")
        .await;
    assert_eq!(known["item"]["sources"], json!(["agent", "otlp"]));
    assert_eq!(known["item"]["attributes"], json!([{ "value": "lost" }]));
}

/// Nothing is refused by knowledge that is older than what its sender saw acknowledged.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_acknowledged_makes_room_at_once() {
    let data = folder();
    let server = Running::over(data.path()).await;
    let mounted = r#"{ source: "ops", name: "mounted_in", sentence: "the dependent is mounted in the provider",
        cardinality: ONE_TO_ONE, occurredAt: "2026-11-20T08:00:00Z" }"#;
    define(&server, "defineRelationKind", mounted, false).await;
    let relation = |sort: &str, minute: usize, rack: usize| {
        let data = json!({ "dependent": "server:a", "kind": "mounted_in", "provider": format!("rack:{rack}") });
        event(sort, &format!("2026-11-20T09:{minute:02}:00Z"), &data)
    };
    for move_ in 0..25 {
        server
            .take(&[relation("relation.observed", 2 * move_, move_)])
            .await;
        server
            .take(&[relation("relation.ended", 2 * move_ + 1, move_)])
            .await;
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cardinality_is_kept_and_an_end_in_the_same_request_makes_room() {
    let data = folder();
    let server = Running::over(data.path()).await;
    let mounted = r#"{ source: "ops", name: "mounted_in", sentence: "the dependent is mounted in the provider",
        dependents: ["server"], providers: ["rack"], cardinality: MANY_TO_ONE, occurredAt: "2026-11-20T08:00:00Z" }"#;
    define(&server, "defineRelationKind", mounted, false).await;
    let relation = |sort: &str, at: &str, provider: &str| {
        let data = json!({ "dependent": "server:a", "kind": "mounted_in", "provider": provider });
        event(sort, at, &data)
    };
    let (noon, one) = ("2026-11-20T12:00:00Z", "2026-11-20T13:00:00Z");
    server
        .take(&[relation("relation.observed", DAY, "rack:1")])
        .await;
    let (status, answered) = server
        .post_events(&[
            relation("relation.observed", noon, "rack:2"),
            relation("relation.observed", noon, "room:2"),
        ])
        .await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert_eq!(
        told(&answered),
        [
            "0 data.dependent: has its one mounted_in (n:1) with rack:1 already; end that relation first",
            "1 data.provider: must be a rack in mounted_in, found a room",
            "1 data.dependent: has its one mounted_in (n:1) with rack:1 already; end that relation first",
        ]
    );
    let moved = [
        relation("relation.ended", noon, "rack:1"),
        relation("relation.observed", one, "rack:2"),
    ];
    server.take(&moved).await;
    let open = server.ask("{ anomalies { code } }").await;
    assert_eq!(open["anomalies"], json!([]));
    server.stop().await;
}

/// Two sources race past the check; what stands afterwards is told.
#[tokio::test(flavor = "multi_thread")]
async fn too_many_relations_are_an_open_question() {
    let data = folder();
    let server = Running::over(data.path()).await;
    let relation = |provider: &str| {
        let data = json!({ "dependent": "server:a", "kind": "mounted_in", "provider": provider });
        event("relation.observed", DAY, &data)
    };
    server
        .take(&[relation("rack:1"), relation("rack:2"), relation("room:1")])
        .await;
    let mounted = r#"{ source: "ops", name: "mounted_in", sentence: "the dependent is mounted in the provider",
        providers: ["rack"], cardinality: MANY_TO_ONE, occurredAt: "2026-11-20T08:00:00Z" }"#;
    let looked = define(&server, "defineRelationKind", mounted, true).await;
    assert_eq!(
        (&looked["check"]["checked"], &looked["check"]["broken"]),
        (&json!(3), &json!(1))
    );
    define(&server, "defineRelationKind", mounted, false).await;
    let open = server.ask("{ anomalies { code message } }").await;
    assert_eq!(
        open["anomalies"],
        json!([
            { "code": "FOREIGN_END", "message": "server:a mounted_in room:1, and mounted_in does not join such kinds" },
            { "code": "TOO_MANY_RELATIONS", "message": "server:a has 3 mounted_in where n:1 allows one: rack:1, rack:2, room:1" },
        ])
    );
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_model_of_any_moment_can_be_asked_for_also_after_a_restart() {
    let data = folder();
    let server = Running::over(data.path()).await;
    let defined = define(&server, "defineKind", SERVER, false).await;
    let withdrawn = r#"{ source: "ops", name: "server", reason: "became host", occurredAt: "2026-11-20T10:00:00Z" }"#;
    let answered = server
        .ask(&format!(
            "mutation {{ withdrawKind(input: {withdrawn}) {{ kind {{ defined }} }} }}"
        ))
        .await;
    assert_eq!(answered["withdrawKind"]["kind"]["defined"], false);
    let position = defined["position"].as_str().expect("a position");
    let question = format!(
        "{{ now: kind(name: \"server\") {{ defined versions {{ from withdrawn }} }}
            then: kind(name: \"server\", asOf: {{ validAt: \"2026-11-20T09:00:00Z\" }}) {{ title closed attributes {{ name type }} }}
            early: kind(name: \"server\", asOf: {{ validAt: \"2026-11-20T07:00:00Z\" }}) {{ defined }}
            known: kind(name: \"server\", asOf: {{ position: \"{position}\" }}) {{ defined versions {{ withdrawn }} }} }}"
    );
    let expected = json!({
        "now": { "defined": false, "versions": [
            { "from": "2026-11-20T08:00:00Z", "withdrawn": false },
            { "from": "2026-11-20T10:00:00Z", "withdrawn": true },
        ] },
        "then": { "title": "服务器", "closed": true, "attributes": [
            { "name": "asset", "type": "STRING" },
            { "name": "state", "type": "ENUMERATION" },
            { "name": "api_token", "type": "STRING" },
        ] },
        "early": { "defined": false },
        "known": { "defined": true, "versions": [{ "withdrawn": false }] },
    });
    assert_eq!(server.ask(&question).await, expected);
    server.stop().await;
    let again = Running::over(data.path()).await;
    assert_eq!(again.ask(&question).await, expected);
    again.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_built_in_is_protected() {
    let data = folder();
    let server = Running::over(data.path()).await;
    for (document, message) in [
        (
            r#"mutation { defineRelationKind(input: { source: "ops", name: "calls", sentence: "no" }) { position } }"#,
            "entry 0, name: calls is built in and cannot be changed",
        ),
        (
            r#"mutation { withdrawRelationKind(input: { source: "ops", name: "calls" }) { position } }"#,
            "calls is built in and cannot be withdrawn",
        ),
        (
            r#"mutation { withdrawKind(input: { source: "ops", name: "host" }) { position } }"#,
            "host is built in, and nothing was added to it",
        ),
        (
            r#"mutation { defineKind(input: { source: "ops", name: "a", attributes: [{ name: "b", type: STRING, pattern: "(" }] }, dryRun: true) { position } }"#,
            "attributes[0].pattern is no regular expression: unclosed group",
        ),
    ] {
        let refused = answer(&server, document).await;
        assert_eq!(refused["errors"][0]["message"], message, "{refused}");
        assert_eq!(refused["errors"][0]["extensions"]["code"], "BAD_INPUT");
    }
    let kinds = server
        .ask("{ kinds { name builtIn } relationKinds { name builtIn } }")
        .await;
    for kind in ["host", "load_balancer", "flag", "rack"] {
        let built_in = json!({ "name": kind, "builtIn": true });
        assert!(
            kinds["kinds"]
                .as_array()
                .expect("a list")
                .contains(&built_in),
            "{kind}"
        );
    }
    server.stop().await;
}
