//! What is usual for a route or an item, and when a window is not.
//!
//! Rule: error rate and the logarithm of the 99th percentile of the duration
//! each have a moving mean and a moving mean deviation over windows of at least
//! [`SAMPLES_MIN`] spans (weight of the newest window [`NEWEST`]). After
//! [`WINDOWS_MIN`] such windows a window deviates when its error rate lies
//! [`ERRORS_OFF`] and four deviations above the mean, or its duration is
//! [`SLOWER`] times the usual and four deviations above it. A deviating window
//! does not move the baseline, until after [`NEW_NORMAL`] of them in a row it
//! is taken for the new usual.

use super::windows::RouteStats;

/// Fewest spans of a window that says something.
pub(crate) const SAMPLES_MIN: u64 = 20;
const WINDOWS_MIN: u32 = 5;
const NEW_NORMAL: u32 = 30;
const NEWEST: f64 = 0.1;
const ERRORS_OFF: f64 = 0.05;
const SLOWER: f64 = 2.0;

/// The name of the measure of failed calls.
pub(crate) const ERROR_RATE: &str = "error_rate";
/// The name of the measure of slow calls.
pub(crate) const LATENCY: &str = "latency_p99_ms";

/// The usual values of one route or item.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Baseline {
    errors: Usual,
    latency: Usual,
}

/// A measure that is not as usual.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct OffBaseline {
    pub(crate) metric: &'static str,
    pub(crate) usual: f64,
    pub(crate) value: f64,
}

#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Usual {
    mean: f64,
    deviation: f64,
    windows: u32,
    off_in_a_row: u32,
}

impl Baseline {
    /// Judges a window and learns from it. A deviation is yielded when it begins.
    pub(crate) fn judge(&mut self, stats: &RouteStats) -> Vec<OffBaseline> {
        if stats.samples < SAMPLES_MIN {
            return Vec::new();
        }
        let errors = self.errors.judge(stats.error_rate(), ERRORS_OFF);
        let latency = stats.duration_ms(0.99).max(0.001);
        let latency = self.latency.judge(latency.ln(), SLOWER.ln());
        let errors = errors.map(|(usual, value)| OffBaseline {
            metric: ERROR_RATE,
            usual,
            value,
        });
        let latency = latency.map(|(usual, value)| OffBaseline {
            metric: LATENCY,
            usual: usual.exp(),
            value: value.exp(),
        });
        errors.into_iter().chain(latency).collect()
    }
}

impl Usual {
    fn judge(&mut self, value: f64, off_at_least: f64) -> Option<(f64, f64)> {
        let off = value - self.mean;
        let is_off =
            WINDOWS_MIN <= self.windows && off_at_least <= off && 4.0 * self.deviation <= off;
        if !is_off {
            self.off_in_a_row = 0;
            self.learn(value);
            return None;
        }
        self.off_in_a_row += 1;
        let begins = self.off_in_a_row == 1;
        let usual = self.mean;
        if self.off_in_a_row == NEW_NORMAL {
            *self = Self::default();
            self.learn(value);
        }
        begins.then_some((usual, value))
    }

    fn learn(&mut self, value: f64) {
        if self.windows == 0 {
            self.mean = value;
        }
        // Young baselines weigh all windows alike.
        let share = NEWEST.max(1.0 / f64::from(self.windows + 1));
        self.deviation += share * ((value - self.mean).abs() - self.deviation);
        self.mean += share * (value - self.mean);
        self.windows = self.windows.saturating_add(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn begins(values: &[f64]) -> Vec<usize> {
        let mut usual = Usual::default();
        let judged = values.iter().map(|value| usual.judge(*value, 0.05));
        judged
            .enumerate()
            .filter_map(|(at, off)| off.map(|_| at))
            .collect()
    }

    #[test]
    fn a_deviation_is_told_once_when_it_begins() {
        let mut values = vec![0.01; 10];
        values.extend([0.3, 0.4, 0.3, 0.01, 0.5]);
        assert_eq!(begins(&values), [10, 14]);
    }

    #[test]
    fn a_new_route_has_no_baseline_to_leave() {
        assert_eq!(begins(&[0.0, 0.9, 0.0, 0.9]), Vec::<usize>::new());
    }

    #[test]
    fn what_always_swings_does_not_deviate() {
        let swinging: Vec<f64> = (0..40).map(|n| f64::from(n % 2) * 0.2).collect();
        assert_eq!(begins(&swinging), Vec::<usize>::new());
    }

    #[test]
    fn what_stays_off_becomes_usual() {
        let mut values = vec![0.0; 10];
        values.extend([0.5; 60]);
        assert_eq!(begins(&values), [10]);
    }
}
