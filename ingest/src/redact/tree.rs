//! Secrets in JSON: by name, by the marks a format sets, and by shape in every text.

use std::borrow::Cow;

use serde_json::{Map, Value};

use super::names::{names_count, names_secret};
use super::{REDACTED, redact_text_within};

/// Names under which a value's own name is written beside it: `{"name": "DB_PASSWORD", "value": ...}`.
const NAME_FIELDS: [&str; 7] = [
    "name", "key", "field", "path", "variable", "header", "property",
];

/// Names of the values such a name speaks of.
const VALUE_FIELDS: [&str; 9] = [
    "value",
    "values",
    "before",
    "after",
    "old",
    "new",
    "default",
    "stringValue",
    "content",
];

/// JSON in a text in JSON is opened so often; deeper down, names and shapes are looked for in the text as it is.
pub(super) const EMBEDDED_MAX: usize = 3;

/// Redacts a value that lies in so many levels of texts that are JSON themselves.
pub(super) fn redact(value: &mut Value, embedded: usize) -> usize {
    match value {
        Value::Object(fields) => redact_object(fields, embedded),
        Value::Array(entries) => redact_array(entries, embedded),
        Value::String(text) => redact_string(text, embedded),
        Value::Null | Value::Bool(_) | Value::Number(_) => 0,
    }
}

/// A text that is JSON itself (an annotation, a webhook in a webhook), redacted as JSON; `None` if it is none or stays the same.
pub(super) fn redact_embedded(text: &str, embedded: usize) -> Option<String> {
    if EMBEDDED_MAX < embedded || !looks_like_json(text) {
        return None;
    }
    let mut value: Value = serde_json::from_str(text).ok()?;
    if redact(&mut value, embedded + 1) == 0 {
        return None;
    }
    serde_json::to_string(&value).ok()
}

pub(super) fn looks_like_json(text: &str) -> bool {
    text.trim_start().starts_with(['{', '['])
}

fn redact_object(fields: &mut Map<String, Value>, embedded: usize) -> usize {
    let mut removed = apply_marks(fields);
    for (name, value) in fields.iter_mut() {
        let secret = names_secret(name);
        let counts = value.is_number() && names_count(name);
        removed += if secret && !counts {
            remove_leaves(value, embedded)
        } else {
            redact(value, embedded)
        };
    }
    removed + redact_names(fields, embedded)
}

/// What the format itself calls secret.
fn apply_marks(fields: &mut Map<String, Value>) -> usize {
    let text = |name: &str| fields.get(name).and_then(Value::as_str);
    let named_secret = NAME_FIELDS
        .iter()
        .any(|name| text(name).is_some_and(names_secret));
    let sensitive = fields.get("sensitive") == Some(&Value::Bool(true));
    let is_secret_manifest = text("kind") == Some("Secret");
    let mut removed = 0;
    for (name, value) in fields.iter_mut() {
        let spoken_of = (named_secret || sensitive) && VALUE_FIELDS.contains(&name.as_str());
        let manifest_data = is_secret_manifest && (name == "data" || name == "stringData");
        if spoken_of || manifest_data {
            removed += remove_all(value);
        }
    }
    removed + apply_masks(fields)
}

/// Terraform writes beside `after` an `after_sensitive` of the same form with `true` where a secret stands.
fn apply_masks(fields: &mut Map<String, Value>) -> usize {
    let mut removed = 0;
    for (masked, mask) in [
        ("before", "before_sensitive"),
        ("after", "after_sensitive"),
        ("values", "sensitive_values"),
    ] {
        let Some(mask) = fields.get(mask).cloned() else {
            continue;
        };
        if let Some(value) = fields.get_mut(masked) {
            removed += apply_mask(value, &mask);
        }
    }
    removed
}

fn apply_mask(value: &mut Value, mask: &Value) -> usize {
    match (value, mask) {
        (value, Value::Bool(true)) => remove_all(value),
        (Value::Object(fields), Value::Object(masks)) => masks
            .iter()
            .filter_map(|(name, mask)| fields.get_mut(name).map(|field| apply_mask(field, mask)))
            .sum(),
        (Value::Array(entries), Value::Array(masks)) => entries
            .iter_mut()
            .zip(masks)
            .map(|(entry, mask)| apply_mask(entry, mask))
            .sum(),
        _ => 0,
    }
}

/// Below a secret name everything is one, but what only speaks about it (`secret: {secretName: ..}`).
fn remove_leaves(value: &mut Value, embedded: usize) -> usize {
    match value {
        Value::Object(fields) => fields
            .iter_mut()
            .map(|(name, field)| {
                let about = !names_secret(name) && names_secret_reference(name);
                if about {
                    redact(field, embedded)
                } else {
                    remove_leaves(field, embedded)
                }
            })
            .sum(),
        Value::Array(entries) => entries
            .iter_mut()
            .map(|entry| remove_leaves(entry, embedded))
            .sum(),
        leaf => remove_all(leaf),
    }
}

/// Fields that say where a secret lies, or what kind it is.
fn names_secret_reference(name: &str) -> bool {
    const REFERENCES: [&str; 11] = [
        "name",
        "secretName",
        "namespace",
        "kind",
        "type",
        "path",
        "ref",
        "version",
        "id",
        "arn",
        "optional",
    ];
    REFERENCES.contains(&name)
}

fn remove_all(value: &mut Value) -> usize {
    match value {
        Value::Null | Value::Bool(_) => 0,
        Value::String(text) if text.is_empty() || text == REDACTED => 0,
        Value::String(_) | Value::Number(_) => {
            *value = Value::String(REDACTED.to_owned());
            1
        }
        Value::Array(entries) => entries.iter_mut().map(remove_all).sum(),
        Value::Object(fields) => fields.values_mut().map(remove_all).sum(),
    }
}

/// A command line in pieces: what follows `--password` is the password.
fn redact_array(entries: &mut [Value], embedded: usize) -> usize {
    let mut removed = 0;
    let mut after_flag = false;
    for entry in entries {
        let flag = entry
            .as_str()
            .is_some_and(|text| text.starts_with('-') && !text.contains('=') && names_secret(text));
        removed += if after_flag && !flag {
            remove_all(entry)
        } else {
            redact(entry, embedded)
        };
        after_flag = flag;
    }
    removed
}

fn redact_string(text: &mut String, embedded: usize) -> usize {
    match redact_text_within(text, embedded) {
        Cow::Owned(kept) if kept != *text => {
            *text = kept;
            1
        }
        _ => 0,
    }
}

/// A name can hold a secret too; a name that meets another after that gets a number.
fn redact_names(fields: &mut Map<String, Value>, embedded: usize) -> usize {
    let telling = |name: &String| redact_text_within(name, embedded) != name.as_str();
    if !fields.keys().any(telling) {
        return 0;
    }
    let mut removed = 0;
    for (name, value) in std::mem::take(fields) {
        let kept = redact_text_within(&name, embedded).into_owned();
        removed += usize::from(kept != name);
        let mut free = kept.clone();
        let mut number = 2;
        while fields.contains_key(&free) {
            free = format!("{kept}{number}");
            number += 1;
        }
        fields.insert(free, value);
    }
    removed
}
