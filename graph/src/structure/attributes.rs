//! The attributes of items, as far as somebody read them from the disk.

use std::collections::BTreeMap;

use model::{
    AttributeTest, Attributes, CiId, ItemFilter, LabelTest, LogPosition, ObservedItem, SourceKey,
    SourceName, Timestamp,
};
use serde_json::Value;

use crate::history::{ItemStatement, Precedence, Wanted, attributes_at};
use crate::identity::ItemIx;
use crate::mention::claim_of;
use crate::topology::Seen;
use crate::view::{GraphView, Item};

/// What one statement says of some attributes of an item.
#[derive(Clone, Debug, PartialEq)]
pub struct AttributeStatement {
    /// What its source calls the item.
    pub key: SourceKey,
    /// Equal for what one source says by one key.
    pub teller: [u8; 16],
    /// The time it speaks of.
    pub occurred_at: Timestamp,
    /// [`crate::tie_of`] its event.
    pub tie: u64,
    /// Where it stands in the log.
    pub position: LogPosition,
    /// The attributes that were asked for.
    pub attributes: Attributes,
}

impl AttributeStatement {
    fn said_by(self, source: SourceName) -> ItemStatement {
        let mut item = ObservedItem::new(self.key);
        item.attributes = self.attributes;
        ItemStatement {
            source,
            occurred_at: self.occurred_at,
            tie: self.tie,
            position: self.position,
            item,
        }
    }
}

/// The attributes that a question looks at, by item.
#[derive(Clone, Debug, Default)]
pub struct AttributeTable {
    values: BTreeMap<ItemIx, BTreeMap<String, Value>>,
}

impl AttributeTable {
    /// What the statements come to, item by item, as [`attributes_at`] has it.
    ///
    /// `teller` gives what is equal for everything one source says by one key.
    pub fn new(
        view: &GraphView,
        statements: Vec<AttributeStatement>,
        at: Option<Timestamp>,
        teller: impl Fn(&SourceName, &SourceKey) -> [u8; 16],
    ) -> Self {
        let mut by_item: BTreeMap<ItemIx, Vec<AttributeStatement>> = BTreeMap::new();
        for statement in statements {
            if let Some(item) = view.item(CiId::of(&claim_of(&statement.key))) {
                by_item.entry(item.item).or_default().push(statement);
            }
        }
        let mut values = BTreeMap::new();
        for (number, statements) in by_item {
            let item = view.item_at(number);
            let observations = item.observations().into_iter();
            let tellers: BTreeMap<[u8; 16], SourceName> = observations
                .map(|one| (teller(&one.source, &one.key), one.source))
                .collect();
            let said: Vec<ItemStatement> = statements
                .into_iter()
                .filter_map(|statement| {
                    let source = tellers.get(&statement.teller)?.clone();
                    Some(statement.said_by(source))
                })
                .collect();
            let precedence = Precedence {
                kinds: view.kinds(),
                kind: item.kind(),
                moment: at.unwrap_or(Timestamp::MAX),
            };
            let attributes = attributes_at(&said, at, Wanted::Attributes, precedence).into_iter();
            let shown = attributes.map(|one| (one.name, one.shown.value)).collect();
            values.insert(number, shown);
        }
        Self { values }
    }

    /// An attribute of an item, if it was asked for and the item has it.
    pub fn get(&self, item: &Item<'_>, name: &str) -> Option<&Value> {
        self.values.get(&item.item)?.get(name)
    }

    /// Whether an item passes the tests of a filter.
    pub(crate) fn passes(&self, item: &Item<'_>, filter: &ItemFilter) -> bool {
        passes(|name| self.get(item, name), filter)
    }

    /// The items with attributes that pass the tests of a filter.
    pub(crate) fn passing(&self, filter: &ItemFilter) -> Seen {
        let mut passing = Seen::default();
        for (item, values) in &self.values {
            if passes(|name| values.get(name), filter) {
                passing.mark(item.0);
            }
        }
        passing
    }
}

fn passes<'a>(value: impl Fn(&str) -> Option<&'a Value>, filter: &ItemFilter) -> bool {
    let attribute = |test: &AttributeTest| test.passes(value(&test.name));
    let labels = |test: &LabelTest| test.passes(value(LabelTest::ATTRIBUTE));
    filter.attributes.iter().all(attribute) && filter.labels.iter().all(labels)
}
