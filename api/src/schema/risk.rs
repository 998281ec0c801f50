//! How risky a change is: facts that can be seen of it, and what other systems say.

mod rules;

use async_graphql::{Context, ID, InputObject, Object, Result, SimpleObject};
use graph::{AssessedChange, KnownFact, RISK_VERSION, RiskLimits, assess_change};
use model::ChangeId;
use serde_json::json;

use super::Shared;
use super::asking::ask;
use super::calendar::{MayChange, OnDoubt, conflict_limits, may_limits};
use super::change::Change;
use super::change_input::RecordChangeInput;
use super::incident::Incident;
use super::node::AnyId;
use super::radius::{BlastRadius, Contribution};
use super::recording::{Envelope, Recorded, record_one};
use super::scalars::{DateTime, LogPosition};
use super::standpoint::{AsOfInput, Standpoint};
use crate::ApiLimits;
use crate::error::ErrorCode;
use rules::CountedRiskRule;
pub(crate) use rules::{RiskRuleMutation, RiskRuleQuery};

/// How many earlier changes of one item are compared.
const HISTORY_MAX: usize = 100;
/// How many harmed items, changes in the way and incidents are listed.
const LISTED_MAX: usize = 20;

/// How risky a change is: a sum of points, each with its reason.
#[derive(SimpleObject)]
pub(crate) struct RiskAssessment {
    /// The sum of the factors' contributions.
    score: f64,
    /// The same in a word: `low`, `medium`, `high`, `critical`.
    level: String,
    /// The rule that raised the level above that of the score.
    raised_by: Option<String>,
    /// The facts and the declared rules that add something, the heaviest first. A rule is the signal `rule:` with its name.
    factors: Vec<Contribution>,
    /// The declared rules that count, in order of name.
    rules: Vec<CountedRiskRule>,
    /// What is known of the change, as typed values: what rules compare.
    facts: Vec<RiskFact>,
    /// What it may harm, the worst 20.
    blast_radius: BlastRadius,
    /// The changes that overlap it in time and in what they may harm, the nearest 20.
    conflicts: Vec<Change>,
    /// Whether the calendar lets it run.
    may_change: MayChange,
    /// Incidents that are open at what it touches, needs or may harm: those on its targets first, then the nearest 20.
    open_incidents: Vec<Incident>,
    /// How risky other systems hold it, on their own scales; not part of the score.
    scores: Vec<RiskScore>,
    /// What could not be seen.
    unseen: Vec<String>,
    /// The table of points it was made with.
    model_version: String,
    /// The last position that was known when this was answered.
    position: LogPosition,
}

/// A fact that is known of a change. One of its values is there, by the sort of the fact.
#[derive(SimpleObject)]
pub(crate) struct RiskFact {
    /// Its name.
    name: String,
    /// Of what is counted or measured.
    number: Option<f64>,
    /// Of what is named.
    words: Option<Vec<String>>,
    /// Of what is true or false.
    truth: Option<bool>,
}

/// How risky a source holds a change, by its newest word.
#[derive(SimpleObject)]
pub(crate) struct RiskScore {
    /// Who says so.
    source: String,
    /// The score, on the source's own scale.
    score: f64,
    /// The source's word for it.
    level: Option<String>,
    /// Why.
    reason: Option<String>,
}

/// How risky a source holds a change. A later score of the same source replaces it.
#[derive(InputObject)]
pub(crate) struct RecordRiskScoreInput {
    /// The sender's id of this statement. A retry with the same id and content is recorded once.
    event_id: Option<String>,
    /// The change, by its id.
    change: ID,
    /// Who says so.
    source: String,
    /// The score, on your own scale.
    score: f64,
    /// Your word for it.
    level: Option<String>,
    /// Why.
    reason: Option<String>,
    /// When this was so; now when missing.
    occurred_at: Option<DateTime>,
}

/// Questions about risk.
#[derive(Default)]
pub(crate) struct RiskQuery;

/// Questions about risk.
#[Object]
impl RiskQuery {
    /// How risky a change is, fact by fact: a recorded one, or one that is only planned.
    #[graphql(complexity = "50 + child_complexity")]
    async fn assess_change(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "A recorded change.")] change: Option<ID>,
        #[graphql(
            desc = "A change that is not recorded; `plannedStartAt` to `plannedFinishAt` is its time, now when missing."
        )]
        planned: Option<RecordChangeInput>,
        #[graphql(desc = "From where to look; now and newest when missing.")] as_of: Option<
            AsOfInput,
        >,
    ) -> Result<RiskAssessment> {
        let at = Standpoint::of(ctx, as_of.as_ref()).await?;
        let assessed = match (change, planned) {
            (Some(change), None) => AssessedChange::of(&Change::require(&at, &change)?),
            (None, Some(planned)) => planned.into_assessed(&at)?,
            _ => return Err(ErrorCode::BadInput.error("give change or planned, one of them")),
        };
        let limits = risk_limits(&ctx.data::<Shared>()?.limits);
        ask(ctx, move || RiskAssessment::of(&at, &assessed, limits)).await
    }
}

/// What other systems say of risks.
#[derive(Default)]
pub(crate) struct RiskMutation;

/// What other systems say of risks.
#[Object]
impl RiskMutation {
    /// Records how risky a source holds a change. It stands beside the change; it moves no score of ours.
    async fn record_risk_score(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The score.")] input: RecordRiskScoreInput,
    ) -> Result<Recorded> {
        let at = Standpoint::of(ctx, None).await?;
        let change = Change::require(&at, &input.change)?.reference();
        let about = AnyId::Change(ChangeId::of(&change));
        let envelope = Envelope {
            event_id: input.event_id,
            source: input.source,
            occurred_at: input.occurred_at,
        };
        let data = json!({
            "change": change,
            "score": input.score,
            "level": input.level,
            "reason": input.reason,
        });
        record_one(ctx, envelope.seal("risk_score.recorded", &data), about).await
    }
}

/// How far a question about risk looks.
pub(crate) fn risk_limits(limits: &ApiLimits) -> RiskLimits {
    RiskLimits {
        conflicts: conflict_limits(limits),
        may: may_limits(),
        history_max: HISTORY_MAX,
    }
}

impl RiskAssessment {
    fn of(at: &Standpoint, change: &AssessedChange, limits: RiskLimits) -> Self {
        let graph = &at.view.graph;
        let found = assess_change(graph, change, at.as_of(), limits);
        let reference = change.asked.change.as_ref();
        let recorded = reference.and_then(|it| graph.change(ChangeId::of(it)));
        let conflicts = found.conflicts.conflicts.iter().take(LISTED_MAX);
        let incidents = found.incidents.incidents.iter().take(LISTED_MAX);
        let mut radius = found.radius;
        radius.truncated |= LISTED_MAX < radius.impacts.len();
        radius.impacts.truncate(LISTED_MAX);
        Self {
            score: found.score,
            level: found.level.name().to_owned(),
            raised_by: found.raised_by,
            rules: found.rules.into_iter().map(CountedRiskRule::from).collect(),
            facts: RiskFact::all(&found.facts),
            factors: found.factors.into_iter().map(Contribution::from).collect(),
            conflicts: conflicts.map(|it| Change::of(at, it.change.id())).collect(),
            may_change: MayChange::found(
                at.clone(),
                change.asked.clone(),
                OnDoubt::Allow,
                found.may,
            ),
            open_incidents: incidents
                .map(|near| Incident::of(at, near.incident.id()))
                .collect(),
            scores: recorded.map_or_else(Vec::new, |row| RiskScore::all(&row)),
            unseen: found.unseen,
            model_version: RISK_VERSION.to_owned(),
            position: at.position(),
            blast_radius: BlastRadius::found(at.clone(), radius),
        }
    }
}

impl RiskFact {
    fn all(facts: &graph::RiskFacts) -> Vec<Self> {
        let shown = facts.iter().map(|(fact, known)| {
            let mut shown = Self {
                name: fact.as_str().to_owned(),
                number: None,
                words: None,
                truth: None,
            };
            match known {
                KnownFact::Number(number) => shown.number = Some(*number),
                KnownFact::Words(words) => shown.words = Some(words.clone()),
                KnownFact::Truth(truth) => shown.truth = Some(*truth),
            }
            shown
        });
        shown.collect()
    }
}

impl RiskScore {
    /// What each source says of a change.
    pub(crate) fn all(change: &graph::ChangeRow<'_>) -> Vec<Self> {
        let scores = change.risk_scores().map(|(source, said)| Self {
            source: source.to_owned(),
            score: said.score,
            level: said.level.clone(),
            reason: said.reason.clone(),
        });
        scores.collect()
    }
}
