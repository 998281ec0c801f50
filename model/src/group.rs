//! Groups of items that are saved as a search: who belongs to one follows from the estate.

use serde::{Deserialize, Serialize};

use crate::ItemFilter;

/// `group.defined`: the items that a filter means have a name; a later definition of the name counts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct GroupDefined {
    /// The name.
    pub name: String,
    /// What it is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Which items belong to it.
    pub filter: ItemFilter,
}

/// `group.withdrawn`: there is no such group any more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct GroupWithdrawn {
    /// The name.
    pub name: String,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}
