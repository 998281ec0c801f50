//! What a connection to a cluster counts.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use model::Timestamp;

use super::cluster::Counts;

/// Counted while it runs.
#[derive(Debug, Default)]
pub(super) struct Counters {
    pub(super) objects: AtomicU64,
    pub(super) events: AtomicU64,
    pub(super) refused: AtomicU64,
    pub(super) lines: AtomicU64,
    pub(super) lists: AtomicU64,
    pub(super) relists: AtomicU64,
    pub(super) errors: AtomicU64,
    pub(super) reconnects: AtomicU64,
    pub(super) unreadable: AtomicU64,
    pub(super) forbidden: AtomicU64,
    changed: AtomicU64,
    ended: AtomicU64,
    held_back: AtomicU64,
    cut: AtomicU64,
    heard_at: AtomicI64,
}

/// What was counted, at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KubernetesCounters {
    /// The cluster's name.
    pub cluster: String,
    /// Objects known now.
    pub objects: u64,
    /// Events written.
    pub events: u64,
    /// Events that broke a rule of the models.
    pub refused: u64,
    /// Lines of watches that came.
    pub lines: u64,
    /// Lists read to their end.
    pub lists: u64,
    /// Lists that had to be read again because the server no longer knew the version.
    pub relists: u64,
    /// Requests, lists and watches that failed.
    pub errors: u64,
    /// Watches opened again where they had ended.
    pub reconnects: u64,
    /// Objects and lines that could not be read.
    pub unreadable: u64,
    /// How often a list was not allowed.
    pub forbidden: u64,
    /// Statements that differed from the one before.
    pub changed: u64,
    /// Items that ended.
    pub ended: u64,
    /// Items that would have ended, had so sudden an end been believed.
    pub held_back: u64,
    /// Relations and statements that were too many or too large.
    pub cut: u64,
    /// When the cluster was last heard from.
    pub heard_at: Option<Timestamp>,
}

pub(super) fn add(counter: &AtomicU64, number: u64) {
    counter.fetch_add(number, Ordering::Relaxed);
}

impl Counters {
    pub(super) fn heard(&self, now: Timestamp) {
        self.heard_at.store(now.unix_nanos(), Ordering::Relaxed);
    }

    pub(super) fn set(&self, objects: usize, counts: Counts) {
        for (counter, number) in [
            (&self.objects, objects as u64),
            (&self.changed, counts.changed),
            (&self.ended, counts.ended),
            (&self.held_back, counts.held_back),
            (&self.cut, counts.cut),
        ] {
            counter.store(number, Ordering::Relaxed);
        }
    }

    pub(super) fn read(&self, cluster: &str) -> KubernetesCounters {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let heard_at = self.heard_at.load(Ordering::Relaxed);
        KubernetesCounters {
            cluster: cluster.to_owned(),
            objects: read(&self.objects),
            events: read(&self.events),
            refused: read(&self.refused),
            lines: read(&self.lines),
            lists: read(&self.lists),
            relists: read(&self.relists),
            errors: read(&self.errors),
            reconnects: read(&self.reconnects),
            unreadable: read(&self.unreadable),
            forbidden: read(&self.forbidden),
            changed: read(&self.changed),
            ended: read(&self.ended),
            held_back: read(&self.held_back),
            cut: read(&self.cut),
            heard_at: (heard_at != 0).then(|| Timestamp::from_unix_nanos(heard_at)),
        }
    }
}
