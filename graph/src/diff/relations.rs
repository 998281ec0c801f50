//! Relations that hold in one of two states only.

use std::collections::{BTreeMap, BTreeSet};

use model::{Timestamp, ValidInterval};

use super::{Difference, Differs, State, same_name};
use crate::identity::ItemIx;
use crate::mention::MentionIx;
use crate::relations::{ANY_KIND, Edge, RowIx};
use crate::topology::Topology;
use crate::view::{Relation, Rows};

/// A relation by its ends as the later state knows them, and its kind.
type Key<'v> = (ItemIx, ItemIx, &'v str);

/// By which rows it held in the earlier state, and by which in the later: an item of several names may have several.
#[derive(Default)]
struct Held {
    before: Rows,
    after: Rows,
}

/// The relations of the given items that differ. A relation between two of them is told once.
///
/// Relations hang on names: what is one item in one state and two in the other makes no
/// difference by itself.
pub(super) fn of_items<'v>(
    from: State<'v>,
    to: State<'v>,
    items: &[ItemIx],
) -> Vec<Difference<'v>> {
    let mut held: BTreeMap<Key<'v>, Held> = BTreeMap::new();
    let asked: BTreeSet<ItemIx> = items.iter().copied().collect();
    for item in items {
        for member in &to.view.identity.item(*item).members {
            for (key, row) in holding(from, to, *member, &asked) {
                held.entry(key).or_default().before.push(row);
            }
            for (key, row) in holding(to, to, *member, &asked) {
                held.entry(key).or_default().after.push(row);
            }
        }
    }
    let differing = held
        .into_values()
        .filter(|held| held.before.is_empty() != held.after.is_empty());
    let told = differing.filter_map(|held| {
        if let Some(relation) = Relation::of_rows(to.view, held.after) {
            return Some(appeared(relation, to.at));
        }
        let relation = Relation::of_rows(from.view, held.before)?;
        // Where it is known to both, the later view knows when it ended.
        let (dependent, provider) = (relation.dependent().id(), relation.provider().id());
        let known = to.view.relation(dependent, provider, relation.kind());
        Some(disappeared(known.unwrap_or(relation), from.at, to.at))
    });
    told.collect()
}

/// What a name needs and who needs it in a state; of those who are asked about themselves only what they need.
fn holding<'v>(
    state: State<'v>,
    to: State<'v>,
    member: MentionIx,
    asked: &BTreeSet<ItemIx>,
) -> Vec<(Key<'v>, RowIx)> {
    let Some(here) = same_name(to.view, member, state.view) else {
        return Vec::new();
    };
    let topology = Topology::new(state.view, state.at);
    let (identity, relations) = (&to.view.identity, &state.view.relations);
    let own = identity.item_of(member);
    // The other end and the kind, as the later state knows them.
    let known = |edge: Edge| {
        let kind = state.view.identity.words.text(edge.span.kind());
        let holds = kind != ANY_KIND && topology.hold(edge).is_some();
        let other = same_name(state.view, edge.other, to.view).filter(|_| holds)?;
        Some((identity.item_of(other), kind, edge.row))
    };
    let providers = relations.providers_of(here).filter_map(known);
    let needed = providers.map(|(other, kind, row)| ((own, other, kind), row));
    let dependents = relations.dependents_of(here).filter_map(known);
    let needing = dependents.map(|(other, kind, row)| ((other, own, kind), row));
    let others = needing.filter(|((dependent, _, _), _)| !asked.contains(dependent));
    let steps = needed.chain(others);
    steps
        .filter(|((dependent, provider, _), _)| dependent != provider)
        .collect()
}

fn appeared(relation: Relation<'_>, at: Timestamp) -> Difference<'_> {
    let intervals = relation.intervals();
    let began = intervals.iter().filter(|held| held.contains(at));
    let at = began.map(ValidInterval::from).min();
    told(Differs::RelationAppeared, relation, at)
}

fn disappeared(relation: Relation<'_>, from: Timestamp, to: Timestamp) -> Difference<'_> {
    let intervals = relation.intervals();
    let ends = intervals.iter().filter_map(ValidInterval::until);
    let ended = ends.filter(|end| from.min(to) <= *end && *end <= from.max(to));
    let at = ended.max();
    told(Differs::RelationDisappeared, relation, at)
}

fn told(what: Differs, relation: Relation<'_>, at: Option<Timestamp>) -> Difference<'_> {
    Difference {
        what,
        item: relation.dependent(),
        relation: Some(relation),
        name: None,
        before: None,
        after: None,
        at,
        explained_by: Vec::new(),
    }
}
