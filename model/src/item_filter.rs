//! Which items are meant: the words of a search, and of a group that is saved as one.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Most entries of one list in a filter.
const ENTRIES_MAX: usize = 100;

/// Most letters of a search.
const TEXT_MAX: usize = 200;

/// Which items are meant. Everything that is given must hold; of a list, one entry.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ItemFilter {
    /// Every word of it is found in a name or the owner, whatever its case and width.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// It is of one of these kinds.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub kinds: Vec<String>,
    /// It lies in this environment, or in one inside it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub environment: Option<String>,
    /// It is in this namespace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// A source names one of these teams as its owner.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub owners: Vec<String>,
    /// One of these teams answers for it, by itself or by what it is contained in.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub owned_by: Vec<String>,
    /// It is as critical as one of these: `P0`, `P1`, `P2`, or any word that means the same.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub criticality: Vec<String>,
    /// We are as sure of it as one of these.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub freshness: Vec<Sureness>,
    /// Its attributes pass all of these.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attributes: Vec<AttributeTest>,
    /// It carries all of these labels: entries of its attribute `labels`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub labels: Vec<LabelTest>,
    /// It belongs to this group.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// Whether items count that do not exist at the moment asked about.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub include_ended: bool,
}

/// How sure we are that something still holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Sureness {
    /// There is recent evidence.
    Confirmed,
    /// Evidence is due.
    Ageing,
    /// Evidence is overdue.
    Unconfirmed,
    /// It does not hold.
    Closed,
}

/// A condition on one attribute.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AttributeTest {
    /// The attribute's name.
    pub name: String,
    /// How it is compared.
    pub operator: AttributeOperator,
    /// What it is compared with; not used by `exists`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<Value>,
}

/// How an attribute is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AttributeOperator {
    /// It is the value.
    Eq,
    /// It is another value, or there is none.
    Neq,
    /// Its text holds the text of the value, or its list has it as an entry.
    Contains,
    /// There is a value.
    Exists,
    /// It is greater: numbers as numbers, anything else as text.
    Gt,
    /// It is less.
    Lt,
}

/// A condition on one label.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LabelTest {
    /// The label's name.
    pub name: String,
    /// Its value; any when missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
}

/// The attribute in which sources state labels.
const LABELS: &str = "labels";

impl LabelTest {
    /// The attribute to look at.
    pub const ATTRIBUTE: &'static str = LABELS;

    /// Whether labels pass.
    pub fn passes(&self, labels: Option<&Value>) -> bool {
        let is = labels.and_then(|labels| labels.get(&self.name));
        match (&self.value, is) {
            (_, None | Some(Value::Null)) => false,
            (None, Some(_)) => true,
            (Some(wanted), Some(is)) => text_of(is) == *wanted,
        }
    }
}

impl AttributeTest {
    /// Whether a value passes; `None` when the item has none.
    pub fn passes(&self, is: Option<&Value>) -> bool {
        let is = is.filter(|value| !value.is_null());
        let wanted = self.value.as_ref().unwrap_or(&Value::Null);
        match (self.operator, is) {
            (AttributeOperator::Exists, is) => is.is_some(),
            (AttributeOperator::Neq, is) => is.is_none_or(|is| !same(is, wanted)),
            (_, None) => false,
            (AttributeOperator::Eq, Some(is)) => same(is, wanted),
            (AttributeOperator::Contains, Some(is)) => contains(is, wanted),
            (AttributeOperator::Gt, Some(is)) => order(is, wanted).is_gt(),
            (AttributeOperator::Lt, Some(is)) => order(is, wanted).is_lt(),
        }
    }

    fn lacks_value(&self) -> bool {
        let is_given = self.value.as_ref().is_some_and(|value| !value.is_null());
        self.operator != AttributeOperator::Exists && !is_given
    }
}

impl ItemFilter {
    /// What is too much about it, in words.
    pub fn fault(&self) -> Option<String> {
        let lists = [
            ("kinds", self.kinds.len()),
            ("owners", self.owners.len()),
            ("ownedBy", self.owned_by.len()),
            ("criticality", self.criticality.len()),
            ("freshness", self.freshness.len()),
            ("attributes", self.attributes.len()),
            ("labels", self.labels.len()),
        ];
        let long = lists
            .into_iter()
            .find(|(_, entries)| ENTRIES_MAX < *entries);
        if let Some((name, _)) = long {
            return Some(format!("{name} has at most {ENTRIES_MAX} entries"));
        }
        let letters = self.text.as_ref().map_or(0, |text| text.chars().count());
        if TEXT_MAX < letters {
            return Some(format!("text has at most {TEXT_MAX} letters"));
        }
        let without = self.attributes.iter().find(|test| test.lacks_value());
        without.map(|test| format!("the condition on {} needs a value", test.name))
    }
}

/// Sources write `8080` and `"8080"` for the same.
fn same(is: &Value, wanted: &Value) -> bool {
    is == wanted || text_of(is) == text_of(wanted)
}

fn contains(is: &Value, wanted: &Value) -> bool {
    match is {
        Value::Array(entries) => entries.iter().any(|entry| same(entry, wanted)),
        Value::Object(entries) => entries.contains_key(&text_of(wanted)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => text_of(is)
            .to_lowercase()
            .contains(&text_of(wanted).to_lowercase()),
    }
}

fn order(is: &Value, wanted: &Value) -> std::cmp::Ordering {
    let number = |value: &Value| text_of(value).trim().parse::<f64>().ok();
    match (number(is), number(wanted)) {
        (Some(is), Some(wanted)) => is.total_cmp(&wanted),
        _ => text_of(is).cmp(&text_of(wanted)),
    }
}

fn text_of(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => {
            value.to_string()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn attributes_are_compared_as_people_mean_it() {
        let cases = [
            ("eq", json!("8080"), json!(8080), true),
            ("eq", json!("a"), json!("A"), false),
            ("neq", json!("a"), json!("b"), true),
            ("neq", json!("a"), Value::Null, true),
            ("contains", json!("YUM"), json!("yum install"), true),
            ("contains", json!("b"), json!(["a", "b"]), true),
            ("contains", json!("b"), json!(["ab"]), false),
            ("exists", Value::Null, json!(false), true),
            ("exists", Value::Null, Value::Null, false),
            ("gt", json!(9), json!(10), true),
            ("gt", json!("9"), json!("10"), true),
            ("lt", json!("b"), json!("a"), true),
            ("lt", json!(1), Value::Null, false),
        ];
        for (operator, wanted, is, passes) in cases {
            let test: AttributeTest =
                serde_json::from_value(json!({"name": "n", "operator": operator, "value": wanted}))
                    .unwrap();
            assert_eq!(test.passes(Some(&is)), passes, "{is} {operator} {wanted}");
        }
    }
}
