//! Puts the parts together and keeps them running.

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::bail;
use api::{ApiState, TrustedDocuments};
use axum::{Router, middleware};
use tokio::sync::watch;
use tonic::service::Routes;
use tonic::transport::server::TcpIncoming;

use crate::adapters;
use crate::config::Settings;
use crate::health;
use crate::lingering::linger;
use crate::listen::{bind, serve_http};
use crate::measurements;
use crate::metrics::{self, Metrics, RequestMetrics, measure};
use crate::parts::Parts;
use crate::shutdown::{self, Signals};
use crate::tasks::Tasks;

/// A running server.
pub struct Server {
    /// Where it listens.
    pub addresses: Addresses,
    pub(crate) settings: Settings,
    pub(crate) parts: Parts,
    pub(crate) listeners: Tasks,
    pub(crate) stop_listening: watch::Sender<bool>,
    pub(crate) workers: Tasks,
    pub(crate) stop_working: watch::Sender<bool>,
}

/// The addresses a server chose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Addresses {
    /// The page, GraphQL, intake, health.
    pub http: SocketAddr,
    /// OTLP over HTTP.
    pub otlp_http: SocketAddr,
    /// OTLP over gRPC.
    pub otlp_grpc: SocketAddr,
}

impl Server {
    /// Starts everything; when it returns, the addresses answer.
    pub async fn start(settings: Settings) -> anyhow::Result<Self> {
        settings.check()?;
        let trusted = settings.graphql.trusted()?;
        let (http, http_address) = bind("listen", settings.listen).await?;
        let (otlp_http, otlp_http_address) = bind("otlp_http", settings.otlp_http).await?;
        let (otlp_grpc, otlp_grpc_address) = bind("otlp_grpc", settings.otlp_grpc).await?;
        let metrics = Arc::new(Metrics::default());
        metrics::register_process(&metrics);
        let parts = Parts::start(&settings, &metrics)?;
        let (stop_listening, stopping) = shutdown::switch();
        let mut listeners = Tasks::default();

        let graphql = graphql(&settings, &parts, trusted, stopping.clone());
        let page = health::routes(parts.readiness(), Arc::clone(&metrics))
            .merge(ingest::routes(Arc::clone(&parts.intake)))
            .merge(parts.otlp.http_routes())
            .merge(api::router(graphql.clone()));
        let router = measured("http", page, &metrics);
        listeners.spawn(
            "http",
            serve_http(http, router, settings.http.clone(), stopping.clone()),
        );
        listeners.spawn("live", live_streams(graphql, stopping.clone()));
        let router = measured("otlp-http", parts.otlp.http_routes(), &metrics);
        listeners.spawn(
            "otlp-http",
            serve_http(otlp_http, router, settings.http.clone(), stopping.clone()),
        );
        let incoming = TcpIncoming::from(otlp_grpc).with_nodelay(Some(true));
        listeners.spawn(
            "otlp-grpc",
            serve_grpc(incoming, parts.otlp.grpc_routes(), stopping),
        );
        let (stop_working, working) = shutdown::switch();
        let mut workers = Tasks::default();
        let windows = Arc::clone(&parts.otlp);
        for cluster in &parts.kubernetes {
            let stopped = shutdown::stopped(working.clone());
            workers.spawn("kubernetes", Arc::clone(cluster).run(stopped));
        }
        let tending = measurements::tend(Arc::clone(&parts.rollups), working.clone());
        workers.spawn("measurements", tending);
        let deliverer = Arc::clone(&parts.delivering.deliverer);
        workers.spawn("deliveries", deliverer.run(working.clone()));
        workers.spawn("windows", windows.run(shutdown::stopped(working)));
        Ok(Self {
            addresses: Addresses {
                http: http_address,
                otlp_http: otlp_http_address,
                otlp_grpc: otlp_grpc_address,
            },
            settings,
            parts,
            listeners,
            stop_listening,
            workers,
            stop_working,
        })
    }

    /// Runs until a signal comes, then goes down in order; an error when a part ended by itself.
    pub(crate) async fn run(mut self, mut signals: Signals) -> anyhow::Result<()> {
        let ended = tokio::select! {
            signal = signals.first() => {
                tracing::info!("stopping after {signal}");
                self.stop().await;
                return Ok(());
            }
            ended = self.listeners.next_end() => ended,
            ended = self.workers.next_end() => ended,
        };
        let how = ended
            .panic
            .unwrap_or_else(|| "it ended by itself".to_owned());
        tracing::error!(task = ended.name, "stopping: {how}");
        self.stop().await;
        bail!("{} stopped working: {how}", ended.name)
    }
}

/// The page and GraphQL. Its live streams end when the listeners do.
fn graphql(
    settings: &Settings,
    parts: &Parts,
    trusted: TrustedDocuments,
    stopping: watch::Receiver<bool>,
) -> ApiState {
    let wait_ms = settings.projector.wait_timeout_ms;
    let loopback_only = settings.listen.ip().is_loopback();
    ApiState::new(
        adapters::ports(parts),
        settings.graphql.limits(wait_ms),
        settings.graphql.origins(loopback_only),
        trusted,
        stopping,
    )
}

/// Lets live streams say that the server goes away. The listeners no longer hold them.
async fn live_streams(graphql: ApiState, stopping: watch::Receiver<bool>) {
    shutdown::stopped(stopping).await;
    graphql.live_ended().await;
}

fn measured(listener: &'static str, router: Router, metrics: &Metrics) -> Router {
    let requests = Arc::new(RequestMetrics::new(listener));
    let counted = Arc::clone(&requests);
    metrics.register(move |scrape| counted.write(scrape));
    router
        .layer(middleware::from_fn(linger))
        .layer(middleware::from_fn_with_state(requests, measure))
}

async fn serve_grpc(incoming: TcpIncoming, routes: Routes, stop: watch::Receiver<bool>) {
    let served = tonic::transport::Server::builder()
        .add_routes(routes)
        .serve_with_incoming_shutdown(incoming, shutdown::stopped(stop))
        .await;
    if let Err(error) = served {
        tracing::error!("OTLP over gRPC ended: {error}");
    }
}
