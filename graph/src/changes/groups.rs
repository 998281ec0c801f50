//! How many changes there are of each sort, and in each span of time.

use std::collections::BTreeMap;

use model::{ActorKind, ChangeStatus, Timestamp};
use smallvec::{SmallVec, smallvec};

use super::facets::{Facet, WordFacet};
use super::selection::ChangeSelection;
use super::{ChangeIx, ChangeNumber};
use crate::identity::ItemIx;
use crate::intern::WordIx;
use crate::structure::owner_of;
use crate::view::GraphView;

/// Most counters that lie side by side; beyond, only those in use are kept.
const SIDE_BY_SIDE_MAX: usize = 1 << 20;

/// What changes are grouped by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ChangeGroupBy {
    /// The platform that made it.
    Source,
    /// What sort of change.
    Kind,
    /// The registered scene.
    Scene,
    /// Where it stands.
    Status,
    /// Where it takes effect; where none is named, the environments of what it touches.
    Environment,
    /// Its level of control.
    Level,
    /// Who carried it out.
    Operator,
    /// Whether a person or a machine did.
    Actor,
    /// Each team that answers for something it touches.
    Team,
    /// Whether only bookkeeping differs: `true` or `false`.
    Bookkeeping,
}

/// How changes are grouped.
#[derive(Clone, Debug)]
pub struct ChangeGrouping {
    /// By what; a group has one value of each.
    pub by: Vec<ChangeGroupBy>,
    /// By spans of time: each begins at one of these moments, in order, and ends at the next.
    /// What starts in none of them is left out.
    pub moments: Vec<Timestamp>,
    /// When it is asked who answers for what.
    pub at: Timestamp,
}

/// Changes of one sort.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChangeGroup {
    /// Its value of each thing it is grouped by; none where nobody said.
    pub values: Vec<Option<String>>,
    /// The span of time, by its place.
    pub span: Option<usize>,
    /// How many changes.
    pub count: usize,
}

/// Changes by sort.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ChangeGroups {
    /// The groups: by span of time, then the largest first.
    pub groups: Vec<ChangeGroup>,
    /// How many changes were counted, each once.
    pub total: usize,
}

/// One number for each thing changes are grouped by, then the span of time; 0 is nothing.
type Key = SmallVec<[u32; 4]>;

impl ChangeSelection {
    /// Counts the changes that pass, by sort.
    pub fn grouped(&self, view: &GraphView, grouping: &ChangeGrouping) -> ChangeGroups {
        let mut sorting = Sorting {
            view,
            grouping,
            teams: Teams::default(),
            statuses: Statuses::default(),
            span: 0,
        };
        let mut tally = Tally::of(view, grouping);
        let mut total = 0;
        self.each(view, |change, facet| {
            if let Some(keys) = sorting.keys(change, facet) {
                total += 1;
                keys.iter().for_each(|key| tally.add(key));
            }
        });
        let mut groups: Vec<ChangeGroup> = tally
            .counted()
            .into_iter()
            .map(|(key, count)| sorting.group(&key, count))
            .collect();
        groups.sort_by(|one, other| {
            let order = |group: &ChangeGroup| (group.span, std::cmp::Reverse(group.count));
            order(one)
                .cmp(&order(other))
                .then_with(|| one.values.cmp(&other.values))
        });
        ChangeGroups { groups, total }
    }
}

struct Sorting<'v> {
    view: &'v GraphView,
    grouping: &'v ChangeGrouping,
    teams: Teams<'v>,
    statuses: Statuses,
    /// Where the last start lay: the next is rarely far.
    span: usize,
}

/// Who answers for items, each asked once.
#[derive(Default)]
struct Teams<'v> {
    names: Vec<&'v str>,
    numbers: BTreeMap<&'v str, u32>,
    of_item: BTreeMap<ItemIx, u32>,
}

/// The statuses that came up, by number.
#[derive(Default)]
struct Statuses {
    met: Vec<(ChangeStatus, String)>,
}

/// More than there are statuses.
const STATUSES_MAX: usize = 64;

impl Statuses {
    fn number(&mut self, status: ChangeStatus) -> u32 {
        let known = self.met.iter().position(|(met, _)| *met == status);
        let place = known.unwrap_or_else(|| {
            let word = serde_json::to_value(status).ok();
            let word = word.and_then(|word| word.as_str().map(str::to_owned));
            self.met.push((status, word.unwrap_or_default()));
            self.met.len() - 1
        });
        u32::try_from(place + 1).unwrap_or(0)
    }

    fn word(&self, place: u32) -> Option<&str> {
        let met = self.met.get(place as usize);
        met.map(|(_, word)| word.as_str())
    }
}

impl<'v> Sorting<'v> {
    /// The groups of a change; none when it starts in no span of time.
    fn keys(&mut self, change: ChangeIx, facet: &Facet) -> Option<SmallVec<[Key; 1]>> {
        let mut keys: SmallVec<[Key; 1]> = smallvec![Key::new()];
        for by in &self.grouping.by {
            let values = self.values(*by, change, facet);
            if let [value] = values.as_slice() {
                keys.iter_mut().for_each(|key| key.push(*value));
            } else {
                let several = keys.iter().flat_map(|key| {
                    values.iter().map(|value| {
                        let mut key = key.clone();
                        key.push(*value);
                        key
                    })
                });
                keys = several.collect();
            }
        }
        if !self.grouping.moments.is_empty() {
            let span = u32::try_from(self.span_of(facet.start)?).ok()?;
            keys.iter_mut().for_each(|key| key.push(span));
        }
        Some(keys)
    }

    fn span_of(&mut self, start: Timestamp) -> Option<usize> {
        let moments = &self.grouping.moments;
        let holds = |span: usize| {
            let from = moments.get(span).copied();
            let until = moments.get(span + 1).copied();
            from.zip(until)
                .is_some_and(|(from, until)| from <= start && start < until)
        };
        if !holds(self.span) {
            let behind = moments.partition_point(|moment| *moment <= start);
            self.span = behind.checked_sub(1)?;
        }
        holds(self.span).then_some(self.span)
    }

    fn values(&mut self, by: ChangeGroupBy, change: ChangeIx, facet: &Facet) -> SmallVec<[u32; 2]> {
        let word = |word: Option<WordIx>| word.map_or(0, |word| word.number() + 1);
        let one = |of| smallvec![word(self.view.changes.word(facet, of))];
        match by {
            ChangeGroupBy::Source => one(WordFacet::Source),
            ChangeGroupBy::Kind => one(WordFacet::Kind),
            ChangeGroupBy::Scene => one(WordFacet::Scene),
            ChangeGroupBy::Level => one(WordFacet::Level),
            ChangeGroupBy::Operator => one(WordFacet::Operator),
            ChangeGroupBy::Status => smallvec![self.statuses.number(facet.status)],
            ChangeGroupBy::Actor => smallvec![actor_number(facet.actor)],
            ChangeGroupBy::Environment => {
                match self.view.changes.word(facet, WordFacet::Environment) {
                    Some(named) => smallvec![word(Some(named))],
                    None => self.environments_of_items(change),
                }
            }
            ChangeGroupBy::Team => self.teams_of(change),
            ChangeGroupBy::Bookkeeping => smallvec![1 + u32::from(facet.bookkeeping)],
        }
    }

    fn environments_of_items(&self, change: ChangeIx) -> SmallVec<[u32; 2]> {
        let row = self.view.change_numbered(ChangeNumber(change));
        let words = &self.view.identity.words;
        let items = row.items().into_iter();
        let named = items.filter_map(|item| words.find(item.environment()?));
        each_once(named.map(|word| word.number() + 1).collect())
    }

    fn teams_of(&mut self, change: ChangeIx) -> SmallVec<[u32; 2]> {
        let row = self.view.change_numbered(ChangeNumber(change));
        let mut found = SmallVec::new();
        for item in row.items() {
            let known = self.teams.of_item.get(&item.item).copied();
            let number = known.unwrap_or_else(|| {
                let team = owner_of(item, self.grouping.at);
                let number = team.map_or(0, |team| self.teams.number(team));
                self.teams.of_item.insert(item.item, number);
                number
            });
            found.push(number);
        }
        each_once(found)
    }

    fn group(&self, key: &[u32], count: usize) -> ChangeGroup {
        let values = self.grouping.by.iter().zip(key);
        let values = values.map(|(by, number)| self.text(*by, *number));
        let span = key.get(self.grouping.by.len());
        ChangeGroup {
            values: values.collect(),
            span: span.map(|span| *span as usize),
            count,
        }
    }

    fn text(&self, by: ChangeGroupBy, number: u32) -> Option<String> {
        let place = number.checked_sub(1)?;
        let text = match by {
            ChangeGroupBy::Status => self.statuses.word(place)?,
            ChangeGroupBy::Actor => actor_word(place)?,
            ChangeGroupBy::Team => self.teams.names.get(place as usize)?,
            ChangeGroupBy::Bookkeeping => ["false", "true"].get(place as usize)?,
            ChangeGroupBy::Operator => {
                let operators = &self.view.changes.operators;
                operators.text(WordIx::from_number(place))
            }
            ChangeGroupBy::Source
            | ChangeGroupBy::Kind
            | ChangeGroupBy::Scene
            | ChangeGroupBy::Environment
            | ChangeGroupBy::Level => self.view.identity.words.text(WordIx::from_number(place)),
        };
        Some(text.to_owned())
    }
}

impl<'v> Teams<'v> {
    fn number(&mut self, team: &'v str) -> u32 {
        let next = u32::try_from(self.names.len() + 1).unwrap_or(u32::MAX);
        *self.numbers.entry(team).or_insert_with(|| {
            self.names.push(team);
            next
        })
    }
}

/// Each number once; nothing is one value too.
fn each_once(mut numbers: SmallVec<[u32; 2]>) -> SmallVec<[u32; 2]> {
    numbers.sort_unstable();
    numbers.dedup();
    if numbers.is_empty() {
        numbers.push(0);
    }
    numbers
}

const ACTORS: [(ActorKind, &str); 3] = [
    (ActorKind::Human, "human"),
    (ActorKind::Automatic, "automatic"),
    (ActorKind::Unknown, "unknown"),
];

fn number_in<T: Copy + PartialEq>(list: &[(T, &str)], value: T) -> u32 {
    let place = list.iter().position(|(one, _)| *one == value);
    place.map_or(0, |place| u32::try_from(place + 1).unwrap_or(0))
}

fn actor_number(actor: ActorKind) -> u32 {
    number_in(&ACTORS, actor)
}

fn actor_word(place: u32) -> Option<&'static str> {
    ACTORS.get(place as usize).map(|(_, word)| *word)
}

/// Counters by key.
enum Tally {
    /// One for each key there can be: keys are numbers to mixed bases.
    SideBySide {
        bases: Vec<usize>,
        counts: Vec<usize>,
    },
    InUse(BTreeMap<Key, usize>),
}

impl Tally {
    fn of(view: &GraphView, grouping: &ChangeGrouping) -> Self {
        let words = view.identity.words.len() + 1;
        let mut bases: Vec<usize> = grouping
            .by
            .iter()
            .map(|by| match by {
                ChangeGroupBy::Status => STATUSES_MAX,
                ChangeGroupBy::Actor => ACTORS.len() + 1,
                ChangeGroupBy::Bookkeeping => 3,
                ChangeGroupBy::Operator => view.changes.operators.len() + 1,
                // How many there are is known only afterwards.
                ChangeGroupBy::Team => SIDE_BY_SIDE_MAX,
                ChangeGroupBy::Source
                | ChangeGroupBy::Kind
                | ChangeGroupBy::Scene
                | ChangeGroupBy::Environment
                | ChangeGroupBy::Level => words,
            })
            .collect();
        if !grouping.moments.is_empty() {
            bases.push(grouping.moments.len());
        }
        let all = bases
            .iter()
            .try_fold(1_usize, |all, base| all.checked_mul(*base));
        match all.filter(|all| *all < SIDE_BY_SIDE_MAX) {
            Some(all) => Self::SideBySide {
                bases,
                counts: vec![0; all],
            },
            None => Self::InUse(BTreeMap::new()),
        }
    }

    fn add(&mut self, key: &Key) {
        match self {
            Self::SideBySide { bases, counts } => {
                let digits = bases.iter().zip(key);
                let place = digits.fold(0, |place, (base, digit)| place * base + *digit as usize);
                if let Some(count) = counts.get_mut(place) {
                    *count += 1;
                }
            }
            Self::InUse(counts) => match counts.get_mut(key) {
                Some(count) => *count += 1,
                None => {
                    counts.insert(key.clone(), 1);
                }
            },
        }
    }

    fn counted(self) -> Vec<(Key, usize)> {
        match self {
            Self::InUse(counts) => counts.into_iter().collect(),
            Self::SideBySide { bases, counts } => {
                let counted = counts.into_iter().enumerate();
                let counted = counted.filter(|(_, count)| 0 < *count);
                let read = |mut place: usize| {
                    let mut key: Key = bases
                        .iter()
                        .rev()
                        .map(|base| {
                            let digit = place % base;
                            place /= base;
                            u32::try_from(digit).unwrap_or(u32::MAX)
                        })
                        .collect();
                    key.reverse();
                    key
                };
                counted.map(|(place, count)| (read(place), count)).collect()
            }
        }
    }
}
