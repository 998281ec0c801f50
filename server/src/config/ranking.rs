//! Which weights rank causes: `[ranking]`.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// Which weights rank causes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RankingSettings {
    /// A file of weights, as `epicenter refit` writes it; those that are built in when empty.
    pub weights: PathBuf,
}

impl RankingSettings {
    /// The defaults.
    pub(super) const fn defaults() -> Self {
        Self {
            weights: PathBuf::new(),
        }
    }
}
