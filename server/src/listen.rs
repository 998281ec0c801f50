//! Accepts connections: so many at once, each with a time to say what it wants.
//!
//! What stands at the entrance is done by a task for each connection, so a client that takes its time holds up nobody.

mod entrance;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use axum::{Extension, Router};
use futures_util::{Stream, stream};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, watch};
use tower::Layer;

use crate::config::HttpSettings;
pub(crate) use entrance::{Connection, Entrance, Peer};

/// So many connections wait between the entrance and what serves them.
const MET_MAX: usize = 16;

/// Binds an address; port 0 picks a free one.
pub(crate) async fn bind(
    key: &str,
    address: SocketAddr,
) -> anyhow::Result<(TcpListener, SocketAddr)> {
    let listener = TcpListener::bind(address)
        .await
        .with_context(|| format!("could not listen on {address} (`{key}`)"))?;
    let chosen = listener
        .local_addr()
        .with_context(|| format!("could not learn the address of `{key}`"))?;
    Ok((listener, chosen))
}

/// Serves HTTP/1.1 until told to stop, then lets open requests finish for a while.
pub(crate) async fn serve_http(
    listener: TcpListener,
    entrance: Entrance,
    router: Router,
    settings: HttpSettings,
    mut stop: watch::Receiver<bool>,
) {
    let mut builder = auto::Builder::new(TokioExecutor::new()).http1_only();
    builder
        .http1()
        // A WebSocket client may know the header of its subprotocol in one spelling only.
        .preserve_header_case(true)
        .timer(TokioTimer::new())
        .header_read_timeout(Duration::from_millis(settings.head_timeout_ms));
    let slots = Arc::new(Semaphore::new(settings.connections_max));
    let open = GracefulShutdown::new();
    loop {
        let next = tokio::select! {
            _ = stop.wait_for(|stop| *stop) => break,
            next = accept(&listener, Arc::clone(&slots)) => next,
        };
        let Some((stream, slot)) = next else { continue };
        let (builder, router, watcher) = (builder.clone(), router.clone(), open.watcher());
        let meeting = meet(entrance.clone(), stream, stop.clone());
        tokio::spawn(async move {
            let Some(connection) = meeting.await else {
                return;
            };
            let router = Extension(connection.peer.clone()).layer(router);
            let service = TowerToHyperService::new(router);
            let connection = builder
                .serve_connection_with_upgrades(TokioIo::new(connection), service)
                .into_owned();
            if let Err(error) = watcher.watch(connection).await {
                tracing::debug!("a connection ended early: {error}");
            }
            drop(slot);
        });
    }
    drop(listener);
    let drain = Duration::from_millis(settings.drain_timeout_ms);
    if tokio::time::timeout(drain, open.shutdown()).await.is_err() {
        tracing::warn!(
            "open requests were cut off after {} ms",
            settings.drain_timeout_ms
        );
    }
}

/// The connections of a listener, each met at the entrance, until told to stop.
pub(crate) fn connections(
    listener: TcpListener,
    entrance: Entrance,
    connections_max: usize,
    mut stop: watch::Receiver<bool>,
) -> (
    impl Future<Output = ()>,
    impl Stream<Item = io::Result<Connection>>,
) {
    let (met, waiting) = mpsc::channel(MET_MAX);
    let slots = Arc::new(Semaphore::new(connections_max));
    let accepting = async move {
        loop {
            let next = tokio::select! {
                _ = stop.wait_for(|stop| *stop) => return,
                next = accept(&listener, Arc::clone(&slots)) => next,
            };
            let Some((stream, slot)) = next else { continue };
            let meeting = meet(entrance.clone(), stream, stop.clone());
            let met = met.clone();
            tokio::spawn(async move {
                if let Some(connection) = meeting.await {
                    // Nobody waits for it when the server stops.
                    let _ended = met.send(connection.holding(slot)).await;
                }
            });
        }
    };
    let next = |mut waiting: mpsc::Receiver<Connection>| async move {
        let connection = waiting.recv().await?;
        Some((Ok(connection), waiting))
    };
    (accepting, stream::unfold(waiting, next))
}

/// Agrees with the other side, unless the server stops meanwhile.
async fn meet(
    entrance: Entrance,
    stream: TcpStream,
    mut stop: watch::Receiver<bool>,
) -> Option<Connection> {
    let met = tokio::select! {
        _ = stop.wait_for(|stop| *stop) => return None,
        met = entrance.meet(stream) => met,
    };
    met.inspect_err(|error| tracing::debug!("a connection was not agreed on: {error}"))
        .ok()
}

/// Waits for a free slot, then for a connection.
async fn accept(
    listener: &TcpListener,
    slots: Arc<Semaphore>,
) -> Option<(TcpStream, OwnedSemaphorePermit)> {
    let slot = slots
        .acquire_owned()
        .await
        .expect("nobody closes the semaphore");
    match listener.accept().await {
        Ok((stream, _)) => {
            if let Err(error) = stream.set_nodelay(true) {
                tracing::debug!("a connection without nodelay: {error}");
            }
            Some((stream, slot))
        }
        Err(error) => {
            // Most often there are no file descriptors left: waiting lets others close theirs.
            tracing::warn!("could not accept a connection: {error}");
            tokio::time::sleep(Duration::from_millis(100)).await;
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use axum::body::{Body, Bytes};
    use axum::routing::get;
    use futures_util::stream;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::sync::mpsc;

    use super::*;
    use crate::tls::Speaks;

    /// A body without end, and what tells that it was dropped.
    fn endless(held: mpsc::Sender<()>) -> Body {
        let piece = Bytes::from_static(&[b'x'; 64 * 1024]);
        Body::from_stream(stream::unfold(held, move |held| {
            let piece = piece.clone();
            async move { Some((Ok::<_, std::convert::Infallible>(piece), held)) }
        }))
    }

    #[tokio::test]
    async fn an_answer_that_nobody_reads_is_dropped() {
        let (listener, address) = bind("listen", ([127, 0, 0, 1], 0).into()).await.unwrap();
        let (held, mut dropped) = mpsc::channel::<()>(1);
        let answer = move || {
            let body = endless(held.clone());
            async { body }
        };
        let router = Router::new().route("/", get(answer));
        let settings = HttpSettings {
            connections_max: 8,
            head_timeout_ms: 10_000,
            write_timeout_ms: 100,
            drain_timeout_ms: 100,
        };
        let entrance = Entrance {
            tls: None,
            speaks: Speaks::Http,
            patience: Duration::from_millis(settings.write_timeout_ms),
        };
        let (stop, stopping) = watch::channel(false);
        let serving = serve_http(listener, entrance, router, settings, stopping);
        let serving = tokio::spawn(serving);
        let mut client = TcpStream::connect(address).await.unwrap();
        let request = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n";
        client.write_all(request).await.unwrap();
        let mut status = [0; 12];
        client.read_exact(&mut status).await.unwrap();
        assert_eq!(&status, b"HTTP/1.1 200");
        let waited = tokio::time::timeout(Duration::from_secs(30), async {
            // The route holds a sender too, and goes when nothing listens any more.
            dropped.recv().await
        });
        stop.send_replace(true);
        assert_eq!(waited.await.expect("the body is let go"), None);
        serving.await.unwrap();
    }
}
