//! Who wants to hear of what: of each subscription the latest word, whichever arrived first.

mod conditions;
mod nearness;
mod telling;

use std::collections::BTreeMap;

use model::{
    Event, EventEnvelope, LogPosition, SubscriptionDeclared, SubscriptionDisabled, Timestamp,
};
use serde::{Deserialize, Serialize};

use crate::stamped::Stamp;
use crate::versions::{from_json, to_json};

pub use nearness::Nearness;
pub use telling::Telling;

/// A subscription as it was declared last.
#[derive(Clone, Debug, PartialEq)]
pub struct Subscription {
    /// What was declared.
    pub declared: SubscriptionDeclared,
    /// When.
    pub declared_at: Timestamp,
    /// Where that stands in the log.
    pub position: LogPosition,
    /// Where it was declared first: what stands after it is sent.
    pub since: LogPosition,
    /// Why nothing is sent for now, and when that was said.
    pub disabled: Option<(SubscriptionDisabled, Timestamp)>,
}

/// The latest words on one id.
#[derive(Clone, Debug, Default)]
struct Words {
    since: Option<LogPosition>,
    /// The latest declaration; without one where it was withdrawn.
    declared: Option<(Stamp, LogPosition, Option<SubscriptionDeclared>)>,
    disabled: Option<(Stamp, SubscriptionDisabled)>,
    /// What they come to.
    subscription: Option<Subscription>,
}

/// Every id that was ever a subscription's.
#[derive(Clone, Debug, Default)]
pub(crate) struct Subscriptions {
    by_id: BTreeMap<String, Words>,
    said: u64,
}

/// The words on one id as bytes hold them, declarations as JSON.
#[derive(Serialize, Deserialize)]
pub(crate) struct SavedSubscription {
    id: String,
    since: Option<LogPosition>,
    declared: Option<(Stamp, LogPosition, Option<String>)>,
    disabled: Option<(Stamp, String)>,
}

impl Subscriptions {
    /// Takes what an event says of a subscription.
    pub(crate) fn say(&mut self, envelope: &EventEnvelope, stamp: Stamp) {
        let at = envelope.position;
        if let Event::SubscriptionDeclared(declared) = &envelope.event {
            let words = self.by_id.entry(declared.id.clone()).or_default();
            words.since = words.since.or(Some(at)).min(Some(at));
            words.declare(stamp, at, Some((**declared).clone()));
        }
        if let Event::SubscriptionWithdrawn(withdrawn) = &envelope.event {
            let words = self.by_id.entry(withdrawn.id.clone()).or_default();
            words.declare(stamp, at, None);
        }
        if let Event::SubscriptionDisabled(disabled) = &envelope.event {
            let words = self.by_id.entry(disabled.id.clone()).or_default();
            if words
                .disabled
                .as_ref()
                .is_none_or(|(kept, _)| *kept < stamp)
            {
                words.disabled = Some((stamp, disabled.clone()));
                words.settle();
            }
        }
        self.said += 1;
    }

    pub(crate) fn get(&self, id: &str) -> Option<&Subscription> {
        self.by_id.get(id)?.subscription.as_ref()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Subscription> {
        let each = self.by_id.values();
        each.filter_map(|words| words.subscription.as_ref())
    }

    pub(crate) fn said(&self) -> u64 {
        self.said
    }

    pub(crate) fn each_line(&self, mut take: impl FnMut(String)) {
        for it in self.iter() {
            let disabled = it.disabled.as_ref().map(|(said, _)| said.reason.as_str());
            let disabled = disabled.unwrap_or_default();
            take(format!("subscription {} {disabled}", to_json(&it.declared)));
        }
    }

    pub(crate) fn save(&self) -> Vec<SavedSubscription> {
        let each = self.by_id.iter();
        each.map(|(id, words)| SavedSubscription {
            id: id.clone(),
            since: words.since,
            declared: words
                .declared
                .as_ref()
                .map(|(stamp, at, declared)| (*stamp, *at, declared.as_ref().map(to_json))),
            disabled: words
                .disabled
                .as_ref()
                .map(|(stamp, disabled)| (*stamp, to_json(disabled))),
        })
        .collect()
    }

    pub(crate) fn restore(saved: Vec<SavedSubscription>) -> Self {
        let mut subscriptions = Self::default();
        for one in saved {
            let declared = one.declared;
            let mut words = Words {
                since: one.since,
                declared: declared
                    .map(|(stamp, at, json)| (stamp, at, json.as_deref().map(from_json))),
                disabled: one.disabled.map(|(stamp, json)| (stamp, from_json(&json))),
                subscription: None,
            };
            words.settle();
            subscriptions.by_id.insert(one.id, words);
            subscriptions.said += 1;
        }
        subscriptions
    }
}

impl Words {
    fn declare(&mut self, stamp: Stamp, at: LogPosition, declared: Option<SubscriptionDeclared>) {
        let kept = self.declared.as_ref();
        if kept.is_none_or(|(kept, _, _)| *kept < stamp) {
            self.declared = Some((stamp, at, declared));
        }
        self.settle();
    }

    /// What the words come to.
    fn settle(&mut self) {
        self.subscription = None;
        let Some((stamp, position, Some(declared))) = &self.declared else {
            return;
        };
        let disabled = self.disabled.as_ref().filter(|(said, _)| stamp < said);
        self.subscription = Some(Subscription {
            declared: declared.clone(),
            declared_at: stamp.at,
            position: *position,
            since: self.since.unwrap_or(*position),
            disabled: disabled.map(|(said, disabled)| (disabled.clone(), said.at)),
        });
    }
}
