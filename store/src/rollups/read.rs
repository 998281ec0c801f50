//! Reads measurements: which files hold a span of time, and the rows of some series in them.

use std::collections::BTreeMap;
use std::fs::File;
use std::sync::Arc;

use model::Timestamp;

use super::files::{Catalog, FrameAt, OpenFrame, RollupFile, Unreadable};
use super::frame::Rows;
use super::level::{DAY, HOUR, Level, floor};
use super::measured::{Measured, Row, Series, Sum};
use super::{Minutes, Rollups};

/// Which measurements, of when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RollupQuestion {
    /// Of these together.
    pub series: Vec<Series>,
    /// From the step that holds this moment.
    pub from: Timestamp,
    /// To this moment; the step that holds the moment before it is in it.
    pub until: Timestamp,
    /// How much time one point sums up, a multiple of a minute.
    pub step_nanos: i64,
}

/// What was measured.
#[derive(Clone, Debug)]
pub struct RollupAnswer {
    /// Steps in which something was measured, oldest first.
    pub points: Vec<RollupPoint>,
    /// The first moment of which each level can tell anything, the finest first.
    pub kept_since: Vec<KeptSince>,
    /// Parts of files that could not be read; what they held is missing.
    pub damaged: u64,
}

/// One step.
#[derive(Clone, Debug)]
pub struct RollupPoint {
    /// Its first moment.
    pub start: Timestamp,
    /// What was measured in it.
    pub measured: Measured,
}

/// How far back a level reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeptSince {
    /// Which level.
    pub level: Level,
    /// The first moment of which it can tell anything.
    pub since: Timestamp,
}

/// A file may be made again while it is read; then the question is asked again.
const ATTEMPTS: usize = 4;

impl Rollups {
    /// Reads measurements, those that wait for the disk among them. It may wait for the disk.
    pub fn read(&self, question: &RollupQuestion) -> RollupAnswer {
        let mut reading = Reading::of(question, self);
        for attempt in 1..=ATTEMPTS {
            match reading.read() {
                Ok(()) => break,
                Err(_) => reading = Reading::of(question, self),
            }
            if attempt == ATTEMPTS {
                reading.take_what_can_be_read();
            }
        }
        self.counters.damaged(reading.damaged);
        reading.answer()
    }
}

impl Rollups {
    /// The minutes of a span of time of which something lies on the disk, oldest first.
    pub fn minutes(&self, from: Timestamp, until: Timestamp) -> Vec<Timestamp> {
        let span = from.unix_nanos()..until.unix_nanos().max(from.unix_nanos());
        let catalog = Arc::clone(&self.state().catalog);
        let files = catalog.level(Level::Minute);
        let files = files.range(floor(span.start, HOUR)..span.end);
        let frames = files.flat_map(|(_, file)| &file.frames);
        let mut starts: Vec<i64> = frames
            .map(|frame| frame.header.start)
            .filter(|start| span.contains(start))
            .collect();
        starts.sort_unstable();
        starts.dedup();
        starts.into_iter().map(Timestamp::from_unix_nanos).collect()
    }

    /// Shows everything that lies on the disk of one minute, a block at a time; what came late comes as
    /// another row of its series. What cannot be read is left out and counted.
    pub fn each_of_minute(&self, minute: Timestamp, mut visit: impl FnMut(Series, Measured)) {
        let start = minute.unix_nanos();
        let catalog = Arc::clone(&self.state().catalog);
        let Some(file) = catalog.file(Level::Minute, floor(start, HOUR)) else {
            return;
        };
        let Ok(opened) = File::open(&file.path) else {
            return self.counters.damaged(1);
        };
        for at in file.frames.iter().filter(|at| at.header.start == start) {
            let Ok(frame) = OpenFrame::open(&opened, *at) else {
                self.counters.damaged(1);
                continue;
            };
            for block in &frame.index.blocks {
                let Ok(rows) = frame.rows(block) else {
                    self.counters.damaged(1);
                    continue;
                };
                for (series, row) in rows {
                    visit(Series::of_bytes(series), Sum::of(row).into_measured());
                }
            }
        }
    }
}

/// One question, at one state of the files.
struct Reading {
    series: Vec<Series>,
    from: i64,
    until: i64,
    step: i64,
    level: Level,
    catalog: Arc<Catalog>,
    /// Rows that wait for the disk, by minute.
    waiting: Vec<(i64, Row)>,
    sums: BTreeMap<i64, Sum>,
    damaged: u64,
}

impl Reading {
    fn of(question: &RollupQuestion, rollups: &Rollups) -> Self {
        let step = question.step_nanos.max(Level::Minute.nanos());
        let mut series = question.series.clone();
        series.sort();
        series.dedup();
        let from = floor(question.from.unix_nanos(), step);
        let last = question.until.unix_nanos().saturating_sub(1);
        let until = floor(last, step).saturating_add(step).max(from);
        let state = rollups.state();
        let mut waiting = Vec::new();
        for minutes in [&state.open, &*state.writing] {
            rows_of(minutes, from, until, &series, &mut waiting);
        }
        Self {
            series,
            from,
            until,
            step,
            level: Level::for_step(step),
            catalog: Arc::clone(&state.catalog),
            waiting,
            sums: BTreeMap::new(),
            damaged: 0,
        }
    }

    fn read(&mut self) -> Result<(), Unreadable> {
        let catalog = Arc::clone(&self.catalog);
        for file in self.files(&catalog) {
            self.read_file(file)?;
        }
        self.take_waiting();
        Ok(())
    }

    /// When files change faster than they can be read: what is whole, and a count of what is not.
    fn take_what_can_be_read(&mut self) {
        let catalog = Arc::clone(&self.catalog);
        for file in self.files(&catalog) {
            if self.read_file(file).is_err() {
                self.damaged += 1;
            }
        }
        self.take_waiting();
    }

    fn take_waiting(&mut self) {
        for (minute, row) in std::mem::take(&mut self.waiting) {
            self.add(minute, &row);
        }
    }

    /// The files that together hold everything of the time asked about, each once.
    fn files<'c>(&self, catalog: &'c Catalog) -> Vec<&'c RollupFile> {
        let mut files = Vec::new();
        match self.level {
            Level::Minute => {
                let hours = floor(self.from, HOUR)..self.until;
                let found = catalog.level(Level::Minute).range(hours);
                files.extend(found.map(|(_, file)| file));
            }
            Level::Hour => hours_between(catalog, self.from, self.until, &mut files),
            Level::Day => {
                let mut days: Vec<i64> = Level::ALL
                    .into_iter()
                    .flat_map(|level| catalog.level(level).range(self.from..self.until))
                    .map(|(start, _)| floor(*start, DAY))
                    .collect();
                days.sort_unstable();
                days.dedup();
                for day in days {
                    let end = day.saturating_add(DAY);
                    let mut hours = catalog.level(Level::Minute).range(day..end);
                    let is_whole = hours.all(|(hour, _)| !catalog.is_stale(Level::Hour, *hour))
                        && !catalog.is_stale(Level::Day, day);
                    match catalog.file(Level::Day, day) {
                        Some(file) if is_whole => files.push(file),
                        _ => hours_between(catalog, day, end, &mut files),
                    }
                }
            }
        }
        files
    }

    fn read_file(&mut self, file: &RollupFile) -> Result<(), Unreadable> {
        let opened = File::open(&file.path).map_err(|_| Unreadable::Changed)?;
        for at in &file.frames {
            let start = at.header.start;
            if start < self.from || self.until <= start {
                continue;
            }
            match self.read_frame(&opened, *at) {
                Err(Unreadable::Changed) => return Err(Unreadable::Changed),
                Err(Unreadable::Damaged) => self.damaged += 1,
                Ok(()) => {}
            }
        }
        Ok(())
    }

    fn read_frame(&mut self, file: &File, at: FrameAt) -> Result<(), Unreadable> {
        let frame = OpenFrame::open(file, at)?;
        let mut in_hand: Option<(u64, Rows)> = None;
        for series in self.series.clone() {
            let Some(block) = frame.index.block_of(series.bytes()) else {
                continue;
            };
            let is_in_hand = in_hand
                .as_ref()
                .is_some_and(|(offset, _)| *offset == block.offset);
            if !is_in_hand {
                // A damaged block holds no rows, and is counted once for the frame and question.
                let rows = frame.rows(block).unwrap_or_else(|_| {
                    self.damaged += 1;
                    Vec::new()
                });
                in_hand = Some((block.offset, rows));
            }
            let rows = in_hand.as_ref().map_or(&[][..], |(_, rows)| rows);
            let found = rows.binary_search_by(|(known, _)| known.as_slice().cmp(series.bytes()));
            if let Some((_, row)) = found.ok().and_then(|place| rows.get(place)) {
                self.add(at.header.start, row);
            }
        }
        Ok(())
    }

    fn add(&mut self, moment: i64, row: &Row) {
        let step = floor(moment, self.step);
        if let Some(sum) = self.sums.get_mut(&step) {
            sum.add(row);
        } else {
            self.sums.insert(step, Sum::of(row.clone()));
        }
    }

    fn answer(self) -> RollupAnswer {
        let kept = |level: Level| {
            let since = self.catalog.first_kept(level)?;
            Some(KeptSince {
                level,
                since: Timestamp::from_unix_nanos(since),
            })
        };
        let points = self.sums.into_iter().map(|(start, sum)| RollupPoint {
            start: Timestamp::from_unix_nanos(start),
            measured: sum.into_measured(),
        });
        RollupAnswer {
            points: points.collect(),
            kept_since: Level::ALL.into_iter().filter_map(kept).collect(),
            damaged: self.damaged,
        }
    }
}

/// Each hour from its own file, or from its minutes while those hold more.
fn hours_between<'c>(catalog: &'c Catalog, from: i64, until: i64, files: &mut Vec<&'c RollupFile>) {
    let minutes = catalog.level(Level::Minute).range(from..until);
    let hours = catalog.level(Level::Hour).range(from..until);
    let mut starts: Vec<i64> = minutes.chain(hours).map(|(start, _)| *start).collect();
    starts.sort_unstable();
    starts.dedup();
    for start in starts {
        let hour = catalog.file(Level::Hour, start);
        let minutes = catalog.file(Level::Minute, start);
        let is_stale = catalog.is_stale(Level::Hour, start);
        files.extend(if is_stale { minutes.or(hour) } else { hour });
    }
}

fn rows_of(
    minutes: &Minutes,
    from: i64,
    until: i64,
    series: &[Series],
    found: &mut Vec<(i64, Row)>,
) {
    if until <= from {
        return;
    }
    for (minute, rows) in minutes.range(from..until) {
        let of_series = series.iter().filter_map(|series| rows.get(series));
        found.extend(of_series.map(|row| (*minute, row.clone())));
    }
}
