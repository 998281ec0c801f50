//! What the estate makes of definitions of kinds, whatever the order in which they arrive.

use std::sync::Arc;

use graph::{BlastLimits, Estate, GraphView, Projection, Propagation};
use model::{
    Actor, AsOf, AttributeRule, Event, EventId, HalfLife, Harm, KindDefined, KindWithdrawn,
    NewEvent, ObservedRelation, Occurred, RelationKind, RelationKindDefined, RelationKindWithdrawn,
    SourceKey, SourceName, Timestamp, ValueType,
};
use proptest::prelude::*;
use testkit::{at, envelopes_of, shuffled};

fn event(delivery: usize, minute: u32, event: Event) -> NewEvent {
    NewEvent {
        id: EventId {
            source: SourceName::new("ops"),
            delivery: delivery.to_string(),
        },
        occurred: Occurred::Stated(moment(minute)),
        actor: Actor::default(),
        event,
    }
}

fn moment(minute: u32) -> Timestamp {
    at(&format!("09:{minute:02}"))
}

fn fold(events: Vec<NewEvent>) -> Arc<GraphView> {
    let mut estate = Estate::default();
    for envelope in envelopes_of(events) {
        estate.apply(&envelope);
    }
    estate.publish()
}

fn kind(name: &str, attribute: &str) -> Event {
    let mut kind = KindDefined::new(name);
    kind.attributes
        .push(AttributeRule::new(attribute).of(ValueType::String));
    Event::KindDefined(Box::new(kind))
}

fn withdrawn(name: &str) -> Event {
    Event::KindWithdrawn(KindWithdrawn {
        name: name.to_owned(),
        reason: None,
    })
}

/// The user's attributes of a kind at a minute, `-` where it is not defined.
fn attributes(view: &GraphView, name: &str, minute: u32) -> String {
    match view.kinds().at(moment(minute)).kind(name) {
        Some(rules) => {
            let attributes = rules.defined().attributes.iter();
            let names: Vec<&str> = attributes.map(|it| it.name.as_str()).collect();
            names.join(" ")
        }
        None => "-".to_owned(),
    }
}

#[test]
fn a_definition_counts_from_its_own_time_until_the_next() {
    let view = fold(vec![
        event(1, 30, kind("server", "later")),
        event(2, 10, kind("server", "earlier")),
        event(3, 40, withdrawn("server")),
        event(4, 50, kind("server", "again")),
    ]);
    let seen: Vec<String> = [5, 10, 29, 30, 40, 55]
        .iter()
        .map(|minute| attributes(&view, "server", *minute))
        .collect();
    assert_eq!(seen, ["-", "earlier", "earlier", "later", "-", "again"]);
    assert_eq!(view.kinds().kind_versions("server").count(), 4);
    let next = view.kinds().next_change_after(moment(30));
    assert_eq!(next, Some(moment(40)));
}

#[test]
fn a_built_in_kind_outlives_its_withdrawal() {
    let view = fold(vec![
        event(1, 10, kind("bucket", "slot")),
        event(2, 20, withdrawn("bucket")),
    ]);
    let added = attributes(&view, "bucket", 15);
    let left = attributes(&view, "bucket", 25);
    assert_eq!(added, format!("{left} slot"));
    assert_eq!(attributes(&view, "bucket", 0), left);
}

#[test]
fn what_was_defined_survives_being_saved() {
    let view = fold(vec![
        event(1, 10, kind("server", "a")),
        event(2, 20, withdrawn("server")),
    ]);
    let restored = Estate::restore(&Estate::save_view(&view))
        .unwrap()
        .publish();
    assert_eq!(restored.state_hash(), view.state_hash());
    assert_eq!(attributes(&restored, "server", 15), "a");
}

/// A shorter half-life counts for every question at once, whenever it was defined.
#[test]
fn a_definition_shortens_how_long_evidence_lasts() {
    let mut seen = model::ObservedItem::new(SourceKey::text("sensor:a"));
    seen.report_interval_ms = Some(60_000);
    let mut sensor = KindDefined::new("sensor");
    sensor.half_life = Some(HalfLife {
        ageing: 1,
        unconfirmed: 2,
        closed: 3,
    });
    let defined = event(1, 0, Event::KindDefined(Box::new(sensor)));
    let seen = event(2, 10, Event::ItemObserved(seen));
    let freshness = |events: Vec<NewEvent>, minute: u32| {
        let view = fold(events);
        let item = view.items().next().unwrap();
        format!("{:?}", item.freshness(moment(minute)))
    };
    assert_eq!(freshness(vec![seen.clone()], 14), "Ageing");
    assert_eq!(freshness(vec![seen.clone(), defined.clone()], 14), "Closed");
    assert_eq!(freshness(vec![defined, seen], 12), "Ageing");
}

#[test]
fn harm_crosses_a_kind_as_its_definition_of_the_moment_says() {
    let mounted = |harm: Option<Harm>| RelationKindDefined {
        name: "mounted_in".to_owned(),
        sentence: "the dependent is mounted in the provider".to_owned(),
        description: None,
        dependents: Vec::new(),
        providers: Vec::new(),
        cardinality: model::Cardinality::ManyToOne,
        harm,
    };
    let percent = |to_dependent, to_provider| Harm {
        to_dependent,
        to_provider,
    };
    let relation = ObservedRelation {
        dependent: SourceKey::text("server:a"),
        provider: SourceKey::text("rack:r"),
        kind: RelationKind::new("mounted_in"),
        strength: None,
        valid_from: None,
        valid_until: None,
        report_interval_ms: None,
    };
    let view = fold(vec![
        event(1, 0, Event::RelationObserved(relation)),
        event(
            2,
            10,
            Event::RelationKindDefined(mounted(Some(percent(90, 0)))),
        ),
        event(
            3,
            20,
            Event::RelationKindDefined(mounted(Some(percent(10, 30)))),
        ),
        event(4, 30, Event::RelationKindDefined(mounted(None))),
    ]);
    let score = |origin: &str, minute: u32| {
        let origin = view.resolve(&SourceKey::text(origin), None, moment(minute));
        let origin = origin.item().expect("it was observed").id();
        let as_of = AsOf {
            valid_at: moment(minute),
            known_at: view.position(),
        };
        let limits = BlastLimits {
            hops_max: None,
            impacts_max: 10,
            visited_max: 10,
            score_min: 0.0,
        };
        let found = graph::blast_radius(&view, &[origin], as_of, limits);
        let scores = found.impacts.iter().map(|impact| impact.score);
        // A score is made of rounded numbers.
        (scores.sum::<f64>() * 1e6).round() / 1e6
    };
    let default = Propagation::of("mounted_in");
    let to_server = [5, 15, 25, 35].map(|minute| score("rack:r", minute));
    assert_eq!(
        to_server,
        [default.to_dependent, 0.9, 0.1, default.to_dependent]
    );
    let to_rack = [5, 15, 25, 35].map(|minute| score("server:a", minute));
    assert_eq!(
        to_rack,
        [default.to_provider, 0.0, 0.3, default.to_provider]
    );
}

fn definitions() -> impl Strategy<Value = Vec<NewEvent>> {
    let relation = |name: &str, sentence: String| RelationKindDefined {
        name: name.to_owned(),
        sentence,
        description: None,
        dependents: Vec::new(),
        providers: Vec::new(),
        cardinality: model::Cardinality::ManyToOne,
        harm: None,
    };
    let said = (0_u8..4, 0_u8..3, 0_u8..4).prop_map(move |(sort, name, content)| {
        let names = ["server", "host", "mounted_in"];
        let name = names.get(usize::from(name)).copied().unwrap_or("server");
        match sort {
            0 => kind(name, &format!("a{content}")),
            1 => withdrawn(name),
            2 => Event::RelationKindDefined(relation(name, format!("sentence {content}"))),
            _ => Event::RelationKindWithdrawn(RelationKindWithdrawn {
                name: (*name).to_owned(),
                reason: None,
            }),
        }
    });
    prop::collection::vec((0_u32..6, said), 1..20).prop_map(|said| {
        let numbered = said.into_iter().enumerate();
        numbered
            .map(|(number, (minute, said))| event(number, minute, said))
            .collect()
    })
}

proptest! {
    #[test]
    fn definitions_in_any_order_give_one_model(events in definitions(), seed in any::<u64>()) {
        let one = fold(events.clone());
        let other = fold(shuffled(events, seed));
        prop_assert_eq!(one.lines(), other.lines());
        for minute in 0..7 {
            for name in ["server", "host", "mounted_in"] {
                prop_assert_eq!(
                    attributes(&one, name, minute),
                    attributes(&other, name, minute)
                );
                let sentence = |view: &GraphView| {
                    let kinds = view.kinds().at(moment(minute));
                    kinds.relation_kind(name).map(|it| it.sentence.clone())
                };
                prop_assert_eq!(sentence(&one), sentence(&other));
            }
        }
    }
}
