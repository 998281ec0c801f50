//! What a submitting thread prepares, so that the one writer has little left to do.

use std::ops::Range;

use model::{LogPosition, NewEvent, bounds};

use super::ids::{IdHash, IdKey};
use super::record::{self, SealedView};
use crate::AppendError;

/// A batch, sealed and digested.
pub(crate) struct Submission {
    bytes: Vec<u8>,
    pub(crate) records: Vec<Prepared>,
    /// The last complete segment whose ids were searched.
    pub(crate) searched: u64,
}

/// One event of a submission.
pub(crate) struct Prepared {
    range: Range<usize>,
    pub(crate) checksum: u32,
    pub(crate) digest: [u8; 32],
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

impl Submission {
    /// Encodes, compresses and digests a batch.
    pub(crate) fn prepare(key: &IdKey, batch: &[NewEvent]) -> Result<Self, AppendError> {
        let mut bytes = Vec::with_capacity(batch.len() * 512);
        let mut records = Vec::with_capacity(batch.len());
        let (mut payload, mut scratch) = (Vec::new(), Vec::new());
        for new in batch {
            payload.clear();
            new.event.encode_payload(&mut payload);
            let too_large = || AppendError::TooLarge {
                id: new.id.clone(),
                bytes: payload.len(),
                limit: bounds::EVENT_BYTES,
            };
            if bounds::EVENT_BYTES < payload.len() {
                return Err(too_large());
            }
            let start = bytes.len();
            record::seal(new, &payload, &mut bytes).map_err(|record::TooLong| too_large())?;
            let sealed = bytes.get(start..).unwrap_or_default();
            records.push(Prepared {
                range: start..bytes.len(),
                checksum: crc32c::crc32c(sealed),
                digest: record::digest(sealed),
                id: key.hash(new.id.source.as_str(), &new.id.delivery, &mut scratch),
                first: None,
            });
        }
        Ok(Self {
            bytes,
            records,
            searched: 0,
        })
    }

    /// How much it weighs in the queue.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes.len() + self.records.len() * record::HEAD_BYTES
    }

    /// The sealed part of one of its records.
    pub(crate) fn sealed(&self, prepared: &Prepared) -> &[u8] {
        self.bytes.get(prepared.range.clone()).unwrap_or_default()
    }

    /// The same, readable.
    pub(crate) fn view(&self, prepared: &Prepared) -> SealedView<'_> {
        SealedView::parse(self.sealed(prepared)).expect("it was sealed by this process")
    }
}
