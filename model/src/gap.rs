//! What is known to be missing.

use serde::{Deserialize, Serialize};

use crate::{ContentHash, SourceName, ValidInterval};

/// `observation.gap`: a source's observations of this time are lost, such as the window open at a crash.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ObservationGap {
    /// Whose observations.
    pub source: SourceName,
    /// Of which time.
    pub window: ValidInterval,
    /// Why.
    pub reason: String,
}

/// `input.quarantined`: something parsed but was not understood; its bytes lie in the quarantine, not in the log.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct QuarantinedInput {
    /// Which bytes.
    pub hash: ContentHash,
    /// Who sent them.
    pub source: SourceName,
    /// What was not understood.
    pub reason: String,
}
