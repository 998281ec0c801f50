//! A cluster to follow: what is in it, what happens in it, and what of that is true.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::{Value, json};

use super::api::Api;

/// What no file may hold: the value of a secret as it comes, and decoded.
pub(super) const SECRETS: [&str; 2] = [
    "aHVudGVyMi1odW50ZXIyLWh1bnRlcjI=",
    "hunter2-hunter2-hunter2",
];

/// How often each thing was said: an event type with kind and name of an item.
pub(super) type Tally = BTreeMap<String, usize>;

/// A cluster, and what happened in it.
pub(super) struct Cluster {
    pub(super) api: Api,
    pub(super) truth: Tally,
    replicas: u64,
}

/// How plurals are called here.
const KINDS: [(&str, &str); 7] = [
    ("namespaces", "namespace"),
    ("nodes", "node"),
    ("deployments", "deployment"),
    ("services", "service"),
    ("secrets", "secret"),
    ("configmaps", "configmap"),
    ("pods", "pod"),
];

impl Cluster {
    /// A cluster with so many objects, most of them pods.
    pub(super) fn with(api: Api, objects: usize) -> Self {
        let mut cluster = Self {
            api,
            truth: Tally::new(),
            replicas: 3,
        };
        cluster.fill(objects);
        cluster.api.compact();
        *cluster.truth("item.observed cluster eu1") += 1;
        cluster
    }

    fn fill(&mut self, objects: usize) {
        let created = "2026-11-20T08:00:00Z";
        self.set("namespaces", "shop", json!({ "metadata": { "uid": "ns" } }));
        let few = (objects / 50).max(1);
        for number in 0..few {
            let node = format!("node-{number}");
            let machine = format!("machine-{number}");
            let metadata = json!({ "uid": node, "creationTimestamp": created });
            let status = json!({ "nodeInfo": { "machineID": machine } });
            self.set(
                "nodes",
                &node,
                json!({ "metadata": metadata, "status": status }),
            );
            let name = format!("app-{number}");
            let app = json!({ "app": name });
            let metadata = |prefix: &str| json!({ "uid": format!("{prefix}-{name}"), "creationTimestamp": created });
            let template = json!({ "metadata": { "labels": app },
                "spec": { "containers": [{ "image": "shop:1" }] } });
            let spec = json!({ "replicas": self.replicas, "template": template });
            self.set(
                "deployments",
                &name,
                json!({ "metadata": metadata("d"), "spec": spec }),
            );
            let spec = json!({ "selector": app, "ports": [{ "port": 8080 }] });
            self.set(
                "services",
                &name,
                json!({ "metadata": metadata("s"), "spec": spec }),
            );
            let data = json!({ "key": SECRETS[1] });
            self.set(
                "configmaps",
                &name,
                json!({ "metadata": metadata("c"), "data": data }),
            );
            let mut metadata = metadata("x");
            metadata["annotations"] =
                json!({ "kubectl.kubernetes.io/last-applied-configuration": SECRETS[0] });
            let secret = json!({ "metadata": metadata, "type": "Opaque",
                "data": { "password": SECRETS[0] }, "stringData": { "plain": SECRETS[1] } });
            self.set("secrets", &name, secret);
        }
        for number in 0..objects.saturating_sub(1 + 5 * few) {
            self.set("pods", &format!("pod-{number}"), pod(number, few));
        }
    }

    /// Everything that is true of it so far was said so often.
    pub(super) fn truth(&mut self, said: &str) -> &mut usize {
        self.truth.entry(said.to_owned()).or_default()
    }

    /// How many events tell what is true.
    pub(super) fn events(&self) -> u64 {
        self.truth.values().sum::<usize>() as u64
    }

    fn set(&mut self, plural: &str, name: &str, object: Value) {
        self.api.set(plural, namespace(plural), name, object);
        *self.truth(&format!("item.observed {} {name}", kind(plural))) += 1;
    }

    /// What happens in a cluster: three real changes, and two that are none. One of them somebody decided.
    pub(super) fn happen(&mut self, round: usize) {
        self.happen_unseen(round);
        *self.truth("change.recorded deployment app-0") += 1;
    }

    /// The same while nobody looks: what was before is not known then, so nothing tells what was decided.
    pub(super) fn happen_unseen(&mut self, round: usize) {
        let new = format!("new-{round}");
        self.set("pods", &new, pod(100_000 + round, 1));
        self.api.delete("pods", "shop", &format!("pod-{round}"));
        *self.truth(&format!("item.retired pod pod-{round}")) += 1;
        self.api
            .touch("deployments", "shop", "app-0", |deployment| {
                let replicas = deployment["spec"]["replicas"].as_u64();
                deployment["spec"]["replicas"] = json!(replicas.expect("a number") + 1);
            });
        *self.truth("item.observed deployment app-0") += 1;
        self.replicas += 1;
        self.beat();
    }

    /// A heartbeat, and a tool that notes what it manages: no changes.
    pub(super) fn beat(&self) {
        self.api.touch("nodes", "", "node-0", |node| {
            node["status"]["conditions"] = json!([{ "lastHeartbeatTime": "2026-11-20T10:00:00Z" }]);
            node["metadata"]["managedFields"] = json!([{ "manager": "kubelet" }]);
        });
        self.api.touch("secrets", "shop", "app-0", |secret| {
            secret["metadata"]["managedFields"] = json!([{ "manager": "kubectl" }]);
        });
    }

    /// Holds the log in a folder against what is true: nothing more and nothing less was said,
    /// and what changed step by step was said step by step.
    pub(super) fn is_all_that_is_said_in(&self, folder: &Path) {
        let mut exported = Vec::new();
        let log = folder.join("data").join("log");
        let written = store::export(
            &log,
            model::LogPosition::new(0),
            None,
            &mut exported,
            &mut |_| {},
        );
        written.expect("a log without damage");
        let mut said = Tally::new();
        let mut replicas = Vec::new();
        for line in exported
            .split(|byte| *byte == b'\n')
            .filter(|line| !line.is_empty())
        {
            let event: Value = serde_json::from_slice(line).expect("a line of JSON");
            let name = event["name"].as_str().unwrap_or_default();
            let about = match name {
                "change.recorded" => &event["payload"]["targets"][0],
                _ => &event["payload"]["key"],
            };
            let entry = format!("{name} {}", kind_and_name(about));
            if entry == "item.observed deployment app-0" {
                replicas.extend(event["payload"]["attributes"]["k8s.replicas"].as_u64());
            }
            *said.entry(entry).or_default() += 1;
        }
        let differs = |(entry, times): &(&String, &usize), other: &Tally| {
            (other.get(*entry) != Some(*times)).then(|| format!("{entry}: {times}"))
        };
        let untrue = said.iter().filter_map(|entry| differs(&entry, &self.truth));
        assert_eq!(untrue.collect::<Vec<_>>(), Vec::<String>::new());
        let untold = self.truth.iter().filter_map(|entry| differs(&entry, &said));
        assert_eq!(untold.collect::<Vec<_>>(), Vec::<String>::new());
        assert_eq!(replicas, (3..=self.replicas).collect::<Vec<_>>());
    }
}

/// A key in parts, or as it was written down in one word: `pod:prod/shop/a`.
fn kind_and_name(key: &Value) -> String {
    let text = |at: &str| key[at].as_str().unwrap_or_default();
    let written = text("value");
    match written.split_once(':') {
        Some((kind, rest)) => format!("{kind} {}", rest.rsplit('/').next().unwrap_or(rest)),
        None => format!("{} {}", text("kind"), text("name")),
    }
}

fn kind(plural: &str) -> &'static str {
    let named = KINDS.iter().find(|(known, _)| *known == plural);
    named.expect("a kind of this cluster").1
}

fn namespace(plural: &str) -> &'static str {
    match plural {
        "namespaces" | "nodes" => "",
        _ => "shop",
    }
}

fn pod(number: usize, nodes: usize) -> Value {
    let owner = json!({ "kind": "StatefulSet", "name": "set", "controller": true });
    let address = format!(
        "10.{}.{}.{}",
        number >> 16,
        (number >> 8) & 255,
        number & 255
    );
    json!({
        "metadata": { "uid": format!("pod-{number}"), "creationTimestamp": "2026-11-20T09:00:00Z",
            "labels": { "app": "app-0" }, "ownerReferences": [owner] },
        "spec": { "nodeName": format!("node-{}", number % nodes),
            "containers": [{ "image": "shop:1" }] },
        "status": { "podIP": address, "startTime": "2026-11-20T09:00:05Z" },
    })
}
