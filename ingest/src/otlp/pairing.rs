//! Puts the two sides of a call together: a span and the span that caused it,
//! when they belong to different services, in whatever order and batch they come.
//!
//! Spans stay open for a bounded time and number. What is still alone then
//! becomes a call to whomever its attributes name. It decides nothing about
//! windows and statistics.

mod links;
mod sides;

use std::collections::VecDeque;
use std::hash::BuildHasher;

use hashbrown::{DefaultHashBuilder, HashTable, hash_table};

use super::calls::Call;
use super::span::{Span, SpanKind, SpanLink};
pub(crate) use links::LinkLimits;
use links::Links;
pub(crate) use sides::{OpenPeer, OpenSpan, Role};
use sides::{are_two, is_taken_over, paired_calls};

/// Bounds of the spans that are open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PairingLimits {
    /// At most so many; beyond, the oldest are concluded early.
    pub(crate) spans: usize,
    /// How long a span waits for its other side, nanoseconds.
    pub(crate) wait_nanos: i64,
    /// Bounds of what their links need.
    pub(crate) links: LinkLimits,
}

/// What happened to spans while pairing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct PairingCounts {
    /// Came a second time while open.
    pub(crate) duplicates: u64,
    /// Were concluded early because too many were open.
    pub(crate) evicted: u64,
    /// Served a call whose caller was not seen.
    pub(crate) callers_unseen: u64,
    /// Made a call, and neither a span nor an attribute says to whom.
    pub(crate) peers_unknown: u64,
    /// Links to spans that never came, or not in time.
    pub(crate) links_unseen: u64,
}

/// The open spans.
#[derive(Debug)]
pub(crate) struct OpenSpans {
    limits: PairingLimits,
    entries: VecDeque<Entry>,
    /// The number of the oldest entry; numbers wrap.
    first: u32,
    by_id: HashTable<u32>,
    /// The newest of the spans that wait for a causing span, by its id; the others hang on it.
    waiting: HashTable<u32>,
    links: Links,
    hasher: DefaultHashBuilder,
    pub(crate) counts: PairingCounts,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    open: OpenSpan,
    expires_at: i64,
    /// The next one that waits for the same span.
    next_waiting: Option<u32>,
    is_waiting: bool,
    /// Whether another span answered it.
    is_paired: bool,
    /// Whether the call that caused it is counted: by its causing span, or by a caller with the same id.
    is_counted: bool,
}

impl OpenSpans {
    /// No span yet.
    pub(crate) fn new(limits: PairingLimits) -> Self {
        Self {
            limits,
            entries: VecDeque::new(),
            first: 0,
            by_id: HashTable::new(),
            waiting: HashTable::new(),
            links: Links::new(limits.links),
            hasher: DefaultHashBuilder::default(),
            counts: PairingCounts::default(),
        }
    }

    /// How many are open.
    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Takes a span in, and yields the calls that it completes.
    pub(crate) fn take(
        &mut self,
        open: OpenSpan,
        links: &[SpanLink],
        now: i64,
        calls: &mut impl FnMut(Call),
    ) {
        let span = &open.span;
        let hash = self.hash(span.trace, span.id);
        let Some(number) = self.push(open, now, hash) else {
            self.counts.duplicates += 1;
            return;
        };
        while self.limits.spans < self.entries.len() {
            self.counts.evicted += 1;
            self.conclude_oldest(calls);
        }
        if let Some(peer) = open.peer.filter(|peer| peer.is_final) {
            calls(open.one_sided(peer));
        }
        if !self.waiting.is_empty() {
            self.pair_with_those_waiting(number, hash, span, calls);
        }
        let may_share_id = matches!(span.kind, SpanKind::Server | SpanKind::Client);
        if may_share_id && let Some(other_side) = self.other_side(hash, &open) {
            self.pair_sides_with_one_id(number, other_side, calls);
        }
        if span.parent != 0 && !span.parent_is_local {
            self.pair_with_cause(number, &open, calls);
        }
        for consumer in self.links.waited_for((hash, span.trace, span.id)) {
            join(&open, &consumer, calls);
        }
        for link in links {
            self.follow(&open, link, now, calls);
        }
    }

    /// Joins a consumer to the maker of one of its messages, or lets it wait for it. Each link is one message.
    fn follow(
        &mut self,
        consumer: &OpenSpan,
        link: &SpanLink,
        now: i64,
        calls: &mut impl FnMut(Call),
    ) {
        let is_cause = link.trace == consumer.span.trace && link.id == consumer.span.parent;
        if is_cause || !consumer.takes_messages() {
            return;
        }
        let hash = self.hash(link.trace, link.id);
        let open = self.find(hash, link.trace, link.id);
        let open = open.and_then(|number| Some(self.entry(number)?.open));
        let target = (hash, link.trace, link.id);
        match open.or_else(|| self.links.producer(target)) {
            Some(producer) => join(&producer, consumer, calls),
            None => self.counts.links_unseen += self.links.wait(consumer, target, now),
        }
    }

    /// Concludes the spans that have waited long enough.
    pub(crate) fn expire(&mut self, now: i64, calls: &mut impl FnMut(Call)) {
        while self
            .entries
            .front()
            .is_some_and(|entry| entry.expires_at <= now)
        {
            self.conclude_oldest(calls);
        }
        self.counts.links_unseen += self.links.expire(now);
    }

    /// Concludes all.
    pub(crate) fn conclude_all(&mut self, calls: &mut impl FnMut(Call)) {
        self.expire(i64::MAX, calls);
    }

    /// Its number, or `None` when the very span is open already; a server and a caller may share an id.
    fn push(&mut self, open: OpenSpan, now: i64, hash: u64) -> Option<u32> {
        let number = self.first.wrapping_add(self.entries.len() as u32);
        let (entries, first, hasher) = (&self.entries, self.first, &self.hasher);
        let slot = self.by_id.entry(
            hash,
            |number| {
                entry(entries, first, *number).is_some_and(|entry| {
                    entry.open.is(open.span.trace, open.span.id)
                        && entry.open.is_server() == open.is_server()
                })
            },
            |number| {
                entry(entries, first, *number).map_or(0, |entry| {
                    hasher.hash_one((entry.open.span.trace, entry.open.span.id))
                })
            },
        );
        let hash_table::Entry::Vacant(vacant) = slot else {
            return None;
        };
        vacant.insert(number);
        self.entries.push_back(Entry {
            open,
            expires_at: now.saturating_add(self.limits.wait_nanos),
            next_waiting: None,
            is_waiting: false,
            is_paired: false,
            is_counted: false,
        });
        Some(number)
    }

    fn pair_with_those_waiting(
        &mut self,
        cause: u32,
        hash: u64,
        span: &Span,
        calls: &mut impl FnMut(Call),
    ) {
        let (entries, first) = (&self.entries, self.first);
        let found = self.waiting.find_entry(hash, |number| {
            entry(entries, first, *number).is_some_and(|waiting| {
                waiting.open.span.parent == span.id && waiting.open.span.trace == span.trace
            })
        });
        let Ok(found) = found else { return };
        let mut next = Some(found.remove().0);
        while let Some(number) = next {
            let Some(waiting) = self.entry_mut(number) else {
                return;
            };
            waiting.is_waiting = false;
            next = waiting.next_waiting.take();
            self.pair(cause, number, calls);
        }
    }

    fn pair_with_cause(&mut self, caused: u32, open: &OpenSpan, calls: &mut impl FnMut(Call)) {
        let hash = self.hash(open.span.trace, open.span.parent);
        match self.find_cause(hash, open) {
            Some(cause) => self.pair(cause, caused, calls),
            None if open.span.kind == SpanKind::Consumer => {
                let target = (hash, open.span.trace, open.span.parent);
                match self.links.producer(target) {
                    Some(producer) => {
                        join(&producer, open, calls);
                        if let Some(entry) = self.entry_mut(caused) {
                            entry.is_paired = true;
                        }
                    }
                    None => self.wait(caused, &open.span, hash),
                }
            }
            None => self.wait(caused, &open.span, hash),
        }
    }

    /// Where two spans share the id of the cause, the one in the same service is it.
    fn find_cause(&self, hash: u64, caused: &OpenSpan) -> Option<u32> {
        let (trace, id) = (caused.span.trace, caused.span.parent);
        let found = self.find(hash, trace, id)?;
        if self.entry(found)?.open.owner == caused.owner {
            return Some(found);
        }
        let nearer = self.by_id.iter_hash(hash).find(|number| {
            self.entry(**number)
                .is_some_and(|entry| entry.open.is(trace, id) && entry.open.owner == caused.owner)
        });
        Some(nearer.copied().unwrap_or(found))
    }

    fn wait(&mut self, caused: u32, span: &Span, hash: u64) {
        let (entries, first, hasher) = (&self.entries, self.first, &self.hasher);
        let slot = self.waiting.entry(
            hash,
            |number| {
                entry(entries, first, *number).is_some_and(|waiting| {
                    waiting.open.span.parent == span.parent && waiting.open.span.trace == span.trace
                })
            },
            |number| {
                entry(entries, first, *number).map_or(0, |entry| {
                    hasher.hash_one((entry.open.span.trace, entry.open.span.parent))
                })
            },
        );
        let next_waiting = match slot {
            hash_table::Entry::Occupied(mut occupied) => {
                Some(std::mem::replace(occupied.get_mut(), caused))
            }
            hash_table::Entry::Vacant(vacant) => {
                vacant.insert(caused);
                None
            }
        };
        if let Some(entry) = self.entry_mut(caused) {
            entry.is_waiting = true;
            entry.next_waiting = next_waiting;
        }
    }

    /// A caller and a server that share one span id, as B3 propagation makes them.
    fn pair_sides_with_one_id(&mut self, one: u32, other: u32, calls: &mut impl FnMut(Call)) {
        let is_server = |number| {
            self.entry(number)
                .is_some_and(|entry| entry.open.span.kind == SpanKind::Server)
        };
        if is_server(one) {
            self.pair(other, one, calls);
        } else {
            self.pair(one, other, calls);
        }
    }

    fn pair(&mut self, cause: u32, caused: u32, calls: &mut impl FnMut(Call)) {
        let (Some(from), Some(to)) = (self.entry(cause), self.entry(caused)) else {
            return;
        };
        let is_counted = to.is_counted;
        let (from, to) = (from.open, to.open);
        let is_call = are_two(&from, &to);
        let is_answered = is_call || to.span.kind == SpanKind::Server || is_taken_over(&from, &to);
        if let Some(entry) = self.entry_mut(cause) {
            entry.is_paired |= is_answered;
        }
        if let Some(entry) = self.entry_mut(caused) {
            entry.is_paired |= is_call && to.span.kind == SpanKind::Consumer;
            entry.is_counted |= is_call;
        }
        if is_call && !is_counted {
            paired_calls(&from, &to, calls);
        }
    }

    fn conclude_oldest(&mut self, calls: &mut impl FnMut(Call)) {
        let Some(oldest) = self.entries.front().copied() else {
            return;
        };
        let (number, span) = (self.first, oldest.open.span);
        if let Ok(found) = self
            .by_id
            .find_entry(self.hash(span.trace, span.id), |other| *other == number)
        {
            found.remove();
        }
        if oldest.is_waiting
            && let Ok(found) = self
                .waiting
                .find_entry(self.hash(span.trace, span.parent), |other| *other == number)
        {
            found.remove();
        }
        self.entries.pop_front();
        self.first = self.first.wrapping_add(1);
        if span.kind == SpanKind::Producer {
            let hash = self.hash(span.trace, span.id);
            self.links.remember(oldest.open, hash, oldest.expires_at);
        }
        self.conclude(&oldest, calls);
    }

    fn conclude(&mut self, entry: &Entry, calls: &mut impl FnMut(Call)) {
        if entry.is_paired {
            return;
        }
        match (entry.open.span.kind, entry.open.peer) {
            (_, Some(peer)) if peer.is_final => {}
            (SpanKind::Client | SpanKind::Producer | SpanKind::Consumer, Some(peer)) => {
                calls(entry.open.one_sided(peer));
            }
            (SpanKind::Client | SpanKind::Producer | SpanKind::Consumer, _) => {
                self.counts.peers_unknown += 1;
            }
            (SpanKind::Server, _) if entry.is_waiting => self.counts.callers_unseen += 1,
            (SpanKind::Server | SpanKind::Internal | SpanKind::Unspecified, _) => {}
        }
    }

    fn hash(&self, trace: u128, id: u64) -> u64 {
        self.hasher.hash_one((trace, id))
    }

    fn find(&self, hash: u64, trace: u128, id: u64) -> Option<u32> {
        let found = self.by_id.find(hash, |number| {
            self.entry(*number)
                .is_some_and(|entry| entry.open.is(trace, id))
        });
        found.copied()
    }

    /// The other side of a call, when both sides share one id.
    fn other_side(&self, hash: u64, open: &OpenSpan) -> Option<u32> {
        let found = self.by_id.find(hash, |number| {
            self.entry(*number).is_some_and(|entry| {
                entry.open.is(open.span.trace, open.span.id)
                    && entry.open.is_server() != open.is_server()
            })
        });
        found.copied()
    }

    fn entry(&self, number: u32) -> Option<&Entry> {
        entry(&self.entries, self.first, number)
    }

    fn entry_mut(&mut self, number: u32) -> Option<&mut Entry> {
        self.entries
            .get_mut(number.wrapping_sub(self.first) as usize)
    }
}

fn entry(entries: &VecDeque<Entry>, first: u32, number: u32) -> Option<&Entry> {
    entries.get(number.wrapping_sub(first) as usize)
}

/// Counts a message by the span that made it and the one that took it.
fn join(producer: &OpenSpan, consumer: &OpenSpan, calls: &mut impl FnMut(Call)) {
    let makes = producer.span.kind != SpanKind::Consumer;
    if makes && consumer.takes_messages() {
        let consumer = OpenSpan {
            span: Span {
                kind: SpanKind::Consumer,
                ..consumer.span
            },
            ..*consumer
        };
        if are_two(producer, &consumer) {
            paired_calls(producer, &consumer, calls);
        }
    }
}
