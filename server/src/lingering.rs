//! Lets a sender finish sending what nobody reads any more.
//!
//! A refusal may be answered before the body is through. Were the connection
//! closed at that moment, the sender's next write would fail and it would never
//! see the answer. So the rest is read and thrown away, within bounds.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody};
use axum::extract::Request;
use axum::middleware::Next;
use axum::response::Response;
use futures_util::StreamExt;
use http_body::{Frame, SizeHint};

/// At most so many bytes are thrown away, in at most so much time; then the connection closes.
const BYTES_MAX: usize = 32 * 1024 * 1024;
const TIME_MAX: Duration = Duration::from_secs(5);

/// Middleware: whoever drops a body unread leaves the rest to be thrown away.
pub(crate) async fn linger(request: Request, next: Next) -> Response {
    let lingering = |body: Body| Body::new(Lingering { rest: Some(body) });
    match request.body().is_end_stream() {
        true => next.run(request).await,
        false => next.run(request.map(lingering)).await,
    }
}

struct Lingering {
    /// None once the end was read.
    rest: Option<Body>,
}

impl HttpBody for Lingering {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let Some(rest) = &mut self.rest else {
            return Poll::Ready(None);
        };
        let polled = Pin::new(rest).poll_frame(context);
        if !matches!(polled, Poll::Pending | Poll::Ready(Some(Ok(_)))) {
            self.rest = None;
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.rest.as_ref().is_none_or(Body::is_end_stream)
    }

    /// Whoever makes room for a body does so by this.
    fn size_hint(&self) -> SizeHint {
        let ended = SizeHint::with_exact(0);
        self.rest.as_ref().map_or(ended, Body::size_hint)
    }
}

impl Drop for Lingering {
    fn drop(&mut self) {
        let left = self.rest.take().filter(|rest| !rest.is_end_stream());
        let (Some(rest), Ok(runtime)) = (left, tokio::runtime::Handle::try_current()) else {
            return;
        };
        // It ends by its own bounds, and with the connection at the latest.
        drop(runtime.spawn(tokio::time::timeout(TIME_MAX, throw_away(rest))));
    }
}

async fn throw_away(rest: Body) {
    let mut rest = rest.into_data_stream();
    let mut thrown = 0;
    while let Some(Ok(bytes)) = rest.next().await {
        thrown += bytes.len();
        if BYTES_MAX < thrown {
            return;
        }
    }
}
