//! How the estate is built and what is amiss with it: the questions over `graph`'s structure.

mod groups;

use async_graphql::{Context, Object, Result};

use super::asking::ask;
use super::item_filter::{ItemChoice, ItemFilter};
use super::paging::{page_cost, question_size};
use super::standpoint::{AsOfInput, Standpoint};
use crate::error::ErrorCode;
use groups::{ItemGroupBy, ItemGroups};

/// Questions about the structure of the estate.
#[derive(Default)]
pub(crate) struct StructureQuery;

/// Questions about the structure of the estate.
#[Object]
impl StructureQuery {
    /// How many items there are of each sort, the largest group first.
    #[graphql(complexity = "page_cost(first, None, child_complexity)")]
    async fn items_grouped(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What items are counted by.")] by: ItemGroupBy,
        #[graphql(desc = "Which attribute, when they are counted by one.")] attribute: Option<
            String,
        >,
        #[graphql(desc = "Which items; all that exist at the moment when missing.")] filter: Option<
            ItemFilter,
        >,
        #[graphql(desc = "How many groups are listed; 20 when missing.")] first: Option<i32>,
        #[graphql(desc = "From where to look; now and newest when missing.")] as_of: Option<
            AsOfInput,
        >,
    ) -> Result<ItemGroups> {
        let first = question_size(ctx, first)?;
        let at = Standpoint::of(ctx, as_of.as_ref()).await?;
        if attribute.is_some() != by.known().is_none() {
            return Err(
                ErrorCode::BadInput.error("attribute goes with ATTRIBUTE, and only with it")
            );
        }
        let filters = vec![filter.unwrap_or_default().read()?];
        let choice = ItemChoice::reading(ctx, &at, filters, attribute.clone()).await?;
        ask(ctx, move || {
            let (items, cuts) = choice.items(&at);
            let counted = match (by.known(), attribute) {
                (Some(by), _) => graph::grouped(items, by, at.valid_at, first),
                (None, name) => {
                    let name = name.unwrap_or_default();
                    let values = items
                        .iter()
                        .map(|item| choice.attributes().get(item, &name));
                    graph::ItemGroups::count(values.map(|value| value.map(text_of)), first)
                }
            };
            ItemGroups::of(&at, counted, cuts)
        })
        .await
    }
}

/// A value as a group is called.
fn text_of(value: &serde_json::Value) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned)
}
