//! The one HTTP endpoint: queries by GET and POST, mutations by POST, live streams, and the page.

use std::sync::Arc;

use async_graphql::parser::types::OperationType;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::response::Response;
use http_body_util::BodyExt;
use model::{Caller, LogPosition};

use super::answer::{Answered, batch_to_json, refuse, respond};
use super::execute::{Prepared, execute, header_position, prepare};
use super::negotiate::{Accepted, AnswerType, require_json};
use super::params::{self, Params};
use super::{document, events, websocket};
use crate::error::{ErrorCode, Refusal};
use crate::state::Inner;
use crate::{ApiState, page};

/// Answers any request to the endpoint.
pub(crate) async fn serve(State(state): State<ApiState>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let accepted = Accepted::of(&parts.headers);
    let answered = dispatch(&state, parts, body, &accepted).await;
    answered.unwrap_or_else(|refusal| refuse(refusal, accepted.for_refusal()))
}

async fn dispatch(
    state: &ApiState,
    parts: Parts,
    body: Body,
    accepted: &Accepted,
) -> Result<Response, Refusal> {
    let inner = &state.inner;
    inner.origins.check(&parts.uri, &parts.headers)?;
    let demanded = header_position(&parts.headers)?;
    let caller = parts.extensions.get::<Caller>().cloned();
    let call = Call {
        state: inner,
        accepted,
        demanded,
        caller: caller.unwrap_or_default(),
    };
    match parts.method {
        Method::GET if websocket::wants_upgrade(&parts.headers) => {
            websocket::upgrade(state, parts, call.caller).await
        }
        Method::GET => {
            let query = parts.uri.query().unwrap_or_default();
            if query.is_empty() && accepted.prefers_page() {
                return Ok(page::index());
            }
            call.caller.known()?;
            let params = params::read_query_string(query)?;
            call.single(params, Safety::ReadOnly).await
        }
        Method::POST => {
            call.caller.known()?;
            require_json(&parts.headers)?;
            let bytes = read_bytes(inner, &parts.headers, body).await?;
            match params::read_body(&bytes, inner.limits.batch_max)? {
                params::Body::Single(params) => call.single(params, Safety::Any).await,
                params::Body::Batch(batch) => call.batch(batch).await,
            }
        }
        _ => Err(Refusal::new(
            ErrorCode::MethodNotAllowed,
            "GraphQL is spoken by GET and POST",
        )),
    }
}

/// What a request's method allows its operation to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Safety {
    /// GET: anybody's link or image tag may cause it.
    ReadOnly,
    /// POST of JSON: only the page's own scripts and programs can send it.
    Any,
}

struct Call<'a> {
    state: &'a Arc<Inner>,
    accepted: &'a Accepted,
    demanded: Option<LogPosition>,
    caller: Caller,
}

impl Call<'_> {
    async fn single(&self, params: Params, safety: Safety) -> Result<Response, Refusal> {
        let prepared = prepare(self.state, params, self.demanded, &self.caller)
            .and_then(|prepared| check_method(prepared, safety));
        let live = matches!(&prepared, Ok(it) if it.kind == OperationType::Subscription);
        let answer_type = if live && self.accepted.event_stream() {
            AnswerType::EventStream
        } else {
            self.accepted.single()?
        };
        if answer_type == AnswerType::EventStream {
            return events::stream(self.state, prepared, self.caller.clone());
        }
        let prepared = prepared?;
        if live {
            return Err(not_once(prepared.kind));
        }
        let answered = execute(self.state, prepared).await;
        let status = answered.status(answer_type);
        Ok(respond(status, answer_type, answered.to_json()))
    }

    async fn batch(&self, batch: Vec<Params>) -> Result<Response, Refusal> {
        let answer_type = match self.accepted.single()? {
            AnswerType::EventStream => return Err(no_batch_stream()),
            other => other,
        };
        let mut answers: Vec<Answered> = Vec::with_capacity(batch.len());
        for params in batch {
            let prepared = prepare(self.state, params, self.demanded, &self.caller)
                .and_then(|prepared| check_method(prepared, Safety::Any));
            let answered = match prepared {
                Ok(it) if it.kind == OperationType::Subscription => not_once(it.kind).into(),
                Ok(prepared) => execute(self.state, prepared).await,
                Err(refusal) => refusal.into(),
            };
            answers.push(answered);
        }
        Ok(respond(
            StatusCode::OK,
            answer_type,
            batch_to_json(&answers),
        ))
    }
}

fn check_method(prepared: Prepared, safety: Safety) -> Result<Prepared, Refusal> {
    if safety == Safety::ReadOnly && prepared.kind == OperationType::Mutation {
        return Err(Refusal::new(
            ErrorCode::MethodNotAllowed,
            "a mutation is sent by POST",
        ));
    }
    Ok(prepared)
}

/// Reads a body within the limits of size and time.
async fn read_bytes(state: &Inner, headers: &HeaderMap, body: Body) -> Result<Vec<u8>, Refusal> {
    let limit = state.limits.body_bytes;
    let announced = headers
        .get(header::CONTENT_LENGTH)
        .and_then(|value| value.to_str().ok()?.parse::<usize>().ok());
    if announced.is_some_and(|length| heard_out(limit) < length) {
        return Err(too_large(limit));
    }
    match tokio::time::timeout(state.limits.request_time, collect(body, limit)).await {
        Ok(collected) => collected,
        Err(_) => Err(Refusal::new(
            ErrorCode::Timeout,
            "the body took too long to arrive",
        )),
    }
}

/// Keeps a body up to the limit. A somewhat larger one is heard out, since a client that is cut
/// off while it writes never reads why.
async fn collect(mut body: Body, limit: usize) -> Result<Vec<u8>, Refusal> {
    let mut kept = Vec::new();
    let mut length = 0_usize;
    while let Some(frame) = body.frame().await {
        let broken = |_| Refusal::new(ErrorCode::BadRequest, "the body broke off");
        let Ok(data) = frame.map_err(broken)?.into_data() else {
            continue;
        };
        length = length.saturating_add(data.len());
        if heard_out(limit) < length {
            break;
        }
        if length <= limit {
            kept.extend_from_slice(&data);
        }
    }
    if limit < length {
        return Err(too_large(limit));
    }
    Ok(kept)
}

/// How long a body may be to be heard out.
const fn heard_out(limit: usize) -> usize {
    limit.saturating_mul(4)
}

fn too_large(limit: usize) -> Refusal {
    let message = format!("a request has at most {limit} bytes");
    Refusal::new(ErrorCode::RequestTooLarge, message)
}

fn not_once(kind: OperationType) -> Refusal {
    let kind = document::kind_name(kind);
    let message =
        format!("a {kind} is answered over WebSocket or with Accept: text/event-stream only");
    Refusal::new(ErrorCode::BadRequest, message)
}

fn no_batch_stream() -> Refusal {
    Refusal::new(
        ErrorCode::NotAcceptable,
        "a batch is not answered as an event stream",
    )
}
