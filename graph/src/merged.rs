//! Every statement about a change or an incident laid over each other: the whole text of it.
//!
//! The fold keeps only what searches need; the long texts come from the index, statement by statement.

use std::collections::BTreeMap;

use model::{Attributes, Change, ChangeLink, CheckResult, Incident, LogPosition, Timestamp};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

/// One statement as the index keeps it.
#[derive(Clone, Debug, PartialEq)]
pub struct Statement<T> {
    /// The time it speaks of.
    pub occurred_at: Timestamp,
    /// [`crate::tie_of`] its event: decides between two statements of one time.
    pub tie: u64,
    /// Where it stands in the log.
    pub position: LogPosition,
    /// What it says.
    pub said: T,
}

/// A change as all statements together describe it; `None` without any.
///
/// Of two statements the one that speaks of the later time counts, field by field; batches are merged by index,
/// checks by name and place, the values of a scene by name, links by kind.
pub fn merge_change(statements: &[Statement<Change>]) -> Option<Change> {
    if let [only] = statements
        && holds_nothing_to_merge(&only.said)
    {
        return Some(only.said.clone());
    }
    let mut whole = merge(statements)?;
    for (field, entries) in [
        (
            "batches",
            merge_entries(statements, |change| keyed(&change.batches, |it| it.index)),
        ),
        (
            "checkResults",
            merge_entries(statements, |change| {
                keyed(&change.check_results, CheckResult::identity)
            }),
        ),
    ] {
        if whole.contains_key(field) {
            whole.insert(field.to_owned(), Value::Array(entries));
        }
    }
    for (field, values) in [
        ("basic", merge_named(statements, |change| &change.basic)),
        ("control", merge_named(statements, |change| &change.control)),
    ] {
        if whole.contains_key(field) {
            whole.insert(field.to_owned(), Value::Object(values));
        }
    }
    if whole.contains_key("links") {
        whole.insert("links".to_owned(), merge_links(statements));
    }
    read(whole)
}

/// Whether a statement by itself is what it would be merged with none: nothing in it goes by a key.
fn holds_nothing_to_merge(said: &Change) -> bool {
    said.batches.is_empty()
        && said.check_results.is_empty()
        && said.links.is_empty()
        && said.basic.is_empty()
        && said.control.is_empty()
}

/// An incident as all statements together describe it; `None` without any.
pub fn merge_incident(statements: &[Statement<Incident>]) -> Option<Incident> {
    read(merge(statements)?)
}

fn merge<T: Serialize>(statements: &[Statement<T>]) -> Option<Map<String, Value>> {
    let mut whole: Option<Map<String, Value>> = None;
    for statement in in_time(statements) {
        let Ok(Value::Object(fields)) = serde_json::to_value(&statement.said) else {
            continue;
        };
        whole.get_or_insert_default().extend(fields);
    }
    whole
}

/// Entries of a list laid over each other where they have one key, in the order of their keys.
fn merge_entries<K: Ord>(
    statements: &[Statement<Change>],
    entries: impl Fn(&Change) -> Vec<(K, Value)>,
) -> Vec<Value> {
    let mut by_key: BTreeMap<K, Map<String, Value>> = BTreeMap::new();
    for statement in in_time(statements) {
        for (key, entry) in entries(&statement.said) {
            if let Value::Object(fields) = entry {
                by_key.entry(key).or_default().extend(fields);
            }
        }
    }
    by_key.into_values().map(Value::Object).collect()
}

fn keyed<T: Serialize, K>(entries: &[T], key: impl Fn(&T) -> K) -> Vec<(K, Value)> {
    let each = entries.iter();
    each.filter_map(|entry| Some((key(entry), serde_json::to_value(entry).ok()?)))
        .collect()
}

/// Named values laid over each other; `null` takes one back.
fn merge_named(
    statements: &[Statement<Change>],
    named: impl Fn(&Change) -> &Attributes,
) -> Map<String, Value> {
    let mut whole = Map::new();
    for statement in in_time(statements) {
        for (name, value) in named(&statement.said) {
            whole.insert(name.clone(), value.clone());
        }
    }
    whole.retain(|_, value| !value.is_null());
    whole
}

/// Of each kind of link the latest list.
fn merge_links(statements: &[Statement<Change>]) -> Value {
    let mut by_kind: BTreeMap<&str, Vec<&ChangeLink>> = BTreeMap::new();
    for statement in in_time(statements) {
        let mut of_kind: BTreeMap<&str, Vec<&ChangeLink>> = BTreeMap::new();
        for link in &statement.said.links {
            of_kind.entry(&link.kind).or_default().push(link);
        }
        by_kind.extend(of_kind);
    }
    let links: Vec<&ChangeLink> = by_kind.into_values().flatten().collect();
    serde_json::to_value(links).unwrap_or_default()
}

fn in_time<T>(statements: &[Statement<T>]) -> Vec<&Statement<T>> {
    let mut sorted: Vec<&Statement<T>> = statements.iter().collect();
    sorted.sort_by_key(|statement| (statement.occurred_at, statement.tie));
    sorted
}

fn read<T: DeserializeOwned>(whole: Map<String, Value>) -> Option<T> {
    serde_json::from_value(Value::Object(whole)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(second: i64, change: Value) -> Statement<Change> {
        Statement {
            occurred_at: Timestamp::from_unix_millis(second * 1_000),
            tie: 0,
            position: LogPosition::new(1),
            said: serde_json::from_value(change).unwrap(),
        }
    }

    #[test]
    fn the_later_word_counts_field_by_field() {
        let later = serde_json::json!({"source": "s", "sourceId": "1", "title": "two",
            "batches": [{"index": 0, "status": "succeeded"}]});
        let earlier = serde_json::json!({"source": "s", "sourceId": "1", "title": "one", "description": "why",
            "batches": [{"index": 0, "status": "running", "trafficPercent": 5.0}, {"index": 1}]});
        let whole = merge_change(&[said(2, later), said(1, earlier)]).unwrap();
        assert_eq!(
            (whole.title.as_deref(), whole.description.as_deref()),
            (Some("two"), Some("why"))
        );
        assert_eq!(whole.batches.len(), 2);
        assert_eq!(whole.batches[0].traffic_percent, Some(5.0));
        assert_eq!(whole.batches[0].status, Some(model::BatchStatus::Succeeded));
        assert_eq!(merge_change(&[]), None);
    }

    #[test]
    fn one_statement_by_itself_is_what_it_says() {
        let change = serde_json::json!({"source": "s", "sourceId": "1", "title": "one", "status": "running",
            "startedAt": "2026-11-20T08:00:00Z", "targets": ["service:prod/shop"], "emergency": false,
            "values": [{"field": "image", "before": "a", "after": "b"}],
            "operator": {"kind": "human", "name": "ada"}});
        let only = said(1, change);
        let twice = merge_change(&[only.clone(), only.clone()]).unwrap();
        assert_eq!(merge_change(&[only]), Some(twice));
    }

    #[test]
    fn what_each_step_tells_is_laid_beside_what_others_told() {
        let before = serde_json::json!({"source": "s", "sourceId": "1",
            "checkResults": [{"name": "slo", "at": "before_order", "result": "pass"}],
            "basic": {"version": "1", "ticket": "T-1"},
            "links": [{"kind": "part_of", "change": {"source": "s", "sourceId": "0"}}]});
        let after = serde_json::json!({"source": "s", "sourceId": "1",
            "checkResults": [{"name": "slo", "at": "after_order", "result": "block"}],
            "basic": {"version": "2", "ticket": null},
            "links": [{"kind": "rollback_of", "change": {"source": "s", "sourceId": "8"}}]});
        let whole = merge_change(&[said(2, after), said(1, before)]).unwrap();
        let results: Vec<&str> = whole
            .check_results
            .iter()
            .map(|it| it.result.as_str())
            .collect();
        assert_eq!(results, ["pass", "block"]);
        assert_eq!(whole.basic, [("version".to_owned(), "2".into())].into());
        assert_eq!(whole.links.len(), 2);
    }
}
