//! How names of people stand in the log: `[privacy]`.

use serde::{Deserialize, Serialize};

/// How names of people stand in the log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PrivacySettings {
    /// Whether what is written from now on can be forgotten. What stands in the log is read either way.
    pub names: Names,
}

/// How a name is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Names {
    /// As it is, for ever.
    Plain,
    /// Encrypted, with a key for each person that can be destroyed.
    Sealed,
}

impl PrivacySettings {
    /// The defaults.
    pub(super) const fn defaults() -> Self {
        Self {
            names: Names::Plain,
        }
    }
}
