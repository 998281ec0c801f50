//! `epicenter replay` and `epicenter snapshot`: the fold of a stopped server's log.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use graph::{Estate, Projection, Retractions};
use indicatif::ProgressBar;
use model::{Clock, ContentHash};
use store::{EventLog, ReadLimit};

use super::{SettingFlags, print, progress};
use crate::clock::SystemClock;
use crate::config::Settings;
use crate::data_dir::DataDir;
use crate::parts::{open_archive, open_log, open_snapshots};
use crate::projector::SavedFolds;

/// Fold a stopped server's log from the start, and say what it comes to.
#[derive(Debug, clap::Args)]
pub(crate) struct ReplayFlags {
    /// Compare with the newest saved state and the rest of the log; fail when they differ
    #[arg(long)]
    verify: bool,
    #[command(flatten)]
    settings: SettingFlags,
}

/// A stopped server's log, and its saved states.
pub(super) struct Stopped {
    settings: Settings,
    log: Arc<dyn EventLog>,
    saved: SavedFolds,
    _data_dir: DataDir,
}

/// Folds everything anew.
pub(super) fn replay(flags: &ReplayFlags) -> anyhow::Result<()> {
    let stopped = Stopped::open(&flags.settings)?;
    let started = Instant::now();
    let whole = stopped.fold(
        stopped.saved.archive().begin(Retractions::default()),
        "replay",
    )?;
    let (events, took) = (whole.0.number(), started.elapsed());
    print(&format!(
        "{events} events in {} ms{}\nstate hash {}\n",
        took.as_millis(),
        rate(events, took),
        whole.1
    ))?;
    if !flags.verify {
        return Ok(());
    }
    let estate = stopped.saved.restore(stopped.log.head());
    let from = estate.position();
    let resumed = stopped.fold(estate, "from the saved state")?;
    if resumed.1 != whole.1 {
        bail!(
            "the saved state of position {from} and the rest give {}; delete the saved states",
            resumed.1
        );
    }
    print(&format!(
        "the saved state of position {from} and the rest are the same\n"
    ))
}

/// Saves the state of a stopped server's log, so that its next start is fast.
pub(super) fn snapshot(flags: &SettingFlags) -> anyhow::Result<()> {
    let stopped = Stopped::open(flags)?;
    let estate = stopped.saved.restore(stopped.log.head());
    let mut estate = stopped.advance(estate, "folding")?;
    stopped.saved.save(&estate.publish())?;
    print(&format!(
        "saved the state of position {}\n",
        estate.position()
    ))
}

impl Stopped {
    pub(super) fn open(flags: &SettingFlags) -> anyhow::Result<Self> {
        let settings = flags.settings()?;
        if !settings.data_dir.is_dir() {
            bail!("there is no data folder {}", settings.data_dir.display());
        }
        let data_dir = DataDir::take(&settings.data_dir)?;
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let log = open_log(&settings, &data_dir, &clock)?.log;
        let snapshots = open_snapshots(&settings, &data_dir)?;
        let archive = open_archive(&settings, &data_dir)?;
        Ok(Self {
            saved: SavedFolds::new(Arc::clone(&log), snapshots, archive),
            log,
            settings,
            _data_dir: data_dir,
        })
    }

    fn fold(
        &self,
        estate: Estate,
        what: &str,
    ) -> anyhow::Result<(model::LogPosition, ContentHash)> {
        let mut estate = self.advance(estate, what)?;
        Ok((estate.position(), estate.publish().state_hash()))
    }

    /// The newest saved state.
    pub(super) fn restored(&self) -> Estate {
        self.saved.restore(self.log.head())
    }

    /// Folds the rest of the log.
    pub(super) fn advance(&self, mut estate: Estate, what: &str) -> anyhow::Result<Estate> {
        let head = self.log.head();
        let limit = ReadLimit {
            events: self.settings.projector.batch_events,
            bytes: self.settings.projector.batch_bytes,
        };
        let bar: ProgressBar = progress::events(head.number(), what);
        while estate.position() < head {
            let events = self.log.read(estate.position(), limit);
            for envelope in events.context("the log could not be read")? {
                self.saved.archive().take(&mut estate, &envelope)?;
            }
            bar.set_position(estate.position().number());
        }
        bar.finish_and_clear();
        Ok(estate)
    }
}

fn rate(events: u64, took: Duration) -> String {
    let micros = took.as_micros().max(1);
    let per_second = u128::from(events) * 1_000_000 / micros;
    match took < Duration::from_millis(10) {
        true => String::new(),
        false => format!(", {per_second} a second"),
    }
}
