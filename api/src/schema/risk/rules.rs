//! Rules of one's own for how risky changes are: what is declared, and what others would have made of the changes that were.

use async_graphql::{Context, InputObject, Json, Object, Result, SimpleObject};
use graph::{Declared, SimulatedRules, SimulationLimits, simulate_risk};
use model::{Event, RiskLevel, RiskRuleDeclared};
use serde::Serialize;
use serde_json::Value;

use super::risk_limits;
use crate::error::ErrorCode;
use crate::schema::Shared;
use crate::schema::asking::ask;
use crate::schema::change::Change;
use crate::schema::paging::question_size;
use crate::schema::recording::{Envelope, record_at, record_error};
use crate::schema::scalars::{DateTime, LogPosition};
use crate::schema::standpoint::{AsOfInput, Standpoint};

/// How many changes a simulation assesses, the newest first.
const SIMULATED_MAX: usize = 500;
/// How many days a simulation looks back when nobody says, and at most.
const DAYS: (u32, u32) = (30, 366);
const DAY_NANOS: i64 = 86_400_000_000_000;

/// When a rule counts: all of a list, any of a list, or one comparison of a fact with a value.
#[derive(InputObject, Serialize)]
pub(crate) struct RiskConditionInput {
    /// All of these hold.
    #[serde(skip_serializing_if = "Option::is_none")]
    all: Option<Vec<RiskConditionInput>>,
    /// One of these holds.
    #[serde(skip_serializing_if = "Option::is_none")]
    any: Option<Vec<RiskConditionInput>>,
    /// What is compared, such as `impact_scope`.
    #[serde(skip_serializing_if = "Option::is_none")]
    fact: Option<String>,
    /// How: `equals`, `differs`, `one_of`, `none_of`, `contains`, `at_least`, `at_most`, `more_than`, `less_than`.
    #[serde(skip_serializing_if = "Option::is_none")]
    comparison: Option<String>,
    /// With what: a number, a word, a list of words, true or false.
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<Json<Value>>,
}

/// Which changes a rule is about. A list that is missing or empty asks for nothing; of every other one entry must fit.
#[derive(InputObject, Serialize)]
pub(crate) struct RiskScopeInput {
    /// Their platforms.
    platforms: Option<Vec<String>>,
    /// Their scenes.
    scenes: Option<Vec<String>>,
    /// Where they take effect.
    environments: Option<Vec<String>>,
    /// Who answers for what they touch.
    owners: Option<Vec<String>>,
}

/// What makes changes riskier, or less so.
#[derive(InputObject, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RiskRuleInput {
    /// The name by which it is replaced and withdrawn, and under which answers show it.
    name: String,
    /// What it is for, as one sentence.
    description: Option<String>,
    /// When it counts.
    when: RiskConditionInput,
    /// What it adds to the score, from -100 to 100; less than nothing takes away.
    points: Option<f64>,
    /// The least level of a change for which it counts: `low`, `medium`, `high`, `critical`.
    level_at_least: Option<String>,
    /// Which changes it is about; all when missing.
    scope: Option<RiskScopeInput>,
}

/// A rule to be declared. A later word on its name replaces it.
#[derive(InputObject)]
pub(crate) struct DeclareRiskRuleInput {
    /// The sender's id of this statement; a repeat with it is harmless.
    event_id: Option<String>,
    /// Who says so.
    source: String,
    /// The rule.
    rule: RiskRuleInput,
}

/// A rule to be withdrawn.
#[derive(InputObject)]
pub(crate) struct WithdrawRiskRuleInput {
    /// The sender's id of this statement; a repeat with it is harmless.
    event_id: Option<String>,
    /// Who says so.
    source: String,
    /// Its name.
    name: String,
    /// Why.
    reason: Option<String>,
}

/// Where the statement about a rule stands. It is on the disk.
#[derive(SimpleObject)]
pub(crate) struct RiskRuleRecorded {
    /// Its place in the log.
    position: LogPosition,
}

/// A declared rule.
#[derive(SimpleObject)]
pub(crate) struct RiskRule {
    /// Its name.
    name: String,
    /// What it is for.
    description: Option<String>,
    /// When it counts, as the event has it.
    when: Json<Value>,
    /// What it adds to the score.
    points: Option<f64>,
    /// The least level of a change for which it counts.
    level_at_least: Option<String>,
    /// Which changes it is about, as the event has it.
    scope: Json<Value>,
    /// When it was declared.
    declared_at: DateTime,
    /// Where the declaration stands in the log.
    position: LogPosition,
}

/// A rule that counts for a change.
#[derive(SimpleObject)]
pub(crate) struct CountedRiskRule {
    /// Its name.
    name: String,
    /// What it is for.
    description: Option<String>,
    /// What it adds; 0 where it only bounds the level.
    points: f64,
    /// The least level of a change for which it counts.
    level_at_least: Option<String>,
    /// What holds of the change.
    because: String,
}

/// A change whose level would be another one.
#[derive(SimpleObject)]
pub(crate) struct SimulatedChange {
    /// The change.
    change: Change,
    /// Its score by the declared rules.
    score_before: f64,
    /// Its level by the declared rules.
    level_before: String,
    /// Its score by the rules of the question.
    score_after: f64,
    /// Its level by the rules of the question.
    level_after: String,
    /// The rules of the question that count for it.
    rules: Vec<String>,
    /// Whether it was judged the cause of an incident.
    judged_cause: bool,
}

/// How many changes have a level before and after, and how many of these were judged causes.
#[derive(SimpleObject)]
pub(crate) struct SimulatedLevel {
    /// The level.
    level: String,
    /// Changes that have it by the declared rules.
    before: usize,
    /// How many of these were judged causes.
    causes_before: usize,
    /// Changes that would have it.
    after: usize,
    /// How many of these were judged causes.
    causes_after: usize,
}

/// For how many changes a rule of the question counts.
#[derive(SimpleObject)]
pub(crate) struct SimulatedRule {
    /// The rule.
    name: String,
    /// Changes for which it counts.
    changes: usize,
    /// How many of these were judged causes.
    causes: usize,
}

/// What the rules of a question would have made of the changes that were.
#[derive(SimpleObject)]
pub(crate) struct RiskSimulation {
    /// How many changes were assessed, each as of its start.
    considered: usize,
    /// Whether older changes of the time were left out.
    truncated: bool,
    /// How many of them would change level.
    changed_count: usize,
    /// How many of these would rise.
    raised: usize,
    /// How many would fall.
    lowered: usize,
    /// How many of those that would change level were judged causes.
    changed_causes: usize,
    /// Those that would change level, the newest first.
    changed: Vec<SimulatedChange>,
    /// Of each level, the lightest first.
    levels: Vec<SimulatedLevel>,
    /// Of each rule of the question.
    rules: Vec<SimulatedRule>,
    /// The last position that was known when this was answered.
    position: LogPosition,
}

/// Questions about rules.
#[derive(Default)]
pub(crate) struct RiskRuleQuery;

/// Questions about rules.
#[Object]
impl RiskRuleQuery {
    /// The declared rules for how risky changes are, in order of name.
    async fn risk_rules(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "From where to look; now and newest when missing.")] as_of: Option<
            AsOfInput,
        >,
    ) -> Result<Vec<RiskRule>> {
        let at = Standpoint::of(ctx, as_of.as_ref()).await?;
        let rules = at.view.graph.risk_rules(at.valid_at);
        Ok(rules.map(RiskRule::of).collect())
    }

    /// What rules would have made of the changes of the last days. Nothing of the question is kept.
    #[graphql(complexity = "500 + child_complexity")]
    async fn simulate_risk(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Rules that are added, or replace the declared ones of their name.")]
        rules: Vec<RiskRuleInput>,
        #[graphql(desc = "Declared rules that are left out, by name.")] without: Option<
            Vec<String>,
        >,
        #[graphql(desc = "How many days of changes; 30 when missing, 366 at most.")] days: Option<
            u32,
        >,
        #[graphql(desc = "How many changes to list; 20 when missing.")] first: Option<i32>,
        #[graphql(desc = "From where to look; now and newest when missing.")] as_of: Option<
            AsOfInput,
        >,
    ) -> Result<RiskSimulation> {
        let first = question_size(ctx, first)?;
        let days = days.unwrap_or(DAYS.0);
        if days == 0 || DAYS.1 < days {
            let message = format!("days: must lie between 1 and {}", DAYS.1);
            return Err(ErrorCode::BadInput.error(message));
        }
        let at = Standpoint::of(ctx, as_of.as_ref()).await?;
        let asked = SimulatedRules {
            rules: read(ctx, rules).await?,
            without: without.unwrap_or_default(),
            since: at.valid_at.plus_nanos(-(i64::from(days) * DAY_NANOS)),
            until: at.valid_at.plus_nanos(1),
        };
        let limits = SimulationLimits {
            risk: risk_limits(&ctx.data::<Shared>()?.limits),
            changes_max: SIMULATED_MAX,
        };
        ask(ctx, move || RiskSimulation::of(&at, &asked, limits, first)).await
    }
}

/// What is declared of rules.
#[derive(Default)]
pub(crate) struct RiskRuleMutation;

/// What is declared of rules.
#[Object]
impl RiskRuleMutation {
    /// Declares what makes changes riskier, or less so. It counts for what is assessed from now on.
    async fn declare_risk_rule(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The rule.")] input: DeclareRiskRuleInput,
    ) -> Result<RiskRuleRecorded> {
        let envelope = Envelope::now(input.event_id, input.source);
        let position = record_at(ctx, envelope.seal("risk_rule.declared", &input.rule)).await?;
        Ok(RiskRuleRecorded {
            position: LogPosition(position),
        })
    }

    /// Withdraws a rule. It counts no more.
    async fn withdraw_risk_rule(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The rule.")] input: WithdrawRiskRuleInput,
    ) -> Result<RiskRuleRecorded> {
        let data = serde_json::json!({ "name": input.name, "reason": input.reason });
        let envelope = Envelope::now(input.event_id, input.source);
        let position = record_at(ctx, envelope.seal("risk_rule.withdrawn", &data)).await?;
        Ok(RiskRuleRecorded {
            position: LogPosition(position),
        })
    }
}

/// The rules of a question, held against what a declared one is held against.
async fn read(ctx: &Context<'_>, rules: Vec<RiskRuleInput>) -> Result<Vec<RiskRuleDeclared>> {
    let events = rules.iter().map(|rule| {
        let envelope = Envelope::now(None, "question".to_owned());
        envelope.seal("risk_rule.declared", rule)
    });
    let recorder = &ctx.data::<Shared>()?.ports.recorder;
    let read = recorder.read(events.collect()).await;
    let read = read.map_err(|error| record_error(&error))?;
    let rules = read.into_iter().filter_map(|event| {
        let Event::RiskRuleDeclared(rule) = event else {
            return None;
        };
        Some(*rule)
    });
    Ok(rules.collect())
}

fn name_of(level: RiskLevel) -> String {
    level.name().to_owned()
}

impl RiskRule {
    fn of(declared: Declared<'_, RiskRuleDeclared>) -> Self {
        let rule = declared.what;
        let json =
            |value: &dyn Fn() -> serde_json::Result<Value>| Json(value().unwrap_or_default());
        Self {
            name: rule.name.clone(),
            description: rule.description.clone(),
            when: json(&|| serde_json::to_value(&rule.when)),
            points: rule.points,
            level_at_least: rule.level_at_least.map(name_of),
            scope: json(&|| serde_json::to_value(&rule.scope)),
            declared_at: DateTime(declared.declared_at),
            position: LogPosition(declared.position),
        }
    }
}

impl From<graph::CountedRule> for CountedRiskRule {
    fn from(rule: graph::CountedRule) -> Self {
        Self {
            name: rule.name,
            description: rule.description,
            points: rule.points,
            level_at_least: rule.level_at_least.map(name_of),
            because: rule.because,
        }
    }
}

impl RiskSimulation {
    fn of(at: &Standpoint, asked: &SimulatedRules, limits: SimulationLimits, first: usize) -> Self {
        let found = simulate_risk(&at.view.graph, asked, limits);
        let levels = found.levels.iter();
        let rules = found.counted.into_iter();
        let rises = |it: &&graph::SimulatedChange<'_>| it.before.1 < it.after.1;
        let raised = found.changed.iter().filter(rises).count();
        let causes = found.changed.iter().filter(|it| it.is_cause);
        Self {
            considered: found.considered,
            truncated: found.truncated,
            changed_count: found.changed.len(),
            raised,
            lowered: found.changed.len() - raised,
            changed_causes: causes.count(),
            levels: levels
                .map(|(level, (before, after))| SimulatedLevel {
                    level: name_of(*level),
                    before: before.changes,
                    causes_before: before.causes,
                    after: after.changes,
                    causes_after: after.causes,
                })
                .collect(),
            rules: rules
                .map(|(name, count)| SimulatedRule {
                    name,
                    changes: count.changes,
                    causes: count.causes,
                })
                .collect(),
            changed: found
                .changed
                .into_iter()
                .take(first)
                .map(|it| SimulatedChange {
                    change: Change::of(at, it.change.id()),
                    score_before: it.before.0,
                    level_before: name_of(it.before.1),
                    score_after: it.after.0,
                    level_after: name_of(it.after.1),
                    rules: it.rules,
                    judged_cause: it.is_cause,
                })
                .collect(),
            position: at.position(),
        }
    }
}
