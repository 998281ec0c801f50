//! What sources say of an item, by mention.

use model::{LogPosition, ObservedItem};
use serde::{Deserialize, Serialize};

use crate::deviations::DeviationRow;
use crate::intern::WordIx;
use crate::stamped::{Stamp, Stamped};
use crate::validity::Validity;

/// What is kept in memory of one mention; attributes lie in the index.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct ItemFacts {
    pub(crate) validity: Validity,
    pub(crate) display_name: Stamped<Box<str>>,
    pub(crate) owner: Stamped<Box<str>>,
    pub(crate) criticality: Stamped<Box<str>>,
    /// The last observation of each source, by the time it speaks of.
    pub(crate) observations: Vec<(WordIx, Stamp, LogPosition)>,
    pub(crate) deviations: Vec<DeviationRow>,
}

impl ItemFacts {
    /// Takes one observation.
    pub(crate) fn say(
        &mut self,
        source: WordIx,
        position: LogPosition,
        stamp: Stamp,
        item: &ObservedItem,
    ) {
        let boxed = |text: &Option<String>| text.as_deref().map(Box::from);
        self.display_name.say(stamp, boxed(&item.display_name));
        self.owner.say(stamp, boxed(&item.owner));
        self.criticality.say(stamp, boxed(&item.criticality));
        match self
            .observations
            .iter_mut()
            .find(|(kept, _, _)| *kept == source)
        {
            Some(kept) if kept.1 < stamp => (kept.1, kept.2) = (stamp, position),
            Some(_) => {}
            None => self.observations.push((source, stamp, position)),
        }
    }
}
