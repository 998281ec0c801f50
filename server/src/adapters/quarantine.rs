//! The quarantine as `api` sees it. Everything that touches the disk leaves the async threads.

use std::sync::Arc;

use api::{
    PortFuture, Quarantine, QuarantineEntry, QuarantineError, QuarantinePage, Reprocessed,
    Suppressed, SuppressedSample, Suppression,
};
use ingest::{Intake, ReprocessError};
use model::ContentHash;

/// What lies aside, and the intake that can decode it again.
pub(super) struct KeptAside {
    pub(super) intake: Arc<Intake>,
    pub(super) quarantine: Arc<ingest::Quarantine>,
}

impl Quarantine for KeptAside {
    fn list(
        &self,
        after: Option<ContentHash>,
        first: usize,
    ) -> PortFuture<'_, Result<QuarantinePage, QuarantineError>> {
        let quarantine = Arc::clone(&self.quarantine);
        Box::pin(async move {
            let listed = tokio::task::spawn_blocking(move || quarantine.list(after, first)).await;
            let page = listed.map_err(failed)?.map_err(failed)?;
            let entries = page.entries.into_iter();
            Ok(QuarantinePage {
                entries: entries.map(entry).collect(),
                more: page.next.is_some(),
                total: page.total,
            })
        })
    }

    fn body(&self, hash: ContentHash) -> PortFuture<'_, Result<Option<Vec<u8>>, QuarantineError>> {
        let quarantine = Arc::clone(&self.quarantine);
        Box::pin(async move {
            let read = tokio::task::spawn_blocking(move || quarantine.get(hash)).await;
            let kept = read.map_err(failed)?.map_err(failed)?;
            Ok(kept.map(|kept| kept.body))
        })
    }

    fn reprocess(
        &self,
        hash: ContentHash,
    ) -> PortFuture<'_, Result<Option<Reprocessed>, QuarantineError>> {
        Box::pin(async move {
            let reprocessed = self.intake.reprocess(hash).await;
            let refused = |reason: String| Ok(Some(Reprocessed::Refused { reason }));
            match reprocessed {
                Ok(done) => Ok(Some(Reprocessed::Understood {
                    events: done.events,
                    position: done.position,
                })),
                Err(ReprocessError::NotFound(_)) => Ok(None),
                Err(ReprocessError::Rejected(rejections)) => {
                    let told = rejections.into_iter();
                    let told: Vec<String> = told
                        .map(|it| format!("{}: {}", it.field, it.reason))
                        .collect();
                    refused(told.join("; "))
                }
                Err(
                    error @ (ReprocessError::NoDecoder(_)
                    | ReprocessError::NotUnderstood(_)
                    | ReprocessError::Conflict(_)),
                ) => refused(error.to_string()),
                Err(error) => Err(failed(error)),
            }
        })
    }

    fn suppressed(&self) -> Suppressed {
        let suppressed = self.intake.suppressed();
        Suppressed {
            since: suppressed.since,
            forgotten: suppressed.forgotten,
            rows: suppressed.rows.into_iter().map(row).collect(),
        }
    }
}

fn row(row: ingest::Suppression) -> Suppression {
    let samples = row.samples.into_iter();
    Suppression {
        source: row.source,
        intake: row.form.to_owned(),
        reason: row.reason,
        count: row.count,
        first_at: row.first_at,
        last_at: row.last_at,
        samples: samples
            .map(|sample| SuppressedSample {
                at: sample.at,
                bytes: sample.bytes,
                text: sample.text,
            })
            .collect(),
    }
}

fn entry(kept: ingest::QuarantineEntry) -> QuarantineEntry {
    QuarantineEntry {
        hash: kept.hash,
        source: kept.source,
        intake: kept.format,
        reason: kept.reason,
        received_at: kept.received_at,
        bytes: kept.body_bytes,
        repeats: kept.repeats,
    }
}

fn failed(error: impl std::error::Error + Send + Sync + 'static) -> QuarantineError {
    QuarantineError(Box::new(error))
}
