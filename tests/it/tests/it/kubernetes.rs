//! Clusters that are followed, against an API server that fails: nothing is missed, nothing made up.
//!
//! `KUBERNETES_OBJECTS` and `KUBERNETES_BREAKS` make it longer: `tests/long` takes 50,000 and 100.

mod api;

use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use server::config::{KubernetesSettings, Settings};

use crate::running::{Running, folder};
use api::Api;

/// What no file may hold: the value of a secret as it comes, and decoded.
const SECRETS: [&str; 2] = [
    "aHVudGVyMi1odW50ZXIyLWh1bnRlcjI=",
    "hunter2-hunter2-hunter2",
];

fn number(variable: &str, otherwise: usize) -> usize {
    let set = std::env::var(variable).ok();
    set.and_then(|text| text.parse().ok()).unwrap_or(otherwise)
}

/// Fills a cluster with so many objects, most of them pods.
fn fill(api: &Api, objects: usize) {
    let created = "2026-11-20T08:00:00Z";
    api.set(
        "namespaces",
        "",
        "shop",
        json!({ "metadata": { "uid": "ns" } }),
    );
    let nodes = (objects / 50).max(1);
    for number in 0..nodes {
        let name = format!("node-{number}");
        let node = json!({ "metadata": { "uid": name, "creationTimestamp": created },
            "status": { "nodeInfo": { "machineID": format!("machine-{number}") } } });
        api.set("nodes", "", &name, node);
    }
    let few = (objects / 50).max(1);
    for number in 0..few {
        let (name, app) = (
            format!("app-{number}"),
            json!({ "app": format!("app-{number}") }),
        );
        let template = json!({ "metadata": { "labels": app }, "spec": { "containers": [{ "image": "shop:1" }] } });
        api.set(
            "deployments",
            "shop",
            &name,
            json!({ "metadata": { "uid": format!("d-{name}"),
            "creationTimestamp": created }, "spec": { "replicas": 3, "template": template } }),
        );
        api.set("services", "shop", &name, json!({ "metadata": { "uid": format!("s-{name}"),
            "creationTimestamp": created }, "spec": { "selector": app, "ports": [{ "port": 8080 }] } }));
        api.set("secrets", "shop", &name, json!({ "metadata": { "uid": format!("x-{name}"),
            "creationTimestamp": created, "annotations": {
                "kubectl.kubernetes.io/last-applied-configuration": SECRETS[0] } },
            "type": "Opaque", "data": { "password": SECRETS[0] }, "stringData": { "plain": SECRETS[1] } }));
        api.set(
            "configmaps",
            "shop",
            &name,
            json!({ "metadata": { "uid": format!("c-{name}"),
            "creationTimestamp": created }, "data": { "key": SECRETS[1] } }),
        );
    }
    let others = 1 + nodes + 4 * few;
    for number in 0..objects.saturating_sub(others) {
        api.set("pods", "shop", &format!("pod-{number}"), pod(number, nodes));
    }
}

fn pod(number: usize, nodes: usize) -> Value {
    json!({
        "metadata": { "uid": format!("pod-{number}"), "creationTimestamp": "2026-11-20T09:00:00Z",
            "labels": { "app": "app-0" },
            "ownerReferences": [{ "kind": "StatefulSet", "name": "set", "controller": true }] },
        "spec": { "nodeName": format!("node-{}", number % nodes), "containers": [{ "image": "shop:1" }] },
        "status": { "podIP": format!("10.{}.{}.{}", number >> 16, (number >> 8) & 255, number & 255),
            "startTime": "2026-11-20T09:00:05Z" },
    })
}

fn settings(api: &Api, folder: &Path) -> Settings {
    let mut settings = Settings::defaults();
    let mut cluster = KubernetesSettings::named("eu1");
    cluster.environment = "prod".to_owned();
    cluster.kubeconfig = api.kubeconfig(folder);
    cluster.page_objects = 200;
    cluster.retry_min_ms = 20;
    cluster.retry_max_ms = 200;
    settings.kubernetes = vec![cluster];
    settings
}

/// A measure of the only cluster.
async fn measure(server: &Running, name: &str) -> u64 {
    let (_, text) = server.get("/metrics").await;
    let line = text
        .lines()
        .find(|line| line.starts_with(&format!("{name}{{")));
    let value = line.and_then(|line| line.rsplit(' ').next()?.parse().ok());
    value.unwrap_or_default()
}

/// Waits until a measure is what it must become; it must never be more.
async fn until(server: &Running, name: &str, expected: u64) {
    let begun = Instant::now();
    loop {
        let value = measure(server, name).await;
        if value == expected {
            return;
        }
        assert!(value < expected, "{name} is {value}, expected {expected}");
        let waited = begun.elapsed();
        assert!(
            waited < Duration::from_secs(300),
            "{name} is {value} after {waited:?}, expected {expected}"
        );
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

async fn pods_that_exist(server: &Running) -> u64 {
    let document = r#"{ items(filter: { kinds: ["pod"] }, first: 1) { totalCount } }"#;
    let answer = server.ask(document).await;
    answer["items"]["totalCount"].as_u64().expect("a count")
}

/// Looks through every file of a folder.
fn files_with(folder: &Path, text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            found.extend(files_with(&path, text));
            continue;
        }
        let bytes = std::fs::read(&path).unwrap_or_default();
        if bytes
            .windows(text.len())
            .any(|some| some == text.as_bytes())
        {
            found.push(path.display().to_string());
        }
    }
    found
}

/// What happens in a cluster while nobody watches: three real changes, and two that are none.
fn happen(api: &Api, round: usize) {
    api.set(
        "pods",
        "shop",
        &format!("new-{round}"),
        pod(100_000 + round, 1),
    );
    api.delete("pods", "shop", &format!("pod-{round}"));
    api.touch("deployments", "shop", "app-0", |deployment| {
        let replicas = deployment["spec"]["replicas"].as_u64().unwrap_or_default();
        deployment["spec"]["replicas"] = json!(replicas + 1);
    });
    heartbeat(api);
}

fn heartbeat(api: &Api) {
    api.touch("nodes", "", "node-0", |node| {
        node["status"]["conditions"] = json!([{ "lastHeartbeatTime": "2026-11-20T10:00:00Z" }]);
        node["metadata"]["managedFields"] = json!([{ "manager": "kubelet" }]);
    });
    api.touch("secrets", "shop", "app-0", |secret| {
        secret["metadata"]["managedFields"] = json!([{ "manager": "kubectl" }]);
    });
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cluster_is_followed_through_every_fault_without_a_false_or_missed_change() {
    let objects = number("KUBERNETES_OBJECTS", 500);
    let breaks = number("KUBERNETES_BREAKS", 12);
    let api = Api::start().await;
    fill(&api, objects);
    api.compact();
    let folder = folder();
    let begun = Instant::now();
    let server = Running::with(settings(&api, folder.path()), folder.path()).await;
    until(&server, "kubernetes_objects", objects as u64).await;
    // Every object is an item; so are the cluster itself and the word that all was listed.
    let mut events = objects as u64 + 2;
    until(&server, "kubernetes_events_total", events).await;
    let listed = begun.elapsed();

    for round in 0..breaks {
        let torn = api.did().torn_lines;
        match round % 4 {
            0 => api.break_watches(),
            1 => api.set_down(true),
            2 => api.compact(),
            _ => {}
        }
        happen(&api, round);
        if round % 4 == 1 {
            // Somebody noticed and will come back to where it was.
            while api.did().torn_lines == torn {
                tokio::task::yield_now().await;
            }
            // What it would resume from is forgotten while it is away.
            api.compact();
            api.set_down(false);
        }
        if round % 4 == 3 {
            api.break_watches();
        }
        events += 3;
        until(&server, "kubernetes_events_total", events).await;
    }
    assert_eq!(
        pods_that_exist(&server).await,
        api.names("pods").len() as u64
    );
    let did = api.did();
    assert!(
        0 < did.torn_lines && 0 < did.gone_answers && 0 < did.gone_lines,
        "{did:?}"
    );
    let survived = begun.elapsed();
    server.stop().await;

    // What happens while the server is away is found when it comes back, and nothing else is.
    happen(&api, breaks);
    let lists = api.did().lists;
    let server = Running::with(settings(&api, folder.path()), folder.path()).await;
    until(&server, "kubernetes_events_total", 4).await;
    assert_eq!(api.did().lists, lists + 14);
    heartbeat(&api);
    api.break_watches();
    happen(&api, breaks + 1);
    until(&server, "kubernetes_events_total", 7).await;
    assert_eq!(
        pods_that_exist(&server).await,
        api.names("pods").len() as u64
    );
    server.stop().await;
    for secret in SECRETS {
        assert_eq!(
            files_with(&folder.path().join("data"), secret),
            Vec::<String>::new()
        );
    }
    println!(
        "{objects} objects listed in {listed:?}, {breaks} faults survived by {survived:?}, {did:?}"
    );
}
