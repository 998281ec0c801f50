//! Earlier incidents that are like one: on the same items, with harm from the same places, in the same words.
//!
//! A score is the sum of a few parts, each a likeness from 0 to 1 times its weight ([`SIMILARITY`]). It orders
//! incidents so that people find what was the cause then; it does not say that it is the cause now.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use model::{ChangeId, IncidentId, Timestamp, Verdict};

use crate::identity::ItemIx;
use crate::incident_groups::{Finder, GroupsAsked, IncidentGroups};
use crate::nearby::{Family, Held, Wanted};
use crate::path::Contribution;
use crate::view::{GraphView, IncidentRow};

/// The name of these weights; raised with every change of a number in them.
pub const SIMILARITY_VERSION: &str = "similar-incidents-1";

/// What each likeness is worth.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Similarity {
    /// Of the items that show the symptom.
    pub items: f64,
    /// Of the items from which harm may have come.
    pub origins: f64,
    /// Of the telling words of both titles.
    pub words: f64,
    /// Of what both speak of: errors, latency, saturation, traffic.
    pub measures: f64,
    /// Of what was judged the cause: its scene, else its kind.
    pub cause: f64,
    /// A score below this is not told.
    pub least: f64,
    /// How many of the likeliest are held against each other in full.
    pub compared_max: usize,
}

/// The weights in use. All are reasoned: no public data says which incidents people held for alike.
pub const SIMILARITY: Similarity = Similarity {
    // The same thing broke: nothing else says as much.
    items: 4.0,
    // Something that needs the same broke: half as much, for many things need the same.
    origins: 2.0,
    // Rare words of an alert's title name its rule; common ones are worth next to nothing by their rarity.
    words: 3.0,
    // One in four incidents is of each family, so it only breaks ties.
    measures: 0.5,
    // It speaks of the past twice and is known of few.
    cause: 2.0,
    // A family alone, or a single common word, is no likeness.
    least: 1.0,
    // It bounds the cost; whoever is not among the first five hundred by items and words is not among the first.
    compared_max: 500,
};

/// Explicit limits of one question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SimilarLimits {
    /// How many are listed.
    pub first: usize,
    /// How many earlier incidents are looked at, the newest.
    pub looked_at_max: usize,
}

/// Earlier incidents that are like one.
#[derive(Clone, Debug, PartialEq)]
pub struct SimilarIncidents {
    /// The most alike first.
    pub similar: Vec<SimilarIncident>,
    /// How many incidents that began before were looked at.
    pub looked_at: usize,
    /// Whether there were more.
    pub truncated: bool,
}

/// An earlier incident that is like one.
#[derive(Clone, Debug, PartialEq)]
pub struct SimilarIncident {
    /// The earlier one.
    pub incident: IncidentId,
    /// How much they are alike: the sum of the contributions, in their order.
    pub score: f64,
    /// The parts of the score.
    pub contributions: Vec<Contribution>,
    /// What was judged its cause.
    pub causes: Vec<ChangeId>,
    /// How many of the same title and items it stands for, itself among them.
    pub times: usize,
}

/// An earlier incident before it is compared in full.
struct Earlier<'v> {
    row: IncidentRow<'v>,
    start: Timestamp,
    held: Held,
    items: BTreeSet<ItemIx>,
    rough: f64,
    /// How many it stands for.
    times: usize,
}

/// What is compared with.
struct Subject<'v> {
    view: &'v GraphView,
    items: BTreeSet<ItemIx>,
    origins: BTreeMap<ItemIx, f64>,
    wanted: Wanted,
    whole: f64,
    families: Vec<Family>,
    causes: BTreeMap<IncidentId, Vec<ChangeId>>,
    own_causes: BTreeSet<String>,
}

/// The incidents that began before one and are like it, the most alike first.
pub fn similar_incidents(
    view: &GraphView,
    incident: IncidentId,
    limits: SimilarLimits,
) -> SimilarIncidents {
    let nothing = SimilarIncidents {
        similar: Vec::new(),
        looked_at: 0,
        truncated: false,
    };
    let Some(row) = view.incident(incident) else {
        return nothing;
    };
    let mut finder = Finder::new(view);
    let mut subject = Subject::of(view, row, &mut finder);
    let (mut earlier, truncated) = subject.earlier(row, limits.looked_at_max);
    let own = group_of(view, row);
    earlier.retain(|one| !own.contains(&one.row.id()));
    let looked_at = earlier.len();
    subject.whole = subject.wanted.tell_all();
    for one in &mut earlier {
        one.rough = subject.rough(one);
    }
    earlier.retain(|one| 0.0 < one.rough);
    let order = |score: f64, one: &Earlier<'_>| {
        (Reverse(score.to_bits()), Reverse(one.start), one.row.id())
    };
    earlier.sort_by_cached_key(|one| order(one.rough, one));
    let mut earlier = folded(earlier, &subject.causes);
    earlier.truncate(SIMILARITY.compared_max);
    let compared = earlier
        .iter()
        .map(|one| (one, subject.compare(one, &mut finder)));
    let mut similar: Vec<(&Earlier<'_>, SimilarIncident)> = compared
        .filter(|(_, found)| SIMILARITY.least <= found.score)
        .collect();
    similar.sort_by_cached_key(|(one, found)| order(found.score, one));
    let listed = similar.into_iter().take(limits.first);
    SimilarIncidents {
        similar: listed.map(|(_, found)| found).collect(),
        looked_at,
        truncated,
    }
}

/// Those of one title on the same items as one: the first of which the cause is known, else the first.
fn folded<'v>(
    earlier: Vec<Earlier<'v>>,
    causes: &BTreeMap<IncidentId, Vec<ChangeId>>,
) -> Vec<Earlier<'v>> {
    let is_known = |one: &Earlier<'v>| causes.contains_key(&one.row.id());
    let mut place_of: BTreeMap<(String, BTreeSet<ItemIx>), usize> = BTreeMap::new();
    let mut folded: Vec<Earlier<'v>> = Vec::new();
    for one in earlier {
        let same = (one.row.title().to_lowercase(), one.items.clone());
        let place = *place_of.entry(same).or_insert(folded.len());
        match folded.get_mut(place) {
            None => folded.push(one),
            Some(kept) => {
                let times = kept.times + 1;
                if is_known(&one) && !is_known(kept) {
                    *kept = one;
                }
                kept.times = times;
            }
        }
    }
    folded
}

impl<'v> Subject<'v> {
    fn of(view: &'v GraphView, row: IncidentRow<'v>, finder: &mut Finder<'v>) -> Self {
        let mut causes: BTreeMap<IncidentId, Vec<ChangeId>> = BTreeMap::new();
        for (change, incident, verdict) in view.verdicts() {
            if verdict == Verdict::Cause {
                causes.entry(incident).or_default().push(change);
            }
        }
        let own = causes.get(&row.id()).into_iter().flatten();
        let own_causes = own.flat_map(|change| sorts(view, *change)).collect();
        let items = items_of(row);
        Self {
            view,
            origins: origins(finder, &items, row.started_at()),
            items,
            wanted: Wanted::new([row.title()].into_iter()),
            whole: 0.0,
            families: Family::in_text(row.title()),
            causes,
            own_causes,
        }
    }

    /// What began before, with the words it shares; the newest where there is too much.
    fn earlier(&mut self, row: IncidentRow<'v>, most: usize) -> (Vec<Earlier<'v>>, bool) {
        let (start, id) = (row.started_at(), row.id());
        let before = self.view.incidents_unsorted().filter_map(|other| {
            let began = other.started_at();
            (began <= start && other.id() != id).then_some((began, other))
        });
        let mut before: Vec<(Timestamp, IncidentRow<'v>)> = before.collect();
        let truncated = most < before.len();
        if truncated {
            before.sort_by_cached_key(|(began, other)| (Reverse(*began), other.id()));
            before.truncate(most);
        }
        let mut buffer = String::new();
        let read = |(start, row): (Timestamp, IncidentRow<'v>)| Earlier {
            row,
            start,
            held: self.wanted.read(row.title(), &mut buffer),
            items: items_of(row),
            rough: 0.0,
            times: 1,
        };
        (before.into_iter().map(read).collect(), truncated)
    }

    /// How alike two may be, without a search: by items, and items that may harm, and words.
    fn rough(&self, one: &Earlier<'_>) -> f64 {
        let near = one.items.iter().filter_map(|item| self.origins.get(item));
        let near = near.copied().fold(0.0, f64::max);
        SIMILARITY.items * overlap(&self.items, &one.items)
            + SIMILARITY.origins * near
            + SIMILARITY.words * self.words(one.held)
    }

    /// The share of what the subject's words tell that a title tells too.
    fn words(&self, held: Held) -> f64 {
        if self.whole <= 0.0 {
            return 0.0;
        }
        self.wanted.tell(held) / self.whole
    }

    fn compare(&self, one: &Earlier<'v>, finder: &mut Finder<'v>) -> SimilarIncident {
        let id = one.row.id();
        let causes = self.causes.get(&id).cloned().unwrap_or_default();
        let parts = [
            self.same_items(one),
            self.same_origins(one, finder),
            self.same_words(one),
            self.same_measures(one),
            self.same_cause(&causes),
        ];
        let contributions: Vec<Contribution> = parts.into_iter().flatten().collect();
        SimilarIncident {
            incident: id,
            score: contributions.iter().map(|part| part.contribution).sum(),
            contributions,
            causes,
            times: one.times,
        }
    }

    fn same_items(&self, one: &Earlier<'_>) -> Option<Contribution> {
        let keys = self.items.intersection(&one.items);
        let keys = keys.map(|item| self.view.item_at(*item).key());
        let likeness = overlap(&self.items, &one.items);
        let said = format!("both are on {}", listed(keys.collect()));
        part("same_items", likeness, SIMILARITY.items, said)
    }

    fn same_origins(&self, one: &Earlier<'v>, finder: &mut Finder<'v>) -> Option<Contribution> {
        let other = origins(finder, &one.items, one.start);
        // What shows the symptom in both counts as an item already.
        let shown = |item: &ItemIx| self.items.contains(item) && one.items.contains(item);
        let all: BTreeSet<ItemIx> = self.origins.keys().chain(other.keys()).copied().collect();
        let mut found: Vec<(u64, u64, String)> = Vec::new();
        for item in all.iter().filter(|item| !shown(item)) {
            let of = |origins: &BTreeMap<ItemIx, f64>| origins.get(item).copied().unwrap_or(0.0);
            let (here, there) = (of(&self.origins), of(&other));
            let key = self.view.item_at(*item).key();
            found.push((here.min(there).to_bits(), here.max(there).to_bits(), key));
        }
        // A sum of fractions depends on its order, so it has one of its own: the likeliest first.
        found.sort_by(|one, other| {
            let by_harm = (other.0, other.1).cmp(&(one.0, one.1));
            by_harm.then_with(|| one.2.cmp(&other.2))
        });
        let shared: f64 = found.iter().map(|it| f64::from_bits(it.0)).sum();
        let whole: f64 = found.iter().map(|it| f64::from_bits(it.1)).sum();
        let common = found.into_iter().filter(|it| 0.0 < f64::from_bits(it.0));
        let keys = common.map(|(_, _, key)| key).collect();
        let said = format!("harm to both may come from {}", listed(keys));
        let likeness = if 0.0 < whole { shared / whole } else { 0.0 };
        part("same_origins", likeness, SIMILARITY.origins, said)
    }

    fn same_words(&self, one: &Earlier<'_>) -> Option<Contribution> {
        let words = self.wanted.shared(one.held);
        let words = words.into_iter().map(|word| format!("{word:?}"));
        let said = format!("both titles speak of {}", listed(words.collect()));
        let likeness = self.words(one.held);
        part("same_words", likeness, SIMILARITY.words, said)
    }

    fn same_measures(&self, one: &Earlier<'_>) -> Option<Contribution> {
        let families = Family::in_text(one.row.title());
        let same = families.iter().find(|it| self.families.contains(it))?;
        let said = format!("both speak of {}", same.name());
        part("same_measures", 1.0, SIMILARITY.measures, said)
    }

    fn same_cause(&self, causes: &[ChangeId]) -> Option<Contribution> {
        let then = causes.iter().flat_map(|change| sorts(self.view, *change));
        let same = then
            .into_iter()
            .find(|sort| self.own_causes.contains(sort))?;
        let said = format!("a change of the same sort was judged the cause of both: {same}");
        part("same_cause", 1.0, SIMILARITY.cause, said)
    }
}

/// The incidents that are one with it: they are no others.
fn group_of(view: &GraphView, row: IncidentRow<'_>) -> BTreeSet<IncidentId> {
    let start = row.started_at();
    let groups = IncidentGroups::find(
        view,
        GroupsAsked {
            from: start,
            to: start.plus_nanos(1),
            seen_until: Timestamp::MAX,
            looked_at_max: usize::MAX,
        },
    );
    let number = groups.number_of(row.id());
    let members = number.into_iter().flat_map(|number| groups.rows(number));
    members.map(|member| member.id()).collect()
}

fn items_of(row: IncidentRow<'_>) -> BTreeSet<ItemIx> {
    row.items().iter().map(|item| item.item).collect()
}

fn origins(
    finder: &mut Finder<'_>,
    items: &BTreeSet<ItemIx>,
    at: Timestamp,
) -> BTreeMap<ItemIx, f64> {
    let items: Vec<ItemIx> = items.iter().copied().collect();
    let origins = finder.origins(&items, at);
    origins.each().map(|it| (it.item, it.harm)).collect()
}

/// What sort of change it is: its scene, and its kind on its platform.
fn sorts(view: &GraphView, change: ChangeId) -> Vec<String> {
    let Some(change) = view.change(change) else {
        return Vec::new();
    };
    let named = [("scene", change.scene()), ("kind", change.kind())];
    let named = named.into_iter();
    named
        .filter_map(|(sort, word)| Some(format!("{sort} {}", word?)))
        .collect()
}

/// The share of what either holds that both hold.
fn overlap(one: &BTreeSet<ItemIx>, other: &BTreeSet<ItemIx>) -> f64 {
    let shared = one.intersection(other).count();
    let whole = one.len() + other.len() - shared;
    match whole {
        0 => 0.0,
        _ => float(shared) / float(whole),
    }
}

fn part(signal: &str, likeness: f64, weight: f64, said: String) -> Option<Contribution> {
    (0.0 < likeness).then(|| Contribution {
        signal: signal.to_owned(),
        value: Some(likeness),
        contribution: weight * likeness,
        explanation: said,
    })
}

/// Names a few.
fn listed(names: Vec<String>) -> String {
    let more = names.len().saturating_sub(NAMED_MAX);
    let named: Vec<String> = names.into_iter().take(NAMED_MAX).collect();
    let named = named.join(", ");
    match more {
        0 => named,
        more => format!("{named} and {more} more"),
    }
}

/// Names that a sentence names.
const NAMED_MAX: usize = 3;

#[expect(clippy::cast_precision_loss, reason = "a number of items")]
fn float(count: usize) -> f64 {
    count as f64
}
