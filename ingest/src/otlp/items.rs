//! The items that spans speak of, each under one small number while it is in use.
//!
//! A number stands for a key as the spans state it; whether two keys are the
//! same item is not decided here.

use hashbrown::{DefaultHashBuilder, HashTable};
use model::{Attributes, Claim, KeyParts, ObservedItem, SourceKey};
use std::hash::BuildHasher;

/// The place of an item in [`Items`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct ItemNumber(u32);

impl ItemNumber {
    /// The number's bytes.
    pub(crate) const fn to_bytes(self) -> [u8; 4] {
        self.0.to_le_bytes()
    }
}

/// A key whose parts are borrowed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct KeyRef<'a> {
    pub(crate) kind: &'a str,
    pub(crate) environment: Option<&'a str>,
    pub(crate) namespace: Option<&'a str>,
    pub(crate) name: &'a str,
}

/// What the spans say of an item besides its key.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct ItemFacts {
    pub(crate) claims: Vec<Claim>,
    pub(crate) attributes: Attributes,
    pub(crate) criticality: Option<String>,
    /// Whether it comes and goes, so that silence about it means something.
    pub(crate) ages: bool,
}

/// All items in use, at most a stated number.
#[derive(Debug)]
pub(crate) struct Items {
    rows: Vec<Option<Row>>,
    free: Vec<ItemNumber>,
    by_key: HashTable<ItemNumber>,
    hasher: DefaultHashBuilder,
    limit: usize,
}

#[derive(Debug)]
struct Row {
    key: KeyParts,
    facts: ItemFacts,
    /// Versions already reported: two versions side by side must not alternate in the log.
    versions: Vec<String>,
    used_at: i64,
    reported_at: Option<i64>,
    has_news: bool,
    /// Whether calls from outside come in here.
    is_entry: bool,
}

/// Versions of one service that are remembered.
const VERSIONS_MAX: usize = 16;
const VERSION: &str = "service.version";

impl Items {
    /// No item yet, and room for `limit`.
    pub(crate) fn new(limit: usize) -> Self {
        Self {
            rows: Vec::new(),
            free: Vec::new(),
            by_key: HashTable::new(),
            hasher: DefaultHashBuilder::default(),
            limit,
        }
    }

    /// The item of this key; `None` when there is no room for another one.
    pub(crate) fn number(&mut self, key: KeyRef<'_>, now: i64) -> Option<ItemNumber> {
        let hash = self.hasher.hash_one(key);
        let rows = &self.rows;
        let known = self.by_key.find(hash, |number| {
            row(rows, *number).is_some_and(|row| key.is(&row.key))
        });
        if let Some(number) = known.copied() {
            self.touch(number, now);
            return Some(number);
        }
        if self.limit <= self.len() {
            return None;
        }
        let number = self.place(Row::new(key.to_parts(), now));
        let rows = &self.rows;
        self.by_key.insert_unique(hash, number, |number| {
            let key = row(rows, *number).map(|row| KeyRef::of(&row.key));
            self.hasher.hash_one(key.unwrap_or_default())
        });
        Some(number)
    }

    /// Adds what spans say of it; what is new is due for the log.
    pub(crate) fn learn(&mut self, number: ItemNumber, facts: ItemFacts) {
        if let Some(row) = row_mut(&mut self.rows, number) {
            row.learn(facts);
        }
    }

    /// Notes that calls come in here from somebody who sends no spans.
    pub(crate) fn note_entry(&mut self, number: ItemNumber) {
        if let Some(row) = row_mut(&mut self.rows, number)
            && !row.is_entry
        {
            row.is_entry = true;
            row.has_news = true;
            let attributes = &mut row.facts.attributes;
            attributes.insert("entry_point".to_owned(), true.into());
        }
    }

    /// Its key.
    pub(crate) fn key(&self, number: ItemNumber) -> Option<&KeyParts> {
        row(&self.rows, number).map(|row| &row.key)
    }

    /// Notes that it is in use.
    pub(crate) fn touch(&mut self, number: ItemNumber, now: i64) {
        if let Some(row) = row_mut(&mut self.rows, number) {
            row.used_at = row.used_at.max(now);
        }
    }

    /// The items with news, and those that age and are due again, in the order of their keys. They count as reported.
    pub(crate) fn take_news(&mut self, now: i64, interval_nanos: i64) -> Vec<ObservedItem> {
        let mut news = Vec::new();
        for row in self.rows.iter_mut().flatten() {
            let silent_too_long = row.facts.ages
                && row.reported_at.is_some_and(|reported| {
                    reported.saturating_add(interval_nanos) <= now && reported < row.used_at
                });
            if row.has_news || silent_too_long {
                row.has_news = false;
                row.reported_at = Some(now);
                news.push(row.observed(interval_nanos));
            }
        }
        news.sort_by(|left, right| left.key.cmp(&right.key));
        news
    }

    /// Frees what has not been used since `before`. Numbers of freed items must no longer be held anywhere.
    pub(crate) fn forget_unused(&mut self, before: i64) {
        for (place, slot) in self.rows.iter_mut().enumerate() {
            if slot.as_ref().is_some_and(|row| row.used_at < before) {
                *slot = None;
                self.free.push(ItemNumber(place as u32));
            }
        }
        let rows = &self.rows;
        self.by_key.retain(|number| row(rows, *number).is_some());
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.rows.len() - self.free.len()
    }

    fn place(&mut self, row: Row) -> ItemNumber {
        if let Some(number) = self.free.pop()
            && let Some(slot) = self.rows.get_mut(number.0 as usize)
        {
            *slot = Some(row);
            return number;
        }
        let number = ItemNumber(self.rows.len() as u32);
        self.rows.push(Some(row));
        number
    }
}

fn row(rows: &[Option<Row>], number: ItemNumber) -> Option<&Row> {
    rows.get(number.0 as usize)?.as_ref()
}

fn row_mut(rows: &mut [Option<Row>], number: ItemNumber) -> Option<&mut Row> {
    rows.get_mut(number.0 as usize)?.as_mut()
}

impl Row {
    const fn new(key: KeyParts, now: i64) -> Self {
        Self {
            key,
            facts: ItemFacts {
                claims: Vec::new(),
                attributes: Attributes::new(),
                criticality: None,
                ages: false,
            },
            versions: Vec::new(),
            used_at: now,
            reported_at: None,
            has_news: true,
            is_entry: false,
        }
    }

    fn learn(&mut self, facts: ItemFacts) {
        for claim in facts.claims {
            if !self.facts.claims.contains(&claim) && self.facts.claims.len() < CLAIMS_MAX {
                self.facts.claims.push(claim);
                self.has_news = true;
            }
        }
        if facts.criticality.is_some() && facts.criticality != self.facts.criticality {
            self.facts.criticality = facts.criticality;
            self.has_news = true;
        }
        self.facts.ages |= facts.ages;
        for (name, value) in facts.attributes {
            let is_new = match value.as_str() {
                Some(version) if name == VERSION => self.is_new_version(version),
                _ => !self.facts.attributes.contains_key(&name),
            };
            if is_new {
                self.facts.attributes.insert(name, value);
                self.has_news = true;
            }
        }
    }

    fn is_new_version(&mut self, version: &str) -> bool {
        if self.versions.iter().any(|known| known == version) {
            return false;
        }
        if self.versions.len() == VERSIONS_MAX {
            self.versions.remove(0);
        }
        self.versions.push(version.to_owned());
        true
    }

    fn observed(&self, interval_nanos: i64) -> ObservedItem {
        ObservedItem {
            claims: self.facts.claims.clone(),
            attributes: self.facts.attributes.clone(),
            criticality: self.facts.criticality.clone(),
            report_interval_ms: self
                .facts
                .ages
                .then(|| interval_nanos.unsigned_abs() / 1_000_000),
            ..ObservedItem::new(SourceKey::Parts(self.key.clone()))
        }
    }
}

/// Claims of one item that are remembered.
const CLAIMS_MAX: usize = 16;

impl<'a> KeyRef<'a> {
    /// A key by its parts.
    pub(crate) fn of(parts: &'a KeyParts) -> Self {
        Self {
            kind: &parts.kind,
            environment: parts.environment.as_deref(),
            namespace: parts.namespace.as_deref(),
            name: &parts.name,
        }
    }

    fn is(&self, parts: &KeyParts) -> bool {
        *self == KeyRef::of(parts)
    }

    fn to_parts(self) -> KeyParts {
        KeyParts::new(self.kind, self.name)
            .in_environment(self.environment.map(str::to_owned))
            .in_namespace(self.namespace.map(str::to_owned))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn key<'a>(kind: &'a str, name: &'a str) -> KeyRef<'a> {
        KeyRef {
            kind,
            environment: None,
            namespace: None,
            name,
        }
    }

    fn version(text: &str) -> ItemFacts {
        ItemFacts {
            attributes: [(VERSION.to_owned(), text.into())].into(),
            ..ItemFacts::default()
        }
    }

    #[test]
    fn a_version_is_news_only_once() {
        let mut items = Items::new(1);
        let item = items.number(key("service", "a"), 0).unwrap();
        let mut news = |text: &str| {
            items.learn(item, version(text));
            items.take_news(0, 1).len()
        };
        assert_eq!([news("1"), news("2"), news("1"), news("2")], [1, 1, 0, 0]);
    }

    #[test]
    fn an_item_beyond_the_limit_has_no_number_until_others_are_forgotten() {
        let mut items = Items::new(1);
        let first = items.number(key("service", "a"), 1);
        assert_eq!(items.number(key("service", "b"), 2), None);
        assert_eq!(items.number(key("service", "a"), 2), first);
        items.forget_unused(3);
        assert_eq!(items.len(), 0);
        assert!(items.number(key("service", "b"), 4).is_some());
    }

    #[test]
    fn what_comes_and_goes_is_said_again_while_it_is_in_use() {
        let mut items = Items::new(1);
        let pod = items.number(key("pod", "a"), 0).unwrap();
        let facts = ItemFacts {
            ages: true,
            ..ItemFacts::default()
        };
        items.learn(pod, facts);
        assert_eq!(items.take_news(0, 10).len(), 1);
        items.touch(pod, 5);
        assert_eq!(items.take_news(9, 10).len(), 0);
        assert_eq!(items.take_news(10, 10).len(), 1);
        assert_eq!(items.take_news(30, 10).len(), 0);
    }
}
