//! The task that writes measurements, sums them up and lets go of old ones; and what it counts.

use std::sync::Arc;
use std::time::Duration;

use model::Clock;
use store::Rollups;
use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval};

use crate::clock::SystemClock;
use crate::metrics::{Exposition, Metrics};
use crate::shutdown;

const EVERY: Duration = Duration::from_secs(1);

/// Tends the measurements until it is told to stop.
pub(crate) async fn tend(rollups: Arc<Rollups>, stop: watch::Receiver<bool>) {
    let mut stopped = std::pin::pin!(shutdown::stopped(stop));
    let mut ticks = interval(EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = &mut stopped => return,
            _ = ticks.tick() => {}
        }
        let tended = Arc::clone(&rollups);
        let tending = tokio::task::spawn_blocking(move || tended.tend(SystemClock.now()));
        if let Err(error) = tending.await {
            tracing::error!("could not tend the measurements: {error}");
        }
    }
}

/// Registers what is kept of measurements and what is not.
pub(crate) fn register(rollups: &Arc<Rollups>, metrics: &Metrics) {
    let rollups = Arc::clone(rollups);
    metrics.register(move |scrape| write(scrape, &rollups));
}

#[expect(clippy::cast_precision_loss, reason = "measures, not ids")]
fn write(scrape: &mut Exposition, rollups: &Rollups) {
    let stats = rollups.stats();
    for level in &stats.levels {
        let labels = [("level", level.level.name())];
        let help = "Bytes of measurements on the disk.";
        scrape.gauge("rollups_bytes", help, &labels, level.bytes as f64);
    }
    let help = "Measurements that wait for the disk.";
    scrape.gauge("rollups_waiting_rows", help, &[], stats.waiting as f64);
    let help = "Measurements written.";
    scrape.counter("rollups_written_rows_total", help, &[], stats.written);
    for (reason, count) in [
        ("series_full", stats.beyond_series),
        ("waiting_full", stats.beyond_room),
        ("too_old", stats.too_old),
    ] {
        let help = "Measurements dropped, by reason.";
        let labels = [("reason", reason)];
        scrape.counter("rollups_dropped_rows_total", help, &labels, count);
    }
    for (what, count) in [
        ("refused_by_disk", stats.failures),
        ("damaged_parts", stats.damaged),
        ("torn_bytes", stats.torn_bytes),
        ("files_let_go_early", stats.let_go_early),
    ] {
        let help = "What went wrong with files of measurements.";
        let labels = [("what", what)];
        scrape.counter("rollups_faults_total", help, &labels, count);
    }
}
