//! What people found out about causes.

use serde::{Deserialize, Serialize};

use crate::SourceRef;

/// A person's or tool's finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// The change caused the incident.
    Cause,
    /// It did not.
    NotCause,
    /// Nobody can say.
    Unsure,
}

/// `cause.judged`: whether a change caused an incident.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CauseJudged {
    /// The incident, by its source's name.
    pub incident: SourceRef,
    /// The change, by its source's name.
    pub change: SourceRef,
    /// The finding.
    pub verdict: Verdict,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}
