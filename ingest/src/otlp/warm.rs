//! What was usual before this process started: baselines learnt again from what was measured by the minute.
//!
//! The minutes are judged as windows were, so a deviation that went on goes on, under its beginning. Nothing is told
//! of them: that was done when they were windows. What a pause between two starts hides is no news either.

use std::collections::{HashMap, HashSet};

use hashbrown::DefaultHashBuilder;
use model::Timestamp;
use store::{Rollups, Series};

use super::baseline::Baseline;
use super::windows::{ClosedWindow, RouteStats};

/// How far back is read: the usual is that of about the last twenty minutes.
const BACK_MS: i64 = 30 * 60_000;
const MINUTE: i64 = 60_000_000_000;

/// Baselines by what they are of, until they are asked for.
#[derive(Debug, Default)]
pub(super) struct Warm {
    baselines: HashMap<Series, Baseline, DefaultHashBuilder>,
}

impl Warm {
    /// Learns from the minutes before a start. It may wait for the disk.
    pub(super) fn learnt(
        rollups: &Rollups,
        started_at: Timestamp,
        window_nanos: i64,
        again_nanos: i64,
    ) -> Self {
        let mut warm = Self::default();
        let minutes = rollups.minutes(started_at.plus_millis(-BACK_MS), started_at);
        for minute in &minutes {
            let from = minute.unix_nanos();
            let window = ClosedWindow {
                from,
                until: from.saturating_add(window_nanos.max(MINUTE)),
                // The last one may have been broken off.
                is_whole: Some(minute) != minutes.last(),
                routes: Vec::new(),
                senders: HashSet::default(),
            };
            rollups.each_of_minute(*minute, |series, measured| {
                let stats = RouteStats::of_measured(measured);
                let baseline = warm.baselines.entry(series).or_default();
                baseline.judge(&stats, &window, again_nanos);
            });
        }
        warm.baselines.values_mut().for_each(Baseline::resume);
        warm
    }

    /// What was usual of a series, for whoever knows less of it.
    pub(super) fn take_if_better(
        &mut self,
        series: impl FnOnce() -> Option<Series>,
        own: &mut Baseline,
    ) {
        if self.baselines.is_empty() || KNOWN_WINDOWS <= own.windows() {
            return;
        }
        let learnt = series().and_then(|series| self.baselines.remove(&series));
        if let Some(learnt) = learnt {
            *own = learnt;
        }
    }

    /// Whether there was anything to learn from.
    pub(super) fn is_empty(&self) -> bool {
        self.baselines.is_empty()
    }

    /// Lets go of what nobody asked for.
    pub(super) fn forget(&mut self) {
        self.baselines = HashMap::default();
    }
}

/// Whoever saw so many windows itself needs no other to learn from.
const KNOWN_WINDOWS: u32 = 1;
