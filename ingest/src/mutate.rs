//! Makes bad input out of good, for the tests of decoders.

use proptest::prelude::*;
use serde_json::{Value, json};

/// Any JSON value of a few levels.
pub(crate) fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,12}".prop_map(Value::from),
        Just(json!("2026-11-20T09:00:00Z")),
        Just(json!("service:a")),
    ];
    leaf.prop_recursive(3, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map("[a-zA-Z_]{0,10}", inner, 0..4)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

/// Puts a value somewhere into another one: `steps` say where.
pub(crate) fn put(whole: &mut Value, steps: &[u8], value: Value) {
    let Some((step, rest)) = steps.split_first() else {
        *whole = value;
        return;
    };
    let inner = match whole {
        Value::Array(entries) if !entries.is_empty() => {
            let length = entries.len();
            entries.get_mut(usize::from(*step) % length)
        }
        Value::Object(fields) if !fields.is_empty() => {
            let length = fields.len();
            fields.values_mut().nth(usize::from(*step) % length)
        }
        other => Some(other),
    };
    put(inner.unwrap(), rest, value);
}
