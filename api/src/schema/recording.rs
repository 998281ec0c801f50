//! Has the facts of a mutation written, and waits until the fold shows them.

use async_graphql::{Context, Result, SimpleObject};
use model::LogPosition as Position;
use serde::Serialize;
use serde_json::{Value, json};

use super::Shared;
use super::node::{AnyId, Node};
use super::scalars::{DateTime, LogPosition};
use super::standpoint::{Moment, Standpoint};
use crate::error::ErrorCode;
use crate::reading::view_error;
use crate::{RecordError, RecordOutcome};

/// What was recorded. It is on the disk.
#[derive(SimpleObject)]
pub(crate) struct Recorded {
    /// Where it stands in the log; for a repeat, where it was recorded first.
    position: LogPosition,
    /// Whether the same had been recorded before.
    duplicate: bool,
    /// What it is about, as it stands now.
    node: Option<Node>,
}

/// What was recorded of a list. All of it is on the disk.
#[derive(SimpleObject)]
pub(crate) struct RecordedList {
    /// The last position of the list; for a repeat, where it was recorded first.
    position: LogPosition,
    /// How many entries were written now.
    accepted: usize,
    /// How many entries had been recorded before.
    duplicates: usize,
}

/// What stands around the data of an event of our own form.
pub(crate) struct Envelope {
    /// The sender's id of this statement, if it has one.
    pub(crate) event_id: Option<String>,
    /// Who says so.
    pub(crate) source: String,
    /// When it was so, if the sender says.
    pub(crate) occurred_at: Option<DateTime>,
}

impl Envelope {
    /// Of what is so from now on.
    pub(crate) const fn now(event_id: Option<String>, source: String) -> Self {
        Self {
            event_id,
            source,
            occurred_at: None,
        }
    }

    /// The event with its data.
    pub(crate) fn seal(self, name: &str, data: &impl Serialize) -> Value {
        json!({
            "id": self.event_id,
            "source": self.source,
            "type": name,
            "time": self.occurred_at.map(|at| at.0),
            "data": data,
        })
    }
}

/// Records one event and answers with what it is about, once the fold has passed it.
pub(crate) async fn record_one(ctx: &Context<'_>, event: Value, about: AnyId) -> Result<Recorded> {
    let outcomes = record(ctx, vec![event]).await?;
    let (position, duplicate) = match outcomes.as_slice() {
        [(position, duplicate)] => (*position, *duplicate),
        _ => return Err(ErrorCode::Internal.error("internal error")),
    };
    Ok(Recorded {
        position: LogPosition(position),
        duplicate,
        node: node_after(ctx, position, about).await?,
    })
}

/// Records one event and answers where it stands.
pub(crate) async fn record_at(ctx: &Context<'_>, event: Value) -> Result<Position> {
    match record(ctx, vec![event]).await?.as_slice() {
        [(position, _)] => Ok(*position),
        _ => Err(ErrorCode::Internal.error("internal error")),
    }
}

/// Records a list of events, all or none.
pub(crate) async fn record_list(ctx: &Context<'_>, events: Vec<Value>) -> Result<RecordedList> {
    if events.is_empty() {
        return Err(ErrorCode::BadInput.error("the list is empty"));
    }
    let outcomes = record(ctx, events).await?;
    let last = outcomes.iter().map(|(position, _)| *position).max();
    let duplicates = outcomes.iter().filter(|(_, duplicate)| *duplicate).count();
    Ok(RecordedList {
        position: LogPosition(last.unwrap_or(Position::ZERO)),
        accepted: outcomes.len() - duplicates,
        duplicates,
    })
}

/// The positions of the events, and whether they had been there before.
async fn record(ctx: &Context<'_>, events: Vec<Value>) -> Result<Vec<(Position, bool)>> {
    let recorder = &ctx.data::<Shared>()?.ports.recorder;
    let outcomes = recorder.record(events).await;
    let outcomes = outcomes.map_err(|error| record_error(&error))?;
    let mut positions = Vec::with_capacity(outcomes.len());
    for outcome in outcomes {
        match outcome {
            RecordOutcome::Recorded(position) => positions.push((position, false)),
            RecordOutcome::Duplicate(position) => positions.push((position, true)),
            RecordOutcome::Conflict { id, first } => {
                let message = format!("{id} was recorded at position {first} with other content");
                return Err(ErrorCode::Conflict.error(message));
            }
        }
    }
    Ok(positions)
}

/// The fact is on the disk whatever becomes of the view: a fold that lags costs the answer its node only.
async fn node_after(ctx: &Context<'_>, position: Position, about: AnyId) -> Result<Option<Node>> {
    if !ctx.look_ahead().field("node").exists() {
        return Ok(None);
    }
    let shared = ctx.data::<Shared>()?;
    let views = &shared.ports.views;
    match views.at_least(position, shared.limits.view_wait).await {
        Ok(view) => {
            let at = Standpoint::at(ctx, view, Moment::default()).await?;
            Ok(Node::find(&at, about))
        }
        Err(error) => {
            let mut told = view_error(&error);
            told.message = format!("recorded at position {position}, but {}", told.message);
            let path = ctx.path_node.as_ref().map(|node| node.to_string_vec());
            let segments = path.into_iter().flatten();
            let mut server_error = told.into_server_error(ctx.item.pos);
            server_error.path = segments
                .map(async_graphql::PathSegment::Field)
                .chain([async_graphql::PathSegment::Field("node".to_owned())])
                .collect();
            ctx.add_error(server_error);
            Ok(None)
        }
    }
}

/// A definition that is answered counts for whatever is sent next, so the answer waits for the fold.
pub(crate) async fn standpoint_after(ctx: &Context<'_>, position: Position) -> Result<Standpoint> {
    let shared = ctx.data::<Shared>()?;
    let view = shared
        .ports
        .views
        .at_least(position, shared.limits.view_wait);
    let view = view.await.map_err(|error| {
        let mut told = view_error(&error);
        told.message = format!("recorded at position {position}, but {}", told.message);
        told
    })?;
    Standpoint::at(ctx, view, Moment::default()).await
}

pub(crate) fn record_error(error: &RecordError) -> async_graphql::Error {
    let code = match error {
        RecordError::Rejected(rejections) => {
            let reasons: Vec<String> = rejections
                .iter()
                .map(|it| {
                    let field = it.field.strip_prefix("data.").unwrap_or(&it.field);
                    format!("entry {}, {field}: {}", it.index, it.reason)
                })
                .collect();
            return ErrorCode::BadInput.error(reasons.join("; "));
        }
        RecordError::Busy => ErrorCode::Busy,
        RecordError::TooLarge { .. } => ErrorCode::BadInput,
        RecordError::Unavailable(_) => ErrorCode::LogUnavailable,
    };
    code.error(error.to_string())
}
