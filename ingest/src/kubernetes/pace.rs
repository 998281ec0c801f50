//! How long to wait, and for what.

use std::time::Duration;

use model::{ContentHash, Timestamp};

/// The times of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Pace {
    /// The first wait after a failure.
    pub(super) shortest: Duration,
    /// The longest wait.
    pub(super) longest: Duration,
    /// How long an answer, or its next bytes, may take.
    pub(super) answer: Duration,
    /// How long the server is asked to keep a watch open.
    pub(super) watch: Duration,
}

impl Pace {
    /// The wait before another attempt: twice as long each time, and never the same for
    /// two that failed together, so that they do not come back together.
    pub(super) fn wait(&self, attempts: u32, number: usize, now: Timestamp) -> Duration {
        let doubled = 2u32.saturating_pow(attempts.min(16));
        let wait = self.shortest.saturating_mul(doubled).min(self.longest);
        let mixed = ContentHash::of(format!("{number} {attempts} {now}").as_bytes());
        let byte = mixed.as_bytes().first().copied().unwrap_or_default();
        // Between a half of it and all.
        wait.mul_f64(0.5 + f64::from(byte) / 510.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_to_their_limit_and_differ() {
        let pace = Pace {
            shortest: Duration::from_millis(100),
            longest: Duration::from_secs(5),
            answer: Duration::ZERO,
            watch: Duration::ZERO,
        };
        let now = Timestamp::from_unix_nanos(7);
        let first = pace.wait(0, 1, now);
        assert!((50..=100).contains(&first.as_millis()), "{first:?}");
        let late = pace.wait(4_000_000, 1, now);
        assert!((2_500..=5_000).contains(&late.as_millis()), "{late:?}");
        let others = (0..20).map(|number| pace.wait(3, number, now));
        let mut others: Vec<Duration> = others.collect();
        others.sort();
        others.dedup();
        assert!(10 < others.len());
    }
}
