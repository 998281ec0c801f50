//! Whether the cardinality of a relation's kind leaves room for one more, and where it was broken.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use model::{Cardinality, ObservedRelation, RelationKindDefined, Timestamp};

use crate::anomalies::{Anomaly, ITEMS_SHOWN};
use crate::freshness::Freshness;
use crate::identity::ItemIx;
use crate::intern::WordIx;
use crate::mention::UNKNOWN_KIND;
use crate::view::{GraphView, Item, Relation};

/// Which end of a relation has its one relation already, and with whom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Crowding {
    /// Whether it is the dependent's end; else the provider's.
    pub is_dependent: bool,
    /// The key of the item at the other end of the relation that stands.
    pub holder: String,
}

/// Why there is no room for a relation at a moment, if there is none.
pub fn crowding(
    view: &GraphView,
    relation: &ObservedRelation,
    cardinality: Cardinality,
    at: Timestamp,
) -> Option<Crowding> {
    let kind = relation.kind.as_str();
    let dependent = view.resolve(&relation.dependent, None, at).item();
    let provider = view.resolve(&relation.provider, None, at).item();
    let holds = |one: &Relation<'_>| one.kind() == kind && one.freshness(at) != Freshness::Closed;
    if let Some(item) = dependent.filter(|_| cardinality.one_provider()) {
        let standing = item.depends_on(at).into_iter().filter(holds);
        let mut others = standing.map(|one| one.provider());
        if let Some(other) = others.find(|other| Some(*other) != provider) {
            return Some(Crowding {
                is_dependent: true,
                holder: other.key(),
            });
        }
    }
    let item = provider.filter(|_| cardinality.one_dependent())?;
    let standing = item.used_by(at).into_iter().filter(holds);
    let mut others = standing.map(|one| one.dependent());
    let other = others.find(|other| Some(*other) != dependent)?;
    Some(Crowding {
        is_dependent: false,
        holder: other.key(),
    })
}

/// Definitions of relation kinds, by the word that relations carry.
type Ruled<'k> = BTreeMap<WordIx, &'k RelationKindDefined>;

/// Items at one end of the relations of one kind, by the item at the other end.
type Ends = BTreeMap<(WordIx, ItemIx), BTreeSet<ItemIx>>;

/// Every breach of a relation kind's definition at a moment: too many relations, or ends of other kinds.
pub(crate) fn breaches(view: &GraphView, at: Timestamp) -> Vec<Anomaly> {
    let kinds = view.kinds().at(at);
    let ruled = ruled(view, kinds.relation_kinds().map(Arc::as_ref));
    match ruled.is_empty() {
        true => Vec::new(),
        false => check(view, &ruled, at).1,
    }
}

/// How many relations of a kind there are at a moment, and what of them breaks a definition of it.
pub(crate) fn check_one(
    view: &GraphView,
    defined: &RelationKindDefined,
    at: Timestamp,
) -> (usize, Vec<Anomaly>) {
    let word = view.identity.words.find(&defined.name);
    let ruled = word.map(|word| (word, defined)).into_iter().collect();
    check(view, &ruled, at)
}

fn check(view: &GraphView, ruled: &Ruled<'_>, at: Timestamp) -> (usize, Vec<Anomaly>) {
    let mut found = BTreeSet::new();
    let mut checked = 0;
    let (mut providers, mut dependents) = (Ends::new(), Ends::new());
    for row in view.relations.rows() {
        let ends = view.relations.ends(row);
        let Some(kind) = ruled.get(&ends.kind) else {
            continue;
        };
        let relation = Relation::of_step(view, row);
        if relation.freshness(at) == Freshness::Closed {
            continue;
        }
        checked += 1;
        let dependent = view.identity.item_of(ends.dependent);
        let provider = view.identity.item_of(ends.provider);
        let (one, other) = (relation.dependent(), relation.provider());
        if !fits(one, kind.takes_dependent(one.kind()))
            || !fits(other, kind.takes_provider(other.kind()))
        {
            found.insert(Anomaly::ForeignEnd {
                key: one.key(),
                relation: kind.name.clone(),
                provider: other.key(),
            });
        }
        if kind.cardinality.one_provider() {
            let of_dependent = providers.entry((ends.kind, dependent));
            of_dependent.or_default().insert(provider);
        }
        if kind.cardinality.one_dependent() {
            let of_provider = dependents.entry((ends.kind, provider));
            of_provider.or_default().insert(dependent);
        }
    }
    for ((kind, item), others) in providers.iter().chain(&dependents) {
        if let Some(kind) = ruled.get(kind).filter(|_| 1 < others.len()) {
            found.insert(too_many(view, kind, *item, others));
        }
    }
    (checked, found.into_iter().collect())
}

/// The relation kinds that rule something, by the word that relations carry.
fn ruled<'k>(view: &GraphView, kinds: impl Iterator<Item = &'k RelationKindDefined>) -> Ruled<'k> {
    let rules_something = |kind: &&RelationKindDefined| {
        kind.cardinality != Cardinality::ManyToMany
            || !kind.dependents.is_empty()
            || !kind.providers.is_empty()
    };
    let ruling = kinds.filter(rules_something);
    ruling
        .filter_map(|kind| Some((view.identity.words.find(&kind.name)?, kind)))
        .collect()
}

/// An item of which only names in other schemes are known may be of any kind.
fn fits(item: Item<'_>, is_taken: bool) -> bool {
    is_taken || item.kind() == UNKNOWN_KIND
}

fn too_many(
    view: &GraphView,
    kind: &RelationKindDefined,
    item: ItemIx,
    others: &BTreeSet<ItemIx>,
) -> Anomaly {
    let mut keys: Vec<String> = others
        .iter()
        .map(|other| view.item_at(*other).key())
        .collect();
    keys.sort();
    keys.truncate(ITEMS_SHOWN);
    Anomaly::TooManyRelations {
        key: view.item_at(item).key(),
        relation: kind.name.clone(),
        cardinality: kind.cardinality.as_str(),
        others: keys,
        count: others.len(),
    }
}
