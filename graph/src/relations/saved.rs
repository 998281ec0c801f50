//! Relations as they are saved: in the order in which they lie, so that reading them back is one pass.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::layout::Layout;
use super::row::More;
use super::{Ground, Relations, RowIx, Span};
use crate::cow::{CowMap, CowVec};
use crate::identity::Identity;
use crate::mention::MentionIx;
use crate::validity::Validity;

/// Everything that cannot be computed from the rest.
#[derive(Serialize, Deserialize)]
pub(crate) struct SavedRelations {
    /// The mentions by seat.
    mentions: Vec<u32>,
    /// How many relations each seat has as the provider.
    counts: Vec<u32>,
    spans: CowVec<Span, 128>,
    grounds: CowVec<Ground, 128>,
    /// Dependent and provider of the relations that are not laid out.
    late: Vec<(u32, u32)>,
    spilled: Vec<(u32, Validity)>,
    more: Vec<(u32, Arc<More>)>,
}

impl Relations {
    pub(crate) fn save(&self) -> SavedRelations {
        let seats = 0..u32::try_from(self.layout.seats_count()).expect("a seat is a u32");
        let count = |seat| u32::try_from(self.layout.dependents_of(seat).len());
        let spilled = self.spilled.iter();
        let more = self.more.iter();
        let late = self.late.iter();
        SavedRelations {
            mentions: self.layout.mentions().to_vec(),
            counts: seats
                .map(|seat| count(seat).expect("fewer than 2^31 relations"))
                .collect(),
            spans: self.spans.clone(),
            grounds: self.grounds.clone(),
            late: late
                .map(|late| (late.dependent.0, late.provider.0))
                .collect(),
            spilled: spilled
                .map(|(row, kept)| (row, kept.validity.clone()))
                .collect(),
            more: more.map(|(row, kept)| (row, Arc::clone(kept))).collect(),
        }
    }

    /// The relations as they were saved.
    pub(crate) fn restore(saved: SavedRelations, identity: &Identity) -> Self {
        let laid_out = saved.spans.len() - saved.late.len().min(saved.spans.len());
        let dependents = || saved.spans.iter().take(laid_out).map(|span| span.other);
        let layout = Layout::new(saved.mentions, &saved.counts, dependents);
        let mut relations = Self {
            layout: Arc::new(layout),
            spans: saved.spans,
            grounds: saved.grounds,
            more: saved.more.into_iter().collect(),
            ..Self::default()
        };
        let spilled = saved.spilled.into_iter();
        relations.spilled = spilled
            .map(|(row, validity)| (row, Arc::new(super::Spilled::of(validity))))
            .collect::<CowMap<_>>();
        relations.seat_all(identity);
        for (dependent, provider) in saved.late {
            relations.hang(MentionIx(dependent), MentionIx(provider));
        }
        let deviating = relations
            .more
            .iter()
            .filter(|(_, more)| !more.deviations().is_empty());
        let deviating: Vec<u32> = deviating.map(|(row, _)| row).collect();
        for row in deviating {
            relations.deviates(RowIx(row));
        }
        relations
    }
}
