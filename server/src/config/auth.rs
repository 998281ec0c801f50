//! Who has to say who they are: `[auth]`.

use serde::{Deserialize, Serialize};

/// Who has to say who they are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AuthSettings {
    /// Whether a token is needed although the server listens to this machine only. Elsewhere one always is.
    pub required: bool,
}

impl AuthSettings {
    /// The defaults.
    pub(super) const fn defaults() -> Self {
        Self { required: false }
    }
}
