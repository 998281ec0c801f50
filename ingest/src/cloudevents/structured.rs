//! The envelope as a JSON object.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};

use super::{CloudEvent, Data};
use crate::fields::{self, Fields, Path, Problems, said};
use crate::intake::MediaType;

/// Attributes that are no extensions.
const KNOWN: [&str; 9] = [
    "specversion",
    "id",
    "source",
    "type",
    "time",
    "subject",
    "dataschema",
    "datacontenttype",
    "data",
];

/// Reads an event in structured mode.
pub(super) fn read(event: Value, problems: &mut Problems) -> Option<CloudEvent> {
    if let Value::Object(attributes) = &event {
        check_extensions(attributes, problems);
    }
    let whole = event.clone();
    let mut fields = Fields::open(event, &Path::Root, problems)?;
    let specversion = fields.must("specversion", fields::line);
    if specversion
        .as_deref()
        .is_some_and(|version| version != "1.0")
    {
        fields.problem("specversion", "is not 1.0");
    }
    let id = fields.must("id", text_id);
    let source = fields.must("source", fields::source_name);
    let tag = fields.must("type", fields::key_part);
    let time = fields.may("time", fields::time);
    fields.may("subject", fields::key_part);
    fields.may("dataschema", fields::key_part);
    let media = fields.may("datacontenttype", fields::key_part);
    let data = fields.may("data", |data, _, _| Some(data));
    let packed = fields.may("data_base64", |data, path, problems| match data {
        Value::String(packed) => unpack(&packed, path, problems),
        other => {
            problems.add(path, format!("expected a text, found {}", said(&other)));
            None
        }
    });
    if data.is_some() && packed.is_some() {
        fields.problem("data_base64", "stands beside data");
    }
    let data = match (data, packed) {
        (Some(data), _) => json_or_text(data, media.as_deref()),
        (None, Some(bytes)) => bytes_of(&bytes, media.as_deref()),
        (None, None) => Data::Nothing,
    };
    Some(CloudEvent {
        id: id?,
        source: source?,
        tag: tag?,
        time,
        data,
        whole,
    })
}

/// What bytes of a media type are; without one they are JSON.
pub(super) fn bytes_of(bytes: &[u8], media: Option<&str>) -> Data {
    match media {
        Some(media) if !MediaType::parse(media).is_json() => Data::Other(media.to_owned()),
        Some(_) | None => match serde_json::from_slice(bytes) {
            Ok(data) => Data::Json(data),
            Err(_) => Data::Other("damaged JSON".to_owned()),
        },
    }
}

/// Data in place is JSON unless its media type says otherwise; then it is the text of it.
fn json_or_text(data: Value, media: Option<&str>) -> Data {
    match media {
        Some(media) if !MediaType::parse(media).is_json() => Data::Other(media.to_owned()),
        Some(_) | None => Data::Json(data),
    }
}

/// Unlike our own ids, this one must be a text.
fn text_id(value: Value, path: &Path<'_>, problems: &mut Problems) -> Option<String> {
    match value {
        Value::String(_) => fields::source_id(value, path, problems),
        other => {
            problems.add(path, format!("expected a text, found {}", said(&other)));
            None
        }
    }
}

fn unpack(packed: &str, path: &Path<'_>, problems: &mut Problems) -> Option<Vec<u8>> {
    let unpacked = STANDARD.decode(packed);
    if unpacked.is_err() {
        problems.add(path, "is not base64");
    }
    unpacked.ok()
}

/// An extension has a plain name and a plain value.
fn check_extensions(attributes: &Map<String, Value>, problems: &mut Problems) {
    for (name, value) in attributes {
        if KNOWN.contains(&name.as_str()) || name == "data_base64" {
            continue;
        }
        let path = Path::Field(&Path::Root, name);
        if !is_attribute_name(name) {
            problems.add(
                &path,
                "the name of an attribute has lower-case letters and digits only",
            );
        } else if value.is_object() || value.is_array() {
            problems.add(
                &path,
                format!("expected a plain value, found {}", said(value)),
            );
        }
    }
}

/// Lower-case letters and digits.
pub(super) fn is_attribute_name(name: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    !name.is_empty() && name.len() <= 128 && name.bytes().all(plain)
}
