//! Items as they lie on a page: by name, so that they can be read back whatever numbers names have by then.
//!
//! Words (kinds, sources, environments) are never forgotten and keep their numbers, so numbers stand for them.

use model::{CiId, Timestamp};
use serde::{Deserialize, Serialize};

use crate::facts::ItemFacts;
use crate::intern::WordIx;
use crate::listings::Lists;
use crate::mention::Name;
use crate::relations::Row;

/// Bundles on one page.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Page {
    /// The names outside of their bundle that anything on the page speaks of, by the id of their claim.
    pub(super) others: Vec<CiId>,
    pub(super) bundles: Vec<Bundle>,
}

/// Items that hang together, and all that was said of them.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Bundle {
    /// In the order of their ids.
    pub(super) names: Vec<FrozenName>,
    pub(super) relations: Vec<FrozenRelation>,
    pub(super) aliases: Vec<FrozenAlias>,
}

/// One name with what hangs on it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct FrozenName {
    pub(super) name: Name,
    /// Names of the bundle that sources say are the same item.
    pub(super) linked: Vec<(u32, WordIx, Timestamp)>,
    pub(super) facts: ItemFacts,
    /// Its lists; their relations are numbered as in the bundle.
    pub(super) lists: Option<Box<Lists>>,
}

/// One end of a relation, or a name for a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) enum End {
    /// A name of the bundle.
    Own(u32),
    /// One of the page's [others](Page::others).
    Other(u32),
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct FrozenRelation {
    pub(super) dependent: End,
    pub(super) provider: End,
    pub(super) kind: WordIx,
    pub(super) row: Row,
}

/// A name that belonged to one of the bundle for a time.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct FrozenAlias {
    pub(super) name: End,
    pub(super) means: u32,
    pub(super) source: WordIx,
    pub(super) from: Timestamp,
    pub(super) until: Timestamp,
    pub(super) seen_until: Option<Timestamp>,
    pub(super) said_at: Timestamp,
}

impl Page {
    pub(super) fn encode(&self) -> Vec<u8> {
        postcard::to_stdvec(self).expect("every part of a page has a length and memory takes it")
    }

    pub(super) fn decode(bytes: &[u8]) -> Result<Self, postcard::Error> {
        postcard::from_bytes(bytes)
    }
}
