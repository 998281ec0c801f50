//! Whether changes that were held risky were causes more often than others, by who held them so.

use std::collections::BTreeMap;

use model::{AsOf, ChangeId, LogPosition, RiskLevel, Timestamp, Verdict};

use super::estimates::Estimate;
use crate::risk::{AssessedChange, RiskLimits, assess_change};
use crate::view::GraphView;

/// Buckets of scores that are shares.
const BUCKETS: usize = 10;

/// Explicit limits of one report.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RiskQualityLimits {
    /// Of assessing one change.
    pub risk: RiskLimits,
    /// How many changes are assessed, the newest first.
    pub assessed_max: usize,
    /// How many changes are looked at for scores of other systems, the newest first.
    pub scored_max: usize,
}

/// Changes of like scores.
#[derive(Clone, Debug, PartialEq)]
pub struct CalibrationBucket {
    /// The level, or the scores it holds.
    pub name: String,
    /// Those that were judged causes, of all.
    pub causes: Estimate,
    /// The mean of their scores.
    pub mean_score: f64,
}

/// How well one source tells what will be a cause.
#[derive(Clone, Debug, PartialEq)]
pub struct RiskCalibration {
    /// The source; `epicenter` for the score of `assessChange`.
    pub source: String,
    /// Those that were judged causes, of all that it scored.
    pub causes: Estimate,
    /// Its levels, or equal spans of its scores.
    pub buckets: Vec<CalibrationBucket>,
    /// The mean square of what it is off, where all its scores lie between 0 and 1.
    pub brier: Option<f64>,
    /// The same for whoever says the share of causes of every change.
    pub brier_of_share: Option<f64>,
    /// How often a cause has a higher score than another change, a tie being half; nothing without both.
    pub ranks_causes_higher: Option<f64>,
}

/// How well risks were told.
#[derive(Clone, Debug, PartialEq)]
pub struct RiskQuality {
    /// Our own score first, then the sources in order of name.
    pub calibrations: Vec<RiskCalibration>,
    /// Whether older changes were left out of our own.
    pub assessed_truncated: bool,
    /// Whether older changes were left out of the others'.
    pub scored_truncated: bool,
}

/// A score, the word for it, and whether the change was judged a cause.
#[derive(Clone, Debug, PartialEq)]
struct Scored {
    score: f64,
    level: Option<String>,
    is_cause: bool,
}

/// Holds scores of changes that began in a time against what was judged of them.
pub fn risk_quality(
    view: &GraphView,
    from: Timestamp,
    to: Timestamp,
    limits: RiskQualityLimits,
) -> RiskQuality {
    let causes: std::collections::BTreeSet<ChangeId> = view
        .verdicts()
        .filter(|(_, _, verdict)| *verdict == Verdict::Cause)
        .map(|(change, _, _)| change)
        .collect();
    let mut own = Vec::new();
    let mut others: BTreeMap<String, Vec<Scored>> = BTreeMap::new();
    let (mut assessed_truncated, mut scored_truncated) = (false, false);
    for (looked_at, change) in view.changes_between(from, to).enumerate() {
        if looked_at == limits.scored_max {
            scored_truncated = true;
            assessed_truncated = true;
            break;
        }
        let is_cause = causes.contains(&change.id());
        for (source, said) in change.risk_scores() {
            others.entry(source.to_owned()).or_default().push(Scored {
                score: said.score,
                level: said.level.clone(),
                is_cause,
            });
        }
        if limits.assessed_max <= own.len() {
            assessed_truncated = true;
            continue;
        }
        let as_of = AsOf {
            valid_at: change.started_at(),
            known_at: LogPosition::ZERO,
        };
        let found = assess_change(view, &AssessedChange::of(&change), as_of, limits.risk);
        own.push(Scored {
            score: found.score,
            level: Some(found.level.name().to_owned()),
            is_cause,
        });
    }
    let mut calibrations = vec![RiskCalibration::of("epicenter".to_owned(), &own)];
    let others = others.into_iter();
    calibrations.extend(others.map(|(source, scored)| RiskCalibration::of(source, &scored)));
    RiskQuality {
        calibrations,
        assessed_truncated,
        scored_truncated,
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "counts of changes are far below 2^52"
)]
fn float(count: usize) -> f64 {
    count as f64
}

impl RiskCalibration {
    fn of(source: String, scored: &[Scored]) -> Self {
        let causes = estimate(scored.iter());
        let shares = scored.iter().all(|it| (0.0..=1.0).contains(&it.score));
        let base = causes.share.value();
        let squares = |told: &dyn Fn(&Scored) -> f64| {
            let off = |it: &Scored| (told(it) - f64::from(u8::from(it.is_cause))).powi(2);
            scored.iter().map(off).sum::<f64>() / float(scored.len())
        };
        let is_told = shares && !scored.is_empty();
        Self {
            source,
            causes,
            buckets: buckets(scored, shares),
            brier: is_told.then(|| squares(&|it| it.score)),
            brier_of_share: base.filter(|_| is_told).map(|base| squares(&|_| base)),
            ranks_causes_higher: ranks_higher(scored),
        }
    }
}

fn estimate<'s>(scored: impl Iterator<Item = &'s Scored>) -> Estimate {
    let (mut part, mut whole) = (0, 0);
    for one in scored {
        whole += 1;
        part += usize::from(one.is_cause);
    }
    Estimate::of(part, whole)
}

/// By the word for the score where there is one for each, else by tenths of shares, else by tenths of the changes.
fn buckets(scored: &[Scored], shares: bool) -> Vec<CalibrationBucket> {
    let mut by_name: BTreeMap<(usize, String), Vec<&Scored>> = BTreeMap::new();
    if scored.iter().all(|it| it.level.is_some()) {
        for one in scored {
            let level = one.level.clone().unwrap_or_default();
            let known = RiskLevel::WRITTEN
                .iter()
                .position(|(word, _)| *word == level);
            let place = known.unwrap_or(RiskLevel::WRITTEN.len());
            by_name.entry((place, level)).or_default().push(one);
        }
    } else if shares {
        for one in scored {
            let place = (0..BUCKETS).rev().find(|place| tenth(*place) <= one.score);
            let place = place.unwrap_or(0);
            let name = format!("{:.1} to {:.1}", tenth(place), tenth(place + 1));
            by_name.entry((place, name)).or_default().push(one);
        }
    } else {
        let mut sorted: Vec<&Scored> = scored.iter().collect();
        sorted.sort_by(|one, other| one.score.total_cmp(&other.score));
        let size = sorted.len().div_ceil(BUCKETS).max(1);
        for (place, part) in sorted.chunks(size).enumerate() {
            let ends = part.first().zip(part.last());
            let name = ends.map(|(first, last)| format!("{} to {}", first.score, last.score));
            by_name.insert((place, name.unwrap_or_default()), part.to_vec());
        }
    }
    let bucket = |((_, name), members): ((usize, String), Vec<&Scored>)| CalibrationBucket {
        name,
        mean_score: members.iter().map(|it| it.score).sum::<f64>() / float(members.len()),
        causes: estimate(members.into_iter()),
    };
    by_name.into_iter().map(bucket).collect()
}

fn tenth(place: usize) -> f64 {
    float(place) / float(BUCKETS)
}

/// The share of pairs of a cause and another change in which the cause has the higher score.
fn ranks_higher(scored: &[Scored]) -> Option<f64> {
    let mut sorted: Vec<&Scored> = scored.iter().collect();
    sorted.sort_by(|one, other| one.score.total_cmp(&other.score));
    let causes = sorted.iter().filter(|it| it.is_cause).count();
    let pairs = float(causes) * float(sorted.len() - causes);
    let (mut below, mut higher) = (0, 0.0);
    for tied in sorted.chunk_by(|one, other| one.score.total_cmp(&other.score).is_eq()) {
        let causes = tied.iter().filter(|it| it.is_cause).count();
        let rest = tied.len() - causes;
        higher += float(causes) * (float(below) + float(rest) / 2.0);
        below += rest;
    }
    (0.0 < pairs).then(|| higher / pairs)
}
