//! A body, read by pointers. What has another type is missing; what is too long is cut.

use model::{Actor, ActorKind, Timestamp, bounds};
use serde_json::Value;

use crate::fields::shortened;

/// A JSON value that another tool sent.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Body<'v>(&'v Value);

impl<'v> Body<'v> {
    /// A value as a body.
    pub(crate) const fn of(value: &'v Value) -> Self {
        Self(value)
    }

    /// Everything under a pointer.
    pub(crate) fn at(self, pointer: &str) -> Option<Self> {
        let found = self.0.pointer(pointer)?;
        (!found.is_null()).then_some(Self(found))
    }

    /// The value itself.
    pub(crate) const fn value(self) -> &'v Value {
        self.0
    }

    /// A text that is not blank.
    pub(crate) fn written(self, pointer: &str) -> Option<&'v str> {
        let text = self.0.pointer(pointer)?.as_str()?;
        (!text.trim().is_empty()).then_some(text)
    }

    /// The first line of a text.
    pub(crate) fn line(self, pointer: &str) -> Option<String> {
        self.written(pointer).map(first_line)
    }

    /// A text of any number of lines.
    pub(crate) fn text(self, pointer: &str) -> Option<String> {
        let text = self.written(pointer)?;
        Some(shortened(text.trim_end(), bounds::TEXT_BYTES))
    }

    /// A name or a number that stands for one, in one line, as a part of a key or an id.
    pub(crate) fn name(self, pointer: &str) -> Option<String> {
        match self.0.pointer(pointer)? {
            Value::String(text) => as_name(text),
            Value::Number(number) if !number.is_f64() => Some(number.to_string()),
            _ => None,
        }
    }

    /// The same; missing, the reason names the field.
    pub(crate) fn must_name(self, pointer: &str) -> Result<String, String> {
        self.name(pointer)
            .ok_or_else(|| format!("{} is required", dotted(pointer)))
    }

    /// Whether it says true.
    pub(crate) fn is(self, pointer: &str) -> bool {
        self.0.pointer(pointer).and_then(Value::as_bool) == Some(true)
    }

    /// A number.
    pub(crate) fn number(self, pointer: &str) -> Option<f64> {
        self.0.pointer(pointer)?.as_f64()
    }

    /// The entries of a list; what is none has none.
    pub(crate) fn list(self, pointer: &str) -> impl Iterator<Item = Self> + use<'v> {
        let entries = self.0.pointer(pointer).and_then(Value::as_array);
        entries.into_iter().flatten().map(Self)
    }

    /// A moment: RFC 3339, the forms Ruby and Go print, or a number of seconds or milliseconds.
    pub(crate) fn time(self, pointer: &str) -> Option<Timestamp> {
        match self.0.pointer(pointer)? {
            Value::String(text) => moment(text),
            Value::Number(number) => since_1970(number.as_i64()?),
            _ => None,
        }
    }

    /// A text as an id of a sender.
    pub(crate) fn as_source_id(text: &str) -> String {
        shortened(text, bounds::SOURCE_ID_BYTES)
    }
}

/// A person, a machine or nobody, by a name and by what marks a machine.
pub(crate) fn person(name: Option<String>, is_machine: bool) -> Actor {
    let kind = match (&name, is_machine) {
        (_, true) => ActorKind::Automatic,
        (Some(_), false) => ActorKind::Human,
        (None, false) => ActorKind::Unknown,
    };
    Actor { kind, name }
}

/// What stands behind the last slash, as in `refs/heads/main` without `refs/heads/`.
pub(crate) fn after_the_point<'t>(text: &'t str, prefix: &str) -> Option<&'t str> {
    text.strip_prefix(prefix).filter(|rest| !rest.is_empty())
}

fn first_line(text: &str) -> String {
    let line = text.trim().lines().next().unwrap_or_default();
    shortened(line.trim_end(), bounds::LINE_BYTES)
}

fn as_name(text: &str) -> Option<String> {
    let text = text.trim();
    let fits = !text.is_empty() && text.len() <= bounds::KEY_BYTES / 2;
    (fits && !text.contains(['\n', '\r'])).then(|| text.to_owned())
}

fn dotted(pointer: &str) -> String {
    pointer.trim_start_matches('/').replace('/', ".")
}

/// `2026-11-20T09:40:00Z`, `2026-11-20T09:40:00+0200`, `2026-11-20 09:40:00 UTC`, or digits.
fn moment(text: &str) -> Option<Timestamp> {
    let text = text.trim();
    if let Ok(at) = text.parse() {
        return Some(at);
    }
    if let Ok(number) = text.parse() {
        return since_1970(number);
    }
    let by_letter = text.split_once('T').filter(|(day, _)| day.len() == 10);
    let (day, clock, zone) = match by_letter {
        Some((day, rest)) => {
            let (clock, zone) = rest.split_at_checked(rest.len().checked_sub(5)?)?;
            (day, clock, Some(zone))
        }
        None => {
            let mut words = text.split_whitespace();
            (words.next()?, words.next()?, words.next())
        }
    };
    let zone = match zone {
        None | Some("UTC" | "Z" | "+0000") => "Z".to_owned(),
        Some(offset) => {
            let (hours, minutes) = offset.split_at_checked(offset.len().checked_sub(2)?)?;
            format!("{}:{minutes}", hours.trim_end_matches(':'))
        }
    };
    format!("{day}T{clock}{zone}").parse().ok()
}

/// Milliseconds from the year 1973 on are more than seconds until the year 5138.
fn since_1970(number: i64) -> Option<Timestamp> {
    const SECONDS_MAX: i64 = 100_000_000_000;
    match number {
        ..0 => None,
        0..SECONDS_MAX => Some(Timestamp::from_unix_millis(number * 1_000)),
        millis => {
            let fits = millis < i64::MAX / 1_000_000;
            fits.then(|| Timestamp::from_unix_millis(millis))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> String {
        moment(text).map_or_else(|| "no time".to_owned(), |at| at.to_string())
    }

    #[test]
    fn a_moment_is_read_in_every_form_that_tools_write() {
        for (written, meant) in [
            ("2026-11-20T09:40:00Z", "2026-11-20T09:40:00Z"),
            ("2026-11-20T09:40:00.000Z", "2026-11-20T09:40:00Z"),
            ("2026-11-20 09:40:00 UTC", "2026-11-20T09:40:00Z"),
            ("2026-11-20 09:40:00 +0200", "2026-11-20T07:40:00Z"),
            ("2026-11-20 09:40:00 -03:30", "2026-11-20T13:10:00Z"),
            ("2026-11-20T09:40:00.000+0800", "2026-11-20T01:40:00Z"),
            ("2026-11-20 10:40:00.5 +0100 CET", "2026-11-20T09:40:00.5Z"),
            ("1795167600", "2026-11-20T09:40:00Z"),
            ("1795167600000", "2026-11-20T09:40:00Z"),
            ("yesterday", "no time"),
            ("2026-11-20 09:40:00 +", "no time"),
            ("", "no time"),
        ] {
            assert_eq!(read(written), meant, "{written}");
        }
        assert_eq!(since_1970(-1), None);
        assert_eq!(since_1970(i64::MAX), None);
    }
}
