//! How risky a change is: facts that can be seen of it, each worth points of a declared table.
//!
//! The score is the sum of the points, so that every answer shows its parts. What nobody knows is worth
//! points too: fewer than what is known to be bad.

mod factors;
mod known;
mod rules;
mod simulation;
mod table;

use model::{ActorKind, AsOf, ChangeId, FlowKind, RiskLevel};
use serde::{Deserialize, Serialize};

pub use known::{KnownFact, RiskFacts};
pub use rules::CountedRule;
pub(crate) use rules::RiskRules;
pub use simulation::{
    LevelCount, RiskSimulation, SimulatedChange, SimulatedRules, SimulationLimits, simulate_risk,
};
pub use table::{RISK, RISK_VERSION, Risk};

use crate::blast::{BlastRadius, blast_radius};
use crate::calendar::{
    AskedChange, ConflictLimits, Conflicts, IncidentsNear, MayChange, MayLimits, conflicts_within,
    incidents_within, may_change,
};
use crate::path::Contribution;
use crate::view::{ChangeRow, GraphView};

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
    /// The same in a word, unless a rule asks for more.
    pub level: RiskLevel,
    /// The rule that raised the level above that of the score.
    pub raised_by: Option<String>,
    /// The facts with what each adds, the heaviest first.
    pub factors: Vec<Contribution>,
    /// The declared rules that count, in order of name. What they add stands among the factors too.
    pub rules: Vec<CountedRule>,
    /// What is known of the change, as typed values.
    pub facts: RiskFacts,
    /// What it may harm.
    pub radius: BlastRadius,
    /// The changes in its way.
    pub conflicts: Conflicts<'v>,
    /// What the calendar says.
    pub may: MayChange<'v>,
    /// Incidents that go on at what it touches, needs or may harm.
    pub incidents: IncidentsNear<'v>,
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

/// How risky a change is, as far as was known, by the table and by the rules declared by then.
pub fn assess_change<'v>(
    view: &'v GraphView,
    change: &AssessedChange,
    as_of: AsOf,
    limits: RiskLimits,
) -> RiskAssessment<'v> {
    let mut assessment = measured(view, change, as_of, limits);
    let declared = view.risk_rules(as_of.valid_at).map(|it| it.what);
    let ruled = rules::ruled(&assessment.facts, assessment.score, declared);
    let parts = ruled.counted.iter().filter(|rule| rule.points != 0.0);
    assessment.factors.extend(parts.map(|rule| Contribution {
        signal: format!("rule:{}", rule.name),
        value: None,
        contribution: rule.points,
        explanation: match &rule.description {
            Some(description) => format!("{description}: {}", rule.because),
            None => rule.because.clone(),
        },
    }));
    heaviest_first(&mut assessment.factors);
    assessment.score = assessment.factors.iter().map(|it| it.contribution).sum();
    assessment.level = ruled.level;
    assessment.raised_by = ruled.raised_by;
    assessment.rules = ruled.counted;
    assessment.unseen.extend(ruled.unseen);
    assessment
}

/// How risky a change is by the table alone.
fn measured<'v>(
    view: &'v GraphView,
    change: &AssessedChange,
    as_of: AsOf,
    limits: RiskLimits,
) -> RiskAssessment<'v> {
    let asked = &change.asked;
    let radius = blast_radius(view, &asked.targets, as_of, limits.conflicts.radius);
    let own = || radius.clone();
    let conflicts = conflicts_within(view, asked, as_of, limits.conflicts, own);
    let may = may_change(view, asked, as_of, limits.may);
    let visited_max = limits.conflicts.radius.visited_max;
    let incidents = incidents_within(view, &asked.targets, as_of, visited_max, radius.clone());
    let mut assessment = RiskAssessment {
        score: 0.0,
        level: RiskLevel::Low,
        raised_by: None,
        factors: Vec::new(),
        rules: Vec::new(),
        facts: RiskFacts::default(),
        unseen: unseen(&may, &radius, &conflicts, &incidents),
        incidents,
        radius,
        conflicts,
        may,
    };
    let mut factors = factors::all(view, change, as_of, limits, &assessment);
    heaviest_first(&mut factors);
    assessment.score = factors.iter().map(|factor| factor.contribution).sum();
    assessment.level = rules::level_of(assessment.score);
    assessment.factors = factors;
    assessment.facts = RiskFacts::of(view, change, &assessment, as_of.valid_at);
    assessment
}

fn heaviest_first(factors: &mut [Contribution]) {
    factors.sort_by(|one, other| other.contribution.total_cmp(&one.contribution));
}

/// The recorded change that is asked about, if it is one.
fn recorded<'v>(view: &'v GraphView, change: &AssessedChange) -> Option<ChangeRow<'v>> {
    let reference = change.asked.change.as_ref()?;
    view.change(ChangeId::of(reference))
}

fn unseen(
    may: &MayChange<'_>,
    radius: &BlastRadius,
    conflicts: &Conflicts<'_>,
    incidents: &IncidentsNear<'_>,
) -> Vec<String> {
    let mut unseen = may.unseen.clone();
    if radius.truncated || incidents.truncated {
        unseen.push("it needs or may harm more than was looked at".to_owned());
    }
    if conflicts.truncated {
        unseen.push("more changes overlap it than were looked at".to_owned());
    }
    unseen
}
