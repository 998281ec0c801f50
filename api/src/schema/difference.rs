//! What differs between two states of the estate, and what explains it.

use std::sync::Arc;

use async_graphql::{Context, Enum, Object, Result, SimpleObject};
use graph::{DiffLimits, DiffScope, State, ValueDifference};
use model::{ChangeId, CiId, Timestamp};

use super::Shared;
use super::asking::ask;
use super::change::Change;
use super::item::{ConfigurationItem, Relation};
use super::keys;
use super::paging::{page_cost, question_size};
use super::scalars::{DateTime, LogPosition};
use super::standpoint::{AsOfInput, Moment, Standpoint, view_of};
use super::values;
use crate::error::ErrorCode;
use crate::reading::view_error;
use crate::{ReadView, ViewError};

/// Most items whose named values are compared: each is read from the index.
const VALUES_MAX: usize = 50;

/// Questions about two states.
#[derive(Default)]
pub(crate) struct DifferenceQuery;

/// What differs.
#[derive(Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "graph::Differs")]
pub(crate) enum Differs {
    /// The item was not there.
    Appeared,
    /// The item is no longer there.
    Disappeared,
    /// Several items became one.
    Merged,
    /// One item became several.
    Split,
    /// The relation did not hold.
    RelationAppeared,
    /// The relation holds no more.
    RelationDisappeared,
    /// The key by which it is shown is another.
    Key,
    /// Another team answers for it.
    Owner,
    /// Another criticality.
    Criticality,
    /// Another name for people.
    DisplayName,
    /// A named value is another; only of items that are asked for.
    Value,
}

/// One difference, with the changes that explain it.
#[derive(SimpleObject)]
pub(crate) struct Difference {
    /// What differs.
    what: Differs,
    /// The item; of a relation the dependent.
    item: ConfigurationItem,
    /// The relation, if it is one that differs.
    relation: Option<Relation>,
    /// The name of the value, if it is one that differs.
    name: Option<String>,
    /// What it was; a named value as JSON.
    before: Option<String>,
    /// What it is.
    after: Option<String>,
    /// When it became so, if a source said when.
    at: Option<DateTime>,
    /// Changes that ran then, on the item or on what it belongs to; the nearest in time first.
    explained_by: Vec<Change>,
    /// The same as a sentence.
    sentence: String,
}

/// What differs between two states, the newest first.
#[derive(SimpleObject)]
pub(crate) struct Diff {
    /// The differences, the newest first.
    differences: Vec<Difference>,
    /// How many there are in all.
    total: usize,
    /// How many of them no change explains.
    unexplained: usize,
    /// How many items were compared.
    compared: usize,
    /// Whether there were more items than are compared at once; name items to compare all of a part.
    truncated: bool,
    /// Of how many items the named values were compared: of the first of `items`, without those around them.
    values_compared: usize,
    /// The last position that is known in the earlier state.
    from_position: LogPosition,
    /// The last position that is known in the later state.
    position: LogPosition,
    /// The moments around which changes were looked for.
    #[graphql(skip)]
    moments: Vec<Timestamp>,
}

/// Questions about two states.
#[Object]
impl DifferenceQuery {
    /// What differs between two states of the estate, which change explains each difference, and the ones nobody explains.
    #[graphql(complexity = "page_cost(first, None, child_complexity)")]
    #[expect(
        clippy::too_many_arguments,
        reason = "they are the arguments of the contract"
    )]
    async fn diff(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The earlier state.")] from: AsOfInput,
        #[graphql(desc = "The later state; now and newest when missing.")] to: Option<AsOfInput>,
        #[graphql(desc = "Only these items; keys, aliases or ids. All when missing.")]
        items: Option<Vec<String>>,
        #[graphql(
            desc = "How many relations around `items`, either way, are compared too; 0 when missing."
        )]
        hops_max: Option<i32>,
        #[graphql(desc = "Only what no change explains.")] unexplained: Option<bool>,
        #[graphql(desc = "How many differences are listed, the newest first; 20 when missing.")]
        first: Option<i32>,
    ) -> Result<Diff> {
        let first = question_size(ctx, first)?;
        let states = States::of(ctx, &from, to.as_ref()).await?;
        // What was there in one state is compared in the other.
        let (then, now) = states.moments;
        let mut moments: Vec<Timestamp> = then.stated().into_iter().chain(now.stated()).collect();
        let both = states.with(ctx, &moments).await?;
        let (from, to) = both.map_err(|error| view_error(&error))?;
        let items = match &items {
            Some(items) => scope_of(&from, &to, items)?,
            None => Vec::new(),
        };
        let hops = u32::try_from(hops_max.unwrap_or(0))
            .map_err(|_| ErrorCode::BadInput.error("hopsMax is 0 or more"))?;
        let scope = DiffScope {
            values: values_of(ctx, &from, &to, &items).await?,
            items,
            hops,
            unexplained: unexplained.unwrap_or(false),
        };
        let still_away = to.view.graph.put_away();
        let mut told = Diff::between(ctx, from, to, scope.clone(), first).await?;
        // Changes are looked for around the moment of each difference, through what was there then.
        moments.append(&mut told.moments);
        match states.with(ctx, &moments).await? {
            Ok((_, to)) if to.view.graph.put_away() == still_away => {}
            Ok((from, to)) => told = Diff::between(ctx, from, to, scope, first).await?,
            Err(ViewError::TooMuch { .. }) => told.truncated = true,
            Err(error) => return Err(view_error(&error)),
        }
        Ok(told)
    }
}

/// Two states that are compared, before what was put away comes into them.
struct States {
    views: (ReadView, ReadView),
    moments: (Moment, Moment),
}

impl States {
    async fn of(ctx: &Context<'_>, from: &AsOfInput, to: Option<&AsOfInput>) -> Result<Self> {
        Ok(Self {
            views: (view_of(ctx, Some(from)).await?, view_of(ctx, to).await?),
            moments: (Moment::of(None, Some(from))?, Moment::of(None, to)?),
        })
    }

    /// Both with what was put away and was there at any of these moments.
    async fn with(
        &self,
        ctx: &Context<'_>,
        moments: &[Timestamp],
    ) -> Result<Result<(Standpoint, Standpoint), ViewError>> {
        let (from, to) = self.views.clone();
        let from = Standpoint::at_with(ctx, from, self.moments.0, moments).await?;
        let to = Standpoint::at_with(ctx, to, self.moments.1, moments).await?;
        Ok(from.and_then(|from| Ok((from, to?))))
    }
}

/// The named values of the first items that differ.
async fn values_of(
    ctx: &Context<'_>,
    from: &Standpoint,
    to: &Standpoint,
    items: &[CiId],
) -> Result<Vec<ValueDifference>> {
    let mut found = Vec::new();
    for id in items.iter().take(VALUES_MAX) {
        let Some(item) = to.view.graph.item(*id) else {
            continue;
        };
        let before = match from.view.graph.item(*id) {
            Some(item) => values::shown(ctx, from, item).await?,
            None => Vec::new(),
        };
        let after = values::shown(ctx, to, item).await?;
        let mut names: Vec<&String> = before.iter().chain(&after).map(|it| &it.name).collect();
        names.sort_unstable();
        names.dedup();
        let of = |said: &[graph::ItemAttribute], name: &String| {
            let said = said.iter().find(|it| it.name == *name);
            said.map(|it| (it.shown.value.to_string(), it.shown.stated_at))
        };
        for name in names {
            let (was, is) = (of(&before, name), of(&after, name));
            if was.as_ref().map(|was| &was.0) == is.as_ref().map(|is| &is.0) {
                continue;
            }
            found.push(ValueDifference {
                item: item.id(),
                name: name.clone(),
                at: is.as_ref().map(|(_, at)| *at),
                before: was.map(|(value, _)| value),
                after: is.map(|(value, _)| value),
            });
        }
    }
    Ok(found)
}

/// The items that keys mean in either state.
fn scope_of(from: &Standpoint, to: &Standpoint, items: &[String]) -> Result<Vec<CiId>> {
    let mut known = keys::known(to, items, true)?;
    known.known.extend(keys::known(from, items, true)?.known);
    if known.known.is_empty() {
        let unknown = known.unknown.join(", ");
        return Err(ErrorCode::ItemNotFound.error(format!("no item is known by {unknown}")));
    }
    // An id that the later state does not know, or knows as a former one, is of the earlier state.
    let now = |id: CiId| to.view.graph.item(id).map_or(id, |item| item.id());
    let mut ids: Vec<CiId> = known.known.into_iter().map(now).collect();
    ids.sort_unstable();
    ids.dedup();
    Ok(ids)
}

impl Diff {
    /// What differs between two standpoints.
    pub(crate) async fn between(
        ctx: &Context<'_>,
        from: Standpoint,
        to: Standpoint,
        scope: DiffScope,
        first: usize,
    ) -> Result<Self> {
        let asked = &ctx.data::<Shared>()?.limits;
        let limits = DiffLimits {
            items_max: asked.diff_items_max,
            explained_max: asked.diff_explained_max,
            first,
        };
        ask(ctx, move || {
            let state = |at: &Standpoint| (Arc::clone(&at.view.graph), at.valid_at);
            let ((before, before_at), (after, after_at)) = (state(&from), state(&to));
            let diff = graph::diff(
                State {
                    view: &before,
                    at: before_at,
                },
                State {
                    view: &after,
                    at: after_at,
                },
                &scope,
                limits,
            );
            let mut told = Self::of(&from, &to, &diff);
            told.values_compared = scope.items.len().min(VALUES_MAX);
            told
        })
        .await
    }

    fn of(from: &Standpoint, to: &Standpoint, diff: &graph::Diff<'_>) -> Self {
        let differences = diff.differences.iter();
        Self {
            differences: differences
                .map(|difference| Difference::of(from, to, difference))
                .collect(),
            total: diff.total,
            unexplained: diff.unexplained,
            compared: diff.compared,
            truncated: diff.truncated,
            values_compared: 0,
            from_position: from.position(),
            position: to.position(),
            moments: diff.moments.iter().copied().collect(),
        }
    }
}

impl Difference {
    fn of(from: &Standpoint, to: &Standpoint, difference: &graph::Difference<'_>) -> Self {
        let later = difference.is_of(&to.view.graph);
        let side = if later { to } else { from };
        let changes: Vec<ChangeId> = difference
            .explained_by
            .iter()
            .map(graph::ChangeRow::id)
            .collect();
        Self {
            what: difference.what.into(),
            item: ConfigurationItem::of(side, difference.item),
            relation: difference
                .relation
                .as_ref()
                .map(|relation| Relation::of(side, relation)),
            name: difference.name.clone(),
            before: difference.before.clone(),
            after: difference.after.clone(),
            at: difference.at.map(DateTime),
            explained_by: changes.into_iter().map(|id| Change::of(to, id)).collect(),
            sentence: difference.sentence(),
        }
    }
}
