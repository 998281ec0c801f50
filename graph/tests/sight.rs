//! What is seen by who may see a part of the estate only.

use std::sync::Arc;

use graph::{
    ChangeConditions, ChangeNumber, ChangeSelection, ChangeSet, Estate, Eyes, GraphView, Projection,
};
use model::Sight;
use testkit::{at, envelopes};

const ESTATE: &str = "
    item service:prod/web owner=shop criticality=P0
    item service:test/web owner=shop criticality=P2
    item service:prod/pay owner=pay criticality=critical
    item host:h1
    item module:cart owner=shop
    pod:prod/cart-1 -part_of-> module:cart -part_of-> business:store
    service:prod/web -part_of-> business:store
    host:h2 -part_of-> environment:prod
    change c-web service:prod/web 09:00
    change c-pay service:prod/pay 09:10
    change c-both service:prod/web,service:prod/pay 09:20
    incident i-pay service:prod/pay 09:30
    incident i-both service:prod/web,service:prod/pay 09:40
";

fn estate() -> Arc<GraphView> {
    let mut estate = Estate::default();
    for envelope in envelopes(ESTATE) {
        estate.apply(&envelope);
    }
    estate.publish()
}

fn words(text: &str) -> Vec<String> {
    text.split_whitespace().map(str::to_owned).collect()
}

/// A sight as `teams=a,b kinds=c`.
fn sight(text: &str) -> Sight {
    let mut sight = Sight::default();
    for limit in text.split_whitespace() {
        let (name, list) = limit.split_once('=').expect("a limit");
        let list = words(&list.replace(',', " "));
        match name {
            "teams" => sight.teams = list,
            "environments" => sight.environments = list,
            "businesses" => sight.businesses = list,
            "kinds" => sight.kinds = list,
            "levels" => sight.levels = list,
            _ => panic!("no limit is called {name}"),
        }
    }
    sight
}

/// The items that are seen with sights, several with `or` between.
fn seen(text: &str) -> String {
    let view = estate();
    let sights: Vec<Sight> = text.split(" or ").map(sight).collect();
    let eyes = Eyes::new(&view, &sights, at("10:00"));
    let items = view.items().filter(|item| eyes.see(*item));
    let mut keys: Vec<String> = items.map(|item| item.key()).collect();
    keys.sort();
    keys.join(" ")
}

#[test]
fn one_entry_of_every_list_has_to_fit_and_what_is_not_known_fits_nothing() {
    assert_eq!(
        seen("teams=shop"),
        "module:cart pod:prod/cart-1 service:prod/web service:test/web"
    );
    assert_eq!(seen("teams=shop environments=test"), "service:test/web");
    assert_eq!(seen("kinds=host,module"), "host:h1 host:h2 module:cart");
    assert_eq!(
        seen("levels=p0"),
        "service:prod/pay service:prod/web",
        "words for one level are one"
    );
    assert_eq!(
        seen("businesses=business:store"),
        "business:store module:cart pod:prod/cart-1 service:prod/web"
    );
    assert_eq!(seen("businesses=business:unknown"), "");
    assert_eq!(
        seen("environments=prod"),
        "host:h2 pod:prod/cart-1 service:prod/pay service:prod/web"
    );
    assert_eq!(
        seen("environments=test or kinds=host"),
        "host:h1 host:h2 service:test/web"
    );
}

#[test]
fn a_change_is_seen_by_one_thing_that_it_touches_and_whole_by_all_of_them() {
    let view = estate();
    let eyes = Eyes::new(&view, &[sight("teams=shop")], at("10:00"));
    let named = |set: &ChangeSet| {
        let each = view.changes().filter(|row| set.contains(row.number()));
        let mut ids: Vec<&str> = each.map(|row| row.source_id()).collect();
        ids.sort_unstable();
        ids.join(" ")
    };
    let every = ChangeSelection::new(&view, ChangeConditions::default());
    let changes = eyes.changes(&view, &every);
    assert_eq!(named(&changes.seen), "c-both c-web");
    assert_eq!(named(&changes.whole), "c-web");
    for row in view.changes() {
        let number: ChangeNumber = row.number();
        assert_eq!(eyes.see_change(&row), changes.seen.contains(number));
    }
    let incidents = view.incidents();
    let seen = incidents.iter().filter(|row| eyes.see_incident(row));
    let ids: Vec<&str> = seen.map(graph::IncidentRow::source_id).collect();
    assert_eq!(ids, ["i-both"]);
}
