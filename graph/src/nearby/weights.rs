//! The model of `changes_nearby` as data: every constant of the ranking, its reason and its source.
//!
//! Nothing else in the crate holds a number that moves a rank. `docs/ranking.md`
//! says how the fitted ones were found and what each is worth.

use serde::{Deserialize, Serialize};

/// The name of this table; raised with every change of a number in it.
pub const MODEL_VERSION: &str = "nearby-2";

/// A table of weights and the name that every answer made with it shows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RankingModel {
    /// The name.
    pub version: String,
    /// The numbers; what a file leaves out is built in.
    #[serde(default)]
    pub weights: Weights,
}

/// The numbers of the ranking.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Weights {
    /// Share of the walk that stops at each item: how quickly blame fades with every step.
    pub walk_stop: f64,
    /// Steps the walk takes at most; what is left after that is worth less than `near_floor`.
    pub walk_steps_max: usize,
    /// Weight of a step to a dependent, where a step to a provider weighs 1.
    pub walk_to_dependent: f64,
    /// Weight of a relation whose dependent can do without its provider.
    pub walk_weak: f64,
    /// A share of the walk thinner than this is not followed.
    pub walk_thinnest: f64,
    /// An item with more relations on one side is taken to spread its share too thin to matter there.
    pub walk_hub: usize,
    /// The nearness that counts as none.
    pub near_floor: f64,
    /// Weight of the logarithm of nearness.
    pub nearness: f64,
    /// The age, in minutes, up to which changes are about equally suspect.
    pub recency_knee_minutes: f64,
    /// Exponent of the power law by which suspicion fades with age.
    pub recency: f64,
    /// The age, in minutes, at which recency counts as nothing.
    pub recency_zero_minutes: f64,
    /// Weight of a deviation of the kind of measure the symptom speaks of.
    pub same_measure: f64,
    /// Weight of a deviation of another measure of errors, latency or saturation.
    pub other_measure: f64,
    /// Points of success that count as much as a doubling of latency.
    pub points_per_doubling: f64,
    /// Minutes before the symptom from which on deviations belong to it.
    pub deviation_reach_minutes: f64,
    /// Weight of words shared by the symptom and the change's title.
    pub words: f64,
    /// What a change of a single machine loses.
    pub single_machine: f64,
    /// What a change loses that takes another back.
    pub takes_back: f64,
    /// What a change loses that was taken back before the symptom.
    pub taken_back: f64,
    /// What a change in another environment loses.
    pub other_environment: f64,
    /// What a change loses of which nobody said that it began.
    pub never_began: f64,
    /// What a change loses that began well after the symptom.
    pub began_after: f64,
    /// Minutes by which stated times of beginning may be wrong.
    pub clock_slack_minutes: f64,
    /// Weight of how many earlier incidents changes of the same sort were judged the cause of.
    pub cause_before: f64,
    /// What a person's judgement adds or takes.
    pub judged: f64,
}

/// The numbers in use.
///
/// *Fitted* means: a conditional logit over the candidates of the yardstick's 168 cases, with a
/// ridge of 1 towards the prior, rounded; out-of-fold results stand in `docs/ranking.md`.
/// *Reasoned* means: no public data speaks of it; the number says what a person would expect.
pub const WEIGHTS: Weights = Weights {
    // Reasoned: results are flat from .15 to .5. Eight steps leave 17 % of the walk, spread thin.
    walk_stop: 0.2,
    walk_steps_max: 8,
    // Reasoned: causes lie mostly with the arrow, yet one in five lies beside or behind. Flat from .1 to .5.
    walk_to_dependent: 0.2,
    // Reasoned: a weak dependency degrades its dependent instead of stopping it.
    walk_weak: 0.5,
    walk_thinnest: 1e-4,
    walk_hub: 8192,
    // Fitted on a grid of powers of ten.
    near_floor: 1e-4,
    // Fitted: .70. Below 1 because a map of relations is never complete.
    nearness: 0.7,
    // Fitted together: flat from 8 to 60 minutes. Leads of real causes: a tenth under 6 minutes,
    // half over 40, a tenth over 16 hours; an exponential would rule the last out.
    recency_knee_minutes: 30.0,
    recency: 1.4,
    recency_zero_minutes: 72.0 * 60.0,
    // Fitted: 1.26 and 1.43, too close together to tell apart.
    same_measure: 1.3,
    other_measure: 1.3,
    // Reasoned.
    points_per_doubling: 10.0,
    deviation_reach_minutes: 60.0,
    // Fitted: 1.02.
    words: 1.0,
    // Fitted: -1.65. Redundancy absorbs most changes of one machine.
    single_machine: -1.6,
    // Fitted: -1.48 and -.64. Taking back restores a state that was known to work, and ends the other's effect.
    takes_back: -1.5,
    taken_back: -0.6,
    // Fitted: -.92.
    other_environment: -0.9,
    // Reasoned: as unlikely as a change of a machine, and worse.
    never_began: -2.0,
    // Reasoned: an effect does not come before its cause, but clocks and first alerts are late by minutes.
    began_after: -3.0,
    clock_slack_minutes: 15.0,
    // Reasoned: one earlier cause doubles the odds, three make them four times as high, and no number of them
    // outweighs a change that is near and recent.
    cause_before: 1.0,
    // Reasoned: outweighs any two other signals.
    judged: 10.0,
};

impl Default for RankingModel {
    /// What is built in.
    fn default() -> Self {
        Self {
            version: MODEL_VERSION.to_owned(),
            weights: WEIGHTS,
        }
    }
}

impl Default for Weights {
    /// What is built in.
    fn default() -> Self {
        WEIGHTS
    }
}

impl RankingModel {
    /// What makes it no model: the field and why.
    pub fn fault(&self) -> Option<(&'static str, &'static str)> {
        if self.version.trim().is_empty() {
            return Some(("version", "is empty, and answers name it"));
        }
        if self.version == MODEL_VERSION && self.weights != WEIGHTS {
            let reason = "is that of the weights that are built in, which these are not";
            return Some(("version", reason));
        }
        self.weights.fault()
    }
}

impl Weights {
    fn fault(&self) -> Option<(&'static str, &'static str)> {
        let shares = [
            ("weights.walk_stop", self.walk_stop),
            ("weights.walk_thinnest", self.walk_thinnest),
            ("weights.near_floor", self.near_floor),
        ];
        let lengths = [
            ("weights.recency_knee_minutes", self.recency_knee_minutes),
            ("weights.recency_zero_minutes", self.recency_zero_minutes),
            ("weights.points_per_doubling", self.points_per_doubling),
        ];
        let steps = [
            ("weights.walk_to_dependent", self.walk_to_dependent),
            ("weights.walk_weak", self.walk_weak),
            (
                "weights.deviation_reach_minutes",
                self.deviation_reach_minutes,
            ),
            ("weights.clock_slack_minutes", self.clock_slack_minutes),
        ];
        let rest = [
            ("weights.nearness", self.nearness),
            ("weights.recency", self.recency),
            ("weights.same_measure", self.same_measure),
            ("weights.other_measure", self.other_measure),
            ("weights.words", self.words),
            ("weights.single_machine", self.single_machine),
            ("weights.takes_back", self.takes_back),
            ("weights.taken_back", self.taken_back),
            ("weights.other_environment", self.other_environment),
            ("weights.never_began", self.never_began),
            ("weights.began_after", self.began_after),
            ("weights.cause_before", self.cause_before),
            ("weights.judged", self.judged),
        ];
        let off = |all: &[(&'static str, f64)], fits: &dyn Fn(f64) -> bool, reason| {
            let mut all = all.iter();
            let off = all.find(|(_, value)| !fits(*value));
            off.map(|(field, _)| (*field, reason))
        };
        let between = |value: f64| 0.0 < value && value < 1.0;
        let more = |value: f64| value.is_finite() && 0.0 < value;
        let none_or_more = |value: f64| value.is_finite() && 0.0 <= value;
        let small = |value: f64| value.abs() <= WEIGHT_MOST;
        off(&shares, &between, "must lie between 0 and 1")
            .or_else(|| off(&lengths, &more, "must be more than 0"))
            .or_else(|| off(&steps, &none_or_more, "must not be less than 0"))
            .or_else(|| off(&rest, &small, "must lie between -100 and 100"))
            .or_else(|| {
                // The kernel of long changes is an integral that has no such form at 1.
                let is_one = (self.recency - 1.0).abs() < 1e-6;
                is_one.then_some(("weights.recency", "must not be 1; write 1.001"))
            })
            .or_else(|| {
                let steps = self.walk_steps_max;
                let too_many = !(1..=64).contains(&steps);
                too_many.then_some(("weights.walk_steps_max", "must lie between 1 and 64"))
            })
    }
}

/// A weight beyond this lets one signal decide alone.
const WEIGHT_MOST: f64 = 100.0;
