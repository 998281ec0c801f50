//! What changed nearby: the changes around affected items and a moment, the most suspect first.
//!
//! A change's score is the sum of a few signals, each the logarithm of how much likelier a cause looks so
//! than any other change does ([`WEIGHTS`]). An unrelated change at the edge of three days scores about 0.
//! It ranks and explains; it does not say that any of them is the cause.

mod candidates;
mod effect;
mod fold;
mod places;
mod priors;
mod reason;
mod signals;
mod symptoms;
mod walk;
mod weights;
mod words;

use model::{ChangeId, CiId, IncidentId, LogPosition, Lookback, Timestamp};

pub(crate) use symptoms::Family;
pub use weights::{MODEL_VERSION, RankingModel, WEIGHTS, Weights};

pub(crate) use words::{Held, Wanted};

use crate::coverage::{Coverage, Surroundings, coverage_of};
use crate::folding::FoldReason;
use crate::identity::ItemIx;
use crate::path::{Contribution, PathStep};
use crate::view::{ChangeRow, GraphView, IncidentRow, Relation};
use candidates::Candidates;
use signals::{Part, Suspects};
use walk::Walk;

/// What is asked.
#[derive(Clone, Debug, PartialEq)]
pub struct NearbyQuestion {
    /// The affected items; those of the incidents are added.
    pub items: Vec<CiId>,
    /// The incidents, whose words and first beginning count, and what was judged of them.
    pub incidents: Vec<IncidentId>,
    /// Entries of the question that mean no item; the coverage names them.
    pub unknown_items: Vec<String>,
    /// The moment of the question: nothing that starts after it is ranked.
    pub at: Timestamp,
    /// How far back changes are looked for.
    pub lookback: Lookback,
    /// Whether what people judged counts.
    pub judgements: Judgements,
    /// The weights.
    pub model: RankingModel,
}

/// Whether what people judged of the incidents moves the ranking.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Judgements {
    /// It does.
    Count,
    /// It does not: to say how good the ranking is, a judgement must not grade itself.
    LeftOut,
}

/// Explicit limits of one question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NearbyLimits {
    /// How many changes are listed.
    pub first: usize,
    /// How many changes are weighed: the newest, and as many of the nearest items.
    pub considered_max: usize,
    /// How many changes are looked at to find them.
    pub looked_at_max: usize,
    /// How many items each round of the walk follows.
    pub visited_max: usize,
}

/// The most suspect changes, and how far the answer can be trusted.
#[derive(Clone, Debug, PartialEq)]
pub struct NearbyChanges {
    /// The changes, the most suspect first.
    pub changes: Vec<NearbyChange>,
    /// How many changes were weighed.
    pub considered: usize,
    /// Whether changes of the time asked about were left out unweighed.
    pub truncated: bool,
    /// What the answer cannot see.
    pub coverage: Coverage,
    /// The moment of the question.
    pub at: Timestamp,
    /// What was known.
    pub position: LogPosition,
    /// Which weights were used.
    pub model_version: String,
}

/// One suspect.
#[derive(Clone, Debug, PartialEq)]
pub struct NearbyChange {
    /// Its place, from 1.
    pub rank: usize,
    /// How suspect it is: the sum of the contributions, in their order.
    pub score: f64,
    /// The change.
    pub change: ChangeId,
    /// Relations on the path; `None` when no known relation leads there.
    pub hops: Option<usize>,
    /// The likeliest way from an affected item to what it touched.
    pub path: Vec<PathStep>,
    /// How long before the symptom (or the moment of the question) it started; negative when later.
    pub lead_ms: f64,
    /// Why it is suspect, as one sentence.
    pub reason: String,
    /// The parts of the score.
    pub contributions: Vec<Contribution>,
    /// Less suspect changes of the same act, for which it stands, as far as they are named.
    pub folded: Vec<ChangeId>,
    /// How many they are.
    pub folded_count: usize,
    /// Why they stand as one.
    pub fold_reason: Option<FoldReason>,
}

/// What the ranking knows of a question before it looks at a change.
pub(crate) struct Scene<'v> {
    pub(crate) view: &'v GraphView,
    pub(crate) affected: Vec<ItemIx>,
    pub(crate) incidents: Vec<IncidentId>,
    /// What the symptom is called.
    pub(crate) symptom: String,
    /// Where it is, as the incidents say.
    pub(crate) environments: Vec<&'v str>,
    /// When the symptom began: the first start of an incident, if it lies before the question.
    pub(crate) began: Timestamp,
    pub(crate) at: Timestamp,
    pub(crate) since: Timestamp,
    pub(crate) judgements: Judgements,
    pub(crate) weights: Weights,
}

/// Ranks the changes around affected items before a moment, as far as `admits` lets them in.
///
/// Without any affected item there is no nearness, and time, words and state alone decide.
pub fn changes_nearby(
    view: &GraphView,
    question: &NearbyQuestion,
    admits: &dyn Fn(&ChangeRow<'_>) -> bool,
    limits: NearbyLimits,
) -> NearbyChanges {
    let scene = Scene::of(view, question);
    let walk = Walk::run(
        view,
        &scene.affected,
        scene.at,
        &scene.weights,
        limits.visited_max,
    );
    let candidates = Candidates::find(&scene, &walk, admits, limits);
    let suspects = Suspects::weigh(&scene, &walk, &candidates);
    let listed = fold::listed(view, &suspects, limits.first);
    let changes = (1..)
        .zip(&listed)
        .map(|(rank, one)| listed_change(&scene, &walk, &suspects, one, rank));
    let surroundings = Surroundings {
        nearest: &walk.nearest(),
        unknown: &question.unknown_items,
        since: scene.since,
        at: scene.at,
    };
    NearbyChanges {
        changes: changes.collect(),
        considered: candidates.changes.len(),
        truncated: candidates.cut_short || walk.cut_short,
        coverage: coverage_of(view, &surroundings),
        at: question.at,
        position: view.position(),
        model_version: question.model.version.clone(),
    }
}

impl<'v> Scene<'v> {
    fn of(view: &'v GraphView, question: &NearbyQuestion) -> Self {
        let incidents: Vec<IncidentRow<'v>> = question
            .incidents
            .iter()
            .filter_map(|id| view.incident(*id))
            .collect();
        let mut affected: Vec<ItemIx> = question
            .items
            .iter()
            .filter_map(|id| view.item(*id))
            .map(|item| item.item)
            .collect();
        let shown = incidents.iter().flat_map(IncidentRow::items);
        affected.extend(shown.map(|item| item.item));
        affected.sort_unstable();
        affected.dedup();
        let starts = incidents.iter().map(IncidentRow::started_at);
        let titles: Vec<&str> = incidents.iter().map(IncidentRow::title).collect();
        let mut environments: Vec<&str> = incidents
            .iter()
            .filter_map(IncidentRow::environment)
            .collect();
        environments.sort_unstable();
        environments.dedup();
        Self {
            view,
            affected,
            incidents: incidents.iter().map(IncidentRow::id).collect(),
            symptom: titles.join("\n"),
            environments,
            began: starts.chain([question.at]).min().unwrap_or(question.at),
            at: question.at,
            since: question
                .at
                .plus_nanos(question.lookback.nanos().saturating_neg()),
            judgements: question.judgements,
            weights: question.model.weights,
        }
    }
}

fn listed_change(
    scene: &Scene<'_>,
    walk: &Walk,
    suspects: &Suspects<'_>,
    listed: &fold::Listed<'_>,
    rank: usize,
) -> NearbyChange {
    let (view, suspect) = (scene.view, listed.suspect);
    let others = listed.others.iter();
    let way = suspect.nearest.and_then(|item| walk.path_to(item));
    let path: Option<Vec<PathStep>> = way.as_ref().map(|(_, steps)| {
        let step = |(row, against_arrow): &walk::Step| {
            PathStep::of(&Relation::of_step(view, *row), *against_arrow)
        };
        steps.iter().map(step).collect()
    });
    let change = suspects.change(suspect);
    let contributions: Vec<Contribution> = suspect
        .parts
        .iter()
        .map(|part: &Part| suspects.contribution(suspect, *part))
        .collect();
    NearbyChange {
        rank,
        score: contributions.iter().map(|part| part.contribution).sum(),
        change: change.id(),
        hops: path.as_ref().map(Vec::len),
        reason: reason::sentence(scene, suspects, suspect, way.as_ref()),
        path: path.unwrap_or_default(),
        lead_ms: scene.began.millis_since(change.started_at()),
        contributions,
        folded: others.map(|other| suspects.change(other).id()).collect(),
        folded_count: listed.others_count,
        fold_reason: listed.reason,
    }
}
