//! The `graphql-transport-ws` protocol over one connection.
//!
//! One task serves a connection: it reads, follows every operation, and writes.
//! Nothing is queued for a slow client, since results are made only when the last
//! one was written; a client that does not read for too long is let go.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use futures_util::stream::{self, AbortHandle, BoxStream, SelectAll, StreamExt, abortable};
use model::Caller;
use serde_json::value::RawValue;
use tokio::sync::{OwnedSemaphorePermit, watch};
use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at, sleep_until, timeout};

use super::answer::Answered;
use super::execute::{follow, prepare};
use super::params::Params;
use super::protocol::{ClientMessage, Closing, SUBPROTOCOL, ServerMessage, read};
use crate::ApiState;
use crate::error::{ErrorCode, Refusal};
use crate::state::Inner;

/// Whether a request wants to become a WebSocket.
pub(crate) fn wants_upgrade(headers: &HeaderMap) -> bool {
    headers
        .get(header::UPGRADE)
        .is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"websocket"))
}

/// Turns the request into a WebSocket. A client of another subprotocol is told so by the close code.
pub(crate) async fn upgrade(
    state: &ApiState,
    mut parts: Parts,
    caller: Caller,
) -> Result<Response, Refusal> {
    // A page cannot set headers here, so a credential may still come with the introduction.
    if caller == Caller::Stranger {
        caller.known()?;
    }
    let room = Arc::clone(&state.inner.live);
    let Ok(permit) = room.try_acquire_owned() else {
        let message = "as many live streams are open as may be; try again later";
        return Err(Refusal::new(ErrorCode::Busy, message));
    };
    // They hold the spelling of the client's headers; some look for their subprotocol in it alone.
    let spelling = parts.extensions.clone();
    let mut upgrade = match WebSocketUpgrade::from_request_parts(&mut parts, &()).await {
        Ok(upgrade) => upgrade,
        Err(rejection) => return Ok(rejection.into_response()),
    };
    let spoken = upgrade
        .requested_protocols()
        .any(|protocol| protocol == SUBPROTOCOL);
    // Clients end a handshake that agrees on nothing without telling the close code.
    let selected = if spoken {
        Some(HeaderValue::from_static(SUBPROTOCOL))
    } else {
        upgrade.requested_protocols().next().cloned()
    };
    if let Some(selected) = selected {
        upgrade.set_selected_protocol(selected);
    }
    let state = Arc::clone(&state.inner);
    let mut response = upgrade
        .max_message_size(state.limits.body_bytes)
        .max_frame_size(state.limits.body_bytes)
        .on_upgrade(move |socket| async move {
            let mut session = Session::new(state, socket, permit, caller);
            let ended = if spoken {
                session.serve().await
            } else {
                Ended::By(Closing::SubprotocolNotAcceptable)
            };
            session.finish(ended).await;
        });
    response.extensions_mut().extend(spelling);
    Ok(response)
}

/// How a connection ended.
enum Ended {
    /// The client went away.
    Gone,
    /// We end it.
    By(Closing),
}

/// One thing that an operation yields.
enum Yielded {
    Answer(Box<Answered>),
    Completed,
}

struct Session {
    state: Arc<Inner>,
    socket: WebSocket,
    _permit: OwnedSemaphorePermit,
    caller: Caller,
    acknowledged: bool,
    /// How to stop each operation under way.
    operations: BTreeMap<String, AbortHandle>,
    yields: SelectAll<BoxStream<'static, (String, Yielded)>>,
    /// Pings sent since the client was last heard.
    unanswered: u8,
}

impl Session {
    fn new(
        state: Arc<Inner>,
        socket: WebSocket,
        permit: OwnedSemaphorePermit,
        caller: Caller,
    ) -> Self {
        Self {
            state,
            socket,
            _permit: permit,
            caller,
            acknowledged: false,
            operations: BTreeMap::new(),
            yields: SelectAll::new(),
            unanswered: 0,
        }
    }

    async fn serve(&mut self) -> Ended {
        let init_until = Instant::now() + self.state.limits.init_time;
        let mut keep_alive = self.keep_alive();
        let mut closing = self.state.closing.clone();
        loop {
            let step = tokio::select! {
                message = self.socket.recv() => match message {
                    Some(Ok(message)) => self.hear(message).await,
                    Some(Err(_)) | None => Err(Ended::Gone),
                },
                Some((id, yielded)) = self.yields.next() => self.tell(id, yielded).await,
                () = sleep_until(init_until), if !self.acknowledged => {
                    Err(Ended::By(Closing::InitTimeout))
                }
                _ = keep_alive.tick() => self.show_life().await,
                () = server_stops(&mut closing) => Err(Ended::By(Closing::GoingAway)),
            };
            if let Err(ended) = step {
                return ended;
            }
        }
    }

    fn keep_alive(&self) -> Interval {
        let period = self.state.limits.keep_alive;
        let mut keep_alive = interval_at(Instant::now() + period, period);
        keep_alive.set_missed_tick_behavior(MissedTickBehavior::Delay);
        keep_alive
    }

    async fn hear(&mut self, message: Message) -> Result<(), Ended> {
        self.unanswered = 0;
        let text = match message {
            Message::Text(text) => text,
            Message::Binary(_) => {
                let what = "messages are text".to_owned();
                return Err(Ended::By(Closing::BadMessage(what)));
            }
            Message::Close(_) => return Err(Ended::Gone),
            Message::Ping(_) | Message::Pong(_) => return Ok(()),
        };
        match read(&text).map_err(Ended::By)? {
            ClientMessage::ConnectionInit(_) if self.acknowledged => {
                Err(Ended::By(Closing::TooManyInits))
            }
            ClientMessage::ConnectionInit(credential) => {
                if let Some(credential) = credential {
                    self.caller = self.state.ports.access.caller(&credential);
                }
                self.check_caller()?;
                self.acknowledged = true;
                self.say(&ServerMessage::ConnectionAck).await
            }
            ClientMessage::Ping(payload) => self.say(&ServerMessage::Pong { payload }).await,
            ClientMessage::Pong => Ok(()),
            ClientMessage::Subscribe { .. } if !self.acknowledged => {
                Err(Ended::By(Closing::Unauthorized))
            }
            ClientMessage::Subscribe { id, params } => {
                self.check_caller()?;
                self.begin(id, params)
            }
            ClientMessage::Complete { id } => {
                if let Some(operation) = self.operations.remove(&id) {
                    operation.abort();
                }
                Ok(())
            }
        }
    }

    fn begin(&mut self, id: String, params: Params) -> Result<(), Ended> {
        if self.operations.contains_key(&id) {
            return Err(Ended::By(Closing::SubscriberExists(id)));
        }
        let full = self.state.limits.live_operations_max <= self.operations.len();
        let prepared = if full {
            let message = "as many operations are under way on this connection as may be";
            Err(Refusal::new(ErrorCode::Busy, message))
        } else {
            prepare(&self.state, params, None, &self.caller)
        };
        let answers = match prepared {
            Ok(prepared) => follow(&self.state, prepared),
            Err(refusal) => stream::once(async { Answered::from(refusal) }).boxed(),
        };
        let ending = stream::once(async { Yielded::Completed });
        let told = answers.map(|answered| Yielded::Answer(Box::new(answered)));
        let (yields, stop) = abortable(told.chain(ending));
        self.operations.insert(id.clone(), stop);
        self.yields
            .push(yields.map(move |yielded| (id.clone(), yielded)).boxed());
        Ok(())
    }

    /// A connection may outlive the token that it was opened with; its caller does not.
    fn check_caller(&self) -> Result<(), Ended> {
        match self.state.ports.access.still(&self.caller) {
            true => Ok(()),
            false => Err(Ended::By(Closing::Forbidden)),
        }
    }

    async fn tell(&mut self, id: String, yielded: Yielded) -> Result<(), Ended> {
        self.check_caller()?;
        match yielded {
            Yielded::Completed => {
                self.operations.remove(&id);
                self.say(&ServerMessage::Complete { id: &id }).await
            }
            Yielded::Answer(answered) if answered.refused.is_some() => {
                if let Some(operation) = self.operations.remove(&id) {
                    operation.abort();
                }
                let payload = &answered.answer.errors;
                self.say(&ServerMessage::Error { id: &id, payload }).await
            }
            Yielded::Answer(answered) => {
                let json = String::from_utf8(answered.to_json()).unwrap_or_default();
                let payload = RawValue::from_string(json).expect("an answer is written as JSON");
                let payload = &*payload;
                self.say(&ServerMessage::Next { id: &id, payload }).await
            }
        }
    }

    async fn say(&mut self, message: &ServerMessage<'_>) -> Result<(), Ended> {
        let text = serde_json::to_string(message).expect("messages have string keys only");
        self.send(Message::Text(text.into())).await
    }

    async fn show_life(&mut self) -> Result<(), Ended> {
        if 1 < self.unanswered {
            return Err(Ended::Gone);
        }
        if self.acknowledged {
            self.check_caller()?;
        }
        self.unanswered += 1;
        self.send(Message::Ping(axum::body::Bytes::new())).await
    }

    async fn send(&mut self, message: Message) -> Result<(), Ended> {
        let sent = timeout(self.state.limits.send_time, self.socket.send(message)).await;
        match sent {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) | Err(_) => Err(Ended::Gone),
        }
    }

    /// Says why, then waits a moment for the client to take it: a connection cut with
    /// bytes still unread would be reset, and the close code lost.
    async fn finish(mut self, ended: Ended) {
        for operation in self.operations.values() {
            operation.abort();
        }
        if let Ended::By(closing) = ended {
            let frame = CloseFrame {
                code: closing.code(),
                reason: closing.reason().into(),
            };
            if self.send(Message::Close(Some(frame))).await.is_err() {
                return;
            }
        }
        let drained = async { while let Some(Ok(_)) = self.socket.recv().await {} };
        let _ = timeout(self.state.limits.init_time, drained).await;
    }
}

/// Returns when the server stops; a switch that is gone is a reason as well.
pub(crate) async fn server_stops(closing: &mut watch::Receiver<bool>) {
    let _gone = closing.wait_for(|closing| *closing).await.is_err();
}
