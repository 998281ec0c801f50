//! What happened to requests, spans and entity events, by reason.

use std::sync::atomic::{AtomicU64, Ordering};

use super::aggregate::{SpanCounts, TakenSpans};
use super::answer::{Signal, Taken};
use super::decode::logs::EntityRecords;
use super::entities::SaidOfEntities;
use crate::intake::answer::Refusal;

/// Counts since the start, and two that say how it stands now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OtlpCounters {
    /// Trace requests taken.
    pub trace_requests: u64,
    /// Log requests taken.
    pub log_requests: u64,
    /// Bytes of requests taken, unpacked.
    pub bytes: u64,
    /// Requests refused because too much was waiting or the log took nothing.
    pub requests_refused_busy: u64,
    /// Requests refused for another reason.
    pub requests_refused_invalid: u64,
    /// Spans that came.
    pub spans_received: u64,
    /// Spans with a missing or malformed id.
    pub spans_rejected_id: u64,
    /// Spans with a missing start, or one out of range.
    pub spans_rejected_time: u64,
    /// Spans of a resource without a service name.
    pub spans_without_service: u64,
    /// Spans that came a second time.
    pub spans_duplicated: u64,
    /// Spans concluded early because too many were open.
    pub spans_evicted: u64,
    /// Server spans whose caller was not seen.
    pub callers_unseen: u64,
    /// Calls of which neither a span nor an attribute says whom they reached.
    pub peers_unknown: u64,
    /// Names of items or places that did not fit the bounds.
    pub items_beyond_limit: u64,
    /// Names of interfaces that became `other`, each time one was looked at.
    pub interfaces_beyond_limit: u64,
    /// Server spans without a causing span: calls from outside.
    pub entry_spans: u64,
    /// Spans from a clock more than an hour ahead, taken as of now.
    pub spans_ahead: u64,
    /// Links to spans that never came, or not in time.
    pub links_unseen: u64,
    /// Links beyond those that one span may have.
    pub links_beyond_limit: u64,
    /// Calls over more relations than a window may hold.
    pub calls_beyond_limit: u64,
    /// Entity events taken.
    pub entity_events: u64,
    /// Entity events that were not valid.
    pub entity_events_rejected: u64,
    /// Relationships of a type that is not known, kept as written.
    pub relationships_unknown: u64,
    /// Log records that say nothing of entities.
    pub log_records_ignored: u64,
    /// Events of windows that the log can never take.
    pub events_dropped: u64,
    /// Deviations that were not told because a window had too many.
    pub deviations_dropped: u64,
    /// Spans that wait for their other side now.
    pub spans_open: u64,
    /// Items in use now.
    pub items_in_use: u64,
    /// Events of windows that wait for the log now.
    pub events_pending: u64,
}

/// The counts that no lock guards.
#[derive(Debug, Default)]
pub(super) struct Counters {
    trace_requests: AtomicU64,
    log_requests: AtomicU64,
    bytes: AtomicU64,
    refused_busy: AtomicU64,
    refused_invalid: AtomicU64,
    entity_events: AtomicU64,
    entity_events_rejected: AtomicU64,
    relationships_unknown: AtomicU64,
    log_records_ignored: AtomicU64,
    events_dropped: AtomicU64,
}

fn add(counter: &AtomicU64, more: u64) {
    counter.fetch_add(more, Ordering::Relaxed);
}

fn get(counter: &AtomicU64) -> u64 {
    counter.load(Ordering::Relaxed)
}

impl Counters {
    pub(super) fn request(&self, signal: Signal, bytes: usize) {
        let requests = match signal {
            Signal::Traces => &self.trace_requests,
            Signal::Logs => &self.log_requests,
        };
        add(requests, 1);
        add(&self.bytes, bytes as u64);
    }

    pub(super) fn refused(&self, refusal: &Refusal) {
        let counter = if refusal.retry_after_s().is_some() {
            &self.refused_busy
        } else {
            &self.refused_invalid
        };
        add(counter, 1);
    }

    pub(super) fn entities(&self, found: &EntityRecords, said: &SaidOfEntities) {
        let rejected = said.rejected_records();
        let taken = found.records.len().saturating_sub(rejected);
        add(&self.entity_events, taken as u64);
        add(&self.entity_events_rejected, rejected as u64);
        add(&self.relationships_unknown, said.unknown_relationships);
        add(&self.log_records_ignored, found.others);
    }

    pub(super) fn event_dropped(&self) {
        add(&self.events_dropped, 1);
    }

    pub(super) fn read(&self, spans: SpanCounts, pending: usize) -> OtlpCounters {
        OtlpCounters {
            trace_requests: get(&self.trace_requests),
            log_requests: get(&self.log_requests),
            bytes: get(&self.bytes),
            requests_refused_busy: get(&self.refused_busy),
            requests_refused_invalid: get(&self.refused_invalid),
            spans_received: spans.received,
            spans_rejected_id: spans.rejected.bad_id,
            spans_rejected_time: spans.rejected.bad_time,
            spans_without_service: spans.without_service,
            spans_duplicated: spans.paired.duplicates,
            spans_evicted: spans.paired.evicted,
            callers_unseen: spans.paired.callers_unseen,
            peers_unknown: spans.paired.peers_unknown,
            items_beyond_limit: spans.beyond_items,
            interfaces_beyond_limit: spans.beyond_interfaces,
            entry_spans: spans.entries,
            spans_ahead: spans.ahead,
            links_unseen: spans.paired.links_unseen,
            links_beyond_limit: spans.links_dropped,
            calls_beyond_limit: spans.beyond_routes,
            entity_events: get(&self.entity_events),
            entity_events_rejected: get(&self.entity_events_rejected),
            relationships_unknown: get(&self.relationships_unknown),
            log_records_ignored: get(&self.log_records_ignored),
            events_dropped: get(&self.events_dropped),
            deviations_dropped: spans.deviations_dropped,
            spans_open: spans.open,
            items_in_use: spans.items,
            events_pending: pending as u64,
        }
    }
}

/// What the sender of spans hears.
pub(super) fn spans_answer(taken: TakenSpans) -> Taken {
    let mut parts = Vec::new();
    let mut tell = |count: u64, what: &str| {
        if 0 < count {
            parts.push(format!("{count} {what}"));
        }
    };
    tell(
        taken.rejected.bad_id,
        "spans have a missing or malformed id",
    );
    tell(
        taken.rejected.bad_time,
        "spans have no start time, or one out of range",
    );
    tell(
        taken.without_service,
        "spans have no service.name and show no call",
    );
    Taken {
        taken: taken.valid,
        rejected: taken.rejected.total(),
        message: parts.join("; "),
    }
}

/// What the sender of entity events hears.
pub(super) fn entities_answer(said: &SaidOfEntities) -> Taken {
    const TOLD_MAX: usize = 10;
    let told: Vec<String> = said
        .rejected
        .iter()
        .take(TOLD_MAX)
        .map(|fault| format!("record {}: {} {}", fault.index, fault.field, fault.reason))
        .collect();
    Taken {
        taken: said.events.len() as u64,
        rejected: said.rejected_records() as u64,
        message: told.join("; "),
    }
}
