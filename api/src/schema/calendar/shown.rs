//! Rules, exemptions and findings as GraphQL shows them.

use async_graphql::{Enum, SimpleObject};
use graph::{Declared, Outcome};
use model::{CalendarRuleDeclared, ChangeId, TimeSpan, Timestamp};

use super::input::{RuleEffect, RuleReach, Weekday};
use crate::schema::change::Change;
use crate::schema::item::ConfigurationItem;
use crate::schema::radius::PathStep;
use crate::schema::scalars::{DateTime, LogPosition};
use crate::schema::standpoint::Standpoint;

/// When changes may run.
#[derive(SimpleObject)]
pub(crate) struct CalendarRule {
    /// The name by which it is replaced, withdrawn and lifted.
    name: String,
    /// What it says.
    effect: RuleEffect,
    /// A line for people.
    title: Option<String>,
    /// Why.
    reason: Option<String>,
    /// Which changes it is about.
    scope: ChangeScope,
    /// Spans of the calendar in which it holds. With no times at all it always holds.
    spans: Vec<Span>,
    /// Hours of every week in which it holds.
    weekly: Vec<WeeklyTime>,
    /// Whether it binds administrators too.
    binds_administrators: bool,
    /// Goals of a change for which it does not count.
    lifted_for: Vec<String>,
    /// Of a spacing rule: the kind of place.
    between: Option<String>,
    /// Of a spacing rule: the least time between two changes, in milliseconds.
    apart_ms: Option<u64>,
    /// When it was declared.
    declared_at: DateTime,
    /// Where the declaration stands in the log.
    position: LogPosition,
}

/// Which changes are meant. A list that is empty asks for nothing.
#[derive(SimpleObject)]
pub(crate) struct ChangeScope {
    /// A target is one of these items, or within reach of one; their keys as declared.
    items: Vec<String>,
    /// How far it reaches from the items.
    reach: RuleReach,
    /// Most relations on the way.
    hops_max: Option<u32>,
    /// It takes effect in one of these environments.
    environments: Vec<String>,
    /// It is of one of these kinds.
    kinds: Vec<String>,
    /// It has one of these levels of control.
    levels: Vec<String>,
    /// It belongs to one of these scenes.
    scenes: Vec<String>,
}

/// A span of the calendar, half-open.
#[derive(SimpleObject)]
pub(crate) struct Span {
    /// Its first moment; null if it has none.
    from: Option<DateTime>,
    /// The first moment after it; null if it has none.
    until: Option<DateTime>,
}

/// Hours of every week.
#[derive(SimpleObject)]
pub(crate) struct WeeklyTime {
    /// On these days; every day when empty.
    days: Vec<Weekday>,
    /// From this time of the day.
    from: String,
    /// Until this one; of the next day if it is not later.
    until: String,
    /// A name of the IANA time zone database.
    time_zone: String,
}

impl From<&model::WeeklyTime> for WeeklyTime {
    fn from(weekly: &model::WeeklyTime) -> Self {
        Self {
            days: weekly.days.iter().map(|day| (*day).into()).collect(),
            from: weekly.from.clone(),
            until: weekly.until.clone(),
            time_zone: weekly.time_zone.clone(),
        }
    }
}

/// One time of a rule.
#[derive(SimpleObject)]
pub(crate) struct RuleSpan {
    /// The rule's name.
    rule: String,
    /// What it says.
    effect: RuleEffect,
    /// A line for people.
    title: Option<String>,
    /// When it holds.
    span: Span,
    #[graphql(skip)]
    from: Timestamp,
}

/// What sort of exemption.
#[derive(Clone, Copy, PartialEq, Eq, Enum, serde::Serialize)]
#[graphql(remote = "model::ExemptionKind")]
#[serde(rename_all = "snake_case")]
pub(crate) enum ExemptionKind {
    /// To stop a loss: at once, and for an hour.
    GreenChannel,
    /// Asked for in advance, allowed by somebody, for a stated time.
    WhiteList,
}

/// Rules do not count for some changes, for a time.
#[derive(SimpleObject)]
pub(crate) struct Exemption {
    /// Its name.
    name: String,
    /// What sort.
    kind: ExemptionKind,
    /// The rules that it lifts; all when empty.
    rules: Vec<String>,
    /// The one change that it is for: its source.
    change_source: Option<String>,
    /// The one change that it is for: its id there.
    change_source_id: Option<String>,
    /// The changes that it is for.
    scope: ChangeScope,
    /// When it counts.
    span: Span,
    /// Who allowed it.
    approver: Option<String>,
    /// Why.
    reason: String,
}

/// What a rule means for a change.
#[derive(Clone, Copy, PartialEq, Eq, Enum)]
pub(crate) enum RuleOutcome {
    /// It says no.
    Blocks,
    /// It is about the change, and lets it run.
    Allows,
    /// It would say no, and does not count.
    Lifted,
    /// Whether it is about the change could not be seen.
    Unseen,
}

/// What one rule means for a change, and why.
#[derive(SimpleObject)]
pub(crate) struct RuleFinding {
    /// The rule.
    rule: CalendarRule,
    /// What it means.
    outcome: RuleOutcome,
    /// By what it is lifted.
    lifted_by: Option<String>,
    /// The target by which the rule is about the change, if it names items.
    target: Option<ConfigurationItem>,
    /// The way from an item that the rule names to the target.
    path: Vec<PathStep>,
    /// The time of the rule that decides.
    span: Option<Span>,
    /// Other changes that stand in the way.
    changes: Vec<Change>,
    /// The same in words.
    sentence: String,
}

impl CalendarRule {
    pub(crate) fn of(declared: Declared<'_, CalendarRuleDeclared>) -> Self {
        let rule = &declared.what;
        let weekly = rule.times.weekly.iter().map(Into::into);
        Self {
            name: rule.name.clone(),
            effect: rule.effect.into(),
            title: rule.title.clone(),
            reason: rule.reason.clone(),
            scope: ChangeScope::of(&rule.scope),
            spans: rule
                .times
                .spans
                .iter()
                .map(|span| Span::of(*span))
                .collect(),
            weekly: weekly.collect(),
            binds_administrators: rule.binds_administrators,
            lifted_for: rule.lifted_for.clone(),
            between: rule.between.clone(),
            apart_ms: rule.apart_ms,
            declared_at: DateTime(declared.declared_at),
            position: LogPosition(declared.position),
        }
    }
}

impl ChangeScope {
    fn of(scope: &model::ChangeScope) -> Self {
        Self {
            items: scope.items.iter().map(ToString::to_string).collect(),
            reach: scope.reach.into(),
            hops_max: scope.hops_max,
            environments: scope.environments.clone(),
            kinds: scope.kinds.clone(),
            levels: scope.levels.clone(),
            scenes: scope.scenes.clone(),
        }
    }
}

impl Span {
    fn of(span: TimeSpan) -> Self {
        let from = (Timestamp::MIN < span.from).then_some(DateTime(span.from));
        let until = (span.until < Timestamp::MAX).then_some(DateTime(span.until));
        Self { from, until }
    }
}

impl RuleSpan {
    /// The times of a rule between two moments.
    pub(crate) fn between(
        declared: Declared<'_, CalendarRuleDeclared>,
        from: Timestamp,
        to: Timestamp,
    ) -> Vec<Self> {
        let rule = &declared.what;
        let spans = rule.times.overlapping(from, to).into_iter();
        spans
            .map(|span| Self {
                rule: rule.name.clone(),
                effect: rule.effect.into(),
                title: rule.title.clone(),
                from: span.from,
                span: Span::of(span),
            })
            .collect()
    }

    /// What spans are sorted by.
    pub(crate) fn place(&self) -> (Timestamp, String) {
        (self.from, self.rule.clone())
    }
}

impl Exemption {
    pub(crate) fn of(exemption: &graph::Exemption<'_>) -> Self {
        let granted = exemption.granted;
        let change = granted.change.as_ref();
        Self {
            name: granted.name.clone(),
            kind: granted.kind.into(),
            rules: granted.rules.clone(),
            change_source: change.map(|change| change.source.as_str().to_owned()),
            change_source_id: change.map(|change| change.source_id.clone()),
            scope: ChangeScope::of(&granted.scope),
            span: Span::of(exemption.span),
            approver: granted.approver.clone(),
            reason: granted.reason.clone(),
        }
    }
}

impl RuleFinding {
    pub(crate) fn of(at: &Standpoint, finding: &graph::Finding<'_>) -> Self {
        let (outcome, lifted_by) = match &finding.outcome {
            Outcome::Blocks => (RuleOutcome::Blocks, None),
            Outcome::Allows => (RuleOutcome::Allows, None),
            Outcome::Unseen => (RuleOutcome::Unseen, None),
            Outcome::Lifted { by } => (RuleOutcome::Lifted, Some(by.clone())),
        };
        let changes = finding.changes.iter();
        Self {
            rule: CalendarRule::of(finding.rule),
            outcome,
            lifted_by,
            target: finding
                .target
                .and_then(|target| ConfigurationItem::find(at, target)),
            path: PathStep::path(at, &finding.path),
            span: finding.span.map(Span::of),
            changes: changes
                .filter_map(|change| Change::find(at, ChangeId::of(change)))
                .collect(),
            sentence: finding.sentence.clone(),
        }
    }

    pub(crate) fn said(&self) -> &str {
        &self.sentence
    }
}
