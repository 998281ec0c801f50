//! Items counted by a value.

use async_graphql::{Enum, SimpleObject};
use graph::GroupBy;

use crate::schema::scalars::LogPosition;
use crate::schema::standpoint::Standpoint;

/// What items can be counted by.
#[derive(Clone, Copy, PartialEq, Eq, Enum)]
pub(crate) enum ItemGroupBy {
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
    /// The attribute that the argument `attribute` names.
    Attribute,
}

/// The items with one value.
#[derive(SimpleObject)]
pub(crate) struct ItemGroup {
    /// The value; null for items without one.
    value: Option<String>,
    /// How many items have it.
    count: usize,
}

/// Items counted by a value, the largest group first.
#[derive(SimpleObject)]
pub(crate) struct ItemGroups {
    /// The groups that are listed.
    groups: Vec<ItemGroup>,
    /// How many groups there are.
    total_groups: usize,
    /// How many items there are in all groups.
    total_items: usize,
    /// Whether groups were left out, or items were not looked at.
    truncated: bool,
    /// What was not looked at, in words.
    cuts: Vec<String>,
    /// The last position that was known when this was answered.
    position: LogPosition,
}

impl ItemGroupBy {
    /// What the fold knows items by; `None` for an attribute, which lies on the disk.
    pub(crate) fn known(self) -> Option<GroupBy> {
        match self {
            Self::Kind => Some(GroupBy::Kind),
            Self::Owner => Some(GroupBy::Owner),
            Self::Environment => Some(GroupBy::Environment),
            Self::Criticality => Some(GroupBy::Criticality),
            Self::Freshness => Some(GroupBy::Freshness),
            Self::Attribute => None,
        }
    }
}

impl ItemGroup {
    pub(crate) fn list(counted: graph::ItemGroups) -> Vec<Self> {
        let groups = counted.groups.into_iter();
        groups
            .map(|group| Self {
                value: group.value,
                count: group.count,
            })
            .collect()
    }
}

impl ItemGroups {
    pub(crate) fn of(at: &Standpoint, counted: graph::ItemGroups, cuts: Vec<String>) -> Self {
        let (total_groups, total_items) = (counted.total, counted.items);
        let groups = ItemGroup::list(counted);
        Self {
            truncated: groups.len() < total_groups || !cuts.is_empty(),
            groups,
            total_groups,
            total_items,
            cuts,
            position: at.position(),
        }
    }
}
