//! How a change takes effect: at once, by batches of machines, by shares of traffic.

use serde::{Deserialize, Serialize};

use super::BatchStatus;
use crate::{SourceKey, Timestamp};

/// How a change takes effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FlowKind {
    /// All at once.
    OneShot,
    /// Some machines or instances after the other.
    MachineBatches,
    /// For a growing share of the traffic.
    TrafficRatio,
}

impl FlowKind {
    /// Every flow kind with its stored word.
    pub const WRITTEN: [(&'static str, Self); 3] = [
        ("one_shot", Self::OneShot),
        ("machine_batches", Self::MachineBatches),
        ("traffic_ratio", Self::TrafficRatio),
    ];

    /// The stored word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::OneShot => "one_shot",
            Self::MachineBatches => "machine_batches",
            Self::TrafficRatio => "traffic_ratio",
        }
    }
}

/// What happens when a batch fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnFailure {
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

impl OnFailure {
    /// Every rule with its stored word.
    pub const WRITTEN: [(&'static str, Self); 5] = [
        ("pause", Self::Pause),
        ("ignore", Self::Ignore),
        ("roll_on", Self::RollOn),
        ("ask", Self::Ask),
        ("roll_back", Self::RollBack),
    ];
}

/// Where a rollout stops for a look: after a batch, a number of instances, or a share of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PausePoint {
    /// After the batch of this index.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after_batch: Option<u32>,
    /// After so many instances.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after_instances: Option<u32>,
    /// After this share of the instances or the traffic, 0 to 100.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after_percent: Option<f64>,
}

/// The rules by which a change is rolled out.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Rollout {
    /// How it takes effect.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub flow: Option<FlowKind>,
    /// How large a batch is, as a share of all, 0 to 100.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub batch_percent: Option<f64>,
    /// How large a batch is, as a number of instances.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub batch_count: Option<u32>,
    /// What happens when a batch fails.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_failure: Option<OnFailure>,
    /// Where it stops for a look.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub pause_points: Vec<PausePoint>,
    /// Whether it stops after every batch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pause_after_each: Option<bool>,
}

/// One wave of a gradual change.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ChangeBatch {
    /// Its place among the batches, from 0.
    pub index: u32,
    /// What it touches; empty when it goes by traffic.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub targets: Vec<SourceKey>,
    /// The share of traffic it covers, 0 to 100.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub traffic_percent: Option<f64>,
    /// When it was to begin.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub planned_start_at: Option<Timestamp>,
    /// When it was to be through.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub planned_finish_at: Option<Timestamp>,
    /// When it began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_at: Option<Timestamp>,
    /// When it was through.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finished_at: Option<Timestamp>,
    /// Where it stands.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<BatchStatus>,
}

impl ChangeBatch {
    /// A batch of which only the place is known.
    pub fn new(index: u32) -> Self {
        Self {
            index,
            ..Self::default()
        }
    }

    /// Whether it says that its members were touched.
    pub fn took_effect(&self) -> bool {
        let has_times = self.started_at.is_some() || self.finished_at.is_some();
        has_times || self.status.is_some_and(BatchStatus::took_effect)
    }
}
