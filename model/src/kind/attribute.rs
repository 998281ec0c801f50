//! What the values of one attribute must be like.

use serde::{Deserialize, Serialize};

use super::is_false;
use crate::SourceName;

/// An attribute of a kind: its type, its rules, and whose value is shown.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AttributeRule {
    /// Its name, as statements write it.
    pub name: String,
    /// What it means.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// What its values are.
    #[serde(default, rename = "type", skip_serializing_if = "ValueType::is_any")]
    pub value_type: ValueType,
    /// What the entries of a list are.
    #[serde(default, skip_serializing_if = "ValueType::is_any")]
    pub elements: ValueType,
    /// Whether every item of the kind must have it.
    #[serde(default, skip_serializing_if = "is_false")]
    pub required: bool,
    /// Whether no two items of the kind may have the same value.
    #[serde(default, skip_serializing_if = "is_false")]
    pub unique: bool,
    /// Fewest characters of a text, or entries of a list.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub length_min: Option<u32>,
    /// Most characters of a text, or entries of a list.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub length_max: Option<u32>,
    /// Least number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub minimum: Option<f64>,
    /// Greatest number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub maximum: Option<f64>,
    /// A regular expression that a text, or every text of a list, must match as a whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pattern: Option<String>,
    /// The values of an enumeration.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub values: Vec<String>,
    /// Kinds of items a reference may name; any when empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub kinds: Vec<String>,
    /// Sources whose value is shown before that of others, the first of them first; after them the latest counts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub precedence: Vec<SourceName>,
}

/// What sort of value an attribute has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ValueType {
    /// Any JSON value.
    #[default]
    Any,
    /// A text.
    String,
    /// A whole number.
    Integer,
    /// A number.
    Number,
    /// True or false.
    Boolean,
    /// A moment in RFC 3339.
    Timestamp,
    /// One of a few texts.
    Enumeration,
    /// Several values in their order.
    List,
    /// The key of another item.
    Reference,
    /// Named values.
    Object,
}

impl ValueType {
    /// Every type with its written form.
    pub const WRITTEN: [(&'static str, Self); 10] = [
        ("any", Self::Any),
        ("string", Self::String),
        ("integer", Self::Integer),
        ("number", Self::Number),
        ("boolean", Self::Boolean),
        ("timestamp", Self::Timestamp),
        ("enumeration", Self::Enumeration),
        ("list", Self::List),
        ("reference", Self::Reference),
        ("object", Self::Object),
    ];

    /// The type as people read it in a sentence.
    pub(super) const fn for_people(self) -> &'static str {
        match self {
            Self::Any => "any value",
            Self::String => "a text",
            Self::Integer => "a whole number",
            Self::Number => "a number",
            Self::Boolean => "true or false",
            Self::Timestamp => "a moment in RFC 3339",
            Self::Enumeration => "one of its values",
            Self::List => "a list",
            Self::Reference => "the key of an item",
            Self::Object => "an object",
        }
    }

    fn is_any(&self) -> bool {
        *self == Self::Any
    }
}

impl AttributeRule {
    /// An attribute that takes any value.
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            description: None,
            value_type: ValueType::Any,
            elements: ValueType::Any,
            required: false,
            unique: false,
            length_min: None,
            length_max: None,
            minimum: None,
            maximum: None,
            pattern: None,
            values: Vec::new(),
            kinds: Vec::new(),
            precedence: Vec::new(),
        }
    }

    /// The same with a type.
    #[must_use]
    pub fn of(mut self, value_type: ValueType) -> Self {
        self.value_type = value_type;
        self
    }
}
