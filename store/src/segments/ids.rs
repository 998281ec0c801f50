//! Finds the position of an event by its id, in memory for the newest segments and in
//! runs beside the sealed ones. Every hit is only a candidate: the record decides.
//!
//! All of it can be made anew from the segments.

mod filter;
mod run;
mod sip;

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use model::LogPosition;

use super::directory::{Directory, read_full};
pub(crate) use run::{Merged, Run, RunError};

/// The keyed hash of an event id.
pub(crate) type IdHash = u128;

/// Keeps a sender from choosing ids that fall together. A log without its key gets a new one, and new runs.
#[derive(Clone)]
pub(crate) struct IdKey([u8; 32]);

pub(crate) const KEY_NAME: &str = "ids.key";

impl IdKey {
    /// The directory's key and whether it is new.
    pub(crate) fn load_or_make(
        directory: &dyn Directory,
        names: &[String],
    ) -> io::Result<(Self, bool)> {
        if let Some(key) = Self::load(directory, names)? {
            return Ok((key, false));
        }
        let made = Self::unpredictable();
        let mut bytes = made.0.to_vec();
        bytes.extend_from_slice(&crc32c::crc32c(&made.0).to_le_bytes());
        let file = directory.create(KEY_NAME, 0, &|| false)?;
        file.write_at(&bytes, 0)?;
        file.sync()?;
        Ok((made, true))
    }

    /// The directory's key, if it is there and whole.
    pub(crate) fn load(directory: &dyn Directory, names: &[String]) -> io::Result<Option<Self>> {
        if !names.iter().any(|name| name == KEY_NAME) {
            return Ok(None);
        }
        let mut bytes = [0; 36];
        let read = read_full(&*directory.open(KEY_NAME)?, &mut bytes, 0)?;
        let whole = bytes.split_first_chunk::<32>().filter(|(key, checksum)| {
            read == bytes.len() && *checksum == crc32c::crc32c(key.as_slice()).to_le_bytes()
        });
        Ok(whole.map(|(key, _)| Self(*key)))
    }

    /// The key shows in nothing that is read back, so it may differ from run to run.
    fn unpredictable() -> Self {
        let mut material = Vec::new();
        for round in 0..4_u64 {
            let mut hasher = RandomState::new().build_hasher();
            hasher.write_u64(round);
            material.extend_from_slice(&hasher.finish().to_le_bytes());
        }
        Self(blake3::derive_key("epicenter log ids", &material))
    }

    /// The hash of an id; `scratch` saves an allocation.
    pub(crate) fn hash(&self, source: &str, delivery: &str, scratch: &mut Vec<u8>) -> IdHash {
        scratch.clear();
        scratch.extend_from_slice(&(source.len() as u64).to_le_bytes());
        scratch.extend_from_slice(source.as_bytes());
        scratch.extend_from_slice(delivery.as_bytes());
        let (words, _) = self.0.as_chunks::<8>();
        let word = |place: usize| words.get(place).map_or(0, |word| u64::from_le_bytes(*word));
        let [high, low] = sip::hash::<1, 3>([word(0), word(1)], scratch);
        (u128::from(high) << 64) | u128::from(low)
    }

    /// Marks runs made with this key.
    fn fingerprint(&self) -> u64 {
        let mut scratch = Vec::new();
        let hash = self.hash("", "fingerprint", &mut scratch);
        (hash >> 64) as u64
    }
}

/// The ids of a segment in memory.
#[derive(Default)]
pub(crate) struct IdTable {
    positions: HashMap<IdHash, LogPosition, BuildTaken>,
    /// Further ids with a hash that was taken already.
    more: Vec<(IdHash, LogPosition)>,
}

impl IdTable {
    /// Takes an id unless its hash is there already; false if it is.
    pub(crate) fn insert_first(&mut self, hash: IdHash, position: LogPosition) -> bool {
        match self.positions.entry(hash) {
            Entry::Vacant(vacant) => {
                vacant.insert(position);
                true
            }
            Entry::Occupied(_) => false,
        }
    }

    pub(crate) fn insert(&mut self, hash: IdHash, position: LogPosition) {
        if !self.insert_first(hash, position) {
            self.more.push((hash, position));
        }
    }

    pub(crate) fn candidates(&self, hash: IdHash, found: &mut Vec<LogPosition>) {
        found.extend(self.positions.get(&hash));
        let more = self.more.iter().filter(|(known, _)| *known == hash);
        found.extend(more.map(|(_, position)| *position));
    }

    /// All ids by their hash.
    pub(crate) fn sorted(&self) -> Vec<(IdHash, LogPosition)> {
        let positions = self
            .positions
            .iter()
            .map(|(hash, position)| (*hash, *position));
        let mut all: Vec<_> = positions.chain(self.more.iter().copied()).collect();
        all.sort_unstable();
        all
    }
}

/// The hash of a hash is itself.
#[derive(Clone, Default)]
struct BuildTaken;

struct Taken(u64);

impl BuildHasher for BuildTaken {
    type Hasher = Taken;

    fn build_hasher(&self) -> Taken {
        Taken(0)
    }
}

impl Hasher for Taken {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, _: &[u8]) {}

    fn write_u128(&mut self, hash: u128) {
        // The run's place comes from the upper half, the table's from the lower.
        self.0 = hash as u64;
    }
}

/// The ids of a stretch of complete segments.
#[derive(Clone)]
pub(crate) struct IdSet {
    pub(crate) first: u64,
    pub(crate) last: u64,
    pub(crate) kept: Kept,
}

/// Where they are kept.
#[derive(Clone)]
pub(crate) enum Kept {
    Table(Arc<IdTable>),
    Run(Arc<Run>),
}

/// The ids of all complete segments, in their order.
pub(crate) struct CompleteIds {
    sets: Mutex<Arc<Vec<IdSet>>>,
}

impl CompleteIds {
    pub(crate) fn new(sets: Vec<IdSet>) -> Self {
        Self {
            sets: Mutex::new(Arc::new(sets)),
        }
    }

    /// The sets as they are now.
    pub(crate) fn sets(&self) -> Arc<Vec<IdSet>> {
        Arc::clone(&self.sets.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Puts a set in the place of those it covers. One that is itself part of a wider set is not needed.
    pub(crate) fn put(&self, set: IdSet) {
        let mut sets = self.sets.lock().unwrap_or_else(PoisonError::into_inner);
        let wider = |known: &IdSet| {
            let overlaps = known.first <= set.last && set.first <= known.last;
            overlaps && (known.first < set.first || set.last < known.last)
        };
        if sets.iter().any(wider) {
            return;
        }
        let mut changed: Vec<IdSet> = sets
            .iter()
            .filter(|known| known.last < set.first || set.last < known.first)
            .cloned()
            .collect();
        changed.push(set);
        changed.sort_unstable_by_key(|known| known.first);
        *sets = Arc::new(changed);
    }
}

impl IdSet {
    pub(crate) fn candidates(
        &self,
        hash: IdHash,
        found: &mut Vec<LogPosition>,
    ) -> Result<(), RunError> {
        match &self.kept {
            Kept::Table(table) => {
                table.candidates(hash, found);
                Ok(())
            }
            Kept::Run(run) => run.candidates(hash, found),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_with_one_hash_are_all_candidates() {
        let mut table = IdTable::default();
        for position in 1..=3 {
            table.insert(9, LogPosition::new(position));
        }
        let mut found = Vec::new();
        table.candidates(9, &mut found);
        assert_eq!(found, [1, 2, 3].map(LogPosition::new));
        assert_eq!(table.sorted().len(), 3);
    }

    #[test]
    fn source_and_delivery_do_not_run_into_each_other() {
        let key = IdKey::unpredictable();
        let mut scratch = Vec::new();
        let one = key.hash("ab", "c", &mut scratch);
        let other = key.hash("a", "bc", &mut scratch);
        assert_ne!(one, other);
        assert_eq!(one, key.hash("ab", "c", &mut scratch));
    }
}
