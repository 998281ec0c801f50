//! Where what was declared and what was seen are not the same.
//!
//! Two items are compared, whatever kind of relation each side calls it: a declared `depends_on`
//! is met by an observed `calls`.

use std::collections::BTreeMap;

use model::Timestamp;

use super::dependencies::dependency_kinds;
use super::responsible::owner_of;
use crate::identity::ItemIx;
use crate::intern::WordIx;
use crate::relations::RowIx;
use crate::topology::Topology;
use crate::validity::Voice;
use crate::view::{GraphView, Item, Relation};

/// How two items drift.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum DriftKind {
    /// Declared, and never seen although both items are.
    DeclaredNeverSeen,
    /// Seen, and never declared although the dependent declares what it needs.
    SeenNeverDeclared,
}

/// Which drift is asked for.
#[derive(Clone, Debug, Default)]
pub struct DriftFilter {
    /// Of this kind; of both when missing.
    pub kind: Option<DriftKind>,
    /// Of dependents that this team answers for.
    pub owner: Option<String>,
}

/// One relation that is only declared or only seen.
#[derive(Clone, Debug)]
pub struct Drift<'v> {
    /// How they drift.
    pub kind: DriftKind,
    /// The relation.
    pub relation: Relation<'v>,
    /// Since when it is declared, or seen.
    pub since: Timestamp,
    /// Who declares it, or sees it.
    pub sources: Vec<&'v str>,
    /// The same as a sentence.
    pub reason: String,
}

/// Every drift that was found, in order of the dependent's key.
#[derive(Clone, Debug)]
pub struct Drifts<'v> {
    /// The drifts.
    pub drifts: Vec<Drift<'v>>,
    /// Whether relations were left that nobody looked at.
    pub truncated: bool,
}

/// What the sources say of two items together.
#[derive(Default)]
struct Pair {
    declared: Option<(RowIx, Timestamp)>,
    declared_by: Vec<WordIx>,
    was_declared: bool,
    seen: Option<(RowIx, Timestamp)>,
    seen_by: Vec<WordIx>,
    was_seen: bool,
}

/// Where declaration and observation differ at a moment; no more than `visited_max` relations are looked at.
pub fn drift<'v>(
    view: &'v GraphView,
    at: Timestamp,
    filter: &DriftFilter,
    visited_max: usize,
) -> Drifts<'v> {
    let topology = Topology::new(view, at);
    let kinds = dependency_kinds(view);
    let mut found = Drifts {
        drifts: Vec::new(),
        truncated: false,
    };
    let mut looked_at = 0;
    for item in view.items() {
        let of_team = |owner: &String| owner_of(item, at) == Some(owner.as_str());
        if !filter.owner.as_ref().is_none_or(of_team) {
            continue;
        }
        let pairs = pairs(topology, item.item, &kinds, &mut looked_at);
        if visited_max < looked_at {
            found.truncated = true;
            break;
        }
        of_dependent(view, item, &pairs, at, filter.kind, &mut found.drifts);
    }
    found.drifts.sort_by_cached_key(|drift| {
        let relation = &drift.relation;
        (relation.dependent().key(), relation.provider().key())
    });
    found
}

fn of_dependent<'v>(
    view: &'v GraphView,
    item: Item<'v>,
    pairs: &BTreeMap<ItemIx, Pair>,
    at: Timestamp,
    wanted: Option<DriftKind>,
    drifts: &mut Vec<Drift<'v>>,
) {
    let declares = pairs.values().any(|pair| pair.declared.is_some());
    let is_seen = item.sighted_at(at);
    for (provider, pair) in pairs {
        if let (Some((row, since)), false) = (pair.declared, pair.was_seen) {
            let kind = DriftKind::DeclaredNeverSeen;
            let both_seen = is_seen && view.item_at(*provider).sighted_at(at);
            if both_seen && wanted.is_none_or(|wanted| wanted == kind) {
                drifts.push(Drift::of(view, kind, (row, since), &pair.declared_by));
            }
        }
        if let (Some((row, since)), false) = (pair.seen, pair.was_declared) {
            let kind = DriftKind::SeenNeverDeclared;
            if declares && wanted.is_none_or(|wanted| wanted == kind) {
                drifts.push(Drift::of(view, kind, (row, since), &pair.seen_by));
            }
        }
    }
}

/// What is said of an item and each of its providers.
fn pairs(
    topology: Topology<'_>,
    item: ItemIx,
    kinds: &[WordIx],
    looked_at: &mut usize,
) -> BTreeMap<ItemIx, Pair> {
    let view = topology.view();
    let mut pairs: BTreeMap<ItemIx, Pair> = BTreeMap::new();
    for edge in topology.providers_ever(item) {
        let provider = topology.item_of(edge);
        if provider == item || !kinds.contains(&edge.span.kind()) {
            continue;
        }
        *looked_at += 1;
        let pair = pairs.entry(provider).or_default();
        for voice in view.relations.row(edge.row).validity.voices(topology.at()) {
            pair.hear(edge.row, voice);
        }
    }
    pairs
}

impl Pair {
    fn hear(&mut self, row: RowIx, voice: Voice) {
        let (standing, by, was) = if voice.is_sighting {
            (&mut self.seen, &mut self.seen_by, &mut self.was_seen)
        } else {
            (
                &mut self.declared,
                &mut self.declared_by,
                &mut self.was_declared,
            )
        };
        *was = true;
        if !voice.holds {
            return;
        }
        if standing.is_none_or(|(_, since)| voice.since < since) {
            *standing = Some((row, voice.since));
        }
        if !by.contains(&voice.source) {
            by.push(voice.source);
        }
    }
}

impl<'v> Drift<'v> {
    fn of(
        view: &'v GraphView,
        kind: DriftKind,
        (row, since): (RowIx, Timestamp),
        by: &[WordIx],
    ) -> Self {
        let relation = Relation::of_step(view, row);
        let words = &view.identity.words;
        let mut sources: Vec<&str> = by.iter().map(|source| words.text(*source)).collect();
        sources.sort_unstable();
        let said = format!(
            "{} {} {}",
            relation.dependent().key(),
            relation.kind().replace('_', " "),
            relation.provider().key()
        );
        let by = sources.join(", ");
        let reason = match kind {
            DriftKind::DeclaredNeverSeen => {
                format!(
                    "{said} by {by} since {since}, but nobody ever saw it, though both are seen"
                )
            }
            DriftKind::SeenNeverDeclared => format!(
                "{said}, seen by {by} since {since}, but nobody declared it, though other needs are declared"
            ),
        };
        Self {
            kind,
            relation,
            since,
            sources,
            reason,
        }
    }
}

impl Item<'_> {
    /// Whether something saw it at work lately, rather than declared it.
    pub fn sighted_at(&self, at: Timestamp) -> bool {
        let mut voices = self.facts().flat_map(|facts| facts.validity.voices(at));
        voices.any(|voice| voice.is_sighting && voice.holds)
    }
}
