//! Results as server-sent events, one operation on each connection.
//!
//! Every result is a `next` event and the end a `complete` event. A document that
//! is refused is told in a `next` event too, since the browser's `EventSource`
//! shows its user nothing of a failed request. When the server stops, the stream
//! ends without `complete`, so that the client knows to come back.

use std::convert::Infallible;
use std::sync::Arc;

use axum::http::{HeaderName, HeaderValue, header};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::stream::{self, BoxStream, StreamExt};
use tokio::sync::{OwnedSemaphorePermit, watch};

use super::answer::Answered;
use super::execute::{Prepared, follow};
use super::websocket::server_stops;
use crate::error::{ErrorCode, Refusal};
use crate::state::Inner;

/// Answers with an event stream.
pub(crate) fn stream(
    state: &Arc<Inner>,
    prepared: Result<Prepared, Refusal>,
) -> Result<Response, Refusal> {
    let room = Arc::clone(&state.live);
    let permit = room.try_acquire_owned().map_err(|_| {
        Refusal::new(
            ErrorCode::Busy,
            "as many live streams are open as may be; try again later",
        )
    })?;
    let answers = match prepared {
        Ok(prepared) => follow(state, prepared),
        Err(refusal) => stream::once(async { Answered::from(refusal) }).boxed(),
    };
    let events = Following::Open {
        answers,
        closing: state.closing.clone(),
        permit,
    };
    let sse = Sse::new(stream::unfold(events, Following::step))
        .keep_alive(KeepAlive::new().interval(state.limits.keep_alive));
    let mut response = sse.into_response();
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    // A buffering proxy would hold events back.
    let buffering = HeaderName::from_static("x-accel-buffering");
    headers.insert(buffering, HeaderValue::from_static("no"));
    Ok(response)
}

enum Following {
    Open {
        answers: BoxStream<'static, Answered>,
        closing: watch::Receiver<bool>,
        permit: OwnedSemaphorePermit,
    },
    Completed,
}

impl Following {
    async fn step(self) -> Option<(Result<Event, Infallible>, Self)> {
        let Self::Open {
            mut answers,
            mut closing,
            permit,
        } = self
        else {
            return None;
        };
        let answered = tokio::select! {
            answered = answers.next() => answered,
            () = server_stops(&mut closing) => return None,
        };
        let Some(answered) = answered else {
            let event = Event::default().event("complete").data("");
            return Some((Ok(event), Self::Completed));
        };
        let json = String::from_utf8_lossy(&answered.to_json()).into_owned();
        let event = Event::default().event("next").data(json);
        let open = Self::Open {
            answers,
            closing,
            permit,
        };
        Some((Ok(event), open))
    }
}
