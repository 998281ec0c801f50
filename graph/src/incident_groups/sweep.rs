//! One pass over incidents in order of their beginnings, which joins those that harm from one item explains.
//!
//! What somebody says of two incidents comes first: those that are not one are in no set together, and what harm says
//! of an incident that does not belong comes after what it says of others.
//! It looks at nothing but what began before, so what comes later never changes what a group was joined for.
//! Ties fall by id, so the order in which anything arrived cannot show.
#![expect(
    clippy::indexing_slicing,
    reason = "a number is the place of an incident in this sweep"
)]

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use model::{Belonging, IncidentId, Timestamp};

use super::judged::{JudgedPair, PairSaid};
use super::origins::{Finder, Origin, Origins, Step};
use super::rules::GROUPING;
use super::sets::{Bounds, GroupLimit, Sets};
use crate::identity::ItemIx;
use crate::view::{GraphView, IncidentRow};

/// An incident in the sweep.
#[derive(Clone, Debug)]
pub(super) struct Alert<'v> {
    pub(super) row: IncidentRow<'v>,
    pub(super) id: IncidentId,
    pub(super) start: Timestamp,
    pub(super) items: Vec<ItemIx>,
    /// Where its harm may come from, and how much of it.
    pub(super) touched: Vec<(ItemIx, f64)>,
}

/// Two incidents that one item explains, or of which somebody says that they are one.
#[derive(Clone, Debug)]
pub(super) struct Link {
    pub(super) later: usize,
    pub(super) earlier: usize,
    /// Where the harm comes from.
    pub(super) through: Option<ItemIx>,
    /// What somebody says instead.
    pub(super) said: Option<PairSaid>,
    /// The share of it that gets to both.
    pub(super) harm: f64,
    /// Of the items that harm from it comes to directly, how many show symptoms, if it shows none itself.
    pub(super) silent: Option<(usize, usize)>,
    pub(super) to_later: Vec<Step>,
    pub(super) to_earlier: Vec<Step>,
}

/// What the sweep found.
pub(super) struct Swept<'v> {
    /// In order of beginning and id.
    pub(super) alerts: Vec<Alert<'v>>,
    pub(super) sets: Sets,
    pub(super) links: Vec<Link>,
    /// Pairs that stay apart because of a limit.
    pub(super) apart: Vec<(usize, usize, GroupLimit)>,
    /// Sets without limits: chains of links.
    pub(super) chains: Sets,
    /// Whether some incident has more origins than are looked at.
    pub(super) origins_cut: Vec<bool>,
}

/// A sweep under way.
struct Sweep<'v> {
    finder: Finder<'v>,
    at_origin: BTreeMap<ItemIx, AtOrigin>,
    /// What may be linked still; the first is the one with the number `live_from`.
    live: VecDeque<Origins>,
    live_from: usize,
    /// How many items harm from one comes to directly, by division of the clock.
    harmed: BTreeMap<(ItemIx, i64), usize>,
    judged: Judged<'v>,
    swept: Swept<'v>,
}

/// What is said of incidents by people, by the later one of two.
#[derive(Default)]
struct Judged<'v> {
    with_earlier: BTreeMap<IncidentId, Vec<(IncidentId, &'v PairSaid)>>,
    /// The numbers of those that came already.
    numbers: BTreeMap<IncidentId, usize>,
    /// Two that are not one.
    apart: Vec<(usize, usize)>,
    /// Those that do not belong with another one.
    aside: BTreeSet<usize>,
}

/// What harm from one item may have come to lately.
#[derive(Default)]
struct AtOrigin {
    recent: VecDeque<usize>,
    shown_at: Option<Timestamp>,
    first_harmed: VecDeque<(Timestamp, ItemIx)>,
    harmed_count: BTreeMap<ItemIx, usize>,
}

/// What may link the incident at hand to an earlier one.
struct Candidate {
    earlier: usize,
    through: Option<ItemIx>,
    said: Option<PairSaid>,
    harm: f64,
    silent: Option<(usize, usize)>,
}

/// Joins incidents that come in order of beginning and id.
pub(super) fn sweep<'v>(
    view: &'v GraphView,
    rows: Vec<(Timestamp, IncidentRow<'v>)>,
    judged: &[JudgedPair<'v>],
) -> Swept<'v> {
    let bounds = Bounds {
        span: GROUPING.span(),
        members_max: GROUPING.members_max,
    };
    let without = Bounds {
        span: i64::MAX,
        members_max: usize::MAX,
    };
    let mut sweep = Sweep {
        finder: Finder::new(view),
        at_origin: BTreeMap::new(),
        live: VecDeque::new(),
        live_from: 0,
        harmed: BTreeMap::new(),
        judged: Judged::of(judged),
        swept: Swept {
            alerts: Vec::with_capacity(rows.len()),
            sets: Sets::new(bounds),
            links: Vec::new(),
            apart: Vec::new(),
            chains: Sets::new(without),
            origins_cut: Vec::new(),
        },
    };
    for (start, row) in rows {
        sweep.take(start, row);
    }
    sweep.swept
}

impl<'v> Sweep<'v> {
    fn take(&mut self, start: Timestamp, row: IncidentRow<'v>) {
        let number = self.swept.alerts.len();
        let items: Vec<ItemIx> = row.items().iter().map(|item| item.item).collect();
        let origins = self.finder.origins(&items, start);
        let since = start.plus_nanos(-GROUPING.window());
        self.forget(since);
        self.swept.sets.add(start);
        self.swept.chains.add(start);
        self.swept.origins_cut.push(origins.cut_short);
        let id = row.id();
        let mut candidates = self.judged.hear(number, id);
        let mut causes: Vec<ItemIx> = Vec::new();
        for origin in origins.each() {
            let first_harmed = origins.first_harmed(origin);
            let here = self.at_origin.entry(origin.item).or_default();
            here.forget(since, &self.swept.alerts);
            here.hear(first_harmed, start);
            if let Some(silent) = self.is_cause(origin.item, start) {
                causes.push(origin.item);
                self.gather(origin, silent, &mut candidates);
            }
            let here = self.at_origin.entry(origin.item).or_default();
            here.recent.push_back(number);
        }
        self.swept.alerts.push(Alert {
            row,
            id,
            start,
            items,
            touched: origins.each().map(|it| (it.item, it.harm)).collect(),
        });
        self.live.push_back(origins);
        self.link(number, candidates);
        for origin in causes {
            self.keep_latest(origin);
        }
    }

    /// Forgets the origins of what began too early to be linked any more.
    fn forget(&mut self, since: Timestamp) {
        let alerts = &self.swept.alerts;
        while self.live_from < alerts.len() && alerts[self.live_from].start < since {
            self.live.pop_front();
            self.live_from += 1;
        }
    }

    /// Whether an item is taken for a common cause: it shows symptoms itself (then nothing more is said), or so many
    /// do that need it.
    fn is_cause(&mut self, item: ItemIx, at: Timestamp) -> Option<Option<(usize, usize)>> {
        let here = self.at_origin.get(&item)?;
        if here.shown_at.is_some() {
            return Some(None);
        }
        let showing = here.harmed_count.len();
        if showing < GROUPING.silent_min {
            return None;
        }
        let window = GROUPING.window();
        let before = at.unix_nanos().div_euclid(window) * window;
        let harmed = [before, before.saturating_add(window)].map(|moment| {
            let finder = &self.finder;
            let moment = Timestamp::from_unix_nanos(moment);
            let known = self.harmed.entry((item, moment.unix_nanos()));
            *known.or_insert_with(|| finder.harmed_directly(item, moment))
        });
        let harmed = harmed.into_iter().fold(showing, usize::max);
        let is_enough = GROUPING.silent_share * float(harmed) <= float(showing);
        is_enough.then_some(Some((showing, harmed)))
    }

    /// Gathers what an origin links the incident at hand to.
    fn gather(
        &self,
        origin: &Origin,
        silent: Option<(usize, usize)>,
        candidates: &mut Vec<Candidate>,
    ) {
        let Some(here) = self.at_origin.get(&origin.item) else {
            return;
        };
        for earlier in &here.recent {
            let origins = self.live.get(earlier - self.live_from);
            let Some(other) = origins.and_then(|it| it.of(origin.item)) else {
                continue;
            };
            candidates.push(Candidate {
                earlier: *earlier,
                through: Some(origin.item),
                said: None,
                harm: origin.harm * other.harm,
                silent,
            });
        }
    }

    /// Joins the incident at hand with the groups that it hangs on, the strongest link first.
    fn link(&mut self, number: usize, mut candidates: Vec<Candidate>) {
        let view = self.finder.view();
        let aside = &self.judged.aside;
        candidates.sort_by(|one, other| {
            let rank = |it: &Candidate| (it.said.is_none(), aside.contains(&it.earlier));
            let by_word = rank(one).cmp(&rank(other));
            by_word
                .then(other.harm.total_cmp(&one.harm))
                .then(one.silent.is_some().cmp(&other.silent.is_some()))
                .then(other.earlier.cmp(&one.earlier))
                .then_with(|| {
                    let name = |it: &Candidate| it.through.map(|item| view.item_at(item).id());
                    name(one).cmp(&name(other))
                })
        });
        let mut refused: Vec<usize> = Vec::new();
        for candidate in candidates {
            let (sets, chains) = (&mut self.swept.sets, &mut self.swept.chains);
            let joined_chains = chains.join(number, candidate.earlier);
            debug_assert!(joined_chains.is_ok(), "chains have no limits");
            let root = sets.root(candidate.earlier);
            let is_said = candidate.said.is_some();
            if root == sets.root(number) || refused.contains(&root) {
                continue;
            }
            let joined = match self.judged.keeps_apart(sets, number, candidate.earlier) {
                true => Err(GroupLimit::Judged),
                false => sets.join(number, candidate.earlier),
            };
            match joined {
                Ok(()) => {
                    let link = self.link_of(number, &candidate);
                    self.swept.links.push(link);
                }
                // What people say reaches further than what is looked at, so its limits are not told.
                Err(_) if is_said => {}
                Err(limit) => {
                    refused.push(root);
                    self.swept.apart.push((number, candidate.earlier, limit));
                }
            }
        }
    }

    fn link_of(&self, later: usize, candidate: &Candidate) -> Link {
        let way = |number: usize| {
            let Some(through) = candidate.through else {
                return Vec::new();
            };
            let origins = self.live.get(number - self.live_from);
            origins.map_or_else(Vec::new, |it| it.way_from(through).0)
        };
        Link {
            later,
            earlier: candidate.earlier,
            through: candidate.through,
            said: candidate.said.clone(),
            harm: candidate.harm,
            silent: candidate.silent,
            to_later: way(later),
            to_earlier: way(candidate.earlier),
        }
    }

    /// Keeps the latest of every group at an origin: to be linked to it is to be linked to all of its group.
    fn keep_latest(&mut self, origin: ItemIx) {
        let Some(here) = self.at_origin.get_mut(&origin) else {
            return;
        };
        let mut roots: Vec<usize> = Vec::new();
        let mut kept: VecDeque<usize> = VecDeque::new();
        for number in here.recent.iter().rev() {
            let root = self.swept.sets.root(*number);
            if !roots.contains(&root) {
                roots.push(root);
                kept.push_front(*number);
            }
        }
        here.recent = kept;
    }
}

impl<'v> Judged<'v> {
    fn of(pairs: &[JudgedPair<'v>]) -> Self {
        let mut judged = Self::default();
        for pair in pairs {
            let with = judged.with_earlier.entry(pair.later.1).or_default();
            with.push((pair.earlier.1, pair.said));
            judged.with_earlier.entry(pair.earlier.1).or_default();
        }
        judged
    }

    /// Takes an incident; whom it is one with of those that came before.
    fn hear(&mut self, number: usize, id: IncidentId) -> Vec<Candidate> {
        let Some(with) = self.with_earlier.get(&id) else {
            return Vec::new();
        };
        self.numbers.insert(id, number);
        let mut together = Vec::new();
        for (other, said) in with {
            let earlier = self.numbers.get(other).copied();
            if said.verdict == Belonging::Together {
                together.extend(earlier.map(|earlier| Candidate {
                    earlier,
                    through: None,
                    said: Some((*said).clone()),
                    harm: 0.0,
                    silent: None,
                }));
                continue;
            }
            self.apart.extend(earlier.map(|earlier| (number, earlier)));
            // Whether the other one came before is no question of how far back anybody looks.
            match said.subject == id {
                true => self.aside.insert(number),
                false => earlier.is_some_and(|earlier| self.aside.insert(earlier)),
            };
        }
        together
    }

    /// Whether somebody says of an incident of one set that it is not one with an incident of the other.
    fn keeps_apart(&self, sets: &Sets, one: usize, other: usize) -> bool {
        if self.apart.is_empty() {
            return false;
        }
        let both = [sets.standing(one), sets.standing(other)];
        let mut apart = self.apart.iter();
        apart.any(|(here, there)| {
            let found = [sets.standing(*here), sets.standing(*there)];
            found == both || [found[1], found[0]] == both
        })
    }
}

impl AtOrigin {
    /// Forgets what began before a moment.
    fn forget(&mut self, since: Timestamp, alerts: &[Alert<'_>]) {
        let is_old = |number: &usize| alerts[*number].start < since;
        while self.recent.front().is_some_and(is_old) {
            self.recent.pop_front();
        }
        while let Some((_, item)) = self.first_harmed.pop_front_if(|(at, _)| *at < since) {
            if let Some(count) = self.harmed_count.get_mut(&item) {
                *count -= 1;
                if *count == 0 {
                    self.harmed_count.remove(&item);
                }
            }
        }
        self.shown_at = self.shown_at.filter(|at| since <= *at);
    }

    /// Takes what shows a symptom now: the item itself, or one that harm from it comes to first.
    fn hear(&mut self, first_harmed: Option<ItemIx>, at: Timestamp) {
        match first_harmed {
            None => self.shown_at = Some(at),
            Some(item) => {
                self.first_harmed.push_back((at, item));
                *self.harmed_count.entry(item).or_default() += 1;
            }
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "a number of items")]
pub(super) fn float(count: usize) -> f64 {
    count as f64
}
