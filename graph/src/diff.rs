//! What differs between two states of the estate, and which change explains each difference.
//!
//! The two states are views of one log: of two moments, of two positions, or of
//! now and of what would be if something were decided.

mod explain;
mod relations;

use std::collections::BTreeSet;

use model::{CiId, EventEnvelope, Timestamp};

use crate::estate::Estate;
use crate::identity::ItemIx;
use crate::mention::MentionIx;
use crate::projection::Projection;
use crate::topology::Topology;
use crate::view::{ChangeRow, GraphView, Item, Relation};

/// A view and a moment in it.
#[derive(Clone, Copy, Debug)]
pub struct State<'v> {
    /// What is known.
    pub view: &'v GraphView,
    /// The moment looked at.
    pub at: Timestamp,
}

/// What differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Differs {
    /// The item was not there.
    Appeared,
    /// The item is no longer there.
    Disappeared,
    /// Several items became one.
    Merged,
    /// One item became several.
    Split,
    /// The relation did not hold.
    RelationAppeared,
    /// The relation holds no more.
    RelationDisappeared,
    /// The key by which it is shown is another.
    Key,
    /// Another team answers for it.
    Owner,
    /// Another criticality.
    Criticality,
    /// Another name for people.
    DisplayName,
    /// A named value is another.
    Value,
}

/// One difference, with the changes that explain it.
#[derive(Clone, Debug)]
pub struct Difference<'v> {
    /// What differs.
    pub what: Differs,
    /// The item, of a relation the dependent; of the later state where it is there.
    pub item: Item<'v>,
    /// The relation, if it is one that differs.
    pub relation: Option<Relation<'v>>,
    /// The name of the value, if it is one that differs.
    pub name: Option<String>,
    /// What it was.
    pub before: Option<String>,
    /// What it is.
    pub after: Option<String>,
    /// When it became so, if a source said when.
    pub at: Option<Timestamp>,
    /// Changes that ran then, on the item itself or on what it is part of or runs on; the nearest in time first.
    pub explained_by: Vec<ChangeRow<'v>>,
}

/// Which part of the estate is compared.
#[derive(Clone, Debug, Default)]
pub struct DiffScope {
    /// These items only; all when empty.
    pub items: Vec<CiId>,
    /// How many relations around them, either way, are compared too.
    pub hops: u32,
    /// Only what no change explains.
    pub unexplained: bool,
    /// Named values that differ, as the index has them: the fold does not keep them.
    pub values: Vec<ValueDifference>,
}

/// A named value of an item that differs.
#[derive(Clone, Debug, PartialEq)]
pub struct ValueDifference {
    /// The item, in the later state.
    pub item: CiId,
    /// The value's name.
    pub name: String,
    /// What it was.
    pub before: Option<String>,
    /// What it is.
    pub after: Option<String>,
    /// When it became so, if that is known.
    pub at: Option<Timestamp>,
}

/// How much is compared and given back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DiffLimits {
    /// Most items compared.
    pub items_max: usize,
    /// Most differences of which it is found out which changes explain them, the newest first.
    pub explained_max: usize,
    /// Most differences given back.
    pub first: usize,
}

/// All differences, the newest first.
#[derive(Clone, Debug)]
pub struct Diff<'v> {
    /// The first of them.
    pub differences: Vec<Difference<'v>>,
    /// How many there are; if only unexplained ones are wanted, of those that were looked into.
    pub total: usize,
    /// How many of those that were looked into no change explains.
    pub unexplained: usize,
    /// How many items were compared.
    pub compared: usize,
    /// Whether there were more items than are compared, or more differences than are looked into.
    pub truncated: bool,
    /// The moments around which changes that explain them are looked for.
    pub moments: BTreeSet<Timestamp>,
}

impl Difference<'_> {
    /// A sentence for people.
    pub fn sentence(&self) -> String {
        let key = self.item.key();
        let value = |value: &Option<String>| value.clone().unwrap_or_else(|| "nothing".to_owned());
        let (before, after) = (value(&self.before), value(&self.after));
        let related = || match &self.relation {
            Some(relation) => format!("{key} {} {}", relation.kind(), relation.provider().key()),
            None => key.clone(),
        };
        match self.what {
            Differs::Appeared => format!("{key} appeared"),
            Differs::Disappeared => format!("{key} is gone"),
            Differs::Merged => format!("{before} became one item, {key}"),
            Differs::Split => format!("{key} became several items: {after}"),
            Differs::RelationAppeared => format!("{} is new", related()),
            Differs::RelationDisappeared => format!("{} holds no more", related()),
            Differs::Key => format!("{before} is shown as {after}"),
            Differs::Owner => format!("{after} answers for {key}, before it was {before}"),
            Differs::Criticality => format!("{key} went from {before} to {after}"),
            Differs::DisplayName => format!("{key} was called {before} and is called {after}"),
            Differs::Value => {
                let name = self.name.as_deref().unwrap_or_default();
                format!("{name} of {key} went from {before} to {after}")
            }
        }
    }

    /// Whether its item is one of a view, and not of the other that was compared.
    pub fn is_of(&self, view: &GraphView) -> bool {
        std::ptr::eq(self.item.view, view)
    }
}

impl GraphView {
    /// The view as it would be if this were the next event of the log.
    pub fn preview(&self, mut envelope: EventEnvelope) -> Self {
        envelope.position = self.position().next();
        let mut estate = Estate::of(self.clone());
        estate.apply(&envelope);
        estate.into_view()
    }
}

/// What differs between two states of one log.
pub fn diff<'v>(from: State<'v>, to: State<'v>, scope: &DiffScope, limits: DiffLimits) -> Diff<'v> {
    let (items, mut truncated) = compared(from, to, scope, limits.items_max);
    let mut found: Vec<Difference<'v>> = Vec::new();
    for item in &items {
        found.extend(of_item(from, to, *item));
    }
    let (gone, more_gone) = vanished(from, to, scope, limits.items_max);
    found.extend(gone);
    found.extend(relations::of_items(from, to, &items));
    found.extend(of_named_values(to, scope));
    newest_first(&mut found);
    truncated |= more_gone || limits.explained_max < found.len();
    let mut unexplained = 0;
    let mut moments = BTreeSet::new();
    for difference in found.iter_mut().take(limits.explained_max) {
        moments.extend(difference.at);
        difference.explained_by = explain::changes(difference, to);
        unexplained += usize::from(difference.explained_by.is_empty());
    }
    if scope.unexplained {
        found.truncate(limits.explained_max);
        found.retain(|difference| difference.explained_by.is_empty());
    }
    let total = found.len();
    found.truncate(limits.first.min(limits.explained_max));
    Diff {
        differences: found,
        total,
        unexplained,
        compared: items.len(),
        truncated,
        moments,
    }
}

/// No tie falls by where something lies.
fn newest_first(found: &mut [Difference<'_>]) {
    found.sort_by_cached_key(|difference| {
        let other = difference
            .relation
            .as_ref()
            .map(|it| (it.provider().key(), it.kind()));
        let at = difference.at.unwrap_or(Timestamp::MIN);
        (
            std::cmp::Reverse(at),
            difference.item.key(),
            difference.what,
            other,
        )
    });
}

/// The items of the later state that are compared.
fn compared(
    from: State<'_>,
    to: State<'_>,
    scope: &DiffScope,
    items_max: usize,
) -> (Vec<ItemIx>, bool) {
    let mut items: Vec<ItemIx> = Vec::new();
    let mut truncated = false;
    if scope.items.is_empty() {
        items.extend(to.view.items().take(items_max + 1).map(|item| item.item));
    } else {
        let mut named: BTreeSet<ItemIx> = BTreeSet::new();
        for state in [from, to] {
            let origins = scope.items.iter().filter_map(|id| state.view.item(*id));
            let origins = origins.map(|item| item.item).collect();
            for item in around(state, origins, scope.hops, items_max) {
                named.extend(counterparts(state.view.item_at(item), to.view));
            }
        }
        items.extend(named);
    }
    if items_max < items.len() {
        items.truncate(items_max);
        truncated = true;
    }
    (items, truncated)
}

/// The items within some relations of the given ones, either way.
fn around(
    state: State<'_>,
    origins: BTreeSet<ItemIx>,
    hops: u32,
    items_max: usize,
) -> BTreeSet<ItemIx> {
    let topology = Topology::new(state.view, state.at);
    let mut frontier: Vec<ItemIx> = origins.iter().copied().collect();
    let mut seen = origins;
    for _ in 0..hops {
        let mut next = Vec::new();
        for item in frontier {
            for edge in topology.providers(item).chain(topology.dependents(item)) {
                let other = topology.item_of(edge);
                // One more than are compared, so that the cut is seen.
                if seen.len() <= items_max && seen.insert(other) {
                    next.push(other);
                }
            }
        }
        frontier = next;
    }
    seen
}

/// The items of another view that share a name with an item.
fn counterparts(item: Item<'_>, other: &GraphView) -> BTreeSet<ItemIx> {
    let members = item.members();
    let known = members.filter_map(|member| same_name(item.view, member, other));
    known.map(|member| other.identity.item_of(member)).collect()
}

/// The number a name has in another view, if that knows it.
///
/// Folds of one log that know of the same retractions number names alike.
fn same_name(view: &GraphView, name: MentionIx, other: &GraphView) -> Option<MentionIx> {
    if view.numbering == other.numbering {
        let known = (name.0 as usize) < other.identity.mentions.len();
        return known.then_some(name);
    }
    let claim = view
        .identity
        .mention(name)
        .name
        .to_claim(&view.identity.words);
    other.identity.find_id(CiId::of(&claim))
}

fn of_item<'v>(from: State<'v>, to: State<'v>, item: ItemIx) -> Vec<Difference<'v>> {
    let item = to.view.item_at(item);
    let before = counterparts(item, from.view);
    let before: Vec<Item<'v>> = before
        .into_iter()
        .map(|item| from.view.item_at(item))
        .collect();
    let was = before.iter().any(|item| item.exists_at(from.at));
    let is = item.exists_at(to.at);
    let appeared = |what, at| Difference {
        what,
        item,
        relation: None,
        name: None,
        before: None,
        after: None,
        at,
        explained_by: Vec::new(),
    };
    match (was, is) {
        (false, false) => Vec::new(),
        (false, true) => {
            let began = item
                .intervals()
                .into_iter()
                .filter(|held| held.contains(to.at));
            vec![appeared(
                Differs::Appeared,
                began.map(|held| held.from()).min(),
            )]
        }
        (true, false) => {
            let ends = item.intervals().into_iter().filter_map(|held| held.until());
            vec![appeared(
                Differs::Disappeared,
                ends.filter(|end| *end <= to.at).max(),
            )]
        }
        (true, true) => of_values(&before, item, to.view),
    }
}

/// What differs of an item that is there in both states.
fn of_values<'v>(before: &[Item<'v>], item: Item<'v>, view: &'v GraphView) -> Vec<Difference<'v>> {
    let told = |what, before: Option<String>, after: Option<String>| Difference {
        what,
        item,
        relation: None,
        name: None,
        before,
        after,
        at: None,
        explained_by: Vec::new(),
    };
    let keys = |items: &mut dyn Iterator<Item = Item<'v>>| {
        let mut keys: Vec<String> = items.map(|item| item.key()).collect();
        keys.sort();
        Some(keys.join(", "))
    };
    let mut found = Vec::new();
    let [old] = before else {
        let names = keys(&mut before.iter().copied());
        return vec![told(Differs::Merged, names, Some(item.key()))];
    };
    let now: Vec<Item<'v>> = counterparts(*old, view)
        .into_iter()
        .map(|item| view.item_at(item))
        .collect();
    // Told once, by the part that keeps the id.
    if 1 < now.len() && old.id() == item.id() {
        let names = keys(&mut now.iter().copied());
        found.push(told(Differs::Split, Some(old.key()), names));
    }
    if now.len() == 1 && old.key() != item.key() {
        found.push(told(Differs::Key, Some(old.key()), Some(item.key())));
    }
    for (what, was, is) in [
        (Differs::Owner, old.owner(), item.owner()),
        (Differs::Criticality, old.criticality(), item.criticality()),
        (
            Differs::DisplayName,
            old.display_name(),
            item.display_name(),
        ),
    ] {
        if was != is && now.len() == 1 {
            found.push(told(what, was.map(str::to_owned), is.map(str::to_owned)));
        }
    }
    found
}

/// The named values that differ.
fn of_named_values<'v>(to: State<'v>, scope: &DiffScope) -> Vec<Difference<'v>> {
    let told = |value: &ValueDifference| {
        Some(Difference {
            what: Differs::Value,
            item: to.view.item(value.item)?,
            relation: None,
            name: Some(value.name.clone()),
            before: value.before.clone(),
            after: value.after.clone(),
            at: value.at,
            explained_by: Vec::new(),
        })
    };
    scope.values.iter().filter_map(told).collect()
}

/// Items that only the earlier state knows, and whether there were more to look at.
fn vanished<'v>(
    from: State<'v>,
    to: State<'v>,
    scope: &DiffScope,
    items_max: usize,
) -> (Vec<Difference<'v>>, bool) {
    let (known, knows) = (&from.view.identity.mentions, &to.view.identity.mentions);
    if from.view.numbering == to.view.numbering && known.len() <= knows.len() {
        return (Vec::new(), false);
    }
    let named = scope.items.iter().filter_map(|id| from.view.item(*id));
    let mut candidates: Vec<Item<'v>> = match scope.items.is_empty() {
        true => from.view.items().take(items_max + 1).collect(),
        false => named.collect(),
    };
    let more = items_max < candidates.len();
    candidates.truncate(items_max);
    candidates.retain(|item| item.exists_at(from.at) && counterparts(*item, to.view).is_empty());
    let told = candidates.into_iter().map(|item| Difference {
        what: Differs::Disappeared,
        item,
        relation: None,
        name: None,
        before: None,
        after: None,
        at: None,
        explained_by: Vec::new(),
    });
    (told.collect(), more)
}
