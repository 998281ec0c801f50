//! What teams want to hear of, and where it is sent. No secret is here: an event names what is kept sealed beside the log.

mod filter;
mod timing;

use serde::{Deserialize, Serialize};

use crate::{ChangeStatus, RuleReach, SourceKey, WeeklyTime};
pub use filter::{BecameStatus, ChangeFilter, ItemsAround};
pub use timing::{Digest, DigestTime, Urgent, quiet_until};

/// How a notice is written for who reads it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NoticeFormat {
    /// A `CloudEvents` event in JSON.
    #[default]
    CloudEvents,
    /// A message of Slack.
    Slack,
    /// A card of Microsoft Teams.
    Teams,
    /// A message of Feishu, which is Lark elsewhere.
    Feishu,
    /// A message of `DingTalk`.
    DingTalk,
    /// A message of `WeCom`.
    WeCom,
    /// An event of `CDEvents` where one fits, in the envelope of `CloudEvents`.
    #[serde(rename = "cdevents")]
    CdEvents,
    /// A letter by mail.
    Email,
}

impl NoticeFormat {
    /// Whether people read it, and no program answers.
    pub const fn is_chat(self) -> bool {
        match self {
            Self::CloudEvents | Self::CdEvents | Self::Email => false,
            Self::Slack | Self::Teams | Self::Feishu | Self::DingTalk | Self::WeCom => true,
        }
    }

    /// Whether it goes to addresses of mail, and to nothing else.
    pub const fn is_mail(self) -> bool {
        matches!(self, Self::Email)
    }
}

/// What a subscription is about. Everything that is given must hold; of a list, one entry.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SubscriptionMatch {
    /// Conditions on changes; those on items, environments and sources hold for incidents as well.
    #[serde(default, skip_serializing_if = "ChangeFilter::is_empty")]
    pub filter: ChangeFilter,
    /// Where one stands in the graph: at these items, and
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub items: Vec<SourceKey>,
    /// at what lies inside these, and
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub inside: Vec<SourceKey>,
    /// at what these teams answer for. With none of the three, everywhere.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub teams: Vec<String>,
    /// Which way to go from there.
    #[serde(default)]
    pub direction: RuleReach,
    /// How many relations to go; as far as they reach when missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hops_max: Option<u32>,
    /// Whether it is about changes.
    #[serde(default = "yes")]
    pub changes: bool,
    /// Whether it is about incidents.
    #[serde(default)]
    pub incidents: bool,
    /// Only statements by which a change stands at one of these.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub moments: Vec<ChangeStatus>,
    /// Only statements of changes that change one of these fields; `spec.*` is every field below `spec`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<String>,
    /// Only changes that some source holds as risky as this, or more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub risk_min: Option<f64>,
}

/// `subscription.declared`: somebody wants to hear of something. A later word on the id replaces it, and lets it go on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SubscriptionDeclared {
    /// What it is called, given when it is first declared.
    pub id: String,
    /// A line for people.
    pub name: String,
    /// Scheme, host and port of the endpoint; of addresses of mail their domains. The rest is sealed with its keys.
    pub endpoint: String,
    /// The name of the sealed address and keys.
    pub seal: String,
    /// How notices are written.
    #[serde(default)]
    pub format: NoticeFormat,
    /// What it is about.
    #[serde(rename = "match")]
    pub wanted: SubscriptionMatch,
    /// Most notices sent in a second; as many as are allowed at all when missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub per_second_max: Option<u32>,
    /// Hours of every week in which only what is urgent is sent; the rest waits.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub quiet_hours: Vec<WeeklyTime>,
    /// When what is not urgent is sent as one message; each by itself when missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<Digest>,
    /// What neither waits for an hour nor gathers.
    #[serde(default, skip_serializing_if = "Urgent::is_nothing")]
    pub urgent: Urgent,
    /// Whether its endpoint must answer a challenge before it is sent anything.
    #[serde(default, skip_serializing_if = "is_no")]
    pub verify: bool,
}

/// `subscription.withdrawn`: nobody wants to hear of it any more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SubscriptionWithdrawn {
    /// Which subscription.
    pub id: String,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// `subscription.disabled`: nothing is sent until it is declared again; what would have been waits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SubscriptionDisabled {
    /// Which subscription.
    pub id: String,
    /// Why.
    pub reason: String,
}

const fn yes() -> bool {
    true
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "what serde wants")]
const fn is_no(given: &bool) -> bool {
    !*given
}

impl SubscriptionMatch {
    /// Everything about changes.
    pub fn all_changes() -> Self {
        Self {
            changes: true,
            ..Self::default()
        }
    }

    /// Whether it stands somewhere in the graph.
    pub fn has_place(&self) -> bool {
        !(self.items.is_empty() && self.inside.is_empty() && self.teams.is_empty())
    }
}
