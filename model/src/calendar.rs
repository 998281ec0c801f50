//! When changes may run: windows, freezes and spacing, and what is exempt from them.

mod times;

use serde::{Deserialize, Serialize};

use crate::{SourceKey, SourceRef, Timestamp};
pub use times::{RuleTimes, TimeSpan, TimesFault, Weekday, WeeklyTime};

/// How long a green channel is open: one hour.
pub const GREEN_CHANNEL_MS: i64 = 60 * 60 * 1_000;

/// What a rule of the calendar says of the changes that it is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RuleEffect {
    /// None may run at its times.
    Freeze,
    /// They run within its times only.
    Window,
    /// Those of two different places do not run within a time of each other.
    Spacing,
}

/// How far a rule reaches from the items it names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RuleReach {
    /// These items only.
    #[default]
    Itself,
    /// These and everything they need.
    DependsOn,
    /// These and everything that needs them.
    UsedBy,
    /// These and everything around them, either way at every step.
    Both,
}

/// Which changes a rule is about. A list that is empty asks for nothing; of every other one entry must fit.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ChangeScope {
    /// A target is one of these items, or within reach of one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub items: Vec<SourceKey>,
    /// How far the rule reaches from the items.
    #[serde(default, skip_serializing_if = "is_itself")]
    pub reach: RuleReach,
    /// Most relations on the way; as far as it goes when missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hops_max: Option<u32>,
    /// It takes effect in one of these environments.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub environments: Vec<String>,
    /// It is of one of these kinds.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub kinds: Vec<String>,
    /// It has one of these levels of control.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub levels: Vec<String>,
    /// It belongs to one of these scenes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub scenes: Vec<String>,
}

/// `calendar_rule.declared`: when changes may run. A later word on the name replaces it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CalendarRuleDeclared {
    /// The name by which it is replaced, withdrawn and lifted.
    pub name: String,
    /// What it says.
    pub effect: RuleEffect,
    /// A line for people: `Singles' Day`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Which changes it is about.
    #[serde(default)]
    pub scope: ChangeScope,
    /// When it holds; always when empty.
    #[serde(default)]
    pub times: RuleTimes,
    /// Whether it binds administrators too.
    #[serde(default = "yes", skip_serializing_if = "is_yes")]
    pub binds_administrators: bool,
    /// Goals of a change for which it does not count: `fault_handling`, `compliance`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lifted_for: Vec<String>,
    /// Of a spacing rule: the kind of place, such as `zone`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub between: Option<String>,
    /// Of a spacing rule: the least time between two changes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub apart_ms: Option<u64>,
}

/// `calendar_rule.withdrawn`: the rule holds no more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CalendarRuleWithdrawn {
    /// Its name.
    pub name: String,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// What sort of exemption.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ExemptionKind {
    /// To stop a loss: at once, for one hour, allowed by nobody in advance.
    GreenChannel,
    /// Asked for in advance, allowed by somebody, for a stated time.
    WhiteList,
}

impl ExemptionKind {
    /// Every kind with its stored word.
    pub const WRITTEN: [(&'static str, Self); 2] = [
        ("green_channel", Self::GreenChannel),
        ("white_list", Self::WhiteList),
    ];
}

/// `exemption.granted`: rules do not count for some changes, for a time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ExemptionGranted {
    /// The name by which it is replaced and withdrawn.
    pub name: String,
    /// What sort.
    pub kind: ExemptionKind,
    /// The rules that it lifts, by name; all when empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rules: Vec<String>,
    /// The one change that it is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub change: Option<SourceRef>,
    /// The changes that it is for.
    #[serde(default)]
    pub scope: ChangeScope,
    /// From when; from the time of this statement when missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Timestamp>,
    /// Until when. A green channel closes an hour after it opened, whatever stands here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
    /// Who allowed it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approver: Option<String>,
    /// Why.
    pub reason: String,
}

/// `exemption.withdrawn`: it counts no more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ExemptionWithdrawn {
    /// Its name.
    pub name: String,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

impl ChangeScope {
    /// Whether it asks for nothing, so that every change is meant.
    pub fn is_everything(&self) -> bool {
        *self == Self::default()
    }
}

impl CalendarRuleDeclared {
    /// What is wrong with it: the field and the reason.
    pub fn fault(&self) -> Option<(&'static str, String)> {
        if let Some(fault) = self.times.fault() {
            return Some(("times", fault.to_string()));
        }
        let spaced = self.between.is_some() && self.apart_ms.is_some_and(|apart| 0 < apart);
        match self.effect {
            RuleEffect::Spacing if !spaced => Some((
                "between",
                "a spacing rule says between which kind of place, and how long".to_owned(),
            )),
            RuleEffect::Window if self.times.is_empty() => Some((
                "times",
                "a window without times would let nothing be outside it".to_owned(),
            )),
            _ => None,
        }
    }
}

impl ExemptionGranted {
    /// What is wrong with it: the field and the reason.
    pub fn fault(&self) -> Option<(&'static str, &'static str)> {
        let is_listed = self.kind == ExemptionKind::WhiteList;
        let backwards = self
            .from
            .zip(self.until)
            .is_some_and(|(from, until)| until <= from);
        if backwards {
            Some(("until", "lies not after from"))
        } else if is_listed && self.until.is_none() {
            Some(("until", "a white list ends on a stated day"))
        } else if is_listed && self.approver.is_none() {
            Some(("approver", "a white list is allowed by somebody"))
        } else {
            None
        }
    }

    /// When it counts, if this statement was made at a moment.
    pub fn span(&self, stated_at: Timestamp) -> TimeSpan {
        let from = self.from.unwrap_or(stated_at);
        let hour = from.plus_millis(GREEN_CHANNEL_MS);
        let until = match self.kind {
            ExemptionKind::GreenChannel => self.until.map_or(hour, |until| until.min(hour)),
            ExemptionKind::WhiteList => self.until.unwrap_or(from),
        };
        TimeSpan { from, until }
    }
}

const fn yes() -> bool {
    true
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "what serde wants")]
const fn is_yes(given: &bool) -> bool {
    *given
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "what serde wants")]
fn is_itself(reach: &RuleReach) -> bool {
    *reach == RuleReach::Itself
}
