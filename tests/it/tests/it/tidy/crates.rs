//! Which crate may use which: facts flow one way.

use std::collections::BTreeMap;
use std::fs;

use toml::{Table, Value};

use super::none;
use super::tree::root;

/// What each crate may use of ours.
const MAY_USE: [(&str, &[&str]); 11] = [
    ("model", &[]),
    ("migrations", &[]),
    ("store", &["model", "migrations"]),
    ("graph", &["model"]),
    ("index", &["model", "graph", "store"]),
    ("ingest", &["model", "store"]),
    ("api", &["model", "graph", "index"]),
    (
        "server",
        &[
            "model",
            "graph",
            "index",
            "store",
            "ingest",
            "api",
            "migrations",
        ],
    ),
    ("tests/testkit", &["model"]),
    ("tests/it", &["server", "testkit", "model", "store"]),
    (
        "benches",
        &[
            "model", "graph", "index", "store", "ingest", "api", "server", "testkit",
        ],
    ),
];

/// Heavy dependencies live in one crate each; tests and benchmarks may compare with them.
const ONLY_IN: [(&str, &[&str]); 15] = [
    ("sled", &["store"]),
    ("tantivy", &["index"]),
    ("jieba-rs", &["index"]),
    ("calcard", &["ingest", "api"]),
    ("petgraph", &["graph"]),
    ("async-graphql", &["api"]),
    ("opentelemetry-proto", &["ingest"]),
    ("prost", &["ingest"]),
    ("kube", &["ingest"]),
    ("k8s-openapi", &["ingest"]),
    ("anyhow", &["server"]),
    ("opentelemetry_sdk", &["server"]),
    ("reqwest", &["server"]),
    ("lettre", &["server"]),
    ("clap", &["server"]),
];

fn manifest(folder: &str) -> Table {
    let path = root().join(folder).join("Cargo.toml");
    let text = fs::read_to_string(&path).unwrap_or_else(|_| panic!("no {}", path.display()));
    text.parse().expect("a manifest is TOML")
}

fn dependencies(manifest: &Table, section: &str) -> Vec<String> {
    let section = manifest.get(section).and_then(Value::as_table);
    section
        .map(|names| names.keys().cloned().collect())
        .unwrap_or_default()
}

fn members() -> Vec<String> {
    let manifest = manifest("");
    let workspace = manifest["workspace"].as_table().expect("a workspace");
    let members = workspace["members"].as_array().expect("a list of members");
    members
        .iter()
        .filter_map(Value::as_str)
        .map(str::to_owned)
        .collect()
}

#[test]
fn facts_flow_one_way() {
    let may_use: BTreeMap<&str, &[&str]> = MAY_USE.into();
    let ours: Vec<String> = members()
        .iter()
        .filter_map(|folder| folder.rsplit('/').next().map(str::to_owned))
        .collect();
    let mut broken = Vec::new();
    for folder in members() {
        let Some(allowed) = may_use.get(folder.as_str()) else {
            broken.push(format!("{folder} is in no table of {}", file!()));
            continue;
        };
        for used in dependencies(&manifest(&folder), "dependencies") {
            if ours.contains(&used) && !allowed.contains(&used.as_str()) {
                broken.push(format!("{folder} must not use {used}"));
            }
        }
    }
    none(&broken);
}

#[test]
fn a_heavy_dependency_lives_in_one_crate() {
    let only_in: BTreeMap<&str, &[&str]> = ONLY_IN.into();
    let mut broken = Vec::new();
    for folder in members() {
        let product = !folder.starts_with("tests/") && folder != "benches";
        for used in dependencies(&manifest(&folder), "dependencies") {
            let elsewhere = only_in
                .get(used.as_str())
                .is_some_and(|homes| !homes.contains(&folder.as_str()));
            if product && elsewhere {
                broken.push(format!("{folder} must not use {used}"));
            }
        }
    }
    none(&broken);
}

#[test]
fn versions_and_features_that_all_share_stand_in_the_root() {
    let mut broken = Vec::new();
    for folder in members() {
        let manifest = manifest(&folder);
        for section in ["dependencies", "dev-dependencies", "build-dependencies"] {
            let Some(names) = manifest.get(section).and_then(Value::as_table) else {
                continue;
            };
            for (name, value) in names {
                let shared = value.get("workspace").and_then(Value::as_bool) == Some(true);
                if !shared {
                    broken.push(format!("{folder}: {name} states its own version"));
                }
            }
        }
        let lints = manifest
            .get("lints")
            .and_then(|lints| lints.get("workspace"));
        if lints.and_then(Value::as_bool) != Some(true) {
            broken.push(format!("{folder} does not take the shared lints"));
        }
    }
    none(&broken);
}
