//! Names with other numbers, after some were put away.

use super::saved::SavedIdentity;
use super::{Identity, ItemIx, ItemRow};
use crate::mention::MentionIx;

/// No number: the name is gone.
const GONE: u32 = u32::MAX;

/// What the numbers of names have become. Those that stay keep their order.
pub(crate) struct Renamed {
    numbers: Vec<u32>,
    staying: usize,
}

impl Renamed {
    /// Numbers without those of the names that go.
    pub(crate) fn without(names_count: usize, goes: impl Fn(MentionIx) -> bool) -> Self {
        let mut next = 0;
        let count = u32::try_from(names_count).expect("a name's number is a u32");
        let numbers = (0..count).map(|name| {
            if goes(MentionIx(name)) {
                return GONE;
            }
            next += 1;
            next - 1
        });
        let numbers = numbers.collect();
        Self {
            numbers,
            staying: next as usize,
        }
    }

    /// The number of a name from now on, unless it is gone.
    pub(crate) fn find(&self, name: MentionIx) -> Option<MentionIx> {
        let number = self.numbers.get(name.0 as usize).copied();
        number.filter(|number| *number != GONE).map(MentionIx)
    }

    /// The number of a name that stays.
    pub(crate) fn of(&self, name: MentionIx) -> MentionIx {
        self.find(name)
            .expect("what stays speaks of nothing that is gone")
    }

    /// How many names stay.
    pub(crate) fn staying(&self) -> usize {
        self.staying
    }
}

impl Identity {
    /// The same without the names that are gone. Nothing that stays may hang together with them.
    pub(crate) fn renamed(&self, renamed: &Renamed) -> Self {
        let mut saved = SavedIdentity {
            words: self.words.clone(),
            mentions: Default::default(),
            item_of: Default::default(),
            items: Default::default(),
            decisions: self.decisions.clone(),
        };
        saved.decisions.rename(|name| renamed.of(name));
        let mentions = (0_u32..).map(MentionIx).zip(self.mentions.iter());
        let staying = mentions.filter(|(name, _)| renamed.find(*name).is_some());
        let staying = staying.map(|(_, mention)| {
            let mut mention = mention.clone();
            mention.rename(renamed);
            mention
        });
        saved.mentions = staying.collect();
        let mut item_of = vec![ItemIx(0); renamed.staying()];
        let rows = self.items.iter().filter_map(|row| row.renamed(renamed));
        let rows: Vec<ItemRow> = rows.collect();
        for (item, row) in (0_u32..).map(ItemIx).zip(&rows) {
            for member in &row.members {
                if let Some(place) = item_of.get_mut(member.0 as usize) {
                    *place = item;
                }
            }
        }
        saved.items = rows.into_iter().collect();
        saved.item_of = item_of.into_iter().collect();
        Self::restore(saved)
    }
}

impl ItemRow {
    /// The same item with other numbers, unless it is gone.
    fn renamed(&self, renamed: &Renamed) -> Option<Self> {
        let first = self.members.first()?;
        renamed.find(*first)?;
        Some(Self {
            members: self.members.iter().map(|name| renamed.of(*name)).collect(),
            least: self.least.map(|name| renamed.of(name)),
            shown: self.shown.map(|name| renamed.of(name)),
        })
    }
}
