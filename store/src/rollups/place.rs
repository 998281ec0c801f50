//! Into which file rows of a minute go, and which files are kept how long.
//!
//! A minute goes to the minutes of its hour while those are kept. What comes so late that only
//! hours or days are kept goes there at once. A file that was summed up from finer ones that are
//! gone is never made again from what came later; that is added to it.

use std::time::Duration;

use model::Timestamp;

use super::RollupConfig;
use super::files::Catalog;
use super::level::{DAY, HOUR, Level, floor};

impl RollupConfig {
    /// Whether the file of this level and moment is still kept. The hours of a day go together.
    pub(super) fn keeps(&self, level: Level, start: i64, now: Timestamp) -> bool {
        let (kept, span) = match level {
            Level::Minute => (self.minutes_kept, HOUR),
            Level::Hour => (self.hours_kept, DAY),
            Level::Day => (self.days_kept, DAY),
        };
        let until = floor(start, span).saturating_add(span);
        now.unix_nanos() < until.saturating_add(nanos(kept))
    }
}

pub(super) fn nanos(duration: Duration) -> i64 {
    i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX)
}

/// The level of the file that rows of a minute go to; none when nothing of that time is kept any more.
pub(super) fn place(
    catalog: &Catalog,
    config: &RollupConfig,
    minute: i64,
    now: Timestamp,
) -> Option<Level> {
    let (hour, day) = (floor(minute, HOUR), floor(minute, DAY));
    if catalog.file(Level::Minute, hour).is_some() {
        return Some(Level::Minute);
    }
    if catalog.file(Level::Hour, hour).is_some() {
        return Some(Level::Hour);
    }
    let of_day = day..day.saturating_add(DAY);
    let has = |level: Level| catalog.level(level).range(of_day.clone()).next().is_some();
    if has(Level::Day) && !has(Level::Hour) && !has(Level::Minute) {
        return Some(Level::Day);
    }
    Level::ALL
        .into_iter()
        .find(|level| config.keeps(*level, floor(minute, level.file_nanos()), now))
}

impl Catalog {
    /// The first moment of which this level can tell anything, from its own files or from finer ones.
    pub(super) fn first_kept(&self, level: Level) -> Option<i64> {
        let finer = Level::ALL.into_iter().filter(|finer| *finer <= level);
        let first = |finer: Level| {
            let (start, file) = self.level(finer).first_key_value()?;
            let frames = file.frames.iter().map(|frame| frame.header.start);
            Some(floor(frames.min().unwrap_or(*start), level.nanos()))
        };
        finer.filter_map(first).min()
    }
}
