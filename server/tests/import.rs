//! Files of other systems, through the binary and a real server: the same thing is one item
//! whoever names it, a repeated listing is no news, and no secret stays behind.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that panics has failed, which is what it is for"
)]

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::plain;
use crate::serving::{Serving, epicenter};

const NODE: &str = "ip-10-0-1-7.eu-west-1.compute.internal";

fn testdata(name: &str) -> PathBuf {
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    crates.join("ingest/testdata").join(name)
}

impl Serving {
    /// Ends it in order, so that everything it holds is written.
    pub(crate) fn stop(mut self) {
        self.signal("-TERM");
        assert!(self.child.wait().unwrap().success());
    }

    /// Imports, and returns the summary.
    fn import(&self, format: &str, file: &Path, more: &[&str]) -> Value {
        let file = file.to_str().unwrap();
        let given = ["import", format, file, "--json", "--server", &self.http];
        let output = epicenter(&[&given, more].concat()).output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        serde_json::from_str(&said)
            .unwrap_or_else(|_| panic!("{said}{}", String::from_utf8_lossy(&output.stderr)))
    }

    async fn post(&self, path: &str, body: &Value) -> Value {
        let client = plain::client();
        let request = client.post(format!("{}{path}", self.http)).json(body);
        let response = request.send().await.unwrap();
        assert!(
            response.status().is_success(),
            "{path} {}",
            response.status()
        );
        response.json().await.unwrap()
    }

    /// The items that these keys mean, each with the names that mean it.
    async fn meant(&self, keys: &[&str]) -> Vec<Option<String>> {
        let mut ids = Vec::new();
        for key in keys {
            let document = "query($key: String!) { item(key: $key) { id } }";
            let body = json!({ "query": document, "variables": { "key": key } });
            let answer = self.post("/graphql", &body).await;
            ids.push(answer["data"]["item"]["id"].as_str().map(str::to_owned));
        }
        ids
    }
}

fn spans() -> Value {
    let text = |name: &str, value: &str| json!({ "key": name, "value": { "stringValue": value } });
    let resource = [
        ("service.name", "checkout"),
        ("deployment.environment.name", "prod"),
        ("k8s.cluster.name", "eu1"),
        ("k8s.namespace.name", "shop"),
        ("k8s.deployment.name", "checkout"),
        ("k8s.pod.name", "checkout-6c9f-x2x4z"),
        ("k8s.pod.uid", "0d9c9a4e-5000-4000-8000-000000000001"),
        ("k8s.node.name", NODE),
    ];
    let database = [
        ("db.system.name", "postgresql"),
        ("db.namespace", "orders"),
        ("server.address", "orders.c1.eu-west-1.rds.amazonaws.com"),
    ];
    let list = |pairs: &[(&str, &str)]| -> Vec<Value> {
        pairs
            .iter()
            .map(|(name, value)| text(name, value))
            .collect()
    };
    let now = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap();
    let span = json!({
        "traceId": "5b8efff798038103d269b633813fc60c", "spanId": "eee19b7ec3c1b174",
        "name": "SELECT orders", "kind": 3,
        "startTimeUnixNano": now.as_nanos().to_string(),
        "endTimeUnixNano": (now.as_nanos() + 1_000_000).to_string(),
        "attributes": list(&database),
    });
    json!({ "resourceSpans": [{
        "resource": { "attributes": list(&resource) },
        "scopeSpans": [{ "spans": [span] }],
    }] })
}

fn alert() -> Value {
    let labels = json!({
        "alertname": "Slow", "service": "checkout", "namespace": "shop", "env": "prod",
        "node": NODE, "pod": "checkout-6c9f-x2x4z",
    });
    json!({
        "version": "4", "status": "firing", "receiver": "r", "groupKey": "g", "groupLabels": {},
        "commonLabels": labels, "commonAnnotations": {}, "externalURL": "http://a.example",
        "alerts": [{
            "status": "firing", "labels": labels, "annotations": {},
            "startsAt": "2026-11-20T10:00:00Z", "endsAt": "0001-01-01T00:00:00Z",
            "generatorURL": "http://p.example", "fingerprint": "1",
        }],
    })
}

const CATALOG: &str = "kind: Component
metadata: {name: checkout, annotations: {backstage.io/kubernetes-id: checkout}}
spec: {type: service, owner: payments, dependsOn: [\"resource:orders\"]}
---
kind: Resource
metadata: {name: orders}
spec: {type: database}
";

const IN_PROD: [&str; 6] = [
    "--environment",
    "prod",
    "--cluster",
    "eu1",
    "--at",
    "2026-11-20T10:00:00Z",
];

/// Every name that some source has for one thing.
const ESTATE: [(&str, &[&str]); 6] = [
    (
        "node",
        &[
            "node:ip-10-0-1-7.eu-west-1.compute.internal",
            "host:ip-10-0-1-7.eu-west-1.compute.internal",
            "host:prod/i-0abc1234567890def",
            "host.id=i-0abc1234567890def",
            "arn=arn:aws:ec2:eu-west-1:111122223333:instance/i-0abc1234567890def",
            "k8s=eu1//node/ip-10-0-1-7.eu-west-1.compute.internal",
        ],
    ),
    (
        "pod",
        &[
            "pod:prod/shop/checkout-6c9f-x2x4z",
            "pod:-/shop/checkout-6c9f-x2x4z",
            "k8s.uid=0d9c9a4e-5000-4000-8000-000000000001",
            "k8s=eu1/shop/pod/checkout-6c9f-x2x4z",
        ],
    ),
    (
        "service",
        &[
            "service:checkout",
            "service:prod/checkout",
            "service:prod/shop/checkout",
            "component:checkout",
            "backstage=component:default/checkout",
            "endpoint:prod/checkout.shop.svc.cluster.local:8080",
        ],
    ),
    (
        "database",
        &[
            "database:orders",
            "resource:orders",
            "arn=arn:aws:rds:eu-west-1:111122223333:db:orders",
            "database:prod/orders@orders.c1.eu-west-1.rds.amazonaws.com",
        ],
    ),
    (
        "balancer",
        &[
            "load_balancer:prod/shop",
            "hostname=shop-lb-1.elb.eu-west-1.amazonaws.com",
        ],
    ),
    ("domain", &["domain:shop.example", "endpoint:shop.example"]),
];

#[tokio::test]
async fn whoever_names_it_means_the_same_item() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let catalog = folder.path().join("catalog.yaml");
    fs::write(&catalog, CATALOG).unwrap();
    let serving = Serving::over(&data);
    serving.post("/v1/traces", &spans()).await;
    serving.post("/ingest/alertmanager", &alert()).await;
    serving.import(
        "kubernetes",
        &testdata("kubernetes/shop.written-here.yaml"),
        &IN_PROD,
    );
    serving.import(
        "terraform",
        &testdata("terraform/shop.written-here.tfstate"),
        &IN_PROD,
    );
    serving.import("backstage", &catalog, &IN_PROD);
    // The window of the spans closes with the server.
    serving.stop();
    let serving = Serving::over(&data);
    for (thing, names) in ESTATE {
        let meant = serving.meant(names).await;
        let named: Vec<_> = names.iter().zip(&meant).collect();
        assert!(meant[0].is_some(), "{thing}: {named:?}");
        assert!(meant.iter().all(|id| *id == meant[0]), "{thing}: {named:?}");
    }
    let asked = json!({ "query": "{ incidents { nodes { items { id } } } database: item(key: \"database:orders\") { usedBy { nodes { kind dependent { id } } } } }" });
    let answer = serving.post("/graphql", &asked).await;
    let items = answer["data"]["incidents"]["nodes"][0]["items"]
        .as_array()
        .unwrap();
    let service = serving.meant(&["service:checkout"]).await;
    assert!(
        items
            .iter()
            .any(|item| item["id"].as_str() == service[0].as_deref()),
        "{answer}"
    );
    let queries = answer["data"]["database"]["usedBy"]["nodes"]
        .as_array()
        .unwrap();
    let by_spans = queries.iter().any(|relation| {
        relation["kind"] == "queries"
            && relation["dependent"]["id"].as_str() == service[0].as_deref()
    });
    assert!(by_spans, "{answer}");
    serving.stop();
}

#[test]
fn a_file_of_an_audit_is_imported_once_and_its_reads_are_passed_over() {
    let folder = tempfile::tempdir().unwrap();
    let serving = Serving::over(&folder.path().join("data"));
    for (format, file, told) in [
        (
            "cloudtrail",
            "cloudtrail/records.from-specification.json",
            [5, 2, 3],
        ),
        (
            "kubernetes-audit",
            "kubernetes/audit.from-specification.json",
            [5, 3, 2],
        ),
        (
            "azure-activity",
            "azure/records.from-specification.json",
            [6, 2, 4],
        ),
        (
            "gcp-audit",
            "gcp/entries.from-specification.json",
            [5, 3, 2],
        ),
        ("flyway", "flyway/info.from-specification.json", [1, 1, 0]),
        (
            "liquibase",
            "liquibase/changelog.from-specification.json",
            [1, 1, 0],
        ),
    ] {
        let counted = || {
            let summary = serving.import(format, &testdata(file), &[]);
            assert_eq!(summary["rejected"], 0, "{summary}");
            ["read", "accepted", "passedOver"].map(|name| summary[name].as_u64().unwrap())
        };
        assert_eq!(counted(), told, "{format}");
        let [read, _, passed_over] = told;
        assert_eq!(counted(), [read, 0, passed_over], "{format} again");
    }
    serving.stop();
}

/// Spans of two hours ago and of yesterday, written as the Collector's file exporter writes them.
fn otlp_files(folder: &Path) -> Vec<(&'static str, PathBuf)> {
    let message = fs::read(testdata("otlp/python-sdk-1.45.1.traces.pb")).unwrap();
    let mut framed = (message.len() as u32).to_be_bytes().to_vec();
    framed.extend_from_slice(&message);
    let lines = format!("{}\n{}\n", spans(), spans());
    let gzip = |name: &str, bytes: &[u8]| {
        let plain = folder.join(name);
        fs::write(&plain, bytes).unwrap();
        let mut packing = std::process::Command::new("gzip");
        assert!(packing.arg("-k").arg(&plain).status().unwrap().success());
        [plain, folder.join(format!("{name}.gz"))]
    };
    let [text, packed_text] = gzip("traces.jsonl", lines.as_bytes());
    let [binary, packed_binary] = gzip("traces.proto", &framed);
    vec![
        ("otlp", text),
        ("otlp", packed_text),
        ("otlp", binary),
        ("otlp", packed_binary),
        ("zipkin", testdata("zipkin/spans.from-specification.json")),
        ("jaeger", testdata("jaeger/traces.from-specification.json")),
    ]
}

#[tokio::test]
async fn files_of_spans_become_calls_at_their_own_times() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let mut told = Vec::new();
    for (format, file) in otlp_files(folder.path()) {
        // A stopped server's folder: what is imported is in the log when the command ends.
        let given = [
            "import",
            format,
            file.to_str().unwrap(),
            "--json",
            "--data-dir",
            data.to_str().unwrap(),
        ];
        let output = epicenter(&given).output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        let summary: Value = serde_json::from_str(&said)
            .unwrap_or_else(|_| panic!("{said}{}", String::from_utf8_lossy(&output.stderr)));
        let counts = ["read", "accepted", "rejected"].map(|name| summary[name].to_string());
        told.push(format!("{format} {}", counts.join(" ")));
    }
    assert_eq!(
        told,
        [
            "otlp 2 2 0",
            "otlp 2 2 0",
            "otlp 1 1 0",
            "otlp 1 1 0",
            "zipkin 9 7 1",
            "jaeger 2 6 1"
        ]
    );
    let serving = Serving::over(&data);
    let query = "{ item(key: \"service:cart\", asOf: { validAt: \"2026-11-20T12:05:00Z\" }) {
        usedBy { nodes { kind firstSeenAt dependent { key } } } } }";
    let answer = serving.post("/graphql", &json!({ "query": query })).await;
    let nodes = answer["data"]["item"]["usedBy"]["nodes"].as_array();
    let seen: Vec<String> = nodes
        .unwrap_or_else(|| panic!("{answer}"))
        .iter()
        .map(|it| {
            format!(
                "{} {} {}",
                it["dependent"]["key"], it["kind"], it["firstSeenAt"]
            )
        })
        .collect();
    let call = r#""service:web" "calls" "2026-11-20T12:00:00"#;
    assert!(seen.iter().any(|line| line.starts_with(call)), "{seen:?}");
    serving.stop();
}

#[test]
fn a_repeated_listing_is_no_news_and_what_is_gone_ends() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("hosts.ini");
    let write = |hosts: &str| fs::write(&file, format!("[web]\n{hosts}\n")).unwrap();
    let serving = Serving::over(&folder.path().join("data"));
    let list = |at: &str| {
        let summary = serving.import("ansible", &file, &["--at", at]);
        let number = |name: &str| summary[name].as_u64().unwrap();
        assert_eq!(summary["complete"], true, "{summary}");
        (number("accepted"), number("unchanged"), number("ended"))
    };
    write("a\nb ansible_host=10.0.0.2\nc");
    assert_eq!(list("2026-11-20T10:00:00Z"), (3, 0, 0));
    assert_eq!(list("2026-11-20T10:00:00Z"), (0, 3, 0));
    assert_eq!(
        list("2026-11-20T11:00:00Z"),
        (0, 3, 0),
        "the address is the same"
    );
    write("a\nb ansible_host=10.0.0.3");
    assert_eq!(list("2026-11-20T12:00:00Z"), (1, 1, 1));
    assert_eq!(list("2026-11-20T12:00:00Z"), (0, 2, 0));
    write("a\nb ansible_host=10.0.0.3\nc");
    assert_eq!(list("2026-11-20T13:00:00Z"), (1, 2, 0), "it is there again");
    assert_eq!(list("2026-11-20T14:00:00Z"), (0, 3, 0));
    serving.stop();
}

#[test]
fn no_planted_secret_reaches_the_data_folder() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let rows = folder.path().join("rows.csv");
    fs::write(
        &rows,
        "name,password,note\na,planted-cell,postgres://shop:planted-dsn@orders.example/orders\n",
    )
    .unwrap();
    let mapping = folder.path().join("mapping.yaml");
    fs::write(
        &mapping,
        "key: {kind: {value: host}, name: name}\nattributes: {password: password, note: note}\n",
    )
    .unwrap();
    let serving = Serving::over(&data);
    for (format, file) in [
        ("kubernetes", "kubernetes/shop.written-here.yaml"),
        ("terraform", "terraform/shop.written-here.tfstate"),
        ("terraform", "terraform/orders.written-here.plan.json"),
        ("ansible", "ansible/hosts.ini"),
        ("ansible", "ansible/hosts.yaml"),
        ("bk-cmdb", "bk-cmdb/hosts.from-specification.json"),
    ] {
        let summary = serving.import(format, &testdata(file), &IN_PROD);
        assert_ne!(summary["accepted"], 0, "{file} {summary}");
    }
    let mapped = ["--mapping", mapping.to_str().unwrap()];
    assert_eq!(serving.import("csv", &rows, &mapped)["accepted"], 1);
    serving.stop();
    // The log is packed, so it is read as it is unpacked too.
    let exported = epicenter(&["log", "export", "--data-dir", data.to_str().unwrap()])
        .output()
        .unwrap();
    assert!(exported.stdout.len() > 10_000, "something was written");
    let mut looked_at = 0;
    let mut holds = |what: &str, bytes: &[u8]| {
        looked_at += 1;
        for planted in ["planted", "cGxhbnRlZC"] {
            let found = bytes
                .windows(planted.len())
                .any(|window| window == planted.as_bytes());
            assert!(!found, "{planted} in {what}");
        }
    };
    holds("the log", &exported.stdout);
    let mut folders = vec![data];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            match path.is_dir() {
                true => folders.push(path),
                false => holds(&path.display().to_string(), &fs::read(&path).unwrap()),
            }
        }
    }
    assert!(3 < looked_at);
}

#[test]
fn an_exported_catalog_says_what_was_imported() {
    let folder = tempfile::tempdir().unwrap();
    let original = testdata("backstage/shop.written-here.yaml");
    let export = |serving: &Serving| {
        let output = epicenter(&["export", "backstage", "--server", &serving.http])
            .output()
            .unwrap();
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        String::from_utf8(output.stdout).unwrap()
    };
    let first = Serving::over(&folder.path().join("first"));
    first.import("backstage", &original, &[]);
    let exported = export(&first);
    first.stop();
    for said in [
        "\"name\": \"checkout\"",
        "- \"resource:default/orders\"",
        "\"system\": \"system:default/shop\"",
        "\"owner\": \"payments\"",
        "\"members\"",
    ] {
        assert!(exported.contains(said), "{said} in {exported}");
    }
    let again = folder.path().join("catalog.yaml");
    fs::write(&again, &exported).unwrap();
    let second = Serving::over(&folder.path().join("second"));
    let summary = second.import("backstage", &again, &[]);
    assert_eq!(summary["rejected"], 0, "{summary}");
    assert_eq!(export(&second), exported);
    second.stop();
}
