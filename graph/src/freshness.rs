//! How evidence fades: computed when asked, no timer writes anything.
//!
//! A relation or item that a source reports every interval *i* is confirmed
//! until two reports were missed, then ageing, then unconfirmed, then closed.

use model::Timestamp;
use serde::{Deserialize, Serialize};

use crate::validity::Validity;

/// How sure we are that something still holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Freshness {
    /// A firm statement stands, or the evidence is recent.
    Confirmed,
    /// Some reports were missed.
    Ageing,
    /// Many reports were missed.
    Unconfirmed,
    /// It ended, or nobody has seen it for so long that it counts as ended.
    Closed,
}

/// How many report intervals may pass before evidence becomes ageing, unconfirmed, closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct HalfLife {
    ageing: i64,
    unconfirmed: i64,
    closed: i64,
}

/// For what lives long: a service seen every 15 minutes is ageing after half an hour, closed after a day.
const LASTING: HalfLife = HalfLife {
    ageing: 2,
    unconfirmed: 24,
    closed: 96,
};
/// For what comes and goes: a pod that reports every minute is closed after ten.
const FLEETING: HalfLife = HalfLife {
    ageing: 2,
    unconfirmed: 4,
    closed: 10,
};

/// Kinds of items that come and go by the minute.
const FLEETING_KINDS: [&str; 6] = ["pod", "container", "process", "instance", "job", "function"];

impl HalfLife {
    /// The half-life of evidence about items of these kinds: the shortest-lived decides.
    pub(crate) fn of<'a>(kinds: impl IntoIterator<Item = &'a str>) -> Self {
        let fleeting = kinds.into_iter().any(|kind| FLEETING_KINDS.contains(&kind));
        if fleeting { FLEETING } else { LASTING }
    }

    /// That of what comes and goes.
    pub(crate) const fn least() -> Self {
        FLEETING
    }

    /// How long after its last sight something counts as ended, in milliseconds.
    pub(crate) fn reach_ms(self, report_interval_ms: i64) -> i64 {
        report_interval_ms.saturating_mul(self.closed)
    }

    fn grade(self, age_ms: f64, report_interval_ms: i64) -> Freshness {
        #[expect(clippy::cast_precision_loss, reason = "a ratio of spans of time")]
        let missed = age_ms / report_interval_ms.max(1) as f64;
        #[expect(clippy::cast_precision_loss, reason = "small whole numbers")]
        let within = |intervals: i64| missed <= intervals as f64;
        if within(self.ageing) {
            Freshness::Confirmed
        } else if within(self.unconfirmed) {
            Freshness::Ageing
        } else if within(self.closed) {
            Freshness::Unconfirmed
        } else {
            Freshness::Closed
        }
    }
}

/// How sure we are at a moment.
pub(crate) fn freshness(validity: &Validity, half_life: HalfLife, at: Timestamp) -> Freshness {
    if validity.stated_at(at) {
        return Freshness::Confirmed;
    }
    match validity.sighting_at(at) {
        Some(run) => {
            let age_ms = at.millis_since(run.last_at).max(0.0);
            half_life.grade(age_ms, run.report_interval_ms)
        }
        None => Freshness::Closed,
    }
}
