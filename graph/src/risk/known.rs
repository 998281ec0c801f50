//! The facts of a change as typed values: what rules compare, and what services that score read.

use std::collections::BTreeMap;

use model::{
    ActorKind, FlowKind, RiskComparison, RiskFact, RiskTest, RiskValue, Timestamp, Weekday,
};

use super::factors::{is_production, targets};
use super::{AssessedChange, RiskAssessment};
use crate::calendar::Outcome;
use crate::path::Contribution;
use crate::structure::{Criticality, owner_of};
use crate::view::{GraphView, Item};

const DAY_NANOS: i64 = 86_400_000_000_000;
const HOUR_NANOS: i64 = 3_600_000_000_000;
/// The value of a fact.
#[derive(Clone, Debug, PartialEq)]
pub enum KnownFact {
    /// A number.
    Number(f64),
    /// Words, in their order, each once; never none.
    Words(Vec<String>),
    /// True or false.
    Truth(bool),
}

/// The facts that are known of a change. What nobody knows is missing.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RiskFacts {
    known: BTreeMap<RiskFact, KnownFact>,
}

impl RiskFacts {
    /// The value of a fact, if it is known.
    pub fn get(&self, fact: RiskFact) -> Option<&KnownFact> {
        self.known.get(&fact)
    }

    /// Every fact that is known, in one order.
    pub fn iter(&self) -> impl Iterator<Item = (RiskFact, &KnownFact)> {
        self.known.iter().map(|(fact, known)| (*fact, known))
    }

    /// Whether a comparison holds; nothing where the fact is not known.
    pub(super) fn test(&self, test: &RiskTest) -> Option<bool> {
        let known = self.get(test.fact)?;
        Some(match (known, &test.value) {
            (KnownFact::Number(known), RiskValue::Number(value)) => {
                compare(*known, test.comparison, *value)
            }
            (KnownFact::Truth(known), RiskValue::Truth(value)) => {
                (known == value) == (test.comparison == RiskComparison::Equals)
            }
            (KnownFact::Words(known), value) => words(known, test.comparison, value),
            // A test that fits its fact has no other value; one that does not fit holds nowhere.
            (KnownFact::Number(_) | KnownFact::Truth(_), _) => false,
        })
    }

    /// What is seen of a change: what was found, and what it says of itself.
    pub(super) fn of(
        view: &GraphView,
        change: &AssessedChange,
        found: &RiskAssessment<'_>,
        at: Timestamp,
    ) -> Self {
        let mut facts = Self::default();
        facts.count(change, found);
        facts.describe(view, change, found, at);
        facts
    }

    fn number(&mut self, fact: RiskFact, number: f64) {
        self.known.insert(fact, KnownFact::Number(number));
    }

    fn truth(&mut self, fact: RiskFact, truth: bool) {
        self.known.insert(fact, KnownFact::Truth(truth));
    }

    fn words<'w>(&mut self, fact: RiskFact, words: impl Iterator<Item = &'w str>) {
        let mut words: Vec<String> = words.map(str::to_owned).collect();
        words.sort_unstable();
        words.dedup();
        if !words.is_empty() {
            self.known.insert(fact, KnownFact::Words(words));
        }
    }

    fn count(&mut self, change: &AssessedChange, found: &RiskAssessment<'_>) {
        let factor = |signal: &str| found.factors.iter().find(|it| it.signal == signal);
        let value = |signal: &str| factor(signal).and_then(|it| it.value);
        let counts = [
            (RiskFact::ImpactScope, "impact_scope"),
            (RiskFact::UnknownTargets, "unknown_targets"),
            (RiskFact::Conflicts, "conflicts"),
            (RiskFact::OpenIncidents, "open_incidents"),
            (RiskFact::FailedChecks, "failed_checks"),
            (RiskFact::Lacks, "lacks"),
        ];
        for (fact, signal) in counts {
            self.number(fact, value(signal).unwrap_or(0.0));
        }
        let history: Option<&Contribution> = factor("history");
        if let Some(history) = history {
            self.truth(RiskFact::FirstTime, history.value.is_none());
        }
        if let Some(share) = value("history") {
            self.number(RiskFact::EarlierBadShare, share);
        }
        self.number(RiskFact::Score, found.score);
        self.number(RiskFact::Batches, super::factors::float(change.batches));
        let asked = &change.asked;
        let minutes = asked.finish.millis_since(asked.start) / 60_000.0;
        if 0.0 < minutes {
            self.number(RiskFact::DurationMinutes, minutes);
        }
        let nanos = asked.start.unix_nanos();
        #[expect(clippy::cast_precision_loss, reason = "an hour of the day")]
        let hour = (nanos.rem_euclid(DAY_NANOS) / HOUR_NANOS) as f64;
        self.number(RiskFact::Hour, hour);
        let day = Weekday::in_utc(asked.start).as_str();
        self.words(RiskFact::Weekday, std::iter::once(day));
        self.truth(RiskFact::Emergency, change.emergency);
        let blocks = |it: &crate::calendar::Finding<'_>| it.outcome == Outcome::Blocks;
        self.truth(RiskFact::Blocked, found.may.findings.iter().any(blocks));
    }

    fn describe(
        &mut self,
        view: &GraphView,
        change: &AssessedChange,
        found: &RiskAssessment<'_>,
        at: Timestamp,
    ) {
        let asked = &change.asked;
        let targets = targets(view, change);
        self.number(RiskFact::Targets, super::factors::float(targets.len()));
        let reached = found.radius.impacts.iter();
        let reached = reached.filter_map(|impact| view.item(impact.item));
        let all = targets.iter().copied().chain(reached);
        let worst = all.filter_map(|item| item.criticality_level()).min();
        self.words(
            RiskFact::Importance,
            worst.map(Criticality::name).into_iter(),
        );
        let stated = asked.environment.as_deref();
        let environments = stated
            .into_iter()
            .chain(targets.iter().filter_map(Item::environment));
        self.truth(
            RiskFact::Production,
            environments.clone().any(is_production),
        );
        self.words(RiskFact::Environment, environments);
        let owners = targets.iter().filter_map(|item| owner_of(*item, at));
        self.words(RiskFact::Owner, owners);
        self.words(RiskFact::ItemKind, targets.iter().map(Item::kind));
        let platform = asked.change.as_ref().map(|it| it.source.as_str());
        let operator = match change.operator {
            ActorKind::Human => Some("human"),
            ActorKind::Automatic => Some("automatic"),
            ActorKind::Unknown => None,
        };
        let said = |flow: FlowKind| {
            let mut words = FlowKind::WRITTEN.iter();
            words.find(|(_, it)| *it == flow).map(|(word, _)| *word)
        };
        let single = [
            (RiskFact::Kind, asked.kind.as_deref()),
            (RiskFact::Scene, asked.scene.as_deref()),
            (RiskFact::Platform, platform),
            (RiskFact::ControlLevel, asked.level.as_deref()),
            (RiskFact::Operator, operator),
            (RiskFact::Rollout, change.flow.and_then(said)),
        ];
        for (fact, word) in single {
            self.words(fact, word.into_iter());
        }
    }
}

fn compare(known: f64, comparison: RiskComparison, value: f64) -> bool {
    match comparison {
        RiskComparison::Equals => known.total_cmp(&value).is_eq(),
        RiskComparison::Differs => known.total_cmp(&value).is_ne(),
        RiskComparison::AtLeast => value <= known,
        RiskComparison::AtMost => known <= value,
        RiskComparison::MoreThan => value < known,
        RiskComparison::LessThan => known < value,
        RiskComparison::OneOf | RiskComparison::NoneOf | RiskComparison::Contains => false,
    }
}

/// Whether words are the same: as everywhere in what is asked of changes, capitals make no difference.
pub(super) fn is_same(one: &str, other: &str) -> bool {
    one.eq_ignore_ascii_case(other)
}

fn words(known: &[String], comparison: RiskComparison, value: &RiskValue) -> bool {
    let wanted: &[String] = match value {
        RiskValue::Word(word) => std::slice::from_ref(word),
        RiskValue::Words(words) => words,
        RiskValue::Truth(_) | RiskValue::Number(_) => return false,
    };
    let any = |fits: &dyn Fn(&str, &str) -> bool| {
        let mut words = known.iter();
        words.any(|word| wanted.iter().any(|it| fits(word, it)))
    };
    match comparison {
        RiskComparison::Equals | RiskComparison::OneOf => any(&is_same),
        RiskComparison::Differs | RiskComparison::NoneOf => !any(&is_same),
        RiskComparison::Contains => any(&|word, part| {
            let part = part.to_ascii_lowercase();
            word.to_ascii_lowercase().contains(&part)
        }),
        RiskComparison::AtLeast
        | RiskComparison::AtMost
        | RiskComparison::MoreThan
        | RiskComparison::LessThan => false,
    }
}
