//! What somebody is about to apply, read without being written.

use std::collections::BTreeMap;

use model::{Claim, SourceKey, Timestamp, ValueChange};
use serde_json::Value;
use thiserror::Error;

use super::PortFuture;

/// Reads plans and manifests. Nothing of them is kept, and no secret in them comes back.
pub trait Plans: Send + Sync + 'static {
    /// What documents say is to be applied.
    fn read(
        &self,
        documents: Vec<PlanDocument>,
        around: PlanSurroundings,
    ) -> PortFuture<'_, Result<PlannedWork, PlansError>>;
}

/// In which form somebody says what is to be applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PlanForm {
    /// A plan of Terraform as JSON.
    Terraform,
    /// Objects of Kubernetes as JSON or YAML.
    Kubernetes,
    /// An application of Argo CD, its resources, or a printed difference.
    ArgoCd,
}

/// A text that says what is to be applied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlanDocument {
    /// Its form.
    pub form: PlanForm,
    /// What people call it.
    pub name: String,
    /// The text.
    pub text: String,
}

/// What is known besides the documents.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlanSurroundings {
    /// The environment of everything.
    pub environment: Option<String>,
    /// The Kubernetes cluster.
    pub cluster: Option<String>,
    /// The namespace of objects that name none.
    pub namespace: Option<String>,
    /// The moment of the question.
    pub at: Timestamp,
}

/// What is to happen to a target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PlannedAction {
    /// It is to be as stated.
    Apply,
    /// It is made.
    Create,
    /// It is changed in place.
    Update,
    /// It is destroyed and made anew.
    Replace,
    /// It is destroyed.
    Delete,
    /// It stays, and is no longer looked after.
    Forget,
}

/// Something that is to be touched.
#[derive(Clone, Debug, PartialEq)]
pub struct PlannedTarget {
    /// What its source would call it.
    pub key: SourceKey,
    /// Other names that mean it.
    pub names: Vec<Claim>,
    /// Where it stands in the documents.
    pub place: String,
    /// What is to happen to it.
    pub action: PlannedAction,
    /// Of what is applied: its values, as they would be observed.
    pub attributes: BTreeMap<String, Value>,
    /// What is to differ, where the document says so.
    pub differences: Vec<ValueChange>,
}

/// A part that says nothing here, or could not be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnreadPart {
    /// Where it stands.
    pub place: String,
    /// The field; empty for the whole part.
    pub field: String,
    /// Why.
    pub reason: String,
}

/// Everything that is to be touched.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PlannedWork {
    /// The targets.
    pub targets: Vec<PlannedTarget>,
    /// The rest.
    pub unread: Vec<UnreadPart>,
}

/// Why nothing was read; the details are for our log.
#[derive(Debug, Error)]
#[error("the plan could not be read")]
pub struct PlansError(#[source] pub Box<dyn std::error::Error + Send + Sync>);
