//! Takes events of our own from another edge of this process, such as a GraphQL mutation.

use std::sync::Arc;

use model::{NewEvent, Rejection};
use serde_json::Value;
use thiserror::Error;
use tokio::task::JoinError;

use super::Intake;
use crate::decoded::Part;
use crate::events;
use crate::kinds::Rules;
use crate::split::Wrapping;
use crate::{RecordError, RecordedBatch};

/// Why none of the events were written.
#[derive(Debug, Error)]
pub enum DirectError {
    /// Something is wrong with them; it names which, and which of their fields.
    #[error("the events are not as they must be")]
    Rejected(Vec<Rejection>),
    /// The log did not take them.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// The server goes down.
    #[error("the work was not finished")]
    Stopped(#[from] JoinError),
}

impl Intake {
    /// Decodes and records events of our own form: all of them or, when one is refused, none.
    /// One that conflicts with an earlier event of its id is told among the outcomes.
    ///
    /// They pass what the same events sent over HTTP pass: bounds, ids, the removal of secrets.
    pub async fn record(
        self: &Arc<Self>,
        events: Vec<Value>,
    ) -> Result<RecordedBatch, DirectError> {
        let batch = self.read(events).await?;
        Ok(self.recorder.record(batch).await?)
    }

    /// Decodes events of our own form, all of them or, when one is refused, none. Nothing is recorded.
    pub async fn read(self: &Arc<Self>, events: Vec<Value>) -> Result<Vec<NewEvent>, DirectError> {
        let received_at = self.clock.now();
        let rules = self.recorder.rules().cloned();
        let decoded = tokio::task::spawn_blocking(move || {
            let body = Value::Array(events).to_string();
            let parts = events::decode(body.as_bytes(), Wrapping::Json, received_at);
            let parts = parts.map_err(|malformed| vec![whole(malformed.reason)])?;
            all_or_none(parts, rules.as_ref())
        });
        decoded.await?.map_err(DirectError::Rejected)
    }
}

/// The events of all parts, or everything that is wrong with any.
fn all_or_none(parts: Vec<Part>, rules: Option<&Rules>) -> Result<Vec<NewEvent>, Vec<Rejection>> {
    let mut batch = Vec::with_capacity(parts.len());
    let mut rejected = Vec::new();
    let mut check = rules.map(Rules::begin);
    for (index, part) in parts.into_iter().enumerate() {
        match part {
            Part::Events(events) => match &mut check {
                Some(check) => {
                    let checked = check.sort(events);
                    batch.extend(checked.kept);
                    let refused = checked.refused.into_iter();
                    rejected.extend(refused.flat_map(|it| it.problems.rejections(index)));
                }
                None => batch.extend(events),
            },
            Part::Rejected(problems) => rejected.extend(problems.rejections(index)),
            Part::Ignored(_) | Part::Notice(_) | Part::Asked(_) => {}
            Part::Unknown(unknown) => rejected.push(Rejection {
                index,
                ..whole(unknown.reason)
            }),
        }
    }
    match rejected.is_empty() {
        true => Ok(batch),
        false => Err(rejected),
    }
}

fn whole(reason: String) -> Rejection {
    Rejection {
        index: 0,
        field: String::new(),
        reason,
    }
}
