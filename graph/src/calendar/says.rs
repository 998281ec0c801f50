//! What one rule says of a span of time, exemptions aside.

use model::{CalendarRuleDeclared, CiId, RuleEffect, SourceRef, TimeSpan, Timestamp};

use super::AskedChange;
use super::may::{Applies, Question};
use super::reach::{Fit, Within};
use crate::structure::{ClimbLimits, placement};

/// How far a place may be.
const PLACES: ClimbLimits = ClimbLimits {
    depth_max: 8,
    items_max: 64,
};

/// What a rule says of a span of time.
pub(super) struct Says {
    pub(super) no: bool,
    pub(super) span: Option<TimeSpan>,
    pub(super) changes: Vec<SourceRef>,
}

impl Question<'_, '_> {
    /// What a rule says of a planned time, exemptions aside.
    pub(super) fn says(&self, applies: &Applies<'_>, start: Timestamp, finish: Timestamp) -> Says {
        let rule = &applies.rule.what;
        let spans = rule.times.overlapping(start, finish);
        let holds_all = |span: &&TimeSpan| span.from <= start && finish <= span.until;
        match rule.effect {
            RuleEffect::Freeze => Says {
                no: !spans.is_empty(),
                span: spans.first().copied(),
                changes: Vec::new(),
            },
            RuleEffect::Window => {
                let holding = spans.iter().find(holds_all).copied();
                Says {
                    no: holding.is_none(),
                    span: holding,
                    changes: Vec::new(),
                }
            }
            RuleEffect::Spacing => {
                let changes = match spans.is_empty() {
                    true => Vec::new(),
                    false => self.too_near(rule, start, finish),
                };
                Says {
                    no: !changes.is_empty(),
                    span: spans.first().copied(),
                    changes,
                }
            }
        }
    }

    /// Changes of another place that are too near in time.
    fn too_near(
        &self,
        rule: &CalendarRuleDeclared,
        start: Timestamp,
        finish: Timestamp,
    ) -> Vec<SourceRef> {
        let kind = rule.between.as_deref().unwrap_or_default();
        let own = self.places(&self.asked.targets, kind);
        let apart_ms = i64::try_from(rule.apart_ms.unwrap_or(0)).unwrap_or(i64::MAX);
        let (from, until) = (start.plus_millis(-apart_ms), finish.plus_millis(apart_ms));
        let mut found = Vec::new();
        let others = self.view.changes_between(from, until);
        for other in others.take(self.limits.changes_max) {
            let reference = other.reference();
            let is_itself = self.asked.change.as_ref() == Some(&reference);
            if is_itself || other.status().came_to_nothing() {
                continue;
            }
            let asked = AskedChange::of(&other);
            let visited_max = self.limits.visited_max;
            let fits = Within::of(self.view, self.at, &asked, visited_max).fit(&rule.scope);
            let elsewhere = || {
                let places = self.places(&asked.targets, kind);
                places.iter().any(|place| !own.contains(place)) && !own.is_empty()
            };
            if matches!(fits, Fit::Yes(_)) && elsewhere() {
                found.push(reference);
            }
        }
        found.sort();
        found
    }

    /// The places of a kind that items lie in.
    fn places(&self, items: &[CiId], kind: &str) -> Vec<CiId> {
        let items = items.iter().filter_map(|id| self.view.item(*id));
        let mut places: Vec<CiId> = items
            .flat_map(|item| placement(item, self.at, PLACES).reached)
            .filter(|reached| reached.item.kind() == kind)
            .map(|reached| reached.item.id())
            .collect();
        places.sort_unstable();
        places.dedup();
        places
    }
}

/// When a rule may let the change run that it stops now.
pub(super) fn after(
    rule: &CalendarRuleDeclared,
    span: Option<TimeSpan>,
    start: Timestamp,
    finish: Timestamp,
    end: Timestamp,
) -> Option<Timestamp> {
    match rule.effect {
        RuleEffect::Freeze => span
            .map(|span| span.until)
            .filter(|it| *it < Timestamp::MAX),
        RuleEffect::Window => {
            let lasts = finish.unix_nanos() - start.unix_nanos();
            let spans = rule.times.overlapping(start, end);
            let holds =
                |span: &&TimeSpan| start < span.from && span.from.plus_nanos(lasts) <= span.until;
            spans.iter().find(holds).map(|span| span.from)
        }
        RuleEffect::Spacing => {
            let apart_ms = i64::try_from(rule.apart_ms.unwrap_or(0)).unwrap_or(i64::MAX);
            Some(start.plus_millis(apart_ms.max(1)))
        }
    }
}
