//! A relation between two items as a handle.

use std::collections::BTreeMap;
use std::fmt;

use model::{Claim, Strength, Timestamp, ValidInterval};
use smallvec::SmallVec;

use super::{GraphView, Item};
use crate::deviations::DeviationRow;
use crate::freshness::{Freshness, HalfLife, freshness};
use crate::identity::ItemIx;
use crate::intern::WordIx;
use crate::relations::{ANY_KIND, CallCounts, Edge, Row, RowIx};
use crate::topology::Topology;

/// What was said of one relation under the names of its items: a row for every two of them.
pub(crate) type Rows = SmallVec<[RowIx; 2]>;

/// `dependent -> provider`: the dependent needs the provider.
///
/// It gathers what was said under every name of the two items.
#[derive(Clone)]
pub struct Relation<'v> {
    view: &'v GraphView,
    dependent: ItemIx,
    provider: ItemIx,
    kind: WordIx,
    rows: Rows,
}

impl fmt::Debug for Relation<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} {} {}",
            self.dependent().key(),
            self.kind(),
            self.provider().key()
        )
    }
}

impl<'v> Relation<'v> {
    /// The relation behind one step of a search.
    pub(crate) fn of_step(view: &'v GraphView, row: RowIx) -> Self {
        let first = view.relations.ends(row);
        Self {
            view,
            dependent: view.identity.item_of(first.dependent),
            provider: view.identity.item_of(first.provider),
            kind: first.kind,
            rows: SmallVec::from_slice(&[row]),
        }
    }

    /// The relation of rows between the same two items and of one kind; nothing without rows.
    pub(crate) fn of_rows(view: &'v GraphView, rows: Rows) -> Option<Self> {
        let first = Self::of_step(view, *rows.first()?);
        Some(Self { rows, ..first })
    }

    pub(super) fn between(dependent: Item<'v>, provider: Item<'v>, kind: &str) -> Option<Self> {
        let view = dependent.view;
        let mut found: Option<Self> = None;
        for member in dependent.members() {
            for edge in view.relations.providers_of(member) {
                let one = Self::of_step(view, edge.row);
                if one.provider != provider.item || one.kind() != kind {
                    continue;
                }
                match &mut found {
                    Some(relation) => relation.rows.push(edge.row),
                    None => found = Some(one),
                }
            }
        }
        found
    }

    pub(super) fn providers_of(item: Item<'v>, at: Timestamp) -> Vec<Self> {
        let topology = Topology::new(item.view, at);
        Self::grouped(item.view, topology.providers(item.item))
    }

    pub(super) fn dependents_of(item: Item<'v>, at: Timestamp) -> Vec<Self> {
        let topology = Topology::new(item.view, at);
        Self::grouped(item.view, topology.dependents(item.item))
    }

    pub(super) fn ever_of(item: Item<'v>, most: usize) -> Vec<Self> {
        let relations = &item.view.relations;
        let steps = item.members().flat_map(|member| {
            let providers = relations.providers_of(member);
            providers.chain(relations.dependents_of(member))
        });
        Self::grouped(item.view, steps.take(most))
    }

    fn grouped(view: &'v GraphView, steps: impl Iterator<Item = Edge>) -> Vec<Self> {
        let mut found: BTreeMap<(ItemIx, ItemIx, WordIx), Self> = BTreeMap::new();
        for step in steps {
            let one = Self::of_step(view, step.row);
            let key = (one.dependent, one.provider, one.kind);
            found
                .entry(key)
                .and_modify(|kept| kept.rows.push(step.row))
                .or_insert(one);
        }
        let mut relations: Vec<Self> = found.into_values().collect();
        relations.sort_by_cached_key(|one| {
            (
                one.dependent().key(),
                one.provider().key(),
                one.kind().to_owned(),
            )
        });
        relations
    }

    /// Every two names between which it was stated, the dependent's first.
    pub fn claims(&self) -> Vec<(Claim, Claim)> {
        let identity = &self.view.identity;
        let claim = |name| identity.mention(name).name.to_claim(&identity.words);
        let ends = self.rows.iter().map(|row| self.view.relations.ends(*row));
        ends.map(|ends| (claim(ends.dependent), claim(ends.provider)))
            .collect()
    }

    /// The item that needs the other.
    pub fn dependent(&self) -> Item<'v> {
        self.view.item_at(self.dependent)
    }

    /// The item that is needed.
    pub fn provider(&self) -> Item<'v> {
        self.view.item_at(self.provider)
    }

    /// How: dependent KIND provider.
    pub fn kind(&self) -> &'v str {
        self.view.identity.words.text(self.kind)
    }

    /// Whether the dependent can do without, by the latest source that said so.
    pub fn strength(&self) -> Option<Strength> {
        let said = self.all_rows().filter_map(|row| row.strength());
        said.max_by_key(|(stamp, _)| *stamp)
            .map(|(_, strength)| strength)
    }

    /// How sure we are that it holds at a moment.
    pub fn freshness(&self, at: Timestamp) -> Freshness {
        let kinds = [self.dependent().kind(), self.provider().kind()];
        let half_life = HalfLife::asked(kinds, &self.view.kinds, at);
        let grades = self
            .all_rows()
            .map(|row| freshness(&row.validity, half_life, at));
        grades.min().unwrap_or(Freshness::Closed)
    }

    /// The first moment any source speaks of.
    pub fn first_seen_at(&self) -> Timestamp {
        self.seen().0
    }

    /// The last moment any source speaks of.
    pub fn last_seen_at(&self) -> Timestamp {
        self.seen().1
    }

    fn seen(&self) -> (Timestamp, Timestamp) {
        let spans = self.all_rows().filter_map(|row| row.validity.seen());
        let widest = spans.reduce(|one, other| (one.0.min(other.0), one.1.max(other.1)));
        widest.unwrap_or((Timestamp::MIN, Timestamp::MIN))
    }

    /// When it held, sorted; by several names the intervals may overlap.
    pub fn intervals(&self) -> Vec<ValidInterval> {
        let mut intervals: Vec<ValidInterval> = self
            .all_rows()
            .flat_map(|row| row.validity.intervals())
            .collect();
        intervals.sort();
        intervals
    }

    /// The names of the sources that speak of it.
    pub fn sources(&self) -> Vec<&'v str> {
        let words = &self.view.identity.words;
        let mut sources: Vec<&str> = self
            .all_rows()
            .flat_map(|row| row.validity.sources().collect::<SmallVec<[WordIx; 2]>>())
            .map(|source| words.text(source))
            .collect();
        sources.sort_unstable();
        sources.dedup();
        sources
    }

    /// What was counted in the newest window.
    pub fn counts(&self) -> Option<CallCounts> {
        let counted = self.all_rows().filter_map(|row| row.counts());
        counted.max_by_key(|counts| (counts.from, counts.calls))
    }

    /// Measures that left their baseline, by the start of their window.
    pub fn deviations(&self) -> Vec<&'v DeviationRow> {
        let relations = &self.view.relations;
        let any_kind = self.view.identity.words.find(ANY_KIND);
        let of_any_kind = self.rows.iter().filter_map(|row| {
            let ends = relations.ends(*row);
            relations.find(ends.dependent, ends.provider, any_kind?)
        });
        let rows = self.rows.iter().copied().chain(of_any_kind);
        let mut deviations: Vec<&DeviationRow> =
            rows.flat_map(|row| relations.deviations_of(row)).collect();
        deviations.sort_by_key(|deviation| deviation.from);
        deviations
    }

    fn all_rows(&self) -> impl Iterator<Item = Row> + use<'v, '_> {
        let view = self.view;
        self.rows.iter().map(move |row| view.relations.row(*row))
    }
}
