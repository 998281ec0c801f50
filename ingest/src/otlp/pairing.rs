//! Puts the two sides of a call together: a span and the span that caused it,
//! when they belong to different services, in whatever order and batch they come.
//!
//! Spans stay open for a bounded time and number. What is still alone then
//! becomes a call to whomever its attributes name. It decides nothing about
//! windows and statistics.

mod links;
mod sides;
mod slots;

use std::collections::VecDeque;
use std::hash::BuildHasher;

use hashbrown::DefaultHashBuilder;

use super::calls::Call;
use super::span::{Span, SpanKind, SpanLink};
pub(crate) use links::LinkLimits;
use links::Links;
pub(crate) use sides::{OpenPeer, OpenSpan, Role};
use sides::{are_two, is_taken_over, paired_calls};
use slots::{Numbers, Of, Slots};

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
    /// Open spans by their ids, and the newest of those that wait for a causing span, by its id; the others hang on it.
    slots: Slots,
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

/// Where a span and the one that caused it are looked for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Hashes {
    own: u64,
    cause: u64,
}

impl Entry {
    /// Whether it waits for this span.
    fn waits_for(&self, trace: u128, id: u64) -> bool {
        self.is_waiting && self.open.span.parent == id && self.open.span.trace == trace
    }
}

impl OpenSpans {
    /// No span yet.
    pub(crate) fn new(limits: PairingLimits) -> Self {
        Self {
            limits,
            entries: VecDeque::new(),
            first: 0,
            slots: Slots::new(),
            links: Links::new(limits.links),
            hasher: DefaultHashBuilder::default(),
            counts: PairingCounts::default(),
        }
    }

    /// How many are open.
    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Looks where some spans will be looked for. Each look waits for memory, and all of them wait together.
    pub(crate) fn look_ahead<'s>(
        &self,
        spans: impl Iterator<Item = &'s Span>,
        hashes: &mut Vec<Hashes>,
    ) {
        hashes.clear();
        let mut touched = 0_u32;
        for span in spans {
            let own = self.hash(span.trace, span.id);
            let cause = match span.parent {
                0 => own,
                parent => self.hash(span.trace, parent),
            };
            touched ^= self.slots.touch(own) ^ self.slots.touch(cause);
            hashes.push(Hashes { own, cause });
        }
        for hash in hashes.iter() {
            let waiting = self.slots.likely(hash.own, Of::Waiting);
            let cause = self.slots.likely(hash.cause, Of::Open);
            for number in waiting.into_iter().chain(cause) {
                touched ^= self
                    .entry(number)
                    .map_or(0, |entry| entry.open.owner_bits());
            }
        }
        std::hint::black_box(touched);
    }

    /// Takes a span in, and yields the calls that it completes.
    pub(crate) fn take(
        &mut self,
        open: OpenSpan,
        hashes: Hashes,
        links: &[SpanLink],
        now: i64,
        calls: &mut impl FnMut(Call),
    ) {
        let span = &open.span;
        let hash = hashes.own;
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
        self.pair_with_those_waiting(number, hash, span, calls);
        let may_share_id = matches!(span.kind, SpanKind::Server | SpanKind::Client);
        if may_share_id && let Some(other_side) = self.other_side(hash, &open) {
            self.pair_sides_with_one_id(number, other_side, calls);
        }
        if span.parent != 0 && !span.parent_is_local {
            self.pair_with_cause(number, &open, hashes.cause, calls);
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
        let is_there = self.slots.find(hash, Of::Open, |number| {
            self.entry(number).is_some_and(|entry| {
                entry.open.is(open.span.trace, open.span.id)
                    && entry.open.is_server() == open.is_server()
            })
        });
        if is_there.is_some() {
            return None;
        }
        self.slots.insert(hash, Of::Open, number, self.numbers());
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
        // The slot of those that wait no longer is one of a span that is no longer open.
        let gone = self.first.wrapping_sub(1);
        let (entries, first) = (&self.entries, self.first);
        let mut next = self.slots.replace(hash, Of::Waiting, gone, |number| {
            entry(entries, first, number)
                .is_some_and(|waiting| waiting.waits_for(span.trace, span.id))
        });
        while let Some(number) = next {
            let Some(waiting) = self.entry_mut(number) else {
                return;
            };
            waiting.is_waiting = false;
            next = waiting.next_waiting.take();
            self.pair(cause, number, calls);
        }
    }

    fn pair_with_cause(
        &mut self,
        caused: u32,
        open: &OpenSpan,
        hash: u64,
        calls: &mut impl FnMut(Call),
    ) {
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
        let nearer = self.slots.find(hash, Of::Open, |number| {
            self.entry(number)
                .is_some_and(|entry| entry.open.is(trace, id) && entry.open.owner == caused.owner)
        });
        Some(nearer.unwrap_or(found))
    }

    fn wait(&mut self, caused: u32, span: &Span, hash: u64) {
        let (entries, first) = (&self.entries, self.first);
        let next_waiting = self.slots.replace(hash, Of::Waiting, caused, |number| {
            entry(entries, first, number)
                .is_some_and(|waiting| waiting.waits_for(span.trace, span.parent))
        });
        if next_waiting.is_none() {
            let numbers = self.numbers();
            self.slots.insert(hash, Of::Waiting, caused, numbers);
        }
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
        let span = oldest.open.span;
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
        self.slots.find(hash, Of::Open, |number| {
            self.entry(number)
                .is_some_and(|entry| entry.open.is(trace, id))
        })
    }

    /// The other side of a call, when both sides share one id.
    fn other_side(&self, hash: u64, open: &OpenSpan) -> Option<u32> {
        self.slots.find(hash, Of::Open, |number| {
            self.entry(number).is_some_and(|entry| {
                entry.open.is(open.span.trace, open.span.id)
                    && entry.open.is_server() != open.is_server()
            })
        })
    }

    fn numbers(&self) -> Numbers {
        Numbers {
            first: self.first,
            count: self.entries.len() as u32,
        }
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
