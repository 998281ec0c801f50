//! Takes events of our own from another edge of this process, such as a GraphQL mutation.

use std::sync::Arc;

use model::Rejection;
use serde_json::Value;
use thiserror::Error;
use tokio::task::JoinError;

use super::Intake;
use crate::decoded::Part;
use crate::events;
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
        let received_at = self.clock.now();
        let decoded = tokio::task::spawn_blocking(move || {
            let body = Value::Array(events).to_string();
            let parts = events::decode(body.as_bytes(), Wrapping::Json, received_at);
            parts.map_err(|malformed| vec![whole(malformed.reason)])
        });
        let parts = decoded.await?.map_err(DirectError::Rejected)?;
        let mut batch = Vec::with_capacity(parts.len());
        let mut rejected = Vec::new();
        for (index, part) in parts.into_iter().enumerate() {
            match part {
                Part::Events(events) => match self.recorder.rules() {
                    Some(rules) => {
                        let checked = rules.check(events);
                        batch.extend(checked.kept);
                        let refused = checked.refused.into_iter();
                        rejected.extend(refused.flat_map(|it| it.problems.rejections(index)));
                    }
                    None => batch.extend(events),
                },
                Part::Rejected(problems) => rejected.extend(problems.rejections(index)),
                Part::Unknown(unknown) => rejected.push(Rejection {
                    index,
                    ..whole(unknown.reason)
                }),
            }
        }
        if !rejected.is_empty() {
            return Err(DirectError::Rejected(rejected));
        }
        Ok(self.recorder.record(batch).await?)
    }
}

fn whole(reason: String) -> Rejection {
    Rejection {
        index: 0,
        field: String::new(),
        reason,
    }
}
