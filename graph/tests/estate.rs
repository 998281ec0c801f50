//! What the estate makes of what sources say: items, relations, changes, whatever the order of arrival.
use std::sync::Arc;

use graph::{Estate, GraphView, Projection, Resolution};
use insta::assert_snapshot;
use model::{NewEvent, SourceKey};
use proptest::prelude::*;
use testkit::{at, envelopes_of, events, shuffled};

fn fold(events: Vec<NewEvent>) -> Arc<GraphView> {
    let mut estate = Estate::default();
    for envelope in envelopes_of(events) {
        estate.apply(&envelope);
    }
    estate.publish()
}

fn estate(text: &str) -> Arc<GraphView> {
    fold(events(text))
}

/// Every item's key with its other names and what it could be, then every open question.
fn items(text: &str) -> String {
    let view = estate(text);
    let mut lines: Vec<String> = view
        .items()
        .map(|item| {
            let mut line = item.key();
            for alias in item.aliases() {
                line.push_str(&format!(
                    " = {}",
                    if alias.scheme == "key" {
                        alias.value
                    } else {
                        format!("{}={}", alias.scheme, alias.value)
                    }
                ));
            }
            line
        })
        .collect();
    lines.sort();
    lines.extend(
        view.anomalies()
            .iter()
            .map(|anomaly| format!("! {}", anomaly.sentence())),
    );
    lines.join("\n")
}

/// What a key means, seen from an environment at a moment.
fn meaning(text: &str, key: &str, environment: Option<&str>, clock: &str) -> String {
    let view = estate(text);
    match view.resolve(&SourceKey::text(key), environment, at(clock)) {
        Resolution::Item(item) => item.key(),
        Resolution::Ambiguous(items) => {
            let mut keys: Vec<String> = items.iter().map(graph::Item::key).collect();
            keys.sort();
            format!("one of {}", keys.join(", "))
        }
        Resolution::Unknown => "unknown".to_owned(),
    }
}

/// The relations that hold at a moment.
fn relations(text: &str, clock: &str) -> String {
    let view = estate(text);
    let all = view.items().flat_map(|item| item.depends_on(at(clock)));
    let mut lines: Vec<String> = all.map(|relation| format!("{relation:?}")).collect();
    lines.sort();
    lines.join("\n")
}

#[test]
fn spans_without_environment_and_a_deploy_and_an_alert_with_one_are_one_item() {
    assert_snapshot!(items("
        checkout -> payment
        change deploy-1 checkout 10:00 env=prod
        incident inc-1 service:prod/checkout 10:30
    "), @r"
    service:payment
    service:prod/checkout = service:checkout
    ");
}

#[test]
fn a_key_that_could_mean_several_items_means_none_and_asks() {
    assert_snapshot!(items("
        item service:prod/checkout
        item service:staging/checkout
        checkout -> payment
    "), @r"
    service:checkout
    service:payment
    service:prod/checkout
    service:staging/checkout
    ! service:checkout could be any of service:prod/checkout, service:staging/checkout; name its environment or namespace
    ");
}

#[test]
fn a_change_s_own_environment_decides_first() {
    let text = "
        item service:prod/checkout
        item service:staging/checkout
        change deploy-1 checkout 10:00 env=staging
    ";
    let view = estate(text);
    let change = view.changes().next().unwrap();
    assert_snapshot!(change.targets()[0].item.key(), @"service:staging/checkout");
    assert_snapshot!(meaning(text, "service:checkout", Some("prod"), "10:00"), @"service:prod/checkout");
}

#[test]
fn an_environment_that_nobody_has_seen_is_not_another_one() {
    let text = "
        item service:prod/checkout
        checkout -> payment
        change deploy-1 checkout 10:00 env=staging
        incident inc-1 checkout 10:30 env=staging
        change deploy-2 checkout 10:00 env=prod
    ";
    assert_snapshot!(items(text), @r"
    service:payment
    service:prod/checkout = service:checkout
    service:staging/checkout
    ! service:staging/checkout is known only from what names its environment; seen were service:prod/checkout
    ");
    let view = estate(text);
    let touched = |key: &str| {
        let item = view.resolve(&SourceKey::text(key), None, at("10:00"));
        let changes = item.item().expect("it is known").changes();
        let ids = changes.iter().map(|change| change.source_id().to_owned());
        ids.collect::<Vec<_>>()
    };
    assert_eq!(touched("service:staging/checkout"), ["deploy-1"]);
    assert_eq!(touched("service:prod/checkout"), ["deploy-2"]);
    assert_eq!(
        view.incidents()[0].items()[0].key(),
        "service:staging/checkout"
    );
    assert_eq!(
        meaning(text, "service:checkout", Some("dev"), "10:00"),
        "unknown"
    );
    assert_eq!(
        meaning(text, "service:dev/checkout", None, "10:00"),
        "unknown"
    );
}

#[test]
fn an_item_has_the_changes_that_name_its_environment_beside_the_key() {
    let text = "
        item service:prod/checkout
        item service:staging/checkout
        change deploy-1 checkout 10:00 env=staging
    ";
    let view = estate(text);
    let changes_of = |key: &str| {
        let item = view.resolve(&SourceKey::text(key), None, at("10:00"));
        item.item().expect("it is known").changes().len()
    };
    assert_eq!(changes_of("service:staging/checkout"), 1);
    assert_eq!(changes_of("service:prod/checkout"), 0);
}

#[test]
fn deploys_of_two_environments_do_not_split_what_is_known_in_none() {
    assert_snapshot!(items("
        checkout -> payment
        change deploy-1 checkout 10:00 env=prod
        change deploy-2 checkout 11:00 env=staging
    "), @r"
    service:checkout
    service:payment
    ");
}

#[test]
fn claims_and_aliases_make_one_item_of_many_names() {
    assert_snapshot!(items("
        item database:prod/orders arn=arn:aws:rds:eu:1:db:orders-7 alias=hostname:db-7.internal
        item host:db-7 hostname=db-7.internal
        change tune-1 arn=arn:aws:rds:eu:1:db:orders-7 10:00
    "), @"database:prod/orders = arn=arn:aws:rds:eu:1:db:orders-7 = hostname=db-7.internal = host:db-7");
}

#[test]
fn an_address_names_an_item_only_for_a_time() {
    let text = "
        item pod:a alias=ip:10.0.0.1@09:00-09:10
        item pod:b alias=ip:10.0.0.1@09:10-09:20
    ";
    let named: Vec<String> = ["09:05", "09:10", "09:30"]
        .map(|clock| meaning(text, "ip=10.0.0.1", None, clock))
        .into();
    assert_eq!(named, ["pod:a", "pod:b", "ip=10.0.0.1"]);
}

#[test]
fn a_key_means_what_agrees_with_its_known_parts() {
    let text = "
        item service:prod/shop/checkout
        item service:staging/shop/checkout
        item repo:org%2Fname
    ";
    assert_eq!(
        meaning(text, "service:prod/checkout", None, "10:00"),
        "service:prod/shop/checkout"
    );
    assert_eq!(
        meaning(text, "service:checkout", None, "10:00"),
        "one of service:prod/shop/checkout, service:staging/shop/checkout"
    );
    assert_eq!(
        meaning(text, "repo:org/name", None, "10:00"),
        "repo:org%2Fname"
    );
    assert_eq!(meaning(text, "service:cart", None, "10:00"), "unknown");
}

#[test]
fn a_relation_holds_from_its_first_word_to_its_end() {
    let text = "web -> api\nend web -> api 11:00";
    assert_eq!(relations(text, "10:59"), "service:web calls service:api");
    assert_eq!(relations(text, "11:00"), "");
}

#[test]
fn an_id_stays_when_names_are_joined_later() {
    let before = estate("checkout -> payment");
    let id = before
        .resolve(&SourceKey::text("service:checkout"), None, at("10:00"))
        .item()
        .unwrap()
        .id();
    let after =
        estate("checkout -> payment\nitem service:prod/checkout alias=appid:retail.checkout");
    assert_eq!(after.item(id).unwrap().key(), "service:prod/checkout");
}

#[test]
fn statements_about_a_change_are_merged_by_the_time_they_speak_of() {
    let text = "
        change deploy-1 api 10:00 status=running title=release_7
        change deploy-1 api 10:20 status=rolled_back
        change deploy-1 api 10:10 status=succeeded until=10:10
    ";
    let mut events = events(text);
    for (event, clock) in events.iter_mut().zip(["10:00", "10:20", "10:10"]) {
        event.occurred = model::Occurred::Stated(at(clock));
    }
    let view = fold(events);
    let change = view.changes().next().unwrap();
    assert_eq!(view.changes_count(), 1);
    assert_eq!(change.title(), "release 7");
    assert_eq!(change.status(), model::ChangeStatus::RolledBack);
    assert_eq!(change.finished_at(), Some(at("10:10")));
}

const FACTS: &str = "
    web -> api -> db
    item service:prod/api owner=shop alias=appid:retail.api uid=1
    item service:api uid=1
    item host:node-1 hostname=node-1.internal
    api -runs_on-> host:node-1
    api -runs_on-> hostname=node-1.internal
    worker -consumes_from-> queue:orders
    api -publishes_to-> queue:orders
    item service:staging/worker
    item service:prod/worker
    item pod:a from=09:00 until=09:10 alias=ip:10.0.0.1@09:00-09:10
    item pod:a from=09:00 until=09:20
    end web -> api 11:00
    web -> api
    change deploy-1 api 10:00 status=running env=prod
    change deploy-1 api,worker 10:05 status=succeeded env=staging
    change tune-1 hostname=node-1.internal 10:30
    incident inc-1 web,checkout 10:40 env=prod
    item service:prod/cart
    change deploy-2 cart 10:50 env=staging
    change deploy-2 cart 10:51 env=dev
    incident inc-2 cart 10:55 env=dev
";

proptest! {
    #![proptest_config(ProptestConfig::with_cases(testkit::cases(200)))]

    #[test]
    fn the_order_of_arrival_does_not_matter(seed in any::<u64>(), twice in 0..18_usize) {
        let mut facts = events(FACTS);
        let again = facts[twice % facts.len()].clone();
        facts.push(again);
        prop_assert_eq!(fold(shuffled(facts, seed)).lines(), estate(FACTS).lines());
    }

    #[test]
    fn a_snapshot_and_the_rest_equal_the_whole(cut in 0..19_usize) {
        let log = envelopes_of(events(FACTS));
        let mut estate = Estate::default();
        let cut = cut.min(log.len());
        for envelope in &log[..cut] {
            estate.apply(envelope);
        }
        let mut estate = Estate::restore(&estate.save()).unwrap();
        for envelope in &log[cut..] {
            estate.apply(envelope);
        }
        let whole = self::estate(FACTS);
        prop_assert_eq!(estate.publish().state_hash(), whole.state_hash());
        prop_assert_eq!(estate.publish().lines(), whole.lines());
    }

    #[test]
    fn a_published_view_never_changes(cut in 1..18_usize) {
        let log = envelopes_of(events(FACTS));
        let mut estate = Estate::default();
        for envelope in &log[..cut] {
            estate.apply(envelope);
        }
        let seen = estate.publish();
        let before = seen.lines();
        for envelope in &log[cut..] {
            estate.apply(envelope);
        }
        prop_assert_eq!(seen.lines(), before);
    }
}
