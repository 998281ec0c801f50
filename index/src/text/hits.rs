//! Collects which changes of a view a question finds.

use std::sync::Arc;

use graph::{ChangeNumber, GraphView};
use model::LogPosition;
use tantivy::collector::{Collector, SegmentCollector};
use tantivy::columnar::Column;
use tantivy::{COLLECT_BLOCK_BUFFER_LEN, DocId, Score, SegmentOrdinal, SegmentReader};

use super::fields::id_of_halves;

/// Finds the changes of a view.
pub(super) struct Hits {
    pub(super) view: Arc<GraphView>,
    pub(super) scored: bool,
}

/// A change that was found, and how well.
pub(super) type Hit = (ChangeNumber, Score);

/// The finds of one segment.
pub(super) struct SegmentHits {
    view: Arc<GraphView>,
    first: Column<u64>,
    /// None where all that was said of the segment's changes is part of the view.
    last: Option<Column<u64>>,
    id_high: Column<u64>,
    id_low: Column<u64>,
    /// The last one that was found by its position: the next is rarely far.
    near: Option<(ChangeNumber, LogPosition)>,
    hits: Vec<Hit>,
}

impl Collector for Hits {
    type Fruit = Vec<Hit>;
    type Child = SegmentHits;

    fn for_segment(
        &self,
        _: SegmentOrdinal,
        segment: &SegmentReader,
    ) -> tantivy::Result<SegmentHits> {
        let columns = segment.fast_fields();
        let last = columns.u64("last")?;
        let goes_beyond = self.view.position().number() < last.max_value();
        Ok(SegmentHits {
            view: Arc::clone(&self.view),
            first: columns.u64("first")?,
            last: goes_beyond.then_some(last),
            id_high: columns.u64("id_high")?,
            id_low: columns.u64("id_low")?,
            near: None,
            hits: Vec::new(),
        })
    }

    fn requires_scoring(&self) -> bool {
        self.scored
    }

    fn merge_fruits(&self, segments: Vec<Vec<Hit>>) -> tantivy::Result<Vec<Hit>> {
        let mut all = Vec::with_capacity(segments.iter().map(Vec::len).sum());
        for hits in segments {
            all.extend(hits);
        }
        Ok(all)
    }
}

impl SegmentCollector for SegmentHits {
    type Fruit = Vec<Hit>;

    fn collect(&mut self, document: DocId, score: Score) {
        let first = self.first.first(document);
        self.take(document, first, score);
    }

    fn collect_block(&mut self, documents: &[DocId]) {
        let mut firsts = [None; COLLECT_BLOCK_BUFFER_LEN];
        let Some(firsts) = firsts.get_mut(..documents.len()) else {
            documents.iter().for_each(|it| self.collect(*it, 0.0));
            return;
        };
        self.first.first_vals(documents, firsts);
        for (document, first) in documents.iter().zip(firsts) {
            self.take(*document, *first, 0.0);
        }
    }

    fn harvest(self) -> Vec<Hit> {
        self.hits
    }
}

impl SegmentHits {
    /// Takes a document whose first statement stands at a position.
    fn take(&mut self, document: DocId, first: Option<u64>, score: Score) {
        if let Some(last) = &self.last {
            // What was said of it later is not part of this view; it is looked at beside the index.
            let said_later = |last: u64| self.view.position().number() < last;
            if last.first(document).is_none_or(said_later) {
                return;
            }
        }
        let first = first.map(LogPosition::new);
        let at = |first| Some((self.view.change_first_said_at(first, self.near)?, first));
        let by_position = first.and_then(at);
        self.near = by_position.or(self.near);
        // A view that does not believe the first source knows the change by a later statement.
        let found = by_position.map(|(change, _)| change).or_else(|| {
            let id = id_of_halves(self.id_high.first(document)?, self.id_low.first(document)?);
            self.view.change_number(id)
        });
        if let Some(change) = found {
            self.hits.push((change, score));
        }
    }
}
