//! The order of going down: first who asks, then who writes, then who keeps.

use std::time::Duration;

use model::Clock;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;

use crate::clock::SystemClock;
use crate::parts::Parts;
use crate::serve::Server;
use crate::tasks::Tasks;

/// How long the last windows of calls may take to be written.
const WORK_TIMEOUT: Duration = Duration::from_secs(30);

/// The signals that ask the process to end. From the moment it listens they do not end it any more.
pub(crate) struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    /// Listens for SIGINT and SIGTERM; to be done before anybody is told that the server is ready.
    pub(crate) fn listen() -> anyhow::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
        })
    }

    /// Waits for the first of them.
    pub(crate) async fn first(&mut self) -> &'static str {
        tokio::select! {
            _ = self.interrupt.recv() => "SIGINT",
            _ = self.terminate.recv() => "SIGTERM",
        }
    }
}

impl Server {
    /// Goes down in order. Nothing that was acknowledged is lost by any step of it, nor by leaving one out.
    pub async fn stop(mut self) {
        // 1. Nobody new is let in; open requests finish, within their time.
        self.stop_listening.send_replace(true);
        let drain = Duration::from_millis(self.settings.http.drain_timeout_ms + 1_000);
        end(&mut self.listeners, drain).await;
        // 2. The open windows of calls are closed and written.
        self.stop_working.send_replace(true);
        end(&mut self.workers, WORK_TIMEOUT).await;
        // 3. Who keeps ends last.
        self.nodes.stop().await;
        tracing::info!("stopped");
    }
}

impl Parts {
    /// Ends the threads and lets the folder go. Their work waits on the runtime, so none may outlive it.
    pub(crate) async fn stop(self) {
        let stopped = tokio::task::spawn_blocking(move || {
            // What was measured is written; the fold and the index take what was written, and save their states.
            self.rollups.write_all(SystemClock.now());
            self.projector.stop();
            self.texts.stop();
            self.indexer.stop();
            // The log is closed, and the folder let go.
            if let Some(segments) = self.segments {
                segments.close();
            }
            drop(self.data_dir);
        });
        if let Err(error) = stopped.await {
            tracing::error!("could not stop in order: {error}");
        }
    }
}

async fn end(tasks: &mut Tasks, patience: Duration) {
    if tokio::time::timeout(patience, tasks.all_ended())
        .await
        .is_err()
    {
        tracing::warn!("some tasks did not end in time and are cut off");
        tasks.abort().await;
    }
}

/// Resolves when the switch says stop, or is gone, which is a reason to stop as well.
pub(crate) async fn stopped(mut stop: watch::Receiver<bool>) {
    drop(stop.wait_for(|stop| *stop).await);
}

/// A switch that tells tasks to stop.
pub(crate) fn switch() -> (watch::Sender<bool>, watch::Receiver<bool>) {
    watch::channel(false)
}
