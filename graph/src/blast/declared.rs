//! What somebody says that a change affects, against what harm would reach.

use std::collections::BTreeSet;

use model::{AsOf, CiId};

use super::{BlastLimits, Impact, blast_radius};
use crate::view::GraphView;

/// A stated impact against the computed one.
#[derive(Clone, Debug, PartialEq)]
pub struct ImpactComparison {
    /// Stated, and touched or reached by harm, in the order in which it was stated.
    pub confirmed: Vec<CiId>,
    /// Reached by harm, and not stated; the worst first.
    pub missed: Vec<Impact>,
    /// Stated, and neither touched nor reached.
    pub unreached: Vec<CiId>,
    /// Whether more was reached than was looked at.
    pub truncated: bool,
}

/// Holds what is stated of a change that touches the origins against its blast radius.
///
/// Of what is missed only harm that is as likely as `least` is told: nobody states what hardly ever happens.
pub fn compare_impact(
    view: &GraphView,
    origins: &[CiId],
    stated: &[CiId],
    as_of: AsOf,
    limits: BlastLimits,
    least: f64,
) -> ImpactComparison {
    let radius = blast_radius(view, origins, as_of, limits);
    let reached: BTreeSet<CiId> = radius.impacts.iter().map(|impact| impact.item).collect();
    let touched: BTreeSet<CiId> = origins.iter().copied().collect();
    let is_met = |item: &CiId| reached.contains(item) || touched.contains(item);
    let mut seen: BTreeSet<CiId> = BTreeSet::new();
    let stated: Vec<CiId> = stated
        .iter()
        .copied()
        .filter(|item| seen.insert(*item))
        .collect();
    let (confirmed, unreached) = stated.into_iter().partition(is_met);
    let missed = radius.impacts.into_iter();
    let missed = missed.filter(|impact| least <= impact.score && !seen.contains(&impact.item));
    ImpactComparison {
        confirmed,
        missed: missed.collect(),
        unreached,
        truncated: radius.truncated,
    }
}
