//! All that spans have led to and the log does not hold yet, behind one lock.

use std::collections::VecDeque;

use model::{NewEvent, Timestamp};

use super::OtlpConfig;
use super::aggregate::{Aggregate, AggregateLimits, SpanCounts, TakenSpans};
use super::measuring::NamedWindow;
use super::pairing::{LinkLimits, PairingLimits};
use super::report::Reporter;
use super::span::Spans;
use super::warm::Warm;
use super::windows::{ClosedWindow, WindowLimits};

/// The sums, the memory of what was said, and the events that wait for the log.
#[derive(Debug)]
pub(crate) struct State {
    aggregate: Aggregate,
    reporter: Reporter,
    pending: VecDeque<NewEvent>,
    /// Closed windows that are to be measured; nothing is kept when nobody measures.
    unmeasured: Option<Vec<NamedWindow>>,
    memory_nanos: i64,
    sweep_nanos: i64,
    swept_at: i64,
    has_spans: bool,
}

/// Of the spans that may be open, one in so many may wait by a link, and as many producers are remembered.
const LINKS_SHARE: usize = 8;
/// How many times as long as it waited for its other side a producer is remembered: messages lie in queues.
const PRODUCER_MEMORY: i64 = 60;

fn nanos(duration: std::time::Duration) -> i64 {
    i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX)
}

impl State {
    pub(super) fn new(config: &OtlpConfig, started_at: Timestamp) -> Self {
        let limits = AggregateLimits {
            pairing: PairingLimits {
                spans: config.open_spans_max.max(1),
                wait_nanos: nanos(config.pairing),
                links: LinkLimits {
                    each: (config.open_spans_max / LINKS_SHARE).max(1),
                    wait_nanos: nanos(config.pairing),
                    memory_nanos: nanos(config.pairing).saturating_mul(PRODUCER_MEMORY),
                },
            },
            windows: WindowLimits {
                length_nanos: nanos(config.window).max(1),
                grace_nanos: nanos(config.grace.max(config.pairing)),
                open: config.open_windows_max.max(1),
                routes: config.relations_max,
            },
            items: config.items_max,
            cached: config.items_max.max(1),
            interfaces: config.interfaces_per_service,
        };
        let summary = nanos(config.summary);
        let in_use = limits
            .windows
            .length_nanos
            .saturating_add(limits.windows.grace_nanos);
        Self {
            aggregate: Aggregate::new(limits),
            reporter: Reporter::new(started_at, summary),
            pending: VecDeque::new(),
            unmeasured: None,
            // Nothing may be forgotten that an open window or the next summary speaks of.
            memory_nanos: nanos(config.memory)
                .max(in_use.saturating_add(summary).saturating_mul(4)),
            sweep_nanos: summary,
            swept_at: started_at.unix_nanos(),
            has_spans: false,
        }
    }

    /// The same, keeping what it closes until it is measured.
    pub(super) fn measured(mut self) -> Self {
        self.unmeasured = Some(Vec::new());
        self
    }

    /// Begins with what was usual before this start; windows under way then are not whole.
    pub(super) fn warm(&mut self, warm: Warm, started_at: Timestamp, window_nanos: i64) {
        if !warm.is_empty() {
            let whole_from = started_at.unix_nanos().saturating_add(window_nanos);
            self.aggregate.whole_from(whole_from);
            self.swept_at = started_at.unix_nanos();
            self.reporter.warm(warm);
        }
    }

    /// Takes the spans of one request in.
    pub(super) fn take(&mut self, spans: &Spans<'_>, now: Timestamp) -> TakenSpans {
        self.has_spans |= !spans.spans.is_empty();
        self.aggregate.take(spans, now.unix_nanos())
    }

    /// The sums, to be filled without spans.
    #[cfg(test)]
    pub(super) fn aggregate(&mut self) -> &mut Aggregate {
        &mut self.aggregate
    }

    /// Closes what is due; its events wait for the log then.
    pub(super) fn close_due(&mut self, now: Timestamp) {
        let windows = self.aggregate.close_due(now.unix_nanos());
        self.report(windows, now.unix_nanos());
        self.sweep(now.unix_nanos());
    }

    /// Closes everything.
    pub(super) fn close_all(&mut self, now: Timestamp) {
        let windows = self.aggregate.close_all(now.unix_nanos());
        self.report(windows, now.unix_nanos());
    }

    fn report(&mut self, windows: Vec<ClosedWindow>, now: i64) {
        for window in windows {
            let events = self.reporter.report(&window, &mut self.aggregate, now);
            self.pending.extend(events);
            if let Some(unmeasured) = &mut self.unmeasured {
                unmeasured.push(NamedWindow::of(window, &self.aggregate.items));
            }
        }
    }

    /// The closed windows that nobody measured yet.
    pub(super) fn take_unmeasured(&mut self) -> Vec<NamedWindow> {
        self.unmeasured
            .as_mut()
            .map(std::mem::take)
            .unwrap_or_default()
    }

    fn sweep(&mut self, now: i64) {
        if now < self.swept_at.saturating_add(self.sweep_nanos) {
            return;
        }
        self.swept_at = now;
        // What refers to items is let go of long before the items are.
        let before = now.saturating_sub(self.memory_nanos);
        self.reporter.forget_unused(before);
        self.aggregate
            .forget_unused(before, before.saturating_sub(self.memory_nanos));
    }

    /// Adds an event that is not of a window.
    pub(super) fn say(&mut self, event: NewEvent) {
        self.pending.push_back(event);
    }

    /// The first events that wait, at most `limit`.
    pub(super) fn waiting(&self, limit: usize) -> Vec<NewEvent> {
        self.pending.iter().take(limit).cloned().collect()
    }

    /// Lets go of the first `count` that wait.
    pub(super) fn written(&mut self, count: usize) {
        self.pending.drain(..count.min(self.pending.len()));
    }

    /// How many events wait.
    pub(super) fn pending_len(&self) -> usize {
        self.pending.len()
    }

    /// Whether any span ever came.
    pub(super) const fn has_spans(&self) -> bool {
        self.has_spans
    }

    /// Up to when everything seen was handed over.
    pub(super) fn complete_until(&self, now: Timestamp) -> Timestamp {
        Timestamp::from_unix_nanos(self.aggregate.complete_until(now.unix_nanos()))
    }

    /// What became of the spans.
    pub(super) fn span_counts(&self) -> SpanCounts {
        SpanCounts {
            deviations_dropped: self.reporter.deviations_dropped,
            ..self.aggregate.counts()
        }
    }
}
