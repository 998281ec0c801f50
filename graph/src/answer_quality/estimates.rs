//! Shares and means of few cases, with how far they can be trusted.

use crate::measures::Share;

/// The quantile of the normal distribution that leaves 2.5 % on either side.
const Z: f64 = 1.959_963_985;
/// Resamples of a bootstrap.
const RESAMPLES: usize = 1_000;

/// A share with its 95 % interval by Wilson.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Estimate {
    /// How many of how many.
    pub share: Share,
    /// The lower end; nothing of nothing.
    pub low: Option<f64>,
    /// The upper end.
    pub high: Option<f64>,
}

/// A mean with its 95 % interval by bootstrap.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MeanEstimate {
    /// Of how many values.
    pub count: usize,
    /// The mean.
    pub mean: f64,
    /// The lower end.
    pub low: f64,
    /// The upper end.
    pub high: f64,
}

impl Estimate {
    /// So many of so many.
    #[expect(
        clippy::cast_precision_loss,
        reason = "counts of changes are far below 2^52"
    )]
    pub fn of(part: usize, whole: usize) -> Self {
        let share = Share {
            part,
            whole,
            unknown: 0,
        };
        let Some(value) = share.value() else {
            return Self {
                share,
                low: None,
                high: None,
            };
        };
        let count = whole as f64;
        let spread = 1.0 + Z * Z / count;
        let middle = (value + Z * Z / (2.0 * count)) / spread;
        let square = value * (1.0 - value) / count + Z * Z / (4.0 * count * count);
        let half = Z * square.sqrt() / spread;
        Self {
            share,
            low: Some((middle - half).max(0.0)),
            high: Some((middle + half).min(1.0)),
        }
    }
}

impl MeanEstimate {
    /// Of values in their order; nothing of none. The same values give the same interval.
    #[expect(
        clippy::cast_precision_loss,
        reason = "counts of incidents are far below 2^52"
    )]
    pub fn of(values: &[f64]) -> Option<Self> {
        if values.is_empty() {
            return None;
        }
        let count = values.len();
        let mean = values.iter().sum::<f64>() / count as f64;
        let mut draws = Draws(0x9E37_79B9_7F4A_7C15);
        let mut means: Vec<f64> = (0..RESAMPLES)
            .map(|_| {
                let drawn = (0..count).filter_map(|_| values.get(draws.below(count)));
                drawn.sum::<f64>() / count as f64
            })
            .collect();
        means.sort_unstable_by(f64::total_cmp);
        let at = |place: usize| means.get(place).copied().unwrap_or(mean);
        Some(Self {
            count,
            mean,
            low: at(RESAMPLES / 40),
            high: at(RESAMPLES - 1 - RESAMPLES / 40),
        })
    }
}

/// Numbers that look drawn and are the same every time: splitmix64 from a fixed beginning.
struct Draws(u64);

impl Draws {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^= mixed >> 31;
        let bound = u64::try_from(bound).unwrap_or(u64::MAX).max(1);
        usize::try_from(mixed % bound).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_of_few_is_told_with_a_wide_interval() {
        let estimate = Estimate::of(7, 10);
        // As tables of Wilson's interval have it: 7 of 10 is .40 to .89.
        assert_eq!(
            (
                (estimate.low.unwrap() * 100.0).round() as i64,
                (estimate.high.unwrap() * 100.0).round() as i64
            ),
            (40, 89)
        );
        assert_eq!(Estimate::of(0, 0).low, None);
        assert_eq!(Estimate::of(0, 3).low, Some(0.0));
    }

    #[test]
    fn the_interval_of_a_mean_holds_it_and_is_the_same_every_time() {
        let values = [1.0, 2.0, 2.0, 9.0];
        let estimate = MeanEstimate::of(&values).unwrap();
        assert_eq!(estimate.mean, 3.5);
        assert!(1.0 <= estimate.low && estimate.low < 3.5 && 3.5 < estimate.high);
        assert_eq!(MeanEstimate::of(&values), Some(estimate));
        assert_eq!(MeanEstimate::of(&[]), None);
    }
}
