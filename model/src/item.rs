//! What a source says about an item.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{ContentHash, ListedRelations, SourceKey, Timestamp};

/// Named values of an item as one source states them.
pub type Attributes = BTreeMap<String, Value>;

/// An identifying name in a naming scheme: whoever makes the same claim speaks of the same item.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Claim {
    /// The scheme, such as `k8s.uid`, `arn` or `appid`.
    pub scheme: String,
    /// The name in that scheme.
    pub value: String,
}

impl Claim {
    /// The scheme of names that are keys, such as `service:prod/api`.
    pub const KEY_SCHEME: &str = "key";

    /// A claim in a scheme.
    pub fn new(scheme: impl Into<String>, value: impl Into<String>) -> Self {
        Self {
            scheme: scheme.into(),
            value: value.into(),
        }
    }

    /// The name as one would write it: a key by itself, any other behind its scheme.
    pub fn to_text(&self) -> String {
        match self.scheme.as_str() {
            Self::KEY_SCHEME => self.value.clone(),
            scheme => format!("{scheme}={}", self.value),
        }
    }
}

/// Another name an item answers to, perhaps only for a time (an IP address).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Alias {
    /// The scheme, such as `ip`, `hostname` or `key`.
    pub scheme: String,
    /// The name in that scheme.
    pub value: String,
    /// The first moment it is valid; since ever when missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub valid_from: Option<Timestamp>,
    /// The first moment it is no longer valid; for ever when missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub valid_until: Option<Timestamp>,
}

/// `item.observed`: a source says that an item exists and what it is like.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ObservedItem {
    /// What the source calls it.
    pub key: SourceKey,
    /// Further identifying claims: the same item is also called so.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub claims: Vec<Claim>,
    /// Names it answers to that do not identify it for ever.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub aliases: Vec<Alias>,
    /// A name for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
    /// Named values. A value of `null` takes this source's earlier value back.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub attributes: Attributes,
    /// The team that answers for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// How much depends on it: `P0` (most), `P1`, `P2`, or the words of OpenTelemetry's `service.criticality`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub criticality: Option<String>,
    /// The first moment it existed; the time of the event when missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub valid_from: Option<Timestamp>,
    /// The first moment it no longer existed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub valid_until: Option<Timestamp>,
    /// How often the source promises to say so again, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub report_interval_ms: Option<u64>,
    /// All relations that the source states by this item, where it states them all at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub relations: Option<ListedRelations>,
    /// What this source said of the item before and says no longer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub taken_back: Option<TakenBack>,
}

/// What a source takes back of what it said of an item. An attribute is taken back by a value of `null`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TakenBack {
    /// The team that answers for it.
    #[serde(default, skip_serializing_if = "is_false")]
    pub owner: bool,
    /// How much depends on it.
    #[serde(default, skip_serializing_if = "is_false")]
    pub criticality: bool,
    /// Its name for people.
    #[serde(default, skip_serializing_if = "is_false")]
    pub display_name: bool,
    /// Claims and aliases: from then on the source does not know it by them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub names: Vec<Claim>,
}

impl TakenBack {
    /// What was said `before` and is not said `now`; `None` if that is nothing.
    pub fn between(before: &ObservedItem, now: &ObservedItem) -> Option<Self> {
        let is_gone =
            |before: &Option<String>, now: &Option<String>| before.is_some() && now.is_none();
        let kept: BTreeSet<Claim> = now.names().collect();
        let names: BTreeSet<Claim> = before.names().filter(|name| !kept.contains(name)).collect();
        let taken_back = Self {
            owner: is_gone(&before.owner, &now.owner),
            criticality: is_gone(&before.criticality, &now.criticality),
            display_name: is_gone(&before.display_name, &now.display_name),
            names: names.into_iter().collect(),
        };
        (taken_back != Self::default()).then_some(taken_back)
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
const fn is_false(flag: &bool) -> bool {
    !*flag
}

impl ObservedItem {
    /// An observation that says only that the item exists.
    pub fn new(key: impl Into<SourceKey>) -> Self {
        Self {
            key: key.into(),
            claims: Vec::new(),
            aliases: Vec::new(),
            display_name: None,
            attributes: Attributes::new(),
            owner: None,
            criticality: None,
            valid_from: None,
            valid_until: None,
            report_interval_ms: None,
            relations: None,
            taken_back: None,
        }
    }

    /// Every name that it gives to the item besides its key.
    pub fn names(&self) -> impl Iterator<Item = Claim> + '_ {
        let aliases = self.aliases.iter();
        let aliases = aliases.map(|alias| Claim::new(alias.scheme.clone(), alias.value.clone()));
        self.claims.iter().cloned().chain(aliases)
    }

    /// A digest of the whole statement: a source that says the same again makes the same one.
    ///
    /// The first eight bytes of [`ContentHash`] over the payload as it is stored, without
    /// what it only takes back: a list of no relations, an attribute of `null`, [`TakenBack`].
    pub fn digest(&self) -> u64 {
        let takes_back = self.taken_back.is_some()
            || self.attributes.values().any(Value::is_null)
            || self.relations.as_ref().is_some_and(is_empty);
        let payload = if takes_back {
            let mut said = self.clone();
            said.taken_back = None;
            said.attributes.retain(|_, value| !value.is_null());
            said.relations = said.relations.filter(|listed| !is_empty(listed));
            serde_json::to_vec(&said)
        } else {
            serde_json::to_vec(self)
        };
        let payload = payload.unwrap_or_default();
        let hash = ContentHash::of(&payload);
        let first = hash.as_bytes().first_chunk();
        u64::from_be_bytes(*first.expect("a hash has 16 bytes"))
    }
}

fn is_empty(listed: &ListedRelations) -> bool {
    listed.relations.is_empty()
}

/// `item.retired`: a source says that an item no longer exists.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ItemRetired {
    /// What the source calls it.
    pub key: SourceKey,
    /// Why, in the source's words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}
