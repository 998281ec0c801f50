//! When the calls of a route come, and how long they pause.
//!
//! Rule: calls have stopped when none came in [`SILENT_WINDOWS`] windows in a row in which whoever makes them sent
//! spans, and in more than twice as many as they paused lately. So jobs that run now and then do not stop, and neither
//! does what comes from a sender that itself is silent: nobody knows whether it calls.

use super::windows::ClosedWindow;

/// Fewest windows without a call that are a stop.
const SILENT_WINDOWS: u32 = 2;
/// A pause is usual for so many windows, or for so many times its own length.
const PAUSE_WINDOWS: i64 = 60;
const PAUSE_TIMES: i64 = 4;

/// When calls come.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Flow {
    /// The last window with calls.
    heard: Option<i64>,
    /// Windows without calls in a row, and where they begin.
    silent: u32,
    silent_from: Option<i64>,
    /// The longest pause of late, in windows, and until when it counts.
    pause: i64,
    pause_until: i64,
    /// How many spans show a call.
    sampled: f64,
}

impl Flow {
    /// Calls came. A pause before them that was told as a deviation is not a usual one.
    pub(crate) fn hear(&mut self, window: &ClosedWindow, sampled: f64, is_told: bool) {
        let length = window.until.saturating_sub(window.from).max(1);
        let apart = |heard: i64| window.from.saturating_sub(heard) / length - 1;
        let paused = self.heard.map_or(0, apart).max(0);
        if self.pause_until < window.from {
            self.pause = 0;
        }
        let was_stop = is_told && 0 < self.silent;
        if 0 < paused && self.pause <= paused && !was_stop {
            self.pause = paused;
            let counts = PAUSE_WINDOWS.max(PAUSE_TIMES.saturating_mul(paused));
            self.pause_until = window.from.saturating_add(length.saturating_mul(counts));
        }
        self.heard = Some(window.from);
        (self.silent, self.silent_from) = (0, None);
        self.sampled = sampled;
    }

    /// None came in a window.
    pub(crate) fn miss(&mut self, window: &ClosedWindow) {
        self.silent = self.silent.saturating_add(1);
        self.silent_from.get_or_insert(window.from);
    }

    /// None came since a moment.
    pub(crate) fn miss_since(&mut self, since: i64) {
        self.silent = self.silent.saturating_add(1);
        self.silent_from.get_or_insert(since);
    }

    /// Whether so many windows had none that they have stopped.
    pub(crate) fn has_stopped(&self) -> bool {
        SILENT_WINDOWS <= self.silent && 2 * self.pause < i64::from(self.silent)
    }

    /// The first of the windows without calls.
    pub(crate) const fn silent_since(&self) -> Option<i64> {
        self.silent_from
    }

    /// How many spans show a call.
    pub(crate) const fn sampled(&self) -> f64 {
        self.sampled
    }

    /// Forgets when calls came last: what lies between was not seen.
    pub(crate) const fn resume(&mut self) {
        self.heard = None;
    }
}
