//! Those that do the same work for an item, and how much of the harm to some of them reaches it.

use std::collections::BTreeMap;

use super::propagation::{Propagation, Sharing};
use super::weigh::Weigh;
use crate::identity::ItemIx;
use crate::intern::WordIx;
use crate::quorum::Quorum;
use crate::relations::kind_bit;
use crate::topology::Topology;

/// How many of those that do the same work for an item are touched by harm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Redundancy {
    /// How many do it.
    pub members: usize,
    /// How many of them are touched.
    pub touched: usize,
    /// How many must be up, if anybody said so.
    pub needed: Option<usize>,
}

/// The number of a pool, given out by [`Pools`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct PoolIx(usize);

/// Members of one kind that an item needs by one kind of relation.
#[derive(Debug)]
pub(super) struct Pool {
    /// Each with the share of harm that its relation lets through, sorted by item.
    members: Vec<(ItemIx, f64)>,
    needed: Option<usize>,
    is_touched: Vec<bool>,
    touched: usize,
    /// The greatest share among those touched.
    weight: f64,
}

/// The pools that a search met.
pub(super) struct Pools<'v> {
    topology: Topology<'v>,
    /// The kinds of relations by which there are any, as bits.
    kinds: u32,
    known: BTreeMap<(ItemIx, WordIx, &'v str), Option<PoolIx>>,
    pools: Vec<Pool>,
}

impl Redundancy {
    /// The share of harm that gets through: all or nothing where it is known how many must be up.
    pub fn share(&self) -> f64 {
        match self.needed {
            Some(needed) if self.members - self.touched < needed => 1.0,
            Some(_) => 0.0,
            #[expect(clippy::cast_precision_loss, reason = "members of one pool are few")]
            None => self.touched as f64 / self.members as f64,
        }
    }

    /// The same in words.
    pub(super) fn said(&self) -> String {
        let (touched, members) = (self.touched, self.members);
        let needed = self.needed.map(|needed| format!(", {needed} needed"));
        let share = self.share();
        let share = if share < 1.0 {
            format!("{:.0} % of it", share * 100.0)
        } else {
            "the whole".to_owned()
        };
        let needed = needed.unwrap_or_default();
        format!("{touched} of {members} members touched{needed}: {share}")
    }
}

impl Pool {
    /// How harm stands when so many are touched.
    pub(super) fn when_touched(&self, touched: usize) -> Redundancy {
        Redundancy {
            members: self.members.len(),
            touched,
            needed: self.needed,
        }
    }

    /// The share of harm that gets through from those touched so far.
    pub(super) fn weight(&self) -> f64 {
        self.weight * self.when_touched(self.touched).share()
    }

    /// The members with the share of harm that the relation of each lets through.
    pub(super) fn members(&self) -> &[(ItemIx, f64)] {
        &self.members
    }

    fn touch(&mut self, member: ItemIx) {
        let Ok(place) = self
            .members
            .binary_search_by_key(&member, |(item, _)| *item)
        else {
            return;
        };
        let (Some(is_touched), Some((_, weight))) =
            (self.is_touched.get_mut(place), self.members.get(place))
        else {
            return;
        };
        if !std::mem::replace(is_touched, true) {
            self.touched += 1;
            self.weight = self.weight.max(*weight);
        }
    }
}

impl<'v> Pools<'v> {
    pub(super) fn new(topology: Topology<'v>) -> Self {
        let words = &topology.view().identity.words;
        let shared = Propagation::shared_kinds();
        let kinds = shared.filter_map(|kind| words.find(kind));
        Self {
            topology,
            kinds: kinds.fold(0, |bits, kind| bits | kind_bit(kind)),
            known: BTreeMap::new(),
            pools: Vec::new(),
        }
    }

    /// Whether there may be pools by a kind of relation.
    #[inline]
    pub(super) fn may_be(&self, kind: WordIx) -> bool {
        self.kinds & kind_bit(kind) != 0
    }

    /// The pool by which an item needs a member, unless the member is alone in its work.
    pub(super) fn of(
        &mut self,
        member: ItemIx,
        dependent: ItemIx,
        kind: WordIx,
        weigh: &mut Weigh<'v>,
    ) -> Option<PoolIx> {
        let view = self.topology.view();
        let of_kind = view.item_at(member).kind();
        let key = (dependent, kind, of_kind);
        if let Some(known) = self.known.get(&key) {
            return *known;
        }
        let found = self.gather(dependent, kind, of_kind, weigh);
        let found = found.map(|pool| {
            self.pools.push(pool);
            PoolIx(self.pools.len() - 1)
        });
        self.known.insert(key, found);
        found
    }

    pub(super) fn get(&self, pool: PoolIx) -> &Pool {
        self.pools.get(pool.0).expect(KNOWN)
    }

    /// Counts a member as touched by harm.
    pub(super) fn touch(&mut self, pool: PoolIx, member: ItemIx) {
        self.pools.get_mut(pool.0).expect(KNOWN).touch(member);
    }

    fn gather(
        &self,
        dependent: ItemIx,
        kind: WordIx,
        of_kind: &str,
        weigh: &mut Weigh<'v>,
    ) -> Option<Pool> {
        let view = self.topology.view();
        let quorum = view.item_at(dependent).quorum().and_then(Quorum::read);
        let sharing = Propagation::of(view.identity.words.text(kind)).sharing;
        let do_the_same = match sharing {
            Sharing::No => false,
            Sharing::Any => true,
            Sharing::Alike => quorum.is_some() || Propagation::is_interchangeable(of_kind),
        };
        if !do_the_same {
            return None;
        }
        let mut members: BTreeMap<ItemIx, f64> = BTreeMap::new();
        for edge in self.topology.providers_ever(dependent) {
            if edge.span.kind() != kind || !weigh.holds(edge.row, &edge.span) {
                continue;
            }
            let item = self.topology.item_of(edge);
            let weight = weigh.weight(edge.row, &edge.span, true);
            if 0.0 < weight && view.item_at(item).kind() == of_kind {
                let kept = members.entry(item).or_insert(weight);
                *kept = kept.max(weight);
            }
        }
        if members.len() < 2 {
            return None;
        }
        Some(Pool {
            needed: quorum.map(|quorum| quorum.of(members.len())),
            is_touched: vec![false; members.len()],
            members: members.into_iter().collect(),
            touched: 0,
            weight: 0.0,
        })
    }
}

const KNOWN: &str = "a pool's number comes from the pools that are asked";
