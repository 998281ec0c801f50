//! What a source says about who needs whom. Always written `dependent -> provider`.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{SourceKey, Timestamp};

/// Reads as a sentence: dependent KIND provider, as in *web calls api*, *pod `runs_on` node*.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RelationKind(String);

impl RelationKind {
    /// A kind by its name in lower case with underscores.
    pub fn new(name: impl Into<String>) -> Self {
        Self(name.into())
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RelationKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Whether the dependent can work without the provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Strength {
    /// It cannot.
    Strong,
    /// It degrades.
    Weak,
}

/// `relation.observed`: `dependent -> provider`, in the source's own keys.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ObservedRelation {
    /// The item that needs the other.
    pub dependent: SourceKey,
    /// The item that is needed.
    pub provider: SourceKey,
    /// How it is needed.
    pub kind: RelationKind,
    /// Whether the dependent can do without.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub strength: Option<Strength>,
    /// The first moment it held; the time of the event when missing. With it the relation is declared and never ages.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub valid_from: Option<Timestamp>,
    /// The first moment it no longer held.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub valid_until: Option<Timestamp>,
    /// How often the source promises to say so again, in milliseconds; without it and `valid_from` a declaration stands until ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub report_interval_ms: Option<u64>,
}

/// `relation.ended`: a source says that the relation no longer holds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RelationEnded {
    /// The item that needed the other.
    pub dependent: SourceKey,
    /// The item that was needed.
    pub provider: SourceKey,
    /// How it was needed.
    pub kind: RelationKind,
    /// Why, in the source's words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// All relations that a source states by one item at one moment.
///
/// The list is complete: what an earlier list of the same item carried and this one does not has ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ListedRelations {
    /// The item by which they are listed, as the relations name it.
    pub of: SourceKey,
    /// Which part of the source keeps the list; another part's list is another list.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// The relations; with none, all that were listed have ended.
    pub relations: Vec<ListedRelation>,
}

/// One relation of a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ListedRelation {
    /// The item that needs the other.
    pub dependent: SourceKey,
    /// The item that is needed.
    pub provider: SourceKey,
    /// How it is needed.
    pub kind: RelationKind,
    /// Whether the dependent can do without.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub strength: Option<Strength>,
}
