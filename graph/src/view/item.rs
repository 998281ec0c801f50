//! An item as a handle.

use std::fmt;

use model::{CiId, Claim, KeyParts, LogPosition, SourceKey, SourceName, Timestamp, ValidInterval};
use smallvec::SmallVec;

use super::{ChangeRow, GraphView, Relation};
use crate::deviations::DeviationRow;
use crate::facts::{ItemFacts, SourceSaid};
use crate::freshness::{Freshness, HalfLife, freshness};
use crate::history::Precedence;
use crate::identity::ItemIx;
use crate::intern::WordIx;
use crate::mention::{MentionIx, Name, UNKNOWN_KIND};
use crate::quorum::QUORUM;
use crate::stamped::Stamp;

/// A thing someone answers for.
#[derive(Clone, Copy)]
pub struct Item<'v> {
    pub(crate) view: &'v GraphView,
    pub(crate) item: ItemIx,
}

/// Another name of an item.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct AliasOfItem {
    /// The scheme, `key` for written keys.
    pub scheme: String,
    /// The name in it.
    pub value: String,
    /// When it belongs to the item; `None` for ever.
    pub valid: Option<ValidInterval>,
}

/// A source's newest statement about an item, to be looked up in the index.
#[derive(Clone, Debug, PartialEq)]
pub struct Observation {
    /// Who said it.
    pub source: SourceName,
    /// What it calls the item.
    pub key: SourceKey,
    /// When it spoke of it.
    pub occurred_at: Timestamp,
    /// Where the statement stands in the log.
    pub position: LogPosition,
    /// Its [`model::ObservedItem::digest`].
    pub digest: u64,
}

/// What memory keeps of what sources say beyond names and times.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ItemField {
    /// A name for people.
    DisplayName,
    /// The team that answers for it.
    Owner,
    /// How much depends on it.
    Criticality,
    /// How many of those that do the same work for it must be up: an attribute.
    Quorum,
}

/// What memory can tell of a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Remembered<'v> {
    /// What was said by then, if anything was.
    Known(Option<&'v str>),
    /// Somebody said something since; what was said before lies in the index.
    OnlyInTheIndex,
}

/// A source's newest word on a field.
struct Word<'v> {
    source: &'v str,
    stamp: Stamp,
    /// Nothing if it was taken back.
    text: Option<&'v str>,
}

impl ItemField {
    /// Every field.
    pub const ALL: [Self; 4] = [
        Self::DisplayName,
        Self::Owner,
        Self::Criticality,
        Self::Quorum,
    ];

    /// Its name among the values of an item.
    pub const fn name(self) -> &'static str {
        match self {
            Self::DisplayName => "displayName",
            Self::Owner => "owner",
            Self::Criticality => "criticality",
            Self::Quorum => QUORUM,
        }
    }
}

impl PartialEq for Item<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.item == other.item
    }
}

impl Eq for Item<'_> {}

impl fmt::Debug for Item<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.key())
    }
}

impl<'v> Item<'v> {
    pub(crate) fn new(view: &'v GraphView, item: ItemIx) -> Self {
        Self { view, item }
    }

    /// Its id: the hash of its least identifying claim. Every id it ever had resolves.
    pub fn id(&self) -> CiId {
        let identity = &self.view.identity;
        let least = identity.item(self.item).least;
        let mention = least.expect("a handle is made for an item with members");
        CiId::of(&identity.mention(mention).name.to_claim(&identity.words))
    }

    /// Its canonical key.
    pub fn key(&self) -> String {
        match self.shown() {
            Name::Key(parts) => parts.to_key(&self.view.identity.words).canonical(),
            Name::Claim { scheme, value } => {
                format!("{}={value}", self.view.identity.words.text(*scheme))
            }
        }
    }

    /// The parts of its canonical key, if it has a key.
    pub fn parts(&self) -> Option<KeyParts> {
        match self.shown() {
            Name::Key(parts) => Some(parts.to_key(&self.view.identity.words)),
            Name::Claim { .. } => None,
        }
    }

    /// Its kind, `unknown` if only names in other schemes are known.
    pub fn kind(&self) -> &'v str {
        match self.shown() {
            Name::Key(parts) => self.view.identity.words.text(parts.kind),
            Name::Claim { .. } => UNKNOWN_KIND,
        }
    }

    /// Its name.
    pub fn name(&self) -> &'v str {
        match self.shown() {
            Name::Key(parts) => &parts.name,
            Name::Claim { value, .. } => value,
        }
    }

    /// Its environment, if known.
    pub fn environment(&self) -> Option<&'v str> {
        self.word_of_parts(|parts| parts.environment)
            .map(|word| self.view.identity.words.text(word))
    }

    /// Its namespace, if known.
    pub fn namespace(&self) -> Option<&'v str> {
        self.word_of_parts(|parts| parts.namespace)
            .map(|word| self.view.identity.words.text(word))
    }

    /// A part of its keys; the first by text if several differ.
    pub(crate) fn word_of_parts(
        &self,
        word: impl Fn(&crate::mention::Parts) -> Option<WordIx>,
    ) -> Option<WordIx> {
        let identity = &self.view.identity;
        let known = self
            .members()
            .filter(|member| identity.stands_for_its_item(*member))
            .filter_map(|member| word(identity.mention(member).parts()?));
        known.min_by_key(|word| identity.words.text(*word))
    }

    /// A name for people, by the source that is believed first, else the latest that gave one.
    pub fn display_name(&self) -> Option<&'v str> {
        self.word(ItemField::DisplayName)
    }

    /// The team that answers for it, by the source that is believed first, else the latest that named one.
    pub fn owner(&self) -> Option<&'v str> {
        self.word(ItemField::Owner)
    }

    /// How much depends on it, by the source that is believed first, else the latest that said so.
    pub fn criticality(&self) -> Option<&'v str> {
        self.word(ItemField::Criticality)
    }

    /// How many of those that do the same work for it must be up ([`crate::Quorum`]), by the source that is believed
    /// first, else the latest that said so.
    pub fn quorum(&self) -> Option<&'v str> {
        self.word(ItemField::Quorum)
    }

    /// The newest word, or in a view [of a moment](GraphView::with_words_of) that of the moment.
    fn word(&self, field: ItemField) -> Option<&'v str> {
        let Some(then) = &self.view.words_then else {
            return self.newest_word(field, Timestamp::MAX);
        };
        match self.field_at(field, then.at) {
            Remembered::Known(word) => word,
            Remembered::OnlyInTheIndex => then.of(self.item, field),
        }
    }

    /// A field at a moment, if that can be told from memory: it keeps the newest word of each source only.
    pub fn field_at(&self, field: ItemField, at: Timestamp) -> Remembered<'v> {
        let mut words = self.words_of(field);
        if words.any(|word| at < word.stamp.at) {
            return Remembered::OnlyInTheIndex;
        }
        Remembered::Known(self.newest_word(field, at))
    }

    /// Which sources are believed first about its values at a moment.
    pub fn precedence(&self, moment: Timestamp) -> Precedence<'v> {
        Precedence {
            kinds: &self.view.kinds,
            kind: self.kind(),
            moment,
        }
    }

    /// The newest words of all sources; which of them counts is asked of the definitions at a moment.
    fn newest_word(&self, field: ItemField, moment: Timestamp) -> Option<&'v str> {
        let precedence = self.precedence(moment);
        let words = self.words_of(field).filter(|word| word.text.is_some());
        let counts = words.max_by_key(|word| {
            let rank = precedence.rank(field.name(), word.source);
            (std::cmp::Reverse(rank), word.stamp)
        });
        counts.and_then(|word| word.text)
    }

    /// What every source says of a field, by every name.
    fn words_of(&self, field: ItemField) -> impl Iterator<Item = Word<'v>> + use<'v> {
        let words = &self.view.identity.words;
        self.said().filter_map(move |said| {
            let (stamp, text) = match field {
                ItemField::DisplayName => said.display_name()?,
                ItemField::Owner => {
                    let (stamp, word) = said.owner()?;
                    (stamp, word.map(|word| words.text(word)))
                }
                ItemField::Criticality => {
                    let (stamp, word) = said.criticality()?;
                    (stamp, word.map(|word| words.text(word)))
                }
                ItemField::Quorum => {
                    let (stamp, word) = said.quorum()?;
                    (stamp, word.map(|word| words.text(word)))
                }
            };
            let source = words.text(said.source);
            Some(Word {
                source,
                stamp,
                text,
            })
        })
    }

    /// What every source says of it by every name.
    fn said(&self) -> impl Iterator<Item = &'v SourceSaid> + use<'v> {
        self.facts().flat_map(|facts| &facts.said)
    }

    /// Every name that identifies it, its canonical key among them, sorted.
    pub fn names(&self) -> Vec<Claim> {
        let identity = &self.view.identity;
        let named = |member| identity.mention(member).name.to_claim(&identity.words);
        let mut names: Vec<Claim> = self.members().map(named).collect();
        names.sort();
        names
    }

    /// Every other name it answers to, its canonical key left out.
    pub fn aliases(&self) -> Vec<AliasOfItem> {
        let identity = &self.view.identity;
        let shown = identity.item(self.item).shown;
        let named = |mention: MentionIx, valid: Option<ValidInterval>| {
            let claim = identity.mention(mention).name.to_claim(&identity.words);
            AliasOfItem {
                scheme: claim.scheme,
                value: claim.value,
                valid,
            }
        };
        let members = self
            .members()
            .filter(|member| Some(*member) != shown && identity.stands_for_its_item(*member));
        let mut aliases: Vec<AliasOfItem> = members.map(|member| named(member, None)).collect();
        for member in self.members() {
            for name in identity.mention(member).names_for_a_time() {
                let of_member = identity.mention(*name).aliases();
                let held = of_member.filter(|alias| alias.means == member);
                aliases.extend(held.map(|alias| named(*name, alias.interval())));
            }
        }
        aliases.sort();
        aliases.dedup();
        aliases
    }

    /// The identifying claim of every name that is it for ever, its canonical key among them.
    pub fn claims(&self) -> Vec<Claim> {
        let identity = &self.view.identity;
        let claim = |member| identity.mention(member).name.to_claim(&identity.words);
        self.members().map(claim).collect()
    }

    /// The decisions of people that speak of any of its names, taken back or not, by [`crate::decision_id`].
    pub fn decisions(&self) -> Vec<[u8; 16]> {
        let identity = &self.view.identity;
        let of_member = |member| identity.mention(member).decisions().iter().copied();
        let mut decisions: Vec<[u8; 16]> = self.members().flat_map(of_member).collect();
        decisions.sort_unstable();
        decisions.dedup();
        decisions
    }

    /// Each source's newest statement about it, oldest first.
    pub fn observations(&self) -> Vec<Observation> {
        let identity = &self.view.identity;
        let mut observations: Vec<Observation> = Vec::new();
        for member in self.members() {
            let claim = identity.mention(member).name.to_claim(&identity.words);
            let Some(facts) = self.view.facts.get(member.0 as usize) else {
                continue;
            };
            observations.extend(facts.said.iter().map(|said| Observation {
                source: SourceName::new(identity.words.text(said.source)),
                key: SourceKey::Claim {
                    scheme: claim.scheme.clone(),
                    value: claim.value.clone(),
                },
                occurred_at: said.stamp.at,
                position: said.position,
                digest: said.digest,
            }));
        }
        observations.sort_by_key(|observation| (observation.occurred_at, observation.position));
        observations
    }

    /// The names of all sources that speak of it.
    pub fn sources(&self) -> Vec<&'v str> {
        let words = &self.view.identity.words;
        let mut sources: Vec<&str> = self
            .facts()
            .flat_map(|facts| {
                facts
                    .validity
                    .sources()
                    .chain(facts.said.iter().map(|said| said.source))
            })
            .map(|source| words.text(source))
            .collect();
        sources.sort_unstable();
        sources.dedup();
        sources
    }

    /// Whether it exists at a moment; an item of which nobody stated a time always does.
    pub fn exists_at(&self, at: Timestamp) -> bool {
        self.freshness(at) != Freshness::Closed
    }

    /// When it existed by any name, sorted; by several names the intervals may overlap.
    pub fn intervals(&self) -> Vec<ValidInterval> {
        let mut intervals: Vec<ValidInterval> = self
            .facts()
            .flat_map(|facts| facts.validity.intervals())
            .collect();
        intervals.sort();
        intervals.dedup();
        intervals
    }

    /// How sure we are that it exists at a moment.
    pub fn freshness(&self, at: Timestamp) -> Freshness {
        let half_life = HalfLife::asked([self.kind()], &self.view.kinds, at);
        let stated = self.facts().filter(|facts| !facts.validity.is_empty());
        let grades = stated.map(|facts| freshness(&facts.validity, half_life, at));
        grades.min().unwrap_or(Freshness::Confirmed)
    }

    /// Measures that left their baseline, by the start of their window.
    pub fn deviations(&self) -> Vec<&'v DeviationRow> {
        let mut deviations: Vec<&DeviationRow> =
            self.facts().flat_map(ItemFacts::deviations).collect();
        deviations.sort_by_key(|deviation| deviation.from);
        deviations
    }

    /// With the arrow: what it needs at a moment. One relation for each provider and kind, in order of key.
    pub fn depends_on(&self, at: Timestamp) -> Vec<Relation<'v>> {
        Relation::providers_of(*self, at)
    }

    /// Against the arrow: who needs it at a moment, and is harmed with it.
    pub fn used_by(&self, at: Timestamp) -> Vec<Relation<'v>> {
        Relation::dependents_of(*self, at)
    }

    /// Relations of it whenever they held, no more than so many names by which they were stated.
    pub fn relations_ever(&self, most: usize) -> Vec<Relation<'v>> {
        Relation::ever_of(*self, most)
    }

    /// The changes that touch it, ever, the newest first.
    pub fn changes(&self) -> Vec<ChangeRow<'v>> {
        let view = self.view;
        let of_members = self
            .members()
            .flat_map(|member| view.changes.of_target(member).iter().copied());
        let mut numbers: SmallVec<[_; 8]> = of_members.collect();
        numbers.sort_unstable();
        numbers.dedup();
        let mut changes: Vec<ChangeRow<'v>> = numbers
            .into_iter()
            .map(|change| ChangeRow::new(view, change))
            .collect();
        changes.retain(|change| change.touches(*self));
        changes.sort_by(|one, other| {
            let by_start = other.started_at().cmp(&one.started_at());
            by_start.then_with(|| one.id().cmp(&other.id()))
        });
        changes
    }

    /// Items it might be, when its key has unknown parts and several agree.
    pub fn candidates(&self) -> Vec<Item<'v>> {
        let identity = &self.view.identity;
        let named = self
            .members()
            .flat_map(|member| identity.mention(member).candidates());
        let mut items: Vec<ItemIx> = named
            .map(|candidate| identity.item_of(*candidate))
            .collect();
        items.sort_unstable();
        items.dedup();
        let mut candidates: Vec<Item<'v>> = items
            .into_iter()
            .map(|item| Item::new(self.view, item))
            .collect();
        candidates.sort_by_cached_key(Item::id);
        candidates
    }

    pub(crate) fn members(&self) -> impl Iterator<Item = MentionIx> + use<'v> {
        self.view.identity.item(self.item).members.iter().copied()
    }

    pub(crate) fn facts(&self) -> impl Iterator<Item = &'v ItemFacts> + use<'v> {
        let view = self.view;
        self.members()
            .filter_map(move |member| view.facts.get(member.0 as usize))
    }

    pub(crate) fn shown(&self) -> &'v Name {
        let identity = &self.view.identity;
        let shown = identity.item(self.item).shown;
        &identity
            .mention(shown.expect("a handle is made for an item with members"))
            .name
    }
}
