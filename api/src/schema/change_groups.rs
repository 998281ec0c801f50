//! How many changes there are of each sort, and in each minute, hour, day or week.

use async_graphql::{Context, Enum, InputObject, Object, Result, SimpleObject};
use graph::{ChangeGroupBy, ChangeGrouping};
use model::Timestamp;

use super::asking::ask;
use super::change_filter::ChangeFilter;
use super::change_meaning::ChangeMeaning;
use super::paging::{page_cost, question_size};
use super::scalars::{DateTime, LogPosition};
use super::standpoint::{AsOfInput, Standpoint};
use crate::error::ErrorCode;

/// Most things that changes are grouped by at once.
const BY_MAX: usize = 3;
/// Most spans of time of one answer.
const SPANS_MAX: usize = 10_000;

/// Counts of changes.
#[derive(Default)]
pub(crate) struct ChangeGroupQuery;

/// What changes can be grouped by.
#[derive(Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "ChangeGroupBy")]
pub(crate) enum ChangeDimension {
    /// The platform that made it.
    Source,
    /// What sort of change.
    Kind,
    /// The registered scene.
    Scene,
    /// Where it stands.
    Status,
    /// Where it takes effect; where none is named, the environments of what it touches.
    Environment,
    /// Its level of control.
    Level,
    /// Who carried it out.
    Operator,
    /// Whether a person or a machine did.
    #[graphql(name = "OPERATOR_KIND")]
    Actor,
    /// Each team that answers for something it touches.
    Team,
    /// Whether only bookkeeping differs: `true` or `false`.
    Bookkeeping,
}

/// Spans of time of equal kind.
#[derive(InputObject)]
pub(crate) struct TimeSpans {
    /// How long each is.
    every: SpanLength,
    /// By whose clock: a name such as `Asia/Shanghai` or `Europe/Berlin`. Days and weeks begin at its midnight.
    #[graphql(default = "UTC")]
    time_zone: String,
}

/// How long a span of time is.
#[derive(Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "model::SpanLength")]
pub(crate) enum SpanLength {
    /// A minute.
    Minute,
    /// An hour.
    Hour,
    /// A day.
    Day,
    /// A week, from Monday.
    Week,
}

/// Changes of one sort.
#[derive(SimpleObject)]
pub(crate) struct ChangeGroup {
    /// Its value of each thing it is grouped by, in the order asked for.
    values: Vec<ChangeGroupValue>,
    /// Where its span of time begins, if changes are grouped by time.
    from: Option<DateTime>,
    /// Where its span of time ends.
    to: Option<DateTime>,
    /// How many changes.
    count: usize,
}

/// What is equal for the changes of a group.
#[derive(SimpleObject)]
pub(crate) struct ChangeGroupValue {
    /// What it is grouped by.
    by: ChangeDimension,
    /// Its value; null where nobody said.
    value: Option<String>,
}

/// Changes by sort.
#[derive(SimpleObject)]
pub(crate) struct ChangeGroups {
    /// The groups that have a change: by their span of time, then the largest first.
    groups: Vec<ChangeGroup>,
    /// How many groups there are; `groups` has no more than were asked for.
    groups_count: usize,
    /// How many changes were counted, each once; one that has several teams or environments is in several groups.
    total_count: usize,
    /// Whether something was left out: texts that the full text does not hold yet, or items of a scope that
    /// reaches too many.
    truncated: bool,
    /// Up to where texts were searched, if texts were asked.
    texts_position: Option<LogPosition>,
    /// The last position that was known when this was answered.
    position: LogPosition,
}

/// Counts of changes.
#[Object]
impl ChangeGroupQuery {
    /// How many changes there are of each sort, in each span of time.
    #[graphql(complexity = "page_cost(first, None, child_complexity)")]
    async fn change_groups(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which changes; all when missing.")] filter: Option<ChangeFilter>,
        #[graphql(desc = "What they are grouped by, three things at most.", default)] by: Vec<
            ChangeDimension,
        >,
        #[graphql(desc = "Groups them by the time of their start, too.")] spans: Option<TimeSpans>,
        #[graphql(desc = "How many groups at most; 20 when missing.")] first: Option<i32>,
        #[graphql(desc = "From where to look; now and newest when missing.")] as_of: Option<
            AsOfInput,
        >,
    ) -> Result<ChangeGroups> {
        let first = question_size(ctx, first)?;
        if BY_MAX < by.len() || (by.is_empty() && spans.is_none()) {
            let message = format!("give by, with {BY_MAX} entries at most, or spans, or both");
            return Err(ErrorCode::BadInput.error(message));
        }
        let at = Standpoint::of(ctx, as_of.as_ref()).await?;
        let meaning = ChangeMeaning::read(filter.as_ref(), &at)?;
        let criteria = meaning.found(ctx, &at).await?;
        ask(ctx, move || {
            let graph = &at.view.graph;
            let moments = match &spans {
                None => Vec::new(),
                Some(spans) => match criteria.selection.starts(graph) {
                    None => Vec::new(),
                    Some((first, last)) => moments(spans, first, last)?,
                },
            };
            let grouping = ChangeGrouping {
                by: by.iter().map(|by| (*by).into()).collect(),
                moments,
                at: at.valid_at,
            };
            let mut counted = criteria.selection.grouped(graph, &grouping);
            let groups_count = counted.groups.len();
            counted.groups.truncate(first);
            let groups = counted.groups.into_iter();
            let moment = |span: usize| grouping.moments.get(span).copied().map(DateTime);
            Ok(ChangeGroups {
                groups: groups
                    .map(|group| ChangeGroup {
                        values: by
                            .iter()
                            .zip(group.values)
                            .map(|(by, value)| ChangeGroupValue { by: *by, value })
                            .collect(),
                        from: group.span.and_then(moment),
                        to: group.span.and_then(|span| moment(span + 1)),
                        count: group.count,
                    })
                    .collect(),
                groups_count,
                total_count: counted.total,
                truncated: criteria.truncated(),
                texts_position: criteria.texts_seen.map(LogPosition),
                position: at.position(),
            })
        })
        .await?
    }
}

/// Where the spans begin that hold two moments and all between, and where the last one ends.
fn moments(spans: &TimeSpans, first: Timestamp, last: Timestamp) -> Result<Vec<Timestamp>> {
    let length: model::SpanLength = spans.every.into();
    let moments = length
        .moments(&spans.time_zone, first, last, SPANS_MAX)
        .map_err(|error| ErrorCode::BadInput.error(format!("spans: {error}")))?;
    Ok(moments)
}
