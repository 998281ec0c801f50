//! Measures of change work: every share with its parts.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::fmt::Write;

use graph::{
    ChangeMeasures, Estate, MeasureBy, MeasureQuestion, Projection, Share, change_measures,
};
use model::{Actor, Event, EventId, NewEvent, Occurred, SourceName};
use serde_json::{Value, json};
use testkit::{at, envelopes_of};

fn told(name: &str, clock: &str, data: &Value) -> NewEvent {
    NewEvent {
        id: EventId {
            source: SourceName::new("cd"),
            delivery: format!("{clock} {data}"),
        },
        occurred: Occurred::Stated(at(clock)),
        actor: Actor::default(),
        event: Event::decode_payload(name, data.to_string().as_bytes()).unwrap(),
    }
}

fn change(id: &str, clock: &str, more: &Value) -> NewEvent {
    let mut data = json!({ "source": "cd", "sourceId": id });
    let fields = data.as_object_mut().unwrap();
    fields.extend(more.as_object().unwrap().clone());
    told("change.recorded", clock, &data)
}

fn day() -> Vec<NewEvent> {
    let slo = |result: &str| json!([{ "name": "slo", "mode": "enforcer", "result": result }]);
    vec![
        told(
            "item.observed",
            "08:00",
            &json!({ "key": "service:shop", "owner": "shop" }),
        ),
        told(
            "item.observed",
            "08:00",
            &json!({ "key": "service:pay", "owner": "pay" }),
        ),
        told(
            "item.observed",
            "08:00",
            &json!({ "key": "business:retail" }),
        ),
        told(
            "relation.observed",
            "08:00",
            &json!({ "dependent": "service:shop", "provider": "business:retail", "kind": "part_of" }),
        ),
        told("platform.registered", "08:00", &json!({ "name": "cd" })),
        told("platform.registered", "08:00", &json!({ "name": "quiet" })),
        change(
            "1",
            "09:10",
            &json!({ "status": "succeeded", "targets": ["service:shop"], "operator": { "kind": "automatic" },
            "startedAt": at("09:00"), "finishedAt": at("09:10"), "plannedStartAt": at("08:55"), "plannedFinishAt": at("09:05"), "checkResults": slo("pass") }),
        ),
        change(
            "2",
            "09:40",
            &json!({ "status": "failed", "targets": ["service:shop"], "operator": { "kind": "human", "name": "ann" },
            "startedAt": at("09:20"), "finishedAt": at("09:40") }),
        ),
        change(
            "3",
            "10:00",
            &json!({ "status": "succeeded", "targets": ["service:pay"] }),
        ),
        change(
            "4",
            "10:30",
            &json!({ "title": "undo", "links": [{ "kind": "rollback_of", "change": { "source": "cd", "sourceId": "3" } }] }),
        ),
        change(
            "5",
            "10:40",
            &json!({ "status": "cancelled", "startedAt": at("10:35"), "checkResults": slo("block") }),
        ),
        change("6", "11:00", &json!({ "status": "running" })),
    ]
}

/// What people said of it afterwards.
fn said_of_it() -> Vec<NewEvent> {
    let judged = |id: &str, verdict: &str| {
        let change = json!({ "source": "cd", "sourceId": id });
        told(
            "check.judged",
            "12:00",
            &json!({ "change": change, "check": "slo", "verdict": verdict }),
        )
    };
    vec![
        told(
            "incident.opened",
            "10:05",
            &json!({ "source": "pager", "sourceId": "i", "title": "pay is down" }),
        ),
        told(
            "incident.opened",
            "10:06",
            &json!({ "source": "pager", "sourceId": "j", "title": "else" }),
        ),
        told(
            "cause.judged",
            "11:00",
            &json!({ "incident": { "source": "pager", "sourceId": "i" }, "change": { "source": "cd", "sourceId": "3" }, "verdict": "cause" }),
        ),
        judged("1", "wrong"),
        judged("5", "right"),
    ]
}

fn measured(by: Option<MeasureBy>) -> ChangeMeasures {
    let mut estate = Estate::default();
    for envelope in envelopes_of([day(), said_of_it()].concat()) {
        estate.apply(&envelope);
    }
    let view = estate.publish();
    let question = MeasureQuestion {
        from: at("08:00"),
        until: at("12:00"),
        by,
        groups_max: 10,
        changes_max: 100,
    };
    let changes = view.changes_between(question.from, question.until);
    change_measures(&view, changes, question)
}

fn share(part: usize, whole: usize, unknown: usize) -> Share {
    Share {
        part,
        whole,
        unknown,
    }
}

#[test]
fn a_change_that_another_takes_back_did_not_succeed() {
    let whole = measured(None).whole;
    assert_eq!(whole.changes, 6);
    assert_eq!(whole.success, share(2, 5, 1));
    assert_eq!(whole.failure, share(1, 5, 1));
    assert_eq!(whole.rollback, share(1, 5, 1));
    assert_eq!(whole.cancel, share(1, 5, 1));
    assert_eq!(whole.assumed_done, 1);
}

#[test]
fn what_nobody_said_is_told_beside_each_share() {
    let whole = measured(None).whole;
    assert_eq!(whole.automation, share(1, 2, 4));
    assert_eq!(whole.timed, share(2, 6, 4));
    assert_eq!(whole.median_duration_ms, Some(900_000.0));
    assert_eq!(whole.late, share(1, 1, 5));
    assert_eq!(whole.early, share(0, 1, 5));
    assert_eq!(whole.overran, share(1, 1, 5));
    assert_eq!(whole.incidents_caused, 1);
}

#[test]
fn checks_are_as_good_as_people_judge() {
    let checks = measured(None).whole.checks;
    assert_eq!(checks.results, 2);
    assert_eq!(checks.accuracy, share(1, 2, 0));
    assert_eq!(checks.false_alarms, share(0, 1, 0));
    assert_eq!(checks.missed, share(1, 1, 0));
    assert_eq!(checks.effective_blocks, share(1, 1, 0));
}

#[test]
fn coverage_counts_items_platforms_and_incidents() {
    let measures = measured(None);
    assert_eq!(measures.items_covered, share(2, 3, 0));
    assert_eq!(measures.platforms_covered, share(1, 2, 0));
    assert_eq!(measures.incidents_linked, share(1, 2, 1));
    assert!(
        measures
            .blind
            .iter()
            .any(|it| it == "of 1 of 2 incidents nobody judged a cause")
    );
}

#[test]
fn a_change_counts_for_every_group_it_belongs_to() {
    let groups = |by: MeasureBy| {
        let mut text = String::new();
        for group in measured(Some(by)).groups {
            let key = group.key.unwrap_or_else(|| "?".to_owned());
            write!(text, "{key}={} ", group.measures.changes).unwrap();
        }
        text
    };
    assert_eq!(groups(MeasureBy::Team), "?=3 shop=2 pay=1 ");
    assert_eq!(groups(MeasureBy::Business), "?=4 business:retail=2 ");
    assert_eq!(groups(MeasureBy::Item), "?=3 service:shop=2 service:pay=1 ");
    assert_eq!(groups(MeasureBy::Platform), "cd=6 ");
    assert_eq!(groups(MeasureBy::Operator), "?=5 ann=1 ");
}
