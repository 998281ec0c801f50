//! Turns what the engine answered, or why it was not asked, into bytes and a status.

use async_graphql::{Response as Answer, ServerError, Value};
use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use serde::Serialize;

use super::negotiate::AnswerType;
use crate::error::{ErrorCode, Refusal};

/// The answer to one request.
#[derive(Debug)]
pub(crate) struct Answered {
    pub(crate) answer: Answer,
    /// Why nothing was executed, if nothing was; the answer then has no `data`.
    pub(crate) refused: Option<ErrorCode>,
}

#[derive(Serialize)]
struct Wire<'a> {
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    errors: &'a [ServerError],
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<&'a Value>,
    #[serde(skip_serializing_if = "std::collections::BTreeMap::is_empty")]
    extensions: &'a std::collections::BTreeMap<String, Value>,
}

impl From<Refusal> for Answered {
    fn from(refusal: Refusal) -> Self {
        Self {
            answer: Answer::from_errors(vec![*refusal.error]),
            refused: Some(refusal.code),
        }
    }
}

impl Answered {
    /// The status this answer has in the given media type.
    pub(crate) fn status(&self, answer_type: AnswerType) -> StatusCode {
        match self.refused {
            None => StatusCode::OK,
            Some(code) => refusal_status(code, answer_type),
        }
    }

    /// The answer as JSON.
    pub(crate) fn to_json(&self) -> Vec<u8> {
        let written = serde_json::to_vec(&self.wire());
        written.expect("an answer has string keys only and memory takes it")
    }

    fn wire(&self) -> Wire<'_> {
        Wire {
            errors: &self.answer.errors,
            data: self.refused.is_none().then_some(&self.answer.data),
            extensions: &self.answer.extensions,
        }
    }
}

/// The answers to a batch, in its order.
pub(crate) fn batch_to_json(batch: &[Answered]) -> Vec<u8> {
    let wires: Vec<Wire<'_>> = batch.iter().map(Answered::wire).collect();
    serde_json::to_vec(&wires).expect("answers have string keys only and memory takes them")
}

/// A whole response of JSON bytes.
pub(crate) fn respond(status: StatusCode, answer_type: AnswerType, body: Vec<u8>) -> Response {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    let content_type = HeaderValue::from_static(answer_type.content_type());
    headers.insert(header::CONTENT_TYPE, content_type);
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::VARY, HeaderValue::from_static("Accept"));
    let nosniff = HeaderValue::from_static("nosniff");
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, nosniff);
    response
}

/// The response to a request that was refused as a whole.
pub(crate) fn refuse(refusal: Refusal, answer_type: AnswerType) -> Response {
    let status = refusal_status(refusal.code, answer_type);
    let answered = Answered::from(refusal);
    let mut response = respond(status, answer_type, answered.to_json());
    let headers = response.headers_mut();
    match status {
        StatusCode::METHOD_NOT_ALLOWED => {
            headers.insert(header::ALLOW, HeaderValue::from_static("GET, POST"));
        }
        StatusCode::SERVICE_UNAVAILABLE => {
            headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        }
        _ => {}
    }
    response
}

/// In `application/json` the status speaks of the request only: a well-formed
/// one has status 200 even when its document is refused.
fn refusal_status(code: ErrorCode, answer_type: AnswerType) -> StatusCode {
    let about_document = matches!(
        code,
        ErrorCode::ParseFailed
            | ErrorCode::ValidationFailed
            | ErrorCode::DepthLimit
            | ErrorCode::AliasLimit
            | ErrorCode::CostLimit
            | ErrorCode::PersistedQueryNotFound
    );
    match answer_type {
        AnswerType::Json if about_document => StatusCode::OK,
        _ => code.status(),
    }
}
