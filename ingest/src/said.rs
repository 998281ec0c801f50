//! Reads what other tools say, by the JSON pointer to where it stands. Pure.
//!
//! A tool cannot mend what its next version sends. So a text that is too long is cut, a value of
//! another shape says nothing, and only what a fact cannot do without is asked for with `must_`.

use model::{ContentHash, Timestamp, bounds};
use serde_json::Value;

use crate::decoded::{Malformed, Part};
use crate::fields::{Path, Problems, said, shortened};
use crate::labels::Named;
use crate::moment;
use crate::split::unfold;

/// One JSON value of a body.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Said<'v>(pub(crate) &'v Value);

/// The whole body as one value within the bounds of an event; else what to answer instead.
pub(crate) fn whole(body: &[u8]) -> Result<Result<Value, Part>, Malformed> {
    let text = std::str::from_utf8(body)
        .map_err(|error| Malformed::because(format!("the body is not UTF-8: {error}")))?;
    serde_json::from_str::<&serde_json::value::RawValue>(text)
        .map_err(|error| Malformed::because(format!("the body is not JSON: {error}")))?;
    Ok(unfold(text))
}

impl<'v> Said<'v> {
    /// What stands at a pointer such as `/payload/summary`; `null` is nothing.
    pub(crate) fn value(self, pointer: &str) -> Option<&'v Value> {
        let found = self.0.pointer(pointer)?;
        (!found.is_null()).then_some(found)
    }

    /// The same, to read on.
    pub(crate) fn at(self, pointer: &str) -> Option<Self> {
        self.value(pointer).map(Self)
    }

    /// The same; nothing says nothing.
    pub(crate) fn under(self, pointer: &str) -> Self {
        Self(self.value(pointer).unwrap_or(&Value::Null))
    }

    /// A text as it stands there, without the blanks around it; never empty.
    pub(crate) fn written(self, pointer: &str) -> Option<&'v str> {
        let text = self.value(pointer)?.as_str()?.trim();
        (!text.is_empty()).then_some(text)
    }

    /// The first line of a text, or a number as text; never empty.
    pub(crate) fn line(self, pointer: &str) -> Option<String> {
        let text = self.plain(pointer)?;
        let line = text.trim().lines().next()?.trim_end();
        (!line.is_empty()).then(|| shortened(line, bounds::LINE_BYTES))
    }

    /// A text of any number of lines, never empty.
    pub(crate) fn text(self, pointer: &str) -> Option<String> {
        let text = self.plain(pointer)?;
        (!text.trim().is_empty()).then(|| shortened(text.trim(), bounds::TEXT_BYTES))
    }

    /// A name, or a number that stands for one, in one line: a part of a key, of which two fit.
    pub(crate) fn name(self, pointer: &str) -> Option<String> {
        let name = match self.value(pointer)? {
            Value::String(text) => text.trim().to_owned(),
            Value::Number(number) if !number.is_f64() => number.to_string(),
            _ => return None,
        };
        let fits = !name.is_empty() && name.len() <= bounds::KEY_BYTES / 2;
        (fits && !name.contains(['\n', '\r'])).then_some(name)
    }

    /// The same; missing, the reason names the field.
    pub(crate) fn must_name(self, pointer: &str) -> Result<String, String> {
        self.name(pointer)
            .ok_or_else(|| format!("{} is required", dotted(pointer)))
    }

    /// A word in lower case, for a `match`; empty when there is none.
    pub(crate) fn word(self, pointer: &str) -> String {
        self.name(pointer).unwrap_or_default().to_lowercase()
    }

    /// Whether it says true.
    pub(crate) fn is(self, pointer: &str) -> bool {
        self.value(pointer).and_then(Value::as_bool) == Some(true)
    }

    /// A number.
    pub(crate) fn number(self, pointer: &str) -> Option<f64> {
        self.value(pointer)?.as_f64()
    }

    /// The entries of a list; nothing else has any.
    pub(crate) fn entries(self, pointer: &str) -> &'v [Value] {
        let list = self.value(pointer).and_then(Value::as_array);
        list.map_or(&[], Vec::as_slice)
    }

    /// The same, to read on.
    pub(crate) fn list(self, pointer: &str) -> impl Iterator<Item = Self> + use<'v> {
        self.entries(pointer).iter().map(Self)
    }

    /// The plain values of an object as texts.
    pub(crate) fn named(self, pointer: &str) -> Named {
        let fields = self.value(pointer).and_then(Value::as_object);
        let fields = fields.into_iter().flatten();
        let plain = fields
            .take(bounds::ATTRIBUTES_MAX)
            .filter_map(|(name, value)| {
                let text = plain_of(value)?;
                Some((name.to_lowercase(), shortened(&text, bounds::LINE_BYTES)))
            });
        plain.collect()
    }

    /// A moment in whatever form, if it is one.
    pub(crate) fn time(self, pointer: &str) -> Option<Timestamp> {
        moment::of(self.value(pointer)?)
    }

    /// The same of a sender whose numbers are of milliseconds.
    pub(crate) fn time_in_millis(self, pointer: &str) -> Option<Timestamp> {
        moment::in_millis(self.value(pointer)?)
    }

    /// A moment in whatever form; what is there and is none is a problem.
    pub(crate) fn moment(self, pointer: &str, problems: &mut Problems) -> Option<Timestamp> {
        let value = self.value(pointer)?;
        if value.as_str() == Some("") {
            return None;
        }
        let read = moment::of(value);
        if read.is_none() {
            let reason = format!("is not a time in RFC 3339: {value}");
            let field = dotted(pointer);
            problems.add(&Path::Field(&Path::Root, &field), shortened(&reason, 128));
        }
        read
    }

    /// A line that must be there.
    pub(crate) fn must_line(self, pointer: &str, problems: &mut Problems) -> Option<String> {
        self.must(pointer, self.line(pointer), problems)
    }

    /// The sender's own id of something, which must be there.
    pub(crate) fn must_id(self, pointer: &str, problems: &mut Problems) -> Option<String> {
        let id = self.plain(pointer).map(|id| id.trim().to_owned());
        let id = id.filter(|id| !id.is_empty() && id.len() <= bounds::SOURCE_ID_BYTES);
        self.must(pointer, id, problems)
    }

    fn must<T>(self, pointer: &str, read: Option<T>, problems: &mut Problems) -> Option<T> {
        if read.is_none() {
            let reason = match self.value(pointer) {
                None => "is required".to_owned(),
                Some(Value::String(text)) if text.trim().is_empty() => {
                    "must not be empty".to_owned()
                }
                Some(Value::String(_)) => "is too long".to_owned(),
                Some(other) => format!("expected a text, found {}", said(other)),
            };
            let field = dotted(pointer);
            problems.add(&Path::Field(&Path::Root, &field), reason);
        }
        read
    }

    fn plain(self, pointer: &str) -> Option<String> {
        plain_of(self.value(pointer)?)
    }
}

/// A hash of what was said, the same for every order of fields.
pub(crate) fn digest(said: &Value) -> String {
    ContentHash::of(said.to_string().as_bytes()).to_string()
}

/// A pointer as people read it: `payload.summary`.
fn dotted(pointer: &str) -> String {
    pointer.trim_start_matches('/').replace('/', ".")
}

fn plain_of(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(truth) => Some(truth.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_time_that_is_none_is_told_where_something_is_written() {
        let body = json!({"empty": "", "a": {"word": "soon"}, "huge": 1e300, "at": "2026-11-20T09:00:00Z"});
        let mut problems = Problems::default();
        for pointer in ["/missing", "/empty", "/a/word", "/huge"] {
            assert_eq!(Said(&body).moment(pointer, &mut problems), None);
        }
        let read = Said(&body).moment("/at", &mut problems).unwrap();
        assert_eq!(read.to_string(), "2026-11-20T09:00:00Z");
        insta::assert_snapshot!(format!("{:?}", problems.told), @r#"[("a.word", "is not a time in RFC 3339: \"soon\""), ("huge", "is not a time in RFC 3339: 1e+300")]"#);
    }

    #[test]
    fn what_is_missing_is_named_by_its_place() {
        let body = json!({"a": {"b": " "}, "c": [], "d": "x".repeat(2_000)});
        let mut problems = Problems::default();
        for pointer in ["/a/b", "/a/x", "/c", "/d"] {
            assert_eq!(Said(&body).must_id(pointer, &mut problems), None);
        }
        insta::assert_snapshot!(format!("{:?}", problems.told), @r#"[("a.b", "must not be empty"), ("a.x", "is required"), ("c", "expected a text, found a list"), ("d", "is too long")]"#);
    }
}
