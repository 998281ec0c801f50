//! Clusters of Kubernetes, live: lists every kind that says something here and watches it.
//!
//! The watchers of a cluster read and decode; one writer compares what they read with
//! what was said before and writes only what differs. Between them is a bounded queue,
//! so a busy log slows the reading down and loses nothing. What a cluster told is not
//! kept on disk here: after a start everything is listed and compared with the log's word.

mod cluster;
mod counters;
mod pace;
mod resources;
mod watcher;
mod wire;
mod writer;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::{self, Either};
use kube::client::ClientBuilder;
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use model::SourceName;
use thiserror::Error;
use tokio::sync::mpsc;

use crate::Intake;
use counters::Counters;
pub use counters::KubernetesCounters;
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

/// Why a cluster cannot be reached at all.
#[derive(Debug, Error)]
enum ConnectError {
    #[error("the kubeconfig cannot be used")]
    Kubeconfig(#[from] kube::config::KubeconfigError),
    #[error("there is neither a kubeconfig nor a service account")]
    Nothing(#[from] kube::config::InferConfigError),
    #[error("the client cannot be made")]
    Client(#[from] kube::Error),
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
        let client = self.connect().await;
        let config = &self.config;
        let around = wire::surroundings(&config.cluster, config.environment.as_deref());
        let scopes = Scope::all(&config.namespaces);
        let (teller, told) = mpsc::channel(MESSAGES_MAX);
        let watchers = scopes.iter().enumerate().map(|(number, scope)| Watcher {
            number,
            scope: scope.clone(),
            around: Arc::new(around.clone()),
            client: client.clone(),
            pace: self.pace(),
            intake: Arc::clone(&self.intake),
            counters: Arc::clone(&self.counters),
            teller: teller.clone(),
            page_objects: config.page_objects.max(1),
            page_objects_max: PAGE_OBJECTS_MAX.max(config.page_objects),
        });
        let watching = future::join_all(watchers.map(Watcher::run).collect::<Vec<_>>());
        drop(teller);
        let writer = Writer::new(
            config.source.clone(),
            around,
            known,
            scopes,
            Arc::clone(&self.intake),
            Arc::clone(&self.counters),
        );
        let (_, refusal) = future::join(watching, writer.run(told)).await;
        refusal
    }

    /// A client, as soon as its configuration can be read.
    async fn connect(&self) -> Client {
        let cluster = &self.config.cluster;
        for attempts in 0.. {
            let error = match self.client().await {
                Ok(client) => {
                    tracing::info!(cluster, "following cluster {cluster}");
                    return client;
                }
                Err(error) => error,
            };
            counters::add(&self.counters.errors, 1);
            let cause = std::error::Error::source(&error).map(ToString::to_string);
            let wait = self.pace().wait(attempts, 0, self.intake.now());
            tracing::warn!(
                cluster,
                "cannot connect to cluster {cluster}: {error}{}; trying again in {wait:?}",
                cause.map_or_else(String::new, |cause| format!(": {cause}"))
            );
            tokio::time::sleep(wait).await;
        }
        unreachable!("attempts have no end")
    }

    async fn client(&self) -> Result<Client, ConnectError> {
        let options = KubeConfigOptions {
            context: self.config.context.clone(),
            ..KubeConfigOptions::default()
        };
        let mut config = match (&self.config.kubeconfig, &self.config.context) {
            (Some(path), _) => {
                let read = Kubeconfig::read_from(path)?;
                Config::from_custom_kubeconfig(read, &options).await?
            }
            (None, Some(_)) => Config::from_kubeconfig(&options).await?,
            (None, None) => Config::infer().await?,
        };
        // Retrying is done here, where it is counted and where it ends at once when the server stops.
        config.default_retry = false;
        Ok(ClientBuilder::try_from(config)?.build())
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
