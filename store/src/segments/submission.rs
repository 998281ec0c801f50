//! What a submitting thread prepares, so that the one writer has little left to do.

use model::{NewEvent, bounds};

use super::block::{Block, Blocks, Prepared};
use super::ids::IdKey;
use super::record;
use crate::AppendError;

/// A batch, sealed and digested.
pub(crate) struct Submission {
    pub(crate) blocks: Vec<Block>,
    /// The last complete segment whose ids were searched.
    pub(crate) searched: u64,
}

impl Submission {
    /// Encodes, compresses and digests a batch.
    pub(crate) fn prepare(
        key: &IdKey,
        blocks: &Blocks,
        batch: &[NewEvent],
    ) -> Result<Self, AppendError> {
        let mut closed = Vec::new();
        let mut open = blocks.take();
        let mut scratch = Vec::new();
        for new in batch {
            let start = open.bytes.len();
            let sealed = record::seal(new, &mut open.bytes);
            let checksum = sealed.map_err(|record::TooLarge { bytes }| AppendError::TooLarge {
                id: new.id.clone(),
                bytes,
                limit: bounds::EVENT_BYTES,
            })?;
            let prepared = Prepared {
                range: start..open.bytes.len(),
                checksum,
                id: key.hash(new.id.source.as_str(), &new.id.delivery, &mut scratch),
                first: None,
            };
            if blocks.is_over(&open) && !open.records.is_empty() {
                let mut following = blocks.take();
                following.add(&open, &prepared);
                open.bytes.truncate(start);
                closed.push(blocks.close(std::mem::replace(&mut open, following)));
            } else {
                open.records.push(prepared);
            }
        }
        closed.push(blocks.close(open));
        Ok(Self {
            blocks: closed,
            searched: 0,
        })
    }

    /// How much it weighs in the queue.
    pub(crate) fn bytes(&self) -> usize {
        self.blocks.iter().map(|block| block.bytes.len()).sum()
    }

    /// How many events it holds.
    pub(crate) fn events(&self) -> usize {
        self.blocks.iter().map(|block| block.records.len()).sum()
    }
}
