//! The middleware in front of every route: says who the caller is, and opens the door or does not.

use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use model::{Barred, Caller, Scope};
use serde_json::json;
use tonic::Status;

use super::doors::Door;
use super::gate::{Gate, Refused};

/// What a client without a credential is asked for.
const CHALLENGE: &str = "Bearer realm=\"epicenter\"";
/// The same for a credential that does not count.
const BAD_CHALLENGE: &str = "Bearer realm=\"epicenter\", error=\"invalid_token\"";

/// Middleware of HTTP: lets in whoever the door of the route is for.
pub(crate) async fn guard(
    State(gate): State<Arc<Gate>>,
    mut request: Request,
    next: Next,
) -> Response {
    let route = request.extensions().get::<MatchedPath>().cloned();
    // Where there is no route there is no door, and the answer is that nothing is there.
    let Some(route) = route else {
        return next.run(request).await;
    };
    let Some(door) = gate.door(route.as_str()) else {
        gate.note(Refused::NoDoor);
        tracing::error!(http.route = route.as_str(), "a route has no door");
        return said(StatusCode::FORBIDDEN, "this route is for nobody");
    };
    if door != Door::Open && !gate.is_ready() {
        let retry = [(header::RETRY_AFTER, HeaderValue::from_static("1"))];
        let answer = said(StatusCode::SERVICE_UNAVAILABLE, NOT_READY);
        return (retry, answer).into_response();
    }
    gate.prepare(request.headers()).await;
    let caller = gate.caller(request.headers(), request.extensions().get());
    if let Door::For(wanted) = door
        && let Err(barred) = caller.may(wanted)
    {
        gate.note(reason(barred));
        return barring(barred);
    }
    let was_stranger = caller == Caller::Stranger;
    request.extensions_mut().insert(caller);
    let mut response = next.run(request).await;
    if door == Door::Asks {
        told(&gate, &mut response, was_stranger);
    }
    response
}

/// What a client hears while tokens are not known yet.
const NOT_READY: &str = "the server still reads its log; come again";

/// Middleware of gRPC: everything it takes is a statement of a source.
pub(crate) async fn guard_grpc(
    State(gate): State<Arc<Gate>>,
    mut request: Request,
    next: Next,
) -> Response {
    if !gate.is_ready() {
        return Status::unavailable(NOT_READY).into_http::<Body>();
    }
    gate.prepare(request.headers()).await;
    let caller = gate.caller(request.headers(), request.extensions().get());
    if let Err(barred) = caller.may(Scope::Ingest) {
        gate.note(reason(barred));
        let status = match barred {
            Barred::NoCredential | Barred::BadCredential => {
                Status::unauthenticated(barred.to_string())
            }
            Barred::Lacks(_) => Status::permission_denied(barred.to_string()),
        };
        return status.into_http::<Body>();
    }
    request.extensions_mut().insert(caller);
    next.run(request).await
}

/// Adds to a refusal that was made behind the door what HTTP wants to be said with it.
fn told(gate: &Gate, response: &mut Response, was_stranger: bool) {
    match response.status() {
        StatusCode::UNAUTHORIZED => {
            let (challenge, refused) = match was_stranger {
                true => (BAD_CHALLENGE, Refused::BadCredential),
                false => (CHALLENGE, Refused::NoCredential),
            };
            gate.note(refused);
            let headers = response.headers_mut();
            headers
                .entry(header::WWW_AUTHENTICATE)
                .or_insert(HeaderValue::from_static(challenge));
        }
        StatusCode::FORBIDDEN => gate.note(Refused::Scope),
        _ => {}
    }
}

fn barring(barred: Barred) -> Response {
    let (status, challenge) = match barred {
        Barred::NoCredential => (StatusCode::UNAUTHORIZED, CHALLENGE.to_owned()),
        Barred::BadCredential => (StatusCode::UNAUTHORIZED, BAD_CHALLENGE.to_owned()),
        Barred::Lacks(scope) => {
            let lacks = format!("error=\"insufficient_scope\", scope=\"{scope}\"");
            (StatusCode::FORBIDDEN, format!("{CHALLENGE}, {lacks}"))
        }
    };
    let challenge = [(header::WWW_AUTHENTICATE, challenge)];
    (challenge, said(status, &barred.to_string())).into_response()
}

const fn reason(barred: Barred) -> Refused {
    match barred {
        Barred::NoCredential => Refused::NoCredential,
        Barred::BadCredential => Refused::BadCredential,
        Barred::Lacks(_) => Refused::Scope,
    }
}

fn said(status: StatusCode, reason: &str) -> Response {
    (status, Json(json!({ "reason": reason }))).into_response()
}
