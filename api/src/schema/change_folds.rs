//! Lists of changes in which one act stands once.

use async_graphql::{Context, Object, Result, SimpleObject};
use graph::FoldReason;

use super::asking::ask;
use super::change::Change;
use super::change_filter::ChangeFilter;
use super::change_meaning::ChangeMeaning;
use super::paging::{page_cost, question_size};
use super::scalars::LogPosition;
use super::standpoint::{AsOfInput, Standpoint};

/// Changes that are folded at most, the newest.
const CHANGES_MAX: usize = 100_000;
/// Changes of one fold that are listed beside the one that stands for them.
const OTHERS_MAX: usize = 20;

/// Questions about changes, each act once.
#[derive(Default)]
pub(crate) struct FoldQuery;

/// A change that stands for others of the same act.
#[derive(SimpleObject)]
pub(crate) struct FoldedChange {
    /// The change: the plan of the others where it is among them, else the newest.
    change: Change,
    /// How many changes it stands for, itself among them.
    count: usize,
    /// Why they stand as one: `one_plan`, `one_key` or `one_minute`; null when it stands for itself.
    reason: Option<&'static str>,
    /// The first of the others.
    others: Vec<Change>,
}

/// Changes in which one act stands once.
#[derive(SimpleObject)]
pub(crate) struct FoldedChanges {
    /// Those that are listed, the newest first.
    changes: Vec<FoldedChange>,
    /// How many there are after folding.
    total_count: usize,
    /// How many changes were folded away. None is lost: `changes` lists each.
    folded: usize,
    /// Whether there were more changes than are looked at.
    truncated: bool,
    /// The last position that was known when this was answered.
    position: LogPosition,
}

/// Questions about changes, each act once.
#[Object]
impl FoldQuery {
    /// Changes, the newest first, each act once: the parts of a plan under it, changes of one key together,
    /// and very many of one source, operator and kind that begin in one minute as one.
    #[graphql(complexity = "page_cost(first, None, child_complexity)")]
    async fn changes_folded(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which changes; all when missing.")] filter: Option<ChangeFilter>,
        #[graphql(desc = "How many are listed; 20 when missing.")] first: Option<i32>,
        #[graphql(desc = "From where to look; now and newest when missing.")] as_of: Option<
            AsOfInput,
        >,
    ) -> Result<FoldedChanges> {
        let first = question_size(ctx, first)?;
        let at = Standpoint::of(ctx, as_of.as_ref()).await?;
        let meaning = ChangeMeaning::read(filter.as_ref(), &at)?;
        let criteria = meaning.found(ctx, &at).await?;
        ask(ctx, move || {
            let changes = criteria.newest_first(&at);
            let folds = graph::fold_changes(&at.view.graph, changes, CHANGES_MAX);
            let total_count = folds.changes.len();
            let listed = folds.changes.into_iter().take(first);
            let handle = |change: &graph::ChangeRow<'_>| Change::of(&at, change.id());
            FoldedChanges {
                changes: listed
                    .map(|fold| FoldedChange {
                        change: handle(&fold.change),
                        count: fold.others.len() + 1,
                        reason: fold.reason.map(fold_reason),
                        others: fold.others.iter().take(OTHERS_MAX).map(handle).collect(),
                    })
                    .collect(),
                total_count,
                folded: folds.folded,
                truncated: folds.truncated || criteria.truncated(),
                position: at.position(),
            }
        })
        .await
    }
}

/// The word for why changes stand as one.
pub(crate) fn fold_reason(reason: FoldReason) -> &'static str {
    match reason {
        FoldReason::OnePlan => "one_plan",
        FoldReason::OneKey => "one_key",
        FoldReason::OneMinute => "one_minute",
    }
}
