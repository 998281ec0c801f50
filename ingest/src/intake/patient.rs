//! Writes what this process itself learned of a source. Nobody can be told to come again, so it waits.

use std::sync::Arc;
use std::time::Duration;

use model::{NewEvent, Timestamp};

use super::answer::Refusal;
use super::{Intake, settle};
use crate::Known;
use crate::decoded::Part;

/// How long until a busy log is asked again.
const WAIT: Duration = Duration::from_millis(20);

impl Intake {
    /// Writes events, each held against the models for itself; waits while the log is busy.
    /// Returns how many were refused.
    pub(crate) async fn write_patiently(
        self: &Arc<Self>,
        events: Vec<NewEvent>,
    ) -> Result<u64, Refusal> {
        loop {
            match self.write_once(events.clone()).await {
                Err(Refusal::Busy) => tokio::time::sleep(WAIT).await,
                Err(refusal) => return Err(refusal),
                Ok(refused) => return Ok(refused),
            }
        }
    }

    async fn write_once(self: &Arc<Self>, events: Vec<NewEvent>) -> Result<u64, Refusal> {
        let intake = Arc::clone(self);
        let submitted = tokio::task::spawn_blocking(move || {
            let parts = events.into_iter().map(|event| Part::Events(vec![event]));
            let rules = intake.recorder.rules();
            let sorted = settle::sort(&intake.quarantine, rules, parts.collect())?;
            settle::submit(&intake.recorder, sorted)
        });
        let pending = submitted.await.map_err(Refusal::Stopped)??;
        let answer = settle::settle(pending).await?;
        Ok(answer.rejected.len() as u64)
    }

    /// What each source stated before, where this process holds an estate.
    pub(crate) fn known(&self) -> Option<Arc<dyn Known>> {
        self.known.clone()
    }

    /// The time.
    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }
}
