//! Changes told step by step: whatever the order of arrival, the same change.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::sync::Arc;

use graph::{ChangeRow, Estate, GraphView, Projection};
use model::{
    Actor, ChangeStatus, Event, EventId, LogPosition, NewEvent, Occurred, SourceName, Timestamp,
};
use proptest::prelude::*;
use serde_json::{Value, json};
use testkit::{at, envelopes_of, shuffled};

/// An event of a clock time; the change is `cd/1` unless the data says otherwise.
fn told(name: &str, clock: &str, data: &Value) -> NewEvent {
    let mut payload = data.clone();
    if name == "change.recorded" {
        let fields = payload.as_object_mut().unwrap();
        fields.entry("source").or_insert_with(|| "cd".into());
        fields.entry("sourceId").or_insert_with(|| "1".into());
    }
    NewEvent {
        id: EventId {
            source: SourceName::new("cd"),
            delivery: format!("{clock} {payload}"),
        },
        occurred: Occurred::Stated(at(clock)),
        actor: Actor::default(),
        event: Event::decode_payload(name, payload.to_string().as_bytes()).unwrap(),
    }
}

fn said(clock: &str, data: &Value) -> NewEvent {
    told("change.recorded", clock, data)
}

fn folded(events: Vec<NewEvent>) -> Arc<GraphView> {
    let mut estate = Estate::default();
    for envelope in envelopes_of(events) {
        estate.apply(&envelope);
    }
    let view = estate.publish();
    let restored = Estate::restore(&estate.save()).unwrap().publish();
    assert_eq!(view.state_hash(), restored.state_hash());
    view
}

fn change(view: &GraphView) -> ChangeRow<'_> {
    let mut changes = view.changes();
    changes.find(|change| change.source_id() == "1").unwrap()
}

fn members(change: &ChangeRow<'_>, clock: &str) -> String {
    let members = change.membership(at(clock));
    let keys = |targets: &[graph::TargetOfChange<'_>]| {
        let keys: Vec<String> = targets.iter().map(graph::TargetOfChange::key).collect();
        keys.join(" ")
    };
    let (changed, changing, not_yet) = (&members.changed, &members.changing, &members.not_yet);
    format!("{} | {} | {}", keys(changed), keys(changing), keys(not_yet))
}

/// A life of one change, step by step.
fn life() -> Vec<NewEvent> {
    let batch = |index: u32, fields: Value| {
        let mut batch = json!({ "index": index });
        let all = batch.as_object_mut().unwrap();
        all.extend(fields.as_object().unwrap().clone());
        json!({ "batches": [batch] })
    };
    vec![
        said(
            "08:00",
            &json!({ "status": "planned", "plannedStartAt": "2026-01-01T10:00:00Z", "title": "v2" }),
        ),
        said("08:10", &json!({ "status": "submitted" })),
        said("08:20", &json!({ "status": "approved" })),
        said(
            "09:50",
            &json!({ "checkResults": [{ "name": "freeze", "at": "before_order", "result": "pass" }] }),
        ),
        said(
            "10:00",
            &batch(
                0,
                json!({ "targets": ["host:a"], "status": "running", "startedAt": "2026-01-01T10:00:00Z" }),
            ),
        ),
        said(
            "10:05",
            &batch(
                0,
                json!({ "status": "succeeded", "finishedAt": "2026-01-01T10:05:00Z" }),
            ),
        ),
        said(
            "10:06",
            &batch(1, json!({ "targets": ["host:b", "host:c"] })),
        ),
        said("10:10", &json!({ "status": "paused" })),
        said(
            "10:20",
            &batch(
                1,
                json!({ "status": "running", "startedAt": "2026-01-01T10:20:00Z" }),
            ),
        ),
        said("10:30", &batch(1, json!({ "status": "rolled_back" }))),
        said("10:40", &json!({ "status": "rolled_back" })),
    ]
}

#[test]
fn a_change_that_was_to_begin_is_under_way_once_a_batch_of_it_is() {
    let upto = |steps: usize| {
        let view = folded(life().into_iter().take(steps).collect());
        change(&view).status()
    };
    assert_eq!(upto(1), ChangeStatus::Planned);
    assert_eq!(upto(4), ChangeStatus::Approved);
    assert_eq!(upto(5), ChangeStatus::Running);
    assert_eq!(upto(8), ChangeStatus::Paused);
    assert_eq!(upto(11), ChangeStatus::RolledBack);
}

#[test]
fn a_word_about_a_plan_does_not_make_it_begin() {
    let view = folded(life().into_iter().take(4).collect());
    assert_eq!(change(&view).started_at(), at("10:00"));
    let bare = folded(vec![said("09:00", &json!({ "title": "told once" }))]);
    assert_eq!(change(&bare).started_at(), at("09:00"));
    assert_eq!(change(&bare).status(), ChangeStatus::Succeeded);
}

#[test]
fn members_are_changed_batch_by_batch_and_taken_back() {
    let view = folded(life());
    let change = change(&view);
    assert_eq!(members(&change, "09:59"), " |  | host:a host:b host:c");
    assert_eq!(members(&change, "10:02"), " | host:a | host:b host:c");
    assert_eq!(members(&change, "10:07"), "host:a |  | host:b host:c");
    assert_eq!(members(&change, "10:25"), "host:a | host:b host:c | ");
    assert_eq!(members(&change, "10:35"), "host:a |  | host:b host:c");
    assert_eq!(members(&change, "10:45"), " |  | host:a host:b host:c");
}

#[test]
fn a_link_is_seen_from_both_ends_whichever_is_told_first() {
    let part = |id: &str| {
        let links = json!([{ "kind": "part_of", "change": { "source": "cd", "sourceId": "1" } }]);
        said("10:00", &json!({ "sourceId": id, "links": links }))
    };
    let back = said(
        "11:00",
        &json!({ "sourceId": "9", "links": [
        { "kind": "rollback_of", "change": { "source": "cd", "sourceId": "1" } }] }),
    );
    let also = said(
        "11:10",
        &json!({ "sourceId": "9", "links": [
        { "kind": "part_of", "change": { "source": "cd", "sourceId": "8" } }] }),
    );
    let events = vec![part("2"), back, said("09:00", &json!({})), part("3"), also];
    for seed in 0..10 {
        let view = folded(shuffled(events.clone(), seed));
        let linked = |kind: &str| {
            let linking = change(&view).linked_by(kind);
            let mut ids: Vec<String> = linking.iter().map(|it| it.source_id().to_owned()).collect();
            ids.sort();
            ids.join(" ")
        };
        assert_eq!(
            (linked("part_of"), linked("rollback_of")),
            ("2 3".into(), "9".into())
        );
    }
}

#[test]
fn what_a_level_asks_for_and_is_not_there_is_an_open_question() {
    let questions = |events: Vec<NewEvent>| {
        let view = folded(events);
        let open = view.open_changes(at("12:00"), 100);
        let told: Vec<String> = open
            .iter()
            .map(|it| format!("{} {}", it.code(), it.sentence()))
            .collect();
        told.join("\n")
    };
    let ordered = json!({ "level": "G2", "status": "succeeded" });
    assert_eq!(
        questions(vec![said("10:00", &ordered)]),
        "LEVEL_NOT_MET the change cd/1 is of level G2 and lacks a check before it began, \
         a check after it was through, a batch"
    );
    assert_eq!(
        questions(vec![said(
            "10:00",
            &json!({ "level": "G2", "status": "approved" })
        )]),
        ""
    );
    let lighter = json!({ "name": "G2", "demands": ["batches"] });
    let batch = json!({ "batches": [{ "index": 0, "status": "succeeded" }] });
    let events = vec![
        told("level.defined", "09:00", &lighter),
        said("10:00", &ordered),
        said("09:59", &batch),
    ];
    assert_eq!(questions(events), "");
}

#[test]
fn a_scene_asks_for_its_checks_and_its_level() {
    let scene = json!({ "platform": "cd", "name": "release", "level": "G1", "flow": "one_shot",
        "checks": [{ "name": "freeze", "at": "before_order" }, { "name": "slo" }] });
    let done = json!({ "scene": "release", "level": "G0", "status": "succeeded",
        "checkResults": [{ "name": "freeze", "at": "before_order", "result": "pass" }],
        "batches": [{ "index": 0 }] });
    let view = folded(vec![
        told("scene.registered", "09:00", &scene),
        told("platform.registered", "09:00", &json!({ "name": "cd" })),
        said("10:00", &done),
        said("09:30", &json!({ "sourceId": "2", "scene": "other" })),
    ]);
    let open = view.open_changes(at("12:00"), 100);
    let codes: Vec<&str> = open.iter().map(graph::Anomaly::code).collect();
    assert_eq!(
        codes,
        [
            "OTHER_LEVEL_THAN_SCENE",
            "OTHER_FLOW_THAN_SCENE",
            "CHECK_NOT_REPORTED",
            "UNREGISTERED_SCENE"
        ]
    );
    let of_the_newest = view.open_changes(at("12:00"), 1);
    let codes: Vec<&str> = of_the_newest.iter().map(graph::Anomaly::code).collect();
    assert_eq!(
        codes,
        [
            "OTHER_LEVEL_THAN_SCENE",
            "OTHER_FLOW_THAN_SCENE",
            "CHECK_NOT_REPORTED",
            "NOT_ALL_CHECKED"
        ]
    );
}

#[test]
fn a_judgement_of_a_check_may_come_before_the_check() {
    let judged = json!({ "change": { "source": "cd", "sourceId": "1" },
        "check": "freeze", "at": "before_order", "verdict": "wrong" });
    let events = vec![
        told("check.judged", "12:00", &judged),
        said(
            "09:50",
            &json!({ "checkResults": [{ "name": "freeze", "at": "before_order", "result": "block" }] }),
        ),
    ];
    for seed in 0..4 {
        let view = folded(shuffled(events.clone(), seed));
        let checks = change(&view).checks();
        let [check] = checks.as_slice() else {
            panic!("{checks:?}")
        };
        assert_eq!(check.result.as_deref(), Some("block"));
        assert_eq!(check.verdict, Some(model::CheckVerdict::Wrong));
    }
}

#[test]
fn registrations_have_versions_and_the_one_of_the_moment_counts() {
    let scene = |level: &str| json!({ "platform": "cd", "name": "release", "level": level });
    let events = vec![
        told("scene.registered", "09:00", &scene("G1")),
        told("scene.registered", "10:00", &scene("G2")),
        told(
            "scene.withdrawn",
            "11:00",
            &json!({ "platform": "cd", "name": "release" }),
        ),
    ];
    for seed in 0..6 {
        let view = folded(shuffled(events.clone(), seed));
        let level = |moment: Timestamp| {
            let kinds = view.kinds().at(moment);
            let scene = kinds.changes().scene("cd", "release");
            scene.and_then(|scene| scene.registered().level.clone())
        };
        assert_eq!(level(at("08:59")), None);
        assert_eq!(level(at("09:30")).as_deref(), Some("G1"));
        assert_eq!(level(at("10:00")).as_deref(), Some("G2"));
        assert_eq!(level(at("11:00")), None);
        assert_eq!(
            view.kinds()
                .changes()
                .scene_versions("cd", "release")
                .count(),
            3
        );
    }
}

/// Statements of one change with any status, at a few moments of the day.
fn statements() -> impl Strategy<Value = Vec<NewEvent>> {
    let statement = (0_usize..13, 0_u32..6, 0_usize..10, any::<bool>());
    proptest::collection::vec(statement, 1..12).prop_map(|all| {
        let each = all.into_iter().enumerate();
        each.map(|(number, (status, minute, batch, starts))| {
            let mut data = json!({ "description": number });
            let fields = data.as_object_mut().unwrap();
            fields.insert("description".to_owned(), json!(number.to_string()));
            if let Some((word, _)) = ChangeStatus::WRITTEN.get(status) {
                fields.insert("status".to_owned(), json!(word));
            }
            if let Some((word, _)) = model::BatchStatus::WRITTEN.get(batch) {
                fields.insert("batches".to_owned(), json!([{ "index": batch % 2, "status": word, "targets": [format!("host:{}", batch % 2)] }]));
            }
            let clock = format!("10:0{minute}");
            if starts {
                fields.insert("startedAt".to_owned(), json!(at(&clock)));
            }
            said(&clock, &data)
        })
        .collect()
    })
}

proptest! {
    #[test]
    fn statements_about_a_change_merge_alike_in_every_order(events in statements(), seed in any::<u64>()) {
        let (one, other) = (folded(events.clone()), folded(shuffled(events, seed)));
        prop_assert_eq!(one.lines(), other.lines());
        prop_assert_eq!(change(&one).started_at(), change(&other).started_at());
        for clock in ["09:59", "10:01", "10:03", "10:09"] {
            prop_assert_eq!(members(&change(&one), clock), members(&change(&other), clock));
        }
        let all: Vec<LogPosition> = change(&one).statements().to_vec();
        prop_assert_eq!(all.len(), change(&other).statements().len());
    }
}
