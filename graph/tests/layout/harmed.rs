//! Who is harmed and how much, found the slow and obvious way.
#![expect(clippy::cast_precision_loss, reason = "members of a pool are few")]

use std::cmp::Reverse;
use std::collections::BTreeMap;

use graph::{Freshness, GraphView, INTERCHANGEABLE, Item, Propagation, Quorum, Relation, Sharing};
use model::{CiId, Strength};
use testkit::at;

/// Those that do the same work for an item, with the share of harm that the relation of each lets through.
struct Pool {
    dependent: CiId,
    members: BTreeMap<CiId, f64>,
    needed: Option<usize>,
}

/// How badly and by how many steps an item was reached: the worst harm first, then the fewest steps.
type Rank = (Reverse<u64>, u32);

fn rank(score: f64, hops: u32) -> Rank {
    (Reverse(score.to_bits()), hops)
}

/// The pools of an estate, and the relations to members of none.
fn pools<'v>(relations: &[Relation<'v>]) -> (Vec<Pool>, Vec<Relation<'v>>) {
    let mut by_work: BTreeMap<_, Vec<Relation<'v>>> = BTreeMap::new();
    for relation in relations {
        let key = (
            relation.dependent().id(),
            relation.kind(),
            relation.provider().kind(),
        );
        by_work.entry(key).or_default().push(relation.clone());
    }
    let (mut pools, mut alone) = (Vec::new(), Vec::new());
    for ((dependent, kind, of_kind), relations) in by_work {
        let quorum = relations[0].dependent().quorum().and_then(Quorum::read);
        let is_shared = match Propagation::of(kind).sharing {
            Sharing::No => false,
            Sharing::Any => true,
            Sharing::Alike => quorum.is_some() || INTERCHANGEABLE.contains(&of_kind),
        };
        let weight =
            |relation: &Relation<'_>| doubted(Propagation::of(kind).to_dependent, relation);
        let members = relations.iter().map(|it| (it.provider().id(), weight(it)));
        let members: BTreeMap<CiId, f64> = members.filter(|(_, weight)| 0.0 < *weight).collect();
        if is_shared && 1 < members.len() {
            let needed = quorum.map(|quorum| quorum.of(members.len()));
            pools.push(Pool {
                dependent,
                members,
                needed,
            });
        } else {
            alone.extend(relations);
        }
    }
    (pools, alone)
}

impl Pool {
    /// What gets through when these members are touched.
    fn weight(&self, touched: &[CiId]) -> f64 {
        let weights = touched.iter().map(|member| self.members[member]);
        let share = match self.needed {
            Some(needed) if self.members.len() - touched.len() < needed => 1.0,
            Some(_) => 0.0,
            None => touched.len() as f64 / self.members.len() as f64,
        };
        weights.fold(0.0, f64::max) * share
    }
}

/// Every harmed item with its best score and the fewest steps that have it, found the slow and obvious way: round
/// after round over all relations. Two ways whose products are equal on paper differ in the last bit or not, after
/// the order in which their weights are multiplied, so that is the engine's: from the origin outwards, and in a
/// relation the kind's weight, then how strong it is, then how fresh.
///
/// What a pool lets through depends on who else of it is touched, so all rounds are gone through until nobody is
/// touched worse than the time before.
pub(crate) fn harmed(
    view: &GraphView,
    origin: Item<'_>,
    hops_max: u32,
) -> BTreeMap<CiId, (f64, u32)> {
    let relations: Vec<Relation<'_>> = view
        .items()
        .flat_map(|item| item.depends_on(at("10:00")))
        .collect();
    let (pools, alone) = pools(&relations);
    let mut touched = BTreeMap::new();
    let ways = loop {
        let ways = rounds(
            &relations,
            &alone,
            &pools,
            &touched,
            (origin.id(), hops_max),
        );
        let spread = ways.iter().flat_map(|(item, ways)| {
            let spread = ways.iter().filter(|(_, hops)| *hops < hops_max);
            spread
                .map(|(score, hops)| (*item, rank(*score, *hops)))
                .min()
        });
        let spread: BTreeMap<CiId, Rank> = spread.collect();
        if spread == touched {
            break ways;
        }
        touched = spread;
    };
    let best = ways
        .into_iter()
        .filter(|(item, _)| *item != origin.id())
        .filter_map(|(item, ways)| {
            let best = ways
                .into_iter()
                .min_by_key(|(score, hops)| rank(*score, *hops));
            Some((item, best?))
        });
    best.collect()
}

/// The best score of every item by every number of steps, given when each member of a pool is touched.
fn rounds(
    relations: &[Relation<'_>],
    alone: &[Relation<'_>],
    pools: &[Pool],
    touched: &BTreeMap<CiId, Rank>,
    (origin, hops_max): (CiId, u32),
) -> BTreeMap<CiId, Vec<(f64, u32)>> {
    let mut ways = BTreeMap::from([(origin, vec![(1.0, 0)])]);
    for hops in 1..=hops_max {
        let mut next: BTreeMap<CiId, f64> = BTreeMap::new();
        let by_fewer = |item: &CiId| {
            let ways = ways.get(item).into_iter().flatten();
            ways.map(|(score, _)| *score).fold(0.0, f64::max)
        };
        let reached = |item: &CiId| {
            let ways: Option<&Vec<(f64, u32)>> = ways.get(item);
            let last = ways.and_then(|ways| ways.last());
            last.filter(|(_, by)| by + 1 == hops)
                .map_or(0.0, |(score, _)| *score)
        };
        let mut take = |item: CiId, score: f64| {
            let kept = next.entry(item).or_default();
            *kept = kept.max(score);
        };
        for relation in relations {
            let share = doubted(Propagation::of(relation.kind()).to_provider, relation);
            take(
                relation.provider().id(),
                reached(&relation.dependent().id()) * share,
            );
        }
        for relation in alone {
            let share = doubted(Propagation::of(relation.kind()).to_dependent, relation);
            take(
                relation.dependent().id(),
                reached(&relation.provider().id()) * share,
            );
        }
        for pool in pools {
            for member in pool.members.keys() {
                let score = reached(member);
                let by_then = |other: &&CiId| {
                    let rank_of = touched.get(*other);
                    rank_of.is_some_and(|other| *other <= rank(score, hops - 1))
                };
                let by_then: Vec<CiId> = pool.members.keys().filter(by_then).copied().collect();
                if 0.0 < score {
                    take(pool.dependent, score * pool.weight(&by_then));
                }
            }
        }
        // A longer way that is no worse than a shorter one leads nowhere the shorter one does not.
        next.retain(|item, score| by_fewer(item) < *score);
        for (item, score) in next {
            ways.entry(item).or_default().push((score, hops));
        }
    }
    ways
}

fn doubted(weight: f64, relation: &Relation<'_>) -> f64 {
    let strength = match relation.strength() {
        Some(Strength::Weak) => 0.4,
        Some(Strength::Strong) | None => 1.0,
    };
    let freshness = match relation.freshness(at("10:00")) {
        Freshness::Confirmed => 1.0,
        Freshness::Ageing => 0.9,
        Freshness::Unconfirmed => 0.6,
        Freshness::Closed => 0.0,
    };
    weight * strength * freshness
}
