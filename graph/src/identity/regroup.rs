//! Making items anew, and choosing the names they go by.

use std::collections::BTreeSet;

use super::{Identity, ItemIx, ItemRow};
use crate::mention::MentionIx;

impl Identity {
    /// Makes the items anew that the given mentions belong to now or belonged to before.
    pub(super) fn regroup(&mut self, dirty: &BTreeSet<MentionIx>) {
        let mut places: BTreeSet<ItemIx> = BTreeSet::new();
        let mut todo: BTreeSet<MentionIx> = BTreeSet::new();
        for mention in dirty {
            let place = self.item_of(*mention);
            if places.insert(place) {
                todo.extend(self.item(place).members.iter().copied());
            }
        }
        if places.is_empty() {
            return;
        }
        let mut groups: Vec<BTreeSet<MentionIx>> = Vec::new();
        while let Some(first) = todo.pop_first() {
            let together = self.reach([first].into(), |mention| {
                let mut beside = self.said_beside(mention);
                let row = self.mention(mention);
                beside.extend(row.attached_to);
                beside.extend_from_slice(row.attached_by());
                beside
            });
            for member in &together {
                todo.remove(member);
                places.insert(self.item_of(*member));
            }
            groups.extend(self.divide(&together, true));
        }
        self.free.extend(places.iter().copied());
        for place in places {
            self.clear(place);
        }
        for group in groups {
            let place = self.take_place();
            self.settle(place, group);
        }
    }

    fn clear(&mut self, place: ItemIx) {
        if let Some(row) = self.items.get_mut(place.0 as usize) {
            *row = ItemRow::default();
        }
    }

    pub(super) fn take_place(&mut self) -> ItemIx {
        self.free.pop_first().unwrap_or_else(|| {
            let number = self.items.push(ItemRow::default());
            ItemIx(u32::try_from(number).expect("fewer items than mentions"))
        })
    }

    pub(super) fn settle(&mut self, place: ItemIx, members: BTreeSet<MentionIx>) {
        let stated = |member: &MentionIx| self.mention(*member).stated;
        let some_stated = members.iter().any(stated);
        let standing = || {
            let members = members.iter().copied();
            members.filter(move |member| !some_stated || stated(member))
        };
        let least = standing().min_by_key(|member| self.rank(*member));
        let shown = standing().min_by_key(|member| self.shown_rank(*member));
        for member in &members {
            *self
                .item_of
                .get_mut(member.0 as usize)
                .expect("every mention has a place") = place;
        }
        let row = self
            .items
            .get_mut(place.0 as usize)
            .expect("the place was taken before");
        *row = ItemRow {
            members: members.into_iter().collect(),
            least,
            shown,
        };
    }
}
