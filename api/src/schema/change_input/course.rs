//! What a client states of the course of a change: how it rolls out, its batches, its checks, its exemption.

use async_graphql::{Enum, InputObject};
use serde::Serialize;

use crate::schema::calendar::ExemptionKind;
use crate::schema::scalars::{DateTime, ItemKey};

/// How a change takes effect.
#[derive(Clone, Copy, PartialEq, Eq, Enum, Serialize)]
#[graphql(remote = "model::FlowKind")]
#[serde(rename_all = "snake_case")]
pub(crate) enum FlowKind {
    /// All at once.
    OneShot,
    /// Some machines or instances after the other.
    MachineBatches,
    /// For a growing share of the traffic.
    TrafficRatio,
}

/// What happens when a batch fails.
#[derive(Clone, Copy, PartialEq, Eq, Enum, Serialize)]
#[graphql(remote = "model::OnFailure")]
#[serde(rename_all = "snake_case")]
pub(crate) enum OnFailure {
    /// It stops until somebody decides.
    Pause,
    /// The failure is passed over.
    Ignore,
    /// It goes on with the next batch by itself.
    RollOn,
    /// Somebody is asked each time.
    Ask,
    /// What was done is taken back.
    RollBack,
}

/// Where one batch stands.
#[derive(Clone, Copy, PartialEq, Eq, Enum, Serialize)]
#[graphql(remote = "model::BatchStatus")]
#[serde(rename_all = "snake_case")]
pub(crate) enum BatchStatus {
    /// Not begun.
    Planned,
    /// Under way.
    Running,
    /// Begun and held up.
    Paused,
    /// Done.
    Succeeded,
    /// Passed over without effect.
    Skipped,
    /// Ended badly.
    Failed,
    /// Ended by its clock.
    TimedOut,
    /// Given up.
    Cancelled,
    /// Taken back.
    RolledBack,
}

/// Where a check stands: before or after the whole order, or one batch.
#[derive(Clone, Copy, PartialEq, Eq, Enum, Serialize)]
#[graphql(remote = "model::CheckPoint")]
#[serde(rename_all = "snake_case")]
pub(crate) enum CheckPoint {
    /// Before the order begins.
    BeforeOrder,
    /// After the order is through.
    AfterOrder,
    /// Before a batch begins.
    BeforeBatch,
    /// After a batch is through.
    AfterBatch,
}

/// The rules by which a change is rolled out.
#[derive(InputObject, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RolloutInput {
    /// How it takes effect.
    flow: Option<FlowKind>,
    /// How large a batch is, as a share of all, 0 to 100. Not beside `batchCount`.
    batch_percent: Option<f64>,
    /// How large a batch is, as a number of instances.
    batch_count: Option<u32>,
    /// What happens when a batch fails.
    on_failure: Option<OnFailure>,
    /// Where it stops for a look.
    pause_points: Option<Vec<PausePointInput>>,
    /// Whether it stops after every batch.
    pause_after_each: Option<bool>,
}

impl RolloutInput {
    /// How it takes effect.
    pub(super) const fn flow(&self) -> Option<FlowKind> {
        self.flow
    }
}

/// Where a rollout stops for a look; one of the three is given.
#[derive(InputObject, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PausePointInput {
    /// After the batch of this index.
    after_batch: Option<u32>,
    /// After so many instances.
    after_instances: Option<u32>,
    /// After this share of the instances or the traffic, 0 to 100.
    after_percent: Option<f64>,
}

/// One wave of a gradual change.
#[derive(InputObject, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ChangeBatchInput {
    /// Its place among the batches, from 0.
    index: u32,
    /// What it touches; empty when it goes by traffic.
    pub(super) targets: Option<Vec<ItemKey>>,
    /// The share of traffic it covers, 0 to 100.
    traffic_percent: Option<f64>,
    /// When it was to begin.
    planned_start_at: Option<DateTime>,
    /// When it was to be through.
    planned_finish_at: Option<DateTime>,
    /// When it began.
    started_at: Option<DateTime>,
    /// When it was through.
    finished_at: Option<DateTime>,
    /// Where it stands.
    status: Option<BatchStatus>,
}

/// What a check found. Name, place and batch tell it from the other checks of its change.
#[derive(InputObject, Serialize)]
pub(crate) struct CheckResultInput {
    /// The check.
    name: String,
    /// Where it stands.
    at: Option<CheckPoint>,
    /// The batch it belongs to.
    batch: Option<u32>,
    /// What it looks at: `freeze`, `slo`, `batch`, `environment` or your own word.
    kind: Option<String>,
    /// `observer` or `enforcer`.
    mode: Option<String>,
    /// `block`, `warn` or `escalate`.
    strategy: Option<String>,
    /// `pass`, `warn`, `block`, `error` or `skipped`.
    result: String,
    /// Why.
    reason: Option<String>,
    /// The metric that looked wrong.
    metric: Option<String>,
    /// What the person answered: `close`, `roll_back` or `continue`.
    answer: Option<String>,
}

/// An exemption that a change uses. A green channel is effective at once and open for an hour at most;
/// a white list names who approved it and until when.
#[derive(InputObject, Serialize)]
pub(crate) struct ChangeExemptionInput {
    /// What sort of exemption.
    kind: ExemptionKind,
    /// What it is called where it was granted.
    reference: Option<String>,
    /// From when it holds; the time of the statement when missing.
    from: Option<DateTime>,
    /// Until when it holds; required of a white list.
    until: Option<DateTime>,
    /// Who granted it; required of a white list.
    approver: Option<String>,
    /// Why.
    reason: Option<String>,
}
