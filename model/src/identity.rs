//! What people decide about which names are one item.

use serde::{Deserialize, Serialize};

use crate::{EventId, SourceKey};

/// `items.merged`: somebody decided that these names are one item.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ItemsMerged {
    /// The names, two or more.
    pub items: Vec<SourceKey>,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// `item.split`: somebody decided that some names are another item than others, whatever sources say.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ItemSplit {
    /// The names that are an item of their own.
    pub names: Vec<SourceKey>,
    /// The names they were taken for.
    pub from: Vec<SourceKey>,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// `identity.reverted`: a merge or a split is taken back, as if it had never been made.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct IdentityReverted {
    /// The event that made the decision.
    pub decision: EventId,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}
