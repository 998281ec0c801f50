//! Answers as PagerDuty gives them, with our own fields beside.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use crate::intake::answer::{Answer, Refusal};

/// What a client of the Events API reads, and what every intake here tells.
#[derive(Serialize)]
struct Told {
    status: &'static str,
    message: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    dedup_key: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<String>,
    #[serde(flatten)]
    answer: Answer,
}

/// The answer to a change event: its id.
pub(super) fn to_change(mut answer: Answer) -> Response {
    let id = answer.echo.take();
    let told = told(answer, "Change event processed");
    respond(Told { id, ..told })
}

/// The answer to an alert event: the key by which it is acknowledged and resolved.
pub(super) fn to_alert(mut answer: Answer) -> Response {
    let dedup_key = answer.echo.take();
    let told = told(answer, "Event processed");
    respond(Told { dedup_key, ..told })
}

/// The answer when nothing was taken.
pub(super) fn refuse(refusal: Refusal) -> Response {
    refusal.respond_as(|answer| told(answer, ""))
}

fn told(answer: Answer, success: &'static str) -> Told {
    let taken = answer.rejected.is_empty();
    let errors = answer.rejected.iter().map(|it| match it.field.as_str() {
        "" => it.reason.clone(),
        field => format!("{field} {}", it.reason),
    });
    Told {
        status: if taken { "success" } else { "invalid event" },
        message: if taken {
            success
        } else {
            "Event object is invalid"
        },
        dedup_key: None,
        id: None,
        errors: errors.collect(),
        answer,
    }
}

fn respond(told: Told) -> Response {
    (told.answer.status(StatusCode::ACCEPTED), Json(told)).into_response()
}
