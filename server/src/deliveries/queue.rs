//! What is still to be sent to one endpoint, and in which order. Pure; [`Desk`](super::desk::Desk) keeps it on the disk.
//!
//! Notices that touch a common item go one after another; others pass each other.

use std::collections::BTreeSet;

use model::{LogPosition, Timestamp};
use serde::{Deserialize, Serialize};

/// A notice of more items than this stands in the way of every other.
const ITEMS_MAX: usize = 64;
/// Notices that were given up and are remembered, the newest.
const DEAD_MAX: usize = 1_000;

/// Everything that is known of what an endpoint was sent and was not.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Queue {
    /// Every event up to here was held against the subscription.
    pub(crate) read_to: LogPosition,
    /// What is to be sent, in the order of the log.
    pub(crate) waiting: Vec<Waiting>,
    /// What was given up, in the order of the log.
    pub(crate) dead: Vec<Waiting>,
    /// Since when nothing has been taken.
    #[serde(default)]
    pub(crate) failing_since: Option<Timestamp>,
    /// The declaration of the subscription by which it was sent last.
    #[serde(default)]
    pub(crate) declared: Option<LogPosition>,
}

/// A notice that is to be sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Waiting {
    /// The event it tells of.
    pub(crate) position: LogPosition,
    /// What it touches, as short hashes; nothing where it stands in the way of every other.
    pub(crate) items: Option<Vec<u64>>,
    /// How often it was sent.
    pub(crate) attempts: u32,
    /// When it is to be sent.
    pub(crate) due_at: Timestamp,
}

impl Waiting {
    /// A notice of an event, due at once.
    pub(crate) fn new(position: LogPosition, items: Vec<u64>, due_at: Timestamp) -> Self {
        Self {
            position,
            items: (items.len() <= ITEMS_MAX).then_some(items),
            attempts: 0,
            due_at,
        }
    }
}

impl Queue {
    /// Adds a notice, unless it waits already.
    pub(crate) fn add(&mut self, notice: Waiting) {
        let place = self
            .waiting
            .binary_search_by_key(&notice.position, |it| it.position);
        if let Err(place) = place {
            self.waiting.insert(place, notice);
        }
    }

    /// The notices that may be sent now: those that are due and before which nothing waits that
    /// touches what they touch. `sent` are under way already.
    pub(crate) fn ready(&self, now: Timestamp, sent: &BTreeSet<LogPosition>) -> Vec<LogPosition> {
        let mut touched: BTreeSet<u64> = BTreeSet::new();
        let mut ready = Vec::new();
        for notice in &self.waiting {
            let Some(items) = &notice.items else {
                let is_first = self.waiting.first().map(|it| it.position) == Some(notice.position);
                if is_first && notice.due_at <= now && !sent.contains(&notice.position) {
                    ready.push(notice.position);
                }
                break;
            };
            let is_free = items.iter().all(|item| !touched.contains(item));
            touched.extend(items);
            if is_free && notice.due_at <= now && !sent.contains(&notice.position) {
                ready.push(notice.position);
            }
        }
        ready
    }

    /// The first moment after this one at which a notice becomes due.
    pub(crate) fn next_due(&self, now: Timestamp) -> Option<Timestamp> {
        let due = self.waiting.iter().map(|notice| notice.due_at);
        due.filter(|due| now < *due).min()
    }

    /// The notice was taken, or came to nothing.
    pub(crate) fn settle(&mut self, position: LogPosition) {
        self.waiting.retain(|notice| notice.position != position);
        self.failing_since = None;
    }

    /// It is sent by this declaration. By another than before, the endpoint may be another, so everything is tried anew.
    pub(crate) fn begin(&mut self, declared: LogPosition, now: Timestamp) {
        if self.declared != Some(declared) {
            self.declared = Some(declared);
            self.failing_since = None;
            self.hasten(now);
        }
    }

    /// Everything that waits is due: the endpoint takes again what it is sent.
    pub(crate) fn hasten(&mut self, now: Timestamp) {
        for notice in &mut self.waiting {
            notice.due_at = notice.due_at.min(now);
        }
    }

    /// The notice was sent in vain and is due again; without a moment it is given up. How often it was sent.
    pub(crate) fn fail(
        &mut self,
        position: LogPosition,
        now: Timestamp,
        again_at: impl FnOnce(u32) -> Option<Timestamp>,
    ) -> Option<Failed> {
        self.failing_since.get_or_insert(now);
        let mut each = self.waiting.iter();
        let place = each.position(|notice| notice.position == position)?;
        let notice = self.waiting.get_mut(place)?;
        notice.attempts = notice.attempts.saturating_add(1);
        let attempts = notice.attempts;
        match again_at(attempts) {
            Some(due_at) => {
                notice.due_at = due_at;
                Some(Failed {
                    attempts,
                    given_up: false,
                })
            }
            None => {
                let notice = self.waiting.remove(place);
                self.dead.push(notice);
                self.dead.sort_by_key(|it| it.position);
                let beyond = self.dead.len().saturating_sub(DEAD_MAX);
                self.dead.drain(..beyond);
                Some(Failed {
                    attempts,
                    given_up: true,
                })
            }
        }
    }

    /// Everything after a position is held against the subscription anew, and sent.
    pub(crate) fn rewind(&mut self, to: LogPosition) {
        self.waiting.retain(|notice| notice.position <= to);
        self.dead.retain(|notice| notice.position <= to);
        self.read_to = self.read_to.min(to);
    }

    /// How often a notice was sent so far.
    pub(crate) fn attempts_of(&self, position: LogPosition) -> u32 {
        let mut waiting = self.waiting.iter();
        let notice = waiting.find(|notice| notice.position == position);
        notice.map_or(0, |notice| notice.attempts)
    }
}

/// How a notice stands that was sent in vain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Failed {
    /// How often it was sent.
    pub(crate) attempts: u32,
    /// Whether it is not sent any more.
    pub(crate) given_up: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_unix_nanos(second * 1_000_000_000)
    }

    fn place(number: u64) -> LogPosition {
        LogPosition::new(number)
    }

    /// A queue of `position: items`, everything due.
    fn queue(notices: &[(u64, &[u64])]) -> Queue {
        let mut queue = Queue::default();
        for (position, items) in notices {
            queue.add(Waiting::new(place(*position), items.to_vec(), at(0)));
        }
        queue
    }

    fn ready(queue: &Queue, second: i64, sent: &[u64]) -> Vec<u64> {
        let sent = sent.iter().map(|it| place(*it)).collect();
        let ready = queue.ready(at(second), &sent);
        ready.iter().map(|it| it.number()).collect()
    }

    #[test]
    fn notices_of_one_item_go_one_after_another_and_others_pass_them() {
        let mut queue = queue(&[(1, &[1]), (2, &[1, 2]), (3, &[2]), (4, &[3])]);
        assert_eq!(ready(&queue, 0, &[]), [1, 4]);
        assert_eq!(ready(&queue, 0, &[1]), [4]);
        queue.fail(place(1), at(0), |_| Some(at(60)));
        assert_eq!(
            ready(&queue, 0, &[]),
            [4],
            "what comes after it waits with it"
        );
        assert_eq!(queue.next_due(at(0)), Some(at(60)));
        queue.settle(place(4));
        assert_eq!(ready(&queue, 1, &[]), [0; 0]);
        queue.hasten(at(1));
        assert_eq!(ready(&queue, 1, &[]), [1]);
        queue.settle(place(1));
        assert_eq!(ready(&queue, 1, &[]), [2]);
        queue.settle(place(2));
        assert_eq!(ready(&queue, 1, &[]), [3]);
    }

    #[test]
    fn a_notice_of_very_many_items_is_alone() {
        let many: Vec<u64> = (0..100).collect();
        let mut queue = queue(&[(1, &[1_000]), (2, &many), (3, &[2_000])]);
        assert_eq!(ready(&queue, 0, &[]), [1]);
        queue.settle(place(1));
        assert_eq!(ready(&queue, 0, &[]), [2]);
        assert_eq!(ready(&queue, 0, &[2]), [0; 0]);
        queue.settle(place(2));
        assert_eq!(ready(&queue, 0, &[]), [3]);
    }

    #[test]
    fn what_is_given_up_lets_others_go_and_is_remembered() {
        let mut queue = queue(&[(1, &[1]), (2, &[1])]);
        let once = queue.fail(place(1), at(0), |_| Some(at(5)));
        assert_eq!(once.map(|it| (it.attempts, it.given_up)), Some((1, false)));
        let twice = queue.fail(place(1), at(5), |_| None);
        assert_eq!(twice.map(|it| (it.attempts, it.given_up)), Some((2, true)));
        assert_eq!(ready(&queue, 5, &[]), [2]);
        assert_eq!(queue.dead.len(), 1);
        assert_eq!(queue.failing_since, Some(at(0)));
    }

    #[test]
    fn what_waits_is_due_at_once_when_it_was_declared_anew() {
        let mut queue = queue(&[(1, &[1])]);
        queue.begin(place(1), at(0));
        queue.fail(place(1), at(0), |_| Some(at(60)));
        queue.begin(place(1), at(1));
        assert_eq!(ready(&queue, 1, &[]), [0; 0]);
        assert_eq!(queue.failing_since, Some(at(0)));
        queue.begin(place(9), at(1));
        assert_eq!(ready(&queue, 1, &[]), [1]);
        assert_eq!(queue.failing_since, None);
    }

    #[test]
    fn going_back_forgets_what_comes_again() {
        let mut queue = queue(&[(3, &[1]), (7, &[1]), (9, &[2])]);
        queue.read_to = place(10);
        queue.fail(place(7), at(0), |_| None);
        queue.rewind(place(5));
        assert_eq!(queue.read_to, place(5));
        assert_eq!(queue.waiting.len(), 1);
        assert!(queue.dead.is_empty());
        queue.add(Waiting::new(place(3), vec![1], at(0)));
        assert_eq!(queue.waiting.len(), 1, "each once");
    }
}
