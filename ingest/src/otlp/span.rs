//! What the decoders hand over: spans and the few attributes that say who called whom.
//!
//! Everything borrows from the request. What an attribute means is said in
//! [`attributes`](super::attributes); nothing here knows a wire format.

use super::attributes::{PeerFacts, ResourceFacts};

/// Stands for "no peer attributes" in [`Span::peer`].
pub(crate) const NO_PEER: u32 = u32::MAX;

/// One unit of [`Span::weight`]: spans count in fractions of 1/256, so that sums are exact in any order.
pub(crate) const WEIGHT_ONE: u32 = 256;

/// Which side of a call a span is, with the numbers of OTLP.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum SpanKind {
    /// Not said.
    Unspecified,
    /// Inside one service.
    Internal,
    /// It serves a call.
    Server,
    /// It makes a call.
    Client,
    /// It hands a message to a queue.
    Producer,
    /// It takes a message from a queue.
    Consumer,
}

impl SpanKind {
    /// The kind of an OTLP number; an unknown one is not said.
    pub(crate) const fn of(number: i32) -> Self {
        match number {
            1 => Self::Internal,
            2 => Self::Server,
            3 => Self::Client,
            4 => Self::Producer,
            5 => Self::Consumer,
            _ => Self::Unspecified,
        }
    }

    /// Whether such a span names another party, or what it answers for, in its attributes.
    pub(crate) const fn has_facts(self) -> bool {
        matches!(
            self,
            Self::Server | Self::Client | Self::Producer | Self::Consumer
        )
    }

    /// Whether the links of such a span may say whose messages it takes.
    pub(crate) const fn may_take_messages(self) -> bool {
        matches!(self, Self::Client | Self::Consumer)
    }
}

/// A valid span, without its texts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Span {
    /// The trace.
    pub(crate) trace: u128,
    /// The span within the trace; never 0.
    pub(crate) id: u64,
    /// The span that caused it; 0 when there is none.
    pub(crate) parent: u64,
    /// Its start, nanoseconds since the Unix epoch.
    pub(crate) started_at: i64,
    /// Its length in nanoseconds.
    pub(crate) duration: u64,
    /// For how many spans it stands, in units of 1/[`WEIGHT_ONE`].
    pub(crate) weight: u32,
    /// The place of its resource in [`Spans::resources`].
    pub(crate) resource: u32,
    /// The place of its peer in [`Spans::peers`], or [`NO_PEER`].
    pub(crate) peer: u32,
    /// Which side it is.
    pub(crate) kind: SpanKind,
    /// Whether it failed.
    pub(crate) failed: bool,
    /// Whether its sender says that the causing span ran in the same process.
    pub(crate) parent_is_local: bool,
}

/// The spans of one request.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Spans<'a> {
    /// Who sent them.
    pub(crate) resources: Vec<ResourceFacts<'a>>,
    /// The spans.
    pub(crate) spans: Vec<Span>,
    /// Whom they name.
    pub(crate) peers: Vec<PeerFacts<'a>>,
    /// Which spans they are linked to, in the order of `spans`.
    pub(crate) links: Vec<SpanLink>,
    /// Links beyond what one span may have.
    pub(crate) links_dropped: u64,
    /// What was refused.
    pub(crate) rejected: RejectedSpans,
}

/// Another span that a span refers to besides the one that caused it: of a message in its batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SpanLink {
    /// The place of the span that has the link in [`Spans::spans`].
    pub(crate) of: u32,
    /// The trace of the other span.
    pub(crate) trace: u128,
    /// The other span.
    pub(crate) id: u64,
}

/// Most links of one span that are read.
const LINKS_MAX: u32 = 128;

/// Spans that are not valid, by reason.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct RejectedSpans {
    /// Trace, span or causing id is missing or has a wrong length.
    pub(crate) bad_id: u64,
    /// The start is missing or out of range.
    pub(crate) bad_time: u64,
}

impl RejectedSpans {
    /// All of them.
    pub(crate) const fn total(self) -> u64 {
        self.bad_id + self.bad_time
    }
}

/// Why one span is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SpanFault {
    /// See [`RejectedSpans::bad_id`].
    Id,
    /// See [`RejectedSpans::bad_time`].
    Time,
}

/// The scalars of a span as a decoder found them, not yet checked.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct RawSpan<'a> {
    /// Sixteen bytes.
    pub(crate) trace_id: &'a [u8],
    /// Eight bytes.
    pub(crate) span_id: &'a [u8],
    /// Eight bytes or none.
    pub(crate) parent_span_id: &'a [u8],
    /// The W3C trace state.
    pub(crate) trace_state: &'a str,
    /// The W3C flags and OTLP's two bits about the causing span.
    pub(crate) flags: u32,
    /// OTLP's number of the kind.
    pub(crate) kind: i32,
    /// Unix nanoseconds.
    pub(crate) started_at: u64,
    /// Unix nanoseconds.
    pub(crate) ended_at: u64,
    /// OTLP's number of the status.
    pub(crate) status: i32,
}

impl RawSpan<'_> {
    /// The span, if its ids and times are valid.
    pub(crate) fn check(&self, resource: u32) -> Result<Span, SpanFault> {
        let trace = <[u8; 16]>::try_from(self.trace_id).map_err(|_| SpanFault::Id)?;
        let id = span_id(self.span_id).ok_or(SpanFault::Id)?;
        let parent = match self.parent_span_id {
            [] => 0,
            bytes => u64::from_be_bytes(bytes.try_into().map_err(|_| SpanFault::Id)?),
        };
        let trace = u128::from_be_bytes(trace);
        if trace == 0 || id == 0 {
            return Err(SpanFault::Id);
        }
        let started_at = i64::try_from(self.started_at).map_err(|_| SpanFault::Time)?;
        if started_at == 0 {
            return Err(SpanFault::Time);
        }
        Ok(Span {
            trace,
            id,
            parent,
            started_at,
            duration: self.ended_at.saturating_sub(self.started_at),
            weight: sampling_weight(self.trace_state),
            resource,
            peer: NO_PEER,
            kind: SpanKind::of(self.kind),
            failed: self.status == STATUS_ERROR,
            parent_is_local: self.flags & (FLAG_HAS_IS_REMOTE | FLAG_IS_REMOTE)
                == FLAG_HAS_IS_REMOTE,
        })
    }
}

const STATUS_ERROR: i32 = 2;
const FLAG_HAS_IS_REMOTE: u32 = 0x100;
const FLAG_IS_REMOTE: u32 = 0x200;

/// Larger lists are not kept for other requests.
const SPARE_SPANS_MAX: usize = 8_192;

/// The items of an empty list are of any lifetime, and its memory stays the same.
fn reused<T, U>(mut list: Vec<T>) -> Vec<U> {
    list.clear();
    list.into_iter()
        .map(|_| unreachable!("the list is empty"))
        .collect()
}

impl<'a> Spans<'a> {
    /// Its lists, empty, for another request: it is costly to ask for so much memory each time.
    pub(crate) fn emptied(self) -> Spans<'static> {
        if SPARE_SPANS_MAX < self.spans.capacity() {
            return Spans::default();
        }
        Spans {
            resources: reused(self.resources),
            spans: reused(self.spans),
            peers: reused(self.peers),
            links: reused(self.links),
            ..Spans::default()
        }
    }

    /// Adds a span that was checked, with what its attributes say.
    pub(crate) fn add(&mut self, mut span: Span, facts: Option<PeerFacts<'a>>) {
        if let Some(facts) = facts {
            if let Some(resource) = self.resources.get_mut(span.resource as usize) {
                resource.learn_of_sender(&facts);
            }
            span.peer = self.peers.len() as u32;
            self.peers.push(facts);
        }
        self.spans.push(span);
    }

    /// Facts of the next span, to be filled where they lie: they are large.
    pub(crate) fn new_peer(&mut self) -> &mut PeerFacts<'a> {
        self.peers.push(PeerFacts::default());
        self.peers.last_mut().expect("facts were just added")
    }

    /// Adds a span of which the newest facts are.
    pub(crate) fn add_with_new_peer(&mut self, mut span: Span) {
        if let Some(facts) = self.peers.last() {
            if let Some(resource) = self.resources.get_mut(span.resource as usize) {
                resource.learn_of_sender(facts);
            }
            span.peer = (self.peers.len() - 1) as u32;
        }
        self.spans.push(span);
    }

    /// Adds a link of the span that was added last; `count` is how many of it were added before.
    pub(crate) fn link(&mut self, count: u32, trace: &[u8], id: &[u8]) {
        let trace = trace.try_into().map_or(0, u128::from_be_bytes);
        let id = span_id(id).unwrap_or(0);
        if trace == 0 || id == 0 {
            return;
        }
        if LINKS_MAX <= count {
            self.links_dropped += 1;
            return;
        }
        let of = self.spans.len().saturating_sub(1) as u32;
        self.links.push(SpanLink { of, trace, id });
    }

    /// Counts a refused span.
    pub(crate) const fn reject(&mut self, fault: SpanFault) {
        match fault {
            SpanFault::Id => self.rejected.bad_id += 1,
            SpanFault::Time => self.rejected.bad_time += 1,
        }
    }
}

fn span_id(bytes: &[u8]) -> Option<u64> {
    bytes.try_into().ok().map(u64::from_be_bytes)
}

/// Most spans one sampled span may stand for.
const WEIGHT_MAX: u32 = 1_000_000 * WEIGHT_ONE;

/// For how many spans a sampled one stands, as its trace state says.
///
/// The rejection threshold of consistent probability sampling: `ot=th:8` keeps half. Before it, the power of
/// two: `ot=p:3` keeps one in eight, and `ot=p:63` is kept for another reason and stands for none.
fn sampling_weight(trace_state: &str) -> u32 {
    if trace_state.is_empty() {
        return WEIGHT_ONE;
    }
    let ours = trace_state
        .split(',')
        .find_map(|entry| entry.trim().strip_prefix("ot="))
        .unwrap_or_default();
    let stated = |name| ours.split(';').find_map(|part| part.strip_prefix(name));
    if let Some(threshold) = stated("th:") {
        return weight_of_threshold(threshold).unwrap_or(WEIGHT_ONE);
    }
    match stated("p:").and_then(|power| power.parse::<u32>().ok()) {
        Some(63) => 0,
        Some(power) if power < 63 => WEIGHT_ONE
            .checked_mul(1_u32.checked_shl(power).unwrap_or(u32::MAX))
            .unwrap_or(WEIGHT_MAX)
            .min(WEIGHT_MAX),
        _ => WEIGHT_ONE,
    }
}

fn weight_of_threshold(digits: &str) -> Option<u32> {
    if digits.is_empty() || 14 < digits.len() {
        return None;
    }
    let threshold = u64::from_str_radix(digits, 16).ok()?;
    let whole = 1_u64 << 56;
    let rejected = threshold << (4 * (14 - digits.len()));
    let kept = whole.saturating_sub(rejected).max(1);
    let weight =
        (u128::from(whole) * u128::from(WEIGHT_ONE) + u128::from(kept / 2)) / u128::from(kept);
    Some(u32::try_from(weight).unwrap_or(WEIGHT_MAX).min(WEIGHT_MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn weight(trace_state: &str) -> f64 {
        sampling_weight(trace_state) as f64 / WEIGHT_ONE as f64
    }

    #[test]
    fn a_sampled_span_stands_for_those_left_out() {
        assert!((weight("") - 1.0).abs() < 1e-9);
        assert!((weight("ot=th:8") - 2.0).abs() < 1e-9);
        assert!((weight("vendor=x, ot=rv:1;th:c") - 4.0).abs() < 1e-9);
        assert!((weight("ot=th:0") - 1.0).abs() < 1e-9);
        assert!((weight("ot=th:zz") - 1.0).abs() < 1e-9);
        assert!((weight("ot=th:ffffffffffffff") - 1e6).abs() < 1e-9);
        assert!((weight("ot=p:3;r:9") - 8.0).abs() < 1e-9);
        assert!((weight("ot=p:0") - 1.0).abs() < 1e-9);
        assert!(weight("ot=p:63").abs() < 1e-9);
        assert!((weight("ot=p:62") - 1e6).abs() < 1e-9);
        assert!((weight("ot=p:64") - 1.0).abs() < 1e-9);
        assert!((weight("ot=p:3;th:8") - 2.0).abs() < 1e-9);
    }
}
