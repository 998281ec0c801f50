//! Which events subscriptions are about, by what a change is, by where it is in the graph, and by when.

#![expect(
    clippy::unwrap_used,
    reason = "a test that panics has failed, which is what it is for"
)]

use std::sync::Arc;

use graph::{Estate, GraphView, Projection, Telling};
use insta::assert_snapshot;
use model::{
    Actor, Event, EventEnvelope, EventId, NewEvent, Occurred, SourceName, SubscriptionMatch,
};
use testkit::{at, envelopes_of, events, shuffled};

const ESTATE: &str = "
    web -> payments -> ledger
    payments -> db:orders
    search -> index
    service:payments -part_of-> business:trade
    item service:payments owner=team-pay
    item service:web owner=team-web
    change deploy-ledger ledger 10:00 kind=deployment env=prod status=succeeded until=10:05
    change deploy-web web 10:10 kind=config env=uat status=running
    change deploy-index index 10:20 kind=deployment status=failed until=10:25
    change drop-orders db:orders 10:30 kind=migration status=planned
    incident inc-web web 10:40 env=prod
    incident inc-index index 10:50
";

fn folded(all: Vec<NewEvent>) -> (Vec<EventEnvelope>, Arc<GraphView>) {
    let envelopes = envelopes_of(all);
    let mut estate = Estate::default();
    for envelope in &envelopes {
        estate.apply(envelope);
    }
    (envelopes, estate.publish())
}

/// What a match is about in an estate: each change and incident, with the way to it.
fn heard_in(estate: &str, wanted: &str) -> String {
    let wanted: SubscriptionMatch = serde_json::from_str(wanted).unwrap();
    let (envelopes, view) = folded(events(estate));
    let mut lines = Vec::new();
    for envelope in &envelopes {
        let Some(mut telling) = Telling::of(&view, envelope) else {
            continue;
        };
        let told = match telling.change() {
            Some(row) => row.source_id().to_owned(),
            None => telling.incident().unwrap().source_id().to_owned(),
        };
        let Some(near) = telling.fits(&wanted, &|_, _| true) else {
            continue;
        };
        let key = |id| view.item(id).unwrap().key();
        let way = near.map_or_else(String::new, |near| {
            let (touched, origin) = (key(near.touched), key(near.origin));
            format!(" ({touched}, {} from {origin})", near.hops)
        });
        lines.push(format!("{told}{way}"));
    }
    lines.join("\n")
}

fn heard(wanted: &str) -> String {
    heard_in(ESTATE, wanted)
}

#[test]
fn everything_about_changes_is_the_full_feed() {
    assert_snapshot!(heard("{}"), @r"
    deploy-ledger
    deploy-web
    deploy-index
    drop-orders
    ");
    assert_eq!(heard(r#"{"changes":false}"#), "");
}

#[test]
fn conditions_are_of_the_change_itself() {
    let filter = |filter: &str| heard(&format!(r#"{{"filter":{filter}}}"#)).replace('\n', " ");
    assert_eq!(
        filter(r#"{"kinds":["deployment"]}"#),
        "deploy-ledger deploy-index"
    );
    assert_eq!(filter(r#"{"environments":["uat"]}"#), "deploy-web");
    assert_eq!(
        filter(r#"{"statuses":["failed","planned"]}"#),
        "deploy-index drop-orders"
    );
    assert_eq!(filter(r#"{"itemKinds":["db"]}"#), "drop-orders");
    assert_eq!(filter(r#"{"sources":["nobody"]}"#), "");
    assert_eq!(
        filter(r#"{"items":["service:web","db:orders"]}"#),
        "deploy-web drop-orders"
    );
    assert_eq!(filter(r#"{"teams":["team-web"]}"#), "deploy-web");
    let impact = r#"{"impact":{"items":["service:web"],"direction":"depends_on","hopsMax":1}}"#;
    assert_eq!(filter(impact), "deploy-web");
}

#[test]
fn a_place_reaches_with_the_arrow_as_far_as_its_hops() {
    let near = |hops: &str| {
        heard(&format!(
            r#"{{"items":["service:web"],"direction":"depends_on"{hops}}}"#
        ))
    };
    assert_snapshot!(near(""), @r"
    deploy-ledger (service:ledger, 2 from service:web)
    deploy-web (service:web, 0 from service:web)
    drop-orders (db:orders, 2 from service:web)
    ");
    assert_snapshot!(near(r#","hopsMax":1"#), @"deploy-web (service:web, 0 from service:web)");
}

#[test]
fn a_place_reaches_against_the_arrow_and_both_ways() {
    let used = r#"{"items":["service:ledger"],"direction":"used_by"}"#;
    assert_snapshot!(heard(used), @r"
    deploy-ledger (service:ledger, 0 from service:ledger)
    deploy-web (service:web, 2 from service:ledger)
    ");
    let both = r#"{"items":["service:ledger"],"direction":"both","hopsMax":2}"#;
    assert_snapshot!(heard(both), @r"
    deploy-ledger (service:ledger, 0 from service:ledger)
    deploy-web (service:web, 2 from service:ledger)
    drop-orders (db:orders, 2 from service:ledger)
    ");
}

#[test]
fn what_a_team_owns_and_what_lies_inside_are_places() {
    let team = r#"{"teams":["team-pay"],"direction":"depends_on","hopsMax":2}"#;
    assert_snapshot!(heard(team), @r"
    deploy-ledger (service:ledger, 1 from service:payments)
    drop-orders (db:orders, 1 from service:payments)
    ");
    let inside = r#"{"inside":["business:trade"],"direction":"used_by"}"#;
    assert_snapshot!(heard(inside), @"deploy-web (service:web, 1 from service:payments)");
    assert_eq!(heard(r#"{"items":["service:nobody"]}"#), "");
}

#[test]
fn incidents_are_heard_where_they_are_asked_for() {
    let team = r#"{"teams":["team-web"],"changes":false,"incidents":true}"#;
    assert_snapshot!(heard(team), @"inc-web (service:web, 0 from service:web)");
    let all = r#"{"filter":{"environments":["prod"]},"changes":false,"incidents":true}"#;
    assert_eq!(heard(all), "inc-web");
}

#[test]
fn moments_of_life_choose_statements() {
    assert_eq!(heard(r#"{"moments":["failed"]}"#), "deploy-index");
    assert_eq!(heard(r#"{"moments":["cancelled"]}"#), "");
}

#[test]
fn the_graph_is_judged_as_of_the_event() {
    let estate = "
        saw web -> api 09:00-09:50
        saw web -> cache 11:00-11:50
        end web -> cache 12:00
        end web -> api 12:00
        change before cache 08:00
        change early api 09:30
        change late cache 11:30
    ";
    let wanted = r#"{"items":["service:web"],"direction":"depends_on","hopsMax":1}"#;
    assert_snapshot!(heard_in(estate, wanted), @r"
    early (service:api, 1 from service:web)
    late (service:cache, 1 from service:web)
    ");
}

#[test]
fn texts_are_judged_last_and_by_somebody_else() {
    let wanted: SubscriptionMatch =
        serde_json::from_str(r#"{"filter":{"text":"pricing"}}"#).unwrap();
    let (envelopes, view) = folded(events(
        "change a web 10:00 title=new_pricing\nchange b web 11:00",
    ));
    let judge = |filter: &model::ChangeFilter, said: &model::Change| {
        let title = said.title.as_deref().unwrap_or_default();
        title.contains(filter.text.as_deref().unwrap())
    };
    let fit = envelopes.iter().filter(|envelope| {
        let telling = Telling::of(&view, envelope);
        telling.is_some_and(|mut telling| telling.fits(&wanted, &judge).is_some())
    });
    assert_eq!(fit.count(), 1);
}

fn said(clock: &str, name: &str, payload: &str) -> NewEvent {
    NewEvent {
        id: EventId {
            source: SourceName::new("ops"),
            delivery: clock.to_owned(),
        },
        occurred: Occurred::Stated(at(clock)),
        actor: Actor::default(),
        event: Event::decode_payload(name, payload.as_bytes()).unwrap(),
    }
}

#[test]
fn the_latest_word_on_a_subscription_counts_in_any_order_and_after_a_restart() {
    let declared = |clock: &str, id: &str, name: &str| {
        let payload = format!(
            r#"{{"id":"{id}","name":"{name}","endpoint":"https://a.example","seal":"s","match":{{}}}}"#
        );
        said(clock, "subscription.declared", &payload)
    };
    let withdrawn = |clock: &str, id: &str| {
        said(
            clock,
            "subscription.withdrawn",
            &format!(r#"{{"id":"{id}"}}"#),
        )
    };
    let disabled = |clock: &str, id: &str| {
        let payload = format!(r#"{{"id":"{id}","reason":"gone"}}"#);
        said(clock, "subscription.disabled", &payload)
    };
    let events = vec![
        declared("09:00", "a", "first"),
        declared("09:10", "a", "second"),
        withdrawn("09:20", "b"),
        declared("09:15", "b", "gone"),
        declared("09:30", "c", "stopped"),
        disabled("09:40", "c"),
        disabled("09:41", "d"),
        declared("09:50", "d", "goes on"),
    ];
    for seed in 0..20 {
        let (_, view) = folded(shuffled(events.clone(), seed));
        let mut estate = Estate::default();
        for envelope in envelopes_of(shuffled(events.clone(), seed)) {
            estate.apply(&envelope);
        }
        let again = Estate::restore(&estate.save()).unwrap().publish();
        let listed = again.subscriptions().map(|it| {
            let disabled = it.disabled.as_ref().map(|(said, _)| said.reason.as_str());
            format!(
                "{} {} {}",
                it.declared.id,
                it.declared.name,
                disabled.unwrap_or("-")
            )
        });
        let listed: Vec<String> = listed.collect();
        assert_eq!(
            listed,
            ["a second -", "c stopped gone", "d goes on -"],
            "seed {seed}"
        );
        assert_eq!(view.state_hash(), again.state_hash());
    }
}
