//! What has to be done from time to time: write what waits, sum up what is over, let go of what is old.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, PoisonError};

use model::Timestamp;

use super::files::{Catalog, RollupFile, path_of};
use super::frame::{Covered, FrameWriter};
use super::level::{DAY, Level, floor};
use super::measured::{Row, Sum};
use super::place::place;
use super::sum::sum_up;
use super::{Minutes, Rollups, Series};

/// What waits is written after so long.
const WRITE_EVERY_NANOS: i64 = 60 * 1_000_000_000;
/// An hour or a day is summed up so long after its end, so that most of what is late is there.
const SETTLED_NANOS: i64 = 5 * 60 * 1_000_000_000;
/// It is made again for what comes later still, but not more often than this.
const AGAIN_NANOS: i64 = 60 * 60 * 1_000_000_000;

/// When things were last done.
#[derive(Debug, Default)]
pub(super) struct Tended {
    written_at: Option<Timestamp>,
    summed_at: BTreeMap<(Level, i64), Timestamp>,
}

/// Where rows go: level of the file, its first moment, level and first moment of the frame.
type Destination = (Level, i64, i64);

impl Rollups {
    /// Does what is due. Called about every second, by one at a time.
    pub fn tend(&self, now: Timestamp) {
        let mut tended = self.tended.lock().unwrap_or_else(PoisonError::into_inner);
        let is_crowded = self.config.waiting_bytes_max / 2 <= self.state().open_bytes;
        let is_due = tended
            .written_at
            .is_none_or(|written_at| written_at.plus_nanos(WRITE_EVERY_NANOS) <= now);
        if is_due || is_crowded {
            self.write(now);
            tended.written_at = Some(now);
        }
        self.sum_up_next(now, &mut tended);
        self.let_go(now, &mut tended);
    }

    /// Writes everything that waits, as when the process ends.
    pub fn write_all(&self, now: Timestamp) {
        let _one_at_a_time = self.tended.lock().unwrap_or_else(PoisonError::into_inner);
        self.write(now);
    }

    fn write(&self, now: Timestamp) {
        let (writing, mut catalog) = {
            let mut state = self.state();
            state.writing = Arc::new(std::mem::take(&mut state.open));
            state.open_bytes = 0;
            (Arc::clone(&state.writing), Catalog::clone(&state.catalog))
        };
        if writing.is_empty() {
            return;
        }
        let mut failed: Vec<i64> = Vec::new();
        for (destination, minutes) in self.destinations(&writing, &catalog, now) {
            if let Err(error) = self.write_frame(&mut catalog, destination, &writing, &minutes) {
                self.refused(&error);
                failed.extend(minutes);
            }
        }
        let mut state = self.state();
        state.catalog = Arc::new(catalog);
        state.writing = Arc::default();
        for minute in failed {
            let rows = writing.get(&minute).into_iter().flatten();
            for (series, row) in rows {
                self.gather(&mut state, minute, series.clone(), row.clone());
            }
        }
    }

    /// Which minutes go into which frame.
    fn destinations(
        &self,
        writing: &Minutes,
        catalog: &Catalog,
        now: Timestamp,
    ) -> BTreeMap<Destination, Vec<i64>> {
        let mut destinations: BTreeMap<Destination, Vec<i64>> = BTreeMap::new();
        for (minute, rows) in writing {
            match place(catalog, &self.config, *minute, now) {
                None => self.counters.too_old(rows.len() as u64),
                Some(level) => {
                    let file = floor(*minute, level.file_nanos());
                    let frame = floor(*minute, level.nanos());
                    let minutes = destinations.entry((level, file, frame)).or_default();
                    minutes.push(*minute);
                }
            }
        }
        destinations
    }

    fn write_frame(
        &self,
        catalog: &mut Catalog,
        (level, start, frame_start): Destination,
        writing: &Minutes,
        minutes: &[i64],
    ) -> io::Result<()> {
        let mut sums: BTreeMap<&Series, Sum> = BTreeMap::new();
        let rows = minutes.iter().filter_map(|minute| writing.get(minute));
        for (series, row) in rows.flatten() {
            add_to(&mut sums, series, row);
        }
        let count = sums.len() as u64;
        let mut writer = FrameWriter::new(level, frame_start, Vec::new());
        for (series, sum) in sums {
            writer.push(series.bytes(), &sum.into_row());
        }
        let before = catalog.file(level, start);
        let path = path_of(&self.folder, level, start);
        let file = RollupFile::append(before, path, &writer.finish())?;
        catalog.level_mut(level).insert(start, file);
        self.counters.written(count);
        Ok(())
    }

    /// Sums up one file that is due, the oldest of the finest first.
    fn sum_up_next(&self, now: Timestamp, tended: &mut Tended) {
        let catalog = Arc::clone(&self.state().catalog);
        let rests = |level: Level, start: i64| {
            let end = start.saturating_add(level.file_nanos());
            let summed = tended.summed_at.get(&(level, start));
            end.saturating_add(SETTLED_NANOS) <= now.unix_nanos()
                && summed.is_none_or(|summed| summed.plus_nanos(AGAIN_NANOS) <= now)
        };
        let hours = catalog.level(Level::Minute).keys();
        let hour = hours
            .copied()
            .find(|hour| rests(Level::Hour, *hour) && catalog.is_stale(Level::Hour, *hour));
        let is_whole = |day: i64| {
            let mut hours = catalog
                .level(Level::Minute)
                .range(day..day.saturating_add(DAY));
            hours.all(|(hour, _)| !catalog.is_stale(Level::Hour, *hour))
        };
        let days = catalog.level(Level::Hour).keys();
        let mut days = days.map(|hour| floor(*hour, DAY));
        let due = match hour {
            Some(hour) => Some((Level::Hour, hour)),
            None => days
                .find(|day| {
                    rests(Level::Day, *day) && is_whole(*day) && catalog.is_stale(Level::Day, *day)
                })
                .map(|day| (Level::Day, day)),
        };
        if let Some((level, start)) = due {
            self.sum_up(level, start, now, tended);
        }
    }

    fn sum_up(&self, level: Level, start: i64, now: Timestamp, tended: &mut Tended) {
        tended.summed_at.insert((level, start), now);
        let catalog = Arc::clone(&self.state().catalog);
        let (files, covered) = inputs(&catalog, level, start);
        let path = path_of(&self.folder, level, start);
        let made = sum_up(level, start, &files, covered.clone()).and_then(|summed| {
            self.counters.damaged(summed.damaged);
            RollupFile::replace(path, &summed.frame, covered)
        });
        match made {
            Ok(file) => self.change(|catalog| {
                catalog.level_mut(level).insert(start, file);
            }),
            Err(error) => self.refused(&error),
        }
    }

    fn let_go(&self, now: Timestamp, tended: &mut Tended) {
        for level in Level::ALL {
            let old = |start: &i64| !self.config.keeps(level, *start, now);
            let catalog = Arc::clone(&self.state().catalog);
            let old: Vec<i64> = catalog.level(level).keys().copied().filter(old).collect();
            self.remove(level, &old, now, tended);
        }
        loop {
            let catalog = Arc::clone(&self.state().catalog);
            if catalog.bytes() <= self.config.bytes_max {
                break;
            }
            let Some((level, starts)) = first_to_go(&catalog) else {
                break;
            };
            starts.iter().for_each(|_| self.counters.let_go_early());
            self.remove(level, &starts, now, tended);
        }
        let oldest = |level: Level| self.state().catalog.first_kept(level);
        if let Some(oldest) = oldest(Level::Day) {
            tended.summed_at.retain(|(_, start), _| oldest <= *start);
        }
    }

    /// Removes files, once the coarser ones hold what they held.
    fn remove(&self, level: Level, starts: &[i64], now: Timestamp, tended: &mut Tended) {
        let coarser = match level {
            Level::Minute => Some(Level::Hour),
            Level::Hour => Some(Level::Day),
            Level::Day => None,
        };
        for start in starts {
            if let Some(coarser) = coarser {
                let of = floor(*start, coarser.file_nanos());
                if self.state().catalog.is_stale(coarser, of) {
                    self.sum_up(coarser, of, now, tended);
                }
            }
        }
        for start in starts {
            let path = path_of(&self.folder, level, *start);
            if let Err(error) = std::fs::remove_file(path) {
                self.refused(&error);
            }
            self.change(|catalog| {
                catalog.level_mut(level).remove(start);
            });
        }
    }

    fn change(&self, change: impl FnOnce(&mut Catalog)) {
        change(Arc::make_mut(&mut self.state().catalog));
    }

    fn refused(&self, error: &io::Error) {
        self.counters.failure();
        tracing::warn!("the disk refused measurements: {error}");
    }
}

fn add_to<'s>(sums: &mut BTreeMap<&'s Series, Sum>, series: &'s Series, row: &Row) {
    if let Some(sum) = sums.get_mut(series) {
        sum.add(row);
    } else {
        sums.insert(series, Sum::of(row.clone()));
    }
}

/// The files that a coarser one is made of, and what it notes of them. When some that it already holds
/// are gone, it is kept and only what it does not hold yet is added.
fn inputs(catalog: &Catalog, level: Level, start: i64) -> (Vec<&RollupFile>, Vec<Covered>) {
    let before = catalog.file(level, start);
    let held = before.map_or(&[][..], |file| &file.covered);
    let there = |at: i64| catalog.sources(level, start).any(|(known, _)| known == at);
    let is_whole =
        before.is_none_or(|_| !held.is_empty()) && held.iter().all(|held| there(held.start));
    if is_whole {
        let sources = catalog.sources(level, start);
        return sources
            .map(|(at, file)| (file, file.as_covered(at)))
            .unzip();
    }
    let is_new = |at: i64| held.iter().all(|held| held.start != at);
    let added = catalog.sources(level, start).filter(|(at, _)| is_new(*at));
    let mut files: Vec<&RollupFile> = before.into_iter().collect();
    let mut covered: Vec<Covered> = held.to_vec();
    for (at, file) in added {
        files.push(file);
        covered.push(file.as_covered(at));
    }
    // What it holds of a file that has grown since stays as it is: the rest of that file cannot be told apart.
    for covered in &mut covered {
        if let Some(file) = catalog
            .sources(level, start)
            .find(|(at, _)| *at == covered.start)
        {
            *covered = file.1.as_covered(covered.start);
        }
    }
    (files, covered)
}

/// The oldest of the finest files; the hours of a day go together, and the newest file never goes.
fn first_to_go(catalog: &Catalog) -> Option<(Level, Vec<i64>)> {
    let first = |level: Level| catalog.level(level).keys().next().copied();
    if 1 < catalog.level(Level::Minute).len() {
        return Some((Level::Minute, vec![first(Level::Minute)?]));
    }
    if let Some(hour) = first(Level::Hour) {
        let day = floor(hour, DAY);
        let hours = catalog
            .level(Level::Hour)
            .range(day..day.saturating_add(DAY));
        let has_minutes = first(Level::Minute).is_some_and(|minutes| floor(minutes, DAY) == day);
        if !has_minutes {
            return Some((Level::Hour, hours.map(|(hour, _)| *hour).collect()));
        }
    }
    if 1 < catalog.level(Level::Day).len() {
        return Some((Level::Day, vec![first(Level::Day)?]));
    }
    None
}
