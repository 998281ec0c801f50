//! Lists of changes: their order, their places, and how well each was found.

use std::sync::Arc;

use async_graphql::connection::{Connection, Edge, OpaqueCursor};
use async_graphql::{Context, Enum, InputObject, Object, Result, SimpleObject};
use graph::{ChangeList, ChangePageWanted, ChangePlace};
use index::{Fragment, Statistics, TextQuery};
use model::ChangeId;
use serde::{Deserialize, Serialize};

use super::Shared;
use super::asking::ask;
use super::change::Change;
use super::change_meaning::ChangeCriteria;
use super::details::failed;
use super::paging::{PageArguments, PageOf};
use super::scalars::LogPosition;
use super::standpoint::Standpoint;
use crate::error::ErrorCode;

/// Most fragments of one change.
const FRAGMENTS_MAX: i32 = 20;

/// What a list of changes is ordered by.
#[derive(InputObject)]
pub(crate) struct ChangeOrder {
    /// What counts. What is equal is ordered by the start, the newest first, then by id.
    by: ChangeOrderBy,
    /// Whether the earliest comes first.
    #[graphql(default)]
    ascending: bool,
}

/// What a list of changes can be ordered by.
#[derive(Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "graph::ChangeOrderBy")]
pub(crate) enum ChangeOrderBy {
    /// When it began to take effect.
    Start,
    /// When it was through; what is not through counts as the latest.
    Finish,
    /// When its first statement was recorded.
    Recorded,
    /// How well its texts are what was looked for, the best first.
    Relevance,
}

/// A place in one list of changes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct ChangeCursor {
    #[serde(rename = "o")]
    order: graph::ChangeOrder,
    #[serde(rename = "p")]
    place: ChangePlace,
    /// By which measure relevance is scored: the next page is measured alike.
    #[serde(rename = "s", default, skip_serializing_if = "Option::is_none")]
    statistics: Option<Statistics>,
}

/// A page of changes.
pub(crate) type ChangeConnection =
    Connection<OpaqueCursor<ChangeCursor>, Change, ChangeTotals, FoundChange>;

/// Additional fields of a list of changes.
pub(crate) struct ChangeTotals {
    at: Standpoint,
    criteria: Arc<ChangeCriteria>,
}

/// How a change was found.
pub(crate) struct FoundChange {
    at: Standpoint,
    id: ChangeId,
    score: Option<f32>,
    query: Option<Arc<TextQuery>>,
}

/// A piece of a text that holds what was looked for.
#[derive(SimpleObject)]
pub(crate) struct TextFragment {
    /// The field of the change, as events name it: `title`, `description`, `releaseNotes` ...
    field: String,
    /// The text, piece by piece, as it was written.
    pieces: Vec<TextPiece>,
    /// Whether the text goes on before it.
    cut_before: bool,
    /// Whether the text goes on behind it.
    cut_behind: bool,
}

/// A piece of a fragment.
#[derive(SimpleObject)]
pub(crate) struct TextPiece {
    /// The text.
    text: String,
    /// Whether it is what was looked for.
    found: bool,
}

/// A page that is asked for, and in which order.
pub(crate) struct ListWanted {
    pub(super) order: graph::ChangeOrder,
    page: PageOf<ChangeCursor>,
}

impl ListWanted {
    /// Reads the arguments of a list.
    pub(crate) fn read(
        order: Option<ChangeOrder>,
        arguments: PageArguments,
        page_max: usize,
    ) -> Result<Self> {
        let page: PageOf<ChangeCursor> = arguments.check(page_max)?;
        let newest_first = ChangeOrder {
            by: ChangeOrderBy::Start,
            ascending: false,
        };
        let order = order.unwrap_or(newest_first);
        let order = graph::ChangeOrder {
            by: order.by.into(),
            ascending: order.ascending,
        };
        let cursors = page.after.iter().chain(&page.before);
        if cursors.into_iter().any(|cursor| cursor.order != order) {
            let message =
                "the cursor is of a list in another order; begin anew or ask for that order";
            return Err(ErrorCode::BadInput.error(message));
        }
        Ok(Self { order, page })
    }

    /// Whether it matters how well changes are found.
    pub(crate) fn by_relevance(&self) -> bool {
        self.order.by == graph::ChangeOrderBy::Relevance
    }

    /// The measure that the list was begun with.
    pub(crate) fn statistics(&self) -> Option<Statistics> {
        let cursors = self.page.after.iter().chain(&self.page.before);
        cursors.filter_map(|it| it.statistics.clone()).next()
    }

    /// Cuts the page out of what passes.
    pub(crate) async fn page(
        self,
        ctx: &Context<'_>,
        at: Standpoint,
        criteria: ChangeCriteria,
    ) -> Result<ChangeConnection> {
        let criteria = Arc::new(criteria);
        ask(ctx, move || {
            let list = ChangeList {
                view: &at.view.graph,
                selection: &criteria.selection,
                order: self.order,
                scores: &criteria.scores,
            };
            let place = |cursor: &Option<ChangeCursor>| cursor.as_ref().map(|it| it.place);
            let found = list.page(&ChangePageWanted {
                after: place(&self.page.after),
                before: place(&self.page.before),
                size: self.page.size(),
                backward: self.page.is_backward(),
            });
            let query = criteria.texts.query.clone().map(Arc::new);
            let totals = ChangeTotals {
                at: at.clone(),
                criteria: Arc::clone(&criteria),
            };
            let mut connection =
                Connection::with_additional_fields(found.has_previous, found.has_next, totals);
            for (place, number) in found.entries {
                let id = at.view.graph.change_numbered(number).id();
                let cursor = ChangeCursor {
                    order: self.order,
                    place,
                    statistics: criteria.statistics.clone(),
                };
                let how = FoundChange {
                    at: at.clone(),
                    id,
                    score: graph::score_of(&criteria.scores, number),
                    query: query.clone(),
                };
                let change = Change::of(&at, id);
                let edge = Edge::with_additional_fields(OpaqueCursor(cursor), change, how);
                connection.edges.push(edge);
            }
            connection
        })
        .await
    }
}

/// Additional fields of a list of changes.
#[Object]
impl ChangeTotals {
    /// How many changes there are on all pages.
    async fn total_count(&self, ctx: &Context<'_>) -> Result<usize> {
        let (at, criteria) = (self.at.clone(), Arc::clone(&self.criteria));
        ask(ctx, move || criteria.count(&at)).await
    }

    /// How many more start by the moment asked about that the token does not show, whatever the filter.
    async fn hidden_count(&self, ctx: &Context<'_>) -> Result<usize> {
        let at = self.at.clone();
        ask(ctx, move || ChangeCriteria::hidden_count(&at)).await
    }

    /// How many of them differ in bookkeeping only; `bookkeeping: false` in the filter leaves them out.
    async fn bookkeeping_count(&self, ctx: &Context<'_>) -> Result<usize> {
        let (at, criteria) = (self.at.clone(), Arc::clone(&self.criteria));
        ask(ctx, move || criteria.count_bookkeeping(&at)).await
    }

    /// Whether something was left out: texts that the full text does not hold yet, or items of a scope that
    /// reaches too many.
    async fn truncated(&self) -> bool {
        self.criteria.truncated()
    }

    /// Up to where texts were searched, if texts were asked; it is `position` unless the full text is far behind.
    async fn texts_position(&self) -> Option<LogPosition> {
        self.criteria.texts_seen.map(LogPosition)
    }

    /// The last position that was known when this was answered.
    async fn position(&self) -> LogPosition {
        self.at.position()
    }
}

/// How a change was found.
#[Object]
impl FoundChange {
    /// How well its texts are what was looked for, in a list ordered by relevance. Scores of one list compare.
    async fn score(&self) -> Option<f64> {
        self.score.map(f64::from)
    }

    /// Where its texts hold what was looked for, the title first; empty when no text was.
    #[graphql(complexity = 5)]
    async fn fragments(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many at most.", default = 3)] first: i32,
    ) -> Result<Vec<TextFragment>> {
        let most = usize::try_from(first).ok();
        let most = most.filter(|_| first <= FRAGMENTS_MAX).ok_or_else(|| {
            ErrorCode::BadInput.error(format!("first is from 0 to {FRAGMENTS_MAX}"))
        })?;
        let Some(query) = &self.query else {
            return Ok(Vec::new());
        };
        let row = self.at.view.graph.change(self.id);
        let statements = row.map_or_else(Vec::new, |row| row.statements().to_vec());
        let texts = &ctx.data::<Shared>()?.ports.texts;
        let found = texts.fragments((**query).clone(), self.id, statements, most);
        let found = found.await.map_err(|error| failed(&error))?;
        Ok(found.into_iter().map(TextFragment::from).collect())
    }
}

impl From<Fragment> for TextFragment {
    fn from(fragment: Fragment) -> Self {
        let pieces = fragment.pieces.into_iter().map(|piece| TextPiece {
            text: piece.text,
            found: piece.found,
        });
        Self {
            field: fragment.field,
            pieces: pieces.collect(),
            cut_before: fragment.cut_before,
            cut_behind: fragment.cut_behind,
        }
    }
}
