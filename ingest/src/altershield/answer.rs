//! Answers as AlterShield gives them, with our own fields beside. Every check has passed: none is done here.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use model::Event;
use serde::Serialize;
use serde_json::{Value, json};

use crate::decoded::Part;
use crate::intake::answer::{Answer, Refusal};

#[derive(Serialize)]
struct Told {
    success: bool,
    #[serde(rename = "resultCode")]
    result_code: &'static str,
    msg: String,
    domain: Value,
    #[serde(flatten)]
    ours: Answer,
}

/// The id of the order, and behind `#` the number of the batch that a body speaks of.
pub(super) fn echo(parts: &[Part]) -> Option<String> {
    let [Part::Events(events)] = parts else {
        return None;
    };
    if let Event::ChangeRecorded(change) = &events.first()?.event {
        return Some(match change.batches.first() {
            Some(batch) => format!("{}#{}", change.source_id, batch.index),
            None => change.source_id.clone(),
        });
    }
    None
}

/// The answer: the id of the node, by which its end is told.
pub(super) fn respond(mut ours: Answer) -> Response {
    let node = ours.echo.take();
    let order = node.as_deref().map(|node| node.split('#').next());
    let domain = json!({
        "orderId": order,
        "nodeExecId": node,
        "allFinished": true,
        "status": "PASS",
    });
    let status = ours.status(StatusCode::OK);
    (status, Json(told(ours, domain))).into_response()
}

/// The answer when nothing was taken.
pub(super) fn refuse(refusal: Refusal) -> Response {
    refusal.respond_as(|ours| told(ours, Value::Null))
}

fn told(ours: Answer, domain: Value) -> Told {
    let success = ours.rejected.is_empty();
    let reasons = ours.rejected.iter();
    let reasons = reasons.map(|it| format!("{} {}", it.field, it.reason).trim().to_owned());
    let msg = reasons.collect::<Vec<String>>().join("; ");
    Told {
        success,
        result_code: if success {
            "SUCCESS"
        } else {
            "ILLEGAL_ARGUMENT"
        },
        msg,
        domain: if success { domain } else { Value::Null },
        ours,
    }
}
