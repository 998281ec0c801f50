//! Reads JSON objects field by field, remembers every problem with its path,
//! and names fields nobody knows.
//!
//! It does not stop at the first problem: a sender hears all of them at once.

mod read;
mod suggest;

use std::fmt;

use model::Rejection;
use serde_json::{Map, Value};

pub(crate) use read::{
    attributes, duration_ms, key, key_part, line, name, number, percent, quantity, relation_kind,
    source_id, source_name, statement, text, time, truth, value, word,
};
pub(crate) use suggest::nearest;

/// How many problems of one part are told.
const PROBLEMS_TOLD_MAX: usize = 8;

/// Where in a part a value stands.
#[derive(Clone, Copy)]
pub(crate) enum Path<'a> {
    /// The whole part.
    Root,
    /// A field of the object above.
    Field(&'a Path<'a>, &'a str),
    /// An entry of the list above.
    Entry(&'a Path<'a>, usize),
}

impl fmt::Display for Path<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Root => Ok(()),
            Self::Field(Self::Root, name) => f.write_str(name),
            Self::Field(above, name) => write!(f, "{above}.{name}"),
            Self::Entry(above, index) => write!(f, "{above}[{index}]"),
        }
    }
}

/// What is wrong with a part: the field as a path, and why.
#[derive(Debug, Default)]
pub(crate) struct Problems {
    /// Path and reason of each.
    pub(crate) told: Vec<(String, String)>,
}

impl Problems {
    /// Remembers a problem.
    pub(crate) fn add(&mut self, path: &Path<'_>, reason: impl Into<String>) {
        if self.told.len() < PROBLEMS_TOLD_MAX {
            self.told.push((path.to_string(), reason.into()));
        }
    }

    /// Remembers a problem with what stands below a path, itself a path.
    pub(crate) fn add_at(&mut self, above: &Path<'_>, below: &str, reason: impl Into<String>) {
        self.add(&Path::Field(above, below), reason);
    }

    /// The problems as they go back to the sender of a part.
    pub(crate) fn rejections(self, index: usize) -> impl Iterator<Item = Rejection> {
        self.told.into_iter().map(move |(field, reason)| Rejection {
            index,
            field,
            reason,
        })
    }

    /// Whether nothing is wrong so far.
    pub(crate) fn is_empty(&self) -> bool {
        self.told.is_empty()
    }
}

/// An object whose fields are asked for one by one; what is left at the end is unknown.
pub(crate) struct Fields<'a> {
    rest: Map<String, Value>,
    asked: Vec<&'static str>,
    path: &'a Path<'a>,
    problems: &'a mut Problems,
}

impl<'a> Fields<'a> {
    /// Opens an object; anything else is a problem.
    pub(crate) fn open(
        value: Value,
        path: &'a Path<'a>,
        problems: &'a mut Problems,
    ) -> Option<Self> {
        match value {
            Value::Object(rest) => Some(Self {
                rest,
                asked: Vec::new(),
                path,
                problems,
            }),
            other => {
                problems.add(path, format!("expected an object, found {}", said(&other)));
                None
            }
        }
    }

    /// A field that may be missing; `null` is missing.
    pub(crate) fn may<T>(
        &mut self,
        name: &'static str,
        read: impl FnOnce(Value, &Path<'_>, &mut Problems) -> Option<T>,
    ) -> Option<T> {
        self.asked.push(name);
        match self.rest.remove(name)? {
            Value::Null => None,
            value => read(value, &Path::Field(self.path, name), self.problems),
        }
    }

    /// A field that must be there.
    pub(crate) fn must<T>(
        &mut self,
        name: &'static str,
        read: impl FnOnce(Value, &Path<'_>, &mut Problems) -> Option<T>,
    ) -> Option<T> {
        let missing = matches!(self.rest.get(name), None | Some(Value::Null));
        if missing {
            self.problem(name, "is required");
        }
        self.may(name, read)
    }

    /// A list of at most `max` entries; missing is empty.
    pub(crate) fn list<T>(
        &mut self,
        name: &'static str,
        max: usize,
        read: impl Fn(Value, &Path<'_>, &mut Problems) -> Option<T>,
    ) -> Vec<T> {
        let entries = self.may(name, |value, path, problems| match value {
            Value::Array(entries) if entries.len() <= max => {
                let each = entries.into_iter().enumerate();
                let read = each
                    .filter_map(|(index, entry)| read(entry, &Path::Entry(path, index), problems));
                Some(read.collect())
            }
            Value::Array(entries) => {
                let found = entries.len();
                problems.add(
                    path,
                    format!("has {found} entries, at most {max} are taken"),
                );
                None
            }
            other => {
                problems.add(path, format!("expected a list, found {}", said(&other)));
                None
            }
        });
        entries.unwrap_or_default()
    }

    /// Remembers a problem with a field.
    pub(crate) fn problem(&mut self, name: &str, reason: impl Into<String>) {
        self.problems.add(&Path::Field(self.path, name), reason);
    }

    /// A problem when the second moment does not lie after the first.
    pub(crate) fn in_order<T: PartialOrd>(
        &mut self,
        (earlier_name, earlier): (&str, Option<T>),
        (later_name, later): (&str, Option<T>),
    ) {
        let reversed = matches!((earlier, later), (Some(earlier), Some(later)) if later < earlier);
        if reversed {
            self.problem(later_name, format!("lies before {earlier_name}"));
        }
    }

    /// Names every field nobody asked for.
    pub(crate) fn close(self) {
        for unknown in self.rest.keys() {
            let shown = shortened(unknown, 64);
            let path = Path::Field(self.path, &shown);
            let reason = match nearest(unknown, &self.asked) {
                Some(meant) => format!("is not known; did you mean {meant}?"),
                None => "is not known".to_owned(),
            };
            self.problems.add(&path, reason);
        }
    }
}

/// What sort of JSON value it is, for people.
pub(crate) fn said(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

/// How deep a value nests; a plain one is 0.
pub(crate) fn depth(value: &Value) -> usize {
    match value {
        Value::Array(entries) => 1 + entries.iter().map(depth).max().unwrap_or(0),
        Value::Object(fields) => 1 + fields.values().map(depth).max().unwrap_or(0),
        _ => 0,
    }
}

/// A text cut to a number of bytes, with a mark where it was cut.
pub(crate) fn shortened(text: &str, limit: usize) -> String {
    const MARK: &str = "…";
    if text.len() <= limit {
        return text.to_owned();
    }
    let end = text.floor_char_boundary(limit.saturating_sub(MARK.len()));
    let kept = text.get(..end).unwrap_or_default();
    format!("{kept}{MARK}")
}
