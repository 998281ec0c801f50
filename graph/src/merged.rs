//! Every statement about a change or an incident laid over each other: the whole text of it.
//!
//! The fold keeps only what searches need; the long texts come from the index, statement by statement.

use model::{Change, Incident, LogPosition, Timestamp};
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
/// Of two statements the one that speaks of the later time counts, field by field; batches are merged by index.
pub fn merge_change(statements: &[Statement<Change>]) -> Option<Change> {
    let mut whole = merge(statements)?;
    if let Some(batches) = whole.get("batches").and(merge_batches(statements)) {
        whole.insert("batches".to_owned(), batches);
    }
    read(whole)
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

fn merge_batches(statements: &[Statement<Change>]) -> Option<Value> {
    let mut by_index = std::collections::BTreeMap::<u32, Map<String, Value>>::new();
    for statement in in_time(statements) {
        for batch in &statement.said.batches {
            let Ok(Value::Object(fields)) = serde_json::to_value(batch) else {
                continue;
            };
            by_index.entry(batch.index).or_default().extend(fields);
        }
    }
    let batches = by_index.into_values().map(Value::Object).collect();
    Some(Value::Array(batches))
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
}
