//! Deployments, configuration edits, flag flips: the whole description model.

mod checks;
mod exemption;
mod rollout;
mod status;

use serde::de::value::MapDeserializer;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{Actor, Attributes, SourceKey, SourceName, SourceRef, Timestamp};

pub use checks::{
    CHECK_ANSWERS, CHECK_MODES, CHECK_RESULTS, CHECK_STRATEGIES, CheckIdentity, CheckJudged,
    CheckPoint, CheckResult, CheckVerdict,
};
pub use exemption::{Exemption, ExemptionFault};
pub use rollout::{ChangeBatch, FlowKind, OnFailure, PausePoint, Rollout};
pub use status::{BatchStatus, ChangeStatus};

/// What was delivered.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Artifact {
    /// Its name or package URL.
    pub name: String,
    /// Its version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// Its digest, with the algorithm before it (`sha256:...`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
    /// Where it lies.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
}

/// The code behind it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CodeRef {
    /// The repository.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repository: Option<String>,
    /// The commit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
    /// The merge or pull request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub merge_request: Option<String>,
    /// The branch or tag.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
}

/// One value before and after, secrets removed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ValueChange {
    /// Which value, as a path.
    pub field: String,
    /// What it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<Value>,
    /// What it became.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<Value>,
}

/// Alerts kept quiet while it runs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Shield {
    /// Which metric or alert.
    pub metric: String,
    /// From when.
    pub from: Timestamp,
    /// Until when.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// How this change stands to another.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ChangeLink {
    /// `rollback_of`, `caused_by` or `part_of`.
    pub kind: String,
    /// The other change.
    pub change: SourceRef,
}

/// `change.recorded`: what a source says of a change at one time.
///
/// Many events may speak of one change. A field that is missing (or a list that
/// is empty) says nothing; the fold merges all statements by the time they speak of.
/// Field meanings follow the description model of change management.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Change {
    /// The platform that made it.
    pub source: SourceName,
    /// The platform's own id.
    pub source_id: String,
    /// What it touches, by the source's own keys.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub targets: Vec<SourceKey>,
    /// Its batches, if it is gradual.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub batches: Vec<ChangeBatch>,
    /// Before and after.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub values: Vec<ValueChange>,
    /// What was delivered.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub artifacts: Vec<Artifact>,
    /// The code behind it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub code_refs: Vec<CodeRef>,
    /// Alerts kept quiet.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub shields: Vec<Shield>,
    /// What checks found.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub check_results: Vec<CheckResult>,
    /// How it stands to other changes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub links: Vec<ChangeLink>,
    /// What people should watch while it runs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub metrics_to_watch: Vec<String>,
    /// What its scene tells of such a change in general, by the scene's own names.
    #[serde(default, skip_serializing_if = "Attributes::is_empty")]
    pub basic: Attributes,
    /// What its scene controls such a change by, by the scene's own names.
    #[serde(default, skip_serializing_if = "Attributes::is_empty")]
    pub control: Attributes,
    /// Services and infrastructure its author expects to be affected.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub declared_impact: Vec<SourceKey>,
    /// Named facts that raise or lower its risk, in the platform's words.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub risk_factors: Vec<String>,
    /// The actual operator; applicant and approver are others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operator: Option<Actor>,
    /// When it began to take effect.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_at: Option<Timestamp>,
    /// When it was through.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finished_at: Option<Timestamp>,
    /// When it was to begin.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub planned_start_at: Option<Timestamp>,
    /// When it was to be through.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub planned_finish_at: Option<Timestamp>,
    /// Where it stands.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<ChangeStatus>,
    /// Whether it jumped the queue.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub emergency: Option<bool>,
    /// A line for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// What is done, in full.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// What is new for its users.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub release_notes: Option<String>,
    /// What it is for: iteration, bug fix, fault handling, performance, compliance.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub goal: Option<String>,
    /// The scene its platform registered: iteration release, configuration release, server offline.
    /// A statement that names it carries what the scene requires.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scene: Option<String>,
    /// What sort of change: `deployment`, `configuration`, `flag`, `infrastructure`, `database`, `drill` or the source's own word.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// A finer class in the source's own tree.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub category: Option<String>,
    /// Server, network, database, middleware, platform, release, configuration or business data.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub domain: Option<String>,
    /// How it takes effect: at once, by machine batches, by traffic ratio.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<String>,
    /// Within one system, or several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope_width: Option<String>,
    /// Its level of control, `G0` to `G4`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub level: Option<String>,
    /// Its risk as its platform sees it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub risk_level: Option<String>,
    /// Where it takes effect; decides first which item a key without environment means.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub environment: Option<String>,
    /// Who carries it out, if not the operator.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub implementer: Option<String>,
    /// Who asked for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub applicant: Option<String>,
    /// Who allowed it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approver: Option<String>,
    /// How it was begun: page, schedule, API call.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entry_channel: Option<String>,
    /// Which exemption it uses.
    #[serde(
        default,
        deserialize_with = "exemption::read",
        skip_serializing_if = "Option::is_none"
    )]
    pub exemption: Option<Exemption>,
    /// By which rules it is rolled out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rollout: Option<Rollout>,
    /// Whether only bookkeeping differs, which nobody meant to change anything by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bookkeeping: Option<bool>,
    /// What its platform knows several statements or changes of one act by: a commit, an operation, an order.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fold_key: Option<String>,
    /// How it is to be rolled out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rollout_plan: Option<String>,
    /// How it is to be taken back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rollback_plan: Option<String>,
    /// Where people read more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub link: Option<String>,
}

impl Change {
    /// A statement that says nothing yet but which change it speaks of.
    pub fn new(reference: &SourceRef) -> Self {
        let fields = [
            ("source", reference.source.as_str()),
            ("sourceId", &reference.source_id),
        ];
        let fields = MapDeserializer::<'_, _, serde::de::value::Error>::new(fields.into_iter());
        Self::deserialize(fields).expect("every other field of a change has a default")
    }

    /// What its platform calls it.
    pub fn reference(&self) -> SourceRef {
        SourceRef {
            source: self.source.clone(),
            source_id: self.source_id.clone(),
        }
    }
}
