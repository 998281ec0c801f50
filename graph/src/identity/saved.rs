//! Identity as it is saved: what was said and decided; every table is made again.

use std::collections::BTreeMap;

use model::CiId;
use serde::{Deserialize, Serialize};

use super::decided::Decisions;
use super::{Identity, ItemIx, ItemRow, name_hash};
use crate::cow::CowVec;
use crate::intern::Words;
use crate::mention::{Mention, MentionIx};

/// What is saved of it; the rest is made again.
#[derive(Serialize, Deserialize)]
pub(crate) struct SavedIdentity {
    words: Words,
    mentions: CowVec<Mention, 64>,
    item_of: CowVec<ItemIx, 1024>,
    items: CowVec<ItemRow, 64>,
    decisions: Decisions,
}

impl Identity {
    pub(crate) fn save(&self) -> SavedIdentity {
        SavedIdentity {
            words: self.words.clone(),
            mentions: self.mentions.clone(),
            item_of: self.item_of.clone(),
            items: self.items.clone(),
            decisions: self.decisions.clone(),
        }
    }

    /// The identity as it was saved, its tables made again.
    pub(crate) fn restore(saved: SavedIdentity) -> Self {
        let mut identity = Self {
            words: saved.words,
            mentions: saved.mentions,
            item_of: saved.item_of,
            items: saved.items,
            decisions: saved.decisions,
            ..Self::default()
        };
        let mut names: BTreeMap<[u8; 16], u32> = BTreeMap::new();
        for number in 0..identity.mentions.len() {
            let mention = MentionIx(u32::try_from(number).expect("it was a u32 when saved"));
            let id = CiId::of(&identity.mention(mention).name.to_claim(&identity.words));
            identity.by_id.insert(*id.as_bytes(), mention.0);
            let Some(parts) = identity.mention(mention).parts() else {
                continue;
            };
            let hash = *name_hash(identity.words.text(parts.kind), &parts.name).as_bytes();
            let next = u32::try_from(names.len()).expect("fewer names than mentions");
            let place = *names.entry(hash).or_insert(next);
            identity.by_name.insert(hash, place);
            identity.keyed.grow_to(place as usize).push(mention);
        }
        for (number, row) in identity.items.iter().enumerate() {
            if row.members.is_empty() {
                identity.free.insert(ItemIx(
                    u32::try_from(number).expect("it was a u32 when saved"),
                ));
            }
        }
        identity
    }
}
