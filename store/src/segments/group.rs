//! What is linked and not yet durable: the blocks of one sync, and whom to answer.

use model::{LogPosition, Timestamp};
use tokio::sync::oneshot;

use super::block::{Block, Blocks, Prepared};
use super::chain::{self, Link, Place};
use super::record::{Head, SealedView};
use crate::{AppendError, Appended};

/// Positions this far apart can be found without walking.
pub(crate) const PLACE_EVERY_BYTES: u64 = 32 * 1024;

/// The records of one sync, in their order.
#[derive(Default)]
pub(crate) struct Group {
    blocks: Vec<Block>,
    /// Whether the last block may take more: it holds what came in small pieces.
    gathers: bool,
    bytes: usize,
    records: usize,
    answers: Vec<Answer>,
}

struct Answer {
    to: oneshot::Sender<Result<Vec<Appended>, AppendError>>,
    outcomes: Vec<Appended>,
}

/// Where a group is written.
pub(crate) struct Site {
    /// The position of its first record.
    pub(crate) first: LogPosition,
    /// Where its bytes begin.
    pub(crate) offset: u64,
    pub(crate) recorded_at: Timestamp,
    /// The chain up to there.
    pub(crate) link: Link,
}

impl Group {
    pub(crate) fn is_empty(&self) -> bool {
        self.records == 0
    }

    /// How many bytes its records have.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// The blocks to be written, once they are linked.
    pub(crate) fn blocks(&self) -> &[Block] {
        &self.blocks
    }

    /// Takes a block as it is. Small ones, which have no digest yet, are put together.
    pub(crate) fn keep(&mut self, block: Block, blocks: &Blocks) {
        if block.digest.is_none() {
            for prepared in &block.records {
                self.gather(&block, prepared, blocks);
            }
            return;
        }
        self.bytes += block.bytes.len();
        self.records += block.records.len();
        self.blocks.push(block);
        self.gathers = false;
    }

    /// Takes a copy of one record of a block.
    pub(crate) fn gather(&mut self, from: &Block, prepared: &Prepared, blocks: &Blocks) {
        let open = self.blocks.last().filter(|_| self.gathers);
        if open.is_none_or(|open| blocks.is_full(open, prepared.range.len())) {
            self.blocks.push(blocks.take());
            self.gathers = true;
        }
        if let Some(open) = self.blocks.last_mut() {
            open.add(from, prepared);
        }
        self.bytes += prepared.range.len();
        self.records += 1;
    }

    /// The record with so many before it.
    pub(crate) fn record(&self, index: u64) -> Option<SealedView<'_>> {
        let mut index = usize::try_from(index).ok()?;
        for block in &self.blocks {
            if let Some(prepared) = block.records.get(index) {
                return Some(block.view(prepared));
            }
            index -= block.records.len();
        }
        None
    }

    /// Fills the heads of all records and answers with the chain up to the last. Notes some
    /// of their places behind those that are known.
    pub(crate) fn link(&mut self, site: &Site, places: &mut Vec<(LogPosition, u64)>) -> Link {
        let mut head = Head {
            in_group: 0,
            in_block: 0,
            position: site.first,
            recorded_at: site.recorded_at,
        };
        let mut link = site.link;
        let mut offset = site.offset;
        let mut next_place = places
            .last()
            .map_or(0, |(_, last)| last + PLACE_EVERY_BYTES);
        for Block {
            bytes,
            records,
            digest,
        } in &mut self.blocks
        {
            let place = Place {
                first: head.position,
                records: records.len() as u64,
                recorded_at: site.recorded_at,
            };
            let digest = digest.unwrap_or_else(|| chain::digest(bytes));
            link = chain::link_after(&link, &place, &digest);
            head.in_block = 0;
            for prepared in records {
                if next_place <= offset {
                    places.push((head.position, offset));
                    next_place = offset + PLACE_EVERY_BYTES;
                }
                let record = bytes.get_mut(prepared.range.clone()).unwrap_or_default();
                head.write(record, prepared.checksum);
                offset += prepared.range.len() as u64;
                head.position = head.position.next();
                head.in_group += 1;
                head.in_block += 1;
            }
        }
        link
    }

    /// Answers somebody once all of it is durable.
    pub(crate) fn answer_later(
        &mut self,
        to: oneshot::Sender<Result<Vec<Appended>, AppendError>>,
        outcomes: Vec<Appended>,
    ) {
        self.answers.push(Answer { to, outcomes });
    }

    /// Answers everybody that it is durable.
    pub(crate) fn answer(&mut self) {
        for Answer { to, outcomes } in self.answers.drain(..) {
            // Whoever asked may be gone; what was written stays written.
            drop(to.send(Ok(outcomes)));
        }
    }

    /// Answers everybody that it is not.
    pub(crate) fn refuse(&mut self, why: impl Fn() -> AppendError) {
        for Answer { to, .. } in self.answers.drain(..) {
            drop(to.send(Err(why())));
        }
    }

    /// Forgets its records; whoever waits for an answer still does.
    pub(crate) fn clear(&mut self, blocks: &Blocks) {
        for block in self.blocks.drain(..) {
            blocks.give_back(block);
        }
        self.gathers = false;
        self.bytes = 0;
        self.records = 0;
    }
}
