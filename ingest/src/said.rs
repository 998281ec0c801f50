//! Reads what the webhooks of other tools say, by the place where it stands. Pure.
//!
//! A text that is too long is cut and a value of another shape says nothing: a tool cannot mend
//! what its next version sends. What a fact cannot do without is asked for with `must_`.

use model::{ContentHash, Timestamp, bounds};
use serde_json::Value;

use crate::decoded::{Malformed, Part};
use crate::fields::{Path, Problems, said, shortened};
use crate::labels::Named;
use crate::split::unfold;

/// Below it, a number is of seconds; from it on of milliseconds.
const MILLIS_FROM: f64 = 1e11;
/// From it on a number is of nanoseconds.
const NANOS_FROM: f64 = 1e17;

/// One JSON value of a body.
#[derive(Clone, Copy)]
pub(crate) struct Said<'a>(pub(crate) &'a Value);

/// The whole body as one value within the bounds of an event; else what to answer instead.
pub(crate) fn whole(body: &[u8]) -> Result<Result<Value, Part>, Malformed> {
    let text = std::str::from_utf8(body)
        .map_err(|error| Malformed::because(format!("the body is not UTF-8: {error}")))?;
    serde_json::from_str::<&serde_json::value::RawValue>(text)
        .map_err(|error| Malformed::because(format!("the body is not JSON: {error}")))?;
    Ok(unfold(text))
}

impl<'a> Said<'a> {
    /// What stands at a path such as `payload.summary`; `null` is nothing.
    pub(crate) fn at(self, path: &str) -> Option<&'a Value> {
        let found = path
            .split('.')
            .try_fold(self.0, |value, name| value.get(name));
        found.filter(|value| !value.is_null())
    }

    /// The same, to read on.
    pub(crate) fn under(self, path: &str) -> Self {
        Self(self.at(path).unwrap_or(&Value::Null))
    }

    /// The first line of a text, or a number as text; never empty.
    pub(crate) fn line(self, path: &str) -> Option<String> {
        let text = self.plain(path)?;
        let line = text.lines().map(str::trim).find(|line| !line.is_empty())?;
        Some(shortened(line, bounds::LINE_BYTES))
    }

    /// A text of any number of lines, never empty.
    pub(crate) fn text(self, path: &str) -> Option<String> {
        let text = self.plain(path)?;
        (!text.trim().is_empty()).then(|| shortened(text.trim(), bounds::TEXT_BYTES))
    }

    /// A name that fits into a key.
    pub(crate) fn name(self, path: &str) -> Option<String> {
        let name = self.plain(path)?.trim().to_owned();
        (!name.is_empty() && name.len() <= bounds::KEY_BYTES).then_some(name)
    }

    /// A word in lower case, for a `match`; empty when there is none.
    pub(crate) fn word(self, path: &str) -> String {
        self.name(path).unwrap_or_default().to_lowercase()
    }

    /// The entries of a list; nothing else has any.
    pub(crate) fn list(self, path: &str) -> &'a [Value] {
        self.at(path)
            .and_then(Value::as_array)
            .map_or(&[], Vec::as_slice)
    }

    /// The plain values of an object as texts.
    pub(crate) fn named(self, path: &str) -> Named {
        let fields = self
            .at(path)
            .and_then(Value::as_object)
            .into_iter()
            .flatten();
        let plain = fields
            .take(bounds::ATTRIBUTES_MAX)
            .filter_map(|(name, value)| {
                let text = plain_of(value)?;
                Some((name.to_lowercase(), shortened(&text, bounds::LINE_BYTES)))
            });
        plain.collect()
    }

    /// A moment in RFC 3339, in UTC without saying so, or as a number since 1970; what is none is a problem.
    pub(crate) fn moment(self, path: &'a str, problems: &mut Problems) -> Option<Timestamp> {
        let value = self.at(path).filter(|value| value.as_str() != Some(""))?;
        let read = moment_of(value);
        if read.is_none() {
            let reason = format!("is not a time in RFC 3339: {value}");
            problems.add(&Path::Field(&Path::Root, path), shortened(&reason, 128));
        }
        read
    }

    /// A line that must be there.
    pub(crate) fn must_line(self, path: &str, problems: &mut Problems) -> Option<String> {
        self.must(path, self.line(path), problems)
    }

    /// The sender's own id of something, which must be there.
    pub(crate) fn must_id(self, path: &str, problems: &mut Problems) -> Option<String> {
        let id = self.plain(path).map(|id| id.trim().to_owned());
        let id = id.filter(|id| !id.is_empty() && id.len() <= bounds::SOURCE_ID_BYTES);
        self.must(path, id, problems)
    }

    fn must<T>(self, path: &str, read: Option<T>, problems: &mut Problems) -> Option<T> {
        if read.is_none() {
            let reason = match self.at(path) {
                None => "is required".to_owned(),
                Some(Value::String(text)) if text.trim().is_empty() => {
                    "must not be empty".to_owned()
                }
                Some(Value::String(_)) => "is too long".to_owned(),
                Some(other) => format!("expected a text, found {}", said(other)),
            };
            problems.add(&Path::Field(&Path::Root, path), reason);
        }
        read
    }

    fn plain(self, path: &str) -> Option<String> {
        plain_of(self.at(path)?)
    }
}

/// A hash of what was said, the same for every order of fields.
pub(crate) fn digest(said: &Value) -> String {
    ContentHash::of(said.to_string().as_bytes()).to_string()
}

fn plain_of(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(truth) => Some(truth.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

/// Clients write times in more ways than RFC 3339 knows; `+00:00Z` is what the one of PagerDuty sends.
fn moment_of(value: &Value) -> Option<Timestamp> {
    match value {
        Value::Number(number) => moment_of_number(number.as_f64()?),
        Value::String(text) => {
            let text = text.trim();
            let as_utc = || format!("{text}Z").parse().ok();
            let said_twice = || text.strip_suffix('Z')?.parse().ok();
            let number = || moment_of_number(text.parse().ok()?);
            let read = text.parse().ok().or_else(said_twice);
            read.or_else(number).or_else(as_utc)
        }
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "held within the range just before"
)]
fn moment_of_number(number: f64) -> Option<Timestamp> {
    let millis = match number.abs() {
        seconds if seconds < MILLIS_FROM => number * 1_000.0,
        millis if millis < NANOS_FROM => number,
        _ => number / 1e6,
    };
    let fits = millis.is_finite() && millis.abs() < 9e12;
    fits.then(|| Timestamp::from_unix_millis(millis as i64))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn moment(value: &Value) -> String {
        let mut problems = Problems::default();
        let body = json!({ "at": value });
        match Said(&body).moment("at", &mut problems) {
            Some(moment) => moment.to_string(),
            None => format!("{:?}", problems.told),
        }
    }

    #[test]
    fn a_time_is_read_as_clients_write_it() {
        for written in [
            json!("2026-11-20T09:00:00Z"),
            json!("2026-11-20T09:00:00.000+00:00Z"),
            json!("2026-11-20T10:00:00+0100"),
            json!("2026-11-20 09:00:00"),
            json!("2026-11-20T09:00:00"),
            json!(1_795_165_200),
            json!(1_795_165_200_000_i64),
            json!(1_795_165_200_000_000_000_i64),
            json!("1795165200"),
        ] {
            assert_eq!(moment(&written), "2026-11-20T09:00:00Z", "{written}");
        }
        assert_eq!(moment(&json!("")), "[]");
        assert_eq!(
            moment(&json!("soon")),
            r#"[("at", "is not a time in RFC 3339: \"soon\"")]"#
        );
        assert_eq!(
            moment(&json!(1e300)),
            r#"[("at", "is not a time in RFC 3339: 1e+300")]"#
        );
    }

    #[test]
    fn what_is_missing_is_named_by_its_place() {
        let body = json!({"a": {"b": " "}, "c": [], "d": "x".repeat(2_000)});
        let mut problems = Problems::default();
        for path in ["a.b", "a.x", "c", "d"] {
            assert_eq!(Said(&body).must_id(path, &mut problems), None);
        }
        insta::assert_snapshot!(format!("{:?}", problems.told), @r#"[("a.b", "must not be empty"), ("a.x", "is required"), ("c", "expected a text, found a list"), ("d", "is too long")]"#);
    }
}
