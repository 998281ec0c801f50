//! Which items a list shows, and in which order.

use async_graphql::{Context, Enum, InputObject, Json, Result};
use graph::{AttributeTable, ItemCriteria, OrderBy, Selection};
use index::{KnownUntil, teller};
use model::{AttributeOperator, AttributeTest, LabelTest, Sureness};
use serde_json::Value;

use super::Shared;
use super::asking::ask;
use super::details::failed;
use super::item::Freshness;
use super::standpoint::Standpoint;
use crate::error::ErrorCode;

/// How many groups may stand in each other's filters.
const GROUPS_DEEP: usize = 8;

/// Which items to show. Everything that is given must hold; of a list, one entry.
#[derive(InputObject, Default)]
pub(crate) struct ItemFilter {
    /// Every word of it is found in the key, the display name, another name or the owner, whatever its case
    /// and width. Words are what stands between spaces; Chinese is searched as it stands, character by character.
    text: Option<String>,
    /// It is of this kind.
    kind: Option<String>,
    /// It is of one of these kinds.
    kinds: Option<Vec<String>>,
    /// It is in this environment or in one inside it: by its own environment if it has one, else by what contains it.
    environment: Option<String>,
    /// It is in this namespace.
    namespace: Option<String>,
    /// A source names this team as its owner.
    owner: Option<String>,
    /// This team answers for it: its own owner or, without one, that of the nearest container that has one.
    owned_by: Option<String>,
    /// It is as critical as this: `P0`, `P1`, `P2`, or a word that means the same, such as `critical`.
    criticality: Option<String>,
    /// It is as critical as one of these.
    criticalities: Option<Vec<String>>,
    /// We are as sure of it as one of these at the moment asked about.
    freshness: Option<Vec<Freshness>>,
    /// Its attributes pass all of these. They lie on the disk: see `cuts` of the answer.
    attributes: Option<Vec<AttributeCondition>>,
    /// It carries all of these labels: entries of the attribute `labels`.
    labels: Option<Vec<LabelCondition>>,
    /// It belongs to this group: what `defineGroup` saved under the name.
    group: Option<String>,
    /// Whether items that do not exist at the moment asked about are shown too; of those that closed long ago only
    /// what the question names or what was there at its moment.
    #[graphql(default)]
    include_ended: bool,
}

/// A condition on one attribute, by the latest statement of any source.
#[derive(InputObject)]
pub(crate) struct AttributeCondition {
    /// The attribute's name.
    name: String,
    /// How it is compared.
    operator: AttributeComparison,
    /// What it is compared with; not needed by `EXISTS`. Numbers and their texts are equal.
    value: Option<Json<Value>>,
}

/// How an attribute is compared.
#[derive(Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "AttributeOperator")]
pub(crate) enum AttributeComparison {
    /// It is the value.
    Eq,
    /// It is another value, or there is none.
    Neq,
    /// Its text holds the text of the value, whatever its case, or its list has it as an entry.
    Contains,
    /// There is a value.
    Exists,
    /// It is greater: numbers as numbers, anything else as text.
    Gt,
    /// It is less.
    Lt,
}

/// A condition on one label.
#[derive(InputObject)]
pub(crate) struct LabelCondition {
    /// The label's name.
    name: String,
    /// Its value; any when missing.
    value: Option<String>,
}

/// What a list of items is ordered by. What is equal is ordered by key.
#[derive(InputObject)]
pub(crate) struct ItemOrder {
    /// What counts.
    by: ItemOrderBy,
    /// Whether the greatest comes first.
    #[graphql(default)]
    descending: bool,
}

/// What a list of items can be ordered by.
#[derive(Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "OrderBy")]
pub(crate) enum ItemOrderBy {
    /// The canonical key.
    Key,
    /// The name, without kind and environment.
    Name,
    /// The first moment any source speaks of.
    FirstSeen,
    /// The last moment any source speaks of.
    LastSeen,
    /// How much depends on it, `P0` first; what nobody spoke of comes last.
    Criticality,
}

/// Which items are meant at a standpoint, everything read that lies on the disk.
pub(crate) struct ItemChoice {
    filters: Vec<model::ItemFilter>,
    attributes: AttributeTable,
    cuts: Vec<String>,
}

impl ItemFilter {
    /// The filter in the words of the model.
    pub(crate) fn read(self) -> Result<model::ItemFilter> {
        let list = |one: Option<String>, more: Option<Vec<String>>| {
            let mut list = more.unwrap_or_default();
            list.extend(one);
            list
        };
        let filter = model::ItemFilter {
            text: self.text,
            kinds: list(self.kind, self.kinds),
            environment: self.environment,
            namespace: self.namespace,
            owners: list(self.owner, None),
            owned_by: list(self.owned_by, None),
            criticality: list(self.criticality, self.criticalities),
            freshness: self
                .freshness
                .unwrap_or_default()
                .into_iter()
                .map(sureness)
                .collect(),
            include_ended: self.include_ended,
            attributes: conditions(self.attributes),
            group: self.group,
            labels: labels(self.labels),
        };
        if let Some(fault) = filter.fault() {
            return Err(ErrorCode::BadInput.error(fault));
        }
        Ok(filter)
    }
}

impl ItemChoice {
    /// Reads what a filter needs from the disk.
    pub(crate) async fn of(
        ctx: &Context<'_>,
        at: &Standpoint,
        filter: Option<ItemFilter>,
    ) -> Result<Self> {
        Self::reading(ctx, at, filter, None).await
    }

    /// Reads what filters need from the disk, and one attribute more.
    pub(crate) async fn reading(
        ctx: &Context<'_>,
        at: &Standpoint,
        filter: Option<ItemFilter>,
        also: Option<String>,
    ) -> Result<Self> {
        let filter = filter.unwrap_or_default();
        // Both can be answered by what contains an item, and that may be hidden.
        at.needs_all(filter.owned_by.is_some(), "filter.ownedBy")?;
        at.needs_all(filter.group.is_some(), "filter.group")?;
        let filters = with_groups(at, filter.read()?)?;
        let mut choice = Self {
            attributes: AttributeTable::default(),
            cuts: Vec::new(),
            filters,
        };
        let names = choice.attribute_names(also);
        if names.is_empty() {
            return Ok(choice);
        }
        let read_max = ctx.data::<Shared>()?.limits.attribute_statements_max;
        let until = KnownUntil {
            position: at.view.position(),
            moment: at.stated.then_some(at.valid_at),
        };
        let read = ctx
            .data::<Shared>()?
            .ports
            .bodies
            .attributes(names, until, read_max);
        let found = read.await.map_err(|error| failed(&error))?;
        if found.truncated {
            choice.cuts.push(format!(
                "attributes were looked for in {read_max} statements about items, not in all"
            ));
        }
        let view = at.view.clone();
        let table = move || AttributeTable::new(&view.graph, found.entries, until.moment, teller);
        choice.attributes = ask(ctx, table).await?;
        Ok(choice)
    }

    fn attribute_names(&self, also: Option<String>) -> Vec<String> {
        let mut names: Vec<String> = also.into_iter().collect();
        for filter in &self.filters {
            names.extend(filter.attributes.iter().map(|test| test.name.clone()));
            let labels = filter.labels.iter();
            names.extend(labels.map(|_| LabelTest::ATTRIBUTE.to_owned()));
        }
        names.sort();
        names.dedup();
        names
    }

    /// The attributes that were read.
    pub(crate) fn attributes(&self) -> &AttributeTable {
        &self.attributes
    }

    /// How many items exist at the moment that are hidden from whoever asks.
    pub(crate) fn hidden_count(at: &Standpoint) -> usize {
        if at.sight.is_none() {
            return 0;
        }
        let every = ItemCriteria::new(
            &at.view.graph,
            Vec::new(),
            AttributeTable::default(),
            at.valid_at,
        );
        let hidden = every.select(&at.view.graph).keeping(|item| !at.sees(item));
        hidden.count()
    }

    /// The items that are meant, and sentences on what was not looked at.
    pub(crate) fn select<'v>(&self, at: &'v Standpoint) -> (Selection<'v>, Vec<String>) {
        let graph = &at.view.graph;
        let (filters, attributes) = (self.filters.clone(), self.attributes.clone());
        let criteria = ItemCriteria::new(graph, filters, attributes, at.valid_at);
        let mut cuts = self.cuts.clone();
        if criteria.truncated() {
            cuts.push("the environment contains more than was looked at".to_owned());
        }
        let selection = criteria.select(graph);
        match at.sight {
            Some(_) => (selection.keeping(|item| at.sees(item)), cuts),
            None => (selection, cuts),
        }
    }
}

impl ItemOrder {
    /// The order, by key when nobody says.
    pub(crate) fn read(order: Option<Self>) -> graph::ItemOrder {
        order.map_or(graph::ItemOrder::BY_KEY, |order| graph::ItemOrder {
            by: OrderBy::from(order.by),
            descending: order.descending,
        })
    }
}

fn sureness(freshness: Freshness) -> Sureness {
    match freshness {
        Freshness::Confirmed => Sureness::Confirmed,
        Freshness::Ageing => Sureness::Ageing,
        Freshness::Unconfirmed => Sureness::Unconfirmed,
        Freshness::Closed => Sureness::Closed,
    }
}

fn conditions(given: Option<Vec<AttributeCondition>>) -> Vec<AttributeTest> {
    let given = given.unwrap_or_default().into_iter();
    given
        .map(|condition| AttributeTest {
            name: condition.name,
            operator: condition.operator.into(),
            value: condition.value.map(|value| value.0),
        })
        .collect()
}

/// A filter, and those of the groups it names and they name.
fn with_groups(at: &Standpoint, filter: model::ItemFilter) -> Result<Vec<model::ItemFilter>> {
    let mut filters = vec![filter];
    while let Some(name) = filters.last().and_then(|filter| filter.group.clone()) {
        if GROUPS_DEEP < filters.len() {
            let message = format!("groups name each other more than {GROUPS_DEEP} deep");
            return Err(ErrorCode::BadInput.error(message));
        }
        let Some(group) = at.view.graph.group(&name) else {
            return Err(ErrorCode::BadInput.error(format!("no group is called {name}")));
        };
        filters.push(group.defined.filter.clone());
    }
    Ok(filters)
}

fn labels(given: Option<Vec<LabelCondition>>) -> Vec<LabelTest> {
    let given = given.unwrap_or_default().into_iter();
    given
        .map(|label| LabelTest {
            name: label.name,
            value: label.value,
        })
        .collect()
}
