//! Fits the weights of the ranking to incidents whose cause is known, and says how good they are on those left out.
//!
//! The model is a conditional logit: of all candidates of an incident one is the cause, with a probability that
//! grows with the exponential of its score. The weights maximise the likelihood of the causes, less a ridge that
//! holds them near where they come from. There is no chance in it: the same cases give the same weights.

mod logit;

use std::collections::{BTreeMap, BTreeSet};

pub use logit::fit;

use model::ChangeId;

use crate::answer_quality::{Estimate, MeanEstimate};
use crate::nearby::{NearbyChanges, Weights};

/// How many weights are fitted.
pub const FITTED_COUNT: usize = 9;

/// The values of the fitted signals of one candidate, or their weights, in the order of [`FITTED`].
pub type Fitted = [f64; FITTED_COUNT];

/// A weight that can be fitted: the signal it belongs to, and where it stands.
#[derive(Clone, Copy, Debug)]
pub struct FittedWeight {
    /// The signal's name in answers.
    pub signal: &'static str,
    /// Reads it.
    pub get: fn(&Weights) -> f64,
    /// Writes it.
    pub set: fn(&mut Weights, f64),
    /// What it is before anything is known: 1 for place and time, 0 for everything else.
    pub plain: f64,
}

macro_rules! fitted {
    ($($name:ident from $plain:literal),+ $(,)?) => {
        /// The weights that are fitted. The shapes of kernels, and what no public data speaks of, stay as they are.
        pub const FITTED: [FittedWeight; FITTED_COUNT] = [$(FittedWeight {
            signal: stringify!($name),
            get: |weights| weights.$name,
            set: |weights, value| weights.$name = value,
            plain: $plain,
        }),+];
    };
}

// Written once, so that a signal and its weight cannot come apart.
fitted! {
    nearness from 1.0,
    recency from 1.0,
    same_measure from 0.0,
    other_measure from 0.0,
    words from 0.0,
    single_machine from 0.0,
    takes_back from 0.0,
    taken_back from 0.0,
    other_environment from 0.0,
}

/// A change that may be the cause.
#[derive(Clone, Debug, PartialEq)]
pub struct RefitCandidate {
    /// What each fitted signal measures.
    pub values: Fitted,
    /// What the other signals add.
    pub fixed: f64,
    /// Whether it is known to be a cause.
    pub is_cause: bool,
}

/// An incident whose cause is known, with everything that may have been it, the most suspect first.
#[derive(Clone, Debug, PartialEq)]
pub struct RefitCase {
    /// What people call it.
    pub name: String,
    /// The estate it is of.
    pub system: String,
    /// The part of that estate's cases that is left out together, such as a month.
    pub part: String,
    /// The candidates.
    pub candidates: Vec<RefitCandidate>,
}

/// Which cases are left out together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LeaveOut {
    /// Those of one part of one system.
    Parts,
    /// Those of one system.
    Systems,
}

/// How one case was ranked.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ranked {
    /// The place of the first cause; nothing where it is not among the candidates.
    pub rank: Option<usize>,
    /// How likely the first one is the cause, by the model.
    pub confidence: f64,
    /// Whether it is.
    pub is_right: bool,
}

/// Cases as weights rank them that did not see them, in the order of the cases.
#[derive(Clone, Debug, PartialEq)]
pub struct OutOfFold {
    /// How each was ranked.
    pub ranked: Vec<Ranked>,
    /// How many sets of weights there were.
    pub folds: usize,
    /// The least and the most of each weight over them.
    pub spread: [(f64, f64); FITTED_COUNT],
}

/// How good a ranking of cases is.
#[derive(Clone, Debug, PartialEq)]
pub struct RefitScore {
    /// The cause stood first.
    pub first: Estimate,
    /// It was among the first three.
    pub first_three: Estimate,
    /// It was among the first five.
    pub first_five: Estimate,
    /// The mean of one over its place, 0 where it was not found.
    pub reciprocal: Option<MeanEstimate>,
}

/// Cases of which the first was about as likely the cause.
#[derive(Clone, Debug, PartialEq)]
pub struct Reliability {
    /// The least confidence in it,
    pub from: f64,
    /// and the most.
    pub until: f64,
    /// The mean of what was said.
    pub said: f64,
    /// How often it was so.
    pub was: Estimate,
}

/// The weights that are fitted, as they stand in a table.
pub fn fitted_of(weights: &Weights) -> Fitted {
    FITTED.map(|one| (one.get)(weights))
}

/// What the fitted weights are before anything is known.
pub fn plain() -> Fitted {
    FITTED.map(|one| one.plain)
}

/// A table with other fitted weights.
pub fn with_fitted(weights: &Weights, fitted: &Fitted) -> Weights {
    let mut written = *weights;
    for (one, value) in FITTED.iter().zip(fitted) {
        (one.set)(&mut written, *value);
    }
    written
}

impl RefitCase {
    /// What an answer of the ranking, given with these weights, says of every candidate.
    ///
    /// A signal whose weight is 0 is not in the answer, and counts as nothing. A change that stands for others of its
    /// act stands for a cause among them.
    pub fn read(
        (name, system, part): (String, String, String),
        answer: &NearbyChanges,
        weights: &Weights,
        causes: &BTreeSet<ChangeId>,
    ) -> Self {
        let candidates = answer.changes.iter().map(|near| {
            let mut candidate = RefitCandidate {
                values: [0.0; FITTED_COUNT],
                fixed: 0.0,
                is_cause: causes.contains(&near.change)
                    || near.folded.iter().any(|it| causes.contains(it)),
            };
            for part in &near.contributions {
                let mut places = FITTED.iter().zip(&mut candidate.values);
                match places.find(|(one, _)| one.signal == part.signal) {
                    Some((one, value)) => *value += part.contribution / (one.get)(weights),
                    None => candidate.fixed += part.contribution,
                }
            }
            candidate
        });
        Self {
            candidates: candidates.collect(),
            name,
            system,
            part,
        }
    }

    fn fold(&self, folds: LeaveOut) -> (&str, &str) {
        match folds {
            LeaveOut::Parts => (&self.system, &self.part),
            LeaveOut::Systems => (&self.system, ""),
        }
    }

    /// How weights rank it. Equal scores stay in the order of the candidates.
    pub fn ranked(&self, weights: &Fitted) -> Ranked {
        let scores: Vec<f64> = self.candidates.iter().map(|it| it.score(weights)).collect();
        let mut order: Vec<usize> = (0..scores.len()).collect();
        let score = |place: &usize| scores.get(*place).copied().unwrap_or(f64::NEG_INFINITY);
        order.sort_by(|one, other| score(other).total_cmp(&score(one)));
        let is_cause = |place: &usize| self.candidates.get(*place).is_some_and(|it| it.is_cause);
        let rank = order.iter().position(is_cause);
        let best = order.first().map_or(0.0, score);
        let all: f64 = scores.iter().map(|it| (it - best).exp()).sum();
        Ranked {
            rank: rank.map(|place| place + 1),
            confidence: if scores.is_empty() { 0.0 } else { 1.0 / all },
            is_right: rank == Some(0),
        }
    }
}

impl RefitCandidate {
    pub(crate) fn score(&self, weights: &Fitted) -> f64 {
        let parts = self.values.iter().zip(weights);
        self.fixed + parts.map(|(value, weight)| value * weight).sum::<f64>()
    }
}

/// Every case as the weights rank it that were fitted to all cases of other folds.
pub fn out_of_fold(
    cases: &[RefitCase],
    folds: LeaveOut,
    (towards, ridge): (&Fitted, f64),
    off: Option<usize>,
) -> OutOfFold {
    let mut weights: BTreeMap<(&str, &str), Fitted> = BTreeMap::new();
    for case in cases {
        let fold = case.fold(folds);
        weights.entry(fold).or_insert_with(|| {
            let others: Vec<&RefitCase> =
                cases.iter().filter(|it| it.fold(folds) != fold).collect();
            fit(&others, towards, ridge, off)
        });
    }
    let mut spread = [(f64::INFINITY, f64::NEG_INFINITY); FITTED_COUNT];
    for fitted in weights.values() {
        for ((least, most), weight) in spread.iter_mut().zip(fitted) {
            *least = least.min(*weight);
            *most = most.max(*weight);
        }
    }
    let ranked = cases.iter().filter_map(|case| {
        let fitted = weights.get(&case.fold(folds))?;
        Some(case.ranked(fitted))
    });
    OutOfFold {
        ranked: ranked.collect(),
        folds: weights.len(),
        spread,
    }
}

impl RefitScore {
    /// Of cases as they were ranked.
    pub fn of(ranked: &[Ranked]) -> Self {
        let within = |most: usize| {
            let found = ranked
                .iter()
                .filter(|it| it.rank.is_some_and(|rank| rank <= most));
            Estimate::of(found.count(), ranked.len())
        };
        let reciprocal: Vec<f64> = ranked.iter().map(Ranked::reciprocal).collect();
        Self {
            first: within(1),
            first_three: within(3),
            first_five: within(5),
            reciprocal: MeanEstimate::of(&reciprocal),
        }
    }
}

impl Ranked {
    /// One over the place of the cause; 0 where it was not found.
    #[expect(
        clippy::cast_precision_loss,
        reason = "places of a list are far below 2^52"
    )]
    pub fn reciprocal(&self) -> f64 {
        self.rank.map_or(0.0, |rank| 1.0 / rank as f64)
    }
}

/// By how much more often one ranking has the cause first than another of the same cases.
pub fn paired(one: &[Ranked], other: &[Ranked]) -> Option<MeanEstimate> {
    let hit = |ranked: &Ranked| f64::from(u8::from(ranked.is_right));
    let differences: Vec<f64> = one
        .iter()
        .zip(other)
        .map(|(one, other)| hit(one) - hit(other))
        .collect();
    MeanEstimate::of(&differences)
}

/// Whether the first is the cause as often as the model says, in five equal spans of confidence.
pub fn reliability(ranked: &[Ranked]) -> Vec<Reliability> {
    let ends = [0.0, 0.2, 0.4, 0.6, 0.8];
    let spans = ends.iter().map(|from| {
        let until = from + 0.2;
        let is_last = 0.8 <= *from;
        let within = |it: &&Ranked| *from <= it.confidence && (it.confidence < until || is_last);
        let members: Vec<&Ranked> = ranked.iter().filter(within).collect();
        let said: Vec<f64> = members.iter().map(|it| it.confidence).collect();
        let right = members.iter().filter(|it| it.is_right).count();
        Some(Reliability {
            from: *from,
            until,
            said: MeanEstimate::of(&said)?.mean,
            was: Estimate::of(right, members.len()),
        })
    });
    spans.flatten().collect()
}

#[cfg(test)]
mod tests;
