//! What two spans that belong together show: which call, over which route, how sure.

use model::Evidence;

use crate::otlp::calls::{Call, CallKind, CallRoute};
use crate::otlp::items::ItemNumber;
use crate::otlp::span::{Span, SpanKind};

/// A span whose other side may still come.
#[derive(Clone, Copy, Debug)]
pub(crate) struct OpenSpan {
    /// The span as it was decoded.
    pub(crate) span: Span,
    /// Whose it is: a service, or a gateway.
    pub(crate) owner: ItemNumber,
    /// Whether its sender only hands calls on.
    pub(crate) role: Role,
    /// Whom its attributes name; of a server, the interface that it answers for.
    pub(crate) peer: Option<OpenPeer>,
}

/// What a sender of spans is to the calls it speaks of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Role {
    /// It makes or answers them.
    #[default]
    Party,
    /// It hands on those of the service that it stands beside, and counts as that service.
    Beside,
    /// It stands between services.
    Between,
}

/// Whom an open span names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct OpenPeer {
    /// The item.
    pub(crate) item: ItemNumber,
    /// How it is needed.
    pub(crate) kind: CallKind,
    /// How sure that is.
    pub(crate) evidence: Evidence,
    /// Whether the call is counted at once, without waiting for another side.
    pub(crate) is_final: bool,
}

impl OpenSpan {
    /// Something of it, so that it is read.
    pub(super) fn owner_bits(&self) -> u32 {
        u32::from_le_bytes(self.owner.to_bytes())
    }

    /// Whether it is this span.
    pub(super) fn is(&self, trace: u128, id: u64) -> bool {
        self.span.id == id && self.span.trace == trace
    }

    /// Whether it serves a call.
    pub(super) fn is_server(&self) -> bool {
        self.span.kind == SpanKind::Server
    }

    /// Whether it takes messages.
    pub(super) fn takes_messages(&self) -> bool {
        let takes = |peer: OpenPeer| peer.kind == CallKind::ConsumesFrom;
        self.span.kind == SpanKind::Consumer || self.peer.is_some_and(takes)
    }

    /// The call to whom its attributes name.
    pub(super) fn one_sided(&self, peer: OpenPeer) -> Call {
        self.call(self.owner, peer.item, peer.kind, peer.evidence)
    }

    fn call(
        &self,
        dependent: ItemNumber,
        provider: ItemNumber,
        kind: CallKind,
        evidence: Evidence,
    ) -> Call {
        Call {
            route: CallRoute {
                dependent,
                provider,
                kind,
            },
            evidence,
            started_at: self.span.started_at,
            duration: self.span.duration,
            weight: self.span.weight.into(),
            failed: self.span.failed,
        }
    }

    fn queue(&self) -> Option<ItemNumber> {
        self.peer
            .filter(|peer| matches!(peer.kind, CallKind::PublishesTo | CallKind::ConsumesFrom))
            .filter(|peer| peer.is_final)
            .map(|peer| peer.item)
    }

    fn interface(&self) -> Option<ItemNumber> {
        self.peer
            .filter(|peer| peer.kind == CallKind::Invokes)
            .map(|peer| peer.item)
    }
}

/// Whether a span and the one it caused are two parties of a call. A service may send messages to itself.
pub(super) fn are_two(cause: &OpenSpan, caused: &OpenSpan) -> bool {
    let is_queued = cause.span.kind == SpanKind::Producer && caused.span.kind == SpanKind::Consumer;
    cause.owner != caused.owner || is_queued
}

/// Whether a proxy beside the caller took the call over, so that it speaks of the rest.
pub(super) fn is_taken_over(cause: &OpenSpan, caused: &OpenSpan) -> bool {
    let is_beside = cause.owner == caused.owner && caused.role == Role::Beside;
    is_beside && cause.span.kind == SpanKind::Client && caused.span.kind == SpanKind::Client
}

/// The calls that a span and the span it caused show, unless they are counted on their own.
pub(super) fn paired_calls(cause: &OpenSpan, caused: &OpenSpan, calls: &mut impl FnMut(Call)) {
    let is_message =
        cause.span.kind == SpanKind::Producer || caused.span.kind == SpanKind::Consumer;
    if is_message {
        if let Some(call) = message(cause, caused) {
            calls(call);
        }
        return;
    }
    // The caller's view of the call, where the caller spoke of it.
    let seen_by = if cause.span.kind == SpanKind::Client {
        cause
    } else {
        caused
    };
    let kind = match cause.role {
        Role::Between => CallKind::RoutesTo,
        Role::Party | Role::Beside => CallKind::Calls,
    };
    calls(seen_by.call(cause.owner, caused.owner, kind, Evidence::Paired));
    if let Some(interface) = caused.interface() {
        calls(seen_by.call(cause.owner, interface, CallKind::Invokes, Evidence::Paired));
    }
}

/// A side that names the queue is counted on its own; the other learns the queue from it.
fn message(producer: &OpenSpan, consumer: &OpenSpan) -> Option<Call> {
    match (producer.queue(), consumer.queue()) {
        (Some(_), Some(_)) => None,
        (Some(queue), None) => Some(consumer.call(
            consumer.owner,
            queue,
            CallKind::ConsumesFrom,
            Evidence::Paired,
        )),
        (None, Some(queue)) => Some(producer.call(
            producer.owner,
            queue,
            CallKind::PublishesTo,
            Evidence::Paired,
        )),
        (None, None) if producer.owner == consumer.owner => None,
        (None, None) => Some(consumer.call(
            consumer.owner,
            producer.owner,
            CallKind::ConsumesFrom,
            Evidence::Paired,
        )),
    }
}
