//! Symptoms: a measure of an item or relation that left its baseline.

use serde::{Deserialize, Serialize};

use crate::{RelationKind, SourceKey, ValidInterval};

/// A measure against its baseline.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Deviation {
    /// What was measured, such as `error_rate`, `latency_p99_ms`, `availability`, `cpu`.
    pub metric: String,
    /// What is usual.
    pub baseline: f64,
    /// What was measured in the window.
    pub value: f64,
    /// When it was measured.
    pub window: ValidInterval,
    /// How many samples stand behind `value`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub samples: Option<u64>,
}

/// `item.deviated`: a measure of an item left its baseline.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ItemDeviated {
    /// The item.
    pub key: SourceKey,
    /// The measure.
    pub deviation: Deviation,
}

/// `relation.deviated`: a measure of a relation left its baseline.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RelationDeviated {
    /// The item that needs the other.
    pub dependent: SourceKey,
    /// The item that is needed.
    pub provider: SourceKey,
    /// How it is needed; any kind when missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<RelationKind>,
    /// The measure.
    pub deviation: Deviation,
}
