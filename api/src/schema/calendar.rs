//! The calendar of changes: whether one may run, what is declared, and what gets in its way.

mod input;
mod shown;

use async_graphql::{Context, Enum, ID, Object, Result, SimpleObject};
use graph::{AskedChange, BlastLimits, ConflictLimits, MayLimits};
use model::Timestamp;

use super::Shared;
use super::asking::ask;
use super::change::Change;
use super::change_input::RecordChangeInput;
use super::item::ConfigurationItem;
use super::paging::question_size;
use super::radius::PathStep;
use super::scalars::{DateTime, LogPosition};
use super::standpoint::{AsOfInput, Standpoint};
use crate::ApiLimits;
use crate::error::ErrorCode;
pub(crate) use input::{CalendarMutation, Weekday, WeeklyTimeInput};
use shown::{CalendarRule, Exemption, RuleFinding, RuleSpan};
pub(crate) use shown::{ExemptionKind, WeeklyTime};

/// How many other changes a question of the calendar looks at.
const CHANGES_MAX: usize = 200;
/// How many items a rule may reach before it is not followed further.
const REACH_MAX: usize = 50_000;
/// How many harmed items of two changes are compared.
const HARMED_MAX: usize = 2_000;

/// What a gate is told when something could not be seen.
#[derive(Clone, Copy, PartialEq, Eq, Enum)]
pub(crate) enum OnDoubt {
    /// The change may run: the gate fails open.
    Allow,
    /// It may not: the gate fails closed.
    Refuse,
}

/// Whether a change may run at its planned time.
pub(crate) struct MayChange {
    at: Standpoint,
    asked: AskedChange,
    on_doubt: OnDoubt,
    findings: Vec<RuleFinding>,
    blocked: bool,
    unseen: Vec<String>,
    next_at: Option<Timestamp>,
}

/// How two changes meet.
#[derive(Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "graph::ConflictKind")]
pub(crate) enum ConflictKind {
    /// They touch the same item.
    SameItem,
    /// Harm from this one reaches what the other touches.
    Reaches,
    /// Harm from the other reaches what this one touches.
    ReachedBy,
    /// Harm from both reaches the same item.
    Shared,
}

/// A change that overlaps another in time and in what it may harm.
#[derive(SimpleObject)]
pub(crate) struct ChangeConflict {
    /// The other change.
    change: Change,
    /// How they meet.
    kind: ConflictKind,
    /// Where they meet.
    item: Option<ConfigurationItem>,
    /// The way from a target of this change to where they meet.
    path: Vec<PathStep>,
    /// The way from a target of the other.
    other_path: Vec<PathStep>,
}

/// The changes that get in the way of one.
#[derive(SimpleObject)]
pub(crate) struct ChangeConflicts {
    /// Those that are listed: the same item first, then the nearest.
    conflicts: Vec<ChangeConflict>,
    /// How many changes overlap in time.
    overlapping: usize,
    /// Whether some were not looked at or listed, or a blast radius was cut short.
    truncated: bool,
}

/// What the calendar holds.
#[derive(SimpleObject)]
pub(crate) struct Calendar {
    /// Every rule that is declared, in order of name.
    rules: Vec<CalendarRule>,
    /// The times of freezes and windows between the two moments, in order of time.
    spans: Vec<RuleSpan>,
    /// Every exemption that is granted, in order of name.
    exemptions: Vec<Exemption>,
    /// The last position that was known when this was answered.
    position: LogPosition,
}

/// Questions to the calendar.
#[derive(Default)]
pub(crate) struct CalendarQuery;

/// Questions to the calendar.
#[Object]
impl CalendarQuery {
    /// Whether a change may run at its planned time, rule by rule: a recorded one, or one that is only planned.
    async fn may_change(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "A recorded change.")] change: Option<ID>,
        #[graphql(
            desc = "A change that is not recorded; `plannedStartAt` to `plannedFinishAt` is its time, now when missing."
        )]
        planned: Option<RecordChangeInput>,
        #[graphql(desc = "Whether an administrator makes it.", default)] by_administrator: bool,
        #[graphql(
            desc = "What to answer when something cannot be seen.",
            default_with = "OnDoubt::Allow"
        )]
        on_doubt: OnDoubt,
        #[graphql(desc = "From where to look; now and newest when missing.")] as_of: Option<
            AsOfInput,
        >,
    ) -> Result<MayChange> {
        let at = Standpoint::of(ctx, as_of.as_ref()).await?;
        let mut asked = asked(&at, change.as_ref(), planned)?;
        asked.by_administrator = by_administrator;
        ask(ctx, move || MayChange::of(at, asked, on_doubt)).await
    }

    /// The rules of the calendar, their times between two moments, and what is exempt.
    async fn calendar(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The first moment.")] from: DateTime,
        #[graphql(desc = "The last moment, at most a year later.")] to: DateTime,
        #[graphql(desc = "From where to look; now and newest when missing.")] as_of: Option<
            AsOfInput,
        >,
    ) -> Result<Calendar> {
        const YEAR_MS: f64 = 367.0 * 24.0 * 3_600_000.0;
        if to.0 < from.0 || YEAR_MS < to.0.millis_since(from.0) {
            let message = "to lies after from, by a year at most";
            return Err(ErrorCode::BadInput.error(message));
        }
        let at = Standpoint::of(ctx, as_of.as_ref()).await?;
        ask(ctx, move || Calendar::of(&at, from.0, to.0)).await
    }
}

/// The change that is asked about.
fn asked(
    at: &Standpoint,
    change: Option<&ID>,
    planned: Option<RecordChangeInput>,
) -> Result<AskedChange> {
    match (change, planned) {
        (Some(change), None) => Ok(AskedChange::of(&Change::require(at, change)?)),
        (None, Some(planned)) => planned.into_asked(at),
        _ => Err(ErrorCode::BadInput.error("give change or planned, one of them")),
    }
}

/// How far a question to the calendar looks.
pub(crate) const fn may_limits() -> MayLimits {
    MayLimits {
        visited_max: REACH_MAX,
        changes_max: CHANGES_MAX,
    }
}

/// How far changes in the way of another are looked for.
pub(crate) fn conflict_limits(limits: &ApiLimits) -> ConflictLimits {
    ConflictLimits {
        changes_max: CHANGES_MAX,
        radius: BlastLimits {
            hops_max: None,
            impacts_max: HARMED_MAX,
            visited_max: limits.radius_visited_max.min(REACH_MAX),
            score_min: limits.radius_score_min,
        },
    }
}

impl MayChange {
    /// What the calendar says of a change.
    pub(crate) fn of(at: Standpoint, asked: AskedChange, on_doubt: OnDoubt) -> Self {
        let graph = std::sync::Arc::clone(&at.view.graph);
        let may = graph::may_change(&graph, &asked, at.as_of(), may_limits());
        Self::found(at, asked, on_doubt, may)
    }

    /// The same, already asked.
    pub(crate) fn found(
        at: Standpoint,
        asked: AskedChange,
        on_doubt: OnDoubt,
        may: graph::MayChange<'_>,
    ) -> Self {
        Self {
            findings: may
                .findings
                .iter()
                .map(|finding| RuleFinding::of(&at, finding))
                .collect(),
            blocked: may.blocked,
            unseen: may.unseen,
            next_at: may.next_at,
            at,
            asked,
            on_doubt,
        }
    }
}

/// Whether a change may run at its planned time.
#[Object]
impl MayChange {
    /// The decision: no rule says no and, where something could not be seen, what the gate asked for.
    async fn allowed(&self) -> bool {
        let doubtful = !self.unseen.is_empty();
        !self.blocked && (!doubtful || self.on_doubt == OnDoubt::Allow)
    }

    /// Whether everything could be seen that decides.
    async fn certain(&self) -> bool {
        self.blocked || self.unseen.is_empty()
    }

    /// What every rule that is about the change means for it, what blocks first.
    async fn findings(&self) -> &[RuleFinding] {
        &self.findings
    }

    /// The findings and what could not be seen, as sentences.
    async fn reasons(&self) -> Vec<&str> {
        let findings = self.findings.iter().map(RuleFinding::said);
        let unseen = self.unseen.iter().map(String::as_str);
        findings.chain(unseen).collect()
    }

    /// What could not be seen.
    async fn unseen(&self) -> &[String] {
        &self.unseen
    }

    /// The first moment from the planned one on, within 90 days, at which no rule says no.
    async fn next_at(&self) -> Option<DateTime> {
        self.next_at.map(DateTime)
    }

    /// The changes that overlap it in time and in what they may harm, at any distance.
    async fn conflicts(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many to list; 20 when missing.")] first: Option<i32>,
    ) -> Result<ChangeConflicts> {
        let first = question_size(ctx, first)?;
        let limits = conflict_limits(&ctx.data::<Shared>()?.limits);
        let (at, asked) = (self.at.clone(), self.asked.clone());
        ask(ctx, move || ChangeConflicts::of(&at, &asked, limits, first)).await
    }

    /// The last position that was known when this was answered.
    async fn position(&self) -> LogPosition {
        self.at.position()
    }
}

impl ChangeConflicts {
    fn of(at: &Standpoint, asked: &AskedChange, limits: ConflictLimits, first: usize) -> Self {
        let found = graph::conflicts(&at.view.graph, asked, at.as_of(), limits);
        let total = found.conflicts.len();
        let listed = found.conflicts.into_iter().take(first);
        Self {
            conflicts: listed
                .map(|conflict| ChangeConflict {
                    change: Change::of(at, conflict.change.id()),
                    kind: conflict.kind.into(),
                    item: ConfigurationItem::find(at, conflict.item),
                    path: PathStep::path(at, &conflict.path),
                    other_path: PathStep::path(at, &conflict.other_path),
                })
                .collect(),
            overlapping: found.overlapping,
            truncated: found.truncated || first < total,
        }
    }
}

impl Calendar {
    fn of(at: &Standpoint, from: Timestamp, to: Timestamp) -> Self {
        let graph = &at.view.graph;
        let declared = || graph.calendar_rules(at.valid_at);
        let mut spans: Vec<RuleSpan> = declared()
            .flat_map(|rule| RuleSpan::between(rule, from, to))
            .collect();
        spans.sort_by_key(RuleSpan::place);
        Self {
            rules: declared().map(CalendarRule::of).collect(),
            spans,
            exemptions: graph
                .exemptions(at.valid_at)
                .map(|it| Exemption::of(&it))
                .collect(),
            position: at.position(),
        }
    }
}
