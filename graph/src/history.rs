//! What the sources of an item say of its values at a moment, and how that came to be.
//!
//! The fold keeps only the newest word of each source; these are pure functions over every
//! statement, which the index keeps. Which statement counts depends on the times they speak of
//! and on nothing else, so the order of arrival cannot matter.

use std::collections::BTreeMap;

use model::{LogPosition, ObservedItem, SourceName, Timestamp};
use serde_json::Value;

use crate::kinds::KindBook;
use crate::quorum::{QUORUM, Quorum};
use crate::view::ItemField;

/// One statement about an item, by whatever name its source calls it.
#[derive(Clone, Debug, PartialEq)]
pub struct ItemStatement {
    /// Who made it.
    pub source: SourceName,
    /// The time it speaks of.
    pub occurred_at: Timestamp,
    /// [`crate::tie_of`] its event: decides between two statements of one time.
    pub tie: u64,
    /// Where it stands in the log.
    pub position: LogPosition,
    /// What it says.
    pub item: ObservedItem,
}

/// Which values are asked for.
#[derive(Clone, Copy, Debug)]
pub enum Wanted<'a> {
    /// Every attribute.
    Attributes,
    /// Values by name; `owner`, `criticality` and `displayName` are among them.
    Named(&'a [String]),
    /// One field, and no attribute of its name.
    Field(ItemField),
}

/// Which sources are believed first about the values of an item.
#[derive(Clone, Copy, Debug)]
pub struct Precedence<'a> {
    /// Every definition of every kind.
    pub kinds: &'a KindBook,
    /// The item's kind.
    pub kind: &'a str,
    /// The moment whose definition counts.
    pub moment: Timestamp,
}

/// A value as one source states it.
#[derive(Clone, Debug, PartialEq)]
pub struct StatedValue {
    /// Who says so.
    pub source: SourceName,
    /// The value.
    pub value: Value,
    /// The time of the statement.
    pub stated_at: Timestamp,
    /// Where the statement stands in the log.
    pub position: LogPosition,
}

/// A value of an item at a moment, with what everybody else says.
#[derive(Clone, Debug, PartialEq)]
pub struct ItemAttribute {
    /// Its name.
    pub name: String,
    /// The statement that counts.
    pub shown: StatedValue,
    /// What other sources state at that moment, the next in order first.
    pub others: Vec<StatedValue>,
}

/// One source begins to state another value, or takes its own back.
#[derive(Clone, Debug, PartialEq)]
pub struct ValueChange {
    /// The name of the value.
    pub name: String,
    /// Who says so.
    pub source: SourceName,
    /// What it said before, if anything.
    pub before: Option<Value>,
    /// What it says from then on; nothing when it takes its word back.
    pub after: Option<Value>,
    /// Since when.
    pub stated_at: Timestamp,
    /// Where the statement stands in the log.
    pub position: LogPosition,
}

/// How the values of an item came to be, the newest first.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct HistoryOfItem {
    /// The changes.
    pub changes: Vec<ValueChange>,
    /// Whether earlier ones were left out.
    pub truncated: bool,
}

impl Precedence<'_> {
    /// The place of a source in the declared order; who is not named comes after those who are.
    pub(crate) fn rank(&self, attribute: &str, source: &str) -> usize {
        let declared = self.kinds.precedence(self.kind, attribute, self.moment);
        let place = declared.iter().position(|named| named.as_str() == source);
        place.unwrap_or(declared.len())
    }
}

impl ItemAttribute {
    /// Whether some source states another value at the same moment.
    pub fn is_disputed(&self) -> bool {
        let other_value = |other: &StatedValue| other.value != self.shown.value;
        self.others.iter().any(other_value)
    }
}

impl Wanted<'_> {
    /// What a statement says of what is asked for. A null takes the source's earlier word back.
    pub fn values_of(&self, item: &ObservedItem) -> Vec<(String, Value)> {
        match self {
            Self::Attributes => {
                let all = item.attributes.iter();
                all.map(|(name, value)| (name.clone(), value.clone()))
                    .collect()
            }
            Self::Named(names) => {
                let said = |name: &String| Some((name.clone(), value_of(item, name)?));
                names.iter().filter_map(said).collect()
            }
            Self::Field(field) => {
                let said = field_of(item, *field).into_iter();
                said.map(|value| (field.name().to_owned(), value)).collect()
            }
        }
    }
}

/// What a statement says under a name; a field of that name stands before an attribute.
fn value_of(item: &ObservedItem, name: &str) -> Option<Value> {
    let named = |field: &ItemField| field.name() == name;
    let field = ItemField::ALL.into_iter().find(named);
    let field = field.filter(|field| *field != ItemField::Quorum);
    let said = field.and_then(|field| field_of(item, field));
    said.or_else(|| item.attributes.get(name).cloned())
}

fn field_of(item: &ObservedItem, field: ItemField) -> Option<Value> {
    let back = item.taken_back.as_ref();
    let (said, is_back) = match field {
        ItemField::DisplayName => (&item.display_name, back.map(|back| back.display_name)),
        ItemField::Owner => (&item.owner, back.map(|back| back.owner)),
        ItemField::Criticality => (&item.criticality, back.map(|back| back.criticality)),
        ItemField::Quorum => {
            let said = Quorum::of_value(item.attributes.get(QUORUM)?);
            return Some(said.map_or(Value::Null, |said| Value::String(said.to_string())));
        }
    };
    let said = said.clone().map(Value::String);
    said.or_else(|| is_back.filter(|back| *back).map(|_| Value::Null))
}

/// The values of an item at a moment, or by the newest word of each source without one; by name.
///
/// A source's latest statement of a name is its word, by whatever key it calls the item. Of several
/// sources the first in the declared order counts, then the latest; equal times are decided by
/// [`crate::tie_of`].
pub fn attributes_at(
    statements: &[ItemStatement],
    at: Option<Timestamp>,
    wanted: Wanted<'_>,
    precedence: Precedence<'_>,
) -> Vec<ItemAttribute> {
    let mut latest: BTreeMap<(String, &SourceName), (&ItemStatement, Value)> = BTreeMap::new();
    for statement in statements {
        if at.is_some_and(|at| at < statement.occurred_at) {
            continue;
        }
        for (name, value) in wanted.values_of(&statement.item) {
            let key = (name, &statement.source);
            let kept = latest.get(&key);
            if kept.is_none_or(|(kept, _)| moment(kept) < moment(statement)) {
                latest.insert(key, (statement, value));
            }
        }
    }
    let mut by_name: BTreeMap<String, Vec<(&ItemStatement, Value)>> = BTreeMap::new();
    for ((name, _), (statement, value)) in latest {
        if !value.is_null() {
            by_name.entry(name).or_default().push((statement, value));
        }
    }
    let named = by_name.into_iter();
    named
        .filter_map(|(name, said)| attribute(name, said, precedence))
        .collect()
}

fn attribute(
    name: String,
    mut said: Vec<(&ItemStatement, Value)>,
    precedence: Precedence<'_>,
) -> Option<ItemAttribute> {
    said.sort_by_key(|(statement, _)| {
        let rank = precedence.rank(&name, statement.source.as_str());
        (rank, std::cmp::Reverse(moment(statement)))
    });
    let mut stated = said.into_iter().map(|(statement, value)| StatedValue {
        source: statement.source.clone(),
        value,
        stated_at: statement.occurred_at,
        position: statement.position,
    });
    Some(ItemAttribute {
        name,
        shown: stated.next()?,
        others: stated.collect(),
    })
}

/// How the values of an item came to be up to a moment, the newest first, no more than `changes_max`.
///
/// A statement that repeats what its source said is no change.
pub fn history(
    statements: &[ItemStatement],
    until: Option<Timestamp>,
    wanted: Wanted<'_>,
    changes_max: usize,
) -> HistoryOfItem {
    let mut in_time: Vec<&ItemStatement> = statements.iter().collect();
    in_time.retain(|statement| until.is_none_or(|until| statement.occurred_at <= until));
    in_time.sort_by_key(|statement| moment(statement));
    let mut standing: BTreeMap<(String, &SourceName), Value> = BTreeMap::new();
    let mut changes: Vec<ValueChange> = Vec::new();
    for statement in in_time {
        for (name, value) in wanted.values_of(&statement.item) {
            let key = (name.clone(), &statement.source);
            let before = standing.get(&key).cloned();
            let after = Some(value).filter(|value| !value.is_null());
            if before == after {
                continue;
            }
            match &after {
                Some(value) => standing.insert(key, value.clone()),
                None => standing.remove(&key),
            };
            changes.push(ValueChange {
                name,
                source: statement.source.clone(),
                before,
                after,
                stated_at: statement.occurred_at,
                position: statement.position,
            });
        }
    }
    changes.reverse();
    let truncated = changes_max < changes.len();
    changes.truncate(changes_max);
    HistoryOfItem { changes, truncated }
}

/// The order in which statements count.
fn moment(statement: &ItemStatement) -> (Timestamp, u64) {
    (statement.occurred_at, statement.tie)
}

#[cfg(test)]
mod tests;
