//! What is sent to wear the server down, or in somebody's name, with the real binary.

#![cfg(target_os = "linux")]
#![expect(
    clippy::unwrap_used,
    reason = "a test that panics has failed, which is what it is for"
)]

use std::fs;
use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

use crate::plain;
use crate::serving::{Serving, epicenter};

/// What memory may differ by: bodies in flight, and what an allocator keeps.
const SLACK_MIB: u64 = 64;
/// How often each bomb is sent.
const TIMES: usize = 6;

const STATES: &str =
    r#"mutation { upsertItems(input: {source: "a", items: [{key: "service:a"}]}) { position } }"#;

fn request(serving: &Serving, method: Method, path: &str) -> RequestBuilder {
    plain::client().request(method, format!("{}{path}", serving.http))
}

async fn status(request: RequestBuilder) -> u16 {
    request.send().await.unwrap().status().as_u16()
}

async fn ask(serving: &Serving, document: &str) -> Value {
    let asked = request(serving, Method::POST, "/graphql").json(&json!({ "query": document }));
    asked.send().await.unwrap().json().await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_that_a_foreign_page_can_send_states_anything() {
    let folder = tempfile::tempdir().unwrap();
    let serving = Serving::over(folder.path());
    let body = json!({ "query": STATES }).to_string();
    let by_get = request(&serving, Method::GET, "/graphql").query(&[("query", STATES)]);
    assert_eq!(
        status(by_get.header("accept", "application/json")).await,
        405
    );
    // What a form or a script may send to another origin without being asked first.
    for kind in [
        "text/plain",
        "text/plain; charset=application/json",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "",
    ] {
        let posted = request(&serving, Method::POST, "/graphql").body(body.clone());
        let posted = match kind {
            "" => posted,
            kind => posted.header("content-type", kind),
        };
        assert_eq!(status(posted).await, 415, "{kind:?}");
    }
    for (name, value) in [
        ("origin", "https://evil.example"),
        ("origin", "null"),
        ("host", "evil.example"),
    ] {
        let posted = request(&serving, Method::POST, "/graphql").header(name, value);
        let posted = posted
            .header("content-type", "application/json")
            .body(body.clone());
        assert_eq!(status(posted).await, 403, "{name}: {value}");
    }
    let counted = ask(&serving, "{ items { totalCount } }").await;
    assert_eq!(counted["data"]["items"]["totalCount"], 0);
    let told = epicenter(&["items", "--server", &serving.http])
        .output()
        .unwrap();
    assert!(told.status.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn documents_that_ask_for_too_much_are_refused_and_so_is_the_schema_where_it_is_not_told() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("epicenter.toml");
    fs::write(&config, "graphql.introspection = false\n").unwrap();
    let data = folder.path().join("data");
    let mut serving = Serving::with(&data, &["--config", config.to_str().unwrap()]);
    let refused = |answer: &Value| {
        assert_eq!(answer.get("data"), None, "{answer}");
        answer["errors"][0]["extensions"]["code"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    let aliases: String = (0..1_000)
        .map(|n| format!("a{n}: items {{ totalCount }} "))
        .collect();
    let deep = format!(
        "{{ items {}{} }}",
        "{ edges { node { dependsOn ".repeat(200),
        "}}} ".repeat(200)
    );
    let doubled = format!("{{ {} }}", "__typename ".repeat(5_000));
    for (why, document) in [
        ("aliases", format!("{{ {aliases} }}")),
        ("depth", deep),
        ("fields", doubled),
        ("a page of everything", "{ items(first: 500) { edges { node { changes(first: 500) { edges { node { id } } } } } } }".to_owned()),
        ("directives", format!("{{ items {} {{ totalCount }} }}", "@include(if: true) ".repeat(5_000))),
    ] {
        let code = refused(&ask(&serving, &document).await);
        assert_ne!(code, "INTERNAL", "{why}");
    }
    let batch: Vec<Value> = (0..50)
        .map(|_| json!({ "query": "{ __typename }" }))
        .collect();
    let batch = request(&serving, Method::POST, "/graphql").json(&batch);
    assert_eq!(status(batch).await, 400);
    for schema in [
        "{ __schema { types { name } } }",
        "{ a: __type(name: \"Item\") { name } }",
        "{ ...f } fragment f on Query { __schema { types { name } } }",
    ] {
        assert_eq!(
            refused(&ask(&serving, schema).await),
            "GRAPHQL_VALIDATION_FAILED"
        );
    }
    let guessed = ask(&serving, "{ items { totalCoun } }").await;
    assert_eq!(refused(&guessed), "GRAPHQL_VALIDATION_FAILED");
    assert!(!guessed.to_string().contains("totalCount"), "{guessed}");
    let typed = ask(&serving, "{ __typename items { __typename } }").await;
    assert_eq!(typed["data"]["__typename"], "Query");
    serving.signal("-TERM");
    assert!(serving.child.wait().unwrap().success());
}

fn resident_mib(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status
        .lines()
        .find(|line| line.starts_with("VmRSS:"))
        .unwrap();
    line.split_whitespace()
        .nth(1)
        .unwrap()
        .parse::<u64>()
        .unwrap()
        / 1024
}

/// So many bytes of the same text, packed.
fn gzip(unit: &[u8], mib: usize) -> Vec<u8> {
    let mut packed = GzEncoder::new(Vec::new(), Compression::best());
    let piece = unit.repeat(1024 * 1024 / unit.len());
    for _ in 0..mib {
        packed.write_all(&piece).unwrap();
    }
    packed.finish().unwrap()
}

/// A message of protobuf within a message, so many times over, each as its field `field`.
fn nested(field: u8, levels: usize) -> Vec<u8> {
    let mut message = Vec::new();
    for _ in 0..levels {
        let mut outer = vec![field << 3 | 2];
        let mut length = message.len();
        while 0x80 <= length {
            outer.push(u8::try_from(length & 0x7f).unwrap() | 0x80);
            length >>= 7;
        }
        outer.push(u8::try_from(length).unwrap());
        outer.append(&mut message);
        message = outer;
    }
    message
}

#[tokio::test(flavor = "multi_thread")]
async fn bombs_leave_memory_flat() {
    const PROTOBUF: &str = "application/x-protobuf";
    const JSON: &str = "application/json";
    let folder = tempfile::tempdir().unwrap();
    let mut serving = Serving::over(folder.path());
    assert_eq!(status(request(&serving, Method::GET, "/readyz")).await, 200);
    // Empty messages, each of two bytes, that become structures.
    let empty = [0x0a, 0x00].repeat(1024 * 1024);
    let claims = [0x0a, 0xff, 0xff, 0xff, 0xff, 0x7f].to_vec();
    let opened = "[".repeat(2 * 1024 * 1024).into_bytes();
    let bombs = [
        ("/v1/traces", PROTOBUF, "gzip", gzip(&[0], 128)),
        ("/v1/traces", PROTOBUF, "gzip", gzip(&[0x0a, 0x00], 128)),
        ("/v1/logs", JSON, "gzip", gzip(b"[", 128)),
        ("/ingest/events", JSON, "gzip", gzip(b" ", 128)),
        ("/ingest/listing", JSON, "gzip", gzip(b"{}\n ", 128)),
        ("/v1/traces", PROTOBUF, "identity", empty),
        ("/v1/traces", PROTOBUF, "identity", nested(1, 20_000)),
        ("/v1/logs", PROTOBUF, "identity", nested(5, 20_000)),
        ("/v1/traces", PROTOBUF, "identity", claims),
        ("/v1/traces", JSON, "identity", opened.clone()),
        ("/ingest/events", JSON, "identity", opened.clone()),
        ("/graphql", JSON, "identity", opened),
    ];
    let before = resident_mib(serving.child.id());
    for (path, kind, encoding, body) in &bombs {
        for _ in 0..TIMES {
            let sent = request(&serving, Method::POST, path).header("content-type", *kind);
            let sent = sent
                .header("content-encoding", *encoding)
                .body(body.clone());
            // One that is cut off while it still sends hears nothing.
            if let Ok(answer) = sent.send().await {
                let status = answer.status().as_u16();
                assert!(status < 500, "{path} {kind} {encoding}: {status}");
            }
        }
    }
    let after = resident_mib(serving.child.id());
    assert!(after <= before + SLACK_MIB, "{before} MiB, then {after}");
    assert_eq!(status(request(&serving, Method::GET, "/readyz")).await, 200);
    serving.signal("-TERM");
    assert!(serving.child.wait().unwrap().success());
}
