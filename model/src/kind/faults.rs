//! What is wrong with a definition, before it may become an event.

use super::rules::compiled;
use super::{
    AttributeRule, BUILT_IN_RELATION_KINDS, HalfLife, KindDefined, RelationKindDefined, ValueType,
};
use crate::bounds;

/// One thing that is wrong with a definition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DefinitionFault {
    /// The field as a path, such as `attributes[2].pattern`.
    pub field: String,
    /// Why, in words for whoever defines.
    pub reason: String,
}

/// Everything that is wrong with a kind's definition.
pub fn kind_faults(defined: &KindDefined) -> Vec<DefinitionFault> {
    let mut faults = Vec::new();
    name_fault("name", &defined.name, &mut faults);
    if let Some(half_life) = defined.half_life {
        half_life_fault(half_life, &mut faults);
    }
    faults.extend(attribute_list_faults("attributes", &defined.attributes));
    faults
}

/// Everything that is wrong with a list of attribute rules that stands in a field.
pub(crate) fn attribute_list_faults(field: &str, rules: &[AttributeRule]) -> Vec<DefinitionFault> {
    let mut faults = Vec::new();
    for (place, rule) in rules.iter().enumerate() {
        let at = format!("{field}[{place}]");
        let mut earlier = rules.iter().take(place);
        if earlier.any(|other| other.name == rule.name) {
            let reason = format!("{} is listed twice", rule.name);
            add(&mut faults, format!("{at}.name"), reason);
        }
        attribute_faults(&at, rule, &mut faults);
    }
    faults
}

/// What is wrong with the name of a kind that stands in a field.
pub(crate) fn kind_name_fault(field: &str, name: &str) -> Option<DefinitionFault> {
    let mut faults = Vec::new();
    name_fault(field, name, &mut faults);
    faults.pop()
}

/// Everything that is wrong with a relation kind's definition.
pub fn relation_kind_faults(defined: &RelationKindDefined) -> Vec<DefinitionFault> {
    let mut faults = Vec::new();
    name_fault("name", &defined.name, &mut faults);
    if is_built_in_relation(&defined.name) {
        let reason = format!("{} is built in and cannot be changed", defined.name);
        add(&mut faults, "name".to_owned(), reason);
    }
    if defined.sentence.trim().is_empty() {
        add(
            &mut faults,
            "sentence".to_owned(),
            "must not be empty".to_owned(),
        );
    }
    for (field, kinds) in [
        ("dependents", &defined.dependents),
        ("providers", &defined.providers),
    ] {
        for (place, kind) in kinds.iter().enumerate() {
            name_fault(&format!("{field}[{place}]"), kind, &mut faults);
        }
    }
    faults
}

fn is_built_in_relation(name: &str) -> bool {
    BUILT_IN_RELATION_KINDS.iter().any(|it| it.name == name)
}

fn add(faults: &mut Vec<DefinitionFault>, field: String, reason: String) {
    faults.push(DefinitionFault { field, reason });
}

/// A kind is written as keys write it: it must come out of a key as it went in.
fn name_fault(field: &str, name: &str, faults: &mut Vec<DefinitionFault>) {
    let has_room = (1..=bounds::KIND_BYTES).contains(&name.len());
    let breaks_keys = |letter: char| {
        letter.is_whitespace() || letter.is_control() || [':', '/', '=', '%'].contains(&letter)
    };
    if !has_room || name.contains(breaks_keys) || name.to_lowercase() != name {
        let reason = "is written as keys write it: in lower case, without blanks, \
            as in load_balancer";
        add(faults, field.to_owned(), reason.to_owned());
    }
}

fn half_life_fault(half_life: HalfLife, faults: &mut Vec<DefinitionFault>) {
    let HalfLife {
        ageing,
        unconfirmed,
        closed,
    } = half_life;
    let grows = 1 <= ageing && ageing <= unconfirmed && unconfirmed <= closed;
    if !grows {
        let reason = "begins at 1 and grows from ageing over unconfirmed to closed";
        add(faults, "halfLife".to_owned(), reason.to_owned());
    } else if HalfLife::LASTING.closed < closed {
        let reason = format!("closed is at most {} intervals", HalfLife::LASTING.closed);
        add(faults, "halfLife".to_owned(), reason);
    }
}

fn attribute_faults(at: &str, rule: &AttributeRule, faults: &mut Vec<DefinitionFault>) {
    let mut told = |field: &str, reason: String| add(faults, format!("{at}.{field}"), reason);
    if !(1..=bounds::KIND_BYTES).contains(&rule.name.len()) {
        told("name", format!("has 1 to {} bytes", bounds::KIND_BYTES));
    }
    if let Some(pattern) = &rule.pattern {
        if bounds::PATTERN_BYTES < pattern.len() {
            let limit = bounds::PATTERN_BYTES;
            told("pattern", format!("has more than {limit} bytes"));
        } else if let Err(error) = compiled(pattern) {
            told("pattern", pattern_reason(&error));
        }
    }
    let lengths = rule.length_min.zip(rule.length_max);
    if lengths.is_some_and(|(min, max)| max < min) {
        told("lengthMax", "is less than lengthMin".to_owned());
    }
    let range = rule.minimum.zip(rule.maximum);
    if range.is_some_and(|(minimum, maximum)| maximum < minimum) {
        told("maximum", "is less than minimum".to_owned());
    }
    if rule.is_of(&[ValueType::Enumeration]) && rule.values.is_empty() {
        told("values", "an enumeration lists its values".to_owned());
    }
    for (field, is_stated, types) in rule.stated() {
        if is_stated && !rule.is_of(types) {
            let types: Vec<&str> = types.iter().map(|it| it.for_people()).collect();
            told(field, format!("rules {} only", types.join(" or ")));
        }
    }
}

type StatedRule = (&'static str, bool, &'static [ValueType]);

impl AttributeRule {
    /// Each rule, whether it is stated, and for which types it has a meaning.
    fn stated(&self) -> [StatedRule; 8] {
        const TEXTS: &[ValueType] = &[ValueType::String];
        const LENGTHS: &[ValueType] = &[ValueType::String, ValueType::List];
        const NUMBERS: &[ValueType] = &[ValueType::Integer, ValueType::Number];
        [
            ("values", !self.values.is_empty(), &[ValueType::Enumeration]),
            ("kinds", !self.kinds.is_empty(), &[ValueType::Reference]),
            (
                "elements",
                self.elements != ValueType::Any,
                &[ValueType::List],
            ),
            ("pattern", self.pattern.is_some(), TEXTS),
            ("lengthMin", self.length_min.is_some(), LENGTHS),
            ("lengthMax", self.length_max.is_some(), LENGTHS),
            ("minimum", self.minimum.is_some(), NUMBERS),
            ("maximum", self.maximum.is_some(), NUMBERS),
        ]
    }

    /// Whether it, or each entry of its list, is of one of these types.
    fn is_of(&self, types: &[ValueType]) -> bool {
        let is_list = self.value_type == ValueType::List;
        types.contains(&self.value_type) || is_list && types.contains(&self.elements)
    }
}

/// What the compiler says, without the frame we put around the pattern.
fn pattern_reason(error: &regex::Error) -> String {
    match error {
        regex::Error::CompiledTooBig(_) => "is too large when compiled".to_owned(),
        other => {
            let text = other.to_string();
            let last = text.lines().last().unwrap_or_default();
            let why = last.trim_start_matches("error: ");
            format!("is no regular expression: {why}")
        }
    }
}
