//! What differs between two states, what explains it, and what a decision would change.
use std::sync::Arc;

use graph::{Diff, DiffLimits, DiffScope, Estate, GraphView, Projection, State, diff};
use insta::assert_snapshot;
use testkit::{at, envelopes, events};

const ALL: DiffLimits = DiffLimits {
    items_max: 1_000,
    explained_max: usize::MAX,
    first: 100,
};

fn estate(text: &str) -> Arc<GraphView> {
    let mut estate = Estate::default();
    for envelope in envelopes(text) {
        estate.apply(&envelope);
    }
    estate.publish()
}

fn told(diff: &Diff<'_>) -> String {
    let mut lines: Vec<String> = diff
        .differences
        .iter()
        .map(|difference| {
            let what = difference
                .relation
                .as_ref()
                .map_or_else(|| difference.item.key(), |relation| format!("{relation:?}"));
            let values = [&difference.before, &difference.after]
                .map(|value| value.as_deref().unwrap_or("-"))
                .join(" -> ");
            let when = difference.at.map_or("?".to_owned(), |at| at.to_string());
            let by: Vec<&str> = difference
                .explained_by
                .iter()
                .map(graph::ChangeRow::source_id)
                .collect();
            format!(
                "{:?} {what} ({values}) at {when} by [{}]",
                difference.what,
                by.join(", ")
            )
        })
        .collect();
    lines.push(format!(
        "{} of {}, {} unexplained, {} items compared",
        diff.differences.len(),
        diff.total,
        diff.unexplained,
        diff.compared
    ));
    lines
        .join("\n")
        .replace("2026-01-01T", "")
        .replace(":00Z", "")
}

/// What differs between two moments.
fn between(text: &str, from: &str, to: &str, scope: &DiffScope) -> String {
    let view = estate(text);
    let state = |clock| State {
        view: &view,
        at: at(clock),
    };
    told(&diff(state(from), state(to), scope, ALL))
}

const DAY: &str = "
    web -> api
    item workload:shop-api from=08:00
    item service:api from=08:00
    service:api -runs-> workload:shop-api
    item pod:api-1 from=08:00 until=10:02
    item pod:api-2 from=10:01
    pod:api-1 -part_of-> workload:shop-api
    pod:api-2 -part_of-> workload:shop-api
    change deploy-7 service:api 10:00 until=10:03
    item host:ghost from=11:00
    end web -> api 11:30
    change tidy-1 host:other 11:25
";

#[test]
fn a_deployment_explains_the_pods_it_replaces_and_nobody_explains_drift() {
    assert_snapshot!(between(DAY, "09:00", "12:00", &DiffScope::default()), @r"
    RelationDisappeared service:web calls service:api (- -> -) at 11:30 by []
    Appeared host:ghost (- -> -) at 11:00 by []
    Disappeared pod:api-1 (- -> -) at 10:02 by [deploy-7]
    Appeared pod:api-2 (- -> -) at 10:01 by [deploy-7]
    4 of 4, 2 unexplained, 7 items compared
    ");
    let unexplained = DiffScope {
        unexplained: true,
        ..DiffScope::default()
    };
    assert_snapshot!(between(DAY, "09:00", "10:30", &unexplained), @"0 of 0, 0 unexplained, 7 items compared");
}

/// An item has several names, and a relation may hold under each of them, since different moments.
#[test]
fn a_relation_that_holds_under_two_names_appeared_with_the_first() {
    let told = [["host:a", "host:b"], ["host:b", "host:a"]].map(|[first, second]| {
        let text = format!(
            "
            item {second} uid=1
            item {first} uid=1
            saw {first} -> db 10:10-10:50
            saw {second} -> db 10:30-10:50
            "
        );
        between(&text, "10:00", "10:45", &DiffScope::default())
    });
    assert_snapshot!(told[0], @r"
    RelationAppeared host:a calls service:db (- -> -) at 10:10 by []
    Appeared service:db (- -> -) at 10:10 by []
    2 of 2, 2 unexplained, 2 items compared
    ");
    assert_eq!(
        told[0].replace("host:a", "host:b"),
        told[1].replace("host:a", "host:b")
    );
}

#[test]
fn a_question_about_some_items_leaves_out_the_rest() {
    let view = estate(DAY);
    let api = view
        .resolve(&model::SourceKey::text("service:api"), None, at("12:00"))
        .item()
        .unwrap();
    let scope = DiffScope {
        items: vec![api.id()],
        ..DiffScope::default()
    };
    assert_snapshot!(between(DAY, "09:00", "12:00", &scope), @r"
    RelationDisappeared service:web calls service:api (- -> -) at 11:30 by []
    1 of 1, 1 unexplained, 1 items compared
    ");
}

#[test]
fn a_limit_cuts_and_says_so() {
    let view = estate(DAY);
    let state = |clock| State {
        view: &view,
        at: at(clock),
    };
    let limits = DiffLimits {
        items_max: 3,
        first: 1,
        ..ALL
    };
    let cut = diff(
        state("09:00"),
        state("12:00"),
        &DiffScope::default(),
        limits,
    );
    assert!(cut.truncated);
    assert_eq!((cut.differences.len(), cut.compared), (1, 3));
}

#[test]
fn only_the_newest_differences_are_looked_into_and_the_answer_says_so() {
    let view = estate(DAY);
    let state = |clock| State {
        view: &view,
        at: at(clock),
    };
    let limits = DiffLimits {
        explained_max: 3,
        ..ALL
    };
    let cut = diff(
        state("09:00"),
        state("12:00"),
        &DiffScope::default(),
        limits,
    );
    assert_snapshot!(told(&cut), @r"
    RelationDisappeared service:web calls service:api (- -> -) at 11:30 by []
    Appeared host:ghost (- -> -) at 11:00 by []
    Disappeared pod:api-1 (- -> -) at 10:02 by [deploy-7]
    3 of 4, 2 unexplained, 7 items compared
    ");
    assert!(cut.truncated);
}

/// What a decision would change.
fn preview(text: &str, decision: &str) -> String {
    let view = estate(text);
    let event = events(decision).remove(0);
    let mut envelope = testkit::envelopes_of(vec![event]).remove(0);
    envelope.recorded_at = at("12:00");
    let after = view.preview(envelope);
    let state = |view| State {
        view,
        at: at("12:00"),
    };
    told(&diff(
        state(&view),
        state(&after),
        &DiffScope::default(),
        ALL,
    ))
}

#[test]
fn a_merge_can_be_looked_at_before_it_is_made() {
    let text = "
        web -> api
        item workload:api owner=shop
        workload:api -> db
    ";
    assert_snapshot!(preview(text, "merge m1 api,workload:api 12:00"), @r"
    Merged service:api (service:api, workload:api -> service:api) at ? by []
    1 of 1, 1 unexplained, 3 items compared
    ");
    let merged = format!("{text}\nmerge m1 api,workload:api 11:00");
    assert_snapshot!(preview(&merged, "split s1 workload:api from api 12:00"), @r"
    Split service:api (service:api -> service:api, workload:api) at ? by []
    1 of 1, 1 unexplained, 4 items compared
    ");
}

#[test]
fn two_positions_of_one_log_differ_in_what_was_learnt_between() {
    let text = "
        web -> api
        item service:api owner=shop
        item service:api at=09:00 owner=payments
        api -> db
    ";
    let log = envelopes(text);
    let mut estate = Estate::default();
    for envelope in &log[..2] {
        estate.apply(envelope);
    }
    let before = estate.publish();
    for envelope in &log[2..] {
        estate.apply(envelope);
    }
    let after = estate.publish();
    let state = |view| State {
        view,
        at: at("12:00"),
    };
    assert_snapshot!(told(&diff(state(&before), state(&after), &DiffScope::default(), ALL)), @r"
    RelationAppeared service:api calls service:db (- -> -) at 00:00 by []
    Owner service:api (shop -> payments) at ? by []
    Appeared service:db (- -> -) at ? by []
    3 of 3, 3 unexplained, 3 items compared
    ");
    // The other way round it is gone again.
    assert_snapshot!(told(&diff(state(&after), state(&before), &DiffScope::default(), ALL)), @r"
    Owner service:api (payments -> shop) at ? by []
    Disappeared service:db (- -> -) at ? by []
    2 of 2, 2 unexplained, 2 items compared
    ");
}
