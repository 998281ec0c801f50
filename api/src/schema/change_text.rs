//! Looking for a text in what sources said of changes in full.
//!
//! The fold keeps titles only; the long texts lie in the index and are read one
//! by one. So a search reads so many of the newest, and says when there are more.

use std::collections::BTreeSet;
use std::sync::Arc;

use async_graphql::{Context, Result};
use model::{Change, ChangeId};
use serde_json::Value;

use super::Shared;
use super::asking::ask;
use super::change_filter::ChangeCriteria;
use super::details::failed;
use super::standpoint::Standpoint;

/// Most changes that one search reads in full. The schema's description of `text` names it.
const READ_MAX: usize = 5_000;

/// How many are read at once.
const READ_AT_ONCE: usize = 100;

/// Which long texts hold what is looked for.
#[derive(Default, PartialEq)]
pub(crate) struct Read {
    pub(super) holding: BTreeSet<ChangeId>,
    /// Whether there were more than are read.
    pub(super) truncated: bool,
}

/// Reads the long texts that a filter needs, if it looks for a text.
pub(crate) async fn read_texts(
    ctx: &Context<'_>,
    at: &Standpoint,
    criteria: ChangeCriteria,
) -> Result<ChangeCriteria> {
    let Some(text) = criteria.text().map(str::to_owned) else {
        return Ok(criteria);
    };
    let seen_from = at.clone();
    let (mut criteria, mut unread) = ask(ctx, move || {
        let unread: Vec<_> = criteria.unread(&seen_from).take(READ_MAX + 1).collect();
        (criteria, unread)
    })
    .await?;
    let mut read = Read {
        holding: BTreeSet::new(),
        truncated: READ_MAX < unread.len(),
    };
    unread.truncate(READ_MAX);
    let bodies = Arc::clone(&ctx.data::<Shared>()?.ports.bodies);
    for some in unread.chunks(READ_AT_ONCE) {
        let changes = bodies.changes(some.to_vec()).await;
        let changes = changes.map_err(|error| failed(&error))?;
        let holding = some.iter().zip(changes).filter(|(_, change)| {
            let change = change.as_ref();
            change.is_some_and(|change| text_holds(change, &text))
        });
        read.holding.extend(holding.map(|((id, _), _)| *id));
    }
    criteria.take(read);
    Ok(criteria)
}

/// Whether any text of a change holds another one, given in lower case.
pub(super) fn text_holds(change: &Change, text: &str) -> bool {
    serde_json::to_value(change).is_ok_and(|value| value_holds(&value, text))
}

fn value_holds(value: &Value, text: &str) -> bool {
    match value {
        Value::String(line) => line.to_lowercase().contains(text),
        Value::Array(list) => list.iter().any(|value| value_holds(value, text)),
        Value::Object(fields) => fields.values().any(|value| value_holds(value, text)),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use model::{SourceName, SourceRef};

    use super::*;

    #[test]
    fn every_text_of_a_change_is_looked_at_whatever_its_case() {
        let mut change = Change::new(&SourceRef {
            source: SourceName::new("ci"),
            source_id: "7".to_owned(),
        });
        change.description = Some("Rotates the TLS certificate".to_owned());
        change.risk_factors = vec!["touches Ingress".to_owned()];
        assert!(text_holds(&change, "tls cert"));
        assert!(text_holds(&change, "ingress"));
        assert!(
            !text_holds(&change, "description"),
            "names of fields are no texts"
        );
        assert!(!text_holds(&change, "cache"));
    }
}
