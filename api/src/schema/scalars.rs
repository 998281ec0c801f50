//! The scalars that GraphQL has not: moments, spans of time, positions, keys.

use async_graphql::{InputValueError, InputValueResult, Scalar, ScalarType, Value};
use model::{Claim, KeyParts, Lookback, SourceKey, Timestamp};
use serde::{Deserialize, Serialize};

/// A moment in RFC 3339, such as `2026-11-20T11:00:00Z`. Any offset is read; answers are in UTC.
#[derive(Serialize)]
#[serde(transparent)]
#[derive(Clone, Copy)]
pub(crate) struct DateTime(pub(crate) Timestamp);

/// A moment in RFC 3339, such as `2026-11-20T11:00:00Z`. Any offset is read; answers are in UTC.
#[Scalar(
    name = "DateTime",
    specified_by_url = "https://www.rfc-editor.org/rfc/rfc3339"
)]
impl ScalarType for DateTime {
    fn parse(value: Value) -> InputValueResult<Self> {
        Ok(Self(parse_text(&value)?))
    }

    fn is_valid(value: &Value) -> bool {
        parse_text::<Timestamp>(value).is_ok()
    }

    fn to_value(&self) -> Value {
        Value::String(self.0.to_string())
    }
}

/// A span of time in ISO 8601, such as `PT72H` or `P3D`. A day has 24 hours; months and years are not taken.
pub(crate) struct Duration(pub(crate) Lookback);

/// A span of time in ISO 8601, such as `PT72H` or `P3D`. A day has 24 hours; months and years are not taken.
#[Scalar(
    name = "Duration",
    specified_by_url = "https://www.iso.org/iso-8601-date-and-time-format.html"
)]
impl ScalarType for Duration {
    fn parse(value: Value) -> InputValueResult<Self> {
        Ok(Self(parse_text(&value)?))
    }

    fn is_valid(value: &Value) -> bool {
        parse_text::<Lookback>(value).is_ok()
    }

    fn to_value(&self) -> Value {
        Value::String(self.0.to_string())
    }
}

/// A place in the log as a decimal string, from `"1"`; `"0"` stands before everything.
pub(crate) struct LogPosition(pub(crate) model::LogPosition);

/// A place in the log as a decimal string, from `"1"`; `"0"` stands before everything.
#[Scalar(name = "LogPosition")]
impl ScalarType for LogPosition {
    fn parse(value: Value) -> InputValueResult<Self> {
        Ok(Self(parse_text(&value)?))
    }

    fn is_valid(value: &Value) -> bool {
        parse_text::<model::LogPosition>(value).is_ok()
    }

    fn to_value(&self) -> Value {
        Value::String(self.0.to_string())
    }
}

/// A key of an item: written text (`service:prod/checkout`, `scheme=value`, or an id), or one of the
/// structured forms `{kind, environment, namespace, name}` and `{scheme, value}`, which are never split.
#[derive(Clone, Serialize)]
#[serde(transparent)]
pub(crate) struct ItemKey(pub(crate) SourceKey);

#[derive(Deserialize)]
#[serde(untagged)]
enum StructuredKey {
    Parts(KeyParts),
    Claim(Claim),
}

/// A key of an item: written text (`service:prod/checkout`, `scheme=value`, or an id), or one of the
/// structured forms `{kind, environment, namespace, name}` and `{scheme, value}`, which are never split.
#[Scalar(name = "ItemKey")]
impl ScalarType for ItemKey {
    fn parse(value: Value) -> InputValueResult<Self> {
        match value {
            Value::String(text) => Ok(Self(SourceKey::Text(text))),
            object @ Value::Object(_) => {
                let json = object.into_json()?;
                let key = serde_json::from_value(json).map_err(|_| {
                    InputValueError::custom(
                        "a structured key is {kind, environment, namespace, name} or {scheme, value}",
                    )
                })?;
                Ok(Self(match key {
                    StructuredKey::Parts(parts) => SourceKey::Parts(parts),
                    StructuredKey::Claim(Claim { scheme, value }) => {
                        SourceKey::Claim { scheme, value }
                    }
                }))
            }
            other => Err(InputValueError::expected_type(other)),
        }
    }

    fn is_valid(value: &Value) -> bool {
        matches!(value, Value::String(_) | Value::Object(_))
    }

    fn to_value(&self) -> Value {
        Value::String(self.0.to_string())
    }
}

fn parse_text<T>(value: &Value) -> Result<T, String>
where
    T: std::str::FromStr<Err: std::fmt::Display>,
{
    match value {
        Value::String(text) => text.parse().map_err(|error: T::Err| error.to_string()),
        other => Err(format!("expected a string, found {other}")),
    }
}
