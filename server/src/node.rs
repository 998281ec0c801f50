//! Nodes: one estate each, with its log, all that is folded from it, and the routes by which it is asked.
//!
//! The server is a node, and so is every tenant. No node knows of another one.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};
use api::{ApiState, NoRandomness, TrustedDocuments};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::{Json, Router, middleware};
use model::Clock;
use serde_json::json;
use tokio::sync::watch;
use tonic::Status;

use crate::access::{Gate, Lock, Veil, guard, guard_grpc};
use crate::adapters;
use crate::clock::SystemClock;
use crate::config::{ConfigError, Settings, TenantName};
use crate::health::{self, Readiness};
use crate::lingering::linger;
use crate::measurements;
use crate::metrics::{Metrics, RequestMetrics, measure};
use crate::parts::Parts;
use crate::shutdown;
use crate::tasks::Tasks;
use crate::tenants::by_tenant;

/// How long at once a start waits for the fold.
const FOLD_PATIENCE: Duration = Duration::from_secs(1);

/// An estate of which everything runs.
pub(crate) struct Node {
    pub(crate) parts: Parts,
    gate: Arc<Gate>,
    metrics: Arc<Metrics>,
    veil: Veil,
    trusted: TrustedDocuments,
}

/// The node of the server itself, and those of its tenants.
pub(crate) struct Nodes {
    pub(crate) own: Node,
    tenants: BTreeMap<TenantName, Node>,
}

/// What listeners answer by, and what they end when they stop.
pub(crate) struct NodeRoutes {
    /// The page, GraphQL, intake, health.
    pub(crate) http: Router,
    /// OTLP over HTTP.
    pub(crate) otlp_http: Router,
    /// OTLP over gRPC.
    pub(crate) otlp_grpc: Router,
    /// Whose live streams are to be told when listeners stop.
    pub(crate) live: Vec<ApiState>,
}

impl Nodes {
    /// Starts every node; where one cannot be, those that were started are stopped in order.
    pub(crate) async fn start(
        settings: &Settings,
        lock: &Lock,
        metrics: Arc<Metrics>,
    ) -> anyhow::Result<Self> {
        let own = Node::start(settings, lock, metrics).await?;
        let mut nodes = Self {
            own,
            tenants: BTreeMap::new(),
        };
        for (name, settings) in &settings.tenants {
            let started = Node::start(settings, &Lock::Tokens, Arc::default()).await;
            match started.with_context(|| format!("could not start the tenant {name}")) {
                Ok(node) => {
                    nodes.tenants.insert(name.clone(), node);
                }
                Err(error) => {
                    nodes.stop().await;
                    return Err(error);
                }
            }
        }
        Ok(nodes)
    }

    /// The routes of all, each reached by its name.
    pub(crate) fn routes(
        &self,
        settings: &Settings,
        stopping: &watch::Receiver<bool>,
    ) -> NodeRoutes {
        let mut own = self.own.routes(settings, self.readiness(), stopping);
        let (mut http, mut otlp_http, mut otlp_grpc) = (Vec::new(), Vec::new(), Vec::new());
        for (name, node) in &self.tenants {
            let Some(settings) = settings.tenants.get(name) else {
                continue;
            };
            let routes = node.routes(settings, node.parts.readiness(), stopping);
            http.push((name.clone(), routes.http));
            otlp_http.push((name.clone(), routes.otlp_http));
            otlp_grpc.push((name.clone(), routes.otlp_grpc));
            own.live.extend(routes.live);
        }
        NodeRoutes {
            http: by_tenant(own.http, http.into_iter(), refuse),
            otlp_http: by_tenant(own.otlp_http, otlp_http.into_iter(), refuse),
            otlp_grpc: by_tenant(own.otlp_grpc, otlp_grpc.into_iter(), refuse_grpc),
            live: own.live,
        }
    }

    /// What goes on in all of them besides the listeners.
    pub(crate) fn workers(&self, working: &watch::Receiver<bool>) -> Tasks {
        let mut workers = Tasks::default();
        for node in self.all() {
            node.work(&mut workers, working);
        }
        workers
    }

    /// Stops all, the tenants first.
    pub(crate) async fn stop(self) {
        for node in self.tenants.into_values() {
            node.parts.stop().await;
        }
        self.own.parts.stop().await;
    }

    fn all(&self) -> impl Iterator<Item = &Node> {
        std::iter::once(&self.own).chain(self.tenants.values())
    }

    /// Whether the server is ready is told by its own node; of tenants it tells what keeps them.
    fn readiness(&self) -> Arc<dyn Readiness> {
        let tenants = self.tenants.iter();
        let tenants = tenants.map(|(name, node)| (name.clone(), node.parts.readiness()));
        Arc::new(WithTenants {
            own: self.own.parts.readiness(),
            tenants: tenants.collect(),
        })
    }
}

/// The readiness of a server with tenants.
struct WithTenants {
    own: Arc<dyn Readiness>,
    tenants: Vec<(TenantName, Arc<dyn Readiness>)>,
}

impl Readiness for WithTenants {
    fn obstacles(&self) -> Vec<String> {
        self.own.obstacles()
    }

    fn remarks(&self) -> Vec<String> {
        let of_tenants = self.tenants.iter().flat_map(|(name, tenant)| {
            let obstacles = tenant.obstacles().into_iter();
            obstacles.map(move |obstacle| format!("the tenant {name}: {obstacle}"))
        });
        self.own.remarks().into_iter().chain(of_tenants).collect()
    }
}

impl Node {
    /// Starts everything behind a lock.
    async fn start(
        settings: &Settings,
        lock: &Lock,
        metrics: Arc<Metrics>,
    ) -> anyhow::Result<Self> {
        let trusted = settings.graphql.trusted()?;
        let veil = Veil::fresh().map_err(|_| NoRandomness)?;
        let parts = Parts::start(settings, &metrics)?;
        let gate = match gate(settings, &parts, lock).await {
            Ok(gate) => gate,
            Err(error) => {
                parts.stop().await;
                return Err(error);
            }
        };
        gate.register(&metrics);
        Ok(Self {
            parts,
            gate,
            metrics,
            veil,
            trusted,
        })
    }

    /// Its routes behind its gate.
    fn routes(
        &self,
        settings: &Settings,
        readiness: Arc<dyn Readiness>,
        stopping: &watch::Receiver<bool>,
    ) -> NodeRoutes {
        let graphql = self.graphql(settings, stopping.clone());
        let page = behind(&self.gate, self.page(readiness, graphql.clone()));
        let otlp = behind(&self.gate, self.parts.otlp.http_routes());
        NodeRoutes {
            http: measured("http", page, &self.metrics),
            otlp_http: measured("otlp-http", otlp, &self.metrics),
            otlp_grpc: self.grpc(),
            live: vec![graphql],
        }
    }

    /// Everything that the first address answers.
    fn page(&self, readiness: Arc<dyn Readiness>, graphql: ApiState) -> Router {
        health::routes(readiness, Arc::clone(&self.metrics))
            .merge(ingest::routes(Arc::clone(&self.parts.intake)))
            .merge(self.parts.otlp.http_routes())
            .merge(api::router(graphql))
    }

    /// OTLP over gRPC, reached through the gate only.
    fn grpc(&self) -> Router {
        let routes = self.parts.otlp.grpc_routes().into_axum_router();
        let guarded = middleware::from_fn_with_state(Arc::clone(&self.gate), guard_grpc);
        routes.layer(guarded)
    }

    /// The page and GraphQL. Its live streams end when the listeners do.
    fn graphql(&self, settings: &Settings, stopping: watch::Receiver<bool>) -> ApiState {
        let wait_ms = settings.projector.wait_timeout_ms;
        let loopback_only = settings.listen.ip().is_loopback();
        ApiState::new(
            adapters::ports(&self.parts, &self.gate, self.veil.clone()),
            settings.graphql.limits(wait_ms),
            settings.graphql.origins(loopback_only),
            self.trusted.clone(),
            stopping,
        )
    }

    /// What goes on besides the listeners.
    fn work(&self, workers: &mut Tasks, working: &watch::Receiver<bool>) {
        let parts = &self.parts;
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

/// Routes that are reached through the gate only.
fn behind(gate: &Arc<Gate>, routes: Router) -> Router {
    routes.layer(middleware::from_fn_with_state(Arc::clone(gate), guard))
}

fn measured(listener: &'static str, router: Router, metrics: &Metrics) -> Router {
    let requests = Arc::new(RequestMetrics::new(listener));
    let counted = Arc::clone(&requests);
    metrics.register(move |scrape| counted.write(scrape));
    router
        .layer(middleware::from_fn(linger))
        .layer(middleware::from_fn_with_state(requests, measure))
}

/// What a client hears whose request is for no tenant.
fn refuse(status: StatusCode, reason: &str) -> Response {
    (status, Json(json!({ "reason": reason }))).into_response()
}

/// The same in gRPC.
fn refuse_grpc(status: StatusCode, reason: &str) -> Response {
    let refused = match status {
        StatusCode::NOT_FOUND => Status::not_found(reason),
        _ => Status::invalid_argument(reason),
    };
    refused.into_http()
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
        let node = Node::start(&settings, &Lock::Tokens, Arc::default()).await;
        let node = node.unwrap();
        let (_stop, stopping) = shutdown::switch();
        let graphql = node.graphql(&settings, stopping);
        let routes = node.page(node.parts.readiness(), graphql);
        let doors = doors();
        assert_eq!(paths(&routes), doors.keys().cloned().collect());

        let routes = behind(&node.gate, routes);
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
        let grpc = node.grpc();
        let request = Request::post(export).body(Body::empty()).unwrap();
        let response = grpc.oneshot(request).await.unwrap();
        assert_eq!(response.headers()["grpc-status"], "16");

        let open = gate(&settings, &node.parts, &Lock::Open).await.unwrap();
        for gate in [&node.gate, &open] {
            let forgotten = Router::new().route("/forgotten", get(|| async { "" }));
            let forgotten = behind(gate, forgotten);
            let status = answered(&forgotten, "GET", "/forgotten").await;
            assert_eq!(status, StatusCode::FORBIDDEN);
        }
        node.parts.stop().await;
    }
}
