//! Reads single values within their bounds.

use std::collections::BTreeMap;
use std::fmt::Display;

use model::{Attributes, KeyParts, RelationKind, SourceKey, SourceName, Timestamp, bounds};
use serde_json::Value;

use super::{Fields, Path, Problems, nearest, said};

/// A name in one line, never empty.
pub(crate) fn name(value: Value, path: &Path<'_>, problems: &mut Problems) -> Option<String> {
    not_empty(
        bounded(value, bounds::KIND_BYTES, path, problems)?,
        path,
        problems,
    )
}

/// A one-line text for people.
pub(crate) fn line(value: Value, path: &Path<'_>, problems: &mut Problems) -> Option<String> {
    bounded(value, bounds::LINE_BYTES, path, problems)
}

/// A text of any number of lines.
pub(crate) fn text(value: Value, path: &Path<'_>, problems: &mut Problems) -> Option<String> {
    bounded(value, bounds::TEXT_BYTES, path, problems)
}

/// A one-line text or a number that stands for one, such as a level or a version.
pub(crate) fn statement(value: Value, path: &Path<'_>, problems: &mut Problems) -> Option<String> {
    match value {
        Value::Number(number) => Some(number.to_string()),
        other => line(other, path, problems),
    }
}

/// The name of a source.
pub(crate) fn source_name(
    value: Value,
    path: &Path<'_>,
    problems: &mut Problems,
) -> Option<SourceName> {
    let name = bounded(value, bounds::SOURCE_NAME_BYTES, path, problems)?;
    not_empty(name, path, problems).map(SourceName::new)
}

/// A sender's own id. A number is taken as its decimal text.
pub(crate) fn source_id(value: Value, path: &Path<'_>, problems: &mut Problems) -> Option<String> {
    let id = match value {
        Value::Number(number) if !number.is_f64() => number.to_string(),
        other => bounded(other, bounds::SOURCE_ID_BYTES, path, problems)?,
    };
    not_empty(id, path, problems)
}

/// A moment in RFC 3339.
pub(crate) fn time(value: Value, path: &Path<'_>, problems: &mut Problems) -> Option<Timestamp> {
    let text = bounded(value, 64, path, problems)?;
    told(text.parse(), path, problems)
}

/// True or false.
pub(crate) fn truth(value: Value, path: &Path<'_>, problems: &mut Problems) -> Option<bool> {
    match value {
        Value::Bool(truth) => Some(truth),
        other => expected("true or false", &other, path, problems),
    }
}

/// Any number.
pub(crate) fn number(value: Value, path: &Path<'_>, problems: &mut Problems) -> Option<f64> {
    match value {
        Value::Number(number) => number.as_f64(),
        other => expected("a number", &other, path, problems),
    }
}

/// A whole number from 0.
pub(crate) fn quantity(value: Value, path: &Path<'_>, problems: &mut Problems) -> Option<u64> {
    match value {
        Value::Number(number) if number.is_u64() => number.as_u64(),
        other => expected("a whole number from 0", &other, path, problems),
    }
}

/// A span of time in whole milliseconds, not nothing.
pub(crate) fn duration_ms(value: Value, path: &Path<'_>, problems: &mut Problems) -> Option<u64> {
    let millis = quantity(value, path, problems)?;
    if millis == 0 {
        problems.add(path, "must be more than nothing");
        return None;
    }
    Some(millis)
}

/// A share from 0 to 100.
pub(crate) fn percent(value: Value, path: &Path<'_>, problems: &mut Problems) -> Option<f64> {
    let share = number(value, path, problems)?;
    if !(0.0..=100.0).contains(&share) {
        problems.add(path, "must lie between 0 and 100");
        return None;
    }
    Some(share)
}

/// One of a few known words.
pub(crate) fn word<T: Copy>(
    words: &[(&'static str, T)],
    value: Value,
    path: &Path<'_>,
    problems: &mut Problems,
) -> Option<T> {
    let written = line(value, path, problems)?;
    if let Some((_, meaning)) = words.iter().find(|(word, _)| *word == written) {
        return Some(*meaning);
    }
    let known: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
    let reason = match nearest(&written, &known) {
        Some(meant) => format!("is not a word known here; did you mean {meant}?"),
        None => format!("is not one of {}", known.join(", ")),
    };
    problems.add(path, reason);
    None
}

/// A relation's kind: lower case with underscores.
pub(crate) fn relation_kind(
    value: Value,
    path: &Path<'_>,
    problems: &mut Problems,
) -> Option<RelationKind> {
    let kind = name(value, path, problems)?;
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    if !kind.bytes().all(plain) {
        problems.add(
            path,
            "is written in lower case with underscores, as in runs_on",
        );
        return None;
    }
    Some(RelationKind::new(kind))
}

/// A key: as written, in parts, or as a claim.
pub(crate) fn key(value: Value, path: &Path<'_>, problems: &mut Problems) -> Option<SourceKey> {
    match value {
        Value::String(_) => {
            let written = bounded(value, bounds::KEY_BYTES, path, problems)?;
            not_empty(written, path, problems).map(SourceKey::Text)
        }
        Value::Object(ref parts) if parts.contains_key("scheme") => {
            let mut fields = Fields::open(value, path, problems)?;
            let scheme = fields.must("scheme", name);
            let claimed = fields.must("value", key_part);
            fields.close();
            Some(SourceKey::Claim {
                scheme: scheme?,
                value: claimed?,
            })
        }
        Value::Object(_) => {
            let mut fields = Fields::open(value, path, problems)?;
            let kind = fields.must("kind", name);
            let environment = fields.may("environment", key_part);
            let namespace = fields.may("namespace", key_part);
            let called = fields.must("name", key_part);
            fields.close();
            let parts = KeyParts::new(kind?.to_lowercase(), called?)
                .in_environment(environment)
                .in_namespace(namespace);
            Some(SourceKey::Parts(parts))
        }
        other => expected("a key as text or in parts", &other, path, problems),
    }
}

/// Named values of an item. `null` takes an earlier value back.
pub(crate) fn attributes(
    value: Value,
    path: &Path<'_>,
    problems: &mut Problems,
) -> Option<Attributes> {
    let Value::Object(entries) = value else {
        return expected("an object", &value, path, problems);
    };
    if bounds::ATTRIBUTES_MAX < entries.len() {
        let found = entries.len();
        problems.add(
            path,
            format!(
                "has {found} entries, at most {} are taken",
                bounds::ATTRIBUTES_MAX
            ),
        );
        return None;
    }
    let mut attributes = BTreeMap::new();
    for (name, stated) in entries {
        if name.is_empty() || bounds::LINE_BYTES < name.len() {
            let limit = bounds::LINE_BYTES;
            problems.add(
                path,
                format!("the name of an attribute has 1 to {limit} bytes"),
            );
            continue;
        }
        if let Some(stated) = self::value(stated, &Path::Field(path, &name), problems) {
            attributes.insert(name, stated);
        }
    }
    Some(attributes)
}

/// Any JSON value within the bound of an attribute.
pub(crate) fn value(value: Value, path: &Path<'_>, problems: &mut Problems) -> Option<Value> {
    let bytes = value.to_string().len();
    if bounds::ATTRIBUTE_VALUE_BYTES < bytes {
        let limit = bounds::ATTRIBUTE_VALUE_BYTES;
        problems.add(
            path,
            format!("has {bytes} bytes, at most {limit} are taken"),
        );
        return None;
    }
    Some(value)
}

/// A part of a key, or a name in a scheme.
pub(crate) fn key_part(value: Value, path: &Path<'_>, problems: &mut Problems) -> Option<String> {
    not_empty(
        bounded(value, bounds::KEY_BYTES, path, problems)?,
        path,
        problems,
    )
}

fn bounded(value: Value, limit: usize, path: &Path<'_>, problems: &mut Problems) -> Option<String> {
    match value {
        Value::String(text) if text.len() <= limit => Some(text),
        Value::String(text) => {
            let bytes = text.len();
            problems.add(
                path,
                format!("has {bytes} bytes, at most {limit} are taken"),
            );
            None
        }
        other => expected("a text", &other, path, problems),
    }
}

fn not_empty(text: String, path: &Path<'_>, problems: &mut Problems) -> Option<String> {
    if text.trim().is_empty() {
        problems.add(path, "must not be empty");
        return None;
    }
    Some(text)
}

fn expected<T>(what: &str, found: &Value, path: &Path<'_>, problems: &mut Problems) -> Option<T> {
    problems.add(path, format!("expected {what}, found {}", said(found)));
    None
}

fn told<T, E: Display>(
    result: Result<T, E>,
    path: &Path<'_>,
    problems: &mut Problems,
) -> Option<T> {
    match result {
        Ok(good) => Some(good),
        Err(error) => {
            problems.add(path, error.to_string());
            None
        }
    }
}
