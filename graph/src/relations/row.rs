//! All that is known of one relation between two mentions, at hand while it is read or changed.

use std::sync::Arc;

use model::{Deviation, Strength, Timestamp};
use serde::{Deserialize, Serialize};

use crate::deviations::{self, DeviationRow};
use crate::intern::WordIx;
use crate::mention::MentionIx;
use crate::stamped::{Stamp, Stamped};
use crate::validity::Validity;

/// What was counted in the last closed window.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct CallCounts {
    /// Calls in the window.
    pub calls: u64,
    /// Of these, failed.
    pub errors: u64,
    /// The window's start.
    pub from: Timestamp,
    /// The window's end.
    pub until: Timestamp,
}

/// Which relation it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Ends {
    pub(crate) dependent: MentionIx,
    pub(crate) provider: MentionIx,
    pub(crate) kind: WordIx,
}

/// What was said of it.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Row {
    pub(crate) validity: Validity,
    /// What most relations lack.
    pub(super) more: Option<Arc<More>>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct More {
    strength: Stamped<Strength>,
    counts: Stamped<CallCounts>,
    deviations: Vec<DeviationRow>,
}

impl Row {
    /// Takes a statement of strength.
    pub(crate) fn say_strength(&mut self, stamp: Stamp, strength: Option<Strength>) {
        if strength.is_some() {
            self.more_mut().strength.say(stamp, strength);
        }
    }

    /// Takes the counts of a window; the newest window counts.
    pub(crate) fn say_counts(&mut self, stamp: Stamp, counts: CallCounts) {
        self.more_mut().counts.say(stamp, Some(counts));
    }

    /// Keeps a deviation.
    pub(crate) fn say_deviation(&mut self, deviation: &Deviation, stamp: Stamp) {
        deviations::keep(&mut self.more_mut().deviations, deviation, stamp);
    }

    fn more_mut(&mut self) -> &mut More {
        Arc::make_mut(self.more.get_or_insert_default())
    }

    /// Whether the dependent can do without, and when that was said.
    pub(crate) fn strength(&self) -> Option<(Stamp, Strength)> {
        let said = &self.more.as_ref()?.strength;
        Some((said.stamp()?, *said.get()?))
    }

    pub(crate) fn counts(&self) -> Option<CallCounts> {
        self.more.as_ref()?.counts.get().copied()
    }

    pub(crate) fn deviations(&self) -> &[DeviationRow] {
        self.more.as_ref().map_or(&[], |more| more.deviations())
    }
}

impl More {
    pub(super) fn deviations(&self) -> &[DeviationRow] {
        &self.deviations
    }
}
