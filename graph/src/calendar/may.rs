//! Whether a change may run at its planned time, rule by rule, with the reason of each.
//!
//! Every rule decides for itself: a freeze by any overlap, a window by holding the whole of the
//! planned time, a spacing rule by other changes near in time and apart in place. An exemption
//! counts if it holds when the change begins.

use model::{
    AsOf, CalendarRuleDeclared, CiId, ExemptionKind, RuleEffect, SourceRef, TimeSpan, Timestamp,
};

use super::reach::{Fit, Within};
use super::says::after;
use super::{AskedChange, Declared, Exemption};
use crate::path::PathStep;
use crate::view::GraphView;

/// How far ahead a moment is looked for at which the change may run.
const AHEAD_MS: i64 = 90 * 24 * 60 * 60 * 1_000;
/// How many moments are tried.
const TRIES_MAX: usize = 200;
/// Explicit limits of one question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MayLimits {
    /// How many items a rule may reach before it is not followed further.
    pub visited_max: usize,
    /// How many other changes a spacing rule looks at.
    pub changes_max: usize,
}

/// What a rule means for a change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It says no.
    Blocks,
    /// It is about the change, and lets it run.
    Allows,
    /// It would say no, and does not count: by an exemption, the goal, or who makes the change.
    Lifted {
        /// By what.
        by: String,
    },
    /// Whether it is about the change could not be seen.
    Unseen,
}

/// What one rule means for a change, and why.
#[derive(Clone, Debug, PartialEq)]
pub struct Finding<'v> {
    /// The rule.
    pub rule: Declared<'v, CalendarRuleDeclared>,
    /// What it means.
    pub outcome: Outcome,
    /// The target by which the rule is about the change, if it names items.
    pub target: Option<CiId>,
    /// The way from an item that the rule names to the target.
    pub path: Vec<PathStep>,
    /// The time of the rule that decides.
    pub span: Option<TimeSpan>,
    /// Other changes that stand in the way.
    pub changes: Vec<SourceRef>,
    /// The same in words.
    pub sentence: String,
}

/// Whether a change may run.
#[derive(Clone, Debug, PartialEq)]
pub struct MayChange<'v> {
    /// What every rule that is about the change means for it, what blocks first.
    pub findings: Vec<Finding<'v>>,
    /// Whether a rule says no.
    pub blocked: bool,
    /// What could not be seen.
    pub unseen: Vec<String>,
    /// The first moment from the planned one on at which no rule says no, if one was found.
    pub next_at: Option<Timestamp>,
}

/// A rule that is about the change.
pub(super) struct Applies<'v> {
    pub(super) rule: Declared<'v, CalendarRuleDeclared>,
    way: Option<(CiId, Vec<PathStep>)>,
    /// Exemptions that lift it, whenever they count.
    exemptions: Vec<Exemption<'v>>,
}

/// Whether a change may run at its planned time, as far as was declared and known.
pub fn may_change<'v>(
    view: &'v GraphView,
    asked: &AskedChange,
    as_of: AsOf,
    limits: MayLimits,
) -> MayChange<'v> {
    let question = Question {
        view,
        asked,
        at: as_of.valid_at,
        limits,
    };
    let mut unseen: Vec<String> = Vec::new();
    if !asked.unknown_targets.is_empty() {
        let unknown = asked.unknown_targets.join(", ");
        unseen.push(format!("nobody knows these targets: {unknown}"));
    }
    let mut findings = Vec::new();
    let mut applying = Vec::new();
    let mut within = Within::of(view, as_of.valid_at, asked, limits.visited_max);
    for rule in view.calendar.rules_at(as_of.valid_at) {
        match within.fit(&rule.what.scope) {
            Fit::No => {}
            Fit::Yes(way) => applying.push(question.applies(rule, way, &mut within)),
            Fit::Unseen(why) => {
                let sentence = format!("{}: {why}", name(rule));
                unseen.push(sentence.clone());
                findings.push(Finding::of(rule, Outcome::Unseen, sentence));
            }
        }
    }
    findings.extend(applying.iter().map(|applies| question.finding(applies)));
    findings.sort_by_key(|finding| match finding.outcome {
        Outcome::Blocks => 0,
        Outcome::Unseen => 1,
        Outcome::Lifted { .. } => 2,
        Outcome::Allows => 3,
    });
    let blocks = |finding: &Finding<'_>| finding.outcome == Outcome::Blocks;
    MayChange {
        blocked: findings.iter().any(blocks),
        next_at: question.next_at(&applying),
        findings,
        unseen,
    }
}

pub(super) struct Question<'v, 'q> {
    pub(super) view: &'v GraphView,
    pub(super) asked: &'q AskedChange,
    pub(super) at: Timestamp,
    pub(super) limits: MayLimits,
}

impl<'v> Question<'v, '_> {
    fn applies(
        &self,
        rule: Declared<'v, CalendarRuleDeclared>,
        way: Option<(CiId, Vec<PathStep>)>,
        within: &mut Within<'_, '_>,
    ) -> Applies<'v> {
        let exemptions = self.view.calendar.exemptions_at(self.at);
        let lifts = |exemption: &Exemption<'_>| {
            let granted = exemption.granted;
            let of_rule = granted.rules.is_empty() || granted.rules.contains(&rule.what.name);
            let of_change = granted.change.is_none() || granted.change == self.asked.change;
            of_rule && of_change && matches!(within.fit(&granted.scope), Fit::Yes(_))
        };
        Applies {
            rule,
            way,
            exemptions: exemptions.filter(lifts).collect(),
        }
    }

    fn finding(&self, applies: &Applies<'v>) -> Finding<'v> {
        let (start, finish) = (self.asked.start, self.asked.finish);
        let says = self.says(applies, start, finish);
        let outcome = match (says.no, self.lifted(applies, start)) {
            (false, _) => Outcome::Allows,
            (true, Some(by)) => Outcome::Lifted { by },
            (true, None) => Outcome::Blocks,
        };
        let mut finding = Finding::of(applies.rule, outcome, String::new());
        finding.span = says.span;
        finding.changes = says.changes;
        if let Some((target, path)) = &applies.way {
            finding.target = Some(*target);
            finding.path.clone_from(path);
        }
        finding.sentence = self.sentence(&finding);
        finding
    }

    /// Why a rule does not count for a change that begins at a moment.
    fn lifted(&self, applies: &Applies<'_>, start: Timestamp) -> Option<String> {
        let rule = &applies.rule.what;
        if self.asked.by_administrator && !rule.binds_administrators {
            return Some("it does not bind administrators".to_owned());
        }
        let is_goal = |goal: &&String| rule.lifted_for.contains(goal);
        if let Some(goal) = self.asked.goal.as_ref().filter(is_goal) {
            return Some(format!("it does not count for the goal {goal}"));
        }
        let counts = |it: &&Exemption<'_>| it.span.from <= start && start < it.span.until;
        let exemption = applies.exemptions.iter().find(counts)?;
        let kind = match exemption.granted.kind {
            ExemptionKind::GreenChannel => "green channel",
            ExemptionKind::WhiteList => "white list",
        };
        let (name, until) = (&exemption.granted.name, exemption.span.until);
        Some(format!("the {kind} {name} until {until}"))
    }

    /// The first moment from the planned one on at which no rule says no.
    fn next_at(&self, applying: &[Applies<'_>]) -> Option<Timestamp> {
        let lasts = self.asked.finish.unix_nanos() - self.asked.start.unix_nanos();
        let mut start = self.asked.start;
        let end = start.plus_millis(AHEAD_MS);
        for _ in 0..TRIES_MAX {
            let finish = start.plus_nanos(lasts);
            let mut later = None;
            for applies in applying {
                let says = self.says(applies, start, finish);
                if says.no && self.lifted(applies, start).is_none() {
                    let next = after(applies.rule.what, says.span, start, finish, end)?;
                    later = later.max(Some(next));
                }
            }
            match later {
                None => return Some(start),
                Some(next) if end < next => return None,
                Some(next) => start = next,
            }
        }
        None
    }

    fn sentence(&self, finding: &Finding<'_>) -> String {
        let rule = &finding.rule.what;
        let until = finding
            .span
            .map(|span| span.until)
            .filter(|it| *it < Timestamp::MAX);
        let until = until.map_or_else(String::new, |until| format!(" until {until}"));
        let outside = finding.span.is_none();
        let said = match rule.effect {
            RuleEffect::Freeze if outside => "is over or not yet in force then".to_owned(),
            RuleEffect::Freeze => format!("is in force{until}"),
            RuleEffect::Window if outside => {
                "does not hold the whole of the planned time".to_owned()
            }
            RuleEffect::Window => format!("is open{until}"),
            RuleEffect::Spacing if finding.changes.is_empty() => "is kept".to_owned(),
            RuleEffect::Spacing => {
                let changes: Vec<&str> = finding
                    .changes
                    .iter()
                    .map(|it| it.source_id.as_str())
                    .collect();
                format!("is not kept: {} is too near", changes.join(", "))
            }
        };
        let lifted = match &finding.outcome {
            Outcome::Lifted { by } => format!(", but does not count: {by}"),
            Outcome::Blocks | Outcome::Allows | Outcome::Unseen => String::new(),
        };
        format!("{} {said}{lifted}{}", name(finding.rule), self.way(finding))
    }

    fn way(&self, finding: &Finding<'_>) -> String {
        let key = |id: CiId| {
            self.view
                .item(id)
                .map_or_else(String::new, |item| item.key())
        };
        let steps = finding.path.iter().map(|step| {
            let kind = step.kind.replace('_', " ");
            format!("{} {kind} {}", key(step.dependent()), key(step.provider()))
        });
        let steps: Vec<String> = steps.collect();
        match (finding.target, steps.is_empty()) {
            (None, _) => String::new(),
            (Some(target), true) => format!("; it names {}", key(target)),
            (Some(target), false) => format!("; it reaches {}: {}", key(target), steps.join(", ")),
        }
    }
}

fn name(rule: Declared<'_, CalendarRuleDeclared>) -> String {
    let kind = match rule.what.effect {
        RuleEffect::Freeze => "the freeze",
        RuleEffect::Window => "the window",
        RuleEffect::Spacing => "the spacing rule",
    };
    format!(
        "{kind} {}",
        rule.what.title.as_ref().unwrap_or(&rule.what.name)
    )
}

impl<'v> Finding<'v> {
    fn of(rule: Declared<'v, CalendarRuleDeclared>, outcome: Outcome, sentence: String) -> Self {
        Self {
            rule,
            outcome,
            target: None,
            path: Vec::new(),
            span: None,
            changes: Vec::new(),
            sentence,
        }
    }
}
