//! What of a change is found as it is, not as words: its classes, its code, what it became.

use graph::Statement;
use model::{Change, ChangeId, ChangeStatus, ExemptionKind, FlowKind, Timestamp};

/// A name of a change's class, code or plan, found whole and whatever its case.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ExactTerm(String);

/// That a change came to a status at a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Became {
    /// To which.
    pub status: ChangeStatus,
    /// When, as its source says.
    pub at: Timestamp,
}

impl ExactTerm {
    fn new(name: &str, value: &str) -> Self {
        Self(format!("{name}={}", value.trim().to_lowercase()))
    }

    /// A finer class in the source's own tree.
    pub fn category(value: &str) -> Self {
        Self::new("category", value)
    }

    /// The domain it belongs to.
    pub fn domain(value: &str) -> Self {
        Self::new("domain", value)
    }

    /// Its risk as its platform sees it.
    pub fn risk_level(value: &str) -> Self {
        Self::new("risk", value)
    }

    /// What it is for.
    pub fn goal(value: &str) -> Self {
        Self::new("goal", value)
    }

    /// A commit it delivers; fewer characters find it too.
    pub fn commit(value: &str) -> Self {
        Self::new("commit", value)
    }

    /// An artifact by its name, its name and version with `@` between, its digest, or its address.
    pub fn artifact(value: &str) -> Self {
        Self::new("artifact", value)
    }

    /// What its platform knows several changes of one act by.
    pub fn fold_key(value: &str) -> Self {
        Self::new("fold", value)
    }

    /// Which exemption it uses.
    pub fn exemption(value: &str) -> Self {
        Self::new("exemption", value)
    }

    /// How it takes effect.
    pub fn flow(value: &str) -> Self {
        Self::new("flow", value)
    }

    /// What a check of it found.
    pub fn check_result(value: &str) -> Self {
        Self::new("check", value)
    }

    /// The plan it is a part of.
    pub fn part_of(plan: ChangeId) -> Self {
        Self::new("part", &plan.to_string())
    }

    /// A term of one sort for each value.
    pub(super) fn each(named: fn(&str) -> Self, values: &[String]) -> Vec<Self> {
        values.iter().map(|value| named(value)).collect()
    }

    /// Whether it finds what it is only the beginning of.
    pub(super) fn finds_longer(&self) -> bool {
        self.0.starts_with("commit=")
    }

    /// Whether a change that has a term is found by this one.
    pub(super) fn finds(&self, term: &Self) -> bool {
        self == term || (self.finds_longer() && term.0.starts_with(&self.0))
    }

    /// The term as it is kept.
    pub(super) fn as_str(&self) -> &str {
        &self.0
    }

    /// Every term of a change, each once.
    pub(super) fn of(change: &Change) -> Vec<Self> {
        let mut terms = Vec::new();
        let mut one = |named: fn(&str) -> Self, value: &Option<String>| {
            terms.extend(value.as_deref().map(named));
        };
        one(Self::category, &change.category);
        one(Self::domain, &change.domain);
        one(Self::risk_level, &change.risk_level);
        one(Self::goal, &change.goal);
        one(Self::fold_key, &change.fold_key);
        one(Self::exemption, &exemption_of(change));
        one(Self::flow, &flow_of(change));
        for check in &change.check_results {
            one(Self::check_result, &Some(check.result.clone()));
        }
        for code in &change.code_refs {
            one(Self::commit, &code.commit);
        }
        for artifact in &change.artifacts {
            let name = Some(artifact.name.clone());
            let versions = artifact.version.iter();
            let named = versions.map(|version| format!("{}@{version}", artifact.name));
            for value in named.chain(name).map(Some) {
                one(Self::artifact, &value);
            }
            one(Self::artifact, &artifact.digest);
            one(Self::artifact, &artifact.url);
        }
        let plans = change.links.iter().filter(|link| link.kind == "part_of");
        terms.extend(plans.map(|link| Self::part_of(ChangeId::of(&link.change))));
        terms.sort_unstable();
        terms.dedup();
        terms
    }
}

fn exemption_of(change: &Change) -> Option<String> {
    let kind = change.exemption.as_ref()?.kind;
    let written = ExemptionKind::WRITTEN.into_iter();
    let mut words = written.filter(|(_, one)| *one == kind);
    words.next().map(|(word, _)| word.to_owned())
}

/// How it takes effect: as stated, else as its batches tell.
fn flow_of(change: &Change) -> Option<String> {
    let stated = change.rollout.as_ref().and_then(|rollout| rollout.flow);
    let by_batches = || match change.batches.as_slice() {
        [] => None,
        batches if batches.iter().any(|it| it.traffic_percent.is_some()) => {
            Some(FlowKind::TrafficRatio)
        }
        _ => Some(FlowKind::MachineBatches),
    };
    let flow = stated.or_else(by_batches);
    flow.map(|flow| flow.as_str().to_owned())
}

impl Became {
    /// What a change became, in the order of the moments its statements speak of.
    pub(super) fn of(statements: &[Statement<Change>]) -> Vec<Self> {
        let mut said: Vec<&Statement<Change>> = statements.iter().collect();
        said.sort_by_key(|statement| (statement.occurred_at, statement.tie));
        let mut became: Vec<Self> = Vec::new();
        for statement in said {
            let Some(status) = statement.said.status else {
                continue;
            };
            if became.last().is_none_or(|last| last.status != status) {
                let at = statement.occurred_at;
                became.push(Self { status, at });
            }
        }
        became
    }
}

/// A status with a moment as one number, so that those of a span of time lie side by side.
pub(super) fn became_code(became: &Became) -> u64 {
    // The place among all statuses: when that moves, the version of the fields rises.
    let status = u64::from(became.status as u8);
    let micros = became.at.unix_nanos().div_euclid(1_000);
    let micros = u64::try_from(micros).unwrap_or(0);
    (status << 56) | micros.min((1 << 56) - 1)
}
