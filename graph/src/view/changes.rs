//! Changes of a view by number and time.

use model::{ChangeId, CiId, LogPosition, Timestamp};

use super::{ChangeRow, GraphView, Item};
use crate::changes::{ChangeNumber, ChangeSet};
use crate::mention::MentionIx;

impl GraphView {
    /// The change with an id.
    pub fn change(&self, id: ChangeId) -> Option<ChangeRow<'_>> {
        self.changes
            .find(id)
            .map(|change| ChangeRow::new(self, change))
    }

    /// The changes that start in `[from, until)`, the newest first.
    pub fn changes_between(
        &self,
        from: Timestamp,
        until: Timestamp,
    ) -> impl Iterator<Item = ChangeRow<'_>> {
        self.changes
            .between(from, until)
            .map(|change| ChangeRow::new(self, change))
    }

    /// Every change, the newest first.
    pub fn changes(&self) -> impl Iterator<Item = ChangeRow<'_>> {
        self.changes_between(Timestamp::MIN, Timestamp::MAX)
    }

    /// How many changes there are.
    pub fn changes_count(&self) -> usize {
        self.changes.rows.len()
    }

    /// The change with a number.
    pub fn change_numbered(&self, number: ChangeNumber) -> ChangeRow<'_> {
        ChangeRow::new(self, number.0)
    }

    /// The number of a change.
    pub fn change_number(&self, id: ChangeId) -> Option<ChangeNumber> {
        self.changes.find(id).map(ChangeNumber)
    }

    /// The change whose first statement stands at a position. It is found fastest a little behind `near`:
    /// another one that was found so, and its position.
    pub fn change_first_said_at(
        &self,
        position: LogPosition,
        near: Option<(ChangeNumber, LogPosition)>,
    ) -> Option<ChangeNumber> {
        let near = near.map(|(number, position)| (number.0, position));
        self.changes.first_said_at(position, near).map(ChangeNumber)
    }

    /// These changes as a set.
    pub fn change_set(&self, changes: impl Iterator<Item = ChangeNumber>) -> ChangeSet {
        let mut set = ChangeSet::with_room(self.changes_count());
        changes.for_each(|change| set.insert(change.0));
        set
    }

    /// The changes that touch one of these items, by themselves or by a batch.
    pub fn changes_touching(&self, items: impl Iterator<Item = CiId>) -> ChangeSet {
        let mut set = ChangeSet::with_room(self.changes_count());
        for item in items.filter_map(|id| self.item(id)) {
            self.add_changes_touching(item, &mut set);
        }
        set
    }

    fn add_changes_touching(&self, item: Item<'_>, set: &mut ChangeSet) {
        for member in item.members() {
            let always = self.always_means_its_item(member);
            for change in self.changes.of_target(member) {
                let named = always && self.changes.look(*change).touched().any(|it| it == member);
                if !set.holds(*change) && (named || ChangeRow::new(self, *change).touches(item)) {
                    set.insert(*change);
                }
            }
        }
    }

    /// Whether a name means its item whatever the moment and the environment it is seen from.
    fn always_means_its_item(&self, mention: MentionIx) -> bool {
        let row = self.identity.mention(mention);
        let names_environment = row.parts().is_some_and(|parts| parts.environment.is_some());
        row.aliases().next().is_none() && (names_environment || row.parts().is_none())
    }
}

impl ChangeRow<'_> {
    /// Its number in its view.
    pub fn number(&self) -> ChangeNumber {
        ChangeNumber(self.index())
    }
}
