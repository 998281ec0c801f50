//! The envelope as HTTP headers; the body is the data.

use axum::http::{HeaderMap, HeaderValue};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use model::bounds;
use serde_json::{Map, Value};

use super::CloudEvent;
use super::structured::{self, is_attribute_name};
use crate::fields::{Path, Problems};
use crate::intake::Delivery;

const PREFIX: &str = "ce-";

/// Whether the headers carry an event.
pub(super) fn is_binary(headers: &HeaderMap) -> bool {
    ["ce-specversion", "ce-id", "ce-type", "ce-source"]
        .iter()
        .any(|name| headers.contains_key(*name))
}

/// Reads an event in binary mode by writing it down in structured mode.
pub(super) fn read(delivery: &Delivery, problems: &mut Problems) -> Option<CloudEvent> {
    let mut whole = Map::new();
    for (name, value) in &delivery.headers {
        let Some(attribute) = name.as_str().strip_prefix(PREFIX) else {
            continue;
        };
        let path = Path::Field(&Path::Root, attribute);
        if !is_attribute_name(attribute) {
            problems.add(
                &path,
                "the name of an attribute has lower-case letters and digits only",
            );
        } else if whole.contains_key(attribute) {
            problems.add(&path, "is stated twice");
        } else if let Some(text) = text_of(value) {
            whole.insert(attribute.to_owned(), Value::String(text));
        } else {
            problems.add(&path, "is not a text in ASCII or percent-encoded UTF-8");
        }
    }
    if ["data", "datacontenttype"]
        .iter()
        .any(|name| whole.contains_key(*name))
    {
        problems.add(
            &Path::Root,
            "the data is the body, and its type is the content type",
        );
    }
    if let Some(media) = delivery.media.stated() {
        whole.insert(
            "datacontenttype".to_owned(),
            Value::String(media.to_owned()),
        );
    }
    add_data(&mut whole, delivery, problems);
    if !problems.is_empty() {
        return None;
    }
    structured::read(Value::Object(whole), problems)
}

/// JSON is written down as it is, anything else in base64.
fn add_data(whole: &mut Map<String, Value>, delivery: &Delivery, problems: &mut Problems) {
    if delivery.body.is_empty() {
        return;
    }
    let json = delivery.media.is_json() || delivery.media.stated().is_none();
    let parsed = serde_json::from_slice::<Value>(&delivery.body);
    match parsed {
        Ok(data) if json && crate::fields::depth(&data) < bounds::JSON_DEPTH_MAX => {
            whole.insert("data".to_owned(), data);
        }
        Ok(_) if json => {
            let limit = bounds::JSON_DEPTH_MAX;
            problems.add(
                &Path::Field(&Path::Root, "data"),
                format!("nests deeper than {limit}"),
            );
        }
        Ok(_) | Err(_) => {
            let packed = STANDARD.encode(&delivery.body);
            whole.insert("data_base64".to_owned(), Value::String(packed));
        }
    }
}

/// A header's value: quotes are taken off, percent-encoding is undone.
fn text_of(value: &HeaderValue) -> Option<String> {
    let stated = value.to_str().ok()?;
    let stated = match stated
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'))
    {
        Some(quoted) => quoted.replace("\\\"", "\"").replace("\\\\", "\\"),
        None => stated.to_owned(),
    };
    let mut bytes = Vec::with_capacity(stated.len());
    let mut rest = stated.as_bytes();
    while let [first, after @ ..] = rest {
        let (byte, left) = match (first, after) {
            (b'%', [high, low, left @ ..]) => (hex(*high)? << 4 | hex(*low)?, left),
            (b'%', _) => return None,
            (other, left) => (*other, left),
        };
        bytes.push(byte);
        rest = left;
    }
    String::from_utf8(bytes).ok()
}

fn hex(digit: u8) -> Option<u8> {
    let value = char::from(digit).to_digit(16)?;
    u8::try_from(value).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(header: &'static str) -> Option<String> {
        text_of(&HeaderValue::from_static(header))
    }

    #[test]
    fn a_header_is_read_as_the_binding_says() {
        assert_eq!(text("/ci/pipeline").as_deref(), Some("/ci/pipeline"));
        assert_eq!(
            text("Euro%20%E2%82%AC%20%F0%9F%98%80").as_deref(),
            Some("Euro € 😀")
        );
        assert_eq!(text(r#""a \"b\" c""#).as_deref(), Some(r#"a "b" c"#));
        assert_eq!(text("50%"), None);
        assert_eq!(text("%ff"), None);
    }
}
