//! Calls summed up by route in windows of span time.
//!
//! A window closes a grace after its end or, for spans of the past, after it
//! was opened; spans that come later open it again as a further part. The sums
//! are whole numbers, so they are the same in whatever order calls come.

use std::collections::{BTreeMap, HashMap, HashSet};

use hashbrown::DefaultHashBuilder;
use model::{Evidence, Timestamp};
use store::{CALL_PARTS, Latency, Measured, Totals};

use super::calls::{Call, CallRoute};
use super::items::ItemNumber;
use super::span;

const WEIGHT_ONE: u64 = span::WEIGHT_ONE as u64;
// What is measured counts in the same parts.
const _: () = assert!(WEIGHT_ONE == CALL_PARTS);

/// Length and bounds of windows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct WindowLimits {
    /// Their length in nanoseconds.
    pub(crate) length_nanos: i64,
    /// How long a window stays open after its end, nanoseconds.
    pub(crate) grace_nanos: i64,
    /// At most so many are open; beyond, the one opened first closes early.
    pub(crate) open: usize,
    /// At most so many routes in one window.
    pub(crate) routes: usize,
}

/// The open windows.
#[derive(Debug)]
pub(crate) struct Windows {
    limits: WindowLimits,
    open: BTreeMap<i64, OpenWindow>,
    closed_early: Vec<ClosedWindow>,
    /// Windows that begin before were not seen from their beginning.
    whole_from: i64,
    /// Calls over more routes than a window may hold.
    pub(crate) dropped: u64,
}

#[derive(Debug)]
struct OpenWindow {
    closes_at: i64,
    routes: HashMap<CallRoute, RouteStats, DefaultHashBuilder>,
    senders: HashSet<ItemNumber, DefaultHashBuilder>,
}

/// A window that takes no more calls.
#[derive(Clone, Debug)]
pub(crate) struct ClosedWindow {
    /// Its first moment, Unix nanoseconds.
    pub(crate) from: i64,
    /// The first moment behind it.
    pub(crate) until: i64,
    /// Whether it was open to its end, so that its calls can be counted against others.
    pub(crate) is_whole: bool,
    /// What was seen, in no order.
    pub(crate) routes: Vec<(CallRoute, RouteStats)>,
    /// Whoever sent spans of it.
    pub(crate) senders: HashSet<ItemNumber, DefaultHashBuilder>,
}

/// What was seen of one route in one window.
#[derive(Clone, Debug)]
pub(crate) struct RouteStats {
    /// Calls in units of 1/[`WEIGHT_ONE`].
    calls: u64,
    errors: u64,
    /// Spans seen, without those they stand for.
    pub(crate) samples: u64,
    /// The best evidence.
    pub(crate) evidence: Evidence,
    /// Start of the first call.
    pub(crate) first_seen_at: i64,
    /// Start of the last call.
    pub(crate) last_seen_at: i64,
    latency: Box<Latency>,
}

impl Windows {
    /// No window yet.
    pub(crate) const fn new(limits: WindowLimits) -> Self {
        Self {
            limits,
            open: BTreeMap::new(),
            closed_early: Vec::new(),
            whole_from: i64::MIN,
            dropped: 0,
        }
    }

    /// Adds a call to the window of its start.
    pub(crate) fn add(&mut self, call: &Call, now: i64) {
        let routes_max = self.limits.routes;
        let window = self.window(call.started_at, now);
        if let Some(stats) = window.routes.get_mut(&call.route) {
            stats.add(call);
        } else if window.routes.len() < routes_max {
            let mut stats = RouteStats::of(call);
            stats.add(call);
            window.routes.insert(call.route, stats);
        } else {
            self.dropped += 1;
        }
    }

    /// Opens the window of a span, whether or not it turns out to show a call, and notes who sent it.
    pub(crate) fn open(&mut self, started_at: i64, sender: ItemNumber, now: i64) {
        self.window(started_at, now).senders.insert(sender);
    }

    /// Notes who sent spans until a moment. Of what lies between nothing is known but that it was not alone.
    pub(crate) fn sent_until(&mut self, last_at: i64, sender: ItemNumber) {
        let from = last_at - last_at.rem_euclid(self.limits.length_nanos);
        if let Some(window) = self.open.get_mut(&from) {
            window.senders.insert(sender);
        }
    }

    /// Windows that begin before a moment were not seen from their beginning.
    pub(crate) const fn whole_from(&mut self, from: i64) {
        self.whole_from = from;
    }

    /// Closes the windows that are due, oldest first.
    pub(crate) fn close_due(&mut self, now: i64) -> Vec<ClosedWindow> {
        let mut closed = std::mem::take(&mut self.closed_early);
        let due: Vec<i64> = self
            .open
            .iter()
            .filter(|(_, window)| window.closes_at <= now)
            .map(|(from, _)| *from)
            .collect();
        for from in due {
            closed.extend(self.close(from, true));
        }
        closed.sort_by_key(|window| window.from);
        closed
    }

    /// Closes all windows, oldest first.
    pub(crate) fn close_all(&mut self) -> Vec<ClosedWindow> {
        let mut closed = self.close_due(i64::MIN);
        let open: Vec<i64> = self.open.keys().copied().collect();
        closed.extend(open.into_iter().filter_map(|from| self.close(from, false)));
        closed.sort_by_key(|window| window.from);
        closed
    }

    /// The start of the earliest window whose calls are not handed out yet.
    pub(crate) fn earliest_open(&self) -> Option<i64> {
        let early = self.closed_early.iter().map(|window| window.from).min();
        let open = self.open.keys().next().copied();
        early.into_iter().chain(open).min()
    }

    fn window(&mut self, started_at: i64, now: i64) -> &mut OpenWindow {
        let from = started_at - started_at.rem_euclid(self.limits.length_nanos);
        if !self.open.contains_key(&from) {
            self.make_room();
        }
        let limits = self.limits;
        self.open.entry(from).or_insert_with(|| {
            let ends_at = from.saturating_add(limits.length_nanos);
            let in_a_window = now.saturating_add(limits.length_nanos);
            // Spans of the past get a window's time to come together, and a clock
            // that runs ahead must not keep a window open for ever.
            let is_present = now <= ends_at && ends_at <= in_a_window;
            let ends_at = if is_present { ends_at } else { in_a_window };
            OpenWindow {
                closes_at: ends_at.saturating_add(limits.grace_nanos),
                routes: HashMap::default(),
                senders: HashSet::default(),
            }
        })
    }

    fn make_room(&mut self) {
        while self.limits.open <= self.open.len() {
            let first = self
                .open
                .iter()
                .min_by_key(|(from, window)| (window.closes_at, **from))
                .map(|(from, _)| *from);
            let Some(window) = first.and_then(|from| self.close(from, false)) else {
                return;
            };
            self.closed_early.push(window);
        }
    }

    fn close(&mut self, from: i64, is_whole: bool) -> Option<ClosedWindow> {
        let window = self.open.remove(&from)?;
        Some(ClosedWindow {
            from,
            until: from.saturating_add(self.limits.length_nanos),
            is_whole: is_whole && self.whole_from <= from,
            senders: window.senders,
            routes: window.routes.into_iter().collect(),
        })
    }
}

impl ClosedWindow {
    /// Its length.
    #[expect(clippy::cast_precision_loss, reason = "a length of time")]
    pub(crate) fn seconds(&self) -> f64 {
        self.from.abs_diff(self.until).max(1) as f64 / 1_000_000_000.0
    }
}

impl RouteStats {
    /// What was kept of it as a measurement; of the evidence nothing was.
    pub(crate) fn of_measured(measured: Measured) -> Self {
        let totals = measured.totals;
        Self {
            calls: totals.calls,
            errors: totals.errors,
            samples: totals.samples,
            evidence: Evidence::Inferred,
            first_seen_at: totals.first_seen_at.unix_nanos(),
            last_seen_at: totals.last_seen_at.unix_nanos(),
            latency: Box::new(measured.latency),
        }
    }

    fn of(call: &Call) -> Self {
        Self {
            calls: 0,
            errors: 0,
            samples: 0,
            evidence: call.evidence,
            first_seen_at: call.started_at,
            last_seen_at: call.started_at,
            latency: Box::default(),
        }
    }

    fn add(&mut self, call: &Call) {
        self.calls = self.calls.saturating_add(call.weight);
        if call.failed {
            self.errors = self.errors.saturating_add(call.weight);
        }
        self.samples += 1;
        self.evidence = self.evidence.min(call.evidence);
        self.first_seen_at = self.first_seen_at.min(call.started_at);
        self.last_seen_at = self.last_seen_at.max(call.started_at);
        let count = u32::try_from(rounded(call.weight).max(1)).unwrap_or(u32::MAX);
        self.latency.add(call.duration, count);
    }

    /// Takes another route's sums in, as seen from the item both lead to.
    pub(crate) fn merge(&mut self, other: &Self) {
        self.calls = self.calls.saturating_add(other.calls);
        self.errors = self.errors.saturating_add(other.errors);
        self.samples += other.samples;
        self.evidence = self.evidence.min(other.evidence);
        self.first_seen_at = self.first_seen_at.min(other.first_seen_at);
        self.last_seen_at = self.last_seen_at.max(other.last_seen_at);
        self.latency.merge(&other.latency);
    }

    /// Calls, sampling adjusted; at least one.
    pub(crate) fn calls(&self) -> u64 {
        rounded(self.calls).max(1)
    }

    /// Failed calls, sampling adjusted; at least one if any failed.
    pub(crate) fn errors(&self) -> u64 {
        rounded(self.errors).max(u64::from(self.errors != 0))
    }

    /// Failed calls of all calls, from 0 to 1.
    #[expect(clippy::cast_precision_loss, reason = "a ratio")]
    pub(crate) fn error_rate(&self) -> f64 {
        self.errors as f64 / self.calls.max(1) as f64
    }

    /// Calls a second, sampling adjusted, over a window of this length.
    #[expect(clippy::cast_precision_loss, reason = "a ratio")]
    pub(crate) fn calls_per_second(&self, nanos: u64) -> f64 {
        self.calls.max(1) as f64 / WEIGHT_ONE as f64 / (nanos.max(1) as f64 / 1_000_000_000.0)
    }

    /// How many spans show a call.
    #[expect(clippy::cast_precision_loss, reason = "a ratio")]
    pub(crate) fn sampled(&self) -> f64 {
        self.samples as f64 * WEIGHT_ONE as f64 / self.calls.max(1) as f64
    }

    /// How many samples it would have, were there so many times as many calls.
    #[expect(clippy::cast_precision_loss, reason = "a ratio")]
    pub(crate) fn samples_at(&self, times: f64) -> u64 {
        (self.samples as f64 * times) as u64
    }

    /// The duration that this share of the calls stays within, in milliseconds.
    pub(crate) fn duration_ms(&self, share: f64) -> f64 {
        self.latency.quantile_ms(share).unwrap_or_default()
    }

    /// What is kept of it as a measurement.
    pub(crate) fn measured(&self) -> Measured {
        Measured {
            totals: Totals {
                calls: self.calls,
                errors: self.errors,
                samples: self.samples,
                first_seen_at: Timestamp::from_unix_nanos(self.first_seen_at),
                last_seen_at: Timestamp::from_unix_nanos(self.last_seen_at),
            },
            latency: Latency::clone(&self.latency),
        }
    }
}

const fn rounded(units: u64) -> u64 {
    units.saturating_add(WEIGHT_ONE / 2) / WEIGHT_ONE
}
