//! Runs a quarantined body through its decoder again.

use std::sync::Arc;

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use model::{ContentHash, LogPosition, NewEvent, Rejection, Timestamp};
use store::Appended;
use thiserror::Error;
use tokio::task::JoinError;

use super::{Address, Delivery, Intake, MediaType, address};
use crate::decoded::{Malformed, Part};
use crate::kinds::kept;
use crate::sender::SENDER_HEADER;
use crate::{QuarantineError, QuarantinedBody, RecordError, Sender, cdevents};

/// What became of a body that was understood in the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reprocessed {
    /// The last position of its events; `None` if it says nothing.
    pub position: Option<LogPosition>,
    /// How many events it holds.
    pub events: usize,
}

/// Why a body stays in the quarantine.
#[derive(Debug, Error)]
pub enum ReprocessError {
    /// It is not or no longer there.
    #[error("there is no quarantined body {0}")]
    NotFound(ContentHash),
    /// Nobody here reads its form.
    #[error("no decoder reads the form {0}")]
    NoDecoder(String),
    /// It is still not understood.
    #[error("it is still not understood: {0}")]
    NotUnderstood(String),
    /// It is understood, and it is wrong.
    #[error("it is understood and refused")]
    Rejected(Vec<Rejection>),
    /// An event of its name was recorded with other content.
    #[error("it was recorded at position {0} with other content")]
    Conflict(LogPosition),
    /// The log did not take its events.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// The quarantine failed.
    #[error(transparent)]
    Quarantine(#[from] QuarantineError),
    /// The server goes down, or a decoder has a fault.
    #[error("the work was not finished")]
    Stopped(#[source] JoinError),
}

impl Intake {
    /// Reads a quarantined body again; when it is understood now, its events are recorded and it leaves the quarantine.
    pub async fn reprocess(
        self: &Arc<Self>,
        hash: ContentHash,
    ) -> Result<Reprocessed, ReprocessError> {
        let batch = self.blocking(move |intake| intake.read_again(hash)).await?;
        let events = batch.len();
        let recorded = self.recorder.record(batch).await?;
        let conflict = recorded.outcomes.iter().find_map(|outcome| match outcome {
            Appended::Conflict { first, .. } => Some(*first),
            Appended::Recorded(_) | Appended::Duplicate(_) => None,
        });
        if let Some(first) = conflict {
            return Err(ReprocessError::Conflict(first));
        }
        self.blocking(move |intake| Ok(intake.quarantine.remove(hash)?))
            .await?;
        Ok(Reprocessed {
            position: recorded.position(),
            events,
        })
    }

    async fn blocking<T: Send + 'static>(
        self: &Arc<Self>,
        work: impl FnOnce(&Self) -> Result<T, ReprocessError> + Send + 'static,
    ) -> Result<T, ReprocessError> {
        let intake = Arc::clone(self);
        let done = tokio::task::spawn_blocking(move || work(&intake)).await;
        done.map_err(ReprocessError::Stopped)?
    }

    fn read_again(&self, hash: ContentHash) -> Result<Vec<NewEvent>, ReprocessError> {
        let received_at = self.quarantine.received_at(hash);
        let body = self.quarantine.get(hash)?;
        let (Some(received_at), Some(body)) = (received_at, body) else {
            return Err(ReprocessError::NotFound(hash));
        };
        if body.format == kept::FORMAT {
            let fact = kept::read(&body.body, received_at);
            return self.within_rules(vec![fact.map_err(ReprocessError::NotUnderstood)?]);
        }
        let form = match body.format.as_str() {
            cdevents::FORMAT => "cloudevents",
            other => other,
        };
        let Some(address) = address::of_form(form) else {
            return Err(ReprocessError::NoDecoder(body.format));
        };
        let parts = (address.decode)(&self.delivery_of(body, address, received_at));
        let malformed = |malformed: Malformed| ReprocessError::NotUnderstood(malformed.reason);
        self.within_rules(understood(parts.map_err(malformed)?)?)
    }

    /// A kept body as its decoder met it.
    fn delivery_of(
        &self,
        body: QuarantinedBody,
        address: &Address,
        received_at: Timestamp,
    ) -> Delivery {
        let mut headers = HeaderMap::new();
        let mut name = String::new();
        for (header, value) in body.headers {
            if header == SENDER_HEADER {
                name.clone_from(&value);
            }
            let value = HeaderValue::try_from(value).ok();
            let pair = HeaderName::try_from(header).ok().zip(value);
            headers.extend(pair);
        }
        let sender = self.sender(address.form, &name);
        Delivery {
            headers,
            media: MediaType::parse(body.content_type.as_deref().unwrap_or("application/json")),
            body: body.body,
            received_at,
            sender: sender.unwrap_or_else(|_| Arc::new(Sender::unnamed(address.form))),
        }
    }

    /// What still breaks a rule stays where it is.
    fn within_rules(&self, batch: Vec<NewEvent>) -> Result<Vec<NewEvent>, ReprocessError> {
        let Some(rules) = self.recorder.rules() else {
            return Ok(batch);
        };
        let checked = rules.begin().sort(batch);
        let refused = checked.refused.into_iter();
        let rejected: Vec<Rejection> = refused.flat_map(|it| it.problems.rejections(0)).collect();
        match rejected.is_empty() {
            true => Ok(checked.kept),
            false => Err(ReprocessError::Rejected(rejected)),
        }
    }
}

/// The events of all parts; one part that is not understood keeps the whole body where it is.
fn understood(parts: Vec<Part>) -> Result<Vec<NewEvent>, ReprocessError> {
    let mut batch = Vec::new();
    for (index, part) in parts.into_iter().enumerate() {
        match part {
            Part::Events(events) => batch.extend(events),
            Part::Ignored(_) | Part::Notice(_) | Part::Asked(_) => {}
            Part::Unknown(unknown) => return Err(ReprocessError::NotUnderstood(unknown.reason)),
            Part::Rejected(problems) => {
                let rejected = problems.rejections(index).collect();
                return Err(ReprocessError::Rejected(rejected));
            }
        }
    }
    Ok(batch)
}
