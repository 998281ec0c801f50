//! How far a tree is and what it holds, written in the same batch as the entries.

use model::LogPosition;

/// How far a tree is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Marker {
    /// The last position whose entries are in the tree.
    pub position: LogPosition,
    /// The owner's mark of that event, so that another log is noticed.
    pub stamp: [u8; 16],
}

impl Marker {
    /// Nothing is in the tree.
    pub const ZERO: Self = Self {
        position: LogPosition::ZERO,
        stamp: [0; 16],
    };
}

/// A marker with the sum of all entries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Sum {
    pub(super) marker: Marker,
    pub(super) entries: u64,
    pub(super) digest: u128,
}

impl Sum {
    pub(super) const ZERO: Self = Self {
        marker: Marker::ZERO,
        entries: 0,
        digest: 0,
    };

    /// Counts an entry in. The order of entries does not matter.
    pub(super) fn add(&mut self, key: &[u8], stored: &[u8]) {
        let mut hasher = blake3::Hasher::new();
        hasher.update(&(key.len() as u64).to_be_bytes());
        hasher.update(key);
        hasher.update(stored);
        let hash = hasher.finalize();
        let (half, _) = hash
            .as_bytes()
            .split_first_chunk()
            .expect("a BLAKE3 hash has 32 bytes");
        self.entries += 1;
        self.digest = self.digest.wrapping_add(u128::from_be_bytes(*half));
    }

    pub(super) fn encode(&self) -> Vec<u8> {
        let mut bytes = self.marker.position.number().to_be_bytes().to_vec();
        bytes.extend_from_slice(&self.marker.stamp);
        bytes.extend_from_slice(&self.entries.to_be_bytes());
        bytes.extend_from_slice(&self.digest.to_be_bytes());
        bytes
    }

    pub(super) fn decode(bytes: &[u8]) -> Option<Self> {
        let (position, rest) = bytes.split_first_chunk()?;
        let (stamp, rest) = rest.split_first_chunk()?;
        let (entries, rest) = rest.split_first_chunk()?;
        let digest = rest.try_into().ok()?;
        Some(Self {
            marker: Marker {
                position: LogPosition::new(u64::from_be_bytes(*position)),
                stamp: *stamp,
            },
            entries: u64::from_be_bytes(*entries),
            digest: u128::from_be_bytes(digest),
        })
    }
}
