//! What somebody sees of a view who may see a part of the estate only.

use std::collections::BTreeSet;

use model::{CiId, Sight, SourceKey, Timestamp};

use crate::changes::{ChangeSelection, ChangeSet, items_inside};
use crate::structure::{Criticality, Inside, owner_of};
use crate::view::{ChangeRow, GraphView, IncidentRow, Item, Resolution};

/// Sights read in one view at one moment: a thing is seen that one of them shows.
#[derive(Clone, Debug)]
pub struct Eyes {
    all: Vec<One>,
    at: Timestamp,
}

#[derive(Clone, Debug)]
struct One {
    sight: Sight,
    environments: Vec<Inside>,
    /// What lies inside the businesses, if there are any.
    inside: BTreeSet<CiId>,
    /// The levels, or words that only their own source understands.
    levels: Vec<Result<Criticality, String>>,
}

/// Changes that somebody sees.
#[derive(Clone, Debug)]
pub struct SeenChanges {
    /// Those of which they see something that is touched, and those that touch nothing.
    pub seen: ChangeSet,
    /// Those among them of which they see everything that is touched.
    pub whole: ChangeSet,
}

impl Eyes {
    /// Reads sights in a view. What is given and unknown here shows nothing.
    pub fn new(view: &GraphView, sights: &[Sight], at: Timestamp) -> Self {
        let read = |sight: &Sight| {
            let businesses = sight.businesses.iter();
            let known: Vec<CiId> = businesses
                .filter_map(|key| match view.resolve(&SourceKey::text(key), None, at) {
                    Resolution::Item(item) => Some(item.id()),
                    Resolution::Ambiguous(_) | Resolution::Unknown => None,
                })
                .collect();
            let environments = sight.environments.iter();
            let levels = sight.levels.iter();
            One {
                environments: environments
                    .map(|name| Inside::of(view, name, at))
                    .collect(),
                inside: items_inside(view, &known, at).items,
                levels: levels
                    .map(|word| Criticality::read(word).ok_or_else(|| word.clone()))
                    .collect(),
                sight: sight.clone(),
            }
        };
        Self {
            all: sights.iter().map(read).collect(),
            at,
        }
    }

    /// Whether they see an item.
    pub fn see(&self, item: Item<'_>) -> bool {
        self.all.iter().any(|one| one.shows(item, self.at))
    }

    /// Whether they see a change: something that it touches, or that it touches nothing, where they may look.
    pub fn see_change(&self, change: &ChangeRow<'_>) -> bool {
        self.see_some(&change.items(), change.environment())
    }

    /// The same of an incident.
    pub fn see_incident(&self, incident: &IncidentRow<'_>) -> bool {
        self.see_some(&incident.items(), incident.environment())
    }

    /// What they see of the changes that pass.
    pub fn changes(&self, view: &GraphView, among: &ChangeSelection) -> SeenChanges {
        let mut known: Vec<Option<bool>> = vec![None; view.identity.items.len()];
        let mut see = |item: Item<'_>| match known.get_mut(item.item.0 as usize) {
            Some(known) => *known.get_or_insert_with(|| self.see(item)),
            None => self.see(item),
        };
        let mut changes = SeenChanges {
            seen: ChangeSet::with_room(view.changes_count()),
            whole: ChangeSet::with_room(view.changes_count()),
        };
        among.each(view, |number, _| {
            let change = ChangeRow::new(view, number);
            let items = change.items();
            let seen = items.iter().filter(|item| see(**item)).count();
            let is_seen = match items.is_empty() {
                true => self.see_nothing_in(change.environment()),
                false => 0 < seen,
            };
            if is_seen {
                changes.seen.insert(number);
            }
            if is_seen && seen == items.len() {
                changes.whole.insert(number);
            }
        });
        changes
    }

    fn see_some(&self, items: &[Item<'_>], environment: Option<&str>) -> bool {
        match items.is_empty() {
            true => self.see_nothing_in(environment),
            false => items.iter().any(|item| self.see(*item)),
        }
    }

    /// Whether they see what is about no item and says that it is there.
    fn see_nothing_in(&self, environment: Option<&str>) -> bool {
        let Some(environment) = environment else {
            return true;
        };
        self.all.iter().any(|one| {
            let mut environments = one.environments.iter();
            one.environments.is_empty() || environments.any(|it| it.names(environment))
        })
    }
}

impl One {
    fn shows(&self, item: Item<'_>, at: Timestamp) -> bool {
        let Sight {
            teams,
            environments,
            businesses,
            kinds,
            levels,
        } = &self.sight;
        let listed = |list: &[String], is: Option<&str>| {
            is.is_some_and(|is| list.iter().any(|one| one == is))
        };
        let is_level = |said: &str| {
            self.levels.iter().any(|wanted| match wanted {
                Ok(level) => Criticality::read(said) == Some(*level),
                Err(word) => word == said,
            })
        };
        (kinds.is_empty() || listed(kinds, Some(item.kind())))
            && (levels.is_empty() || item.criticality().is_some_and(is_level))
            && (environments.is_empty() || self.environments.iter().any(|it| it.holds(&item)))
            && (businesses.is_empty() || self.inside.contains(&item.id()))
            && (teams.is_empty() || listed(teams, owner_of(item, at)))
    }
}
