//! What happened around an incident or some items, on one axis of time.

use async_graphql::{Context, Enum, ID, Object, Result, SimpleObject};
use graph::{TimelineLimits, TimelineQuestion, TimelineSubject};
use model::{CiId, Lookback};

use super::Shared;
use super::asking::ask;
use super::change::Change;
use super::incident::Incident;
use super::item::{ConfigurationItem, Relation};
use super::keys;
use super::nearby::Coverage;
use super::paging::{page_cost, question_size};
use super::scalars::{DateTime, Duration, LogPosition};
use super::standpoint::{AsOfInput, Moment, Standpoint, view_of};
use super::structure::Direction;
use crate::error::ErrorCode;
use crate::reading::view_error;

/// How far a timeline looks back when nobody says.
const LOOKBACK_DEFAULT: Lookback = Lookback::hours(24);
const HOPS_DEFAULT: i32 = 1;
const HOPS_MAX: i32 = 5;
/// Most items whose happenings stand on one timeline, and relations of one of them.
const ITEMS_MAX: usize = 1_000;
const RELATIONS_MAX: usize = 1_000;

/// Questions about what happened when.
#[derive(Default)]
pub(crate) struct TimelineQuery;

/// What happened.
#[derive(Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "graph::Happened")]
pub(crate) enum TimelineKind {
    /// A change began.
    ChangeBegan,
    /// One wave of a gradual change began.
    BatchBegan,
    /// A change was through, in whatever way.
    ChangeEnded,
    /// An item was there from now on.
    ItemAppeared,
    /// An item was there no more.
    ItemDisappeared,
    /// A relation held from now on.
    RelationAppeared,
    /// A relation held no more.
    RelationDisappeared,
    /// A measure left its baseline.
    DeviationBegan,
    /// The window ended in which a measure was off its baseline.
    DeviationEnded,
    /// An incident began.
    IncidentBegan,
    /// An incident was over.
    IncidentEnded,
}

/// One thing that happened.
#[derive(SimpleObject)]
pub(crate) struct TimelineEntry {
    /// When.
    at: DateTime,
    /// What.
    kind: TimelineKind,
    /// The nearest of the items looked at that it concerns.
    item: ConfigurationItem,
    /// How many relations lie between that item and those asked about.
    hops: u32,
    /// The change that began or was through.
    change: Option<Change>,
    /// Which of its batches, if it is one that began.
    batch: Option<u32>,
    /// The incident that began or was over.
    incident: Option<Incident>,
    /// The relation that appeared, disappeared or was measured.
    relation: Option<Relation>,
    /// What was measured.
    metric: Option<String>,
    /// What is usual.
    baseline: Option<f64>,
    /// What was measured instead.
    value: Option<f64>,
    /// The same as a sentence.
    sentence: String,
}

/// What happened between two moments, the oldest first.
#[derive(SimpleObject)]
pub(crate) struct Timeline {
    /// The newest entries, the oldest of them first.
    entries: Vec<TimelineEntry>,
    /// How many there are in all.
    total: usize,
    /// How many items were looked at: those asked about and those around them.
    items: usize,
    /// Whether there were more entries than are listed, or more items and relations than are looked at.
    truncated: bool,
    /// The first moment told.
    from: DateTime,
    /// The last moment told.
    to: DateTime,
    /// What the answer cannot see.
    coverage: Coverage,
    /// The last position that was known when this was answered.
    position: LogPosition,
}

/// Questions about what happened when.
#[Object]
impl TimelineQuery {
    /// Changes, incidents, deviations and differences of topology around an incident or some items, on one axis of time.
    #[graphql(complexity = "page_cost(first, None, child_complexity)")]
    #[expect(
        clippy::too_many_arguments,
        reason = "they are the arguments of the question"
    )]
    async fn timeline(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The incident, whose items and times count.")] incident: Option<ID>,
        #[graphql(
            desc = "The items in the middle. Keys, aliases or ids; unknown ones are told in `coverage`, all unknown is ITEM_NOT_FOUND."
        )]
        items: Option<Vec<String>>,
        #[graphql(
            desc = "The first moment; a day before the incident began, or before `to`, when missing."
        )]
        from: Option<DateTime>,
        #[graphql(
            desc = "The last moment; `asOf.validAt`, else the end of the incident, else now, when missing."
        )]
        to: Option<DateTime>,
        #[graphql(desc = "How far back, instead of `from`.")] lookback: Option<Duration>,
        #[graphql(
            desc = "Which way to go from the items, by the relations that held when the incident began, else at the last moment; both ways when missing."
        )]
        direction: Option<Direction>,
        #[graphql(desc = "How many relations to go, from 0 to 5; 1 when missing.")]
        hops_max: Option<i32>,
        #[graphql(desc = "Only what happened so; everything when missing.")] kinds: Option<
            Vec<TimelineKind>,
        >,
        #[graphql(desc = "How many entries are listed, the newest; 20 when missing.")]
        first: Option<i32>,
        #[graphql(desc = "From where to look; now and newest when missing.")] as_of: Option<
            AsOfInput,
        >,
    ) -> Result<Timeline> {
        let first = question_size(ctx, first)?;
        let hops_max = hops_max.unwrap_or(HOPS_DEFAULT);
        let hops = u32::try_from(hops_max)
            .ok()
            .filter(|_| hops_max <= HOPS_MAX);
        let hops = hops
            .ok_or_else(|| ErrorCode::BadInput.error(format!("hopsMax is from 0 to {HOPS_MAX}")))?;
        if from.is_some() && lookback.is_some() {
            return Err(ErrorCode::BadInput.error("give from or lookback, not both"));
        }
        let moment = Moment::of(to, as_of.as_ref())?;
        let view = view_of(ctx, as_of.as_ref()).await?;
        let at = Standpoint::at(ctx, view.clone(), moment).await?;
        let (mut middle, mut began, mut ended) = (Vec::new(), None, None);
        if let Some(id) = &incident {
            let incident = Incident::require(&at, id)?;
            middle.extend(incident.items().iter().map(graph::Item::id));
            began = Some(incident.started_at());
            ended = incident.resolved_at();
        }
        let known = match &items {
            Some(items) => keys::known(&at, items, incident.is_some())?,
            None if incident.is_some() => keys::Known::default(),
            None => return Err(ErrorCode::BadInput.error("give an incident, items or both")),
        };
        middle.extend(known.known);
        let until = moment.stated().or(ended).unwrap_or(at.valid_at);
        let back = lookback.map_or(LOOKBACK_DEFAULT, |lookback| lookback.0);
        let start = began.map_or(until, |began| began.min(until));
        let from = from.map_or_else(|| start.plus_nanos(-back.nanos()), |from| from.0);
        if until < from {
            return Err(ErrorCode::BadInput.error("from lies after to"));
        }
        let (hops_max, towards) = direction.unwrap_or(Direction::Both).around(hops);
        let question = TimelineQuestion {
            items: middle,
            towards,
            hops_max,
            around_at: began.map_or(until, |began| began.min(until)),
            from,
            until,
            wanted: kinds.into_iter().flatten().map(Into::into).collect(),
        };
        // What was put away and was there then stands on it too.
        let seen = Moment::of(Some(DateTime(until)), None)?;
        let brought = Standpoint::at_with(ctx, view, seen, &[from, until]).await?;
        let at = brought.map_err(|error| view_error(&error))?;
        Timeline::of(ctx, at, question, known.unknown, first).await
    }
}

impl Timeline {
    async fn of(
        ctx: &Context<'_>,
        at: Standpoint,
        question: TimelineQuestion,
        unknown: Vec<String>,
        first: usize,
    ) -> Result<Self> {
        let limits = TimelineLimits {
            items_max: ITEMS_MAX.min(ctx.data::<Shared>()?.limits.radius_visited_max),
            relations_max: RELATIONS_MAX,
            first,
        };
        ask(ctx, move || {
            let view = &at.view.graph;
            let told = graph::timeline(view, &question, limits);
            let middle: &[CiId] = &question.items;
            let (from, until) = (question.from, question.until);
            let coverage = graph::coverage_around(view, middle, &unknown, from, until);
            let entries = told.entries.iter();
            Self {
                entries: entries.map(|entry| TimelineEntry::of(&at, entry)).collect(),
                total: told.total,
                items: told.items,
                truncated: told.truncated,
                from: DateTime(from),
                to: DateTime(until),
                coverage: coverage.into(),
                position: at.position(),
            }
        })
        .await
    }
}

impl TimelineEntry {
    fn of(at: &Standpoint, entry: &graph::TimelineEntry<'_>) -> Self {
        let mut told = Self {
            at: DateTime(entry.at),
            kind: entry.happened.into(),
            item: ConfigurationItem::of(at, entry.item),
            hops: entry.hops,
            change: None,
            batch: None,
            incident: None,
            relation: None,
            metric: None,
            baseline: None,
            value: None,
            sentence: entry.sentence.clone(),
        };
        match &entry.subject {
            TimelineSubject::Item => {}
            TimelineSubject::Relation(relation) => told.relation = Some(Relation::of(at, relation)),
            TimelineSubject::Change(change, batch) => {
                told.change = Some(Change::of(at, change.id()));
                told.batch = *batch;
            }
            TimelineSubject::Incident(incident) => {
                told.incident = Some(Incident::of(at, incident.id()));
            }
            TimelineSubject::Deviation(relation, row) => {
                told.relation = relation.as_ref().map(|it| Relation::of(at, it));
                told.metric = Some(row.metric.clone());
                told.baseline = Some(row.baseline);
                told.value = Some(row.value);
            }
        }
        told
    }
}
