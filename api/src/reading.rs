//! Which view a request reads: one for the whole request, taken when it is first needed.

use std::sync::Arc;
use std::time::Duration;

use async_graphql::{Context, Error};
use model::LogPosition;
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
}

impl Reading {
    /// A reading that begins now.
    pub(crate) fn begin(
        views: &Arc<dyn Views>,
        demanded: Option<LogPosition>,
        patience: Duration,
    ) -> Self {
        let acknowledged = views.acknowledged();
        Self {
            views: Arc::clone(views),
            floor: demanded.map_or(acknowledged, |demanded| demanded.max(acknowledged)),
            patience,
            view: OnceCell::new(),
        }
    }

    /// The newest view, the same for the whole request.
    pub(crate) async fn newest(&self) -> Result<&ReadView, Error> {
        self.view
            .get_or_try_init(|| self.views.at_least(self.floor, self.patience))
            .await
            .map_err(|error| view_error(&error))
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
        ViewError::Failed(cause) => {
            tracing::error!(error = %cause, "could not fold the past: {cause}");
            return ErrorCode::Internal.error("internal error");
        }
    };
    code.error(error.to_string())
}
