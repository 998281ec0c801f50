//! The middleware in front of every route: says who the caller is, and opens the door or does not.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::body::Body;
use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use ingest::Said;
use model::{Barred, Caller, Clock, Scope};
use serde_json::json;
use tonic::Status;

use super::doors::{Door, GRAPHQL};
use super::gate::{Gate, Refused};
use crate::clock::SystemClock;

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
    let began = SystemClock.now();
    gate.prepare(request.headers()).await;
    let caller = gate.caller(request.headers(), request.extensions().get());
    // GraphQL writes its questions down by itself, field by field.
    let noted = (door != Door::Open && route.as_str() != GRAPHQL).then(|| caller.clone());
    if let Door::For(wanted) = door
        && let Err(barred) = caller.may_on_all(wanted)
    {
        gate.note(reason(barred));
        let answer = barring(barred);
        let outcome = answer.status().as_str().to_owned();
        gate.asked(&caller, route.as_str(), outcome, began);
        return answer;
    }
    if door != Door::Open
        && let Err(wait) = gate.take(&caller)
    {
        let answer = throttled(wait);
        let outcome = answer.status().as_str().to_owned();
        gate.asked(&caller, route.as_str(), outcome, began);
        return answer;
    }
    let was_stranger = caller == Caller::Stranger;
    request.extensions_mut().insert(caller);
    let mut response = next.run(request).await;
    if let Some(caller) = noted {
        if let Some(said) = response.extensions().get::<Said>() {
            gate.said(&caller, *said);
        }
        let outcome = response.status().as_str().to_owned();
        gate.asked(&caller, route.as_str(), outcome, began);
    }
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
    let began = SystemClock.now();
    gate.prepare(request.headers()).await;
    let caller = gate.caller(request.headers(), request.extensions().get());
    let asked = request.uri().path().to_owned();
    if let Err(barred) = caller.may(Scope::Ingest) {
        gate.note(reason(barred));
        let status = match barred {
            Barred::NoCredential | Barred::BadCredential => {
                Status::unauthenticated(barred.to_string())
            }
            Barred::Lacks(_) | Barred::Limited => Status::permission_denied(barred.to_string()),
        };
        gate.asked(&caller, &asked, i32::from(status.code()).to_string(), began);
        return status.into_http::<Body>();
    }
    if let Err(wait) = gate.take(&caller) {
        let retry = ingest::come_again(THROTTLED, seconds(wait));
        gate.asked(&caller, &asked, i32::from(retry.code()).to_string(), began);
        return retry.into_http::<Body>();
    }
    request.extensions_mut().insert(caller.clone());
    let response = next.run(request).await;
    if let Some(said) = response.extensions().get::<Said>() {
        gate.said(&caller, *said);
    }
    let status = response.headers().get("grpc-status");
    let status = status.and_then(|status| status.to_str().ok());
    gate.asked(&caller, &asked, status.unwrap_or("0").to_owned(), began);
    response
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

/// What a caller hears who has used up what they may.
const THROTTLED: &str = "the quota of this credential is used up; come again";

fn throttled(wait: Duration) -> Response {
    let retry = [(header::RETRY_AFTER, seconds(wait).to_string())];
    (retry, said(StatusCode::TOO_MANY_REQUESTS, THROTTLED)).into_response()
}

/// Whole seconds, one at least.
fn seconds(wait: Duration) -> u32 {
    let whole = wait.as_secs() + u64::from(0 < wait.subsec_nanos());
    u32::try_from(whole.max(1)).unwrap_or(u32::MAX)
}

fn barring(barred: Barred) -> Response {
    let (status, challenge) = match barred {
        Barred::NoCredential => (StatusCode::UNAUTHORIZED, CHALLENGE.to_owned()),
        Barred::BadCredential => (StatusCode::UNAUTHORIZED, BAD_CHALLENGE.to_owned()),
        Barred::Lacks(scope) => {
            let lacks = format!("error=\"insufficient_scope\", scope=\"{scope}\"");
            (StatusCode::FORBIDDEN, format!("{CHALLENGE}, {lacks}"))
        }
        Barred::Limited => (StatusCode::FORBIDDEN, CHALLENGE.to_owned()),
    };
    let challenge = [(header::WWW_AUTHENTICATE, challenge)];
    (challenge, said(status, &barred.to_string())).into_response()
}

const fn reason(barred: Barred) -> Refused {
    match barred {
        Barred::NoCredential => Refused::NoCredential,
        Barred::BadCredential => Refused::BadCredential,
        Barred::Lacks(_) | Barred::Limited => Refused::Scope,
    }
}

fn said(status: StatusCode, reason: &str) -> Response {
    (status, Json(json!({ "reason": reason }))).into_response()
}
