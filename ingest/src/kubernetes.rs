//! Clusters of Kubernetes, live: lists every kind that says something here and watches it.
//!
//! The watchers of a cluster read and decode; one writer compares what they read with
//! what was said before and writes only what differs. Between them is a bounded queue,
//! so a busy log slows the reading down and loses nothing. What a cluster told is not
//! kept on disk here: after a start everything is listed and compared with the log's word.

pub(crate) mod audit;
mod cluster;
mod counters;
mod login;
pub(crate) mod meaning;
mod pace;
mod resources;
mod watcher;
mod wire;
mod writer;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::{self, Either};
use model::SourceName;
use tokio::sync::mpsc;

use crate::Intake;
use counters::Counters;
pub use counters::KubernetesCounters;
use login::{Keeper, LoginError};
use pace::Pace;
use resources::Scope;
use watcher::{PAGE_OBJECTS_MAX, Watcher};
use writer::Writer;

/// Messages that wait for the writer; each holds at most a page.
const MESSAGES_MAX: usize = 32;

/// How to reach a cluster, and how it is called here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KubernetesConfig {
    /// The source that its facts come from.
    pub source: SourceName,
    /// The cluster's name, as spans carry it in `k8s.cluster.name`.
    pub cluster: String,
    /// The environment of everything in it.
    pub environment: Option<String>,
    /// Only these namespaces; all when empty.
    pub namespaces: Vec<String>,
    /// The file with address and credentials; where missing, what the environment has:
    /// `KUBECONFIG`, the home folder's file, or the service account of the pod.
    pub kubeconfig: Option<PathBuf>,
    /// The context in that file; its current one when missing.
    pub context: Option<String>,
    /// Objects of one page of a list.
    pub page_objects: usize,
    /// The first wait after a failure.
    pub retry_min: Duration,
    /// The longest wait after failures.
    pub retry_max: Duration,
    /// How long an answer may take.
    pub answer_timeout: Duration,
    /// How long a watch is kept open.
    pub watch: Duration,
}

/// A connection to one cluster.
pub struct KubernetesWatch {
    config: KubernetesConfig,
    intake: Arc<Intake>,
    counters: Arc<Counters>,
}

impl KubernetesWatch {
    /// A connection that writes through an intake. Nothing happens before it runs.
    pub fn new(config: KubernetesConfig, intake: Arc<Intake>) -> Self {
        Self {
            config,
            intake,
            counters: Arc::default(),
        }
    }

    /// What was counted.
    pub fn counters(&self) -> KubernetesCounters {
        self.counters.read(&self.config.cluster)
    }

    /// Follows the cluster until `stop` resolves.
    pub async fn run(self: Arc<Self>, stop: impl Future<Output = ()> + Send) {
        let mut stop = std::pin::pin!(stop);
        let follow = std::pin::pin!(self.follow());
        if let Either::Left((refusal, _)) = future::select(follow, &mut stop).await {
            // The log takes no more until a restart. Reading goes on being answered, so the server does too.
            let cluster = &self.config.cluster;
            tracing::error!(
                cluster,
                "cluster {cluster} is no longer followed: {refusal}"
            );
            stop.await;
        }
    }

    async fn follow(&self) -> String {
        let Some(known) = self.intake.known() else {
            return "this server holds no estate to compare with".to_owned();
        };
        let config = &self.config;
        let (keeper, clients) = Keeper::new(config.clone(), self.pace());
        let around = wire::surroundings(&config.cluster, config.environment.as_deref());
        let scopes = Scope::all(&config.namespaces);
        let (teller, told) = mpsc::channel(MESSAGES_MAX);
        let watchers = scopes.iter().enumerate().map(|(number, scope)| Watcher {
            number,
            scope: scope.clone(),
            around: Arc::new(around.clone()),
            clients: clients.clone(),
            pace: self.pace(),
            intake: Arc::clone(&self.intake),
            counters: Arc::clone(&self.counters),
            teller: teller.clone(),
            page_objects: config.page_objects.max(1),
            page_objects_max: PAGE_OBJECTS_MAX.max(config.page_objects),
        });
        let watching = future::join_all(watchers.map(Watcher::run).collect::<Vec<_>>());
        drop((teller, clients));
        let writer = Writer::new(
            config.source.clone(),
            around,
            known,
            scopes,
            Arc::clone(&self.intake),
            Arc::clone(&self.counters),
        );
        let failed = |error: &LoginError, wait| self.cannot_log_in(error, wait);
        let keeping = keeper.keep(|| self.intake.now(), failed);
        let (_, _, refusal) = future::join3(keeping, watching, writer.run(told)).await;
        refusal
    }

    fn cannot_log_in(&self, error: &LoginError, wait: Duration) {
        counters::add(&self.counters.errors, 1);
        let cluster = &self.config.cluster;
        let cause = std::error::Error::source(error).map(ToString::to_string);
        tracing::warn!(
            cluster,
            "cannot log in to cluster {cluster}: {error}{}; trying again in {wait:?}",
            cause.map_or_else(String::new, |cause| format!(": {cause}"))
        );
    }

    fn pace(&self) -> Pace {
        Pace {
            shortest: self.config.retry_min,
            longest: self.config.retry_max,
            answer: self.config.answer_timeout,
            watch: self.config.watch,
        }
    }
}
