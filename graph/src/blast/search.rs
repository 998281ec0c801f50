//! The search for how harm reaches every item: the highest product of weights first, then the fewest steps.
//!
//! What is reached with one score by one number of steps is one wave. Waves are taken from the worst harm to the
//! least, so an item belongs to the first wave that comes to it, and the order within a wave cannot matter.
//! Paths are found backwards, for those items only that are listed ([`super::paths`]).

#![expect(
    clippy::indexing_slicing,
    reason = "a crowd's number is one this search gave out itself, and a wave's ends are lengths of what was reached"
)]

use std::cmp::Reverse;
use std::collections::BTreeMap;

use smallvec::SmallVec;

use super::BlastLimits;
use super::pools::{PoolIx, Pools};
use super::weigh::Weigh;
use crate::identity::ItemIx;
use crate::relations::{RowIx, Seat, Span, Tag};
use crate::topology::{Seen, Topology};

/// What is reached with one score by one number of steps.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Wave {
    pub(super) score: f64,
    pub(super) hops: u32,
    /// Where its items stand among all that were reached.
    from: usize,
    end: usize,
}

/// What a search found.
pub(super) struct Search {
    waves: Vec<Wave>,
    /// One seat of each item, wave after wave.
    reached: Vec<Seat>,
    /// Seats that a later wave reached by fewer steps, which counts where steps are limited.
    again: Vec<(Seat, Wave)>,
    cut_short: bool,
}

/// Waves in the order in which they are taken. Scores are positive, so their bits have their order.
type Rank = (Reverse<u64>, u32);

/// A search under way.
struct Running<'v> {
    topology: Topology<'v>,
    weigh: Weigh<'v>,
    pools: Pools<'v>,
    limits: BlastLimits,
    seen: Seen,
    /// The fewest steps by which a seat that was seen was reached; empty where steps are not limited.
    fewest: Vec<u32>,
    waiting: BTreeMap<Rank, usize>,
    /// Seats that wait, by the numbers in `waiting`; empty ones are used again.
    crowds: Vec<Vec<Seat>>,
    empty: Vec<usize>,
}

/// The wave that is spread, and where harm goes from it.
struct Spreading {
    score: f64,
    hops: u32,
    /// Where harm waits that gets through by a weight, as bits.
    by_weight: SmallVec<[(u64, usize); 8]>,
    /// The last kind of relation and its direction, and where harm waits that gets through it, if any does.
    last: Option<(Tag, bool, Option<usize>)>,
    /// The pools of which the wave touched members, and a seat of whom they work for; weighed once the wave is over,
    /// for how many it touched must not depend on the order within it.
    touched: Vec<(PoolIx, Seat)>,
}

impl Search {
    pub(super) fn run(topology: Topology<'_>, origins: &[ItemIx], limits: BlastLimits) -> Self {
        let mut search = Self {
            waves: Vec::new(),
            reached: Vec::new(),
            again: Vec::new(),
            cut_short: false,
        };
        let mut running = Running::new(topology, limits);
        let start = running.crowd_of(1.0, 0);
        let seats = origins.iter().map(|item| topology.seat_of(*item));
        running.crowds[start].extend(seats);
        while let Some(((Reverse(score), hops), crowd)) = running.waiting.pop_first() {
            search.take_wave(&mut running, f64::from_bits(score), hops, crowd);
            if search.cut_short {
                break;
            }
        }
        search.waves.retain(|wave| wave.from < wave.end);
        search
    }

    /// The waves that reached anything, the worst harm first; the origins are the one without steps.
    pub(super) fn waves(&self) -> &[Wave] {
        &self.waves
    }

    /// One seat of each item that a wave reached, in no order.
    pub(super) fn seats_of(&self, wave: &Wave) -> &[Seat] {
        &self.reached[wave.from..wave.end]
    }

    /// Seats that a later wave reached by fewer steps.
    pub(super) fn again(&self) -> &[(Seat, Wave)] {
        &self.again
    }

    /// How many items are harmed beside the origins.
    pub(super) fn total(&self) -> usize {
        let harmed = self.waves.iter().filter(|wave| 0 < wave.hops);
        harmed.map(|wave| wave.end - wave.from).sum()
    }

    pub(super) fn cut_short(&self) -> bool {
        self.cut_short
    }

    /// Lets everybody who waits for a wave be reached, and spreads harm from there.
    fn take_wave(&mut self, running: &mut Running<'_>, score: f64, hops: u32, crowd: usize) {
        let mut seats = std::mem::take(&mut running.crowds[crowd]);
        if running.limits.visited_max < self.reached.len() + seats.len() {
            running.keep_first(&mut seats);
        }
        let from = self.reached.len();
        let mut wave = Wave {
            score,
            hops,
            from,
            end: from,
        };
        let goes_on = running.limits.hops_max.is_none_or(|most| hops < most);
        let mut spreading = Spreading::new(score, hops);
        for seat in seats.drain(..) {
            let is_new = !running.seen.holds(seat);
            if !is_new && running.is_no_shorter(seat, hops) {
                continue;
            }
            if is_new && running.limits.visited_max <= self.reached.len() {
                self.cut_short = true;
                break;
            }
            if is_new {
                self.reached.push(seat);
            } else {
                self.again.push((seat, wave));
            }
            running.reach(seat, &mut spreading, goes_on);
        }
        running.spread_from_pools(&mut spreading);
        wave.end = self.reached.len();
        self.waves.push(wave);
        running.crowds[crowd] = seats;
        running.empty.push(crowd);
    }
}

impl<'v> Running<'v> {
    fn new(topology: Topology<'v>, limits: BlastLimits) -> Self {
        Self {
            topology,
            weigh: Weigh::new(topology),
            pools: Pools::new(topology),
            limits,
            seen: topology.no_seats(),
            fewest: match limits.hops_max {
                Some(_) => vec![0; topology.view().relations.seats_end()],
                None => Vec::new(),
            },
            waiting: BTreeMap::new(),
            crowds: Vec::new(),
            empty: Vec::new(),
        }
    }

    /// Where those wait that harm reaches with a score by a number of steps.
    fn crowd_of(&mut self, score: f64, hops: u32) -> usize {
        let (crowds, empty) = (&mut self.crowds, &mut self.empty);
        let rank = (Reverse(score.to_bits()), hops);
        *self.waiting.entry(rank).or_insert_with(|| {
            empty.pop().unwrap_or_else(|| {
                crowds.push(Vec::new());
                crowds.len() - 1
            })
        })
    }

    /// Sorts those that wait by item, so that a limit cuts the same ones wherever they are seated.
    fn keep_first(&self, seats: &mut [Seat]) {
        seats.sort_by_cached_key(|seat| self.topology.item_at(*seat));
    }

    /// Whether a seat that was seen was reached by as few steps, or steps do not count.
    fn is_no_shorter(&self, seat: Seat, hops: u32) -> bool {
        let fewest = self.fewest.get(seat as usize);
        fewest.is_none_or(|fewest| *fewest <= hops)
    }

    /// Marks every seat of an item and spreads harm from each.
    fn reach(&mut self, seat: Seat, spreading: &mut Spreading, goes_on: bool) {
        let view = self.topology.view();
        let relations = &view.relations;
        relations.each_seat_of_item(&view.identity, seat, |seat| {
            self.seen.mark(seat);
            if let Some(fewest) = self.fewest.get_mut(seat as usize) {
                *fewest = spreading.hops;
            }
            if !goes_on {
                return;
            }
            relations.each_dependent(seat, |row, span| {
                if self.pools.may_be(span.kind()) && self.touch(spreading, row, span, seat) {
                    return;
                }
                self.step(spreading, row, span, true, span.other);
            });
            if relations.may_need_by(seat, self.weigh.to_provider()) {
                relations.each_need(seat, |row, provider| {
                    self.step(spreading, row, relations.span(row), false, provider);
                });
            }
        });
    }

    /// Counts who has a seat as a touched member of a pool, if a relation makes it one of several.
    fn touch(&mut self, spreading: &mut Spreading, row: RowIx, span: &Span, seat: Seat) -> bool {
        if !self.weigh.holds(row, span) {
            return true;
        }
        // Without a limit of steps whoever was reached is reached at best.
        if self.fewest.is_empty() && self.seen.holds(span.other) {
            return true;
        }
        let (member, dependent) = (
            self.topology.item_at(seat),
            self.topology.item_at(span.other),
        );
        let pool = self
            .pools
            .of(member, dependent, span.kind(), &mut self.weigh);
        let Some(pool) = pool else { return false };
        self.pools.touch(pool, member);
        let touched = (pool, span.other);
        if spreading.touched.last() != Some(&touched) {
            spreading.touched.push(touched);
        }
        true
    }

    /// Lets harm go from the pools of which the wave touched members.
    fn spread_from_pools(&mut self, spreading: &mut Spreading) {
        let mut touched = std::mem::take(&mut spreading.touched);
        touched.sort_unstable();
        touched.dedup_by_key(|(pool, _)| *pool);
        for (pool, to) in touched {
            let weight = self.pools.get(pool).weight();
            if let Some(crowd) = self.crowd_by(spreading, weight) {
                self.crowds[crowd].push(to);
            }
        }
    }

    /// Lets harm go along one relation.
    #[inline]
    fn step(
        &mut self,
        spreading: &mut Spreading,
        row: RowIx,
        span: &Span,
        against_arrow: bool,
        to: Seat,
    ) {
        if !span.spans(self.weigh.at()) {
            return;
        }
        if self.seen.holds(to) && self.is_no_shorter(to, spreading.hops + 1) {
            return;
        }
        let tag = span.tag();
        let crowd = match spreading.last {
            Some((last, direction, crowd)) if last == tag && direction == against_arrow => crowd,
            _ => self.crowd_behind(spreading, row, span, against_arrow),
        };
        if let Some(crowd) = crowd
            && (!tag.is_several() || self.weigh.holds(row, span))
        {
            self.crowds[crowd].push(to);
        }
    }

    /// Where those wait that harm reaches through a relation, if any gets through.
    fn crowd_behind(
        &mut self,
        spreading: &mut Spreading,
        row: RowIx,
        span: &Span,
        against_arrow: bool,
    ) -> Option<usize> {
        let tag = span.tag();
        let weight = self.weigh.weight(row, span, against_arrow);
        let crowd = self.crowd_by(spreading, weight);
        if !tag.fades() {
            spreading.last = Some((tag, against_arrow, crowd));
        }
        crowd
    }

    /// Where those wait that a share of the wave's harm reaches, if it is worth following.
    fn crowd_by(&mut self, spreading: &mut Spreading, weight: f64) -> Option<usize> {
        let score = spreading.score * weight;
        if weight <= 0.0 || score < self.limits.score_min {
            return None;
        }
        let bits = weight.to_bits();
        let known = spreading.by_weight.iter().find(|(other, _)| *other == bits);
        let known = known.map(|(_, crowd)| *crowd);
        Some(known.unwrap_or_else(|| {
            let crowd = self.crowd_of(score, spreading.hops + 1);
            spreading.by_weight.push((bits, crowd));
            crowd
        }))
    }
}

impl Spreading {
    fn new(score: f64, hops: u32) -> Self {
        Self {
            score,
            hops,
            by_weight: SmallVec::new(),
            last: None,
            touched: Vec::new(),
        }
    }
}
