//! What a client states of platforms, scenes, levels and checks. It becomes our own events.

use async_graphql::{Enum, ID, InputObject, Result};
use model::{SceneRegistered, SourceRef};
use serde::Serialize;
use serde_json::{Value, json};

use crate::error::ErrorCode;
use crate::schema::change_input::{CheckPoint, FlowKind};
use crate::schema::kinds::AttributeRuleInput;
use crate::schema::recording::Envelope;
use crate::schema::scalars::DateTime;
use crate::schema::standpoint::Standpoint;

/// A platform: a source that makes changes.
#[derive(InputObject, Serialize)]
pub(crate) struct RegisterPlatformInput {
    /// The sender's id of this statement. A retry with the same id and content is recorded once.
    #[serde(skip)]
    event_id: Option<String>,
    /// Who says so; the platform itself when missing.
    #[serde(skip)]
    source: Option<String>,
    /// From when it counts; now when missing.
    #[serde(skip)]
    occurred_at: Option<DateTime>,
    /// The platform, called as its changes call their source.
    pub(super) name: String,
    /// A name for people.
    title: Option<String>,
    /// What it does.
    description: Option<String>,
    /// Which team answers for it.
    owner: Option<String>,
    /// Where people read more.
    link: Option<String>,
}

/// A platform's registration that is taken back.
#[derive(InputObject, Serialize)]
pub(crate) struct WithdrawPlatformInput {
    /// The sender's id of this statement. A retry with the same id and content is recorded once.
    #[serde(skip)]
    event_id: Option<String>,
    /// Who says so; the platform itself when missing.
    #[serde(skip)]
    source: Option<String>,
    /// From when it no longer counts; now when missing.
    #[serde(skip)]
    occurred_at: Option<DateTime>,
    /// The platform.
    pub(super) name: String,
    /// Why.
    reason: Option<String>,
}

/// A scene: one sort of changes of a platform, and what they must say.
#[derive(InputObject, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RegisterSceneInput {
    /// The sender's id of this statement. A retry with the same id and content is recorded once.
    #[serde(skip)]
    event_id: Option<String>,
    /// Who says so; the platform itself when missing.
    #[serde(skip)]
    source: Option<String>,
    /// From when it counts; now when missing.
    #[serde(skip)]
    occurred_at: Option<DateTime>,
    /// The platform it belongs to, called as its changes call their source.
    pub(super) platform: String,
    /// The scene as changes of the platform name it.
    pub(super) name: String,
    /// A name for people.
    title: Option<String>,
    /// What is done in it.
    description: Option<String>,
    /// Kinds of items it operates on; any when empty.
    #[graphql(default)]
    resource_kinds: Vec<String>,
    /// What its changes tell in general (`basic`).
    #[graphql(default)]
    basic: Vec<AttributeRuleInput>,
    /// What its changes are controlled by (`control`).
    #[graphql(default)]
    control: Vec<AttributeRuleInput>,
    /// Whether values that are not listed are refused; false when missing.
    #[graphql(default)]
    closed: bool,
    /// The checks its changes go through.
    #[graphql(default)]
    checks: Vec<SceneCheckInput>,
    /// The level of control its changes are of.
    level: Option<String>,
    /// How its changes take effect.
    flow: Option<FlowKind>,
}

/// A check that the changes of a scene go through.
#[derive(InputObject, Serialize)]
pub(crate) struct SceneCheckInput {
    /// The check, as results name it.
    name: String,
    /// Where it stands.
    at: Option<CheckPoint>,
    /// What it looks at: `freeze`, `slo`, `batch`, `environment` or your own word.
    kind: Option<String>,
    /// `observer` or `enforcer`.
    mode: Option<String>,
    /// `block`, `warn` or `escalate`.
    strategy: Option<String>,
}

/// A scene's registration that is taken back.
#[derive(InputObject, Serialize)]
pub(crate) struct WithdrawSceneInput {
    /// The sender's id of this statement. A retry with the same id and content is recorded once.
    #[serde(skip)]
    event_id: Option<String>,
    /// Who says so; the platform itself when missing.
    #[serde(skip)]
    source: Option<String>,
    /// From when it no longer counts; now when missing.
    #[serde(skip)]
    occurred_at: Option<DateTime>,
    /// The platform it belongs to.
    pub(super) platform: String,
    /// The scene.
    pub(super) name: String,
    /// Why.
    reason: Option<String>,
}

/// What a change must carry to be of a level.
#[derive(Clone, Copy, PartialEq, Eq, Enum, Serialize)]
#[graphql(remote = "model::Demand")]
#[serde(rename_all = "snake_case")]
pub(crate) enum Demand {
    /// A check before it begins.
    CheckBefore,
    /// A check after it is through.
    CheckAfter,
    /// At least one batch.
    Batches,
    /// It was handed in before it began.
    Submission,
    /// It was decided for before it began.
    Decision,
}

/// As how many nodes a change is told.
#[derive(Clone, Copy, PartialEq, Eq, Enum, Serialize)]
#[graphql(remote = "model::Nodes")]
#[serde(rename_all = "snake_case")]
pub(crate) enum Nodes {
    /// One.
    One,
    /// An order with children.
    Many,
}

/// A level of control.
#[derive(InputObject, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct DefineLevelInput {
    /// The sender's id of this statement. A retry with the same id and content is recorded once.
    #[serde(skip)]
    event_id: Option<String>,
    /// Who says so.
    #[serde(skip)]
    source: String,
    /// From when it counts; now when missing.
    #[serde(skip)]
    occurred_at: Option<DateTime>,
    /// The level as changes state it, such as `G2`.
    pub(super) name: String,
    /// What it means.
    meaning: Option<String>,
    /// What it is used for.
    used_for: Option<String>,
    /// As how many nodes such a change is told.
    nodes: Option<Nodes>,
    /// The stages it goes through, in their order.
    #[graphql(default)]
    lifecycle: Vec<String>,
    /// What such a change must carry. A change without it is an open question, never refused.
    #[graphql(default)]
    demands: Vec<Demand>,
}

/// A level's definition that is taken back.
#[derive(InputObject, Serialize)]
pub(crate) struct WithdrawLevelInput {
    /// The sender's id of this statement. A retry with the same id and content is recorded once.
    #[serde(skip)]
    event_id: Option<String>,
    /// Who says so.
    #[serde(skip)]
    source: String,
    /// From when it no longer counts; now when missing.
    #[serde(skip)]
    occurred_at: Option<DateTime>,
    /// The level.
    pub(super) name: String,
    /// Why.
    reason: Option<String>,
}

/// Whether a check was right.
#[derive(Clone, Copy, PartialEq, Eq, Enum, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum CheckVerdict {
    /// It found what was there, or rightly nothing.
    Right,
    /// It raised a false alarm, or missed something.
    Wrong,
    /// Nobody can say.
    Unsure,
}

/// A judgement of a check.
#[derive(InputObject)]
pub(crate) struct JudgeCheckInput {
    /// The sender's id of this statement. A retry with the same id and content is recorded once.
    event_id: Option<String>,
    /// Who says so.
    source: String,
    /// When it was said; now when missing.
    occurred_at: Option<DateTime>,
    /// The change, by its id.
    pub(super) change: ID,
    /// The check, as its result names it.
    check: String,
    /// Where the check stands, as its result says.
    at: Option<CheckPoint>,
    /// The batch of the check, as its result says.
    batch: Option<u32>,
    /// The finding.
    verdict: CheckVerdict,
    /// A label for whoever learns from it.
    label: Option<String>,
    /// Why.
    reason: Option<String>,
}

impl RegisterPlatformInput {
    /// The event that states it.
    pub(super) fn into_event(mut self, at: &Standpoint) -> Value {
        let source = self.source.take().unwrap_or_else(|| self.name.clone());
        let envelope = envelope(self.event_id.take(), source, self.occurred_at.take(), at);
        envelope.seal("platform.registered", &self)
    }
}

impl WithdrawPlatformInput {
    /// The event that states it.
    pub(super) fn into_event(mut self, at: &Standpoint) -> Value {
        let source = self.source.take().unwrap_or_else(|| self.name.clone());
        let envelope = envelope(self.event_id.take(), source, self.occurred_at.take(), at);
        envelope.seal("platform.withdrawn", &self)
    }
}

impl RegisterSceneInput {
    /// The registration as it would be stored.
    pub(super) fn registration(&self) -> Result<SceneRegistered> {
        let refused = |error: serde_json::Error| ErrorCode::BadInput.error(error.to_string());
        serde_json::from_value(serde_json::to_value(self).map_err(refused)?).map_err(refused)
    }

    /// The event that states it.
    pub(super) fn into_event(mut self, at: &Standpoint) -> Value {
        let source = self.source.take().unwrap_or_else(|| self.platform.clone());
        let envelope = envelope(self.event_id.take(), source, self.occurred_at.take(), at);
        envelope.seal("scene.registered", &self)
    }
}

impl WithdrawSceneInput {
    /// The event that states it.
    pub(super) fn into_event(mut self, at: &Standpoint) -> Value {
        let source = self.source.take().unwrap_or_else(|| self.platform.clone());
        let envelope = envelope(self.event_id.take(), source, self.occurred_at.take(), at);
        envelope.seal("scene.withdrawn", &self)
    }
}

impl DefineLevelInput {
    /// The event that states it.
    pub(super) fn into_event(mut self, at: &Standpoint) -> Value {
        let source = self.source.clone();
        let envelope = envelope(self.event_id.take(), source, self.occurred_at.take(), at);
        envelope.seal("level.defined", &self)
    }
}

impl WithdrawLevelInput {
    /// The event that states it.
    pub(super) fn into_event(mut self, at: &Standpoint) -> Value {
        let source = self.source.clone();
        let envelope = envelope(self.event_id.take(), source, self.occurred_at.take(), at);
        envelope.seal("level.withdrawn", &self)
    }
}

impl JudgeCheckInput {
    /// The event that states it of a change.
    pub(super) fn into_event(self, change: &SourceRef) -> Value {
        let envelope = Envelope {
            event_id: self.event_id,
            source: self.source,
            occurred_at: self.occurred_at,
        };
        let data = json!({
            "change": change,
            "check": self.check,
            "at": self.at,
            "batch": self.batch,
            "verdict": self.verdict,
            "label": self.label,
            "reason": self.reason,
        });
        envelope.seal("check.judged", &data)
    }
}

/// A registration made again after another one is a statement of its own, so its time is always stated.
fn envelope(
    event_id: Option<String>,
    source: String,
    occurred_at: Option<DateTime>,
    at: &Standpoint,
) -> Envelope {
    Envelope {
        event_id,
        source,
        occurred_at: Some(occurred_at.unwrap_or(DateTime(at.valid_at))),
    }
}
