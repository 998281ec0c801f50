//! Answers as Datadog gives them, with our own fields beside.
//!
//! Its Python client takes any answer with the field `errors` as a failure, and any without as a success.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::{Value, json};

use crate::intake::answer::{Answer, Refusal};

#[derive(Serialize)]
struct Told {
    #[serde(flatten)]
    theirs: Value,
    #[serde(flatten)]
    ours: Answer,
}

/// The answer of version 1.
pub(super) fn v1(mut answer: Answer) -> Response {
    let id = answer.echo.take().unwrap_or_default();
    let number = number_of(&id);
    let theirs = json!({
        "status": "ok",
        "event": {"id": number, "id_str": number.to_string()},
    });
    respond(answer, theirs)
}

/// The answer of version 2.
pub(super) fn v2(mut answer: Answer) -> Response {
    let id = answer.echo.take().unwrap_or_default();
    let evt = json!({"id": number_of(&id).to_string(), "uid": id});
    let theirs = json!({
        "data": {"type": "event", "attributes": {"attributes": {"evt": evt}}},
        "links": {"self": ""},
    });
    respond(answer, theirs)
}

/// The answer when nothing was taken.
pub(super) fn refuse(refusal: Refusal) -> Response {
    refusal.respond_as(|ours| Told {
        theirs: errors(&ours),
        ours,
    })
}

fn respond(ours: Answer, theirs: Value) -> Response {
    let status = ours.status(StatusCode::ACCEPTED);
    let theirs = match ours.rejected.is_empty() {
        true => theirs,
        false => errors(&ours),
    };
    (status, Json(Told { theirs, ours })).into_response()
}

fn errors(answer: &Answer) -> Value {
    let told = answer.rejected.iter().map(|it| match it.field.as_str() {
        "" => it.reason.clone(),
        field => format!("{field} {}", it.reason),
    });
    json!({ "errors": told.collect::<Vec<String>>() })
}

/// A number for an id: what JavaScript holds exactly.
fn number_of(id: &str) -> u64 {
    let hash = model::ContentHash::of(id.as_bytes());
    let first = hash.as_bytes().first_chunk();
    u64::from_be_bytes(*first.expect("a hash has 16 bytes")) >> 11
}
