//! `AnyValue` in OTLP's JSON: an object with one key that names the type.

use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::Value;

use super::KeyValue;
use super::values::{Double, List, Text, WholeSigned};
use crate::otlp::attributes::AttributeValue;

/// A value of any type.
#[derive(Debug, Default)]
pub(crate) enum AnyValue<'a> {
    /// Nothing, or a type that is not known.
    #[default]
    Empty,
    /// `stringValue`.
    Text(Text<'a>),
    /// `boolValue`.
    Flag(bool),
    /// `intValue`, a number or a text.
    Whole(i64),
    /// `doubleValue`, a number or `"NaN"` and the like.
    Double(f64),
    /// `bytesValue`, kept as its base64.
    Bytes(Text<'a>),
    /// `arrayValue`.
    Array(Vec<AnyValue<'a>>),
    /// `kvlistValue`.
    Map(Vec<KeyValue<'a>>),
}

#[derive(Debug, Default, Deserialize)]
struct Values<T> {
    #[serde(default = "List::empty")]
    values: List<T>,
}

impl<'de: 'a, 'a> Deserialize<'de> for AnyValue<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AnyVisitor)
    }
}

struct AnyVisitor;

impl<'de> Visitor<'de> for AnyVisitor {
    type Value = AnyValue<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an AnyValue object")
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(AnyValue::Empty)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut value = AnyValue::Empty;
        while let Some(key) = map.next_key::<Text<'de>>()? {
            let stated = match &*key {
                "stringValue" => map.next_value::<Option<Text<'de>>>()?.map(AnyValue::Text),
                "boolValue" => map.next_value::<Option<bool>>()?.map(AnyValue::Flag),
                "intValue" => map
                    .next_value::<Option<WholeSigned>>()?
                    .map(|number| AnyValue::Whole(number.0)),
                "doubleValue" => map
                    .next_value::<Option<Double>>()?
                    .map(|number| AnyValue::Double(number.0)),
                "bytesValue" => map.next_value::<Option<Text<'de>>>()?.map(AnyValue::Bytes),
                "arrayValue" => map
                    .next_value::<Option<Values<AnyValue<'de>>>>()?
                    .map(|list| AnyValue::Array(list.values.0)),
                "kvlistValue" => map
                    .next_value::<Option<Values<KeyValue<'de>>>>()?
                    .map(|list| AnyValue::Map(list.values.0)),
                _ => {
                    map.next_value::<IgnoredAny>()?;
                    None
                }
            };
            value = stated.unwrap_or(value);
        }
        Ok(value)
    }
}

impl AnyValue<'_> {
    /// What it says to the readers of span attributes.
    pub(crate) fn as_attribute(&self) -> AttributeValue<'_> {
        match self {
            Self::Text(text) => AttributeValue::Text(text),
            Self::Flag(flag) => AttributeValue::Flag(*flag),
            Self::Whole(number) => AttributeValue::Number(*number),
            Self::Empty | Self::Double(_) | Self::Bytes(_) | Self::Array(_) | Self::Map(_) => {
                AttributeValue::Other
            }
        }
    }

    /// The value as plain JSON. A double that JSON cannot say becomes `null`.
    pub(crate) fn to_json(&self) -> Value {
        match self {
            Self::Empty => Value::Null,
            Self::Text(text) | Self::Bytes(text) => Value::String(text.to_string()),
            Self::Flag(flag) => Value::Bool(*flag),
            Self::Whole(number) => Value::from(*number),
            Self::Double(number) => Value::from(*number),
            Self::Array(values) => values.iter().map(AnyValue::to_json).collect(),
            Self::Map(entries) => entries
                .iter()
                .map(|entry| (entry.key.to_string(), entry.value.to_json()))
                .collect(),
        }
    }
}
