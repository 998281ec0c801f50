//! Some records one behind the other, digested together: what a submitting thread hands over.
//!
//! Their heads stay blank until the writer knows their positions.

use std::ops::Range;
use std::sync::{Mutex, MutexGuard, PoisonError};

use model::LogPosition;

use super::chain::{self, Digest};
use super::ids::IdHash;
use super::record::{HEAD_BYTES, SealedView};

/// A block is closed before it grows larger, unless it is one record.
const BYTES_MAX: usize = 128 * 1024;
/// Smaller ones are put together by the writer and digested then: the digest of a single
/// record takes several times as long by the byte.
const DIGEST_FROM_BYTES: usize = 16 * 1024;
/// So many empty ones are kept for the next submissions.
const SPARES_MAX: usize = 48;

/// Some records with blank heads.
#[derive(Default)]
pub(crate) struct Block {
    pub(crate) bytes: Vec<u8>,
    pub(crate) records: Vec<Prepared>,
    /// Of its bytes, if that was worth while.
    pub(crate) digest: Option<Digest>,
}

/// One record of a block.
#[derive(Clone)]
pub(crate) struct Prepared {
    /// Where it lies among the bytes of its block.
    pub(crate) range: Range<usize>,
    /// Of its sealed part.
    pub(crate) checksum: u32,
    pub(crate) id: IdHash,
    /// What the search in complete segments found.
    pub(crate) first: Option<First>,
}

/// The first record of an id that came again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct First {
    pub(crate) position: LogPosition,
    /// Whether it says the same.
    pub(crate) same: bool,
}

impl Block {
    /// The sealed part of one of its records, readable.
    pub(crate) fn view(&self, prepared: &Prepared) -> SealedView<'_> {
        view(&self.bytes, prepared)
    }

    /// Adds a copy of a record of another block.
    pub(crate) fn add(&mut self, from: &Self, prepared: &Prepared) {
        let start = self.bytes.len();
        let record = from.bytes.get(prepared.range.clone()).unwrap_or_default();
        self.bytes.extend_from_slice(record);
        self.records.push(Prepared {
            range: start..self.bytes.len(),
            ..*prepared
        });
    }
}

/// The sealed part of a record among the bytes of its block.
pub(crate) fn view<'a>(bytes: &'a [u8], prepared: &Prepared) -> SealedView<'a> {
    let record = bytes.get(prepared.range.clone()).unwrap_or_default();
    let sealed = record.get(HEAD_BYTES..).unwrap_or_default();
    SealedView::parse(sealed).expect("it was sealed by this process")
}

/// Makes blocks, and uses their memory again: fresh memory costs a fault for each of its pages.
pub(crate) struct Blocks {
    bytes_max: usize,
    spares: Mutex<Vec<Block>>,
}

impl Blocks {
    /// Blocks for segments of a size.
    pub(crate) fn new(segment_bytes: u64) -> Self {
        let eighth = usize::try_from(segment_bytes / 8).unwrap_or(usize::MAX);
        Self {
            bytes_max: BYTES_MAX.min(eighth),
            spares: Mutex::default(),
        }
    }

    /// An empty block.
    pub(crate) fn take(&self) -> Block {
        let spare = self.spares().pop();
        spare.unwrap_or_else(|| Block {
            bytes: Vec::with_capacity(self.bytes_max + self.bytes_max / 8),
            ..Block::default()
        })
    }

    /// Whether a block has become larger than it should.
    pub(crate) fn is_over(&self, block: &Block) -> bool {
        self.bytes_max < block.bytes.len()
    }

    /// Whether a block has no room for so many bytes more.
    pub(crate) fn is_full(&self, block: &Block, more: usize) -> bool {
        self.bytes_max < block.bytes.len() + more
    }

    /// Ends a block that was begun with [`Blocks::take`]. A small one gets memory of its own size.
    pub(crate) fn close(&self, mut block: Block) -> Block {
        if DIGEST_FROM_BYTES <= block.bytes.len() {
            block.digest = Some(chain::digest(&block.bytes));
        }
        if self.bytes_max / 2 < block.bytes.len() {
            return block;
        }
        let small = Block {
            bytes: block.bytes.as_slice().to_vec(),
            records: block.records.as_slice().to_vec(),
            digest: block.digest,
        };
        self.give_back(block);
        small
    }

    /// Keeps the memory of a block whose records are durable or copied.
    pub(crate) fn give_back(&self, mut block: Block) {
        let is_usual = (self.bytes_max..=2 * self.bytes_max).contains(&block.bytes.capacity());
        if !is_usual {
            return;
        }
        block.bytes.clear();
        block.records.clear();
        block.digest = None;
        let mut spares = self.spares();
        if spares.len() < SPARES_MAX {
            spares.push(block);
        }
    }

    fn spares(&self) -> MutexGuard<'_, Vec<Block>> {
        self.spares.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
