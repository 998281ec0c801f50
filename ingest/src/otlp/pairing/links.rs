//! Links of spans: a consumer of a batch refers to the spans that made its messages, in any trace.
//!
//! A link whose span has not come waits for it, and a producer is remembered for a while after it
//! was concluded, because messages lie in queues. Both are bounded in number and time.

use std::collections::VecDeque;

use hashbrown::HashTable;

use super::sides::OpenSpan;

/// Bounds of what links need.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LinkLimits {
    /// Most links that wait, and most producers that are remembered (each).
    pub(crate) each: usize,
    /// How long a link waits, nanoseconds.
    pub(crate) wait_nanos: i64,
    /// How long a producer is remembered, nanoseconds.
    pub(crate) memory_nanos: i64,
}

/// Links that wait, and producers that were concluded.
#[derive(Debug)]
pub(super) struct Links {
    limits: LinkLimits,
    waiting: Queue<Waiting>,
    producers: Queue<OpenSpan>,
}

/// A link whose span has not come.
#[derive(Clone, Copy, Debug)]
struct Waiting {
    consumer: OpenSpan,
    trace: u128,
    id: u64,
    is_done: bool,
}

impl Links {
    pub(super) const fn new(limits: LinkLimits) -> Self {
        Self {
            limits,
            waiting: Queue::new(),
            producers: Queue::new(),
        }
    }

    /// Lets a consumer wait for a span that it is linked to. Tells how many others had to stop waiting.
    pub(super) fn wait(
        &mut self,
        consumer: &OpenSpan,
        (hash, trace, id): (u64, u128, u64),
        now: i64,
    ) -> u64 {
        let waiting = Waiting {
            consumer: *consumer,
            trace,
            id,
            is_done: false,
        };
        let until = now.saturating_add(self.limits.wait_nanos);
        self.waiting.push(hash, until, waiting);
        let mut alone = 0;
        while self.limits.each < self.waiting.len() {
            alone += u64::from(self.waiting.pop().is_some_and(|link| !link.is_done));
        }
        alone
    }

    /// The consumers that waited for this span; they wait no longer.
    pub(super) fn waited_for(&mut self, (hash, trace, id): (u64, u128, u64)) -> Vec<OpenSpan> {
        if self.waiting.is_empty() {
            return Vec::new();
        }
        let mut found = Vec::new();
        self.waiting.each_mut(hash, |link| {
            if link.id == id && link.trace == trace && !link.is_done {
                link.is_done = true;
                found.push(link.consumer);
            }
        });
        found
    }

    /// Remembers a producer that was concluded at this moment.
    pub(super) fn remember(&mut self, producer: OpenSpan, hash: u64, concluded_at: i64) {
        let until = concluded_at.saturating_add(self.limits.memory_nanos);
        self.producers.push(hash, until, producer);
        while self.limits.each < self.producers.len() {
            self.producers.pop();
        }
    }

    /// A producer that was concluded.
    pub(super) fn producer(&self, (hash, trace, id): (u64, u128, u64)) -> Option<OpenSpan> {
        self.producers
            .find(hash, |producer| producer.is(trace, id))
            .copied()
    }

    /// Lets go of what is due, and tells how many links found nobody.
    pub(super) fn expire(&mut self, now: i64) -> u64 {
        let mut alone = 0;
        while let Some(link) = self.waiting.pop_due(now) {
            alone += u64::from(!link.is_done);
        }
        while self.producers.pop_due(now).is_some() {}
        alone
    }
}

/// Entries in the order in which they came, found by hash; several may share one.
#[derive(Debug)]
struct Queue<T> {
    entries: VecDeque<Queued<T>>,
    /// The number of the oldest entry; numbers wrap.
    first: u32,
    by_hash: HashTable<u32>,
}

#[derive(Debug)]
struct Queued<T> {
    hash: u64,
    until: i64,
    entry: T,
}

impl<T> Queue<T> {
    const fn new() -> Self {
        Self {
            entries: VecDeque::new(),
            first: 0,
            by_hash: HashTable::new(),
        }
    }

    fn len(&self) -> usize {
        self.entries.len()
    }

    fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    fn push(&mut self, hash: u64, until: i64, entry: T) {
        let number = self.first.wrapping_add(self.entries.len() as u32);
        self.entries.push_back(Queued { hash, until, entry });
        let (entries, first) = (&self.entries, self.first);
        self.by_hash.insert_unique(hash, number, |number| {
            at(entries, first, *number).map_or(0, |queued| queued.hash)
        });
    }

    fn pop_due(&mut self, now: i64) -> Option<T> {
        self.entries.front().filter(|queued| queued.until <= now)?;
        self.pop()
    }

    fn pop(&mut self) -> Option<T> {
        let queued = self.entries.pop_front()?;
        let number = self.first;
        self.first = self.first.wrapping_add(1);
        if let Ok(found) = self
            .by_hash
            .find_entry(queued.hash, |other| *other == number)
        {
            found.remove();
        }
        if self.entries.is_empty() {
            self.by_hash.clear();
        }
        Some(queued.entry)
    }

    fn find(&self, hash: u64, is_it: impl Fn(&T) -> bool) -> Option<&T> {
        self.by_hash
            .iter_hash(hash)
            .filter_map(|number| at(&self.entries, self.first, *number))
            .map(|queued| &queued.entry)
            .find(|entry| is_it(entry))
    }

    fn each_mut(&mut self, hash: u64, mut with: impl FnMut(&mut T)) {
        let mut numbers: Vec<u32> = self.by_hash.iter_hash(hash).copied().collect();
        numbers.sort_unstable_by_key(|number| number.wrapping_sub(self.first));
        for number in numbers {
            let place = number.wrapping_sub(self.first) as usize;
            if let Some(queued) = self.entries.get_mut(place) {
                with(&mut queued.entry);
            }
        }
    }
}

fn at<T>(entries: &VecDeque<Queued<T>>, first: u32, number: u32) -> Option<&Queued<T>> {
    entries.get(number.wrapping_sub(first) as usize)
}
