//! Cuts a body into its parts without reading them, so that only one is unfolded at a time.

use model::bounds;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::decoded::{Malformed, Part};
use crate::fields::depth;

/// How the parts of a body are put together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wrapping {
    /// One JSON value, or an array of them.
    Json,
    /// One JSON value a line.
    Lines,
}

/// The parts of a body as they stand in it.
pub(crate) fn split(body: &[u8], wrapping: Wrapping) -> Result<Vec<&str>, Malformed> {
    let text = std::str::from_utf8(body)
        .map_err(|error| Malformed::because(format!("the body is not UTF-8: {error}")))?;
    let parts = match wrapping {
        Wrapping::Lines => text
            .lines()
            .filter(|line| !line.trim().is_empty())
            .collect(),
        Wrapping::Json if text.trim_start().starts_with('[') => {
            let parts: Vec<&RawValue> =
                serde_json::from_str(text).map_err(|error| not_json(&error))?;
            parts.into_iter().map(RawValue::get).collect()
        }
        Wrapping::Json => {
            let part: &RawValue = serde_json::from_str(text).map_err(|error| not_json(&error))?;
            vec![part.get()]
        }
    };
    if bounds::EVENTS_PER_REQUEST_MAX < parts.len() {
        let (found, limit) = (parts.len(), bounds::EVENTS_PER_REQUEST_MAX);
        let reason = format!("the request has {found} events, at most {limit} are taken");
        return Err(Malformed::because(reason));
    }
    Ok(parts)
}

/// Unfolds one part within its bounds.
pub(crate) fn unfold(part: &str) -> Result<Value, Part> {
    if bounds::EVENT_BYTES < part.len() {
        let (bytes, limit) = (part.len(), bounds::EVENT_BYTES);
        let reason = format!("has {bytes} bytes, an event may have {limit}");
        return Err(Part::refused("", reason));
    }
    let value: Value = serde_json::from_str(part)
        .map_err(|error| Part::refused("", format!("is not JSON: {error}")))?;
    if bounds::JSON_DEPTH_MAX < depth(&value) {
        let limit = bounds::JSON_DEPTH_MAX;
        return Err(Part::refused("", format!("nests deeper than {limit}")));
    }
    Ok(value)
}

fn not_json(error: &serde_json::Error) -> Malformed {
    let hint = if error.to_string().starts_with("trailing characters") {
        "; several events are a JSON array, or JSON lines sent as application/x-ndjson"
    } else {
        ""
    };
    Malformed::because(format!("the body is not JSON: {error}{hint}"))
}
