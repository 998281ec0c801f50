//! How much harm gets through a relation at one moment.

use std::collections::BTreeMap;

use model::Harm;

use super::propagation::{PROPAGATION, Propagation, doubted};
use crate::freshness::{self, Freshness};
use crate::intern::WordIx;
use crate::relations::{RowIx, Span, kind_bit};
use crate::table::Pages;
use crate::topology::Topology;
use crate::view::Relation;

/// The table's rows by relation kind as this view numbers them, looked up once a search.
pub(crate) struct Weigh<'v> {
    topology: Topology<'v>,
    at: i64,
    shares: Pages<Option<(f64, f64)>>,
    /// What definitions say that count at the moment.
    defined: BTreeMap<&'v str, Harm>,
    /// The kinds that harm crosses towards the provider, as bits.
    to_provider: u32,
}

impl<'v> Weigh<'v> {
    pub(crate) fn new(topology: Topology<'v>) -> Self {
        let words = &topology.view().identity.words;
        let defined = topology.view().kinds.harms(topology.at());
        let back = PROPAGATION.iter().filter(|row| 0.0 < row.to_provider);
        let back = back.map(|row| row.kind);
        let own = defined.iter().filter(|(_, harm)| 0 < harm.to_provider);
        let back = back.chain(own.map(|(kind, _)| *kind));
        let kinds = back.filter_map(|kind| words.find(kind));
        let to_provider = kinds.fold(0, |bits, kind| bits | kind_bit(kind));
        Self {
            topology,
            at: topology.at().unix_nanos(),
            shares: Pages::default(),
            to_provider,
            defined,
        }
    }

    /// The moment, in nanoseconds.
    pub(crate) fn at(&self) -> i64 {
        self.at
    }

    /// The kinds that harm may cross towards the provider, as bits.
    pub(crate) fn to_provider(&self) -> u32 {
        self.to_provider
    }

    pub(crate) fn holds(&self, row: RowIx, span: &Span) -> bool {
        self.topology.view().relations.holds(row, span, self.at)
    }

    /// The share of harm that gets through, taken that the relation holds.
    pub(crate) fn weight(&mut self, row: RowIx, span: &Span, against_arrow: bool) -> f64 {
        let share = self.share(span.kind(), against_arrow);
        if share <= 0.0 {
            return 0.0;
        }
        let tag = span.tag();
        let freshness = if tag.fades() {
            self.freshness(row, span)
        } else {
            Freshness::Confirmed
        };
        doubted(share, tag.strength(), freshness)
    }

    pub(crate) fn share(&mut self, kind: WordIx, against_arrow: bool) -> f64 {
        let words = &self.topology.view().identity.words;
        let known = self.shares.get_mut(kind.number() as usize);
        let defined = &self.defined;
        let (to_dependent, to_provider) = *known.get_or_insert_with(|| {
            let kind = words.text(kind);
            let row = Propagation::of(kind);
            let share = |percent: u8| f64::from(percent) / 100.0;
            defined
                .get(kind)
                .map_or((row.to_dependent, row.to_provider), |harm| {
                    (share(harm.to_dependent), share(harm.to_provider))
                })
        });
        if against_arrow {
            to_dependent
        } else {
            to_provider
        }
    }

    /// Most evidence is so recent that nothing else need be asked.
    fn freshness(&self, row: RowIx, span: &Span) -> Freshness {
        let view = self.topology.view();
        let at = self.topology.at();
        let only = span.statement(view.relations.ground(row));
        let recent = view.kinds.is_empty()
            && only.is_some_and(|seen| freshness::is_recent(seen.until, seen.more, at));
        if recent {
            return Freshness::Confirmed;
        }
        Relation::of_step(view, row).freshness(at)
    }
}
