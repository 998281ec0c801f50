//! Conditions on changes as they are kept: in the words of sources, without a derived id.

use serde::{Deserialize, Serialize};

use crate::{ActorKind, ChangeStatus, RuleReach, SourceKey, SourceRef, Timestamp};

/// Conditions on changes. Everything that is given must hold; of a list one entry; an empty list asks nothing.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct ChangeFilter {
    /// Its texts hold this, in the language of searches.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// Its title holds this, in the same language.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// It touches one of these items.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub items: Vec<SourceKey>,
    /// It touches something that lies inside one of these.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub inside: Vec<SourceKey>,
    /// It touches an item of one of these kinds.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub item_kinds: Vec<String>,
    /// It touches something that one of these teams answers for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub teams: Vec<String>,
    /// It touches something around some items.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub impact: Option<ItemsAround>,
    /// It takes effect in one of these environments.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub environments: Vec<String>,
    /// It is of one of these kinds.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub kinds: Vec<String>,
    /// It belongs to one of these scenes.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub scenes: Vec<String>,
    /// It has one of these levels of control.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub levels: Vec<String>,
    /// It stands at one of these.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub statuses: Vec<ChangeStatus>,
    /// It came to a status in a span of time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub became: Option<BecameStatus>,
    /// One of these carried it out.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub operators: Vec<String>,
    /// Such an operator carried it out.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub operator_kinds: Vec<ActorKind>,
    /// One of these platforms made it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub sources: Vec<String>,
    /// It jumped the queue, or did not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub emergency: Option<bool>,
    /// Whether only bookkeeping differs in it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bookkeeping: Option<bool>,
    /// It is of one of these acts.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub fold_keys: Vec<String>,
    /// It uses one of these exemptions.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub exemptions: Vec<String>,
    /// A check of it found one of these.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub check_results: Vec<String>,
    /// It takes effect in one of these ways.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub flows: Vec<String>,
    /// It is of one of these classes of its source's own tree.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub categories: Vec<String>,
    /// It belongs to one of these domains.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub domains: Vec<String>,
    /// Its platform sees one of these risks.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub risk_levels: Vec<String>,
    /// It delivers this artifact.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub artifact: Option<String>,
    /// It delivers this commit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
    /// It is a part of this change.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub part_of: Option<SourceRef>,
    /// It starts at this moment or later.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<Timestamp>,
    /// It starts before this moment.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
    /// It was through at this moment or later.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub finished_from: Option<Timestamp>,
    /// It was through before this moment.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub finished_until: Option<Timestamp>,
}

/// What lies around some items.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ItemsAround {
    /// The items to begin with.
    pub items: Vec<SourceKey>,
    /// Which way to go.
    pub direction: RuleReach,
    /// How many relations to go; as far as they reach when missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hops_max: Option<u32>,
}

/// That a change came to a status in a span of time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct BecameStatus {
    /// To one of these.
    pub statuses: Vec<ChangeStatus>,
    /// At this moment or later.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Timestamp>,
    /// Before this moment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
}

impl ChangeFilter {
    /// Whether it asks nothing.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Whether it asks for what stands in texts and details, which the fold does not keep.
    pub fn asks_texts(&self) -> bool {
        let texts = [&self.text, &self.title, &self.artifact, &self.commit];
        let lists = [
            &self.fold_keys,
            &self.exemptions,
            &self.check_results,
            &self.flows,
            &self.categories,
            &self.domains,
            &self.risk_levels,
        ];
        texts.iter().any(|text| text.is_some())
            || lists.iter().any(|list| !list.is_empty())
            || self.part_of.is_some()
            || self.became.is_some()
    }
}
