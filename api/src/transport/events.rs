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
use model::Caller;
use tokio::sync::{OwnedSemaphorePermit, watch};

use super::answer::Answered;
use super::execute::{Prepared, follow};
use super::websocket::server_stops;
use crate::Access;
use crate::error::{ErrorCode, Refusal};
use crate::state::Inner;

/// Answers with an event stream.
pub(crate) fn stream(
    state: &Arc<Inner>,
    prepared: Result<Prepared, Refusal>,
    caller: Caller,
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
        holder: Holder {
            access: Arc::clone(&state.ports.access),
            caller,
        },
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

/// Who listens.
struct Holder {
    access: Arc<dyn Access>,
    caller: Caller,
}

enum Following {
    Open {
        answers: BoxStream<'static, Answered>,
        closing: watch::Receiver<bool>,
        permit: OwnedSemaphorePermit,
        holder: Holder,
    },
    Completed,
}

impl Following {
    async fn step(self) -> Option<(Result<Event, Infallible>, Self)> {
        let Self::Open {
            mut answers,
            mut closing,
            permit,
            holder,
        } = self
        else {
            return None;
        };
        let answered = tokio::select! {
            answered = answers.next() => answered,
            () = server_stops(&mut closing) => return None,
        };
        // Nothing is told to who was known once and is no longer.
        let answered = answered.filter(|_| holder.access.still(&holder.caller));
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
            holder,
        };
        Some((Ok(event), open))
    }
}
