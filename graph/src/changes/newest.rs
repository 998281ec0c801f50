//! The changes that pass, one by one, the newest first: for those who read them all.

use std::cmp::Reverse;
use std::iter::Peekable;
use std::vec;

use model::{ChangeId, Timestamp};

use super::ChangeIx;
use super::selection::ChangeSelection;
use crate::view::{ChangeRow, GraphView};

impl ChangeSelection {
    /// The changes that pass, the newest start first, then by id. It reads no further than is taken,
    /// unless they are limited to a set.
    pub fn newest_first<'v>(
        &'v self,
        view: &'v GraphView,
    ) -> Box<dyn Iterator<Item = ChangeRow<'v>> + 'v> {
        let row = |change| ChangeRow::new(view, change);
        if self.is_limited() {
            let mut passing: Vec<(Reverse<Timestamp>, ChangeIx)> = Vec::new();
            self.each(view, |change, facet| {
                passing.push((Reverse(facet.start), change));
            });
            passing.sort_unstable();
            let passing = passing.into_iter().map(move |(_, change)| row(change));
            return Box::new(SameMoments::of(passing));
        }
        let (from, until) = self.time();
        let between = view.changes.between(from, until);
        let passing =
            between.filter(|change| self.admits(view, *change, view.changes.facet(*change)));
        Box::new(SameMoments::of(passing.map(row)))
    }
}

/// Puts changes that start at the same moment, and come next to each other, in the order of their ids.
struct SameMoments<'v, I: Iterator<Item = ChangeRow<'v>>> {
    changes: Peekable<I>,
    moment: vec::IntoIter<(ChangeId, ChangeRow<'v>)>,
}

impl<'v, I: Iterator<Item = ChangeRow<'v>>> SameMoments<'v, I> {
    fn of(changes: I) -> Self {
        Self {
            changes: changes.peekable(),
            moment: Vec::new().into_iter(),
        }
    }
}

impl<'v, I: Iterator<Item = ChangeRow<'v>>> Iterator for SameMoments<'v, I> {
    type Item = ChangeRow<'v>;

    fn next(&mut self) -> Option<Self::Item> {
        if let Some((_, next)) = self.moment.next() {
            return Some(next);
        }
        let first = self.changes.next()?;
        let start = first.started_at();
        let is_alone = self
            .changes
            .peek()
            .is_none_or(|next| next.started_at() != start);
        if is_alone {
            return Some(first);
        }
        let mut moment = vec![(first.id(), first)];
        while let Some(change) = self.changes.next_if(|change| change.started_at() == start) {
            moment.push((change.id(), change));
        }
        moment.sort_unstable_by_key(|(id, _)| *id);
        self.moment = moment.into_iter();
        self.moment.next().map(|(_, change)| change)
    }
}
