//! How much of what is said of changes is noise: counted by platform, as it is folded.

use std::collections::BTreeMap;

use super::Row;
use crate::intern::WordIx;

/// What was said of the changes of one platform.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Noise {
    /// How many changes it has.
    pub changes: usize,
    /// How many statements speak of them.
    pub statements: usize,
    /// How many of the changes are bookkeeping only.
    pub bookkeeping: usize,
}

/// The counts of every platform.
#[derive(Clone, Debug, Default)]
pub(crate) struct NoiseBook {
    by_source: BTreeMap<WordIx, Noise>,
}

impl NoiseBook {
    /// Counts one change anew.
    pub(super) fn count(&mut self, source: WordIx, before: Noise, after: Noise) {
        let kept = self.by_source.entry(source).or_default();
        kept.changes = kept.changes + after.changes - before.changes;
        kept.statements = kept.statements + after.statements - before.statements;
        kept.bookkeeping = kept.bookkeeping + after.bookkeeping - before.bookkeeping;
    }

    /// The counts of a platform.
    pub(crate) fn of(&self, source: WordIx) -> Noise {
        self.by_source.get(&source).copied().unwrap_or_default()
    }
}

impl Row {
    /// What it adds to the counts of its platform.
    pub(super) fn noise(&self) -> Noise {
        Noise {
            changes: usize::from(!self.statements.is_empty()),
            statements: self.statements.len(),
            bookkeeping: usize::from(self.is_bookkeeping() && !self.statements.is_empty()),
        }
    }

    /// Whether only bookkeeping differs.
    pub(crate) fn is_bookkeeping(&self) -> bool {
        let more = self.more.as_deref();
        more.is_some_and(|more| more.bookkeeping.get() == Some(&true))
    }
}
