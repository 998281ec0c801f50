//! `/calendar.ics`: planned changes, freezes, windows and exemptions, for programs that show calendars.
//!
//! All moments are written in UTC, so the feed needs no zones of its own. Nothing in it depends on
//! when it is asked for but the day, so that a program which comes again hears that nothing changed.

mod events;
mod params;

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use graph::{GraphView, Resolution};
use model::{CiId, SourceKey, Timestamp};
use sha2::{Digest, Sha256};

use crate::reading::Reading;
use crate::state::Inner;
use crate::{ApiState, ErrorCode};
use params::{Params, Wrong};

/// What the feed is about.
struct Asked {
    item: Option<CiId>,
    environment: Option<String>,
    from: Timestamp,
    to: Timestamp,
    now: Timestamp,
    /// The day of the question.
    today: Timestamp,
}

/// Why there is no feed.
enum Refused {
    Wrong(Wrong),
    Unknown(String),
    Foreign,
    Behind,
    Stopped,
}

/// Answers with the feed.
pub(crate) async fn serve(State(state): State<ApiState>, request: Request) -> Response {
    let (parts, _) = request.into_parts();
    match feed(&state.inner, &parts).await {
        Ok(text) => respond(&parts.headers, text),
        Err(refused) => refused.into_response(),
    }
}

async fn feed(state: &Arc<Inner>, parts: &Parts) -> Result<String, Refused> {
    let policy = state.origins.check(&parts.uri, &parts.headers);
    policy.map_err(|_| Refused::Foreign)?;
    let now = state.ports.clock.now();
    let query = parts.uri.query().unwrap_or_default();
    let params = Params::read(query, now).map_err(Refused::Wrong)?;
    let reading = Reading::begin(&state.ports.views, None, state.limits.view_wait, Vec::new());
    let view = reading.newest().await.map_err(|_| Refused::Behind)?.clone();
    let write = tokio::task::spawn_blocking(move || {
        let asked = params.asked(&view.graph, now)?;
        Ok(events::written(&view.graph, &asked))
    });
    write.await.map_err(|_| Refused::Stopped)?
}

impl Params {
    fn asked(self, graph: &GraphView, now: Timestamp) -> Result<Asked, Refused> {
        let item = match self.item {
            None => None,
            Some(key) => {
                let environment = self.environment.as_deref();
                match graph.resolve(&SourceKey::text(&key), environment, now) {
                    Resolution::Item(item) => Some(item.id()),
                    Resolution::Ambiguous(_) | Resolution::Unknown => {
                        return Err(Refused::Unknown(key));
                    }
                }
            }
        };
        Ok(Asked {
            item,
            environment: self.environment,
            from: self.from,
            to: self.to,
            now,
            today: self.today,
        })
    }
}

fn respond(headers: &HeaderMap, text: String) -> Response {
    let digest = Sha256::digest(text.as_bytes());
    let hash: String = digest
        .iter()
        .take(16)
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let tag = format!("\"{hash}\"");
    let known = headers.get(header::IF_NONE_MATCH);
    let known = known
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let mut tags = known.split(',').map(str::trim);
    let is_known = tags.any(|one| one == "*" || one.trim_start_matches("W/") == tag);
    let common = [
        (header::ETAG, tag),
        (header::CACHE_CONTROL, "private, no-cache".to_owned()),
    ];
    if is_known {
        return (StatusCode::NOT_MODIFIED, common).into_response();
    }
    let kind = [(header::CONTENT_TYPE, "text/calendar; charset=utf-8")];
    (common, kind, text).into_response()
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let (status, said) = match self {
            Self::Wrong(wrong) => (StatusCode::BAD_REQUEST, wrong.0),
            Self::Unknown(key) => (
                StatusCode::NOT_FOUND,
                format!("no one item is known by {key}"),
            ),
            Self::Foreign => {
                let said = "this server does not answer under that host name or to that page";
                (ErrorCode::ForbiddenOrigin.status(), said.to_owned())
            }
            Self::Behind => {
                let said = "the view does not hold yet what was acknowledged";
                (StatusCode::SERVICE_UNAVAILABLE, said.to_owned())
            }
            Self::Stopped => {
                tracing::error!("a calendar was not written to its end");
                (
                    StatusCode::INTERNAL_SERVER_ERROR,
                    "internal error".to_owned(),
                )
            }
        };
        (status, said).into_response()
    }
}
