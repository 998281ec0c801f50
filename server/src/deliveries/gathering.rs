//! Notices that gather until they are sent as one message. Pure.

use model::{LogPosition, Timestamp};
use serde::{Deserialize, Serialize};

/// Most notices that a digest lists; what comes after them is counted.
const LISTED_MAX: usize = 500;

/// What gathered since a moment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Gathered {
    /// When the first of them came.
    pub(crate) since: Timestamp,
    /// The events that are told, in the order of the log.
    pub(crate) positions: Vec<LogPosition>,
    /// How many came after them.
    pub(crate) more: u64,
}

impl Gathered {
    /// A first notice.
    pub(crate) fn of(position: LogPosition, now: Timestamp) -> Self {
        Self {
            since: now,
            positions: vec![position],
            more: 0,
        }
    }

    /// Adds the notice of an event that stands after the others.
    pub(crate) fn add(&mut self, position: LogPosition) {
        match self.positions.len() < LISTED_MAX {
            true => self.positions.push(position),
            false => self.more = self.more.saturating_add(1),
        }
    }

    /// The last event that is listed.
    pub(crate) fn last(&self) -> Option<LogPosition> {
        self.positions.last().copied()
    }

    /// How many notices there are.
    pub(crate) fn count(&self) -> u64 {
        let listed = u64::try_from(self.positions.len()).unwrap_or(u64::MAX);
        listed.saturating_add(self.more)
    }

    /// Without what stands after a position; nothing if that is everything.
    pub(crate) fn up_to(mut self, to: LogPosition) -> Option<Self> {
        let listed = self.positions.len();
        self.positions.retain(|position| *position <= to);
        if self.positions.len() < listed {
            self.more = 0;
        }
        (!self.positions.is_empty()).then_some(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_listed_is_counted_and_what_is_read_again_is_forgotten() {
        let place = LogPosition::new;
        let now = Timestamp::from_unix_nanos(0);
        let mut gathered = Gathered::of(place(1), now);
        for number in 2..=600 {
            gathered.add(place(number));
        }
        assert_eq!((gathered.last(), gathered.more), (Some(place(500)), 100));
        assert_eq!(gathered.count(), 600);
        let fewer = gathered.clone().up_to(place(7)).unwrap();
        assert_eq!((fewer.count(), fewer.more), (7, 0));
        assert_eq!(gathered.clone().up_to(place(550)), Some(gathered.clone()));
        assert_eq!(gathered.up_to(place(0)), None);
    }
}
