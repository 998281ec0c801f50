//! Collects which changes of a view a question finds.

use std::sync::Arc;

use graph::{ChangeNumber, GraphView};
use model::LogPosition;
use tantivy::collector::{Collector, SegmentCollector};
use tantivy::columnar::Column;
use tantivy::{DocId, Score, SegmentOrdinal, SegmentReader};

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
    last: Column<u64>,
    id_high: Column<u64>,
    id_low: Column<u64>,
    /// Where the last one lay: the next is rarely far.
    near: Option<ChangeNumber>,
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
        Ok(SegmentHits {
            view: Arc::clone(&self.view),
            first: columns.u64("first")?,
            last: columns.u64("last")?,
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
        let Some(last) = self.last.first(document) else {
            return;
        };
        // What was said of it later is not part of this view; it is looked at beside the index.
        if self.view.position() < LogPosition::new(last) {
            return;
        }
        let first = self.first.first(document).map(LogPosition::new);
        let by_position = first.and_then(|first| self.view.change_first_said_at(first, self.near));
        // A view that does not believe the first source knows the change by a later statement.
        let found = by_position.or_else(|| {
            let id = id_of_halves(self.id_high.first(document)?, self.id_low.first(document)?);
            self.view.change_number(id)
        });
        if let Some(change) = found {
            self.near = Some(change);
            self.hits.push((change, score));
        }
    }

    fn harvest(self) -> Vec<Hit> {
        self.hits
    }
}
