//! Tells bookkeeping from what somebody meant: values that every write touches, whatever it is for.

use model::Change;

/// Fields that change with every write, by the last step of their path in lower case.
const FIELDS: [&str; 18] = [
    "resourceversion",
    "generation",
    "observedgeneration",
    "managedfields",
    "uid",
    "selflink",
    "creationtimestamp",
    "lasttransitiontime",
    "lastupdatetime",
    "lastprobetime",
    "lastheartbeattime",
    "lastmodified",
    "last_modified",
    "lastapplied",
    "updatedat",
    "updated_at",
    "etag",
    "last-applied-configuration",
];

/// Parts of a path below which a machine keeps its own books.
const BRANCHES: [&str; 2] = ["status", "managedfields"];

/// Whether a statement tells values before and after, and all of them are bookkeeping.
///
/// What was delivered, or rolled out, is meant; so is whatever tells no values.
pub(crate) fn is_only_bookkeeping(change: &Change) -> bool {
    let is_meant = !change.artifacts.is_empty() || !change.batches.is_empty();
    let all = change
        .values
        .iter()
        .all(|value| value.before == value.after || is_bookkeeping(&value.field));
    !change.values.is_empty() && !is_meant && all
}

fn is_bookkeeping(field: &str) -> bool {
    let field = field.to_lowercase();
    let steps = || field.split(['.', '/']).filter(|step| !step.is_empty());
    let below = steps().any(|step| {
        let name = step.split('[').next().unwrap_or(step);
        BRANCHES.contains(&name)
    });
    let last = steps().next_back().unwrap_or_default();
    below || FIELDS.contains(&last)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(fields: &[&str]) -> bool {
        let values: Vec<_> = fields
            .iter()
            .map(|field| serde_json::json!({"field": field, "before": 1, "after": 2}))
            .collect();
        let change = serde_json::json!({"source": "k8s", "sourceId": "1", "values": values});
        is_only_bookkeeping(&serde_json::from_value(change).unwrap())
    }

    #[test]
    fn what_every_write_touches_is_bookkeeping() {
        assert!(told(&[
            "metadata.resourceVersion",
            "status.conditions[0].reason"
        ]));
        assert!(told(&["metadata.managedFields[3].time"]));
        assert!(!told(&["metadata.resourceVersion", "spec.replicas"]));
        assert!(!told(&[]));
        assert!(!told(&["spec.statusPage"]));
    }
}
