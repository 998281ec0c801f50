//! Which items a filter means, in which order they stand, and how many there are of each sort.
use std::sync::Arc;

use graph::{
    AttributeTable, Estate, GraphView, GroupBy, ItemCriteria, ItemOrder, OrderBy, Projection,
    grouped,
};
use insta::assert_snapshot;
use model::ItemFilter;
use testkit::{at, envelopes};

fn estate(text: &str) -> Arc<GraphView> {
    let mut estate = Estate::default();
    for envelope in envelopes(text) {
        estate.apply(&envelope);
    }
    estate.publish()
}

/// The keys a filter means at 10:00, written as JSON without the outer braces.
fn chosen(text: &str, filter: &str) -> String {
    let view = estate(text);
    let filter: ItemFilter = serde_json::from_str(&format!("{{{filter}}}")).expect("a filter");
    let criteria = ItemCriteria::new(&view, vec![filter], AttributeTable::default(), at("10:00"));
    let passing = view.items().filter(|item| criteria.passes(item));
    let mut keys: Vec<String> = passing.map(|item| item.key()).collect();
    keys.sort();
    keys.join(" ")
}

/// The names in an order, first to last.
fn ordered(text: &str, by: OrderBy, descending: bool) -> String {
    let view = estate(text);
    let order = ItemOrder { by, descending };
    let mut items: Vec<_> = view
        .items()
        .map(|item| (order.place(&item), item.name()))
        .collect();
    items.sort();
    let names: Vec<&str> = items.into_iter().map(|(_, name)| name).collect();
    names.join(" ")
}

/// How many items there are of each sort.
fn counted(text: &str, by: GroupBy) -> String {
    let view = estate(text);
    let counted = grouped(view.items(), by, at("10:00"), 2);
    let groups: Vec<String> = counted
        .groups
        .iter()
        .map(|group| format!("{} {}", group.value.as_deref().unwrap_or("-"), group.count))
        .collect();
    format!(
        "{} of {} groups, {} items",
        groups.join(", "),
        counted.total,
        counted.items
    )
}

const NAMED: &str = "
    item service:prod/shop/checkout owner=payments name=Checkout_gateway
    item service:staging/shop/checkout alias=hostname:pay-1
    item database:prod/orders criticality=critical name=订单_数据库
    item host:ＷＥＢ-1 criticality=P1 hostname=10.0.0.7
    item service:gone until=09:00
";

#[test]
fn text_is_found_in_every_name_and_the_owner_without_case_and_width() {
    assert_eq!(
        chosen(NAMED, r#""text": "GATEWAY""#),
        "service:prod/shop/checkout"
    );
    assert_eq!(
        chosen(NAMED, r#""text": "payments""#),
        "service:prod/shop/checkout"
    );
    assert_eq!(
        chosen(NAMED, r#""text": "pay-1""#),
        "service:staging/shop/checkout"
    );
    assert_eq!(chosen(NAMED, r#""text": "web-1""#), "host:ＷＥＢ-1");
    assert_eq!(chosen(NAMED, r#""text": "10.0.0""#), "host:ＷＥＢ-1");
    assert_eq!(
        chosen(NAMED, r#""text": "shop/check""#),
        "service:prod/shop/checkout service:staging/shop/checkout"
    );
    assert_eq!(chosen(NAMED, r#""text": "数据""#), "database:prod/orders");
}

#[test]
fn every_word_of_a_text_is_found_but_not_in_one_place() {
    assert_eq!(
        chosen(NAMED, r#""text": "checkout payments""#),
        "service:prod/shop/checkout"
    );
    assert_eq!(chosen(NAMED, r#""text": "checkout orders""#), "");
}

#[test]
fn a_filter_holds_in_all_its_parts() {
    assert_eq!(
        chosen(NAMED, r#""kinds": ["host", "database"]"#),
        "database:prod/orders host:ＷＥＢ-1"
    );
    assert_eq!(
        chosen(NAMED, r#""kinds": ["service"], "owners": ["payments"]"#),
        "service:prod/shop/checkout"
    );
    assert_eq!(
        chosen(NAMED, r#""criticality": ["P0"]"#),
        "database:prod/orders"
    );
    assert_eq!(chosen(NAMED, r#""criticality": ["high"]"#), "host:ＷＥＢ-1");
    assert_eq!(
        chosen(NAMED, r#""namespace": "shop", "environment": "staging""#),
        "service:staging/shop/checkout"
    );
    assert_eq!(chosen(NAMED, r#""freshness": ["closed"]"#), "service:gone");
    assert_eq!(chosen(NAMED, r#""text": "gone""#), "");
    assert_eq!(
        chosen(NAMED, r#""text": "gone", "includeEnded": true"#),
        "service:gone"
    );
}

const ENVIRONMENTS: &str = "
    environment:prod/eu -part_of-> environment:prod
    environment:blue -part_of-> environment:prod/eu
    item service:prod/web
    item service:prod%2Feu/api
    item service:blue/pay
    item service:production/other
    module:cart -part_of-> cluster:c1 -part_of-> environment:prod/eu
    item module:staging/stray
    module:staging/stray -part_of-> cluster:c1
";

#[test]
fn an_environment_holds_what_lies_in_those_inside_it() {
    assert_eq!(
        chosen(ENVIRONMENTS, r#""environment": "prod""#),
        "cluster:c1 environment:blue environment:prod/eu module:cart service:blue/pay service:prod%2Feu/api service:prod/web"
    );
    assert_eq!(
        chosen(
            ENVIRONMENTS,
            r#""environment": "prod/eu", "kinds": ["service"]"#
        ),
        "service:blue/pay service:prod%2Feu/api"
    );
    assert_eq!(
        chosen(ENVIRONMENTS, r#""environment": "staging""#),
        "module:staging/stray"
    );
}

#[test]
fn a_team_owns_what_its_containers_contain() {
    let text = "
        module:cart -part_of-> business:shop
        item business:shop owner=shop
        item module:pay owner=payments
        module:pay -part_of-> business:shop
    ";
    assert_eq!(
        chosen(text, r#""ownedBy": ["shop"]"#),
        "business:shop module:cart"
    );
    assert_eq!(chosen(text, r#""owners": ["shop"]"#), "business:shop");
    assert_eq!(
        counted(text, GroupBy::Owner),
        "shop 2, payments 1 of 2 groups, 3 items"
    );
}

#[test]
fn items_stand_in_the_order_asked_for() {
    let text = "
        item service:b at=09:00 criticality=low
        item host:ab at=08:00 criticality=critical
        item service:a at=10:00
    ";
    assert_eq!(ordered(text, OrderBy::Key, false), "ab a b");
    assert_eq!(ordered(text, OrderBy::Key, true), "b a ab");
    assert_eq!(ordered(text, OrderBy::Name, false), "a ab b");
    assert_eq!(ordered(text, OrderBy::Name, true), "b ab a");
    assert_eq!(ordered(text, OrderBy::LastSeen, true), "a b ab");
    assert_eq!(ordered(text, OrderBy::FirstSeen, false), "ab b a");
    assert_eq!(ordered(text, OrderBy::Criticality, false), "ab b a");
    assert_eq!(ordered(text, OrderBy::Criticality, true), "b ab a");
}

#[test]
fn groups_are_counted_whole_and_listed_in_part() {
    assert_snapshot!(counted(NAMED, GroupBy::Kind), @"service 3, database 1 of 3 groups, 5 items");
    assert_snapshot!(counted(NAMED, GroupBy::Criticality), @"- 3, P0 1 of 3 groups, 5 items");
    assert_snapshot!(counted(NAMED, GroupBy::Freshness), @"CONFIRMED 4, CLOSED 1 of 2 groups, 5 items");
    assert_snapshot!(counted(NAMED, GroupBy::Environment), @"- 2, prod 2 of 3 groups, 5 items");
}
