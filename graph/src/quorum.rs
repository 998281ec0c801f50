//! How many of those that do the same work must be up: what people say with the attribute `quorum`.

use std::fmt;

use serde_json::Value;

/// The attribute of the whole, the pool or whoever is served: a number of members, or a share of them such as `60%`.
pub(crate) const QUORUM: &str = "quorum";

/// How many members must be up for the whole to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quorum {
    /// So many, at least 1.
    Members(u32),
    /// So many of a hundred, from 1 to 100.
    Percent(u32),
}

impl Quorum {
    /// Reads `2` and `60%`; nothing of what means neither.
    pub fn read(text: &str) -> Option<Self> {
        let text = text.trim();
        let is_positive = |number: &u32| 0 < *number;
        let Some(percent) = text.strip_suffix('%') else {
            return text.parse().ok().filter(is_positive).map(Self::Members);
        };
        let percent = percent.trim_end().parse().ok().filter(is_positive);
        percent.filter(|percent| *percent <= 100).map(Self::Percent)
    }

    /// Reads an attribute's value.
    pub(crate) fn of_value(value: &Value) -> Option<Self> {
        match value {
            Value::String(text) => Self::read(text),
            Value::Number(number) => Self::read(&number.to_string()),
            Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
        }
    }

    /// How many of so many members must be up; a share is rounded up.
    pub fn of(self, members: usize) -> usize {
        match self {
            Self::Members(needed) => needed as usize,
            Self::Percent(percent) => (members * percent as usize).div_ceil(100),
        }
    }
}

impl fmt::Display for Quorum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Members(needed) => write!(f, "{needed}"),
            Self::Percent(percent) => write!(f, "{percent}%"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_quorum_is_a_number_or_a_share_and_a_share_is_rounded_up() {
        let read = |value: Value| Quorum::of_value(&value).map(|quorum| quorum.of(5));
        let cases = [
            (json!(2), Some(2)),
            (json!("2"), Some(2)),
            (json!(" 7 "), Some(7)),
            (json!("60%"), Some(3)),
            (json!("50 %"), Some(3)),
            (json!("100%"), Some(5)),
            (json!(0), None),
            (json!(-1), None),
            (json!(1.5), None),
            (json!("0%"), None),
            (json!("101%"), None),
            (json!("most"), None),
            (json!(true), None),
            (json!(null), None),
        ];
        for (value, expected) in cases {
            assert_eq!(read(value.clone()), expected, "{value}");
        }
    }

    #[test]
    fn what_is_written_is_read_again() {
        for quorum in [Quorum::Members(3), Quorum::Percent(60)] {
            assert_eq!(Quorum::read(&quorum.to_string()), Some(quorum));
        }
    }
}
