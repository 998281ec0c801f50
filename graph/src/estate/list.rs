//! Folding lists of relations: what is in no list any more has ended.

use model::{ListedRelations, Timestamp};

use super::Estate;
use crate::intern::WordIx;
use crate::listings::{List, Lister};
use crate::mention::MentionIx;
use crate::relations::{Ends, Row, RowIx};
use crate::stamped::Stamp;
use crate::validity::ListedRun;

impl Estate {
    /// Takes the relations that a source lists by one item.
    ///
    /// A relation of which the item is no end is in no list of it, and is passed over.
    pub(super) fn relations_listed(
        &mut self,
        source: WordIx,
        report_interval_ms: Option<u64>,
        listed: &ListedRelations,
        stamp: Stamp,
    ) {
        let of = self.mention(&listed.of);
        let by = listed.by.as_deref();
        let by = by.map(|by| self.view.identity.words.add(by));
        let mut rows = Vec::with_capacity(listed.relations.len());
        for relation in &listed.relations {
            let dependent = self.mention(&relation.dependent);
            let provider = self.mention(&relation.provider);
            if dependent != of && provider != of {
                continue;
            }
            let view = &mut self.view;
            let words = &mut view.identity.words;
            let row = view
                .relations
                .row_of(dependent, provider, &relation.kind, words);
            if relation.strength.is_some() {
                let say = |row: &mut Row| row.say_strength(stamp, relation.strength);
                view.relations.change(row, say);
            }
            rows.push(row);
        }
        rows.sort_unstable();
        rows.dedup();
        let list = List {
            lister: Lister { source, by },
            at: stamp.at,
            report_interval_ms: report_interval_ms.unwrap_or(0),
            rows,
        };
        let lists = self.view.lists.grow_to(of.0 as usize);
        for row in lists.get_or_insert_default().take(list) {
            self.read_lists(row, source);
        }
    }

    /// A source says that an item is gone, and all that it listed with it.
    pub(super) fn lists_ended(&mut self, mention: MentionIx, source: WordIx, at: Timestamp) {
        let lists = self.view.lists.grow_to(mention.0 as usize);
        lists.get_or_insert_default().end(source, at);
        let relations = &self.view.relations;
        let edges = relations.providers_of(mention);
        let edges = edges.chain(relations.dependents_of(mention));
        let is_listed = |row: &RowIx| relations.row(*row).validity.is_listed_by(source);
        let rows: Vec<RowIx> = edges.map(|edge| edge.row).filter(is_listed).collect();
        for row in rows {
            self.read_lists(row, source);
        }
    }

    /// Reads off the lists of a source when a relation held.
    pub(crate) fn read_lists(&mut self, row: RowIx, source: WordIx) {
        let Ends {
            dependent,
            provider,
            ..
        } = self.view.relations.ends(row);
        let half_life = self.half_life(dependent, provider);
        let lists = |end: MentionIx| self.view.lists.get(end.0 as usize)?.as_deref();
        let of_ends = || [dependent, provider].into_iter().filter_map(lists);
        let runs = of_ends().flat_map(|lists| lists.runs(source, row, half_life));
        // The other end may be gone too; whoever lists it later knows better.
        let cut = |run: ListedRun| {
            let gone = of_ends().filter_map(|lists| lists.gone_after(source, run.last_at));
            let until = gone.fold(run.until, Timestamp::min);
            ListedRun { until, ..run }
        };
        let runs: Vec<ListedRun> = runs.map(cut).collect();
        let relations = &mut self.view.relations;
        relations.change(row, |row| row.validity.list(source, &runs));
    }
}
