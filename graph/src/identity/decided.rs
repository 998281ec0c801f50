//! What people decided about identity: that names are one item, or that they are two. Each can be taken back.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use model::{ContentHash, EventId};
use serde::{Deserialize, Serialize};

use crate::mention::MentionIx;
use crate::stamped::Stamp;

/// The name of a decision: the hash of its event's id, the same whatever the order of arrival.
pub(crate) type DecisionId = [u8; 16];

/// The name of the decision that an event makes.
pub fn decision_id(event: &EventId) -> [u8; 16] {
    let text = format!("{}\n{}", event.source, event.delivery);
    *ContentHash::of(text.as_bytes()).as_bytes()
}

/// One decision.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Decision {
    pub(crate) stamp: Stamp,
    pub(crate) said: Decided,
}

/// What was decided.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) enum Decided {
    /// These names are one item.
    One(Vec<MentionIx>),
    /// The first names are another item than the second.
    Apart(Vec<MentionIx>, Vec<MentionIx>),
}

/// Every decision, and which were taken back.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Decisions {
    made: Arc<BTreeMap<DecisionId, Decision>>,
    reverted: Arc<BTreeSet<DecisionId>>,
}

impl Decisions {
    /// The decision with an id, unless it was taken back.
    pub(crate) fn get(&self, id: &DecisionId) -> Option<&Decision> {
        let standing = !self.reverted.contains(id);
        self.made.get(id).filter(|_| standing)
    }

    /// Every name a decision speaks of, taken back or not; none if nobody heard of it.
    pub(crate) fn names_of(&self, id: &DecisionId) -> Vec<MentionIx> {
        self.made.get(id).map_or_else(Vec::new, Decision::names)
    }

    pub(crate) fn make(&mut self, id: DecisionId, decision: Decision) {
        Arc::make_mut(&mut self.made).insert(id, decision);
    }

    /// Names have other numbers from now on; none of those that are spoken of is gone.
    pub(super) fn rename(&mut self, of: impl Fn(MentionIx) -> MentionIx) {
        for decision in Arc::make_mut(&mut self.made).values_mut() {
            let names = match &mut decision.said {
                Decided::One(names) => names.iter_mut().chain(&mut []),
                Decided::Apart(names, others) => names.iter_mut().chain(others.as_mut_slice()),
            };
            names.for_each(|name| *name = of(*name));
        }
    }

    /// Takes a decision back, perhaps before it is heard of.
    pub(crate) fn revert(&mut self, id: DecisionId) {
        Arc::make_mut(&mut self.reverted).insert(id);
    }
}

impl Decision {
    /// Every name it speaks of.
    pub(crate) fn names(&self) -> Vec<MentionIx> {
        match &self.said {
            Decided::One(names) => names.clone(),
            Decided::Apart(names, others) => names.iter().chain(others).copied().collect(),
        }
    }
}
