//! What lies in the folder, and what was dropped, by reason.

use std::sync::atomic::{AtomicU64, Ordering};

use model::Timestamp;

use super::files::{Catalog, Found};
use super::level::Level;

/// What is kept of measurements and what is not. Counts begin with the process.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RollupStats {
    /// What is kept, the finest level first.
    pub levels: Vec<LevelStats>,
    /// Rows that wait for the disk.
    pub waiting: usize,
    /// Rows written.
    pub written: u64,
    /// Rows dropped because a minute held as many series as it may.
    pub beyond_series: u64,
    /// Rows dropped because too much waited for the disk.
    pub beyond_room: u64,
    /// Rows dropped because they speak of a time that is no longer kept.
    pub too_old: u64,
    /// Times the disk refused.
    pub failures: u64,
    /// Damaged parts of files that were met; what they held is missing.
    pub damaged: u64,
    /// Bytes at the ends of files that were not written whole.
    pub torn_bytes: u64,
    /// Files let go of before their time because all of them together were too large.
    pub let_go_early: u64,
}

/// What is kept of one level.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LevelStats {
    /// Which.
    pub level: Level,
    /// How many files.
    pub files: usize,
    /// Their bytes.
    pub bytes: u64,
    /// The first moment anything is kept of.
    pub first: Option<Timestamp>,
}

impl RollupStats {
    /// Rows dropped, whatever the reason.
    pub const fn dropped(&self) -> u64 {
        self.beyond_series + self.beyond_room + self.too_old
    }
}

#[derive(Debug, Default)]
pub(super) struct Counters {
    written: AtomicU64,
    beyond_series: AtomicU64,
    beyond_room: AtomicU64,
    too_old: AtomicU64,
    failures: AtomicU64,
    damaged: AtomicU64,
    torn_bytes: AtomicU64,
    let_go_early: AtomicU64,
}

fn add(counter: &AtomicU64, more: u64) {
    counter.fetch_add(more, Ordering::Relaxed);
}

impl Counters {
    pub(super) fn found(&self, found: Found) {
        add(&self.damaged, found.damaged);
        add(&self.torn_bytes, found.torn_bytes);
    }

    pub(super) fn written(&self, rows: u64) {
        add(&self.written, rows);
    }

    pub(super) fn beyond_series(&self, rows: u64) {
        add(&self.beyond_series, rows);
    }

    pub(super) fn beyond_room(&self, rows: u64) {
        add(&self.beyond_room, rows);
    }

    pub(super) fn too_old(&self, rows: u64) {
        add(&self.too_old, rows);
    }

    pub(super) fn failure(&self) {
        add(&self.failures, 1);
    }

    pub(super) fn damaged(&self, parts: u64) {
        add(&self.damaged, parts);
    }

    pub(super) fn let_go_early(&self) {
        add(&self.let_go_early, 1);
    }

    pub(super) fn read(&self, catalog: &Catalog, waiting: usize) -> RollupStats {
        let get = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        RollupStats {
            levels: Level::ALL
                .into_iter()
                .map(|level| stats_of(catalog, level))
                .collect(),
            waiting,
            written: get(&self.written),
            beyond_series: get(&self.beyond_series),
            beyond_room: get(&self.beyond_room),
            too_old: get(&self.too_old),
            failures: get(&self.failures),
            damaged: get(&self.damaged),
            torn_bytes: get(&self.torn_bytes),
            let_go_early: get(&self.let_go_early),
        }
    }
}

fn stats_of(catalog: &Catalog, level: Level) -> LevelStats {
    let files = catalog.level(level);
    LevelStats {
        level,
        files: files.len(),
        bytes: files.values().map(|file| file.bytes).sum(),
        first: catalog.first_kept(level).map(Timestamp::from_unix_nanos),
    }
}
