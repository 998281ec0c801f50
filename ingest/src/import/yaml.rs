//! YAML documents as JSON values, within bounds.
//!
//! Aliases and merge keys are resolved; what they may grow to is bounded, so
//! that a small file cannot fill the memory. Tags say nothing here.

use std::collections::BTreeMap;

use saphyr_parser::{Event, Parser, ScalarStyle};
use serde_json::{Map, Value};

/// Deepest nesting of a document.
const DEPTH_MAX: usize = 64;
/// Most values that aliases may bring into one file.
const REPEATED_MAX: usize = 1_000_000;

/// One document of a file.
#[derive(Debug, PartialEq)]
pub(crate) struct Document {
    /// The line it begins on, from 1.
    pub(crate) line: usize,
    /// What it says.
    pub(crate) value: Value,
}

/// Why the rest of a file could not be read.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Broken {
    /// The line, from 1.
    pub(crate) line: usize,
    /// What is wrong there.
    pub(crate) reason: String,
}

/// Every document of a text, and what stopped the reading, if anything did.
pub(crate) fn documents(text: &str) -> (Vec<Document>, Option<Broken>) {
    let mut loader = Loader::default();
    for event in Parser::new_from_str(text) {
        let (event, span) = match event {
            Ok(read) => read,
            Err(error) => {
                let broken = Broken {
                    line: error.marker().line(),
                    reason: error.info().to_owned(),
                };
                return (loader.documents, Some(broken));
            }
        };
        let line = span.start.line();
        if let Err(reason) = loader.take(event, line) {
            let reason = reason.to_owned();
            return (loader.documents, Some(Broken { line, reason }));
        }
    }
    (loader.documents, None)
}

#[derive(Default)]
struct Loader {
    documents: Vec<Document>,
    open: Vec<Open>,
    anchors: BTreeMap<usize, Value>,
    begins: usize,
    repeated: usize,
}

/// A list or mapping that has not ended yet.
enum Open {
    List {
        anchor: usize,
        entries: Vec<Value>,
    },
    Mapping {
        anchor: usize,
        fields: Map<String, Value>,
        merged: Vec<Value>,
        key: Option<String>,
    },
}

impl Loader {
    fn take(&mut self, event: Event<'_>, line: usize) -> Result<(), &'static str> {
        match event {
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentEnd => Ok(()),
            Event::DocumentStart(_) => {
                self.anchors.clear();
                self.begins = line;
                Ok(())
            }
            Event::Alias(anchor) => {
                let value = self.anchors.get(&anchor).cloned();
                let value = value.ok_or("an alias names nothing that came before")?;
                self.repeated += size(&value);
                if REPEATED_MAX < self.repeated {
                    return Err("its aliases repeat too much");
                }
                self.place(value)
            }
            Event::Scalar(text, style, anchor, tag) => {
                let is_text =
                    tag.is_some_and(|tag| tag.is_yaml_core_schema() && tag.suffix == "str");
                let value = match style {
                    ScalarStyle::Plain if !is_text => plain(&text),
                    _ => Value::String(text.into_owned()),
                };
                self.remember(anchor, &value);
                self.place(value)
            }
            Event::SequenceStart(anchor, _) => self.descend(Open::List {
                anchor,
                entries: Vec::new(),
            }),
            Event::MappingStart(anchor, _) => self.descend(Open::Mapping {
                anchor,
                fields: Map::new(),
                merged: Vec::new(),
                key: None,
            }),
            Event::SequenceEnd | Event::MappingEnd => self.ascend(),
        }
    }

    fn descend(&mut self, open: Open) -> Result<(), &'static str> {
        if DEPTH_MAX <= self.open.len() {
            return Err("it nests too deep");
        }
        if let Some(Open::Mapping { key: None, .. }) = self.open.last() {
            return Err("the name of a field is a text");
        }
        self.open.push(open);
        Ok(())
    }

    fn ascend(&mut self) -> Result<(), &'static str> {
        let (anchor, value) = match self.open.pop() {
            Some(Open::List { anchor, entries }) => (anchor, Value::Array(entries)),
            Some(Open::Mapping {
                anchor,
                mut fields,
                merged,
                ..
            }) => {
                for other in merged {
                    merge(&mut fields, other);
                }
                (anchor, Value::Object(fields))
            }
            None => return Ok(()),
        };
        self.remember(anchor, &value);
        self.place(value)
    }

    /// Puts a value where it belongs; the first in a mapping's turn is a name.
    fn place(&mut self, value: Value) -> Result<(), &'static str> {
        match self.open.last_mut() {
            None => self.documents.push(Document {
                line: self.begins,
                value,
            }),
            Some(Open::List { entries, .. }) => entries.push(value),
            Some(Open::Mapping {
                fields,
                merged,
                key,
                ..
            }) => match key.take() {
                None => *key = Some(name(value)?),
                Some(name) if name == "<<" && !value.is_string() => merged.push(value),
                Some(name) => {
                    fields.insert(name, value);
                }
            },
        }
        Ok(())
    }

    fn remember(&mut self, anchor: usize, value: &Value) {
        if anchor != 0 {
            self.anchors.insert(anchor, value.clone());
        }
    }
}

fn name(value: Value) -> Result<String, &'static str> {
    match value {
        Value::String(text) => Ok(text),
        Value::Null => Ok(String::new()),
        Value::Bool(_) | Value::Number(_) => Ok(value.to_string()),
        Value::Array(_) | Value::Object(_) => Err("the name of a field is a text"),
    }
}

/// What a mapping states itself wins over what it merges.
fn merge(fields: &mut Map<String, Value>, other: Value) {
    match other {
        Value::Object(other) => {
            for (name, value) in other {
                fields.entry(name).or_insert(value);
            }
        }
        Value::Array(others) => others.into_iter().for_each(|other| merge(fields, other)),
        _ => {}
    }
}

/// A plain scalar by YAML's core schema.
fn plain(text: &str) -> Value {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Value::Null,
        "true" | "True" | "TRUE" => return Value::Bool(true),
        "false" | "False" | "FALSE" => return Value::Bool(false),
        _ => {}
    }
    let radix = |prefix, radix| {
        let digits = text.strip_prefix(prefix)?;
        i64::from_str_radix(digits, radix).ok()
    };
    if let Some(number) = radix("0x", 16).or_else(|| radix("0o", 8)) {
        return number.into();
    }
    let looks_like_number = text
        .strip_prefix(['-', '+'])
        .unwrap_or(text)
        .starts_with(|first: char| first.is_ascii_digit() || first == '.');
    if !looks_like_number {
        return text.into();
    }
    if let Ok(number) = text.parse::<i64>() {
        return number.into();
    }
    // What no number here can hold stays as it is written.
    let is_whole = text.bytes().all(|byte| byte.is_ascii_digit());
    match text.parse::<f64>() {
        Ok(number) if !is_whole && number.is_finite() => number.into(),
        _ => text.into(),
    }
}

fn size(value: &Value) -> usize {
    match value {
        Value::Array(entries) => 1 + entries.iter().map(size).sum::<usize>(),
        Value::Object(fields) => 1 + fields.values().map(size).sum::<usize>(),
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A text in, its documents as JSON out, one a line.
    fn json(text: &str) -> String {
        let (documents, broken) = documents(text);
        let mut lines: Vec<String> = documents
            .iter()
            .map(|document| format!("{}: {}", document.line, document.value))
            .collect();
        lines.extend(broken.map(|broken| format!("{}: broken", broken.line)));
        lines.join("\n")
    }

    #[test]
    fn a_file_holds_any_number_of_documents() {
        assert_eq!(
            json("a: 1\nb: [x, '2', true, ~]\n---\nc: {d: |\n  text\n}\n")
                .lines()
                .count(),
            2
        );
        assert_eq!(json("---\na: 1\n---\nb: 2\n"), "1: {\"a\":1}\n3: {\"b\":2}");
        assert_eq!(json("# nothing\n"), "");
    }

    #[test]
    fn plain_scalars_are_read_and_quoted_ones_are_texts() {
        assert_eq!(
            json(
                "[1, -2, 0x10, 1.5, 1e3, '1', \"true\", yes, !!str 7, 1.2.3, 10.0.0.1, 12345678901234567890]"
            ),
            r#"1: [1,-2,16,1.5,1000.0,"1","true","yes","7","1.2.3","10.0.0.1","12345678901234567890"]"#
        );
    }

    #[test]
    fn aliases_and_merge_keys_are_resolved() {
        assert_eq!(
            json("base: &b {x: 1, y: 2}\nmore:\n  <<: *b\n  y: 3\n"),
            r#"1: {"base":{"x":1,"y":2},"more":{"x":1,"y":3}}"#
        );
    }

    #[test]
    fn what_came_before_a_fault_is_kept() {
        assert_eq!(json("a: 1\n---\nb: [1,\n"), "1: {\"a\":1}\n4: broken");
    }

    #[test]
    fn a_small_text_cannot_grow_without_bound() {
        let mut text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
        for level in 1..12 {
            let before = format!("*a{}", level - 1);
            let entries = [before.as_str(); 10].join(", ");
            text.push_str(&format!("a{level}: &a{level} [{entries}]\n"));
        }
        let (_, broken) = documents(&text);
        assert_eq!(
            broken.map(|broken| broken.reason).as_deref(),
            Some("its aliases repeat too much")
        );
        let deep = "[".repeat(100);
        assert!(documents(&deep).1.is_some());
    }
}
