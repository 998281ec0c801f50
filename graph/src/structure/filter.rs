//! Which items a filter means, without reading attributes: those lie on the disk, and whoever
//! reads them hands in what passed as [`Chosen`].

use std::collections::BTreeSet;

use model::{CiId, ItemFilter, Sureness, Timestamp};

use super::criticality::Criticality;
use super::environments::Inside;
use super::fold;
use super::responsible::owner_of;
use crate::freshness::Freshness;
use crate::identity::ItemIx;
use crate::mention::Name;
use crate::view::{GraphView, Item};

/// Items that passed a condition elsewhere.
#[derive(Clone, Debug, Default)]
pub struct Chosen {
    items: BTreeSet<ItemIx>,
}

impl Chosen {
    /// The items of a view with these ids.
    pub fn of(view: &GraphView, ids: impl IntoIterator<Item = CiId>) -> Self {
        let items = ids.into_iter().filter_map(|id| view.item(id));
        Self {
            items: items.map(|item| item.item).collect(),
        }
    }
}

/// A filter ready to be applied to a view at a moment.
#[derive(Clone, Debug)]
pub struct ItemCriteria {
    all: Vec<One>,
    chosen: Vec<Chosen>,
    at: Timestamp,
}

#[derive(Clone, Debug)]
struct One {
    filter: ItemFilter,
    words: Vec<String>,
    criticality: Vec<Result<Criticality, String>>,
    inside: Option<Inside>,
}

impl ItemCriteria {
    /// Filters that must all hold, and items chosen elsewhere to which the answer is held.
    ///
    /// The fields `attributes`, `labels` and `group` of a filter are not looked at here.
    pub fn new(
        view: &GraphView,
        filters: Vec<ItemFilter>,
        chosen: Vec<Chosen>,
        at: Timestamp,
    ) -> Self {
        let read = |filter: ItemFilter| One {
            words: filter.text.as_deref().map(fold::words).unwrap_or_default(),
            criticality: filter.criticality.iter().map(|word| level(word)).collect(),
            inside: filter
                .environment
                .as_deref()
                .map(|name| Inside::of(view, name, at)),
            filter,
        };
        Self {
            all: filters.into_iter().map(read).collect(),
            chosen,
            at,
        }
    }

    /// Whether every item that exists passes.
    pub fn passes_all(&self) -> bool {
        let nothing = ItemFilter::default();
        self.chosen.is_empty() && self.all.iter().all(|one| one.filter == nothing)
    }

    /// Whether a part of the estate was too large to be looked at.
    pub fn truncated(&self) -> bool {
        let mut inside = self.all.iter().filter_map(|one| one.inside.as_ref());
        inside.any(|inside| inside.truncated)
    }

    /// Whether an item passes.
    pub fn passes(&self, item: &Item<'_>) -> bool {
        self.chosen
            .iter()
            .all(|chosen| chosen.items.contains(&item.item))
            && self.all.iter().all(|one| one.passes(item, self.at))
            && self.freshness_passes(item)
    }

    fn freshness_passes(&self, item: &Item<'_>) -> bool {
        let ended = |one: &One| {
            one.filter.include_ended || one.filter.freshness.contains(&Sureness::Closed)
        };
        let stated = self.all.iter().any(|one| !one.filter.freshness.is_empty());
        let with_ended = !self.all.is_empty() && self.all.iter().all(ended);
        if with_ended && !stated {
            return true;
        }
        let is = item.freshness(self.at);
        let wanted = |one: &One| {
            let list = &one.filter.freshness;
            list.is_empty() || list.iter().any(|sure| Freshness::from(*sure) == is)
        };
        (with_ended || is != Freshness::Closed) && self.all.iter().all(wanted)
    }
}

impl One {
    fn passes(&self, item: &Item<'_>, at: Timestamp) -> bool {
        let filter = &self.filter;
        let listed = |list: &[String], is: Option<&str>| {
            list.is_empty() || is.is_some_and(|is| list.iter().any(|one| one == is))
        };
        let namespace = filter.namespace.as_deref();
        listed(&filter.kinds, Some(item.kind()))
            && namespace.is_none_or(|wanted| item.namespace() == Some(wanted))
            && (filter.owners.is_empty() || listed(&filter.owners, item.owner()))
            && self.criticality_passes(item)
            && self.inside.as_ref().is_none_or(|inside| inside.holds(item))
            && self.words.iter().all(|word| holds(item, word))
            && (filter.owned_by.is_empty() || listed(&filter.owned_by, owner_of(*item, at)))
    }

    fn criticality_passes(&self, item: &Item<'_>) -> bool {
        if self.criticality.is_empty() {
            return true;
        }
        let Some(said) = item.criticality() else {
            return false;
        };
        self.criticality.iter().any(|wanted| match wanted {
            Ok(level) => Criticality::read(said) == Some(*level),
            Err(word) => word == said,
        })
    }
}

/// A level, or a word that only its own source understands.
fn level(word: &str) -> Result<Criticality, String> {
    Criticality::read(word).ok_or_else(|| word.to_owned())
}

/// Whether one of an item's names, or its owner, holds a folded word.
fn holds(item: &Item<'_>, word: &str) -> bool {
    let identity = &item.view.identity;
    let text = |number| identity.words.text(number);
    let of_name = |name: &Name| match name {
        Name::Key(parts) => {
            fold::holds(&parts.name, word)
                || fold::holds(text(parts.kind), word)
                || parts
                    .environment
                    .is_some_and(|it| fold::holds(text(it), word))
                || parts
                    .namespace
                    .is_some_and(|it| fold::holds(text(it), word))
                || (word.contains([':', '/'])
                    && fold::holds(&parts.to_key(&identity.words).to_string(), word))
        }
        Name::Claim { value, .. } => fold::holds(value, word),
    };
    item.owner().is_some_and(|owner| fold::holds(owner, word))
        || item
            .display_name()
            .is_some_and(|name| fold::holds(name, word))
        || item.members().any(|member| {
            let mention = identity.mention(member);
            let for_a_time = mention.names_for_a_time().iter();
            of_name(&mention.name)
                || for_a_time
                    .map(|name| identity.mention(*name))
                    .any(|it| of_name(&it.name))
        })
}

impl From<Sureness> for Freshness {
    fn from(sure: Sureness) -> Self {
        match sure {
            Sureness::Confirmed => Self::Confirmed,
            Sureness::Ageing => Self::Ageing,
            Sureness::Unconfirmed => Self::Unconfirmed,
            Sureness::Closed => Self::Closed,
        }
    }
}
