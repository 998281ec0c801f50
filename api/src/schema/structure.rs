//! How the estate is built and what is amiss with it: the questions over `graph`'s structure.

mod findings;
mod groups;
mod place;
mod saved_groups;

use async_graphql::{Context, Object, Result};
use graph::{
    CycleLimits, DriftFilter, InversionLimits, QualityLimits, RetirementLimits, SharedLimits,
};

use super::Shared;
use super::asking::ask;
use super::item_filter::{ItemChoice, ItemFilter};
use super::keys::{self, Meant};
use super::paging::{PageArguments, page_cost, question_size};
use super::standpoint::{AsOfInput, Standpoint};
use crate::error::ErrorCode;
pub(crate) use findings::DriftConnection;
use findings::{
    DataQuality, DependencyCycles, Drift, DriftKind, DriftTotals, PriorityInversions,
    RetirementCheck, SharedBy, SharedInfrastructure,
};
use groups::{ItemGroupBy, ItemGroups};
pub(crate) use place::{Direction, ItemPlace};
pub(crate) use saved_groups::GroupMutation;
use saved_groups::Groups;

/// How many items of a circle, and from how many its shortest way is looked for.
const CYCLE_ITEMS_MAX: usize = 50;
const CYCLE_STARTS_MAX: usize = 256;

/// How many items are looked at around one for less critical ones.
const INVERSION_VISITED_MAX: usize = 1_000;
const INVERSIONS_MAX: usize = 100_000;

/// How many relations are shown of a shared provider.
const SHARED_EXAMPLES: usize = 5;

/// How many kinds and teams are listed of an issue.
const QUALITY_GROUPS: usize = 10;

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
        let at = Standpoint::with_words(ctx, as_of.as_ref()).await?;
        if attribute.is_some() != by.known().is_none() {
            return Err(
                ErrorCode::BadInput.error("attribute goes with ATTRIBUTE, and only with it")
            );
        }
        let choice = ItemChoice::reading(ctx, &at, filter, attribute.clone()).await?;
        ask(ctx, move || {
            let (selection, cuts) = choice.select(&at);
            let counted = match (by.known(), attribute) {
                (Some(by), _) => selection.grouped(by, at.valid_at, first),
                (None, name) => {
                    let name = name.unwrap_or_default();
                    let value = |item| choice.attributes().get(&item, &name).map(text_of);
                    graph::ItemGroups::count(selection.items().map(value), first)
                }
            };
            ItemGroups::of(&at, counted, cuts)
        })
        .await
    }

    /// Groups that are saved as a search, in order of name.
    #[graphql(complexity = "page_cost(first, None, child_complexity)")]
    async fn groups(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many are listed; 20 when missing.")] first: Option<i32>,
        #[graphql(desc = "From where to look; now and newest when missing.")] as_of: Option<
            AsOfInput,
        >,
    ) -> Result<Groups> {
        let first = question_size(ctx, first)?;
        let at = Standpoint::of(ctx, as_of.as_ref()).await?;
        Ok(Groups::of(&at, first))
    }

    /// Important items that need less important ones: directly, unless the relation is stated as weak,
    /// or by relations stated as strong through items without a level.
    #[graphql(complexity = "page_cost(first, None, child_complexity)")]
    async fn priority_inversions(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many are listed; 20 when missing.")] first: Option<i32>,
        #[graphql(desc = "From where to look; now and newest when missing.")] as_of: Option<
            AsOfInput,
        >,
    ) -> Result<PriorityInversions> {
        let limits = InversionLimits {
            listed_max: question_size(ctx, first)?,
            visited_max: INVERSION_VISITED_MAX,
            found_max: INVERSIONS_MAX,
        };
        let at = Standpoint::with_words(ctx, as_of.as_ref()).await?;
        ask(ctx, move || {
            let found = graph::priority_inversions(&at.view.graph, at.valid_at, limits);
            PriorityInversions::of(&at, found)
        })
        .await
    }

    /// Items that need each other in a circle, by relations of one running thing to another.
    #[graphql(complexity = "page_cost(first, None, child_complexity)")]
    async fn dependency_cycles(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many are listed; 20 when missing.")] first: Option<i32>,
        #[graphql(desc = "From where to look; now and newest when missing.")] as_of: Option<
            AsOfInput,
        >,
    ) -> Result<DependencyCycles> {
        let limits = CycleLimits {
            listed_max: question_size(ctx, first)?,
            items_max: CYCLE_ITEMS_MAX,
            starts_max: CYCLE_STARTS_MAX,
            visited_max: ctx.data::<Shared>()?.limits.radius_visited_max,
        };
        let at = Standpoint::of(ctx, as_of.as_ref()).await?;
        ask(ctx, move || {
            let found = graph::dependency_cycles(&at.view.graph, at.valid_at, limits);
            DependencyCycles::of(&at, found)
        })
        .await
    }

    /// Providers that are used from several zones or environments, or by several teams, with who uses them.
    #[graphql(complexity = "page_cost(first, None, child_complexity)")]
    async fn shared_infrastructure(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "By what; by zone and environment when missing.")] by: Option<
            Vec<SharedBy>,
        >,
        #[graphql(desc = "How many are listed; 20 when missing.")] first: Option<i32>,
        #[graphql(desc = "From where to look; now and newest when missing.")] as_of: Option<
            AsOfInput,
        >,
    ) -> Result<SharedInfrastructure> {
        let limits = SharedLimits {
            listed_max: question_size(ctx, first)?,
            visited_max: ctx.data::<Shared>()?.limits.radius_visited_max,
            examples_max: SHARED_EXAMPLES,
        };
        let by = by.unwrap_or_else(|| vec![SharedBy::Zone, SharedBy::Environment]);
        let by: Vec<graph::SharedBy> = by.into_iter().map(Into::into).collect();
        let at = Standpoint::with_words(ctx, as_of.as_ref()).await?;
        ask(ctx, move || {
            let graph = &at.view.graph;
            let found = graph::shared_infrastructure(graph, at.valid_at, &by, limits);
            SharedInfrastructure::of(&at, found)
        })
        .await
    }

    /// Does anything still need this item? Relations, contents and changes ahead, and what they come to.
    #[graphql(complexity = "page_cost(first, None, child_complexity)")]
    async fn retirement_check(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "`kind:[environment/[namespace/]]name`, `scheme=value`, or an id.")]
        item: String,
        #[graphql(desc = "How many of each are listed; 20 when missing.")] first: Option<i32>,
        #[graphql(desc = "From where to look; now and newest when missing.")] as_of: Option<
            AsOfInput,
        >,
    ) -> Result<RetirementCheck> {
        let listed_max = question_size(ctx, first)?;
        let at = Standpoint::of(ctx, as_of.as_ref()).await?;
        let not_found = || ErrorCode::ItemNotFound.error(format!("no item is known by {item}"));
        let id = match keys::meant(&at, &item, None) {
            Meant::Item(id) => id,
            Meant::Unknown => return Err(not_found()),
            Meant::Ambiguous(candidates) => return Err(keys::ambiguous(&item, &candidates)),
        };
        let checked = ask(ctx, move || {
            let item = at.view.graph.item(id)?;
            let limits = RetirementLimits { listed_max };
            let check = graph::retirement_check(item, at.valid_at, limits);
            Some(RetirementCheck::of(&at, check))
        });
        checked.await?.ok_or_else(not_found)
    }

    /// How far the estate can be believed: what is missing of it, counted, with the first examples.
    #[graphql(complexity = "page_cost(first, None, child_complexity)")]
    async fn data_quality(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many examples of each issue; 20 when missing.")] first: Option<i32>,
        #[graphql(desc = "From where to look; now and newest when missing.")] as_of: Option<
            AsOfInput,
        >,
    ) -> Result<DataQuality> {
        let limits = QualityLimits {
            examples_max: question_size(ctx, first)?,
            groups_max: QUALITY_GROUPS,
            visited_max: ctx.data::<Shared>()?.limits.radius_visited_max,
        };
        let at = Standpoint::with_words(ctx, as_of.as_ref()).await?;
        ask(ctx, move || {
            let quality = graph::data_quality(&at.view.graph, at.valid_at, limits);
            DataQuality::of(&at, quality)
        })
        .await
    }

    /// Where what was declared and what was seen differ, in order of the dependent's key: a list to work through.
    #[graphql(complexity = "page_cost(first, None, child_complexity)")]
    async fn drift(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Of this kind; of both when missing.")] kind: Option<DriftKind>,
        #[graphql(desc = "Of dependents that this team answers for.")] owner: Option<String>,
        #[graphql(desc = "From where to look; now and newest when missing.")] as_of: Option<
            AsOfInput,
        >,
        #[graphql(desc = "The size of the page; 20 when missing.")] first: Option<i32>,
        #[graphql(desc = "Begin after the entry with this cursor.")] after: Option<String>,
    ) -> Result<DriftConnection> {
        let arguments = PageArguments {
            first,
            after,
            ..PageArguments::default()
        };
        let limits = ctx.data::<Shared>()?.limits;
        let page = arguments.check(limits.page_max)?;
        let at = Standpoint::with_words(ctx, as_of.as_ref()).await?;
        let kind = kind.map(Into::into);
        let filter = DriftFilter { kind, owner };
        ask(ctx, move || {
            let graph = &at.view.graph;
            let found = graph::drift(graph, at.valid_at, &filter, limits.radius_visited_max);
            let totals = DriftTotals {
                total_count: found.drifts.len(),
                truncated: found.truncated,
                position: at.position(),
            };
            let placed = found.drifts.into_iter().map(|drift| {
                let relation = &drift.relation;
                let is_seen = drift.kind == graph::DriftKind::SeenNeverDeclared;
                let place = (
                    relation.dependent().key(),
                    relation.provider().key(),
                    is_seen,
                );
                (place, drift)
            });
            let page = page.select(placed);
            page.connection(totals, |drift| Drift::of(&at, &drift))
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
