//! What changes have in common, by which they are measured together.

use std::collections::{BTreeMap, BTreeSet};

use model::Timestamp;

use super::MeasureBy;
use crate::identity::ItemIx;
use crate::structure::{ClimbLimits, contained_in, owner_of};
use crate::view::{ChangeRow, Item};

/// How far up a business is looked for.
const CLIMB: ClimbLimits = ClimbLimits {
    depth_max: 16,
    items_max: 200,
};

/// Finds the keys of changes; what was found of an item is remembered.
pub(super) struct Keys {
    by: Option<MeasureBy>,
    at: Timestamp,
    of_items: BTreeMap<ItemIx, Vec<String>>,
}

impl Keys {
    pub(super) fn new(by: Option<MeasureBy>, at: Timestamp) -> Self {
        Self {
            by,
            at,
            of_items: BTreeMap::new(),
        }
    }

    /// The groups a change counts for, each once; the nameless one where nothing is known.
    pub(super) fn of(&mut self, change: &ChangeRow<'_>, items: &[Item<'_>]) -> Vec<Option<String>> {
        let own = |text: Option<&str>| vec![text.map(str::to_owned)];
        match self.by {
            None => Vec::new(),
            Some(MeasureBy::Platform) => own(Some(change.source())),
            Some(MeasureBy::Scene) => {
                let scene = change.scene();
                vec![scene.map(|scene| format!("{}/{scene}", change.source()))]
            }
            Some(MeasureBy::Kind) => own(change.kind()),
            Some(MeasureBy::Level) => own(change.level()),
            Some(MeasureBy::Operator) => own(change.operator()),
            Some(by @ (MeasureBy::Team | MeasureBy::Item | MeasureBy::Business)) => {
                let mut keys: BTreeSet<String> = BTreeSet::new();
                for item in items {
                    keys.extend(self.of_item(by, *item).iter().cloned());
                }
                match keys.is_empty() {
                    true => vec![None],
                    false => keys.into_iter().map(Some).collect(),
                }
            }
        }
    }

    fn of_item(&mut self, by: MeasureBy, item: Item<'_>) -> &[String] {
        let at = self.at;
        self.of_items.entry(item.item).or_insert_with(|| match by {
            MeasureBy::Team => owner_of(item, at).into_iter().map(str::to_owned).collect(),
            MeasureBy::Business => businesses(item, at),
            MeasureBy::Item
            | MeasureBy::Platform
            | MeasureBy::Scene
            | MeasureBy::Kind
            | MeasureBy::Level
            | MeasureBy::Operator => vec![item.key()],
        })
    }
}

fn businesses(item: Item<'_>, at: Timestamp) -> Vec<String> {
    let above = contained_in(item, at, CLIMB).reached.into_iter();
    let all = above.map(|reached| reached.item).chain([item]);
    let businesses = all.filter(|item| item.kind() == "business");
    businesses.map(|item| item.key()).collect()
}
