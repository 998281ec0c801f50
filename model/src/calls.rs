//! Calls seen in traces, paired and summed up over one window. Spans themselves are not events.

use serde::{Deserialize, Serialize};

use crate::{ObservedItem, RelationKind, SourceKey, Timestamp, ValidInterval};

/// How sure the pairing is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Evidence {
    /// Both sides were seen.
    Paired,
    /// One side was seen and names the other.
    OneSided,
    /// One side was seen; the other is guessed from an address.
    Inferred,
}

/// What was seen of one relation in the window.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ObservedCall {
    /// The caller, producer's queue reader, or whoever needs the other.
    pub dependent: SourceKey,
    /// The called one.
    pub provider: SourceKey,
    /// `calls`, `publishes_to`, `consumes_from`, `queries` ...
    pub kind: RelationKind,
    /// How sure the pairing is.
    pub evidence: Evidence,
    /// Calls seen, sampling adjusted.
    pub calls: u64,
    /// Of these, failed.
    pub errors: u64,
    /// Median duration as the dependent saw it, milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration_p50_ms: Option<f64>,
    /// 99th percentile of the duration, milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration_p99_ms: Option<f64>,
    /// Start of the first call.
    pub first_seen_at: Timestamp,
    /// Start of the last call.
    pub last_seen_at: Timestamp,
}

/// `calls.observed`: one closed window of traces.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ObservedCalls {
    /// The window, in the time of the spans.
    pub window: ValidInterval,
    /// How long until the same relation is reported again at the latest, in milliseconds: the base of its ageing.
    pub report_interval_ms: u64,
    /// Items met for the first time, or changed, with what the spans said of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub items: Vec<ObservedItem>,
    /// Calls that are new, materially different, or due for their periodic summary.
    pub calls: Vec<ObservedCall>,
}
