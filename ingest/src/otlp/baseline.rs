//! What is usual for a route or an item, and when a window is not.
//!
//! Rule: error rate, the logarithms of the 90th and, of at least [`TAIL_SAMPLES_MIN`] spans, of the
//! 99th percentile of the duration, and the logarithm of calls a second each have a moving mean
//! and a moving mean deviation over windows of at least [`SAMPLES_MIN`] spans (weight of the newest
//! window [`NEWEST`]). After [`WINDOWS_MIN`] such
//! windows a deviation begins with a window whose error rate lies [`ERRORS_OFF`] above the mean and
//! farther than chance explains ([`error_noise`]), whose duration is [`SLOWER`] times the usual, or whose calls are [`BUSIER`] times more or fewer,
//! and [`DEVIATIONS_OFF`] mean deviations away. It goes on while windows are half as far off, and
//! ends before the first of [`CALM_WINDOWS`] in a row that are not. It is told when it begins, again
//! while it lasts, and when it ends, under its beginning, with the worst value so far. A deviating window
//! does not move the baseline, until after [`NEW_NORMAL`] of them it is taken for the new usual.
//! Windows are judged in the order of their time; parts that come late are not, and calls are
//! counted of windows only that were open to their end.
//!
//! That no calls come at all is judged by [`flow`](super::flow).

use super::flow::Flow;
use super::windows::{ClosedWindow, RouteStats};

/// Fewest spans of a window that says something.
pub(crate) const SAMPLES_MIN: u64 = 20;
/// Fewest spans whose 99th percentile says something: of fewer it is the slowest call.
pub(crate) const TAIL_SAMPLES_MIN: u64 = 200;
const WINDOWS_MIN: u32 = 5;
const NEW_NORMAL: u32 = 30;
const CALM_WINDOWS: u32 = 3;
const NEWEST: f64 = 0.1;
const DEVIATIONS_OFF: f64 = 4.0;
const ERRORS_OFF: f64 = 0.05;
const SLOWER: f64 = 2.0;
const BUSIER: f64 = 4.0;

/// The name of the measure of failed calls.
pub(crate) const ERROR_RATE: &str = "error_rate";
/// The name of the measure of slow calls.
pub(crate) const LATENCY: &str = "latency_p90_ms";
/// The name of the measure of the slowest calls.
pub(crate) const TAIL_LATENCY: &str = "latency_p99_ms";
/// The name of the measure of how many calls there are.
pub(crate) const CALL_RATE: &str = "calls_per_second";

/// The usual values of one route or item.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Baseline {
    errors: Usual,
    latency: Usual,
    tail_latency: Usual,
    calls: Usual,
    flow: Flow,
    /// The start of the last window that was judged.
    judged: Option<i64>,
}

/// A measure that is not as usual.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct OffBaseline {
    pub(crate) metric: &'static str,
    pub(crate) usual: f64,
    /// The worst of it.
    pub(crate) value: f64,
    /// Start of its first window.
    pub(crate) from: i64,
    /// End of its last window so far.
    pub(crate) until: i64,
    /// Spans in its windows so far.
    pub(crate) samples: u64,
}

/// One window of one measure.
#[derive(Clone, Copy, Debug)]
struct Seen {
    value: f64,
    samples: u64,
    from: i64,
    until: i64,
}

/// How far is off, and which way.
#[derive(Clone, Copy, Debug)]
struct Rule {
    off_at_least: f64,
    both_ways: bool,
    /// While it lasts, a deviation is told again after so long.
    again_nanos: i64,
}

#[derive(Clone, Debug, Default, PartialEq)]
struct Usual {
    mean: f64,
    deviation: f64,
    windows: u32,
    off: Option<Box<Off>>,
}

/// A deviation that goes on.
#[derive(Clone, Debug, PartialEq)]
struct Off {
    usual: f64,
    worst: f64,
    from: i64,
    until: i64,
    samples: u64,
    windows: u32,
    calm_in_a_row: u32,
    told_until: i64,
}

impl Baseline {
    /// Judges a window and learns from it. A deviation is yielded when it begins, lasts on or ends.
    pub(crate) fn judge(
        &mut self,
        stats: &RouteStats,
        window: &ClosedWindow,
        again_nanos: i64,
    ) -> Vec<OffBaseline> {
        if !self.comes_next(window) {
            return Vec::new();
        }
        let is_told = self.calls.off.is_some();
        self.flow.hear(window, stats.sampled(), is_told);
        let rule = |off_at_least: f64, both_ways: bool| Rule {
            off_at_least,
            both_ways,
            again_nanos,
        };
        let seen = |value: f64| Seen {
            value,
            samples: stats.samples,
            from: window.from,
            until: window.until,
        };
        let mut found = Vec::new();
        if SAMPLES_MIN <= stats.samples {
            let noise = error_noise(self.errors.mean, stats.samples);
            let farther = rule(ERRORS_OFF.max(noise), false);
            let errors = self.errors.judge(seen(stats.error_rate()), farther);
            found.extend(errors.map(|off| off.told(ERROR_RATE, |value| value)));
            let latency = seen(stats.duration_ms(0.9).max(0.001).ln());
            let latency = self.latency.judge(latency, rule(SLOWER.ln(), false));
            found.extend(latency.map(|off| off.told(LATENCY, f64::exp)));
        }
        if TAIL_SAMPLES_MIN <= stats.samples {
            let latency = seen(stats.duration_ms(0.99).max(0.001).ln());
            let latency = self.tail_latency.judge(latency, rule(SLOWER.ln(), false));
            found.extend(latency.map(|off| off.told(TAIL_LATENCY, f64::exp)));
        }
        if !window.is_whole {
            return found;
        }
        let rate = stats.calls_per_second(window.from.abs_diff(window.until));
        // Few calls say much where many are usual.
        let expected = stats.samples_at(self.calls.mean.exp() / rate);
        if SAMPLES_MIN <= stats.samples || (0 < self.calls.windows && SAMPLES_MIN <= expected) {
            let calls = self.calls.judge(seen(rate.ln()), rule(BUSIER.ln(), true));
            found.extend(calls.map(|off| off.told(CALL_RATE, calls_of(window))));
        }
        found
    }

    /// Whether a window is later than all that were judged; it counts as judged from now on.
    fn comes_next(&mut self, window: &ClosedWindow) -> bool {
        let is_next = self.judged.is_none_or(|judged| judged < window.from);
        if is_next {
            self.judged = Some(window.from);
        }
        is_next
    }

    /// Judges a window in which no call came, though whoever makes them was heard of.
    pub(crate) fn judge_silence(
        &mut self,
        window: &ClosedWindow,
        again_nanos: i64,
    ) -> Option<OffBaseline> {
        if !self.comes_next(window) {
            return None;
        }
        self.flow.miss(window);
        if self.flow.has_stopped() || self.calls.off.is_some() {
            self.stop(window, again_nanos)
        } else {
            None
        }
    }

    /// The same of all calls of an item, of which some stopped that come from somebody who was heard of.
    pub(crate) fn judge_stop(
        &mut self,
        window: &ClosedWindow,
        since: i64,
        again_nanos: i64,
    ) -> Option<OffBaseline> {
        if !self.comes_next(window) {
            return None;
        }
        self.flow.miss_since(since);
        self.stop(window, again_nanos)
    }

    /// Since when no call came, where that deviates.
    pub(crate) fn stopped_since(&self) -> Option<i64> {
        self.calls.off.as_ref()?;
        self.flow.silent_since()
    }

    fn stop(&mut self, window: &ClosedWindow, again_nanos: i64) -> Option<OffBaseline> {
        let seconds = window.seconds();
        let expected = self.calls.mean.exp() * seconds * self.flow.sampled();
        // So few would have been seen that none is nothing to tell.
        #[expect(clippy::cast_precision_loss, reason = "a small count")]
        let says_much = SAMPLES_MIN as f64 <= expected;
        let since = self.flow.silent_since().unwrap_or(window.from);
        let seen = Seen {
            value: none_in(window),
            samples: 0,
            from: since,
            until: window.until,
        };
        let rule = Rule {
            off_at_least: BUSIER.ln(),
            both_ways: true,
            again_nanos,
        };
        let goes_on = self.calls.off.is_some();
        if !says_much || (!goes_on && !self.calls.begins(&seen, &rule)) {
            return None;
        }
        let off = self.calls.judge(seen, rule);
        off.map(|off| off.told(CALL_RATE, calls_of(window)))
    }

    /// How many windows of calls it knows.
    pub(crate) const fn windows(&self) -> u32 {
        self.errors.windows
    }

    /// Lets what comes next be judged by itself: what lies between was not seen.
    pub(crate) const fn resume(&mut self) {
        self.flow.resume();
    }
}

/// No calls, as a logarithm of calls a second: half of one in the window.
fn none_in(window: &ClosedWindow) -> f64 {
    (0.5 / window.seconds()).ln()
}

/// Calls a second of their logarithm.
fn calls_of(window: &ClosedWindow) -> impl Fn(f64) -> f64 + use<> {
    let none = none_in(window);
    move |value| if value <= none { 0.0 } else { value.exp() }
}

/// How far error rates of so many spans lie apart by chance alone: four standard deviations of a
/// count, at a rate of one failed span at least.
#[expect(clippy::cast_precision_loss, reason = "a ratio")]
pub(crate) fn error_noise(rate: f64, samples: u64) -> f64 {
    let samples = samples.max(1) as f64;
    let rate = rate.max(1.0 / samples).min(0.5);
    DEVIATIONS_OFF * (rate * (1.0 - rate) / samples).sqrt()
}

impl Usual {
    /// Whether a value is off by that share of what is off.
    fn is_off(&self, seen: &Seen, rule: &Rule, share: f64) -> bool {
        let distance = seen.value - self.mean;
        let distance = if rule.both_ways {
            distance.abs()
        } else {
            distance
        };
        share * rule.off_at_least <= distance && share * DEVIATIONS_OFF * self.deviation <= distance
    }

    /// Whether a deviation would begin with a value.
    fn begins(&self, seen: &Seen, rule: &Rule) -> bool {
        WINDOWS_MIN <= self.windows && self.is_off(seen, rule, 1.0)
    }

    fn judge(&mut self, seen: Seen, rule: Rule) -> Option<Off> {
        let (begins, lasts) = (self.begins(&seen, &rule), self.is_off(&seen, &rule, 0.5));
        let Some(off) = &mut self.off else {
            if begins {
                let off = Off::of(seen, self.mean);
                self.off = Some(Box::new(off.clone()));
                return Some(off);
            }
            self.learn(seen.value);
            return None;
        };
        if !lasts {
            off.calm_in_a_row += 1;
            let has_ended = CALM_WINDOWS <= off.calm_in_a_row;
            let ended = has_ended.then(|| Off::clone(off));
            if has_ended {
                self.off = None;
            }
            self.learn(seen.value);
            return ended.filter(Off::has_news);
        }
        off.add(seen);
        if NEW_NORMAL <= off.windows {
            let ended = Off::clone(off);
            *self = Self::default();
            self.learn(seen.value);
            return Some(ended);
        }
        let is_due = off.told_until.saturating_add(rule.again_nanos) <= off.until;
        is_due.then(|| {
            off.told_until = off.until;
            Off::clone(off)
        })
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

impl Off {
    const fn of(seen: Seen, usual: f64) -> Self {
        Self {
            usual,
            worst: seen.value,
            from: seen.from,
            until: seen.until,
            samples: seen.samples,
            windows: 1,
            calm_in_a_row: 0,
            told_until: seen.until,
        }
    }

    fn add(&mut self, seen: Seen) {
        self.until = seen.until;
        self.samples = self.samples.saturating_add(seen.samples);
        self.windows += 1;
        self.calm_in_a_row = 0;
        if (self.worst - self.usual).abs() < (seen.value - self.usual).abs() {
            self.worst = seen.value;
        }
    }

    /// Whether it went on after it was last told.
    const fn has_news(&self) -> bool {
        self.told_until < self.until
    }

    fn told(&self, metric: &'static str, unit: impl Fn(f64) -> f64) -> OffBaseline {
        OffBaseline {
            metric,
            usual: unit(self.usual),
            value: unit(self.worst),
            from: self.from,
            until: self.until,
            samples: self.samples,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const AGAIN: i64 = 15;

    /// What is told of windows of length one with these values: `window: from..until worst`.
    fn told(values: &[f64], both_ways: bool) -> Vec<String> {
        let mut usual = Usual::default();
        let rule = Rule {
            off_at_least: 0.05,
            both_ways,
            again_nanos: AGAIN,
        };
        let mut told = Vec::new();
        for (from, value) in (0_i64..).zip(values) {
            let seen = Seen {
                value: *value,
                samples: 20,
                from,
                until: from + 1,
            };
            let off = usual.judge(seen, rule);
            told.extend(
                off.map(|off| format!("{from}: {}..{} {}", off.from, off.until, off.worst)),
            );
        }
        told
    }

    fn steady(value: f64, windows: usize) -> Vec<f64> {
        vec![value; windows]
    }

    #[test]
    fn a_deviation_is_told_when_it_begins_and_when_it_is_over() {
        let values = [steady(0.01, 10), vec![0.3, 0.4, 0.3], steady(0.01, 5)].concat();
        assert_eq!(told(&values, false), ["10: 10..11 0.3", "15: 10..13 0.4"]);
    }

    #[test]
    fn one_of_a_single_window_is_told_once() {
        let values = [steady(0.01, 10), vec![0.3], steady(0.01, 5)].concat();
        assert_eq!(told(&values, false), ["10: 10..11 0.3"]);
    }

    #[test]
    fn what_comes_and_goes_is_one_deviation_and_not_one_a_window() {
        let flapping = [0.3, 0.01].repeat(8);
        let values = [steady(0.01, 10), flapping, steady(0.01, 5)].concat();
        assert_eq!(told(&values, false), ["10: 10..11 0.3", "27: 10..25 0.3"]);
    }

    #[test]
    fn a_lasting_one_is_told_again_now_and_then_until_it_is_usual() {
        let values = [steady(0.0, 10), steady(0.5, 60)].concat();
        assert_eq!(
            told(&values, false),
            ["10: 10..11 0.5", "25: 10..26 0.5", "39: 10..40 0.5"]
        );
    }

    #[test]
    fn a_new_route_has_no_baseline_to_leave() {
        assert_eq!(told(&[0.0, 0.9, 0.0, 0.9], false), [""; 0]);
    }

    #[test]
    fn what_always_swings_does_not_deviate() {
        assert_eq!(told(&[0.0, 0.2].repeat(20), false), [""; 0]);
    }

    #[test]
    fn less_is_a_deviation_of_calls_only() {
        let values = [steady(5.0, 10), steady(1.0, 2), steady(5.0, 5)].concat();
        assert_eq!(told(&values, false), [""; 0]);
        assert_eq!(told(&values, true), ["10: 10..11 1", "14: 10..12 1"]);
    }
}
