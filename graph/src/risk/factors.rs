//! The facts of a change, and the points of each.

use model::{ActorKind, AsOf, ChangeId, FlowKind, Verdict};

use super::{AssessedChange, RISK, RiskAssessment, RiskLimits, recorded};
use crate::calendar::{ConflictKind, Outcome};
use crate::measures::{End, end};
use crate::path::Contribution;
use crate::structure::Criticality;
use crate::view::{ChangeRow, GraphView, Item};

/// Words by which sources call production.
const PRODUCTION: [&str; 4] = ["prod", "production", "prd", "live"];

/// Every fact that adds something.
pub(super) fn all(
    view: &GraphView,
    change: &AssessedChange,
    as_of: AsOf,
    limits: RiskLimits,
    found: &RiskAssessment<'_>,
) -> Vec<Contribution> {
    let facts = Facts {
        view,
        change,
        as_of,
        targets: targets(view, change),
    };
    let mut all = vec![
        facts.scope(found),
        facts.importance(found),
        facts.production(),
        calendar(found),
        conflicts(found),
        incidents(found),
        facts.history(limits.history_max),
        facts.method(),
        facts.actor(),
        facts.breadth(),
        facts.kind(),
        facts.unknown_targets(),
    ];
    all.push(change.emergency.then(|| {
        let said = "it jumps the queue".to_owned();
        part("emergency", None, RISK.emergency, said)
    }));
    if let Some(row) = recorded(view, change) {
        all.push(lacks(&row, as_of));
        all.push(failed_checks(&row));
    }
    let all = all.into_iter().flatten();
    all.filter(|factor| factor.contribution != 0.0).collect()
}

struct Facts<'v, 'c> {
    view: &'v GraphView,
    change: &'c AssessedChange,
    as_of: AsOf,
    targets: Vec<Item<'v>>,
}

/// The known items a change touches, each once.
pub(super) fn targets<'v>(view: &'v GraphView, change: &AssessedChange) -> Vec<Item<'v>> {
    let targets = change.asked.targets.iter();
    let mut items: Vec<Item<'v>> = Vec::new();
    for item in targets.filter_map(|id| view.item(*id)) {
        if !items.contains(&item) {
            items.push(item);
        }
    }
    items
}

#[expect(
    clippy::cast_precision_loss,
    reason = "counts of an estate are far below 2^52"
)]
pub(super) fn float(count: usize) -> f64 {
    count as f64
}

fn part(signal: &str, value: Option<f64>, points: f64, explanation: String) -> Contribution {
    Contribution {
        signal: signal.to_owned(),
        value,
        contribution: points,
        explanation,
    }
}

/// A number of things as people say it.
fn many(count: usize, thing: &str) -> String {
    let ending = if count == 1 { "" } else { "s" };
    format!("{count} {thing}{ending}")
}

/// So many of a thing, each worth points, all of them at most so many.
fn counted(count: usize, (each, most): (f64, f64)) -> f64 {
    (float(count) * each).min(most)
}

impl<'v> Facts<'v, '_> {
    fn scope(&self, found: &RiskAssessment<'_>) -> Option<Contribution> {
        let total = found.radius.total;
        let (tenfold, most) = RISK.scope;
        let points = ((1.0 + float(total)).log10() * tenfold).min(most);
        let said = format!(
            "harm would reach {} besides what it touches",
            many(total, "item")
        );
        (0 < total).then(|| part("impact_scope", Some(float(total)), points, said))
    }

    fn importance(&self, found: &RiskAssessment<'_>) -> Option<Contribution> {
        let touched = self.targets.iter().map(|item| (*item, 1.0, 0));
        let impacts = found.radius.impacts.iter();
        let reached = impacts.filter_map(|impact| {
            let item = self.view.item(impact.item)?;
            Some((item, impact.score, impact.hops))
        });
        let known = touched.chain(reached).filter_map(|(item, share, hops)| {
            let level = item.criticality_level()?;
            let points = RISK.importance.get(level as usize)? * share;
            Some((points, item, level, share, hops))
        });
        let worst = known.max_by(|one, other| one.0.total_cmp(&other.0));
        let Some((points, item, level, share, hops)) = worst else {
            let said = "nobody said how important anything is that it reaches".to_owned();
            return Some(part("importance", None, RISK.importance_unknown, said));
        };
        let (key, level) = (item.key(), Criticality::name(level));
        let said = match hops {
            0 => format!("{key}, which it touches, is {level}"),
            _ => format!(
                "{key} is {level}, and {:.0} % of harm would get there in {}",
                share * 100.0,
                many(hops as usize, "step")
            ),
        };
        Some(part("importance", Some(share), points, said))
    }

    fn production(&self) -> Option<Contribution> {
        let stated = self.change.asked.environment.as_deref();
        let of_items = self.targets.iter().filter_map(Item::environment);
        let mut all = stated.into_iter().chain(of_items);
        let found = all.find(|name| is_production(name))?;
        let said = format!("it takes effect in {found}");
        Some(part("production", None, RISK.production, said))
    }

    fn history(&self, history_max: usize) -> Option<Contribution> {
        let alike = self.alike(history_max);
        let (share, weight) = RISK.history_prior;
        if self.targets.is_empty() {
            return None;
        }
        if alike.is_empty() {
            let points = share.mul_add(RISK.history, RISK.first_time);
            let said = "nobody is known to have done the like to these items".to_owned();
            return Some(part("history", None, points, said));
        }
        let bad = alike.iter().filter(|change| went_badly(change)).count();
        let all = alike.len();
        let rate = share.mul_add(weight, float(bad)) / (float(all) + weight);
        let said = format!(
            "{bad} of the last {all} such changes of these items failed, were taken back or caused an incident"
        );
        let value = float(bad) / float(all);
        Some(part("history", Some(value), rate * RISK.history, said))
    }

    /// Earlier changes of the same scene, or else of the same kind, that are over.
    fn alike(&self, history_max: usize) -> Vec<ChangeRow<'v>> {
        let asked = &self.change.asked;
        let own = asked.change.as_ref().map(ChangeId::of);
        let mut alike: Vec<ChangeRow<'v>> = Vec::new();
        for target in &self.targets {
            let earlier = target.changes().into_iter().filter(|change| {
                let same = match (&asked.scene, change.scene()) {
                    (Some(asked), Some(scene)) => asked == scene,
                    _ => asked.kind.as_deref() == change.kind(),
                };
                let is_earlier =
                    change.started_at() < asked.start && change.started_at() < self.as_of.valid_at;
                same && is_earlier && Some(change.id()) != own && end(change).is_some()
            });
            alike.extend(earlier.take(history_max));
        }
        alike.sort_by_key(|change| (std::cmp::Reverse(change.started_at()), change.id()));
        alike.dedup_by_key(|change| change.id());
        alike.truncate(history_max);
        alike
    }

    fn method(&self) -> Option<Contribution> {
        let batches = self.change.batches;
        let (points, said) = match (self.change.flow, batches) {
            (Some(FlowKind::MachineBatches | FlowKind::TrafficRatio), _) | (_, 2..) => return None,
            (Some(FlowKind::OneShot), _) | (None, 1) => {
                (RISK.one_shot, "everything changes at once")
            }
            (None, 0) => (RISK.method_unknown, "nobody said how it is rolled out"),
        };
        Some(part(
            "rollout",
            Some(float(batches)),
            points,
            said.to_owned(),
        ))
    }

    fn actor(&self) -> Option<Contribution> {
        let (points, said) = match self.change.operator {
            ActorKind::Automatic => return None,
            ActorKind::Human => (RISK.by_hand, "a person carries it out by hand"),
            ActorKind::Unknown => (RISK.actor_unknown, "nobody said who carries it out"),
        };
        Some(part("automation", None, points, said.to_owned()))
    }

    fn breadth(&self) -> Option<Contribution> {
        let count = self.targets.len();
        let (doubling, most) = RISK.targets;
        let points = (float(count.max(1)).log2() * doubling).min(most);
        let said = format!("it touches {count} items itself");
        (1 < count).then(|| part("targets", Some(float(count)), points, said))
    }

    fn kind(&self) -> Option<Contribution> {
        let kind = self.change.asked.kind.as_deref()?;
        let (_, points) = RISK.kinds.iter().find(|(known, _)| *known == kind)?;
        Some(part("kind", None, *points, format!("it is of kind {kind}")))
    }

    fn unknown_targets(&self) -> Option<Contribution> {
        let unknown = &self.change.asked.unknown_targets;
        let points = counted(unknown.len(), RISK.unknown_target);
        let said = format!("nobody knows {}", unknown.join(", "));
        (!unknown.is_empty())
            .then(|| part("unknown_targets", Some(float(unknown.len())), points, said))
    }
}

/// Whether sources call production by this word.
pub(super) fn is_production(environment: &str) -> bool {
    PRODUCTION
        .iter()
        .any(|it| it.eq_ignore_ascii_case(environment))
}

fn went_badly(change: &ChangeRow<'_>) -> bool {
    let caused = |(_, verdict): &(_, Verdict)| *verdict == Verdict::Cause;
    matches!(end(change), Some(End::Failure | End::Rollback))
        || change.verdicts().iter().any(caused)
}

fn calendar(found: &RiskAssessment<'_>) -> Option<Contribution> {
    let findings = &found.may.findings;
    let lifted = |outcome: &Outcome| matches!(outcome, Outcome::Lifted { .. });
    let blocking = findings.iter().find(|it| it.outcome == Outcome::Blocks);
    if let Some(blocking) = blocking {
        let said = blocking.sentence.clone();
        return Some(part("calendar", None, RISK.blocked, said));
    }
    let lifted = findings.iter().find(|it| lifted(&it.outcome))?;
    let said = lifted.sentence.clone();
    Some(part("calendar", None, RISK.lifted, said))
}

fn conflicts(found: &RiskAssessment<'_>) -> Option<Contribution> {
    let conflicts = &found.conflicts.conflicts;
    let first = conflicts.first()?;
    let each = |kind: ConflictKind| match kind {
        ConflictKind::SameItem => RISK.same_item,
        ConflictKind::Reaches | ConflictKind::ReachedBy | ConflictKind::Shared => RISK.overlap,
    };
    let points: f64 = conflicts.iter().map(|it| each(it.kind)).sum();
    let count = conflicts.len();
    let said = format!(
        "{} at the same time: {}",
        many(count, "other change"),
        first.change.title()
    );
    let points = points.min(RISK.overlaps_max);
    Some(part("conflicts", Some(float(count)), points, said))
}

fn incidents(found: &RiskAssessment<'_>) -> Option<Contribution> {
    let incidents = &found.incidents.incidents;
    let nearest = incidents.first()?;
    let count = incidents.len();
    let points = counted(count, RISK.incident);
    let said = format!(
        "at what it touches, needs or may harm {} open: {}",
        if count == 1 {
            "1 incident is".to_owned()
        } else {
            format!("{count} incidents are")
        },
        nearest.incident.title()
    );
    Some(part("open_incidents", Some(float(count)), points, said))
}

fn lacks(change: &ChangeRow<'_>, as_of: AsOf) -> Option<Contribution> {
    let open = change.open_questions(as_of.valid_at);
    let said: Vec<String> = open.iter().map(crate::Anomaly::sentence).collect();
    let points = counted(open.len(), RISK.lacks);
    let count = float(open.len());
    (!open.is_empty()).then(|| part("lacks", Some(count), points, said.join("; ")))
}

/// Checks that found it wanting, but those of which people said that they were wrong.
fn failed_checks(change: &ChangeRow<'_>) -> Option<Contribution> {
    let checks = change.checks();
    let failed: Vec<&str> = checks
        .iter()
        .filter(|check| matches!(check.result.as_deref(), Some("block" | "error")))
        .filter(|check| check.verdict != Some(model::CheckVerdict::Wrong))
        .map(|check| check.identity.name.as_str())
        .collect();
    let points = counted(failed.len(), RISK.failed_check);
    let said = format!("these checks stopped it: {}", failed.join(", "));
    (!failed.is_empty()).then(|| part("failed_checks", Some(float(failed.len())), points, said))
}
