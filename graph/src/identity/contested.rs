//! Names that sources use for several items: open questions about identity.

use std::collections::BTreeSet;

use super::{Identity, ItemIx};
use crate::mention::MentionIx;

impl Identity {
    /// The items that sources call by this name, when they are several.
    ///
    /// A pair of keys is told once, by the key that comes first as text.
    pub(crate) fn contested(&self, name: MentionIx) -> Option<BTreeSet<ItemIx>> {
        let row = self.mention(name);
        row.links().next()?;
        let own = self.item_of(name);
        let tells = |other: MentionIx| match (row.parts(), self.mention(other).parts()) {
            (None, _) => true,
            (Some(_), None) => false,
            (Some(_), Some(_)) => {
                let text = |name: MentionIx| self.mention(name).name.to_claim(&self.words);
                text(name) < text(other)
            }
        };
        let others = row.links().filter(|link| tells(link.other));
        let mut items: BTreeSet<ItemIx> = others.map(|link| self.item_of(link.other)).collect();
        if row.parts().is_some() {
            items.insert(own);
        }
        (1 < items.len()).then_some(items)
    }
}
