//! Which items a filter means. Attributes lie on the disk: whoever reads them hands them in.

mod sieve;

use model::{ItemFilter, Sureness, Timestamp};

use super::attributes::AttributeTable;
use super::criticality::Criticality;
use super::environments::Inside;
use super::fold;
use super::responsible::owner_of;
use crate::freshness::Freshness;
use crate::mention::Name;
use crate::view::{GraphView, Item};

/// A filter ready to be applied to a view at a moment.
#[derive(Clone, Debug)]
pub struct ItemCriteria {
    all: Vec<One>,
    attributes: AttributeTable,
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
    /// Filters that must all hold, and the attributes they test.
    ///
    /// The field `group` of a filter is not looked at here: its group's filter is one of the others.
    pub fn new(
        view: &GraphView,
        filters: Vec<ItemFilter>,
        attributes: AttributeTable,
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
            attributes,
            at,
        }
    }

    /// Whether every item that exists passes.
    pub fn passes_all(&self) -> bool {
        let nothing = ItemFilter::default();
        self.all.iter().all(|one| one.filter == nothing)
    }

    /// Whether a part of the estate was too large to be looked at.
    pub fn truncated(&self) -> bool {
        let mut inside = self.all.iter().filter_map(|one| one.inside.as_ref());
        inside.any(|inside| inside.truncated)
    }

    /// Whether an item passes.
    pub fn passes(&self, item: &Item<'_>) -> bool {
        self.all.iter().all(|one| one.passes(item, self.at))
            && self.freshness_passes(item)
            && self
                .all
                .iter()
                .all(|one| self.attributes.passes(item, &one.filter))
    }

    fn freshness_passes(&self, item: &Item<'_>) -> bool {
        let wanted = self.wanted_freshness();
        wanted.is_none_or(|wanted| wanted.holds(item.freshness(self.at)))
    }

    /// How sure we have to be of an item; nothing if that does not matter.
    fn wanted_freshness(&self) -> Option<WantedFreshness<'_>> {
        let ended = |one: &One| {
            one.filter.include_ended || one.filter.freshness.contains(&Sureness::Closed)
        };
        let stated = self.all.iter().any(|one| !one.filter.freshness.is_empty());
        let with_ended = !self.all.is_empty() && self.all.iter().all(ended);
        (stated || !with_ended).then_some(WantedFreshness {
            all: &self.all,
            with_ended,
        })
    }
}

/// How sure we have to be of an item.
struct WantedFreshness<'c> {
    all: &'c [One],
    with_ended: bool,
}

impl WantedFreshness<'_> {
    fn holds(&self, is: Freshness) -> bool {
        let wanted = |one: &One| {
            let list = &one.filter.freshness;
            list.is_empty() || list.iter().any(|sure| Freshness::from(*sure) == is)
        };
        (self.with_ended || is != Freshness::Closed) && self.all.iter().all(wanted)
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
        item.criticality()
            .is_some_and(|said| self.criticality_wanted(said))
    }

    fn criticality_wanted(&self, said: &str) -> bool {
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
