//! How risky a change is: each fact adds what the table says, and the parts add up.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::sync::Arc;

use graph::{
    AskedChange, AssessedChange, BlastLimits, ConflictLimits, Estate, GraphView, MayLimits,
    Projection, RiskAssessment, RiskLevel, RiskLimits, assess_change,
};
use model::{
    Actor, ActorKind, AsOf, Event, EventId, FlowKind, LogPosition, NewEvent, Occurred, SourceKey,
    SourceName,
};
use proptest::prelude::*;
use serde_json::json;
use testkit::{at, envelopes_of, events};

const ESTATE: &str = "
    web -> payments -> ledger
    search -> index
";

fn told(name: &str, clock: &str, data: &serde_json::Value) -> NewEvent {
    NewEvent {
        id: EventId {
            source: SourceName::new("cd"),
            delivery: format!("{name} {clock} {data}"),
        },
        occurred: Occurred::Stated(at(clock)),
        actor: Actor::default(),
        event: Event::decode_payload(name, data.to_string().as_bytes()).unwrap(),
    }
}

fn change(id: &str, clock: &str, status: &str) -> NewEvent {
    let data = json!({ "source": "cd", "sourceId": id, "title": format!("ledger {id}"),
        "kind": "deployment", "targets": ["service:ledger"], "status": status });
    told("change.recorded", clock, &data)
}

fn folded(more: Vec<NewEvent>) -> Arc<GraphView> {
    let mut estate = Estate::default();
    for envelope in envelopes_of(events(ESTATE).into_iter().chain(more).collect()) {
        estate.apply(&envelope);
    }
    let view = estate.publish();
    let restored = Estate::restore(&estate.save()).unwrap().publish();
    assert_eq!(view.state_hash(), restored.state_hash());
    view
}

/// A deployment of the ledger in batches by a machine, at noon.
fn planned(view: &GraphView) -> AssessedChange {
    let mut asked = AskedChange {
        change: None,
        targets: Vec::new(),
        unknown_targets: Vec::new(),
        environment: None,
        kind: Some("deployment".to_owned()),
        level: None,
        scene: None,
        goal: None,
        by_administrator: false,
        start: at("12:00"),
        finish: at("13:00"),
    };
    asked.aim(view, &[SourceKey::text("service:ledger")]);
    AssessedChange {
        asked,
        batches: 3,
        flow: Some(FlowKind::MachineBatches),
        operator: ActorKind::Automatic,
        emergency: false,
    }
}

const LIMITS: RiskLimits = RiskLimits {
    conflicts: ConflictLimits {
        changes_max: 100,
        radius: BlastLimits {
            hops_max: None,
            impacts_max: 100,
            visited_max: 10_000,
            score_min: 0.01,
        },
    },
    may: MayLimits {
        visited_max: 1_000,
        changes_max: 100,
    },
    history_max: 100,
};

fn assessed<'v>(view: &'v GraphView, change: &AssessedChange) -> RiskAssessment<'v> {
    let as_of = AsOf {
        valid_at: at("11:00"),
        known_at: LogPosition::ZERO,
    };
    let found = assess_change(view, change, as_of, LIMITS);
    let sum: f64 = found.factors.iter().map(|it| it.contribution).sum();
    assert!((sum - found.score).abs() < 1e-9, "the parts add up");
    found
}

/// What a signal adds, and how it is said; `-` where it adds nothing.
fn factor(view: &GraphView, change: &AssessedChange, signal: &str) -> String {
    let found = assessed(view, change);
    let mut factors = found.factors.iter();
    let factor = factors.find(|it| it.signal == signal);
    let told = factor.map(|it| format!("{:.1} {}", it.contribution, it.explanation));
    format!("{signal}: {}", told.as_deref().unwrap_or("-"))
}

#[test]
fn a_quiet_change_is_worth_what_it_reaches_and_what_nobody_knows() {
    let view = folded(Vec::new());
    let found = assessed(&view, &planned(&view));
    let said: Vec<String> = found
        .factors
        .iter()
        .map(|it| format!("{} {:.1} {}", it.signal, it.contribution, it.explanation))
        .collect();
    insta::assert_snapshot!(said.join("\n"), @r"
    history 6.0 nobody is known to have done the like to these items
    kind 4.0 it is of kind deployment
    importance 3.0 nobody said how important anything is that it reaches
    impact_scope 2.9 harm would reach 2 items besides what it touches
    ");
    assert_eq!(found.level, RiskLevel::Low);
}

#[test]
fn what_the_caller_knows_of_it_counts() {
    let view = folded(Vec::new());
    let with = |alter: fn(&mut AssessedChange), signal: &str| {
        let mut change = planned(&view);
        alter(&mut change);
        factor(&view, &change, signal)
    };
    insta::assert_snapshot!([
        with(|it| (it.flow, it.batches) = (None, 1), "rollout"),
        with(|it| (it.flow, it.batches) = (None, 0), "rollout"),
        with(|_| {}, "rollout"),
        with(|it| it.operator = ActorKind::Human, "automation"),
        with(|it| it.emergency = true, "emergency"),
        with(|it| it.asked.environment = Some("Prod".to_owned()), "production"),
        with(|it| it.asked.environment = Some("reproduction".to_owned()), "production"),
        with(|it| it.asked.kind = Some("database".to_owned()), "kind"),
        with(|it| it.asked.unknown_targets = vec!["service:x".to_owned()], "unknown_targets"),
    ].join("\n"), @r"
    rollout: 6.0 everything changes at once
    rollout: 3.0 nobody said how it is rolled out
    rollout: -
    automation: 4.0 a person carries it out by hand
    emergency: 8.0 it jumps the queue
    production: 8.0 it takes effect in Prod
    production: -
    kind: 8.0 it is of kind database
    unknown_targets: 6.0 nobody knows service:x
    ");
}

#[test]
fn what_the_graph_knows_of_it_counts() {
    let with = |more: Vec<NewEvent>, signal: &str| {
        let view = folded(more);
        factor(&view, &planned(&view), signal)
    };
    let critical = json!({ "key": "service:web", "criticality": "P0" });
    let incident = json!({ "source": "pager", "sourceId": "9", "title": "web is slow",
        "items": ["service:web"], "startedAt": "2026-01-01T10:30:00Z" });
    let over = json!({ "source": "pager", "sourceId": "9", "status": "resolved" });
    let freeze = json!({ "name": "nov", "effect": "freeze", "scope": {}, "times": {} });
    let other = json!({ "source": "cd", "sourceId": "7", "title": "web 7", "targets": ["service:web"],
        "status": "planned", "plannedStartAt": "2026-01-01T12:30:00Z" });
    insta::assert_snapshot!([
        with(vec![told("item.observed", "09:00", &critical)], "importance"),
        with(vec![told("incident.opened", "10:30", &incident)], "open_incidents"),
        with(
            vec![
                told("incident.opened", "10:30", &incident),
                told("incident.updated", "10:45", &over),
            ],
            "open_incidents"
        ),
        with(vec![told("calendar_rule.declared", "09:00", &freeze)], "calendar"),
        with(vec![told("change.recorded", "09:00", &other)], "conflicts"),
        with(vec![change("1", "08:00", "succeeded"), change("2", "09:00", "failed")], "history"),
    ].join("\n"), @r"
    importance: 12.8 service:web is P0, and 64 % of harm would get there in 2 steps
    open_incidents: 15.0 at what it touches, needs or may harm 1 incident is open: web is slow
    open_incidents: -
    calendar: 30.0 the freeze nov is in force
    conflicts: 4.0 1 other change at the same time: web 7
    history: 6.4 1 of the last 2 such changes of these items failed, were taken back or caused an incident
    ");
}

#[test]
fn each_source_has_one_score_of_a_change_and_it_moves_none_of_ours() {
    let scored = |clock: &str, source: &str, score: f64| {
        let data = json!({ "change": { "source": "cd", "sourceId": "7" }, "score": score, "level": "red" });
        let mut event = told("risk_score.recorded", clock, &data);
        event.id.source = SourceName::new(source);
        event
    };
    // The score comes before the change it speaks of.
    let view = folded(vec![
        scored("10:00", "ml", 0.9),
        scored("09:00", "ml", 0.1),
        scored("09:30", "audit", 3.0),
        change("7", "11:00", "planned"),
    ]);
    let row = view.changes().next().unwrap();
    let scores: Vec<(&str, f64)> = row
        .risk_scores()
        .map(|(source, it)| (source, it.score))
        .collect();
    assert_eq!(scores, [("audit", 3.0), ("ml", 0.9)]);
    let plain = folded(vec![change("7", "11:00", "planned")]);
    let score = |view: &GraphView| {
        let row = view.changes().next().unwrap();
        assessed(view, &AssessedChange::of(&row)).score
    };
    assert!((score(&view) - score(&plain)).abs() < 1e-9);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, ..ProptestConfig::default() })]

    #[test]
    fn more_that_went_badly_is_never_less_risk(good in 0..6_usize, bad in 0..6_usize) {
        let history = |bad: usize| {
            let all = (0..good + bad).map(|number| {
                let status = if number < bad { "failed" } else { "succeeded" };
                change(&number.to_string(), &format!("08:{number:02}"), status)
            });
            let view = folded(all.collect());
            assessed(&view, &planned(&view)).score
        };
        prop_assert!(history(bad) < history(bad + 1) || good + bad == 0);
    }
}
