//! What people and tools found out: about causes, about which incidents are one, and about risks.

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

/// What somebody finds of two incidents.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Belonging {
    /// They are one.
    Together,
    /// They are not.
    Apart,
    /// What was found of them before no longer counts.
    Withdrawn,
}

/// `incidents.judged`: whether an incident is one with others.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct IncidentsJudged {
    /// The incident that belongs or does not, by its source's name.
    pub incident: SourceRef,
    /// The others, by their sources' names; at most [`crate::bounds::INCIDENTS_JUDGED_MAX`].
    pub others: Vec<SourceRef>,
    /// The finding.
    pub verdict: Belonging,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// `risk_score.recorded`: how risky a source holds a change. Each source's newest score stands beside the change.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RiskScored {
    /// The change, by its source's name.
    pub change: SourceRef,
    /// The score, on the source's own scale.
    pub score: f64,
    /// The source's word for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub level: Option<String>,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}
