//! Which changes a question is about.

use model::{CiId, Timestamp};

use crate::identity::ItemIx;
use crate::view::{ChangeRow, GraphView};

/// Conditions on a change; all that are given must hold.
///
/// Texts that only the index holds (descriptions) are not searched here.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ChangeFilter {
    /// Words that its title or its platform's id holds, whatever their case.
    pub text: Option<String>,
    /// Items of which it touches at least one; any when empty.
    pub items: Vec<CiId>,
    /// Where it takes effect.
    pub environment: Option<String>,
    /// What sort of change.
    pub kind: Option<String>,
    /// Who carried it out.
    pub operator: Option<String>,
    /// The platform.
    pub source: Option<String>,
    /// It starts at this moment or later.
    pub from: Option<Timestamp>,
    /// It starts before this moment.
    pub until: Option<Timestamp>,
}

/// A filter made ready for one view.
pub(crate) struct ReadyFilter<'f> {
    filter: &'f ChangeFilter,
    text: Option<String>,
    items: Vec<ItemIx>,
}

impl ChangeFilter {
    /// Whether a change fulfils every condition.
    pub fn admits(&self, view: &GraphView, change: ChangeRow<'_>) -> bool {
        self.ready(view).admits(change)
    }

    pub(crate) fn ready(&self, view: &GraphView) -> ReadyFilter<'_> {
        ReadyFilter {
            filter: self,
            text: self.text.as_ref().map(|text| text.to_lowercase()),
            items: self
                .items
                .iter()
                .filter_map(|id| view.item(*id))
                .map(|item| item.item)
                .collect(),
        }
    }
}

impl ReadyFilter<'_> {
    /// Whether a change fulfils every condition.
    pub(crate) fn admits(&self, change: ChangeRow<'_>) -> bool {
        let filter = self.filter;
        let is = |wanted: &Option<String>, value: Option<&str>| {
            wanted.as_deref().is_none_or(|wanted| value == Some(wanted))
        };
        let starts = change.started_at();
        filter.from.is_none_or(|from| from <= starts)
            && filter.until.is_none_or(|until| starts < until)
            && is(&filter.source, Some(change.source()))
            && is(&filter.environment, change.environment())
            && is(&filter.kind, change.kind())
            && is(&filter.operator, change.operator())
            && self
                .text
                .as_deref()
                .is_none_or(|text| speaks_of(change, text))
            && (filter.items.is_empty()
                || change
                    .items()
                    .iter()
                    .any(|item| self.items.contains(&item.item)))
    }
}

fn speaks_of(change: ChangeRow<'_>, text: &str) -> bool {
    change.title().to_lowercase().contains(text) || change.source_id().to_lowercase().contains(text)
}
