//! Questions that compute leave the threads that serve connections, and only so many run at once.

use async_graphql::{Context, Result};

use super::Shared;
use crate::error::ErrorCode;

/// Computes an answer on a thread that may take its time, once there is room for it.
pub(crate) async fn ask<T, F>(ctx: &Context<'_>, question: F) -> Result<T>
where
    T: Send + 'static,
    F: FnOnce() -> T + Send + 'static,
{
    let questions = std::sync::Arc::clone(&ctx.data::<Shared>()?.questions);
    let permit = questions.acquire_owned().await.map_err(|_| stopped())?;
    let computed = tokio::task::spawn_blocking(move || {
        // It is held by the computation and not by the request, which may be given up before.
        let _permit = permit;
        question()
    });
    computed.await.map_err(|error| {
        tracing::error!(error = %error, "a question ended without an answer: {error}");
        stopped()
    })
}

fn stopped() -> async_graphql::Error {
    ErrorCode::Internal.error("internal error")
}
