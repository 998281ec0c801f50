//! Which changes are suspect, in which order, and why.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test fails where it is wrong"
)]

use std::sync::Arc;

use graph::{
    ChangeRow, Estate, GraphView, NearbyChanges, NearbyLimits, NearbyQuestion, Projection,
    changes_nearby,
};
use insta::assert_snapshot;
use model::{IncidentId, Lookback, NewEvent, SourceKey, SourceName, SourceRef};
use proptest::prelude::*;
use testkit::{at, envelopes_of, shuffled};

const ALL: NearbyLimits = NearbyLimits {
    first: 100,
    considered_max: 1_000,
    looked_at_max: 10_000,
    visited_max: 10_000,
};

fn view_of(events: Vec<NewEvent>) -> Arc<GraphView> {
    let mut estate = Estate::default();
    for envelope in envelopes_of(events) {
        estate.apply(&envelope);
    }
    estate.publish()
}

/// Reads `items`, an incident, and a time, as in `web,api at 10:30` or `inc-1 at 10:30`.
fn question(view: &GraphView, asked: &str) -> NearbyQuestion {
    let (what, when) = asked.split_once(" at ").unwrap();
    let mut question = NearbyQuestion {
        items: Vec::new(),
        incidents: Vec::new(),
        unknown_items: Vec::new(),
        at: at(when),
        lookback: Lookback::hours(72),
        judgements: graph::Judgements::Count,
        model: graph::RankingModel::default(),
    };
    for name in what.split(',').filter(|name| !name.is_empty()) {
        if name.starts_with("inc-") {
            let reference = SourceRef {
                source: SourceName::new("test"),
                source_id: name.to_owned(),
            };
            question.incidents.push(IncidentId::of(&reference));
            continue;
        }
        let key = if name.contains(':') {
            name.to_owned()
        } else {
            format!("service:{name}")
        };
        match view.resolve(&SourceKey::text(&key), None, at(when)).item() {
            Some(item) => question.items.push(item.id()),
            None => question.unknown_items.push(key),
        }
    }
    question
}

fn ask(text: &str, asked: &str) -> (Arc<GraphView>, NearbyChanges) {
    let view = view_of(testkit::events(text));
    let answer = changes_nearby(&view, &question(&view, asked), &|_| true, ALL);
    (view, answer)
}

/// The ranking, one change a line: its id and why.
fn nearby(text: &str, asked: &str) -> String {
    let (view, answer) = ask(text, asked);
    let line = |change: &graph::NearbyChange| {
        format!(
            "{}: {}",
            view.change(change.change).unwrap().source_id(),
            change.reason
        )
    };
    answer
        .changes
        .iter()
        .map(line)
        .collect::<Vec<String>>()
        .join("\n")
}

/// The parts of the first suspect's score.
fn parts(text: &str, asked: &str) -> String {
    let (_, answer) = ask(text, asked);
    let lines = answer.changes[0].contributions.iter();
    let line = |part: &graph::Contribution| {
        format!(
            "{:+.2} {}: {}",
            part.contribution, part.signal, part.explanation
        )
    };
    lines.map(line).collect::<Vec<String>>().join("\n")
}

/// The ranking as ids only.
fn order(text: &str, asked: &str) -> String {
    let (view, answer) = ask(text, asked);
    let ids = answer
        .changes
        .iter()
        .map(|change| view.change(change.change).unwrap().source_id().to_owned());
    ids.collect::<Vec<String>>().join(" ")
}

const SHOP: &str = "
    web -> api -> db
    worker -> db
    report -> web
";

#[test]
fn what_is_needed_is_suspect_first() {
    let text = format!(
        "{SHOP}
        change on-db db 10:00
        change on-report report 10:00
        change on-worker worker 10:00
        change elsewhere printer 10:00
    "
    );
    assert_snapshot!(nearby(&text, "web at 10:30"), @r"
    on-db: it touched db, which web needs through api, 30 min before the moment asked about
    on-worker: it touched worker, which hangs together with web through api and db, 30 min before the moment asked about
    on-report: it touched report, which calls web, 30 min before the moment asked about
    elsewhere: it touched printer, to which no close relation is known, 30 min before the moment asked about
    ");
}

#[test]
fn the_affected_item_itself_comes_before_what_it_needs() {
    let text = format!("{SHOP} change on-web web 10:00\n change on-api api 10:00");
    assert_eq!(order(&text, "web at 10:30"), "on-web on-api");
}

#[test]
fn what_several_affected_items_share_comes_first() {
    let text = "
        a -> cache
        b -> cache
        a -> only-a
        change one only-a 10:00
        change shared cache 10:00
    ";
    assert_eq!(order(text, "a,b at 10:30"), "shared one");
}

#[test]
fn newer_changes_are_more_suspect_and_old_ones_never_ruled_out() {
    let text = "change old web 02:00\n change new web 10:00\n change later web 10:31";
    assert_snapshot!(nearby(text, "web at 10:30"), @r"
    new: it touched web itself, 30 min before the moment asked about
    old: it touched web itself, 8.5 h before the moment asked about
    ");
}

#[test]
fn a_change_under_way_stays_suspect() {
    let text = "
        change long web 04:00 status=running
        change short web 08:00 until=08:01
    ";
    assert_eq!(order(text, "web at 10:30"), "long short");
}

#[test]
fn what_began_before_the_lookback_counts_while_it_goes_on() {
    let text = "
        change endless web 01:00 status=running
        change long web 01:10 until=09:00
        change short web 01:20 until=01:30
        change new web 10:00
    ";
    let view = view_of(testkit::events(text));
    let question = NearbyQuestion {
        lookback: Lookback::hours(2),
        judgements: graph::Judgements::Count,
        model: graph::RankingModel::default(),
        ..question(&view, "web at 10:30")
    };
    let answer = changes_nearby(&view, &question, &|_| true, ALL);
    let found = answer.changes.iter();
    let ids: Vec<&str> = found
        .map(|found| view.change(found.change).unwrap().source_id())
        .collect();
    assert_eq!(
        (ids, answer.considered),
        (vec!["new", "endless", "long"], 3)
    );
}

#[test]
fn a_deviation_of_the_symptoms_kind_points_at_the_change() {
    let text = "
        web -> api -> db
        web -> search
        incident inc-1 web 10:30 title=latency_of_web
        change on-db db 09:00
        change on-search search 09:30
        deviated api -> db latency_p99_ms 20 -> 160 10:20-10:30
    ";
    assert_snapshot!(nearby(text, "inc-1 at 10:30"), @r"
    on-db: it touched db, which web needs through api, 90 min before the incident; latency_p99_ms of db left its baseline
    on-search: it touched search, and web calls it, 60 min before the incident
    ");
    assert_snapshot!(parts(text, "inc-1 at 10:30"), @r"
    +5.48 nearness: a walk from the affected items ends at db in 25.3 % of cases
    +5.03 recency: it was taking effect 90 min before the incident
    +1.78 same_measure: the symptom's own measure: latency_p99_ms of db went from 20 to 160
    ");
}

#[test]
fn a_deviation_that_ended_before_the_change_does_not_count() {
    let text = "
        incident inc-1 web 10:30 title=latency
        change late web 10:25
        deviated web latency_p99_ms 20 -> 160 10:10-10:20
    ";
    assert!(!parts(text, "inc-1 at 10:30").contains("measure"));
}

#[test]
fn words_shared_by_symptom_and_title_count() {
    let text = "
        web -> api
        incident inc-1 web 10:30 title=certificate_errors
        change a api 10:00 title=raise_limits
        change b api 10:00 title=renew_certificate
    ";
    assert_snapshot!(nearby(text, "inc-1 at 10:30"), @r#"
    b: it touched api, and web calls it, 30 min before the incident; its title speaks of "certificate"
    a: it touched api, and web calls it, 30 min before the incident
    "#);
}

#[test]
fn what_speaks_against_a_change_is_said() {
    let text = "
        item service:prod/web
        incident inc-1 service:prod/web 10:30 env=prod
        change staging web 10:00 env=staging
        change planned service:prod/web 10:00 status=planned
        change reboot service:prod/web 10:00 kind=host
        change bad service:prod/web 10:00 title=raise_limits
        change revert service:prod/web 10:05 title=Revert_\"raise_limits\"
        change linked service:prod/web 10:06 rollback_of=reboot
        change remedy service:prod/web 10:50
    ";
    assert_snapshot!(nearby(text, "inc-1 at 11:00"), @r"
    bad: it touched web itself, 30 min before the incident; it was taken back before
    linked: it touched web itself, 24 min before the incident; it takes another change back
    revert: it touched web itself, 25 min before the incident; it takes another change back
    planned: it touched web itself, 30 min before the incident; nobody said that it really began
    remedy: it touched web itself, 20 min after the incident; the symptom was there before it
    reboot: it touched web itself, 30 min before the incident; it touched a single machine only; it was taken back before
    staging: it touched web, to which no close relation is known, 30 min before the incident; it took effect in another environment
    ");
}

#[test]
fn a_judgement_moves_the_ranking() {
    let text = "
        incident inc-1 web 10:30
        change a web 10:20
        change b web 10:00
    ";
    assert_eq!(order(text, "inc-1 at 10:30"), "a b");
    assert_eq!(
        order(&format!("{text}\n judged inc-1 b cause"), "inc-1 at 10:30"),
        "b a"
    );
    assert_eq!(
        order(
            &format!("{text}\n judged inc-1 a not_cause"),
            "inc-1 at 10:30"
        ),
        "b a"
    );
}

#[test]
fn a_change_is_more_suspect_where_such_changes_were_causes_before() {
    let text = "
        incident inc-0 web 08:00
        change old web 07:50 kind=flag
        incident inc-1 web 10:30
        incident inc-2 web 11:00
        change a web 10:20 kind=deployment
        change b web 10:15 kind=flag
    ";
    let asked = |more: &str| order(&format!("{text}\n {more}"), "inc-1 at 10:30");
    assert_eq!(asked(""), "a b old");
    assert_eq!(asked("judged inc-0 old cause"), "b a old");
    for nothing in [
        "judged inc-0 old not_cause",
        // What came later was not known before.
        "judged inc-2 old cause",
        "judged inc-0 other cause\n change other db 07:50 kind=flag",
        "judged inc-0 other cause\n change other web 07:50 kind=deploy",
    ] {
        let order = asked(nothing);
        assert!(order.starts_with("a b "), "{nothing}: {order}");
    }
    let judged = format!("{text}\n judged inc-0 old cause");
    let (_, answer) = ask(&judged, "inc-1 at 10:30");
    let first = &answer.changes[0];
    assert!(
        first.reason.ends_with("such a change was a cause before"),
        "{}",
        first.reason
    );
    let mut parts = first.contributions.iter();
    let prior = parts.find(|part| part.signal == "cause_before").unwrap();
    assert_eq!(
        prior.explanation,
        "people judged changes of this sort, on the same items, the cause of an earlier incident"
    );
}

#[test]
fn what_is_not_admitted_is_not_ranked() {
    let text = "
        change a web 10:00 kind=deployment
        change b web 10:00 kind=flag
    ";
    let view = view_of(testkit::events(text));
    let admits = |change: &ChangeRow<'_>| change.kind() == Some("flag");
    let answer = changes_nearby(&view, &question(&view, "web at 10:30"), &admits, ALL);
    assert_eq!((answer.changes.len(), answer.considered), (1, 1));
}

#[test]
fn a_limit_keeps_the_newest_and_the_nearest_and_says_so() {
    let mut text = "web -> db\n change on-db db 01:00\n".to_owned();
    for minute in 10..40 {
        text.push_str(&format!("change noise-{minute} printer 10:{minute}\n"));
    }
    let view = view_of(testkit::events(&text));
    let limits = NearbyLimits {
        first: 2,
        considered_max: 10,
        ..ALL
    };
    let answer = changes_nearby(&view, &question(&view, "web at 11:00"), &|_| true, limits);
    assert!(answer.truncated);
    assert_eq!((answer.considered, answer.changes.len()), (11, 2));
    let ids: Vec<&str> = answer
        .changes
        .iter()
        .map(|c| view.change(c.change).unwrap().source_id())
        .collect();
    assert_eq!(ids, ["on-db", "noise-39"]);
}

#[test]
fn coverage_says_what_cannot_be_seen() {
    let text = "web -> api -> db\n change a api 10:00";
    let (_, answer) = ask(text, "web,nothing at 10:30");
    assert_snapshot!(format!("{:#?}", answer.coverage), @r#"
    Coverage {
        unknown_items: [
            "service:nothing",
        ],
        items_without_source: 2,
        silent_sources: [],
        gaps: [
            "nothing is known of service:nothing",
            "no change was ever reported for 2 of the 3 nearest items",
        ],
    }
    "#);
}

#[test]
fn without_items_time_decides() {
    assert_eq!(
        order("change a web 09:00\n change b api 10:00", " at 10:30"),
        "b a"
    );
}

const NAMES: [&str; 6] = ["a", "b", "c", "d", "e", "f"];

fn any_estate() -> impl Strategy<Value = String> {
    let relation = (0..6_usize, 0..6_usize)
        .prop_map(|(one, other)| format!("{} -> {}", NAMES[one], NAMES[other]));
    let change =
        (0..20_u32, 0..6_usize, 0..24_u32, 0..4_usize).prop_map(|(id, item, hour, state)| {
            let state = [
                "",
                " status=running",
                " kind=host title=a",
                " status=planned title=b",
            ][state];
            format!("change c{id} {} {hour:02}:15{state}", NAMES[item])
        });
    let deviation = (0..6_usize, 1..100_u32).prop_map(|(item, value)| {
        format!(
            "deviated {} latency_ms 5 -> {value} 10:00-12:00",
            NAMES[item]
        )
    });
    let lines = prop_oneof![3 => relation, 4 => change, 1 => deviation];
    proptest::collection::vec(lines, 1..40).prop_map(|lines| lines.join("\n"))
}

proptest! {
    #[test]
    fn contributions_add_up_and_the_order_is_total(text in any_estate(), item in 0..6_usize) {
        let (view, answer) = ask(&text, &format!("{} at 12:00", NAMES[item]));
        for change in &answer.changes {
            let sum: f64 = change.contributions.iter().map(|part| part.contribution).sum();
            prop_assert_eq!(change.score.to_bits(), sum.to_bits());
            prop_assert!(view.change(change.change).unwrap().started_at() <= at("12:00"));
            prop_assert_eq!(change.hops.unwrap_or(0), change.path.len());
            for steps in change.path.windows(2) {
                prop_assert_eq!(steps[0].to, steps[1].from);
            }
        }
        for pair in answer.changes.windows(2) {
            prop_assert!(pair[1].score <= pair[0].score);
            prop_assert_eq!(pair[0].rank + 1, pair[1].rank);
        }
    }

    #[test]
    fn the_order_of_arrival_does_not_matter(text in any_estate(), seed in any::<u64>()) {
        let events = testkit::events(&text);
        let (one, other) = (view_of(events.clone()), view_of(shuffled(events, seed)));
        let asked = "a,b at 12:00";
        let answers = [&one, &other].map(|view| changes_nearby(view, &question(view, asked), &|_| true, ALL));
        let ranking = |answer: &NearbyChanges| {
            answer.changes.iter().map(|change| (change.change, change.contributions.clone())).collect::<Vec<_>>()
        };
        prop_assert_eq!(ranking(&answers[0]), ranking(&answers[1]));
    }

    #[test]
    fn the_same_question_gives_the_same_answer(text in any_estate()) {
        let (_, one) = ask(&text, "a,c at 12:00");
        let (_, other) = ask(&text, "a,c at 12:00");
        prop_assert_eq!(one, other);
    }
}
