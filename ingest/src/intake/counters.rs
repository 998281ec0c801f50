//! What came to each address and what became of it.

use std::sync::atomic::{AtomicU64, Ordering};

use super::answer::{Answer, Refusal};

/// Counts of one address since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct IntakeCounters {
    /// Which form it takes: `events`, `cloudevents`, `alertmanager`.
    pub form: &'static str,
    /// Parts written.
    pub accepted: u64,
    /// Parts written before.
    pub duplicates: u64,
    /// Parts kept aside.
    pub quarantined: u64,
    /// Parts that are understood and say nothing here.
    pub ignored: u64,
    /// Problems told to senders.
    pub rejected: u64,
    /// Requests refused because too much was waiting or the log took nothing.
    pub requests_refused_busy: u64,
    /// Requests refused for another reason: nothing of them is kept.
    pub requests_refused_invalid: u64,
}

/// The same while it is counted.
#[derive(Debug, Default)]
pub(super) struct Counters {
    accepted: AtomicU64,
    duplicates: AtomicU64,
    quarantined: AtomicU64,
    ignored: AtomicU64,
    rejected: AtomicU64,
    refused_busy: AtomicU64,
    refused_invalid: AtomicU64,
}

impl Counters {
    pub(super) fn answered(&self, answer: &Answer) {
        let counted = [
            (&self.accepted, answer.accepted),
            (&self.duplicates, answer.duplicates),
            (&self.quarantined, answer.quarantined),
            (&self.ignored, answer.ignored),
            (&self.rejected, answer.rejected.len()),
        ];
        for (counter, more) in counted {
            counter.fetch_add(more as u64, Ordering::Relaxed);
        }
    }

    pub(super) fn refused(&self, refusal: &Refusal) {
        let counter = match refusal.retry_after_s() {
            Some(_) => &self.refused_busy,
            None => &self.refused_invalid,
        };
        counter.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn read(&self, form: &'static str) -> IntakeCounters {
        let get = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        IntakeCounters {
            form,
            accepted: get(&self.accepted),
            duplicates: get(&self.duplicates),
            quarantined: get(&self.quarantined),
            ignored: get(&self.ignored),
            rejected: get(&self.rejected),
            requests_refused_busy: get(&self.refused_busy),
            requests_refused_invalid: get(&self.refused_invalid),
        }
    }
}
