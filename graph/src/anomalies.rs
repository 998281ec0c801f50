//! Contradictions and open questions, computed from a view.

use crate::identity::ItemIx;
use crate::view::GraphView;

/// Something people should look at.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Anomaly {
    /// A key with unknown parts could mean any of these items, so it means none of them.
    AmbiguousKey {
        /// The item that stays on its own.
        key: String,
        /// What it could be.
        candidates: Vec<String>,
    },
    /// A key that cannot be read; it stays whole.
    UnreadableKey {
        /// The key as it was written.
        key: String,
    },
}

impl Anomaly {
    /// Its stable name.
    pub fn code(&self) -> &'static str {
        match self {
            Self::AmbiguousKey { .. } => "AMBIGUOUS_KEY",
            Self::UnreadableKey { .. } => "UNREADABLE_KEY",
        }
    }

    /// The item it is about.
    pub fn key(&self) -> &str {
        match self {
            Self::AmbiguousKey { key, .. } | Self::UnreadableKey { key } => key,
        }
    }

    /// A sentence for people.
    pub fn sentence(&self) -> String {
        match self {
            Self::AmbiguousKey { key, candidates } => {
                format!(
                    "{key} could be any of {}; name its environment or namespace",
                    candidates.join(", ")
                )
            }
            Self::UnreadableKey { key } => {
                format!("{key} is no key; a key begins with its kind and a colon")
            }
        }
    }
}

pub(crate) fn anomalies(view: &GraphView) -> Vec<Anomaly> {
    let identity = &view.identity;
    let mut found = Vec::new();
    for mention in identity.mentions.iter() {
        let claim = mention.name.to_claim(&identity.words);
        if !mention.candidates.is_empty() {
            let mut items: Vec<ItemIx> = mention
                .candidates
                .iter()
                .map(|candidate| identity.item_of(*candidate))
                .collect();
            items.sort_unstable();
            items.dedup();
            let mut candidates: Vec<String> = items
                .into_iter()
                .map(|item| view.item_at(item).key())
                .collect();
            candidates.sort();
            found.push(Anomaly::AmbiguousKey {
                key: claim.value,
                candidates,
            });
        } else if claim.scheme == crate::mention::KEY_SCHEME && mention.parts().is_none() {
            found.push(Anomaly::UnreadableKey { key: claim.value });
        }
    }
    found.sort();
    found
}
