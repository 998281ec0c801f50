//! Lists of relations: what a source states of an item all at once, in any order.

use std::sync::Arc;

use graph::{Estate, GraphView, Projection};
use insta::assert_snapshot;
use model::{
    Actor, Event, EventId, ItemRetired, ListedRelation, ListedRelations, NewEvent, ObservedItem,
    Occurred, RelationKind, SourceKey, SourceName,
};
use proptest::prelude::*;
use testkit::{at, envelopes_of, shuffled};

fn fold(events: Vec<NewEvent>) -> Arc<GraphView> {
    let mut estate = Estate::default();
    for envelope in envelopes_of(events) {
        estate.apply(&envelope);
    }
    estate.publish()
}

/// States of `api` such as `10:05 db,cache`, each with all that it depends on.
fn states(text: &str) -> Vec<NewEvent> {
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let key = |name: &str| SourceKey::text(format!("service:{name}"));
    let state = |line: &str| {
        let (time, names) = line.split_once(' ').expect("a state is written time names");
        let event = if names == "gone" {
            let key = key("api");
            Event::ItemRetired(ItemRetired { key, reason: None })
        } else {
            let names = names.split(',').filter(|name| *name != "-");
            let listed = names.map(|name| ListedRelation {
                dependent: key("api"),
                provider: key(name),
                kind: RelationKind::new("depends_on"),
                strength: None,
            });
            let mut item = ObservedItem::new(key("api"));
            item.report_interval_ms = Some(60_000);
            item.relations = Some(ListedRelations {
                of: key("api"),
                by: None,
                relations: listed.collect(),
            });
            Event::ItemObserved(item)
        };
        NewEvent {
            id: EventId {
                source: SourceName::new("otlp"),
                delivery: line.to_owned(),
            },
            occurred: Occurred::Stated(at(time)),
            actor: Actor::default(),
            event,
        }
    };
    lines.map(state).collect()
}

const STATES: &str = "
    10:00 db,cache
    10:01 db,cache
    10:02 db
    10:03 db
    10:05 cache
    10:06 gone
    10:08 db
    10:09 -
";

/// What `api` depends on from minute to minute.
fn listed(view: &GraphView) -> String {
    let api = view.resolve(&SourceKey::text("service:api"), None, at("10:00"));
    let api = api.item().expect("it was spoken of");
    let minutes = (0..12).map(|minute| {
        let needed = api.depends_on(at(&format!("10:{minute:02}")));
        let needed = needed.iter().map(|it| it.provider().name().to_owned());
        format!("{minute}: {}", needed.collect::<Vec<_>>().join(" "))
    });
    minutes.collect::<Vec<_>>().join("\n")
}

#[test]
fn what_a_later_list_no_longer_carries_has_ended() {
    assert_snapshot!(listed(&fold(states(STATES))), @r"
    0: cache db
    1: cache db
    2: db
    3: db
    4: db
    5: cache
    6: 
    7: 
    8: db
    9: 
    10: 
    11: 
    ");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(testkit::cases(200)))]

    #[test]
    fn the_order_of_lists_does_not_matter(seed in any::<u64>(), twice in 0..8_usize) {
        let mut facts = states(STATES);
        facts.push(facts[twice].clone());
        let view = fold(shuffled(facts, seed));
        let whole = fold(states(STATES));
        prop_assert_eq!(listed(&view), listed(&whole));
        prop_assert_eq!(view.lines(), whole.lines());
    }

    #[test]
    fn a_snapshot_of_lists_and_the_rest_equal_the_whole(cut in 0..8_usize) {
        let log = envelopes_of(states(STATES));
        let mut estate = Estate::default();
        log[..cut].iter().for_each(|envelope| estate.apply(envelope));
        let mut estate = Estate::restore(&estate.save()).unwrap();
        log[cut..].iter().for_each(|envelope| estate.apply(envelope));
        prop_assert_eq!(estate.publish().state_hash(), fold(states(STATES)).state_hash());
    }
}
