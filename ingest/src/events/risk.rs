//! What a sender declares of risks: rules of its own, as comparisons of facts.

use model::{
    RISK_DEPTH_MAX, RISK_TESTS_MAX, RiskComparison, RiskCondition, RiskFact, RiskLevel,
    RiskRuleDeclared, RiskRuleWithdrawn, RiskScope, RiskTest, RiskValue, bounds,
};
use serde_json::Value;

use super::withdrawal::withdrawal;
use crate::fields::{self, Fields, Path, Problems, said};

const NAMES_MAX: usize = bounds::DEFINED_NAMES_MAX;

/// `risk_rule.declared`.
pub(super) fn declared(
    data: Value,
    path: &Path<'_>,
    problems: &mut Problems,
) -> Option<RiskRuleDeclared> {
    let mut fields = Fields::open(data, path, problems)?;
    let name = fields.must("name", fields::name);
    let description = fields.may("description", fields::line);
    let when = fields.must("when", |value, path, problems| {
        let mut tests = 0;
        let read = condition(value, path, problems, 1, &mut tests);
        if RISK_TESTS_MAX < tests {
            let reason = format!("has {tests} comparisons, at most {RISK_TESTS_MAX} are taken");
            problems.add(path, reason);
        }
        read
    });
    let points = fields.may("points", fields::number);
    let level_at_least = fields.may("levelAtLeast", |value, path, problems| {
        fields::word(&RiskLevel::WRITTEN, value, path, problems)
    });
    let scope = fields.may("scope", scope).unwrap_or_default();
    let rule = name.zip(when).map(|(name, when)| RiskRuleDeclared {
        name,
        description,
        when,
        points,
        level_at_least,
        scope,
    });
    if let Some((field, reason)) = rule.as_ref().and_then(RiskRuleDeclared::fault) {
        fields.problem(field, reason);
    }
    fields.close();
    rule
}

/// `risk_rule.withdrawn`.
pub(super) fn withdrawn(
    data: Value,
    path: &Path<'_>,
    problems: &mut Problems,
) -> Option<RiskRuleWithdrawn> {
    let read = (fields::name as _, fields::text as _);
    let (name, reason) = withdrawal(data, path, problems, read)?;
    Some(RiskRuleWithdrawn { name, reason })
}

fn scope(value: Value, path: &Path<'_>, problems: &mut Problems) -> Option<RiskScope> {
    let mut fields = Fields::open(value, path, problems)?;
    let scope = RiskScope {
        platforms: fields.list("platforms", NAMES_MAX, fields::line),
        scenes: fields.list("scenes", NAMES_MAX, fields::line),
        environments: fields.list("environments", NAMES_MAX, fields::line),
        owners: fields.list("owners", NAMES_MAX, fields::line),
    };
    fields.close();
    Some(scope)
}

/// A condition: `all` of a list, `any` of a list, or one comparison.
fn condition(
    value: Value,
    path: &Path<'_>,
    problems: &mut Problems,
    depth: usize,
    tests: &mut usize,
) -> Option<RiskCondition> {
    if RISK_DEPTH_MAX < depth {
        let reason = format!("stands inside more than {RISK_DEPTH_MAX} others");
        problems.add(path, reason);
        return None;
    }
    let has = |name: &str| value.get(name).is_some_and(|it| !it.is_null());
    match (has("all"), has("any"), has("fact")) {
        (true, false, false) => {
            let all = several("all", value, path, problems, depth, tests)?;
            Some(RiskCondition::All { all })
        }
        (false, true, false) => {
            let any = several("any", value, path, problems, depth, tests)?;
            Some(RiskCondition::Any { any })
        }
        (false, false, true) => {
            *tests += 1;
            test(value, path, problems).map(RiskCondition::Test)
        }
        _ if value.is_object() => {
            problems.add(path, "needs one of all, any and fact");
            None
        }
        _ => {
            let found = said(&value);
            problems.add(path, format!("expected an object, found {found}"));
            None
        }
    }
}

fn several(
    name: &'static str,
    value: Value,
    path: &Path<'_>,
    problems: &mut Problems,
    depth: usize,
    tests: &mut usize,
) -> Option<Vec<RiskCondition>> {
    let mut fields = Fields::open(value, path, problems)?;
    let read = fields.must(name, |value, path, problems| match value {
        Value::Array(entries) if entries.is_empty() => {
            problems.add(path, "is empty");
            None
        }
        Value::Array(entries) => {
            let each = entries.into_iter().enumerate();
            let read = each.map(|(index, entry)| {
                let path = Path::Entry(path, index);
                condition(entry, &path, problems, depth + 1, tests)
            });
            let read: Vec<Option<RiskCondition>> = read.collect();
            read.into_iter().collect()
        }
        other => {
            problems.add(path, format!("expected a list, found {}", said(&other)));
            None
        }
    });
    fields.close();
    read
}

fn test(value: Value, path: &Path<'_>, problems: &mut Problems) -> Option<RiskTest> {
    let mut fields = Fields::open(value, path, problems)?;
    let fact = fields.must("fact", |value, path, problems| {
        fields::word(RiskFact::WRITTEN, value, path, problems)
    });
    let comparison = fields.must("comparison", |value, path, problems| {
        fields::word(&RiskComparison::WRITTEN, value, path, problems)
    });
    let value = fields.must("value", compared);
    let test = fact
        .zip(comparison)
        .zip(value)
        .map(|((fact, comparison), value)| RiskTest {
            fact,
            comparison,
            value,
        });
    if let Some((field, reason)) = test.as_ref().and_then(RiskTest::fault) {
        fields.problem(field, reason);
    }
    fields.close();
    test
}

fn compared(value: Value, path: &Path<'_>, problems: &mut Problems) -> Option<RiskValue> {
    match value {
        Value::Bool(truth) => Some(RiskValue::Truth(truth)),
        Value::Number(_) => fields::number(value, path, problems).map(RiskValue::Number),
        Value::String(_) => fields::line(value, path, problems).map(RiskValue::Word),
        Value::Array(words) if words.len() <= NAMES_MAX => {
            let each = words.into_iter().enumerate();
            let read =
                each.map(|(index, word)| fields::line(word, &Path::Entry(path, index), problems));
            let read: Vec<Option<String>> = read.collect();
            let words: Option<Vec<String>> = read.into_iter().collect();
            words.map(RiskValue::Words)
        }
        Value::Array(words) => {
            let found = words.len();
            problems.add(
                path,
                format!("has {found} entries, at most {NAMES_MAX} are taken"),
            );
            None
        }
        other => {
            let found = said(&other);
            problems.add(
                path,
                format!("expected a number, a word, a list of words, true or false, found {found}"),
            );
            None
        }
    }
}
