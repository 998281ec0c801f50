//! Holds values against the rules of a kind.

use std::borrow::Cow;
use std::fmt::Write;

use regex::{Regex, RegexBuilder};
use serde_json::Value;

use super::registry::joined;
use super::{AttributeRule, KindDefined, ValueType};
use crate::{Attributes, KeyParts, ObservedItem, SourceName, Timestamp};

/// Most bytes a compiled regular expression may take.
const PATTERN_COMPILED_BYTES: usize = 256 * 1024;
/// Most bytes the cache of one search may take.
const PATTERN_CACHE_BYTES: usize = 1024 * 1024;
/// How deep a regular expression may nest.
const PATTERN_NESTING_MAX: u32 = 32;
/// Values of an enumeration that are named to a sender.
const VALUES_TOLD_MAX: usize = 8;

/// A kind's definition with its regular expressions compiled once.
#[derive(Clone, Debug)]
pub struct KindRules {
    defined: KindDefined,
    /// By the place of the attribute; none where there is no pattern.
    patterns: Vec<Option<Regex>>,
    /// Fields of an item that the kind has rules for, as if they were attributes.
    fields: Vec<&'static str>,
    rules_something: bool,
}

/// Fields of a statement that a kind may rule by an attribute of the same name.
pub const RULED_FIELDS: [&str; 3] = ["owner", "criticality", "displayName"];

/// A value that is not as its rule says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Breach {
    /// The attribute.
    pub attribute: String,
    /// What it must be, as the end of a sentence that begins with the attribute.
    pub rule: String,
}

impl KindRules {
    /// The rules of a definition; of a built-in kind, together with what is built in.
    pub fn of(defined: KindDefined) -> Self {
        Self::alone(joined(defined))
    }

    /// The rules of a definition by itself, even where something of its name is built in.
    pub fn alone(defined: KindDefined) -> Self {
        let patterns = defined.attributes.iter().map(|attribute| {
            let pattern = attribute.pattern.as_deref()?;
            // A decoder refuses what does not compile; in a log of another version it rules nothing.
            compiled(pattern).ok()
        });
        let has_rule = |it: &AttributeRule| it.required || it.unique || it.limits_values();
        let named = |field: &&str| defined.attributes.iter().any(|it| it.name == **field);
        Self {
            patterns: patterns.collect(),
            fields: RULED_FIELDS.into_iter().filter(named).collect(),
            rules_something: defined.closed || defined.attributes.iter().any(has_rule),
            defined,
        }
    }

    /// The definition.
    pub fn defined(&self) -> &KindDefined {
        &self.defined
    }

    /// The rule of an attribute.
    pub fn attribute(&self, name: &str) -> Option<&AttributeRule> {
        self.defined.attributes.iter().find(|it| it.name == name)
    }

    /// Whether any value could break a rule, or any be missing.
    pub fn rules_something(&self) -> bool {
        self.rules_something
    }

    /// The fields of an item that the kind has rules for, as if they were attributes.
    pub fn fields(&self) -> &[&'static str] {
        &self.fields
    }

    /// What a statement says under the names that are ruled: its attributes, and fields that the kind names.
    pub fn stated<'a>(&self, item: &'a ObservedItem) -> Cow<'a, Attributes> {
        let mut stated = Cow::Borrowed(&item.attributes);
        for field in &self.fields {
            let said = match *field {
                "owner" => &item.owner,
                "criticality" => &item.criticality,
                _ => &item.display_name,
            };
            if let Some(said) = said {
                let value = Value::String(said.clone());
                stated.to_mut().insert((*field).to_owned(), value);
            }
        }
        stated
    }

    /// Every stated value that breaks a rule. A value of `null` takes one back and breaks none.
    pub fn breaches(&self, stated: &Attributes) -> Vec<Breach> {
        let mut breaches = Vec::new();
        for (name, value) in stated {
            let place = self
                .defined
                .attributes
                .iter()
                .position(|it| it.name == *name);
            let broken = match place {
                _ if value.is_null() => None,
                Some(place) => self.broken(place, value),
                None if self.defined.closed => Some(format!(
                    "is not one of the attributes of {}, which takes no others",
                    self.defined.name
                )),
                None => None,
            };
            breaches.extend(broken.map(|rule| Breach {
                attribute: name.clone(),
                rule,
            }));
        }
        breaches
    }

    /// The required attributes that are not there.
    pub fn missing(&self, stated: &Attributes) -> Vec<&str> {
        let required = self.defined.attributes.iter().filter(|it| it.required);
        let missing = required.filter(|it| stated.get(&it.name).is_none_or(Value::is_null));
        missing.map(|it| it.name.as_str()).collect()
    }

    /// Whether a source's statements must carry every required attribute.
    pub fn is_authority(&self, source: &SourceName) -> bool {
        self.defined.authority.as_ref() == Some(source)
    }

    fn broken(&self, place: usize, value: &Value) -> Option<String> {
        let rule = self.defined.attributes.get(place)?;
        let pattern = self.patterns.get(place).and_then(Option::as_ref);
        rule.broken(rule.value_type, pattern, value)
    }
}

/// A regular expression that must match a whole text, within bounds.
pub(super) fn compiled(pattern: &str) -> Result<Regex, regex::Error> {
    // Alone first: a pattern that closes our own bracket is none.
    bounded(pattern)?;
    bounded(&format!("^(?:{pattern})$"))
}

fn bounded(pattern: &str) -> Result<Regex, regex::Error> {
    RegexBuilder::new(pattern)
        .size_limit(PATTERN_COMPILED_BYTES)
        .dfa_size_limit(PATTERN_CACHE_BYTES)
        .nest_limit(PATTERN_NESTING_MAX)
        .build()
}

impl AttributeRule {
    fn limits_values(&self) -> bool {
        self.value_type != ValueType::Any || self.pattern.is_some()
    }

    /// What is wrong with a value of a type, if anything.
    fn broken(
        &self,
        value_type: ValueType,
        pattern: Option<&Regex>,
        value: &Value,
    ) -> Option<String> {
        let fits = match (value_type, value) {
            (ValueType::Any, _) => return None,
            (ValueType::List, Value::Array(entries)) => {
                return self.broken_list(pattern, entries);
            }
            (ValueType::String, Value::String(text)) => return self.broken_text(pattern, text),
            (ValueType::Enumeration, Value::String(text)) => return self.broken_word(text),
            (ValueType::Reference, Value::String(text)) => return self.broken_reference(text),
            (ValueType::Timestamp, Value::String(text)) => text.parse::<Timestamp>().is_ok(),
            (ValueType::Integer, Value::Number(number)) => {
                let is_whole = number.as_f64().is_some_and(|number| number.fract() == 0.0);
                if is_whole {
                    return self.broken_number(number.as_f64()?);
                }
                false
            }
            (ValueType::Number, Value::Number(number)) => {
                return self.broken_number(number.as_f64()?);
            }
            (ValueType::Boolean, Value::Bool(_)) | (ValueType::Object, Value::Object(_)) => true,
            (
                ValueType::String
                | ValueType::Integer
                | ValueType::Number
                | ValueType::Boolean
                | ValueType::Timestamp
                | ValueType::Enumeration
                | ValueType::List
                | ValueType::Reference
                | ValueType::Object,
                _,
            ) => false,
        };
        (!fits).then(|| format!("must be {}", value_type.for_people()))
    }

    fn broken_text(&self, pattern: Option<&Regex>, text: &str) -> Option<String> {
        let broken = self.broken_length(text.chars().count(), "characters");
        broken.or_else(|| self.broken_pattern(pattern, text))
    }

    fn broken_pattern(&self, pattern: Option<&Regex>, text: &str) -> Option<String> {
        let matches = pattern.is_none_or(|pattern| pattern.is_match(text));
        (!matches).then(|| {
            let stated = self.pattern.as_deref().unwrap_or_default();
            format!("must match {stated}")
        })
    }

    fn broken_length(&self, length: usize, unit: &str) -> Option<String> {
        let length = u32::try_from(length).unwrap_or(u32::MAX);
        match (self.length_min, self.length_max) {
            (Some(min), _) if length < min => {
                Some(format!("must have at least {min} {unit}, has {length}"))
            }
            (_, Some(max)) if max < length => {
                Some(format!("must have at most {max} {unit}, has {length}"))
            }
            _ => None,
        }
    }

    fn broken_number(&self, number: f64) -> Option<String> {
        match (self.minimum, self.maximum) {
            (Some(minimum), _) if number < minimum => Some(format!("must be at least {minimum}")),
            (_, Some(maximum)) if maximum < number => Some(format!("must be at most {maximum}")),
            _ => None,
        }
    }

    fn broken_word(&self, text: &str) -> Option<String> {
        if self.values.iter().any(|value| value == text) {
            return None;
        }
        let told: Vec<&str> = self
            .values
            .iter()
            .take(VALUES_TOLD_MAX)
            .map(String::as_str)
            .collect();
        let mut rule = format!("must be one of {}", told.join(", "));
        if VALUES_TOLD_MAX < self.values.len() {
            let more = self.values.len() - VALUES_TOLD_MAX;
            write!(rule, " and {more} more").expect("a text takes more text");
        }
        Some(rule)
    }

    /// A key in another scheme, or an id, may mean an item of any kind.
    fn broken_reference(&self, text: &str) -> Option<String> {
        if text.trim().is_empty() {
            return Some("must be the key of an item".to_owned());
        }
        let kind = KeyParts::parse(text).ok()?.kind;
        let is_taken = self.kinds.is_empty() || self.kinds.contains(&kind);
        (!is_taken).then(|| format!("must be the key of a {}", self.kinds.join(" or ")))
    }

    fn broken_list(&self, pattern: Option<&Regex>, entries: &[Value]) -> Option<String> {
        let broken = self.broken_length(entries.len(), "entries");
        let of_entry = |(place, entry): (usize, &Value)| {
            let broken = match (self.elements, entry) {
                // The length is that of the list.
                (ValueType::String | ValueType::Any, Value::String(text)) => {
                    self.broken_pattern(pattern, text)
                }
                (ValueType::List, _) => None,
                (elements, entry) => self.broken(elements, pattern, entry),
            };
            broken.map(|rule| format!("entry {place} {rule}"))
        };
        broken.or_else(|| entries.iter().enumerate().find_map(of_entry))
    }
}
