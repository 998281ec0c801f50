//! How many items there are of each sort.

use std::collections::BTreeMap;

use model::Timestamp;

use super::criticality::Criticality;
use super::responsible::owner_of;
use crate::freshness::Freshness;
use crate::view::Item;

/// What items are counted by. Attributes are counted by whoever reads them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GroupBy {
    /// The kind.
    Kind,
    /// The team that answers for it, by itself or by what it is contained in.
    Owner,
    /// The environment.
    Environment,
    /// The level, `P0` to `P2`.
    Criticality,
    /// How sure we are of it.
    Freshness,
}

/// The items with one value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ItemGroup {
    /// The value; `None` for items without one.
    pub value: Option<String>,
    /// How many items.
    pub count: usize,
}

/// Items counted by a value, the largest group first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ItemGroups {
    /// The groups.
    pub groups: Vec<ItemGroup>,
    /// How many groups there are altogether.
    pub total: usize,
    /// How many items there are altogether.
    pub items: usize,
}

/// Counts items by a value.
pub fn grouped<'v>(
    items: impl IntoIterator<Item = Item<'v>>,
    by: GroupBy,
    at: Timestamp,
    groups_max: usize,
) -> ItemGroups {
    let values = items.into_iter().map(|item| match by {
        GroupBy::Kind => Some(item.kind()),
        GroupBy::Owner => owner_of(item, at),
        GroupBy::Environment => item.environment(),
        GroupBy::Criticality => item.criticality_level().map(Criticality::name),
        GroupBy::Freshness => Some(freshness_name(item.freshness(at))),
    });
    ItemGroups::count(values, groups_max)
}

impl ItemGroups {
    /// Counts equal values.
    pub fn count<T: Ord + Into<String>>(
        values: impl IntoIterator<Item = Option<T>>,
        groups_max: usize,
    ) -> Self {
        let mut counted: BTreeMap<Option<T>, usize> = BTreeMap::new();
        for value in values {
            *counted.entry(value).or_default() += 1;
        }
        Self::of(counted, groups_max)
    }

    /// Values that are counted already.
    pub(super) fn of<T: Into<String>>(
        counted: BTreeMap<Option<T>, usize>,
        groups_max: usize,
    ) -> Self {
        let items = counted.values().sum();
        let total = counted.len();
        let mut groups: Vec<ItemGroup> = counted
            .into_iter()
            .map(|(value, count)| ItemGroup {
                value: value.map(Into::into),
                count,
            })
            .collect();
        // What is as large stays in the order of its value.
        groups.sort_by_key(|group| std::cmp::Reverse(group.count));
        groups.truncate(groups_max);
        Self {
            groups,
            total,
            items,
        }
    }
}

/// The name of a grade as answers write it.
pub(crate) fn freshness_name(freshness: Freshness) -> &'static str {
    match freshness {
        Freshness::Confirmed => "CONFIRMED",
        Freshness::Ageing => "AGEING",
        Freshness::Unconfirmed => "UNCONFIRMED",
        Freshness::Closed => "CLOSED",
    }
}
