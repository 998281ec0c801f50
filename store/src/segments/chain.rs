//! The chain: a hash of everything up to some record.
//!
//! Records are digested in blocks, since BLAKE3 is several times as fast where it has many
//! bytes at once. The digest of a block is that of its records with blank heads, for the
//! submitting thread does not know their positions yet; the link adds those. Each mark and
//! the header of each segment hold the chain up to there.

use model::{LogPosition, Timestamp};

use super::record::{HEAD_BYTES, Head};

/// A hash of everything up to some record; zeros before the first.
pub(crate) type Link = [u8; 32];

/// What a block holds, its place not counted.
pub(crate) type Digest = [u8; 32];

/// The digest of some records whose heads are blank.
pub(crate) fn digest(blank_records: &[u8]) -> Digest {
    *blake3::hash(blank_records).as_bytes()
}

/// What a block is given when it is linked.
#[derive(Clone, Copy)]
pub(crate) struct Place {
    /// The position of its first record.
    pub(crate) first: LogPosition,
    pub(crate) records: u64,
    pub(crate) recorded_at: Timestamp,
}

/// The chain up to and with a block.
pub(crate) fn link_after(link: &Link, place: &Place, digest: &Digest) -> Link {
    let mut hasher = blake3::Hasher::new_keyed(link);
    hasher.update(&place.first.number().to_le_bytes());
    hasher.update(&place.records.to_le_bytes());
    hasher.update(&place.recorded_at.unix_nanos().to_le_bytes());
    hasher.update(digest);
    *hasher.finalize().as_bytes()
}

/// Follows the chain along records that are read.
pub(crate) struct Chain {
    /// The chain up to the block that is being read.
    link: Link,
    place: Option<Place>,
    blank_records: Vec<u8>,
}

impl Chain {
    /// A chain that has come so far.
    pub(crate) fn at(link: Link) -> Self {
        Self {
            link,
            place: None,
            blank_records: Vec::new(),
        }
    }

    /// Goes on with the record that follows; false if it does not belong there.
    pub(crate) fn follow(&mut self, head: &Head, sealed: &[u8]) -> bool {
        if head.in_block == 0 {
            self.link = self.link();
            self.blank_records.clear();
            self.place = Some(Place {
                first: head.position,
                records: 0,
                recorded_at: head.recorded_at,
            });
        }
        let Some(place) = &mut self.place else {
            return false;
        };
        let fits = place.records == u64::from(head.in_block)
            && place.first.number() + place.records == head.position.number()
            && place.recorded_at == head.recorded_at;
        place.records += 1;
        self.blank_records.extend_from_slice(&[0; HEAD_BYTES]);
        self.blank_records.extend_from_slice(sealed);
        fits
    }

    /// The chain up to and with the last record.
    pub(crate) fn link(&self) -> Link {
        match &self.place {
            Some(place) => link_after(&self.link, place, &digest(&self.blank_records)),
            None => self.link,
        }
    }
}
