//! What somebody says of a change that is only planned.

use async_graphql::{InputObject, Result};
use graph::AskedChange;
use model::{SourceName, SourceRef};

use crate::error::ErrorCode;
use crate::schema::scalars::DateTime;
use crate::schema::standpoint::Standpoint;
use crate::{PlanDocument, PlanForm, PlanSurroundings};

/// Most documents of one question.
const DOCUMENTS_MAX: usize = 200;

/// What is to be applied, when and where. At least one document or target is given.
#[derive(Default, InputObject)]
pub(crate) struct PreviewInput {
    /// Plans of Terraform, as `terraform show -json` writes them.
    terraform_plans: Option<Vec<String>>,
    /// Objects of Kubernetes as JSON or YAML, one or several in each text.
    kubernetes_manifests: Option<Vec<String>>,
    /// Of Argo CD: an application or its managed resources as JSON, or what `argocd app diff` prints.
    argocd_diffs: Option<Vec<String>>,
    /// Keys, aliases or ids of what is touched.
    pub(super) targets: Option<Vec<String>>,
    /// When it is to begin; now when missing.
    planned_start_at: Option<DateTime>,
    /// When it is to be through; when it begins, when missing.
    planned_finish_at: Option<DateTime>,
    /// Where it takes effect; also the environment of what the documents name.
    environment: Option<String>,
    /// The Kubernetes cluster, as spans and the watch name it.
    cluster: Option<String>,
    /// The namespace of objects that name none.
    namespace: Option<String>,
    /// What sort of change.
    kind: Option<String>,
    /// Its level of control.
    level: Option<String>,
    /// Its registered scene.
    scene: Option<String>,
    /// What it is for, such as `fault_handling`.
    goal: Option<String>,
    /// The platform that makes it.
    platform: Option<String>,
    /// That platform's id of the change, by which an exemption may name it; itself is then no conflict.
    source_id: Option<String>,
}

impl PreviewInput {
    /// The change without its targets.
    pub(super) fn asked(&self, at: &Standpoint) -> Result<AskedChange> {
        let moment = |time: &Option<DateTime>| time.as_ref().map(|time| time.0);
        let start = moment(&self.planned_start_at).unwrap_or(at.valid_at);
        let finish = moment(&self.planned_finish_at).unwrap_or(start);
        if finish < start {
            let message = "input.plannedFinishAt: lies before plannedStartAt";
            return Err(ErrorCode::BadInput.error(message));
        }
        let reference = self.platform.as_ref().zip(self.source_id.as_ref());
        Ok(AskedChange {
            change: reference.map(|(platform, id)| SourceRef {
                source: SourceName::new(platform.clone()),
                source_id: id.clone(),
            }),
            targets: Vec::new(),
            unknown_targets: Vec::new(),
            environment: self.environment.clone(),
            kind: self.kind.clone(),
            level: self.level.clone(),
            scene: self.scene.clone(),
            goal: self.goal.clone(),
            by_administrator: false,
            start,
            finish,
        })
    }

    /// The documents, named by their place in the input.
    pub(super) fn documents(&mut self) -> Result<Vec<PlanDocument>> {
        let lists = [
            (
                "terraformPlans",
                PlanForm::Terraform,
                self.terraform_plans.take(),
            ),
            (
                "kubernetesManifests",
                PlanForm::Kubernetes,
                self.kubernetes_manifests.take(),
            ),
            ("argocdDiffs", PlanForm::ArgoCd, self.argocd_diffs.take()),
        ];
        let mut documents = Vec::new();
        for (field, form, texts) in lists {
            let texts = texts.unwrap_or_default().into_iter().enumerate();
            documents.extend(texts.map(|(index, text)| PlanDocument {
                form,
                name: format!("{field}[{index}]"),
                text,
            }));
        }
        let targets = self.targets.as_ref().map_or(0, Vec::len);
        if documents.is_empty() && targets == 0 {
            let message = "input: give a document or a target";
            return Err(ErrorCode::BadInput.error(message));
        }
        if DOCUMENTS_MAX < documents.len() || model::bounds::TARGETS_MAX < targets {
            let targets = model::bounds::TARGETS_MAX;
            let message =
                format!("input: at most {DOCUMENTS_MAX} documents and {targets} targets are taken");
            return Err(ErrorCode::BadInput.error(message));
        }
        Ok(documents)
    }

    pub(super) fn surroundings(&self, at: &Standpoint) -> PlanSurroundings {
        PlanSurroundings {
            environment: self.environment.clone(),
            cluster: self.cluster.clone(),
            namespace: self.namespace.clone(),
            at: at.valid_at,
        }
    }
}
