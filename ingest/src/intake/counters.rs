//! What came to each address and what became of it.

use std::sync::atomic::{AtomicU64, Ordering};

use super::answer::{Answer, Refusal};

/// Counts of one address since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct IntakeCounters {
    /// Which form it takes: `events`, `cloudevents`, `alertmanager`, `listing`.
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

    /// Statements that say what was known count as written before.
    pub(super) fn unchanged(&self, statements: u64) {
        self.duplicates.fetch_add(statements, Ordering::Relaxed);
    }

    pub(super) fn refused(&self, refusal: &Refusal) {
        self.turned_away(refusal.retry_after_s().is_some());
    }

    pub(super) fn turned_away(&self, may_come_again: bool) {
        let counter = match may_come_again {
            true => &self.refused_busy,
            false => &self.refused_invalid,
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
