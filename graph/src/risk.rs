//! How risky a change is: facts that can be seen of it, each worth points of a declared table.
//!
//! The score is the sum of the points, so that every answer shows its parts. What nobody knows is worth
//! points too: fewer than what is known to be bad.

mod factors;
mod table;

use std::collections::BTreeSet;

use model::{ActorKind, AsOf, ChangeId, CiId, FlowKind, Timestamp};
use serde::{Deserialize, Serialize};

pub use table::{RISK, RISK_VERSION, Risk, RiskLevel};

use crate::blast::{BlastRadius, blast_radius};
use crate::calendar::{
    AskedChange, ConflictLimits, Conflicts, MayChange, MayLimits, conflicts, may_change,
};
use crate::path::Contribution;
use crate::view::{ChangeRow, GraphView, IncidentRow, Item};

/// A change whose risk is asked for.
#[derive(Clone, Debug, PartialEq)]
pub struct AssessedChange {
    /// What it touches, when and where.
    pub asked: AskedChange,
    /// How many batches it has.
    pub batches: usize,
    /// How it takes effect, if that is known.
    pub flow: Option<FlowKind>,
    /// Who carries it out.
    pub operator: ActorKind,
    /// Whether it jumps the queue.
    pub emergency: bool,
}

/// How risky a source holds a change.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RiskScore {
    /// The score, on the source's own scale.
    pub score: f64,
    /// The source's word for it.
    pub level: Option<String>,
    /// Why.
    pub reason: Option<String>,
}

/// Explicit limits of one question.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RiskLimits {
    /// Of the search for what it harms, and for changes in its way.
    pub conflicts: ConflictLimits,
    /// Of the question to the calendar.
    pub may: MayLimits,
    /// How many earlier changes of one item are looked at, the newest first.
    pub history_max: usize,
}

/// How risky a change is.
#[derive(Clone, Debug)]
pub struct RiskAssessment<'v> {
    /// The sum of the factors.
    pub score: f64,
    /// The same in a word.
    pub level: RiskLevel,
    /// The facts with what each adds, the heaviest first.
    pub factors: Vec<Contribution>,
    /// What it may harm.
    pub radius: BlastRadius,
    /// The changes in its way.
    pub conflicts: Conflicts<'v>,
    /// What the calendar says.
    pub may: MayChange<'v>,
    /// Open incidents on what it touches or may harm, the latest first.
    pub incidents: Vec<IncidentRow<'v>>,
    /// What could not be seen.
    pub unseen: Vec<String>,
}

impl AssessedChange {
    /// A recorded change.
    pub fn of(change: &ChangeRow<'_>) -> Self {
        Self {
            asked: AskedChange::of(change),
            batches: change.batches().len(),
            flow: change.flow(),
            operator: change.operator_kind(),
            emergency: change.emergency().unwrap_or(false),
        }
    }
}

/// How risky a change is, as far as was known.
pub fn assess_change<'v>(
    view: &'v GraphView,
    change: &AssessedChange,
    as_of: AsOf,
    limits: RiskLimits,
) -> RiskAssessment<'v> {
    let asked = &change.asked;
    let radius = blast_radius(view, &asked.targets, as_of, limits.conflicts.radius);
    let conflicts = conflicts(view, asked, as_of, limits.conflicts);
    let may = may_change(view, asked, as_of, limits.may);
    let mut assessment = RiskAssessment {
        score: 0.0,
        level: RiskLevel::Low,
        factors: Vec::new(),
        incidents: incidents(view, asked, &radius, as_of.valid_at),
        unseen: unseen(&may, &radius, &conflicts),
        radius,
        conflicts,
        may,
    };
    let mut factors = factors::all(view, change, as_of, limits, &assessment);
    factors.sort_by(|one, other| other.contribution.total_cmp(&one.contribution));
    assessment.score = factors.iter().map(|factor| factor.contribution).sum();
    let reached = |(_, from): &&(RiskLevel, f64)| *from <= assessment.score;
    let level = RISK.levels.iter().find(reached);
    assessment.level = level.map_or(RiskLevel::Low, |(level, _)| *level);
    assessment.factors = factors;
    assessment
}

/// The recorded change that is asked about, if it is one.
fn recorded<'v>(view: &'v GraphView, change: &AssessedChange) -> Option<ChangeRow<'v>> {
    let reference = change.asked.change.as_ref()?;
    view.change(ChangeId::of(reference))
}

/// The open incidents on what it touches or may harm.
fn incidents<'v>(
    view: &'v GraphView,
    asked: &AskedChange,
    radius: &BlastRadius,
    at: Timestamp,
) -> Vec<IncidentRow<'v>> {
    let impacts = radius.impacts.iter().map(|impact| impact.item);
    let near: BTreeSet<CiId> = asked.targets.iter().copied().chain(impacts).collect();
    let harmed = |item: &Item<'v>| near.contains(&item.id());
    let open = view.incidents_unsorted().filter(|incident| {
        incident.started_at() <= at && incident.resolved_at().is_none_or(|end| at < end)
    });
    let mut found: Vec<IncidentRow<'v>> = open
        .filter(|incident| incident.items().iter().any(harmed))
        .collect();
    found.sort_by_key(|incident| (std::cmp::Reverse(incident.started_at()), incident.id()));
    found
}

fn unseen(may: &MayChange<'_>, radius: &BlastRadius, conflicts: &Conflicts<'_>) -> Vec<String> {
    let mut unseen = may.unseen.clone();
    if radius.truncated {
        unseen.push("it may harm more than was looked at".to_owned());
    }
    if conflicts.truncated {
        unseen.push("more changes overlap it than were looked at".to_owned());
    }
    unseen
}
