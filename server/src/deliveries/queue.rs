//! What is still to be sent to one endpoint, and in which order. Pure; [`Desk`](super::desk::Desk) keeps it on the disk.
//!
//! Notices that touch a common item go one after another; others pass each other, and what is urgent passes what is not.

use std::collections::BTreeSet;

use model::{Digest, LogPosition, Timestamp};
use serde::{Deserialize, Serialize};

use super::gathering::Gathered;
use super::proof::Proof;

/// A notice of more items than this stands in the way of every other.
const ITEMS_MAX: usize = 64;
/// Notices that were given up and are remembered, the newest.
const DEAD_MAX: usize = 1_000;
/// Digests that were taken and are remembered, the newest.
const DIGESTS_MAX: usize = 16;
/// How long a digest waits for another notice of its position.
const ASIDE_MS: i64 = 1_000;

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
    /// What gathers for the next digest.
    #[serde(default)]
    pub(crate) gathering: Option<Gathered>,
    /// Digests that were taken, so that they can be sent again.
    #[serde(default)]
    pub(crate) digests: Vec<Gathered>,
    /// Up to where the log was searched for what is urgent, beyond what fits.
    #[serde(default)]
    pub(crate) urgent_to: Option<LogPosition>,
    /// What was found there, in the order of the log, as far as the log was not read up to it.
    #[serde(default)]
    pub(crate) found: Vec<LogPosition>,
    /// Whether its endpoint wants to hear from us.
    #[serde(default)]
    pub(crate) proof: Option<Proof>,
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
    /// Whether it waits for no hour, and for nothing that is not urgent.
    #[serde(default)]
    pub(crate) urgent: bool,
    /// What it lists, where it is a digest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) digest: Option<Gathered>,
}

/// What the event at a position comes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Heard {
    /// Nothing.
    Nothing,
    /// A notice.
    Notice(Waiting),
    /// Something for the next digest.
    Gathers(Timestamp),
}

impl Waiting {
    /// A notice of an event, due at once.
    pub(crate) fn new(position: LogPosition, items: Vec<u64>, due_at: Timestamp) -> Self {
        Self {
            position,
            items: (items.len() <= ITEMS_MAX).then_some(items),
            attempts: 0,
            due_at,
            urgent: false,
            digest: None,
        }
    }

    /// The same, to be sent whatever the hour.
    pub(crate) fn at_once(self) -> Self {
        Self {
            urgent: true,
            ..self
        }
    }

    /// A digest, due at once. It goes alone.
    pub(crate) fn of_digest(gathered: Gathered, due_at: Timestamp) -> Option<Self> {
        Some(Self {
            position: gathered.last()?,
            items: None,
            attempts: 0,
            due_at,
            urgent: false,
            digest: Some(gathered),
        })
    }
}

/// What stands before a notice.
#[derive(Default)]
struct Before {
    items: BTreeSet<u64>,
    is_something: bool,
    is_everything: bool,
}

impl Before {
    fn lets(&self, items: Option<&[u64]>) -> bool {
        match items {
            Some(items) => !self.is_everything && !items.iter().any(|it| self.items.contains(it)),
            None => !self.is_something,
        }
    }

    fn add(&mut self, items: Option<&[u64]>) {
        self.is_something = true;
        self.is_everything |= items.is_none();
        self.items.extend(items.unwrap_or_default());
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
        let (mut all, mut urgent) = (Before::default(), Before::default());
        let mut ready = Vec::new();
        for notice in &self.waiting {
            let items = notice.items.as_deref();
            let before = if notice.urgent { &urgent } else { &all };
            let is_free = before.lets(items);
            if is_free && notice.due_at <= now && !sent.contains(&notice.position) {
                ready.push(notice.position);
            }
            all.add(items);
            if notice.urgent {
                urgent.add(items);
            }
        }
        ready
    }

    /// Keeps of these positions what is urgent.
    pub(crate) fn retain_urgent(&self, positions: &mut Vec<LogPosition>) {
        positions.retain(|position| self.find(*position).is_some_and(|it| it.urgent));
    }

    /// A notice that waits.
    pub(crate) fn find(&self, position: LogPosition) -> Option<&Waiting> {
        let place = self
            .waiting
            .binary_search_by_key(&position, |it| it.position);
        self.waiting.get(place.ok()?)
    }

    /// Whether the event that is read now was found before; it is then forgotten.
    pub(crate) fn was_found(&mut self, position: LogPosition) -> bool {
        let place = self.found.binary_search(&position);
        place.is_ok_and(|place| self.found.remove(place) == position)
    }

    /// Something gathers for the next digest.
    pub(crate) fn gather(&mut self, position: LogPosition, now: Timestamp) {
        match &mut self.gathering {
            Some(gathering) => gathering.add(position),
            None => self.gathering = Some(Gathered::of(position, now)),
        }
    }

    /// What gathered waits to be sent, when its time has come or nothing is to gather any more; or when its time comes.
    pub(crate) fn close_digest(
        &mut self,
        digest: Option<&Digest>,
        sent: &BTreeSet<LogPosition>,
        now: Timestamp,
    ) -> Option<Timestamp> {
        let gathering = self.gathering.as_ref()?;
        let due_at = digest.map_or(now, |digest| digest.due_at(gathering.since));
        if now < due_at {
            return Some(due_at);
        }
        let last = gathering.last()?;
        if sent.contains(&last) || self.find(last).is_some() {
            // Somebody asked for that notice by itself; a position stands for one notice at a time.
            return Some(now.plus_millis(ASIDE_MS));
        }
        let gathered = self.gathering.take()?;
        if let Some(notice) = Waiting::of_digest(gathered, now) {
            self.add(notice);
        }
        None
    }

    /// A notice is sent once more, whatever the hour; a digest as a digest.
    pub(crate) fn again(&mut self, position: LogPosition, items: Vec<u64>, now: Timestamp) {
        let is_it = |notice: &Waiting| notice.position == position;
        let taken = self.digests.iter();
        let taken = taken.filter(|it| it.last() == Some(position)).cloned();
        let other = self.dead.iter().chain(&self.waiting);
        let other = other.filter(|it| is_it(it)).cloned();
        let other = other.filter_map(|notice| notice.digest);
        let digest = other.chain(taken).next();
        self.dead.retain(|notice| !is_it(notice));
        self.waiting.retain(|notice| !is_it(notice));
        let digest = digest.and_then(|gathered| Waiting::of_digest(gathered, now));
        let notice = digest.unwrap_or_else(|| Waiting::new(position, items, now));
        self.add(notice.at_once());
    }

    /// The first moment after this one at which a notice becomes due.
    pub(crate) fn next_due(&self, now: Timestamp) -> Option<Timestamp> {
        let due = self.waiting.iter().map(|notice| notice.due_at);
        due.filter(|due| now < *due).min()
    }

    /// The notice was taken, or came to nothing.
    pub(crate) fn settle(&mut self, position: LogPosition) {
        let settled = self.find(position).and_then(|it| it.digest.clone());
        self.waiting.retain(|notice| notice.position != position);
        self.failing_since = None;
        if let Some(digest) = settled {
            self.digests.retain(|it| it.last() != Some(position));
            self.digests.push(digest);
            let beyond = self.digests.len().saturating_sub(DIGESTS_MAX);
            self.digests.drain(..beyond);
        }
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
        for list in [&mut self.waiting, &mut self.dead] {
            let stays = |notice: Waiting| match notice.position <= to {
                true => Some(notice),
                // Of a digest stays what is not read again.
                false => Waiting::of_digest(notice.digest?.up_to(to)?, notice.due_at),
            };
            *list = std::mem::take(list).into_iter().filter_map(stays).collect();
            list.sort_by_key(|notice| notice.position);
        }
        self.gathering = self.gathering.take().and_then(|it| it.up_to(to));
        self.urgent_to = self.urgent_to.map(|at| at.min(to));
        self.found.retain(|position| *position <= to);
        self.read_to = self.read_to.min(to);
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
    fn what_is_urgent_passes_what_is_not_and_keeps_its_own_order() {
        let mut queue = queue(&[(1, &[1]), (4, &[1])]);
        queue.add(Waiting::new(place(2), vec![1], at(0)).at_once());
        queue.add(Waiting::new(place(3), vec![1], at(0)).at_once());
        assert_eq!(ready(&queue, 0, &[]), [1, 2]);
        let mut only = queue.ready(at(0), &BTreeSet::new());
        queue.retain_urgent(&mut only);
        assert_eq!(only, [place(2)]);
        queue.settle(place(1));
        queue.settle(place(2));
        assert_eq!(ready(&queue, 0, &[]), [3], "the last one waits for it");
    }

    #[test]
    fn what_gathers_is_one_notice_when_its_time_has_come() {
        let every = Digest::EveryMs(60_000);
        let mut queue = Queue::default();
        let close = |queue: &mut Queue, second: i64, sent: &[u64]| {
            let sent = sent.iter().map(|it| place(*it)).collect();
            queue.close_digest(Some(&every), &sent, at(second))
        };
        assert_eq!(close(&mut queue, 0, &[]), None);
        queue.gather(place(3), at(10));
        queue.gather(place(5), at(20));
        assert_eq!(close(&mut queue, 69, &[]), Some(at(70)));
        assert_eq!(close(&mut queue, 70, &[5]), Some(at(71)), "5 is under way");
        assert_eq!(close(&mut queue, 71, &[]), None);
        assert_eq!(ready(&queue, 71, &[]), [5]);
        queue.gather(place(6), at(80));
        assert_eq!(queue.close_digest(None, &BTreeSet::new(), at(80)), None);
        assert_eq!(ready(&queue, 80, &[]), [5], "one after another");
        queue.settle(place(5));
        assert_eq!(ready(&queue, 80, &[]), [6]);
        queue.again(place(5), vec![1], at(90));
        let again = queue.find(place(5)).unwrap();
        assert!(again.urgent, "somebody asked for it");
        let listed = again.digest.as_ref().map(|it| it.positions.clone());
        assert_eq!(listed, Some(vec![place(3), place(5)]));
    }

    #[test]
    fn going_back_keeps_of_a_digest_what_is_not_read_again() {
        let mut queue = Queue::default();
        for number in [3, 5, 7] {
            queue.gather(place(number), at(0));
        }
        queue.close_digest(None, &BTreeSet::new(), at(0));
        queue.gather(place(8), at(0));
        queue.urgent_to = Some(place(9));
        queue.rewind(place(5));
        let left = queue.find(place(5)).and_then(|it| it.digest.clone());
        assert_eq!(left.map(|it| it.positions), Some(vec![place(3), place(5)]));
        assert_eq!((queue.waiting.len(), queue.gathering), (1, None));
        assert_eq!(queue.urgent_to, Some(place(5)));
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
