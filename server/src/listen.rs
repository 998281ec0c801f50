//! Accepts connections: so many at once, each with a time to say what it wants.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use axum::Router;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};

use crate::config::HttpSettings;

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
        let service = TowerToHyperService::new(router.clone());
        let connection = builder
            .serve_connection_with_upgrades(TokioIo::new(stream), service)
            .into_owned();
        let connection = open.watch(connection);
        tokio::spawn(async move {
            if let Err(error) = connection.await {
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

/// Waits for a free slot, then for a connection.
async fn accept(
    listener: &TcpListener,
    slots: Arc<Semaphore>,
) -> Option<(TcpStream, tokio::sync::OwnedSemaphorePermit)> {
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
