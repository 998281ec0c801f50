//! Which names are one item: what sources claim, what people decide, and what stays open.
use std::sync::Arc;

use graph::{Estate, GraphView, Projection, Resolution};
use insta::assert_snapshot;
use model::SourceKey;
use proptest::prelude::*;
use testkit::{at, envelopes_of, events, shuffled};

fn estate(text: &str) -> Arc<GraphView> {
    fold(events(text))
}

fn fold(events: Vec<model::NewEvent>) -> Arc<GraphView> {
    let mut estate = Estate::default();
    for envelope in envelopes_of(events) {
        estate.apply(&envelope);
    }
    estate.publish()
}

/// One item a line with its other names, then the open questions.
fn items(text: &str) -> String {
    let view = estate(text);
    let mut lines: Vec<String> = view
        .items()
        .map(|item| {
            let names = item
                .aliases()
                .into_iter()
                .filter(|alias| alias.valid.is_none());
            let names: Vec<String> = names
                .map(|alias| format!(" = {}={}", alias.scheme, alias.value))
                .collect();
            format!("{}{}", item.key(), names.concat())
        })
        .collect();
    lines.sort();
    let questions = view.anomalies();
    lines.extend(
        questions
            .iter()
            .map(|anomaly| format!("! {}", anomaly.sentence())),
    );
    lines.join("\n")
}

fn meaning(text: &str, key: &str, clock: &str) -> String {
    match estate(text).resolve(&SourceKey::text(key), None, at(clock)) {
        Resolution::Item(item) => item.key(),
        Resolution::Ambiguous(_) => "ambiguous".to_owned(),
        Resolution::Unknown => "unknown".to_owned(),
    }
}

/// Items and relations without positions and decisions.
fn content(text: &str) -> Vec<String> {
    estate(text).lines()
}

#[test]
fn a_weak_name_binds_unless_unique_names_keep_apart() {
    assert_snapshot!(items("
        item host:a hostname=web-1
        @cloud item vm:i-1 hostname=web-1
    "), @"host:a = hostname=web-1 = key=vm:i-1");
    assert_snapshot!(items("
        item host:a hostname=web-1 host.id=1
        @cloud item vm:i-2 hostname=web-1 host.id=2
    "), @r"
    host:a = host.id=1 = hostname=web-1
    vm:i-2 = host.id=2
    ! hostname=web-1 is said of host:a, vm:i-2, which are not one item; merge or split them
    ");
}

#[test]
fn a_unique_name_decides_before_a_weak_one() {
    assert_snapshot!(items("
        item host:a hostname=web-1 host.id=1
        @cloud item vm:i-1 hostname=web-2 host.id=1
        @agent item host:b hostname=web-2
    "), @"host:a = host.id=1 = hostname=web-1 = hostname=web-2 = key=host:b = key=vm:i-1");
}

#[test]
fn a_name_that_everybody_shares_identifies_nobody() {
    let text: String = (0..40)
        .map(|number| format!("item service:s{number} hostname=localhost\n"))
        .collect();
    let view = estate(&text);
    assert_eq!(view.items().count(), 41);
    let questions = view.anomalies();
    let [question] = questions.as_slice() else {
        panic!("one question, not {questions:?}");
    };
    assert_eq!(question.code(), "CONTESTED_NAME");
    assert!(
        question.sentence().contains("and 20 more"),
        "{}",
        question.sentence()
    );
}

#[test]
fn an_address_belongs_to_whoever_was_last_seen_with_it_and_still_is() {
    let text = "
        item pod:a at=09:00 ip=10.0.0.1
        item pod:a at=09:05 ip=10.0.0.1
        item pod:b at=09:10 ip=10.0.0.1
        item pod:c at=09:00 until=09:20 ip=10.0.0.9
    ";
    let named: Vec<String> = ["08:59", "09:04", "09:07", "09:30"]
        .map(|clock| meaning(text, "ip=10.0.0.1", clock))
        .into();
    assert_eq!(named, ["ip=10.0.0.1", "pod:a", "pod:a", "pod:b"]);
    assert_eq!(meaning(text, "ip=10.0.0.9", "09:19"), "pod:c");
    assert_eq!(meaning(text, "ip=10.0.0.9", "09:20"), "ip=10.0.0.9");
}

const TWO: &str = "
    item service:checkout owner=shop
    item workload:prod/shop/checkout-v2
    checkout -> payment
    workload:prod/shop/checkout-v2 -> ledger
";

#[test]
fn a_merge_makes_one_item_and_its_undoing_makes_two_again() {
    let merged = format!("{TWO}\nmerge m1 checkout,workload:prod/shop/checkout-v2 10:00");
    let view = estate(&merged);
    let item = view
        .resolve(&SourceKey::text("service:checkout"), None, at("10:00"))
        .item()
        .unwrap();
    let needs: Vec<String> = item
        .depends_on(at("10:00"))
        .iter()
        .map(|relation| relation.provider().key())
        .collect();
    assert_eq!(needs, ["service:ledger", "service:payment"]);
    assert_eq!(content(&format!("{merged}\nrevert m1 11:00")), content(TWO));
}

#[test]
fn a_split_after_a_merge_gives_the_graph_before() {
    let text = format!(
        "{TWO}
        merge m1 checkout,workload:prod/shop/checkout-v2 10:00
        split s1 workload:prod/shop/checkout-v2 from checkout 11:00"
    );
    assert_eq!(content(&text), content(TWO));
    // Decided again, the newer decision counts; taken back, the split does.
    let again = format!("{text}\nmerge m2 checkout,workload:prod/shop/checkout-v2 12:00");
    assert_eq!(estate(&again).items().count(), 3);
    assert_eq!(content(&format!("{again}\nrevert m2 13:00")), content(TWO));
}

#[test]
fn a_split_stands_against_what_sources_claim() {
    let text = "
        item host:a arn=1
        item host:b arn=1
        split s1 host:b from host:a 10:00
        @cmdb item host:b at=11:00 arn=1
    ";
    assert_snapshot!(items(text), @r"
    host:a = arn=1
    host:b
    ! arn=1 is said of host:a, host:b, which are not one item; merge or split them
    ");
    let reverted = format!("{text}\nrevert s1 12:00");
    assert_snapshot!(items(&reverted), @"host:a = arn=1 = key=host:b");
}

#[test]
fn a_split_keeps_a_key_with_unknown_parts_from_what_it_would_mean() {
    assert_snapshot!(items("
        checkout -> payment
        item service:prod/checkout
        split s1 checkout from service:prod/checkout 10:00
    "), @r"
    service:checkout
    service:payment
    service:prod/checkout
    ");
}

const FACTS: &str = "
    web -> api -> db
    item service:prod/api owner=shop alias=appid:retail.api
    item host:a hostname=web-1 host.id=1
    @cloud item vm:i-1 hostname=web-1 host.id=2
    @agent item host:b hostname=web-2 host.id=2 owner=infra
    item host:c hostname=web-2
    @cmdb item host:c at=10:00 ip=10.0.0.1 owner=platform
    item pod:a at=09:00 ip=10.0.0.1
    item pod:b at=09:30 ip=10.0.0.1
    merge m1 web,host:a 10:00
    split s1 host:b from vm:i-1 11:00
    split s2 web from host:a 09:00
    merge m2 api,service:prod/gateway 10:00
    revert m2 12:00
    item service:staging/api
    pod:a -runs_on-> host:a
";

proptest! {
    #![proptest_config(ProptestConfig::with_cases(testkit::cases(300)))]

    #[test]
    fn the_order_of_arrival_does_not_matter(seed in any::<u64>()) {
        let shuffled = fold(shuffled(events(FACTS), seed));
        let straight = estate(FACTS);
        prop_assert_eq!(shuffled.lines(), straight.lines());
        prop_assert_eq!(shuffled.anomalies(), straight.anomalies());
    }

    #[test]
    fn a_snapshot_and_the_rest_equal_the_whole(cut in 0..18_usize) {
        let log = envelopes_of(events(FACTS));
        let mut estate = Estate::default();
        for envelope in &log[..cut] {
            estate.apply(envelope);
        }
        let mut estate = Estate::restore(&estate.save()).unwrap();
        for envelope in &log[cut..] {
            estate.apply(envelope);
        }
        prop_assert_eq!(estate.publish().state_hash(), self::estate(FACTS).state_hash());
    }
}

#[test]
fn a_name_inside_something_binds_nothing_by_itself() {
    let text = "
        item process:a process.pid=1
        item process:b process.pid=1 process.executable.name=java
        item process:c process.executable.name=java";
    assert_snapshot!(items(text), @r"
    process:a
    process:b
    process:c
    ");
}

#[test]
fn objects_of_two_clusters_that_share_a_key_are_an_open_question() {
    let text = "
        @eu1 item deployment:prod/shop/web k8s=eu1/shop/deployment/web
        @eu2 item deployment:prod/shop/web k8s=eu2/shop/deployment/web
        @eu1 item service:prod/shop/web k8s=eu1/shop/service/web
        @eu2 item service:prod/shop/web k8s=eu2/shop/service/web";
    assert_snapshot!(items(text), @r"
    deployment:prod/shop/web = k8s=eu1/shop/deployment/web = k8s=eu2/shop/deployment/web
    service:prod/shop/web = k8s=eu1/shop/service/web = k8s=eu2/shop/service/web
    ! deployment:prod/shop/web is one item for the clusters eu1, eu2, which have one each; give the clusters environments of their own
    ");
}

/// What sources say and take back again, some of it by another source too.
const TAKEN_BACK: &str = "
    @a item service:prod/api at=09:00 arn=1 owner=shop hostname=api-1 criticality=high
    @b item service:prod/api at=09:05 arn=1
    @a item service:prod/web at=09:00 arn=2 alias=ip:10.0.0.1@09:00-
    @a item workload:prod/api at=09:00 arn=1 serial=s1
    @a item service:prod/api at=10:00 not-arn=1 not-owner=shop not-hostname=api-1
    @a item service:prod/web at=10:00 not-arn=2 not-ip=10.0.0.1
    @a item workload:prod/api at=10:30 not-arn=1
    @a item service:prod/web at=11:00 arn=2 owner=front
    item vm:x arn=2
    pod:a -runs_on-> service:prod/api
";

#[test]
fn a_name_that_is_taken_back_binds_no_longer() {
    let said = "
        @a item service:prod/api at=09:00 arn=1
        @a item workload:prod/api at=09:00 arn=1";
    assert_snapshot!(items(said), @"service:prod/api = arn=1 = key=workload:prod/api");
    let back = format!("{said}\n @a item workload:prod/api at=10:00 not-arn=1");
    assert_snapshot!(items(&back), @r"
    service:prod/api = arn=1
    workload:prod/api
    ");
    let again = format!("{back}\n @a item workload:prod/api at=11:00 arn=1");
    assert_snapshot!(items(&again), @"service:prod/api = arn=1 = key=workload:prod/api");
    // Another source's word stands until that source takes it back.
    let other = format!("{back}\n @b item workload:prod/api at=09:30 arn=1");
    assert_snapshot!(items(&other), @"service:prod/api = arn=1 = key=workload:prod/api");
}

#[test]
fn a_name_for_a_time_ends_when_it_is_taken_back() {
    let text = "
        @a item pod:a at=09:00 alias=ip:10.0.0.1@09:00-
        @a item pod:a at=10:00 not-ip=10.0.0.1";
    let at_time = |clock| meaning(text, "ip=10.0.0.1", clock);
    assert_eq!(
        ["08:59", "09:30", "10:00"].map(at_time),
        ["unknown", "pod:a", "unknown"].map(|meant| match meant {
            "unknown" => "ip=10.0.0.1".to_owned(),
            other => other.to_owned(),
        })
    );
}

#[test]
fn an_owner_that_is_taken_back_leaves_what_others_say() {
    let owner = |text: &str| {
        let view = estate(text);
        let item = view.resolve(&SourceKey::text("host:a"), None, at("12:00"));
        item.item().unwrap().owner().map(str::to_owned)
    };
    let said = "@a item host:a at=09:00 owner=shop";
    let back = format!("{said}\n @a item host:a at=10:00 not-owner=shop");
    assert_eq!(owner(&back), None);
    let other = format!("{back}\n @b item host:a at=08:00 owner=infra");
    assert_eq!(owner(&other), Some("infra".to_owned()));
    let again = format!("{back}\n @a item host:a at=11:00 owner=front");
    assert_eq!(owner(&again), Some("front".to_owned()));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(testkit::cases(300)))]

    #[test]
    fn what_is_taken_back_is_whatever_the_order_of_arrival(seed in any::<u64>()) {
        let shuffled = fold(shuffled(events(TAKEN_BACK), seed));
        let straight = estate(TAKEN_BACK);
        prop_assert_eq!(shuffled.lines(), straight.lines());
        prop_assert_eq!(shuffled.anomalies(), straight.anomalies());
    }

    #[test]
    fn a_snapshot_keeps_what_was_taken_back(cut in 0..10_usize) {
        let log = envelopes_of(events(TAKEN_BACK));
        let mut estate = Estate::default();
        for envelope in &log[..cut] {
            estate.apply(envelope);
        }
        let mut estate = Estate::restore(&estate.save()).unwrap();
        for envelope in &log[cut..] {
            estate.apply(envelope);
        }
        prop_assert_eq!(estate.publish().state_hash(), self::estate(TAKEN_BACK).state_hash());
    }
}

/// The estate as its owner keeps it: folded anew whenever a retraction comes too late.
fn settled(events: Vec<model::NewEvent>) -> Arc<GraphView> {
    let log = envelopes_of(events);
    let mut estate = Estate::default();
    loop {
        let reached = estate.position();
        for envelope in log.iter().filter(|envelope| reached < envelope.position) {
            estate.apply(envelope);
        }
        if !estate.is_outdated() {
            return estate.publish();
        }
        estate = Estate::knowing(estate.retractions().clone());
    }
}

const SCANNED: &str = "
    web -> api -> db
    item service:api owner=shop
    @scanner item host:a at=09:00 arn=1 owner=wrong
    @scanner item service:api at=09:00 owner=nobody arn=1
    @scanner web -> ghost
    @scanner change scan-1 api 09:30
    item host:a arn=2
";

/// The lines of facts, without those that tell of retractions.
fn facts(view: &GraphView) -> Vec<String> {
    let lines = view.lines().into_iter();
    lines
        .filter(|line| !line.starts_with("retracted "))
        .collect()
}

#[test]
fn a_retracted_source_has_said_nothing_and_a_restored_one_all_of_it() {
    let without: String = SCANNED
        .lines()
        .filter(|line| !line.contains("@scanner"))
        .map(|line| format!("{line}\n"))
        .collect();
    let retracted = format!("{SCANNED}\nretract scanner 10:00");
    assert_eq!(
        facts(&settled(events(&retracted))),
        estate(&without).lines()
    );
    let restored = format!("{retracted}\nrestore scanner 11:00");
    assert_eq!(settled(events(&restored)).lines(), estate(SCANNED).lines());
    // What it says of the time after counts.
    let mended = format!("{retracted}\n@scanner item host:a at=10:30 owner=infra");
    let view = settled(events(&mended));
    let host = view
        .resolve(&SourceKey::text("host:a"), None, at("11:00"))
        .item()
        .unwrap();
    assert_eq!(host.owner(), Some("infra"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(testkit::cases(200)))]

    #[test]
    fn a_retraction_counts_whenever_it_comes(seed in any::<u64>()) {
        let text = format!("{SCANNED}
            retract scanner 10:00
            @cmdb item host:b at=09:00 owner=x
            retract cmdb 08:00
            retract cmdb 12:00
            restore cmdb 11:00
            @scanner item host:c at=10:30");
        let shuffled = settled(shuffled(events(&text), seed));
        prop_assert_eq!(shuffled.lines(), settled(events(&text)).lines());
    }
}
