//! What other rules would have made of the changes that were.

use std::collections::BTreeMap;

use model::{AsOf, LogPosition, RiskLevel, RiskRuleDeclared, Timestamp, Verdict};

use super::rules::{Ruled, ruled};
use super::{AssessedChange, RiskLimits, measured};
use crate::view::{ChangeRow, GraphView};

/// Rules that somebody thinks of, and the changes they are tried on.
#[derive(Clone, Debug, PartialEq)]
pub struct SimulatedRules {
    /// Rules that are added, or replace the declared ones of their name.
    pub rules: Vec<RiskRuleDeclared>,
    /// Declared rules that are left out, by name.
    pub without: Vec<String>,
    /// The changes that began from this moment on,
    pub since: Timestamp,
    /// and before this one. The rules declared by then are what is compared with.
    pub until: Timestamp,
}

/// Explicit limits of one simulation.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SimulationLimits {
    /// Of assessing one change.
    pub risk: RiskLimits,
    /// How many changes are assessed, the newest first.
    pub changes_max: usize,
}

/// A change of which the rules would change the level.
#[derive(Clone, Debug)]
pub struct SimulatedChange<'v> {
    /// The change.
    pub change: ChangeRow<'v>,
    /// Its score and level by the declared rules.
    pub before: (f64, RiskLevel),
    /// The same by the rules of the question.
    pub after: (f64, RiskLevel),
    /// The rules of the question that count for it.
    pub rules: Vec<String>,
    /// Whether it was judged the cause of an incident.
    pub is_cause: bool,
}

/// How many changes have a level, and how many of these were judged causes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LevelCount {
    /// Changes.
    pub changes: usize,
    /// Those that were judged causes.
    pub causes: usize,
}

/// What the rules of a question would change.
#[derive(Clone, Debug)]
pub struct RiskSimulation<'v> {
    /// How many changes were assessed.
    pub considered: usize,
    /// Whether older changes of the time were left out.
    pub truncated: bool,
    /// The changes whose level would be another one, the newest first.
    pub changed: Vec<SimulatedChange<'v>>,
    /// Of each level, before and after.
    pub levels: BTreeMap<RiskLevel, (LevelCount, LevelCount)>,
    /// For how many changes each rule of the question counts, and how many of these were judged causes.
    pub counted: BTreeMap<String, LevelCount>,
}

/// Assesses the changes of a time by the declared rules and by those of the question. Nothing is kept of it.
pub fn simulate_risk<'v>(
    view: &'v GraphView,
    asked: &SimulatedRules,
    limits: SimulationLimits,
) -> RiskSimulation<'v> {
    let declared: Vec<&RiskRuleDeclared> = view.risk_rules(asked.until).map(|it| it.what).collect();
    let after = replaced(&declared, asked);
    let mut found = RiskSimulation {
        considered: 0,
        truncated: false,
        changed: Vec::new(),
        levels: BTreeMap::new(),
        counted: BTreeMap::new(),
    };
    for rule in &asked.rules {
        found
            .counted
            .insert(rule.name.clone(), LevelCount::default());
    }
    for change in view.changes_between(asked.since, asked.until) {
        if found.considered == limits.changes_max {
            found.truncated = true;
            break;
        }
        found.considered += 1;
        let as_of = AsOf {
            valid_at: change.started_at(),
            known_at: LogPosition::ZERO,
        };
        let assessed = AssessedChange::of(&change);
        let measured = measured(view, &assessed, as_of, limits.risk);
        let by = |rules: &[&RiskRuleDeclared]| {
            ruled(&measured.facts, measured.score, rules.iter().copied())
        };
        found.take(asked, change, &by(&declared), by(&after));
    }
    found
}

/// The rules as they would be, in order of name.
fn replaced<'r>(
    declared: &[&'r RiskRuleDeclared],
    asked: &'r SimulatedRules,
) -> Vec<&'r RiskRuleDeclared> {
    let kept = declared
        .iter()
        .filter(|rule| !asked.without.contains(&rule.name));
    let kept = kept.map(|rule| (rule.name.as_str(), *rule));
    let mut by_name: BTreeMap<&str, &RiskRuleDeclared> = kept.collect();
    by_name.extend(asked.rules.iter().map(|rule| (rule.name.as_str(), rule)));
    by_name.into_values().collect()
}

impl<'v> RiskSimulation<'v> {
    fn take(
        &mut self,
        asked: &SimulatedRules,
        change: ChangeRow<'v>,
        before: &Ruled,
        after: Ruled,
    ) {
        let verdicts = change.verdicts();
        let is_cause = verdicts.iter().any(|(_, it)| *it == Verdict::Cause);
        let add = |count: &mut LevelCount| {
            count.changes += 1;
            count.causes += usize::from(is_cause);
        };
        add(&mut self.levels.entry(before.level).or_default().0);
        add(&mut self.levels.entry(after.level).or_default().1);
        let of_question = |name: &String| asked.rules.iter().any(|rule| rule.name == *name);
        let names = after.counted.into_iter().map(|rule| rule.name);
        let rules: Vec<String> = names.filter(of_question).collect();
        for name in &rules {
            add(self.counted.entry(name.clone()).or_default());
        }
        if before.level != after.level {
            self.changed.push(SimulatedChange {
                change,
                before: (before.score, before.level),
                after: (after.score, after.level),
                rules,
                is_cause,
            });
        }
    }
}
