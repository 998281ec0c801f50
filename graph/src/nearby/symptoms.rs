//! What was measured: deviations of items and of relations to them, sorted by what they speak of.

use std::collections::BTreeMap;

use model::Timestamp;

use super::weights::Weights;
use super::words::words_of;
use crate::deviations::DeviationRow;
use crate::facts::ItemFacts;
use crate::identity::ItemIx;
use crate::view::GraphView;

/// What sort of thing a measure or a symptom speaks of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Family {
    Errors,
    Latency,
    Saturation,
    /// How much is asked of it: a symptom at most, hardly ever the sign of a cause.
    Traffic,
    Other,
}

const ERRORS: [&str; 17] = [
    "availability",
    "success",
    "error",
    "errors",
    "failure",
    "failures",
    "fail",
    "failing",
    "failed",
    "exception",
    "exceptions",
    "5xx",
    "500",
    "502",
    "503",
    "unavailable",
    "down",
];
const LATENCY: [&str; 10] = [
    "latency", "p50", "p90", "p95", "p99", "duration", "ms", "seconds", "slow", "timeout",
];
const SATURATION: [&str; 8] = [
    "cpu",
    "memory",
    "mem",
    "disk",
    "saturation",
    "load",
    "queue",
    "lag",
];
const TRAFFIC: [&str; 9] = [
    "request",
    "requests",
    "ops",
    "rps",
    "qps",
    "throughput",
    "calls",
    "bytes",
    "traffic",
];

/// Measures of which more is better.
const GOOD: [&str; 2] = ["availability", "success"];

impl Family {
    fn of_word(word: &str) -> Option<Self> {
        let families = [
            (Self::Errors, &ERRORS[..]),
            (Self::Latency, &LATENCY[..]),
            (Self::Saturation, &SATURATION[..]),
            (Self::Traffic, &TRAFFIC[..]),
        ];
        families
            .into_iter()
            .find(|(_, words)| words.contains(&word))
            .map(|(family, _)| family)
    }

    fn of_metric(metric: &str) -> Self {
        let mut families: Vec<Self> = words_of(metric)
            .iter()
            .filter_map(|word| Self::of_word(word))
            .collect();
        families.sort_unstable();
        families.first().copied().unwrap_or(Self::Other)
    }

    /// What people call it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Errors => "errors",
            Self::Latency => "latency",
            Self::Saturation => "saturation",
            Self::Traffic => "traffic",
            Self::Other => "something else",
        }
    }

    /// What a text of a symptom speaks of.
    pub(crate) fn in_text(text: &str) -> Vec<Self> {
        let mut families: Vec<Self> = words_of(text)
            .iter()
            .filter_map(|word| Self::of_word(word))
            .collect();
        families.sort_unstable();
        families.dedup();
        families
    }
}

/// A deviation: how far, of what, until when.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Symptom {
    pub(super) family: Family,
    /// Doublings, or as much.
    pub(super) size: f64,
    pub(super) metric: String,
    pub(super) baseline: f64,
    pub(super) value: f64,
    until: Timestamp,
}

/// Deviations by item, looked up once each.
pub(super) struct Symptoms<'v> {
    view: &'v GraphView,
    weights: &'v Weights,
    from: Timestamp,
    until: Timestamp,
    of: BTreeMap<ItemIx, Vec<Symptom>>,
}

impl<'v> Symptoms<'v> {
    /// Deviations of the time of the symptom: from a little before `began` to `at`.
    pub(super) fn new(
        view: &'v GraphView,
        weights: &'v Weights,
        began: Timestamp,
        at: Timestamp,
    ) -> Self {
        let from = super::effect::plus_minutes(began, -weights.deviation_reach_minutes);
        Self {
            view,
            weights,
            from,
            until: at,
            of: BTreeMap::new(),
        }
    }

    /// The greatest deviation of an item in some families that went on after a moment.
    pub(super) fn greatest(
        &mut self,
        item: ItemIx,
        after: Timestamp,
        wanted: impl Fn(Family) -> bool,
    ) -> Option<&Symptom> {
        let (view, weights, from, until) = (self.view, self.weights, self.from, self.until);
        let symptoms = self
            .of
            .entry(item)
            .or_insert_with(|| symptoms(view, weights, item, from, until));
        let fitting = symptoms
            .iter()
            .filter(|symptom| wanted(symptom.family) && after < symptom.until);
        fitting.max_by(|one, other| {
            one.size
                .total_cmp(&other.size)
                .then_with(|| other.metric.cmp(&one.metric))
                .then_with(|| one.value.total_cmp(&other.value))
                .then_with(|| one.baseline.total_cmp(&other.baseline))
        })
    }
}

fn symptoms(
    view: &GraphView,
    weights: &Weights,
    item: ItemIx,
    from: Timestamp,
    until: Timestamp,
) -> Vec<Symptom> {
    let members = view.identity.item(item).members.iter();
    let mut found = Vec::new();
    for member in members {
        let own = view
            .facts
            .get(member.0 as usize)
            .map_or(&[][..], ItemFacts::deviations);
        let of_relations = view.relations.deviations_to(*member);
        let seen = own.iter().chain(of_relations);
        let in_time =
            seen.filter(|row| row.from <= until && row.until.is_none_or(|end| from < end));
        found.extend(in_time.filter_map(|row| symptom(row, weights)));
    }
    found
}

fn symptom(row: &DeviationRow, weights: &Weights) -> Option<Symptom> {
    let family = Family::of_metric(&row.metric);
    let words = words_of(&row.metric);
    let more_is_better = words.iter().any(|word| GOOD.contains(&word.as_str()));
    let seconds = words
        .last()
        .is_some_and(|unit| unit == "seconds" || unit == "s");
    let in_percent = words.iter().any(|word| word == "pct" || word == "percent");
    let is_share = !in_percent
        && row.baseline <= 1.0
        && row.value <= 1.0
        && matches!(family, Family::Errors | Family::Saturation);
    let scale = if is_share {
        100.0
    } else if seconds {
        1000.0
    } else {
        1.0
    };
    let (baseline, value) = (row.baseline * scale, row.value * scale);
    let doublings = ((value.max(0.0) + 1.0) / (baseline.max(0.0) + 1.0)).log2();
    let size = match family {
        Family::Errors if more_is_better => (baseline - value) / weights.points_per_doubling,
        Family::Errors => (value - baseline) / weights.points_per_doubling,
        Family::Traffic => doublings.abs(),
        Family::Latency | Family::Saturation | Family::Other => doublings,
    };
    (size.is_finite() && 0.0 < size).then(|| Symptom {
        family,
        size,
        metric: row.metric.clone(),
        baseline: row.baseline,
        value: row.value,
        until: row.until.unwrap_or(Timestamp::MAX),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn size(metric: &str, baseline: f64, value: f64) -> Option<f64> {
        let deviation = model::Deviation {
            metric: metric.to_owned(),
            baseline,
            value,
            window: model::ValidInterval::starting(Timestamp::MIN),
            samples: None,
        };
        let stamp = crate::stamped::Stamp {
            at: Timestamp::MIN,
            tie: 0,
        };
        let mut rows = Vec::new();
        crate::deviations::keep(&mut rows, &deviation, stamp);
        let found = symptom(&rows[0], &crate::nearby::weights::WEIGHTS)?;
        Some((found.size * 1e6).round() / 1e6)
    }

    #[test]
    fn shares_percents_and_seconds_are_measured_alike() {
        assert_eq!(size("error_rate", 0.01, 0.21), Some(2.0));
        assert_eq!(size("availability", 100.0, 80.0), Some(2.0));
        assert_eq!(size("availability", 0.8, 1.0), None);
        assert_eq!(size("cpu", 0.0, 0.01), Some(1.0));
        assert_eq!(size("cpu_pct", 0.0, 1.0), Some(1.0));
        assert_eq!(size("duration_seconds", 0.001, 0.003), Some(1.0));
        assert_eq!(size("latency_ms", 9.0, f64::NAN), None);
    }

    #[test]
    fn a_measure_is_known_by_its_words() {
        assert_eq!(Family::of_metric("http_server_p90_ms"), Family::Latency);
        assert_eq!(Family::of_metric("error_rate"), Family::Errors);
        assert_eq!(Family::of_metric("cpu_pct"), Family::Saturation);
        assert_eq!(Family::of_metric("net_rx_bytes"), Family::Traffic);
        assert_eq!(Family::of_metric("temperature"), Family::Other);
        assert_eq!(Family::in_text("latency of PetSite"), [Family::Latency]);
        assert_eq!(
            Family::in_text("checkout answers 502, slow"),
            [Family::Errors, Family::Latency]
        );
    }
}
