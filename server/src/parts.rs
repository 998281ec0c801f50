//! Everything a server is made of besides its listeners, put together from the settings.

use std::num::NonZeroU64;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use ingest::{Intake, IntakeLimits, Quarantine, QuarantineConfig, Recorder, RecorderLimits};
use model::Clock;
use store::{EventLog, LogHealth, MemoryLog, SnapshotRetention, Snapshots};

use crate::clock::SystemClock;
use crate::config::{IngestSettings, LogUrl, Settings, StoreSettings};
use crate::data_dir::DataDir;
use crate::health::Readiness;
use crate::metrics::Metrics;
use crate::projector::{Past, Projector, Published, SavedFolds};

/// The parts, each made once.
pub(crate) struct Parts {
    pub(crate) log: Arc<dyn EventLog>,
    pub(crate) intake: Arc<Intake>,
    pub(crate) published: Arc<Published>,
    pub(crate) past: Arc<Past>,
    pub(crate) projector: Projector,
    /// Let go last: it keeps other processes out of the folder.
    pub(crate) data_dir: DataDir,
}

impl Parts {
    /// Opens and starts everything. It may wait for the disk.
    pub(crate) fn start(settings: &Settings, metrics: &Metrics) -> anyhow::Result<Self> {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let durable = settings.log != LogUrl::Memory;
        let data_dir = match durable {
            true => DataDir::take(&settings.data_dir)?,
            false => DataDir::temporary()?,
        };
        let log = open_log(&settings.log, &data_dir, &clock)?;
        let snapshots = match durable {
            true => Some(
                Snapshots::open(data_dir.snapshots(), retention(&settings.store))
                    .context("could not open the saved states")?,
            ),
            false => None,
        };
        let saved = Arc::new(SavedFolds::new(snapshots));
        saved.register(metrics);
        let projector = Projector::start(Arc::clone(&log), Arc::clone(&saved), &settings.projector)
            .context("could not start the fold")?;
        let published = projector.published();
        published.register(Arc::clone(&log), metrics);
        let past = Arc::new(Past::new(
            Arc::clone(&log),
            saved,
            Arc::clone(&published),
            settings.projector.clone(),
        ));
        let quarantine = Quarantine::open(
            data_dir.quarantine(),
            quarantine_config(&settings.ingest),
            Arc::clone(&clock),
        )
        .context("could not open the quarantine")?;
        let recorder = Recorder::new(Arc::clone(&log), recorder_limits(&settings.ingest));
        let intake = Intake::new(
            recorder,
            Arc::new(quarantine),
            clock,
            intake_limits(&settings.ingest),
        );
        Ok(Self {
            log,
            intake: Arc::new(intake),
            published,
            past,
            projector,
            data_dir,
        })
    }

    /// What readiness is made of.
    pub(crate) fn readiness(&self) -> Arc<dyn Readiness> {
        Arc::new(LogAndFold {
            log: Arc::clone(&self.log),
            published: Arc::clone(&self.published),
        })
    }
}

/// Opens the log that the settings name.
fn open_log(
    url: &LogUrl,
    _data_dir: &DataDir,
    clock: &Arc<dyn Clock>,
) -> anyhow::Result<Arc<dyn EventLog>> {
    match url {
        LogUrl::Memory | LogUrl::Segments(_) => Ok(Arc::new(MemoryLog::new(Arc::clone(clock)))),
    }
}

/// Ready when the log takes writes and the fold has caught up with it.
struct LogAndFold {
    log: Arc<dyn EventLog>,
    published: Arc<Published>,
}

/// So many events behind is caught up: the next view will hold them.
const LAG_EVENTS_MAX: u64 = 10_000;

impl Readiness for LogAndFold {
    fn obstacles(&self) -> Vec<String> {
        let mut obstacles = Vec::new();
        match self.log.health() {
            LogHealth::Writable => {}
            LogHealth::Poisoned { after } => obstacles.push(format!(
                "the log takes no writes since a sync failed after position {after}; restart"
            )),
            LogHealth::Closed => obstacles.push("the log is closed".to_owned()),
        }
        if let Some(failure) = self.published.failure() {
            obstacles.push(format!("the fold stands still: {failure}"));
        }
        let (head, reached) = (self.log.head(), self.published.position());
        if LAG_EVENTS_MAX < head.number().saturating_sub(reached.number()) {
            obstacles.push(format!(
                "the fold is at position {reached} of {head}; it catches up"
            ));
        }
        obstacles
    }
}

fn retention(settings: &StoreSettings) -> SnapshotRetention {
    SnapshotRetention {
        newest: settings.snapshots_newest,
        one_per_events: NonZeroU64::new(settings.snapshots_one_per_events)
            .unwrap_or(NonZeroU64::MIN),
        older_max: settings.snapshots_older_max,
    }
}

fn quarantine_config(settings: &IngestSettings) -> QuarantineConfig {
    QuarantineConfig {
        max_bytes: settings.quarantine_bytes,
        max_age_ms: i64::try_from(settings.quarantine_age_ms).unwrap_or(i64::MAX),
    }
}

fn recorder_limits(settings: &IngestSettings) -> RecorderLimits {
    RecorderLimits {
        events_in_flight: settings.events_in_flight,
        bytes_in_flight: settings.bytes_in_flight,
    }
}

fn intake_limits(settings: &IngestSettings) -> IntakeLimits {
    IntakeLimits {
        body_bytes: settings.body_bytes,
        bodies_in_flight_bytes: settings.bodies_in_flight_bytes,
        body_timeout: Duration::from_millis(settings.body_timeout_ms),
    }
}
