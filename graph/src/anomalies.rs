//! Contradictions and open questions, computed from a view.

use std::collections::BTreeSet;

use crate::identity::ItemIx;
use crate::mention::{KEY_SCHEME, Mention, MentionIx, Name, Parts};
use crate::view::GraphView;

/// Items that one open question lists.
pub(crate) const ITEMS_SHOWN: usize = 20;

/// The scheme in which objects of Kubernetes are named: `cluster/namespace/kind/name`.
const CLUSTER_SCHEME: &str = "k8s";

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
    /// Sources use one name for several items, which a person, unique names or sheer number keep apart.
    ContestedName {
        /// The name.
        key: String,
        /// The items that are called by it, the first few.
        items: Vec<String>,
        /// How many they are.
        count: usize,
    },
    /// Changes or alerts name an environment in which nobody has seen the item; in others it is known.
    UnseenEnvironment {
        /// The item that stays on its own.
        key: String,
        /// What is known by that name elsewhere.
        elsewhere: Vec<String>,
    },
    /// A relation joins items of kinds that the definition of its kind does not name.
    ForeignEnd {
        /// The dependent.
        key: String,
        /// The relation's kind.
        relation: String,
        /// The provider.
        provider: String,
    },
    /// An item has more relations of a kind than the kind's cardinality allows.
    TooManyRelations {
        /// The item.
        key: String,
        /// The relation's kind.
        relation: String,
        /// Its cardinality.
        cardinality: &'static str,
        /// The items at the other ends, the first few.
        others: Vec<String>,
        /// How many they are.
        count: usize,
    },
    /// Objects of several clusters of Kubernetes share a key, and so they are one item here.
    SharedKey {
        /// The key.
        key: String,
        /// The clusters, the first few.
        clusters: Vec<String>,
    },
    /// A change does not carry what its level or scene asks for.
    OpenChange {
        /// The stable name of the question.
        code: &'static str,
        /// The change, by source and id.
        key: String,
        /// A sentence for people.
        sentence: String,
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
            Self::ContestedName { .. } => "CONTESTED_NAME",
            Self::UnseenEnvironment { .. } => "UNSEEN_ENVIRONMENT",
            Self::ForeignEnd { .. } => "FOREIGN_END",
            Self::TooManyRelations { .. } => "TOO_MANY_RELATIONS",
            Self::SharedKey { .. } => "SHARED_KEY",
            Self::OpenChange { code, .. } => code,
            Self::UnreadableKey { .. } => "UNREADABLE_KEY",
        }
    }

    /// The item it is about.
    pub fn key(&self) -> &str {
        match self {
            Self::AmbiguousKey { key, .. }
            | Self::ContestedName { key, .. }
            | Self::UnseenEnvironment { key, .. }
            | Self::ForeignEnd { key, .. }
            | Self::TooManyRelations { key, .. }
            | Self::SharedKey { key, .. }
            | Self::OpenChange { key, .. }
            | Self::UnreadableKey { key } => key,
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
            Self::ContestedName { key, items, count } => {
                let named = items.join(", ");
                let more = count.saturating_sub(items.len());
                let more = if more == 0 {
                    String::new()
                } else {
                    format!(" and {more} more")
                };
                format!(
                    "{key} is said of {named}{more}, which are not one item; merge or split them"
                )
            }
            Self::UnseenEnvironment { key, elsewhere } => {
                format!(
                    "{key} is known only from what names its environment; seen were {}",
                    elsewhere.join(", ")
                )
            }
            Self::ForeignEnd {
                key,
                relation,
                provider,
            } => {
                format!("{key} {relation} {provider}, and {relation} does not join such kinds")
            }
            Self::TooManyRelations {
                key,
                relation,
                cardinality,
                others,
                count,
            } => {
                let named = others.join(", ");
                format!("{key} has {count} {relation} where {cardinality} allows one: {named}")
            }
            Self::SharedKey { key, clusters } => {
                let named = clusters.join(", ");
                format!(
                    "{key} is one item for the clusters {named}, which have one each; give the clusters environments of their own"
                )
            }
            Self::OpenChange { sentence, .. } => sentence.clone(),
            Self::UnreadableKey { key } => {
                format!("{key} is no key; a key begins with its kind and a colon")
            }
        }
    }
}

pub(crate) fn anomalies(view: &GraphView) -> Vec<Anomaly> {
    let identity = &view.identity;
    let mut found = Vec::new();
    for (number, mention) in (0_u32..).zip(identity.mentions.iter()) {
        let claim = || mention.name.to_claim(&identity.words);
        if let Some(items) = identity.contested(MentionIx(number)) {
            let keys = keys_of(view, items);
            found.push(Anomaly::ContestedName {
                key: claim().to_text(),
                count: keys.len(),
                items: keys.into_iter().take(ITEMS_SHOWN).collect(),
            });
        }
        let clusters = clusters_of(view, mention);
        if 1 < clusters.len() {
            found.push(Anomaly::SharedKey {
                key: claim().value,
                clusters: clusters.into_iter().take(ITEMS_SHOWN).collect(),
            });
        }
        if !mention.candidates().is_empty() {
            let candidates = mention.candidates().iter();
            let items = candidates.map(|candidate| identity.item_of(*candidate));
            let (key, items) = (claim().value, keys_of(view, items.collect()));
            found.push(if mention.stated {
                let candidates = items;
                Anomaly::AmbiguousKey { key, candidates }
            } else {
                let elsewhere = items;
                Anomaly::UnseenEnvironment { key, elsewhere }
            });
        } else if mention.parts().is_none() && claim().scheme == KEY_SCHEME {
            found.push(Anomaly::UnreadableKey { key: claim().value });
        }
    }
    found.sort();
    found
}

/// The clusters of Kubernetes that have an object under this key. A service may be one in several.
pub(crate) fn clusters_of(view: &GraphView, mention: &Mention) -> BTreeSet<String> {
    let words = &view.identity.words;
    let is_object = |parts: &Parts| words.text(parts.kind) != "service";
    if !mention.parts().is_some_and(is_object) {
        return BTreeSet::new();
    }
    let named = mention
        .links()
        .filter_map(|link| match &view.identity.mention(link.other).name {
            Name::Claim { scheme, value } if words.text(*scheme) == CLUSTER_SCHEME => {
                Some(value.split_once('/')?.0.to_owned())
            }
            Name::Claim { .. } | Name::Key(_) => None,
        });
    named.collect()
}

/// The keys of items, sorted.
fn keys_of(view: &GraphView, items: BTreeSet<ItemIx>) -> Vec<String> {
    let keys = items.into_iter().map(|item| view.item_at(item).key());
    let mut keys: Vec<String> = keys.collect();
    keys.sort();
    keys
}
