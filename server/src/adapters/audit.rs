//! The log of questions as `api` writes and reads it.

use std::sync::Arc;

use api::{AuditError, AuditPage, AuditQuestion, PortFuture};
use model::AuditedQuestion;

use crate::audit::Audit;

/// The books of a server.
pub(super) struct WrittenDown(pub(super) Arc<Audit>);

impl api::Audit for WrittenDown {
    fn note(&self, question: AuditedQuestion) {
        self.0.note(question);
    }

    fn search(&self, asked: AuditQuestion) -> PortFuture<'_, Result<AuditPage, AuditError>> {
        Box::pin(Arc::clone(&self.0).search(asked))
    }
}
