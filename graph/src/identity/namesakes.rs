//! Keys of the same kind and name, which may mean one another where parts are unknown.

use model::ContentHash;
use smallvec::{SmallVec, smallvec};

use crate::cow::CowMap;
use crate::mention::MentionIx;
use crate::table::Table;

/// The keys by the hash of kind and name. Nearly all are the only ones of theirs, so these take no list.
#[derive(Clone, Debug, Default)]
pub(super) struct Namesakes {
    /// The first key of each kind and name.
    firsts: Table,
    /// All keys of a kind and name, by the first of them, where there are several.
    several: CowMap<Vec<MentionIx>>,
}

impl Namesakes {
    /// The first key of a kind and name.
    pub(super) fn first(&self, hash: &ContentHash) -> Option<MentionIx> {
        self.firsts.get(hash.as_bytes()).map(MentionIx)
    }

    /// All keys that share kind and name with the first of them.
    pub(super) fn of(&self, first: MentionIx) -> SmallVec<[MentionIx; 4]> {
        match self.several.get(first.0) {
            Some(all) => all.iter().copied().collect(),
            None => smallvec![first],
        }
    }

    /// Puts a new key among its namesakes, and returns the first of them.
    pub(super) fn add(&mut self, hash: &ContentHash, mention: MentionIx) -> MentionIx {
        let first = MentionIx(self.firsts.insert(*hash.as_bytes(), mention.0));
        if first != mention {
            let mut all = self.of(first).into_vec();
            all.push(mention);
            self.several.insert(first.0, all);
        }
        first
    }

    /// Keys with the hash of their kind and name; the least number is the first of its kind and name.
    pub(super) fn of_all(mut keys: Vec<([u8; 16], u32)>) -> Self {
        keys.sort_unstable();
        let alike = keys.chunk_by(|one, other| one.0 == other.0);
        let several = alike.filter(|alike| 1 < alike.len()).filter_map(|alike| {
            let all = alike.iter().map(|(_, number)| MentionIx(*number));
            Some((alike.first()?.1, all.collect()))
        });
        let several = several.collect();
        Self {
            firsts: Table::of(keys),
            several,
        }
    }
}
