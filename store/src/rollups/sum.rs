//! Sums finer files up into one frame: a merge of sorted rows that holds one block of each in memory.

use std::fs::File;
use std::io;
use std::vec::IntoIter;

use super::files::{FrameAt, OpenFrame, RollupFile};
use super::frame::{Covered, FrameWriter};
use super::level::Level;
use super::measured::{Row, Sum};

/// A frame made of others.
pub(super) struct SummedUp {
    pub(super) frame: Vec<u8>,
    /// Parts that could not be read and are missing from it.
    pub(super) damaged: u64,
}

/// Sums up every frame of these files.
pub(super) fn sum_up(
    level: Level,
    start: i64,
    files: &[&RollupFile],
    covered: Vec<Covered>,
) -> io::Result<SummedUp> {
    let mut opened = Vec::new();
    for file in files {
        opened.push((File::open(&file.path)?, &file.frames));
    }
    let mut damaged = 0;
    let mut cursors = Vec::new();
    for (file, frames) in &opened {
        for at in *frames {
            match Cursor::open(file, *at) {
                Some(cursor) => cursors.push(cursor),
                None => damaged += 1,
            }
        }
    }
    let mut writer = FrameWriter::new(level, start, covered);
    for cursor in &mut cursors {
        damaged += cursor.advance();
    }
    loop {
        let heads = cursors.iter().filter_map(|cursor| cursor.head.as_ref());
        let Some(series) = heads.map(|(series, _)| series).min().cloned() else {
            break;
        };
        let mut sum: Option<Sum> = None;
        for cursor in &mut cursors {
            let row = cursor.head.take_if(|(head, _)| *head == series);
            let Some((_, row)) = row else { continue };
            damaged += cursor.advance();
            match &mut sum {
                None => sum = Some(Sum::of(row)),
                Some(sum) => sum.add(&row),
            }
        }
        if let Some(sum) = sum {
            writer.push(&series, &sum.into_row());
        }
    }
    Ok(SummedUp {
        frame: writer.finish(),
        damaged,
    })
}

/// One frame and how far it was read.
struct Cursor<'f> {
    frame: OpenFrame<'f>,
    next_block: usize,
    rows: IntoIter<(Vec<u8>, Row)>,
    head: Option<(Vec<u8>, Row)>,
}

impl<'f> Cursor<'f> {
    fn open(file: &'f File, at: FrameAt) -> Option<Self> {
        Some(Self {
            frame: OpenFrame::open(file, at).ok()?,
            next_block: 0,
            rows: Vec::new().into_iter(),
            head: None,
        })
    }

    /// Goes to the next row, and says how many blocks on the way could not be read.
    fn advance(&mut self) -> u64 {
        let mut damaged = 0;
        loop {
            self.head = self.rows.next();
            let block = self.frame.index.blocks.get(self.next_block);
            let (None, Some(block)) = (&self.head, block) else {
                return damaged;
            };
            self.next_block += 1;
            match self.frame.rows(block) {
                Ok(rows) => self.rows = rows.into_iter(),
                Err(_) => damaged += 1,
            }
        }
    }
}
