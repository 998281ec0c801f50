//! Reads plans and manifests as an import would, and keeps nothing of them.

use api::{
    PlanDocument, PlanSurroundings, PlannedAction, PlannedTarget, PlannedWork, Plans, PlansError,
    PortFuture, UnreadPart,
};
use ingest::import::{self, ImportFile, PlanForm, Surroundings};

/// The decoders of the intake.
pub(super) struct ReadPlans;

impl Plans for ReadPlans {
    fn read(
        &self,
        documents: Vec<PlanDocument>,
        around: PlanSurroundings,
    ) -> PortFuture<'_, Result<PlannedWork, PlansError>> {
        Box::pin(async move {
            let read = tokio::task::spawn_blocking(move || work(documents, &around)).await;
            read.map_err(|error| PlansError(Box::new(error)))
        })
    }
}

fn work(documents: Vec<PlanDocument>, around: &PlanSurroundings) -> PlannedWork {
    let place = Surroundings {
        environment: around.environment.clone(),
        cluster: around.cluster.clone(),
        at: around.at,
    };
    let mut work = PlannedWork::default();
    for document in documents {
        let form = match document.form {
            api::PlanForm::Terraform => PlanForm::Terraform,
            api::PlanForm::Kubernetes => PlanForm::Kubernetes,
            api::PlanForm::ArgoCd => PlanForm::ArgoCd,
        };
        let file = ImportFile {
            name: document.name,
            bytes: document.text.into_bytes(),
        };
        let read = import::preview(form, &[file], &place, around.namespace.as_deref());
        work.targets.extend(read.targets.into_iter().map(target));
        work.unread
            .extend(read.unread.into_iter().map(|part| UnreadPart {
                place: part.place,
                field: part.field,
                reason: part.reason,
            }));
    }
    work
}

fn target(target: import::PlannedTarget) -> PlannedTarget {
    PlannedTarget {
        key: target.key,
        names: target.names,
        place: target.place,
        action: match target.action {
            import::PlannedAction::Apply => PlannedAction::Apply,
            import::PlannedAction::Create => PlannedAction::Create,
            import::PlannedAction::Update => PlannedAction::Update,
            import::PlannedAction::Replace => PlannedAction::Replace,
            import::PlannedAction::Delete => PlannedAction::Delete,
            import::PlannedAction::Forget => PlannedAction::Forget,
        },
        attributes: target.attributes,
        differences: target.differences,
    }
}
