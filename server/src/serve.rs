//! Puts the parts together and keeps them running.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::bail;
use api::ApiState;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tonic::service::Routes;

use crate::access::{HouseKey, Lock};
use crate::config::Settings;
use crate::listen::{Entrance, bind, connections, serve_http};
use crate::metrics::{self, Metrics};
use crate::node::Nodes;
use crate::shutdown::{self, Signals};
use crate::tasks::Tasks;
use crate::tls::{self, Speaks};

/// A running server.
pub struct Server {
    /// Where it listens.
    pub addresses: Addresses,
    pub(crate) settings: Settings,
    pub(crate) nodes: Nodes,
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
    /// Whether they speak TLS.
    pub are_secured: bool,
}

impl Server {
    /// Starts everything; when it returns, the addresses answer.
    pub async fn start(settings: Settings) -> anyhow::Result<Self> {
        let lock = match settings.is_locked() {
            true => Lock::Tokens,
            false => Lock::Open,
        };
        Self::start_behind(settings, lock).await
    }

    /// The same for a command that works over a folder by itself: nobody else who reaches it is let in.
    /// It speaks no TLS, for it listens to this machine only and is asked by this process only.
    pub(crate) async fn start_alone(mut settings: Settings, key: HouseKey) -> anyhow::Result<Self> {
        settings.tls = Settings::defaults().tls;
        settings.tenants.clear();
        Self::start_behind(settings, Lock::TokensOr(key)).await
    }

    async fn start_behind(settings: Settings, lock: Lock) -> anyhow::Result<Self> {
        settings.check()?;
        tls::provide();
        let (http, http_address) = bind("listen", settings.listen).await?;
        let (otlp_http, otlp_http_address) = bind("otlp_http", settings.otlp_http).await?;
        let (otlp_grpc, otlp_grpc_address) = bind("otlp_grpc", settings.otlp_grpc).await?;
        let metrics = Arc::new(Metrics::default());
        metrics::register_process(&metrics);
        let nodes = Nodes::start(&settings, &lock, metrics).await?;
        warn_of_plain(&settings);
        let entrance = |speaks| Entrance {
            tls: nodes.own.parts.vouching.tls.clone(),
            speaks,
            patience: Duration::from_millis(settings.http.write_timeout_ms),
        };
        let bounds = settings.http.clone();
        let (stop_listening, stopping) = shutdown::switch();
        let mut listeners = Tasks::default();

        let routes = nodes.routes(&settings, &stopping);
        let door = entrance(Speaks::Http);
        let serving = serve_http(http, door, routes.http, bounds.clone(), stopping.clone());
        listeners.spawn("http", serving);
        for live in routes.live {
            listeners.spawn("live", live_streams(live, stopping.clone()));
        }
        let (door, router) = (entrance(Speaks::Http), routes.otlp_http);
        let serving = serve_http(otlp_http, door, router, bounds.clone(), stopping.clone());
        listeners.spawn("otlp-http", serving);
        let (door, routes) = (entrance(Speaks::Grpc), Routes::from(routes.otlp_grpc));
        let serving = serve_grpc(otlp_grpc, door, bounds.connections_max, routes, stopping);
        listeners.spawn("otlp-grpc", serving);
        let (stop_working, working) = shutdown::switch();
        let workers = nodes.workers(&working);
        Ok(Self {
            addresses: Addresses {
                http: http_address,
                otlp_http: otlp_http_address,
                otlp_grpc: otlp_grpc_address,
                are_secured: settings.tls.is_on(),
            },
            settings,
            nodes,
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

/// Says so loudly where what is sent can be read on the way.
fn warn_of_plain(settings: &Settings) {
    if let Some((key, address)) = settings.reachable()
        && !settings.tls.is_on()
    {
        tracing::warn!(
            "`{key}` is {address} without TLS: tokens and answers can be read on the way, unless a proxy with TLS stands \
             before it; set `tls.certificate` and `tls.key`"
        );
    }
}

/// Lets live streams say that the server goes away. The listeners no longer hold them.
async fn live_streams(graphql: ApiState, stopping: watch::Receiver<bool>) {
    shutdown::stopped(stopping).await;
    graphql.live_ended().await;
}

async fn serve_grpc(
    listener: TcpListener,
    entrance: Entrance,
    connections_max: usize,
    routes: Routes,
    stop: watch::Receiver<bool>,
) {
    let (accepting, incoming) = connections(listener, entrance, connections_max, stop.clone());
    let serving = tonic::transport::Server::builder()
        .add_routes(routes)
        .serve_with_incoming_shutdown(incoming, shutdown::stopped(stop));
    tokio::pin!(serving);
    let served = tokio::select! {
        () = accepting => serving.await,
        served = &mut serving => served,
    };
    if let Err(error) = served {
        tracing::error!("OTLP over gRPC ended: {error}");
    }
}
