//! Which changes a list shows: conditions on what they are listed by, held against many at once.

use std::borrow::Cow;
use std::sync::Arc;

use model::{ActorKind, ChangeStatus, Timestamp};

use super::facets::{Facet, WordFacet};
use super::{ChangeIx, ChangeNumber, ChangeSet};
use crate::intern::{WordIx, Words};
use crate::view::{ChangeRow, GraphView};

/// Conditions on changes. Everything that is given must hold; of a list one entry; an empty list asks nothing.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ChangeConditions {
    /// The platform that made it.
    pub sources: Vec<String>,
    /// What sort of change.
    pub kinds: Vec<String>,
    /// The registered scene.
    pub scenes: Vec<String>,
    /// Where it takes effect; a change that names none counts by its items.
    pub environments: Vec<String>,
    /// Its level of control.
    pub levels: Vec<String>,
    /// Who carried it out.
    pub operators: Vec<String>,
    /// Whether a person or a machine did.
    pub actors: Vec<ActorKind>,
    /// Where it stands.
    pub statuses: Vec<ChangeStatus>,
    /// Whether it jumped the queue; one of which nobody said so did not.
    pub emergency: Option<bool>,
    /// Whether only bookkeeping differs.
    pub bookkeeping: Option<bool>,
    /// It starts at this moment or later.
    pub from: Option<Timestamp>,
    /// It starts before this moment.
    pub until: Option<Timestamp>,
    /// It was through at this moment or later.
    pub finished_from: Option<Timestamp>,
    /// It was through before this moment.
    pub finished_until: Option<Timestamp>,
    /// It is in each of these.
    pub among: Vec<Arc<ChangeSet>>,
}

/// Conditions read in one view.
#[derive(Clone, Debug)]
pub struct ChangeSelection {
    conditions: ChangeConditions,
    words: Vec<(WordFacet, Vec<WordIx>)>,
    environments: Vec<WordIx>,
    /// Whether a condition asks for what this view has no word for.
    is_empty: bool,
    /// Whether nothing is asked but to be of the sets, if there are any.
    asks_sets_only: bool,
}

impl ChangeSelection {
    /// Reads conditions in a view.
    pub fn new(view: &GraphView, conditions: ChangeConditions) -> Self {
        let words = &view.identity.words;
        let known = |list: &[String], words: &Words| -> Vec<WordIx> {
            list.iter().filter_map(|word| words.find(word)).collect()
        };
        let asked = [
            (WordFacet::Source, &conditions.sources, words),
            (WordFacet::Kind, &conditions.kinds, words),
            (WordFacet::Scene, &conditions.scenes, words),
            (WordFacet::Level, &conditions.levels, words),
            (
                WordFacet::Operator,
                &conditions.operators,
                &view.changes.operators,
            ),
        ];
        let asked = asked.into_iter().filter(|(_, list, _)| !list.is_empty());
        let found: Vec<(WordFacet, Vec<WordIx>)> = asked
            .map(|(facet, list, words)| (facet, known(list, words)))
            .collect();
        let environments = known(&conditions.environments, words);
        let no_environment = !conditions.environments.is_empty() && environments.is_empty();
        let without_sets = ChangeConditions {
            among: conditions.among.clone(),
            ..ChangeConditions::default()
        };
        Self {
            is_empty: no_environment || found.iter().any(|(_, words)| words.is_empty()),
            asks_sets_only: conditions == without_sets,
            words: found,
            environments,
            conditions,
        }
    }

    /// How many changes pass.
    pub fn count(&self, view: &GraphView) -> usize {
        if self.asks_sets_only {
            let among = self.among_all();
            return among.map_or_else(|| view.changes_count(), |set| set.len());
        }
        let mut count = 0;
        self.each(view, |_, _| count += 1);
        count
    }

    /// Whether a change passes.
    pub fn passes(&self, change: &ChangeRow<'_>) -> bool {
        let number = change.index();
        let facet = change.view().changes.facet(number);
        self.admits(change.view(), number, facet)
    }

    /// Whether it is asked if only bookkeeping differs.
    pub fn asks_bookkeeping(&self) -> bool {
        self.conditions.bookkeeping.is_some()
    }

    /// Of what passes, that in which only bookkeeping differs.
    #[must_use]
    pub fn only_bookkeeping(&self) -> Self {
        let mut only = self.clone();
        only.is_empty |= only.conditions.bookkeeping == Some(false);
        only.conditions.bookkeeping = Some(true);
        only.asks_sets_only = false;
        only
    }

    /// Whether everything is asked to be of a set.
    pub fn is_limited(&self) -> bool {
        !self.conditions.among.is_empty()
    }

    /// When the first of those that pass starts, and the last.
    pub fn starts(&self, view: &GraphView) -> Option<(Timestamp, Timestamp)> {
        let mut ends: Option<(Timestamp, Timestamp)> = None;
        self.each(view, |_, facet| {
            let (first, last) = ends.unwrap_or((facet.start, facet.start));
            ends = Some((first.min(facet.start), last.max(facet.start)));
        });
        ends
    }

    /// The changes that pass.
    pub fn set(&self, view: &GraphView) -> ChangeSet {
        let mut set = ChangeSet::with_room(view.changes_count());
        self.each(view, |change, _| set.insert(change));
        set
    }

    /// Hands over each change that passes, in no order of meaning.
    pub(crate) fn each(&self, view: &GraphView, mut take: impl FnMut(ChangeIx, &Facet)) {
        if self.is_empty {
            return;
        }
        let mut look = |change: ChangeIx| {
            let facet = view.changes.facet(change);
            if self.admits(view, change, facet) {
                take(change, facet);
            }
        };
        if let Some(set) = self.among_all() {
            set.iter().for_each(look);
        } else if self.is_of_little_time(view) {
            let (from, until) = self.time();
            view.changes.between(from, until).for_each(look);
        } else {
            (0..view.changes.len()).map(ChangeIx).for_each(&mut look);
        }
    }

    /// What is in all the sets that everything is asked to be of, if there are any.
    fn among_all(&self) -> Option<Cow<'_, ChangeSet>> {
        let (first, rest) = self.conditions.among.split_first()?;
        let mut all = Cow::Borrowed(&**first);
        for set in rest {
            all = Cow::Owned(all.both(set));
        }
        Some(all)
    }

    /// Whether a change is in all the sets that everything is asked to be of.
    pub(crate) fn is_among(&self, change: ChangeIx) -> bool {
        self.conditions.among.iter().all(|set| set.holds(change))
    }

    /// No more changes than so many pass: as many as the smallest set holds, if there is one.
    pub(crate) fn most(&self) -> Option<usize> {
        let sets = self.conditions.among.iter();
        sets.map(|set| set.len()).min()
    }

    /// The moments between which a change that passes starts.
    pub(crate) fn time(&self) -> (Timestamp, Timestamp) {
        let from = self.conditions.from.unwrap_or(Timestamp::MIN);
        (from, self.conditions.until.unwrap_or(Timestamp::MAX))
    }

    /// Whether going by time reads far less than going through all.
    fn is_of_little_time(&self, view: &GraphView) -> bool {
        let (from, until) = self.time();
        let is_limited = self.conditions.from.is_some() || self.conditions.until.is_some();
        is_limited && view.changes.about_between(from, until) < view.changes_count() / 8
    }

    /// Whether a change passes, by what it is listed by and, where that does not tell, by its items.
    pub(crate) fn admits(&self, view: &GraphView, change: ChangeIx, facet: &Facet) -> bool {
        let conditions = &self.conditions;
        let (from, until) = self.time();
        let in_time = from <= facet.start && (facet.start < until || until == Timestamp::MAX);
        let finished = |moment: Option<Timestamp>, passes: fn(Timestamp, Timestamp) -> bool| {
            let through = facet.finish != Timestamp::MAX;
            moment.is_none_or(|moment| through && passes(facet.finish, moment))
        };
        let listed = |(of, words): &(WordFacet, Vec<WordIx>)| {
            let word = view.changes.word(facet, *of);
            word.is_some_and(|word| words.contains(&word))
        };
        let emergency = conditions.emergency;
        in_time
            && !self.is_empty
            && self.words.iter().all(listed)
            && (conditions.statuses.is_empty() || conditions.statuses.contains(&facet.status))
            && (conditions.actors.is_empty() || conditions.actors.contains(&facet.actor))
            && emergency.is_none_or(|wanted| facet.emergency.unwrap_or(false) == wanted)
            && conditions
                .bookkeeping
                .is_none_or(|wanted| facet.bookkeeping == wanted)
            && finished(conditions.finished_from, |finish, from| from <= finish)
            && finished(conditions.finished_until, |finish, until| finish < until)
            && self.is_among(change)
            && self.happens(view, change, facet)
    }

    fn happens(&self, view: &GraphView, change: ChangeIx, facet: &Facet) -> bool {
        if self.environments.is_empty() {
            return true;
        }
        if let Some(named) = view.changes.word(facet, WordFacet::Environment) {
            return self.environments.contains(&named);
        }
        let wanted = &self.conditions.environments;
        let row = view.change_numbered(ChangeNumber(change));
        let mut items = row.items().into_iter();
        items.any(|item| {
            let environment = item.environment();
            environment.is_some_and(|is| wanted.iter().any(|wanted| wanted == is))
        })
    }
}
