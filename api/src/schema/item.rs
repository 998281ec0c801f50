//! Items and the relations between them, as handles.

use async_graphql::connection::{
    Connection, ConnectionNameType, EdgeNameType, EmptyFields, OpaqueCursor,
};
use async_graphql::{Context, Enum, ID, Object, OutputType, Result, SimpleObject};
use graph::ItemField;
use model::{CiId, Timestamp};

use super::Shared;
use super::measurements::{
    Around, MeasurementComparison, Measurements, Span, comparison, measurements, names_of_item,
    names_of_relation, steps_cost,
};
use super::paging::{PageArguments, page_cost, question_size};
use super::scalars::{DateTime, Duration, LogPosition};
use super::sight::HIDDEN;
use super::standpoint::Standpoint;
use super::structure::ItemPlace;
use super::values::{self, AttributeHistory, ItemAttribute};

/// What hidden items are ordered by among others: behind every key.
const LAST: char = char::MAX;

/// A thing someone answers for: a service, host, database, queue, flag ...
#[derive(Clone)]
pub(crate) struct ConfigurationItem {
    at: Standpoint,
    id: CiId,
    /// Whether it is shown to whoever asks.
    is_shown: bool,
}

/// Another name an item answers to.
#[derive(SimpleObject)]
pub(crate) struct Alias {
    /// The naming scheme; `key` for written keys.
    scheme: String,
    /// The name in that scheme.
    value: String,
    /// The first moment it belongs to the item; since ever when missing.
    valid_from: Option<DateTime>,
    /// The first moment it no longer does; for ever when missing.
    valid_until: Option<DateTime>,
}

/// How sure we are that something still holds, by the age of the last evidence.
#[derive(Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "graph::Freshness")]
pub(crate) enum Freshness {
    /// There is recent evidence.
    Confirmed,
    /// Evidence is due.
    Ageing,
    /// Evidence is overdue; it may have ended unnoticed.
    Unconfirmed,
    /// It does not hold at this moment.
    Closed,
}

/// One item needs another. Always read `dependent -> provider`: harm to the provider reaches the dependent.
#[derive(Clone)]
pub(crate) struct Relation {
    at: Standpoint,
    dependent: CiId,
    provider: CiId,
    kind: String,
    strength: Option<&'static str>,
    freshness: graph::Freshness,
    first_seen_at: Timestamp,
    last_seen_at: Timestamp,
    sources: Vec<String>,
}

/// Additional fields of a list of relations.
#[derive(SimpleObject)]
pub(crate) struct RelationTotals {
    /// How many relations there are on all pages.
    total_count: usize,
}

/// A page of relations, ordered by the key of the other item.
pub(crate) type RelationConnection =
    Connection<OpaqueCursor<(String, String)>, Relation, RelationTotals, EmptyFields>;

impl ConfigurationItem {
    /// A handle to an item of a view, if it is there. Former ids find it too. One that is hidden stands for itself.
    pub(crate) fn find(at: &Standpoint, id: CiId) -> Option<Self> {
        let item = at.view.graph.item(id)?;
        Some(Self::of(at, item))
    }

    /// The same, if it is shown to whoever asks.
    pub(crate) fn find_shown(at: &Standpoint, id: CiId) -> Option<Self> {
        Self::find(at, id).filter(|item| item.is_shown)
    }

    /// A handle to an item of the standpoint's view.
    pub(crate) fn of(at: &Standpoint, item: graph::Item<'_>) -> Self {
        Self {
            at: at.clone(),
            id: item.id(),
            is_shown: at.sees(item),
        }
    }

    /// It as the view has it, if it is shown to whoever asks.
    fn shown(&self) -> Option<graph::Item<'_>> {
        self.is_shown.then(|| self.item())
    }

    fn item(&self) -> graph::Item<'_> {
        let item = self.at.view.graph.item(self.id);
        item.expect("a handle is made of an item of its own view")
    }
}

/// A thing someone answers for: a service, host, database, queue, flag ...
#[Object]
impl ConfigurationItem {
    /// The global id: derived from the item's least identifying name. Former ids still find it.
    pub(crate) async fn id(&self) -> ID {
        match self.is_shown {
            true => ID(self.id.to_string()),
            false => ID(self.at.veiled_item(self.id).to_string()),
        }
    }

    /// Whether it is outside of what the token shows: then it is there and counts, its texts are `hidden`, and
    /// nothing else is told of it.
    async fn hidden(&self) -> bool {
        !self.is_shown
    }

    /// The canonical key, `kind:[environment/[namespace/]]name`.
    async fn key(&self) -> String {
        let item = self.shown();
        item.map_or_else(|| HIDDEN.to_owned(), |item| item.key())
    }

    /// The kind in lower case, such as `service`; `unknown` while only names in other schemes are known.
    async fn kind(&self) -> &str {
        self.shown().map_or(HIDDEN, |item| item.kind())
    }

    /// The name, without environment and namespace.
    async fn name(&self) -> &str {
        self.shown().map_or(HIDDEN, |item| item.name())
    }

    /// The environment, if known.
    async fn environment(&self) -> Option<&str> {
        self.shown()?.environment()
    }

    /// Its named values at the moment asked about, by name: of each the statement of the source that is
    /// believed first where the kind declares an order, else the latest, with what other sources state.
    #[graphql(complexity = "5 + child_complexity")]
    async fn attributes(
        &self,
        ctx: &Context<'_>,
        #[graphql(
            desc = "Only these; every attribute when missing. By name come `owner`, `criticality` and `displayName` too."
        )]
        names: Option<Vec<String>>,
    ) -> Result<Vec<ItemAttribute>> {
        match self.shown() {
            Some(item) => values::attributes(ctx, &self.at, item, names.as_deref()).await,
            None => Ok(Vec::new()),
        }
    }

    /// How its values came to be up to the moment asked about: each change by any source, the newest first.
    #[graphql(complexity = "page_cost(first, None, child_complexity)")]
    async fn attribute_history(
        &self,
        ctx: &Context<'_>,
        #[graphql(
            desc = "Of which value, `owner`, `criticality` and `displayName` among them; of every attribute when missing."
        )]
        name: Option<String>,
        #[graphql(desc = "How many changes at most; 20 when missing.")] first: Option<i32>,
    ) -> Result<AttributeHistory> {
        let first = question_size(ctx, first)?;
        values::attribute_history(ctx, &self.at, self.item(), name, first).await
    }

    /// The namespace, if known.
    async fn namespace(&self) -> Option<&str> {
        self.shown()?.namespace()
    }

    /// A name for people, by the latest source that gave one.
    async fn display_name(&self, ctx: &Context<'_>) -> Result<Option<String>> {
        self.field(ctx, ItemField::DisplayName).await
    }

    /// The team that answers for it, by the latest source that named one.
    async fn owner(&self, ctx: &Context<'_>) -> Result<Option<String>> {
        self.field(ctx, ItemField::Owner).await
    }

    /// How much depends on it, in the words of the latest source that said so: `P0`, `P1`, `P2`, `critical` ...
    async fn criticality(&self, ctx: &Context<'_>) -> Result<Option<String>> {
        self.field(ctx, ItemField::Criticality).await
    }

    /// Its place in the order of the estate.
    #[graphql(flatten)]
    async fn place(&self) -> ItemPlace {
        ItemPlace {
            at: self.at.clone(),
            id: self.id,
        }
    }

    /// Every other name it answers to.
    async fn aliases(&self) -> Vec<Alias> {
        let aliases = self.shown().map(|item| item.aliases());
        aliases.into_iter().flatten().map(Alias::from).collect()
    }

    /// The names of all sources that speak of it.
    async fn sources(&self) -> Vec<&str> {
        self.shown().map(|item| item.sources()).unwrap_or_default()
    }

    /// How sure we are that it exists at the moment asked about.
    async fn freshness(&self) -> Freshness {
        self.item().freshness(self.at.valid_at).into()
    }

    /// With the arrow: what it needs at the moment asked about. The cause of its trouble may be there.
    #[graphql(complexity = "page_cost(first, None, child_complexity)")]
    async fn depends_on(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The size of the page; 20 when missing.")] first: Option<i32>,
        #[graphql(desc = "Begin after the entry with this cursor.")] after: Option<String>,
    ) -> Result<RelationConnection> {
        let relations = self.shown().map(|item| item.depends_on(self.at.valid_at));
        self.relations(ctx, relations.unwrap_or_default(), first, after)
    }

    /// Against the arrow: who needs it at the moment asked about, and is harmed with it (its callers).
    #[graphql(complexity = "page_cost(first, None, child_complexity)")]
    async fn used_by(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The size of the page; 20 when missing.")] first: Option<i32>,
        #[graphql(desc = "Begin after the entry with this cursor.")] after: Option<String>,
    ) -> Result<RelationConnection> {
        let relations = self.shown().map(|item| item.used_by(self.at.valid_at));
        self.relations(ctx, relations.unwrap_or_default(), first, after)
    }

    /// What was measured of the calls that it takes, whoever makes them: rate, errors and latency, in steps.
    #[graphql(
        complexity = "steps_cost(from.as_ref(), to.as_ref(), step.as_ref(), child_complexity)"
    )]
    async fn measurements(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "From when; an hour before `to` when missing.")] from: Option<DateTime>,
        #[graphql(desc = "Until when; the moment asked about, or now, when missing.")] to: Option<
            DateTime,
        >,
        #[graphql(
            desc = "The length of a step in whole minutes; when missing, a minute, an hour or a day so that there are no more than 360."
        )]
        step: Option<Duration>,
    ) -> Result<Measurements> {
        let names = names_of_item(&self.at, self.id);
        measurements(ctx, &self.at, names, Span { from, to, step }).await
    }

    /// The calls that it takes before a moment and after it.
    #[graphql(complexity = "40 + child_complexity")]
    async fn comparison(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Around the start of this change; this or `at`.")] change: Option<ID>,
        #[graphql(desc = "Around this moment; this or `change`.")] at: Option<DateTime>,
        #[graphql(desc = "How long before and after; `PT1H` when missing.")] window: Option<
            Duration,
        >,
    ) -> Result<MeasurementComparison> {
        let names = names_of_item(&self.at, self.id);
        comparison(ctx, &self.at, names, Around { change, at, window }).await
    }
}

impl ConfigurationItem {
    async fn field(&self, ctx: &Context<'_>, field: ItemField) -> Result<Option<String>> {
        match self.shown() {
            Some(item) => values::field(ctx, &self.at, item, field).await,
            None => Ok(None),
        }
    }

    fn relations(
        &self,
        ctx: &Context<'_>,
        relations: Vec<graph::Relation<'_>>,
        first: Option<i32>,
        after: Option<String>,
    ) -> Result<RelationConnection> {
        let arguments = PageArguments {
            first,
            after,
            ..PageArguments::default()
        };
        let page = arguments.check(ctx.data::<Shared>()?.limits.page_max)?;
        let total_count = relations.len();
        let sorted = relations.into_iter().map(|relation| {
            let other = if relation.dependent().id() == self.id {
                relation.provider()
            } else {
                relation.dependent()
            };
            // A key in a cursor, or a place between keys, would tell it.
            let place = match self.at.sees(other) {
                true => other.key(),
                false => format!("{LAST}{}", self.at.veiled_item(other.id())),
            };
            ((place, relation.kind().to_owned()), relation)
        });
        let page = page.select(sorted);
        Ok(page.connection(RelationTotals { total_count }, |relation| {
            Relation::of(&self.at, &relation)
        }))
    }
}

impl Relation {
    /// The relation as it stands at the standpoint's moment.
    pub(crate) fn of(at: &Standpoint, relation: &graph::Relation<'_>) -> Self {
        let (dependent, provider) = (relation.dependent(), relation.provider());
        let shown = [dependent, provider].map(|item| at.sees(item));
        // Who speaks of it tells who speaks of either end.
        let sources = match shown == [true; 2] {
            true => relation.sources(),
            false => Vec::new(),
        };
        let kind = match shown == [false; 2] {
            true => HIDDEN,
            false => relation.kind(),
        };
        Self {
            at: at.clone(),
            dependent: dependent.id(),
            provider: provider.id(),
            kind: kind.to_owned(),
            strength: relation.strength().map(|strength| match strength {
                model::Strength::Strong => "strong",
                model::Strength::Weak => "weak",
            }),
            freshness: relation.freshness(at.valid_at),
            first_seen_at: relation.first_seen_at(),
            last_seen_at: relation.last_seen_at(),
            sources: sources.into_iter().map(str::to_owned).collect(),
        }
    }

    fn item(&self, id: CiId) -> ConfigurationItem {
        let item = ConfigurationItem::find(&self.at, id);
        item.expect("a relation is between items of its own view")
    }
}

/// One item needs another. Always read `dependent -> provider`: harm to the provider reaches the dependent.
#[Object]
impl Relation {
    /// The item that needs the other.
    async fn dependent(&self) -> ConfigurationItem {
        self.item(self.dependent)
    }

    /// The item that is needed.
    async fn provider(&self) -> ConfigurationItem {
        self.item(self.provider)
    }

    /// How it is needed, read as a sentence: dependent KIND provider, as in `web calls api`.
    async fn kind(&self) -> &str {
        &self.kind
    }

    /// Whether the dependent can do without: `strong` or `weak`, if a source said so.
    async fn strength(&self) -> Option<&str> {
        self.strength
    }

    /// How sure we are that it holds at the moment asked about.
    async fn freshness(&self) -> Freshness {
        self.freshness.into()
    }

    /// The first moment any source speaks of.
    async fn first_seen_at(&self) -> DateTime {
        DateTime(self.first_seen_at)
    }

    /// The last moment any source speaks of.
    async fn last_seen_at(&self) -> DateTime {
        DateTime(self.last_seen_at)
    }

    /// The names of the sources that speak of it.
    async fn sources(&self) -> &[String] {
        &self.sources
    }

    /// What was measured of the calls over it: rate, errors and latency, in steps.
    #[graphql(
        complexity = "steps_cost(from.as_ref(), to.as_ref(), step.as_ref(), child_complexity)"
    )]
    async fn measurements(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "From when; an hour before `to` when missing.")] from: Option<DateTime>,
        #[graphql(desc = "Until when; the moment asked about, or now, when missing.")] to: Option<
            DateTime,
        >,
        #[graphql(
            desc = "The length of a step in whole minutes; when missing, a minute, an hour or a day so that there are no more than 360."
        )]
        step: Option<Duration>,
    ) -> Result<Measurements> {
        let names = names_of_relation(&self.at, self.dependent, self.provider, &self.kind);
        measurements(ctx, &self.at, names, Span { from, to, step }).await
    }

    /// The calls over it before a moment and after it: what became of it since a change.
    #[graphql(complexity = "40 + child_complexity")]
    async fn comparison(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Around the start of this change; this or `at`.")] change: Option<ID>,
        #[graphql(desc = "Around this moment; this or `change`.")] at: Option<DateTime>,
        #[graphql(desc = "How long before and after; `PT1H` when missing.")] window: Option<
            Duration,
        >,
    ) -> Result<MeasurementComparison> {
        let names = names_of_relation(&self.at, self.dependent, self.provider, &self.kind);
        comparison(ctx, &self.at, names, Around { change, at, window }).await
    }
}

impl From<graph::AliasOfItem> for Alias {
    fn from(alias: graph::AliasOfItem) -> Self {
        Self {
            scheme: alias.scheme,
            value: alias.value,
            valid_from: alias.valid.map(|valid| DateTime(valid.from())),
            valid_until: alias.valid.and_then(|valid| valid.until()).map(DateTime),
        }
    }
}

/// Additional fields of a list of items.
#[derive(SimpleObject)]
pub(crate) struct ItemTotals {
    /// How many items there are on all pages.
    pub(crate) total_count: usize,
    /// How many more items exist at the moment asked about that the token does not show, whatever the filter.
    pub(crate) hidden_count: usize,
    /// Whether a part of the estate was not looked at, so that items may be missing.
    pub(crate) truncated: bool,
    /// What was not looked at, in words.
    pub(crate) cuts: Vec<String>,
    /// The last position that was known when this was answered.
    pub(crate) position: LogPosition,
}

/// The list of items is called so in the contract, not after its node.
pub(crate) struct ItemList;

impl ConnectionNameType for ItemList {
    fn type_name<T: OutputType>() -> String {
        "ItemConnection".to_owned()
    }
}

impl EdgeNameType for ItemList {
    fn type_name<T: OutputType>() -> String {
        "ItemEdge".to_owned()
    }
}

/// A page of items.
pub(crate) type ItemConnection = Connection<
    OpaqueCursor<String>,
    ConfigurationItem,
    ItemTotals,
    EmptyFields,
    ItemList,
    ItemList,
>;
