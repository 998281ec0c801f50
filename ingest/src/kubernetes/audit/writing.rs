//! Writings that change nothing that somebody decided, as far as one event tells.

use model::Timestamp;
use serde_json::Value;

use crate::said::Said;

/// Times of managed fields have whole seconds.
const SECOND_MS: f64 = 1_000.0;

pub(super) fn no_change(event: &Value, verb: &str) -> Option<&'static str> {
    let request = event.get("requestObject");
    if let (Some(request), "patch") = (request, verb)
        && sets_marks_only(request)
    {
        return Some("the patch sets marks or a status, and nothing that runs");
    }
    let (Some(request), Some(response)) = (request, event.get("responseObject")) else {
        return None;
    };
    if !matches!(verb, "update" | "patch") {
        return None;
    }
    let same = |pointer: &str| {
        let before = request.pointer(pointer).filter(|value| !value.is_null());
        before.is_some() && before == response.pointer(pointer)
    };
    let is_same = same("/metadata/resourceVersion");
    let is_same_spec = verb == "update" && same("/metadata/generation");
    let untouched = Said(event)
        .time_in_millis("/requestReceivedTimestamp")
        .is_some_and(|received_at| is_untouched(response, received_at));
    (is_same || is_same_spec || untouched).then_some("the writing changed nothing")
}

/// A patch whose every part is metadata or status. One of JSON has a list of steps.
fn sets_marks_only(patch: &Value) -> bool {
    const MARKS: [&str; 4] = ["metadata", "status", "apiVersion", "kind"];
    // An ingress is configured by annotations too.
    if patch.to_string().contains("ingress.kubernetes.io/") {
        return false;
    }
    match patch {
        Value::Object(fields) => {
            !fields.is_empty() && fields.keys().all(|name| MARKS.contains(&name.as_str()))
        }
        Value::Array(steps) => {
            let is_mark = |step: &Value| {
                let path = Said(step).written("/path").unwrap_or_default();
                path.starts_with("/metadata") || path.starts_with("/status")
            };
            !steps.is_empty() && steps.iter().all(is_mark)
        }
        _ => false,
    }
}

/// Whether no manager's fields were set by the request: the server notes the second of every real writing.
fn is_untouched(response: &Value, received_at: Timestamp) -> bool {
    let managed = Said(response).entries("/metadata/managedFields");
    let newest = managed
        .iter()
        .filter_map(|entry| Said(entry).time_in_millis("/time"))
        .max();
    newest.is_some_and(|newest| SECOND_MS < received_at.millis_since(newest))
}
