//! Counts of durations by fixed bounds, without a lock.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Bounds for the time a request takes, in seconds.
pub(super) const REQUEST_SECONDS: [f64; 9] = [0.001, 0.005, 0.01, 0.025, 0.1, 0.25, 1.0, 5.0, 10.0];

/// How often something took how long.
#[derive(Debug)]
pub(crate) struct Histogram {
    cells: Vec<(f64, AtomicU64)>,
    beyond: AtomicU64,
    sum_micros: AtomicU64,
}

/// A histogram at one moment; the counts are cumulative and the last bound is none.
#[derive(Debug)]
pub(super) struct ReadHistogram {
    pub(super) buckets: Vec<(Option<f64>, u64)>,
    pub(super) sum: f64,
    pub(super) count: u64,
}

impl Histogram {
    /// An empty one with upper bounds in seconds, in ascending order.
    pub(crate) fn new(bounds: &[f64]) -> Self {
        Self {
            cells: bounds
                .iter()
                .map(|bound| (*bound, AtomicU64::new(0)))
                .collect(),
            beyond: AtomicU64::new(0),
            sum_micros: AtomicU64::new(0),
        }
    }

    /// Counts one.
    pub(crate) fn observe(&self, took: Duration) {
        let seconds = took.as_secs_f64();
        let cell = self
            .cells
            .iter()
            .find(|(bound, _)| seconds <= *bound)
            .map_or(&self.beyond, |(_, cell)| cell);
        cell.fetch_add(1, Ordering::Relaxed);
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        self.sum_micros.fetch_add(micros, Ordering::Relaxed);
    }

    #[expect(
        clippy::cast_precision_loss,
        reason = "a sum of durations, shown to people"
    )]
    pub(super) fn read(&self) -> ReadHistogram {
        let mut count = 0;
        let mut buckets = Vec::with_capacity(self.cells.len() + 1);
        for (bound, cell) in &self.cells {
            count += cell.load(Ordering::Relaxed);
            buckets.push((Some(*bound), count));
        }
        count += self.beyond.load(Ordering::Relaxed);
        buckets.push((None, count));
        ReadHistogram {
            buckets,
            sum: self.sum_micros.load(Ordering::Relaxed) as f64 / 1e6,
            count,
        }
    }
}
