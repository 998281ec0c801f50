//! What the intake counts, under the names that people look for.

use std::sync::Arc;

use ingest::{Intake, Otlp, OtlpCounters, Quarantine, Recorder};

use crate::metrics::{Exposition, Metrics};

/// Registers what the intake measures.
pub(super) fn register(
    otlp: &Arc<Otlp>,
    recorder: &Recorder,
    quarantine: &Arc<Quarantine>,
    metrics: &Metrics,
) {
    let (otlp, recorder, quarantine) = (Arc::clone(otlp), recorder.clone(), Arc::clone(quarantine));
    metrics.register(move |scrape| {
        let count = |number: u64| {
            #[expect(clippy::cast_precision_loss, reason = "a measure, not an id")]
            let number = number as f64;
            number
        };
        let waiting = count(recorder.events_in_flight() as u64);
        scrape.gauge(
            "log_waiting_events",
            "Events that wait for the disk.",
            &[],
            waiting,
        );
        let kept = quarantine.stats();
        scrape.gauge(
            "quarantine_bodies",
            "Bodies kept because they were not understood.",
            &[],
            count(kept.count as u64),
        );
        scrape.gauge(
            "quarantine_bytes",
            "Bytes of those bodies.",
            &[],
            count(kept.bytes),
        );
        let counters = otlp.counters();
        write_spans(scrape, &counters);
        scrape.gauge(
            "otlp_open_spans",
            "Spans that wait for the other side of their call.",
            &[],
            count(counters.spans_open),
        );
        scrape.gauge(
            "otlp_pending_events",
            "Events of closed windows that wait for the log.",
            &[],
            count(counters.events_pending),
        );
    });
}

/// Registers what came to the addresses of the intake.
pub(super) fn register_intake(intake: &Arc<Intake>, metrics: &Metrics) {
    let intake = Arc::clone(intake);
    metrics.register(move |scrape| {
        for counters in intake.counters() {
            for (result, count) in [
                ("accepted", counters.accepted),
                ("duplicate", counters.duplicates),
                ("quarantined", counters.quarantined),
                ("ignored", counters.ignored),
                ("rejected", counters.rejected),
            ] {
                let help = "Parts of requests, by form and by what became of them.";
                let labels = [("form", counters.form), ("result", result)];
                scrape.counter("intake_parts_total", help, &labels, count);
            }
            for (reason, count) in [
                ("busy", counters.requests_refused_busy),
                ("invalid", counters.requests_refused_invalid),
            ] {
                let help = "Requests of which nothing was kept.";
                let labels = [("form", counters.form), ("reason", reason)];
                scrape.counter("intake_refused_requests_total", help, &labels, count);
            }
        }
    });
}

fn write_spans(scrape: &mut Exposition, counters: &OtlpCounters) {
    for (signal, count) in [
        ("traces", counters.trace_requests),
        ("logs", counters.log_requests),
    ] {
        let help = "OTLP requests, by signal.";
        scrape.counter("otlp_requests_total", help, &[("signal", signal)], count);
    }
    for (reason, count) in [
        ("busy", counters.requests_refused_busy),
        ("invalid", counters.requests_refused_invalid),
    ] {
        let help = "OTLP requests that were refused.";
        scrape.counter(
            "otlp_refused_requests_total",
            help,
            &[("reason", reason)],
            count,
        );
    }
    let help = "Spans that came in.";
    scrape.counter("otlp_spans_total", help, &[], counters.spans_received);
    for (reason, count) in [
        ("id", counters.spans_rejected_id),
        ("time", counters.spans_rejected_time),
        ("no_service", counters.spans_without_service),
        ("duplicate", counters.spans_duplicated),
        ("evicted", counters.spans_evicted),
        ("items_full", counters.items_beyond_limit),
        ("calls_full", counters.calls_beyond_limit),
        ("caller_unseen", counters.callers_unseen),
        ("peer_unknown", counters.peers_unknown),
        ("link_unseen", counters.links_unseen),
        ("links_full", counters.links_beyond_limit),
    ] {
        let help = "Spans that became no call, by reason.";
        scrape.counter(
            "otlp_unused_spans_total",
            help,
            &[("reason", reason)],
            count,
        );
    }
    for (what, count) in [
        ("entry", counters.entry_spans),
        ("clock_ahead", counters.spans_ahead),
        ("interfaces_full", counters.interfaces_beyond_limit),
    ] {
        let help = "Spans that were taken and are worth a look, by what is special.";
        scrape.counter("otlp_noted_spans_total", help, &[("what", what)], count);
    }
    let help = "Deviations that were not told because a window had too many.";
    let dropped = counters.deviations_dropped;
    scrape.counter("otlp_dropped_deviations_total", help, &[], dropped);
    for (result, count) in [
        ("taken", counters.entity_events),
        ("rejected", counters.entity_events_rejected),
    ] {
        let help = "Entity events, by what became of them.";
        scrape.counter(
            "otlp_entity_events_total",
            help,
            &[("result", result)],
            count,
        );
    }
}
