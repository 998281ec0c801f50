//! What checks found around a change, and what people said of the checks.

use serde::{Deserialize, Serialize};

use crate::SourceRef;

/// Where a check stands: before or after the whole order, or one batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CheckPoint {
    /// Before the order begins.
    BeforeOrder,
    /// After the order is through.
    AfterOrder,
    /// Before a batch begins.
    BeforeBatch,
    /// After a batch is through.
    AfterBatch,
}

impl CheckPoint {
    /// Every place with its stored word.
    pub const WRITTEN: [(&'static str, Self); 4] = [
        ("before_order", Self::BeforeOrder),
        ("after_order", Self::AfterOrder),
        ("before_batch", Self::BeforeBatch),
        ("after_batch", Self::AfterBatch),
    ];

    /// Whether it lies before what it checks.
    pub const fn is_before(self) -> bool {
        matches!(self, Self::BeforeOrder | Self::BeforeBatch)
    }

    /// Whether it belongs to one batch.
    pub const fn is_of_batch(self) -> bool {
        matches!(self, Self::BeforeBatch | Self::AfterBatch)
    }
}

/// How a check may act: `observer` looks on, `enforcer` may stop the change.
pub const CHECK_MODES: [&str; 2] = ["observer", "enforcer"];
/// What a check does when it finds something: stop it, warn, or ask for approval and stop it without.
pub const CHECK_STRATEGIES: [&str; 3] = ["block", "warn", "escalate"];
/// What a check found; `error` is a failure of the check itself.
pub const CHECK_RESULTS: [&str; 5] = ["pass", "warn", "block", "error", "skipped"];
/// What a person answered to a check.
pub const CHECK_ANSWERS: [&str; 3] = ["close", "roll_back", "continue"];

/// What a check found.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CheckResult {
    /// The check. Together with `at` and `batch` it tells one result of a change from the others.
    pub name: String,
    /// Where it stands.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<CheckPoint>,
    /// The batch it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub batch: Option<u32>,
    /// What it looks at: `freeze`, `slo`, `batch`, `environment` or the platform's own word.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// One of [`CHECK_MODES`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<String>,
    /// One of [`CHECK_STRATEGIES`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub strategy: Option<String>,
    /// One of [`CHECK_RESULTS`].
    pub result: String,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The metric that looked wrong.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metric: Option<String>,
    /// What the person answered, one of [`CHECK_ANSWERS`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer: Option<String>,
}

impl CheckResult {
    /// A check and what it found.
    pub fn new(name: impl Into<String>, result: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            result: result.into(),
            ..Self::default()
        }
    }

    /// What tells it from the other results of its change.
    pub fn identity(&self) -> CheckIdentity {
        CheckIdentity {
            name: self.name.clone(),
            at: self.at,
            batch: self.batch,
        }
    }
}

/// Which check of a change is meant.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct CheckIdentity {
    /// The check.
    pub name: String,
    /// Where it stands.
    pub at: Option<CheckPoint>,
    /// The batch it belongs to.
    pub batch: Option<u32>,
}

/// Whether a check was right.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CheckVerdict {
    /// It found what was there, or rightly nothing.
    Right,
    /// It raised a false alarm, or missed something.
    Wrong,
    /// Nobody can say.
    Unsure,
}

impl CheckVerdict {
    /// Every verdict with its stored word.
    pub const WRITTEN: [(&'static str, Self); 3] = [
        ("right", Self::Right),
        ("wrong", Self::Wrong),
        ("unsure", Self::Unsure),
    ];
}

/// `check.judged`: whether a check of a change was right.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CheckJudged {
    /// The change, by its source's name.
    pub change: SourceRef,
    /// The check.
    pub check: String,
    /// Where it stands.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<CheckPoint>,
    /// The batch it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub batch: Option<u32>,
    /// The finding.
    pub verdict: CheckVerdict,
    /// A label for whoever learns from it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

impl CheckJudged {
    /// Which check it speaks of.
    pub fn identity(&self) -> CheckIdentity {
        CheckIdentity {
            name: self.check.clone(),
            at: self.at,
            batch: self.batch,
        }
    }
}
