//! What is still to be sent to one endpoint, and in which order. Pure; [`Desk`](super::desk::Desk) keeps it on the disk.
//!
//! Notices that touch a common item go one after another; others pass each other, and what is urgent passes what is not.

use std::collections::BTreeSet;

use model::{Digest, LogPosition, Timestamp};
use serde::{Deserialize, Serialize};

use super::gathering::Gathered;
use super::mail::Confirmations;
use super::proof::Proof;

/// A notice of more items than this stands in the way of every other.
const ITEMS_MAX: usize = 64;
/// Notices that were given up and are remembered, the newest.
const DEAD_MAX: usize = 1_000;
/// Digests that were taken and are remembered, the newest.
const DIGESTS_MAX: usize = 16;
/// Notices that some addresses of mail took and that wait for others, the newest.
const LATE_MAX: usize = 500;
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
    /// Which of its addresses of mail do.
    #[serde(default)]
    pub(crate) confirmations: Confirmations,
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
    /// Which addresses of mail are done with it.
    #[serde(default, skip_serializing_if = "Done::is_nothing")]
    pub(crate) done: Done,
}

/// Addresses of mail that are done with a notice.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Done {
    /// Their hashes.
    pub(crate) addresses: Vec<String>,
    /// Whether it was taken for one of them.
    pub(crate) was_taken: bool,
}

impl Done {
    fn is_nothing(&self) -> bool {
        self.addresses.is_empty()
    }
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
            done: Done::default(),
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
            done: Done::default(),
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
            if notice.done.was_taken {
                // Whoever is late stands in nobody's way.
                continue;
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
                self.bury(place);
                Some(Failed {
                    attempts,
                    given_up: true,
                })
            }
        }
    }

    /// Some addresses of mail are done with a notice. If there are very many that wait for others, the oldest is given up.
    pub(crate) fn done(&mut self, position: LogPosition, done: Done) {
        let is_it = |notice: &&mut Waiting| notice.position == position;
        if let Some(notice) = self.waiting.iter_mut().find(is_it) {
            notice.done.addresses.extend(done.addresses);
            notice.done.was_taken |= done.was_taken;
        }
        let is_late = |notice: &Waiting| notice.done.was_taken;
        let late = self.waiting.iter().filter(|it| is_late(it)).count();
        if let Some(oldest) = self.waiting.iter().position(is_late)
            && LATE_MAX < late
        {
            self.bury(oldest);
        }
    }

    /// Whether so many wait that no more fits. Those that wait for a late address of mail alone do not count.
    pub(crate) fn is_full(&self, waiting_max: usize) -> bool {
        let counts = |notice: &&Waiting| !notice.done.was_taken;
        waiting_max <= self.waiting.len()
            && waiting_max <= self.waiting.iter().filter(counts).count()
    }

    fn bury(&mut self, place: usize) {
        let notice = self.waiting.remove(place);
        self.dead.push(notice);
        self.dead.sort_by_key(|it| it.position);
        let beyond = self.dead.len().saturating_sub(DEAD_MAX);
        self.dead.drain(..beyond);
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
mod tests;
