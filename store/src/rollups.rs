//! Measurements of calls by the minute, the hour and the day, in files of their own.
//!
//! They are no facts: they are outside the log and outside every fold, they are let go of after a
//! time, and the folder can be deleted whenever nothing runs. Minutes are written as they come,
//! each a frame that stands for itself; an hour is made of its minutes and a day of its hours,
//! once they are over. What comes later makes them again. A crash loses what waits for the disk,
//! about a minute.
//!
//! ```ignore
//! let rollups = Rollups::open(folder, config)?;
//! rollups.add(window_from, rows);        // waits in memory
//! rollups.tend(now);                     // every second: writes, sums up, lets go
//! let answer = rollups.read(&question);  // what waits is in it
//! ```

mod counters;
mod files;
mod frame;
mod level;
mod measured;
mod place;
mod read;
mod sum;
mod tend;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use model::Timestamp;
use thiserror::Error;

use counters::Counters;
pub use counters::{LevelStats, RollupStats};
use files::Catalog;
pub use level::Level;
use level::floor;
use measured::Row;
pub use measured::{CALL_PARTS, Latency, Measured, Series, Totals};
pub use read::{KeptSince, RollupAnswer, RollupPoint, RollupQuestion};
use tend::Tended;

/// What measurements may take.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RollupConfig {
    /// How long minutes are kept.
    pub minutes_kept: Duration,
    /// How long hours are kept.
    pub hours_kept: Duration,
    /// How long days are kept.
    pub days_kept: Duration,
    /// Most bytes of all files; beyond, the oldest of the finest go first.
    pub bytes_max: u64,
    /// Most series in one minute.
    pub series_max: usize,
    /// Most bytes that wait for the disk.
    pub waiting_bytes_max: usize,
}

/// Why there are no measurements.
#[derive(Debug, Error)]
#[error("could not use the folder of measurements {}", folder.display())]
pub struct RollupError {
    /// Which folder.
    pub folder: PathBuf,
    /// Why.
    pub source: io::Error,
}

/// Measurements of calls. Reading and tending may wait for the disk; adding does not.
#[derive(Debug)]
pub struct Rollups {
    folder: PathBuf,
    config: RollupConfig,
    state: Mutex<State>,
    tended: Mutex<Tended>,
    counters: Counters,
}

/// Rows that wait for the disk, by minute.
type Minutes = BTreeMap<i64, BTreeMap<Series, Row>>;

#[derive(Debug, Default)]
struct State {
    open: Minutes,
    open_bytes: usize,
    /// What is being written; it is in no file yet.
    writing: Arc<Minutes>,
    catalog: Arc<Catalog>,
}

impl Rollups {
    /// Opens the folder, made if need be. What is damaged in it is counted and left out.
    pub fn open(folder: impl Into<PathBuf>, config: RollupConfig) -> Result<Self, RollupError> {
        let folder = folder.into();
        let scanned = Catalog::scan(&folder);
        let (catalog, found) = scanned.map_err(|source| RollupError {
            folder: folder.clone(),
            source,
        })?;
        let counters = Counters::default();
        counters.found(found);
        if 0 < found.damaged || 0 < found.torn_bytes {
            tracing::warn!(
                damaged = found.damaged,
                torn_bytes = found.torn_bytes,
                "measurements were damaged: {} parts are left out, {} bytes at the ends of files were not written whole and are cut off",
                found.damaged,
                found.torn_bytes
            );
        }
        Ok(Self {
            folder,
            config,
            state: Mutex::new(State {
                catalog: Arc::new(catalog),
                ..State::default()
            }),
            tended: Mutex::default(),
            counters,
        })
    }

    /// Adds what was measured in a window. It counts for the minute in which the window begins.
    pub fn add(&self, from: Timestamp, rows: impl IntoIterator<Item = (Series, Measured)>) {
        let minute = floor(from.unix_nanos(), Level::Minute.nanos());
        let packed = rows
            .into_iter()
            .map(|(series, measured)| (series, Row::of(&measured)));
        let packed: Vec<(Series, Row)> = packed.collect();
        let mut state = self.state();
        for (series, row) in packed {
            self.gather(&mut state, minute, series, row);
        }
    }

    fn gather(&self, state: &mut State, minute: i64, series: Series, row: Row) {
        let rows = state.open.entry(minute).or_default();
        if let Some(known) = rows.get_mut(&series) {
            let before = known.bytes();
            known.merge(&row);
            state.open_bytes = state.open_bytes + known.bytes() - before;
            return;
        }
        if self.config.series_max <= rows.len() {
            self.counters.beyond_series(1);
            return;
        }
        let bytes = row.bytes() + series.bytes().len();
        if self.config.waiting_bytes_max < state.open_bytes.saturating_add(bytes) {
            self.counters.beyond_room(1);
            return;
        }
        state.open_bytes += bytes;
        rows.insert(series, row);
    }

    /// What lies there and what was dropped.
    pub fn stats(&self) -> RollupStats {
        let (catalog, waiting) = {
            let state = self.state();
            let rows = |minutes: &Minutes| minutes.values().map(BTreeMap::len).sum::<usize>();
            let waiting = rows(&state.open) + rows(&state.writing);
            (Arc::clone(&state.catalog), waiting)
        };
        self.counters.read(&catalog, waiting)
    }

    /// Where the files lie.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Whoever failed while holding the state left whole rows behind: each step is one addition.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
