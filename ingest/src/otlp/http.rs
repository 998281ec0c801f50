//! OTLP over HTTP: `/v1/traces` and `/v1/logs`, protobuf and JSON, gzip. Besides, spans of Zipkin in JSON, and of
//! Jaeger in JSON and Thrift.

use std::sync::Arc;

use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use model::Rejection;

use super::answer::{Encoding, RpcStatus, Signal, Taken};
use super::{Foreign, Otlp};
use crate::intake::answer::{Answer, Refusal};
use crate::intake::body;
use crate::intake::media::MediaType;

/// How Jaeger's clients call Thrift's binary protocol.
const THRIFT: [&str; 2] = [
    "application/vnd.apache.thrift.binary",
    "application/x-thrift",
];

/// The addresses of OTLP over HTTP.
pub(crate) fn routes(otlp: Arc<Otlp>) -> Router {
    Router::new()
        .route("/v1/traces", post(traces))
        .route("/v1/logs", post(logs))
        .route("/api/v2/spans", post(zipkin))
        .route("/ingest/jaeger", post(jaeger))
        .route("/api/traces", post(jaeger))
        .layer(DefaultBodyLimit::disable())
        .with_state(otlp)
}

async fn traces(State(otlp): State<Arc<Otlp>>, request: Request) -> Response {
    answer(&otlp, Signal::Traces, request).await
}

async fn logs(State(otlp): State<Arc<Otlp>>, request: Request) -> Response {
    answer(&otlp, Signal::Logs, request).await
}

async fn zipkin(State(otlp): State<Arc<Otlp>>, request: Request) -> Response {
    // Zipkin itself answers so.
    foreign(&otlp, Foreign::Zipkin, StatusCode::ACCEPTED, request).await
}

async fn jaeger(State(otlp): State<Arc<Otlp>>, request: Request) -> Response {
    let media = MediaType::of(request.headers());
    match THRIFT.iter().any(|thrift| media.is(thrift)) {
        // As Jaeger's collector answers its clients.
        true => foreign(&otlp, Foreign::JaegerThrift, StatusCode::ACCEPTED, request).await,
        false => foreign(&otlp, Foreign::Jaeger, StatusCode::OK, request).await,
    }
}

async fn foreign(
    otlp: &Arc<Otlp>,
    form: Foreign,
    success: StatusCode,
    request: Request,
) -> Response {
    match take_foreign(otlp, form, request).await {
        Ok(taken) => {
            let answer = foreign_answer(&taken);
            let mut response = (answer.status(success), Json(answer)).into_response();
            response.extensions_mut().insert(taken.said());
            response
        }
        Err(refusal) => {
            otlp.counters.refused(&refusal);
            refusal.into_response()
        }
    }
}

async fn take_foreign(otlp: &Arc<Otlp>, form: Foreign, request: Request) -> Result<Taken, Refusal> {
    let media = MediaType::of(request.headers());
    if form != Foreign::JaegerThrift && !media.is_json() {
        return Err(Refusal::MediaType {
            found: media.to_string(),
            expects: match form {
                Foreign::Zipkin => "application/json, spans of Zipkin's version 2",
                Foreign::Jaeger | Foreign::JaegerThrift => {
                    "application/json or application/vnd.apache.thrift.binary"
                }
            },
        });
    }
    let admitted = body::admit(otlp.bodies(), otlp.request_limits(), request).await?;
    otlp.take_foreign(form, admitted).await
}

fn foreign_answer(taken: &Taken) -> Answer {
    let count = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
    let rejection = Rejection {
        index: 0,
        field: "spans".to_owned(),
        reason: taken.message.clone(),
    };
    let mut answer = Answer::default();
    answer.accepted = count(taken.taken);
    if 0 < taken.rejected {
        answer.rejected.push(rejection);
    }
    answer
}

async fn answer(otlp: &Arc<Otlp>, signal: Signal, request: Request) -> Response {
    match encoding(request.headers()) {
        Ok(encoding) => match take(otlp, signal, encoding, request).await {
            Ok(taken) => {
                let encoded = taken.encode(encoding, signal);
                let mut response = respond(StatusCode::OK, encoding, encoded);
                response.extensions_mut().insert(taken.said());
                response
            }
            Err(refusal) => refuse(otlp, encoding, &refusal),
        },
        // Whoever speaks neither encoding is answered in the readable one.
        Err(refusal) => refuse(otlp, Encoding::Json, &refusal),
    }
}

fn refuse(otlp: &Otlp, encoding: Encoding, refusal: &Refusal) -> Response {
    otlp.note_refusal(refusal);
    let status = RpcStatus::of(refusal);
    let answer = respond(refusal.status(), encoding, status.encode(encoding));
    match status.retry_after_s {
        Some(seconds) => ([(header::RETRY_AFTER, seconds.to_string())], answer).into_response(),
        None => answer,
    }
}

fn respond(status: StatusCode, encoding: Encoding, body: Vec<u8>) -> Response {
    (
        status,
        [(header::CONTENT_TYPE, encoding.media_type())],
        body,
    )
        .into_response()
}

async fn take(
    otlp: &Arc<Otlp>,
    signal: Signal,
    encoding: Encoding,
    request: Request,
) -> Result<Taken, Refusal> {
    let admitted = body::admit(otlp.bodies(), otlp.request_limits(), request).await?;
    otlp.take_packed(signal, encoding, admitted).await
}

fn encoding(headers: &HeaderMap) -> Result<Encoding, Refusal> {
    let media = MediaType::of(headers);
    if media.is("application/x-protobuf") || media.is("application/protobuf") {
        Ok(Encoding::Protobuf)
    } else if media.is_json() {
        Ok(Encoding::Json)
    } else {
        Err(Refusal::MediaType {
            found: media.to_string(),
            expects: "application/x-protobuf or application/json",
        })
    }
}
