//! Changes that are one act stand once, and none of them is lost.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::sync::Arc;

use graph::{
    Estate, FoldReason, GraphView, NearbyLimits, NearbyQuestion, Projection, changes_nearby,
    fold_changes,
};
use model::{Actor, Event, EventId, Lookback, NewEvent, Occurred, SourceName};
use serde_json::{Value, json};
use testkit::{at, envelopes_of};

fn said(id: &str, clock: &str, more: &Value) -> NewEvent {
    let mut data =
        json!({ "source": "cd", "sourceId": id, "kind": "restart", "startedAt": at(clock) });
    let fields = data.as_object_mut().unwrap();
    fields.extend(more.as_object().unwrap().clone());
    NewEvent {
        id: EventId {
            source: SourceName::new("cd"),
            delivery: format!("{clock} {data}"),
        },
        occurred: Occurred::Stated(at(clock)),
        actor: Actor::default(),
        event: Event::decode_payload("change.recorded", data.to_string().as_bytes()).unwrap(),
    }
}

fn folded(events: Vec<NewEvent>) -> Arc<GraphView> {
    let mut estate = Estate::default();
    for envelope in envelopes_of(events) {
        estate.apply(&envelope);
    }
    estate.publish()
}

fn restarts(count: usize, operator: &str) -> Vec<NewEvent> {
    let restart = |number: usize| {
        let data = json!({ "targets": [format!("host:{number}")], "operator": { "kind": "automatic", "name": operator } });
        said(&format!("{operator}-{number:03}"), "03:00", &data)
    };
    (0..count).map(restart).collect()
}

/// Each fold as `change+others reason`.
fn told(view: &GraphView) -> Vec<String> {
    let folds = fold_changes(view, view.changes(), 1_000);
    let all: usize = folds.changes.iter().map(|fold| fold.others.len() + 1).sum();
    assert_eq!(all, view.changes_count());
    let line = |fold: &graph::FoldedChange<'_>| {
        let (id, others) = (fold.change.source_id(), fold.others.len());
        match fold.reason {
            Some(reason) => format!("{id}+{others} {reason:?}"),
            None => id.to_owned(),
        }
    };
    folds.changes.iter().map(line).collect()
}

#[test]
fn the_parts_of_a_plan_stand_under_it() {
    let links = json!({ "links": [{ "kind": "part_of", "change": { "source": "cd", "sourceId": "plan" } }] });
    let view = folded(vec![
        said("1", "03:00", &links),
        said("2", "03:01", &links),
        said("plan", "02:59", &json!({})),
        said("else", "03:02", &json!({})),
    ]);
    assert_eq!(told(&view), ["else", "plan+2 OnePlan"]);
}

#[test]
fn changes_of_one_key_stand_together() {
    let key = json!({ "foldKey": "7f3a" });
    let view = folded(vec![
        said("1", "03:00", &key),
        said("2", "04:00", &key),
        said("3", "05:00", &json!({ "foldKey": "other" })),
    ]);
    assert_eq!(told(&view), ["3", "2+1 OneKey"]);
}

#[test]
fn only_very_many_of_one_minute_and_operator_are_one_act() {
    let mut events = restarts(20, "cron");
    events.extend(restarts(19, "ann"));
    let lines = told(&folded(events));
    assert_eq!(lines.len(), 20);
    assert_eq!(
        lines
            .iter()
            .filter(|line| line.ends_with("+19 OneMinute"))
            .count(),
        1
    );
}

#[test]
fn a_mass_restart_does_not_drown_the_ranking() {
    let mut events = restarts(300, "cron");
    events.push(said(
        "7",
        "02:30",
        &json!({ "kind": "deployment", "targets": ["service:shop"] }),
    ));
    let view = folded(events);
    let ends = ["service:shop", "host:7"];
    let items = ends.map(|key| {
        let mut items = view.items();
        items.find(|item| item.key() == key).unwrap().id()
    });
    let question = NearbyQuestion {
        items: items.to_vec(),
        incidents: Vec::new(),
        unknown_items: Vec::new(),
        at: at("03:10"),
        lookback: Lookback::hours(24),
        judgements: graph::Judgements::Count,
        model: graph::RankingModel::default(),
    };
    let limits = NearbyLimits {
        first: 5,
        considered_max: 5_000,
        looked_at_max: 100_000,
        visited_max: 1_000,
    };
    let answer = changes_nearby(&view, &question, &|_| true, limits);
    assert_eq!(answer.considered, 301);
    let listed: Vec<String> = answer
        .changes
        .iter()
        .map(|one| {
            let change = view.change(one.change).unwrap();
            format!(
                "{}+{} {:?}",
                change.source_id(),
                one.folded_count,
                one.fold_reason
            )
        })
        .collect();
    let mass = format!("cron-007+299 {:?}", Some(FoldReason::OneMinute));
    assert_eq!(listed.len(), 2, "{listed:?}");
    assert!(
        listed.contains(&mass) && listed.contains(&"7+0 None".to_owned()),
        "{listed:?}"
    );
    let named = answer.changes.iter().map(|one| one.folded.len()).max();
    assert_eq!(named, Some(299));
}

#[test]
fn what_is_noise_is_counted_by_platform() {
    let values = json!([{ "field": "metadata.resourceVersion", "before": 1, "after": 2 }]);
    let view = folded(vec![
        said("1", "03:00", &json!({ "values": values })),
        said("1", "03:01", &json!({ "status": "succeeded" })),
        said(
            "2",
            "03:01",
            &json!({ "values": values, "bookkeeping": false }),
        ),
    ]);
    let noise = view.noise("cd");
    assert_eq!(
        (noise.changes, noise.statements, noise.bookkeeping),
        (2, 3, 1)
    );
    assert_eq!(view.noise("else"), graph::Noise::default());
}
