//! Clusters of Kubernetes that the server follows: `[[kubernetes]]`, one table each.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// One cluster.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KubernetesSettings {
    /// The cluster's name, as spans carry it in `k8s.cluster.name`.
    pub cluster: String,
    /// The environment of everything in it; none when empty.
    #[serde(default)]
    pub environment: String,
    /// The source that its facts come from; `kubernetes/CLUSTER` when empty.
    #[serde(default)]
    pub source: String,
    /// Only these namespaces; all when empty.
    #[serde(default)]
    pub namespaces: Vec<String>,
    /// The file with address and credentials; when empty `KUBECONFIG`, the home folder's file
    /// or the service account of the pod.
    #[serde(default)]
    pub kubeconfig: PathBuf,
    /// The context in that file; its current one when empty.
    #[serde(default)]
    pub context: String,
    /// Objects of one page of a list.
    #[serde(default = "page_objects")]
    pub page_objects: usize,
    /// The first wait after a failure.
    #[serde(default = "retry_min_ms")]
    pub retry_min_ms: u64,
    /// The longest wait after failures.
    #[serde(default = "retry_max_ms")]
    pub retry_max_ms: u64,
    /// How long an answer may take.
    #[serde(default = "answer_timeout_ms")]
    pub answer_timeout_ms: u64,
    /// How long a watch is kept open.
    #[serde(default = "watch_s")]
    pub watch_s: u64,
}

const fn page_objects() -> usize {
    500
}

const fn retry_min_ms() -> u64 {
    500
}

const fn retry_max_ms() -> u64 {
    60_000
}

const fn answer_timeout_ms() -> u64 {
    30_000
}

const fn watch_s() -> u64 {
    290
}

impl KubernetesSettings {
    /// A cluster of a name, with every default.
    pub fn named(cluster: impl Into<String>) -> Self {
        Self {
            cluster: cluster.into(),
            environment: String::new(),
            source: String::new(),
            namespaces: Vec::new(),
            kubeconfig: PathBuf::new(),
            context: String::new(),
            page_objects: page_objects(),
            retry_min_ms: retry_min_ms(),
            retry_max_ms: retry_max_ms(),
            answer_timeout_ms: answer_timeout_ms(),
            watch_s: watch_s(),
        }
    }

    /// The source that its facts come from.
    pub fn source_name(&self) -> String {
        match self.source.as_str() {
            "" => format!("kubernetes/{}", self.cluster),
            named => named.to_owned(),
        }
    }
}
