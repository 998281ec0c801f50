//! The latest word wins, whichever arrived first.

use model::{EventId, Timestamp};
use serde::{Deserialize, Serialize};

/// When something was said; of two things said at one time the one with the greater [`tie_of`] its event counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Stamp {
    pub(crate) at: Timestamp,
    pub(crate) tie: u64,
}

impl Stamp {
    pub(crate) fn of(at: Timestamp, id: &EventId) -> Self {
        Self {
            at,
            tie: tie_of(id),
        }
    }
}

/// What decides between two events of one time: the same on every machine and in every order of arrival.
pub fn tie_of(id: &EventId) -> u64 {
    let mut text = String::with_capacity(id.source.as_str().len() + id.delivery.len() + 1);
    text.push_str(id.source.as_str());
    text.push('\n');
    text.push_str(&id.delivery);
    let hash = model::ContentHash::of(text.as_bytes());
    let first = hash.as_bytes().first_chunk();
    u64::from_be_bytes(*first.expect("a hash has 16 bytes"))
}

/// A value with the time of its statement.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Stamped<T> {
    said: Option<(Stamp, T)>,
}

impl<T> Default for Stamped<T> {
    fn default() -> Self {
        Self { said: None }
    }
}

impl<T> Stamped<T> {
    /// Takes the value if nothing later was said before.
    pub(crate) fn say(&mut self, stamp: Stamp, value: Option<T>) {
        let Some(value) = value else { return };
        if self.said.as_ref().is_none_or(|(kept, _)| *kept < stamp) {
            self.said = Some((stamp, value));
        }
    }

    pub(crate) fn get(&self) -> Option<&T> {
        self.said.as_ref().map(|(_, value)| value)
    }

    pub(crate) fn get_mut(&mut self) -> Option<&mut T> {
        self.said.as_mut().map(|(_, value)| value)
    }

    pub(crate) fn stamp(&self) -> Option<Stamp> {
        self.said.as_ref().map(|(stamp, _)| *stamp)
    }
}
