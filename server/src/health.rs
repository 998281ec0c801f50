//! Liveness, readiness and measures, for whatever watches the process.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Extension, Json, Router};
use model::{Caller, Scope};
use serde_json::json;

use crate::metrics::Metrics;

/// Says whether the process can do its work, or everything that keeps it from it.
pub(crate) trait Readiness: Send + Sync + 'static {
    /// What is not ready, in words; nothing when all is.
    fn obstacles(&self) -> Vec<String>;

    /// What somebody should look at, though the process can do its work.
    fn remarks(&self) -> Vec<String>;
}

/// Answers `/healthz`, `/readyz` and `/metrics`.
pub(crate) fn routes(readiness: Arc<dyn Readiness>, metrics: Arc<Metrics>) -> Router {
    Router::new()
        .route("/healthz", get(alive))
        .route("/readyz", get(ready).with_state(readiness))
        .route("/metrics", get(measures).with_state(metrics))
}

async fn alive() -> Json<serde_json::Value> {
    Json(json!({ "status": "alive", "version": env!("CARGO_PKG_VERSION") }))
}

/// Whether it is ready is told to everybody, and why not to those who may ask.
async fn ready(
    State(readiness): State<Arc<dyn Readiness>>,
    caller: Option<Extension<Caller>>,
) -> Response {
    let obstacles = readiness.obstacles();
    let (status, word) = match obstacles.is_empty() {
        true => (StatusCode::OK, "ready"),
        false => (StatusCode::SERVICE_UNAVAILABLE, "not ready"),
    };
    let may_ask = caller.is_some_and(|caller| caller.may_on_all(Scope::Read).is_ok());
    if !may_ask {
        return (status, Json(json!({ "status": word }))).into_response();
    }
    let remarks = readiness.remarks();
    let body = match remarks.is_empty() {
        true => json!({ "status": word, "obstacles": obstacles }),
        false => json!({ "status": word, "obstacles": obstacles, "remarks": remarks }),
    };
    let body = Json(body);
    (status, body).into_response()
}

async fn measures(State(metrics): State<Arc<Metrics>>) -> Response {
    let kind = "text/plain; version=0.0.4; charset=utf-8";
    ([(header::CONTENT_TYPE, kind)], metrics.render()).into_response()
}
