//! Which view a request reads: one for the whole request, taken when it is first needed.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_graphql::{Context, Error};
use graph::{Asked, GraphView};
use model::{LogPosition, Timestamp};
use tokio::sync::OnceCell;

use crate::error::ErrorCode;
use crate::{ReadView, ViewError, Views};

/// The view of one request. It holds everything this node acknowledged before
/// the request came, and what the client demanded beyond that.
pub(crate) struct Reading {
    views: Arc<dyn Views>,
    floor: LogPosition,
    patience: Duration,
    view: OnceCell<ReadView>,
    /// Every text the request holds: any of them may name what was put away.
    names: Vec<String>,
    /// Views with what was put away, so that every field of one moment shares one.
    with_past: Mutex<Vec<WithPast>>,
}

/// A view with what was put away and is asked about, once somebody asked for it.
struct WithPast {
    view: Arc<GraphView>,
    moments: Vec<Timestamp>,
    made: Arc<OnceCell<ReadView>>,
}

impl Reading {
    /// A reading that begins now.
    pub(crate) fn begin(
        views: &Arc<dyn Views>,
        demanded: Option<LogPosition>,
        patience: Duration,
        names: Vec<String>,
    ) -> Self {
        let acknowledged = views.acknowledged();
        Self {
            views: Arc::clone(views),
            floor: demanded.map_or(acknowledged, |demanded| demanded.max(acknowledged)),
            patience,
            view: OnceCell::new(),
            names,
            with_past: Mutex::default(),
        }
    }

    /// The newest view, the same for the whole request.
    pub(crate) async fn newest(&self) -> Result<&ReadView, Error> {
        self.view
            .get_or_try_init(|| self.views.at_least(self.floor, self.patience))
            .await
            .map_err(|error| view_error(&error))
    }

    /// A view with what was put away and the request names, or was there at any of these moments.
    pub(crate) async fn with_past(
        &self,
        view: ReadView,
        moments: &[Timestamp],
    ) -> Result<ReadView, ViewError> {
        if view.graph.put_away() == 0 {
            return Ok(view);
        }
        let asked = Asked {
            times: moments.iter().map(|moment| (*moment, *moment)).collect(),
            names: self.names.clone(),
        };
        let made = self.past_of(&view, moments);
        let brought = made.get_or_try_init(|| self.views.with_past(view, asked));
        brought.await.cloned()
    }

    fn past_of(&self, view: &ReadView, moments: &[Timestamp]) -> Arc<OnceCell<ReadView>> {
        let mut made = self
            .with_past
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let known = made
            .iter()
            .find(|one| one.moments == moments && Arc::ptr_eq(&one.view, &view.graph));
        if let Some(known) = known {
            return Arc::clone(&known.made);
        }
        let fresh = Arc::default();
        made.push(WithPast {
            view: Arc::clone(&view.graph),
            moments: moments.to_vec(),
            made: Arc::clone(&fresh),
        });
        fresh
    }

    /// The position of the view, if one was taken.
    pub(crate) fn position(&self) -> Option<LogPosition> {
        self.view.get().map(ReadView::position)
    }
}

/// The reading of the request that is being answered.
pub(crate) fn reading<'a>(ctx: &Context<'a>) -> Result<&'a Arc<Reading>, Error> {
    ctx.data::<Arc<Reading>>()
}

/// What a client is told when there is no such view.
pub(crate) fn view_error(error: &ViewError) -> Error {
    let code = match error {
        ViewError::Behind { .. } => ErrorCode::ViewBehind,
        ViewError::BeyondLog { .. } => ErrorCode::PositionUnknown,
        ViewError::Busy => ErrorCode::Busy,
        ViewError::TooMuch { .. } => ErrorCode::CostLimit,
        ViewError::Failed(cause) => {
            tracing::error!(error = %cause, "could not fold the past: {cause}");
            return ErrorCode::Internal.error("internal error");
        }
    };
    code.error(error.to_string())
}
