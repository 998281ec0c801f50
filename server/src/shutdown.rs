//! The order of going down: first who asks, then who writes, then who keeps.

use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

use crate::serve::Server;

/// Waits for SIGINT or SIGTERM.
pub(crate) async fn signalled() -> anyhow::Result<&'static str> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        _ = interrupt.recv() => Ok("SIGINT"),
        _ = terminate.recv() => Ok("SIGTERM"),
    }
}

impl Server {
    /// Goes down in order. Nothing that was acknowledged is lost by any step of it, nor by leaving one out.
    pub async fn stop(mut self) {
        // 1. Nobody new is let in; open requests finish, within their time.
        self.stop_listening.send_replace(true);
        let drain = Duration::from_millis(self.settings.http.drain_timeout_ms + 1_000);
        if tokio::time::timeout(drain, self.tasks.all_ended())
            .await
            .is_err()
        {
            tracing::warn!("some tasks did not end in time and are cut off");
            self.tasks.abort().await;
        }
        // 2. The fold takes what was written, and saves its state.
        let parts = self.parts;
        let stopped = tokio::task::spawn_blocking(move || {
            parts.projector.stop();
            parts.indexer.stop();
            // 3. The log is closed, and the folder let go.
            if let Some(segments) = parts.segments {
                segments.close();
            }
            drop(parts.data_dir);
        });
        match stopped.await {
            Ok(()) => tracing::info!("stopped"),
            Err(error) => tracing::error!("could not stop in order: {error}"),
        }
    }
}

/// A switch that tells tasks to stop.
pub(crate) fn switch() -> (watch::Sender<bool>, watch::Receiver<bool>) {
    watch::channel(false)
}
