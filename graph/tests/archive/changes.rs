//! Changes that began long ago: with their rows on pages an estate answers as it would without.

use std::collections::BTreeSet;
use std::sync::Arc;

use graph::{Estate, GraphView, MemoryPages, PageError, Pages, Projection, PuttingAway};
use model::{
    Actor, ChangeId, ContentHash, Event, EventEnvelope, EventId, ItemRetired, LogPosition,
    ObservedItem, SourceKey, SourceName, SourceRef,
};
use proptest::prelude::*;
use serde_json::json;

use super::story::{Dice, minute};
use super::{SOON, go_on, plainly, reading};

fn key(service: i64) -> String {
    format!("service:prod/s{service}")
}

fn one_of(dice: &mut Dice, words: &[&'static str]) -> &'static str {
    let sides = i64::try_from(words.len()).expect("a few words");
    let place = usize::try_from(dice.roll(sides)).expect("a die shows no less than 0");
    words.get(place).copied().expect("a die has as many sides")
}

fn set(change: &mut serde_json::Value, field: &str, value: serde_json::Value) {
    let fields = change.as_object_mut().expect("a change is an object");
    fields.insert(field.to_owned(), value);
}

/// What is said of a change: most are through at once, some go on for long, some are spoken of again much later.
fn told(dice: &mut Dice, number: i64, at: i64) -> Vec<(i64, Event)> {
    let mut change = json!({
        "source": one_of(dice, &["ci", "flags", "terraform"]),
        "sourceId": format!("c{number}"),
        "title": format!("change {number} of {}", dice.roll(50)),
        "targets": [key(dice.roll(12))],
        "kind": one_of(dice, &["deploy", "flag"]),
        "status": "succeeded",
        "startedAt": minute(at),
    });
    match dice.roll(8) {
        0 => set(
            &mut change,
            "targets",
            json!(["service:s3", key(dice.roll(12))]),
        ),
        1 => set(&mut change, "environment", json!("prod")),
        2 => set(
            &mut change,
            "finishedAt",
            json!(minute(at + dice.roll(200))),
        ),
        3 if dice.roll(6) == 0 => set(&mut change, "status", json!("running")),
        4 => {
            set(
                &mut change,
                "links",
                json!([{
                    "kind": "rolls_back",
                    "change": {"source": "ci", "sourceId": format!("c{}", dice.roll(number + 1))},
                }]),
            );
        }
        5 => {
            set(
                &mut change,
                "batches",
                json!([
                    {"index": 0, "targets": [key(dice.roll(12))], "startedAt": minute(at)},
                    {"index": 1, "targets": ["service:s7"], "finishedAt": minute(at + dice.roll(90))},
                ]),
            );
        }
        _ => {}
    }
    let source = change.get("source").cloned();
    let mut said = vec![(at, change)];
    if dice.roll(12) == 0 {
        let mut later = json!({
            "source": source,
            "sourceId": format!("c{number}"),
            "targets": [key(dice.roll(12))],
            "environment": one_of(dice, &["prod", "staging"]),
            "title": format!("later {number}"),
        });
        if dice.roll(3) == 0 {
            set(&mut later, "status", json!("rolled_back"));
        }
        said.push((at + dice.roll(900), later));
    }
    let events = said.into_iter().map(|(at, change)| {
        let change = serde_json::from_value(change).expect("a change");
        (at, Event::ChangeRecorded(Box::new(change)))
    });
    events.collect()
}

/// Changes of services, a minute or two apart, beside short lives whose going renumbers names.
fn log(seed: u64, changes: i64) -> Vec<EventEnvelope> {
    let mut dice = Dice(seed);
    let mut facts: Vec<(i64, Event)> = Vec::new();
    let mut at = 0;
    for number in 0..changes {
        at += 1 + dice.roll(2);
        facts.extend(told(&mut dice, number, at));
        if dice.roll(4) == 0 {
            let pod = SourceKey::text(format!("pod:prod/p{number}"));
            let mut born = ObservedItem::new(pod.clone());
            born.valid_from = Some(minute(at));
            facts.push((at, Event::ItemObserved(born)));
            let retired = ItemRetired {
                key: pod,
                reason: None,
            };
            facts.push((at + 9, Event::ItemRetired(retired)));
        }
        if dice.roll(20) == 0 {
            let service = SourceKey::text(format!("service:staging/s{}", dice.roll(12)));
            facts.push((at, Event::ItemObserved(ObservedItem::new(service))));
        }
    }
    facts.sort_by_key(|(at, _)| *at);
    let placed = (1..).zip(facts);
    placed
        .map(|(position, (at, event))| EventEnvelope {
            position: LogPosition::new(position),
            recorded_at: minute(at),
            id: EventId {
                source: SourceName::new("ci"),
                delivery: position.to_string(),
            },
            occurred_at: minute(at),
            actor: Actor::default(),
            event,
        })
        .collect()
}

/// What lists, targets, times and links say of changes, with all the items that were put away.
fn answers(view: &Arc<GraphView>, pages: &Arc<MemoryPages>) -> BTreeSet<String> {
    let view = super::asked(view, &super::everything(), pages);
    let mut told = BTreeSet::new();
    for item in view.items() {
        let changes = item.changes();
        let ids: Vec<ChangeId> = changes.iter().map(graph::ChangeRow::id).collect();
        let touching = view.changes_touching([item.id()].into_iter());
        told.insert(format!("{} {ids:?} {}", item.key(), touching.len()));
    }
    for change in view.changes() {
        told.insert(format!(
            "{} {} {:?} {:?} {:?} {:?} {:?} {:?} {:?} {:?}",
            change.id(),
            change.title(),
            change.items(),
            change.started_at(),
            change.finished_at(),
            change.status(),
            change.links(),
            change.batches().len(),
            change.membership(minute(400)).changed.len(),
            change.statements(),
        ));
        let taken_back = change.linked_by("rolls_back");
        let taken_back: Vec<ChangeId> = taken_back.iter().map(graph::ChangeRow::id).collect();
        told.insert(format!("{} is taken back by {taken_back:?}", change.id()));
    }
    told
}

/// The first lines that only one of two estates gives.
fn apart(one: &BTreeSet<String>, other: &BTreeSet<String>) -> Vec<String> {
    let apart = one.symmetric_difference(other);
    apart.take(4).cloned().collect()
}

fn putting_away(log: &[EventEnvelope], when: PuttingAway) -> (Estate, Arc<MemoryPages>) {
    let pages = Arc::new(MemoryPages::default());
    let mut estate = Estate::default();
    estate.put_away_closed(when, &reading(&pages));
    go_on(&mut estate, log, &pages);
    (estate, pages)
}

#[test]
fn rows_of_what_began_long_ago_leave_memory() {
    let log = log(7, 3_000);
    let (mut estate, pages) = putting_away(&log, SOON);
    let view = estate.publish();
    assert_eq!(view.changes_count(), 3_000);
    assert!(view.change_rows_here() < 900, "{}", view.change_rows_here());
    assert!(10_000 < pages.bytes());
    let wanted = answers(&plainly(&log), &pages);
    assert_eq!(apart(&answers(&view, &pages), &wanted), [""; 0]);
    let saved = Estate::save_view(&view);
    let without = Estate::restore(&saved).expect_err("pages are missing");
    assert!(without.to_string().starts_with("the page "), "{without}");
    let again = Estate::restore_with(&saved, &reading(&pages))
        .unwrap()
        .publish();
    assert_eq!(again.change_rows_here(), view.change_rows_here());
    assert_eq!(apart(&answers(&again, &pages), &wanted), [""; 0]);
}

#[test]
fn a_word_about_a_change_on_a_page_is_taken_and_older_views_keep_what_they_saw() {
    let mut log = log(3, 600);
    let (mut estate, pages) = putting_away(&log, SOON);
    let before = estate.publish();
    let reference = SourceRef {
        source: SourceName::new("ci"),
        source_id: String::new(),
    };
    let known = (0..600).map(|number| SourceRef {
        source_id: format!("c{number}"),
        ..reference.clone()
    });
    let first = known
        .into_iter()
        .find(|it| before.change(ChangeId::of(it)).is_some());
    let first = first.expect("one is of this source");
    let title = before
        .change(ChangeId::of(&first))
        .unwrap()
        .title()
        .to_owned();
    let mut late = log.last().expect("a log").clone();
    late.position = late.position.next();
    late.id.delivery = "late".to_owned();
    let change = json!({"source": "ci", "sourceId": first.source_id, "title": "much later"});
    late.event = Event::ChangeRecorded(Box::new(serde_json::from_value(change).unwrap()));
    log.push(late);
    go_on(&mut estate, &log[log.len() - 1..], &pages);
    let after = estate.publish();
    assert!(before.change_rows_here() < after.change_rows_here());
    assert_eq!(
        after.change(ChangeId::of(&first)).unwrap().title(),
        "much later"
    );
    assert_eq!(before.change(ChangeId::of(&first)).unwrap().title(), title);
    let wanted = answers(&plainly(&log), &pages);
    assert_eq!(apart(&answers(&after, &pages), &wanted), [""; 0]);
}

/// Pages of which every one is lost.
struct Torn;

impl Pages for Torn {
    fn read(&self, page: ContentHash) -> Result<Arc<[u8]>, PageError> {
        let cause = "the disk is gone".into();
        Err(PageError { page, cause })
    }
}

#[test]
fn a_lost_page_is_told_and_never_makes_an_answer_break_off() {
    let log = log(5, 600);
    let torn: Arc<dyn Pages> = Arc::new(Torn);
    let mut estate = Estate::default();
    estate.put_away_closed(SOON, &torn);
    for envelope in &log {
        estate
            .take(envelope, torn.as_ref())
            .expect("no item is asked for");
        estate.kept();
        if estate.lost().is_some() {
            break;
        }
    }
    let view = estate.publish();
    let titles: BTreeSet<&str> = view.changes().map(|change| change.title()).collect();
    let shown = "what is known of this change cannot be read at the moment";
    assert!(titles.contains(shown), "{titles:?}");
    let lost = view.lost().expect("a page is lost");
    assert_eq!(lost.cause.to_string(), "the disk is gone");
}

#[test]
fn views_do_not_hold_all_they_ever_read() {
    let log = log(11, 26_000);
    let seldom = PuttingAway {
        events_min: 10_000,
        ..SOON
    };
    let (mut estate, _pages) = putting_away(&log, seldom);
    let view = estate.publish();
    assert!(!view.has_read_much());
    assert_eq!(
        view.changes()
            .filter(|change| change.title().is_empty())
            .count(),
        0
    );
    assert!(view.has_read_much() && estate.has_read_much());
    assert!(!estate.publish().has_read_much());
    assert!(!estate.has_read_much());
    // Questions that go through the rows of many changes leave none of them behind.
    let view = estate.publish();
    let items: Vec<_> = view.items().map(|item| item.id()).collect();
    assert!(10_000 < view.changes_touching(items.into_iter()).len());
    assert!(!view.has_read_much());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(testkit::cases(40)))]

    #[test]
    fn wherever_rows_lie_the_answers_are_the_same(
        seed in any::<u64>(),
        changes in 40..400_i64,
        closed_for_minutes in 1..240_i64,
        events_min in 1..60_u64,
        part in prop_oneof![Just(1_usize), 2..200_usize],
        cut in 0..1_000_usize,
        publishing in 20..90_usize,
    ) {
        let log = log(seed, changes);
        let when = PuttingAway { closed_for_ms: closed_for_minutes * 60_000, events_min, part };
        let (first, rest) = log.split_at(cut.min(log.len()));
        let (estate, pages) = putting_away(first, when);
        let mut estate = Estate::restore_with(&estate.save(), &reading(&pages)).unwrap();
        let mut published = Vec::new();
        for some in rest.chunks(publishing) {
            go_on(&mut estate, some, &pages);
            let view = estate.publish();
            published.push((view.state_hash(), view));
        }
        prop_assert!(estate.lost().is_none());
        for (hash, view) in &published {
            prop_assert_eq!(view.state_hash(), *hash, "a view changed once it was published");
        }
        let (mut whole, _) = putting_away(&log, when);
        let (view, whole) = (estate.publish(), whole.publish());
        prop_assert_eq!(view.change_rows_here(), whole.change_rows_here());
        prop_assert_eq!(view.state_hash(), whole.state_hash());
        let plain = plainly(&log);
        let wanted = answers(&plain, &pages);
        prop_assert_eq!(apart(&answers(&view, &pages), &wanted), Vec::<String>::new());
        let everything = super::asked(&view, &super::everything(), &pages);
        prop_assert_eq!(everything.lines(), plain.lines());
    }
}
