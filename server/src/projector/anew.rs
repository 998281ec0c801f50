//! Folding the log anew, for an estate that learnt of a retraction after it had folded what is void.

use std::sync::Arc;

use graph::{Estate, Retractions};
use model::LogPosition;
use store::{EventLog, ReadLimit};

use super::{Archive, FoldError};
use crate::config::ProjectorSettings;

/// Logs up to this length are folded anew at once; a longer one aside, while the old state still answers.
pub(super) const AT_ONCE: LogPosition = LogPosition::new(100_000);

/// Applies what the log holds up to a position.
pub(super) fn apply_until(
    estate: &mut Estate,
    archive: &Archive,
    log: &dyn EventLog,
    position: LogPosition,
    settings: &ProjectorSettings,
) -> Result<(), FoldError> {
    while estate.position() < position {
        let left = position.number() - estate.position().number();
        let left = usize::try_from(left).unwrap_or(usize::MAX);
        let limit = ReadLimit {
            events: left.min(settings.batch_events),
            bytes: settings.batch_bytes,
        };
        for envelope in log.read(estate.position(), limit)? {
            archive.take(estate, &envelope)?;
        }
        if let Some(error) = estate.lost() {
            return Err(error.into());
        }
    }
    Ok(())
}

/// The estate at a position, with everything retracted by then left out, and these retractions besides.
pub(super) fn fold_knowing(
    retractions: Retractions,
    archive: &Arc<Archive>,
    log: &Arc<dyn EventLog>,
    position: LogPosition,
    settings: &ProjectorSettings,
) -> Result<Estate, FoldError> {
    let mut estate = archive.begin(retractions);
    loop {
        apply_until(&mut estate, archive, log.as_ref(), position, settings)?;
        if !estate.is_outdated() {
            return Ok(estate);
        }
        // It learnt of one more on the way; each time round it knows more of them, so this ends.
        estate = archive.begin(estate.retractions().clone());
    }
}
