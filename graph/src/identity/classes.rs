//! Which of the names that hang together are one: the strongest reasons first, and none against a decision.
//!
//! The result is a function of the set of names, links and decisions; ties are
//! broken by the text of names, never by the order in which they came.

use std::collections::{BTreeMap, BTreeSet};

use crate::identity::decided::{Decided, Decision};
use crate::mention::MentionIx;

/// Why two names are held to be one; the order is that in which reasons count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Reason {
    /// A unique name stands on one side.
    Unique,
    /// A source says so.
    Stated,
    /// The names share a weak one.
    Weak,
    /// A key with unknown parts can only mean the other.
    Attached,
}

/// One reason to hold two names to be one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Bond {
    pub(crate) reason: Reason,
    pub(crate) one: MentionIx,
    pub(crate) other: MentionIx,
}

/// What is to be divided into items.
pub(crate) struct Cluster<'a> {
    pub(crate) names: &'a BTreeSet<MentionIx>,
    pub(crate) bonds: Vec<Bond>,
    /// Decisions about any of the names.
    pub(crate) decisions: Vec<&'a Decision>,
    /// The unique scheme of a name, as a number, if it is in one.
    pub(crate) unique: &'a dyn Fn(MentionIx) -> Option<u32>,
    /// The text that orders names.
    pub(crate) text: &'a dyn Fn(MentionIx) -> String,
}

impl Cluster<'_> {
    /// The names divided into items.
    pub(crate) fn divide(mut self) -> Vec<BTreeSet<MentionIx>> {
        let careful =
            !self.decisions.is_empty() || self.bonds.iter().any(|bond| bond.reason == Reason::Weak);
        let mut classes = Classes::of(self.names);
        if careful {
            self.decisions
                .sort_by_key(|decision| std::cmp::Reverse(decision.stamp));
            for decision in &self.decisions {
                classes.decide(decision);
            }
            let text = self.text;
            self.bonds.sort_by_cached_key(|bond| {
                let (one, other) = (text(bond.one), text(bond.other));
                (bond.reason, one.clone().min(other.clone()), one.max(other))
            });
            for name in self.names {
                classes.unique.extend((self.unique)(*name).map(|scheme| {
                    let values = BTreeMap::from([(scheme, BTreeSet::from([*name]))]);
                    (*name, values)
                }));
            }
            classes.gather_unique();
        }
        for bond in &self.bonds {
            classes.bind(*bond);
        }
        classes.into_groups(self.names)
    }
}

/// Names united so far.
struct Classes {
    leader: BTreeMap<MentionIx, MentionIx>,
    /// Pairs of names that must not come together.
    apart: Vec<(MentionIx, MentionIx)>,
    /// Unique names of a class by scheme.
    unique: BTreeMap<MentionIx, BTreeMap<u32, BTreeSet<MentionIx>>>,
}

impl Classes {
    fn of(names: &BTreeSet<MentionIx>) -> Self {
        Self {
            leader: names.iter().map(|name| (*name, *name)).collect(),
            apart: Vec::new(),
            unique: BTreeMap::new(),
        }
    }

    fn find(&self, name: MentionIx) -> MentionIx {
        let mut at = name;
        while let Some(next) = self.leader.get(&at) {
            if *next == at {
                break;
            }
            at = *next;
        }
        at
    }

    /// Decisions come newest first, so one that goes against what stands already is void.
    fn decide(&mut self, decision: &Decision) {
        match &decision.said {
            Decided::One(names) => {
                for pair in names.windows(2) {
                    if let [one, other] = *pair
                        && !self.kept_apart(one, other)
                    {
                        self.unite(one, other);
                    }
                }
            }
            Decided::Apart(names, others) => {
                let pairs = names
                    .iter()
                    .flat_map(|one| others.iter().map(move |other| (*one, *other)));
                let standing = pairs.filter(|(one, other)| self.find(*one) != self.find(*other));
                let standing: Vec<_> = standing.collect();
                self.apart.extend(standing);
            }
        }
    }

    fn gather_unique(&mut self) {
        for (name, values) in std::mem::take(&mut self.unique) {
            let class = self.find(name);
            merge_unique(self.unique.entry(class).or_default(), values);
        }
    }

    fn bind(&mut self, bond: Bond) {
        let (one, other) = (self.find(bond.one), self.find(bond.other));
        if one == other || self.kept_apart(one, other) {
            return;
        }
        if bond.reason == Reason::Weak && self.contradict(one, other) {
            return;
        }
        self.unite(one, other);
    }

    fn kept_apart(&self, one: MentionIx, other: MentionIx) -> bool {
        let (one, other) = (self.find(one), self.find(other));
        self.apart.iter().any(|(left, right)| {
            let sides = (self.find(*left), self.find(*right));
            sides == (one, other) || sides == (other, one)
        })
    }

    /// Whether both have unique names of one scheme, and none of them in common.
    fn contradict(&self, one: MentionIx, other: MentionIx) -> bool {
        let (Some(one), Some(other)) = (self.unique.get(&one), self.unique.get(&other)) else {
            return false;
        };
        one.iter().any(|(scheme, values)| {
            other
                .get(scheme)
                .is_some_and(|others| values.is_disjoint(others))
        })
    }

    fn unite(&mut self, one: MentionIx, other: MentionIx) {
        let (one, other) = (self.find(one), self.find(other));
        if one == other {
            return;
        }
        let (leader, led) = (one.min(other), one.max(other));
        self.leader.insert(led, leader);
        if let Some(values) = self.unique.remove(&led) {
            merge_unique(self.unique.entry(leader).or_default(), values);
        }
    }

    fn into_groups(self, names: &BTreeSet<MentionIx>) -> Vec<BTreeSet<MentionIx>> {
        let mut groups: BTreeMap<MentionIx, BTreeSet<MentionIx>> = BTreeMap::new();
        for name in names {
            groups.entry(self.find(*name)).or_default().insert(*name);
        }
        groups.into_values().collect()
    }
}

fn merge_unique(
    into: &mut BTreeMap<u32, BTreeSet<MentionIx>>,
    values: BTreeMap<u32, BTreeSet<MentionIx>>,
) {
    for (scheme, names) in values {
        into.entry(scheme).or_default().extend(names);
    }
}
