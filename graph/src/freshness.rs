//! How evidence fades: computed when asked, no timer writes anything.
//!
//! A relation or item that a source reports every interval *i* is confirmed
//! until two reports were missed, then ageing, then unconfirmed, then closed.

use model::{FLEETING_KINDS, Timestamp};
use serde::{Deserialize, Serialize};

use crate::kinds::KindBook;
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
///
/// What is folded knows the built-in half-lives only, so that a definition that comes late moves
/// nothing. One that a definition states counts when somebody asks: it can shorten, never stretch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct HalfLife(model::HalfLife);

impl HalfLife {
    /// The half-life of evidence about items of these kinds: the shortest-lived decides.
    pub(crate) fn of<'a>(kinds: impl IntoIterator<Item = &'a str>) -> Self {
        let fleeting = kinds.into_iter().any(|kind| FLEETING_KINDS.contains(&kind));
        Self(match fleeting {
            true => model::HalfLife::FLEETING,
            false => model::HalfLife::LASTING,
        })
    }

    /// The half-life for a question: what definitions say, else what is built in.
    pub(crate) fn asked<'a>(
        kinds: impl IntoIterator<Item = &'a str> + Clone,
        book: &KindBook,
        at: Timestamp,
    ) -> Self {
        if book.is_empty() {
            return Self::of(kinds);
        }
        let each = kinds.into_iter().map(|kind| {
            let stated = book.half_life(kind, at).map(Self);
            stated.unwrap_or_else(|| Self::of([kind]))
        });
        each.min_by_key(|it| (it.0.closed, it.0.unconfirmed, it.0.ageing))
            .unwrap_or(Self(model::HalfLife::LASTING))
    }

    /// That of what comes and goes.
    pub(crate) const fn least() -> Self {
        Self(model::HalfLife::FLEETING)
    }

    /// How long after its last sight something counts as ended, in milliseconds.
    pub(crate) fn reach_ms(self, report_interval_ms: i64) -> i64 {
        report_interval_ms.saturating_mul(i64::from(self.0.closed))
    }

    pub(crate) fn grade(self, age_ms: f64, report_interval_ms: i64) -> Freshness {
        #[expect(clippy::cast_precision_loss, reason = "a ratio of spans of time")]
        let missed = age_ms / report_interval_ms.max(1) as f64;
        let within = |intervals: u32| missed <= f64::from(intervals);
        if within(self.0.ageing) {
            Freshness::Confirmed
        } else if within(self.0.unconfirmed) {
            Freshness::Ageing
        } else if within(self.0.closed) {
            Freshness::Unconfirmed
        } else {
            Freshness::Closed
        }
    }
}

/// Whether evidence is so recent that it is confirmed, whatever it is about, as long as nobody defined any kind.
pub(crate) fn is_recent(last_at: Timestamp, report_interval_ms: u64, at: Timestamp) -> bool {
    let age_ms = at.millis_since(last_at).max(0.0);
    let interval_ms = i64::try_from(report_interval_ms).unwrap_or(i64::MAX);
    let built_in = [model::HalfLife::LASTING, model::HalfLife::FLEETING];
    let mut grades = built_in
        .map(|it| HalfLife(it).grade(age_ms, interval_ms))
        .into_iter();
    grades.all(|grade| grade == Freshness::Confirmed)
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
