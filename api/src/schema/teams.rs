//! Who answers for what.

use std::collections::BTreeMap;

use async_graphql::connection::{Connection, EmptyFields, OpaqueCursor};
use async_graphql::{Context, Object, Result, SimpleObject};
use graph::{AttributeTable, GroupBy, Item, ItemCriteria};
use model::ItemFilter;

use super::Shared;
use super::asking::ask;
use super::item::ConfigurationItem;
use super::item_filter::ItemChoice;
use super::paging::{PageArguments, page_cost};
use super::scalars::LogPosition;
use super::standpoint::{AsOfInput, Standpoint};

/// The kind of items that teams are.
const KIND: &str = "team";

/// Questions about teams.
#[derive(Default)]
pub(crate) struct TeamQuery;

/// Somebody who answers for items.
#[derive(SimpleObject)]
pub(crate) struct Team {
    /// The name by which items name it as their owner.
    name: String,
    /// The team as an item of its own, if a source reports it; its attributes say who is on call.
    item: Option<ConfigurationItem>,
    /// How many items it answers for, by themselves or by what they are contained in.
    item_count: usize,
    /// How many incidents go on at its items.
    open_incidents: usize,
}

/// Additional fields of a list of teams.
#[derive(SimpleObject)]
pub(crate) struct TeamTotals {
    /// How many teams there are on all pages.
    total_count: usize,
    /// How many items nobody answers for.
    ownerless_items: usize,
    /// Whether not all items were looked at; `cuts` says why.
    truncated: bool,
    /// What was not looked at.
    cuts: Vec<String>,
    /// The last position that was known when this was answered.
    position: LogPosition,
}

/// A page of teams, in order of name.
pub(crate) type TeamConnection = Connection<OpaqueCursor<String>, Team, TeamTotals, EmptyFields>;

/// Questions about teams.
#[Object]
impl TeamQuery {
    /// The teams that answer for items, and those that are items themselves, in order of name.
    #[graphql(complexity = "page_cost(first, last, child_complexity)")]
    #[expect(
        clippy::too_many_arguments,
        reason = "they are the arguments of a list"
    )]
    async fn teams(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Only teams whose name holds this text, whatever its case.")] text: Option<
            String,
        >,
        #[graphql(desc = "From where to look; now and newest when missing.")] as_of: Option<
            AsOfInput,
        >,
        #[graphql(desc = "The size of the page, from its beginning; 20 when missing.")]
        first: Option<i32>,
        #[graphql(desc = "Begin after the entry with this cursor.")] after: Option<String>,
        #[graphql(desc = "The size of the page, from its end.")] last: Option<i32>,
        #[graphql(desc = "End before the entry with this cursor.")] before: Option<String>,
    ) -> Result<TeamConnection> {
        let arguments = PageArguments {
            first,
            after,
            last,
            before,
        };
        let page = arguments.check::<String>(ctx.data::<Shared>()?.limits.page_max)?;
        let at = Standpoint::with_words(ctx, as_of.as_ref()).await?;
        let choice = ItemChoice::of(ctx, &at, None).await?;
        ask(ctx, move || {
            let (selection, cuts) = choice.select(&at);
            let counted = selection.grouped(GroupBy::Owner, at.valid_at, usize::MAX);
            let mut ownerless_items = 0;
            let mut teams: BTreeMap<String, usize> = BTreeMap::new();
            for group in counted.groups {
                match group.value {
                    Some(name) => *teams.entry(name).or_default() += group.count,
                    None => ownerless_items = group.count,
                }
            }
            let themselves = own_items(&at);
            for name in themselves.keys() {
                teams.entry(name.clone()).or_default();
            }
            if let Some(text) = &text {
                let text = text.to_lowercase();
                teams.retain(|name, _| name.to_lowercase().contains(&text));
            }
            let incidents = open_incidents(&at);
            let totals = TeamTotals {
                total_count: teams.len(),
                ownerless_items,
                truncated: !cuts.is_empty(),
                cuts,
                position: at.position(),
            };
            let teams = teams.into_iter();
            let page = page.select(teams.map(|(name, count)| (name.clone(), (name, count))));
            page.connection(totals, |(name, item_count)| Team {
                item: themselves
                    .get(&name)
                    .map(|it| ConfigurationItem::of(&at, *it)),
                open_incidents: incidents.get(&name).copied().unwrap_or(0),
                item_count,
                name,
            })
        })
        .await
    }
}

/// The items that are teams, by name.
fn own_items(at: &Standpoint) -> BTreeMap<String, Item<'_>> {
    let filter = ItemFilter {
        kinds: vec![KIND.to_owned()],
        ..ItemFilter::default()
    };
    let view = &at.view.graph;
    let criteria = ItemCriteria::new(view, vec![filter], AttributeTable::default(), at.valid_at);
    let selection = criteria.select(view);
    let items = selection.items();
    items.map(|item| (item.name().to_owned(), item)).collect()
}

/// How many incidents go on at the items of each team.
fn open_incidents(at: &Standpoint) -> BTreeMap<String, usize> {
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    let going_on = at.view.graph.incidents_unsorted();
    for incident in going_on.filter(|it| it.goes_on(at.valid_at)) {
        let items = incident.items().into_iter();
        let mut owners: Vec<&str> = items
            .filter_map(|item| graph::owner_of(item, at.valid_at))
            .collect();
        owners.sort_unstable();
        owners.dedup();
        for owner in owners {
            *counts.entry(owner.to_owned()).or_default() += 1;
        }
    }
    counts
}
