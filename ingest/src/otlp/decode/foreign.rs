//! What the formats of Zipkin and Jaeger have in common: ids in hex of any length, and values of JSON.

use serde_json::Value;

use crate::otlp::attributes::AttributeValue;

/// Bytes of an id, or none where it is not valid.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct HexId {
    bytes: [u8; 16],
    from: usize,
}

impl HexId {
    /// The bytes; one byte, which is no valid length, where it is not hex.
    pub(super) fn as_slice(&self) -> &[u8] {
        self.bytes.get(self.from..).unwrap_or_default()
    }
}

/// A trace's id. Those of 64 bits are the lower half of one of 128.
pub(super) fn hex_trace(text: &str) -> HexId {
    match u128::from_str_radix(text, 16) {
        Ok(number) if text.len() <= 32 && !text.starts_with('+') => HexId {
            bytes: number.to_be_bytes(),
            from: 0,
        },
        _ => INVALID,
    }
}

/// A span's id; none where the text is empty or all zeros, as some write a missing one.
pub(super) fn hex_id(text: &str) -> HexId {
    match u64::from_str_radix(text, 16) {
        Ok(0) => NONE,
        Ok(number) if text.len() <= 16 && !text.starts_with('+') => HexId {
            bytes: u128::from(number).to_be_bytes(),
            from: 8,
        },
        _ if text.is_empty() => NONE,
        _ => INVALID,
    }
}

const NONE: HexId = HexId {
    bytes: [0; 16],
    from: 16,
};
const INVALID: HexId = HexId {
    bytes: [0; 16],
    from: 15,
};

/// What a value of JSON says to the readers of attributes. Truth may be written as a text.
pub(super) fn scalar(value: &Value) -> AttributeValue<'_> {
    match value {
        Value::String(text) => AttributeValue::Text(text),
        Value::Bool(flag) => AttributeValue::Flag(*flag),
        Value::Number(number) => number
            .as_i64()
            .map_or(AttributeValue::Other, AttributeValue::Number),
        Value::Null | Value::Array(_) | Value::Object(_) => AttributeValue::Other,
    }
}
