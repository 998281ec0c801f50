//! Identity as it is saved: what was said and decided; every table is made again.

use model::CiId;
use serde::{Deserialize, Serialize};

use super::decided::Decisions;
use super::namesakes::Namesakes;
use super::{Identity, ItemIx, ItemRow, name_hash};
use crate::cow::CowVec;
use crate::intern::Words;
use crate::mention::Mention;
use crate::table::Table;

/// What is saved of it; the rest is made again.
#[derive(Serialize, Deserialize)]
pub(crate) struct SavedIdentity {
    pub(super) words: Words,
    pub(super) mentions: CowVec<Mention, 64>,
    pub(super) item_of: CowVec<ItemIx, 1024>,
    pub(super) items: CowVec<ItemRow, 64>,
    pub(super) decisions: Decisions,
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
        let mut ids: Vec<([u8; 16], u32)> = Vec::with_capacity(identity.mentions.len());
        let mut names: Vec<([u8; 16], u32)> = Vec::with_capacity(identity.mentions.len());
        for (number, mention) in (0..).zip(identity.mentions.iter()) {
            let id = CiId::of(&mention.name.to_claim(&identity.words));
            ids.push((*id.as_bytes(), number));
            if let Some(parts) = mention.parts() {
                let hash = name_hash(identity.words.text(parts.kind), &parts.name);
                names.push((*hash.as_bytes(), number));
            }
        }
        identity.by_id = Table::of(ids);
        identity.namesakes = Namesakes::of_all(names);
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
