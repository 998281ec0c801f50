//! The long part of changes: what their sources said in full, from the index.

use async_graphql::{Context, Json, Result, SimpleObject};
use model::{Change, LogPosition};
use serde_json::Value;

use super::Shared;
use crate::error::ErrorCode;

/// The whole description of a change, as all statements of its source together give it.
#[derive(SimpleObject)]
pub(crate) struct ChangeDetails {
    /// What is done, in full.
    description: Option<String>,
    /// What is new for its users.
    release_notes: Option<String>,
    /// What it is for: iteration, bug fix, fault handling, performance, compliance.
    goal: Option<String>,
    /// A finer class in the source's own tree.
    category: Option<String>,
    /// Server, network, database, middleware, platform, release, configuration or business data.
    domain: Option<String>,
    /// How it takes effect: at once, by machine batches, by traffic ratio.
    scope: Option<String>,
    /// Within one system, or several.
    scope_width: Option<String>,
    /// Its risk as its platform sees it.
    risk_level: Option<String>,
    /// Who carries it out, if not the operator.
    implementer: Option<String>,
    /// Who asked for it.
    applicant: Option<String>,
    /// Who allowed it.
    approver: Option<String>,
    /// How it was begun: page, schedule, API call.
    entry_channel: Option<String>,
    /// How it is to be rolled out.
    rollout_plan: Option<String>,
    /// How it is to be taken back.
    rollback_plan: Option<String>,
    /// Where people read more.
    link: Option<String>,
    /// What its scene tells of such a change in general, by the scene's own names.
    basic: Json<Value>,
    /// What its scene controls such a change by, by the scene's own names.
    control: Json<Value>,
    /// What people should watch while it runs.
    metrics_to_watch: Vec<String>,
    /// Named facts that raise or lower its risk, in the platform's words.
    risk_factors: Vec<String>,
    /// Items its author expects to be affected, in the source's own keys.
    declared_impact: Vec<String>,
    /// What was delivered: objects with `name`, `version`, `digest`, `url`.
    artifacts: Vec<Json<Value>>,
    /// The code behind it: objects with `repository`, `commit`, `mergeRequest`, `reference`.
    code_refs: Vec<Json<Value>>,
    /// Values before and after, secrets removed: objects with `field`, `before`, `after`.
    values: Vec<Json<Value>>,
    /// What checks found, as objects; `checks` of the change tells the same with what people judged.
    check_results: Vec<Json<Value>>,
    /// Alerts kept quiet while it runs: objects with `metric`, `from`, `until`, `reason`.
    shields: Vec<Json<Value>>,
}

impl From<Change> for ChangeDetails {
    fn from(change: Change) -> Self {
        Self {
            description: change.description,
            release_notes: change.release_notes,
            goal: change.goal,
            category: change.category,
            domain: change.domain,
            scope: change.scope,
            scope_width: change.scope_width,
            risk_level: change.risk_level,
            implementer: change.implementer,
            applicant: change.applicant,
            approver: change.approver,
            entry_channel: change.entry_channel,
            rollout_plan: change.rollout_plan,
            rollback_plan: change.rollback_plan,
            link: change.link,
            basic: Json(change.basic.into_iter().collect()),
            control: Json(change.control.into_iter().collect()),
            metrics_to_watch: change.metrics_to_watch,
            risk_factors: change.risk_factors,
            declared_impact: change
                .declared_impact
                .iter()
                .map(ToString::to_string)
                .collect(),
            artifacts: objects(&change.artifacts),
            code_refs: objects(&change.code_refs),
            values: objects(&change.values),
            check_results: objects(&change.check_results),
            shields: objects(&change.shields),
        }
    }
}

/// The description of a change whose statements stand at these positions.
pub(crate) async fn change_details(
    ctx: &Context<'_>,
    id: model::ChangeId,
    statements: &[LogPosition],
) -> Result<Option<ChangeDetails>> {
    let change = whole_change(ctx, id, statements).await?;
    Ok(change.map(ChangeDetails::from))
}

/// A change as its statements at these positions describe it.
pub(crate) async fn whole_change(
    ctx: &Context<'_>,
    id: model::ChangeId,
    statements: &[LogPosition],
) -> Result<Option<Change>> {
    let bodies = &ctx.data::<Shared>()?.ports.bodies;
    let change = bodies.change(id, statements.to_vec()).await;
    change.map_err(|error| failed(&error))
}

/// An incident as its statements at these positions describe it.
pub(crate) async fn incident_said(
    ctx: &Context<'_>,
    id: model::IncidentId,
    statements: &[LogPosition],
) -> Result<Option<model::Incident>> {
    let bodies = &ctx.data::<Shared>()?.ports.bodies;
    let incident = bodies.incident(id, statements.to_vec()).await;
    incident.map_err(|error| failed(&error))
}

fn objects(list: &[impl serde::Serialize]) -> Vec<Json<Value>> {
    let written = list
        .iter()
        .filter_map(|entry| serde_json::to_value(entry).ok());
    written.map(Json).collect()
}

/// What a client is told when a body could not be read; the details are for our log.
pub(crate) fn failed(error: &(dyn std::error::Error + 'static)) -> async_graphql::Error {
    tracing::error!(error, "could not read a body: {error}");
    ErrorCode::Internal.error("internal error")
}
