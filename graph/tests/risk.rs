//! How risky a change is: each fact adds what the table says, and the parts add up.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::sync::Arc;

use graph::{
    AskedChange, AssessedChange, BlastLimits, ConflictLimits, Estate, GraphView, MayLimits,
    Projection, RiskAssessment, RiskLimits, SimulatedRules, SimulationLimits, assess_change,
    simulate_risk,
};
use model::{
    Actor, ActorKind, AsOf, Event, EventId, FlowKind, LogPosition, NewEvent, Occurred, RiskLevel,
    RiskRuleDeclared, SourceKey, SourceName,
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

/// A rule that counts when a condition holds, as an event has it.
fn rule(name: &str, when: &serde_json::Value, rest: &serde_json::Value) -> serde_json::Value {
    let mut rule = rest.as_object().unwrap().clone();
    rule.insert("name".to_owned(), json!(name));
    rule.insert("when".to_owned(), when.clone());
    rule.into()
}

fn test(fact: &str, comparison: &str, value: impl Into<serde_json::Value>) -> serde_json::Value {
    json!({ "fact": fact, "comparison": comparison, "value": value.into() })
}

/// The rules that count for the planned change when one rule is declared, with score and level.
fn by_rule(rule: &serde_json::Value, change: impl FnOnce(&mut AssessedChange)) -> String {
    let view = folded(vec![told("risk_rule.declared", "08:00", rule)]);
    let mut planned = planned(&view);
    change(&mut planned);
    let found = assessed(&view, &planned);
    let names = found.rules.iter();
    let rules: Vec<String> = names
        .map(|rule| format!("{} {:+} because {}", rule.name, rule.points, rule.because))
        .chain(
            found
                .unseen
                .iter()
                .filter(|it| it.contains("rule"))
                .cloned(),
        )
        .collect();
    let raised = found.raised_by.map(|name| format!(" by {name}"));
    format!(
        "{}{}: {}",
        found.level.name(),
        raised.unwrap_or_default(),
        rules.join("; ")
    )
}

#[test]
fn a_rule_counts_where_its_comparisons_hold() {
    let points = json!({ "points": 7 });
    let holds = |when: serde_json::Value| by_rule(&rule("r", &when, &points), |_| ());
    let cases = [
        (test("impact_scope", "at_least", 2), true),
        (test("impact_scope", "more_than", 2), false),
        (test("impact_scope", "at_most", 1), false),
        (test("impact_scope", "less_than", 3), true),
        (test("batches", "equals", 3), true),
        (test("batches", "differs", 3), false),
        (test("kind", "equals", "deployment"), true),
        (test("kind", "one_of", vec!["flag", "deployment"]), true),
        (test("kind", "none_of", vec!["flag", "deployment"]), false),
        (test("kind", "contains", "ploy"), true),
        (test("rollout", "equals", "machine_batches"), true),
        (test("operator", "differs", "human"), true),
        (test("emergency", "equals", false), true),
        (test("first_time", "equals", true), true),
        (test("weekday", "equals", "Thursday"), true),
        (test("kind", "contains", "Deploy"), true),
        (test("hour", "equals", 12), true),
        (test("duration_minutes", "equals", 60), true),
        (test("item_kind", "equals", "service"), true),
        // What nobody knows holds nowhere, whichever way it is asked.
        (test("scene", "equals", "release"), false),
        (test("scene", "differs", "release"), false),
        (
            json!({ "any": [test("hour", "equals", 3), test("kind", "equals", "deployment")] }),
            true,
        ),
        (
            json!({ "all": [test("hour", "equals", 3), test("kind", "equals", "deployment")] }),
            false,
        ),
    ];
    for (when, expected) in cases {
        assert_eq!(holds(when.clone()).contains("r +7"), expected, "{when}");
    }
}

#[test]
fn a_rule_says_what_it_adds_and_why() {
    let when = json!({ "all": [
        test("weekday", "equals", "thursday"),
        { "any": [test("hour", "at_least", 15), test("impact_scope", "at_least", 1)] },
    ]});
    let more = json!({ "points": 12, "description": "whoever could help is leaving" });
    insta::assert_snapshot!(
        by_rule(&rule("thursday", &when, &more), |_| ()),
        @"medium: thursday +12 because weekday is thursday and impact_scope (2) is at least 1"
    );
    let floor = json!({ "levelAtLeast": "high" });
    insta::assert_snapshot!(
        by_rule(&rule("thursday", &when, &floor), |_| ()),
        @"high by thursday: thursday +0 because weekday is thursday and impact_scope (2) is at least 1"
    );
    insta::assert_snapshot!(
        by_rule(&rule("released", &test("scene", "equals", "release"), &floor), |_| ()),
        @"low: the rule released looks at scene, which nobody knows of this change"
    );
}

#[test]
fn a_rule_is_about_the_changes_of_its_scope_only() {
    let always = test("impact_scope", "at_least", 0);
    let scoped = |scope: serde_json::Value| {
        let more = json!({ "points": 5, "scope": scope });
        let said = by_rule(&rule("r", &always, &more), |change| {
            change.asked.environment = Some("prod".to_owned());
            change.asked.scene = Some("release".to_owned());
        });
        said.contains("r +5")
    };
    assert!(scoped(json!({})));
    assert!(scoped(json!({ "environments": ["prod", "test"] })));
    assert!(scoped(
        json!({ "environments": ["prod"], "scenes": ["release"] })
    ));
    assert!(!scoped(json!({ "environments": ["test"] })));
    assert!(!scoped(json!({ "owners": ["payments"] })));
    assert!(!scoped(json!({ "platforms": ["cd"] })));
}

#[test]
fn rules_count_from_when_they_were_declared_until_they_are_withdrawn() {
    let always = test("impact_scope", "at_least", 0);
    let declared = |clock: &str, points: i32| {
        let more = json!({ "points": points });
        told("risk_rule.declared", clock, &rule("r", &always, &more))
    };
    let withdrawn = |clock: &str| told("risk_rule.withdrawn", clock, &json!({ "name": "r" }));
    let adds = |events: Vec<NewEvent>| {
        let view = folded(events);
        factor(&view, &planned(&view), "rule:r")
    };
    assert_eq!(adds(vec![declared("11:30", 5)]), "rule:r: -");
    let lately = adds(vec![declared("10:00", 9), declared("09:00", 5)]);
    assert_eq!(lately, "rule:r: 9.0 impact_scope (2) is at least 0");
    assert_eq!(
        adds(vec![declared("09:00", 5), withdrawn("10:00")]),
        "rule:r: -"
    );
}

/// What a simulation of the morning says, line by line.
fn simulated(
    view: &GraphView,
    rules: Vec<RiskRuleDeclared>,
    without: &[&str],
    most: usize,
) -> String {
    let asked = SimulatedRules {
        rules,
        without: without.iter().map(|it| (*it).to_owned()).collect(),
        since: at("07:00"),
        until: at("12:00"),
    };
    let limits = SimulationLimits {
        risk: LIMITS,
        changes_max: most,
    };
    let found = simulate_risk(view, &asked, limits);
    let mut lines: Vec<String> = found
        .changed
        .iter()
        .map(|it| {
            let cause = if it.is_cause { ", a cause" } else { "" };
            let (before, after) = (it.before.1.name(), it.after.1.name());
            let rules = it.rules.join(" ");
            format!(
                "{}: {before} to {after} by [{rules}]{cause}",
                it.change.title()
            )
        })
        .collect();
    for (name, count) in &found.counted {
        lines.push(format!(
            "{name} counts for {}, {} of them causes",
            count.changes, count.causes
        ));
    }
    lines.push(format!(
        "{} looked at{}",
        found.considered,
        if found.truncated {
            ", more left out"
        } else {
            ""
        }
    ));
    lines.join("\n")
}

#[test]
fn a_simulation_tells_which_changes_would_change_level() {
    let judged = json!({ "incident": { "source": "pager", "sourceId": "1" },
        "change": { "source": "cd", "sourceId": "2" }, "verdict": "cause" });
    let view = folded(vec![
        change("1", "08:00", "succeeded"),
        change("2", "08:30", "succeeded"),
        change("3", "09:30", "succeeded"),
        told("cause.judged", "08:40", &judged),
        told(
            "risk_rule.declared",
            "07:00",
            &rule(
                "calm",
                &test("hour", "equals", 9),
                &json!({ "levelAtLeast": "medium" }),
            ),
        ),
    ]);
    let early = rule(
        "early",
        &test("hour", "less_than", 9),
        &json!({ "levelAtLeast": "critical" }),
    );
    let early: RiskRuleDeclared = serde_json::from_value(early).unwrap();
    insta::assert_snapshot!(simulated(&view, vec![early.clone()], &["calm"], 10), @r"
    ledger 2: low to critical by [early], a cause
    ledger 1: medium to critical by [early]
    early counts for 2, 1 of them causes
    3 looked at
    ");
    insta::assert_snapshot!(simulated(&view, vec![early], &[], 2), @r"
    ledger 2: low to critical by [early], a cause
    early counts for 1, 1 of them causes
    2 looked at, more left out
    ");
    insta::assert_snapshot!(simulated(&view, Vec::new(), &[], 10), @"3 looked at");
}

#[test]
fn a_comparison_that_does_not_fit_its_fact_is_told() {
    let fault = |test: serde_json::Value| {
        let test: model::RiskTest = serde_json::from_value(test).unwrap();
        test.fault()
            .map(|(field, reason)| format!("{field}: {reason}"))
    };
    assert_eq!(fault(test("kind", "equals", "deployment")), None);
    assert_eq!(fault(test("importance", "one_of", ["p1", "P2"])), None);
    insta::assert_snapshot!(fault(test("weekday", "one_of", ["Monday", "fryday"])).unwrap(), @r#"value: weekday is never "fryday"; it is one of monday, tuesday, wednesday, thursday, friday, saturday, sunday"#);
    insta::assert_snapshot!(fault(test("kind", "at_least", 3)).unwrap(), @"comparison: kind is a word: compare it by equals, differs, one_of, none_of or contains");
    insta::assert_snapshot!(fault(test("hour", "contains", 3)).unwrap(), @"comparison: hour is a number: compare it by equals, differs, at_least, at_most, more_than or less_than");
    insta::assert_snapshot!(fault(test("hour", "equals", "3")).unwrap(), @"value: is not a number, which hour is held against here");
    insta::assert_snapshot!(fault(test("kind", "one_of", "flag")).unwrap(), @"value: is not a list of words, which kind is held against here");
    insta::assert_snapshot!(fault(test("emergency", "equals", "yes")).unwrap(), @"value: is not true or false, which emergency is held against here");
}
