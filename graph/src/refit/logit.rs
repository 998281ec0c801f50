//! The conditional logit, by Newton's method.
#![expect(
    clippy::indexing_slicing,
    clippy::needless_range_loop,
    reason = "arrays of a constant size are walked from 0 to that size"
)]

use super::{FITTED_COUNT, Fitted, RefitCase};

const N: usize = FITTED_COUNT;
/// Steps at most; a handful are enough.
const STEPS_MAX: usize = 200;
/// A step that moves every weight by less is the last.
const CLOSE: f64 = 1e-9;

type Matrix = [[f64; N]; N];

/// The value of the objective, its slope and how it bends.
struct Local {
    loss: f64,
    slope: Fitted,
    bend: Matrix,
}

/// The weights that make the causes of cases likeliest, less half the ridge times the squared way from where they
/// come from. `off` names a weight that is held at 0.
pub fn fit(cases: &[&RefitCase], towards: &Fitted, ridge: f64, off: Option<usize>) -> Fitted {
    let mut weights = *towards;
    if let Some(off) = off {
        weights[off] = 0.0;
    }
    let anchor = weights;
    for _ in 0..STEPS_MAX {
        let local = Local::at(cases, &weights, &anchor, ridge);
        let Some(step) = step(&local, off) else {
            return weights;
        };
        let mut share = 1.0;
        let mut next = moved(&weights, &step, share);
        // The bend leaves out what known causes take from it, so a whole step can only be too short or, far away, too long.
        while local.loss < loss(cases, &next, &anchor, ridge) && CLOSE < share {
            share /= 2.0;
            next = moved(&weights, &step, share);
        }
        weights = next;
        if step.iter().all(|one| (one * share).abs() < CLOSE) {
            break;
        }
    }
    weights
}

fn moved(weights: &Fitted, step: &Fitted, share: f64) -> Fitted {
    let mut moved = *weights;
    for one in 0..N {
        moved[one] -= share * step[one];
    }
    moved
}

fn loss(cases: &[&RefitCase], weights: &Fitted, anchor: &Fitted, ridge: f64) -> f64 {
    let away: f64 = (0..N).map(|one| (weights[one] - anchor[one]).powi(2)).sum();
    let of_cases = cases.iter().filter(|case| is_telling(case));
    let losses = of_cases.map(|case| {
        let likely = Likely::of(case, weights);
        -likely.of_causes.ln()
    });
    losses.sum::<f64>() + ridge / 2.0 * away
}

/// Whether a case says anything: it has a cause among its candidates, and others.
fn is_telling(case: &RefitCase) -> bool {
    let causes = case.candidates.iter().filter(|it| it.is_cause).count();
    0 < causes && causes < case.candidates.len()
}

/// How likely each candidate of a case is the cause.
struct Likely {
    each: Vec<f64>,
    of_causes: f64,
}

impl Likely {
    fn of(case: &RefitCase, weights: &Fitted) -> Self {
        let scores: Vec<f64> = case.candidates.iter().map(|it| it.score(weights)).collect();
        let best = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let mut each: Vec<f64> = scores.iter().map(|score| (score - best).exp()).collect();
        let all: f64 = each.iter().sum();
        each.iter_mut().for_each(|one| *one /= all);
        let of_causes = case.candidates.iter().zip(&each);
        let of_causes = of_causes.filter(|(candidate, _)| candidate.is_cause);
        let of_causes: f64 = of_causes.map(|(_, likely)| likely).sum();
        Self {
            of_causes: of_causes.max(f64::MIN_POSITIVE),
            each,
        }
    }
}

impl Local {
    fn at(cases: &[&RefitCase], weights: &Fitted, anchor: &Fitted, ridge: f64) -> Self {
        let mut local = Self {
            loss: loss(cases, weights, anchor, ridge),
            slope: [0.0; N],
            bend: [[0.0; N]; N],
        };
        for one in 0..N {
            local.slope[one] = ridge * (weights[one] - anchor[one]);
            local.bend[one][one] = ridge;
        }
        for case in cases.iter().filter(|case| is_telling(case)) {
            local.add(case, &Likely::of(case, weights));
        }
        local
    }

    fn add(&mut self, case: &RefitCase, likely: &Likely) {
        let mut mean = [0.0; N];
        let mut of_causes = [0.0; N];
        for (candidate, share) in case.candidates.iter().zip(&likely.each) {
            for one in 0..N {
                mean[one] += share * candidate.values[one];
                if candidate.is_cause {
                    of_causes[one] += share / likely.of_causes * candidate.values[one];
                }
            }
        }
        for (candidate, share) in case.candidates.iter().zip(&likely.each) {
            for one in 0..N {
                let away = share * (candidate.values[one] - mean[one]);
                for other in 0..N {
                    self.bend[one][other] += away * (candidate.values[other] - mean[other]);
                }
            }
        }
        for one in 0..N {
            self.slope[one] += mean[one] - of_causes[one];
        }
    }
}

/// Newton's step, by elimination; nothing where the bend is not that of a bowl.
fn step(local: &Local, off: Option<usize>) -> Option<Fitted> {
    let (mut bend, mut rest) = (local.bend, local.slope);
    if let Some(off) = off {
        for one in 0..N {
            bend[off][one] = 0.0;
            bend[one][off] = 0.0;
        }
        bend[off][off] = 1.0;
        rest[off] = 0.0;
    }
    for one in 0..N {
        let pivot = bend[one][one];
        if pivot.is_nan() || pivot <= f64::EPSILON {
            return None;
        }
        for below in one + 1..N {
            let share = bend[below][one] / pivot;
            for other in one..N {
                bend[below][other] -= share * bend[one][other];
            }
            rest[below] -= share * rest[one];
        }
    }
    let mut step = [0.0; N];
    for one in (0..N).rev() {
        let known: f64 = (one + 1..N)
            .map(|other| bend[one][other] * step[other])
            .sum();
        step[one] = (rest[one] - known) / bend[one][one];
    }
    Some(step)
}
