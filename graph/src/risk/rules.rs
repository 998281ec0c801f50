//! Rules of one's own: which of them count for a change, and what they make of its score.

use std::fmt::Write as _;

use model::{
    LogPosition, RiskCondition, RiskFact, RiskLevel, RiskRuleDeclared, RiskScope, RiskTest,
    RiskValue, Timestamp,
};

use super::known::{KnownFact, RiskFacts, is_same};
use super::table::RISK;
use crate::declarations::{Declarations, Declared, declare, restore, standing};
use crate::stamped::Stamp;
use crate::versions::{SavedVersion, saved, to_json};

/// Rules by name.
#[derive(Clone, Debug, Default)]
pub(crate) struct RiskRules {
    rules: Declarations<RiskRuleDeclared>,
}

/// A rule that counts for a change.
#[derive(Clone, Debug, PartialEq)]
pub struct CountedRule {
    /// Its name.
    pub name: String,
    /// What it is for.
    pub description: Option<String>,
    /// What it adds; nothing where it only bounds the level.
    pub points: f64,
    /// The least level of a change for which it counts.
    pub level_at_least: Option<RiskLevel>,
    /// What holds of the change, as a sentence.
    pub because: String,
}

/// What rules make of a score.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Ruled {
    pub(crate) score: f64,
    pub(crate) level: RiskLevel,
    /// The rule that raised the level above that of the score.
    pub(crate) raised_by: Option<String>,
    /// The rules that count, in order of name.
    pub(crate) counted: Vec<CountedRule>,
    /// What rules ask for and nobody knows.
    pub(crate) unseen: Vec<String>,
}

impl RiskRules {
    pub(crate) fn declare(&mut self, rule: &RiskRuleDeclared, stamp: Stamp, at: LogPosition) {
        declare(&mut self.rules, &rule.name, Some(rule.clone()), stamp, at);
    }

    pub(crate) fn withdraw(&mut self, name: &str, stamp: Stamp, at: LogPosition) {
        declare(&mut self.rules, name, None, stamp, at);
    }

    /// The rules as they were declared by a moment, in order of name.
    pub(crate) fn at(
        &self,
        moment: Timestamp,
    ) -> impl Iterator<Item = Declared<'_, RiskRuleDeclared>> {
        standing(&self.rules, moment)
    }

    pub(crate) fn each_line(&self, mut take: impl FnMut(String)) {
        let rules = self.save().into_iter().filter_map(|it| it.defined);
        rules.for_each(|rule| take(format!("risk rule {rule}")));
    }

    pub(crate) fn save(&self) -> Vec<SavedVersion> {
        saved(&self.rules, to_json)
    }

    pub(crate) fn restore(saved: Vec<SavedVersion>) -> Self {
        Self {
            rules: restore(saved),
        }
    }
}

/// The level that a score reaches.
pub(super) fn level_of(score: f64) -> RiskLevel {
    let reached = |(_, from): &&(RiskLevel, f64)| *from <= score;
    let level = RISK.levels.iter().find(reached);
    level.map_or(RiskLevel::Low, |(level, _)| *level)
}

/// What rules make of the score of a change, of which these facts are known.
pub(crate) fn ruled<'r>(
    facts: &RiskFacts,
    score: f64,
    rules: impl Iterator<Item = &'r RiskRuleDeclared>,
) -> Ruled {
    let mut ruled = Ruled {
        score,
        level: RiskLevel::Low,
        raised_by: None,
        counted: Vec::new(),
        unseen: Vec::new(),
    };
    for rule in rules {
        let mut trial = Trial {
            facts,
            held: Vec::new(),
            unknown: Vec::new(),
        };
        if trial.is_about(&rule.scope) && trial.holds(&rule.when) {
            ruled.counted.push(CountedRule {
                name: rule.name.clone(),
                description: rule.description.clone(),
                points: rule.points.unwrap_or(0.0),
                level_at_least: rule.level_at_least,
                because: trial.held.join(" and "),
            });
        } else if let Some(fact) = trial.unknown.first() {
            let fact = fact.as_str();
            let name = &rule.name;
            ruled.unseen.push(format!(
                "the rule {name} looks at {fact}, which nobody knows of this change"
            ));
        }
    }
    ruled.score += ruled.counted.iter().map(|rule| rule.points).sum::<f64>();
    ruled.level = level_of(ruled.score);
    for rule in &ruled.counted {
        if let Some(least) = rule.level_at_least
            && ruled.level < least
        {
            ruled.level = least;
            ruled.raised_by = Some(rule.name.clone());
        }
    }
    ruled
}

/// One rule held against the facts.
struct Trial<'f> {
    facts: &'f RiskFacts,
    /// The comparisons that hold, as people say them.
    held: Vec<String>,
    unknown: Vec<RiskFact>,
}

impl Trial<'_> {
    fn is_about(&self, scope: &RiskScope) -> bool {
        scope.lists().iter().all(|(fact, wanted)| {
            let known = self.facts.get(*fact);
            let fits = |known: &KnownFact| match known {
                KnownFact::Words(words) => {
                    let mut words = words.iter();
                    words.any(|word| wanted.iter().any(|it| is_same(word, it)))
                }
                KnownFact::Number(_) | KnownFact::Truth(_) => false,
            };
            wanted.is_empty() || known.is_some_and(fits)
        })
    }

    fn holds(&mut self, condition: &RiskCondition) -> bool {
        match condition {
            RiskCondition::All { all } => all.iter().all(|one| self.holds(one)),
            RiskCondition::Any { any } => any.iter().any(|one| self.holds(one)),
            RiskCondition::Test(test) => match self.facts.test(test) {
                None => {
                    self.unknown.push(test.fact);
                    false
                }
                Some(true) => {
                    let said = sentence(self.facts, test);
                    self.held.push(said);
                    true
                }
                Some(false) => false,
            },
        }
    }
}

/// A comparison with what was seen: `impact_scope (120) is at least 100`.
fn sentence(facts: &RiskFacts, test: &RiskTest) -> String {
    let mut said = test.fact.as_str().to_owned();
    let known = match facts.get(test.fact) {
        Some(KnownFact::Number(number)) => Some(format!("{number}")),
        Some(KnownFact::Words(words)) => Some(words.join(", ")),
        Some(KnownFact::Truth(_)) | None => None,
    };
    let value = match &test.value {
        RiskValue::Truth(truth) => truth.to_string(),
        RiskValue::Number(number) => number.to_string(),
        RiskValue::Word(word) => word.clone(),
        RiskValue::Words(words) => words.join(", "),
    };
    if let Some(known) = known.filter(|known| *known != value) {
        let _written = write!(said, " ({known})");
    }
    format!("{said} {} {value}", test.comparison.said())
}
