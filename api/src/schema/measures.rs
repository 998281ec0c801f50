//! Measures of change work.

use async_graphql::{Context, Enum, Object, Result, SimpleObject};
use graph::{MeasureGroup, MeasureQuestion, Measures as Counted};
use model::Timestamp;

use super::asking::ask;
use super::change::word;
use super::change_filter::ChangeFilter;
use super::change_meaning::ChangeMeaning;
use super::paging::question_size;
use super::scalars::{DateTime, LogPosition};
use super::standpoint::{AsOfInput, Moment, Standpoint, view_of};
use crate::error::ErrorCode;
use crate::reading::view_error;

/// Changes that are measured at most, the newest.
const CHANGES_MAX: usize = 200_000;
/// How far back is looked when nobody says.
const LOOKBACK_NANOS: i64 = 30 * 86_400_000_000_000;

/// Questions about how change work goes.
#[derive(Default)]
pub(crate) struct MeasureQuery;

/// By what changes are put together.
#[derive(Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "graph::MeasureBy")]
pub(crate) enum MeasureBy {
    /// The platform that made them.
    Platform,
    /// Their scene, with its platform before it.
    Scene,
    /// The team that answers for what they touch; a change may count for several.
    Team,
    /// Their kind.
    Kind,
    /// Their level of control.
    Level,
    /// Who carried them out.
    Operator,
    /// What they touch; a change may count for several.
    Item,
    /// The business that what they touch is contained in; a change may count for several.
    Business,
}

/// A share with its parts. The number alone is easily believed too much.
#[derive(SimpleObject)]
pub(crate) struct Share {
    /// `part` of `whole`, from 0 to 1; null of nothing.
    value: Option<f64>,
    /// How many.
    part: usize,
    /// Of how many.
    whole: usize,
    /// Of how many more nobody can say.
    unknown: usize,
}

/// How many changes stand somewhere.
#[derive(SimpleObject)]
pub(crate) struct StatusCount {
    /// Where they stand.
    status: String,
    /// How many.
    count: usize,
}

/// How well checks found what was there, as people judged with `judgeCheck`.
#[derive(SimpleObject)]
pub(crate) struct CheckMeasures {
    /// Checks of which a result is known.
    results: usize,
    /// Those judged right, of those judged right or wrong.
    accuracy: Share,
    /// Of those that warned or stopped and were judged, those that were wrong.
    false_alarms: Share,
    /// Of those that passed and were judged, those that were wrong.
    missed: Share,
    /// Of the changes that an enforcing check stopped, those that were given up or taken back.
    effective_blocks: Share,
}

/// The measures of some changes.
#[derive(SimpleObject)]
pub(crate) struct Measures {
    /// How many they are.
    changes: usize,
    /// How many stand where.
    by_status: Vec<StatusCount>,
    /// Those that went as intended and were not taken back, of those that ended; unknown are those that did not end.
    success: Share,
    /// Those that failed or ran out of time, of those that ended.
    failure: Share,
    /// Those that were taken back, as they say or as another change says, of those that ended.
    rollback: Share,
    /// Those that were given up, of those that ended.
    cancel: Share,
    /// Those of which nobody ever said where they stand: what was told is taken for done.
    assumed_done: usize,
    /// Those that a machine carried out, of those of which it is known.
    automation: Share,
    /// The median of their durations in milliseconds; null when none is known.
    median_duration_ms: Option<f64>,
    /// Those of which start and end are stated, of all of them.
    timed: Share,
    /// Those that began later than planned, of those of which both are stated.
    late: Share,
    /// Those that began earlier than planned, of those of which both are stated.
    early: Share,
    /// Those that were through later than planned, of those of which both are stated.
    overran: Share,
    /// Those that jumped the queue, of those of which it is known.
    emergency: Share,
    /// Incidents that people say they caused.
    incidents_caused: usize,
    /// Their checks.
    checks: CheckMeasures,
}

/// The measures of one group.
#[derive(SimpleObject)]
pub(crate) struct GroupOfMeasures {
    /// What they have in common; null for those of which it is not known.
    key: Option<String>,
    /// Their measures.
    measures: Measures,
}

/// How change work goes.
#[derive(SimpleObject)]
pub(crate) struct ChangeMeasures {
    /// The first moment that counts.
    from: DateTime,
    /// The first moment that no longer counts.
    to: DateTime,
    /// The measures of all changes.
    whole: Measures,
    /// Their groups, those of most changes first.
    groups: Vec<GroupOfMeasures>,
    /// How many groups there are.
    groups_total: usize,
    /// Items that some of these changes touched, of all that exist at `to`.
    items_covered: Share,
    /// Registered platforms that made some of these changes; unknown are platforms that nobody registered.
    platforms_covered: Share,
    /// Incidents of the time of which people named a change as the cause; unknown are those nobody judged.
    incidents_linked: Share,
    /// Whether there were more changes than are looked at.
    truncated: bool,
    /// What the numbers cannot see, as sentences.
    blind: Vec<String>,
    /// The last position that was known when this was answered.
    position: LogPosition,
}

/// Questions about how change work goes.
#[Object]
impl MeasureQuery {
    /// How change work goes: success, rollback, automation, duration, coverage, accuracy of checks; every share with its parts.
    #[graphql(complexity = "200 + 5 * child_complexity")]
    #[expect(
        clippy::too_many_arguments,
        reason = "they are the arguments of the contract"
    )]
    async fn change_measures(
        &self,
        ctx: &Context<'_>,
        #[graphql(
            desc = "Which changes; all of the time when missing. Its text is looked for in title and id."
        )]
        filter: Option<ChangeFilter>,
        #[graphql(desc = "By what they are put together.")] group_by: Option<MeasureBy>,
        #[graphql(
            desc = "The first moment in which a change begins that counts; thirty days before `to` when missing."
        )]
        from: Option<DateTime>,
        #[graphql(
            desc = "The first moment in which one no longer counts; `asOf.validAt`, else now, when missing."
        )]
        to: Option<DateTime>,
        #[graphql(desc = "How many groups are listed; 20 when missing.")] first: Option<i32>,
        #[graphql(desc = "From where to look; now and newest when missing.")] as_of: Option<
            AsOfInput,
        >,
    ) -> Result<ChangeMeasures> {
        let groups_max = question_size(ctx, first)?;
        let moment = Moment::of(None, as_of.as_ref())?;
        let end = to.as_ref().map(|to| to.0);
        let moments: Vec<Timestamp> = moment.stated().into_iter().chain(end).collect();
        let view = view_of(ctx, as_of.as_ref()).await?;
        let at = Standpoint::at_with(ctx, view, moment, &moments).await?;
        let at = at.map_err(|error| view_error(&error))?;
        let until = to.map_or_else(|| at.valid_at.plus_nanos(1), |to| to.0);
        let from = from.map_or_else(|| until.plus_nanos(-LOOKBACK_NANOS), |from| from.0);
        if until <= from {
            return Err(ErrorCode::BadInput.error("to does not lie after from"));
        }
        let meaning = ChangeMeaning::read(filter.as_ref(), &at)?.within(from, until);
        let criteria = meaning.found(ctx, &at).await?;
        let question = MeasureQuestion {
            from,
            until,
            by: group_by.map(Into::into),
            groups_max,
            changes_max: CHANGES_MAX,
        };
        ask(ctx, move || {
            let changes = criteria.newest_first(&at);
            let mut measured = graph::change_measures(&at.view.graph, changes, question);
            measured.truncated |= criteria.truncated();
            ChangeMeasures::of(measured, from, until, LogPosition(at.view.position()))
        })
        .await
    }
}

impl ChangeMeasures {
    fn of(
        measured: graph::ChangeMeasures,
        from: Timestamp,
        until: Timestamp,
        position: LogPosition,
    ) -> Self {
        Self {
            from: DateTime(from),
            to: DateTime(until),
            whole: measured.whole.into(),
            groups: measured.groups.into_iter().map(Into::into).collect(),
            groups_total: measured.groups_total,
            items_covered: measured.items_covered.into(),
            platforms_covered: measured.platforms_covered.into(),
            incidents_linked: measured.incidents_linked.into(),
            truncated: measured.truncated,
            blind: measured.blind,
            position,
        }
    }
}

impl From<MeasureGroup> for GroupOfMeasures {
    fn from(group: MeasureGroup) -> Self {
        Self {
            key: group.key,
            measures: group.measures.into(),
        }
    }
}

impl From<graph::Share> for Share {
    fn from(share: graph::Share) -> Self {
        Self {
            value: share.value(),
            part: share.part,
            whole: share.whole,
            unknown: share.unknown,
        }
    }
}

impl From<Counted> for Measures {
    fn from(counted: Counted) -> Self {
        let statuses = counted.by_status.iter();
        Self {
            changes: counted.changes,
            by_status: statuses
                .map(|(status, count)| StatusCount {
                    status: word(status),
                    count: *count,
                })
                .collect(),
            success: counted.success.into(),
            failure: counted.failure.into(),
            rollback: counted.rollback.into(),
            cancel: counted.cancel.into(),
            assumed_done: counted.assumed_done,
            automation: counted.automation.into(),
            median_duration_ms: counted.median_duration_ms,
            timed: counted.timed.into(),
            late: counted.late.into(),
            early: counted.early.into(),
            overran: counted.overran.into(),
            emergency: counted.emergency.into(),
            incidents_caused: counted.incidents_caused,
            checks: CheckMeasures {
                results: counted.checks.results,
                accuracy: counted.checks.accuracy.into(),
                false_alarms: counted.checks.false_alarms.into(),
                missed: counted.checks.missed.into(),
                effective_blocks: counted.checks.effective_blocks.into(),
            },
        }
    }
}
