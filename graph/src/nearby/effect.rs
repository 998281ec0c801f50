//! When a change took effect, and how suspect that makes it.

use model::Timestamp;

use super::weights::Weights;
use crate::changes::Row;

/// The span in which a change took effect, as minutes before the symptom.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Ages {
    /// The end of the span.
    pub(super) newest: f64,
    /// Its start.
    pub(super) oldest: f64,
}

impl Ages {
    /// The whole effective interval of a change, as far as it lies before `began`.
    ///
    /// A change under way may take effect at any moment since its start; one that is through had its
    /// effect between start and end. Of a gradual change every batch is a span of its own, and the
    /// most suspect one counts.
    pub(super) fn of(row: &Row, began: Timestamp, weights: &Weights) -> Self {
        let running = row.goes_on();
        let whole = Self::between(row.start(), row.finished_at(), running, began);
        let batches = row.batches().values().filter_map(|batch| {
            let start = *batch.started_at.get()?;
            let ages = Self::between(start, batch.finished_at.get().copied(), false, began);
            (start <= began).then_some(ages)
        });
        let most_suspect = batches
            .max_by(|one, other| one.suspicion(weights).total_cmp(&other.suspicion(weights)));
        most_suspect.unwrap_or(whole)
    }

    fn between(start: Timestamp, end: Option<Timestamp>, running: bool, began: Timestamp) -> Self {
        let still = if running { began } else { start };
        let end = end.unwrap_or(still).max(start).min(began.max(start));
        Self {
            newest: minutes(began, end).max(0.0),
            oldest: minutes(began, start).max(0.0),
        }
    }

    /// The logarithm of a heavy-tailed kernel, averaged over the span: 0 at the knee's start, falling for ever.
    pub(super) fn suspicion(self, weights: &Weights) -> f64 {
        let (knee, power) = (weights.recency_knee_minutes, weights.recency);
        let kernel = |minutes: f64| -power * (minutes / knee).ln_1p();
        let length = self.oldest - self.newest;
        if length < knee / 100.0 {
            return kernel(self.newest);
        }
        // The integral of (1 + t / knee)^-power over the span, divided by its length.
        let integral = |minutes: f64| ((1.0 - power) * (minutes / knee).ln_1p()).exp();
        let mean = knee / (power - 1.0) * (integral(self.newest) - integral(self.oldest)) / length;
        mean.ln()
    }
}

/// Minutes from `earlier` to `later`, negative if it is not earlier.
pub(super) fn minutes(later: Timestamp, earlier: Timestamp) -> f64 {
    later.millis_since(earlier) / 60_000.0
}

/// The moment some minutes later.
#[expect(
    clippy::cast_possible_truncation,
    reason = "minutes of a weight, far within the range"
)]
pub(super) fn plus_minutes(at: Timestamp, minutes: f64) -> Timestamp {
    at.plus_millis((minutes * 60_000.0) as i64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nearby::weights::WEIGHTS;

    fn suspicion(newest: f64, oldest: f64) -> f64 {
        Ages { newest, oldest }.suspicion(&WEIGHTS)
    }

    #[test]
    fn suspicion_falls_with_age_and_never_ends() {
        assert!(suspicion(5.0, 5.0) > suspicion(40.0, 40.0));
        assert!(suspicion(40.0, 40.0) > suspicion(1_000.0, 1_000.0));
        assert!(suspicion(1_000.0, 1_000.0) - suspicion(4_000.0, 4_000.0) < 2.0);
    }

    #[test]
    fn a_span_is_as_suspect_as_its_moments_on_average() {
        let whole = suspicion(0.0, 600.0);
        assert!(suspicion(600.0, 600.0) < whole && whole < suspicion(0.0, 0.0));
        let steps: Vec<f64> = (0..6_000)
            .map(|step| suspicion(f64::from(step) / 10.0, f64::from(step) / 10.0).exp())
            .collect();
        let mean = steps.iter().sum::<f64>() / 6_000.0;
        assert!((mean.ln() - whole).abs() < 0.01, "{} {whole}", mean.ln());
    }

    #[test]
    fn a_short_span_is_a_moment() {
        assert!((suspicion(10.0, 10.31) - suspicion(10.0, 10.29)).abs() < 0.01);
    }
}
