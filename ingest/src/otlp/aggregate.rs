//! Spans to closed windows: knows the senders, names the peers, pairs, sums up.
//!
//! Pure but for its own memory: whoever holds it brings the time. What a closed
//! window says to the log is decided in [`report`](super::report).

use std::collections::HashMap;

use hashbrown::DefaultHashBuilder;
use model::{Evidence, KeyParts, RelationKind};

use super::attributes::{PeerFacts, ResourceFacts};
use super::calls::{Call, CallKind};
use super::interfaces::Interfaces;
use super::items::{ItemFacts, ItemNumber, Items, KeyRef};
use super::pairing::{Hashes, OpenPeer, OpenSpan, OpenSpans, PairingCounts, PairingLimits, Role};
use super::peers::named_peer;
use super::places::placed_service;
use super::span::{NO_PEER, RejectedSpans, Span, SpanKind, SpanLink, Spans};
use super::windows::{ClosedWindow, WindowLimits, Windows};

/// Bounds of everything that grows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct AggregateLimits {
    pub(crate) pairing: PairingLimits,
    pub(crate) windows: WindowLimits,
    /// Most items in use.
    pub(crate) items: usize,
    /// Most remembered senders, named peers and places (each).
    pub(crate) cached: usize,
    /// Most interfaces of one service.
    pub(crate) interfaces: usize,
}

/// How far ahead of ours the clock of a sender may be, nanoseconds: further, and its spans count as of now.
const AHEAD_NANOS: i64 = 3_600_000_000_000;

/// So many spans are looked for at once.
const AHEAD_SPANS: usize = 64;

/// The spans of all senders on their way to closed windows.
#[derive(Debug)]
pub(crate) struct Aggregate {
    limits: AggregateLimits,
    pub(crate) items: Items,
    open: OpenSpans,
    windows: Windows,
    pub(crate) places: Places,
    senders: Cache<Option<Sender>>,
    peers: Cache<Named>,
    interfaces: Interfaces,
    /// Of the request in hand.
    scratch: Vec<u8>,
    ahead: Vec<Hashes>,
    counts: SpanCounts,
}

type Cache<T> = HashMap<Box<[u8]>, T, DefaultHashBuilder>;

/// What the attributes of a span come to.
#[derive(Clone, Copy, Debug, Default)]
struct Named {
    peer: Option<OpenPeer>,
    /// Which interface of its service it answers for.
    interface: Option<ItemNumber>,
}

/// Who runs on whom or is a part of whom, and when spans showed it.
pub(crate) type Places = HashMap<(ItemNumber, ItemNumber), SeenPlace, DefaultHashBuilder>;

/// When spans showed a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SeenPlace {
    /// Whether the one is a part of the other, rather than runs on it.
    pub(crate) is_part: bool,
    /// Start of the first span, Unix nanoseconds.
    pub(crate) first_seen_at: i64,
    /// Start of the last span.
    pub(crate) last_seen_at: i64,
    /// The `last_seen_at` that stands in the log.
    pub(crate) reported_at: Option<i64>,
    /// When it was last in use, by our clock.
    pub(crate) used_at: i64,
}

impl SeenPlace {
    /// The kind of the relation.
    pub(crate) fn relation(&self) -> RelationKind {
        RelationKind::new(match self.is_part {
            true => "part_of",
            false => "runs_on",
        })
    }
}

#[derive(Clone, Debug)]
struct Sender {
    service: ItemNumber,
    role: Role,
    runs_on: Vec<(ItemNumber, ItemNumber)>,
}

/// What became of spans.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct SpanCounts {
    pub(crate) received: u64,
    pub(crate) rejected: RejectedSpans,
    pub(crate) without_service: u64,
    pub(crate) beyond_items: u64,
    /// Names of interfaces that became `other`.
    pub(crate) beyond_interfaces: u64,
    /// Spans that serve a call which nobody of those who send spans made.
    pub(crate) entries: u64,
    /// Spans from clocks too far ahead, taken as of now.
    pub(crate) ahead: u64,
    /// Links beyond those that one span may have.
    pub(crate) links_dropped: u64,
    pub(crate) paired: PairingCounts,
    pub(crate) beyond_routes: u64,
    /// Deviations that were not told because a window had too many.
    pub(crate) deviations_dropped: u64,
    pub(crate) open: u64,
    pub(crate) items: u64,
}

/// What became of one request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct TakenSpans {
    pub(crate) valid: u64,
    pub(crate) rejected: RejectedSpans,
    /// Valid, but of nobody: they show no call.
    pub(crate) without_service: u64,
}

/// The sender of the spans of one resource, and when they started.
struct Batch {
    sender: Option<Sender>,
    first_at: i64,
    last_at: i64,
    spans: u64,
    /// The interfaces that its spans answered for.
    interfaces: Vec<ItemNumber>,
}

impl Aggregate {
    /// Nothing seen yet.
    pub(crate) fn new(limits: AggregateLimits) -> Self {
        Self {
            limits,
            items: Items::new(limits.items),
            open: OpenSpans::new(limits.pairing),
            windows: Windows::new(limits.windows),
            places: HashMap::default(),
            senders: HashMap::default(),
            peers: HashMap::default(),
            interfaces: Interfaces::new(limits.interfaces),
            scratch: Vec::new(),
            ahead: Vec::new(),
            counts: SpanCounts::default(),
        }
    }

    /// Takes the spans of one request in.
    pub(crate) fn take(&mut self, spans: &Spans<'_>, now: i64) -> TakenSpans {
        let mut batches: Vec<Batch> = Vec::with_capacity(spans.resources.len());
        for facts in &spans.resources {
            let sender = self.sender(facts, now);
            batches.push(Batch {
                sender,
                first_at: i64::MAX,
                last_at: i64::MIN,
                spans: 0,
                interfaces: Vec::new(),
            });
        }
        let mut without_service = 0;
        let mut links = spans.links.as_slice();
        for (place, span) in spans.spans.iter().enumerate() {
            if place % AHEAD_SPANS == 0 {
                let next = spans.spans.iter().skip(place).take(AHEAD_SPANS);
                self.open.look_ahead(next, &mut self.ahead);
            }
            let of_others = links.partition_point(|link| link.of as usize <= place);
            let (mine, rest) = links.split_at(of_others);
            links = rest;
            let Some(batch) = batches.get_mut(span.resource as usize) else {
                continue;
            };
            let mut span = *span;
            if now.saturating_add(AHEAD_NANOS) < span.started_at {
                span.started_at = now;
                self.counts.ahead += 1;
            }
            batch.first_at = batch.first_at.min(span.started_at);
            batch.last_at = batch.last_at.max(span.started_at);
            batch.spans += 1;
            match batch.sender {
                None => without_service += 1,
                Some(_) => {
                    let Some(hashes) = self.ahead.get(place % AHEAD_SPANS).copied() else {
                        continue;
                    };
                    self.take_span((span, hashes), batch, (spans, mine), now);
                }
            }
        }
        for batch in &batches {
            self.note_places(batch, now);
        }
        self.counts.received += spans.spans.len() as u64 + spans.rejected.total();
        self.counts.rejected.bad_id += spans.rejected.bad_id;
        self.counts.rejected.bad_time += spans.rejected.bad_time;
        self.counts.without_service += without_service;
        self.counts.links_dropped += spans.links_dropped;
        TakenSpans {
            valid: spans.spans.len() as u64,
            rejected: spans.rejected,
            without_service,
        }
    }

    /// Adds calls as if spans had shown them.
    #[cfg(test)]
    pub(crate) fn add_calls(
        &mut self,
        route: (&KeyParts, &KeyParts, CallKind),
        calls: impl Iterator<Item = (i64, u64, bool)>,
        now: i64,
    ) {
        let number = |items: &mut Items, key| items.number(KeyRef::of(key), now);
        let dependent = number(&mut self.items, route.0).expect("there is room");
        let provider = number(&mut self.items, route.1).expect("there is room");
        for (started_at, duration, failed) in calls {
            let call = Call {
                route: super::calls::CallRoute {
                    dependent,
                    provider,
                    kind: route.2,
                },
                evidence: Evidence::Paired,
                started_at,
                duration,
                weight: u64::from(super::span::WEIGHT_ONE),
                failed,
            };
            self.windows.add(&call, now);
        }
    }

    /// Concludes what has waited long enough and closes what is due.
    pub(crate) fn close_due(&mut self, now: i64) -> Vec<ClosedWindow> {
        let windows = &mut self.windows;
        self.open.expire(now, &mut |call| windows.add(&call, now));
        windows.close_due(now)
    }

    /// Concludes and closes everything.
    pub(crate) fn close_all(&mut self, now: i64) -> Vec<ClosedWindow> {
        let windows = &mut self.windows;
        self.open.conclude_all(&mut |call| windows.add(&call, now));
        windows.close_all()
    }

    /// Windows that begin before a moment were not seen from their beginning.
    pub(crate) const fn whole_from(&mut self, from: i64) {
        self.windows.whole_from(from);
    }

    /// The start of the earliest window that is not handed out yet, at most `now`.
    pub(crate) fn complete_until(&self, now: i64) -> i64 {
        self.windows.earliest_open().unwrap_or(now).min(now)
    }

    /// Lets go of places not used since `before` and items not since `items_before`; what is still used is asked for anew.
    pub(crate) fn forget_unused(&mut self, before: i64, items_before: i64) {
        self.senders.clear();
        self.peers.clear();
        self.places.retain(|_, place| before <= place.used_at);
        self.items.forget_unused(items_before);
        self.interfaces.forget_unused(&self.items);
    }

    /// What became of the spans so far.
    pub(crate) fn counts(&self) -> SpanCounts {
        SpanCounts {
            paired: self.open.counts,
            beyond_routes: self.windows.dropped,
            beyond_interfaces: self.interfaces.beyond,
            open: self.open.len() as u64,
            items: self.items.len() as u64,
            ..self.counts
        }
    }

    fn take_span(
        &mut self,
        (span, hashes): (Span, Hashes),
        batch: &mut Batch,
        (spans, links): (&Spans<'_>, &[SpanLink]),
        now: i64,
    ) {
        let Some(sender) = &batch.sender else { return };
        let (owner, role) = (sender.service, sender.role);
        let named = match spans.peers.get(span.peer as usize) {
            Some(facts) if span.peer != NO_PEER => self.named(facts, span.kind, owner, now),
            _ => Named::default(),
        };
        if let Some(interface) = named.interface
            && !batch.interfaces.contains(&interface)
        {
            batch.interfaces.push(interface);
        }
        if span.kind == SpanKind::Server && span.parent == 0 {
            self.counts.entries += 1;
            self.items.note_entry(owner);
        }
        let open = OpenSpan {
            span,
            owner,
            role,
            peer: named.peer,
        };
        let windows = &mut self.windows;
        self.open.take(open, hashes, links, now, &mut |call: Call| {
            windows.add(&call, now);
        });
    }

    /// Whom these facts name to this caller; remembered, because the same are named again and again.
    fn named(
        &mut self,
        facts: &PeerFacts<'_>,
        side: SpanKind,
        caller: ItemNumber,
        now: i64,
    ) -> Named {
        self.scratch.clear();
        facts.write_to(side, &mut self.scratch);
        self.scratch.push(side as u8);
        self.scratch.extend_from_slice(&caller.to_bytes());
        if let Some(known) = self.peers.get(self.scratch.as_slice()) {
            return *known;
        }
        let named = self.newly_named(facts, side, caller, now);
        if self.limits.cached <= self.peers.len() {
            self.peers.clear();
        }
        self.peers.insert(self.scratch.as_slice().into(), named);
        named
    }

    fn newly_named(
        &mut self,
        facts: &PeerFacts<'_>,
        side: SpanKind,
        caller: ItemNumber,
        now: i64,
    ) -> Named {
        let interface = self
            .interfaces
            .number(facts, side, caller, &mut self.items, now);
        if side == SpanKind::Server {
            let peer = interface.map(|item| OpenPeer {
                item,
                kind: CallKind::Invokes,
                evidence: Evidence::Paired,
                is_final: false,
            });
            return Named { peer, interface };
        }
        let named = self
            .items
            .key(caller)
            .and_then(|key| named_peer(facts, side, key));
        let peer = named.and_then(|named| {
            let item = self.number(&named.key, named.facts, now)?;
            Some(OpenPeer {
                item,
                kind: named.kind,
                evidence: named.evidence,
                is_final: named.is_final,
            })
        });
        Named { peer, interface }
    }

    fn sender(&mut self, facts: &ResourceFacts<'_>, now: i64) -> Option<Sender> {
        self.scratch.clear();
        facts.write_to(&mut self.scratch);
        if let Some(known) = self.senders.get(self.scratch.as_slice()) {
            return known.clone();
        }
        let sender = self.new_sender(facts, now);
        if self.limits.cached <= self.senders.len() {
            self.senders.clear();
        }
        self.senders
            .insert(self.scratch.as_slice().into(), sender.clone());
        sender
    }

    fn new_sender(&mut self, facts: &ResourceFacts<'_>, now: i64) -> Option<Sender> {
        let placed = placed_service(facts)?;
        let mut numbers = Vec::with_capacity(placed.items.len());
        for (key, facts) in placed.items {
            numbers.push(self.number(&key, facts, now));
        }
        let service = numbers.first().copied().flatten()?;
        let number = |place: usize| numbers.get(place).copied().flatten();
        let runs_on = placed
            .runs_on
            .into_iter()
            .filter_map(|(dependent, provider)| Some((number(dependent)?, number(provider)?)))
            .collect();
        Some(Sender {
            service,
            role: placed.role,
            runs_on,
        })
    }

    fn number(&mut self, key: &KeyParts, facts: ItemFacts, now: i64) -> Option<ItemNumber> {
        let number = self.items.number(KeyRef::of(key), now);
        match number {
            Some(number) => self.items.learn(number, facts),
            None => self.counts.beyond_items += 1,
        }
        number
    }

    fn note_places(&mut self, batch: &Batch, now: i64) {
        let Some(sender) = batch.sender.as_ref().filter(|_| 0 < batch.spans) else {
            return;
        };
        self.windows.open(batch.first_at, sender.service, now);
        self.windows.sent_until(batch.last_at, sender.service);
        let parts = batch
            .interfaces
            .iter()
            .map(|interface| ((*interface, sender.service), true));
        let runs_on = sender.runs_on.iter().map(|place| (*place, false));
        for (place, is_part) in runs_on.chain(parts) {
            if self.limits.cached <= self.places.len() && !self.places.contains_key(&place) {
                self.counts.beyond_items += 1;
                continue;
            }
            let seen = self.places.entry(place).or_insert(SeenPlace {
                is_part,
                first_seen_at: batch.first_at,
                last_seen_at: batch.last_at,
                reported_at: None,
                used_at: now,
            });
            seen.first_seen_at = seen.first_seen_at.min(batch.first_at);
            seen.last_seen_at = seen.last_seen_at.max(batch.last_at);
            seen.used_at = now;
        }
    }
}
