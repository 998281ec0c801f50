//! Puts the parts together and keeps them running.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::bail;
use api::{ApiState, NoRandomness, TrustedDocuments};
use axum::{Router, middleware};
use model::Clock;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tonic::service::Routes;

use crate::access::{Gate, HouseKey, Lock, Veil, guard, guard_grpc};
use crate::adapters;
use crate::clock::SystemClock;
use crate::config::{ConfigError, Settings};
use crate::health;
use crate::lingering::linger;
use crate::listen::{Entrance, bind, connections, serve_http};
use crate::measurements;
use crate::metrics::{self, Metrics, RequestMetrics, measure};
use crate::parts::Parts;
use crate::shutdown::{self, Signals};
use crate::tasks::Tasks;
use crate::tls::{self, Speaks};

/// How long at once a start waits for the fold.
const FOLD_PATIENCE: Duration = Duration::from_secs(1);

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
        Self::start_behind(settings, Lock::TokensOr(key)).await
    }

    async fn start_behind(settings: Settings, lock: Lock) -> anyhow::Result<Self> {
        settings.check()?;
        tls::provide();
        let trusted = settings.graphql.trusted()?;
        let (http, http_address) = bind("listen", settings.listen).await?;
        let (otlp_http, otlp_http_address) = bind("otlp_http", settings.otlp_http).await?;
        let (otlp_grpc, otlp_grpc_address) = bind("otlp_grpc", settings.otlp_grpc).await?;
        let veil = Veil::fresh().map_err(|_| NoRandomness)?;
        let metrics = Arc::new(Metrics::default());
        metrics::register_process(&metrics);
        let parts = Parts::start(&settings, &metrics)?;
        let gate = match gate(&settings, &parts, &lock).await {
            Ok(gate) => gate,
            Err(error) => {
                parts.stop().await;
                return Err(error);
            }
        };
        gate.register(&metrics);
        warn_of_plain(&settings);
        let entrance = |speaks| Entrance {
            tls: parts.vouching.tls.clone(),
            speaks,
            patience: Duration::from_millis(settings.http.write_timeout_ms),
        };
        let bounds = settings.http.clone();
        let (stop_listening, stopping) = shutdown::switch();
        let mut listeners = Tasks::default();

        let graphql = graphql(&settings, &parts, &gate, veil, trusted, stopping.clone());
        let page = page(&parts, &metrics, graphql.clone());
        let router = measured("http", behind(&gate, page), &metrics);
        let door = entrance(Speaks::Http);
        let serving = serve_http(http, door, router, bounds.clone(), stopping.clone());
        listeners.spawn("http", serving);
        listeners.spawn("live", live_streams(graphql, stopping.clone()));
        let taking = behind(&gate, parts.otlp.http_routes());
        let router = measured("otlp-http", taking, &metrics);
        let door = entrance(Speaks::Http);
        let serving = serve_http(otlp_http, door, router, bounds.clone(), stopping.clone());
        listeners.spawn("otlp-http", serving);
        let door = entrance(Speaks::Grpc);
        let routes = behind_grpc(&gate, parts.otlp.grpc_routes());
        let serving = serve_grpc(otlp_grpc, door, bounds.connections_max, routes, stopping);
        listeners.spawn("otlp-grpc", serving);
        let (stop_working, working) = shutdown::switch();
        let workers = workers(&parts, &working);
        Ok(Self {
            addresses: Addresses {
                http: http_address,
                otlp_http: otlp_http_address,
                otlp_grpc: otlp_grpc_address,
                are_secured: settings.tls.is_on(),
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

/// The gate before everything. Where others can reach the server, somebody must be able to pass it.
async fn gate(settings: &Settings, parts: &Parts, lock: &Lock) -> anyhow::Result<Arc<Gate>> {
    let (published, since) = (&parts.published, parts.log.head());
    if let Some((key, address)) = settings.reachable() {
        while published.at_least(since, FOLD_PATIENCE).await.is_err() {
            if let Some(failure) = published.failure() {
                bail!("the fold stands still: {failure}");
            }
        }
        let (view, now) = (published.newest(), SystemClock.now());
        let is_known = !settings.tls.clients.is_empty() || !settings.auth.issuers.is_empty();
        if !is_known && !view.tokens().iter().any(|token| token.counts_at(now)) {
            return Err(ConfigError::NoCredentials { key, address }.into());
        }
    }
    let (uses, issuers) = (Arc::clone(&parts.uses), Arc::clone(&parts.vouching.issuers));
    let gate = Gate::new(lock, Arc::clone(published), uses, issuers, since)
        .noting(Arc::clone(&parts.audit))
        .within(settings.quotas.quota());
    Ok(Arc::new(gate))
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

/// Everything that the first address answers.
fn page(parts: &Parts, metrics: &Arc<Metrics>, graphql: ApiState) -> Router {
    health::routes(parts.readiness(), Arc::clone(metrics))
        .merge(ingest::routes(Arc::clone(&parts.intake)))
        .merge(parts.otlp.http_routes())
        .merge(api::router(graphql))
}

/// Routes that are reached through the gate only.
fn behind(gate: &Arc<Gate>, routes: Router) -> Router {
    routes.layer(middleware::from_fn_with_state(Arc::clone(gate), guard))
}

/// The same of gRPC.
fn behind_grpc(gate: &Arc<Gate>, routes: Routes) -> Routes {
    let routes = routes.into_axum_router();
    let guarded = middleware::from_fn_with_state(Arc::clone(gate), guard_grpc);
    Routes::from(routes.layer(guarded))
}

/// What goes on besides the listeners.
fn workers(parts: &Parts, working: &watch::Receiver<bool>) -> Tasks {
    let mut workers = Tasks::default();
    for cluster in &parts.kubernetes {
        let stopped = shutdown::stopped(working.clone());
        workers.spawn("kubernetes", Arc::clone(cluster).run(stopped));
    }
    let tending = measurements::tend(Arc::clone(&parts.rollups), working.clone());
    workers.spawn("measurements", tending);
    workers.spawn("tokens", Arc::clone(&parts.uses).tend(working.clone()));
    workers.spawn("audit", Arc::clone(&parts.audit).tend(working.clone()));
    if let Some(tls) = &parts.vouching.tls {
        workers.spawn("tls", Arc::clone(tls).tend(working.clone()));
    }
    for tending in parts.vouching.issuers.tending(working) {
        workers.spawn("issuer", tending);
    }
    let deliverer = Arc::clone(&parts.delivering.deliverer);
    workers.spawn("deliveries", deliverer.run(working.clone()));
    let windows = Arc::clone(&parts.otlp);
    workers.spawn("windows", windows.run(shutdown::stopped(working.clone())));
    workers
}

/// The page and GraphQL. Its live streams end when the listeners do.
fn graphql(
    settings: &Settings,
    parts: &Parts,
    gate: &Arc<Gate>,
    veil: Veil,
    trusted: TrustedDocuments,
    stopping: watch::Receiver<bool>,
) -> ApiState {
    let wait_ms = settings.projector.wait_timeout_ms;
    let loopback_only = settings.listen.ip().is_loopback();
    ApiState::new(
        adapters::ports(parts, gate, veil),
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

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use axum::body::Body;
    use axum::http::{Request, StatusCode};
    use axum::routing::get;
    use tower::ServiceExt;

    use super::*;
    use crate::access::{Door, doors};
    use crate::config::LogUrl;

    /// Every path of a router, as it shows them for debugging.
    fn paths(router: &Router) -> BTreeSet<String> {
        let shown = format!("{router:?}");
        let quoted = shown.split('"').skip(1).step_by(2);
        // Where nothing is, axum has a path of its own.
        let paths = quoted.filter(|text| text.starts_with('/') && !text.contains("__private__"));
        paths.map(str::to_owned).collect()
    }

    async fn answered(router: &Router, method: &str, path: &str) -> StatusCode {
        let path = path.replace("{sender}", "x").replace("{*path}", "x");
        let request = Request::builder().method(method).uri(path);
        let request = request.header("host", "localhost").body(Body::empty());
        let response = router.clone().oneshot(request.unwrap()).await;
        response.unwrap().status()
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn every_route_has_a_door_and_one_without_is_for_nobody() {
        let settings = Settings {
            log: LogUrl::Memory,
            ..Settings::defaults()
        };
        let metrics = Arc::new(Metrics::default());
        let parts = Parts::start(&settings, &metrics).unwrap();
        let locked = gate(&settings, &parts, &Lock::Tokens).await.unwrap();
        let (_stop, stopping) = shutdown::switch();
        let documents = TrustedDocuments::none();
        let veil = Veil::fresh().unwrap();
        let graphql = graphql(&settings, &parts, &locked, veil, documents, stopping);
        let routes = page(&parts, &metrics, graphql);
        let doors = doors();
        assert_eq!(paths(&routes), doors.keys().cloned().collect());

        let routes = behind(&locked, routes);
        let nowhere = answered(&routes, "GET", "/nowhere").await;
        assert_eq!(nowhere, StatusCode::NOT_FOUND);
        for (path, door) in &doors {
            let both = [
                answered(&routes, "GET", path).await,
                answered(&routes, "POST", path).await,
            ];
            match door {
                Door::Open => assert!(!both.contains(&StatusCode::UNAUTHORIZED), "{path}"),
                Door::For(_) => assert_eq!(both, [StatusCode::UNAUTHORIZED; 2], "{path}"),
                // By GET there is nothing at an address of the intake.
                Door::Asks => assert_eq!(both[1], StatusCode::UNAUTHORIZED, "{path}"),
            }
        }
        let export = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";
        let grpc = behind_grpc(&locked, parts.otlp.grpc_routes()).into_axum_router();
        let request = Request::post(export).body(Body::empty()).unwrap();
        let response = grpc.oneshot(request).await.unwrap();
        assert_eq!(response.headers()["grpc-status"], "16");

        let open = gate(&settings, &parts, &Lock::Open).await.unwrap();
        for gate in [locked, open] {
            let forgotten = Router::new().route("/forgotten", get(|| async { "" }));
            let forgotten = behind(&gate, forgotten);
            let status = answered(&forgotten, "GET", "/forgotten").await;
            assert_eq!(status, StatusCode::FORBIDDEN);
        }
        parts.stop().await;
    }
}
