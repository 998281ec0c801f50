//! What a client states of a change: the whole description model. It is shaped like the data of
//! our own event `change.recorded`, and becomes it.

mod course;

use async_graphql::{Enum, InputObject, Json, Result};
use graph::{AskedChange, AssessedChange};
use model::{ActorKind, SourceKey, SourceName, SourceRef};
use serde::Serialize;
use serde_json::Value;

use super::keys;
use super::recording::Envelope;
use super::scalars::{DateTime, ItemKey};
use super::standpoint::Standpoint;
use crate::error::ErrorCode;
use course::{ChangeBatchInput, ChangeExemptionInput, CheckResultInput, RolloutInput};

pub(crate) use course::{CheckPoint, FlowKind};

/// A statement about a change. What is missing says nothing; several statements about one change are laid
/// over each other by the time they speak of. A repeat without `eventId` is a duplicate when its content is
/// equal, and an update when it is not.
#[derive(InputObject, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RecordChangeInput {
    /// The sender's id of this statement. A retry with the same id and content is recorded once.
    #[serde(skip)]
    event_id: Option<String>,
    /// When this was so; now when missing.
    #[serde(skip)]
    occurred_at: Option<DateTime>,
    /// The platform that made the change.
    pub(crate) source: String,
    /// The platform's own id of the change.
    pub(crate) source_id: String,
    /// A line for people.
    title: String,
    /// What it touches: keys, aliases or ids. Unknown ones are fine.
    #[serde(skip)]
    targets: Vec<String>,
    /// What it touches, as structured keys; they are added to `targets`.
    #[serde(skip)]
    target_keys: Option<Vec<ItemKey>>,
    /// Who carried it out.
    #[serde(skip)]
    operator: Option<String>,
    /// Whether a person or a machine carried it out.
    #[serde(skip)]
    operator_kind: Option<OperatorKind>,
    /// What sort of change: `deployment`, `configuration`, `flag`, `infrastructure`, `database`, `drill` or your own word.
    kind: Option<String>,
    /// Where it takes effect; decides first which item a key without environment means.
    environment: Option<String>,
    /// Where it stands.
    status: Option<ChangeStatus>,
    /// When it began to take effect.
    started_at: Option<DateTime>,
    /// When it was through.
    finished_at: Option<DateTime>,
    /// When it was to begin.
    planned_start_at: Option<DateTime>,
    /// When it was to be through.
    planned_finish_at: Option<DateTime>,
    /// What is done, in full.
    description: Option<String>,
    /// What is new for its users.
    release_notes: Option<String>,
    /// Where people read more.
    link: Option<String>,
    /// The scene your platform registered. A statement that names it carries what the scene requires.
    scene: Option<String>,
    /// What it is for: iteration, bug fix, fault handling, performance, compliance.
    goal: Option<String>,
    /// A finer class in your own tree.
    category: Option<String>,
    /// Server, network, database, middleware, platform, release, configuration or business data.
    domain: Option<String>,
    /// How it takes effect: at once, by machine batches, by traffic ratio.
    scope: Option<String>,
    /// Within one system, or several.
    scope_width: Option<String>,
    /// Its level of control, `G0` to `G4`.
    level: Option<String>,
    /// Its risk as its platform sees it.
    risk_level: Option<String>,
    /// Whether it jumped the queue.
    emergency: Option<bool>,
    /// Who carries it out, if not the operator.
    implementer: Option<String>,
    /// Who asked for it.
    applicant: Option<String>,
    /// Who allowed it.
    approver: Option<String>,
    /// How it was begun: page, schedule, API call.
    entry_channel: Option<String>,
    /// Which exemption it uses.
    exemption: Option<ChangeExemptionInput>,
    /// By which rules it is rolled out.
    rollout: Option<RolloutInput>,
    /// What the scene tells of such a change in general, by the scene's own names.
    #[serde(skip_serializing_if = "Option::is_none")]
    basic: Option<Json<Value>>,
    /// What the scene controls such a change by, by the scene's own names.
    #[serde(skip_serializing_if = "Option::is_none")]
    control: Option<Json<Value>>,
    /// Whether only bookkeeping differs, which nobody meant to change anything by.
    bookkeeping: Option<bool>,
    /// What your platform knows several changes of one act by: a commit, an operation, an order.
    fold_key: Option<String>,
    /// How it is to be rolled out.
    rollout_plan: Option<String>,
    /// How it is to be taken back.
    rollback_plan: Option<String>,
    /// Its batches, if it is gradual.
    batches: Option<Vec<ChangeBatchInput>>,
    /// Before and after. Secrets are removed before anything is kept.
    values: Option<Vec<ValueChangeInput>>,
    /// What was delivered.
    artifacts: Option<Vec<ArtifactInput>>,
    /// The code behind it.
    code_refs: Option<Vec<CodeRefInput>>,
    /// Alerts kept quiet while it runs.
    shields: Option<Vec<ShieldInput>>,
    /// What checks found.
    check_results: Option<Vec<CheckResultInput>>,
    /// How it stands to other changes.
    links: Option<Vec<ChangeLinkInput>>,
    /// What people should watch while it runs.
    metrics_to_watch: Option<Vec<String>>,
    /// Items its author expects to be affected.
    declared_impact: Option<Vec<ItemKey>>,
    /// Named facts that raise or lower its risk.
    risk_factors: Option<Vec<String>>,
}

/// Where a change stands.
#[derive(Clone, Copy, PartialEq, Eq, Enum, Serialize)]
#[graphql(remote = "model::ChangeStatus")]
#[serde(rename_all = "snake_case")]
pub(crate) enum ChangeStatus {
    /// Intended; nothing has happened yet.
    Planned,
    /// Handed in, waiting for a decision.
    Submitted,
    /// Decided for; it may begin.
    Approved,
    /// Decided against.
    Rejected,
    /// Under way.
    Running,
    /// Begun and held up.
    Paused,
    /// Done as intended.
    Succeeded,
    /// Passed over without effect.
    Skipped,
    /// Ended without its effect, or with a bad one.
    Failed,
    /// Ended by its clock.
    TimedOut,
    /// Given up before it began or was through.
    Cancelled,
    /// Taken back.
    RolledBack,
}

/// Whether a person or a machine acted.
#[derive(Clone, Copy, PartialEq, Eq, Enum, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum OperatorKind {
    /// A person.
    Human,
    /// A machine by itself.
    Automatic,
    /// Nobody said.
    Unknown,
}

impl From<OperatorKind> for ActorKind {
    fn from(kind: OperatorKind) -> Self {
        match kind {
            OperatorKind::Human => Self::Human,
            OperatorKind::Automatic => Self::Automatic,
            OperatorKind::Unknown => Self::Unknown,
        }
    }
}

/// One value before and after.
#[derive(InputObject, Serialize)]
pub(crate) struct ValueChangeInput {
    /// Which value, as a path.
    field: String,
    /// What it was.
    before: Option<Json<Value>>,
    /// What it became.
    after: Option<Json<Value>>,
}

/// What was delivered.
#[derive(InputObject, Serialize)]
pub(crate) struct ArtifactInput {
    /// Its name or package URL.
    name: String,
    /// Its version.
    version: Option<String>,
    /// Its digest, with the algorithm before it (`sha256:...`).
    digest: Option<String>,
    /// Where it lies.
    url: Option<String>,
}

/// The code behind a change.
#[derive(InputObject, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CodeRefInput {
    /// The repository.
    repository: Option<String>,
    /// The commit.
    commit: Option<String>,
    /// The merge or pull request.
    merge_request: Option<String>,
    /// The branch or tag.
    reference: Option<String>,
}

/// Alerts kept quiet while a change runs.
#[derive(InputObject, Serialize)]
pub(crate) struct ShieldInput {
    /// Which metric or alert.
    metric: String,
    /// From when.
    from: DateTime,
    /// Until when.
    until: Option<DateTime>,
    /// Why.
    reason: Option<String>,
}

/// How a change stands to another.
#[derive(InputObject, Serialize)]
pub(crate) struct ChangeLinkInput {
    /// `rollback_of`, `caused_by` or `part_of`.
    kind: String,
    /// The other change, by its source's name.
    change: SourceRefInput,
}

/// A change or incident by its source's name.
#[derive(InputObject, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SourceRefInput {
    /// The platform.
    source: String,
    /// The platform's own id.
    source_id: String,
}

impl RecordChangeInput {
    /// The change as somebody wants to make it, at its planned time; now if none is stated.
    pub(crate) fn into_asked(self, at: &Standpoint) -> Result<AskedChange> {
        let moment = |time: &Option<DateTime>| time.as_ref().map(|time| time.0);
        let start = moment(&self.planned_start_at).or(moment(&self.started_at));
        let finish = moment(&self.planned_finish_at).or(moment(&self.finished_at));
        let start = start.unwrap_or(at.valid_at);
        let finish = finish.unwrap_or(start);
        if finish < start {
            let message = "planned.plannedFinishAt: lies before plannedStartAt";
            return Err(ErrorCode::BadInput.error(message));
        }
        let mut asked = AskedChange {
            change: Some(SourceRef {
                source: SourceName::new(self.source),
                source_id: self.source_id,
            }),
            targets: Vec::new(),
            unknown_targets: Vec::new(),
            environment: self.environment,
            kind: self.kind,
            level: self.level,
            scene: self.scene,
            goal: self.goal,
            by_administrator: false,
            start,
            finish,
        };
        let written = self.targets.into_iter().map(SourceKey::Text);
        let structured = self.target_keys.into_iter().flatten().map(|key| key.0);
        let keys: Vec<SourceKey> = written.chain(structured).collect();
        asked.aim(&at.view.graph, &keys);
        Ok(asked)
    }

    /// The change whose risk is asked for.
    pub(crate) fn into_assessed(self, at: &Standpoint) -> Result<AssessedChange> {
        let flow = self.rollout.as_ref().and_then(RolloutInput::flow);
        let batches = self.batches.as_ref().map_or(0, Vec::len);
        let emergency = self.emergency.unwrap_or(false);
        let operator = match self.operator_kind {
            Some(OperatorKind::Human) => ActorKind::Human,
            Some(OperatorKind::Automatic) => ActorKind::Automatic,
            Some(OperatorKind::Unknown) | None => ActorKind::Unknown,
        };
        Ok(AssessedChange {
            asked: self.into_asked(at)?,
            batches,
            flow: flow.map(model::FlowKind::from),
            operator,
            emergency,
        })
    }

    /// The event that states it.
    pub(crate) fn into_event(mut self, at: &Standpoint) -> Result<Value> {
        let written = std::mem::take(&mut self.targets).into_iter();
        let written = written.map(SourceKey::Text);
        let structured = self.target_keys.take().into_iter().flatten();
        let structured = structured.map(|key| key.0);
        let mut targets = Vec::new();
        for key in written.chain(structured) {
            targets.push(keys::to_record(at, "targets", key)?);
        }
        for key in self.declared_impact.iter_mut().flatten() {
            key.0 = keys::to_record(at, "declaredImpact", key.0.clone())?;
        }
        for batch in self.batches.iter_mut().flatten() {
            for key in batch.targets.iter_mut().flatten() {
                key.0 = keys::to_record(at, "batches.targets", key.0.clone())?;
            }
        }
        let mut data = serde_json::to_value(&self).expect("an input has string keys only");
        if let Value::Object(data) = &mut data {
            // Only our own event's envelope names the source.
            data.remove("source");
            data.insert("targets".to_owned(), serde_json::json!(targets));
            if self.operator.is_some() || self.operator_kind.is_some() {
                let operator =
                    serde_json::json!({ "name": self.operator, "kind": self.operator_kind });
                data.insert("operator".to_owned(), operator);
            }
        }
        let envelope = Envelope {
            event_id: self.event_id,
            source: self.source,
            occurred_at: self.occurred_at,
        };
        Ok(envelope.seal("change.recorded", &data))
    }
}
