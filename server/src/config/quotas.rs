//! How much a caller may ask of the server when their token says nothing of it: `[quotas]`.

use model::Quota;
use serde::{Deserialize, Serialize};

/// What callers without a quota of their own may do in a minute; 0 is as much as they like.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct QuotaSettings {
    /// Most requests.
    pub requests_per_minute: u32,
    /// Most events, spans and records that they send.
    pub events_per_minute: u32,
}

impl QuotaSettings {
    /// The defaults: no bounds.
    pub(super) const fn defaults() -> Self {
        Self {
            requests_per_minute: 0,
            events_per_minute: 0,
        }
    }

    /// The same as a token has it.
    pub(crate) fn quota(&self) -> Quota {
        let bound = |most: u32| (0 < most).then_some(most);
        Quota {
            requests_per_minute: bound(self.requests_per_minute),
            events_per_minute: bound(self.events_per_minute),
        }
    }
}
