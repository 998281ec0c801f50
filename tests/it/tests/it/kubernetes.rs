//! Clusters that are followed, against an API server that fails: nothing is missed, nothing made up.
//!
//! `KUBERNETES_OBJECTS` and `KUBERNETES_BREAKS` make it longer: `tests/long` takes 50,000 and 100.

mod api;
mod cluster;
mod login;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use server::config::{KubernetesSettings, Settings};
use tempfile::TempDir;

use crate::running::{Running, folder};
use api::Api;
use cluster::{Cluster, SECRETS};

/// How many lists a cluster has.
const LISTS: u64 = 14;

fn number(variable: &str, otherwise: usize) -> usize {
    let set = std::env::var(variable).ok();
    set.and_then(|text| text.parse().ok()).unwrap_or(otherwise)
}

fn settings(kubeconfig: PathBuf) -> Settings {
    let mut settings = Settings::defaults();
    let mut cluster = KubernetesSettings::named("eu1");
    cluster.environment = "prod".to_owned();
    cluster.kubeconfig = kubeconfig;
    cluster.page_objects = 200;
    cluster.retry_min_ms = 20;
    cluster.retry_max_ms = 200;
    settings.kubernetes = vec![cluster];
    settings
}

/// A server that follows a cluster.
struct Following {
    server: Running,
    folder: TempDir,
    cluster: Cluster,
    /// Events that earlier runs of the server wrote.
    before: u64,
}

impl Following {
    /// Starts, and waits until everything was listed and said.
    async fn start(objects: usize) -> Self {
        Self::logged_in(Api::start().await, objects, &json!({})).await
    }

    /// The same, with a server of its own and who it is to be met as.
    async fn logged_in(api: Api, objects: usize, user: &Value) -> Self {
        let mut cluster = Cluster::with(api, objects);
        *cluster.truth("source.listed  ") += 1;
        let folder = folder();
        let settings = settings(cluster.api.kubeconfig(folder.path(), user));
        let server = Running::with(settings, folder.path()).await;
        let following = Self {
            server,
            folder,
            cluster,
            before: 0,
        };
        following.all_is_said().await;
        following.until("kubernetes_objects", objects as u64).await;
        following
    }

    /// Stops the server, lets things happen, and starts it again.
    async fn restart(mut self, while_away: impl FnOnce(&mut Cluster)) -> Self {
        self.server.stop().await;
        self.before = self.cluster.events();
        while_away(&mut self.cluster);
        *self.cluster.truth("source.listed  ") += 1;
        let settings = settings(self.folder.path().join("kubeconfig"));
        self.server = Running::with(settings, self.folder.path()).await;
        self
    }

    /// A measure of the only cluster.
    async fn measure(&self, name: &str) -> u64 {
        let (_, text) = self.server.get("/metrics").await;
        let mut lines = text.lines();
        let line = lines.find(|line| line.starts_with(&format!("{name}{{")));
        let value = line.and_then(|line| line.rsplit(' ').next()?.parse().ok());
        value.unwrap_or_default()
    }

    /// Waits until a measure is what it must become; it must never be more.
    async fn until(&self, name: &str, expected: u64) {
        let value = self.at_least(name, expected).await;
        assert_eq!(value, expected, "{name}");
    }

    async fn at_least(&self, name: &str, expected: u64) -> u64 {
        let begun = Instant::now();
        loop {
            let value = self.measure(name).await;
            if expected <= value {
                return value;
            }
            let waited = begun.elapsed();
            assert!(
                waited < Duration::from_secs(300),
                "{name} is {value} after {waited:?}, expected {expected}"
            );
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Waits until everything that is true was said.
    async fn all_is_said(&self) {
        let events = self.cluster.events() - self.before;
        self.until("kubernetes_events_total", events).await;
    }

    async fn pods_are_those_that_exist(&self) {
        let document = r#"{ items(filter: { kinds: ["pod"] }, first: 1) { totalCount } }"#;
        let answer = self.server.ask(document).await;
        assert_eq!(
            answer["items"]["totalCount"],
            self.cluster.api.count("pods")
        );
    }

    /// One of the ways in which a connection fails, while things happen.
    async fn fail(&mut self, round: usize) {
        let api = &self.cluster.api;
        match round % 10 {
            // Torn in the middle of a line, before or after things happen.
            0 => api.break_watches(),
            1 => {}
            // Away, once until what it would resume from is forgotten.
            2 | 8 => api.set_down(true),
            3 => api.compact(),
            4 => api.end_watches(),
            // What it resumes from is what the last line said, not a bookmark.
            5 => api.set_without_bookmarks(true),
            6 => api.set_repeating(true),
            7 => {
                api.refuse_next(3 * LISTS as usize, &[429, 500, 503]);
                api.break_watches();
            }
            // Lists that are so slow that the server forgets them on the way.
            _ => {
                api.slow_down(2, Some(Duration::from_millis(1)));
                api.compact();
            }
        }
        let torn = api.did().torn_lines;
        self.cluster.happen(round);
        let api = &self.cluster.api;
        match round % 10 {
            1 | 5 | 6 => api.break_watches(),
            2 => {
                // Somebody noticed and will come back to where it was.
                while api.did().torn_lines == torn {
                    tokio::task::yield_now().await;
                }
                api.compact();
                api.set_down(false);
            }
            8 => api.set_down(false),
            _ => {}
        }
        self.all_is_said().await;
        self.cluster.api.set_without_bookmarks(false);
        self.cluster.api.set_repeating(false);
    }

    /// Everything is listed again, and nothing is said: nothing happened.
    async fn relist(&self) {
        let lists = self.measure("kubernetes_lists_total").await;
        self.cluster.api.compact();
        self.cluster.beat();
        self.at_least("kubernetes_lists_total", lists + LISTS).await;
        self.all_is_said().await;
    }
}

/// The most memory this process ever held, the API server of the test with it.
fn memory_max() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmHWM:"));
    line.unwrap_or("VmHWM: unknown").replace('\t', " ")
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
        let first = text.as_bytes().first();
        let places = bytes
            .iter()
            .enumerate()
            .filter(|(_, byte)| Some(*byte) == first);
        if places
            .map(|(place, _)| &bytes[place..])
            .any(|rest| rest.starts_with(text.as_bytes()))
        {
            found.push(path.display().to_string());
        }
    }
    found
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cluster_is_followed_through_every_fault_without_a_false_or_missed_change() {
    let objects = number("KUBERNETES_OBJECTS", 500);
    let breaks = number("KUBERNETES_BREAKS", 10);
    let begun = Instant::now();
    let mut following = Following::start(objects).await;
    let listed = begun.elapsed();
    for round in 0..breaks {
        following.fail(round).await;
    }
    let survived = begun.elapsed();
    following.pods_are_those_that_exist().await;
    following.relist().await;
    let did = following.cluster.api.did();
    let all = [
        did.torn_lines,
        did.gone_answers,
        did.gone_lines,
        did.repeated_lines,
    ];
    assert!(all.iter().all(|times| 0 < *times), "{did:?}");
    assert!(0 < did.refusals && 0 < did.late_pages, "{did:?}");

    // What happens while the server is away is found when it comes back, and nothing else is.
    following = following
        .restart(|cluster| cluster.happen_unseen(breaks))
        .await;
    following.all_is_said().await;
    following.cluster.beat();
    following.cluster.api.break_watches();
    following.cluster.happen(breaks + 1);
    following.all_is_said().await;
    following.pods_are_those_that_exist().await;
    following.server.stop().await;
    following
        .cluster
        .is_all_that_is_said_in(following.folder.path());
    for secret in SECRETS {
        let files = files_with(&following.folder.path().join("data"), secret);
        assert_eq!(files, Vec::<String>::new());
    }
    println!(
        "{objects} objects listed in {listed:?}, {breaks} faults survived by {survived:?}, all by {:?}; {}; {did:?}",
        begun.elapsed(),
        memory_max()
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_outage_costs_no_list_and_a_list_read_again_says_nothing() {
    let mut following = Following::start(300).await;
    let lists = following.cluster.api.did().lists;
    following.cluster.api.set_down(true);
    let failures = following.measure("kubernetes_errors_total").await + 8 * LISTS;
    following.cluster.happen(0);
    let name = "kubernetes_errors_total";
    following.at_least(name, failures).await;
    following.cluster.api.set_down(false);
    following.all_is_said().await;
    assert_eq!(following.cluster.api.did().lists, lists);
    assert_eq!(following.measure("kubernetes_relists_total").await, 0);
    following.relist().await;
    following.relist().await;
    following.server.stop().await;
    following
        .cluster
        .is_all_that_is_said_in(following.folder.path());
}
