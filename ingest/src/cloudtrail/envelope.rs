//! What lies around the records: nothing, a file's list, `EventBridge`, SNS.

use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::decoded::{Malformed, Part};
use crate::said::Said;
use crate::split::unfold;
use model::bounds;

/// What a body holds.
pub(super) enum Envelope {
    /// The records of a file, not yet unfolded: there may be many.
    Records(Vec<Box<RawValue>>),
    /// One record.
    One(Value),
    /// Something that has a meaning of its own.
    Says(Part),
    /// Something else, and why.
    Other(&'static str),
}

#[derive(Deserialize)]
struct File {
    #[serde(rename = "Records")]
    records: Vec<Box<RawValue>>,
}

pub(super) fn open(body: &[u8]) -> Result<Envelope, Malformed> {
    let whole: &RawValue = serde_json::from_slice(body)
        .map_err(|error| Malformed::because(format!("the body is not JSON: {error}")))?;
    inner(whole.get(), true)
}

fn inner(text_of_body: &str, may_be_wrapped: bool) -> Result<Envelope, Malformed> {
    if let Ok(File { records }) = serde_json::from_str(text_of_body) {
        let limit = bounds::EVENTS_PER_REQUEST_MAX;
        return match records.len() <= limit {
            true => Ok(Envelope::Records(records)),
            false => Err(Malformed::because(format!(
                "more than {limit} records in one body"
            ))),
        };
    }
    let value = match unfold(text_of_body) {
        Ok(value) => value,
        Err(refused) => return Ok(Envelope::Says(refused)),
    };
    if value.get("eventName").is_some() && value.get("eventSource").is_some() {
        return Ok(Envelope::One(value));
    }
    if value.get("s3ObjectKey").is_some() {
        let reason = "names a file of records and holds none";
        return Ok(Envelope::Says(Part::ignored(reason)));
    }
    if let (Some(_), Some(detail)) = (Said(&value).written("/detail-type"), value.get("detail")) {
        return Ok(match detail.get("eventName") {
            Some(_) => Envelope::One(detail.clone()),
            None => Envelope::Other("an event of EventBridge that CloudTrail did not make"),
        });
    }
    match Said(&value).written("/Type") {
        Some("Notification") if may_be_wrapped => match value.get("Message") {
            Some(Value::String(message)) if message.trim_start().starts_with('{') => {
                inner(message, false)
            }
            _ => Ok(Envelope::Says(Part::ignored(
                "a notification that holds no records",
            ))),
        },
        Some("SubscriptionConfirmation" | "UnsubscribeConfirmation") => {
            Ok(Envelope::Says(confirmation(&value)))
        }
        _ => Ok(Envelope::Other(
            "is neither records of CloudTrail nor an event with one in its detail",
        )),
    }
}

/// A topic asks whether it may send. Only a person knows; the link is shown when it is one of AWS.
fn confirmation(value: &Value) -> Part {
    let topic = Said(value).written("/TopicArn").unwrap_or_default();
    let link = Said(value)
        .written("/SubscribeURL")
        .filter(|link| is_of_sns(link));
    match (Said(value).written("/Type"), link) {
        (Some("SubscriptionConfirmation"), Some(link)) if topic.starts_with("arn:aws") => {
            Part::Notice(format!(
                "the topic {topic:?} asks whether it may send here; if it is yours, open {link}"
            ))
        }
        (Some("SubscriptionConfirmation"), _) => {
            Part::ignored("a topic asks to be confirmed by an address that is not one of SNS")
        }
        _ => Part::ignored("a topic no longer sends"),
    }
}

/// `https://sns.REGION.amazonaws.com/?…`, and nothing that only looks like it.
fn is_of_sns(link: &str) -> bool {
    let Some((host, _)) = link
        .strip_prefix("https://")
        .and_then(|rest| rest.split_once('/'))
    else {
        return false;
    };
    let host = host.strip_suffix(".cn").unwrap_or(host);
    let region = host
        .strip_prefix("sns.")
        .and_then(|rest| rest.strip_suffix(".amazonaws.com"));
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    let is_printable = link.bytes().all(|byte| byte.is_ascii_graphic());
    is_printable && region.is_some_and(|region| !region.is_empty() && region.bytes().all(plain))
}
