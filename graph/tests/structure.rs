//! How the estate is built: what contains what, who answers, what is amiss.
use std::sync::Arc;

use graph::{
    ClimbLimits, CycleLimits, DriftFilter, DriftKind, Estate, GraphView, InversionLimits,
    NeighbourLimits, Projection, QualityLimits, RetirementLimits, SharedBy, SharedLimits, Towards,
    contained_in, contents, data_quality, dependency_cycles, drift, neighbours, placement,
    priority_inversions, responsible, retirement_check, shared_infrastructure,
};
use insta::assert_snapshot;
use model::SourceKey;
use testkit::{at, envelopes};

fn estate(text: &str) -> Arc<GraphView> {
    let mut estate = Estate::default();
    for envelope in envelopes(text) {
        estate.apply(&envelope);
    }
    estate.publish()
}

/// What contains an item, or what it contains, as `hops key`.
fn reached(text: &str, key: &str, which: &str) -> String {
    let view = estate(text);
    let item = view
        .item(model::CiId::of(&graph::claim_of(&SourceKey::text(key))))
        .expect("a known item");
    let limits = ClimbLimits {
        depth_max: 4,
        items_max: 5,
    };
    let climb = match which {
        "up" => contained_in(item, at("10:00"), limits),
        "down" => contents(item, at("10:00"), limits),
        _ => placement(item, at("10:00"), limits),
    };
    let steps = climb
        .reached
        .iter()
        .map(|one| format!("{} {}", one.hops, one.item.key()));
    let steps: Vec<String> = steps.collect();
    let more = if climb.truncated { ", more" } else { "" };
    format!("{}{more}", steps.join(", "))
}

#[test]
fn containment_goes_up_and_down_whichever_way_a_source_says_it() {
    let text = "
        module:cart -part_of-> cluster:c1
        environment:prod -includes-> cluster:c1
        environment:prod -part_of-> business:shop
        pod:cart-1 -part_of-> module:cart
        pod:cart-1 -runs_on-> node:n1 -runs_on-> zone:z1 -located_in-> region:r1
        business:shop -part_of-> module:cart   # a mistake that makes a circle
    ";
    assert_eq!(
        reached(text, "pod:cart-1", "up"),
        "1 module:cart, 2 cluster:c1, 3 environment:prod, 4 business:shop"
    );
    assert_eq!(
        reached(text, "environment:prod", "down"),
        "1 cluster:c1, 2 module:cart, 3 business:shop, 3 pod:cart-1"
    );
    assert_eq!(
        reached(text, "pod:cart-1", "place"),
        "1 node:n1, 2 zone:z1, 3 region:r1"
    );
    let wide = "
        a -part_of-> big
        b -part_of-> big
        c -part_of-> big
        d -part_of-> big
        e -part_of-> big
        f -part_of-> big
    ";
    assert!(reached(wide, "service:big", "down").ends_with(", more"));
}

#[test]
fn the_nearest_container_with_an_owner_answers() {
    let text = "
        pod:p -part_of-> module:m -part_of-> business:b
        pod:p -part_of-> cluster:c
        item business:b owner=far
        item module:m owner=near
        item cluster:c owner=other
    ";
    let view = estate(text);
    let told = |key: &str| {
        let item = view
            .item(model::CiId::of(&graph::claim_of(&SourceKey::text(key))))
            .expect("a known item");
        let found = responsible(item, at("10:00"));
        format!(
            "{:?} from {:?} after {}, or {:?}",
            found.owner, found.inherited_from, found.hops, found.others
        )
    };
    assert_eq!(
        told("pod:p"),
        r#"Some("other") from Some(cluster:c) after 1, or ["near"]"#
    );
    assert_eq!(told("module:m"), r#"Some("near") from None after 0, or []"#);
}

/// Inversions as sentences.
fn inversions(text: &str) -> String {
    let view = estate(text);
    let limits = InversionLimits {
        listed_max: 10,
        visited_max: 100,
        found_max: 100,
    };
    let found = priority_inversions(&view, at("10:00"), limits);
    assert!(!found.truncated);
    let reasons: Vec<&str> = found
        .inversions
        .iter()
        .map(|one| one.reason.as_str())
        .collect();
    reasons.join("\n")
}

#[test]
fn an_important_item_that_needs_a_lesser_one_is_told_with_its_way() {
    let text = "
        item pay criticality=critical
        item cart criticality=P1
        item log criticality=low
        item mail criticality=P2
        pay -> cart -> log
        pay -calls?-> mail
        pay -calls!-> gate -calls!-> mail
        cart -> queue -calls!-> mail      # the first step is not stated as strong
        cart -part_of-> log
    ";
    assert_snapshot!(inversions(text), @r"
    service:pay is P0 and calls service:gate, which calls service:mail, which is only P2
    service:pay is P0 and calls service:cart, which is only P1
    service:cart is P1 and calls service:log, which is only P2
    ");
}

/// Circles as their size and their shortest way round.
fn cycles(text: &str) -> String {
    let view = estate(text);
    let limits = CycleLimits {
        listed_max: 2,
        items_max: 10,
        starts_max: 10,
        visited_max: 100,
    };
    let found = dependency_cycles(&view, at("10:00"), limits);
    let told = found.cycles.iter().map(|cycle| {
        let way: Vec<String> = cycle.shortest.iter().map(|it| format!("{it:?}")).collect();
        format!("{} items: {}", cycle.size, way.join(", "))
    });
    let mut told: Vec<String> = told.collect();
    told.push(format!(
        "{} circles{}",
        found.total,
        if found.truncated { ", cut" } else { "" }
    ));
    told.join("\n")
}

#[test]
fn circles_are_found_with_their_shortest_way() {
    assert_snapshot!(cycles("
        a -> b -> c -> a
        c -> d -> c
        x -queries-> y -> x
        p -> q
        m -> n -part_of-> m
        s -> s
    "), @r"
    4 items: service:c calls service:d, service:d calls service:c
    2 items: service:x queries service:y, service:y calls service:x
    2 circles
    ");
    assert_snapshot!(cycles("
        a -> b -> a
        c -> d -> c
        e -> f -> e
    "), @r"
    2 items: service:a calls service:b, service:b calls service:a
    2 items: service:c calls service:d, service:d calls service:c
    3 circles, cut
    ");
    assert_eq!(cycles("a -> b -> c\na -> c"), "0 circles");
}

#[test]
fn a_long_circle_does_not_exhaust_the_stack() {
    let mut text = String::new();
    for number in 0..20_000 {
        text.push_str(&format!("s{number} -> s{}\n", (number + 1) % 20_000));
    }
    let view = estate(&text);
    let limits = CycleLimits {
        listed_max: 1,
        items_max: 1,
        starts_max: 1,
        visited_max: 1_000_000,
    };
    let found = dependency_cycles(&view, at("10:00"), limits);
    assert_eq!(
        found
            .cycles
            .first()
            .map(|cycle| (cycle.size, cycle.shortest.len())),
        Some((20_000, 20_000))
    );
}

#[test]
fn what_several_zones_and_teams_use_is_told_with_who() {
    let view = estate(
        "
        item service:prod/a owner=x
        item service:prod/b owner=y
        item service:test/c owner=x
        service:prod/a -runs_on-> host:h1 -located_in-> zone:z1
        service:prod/b -runs_on-> host:h2 -located_in-> zone:z2
        service:prod/a -queries-> database:one
        service:prod/b -queries-> database:one
        service:prod/a -queries-> database:two
        service:test/c -queries-> database:two
        service:prod/a -queries-> database:own
    ",
    );
    let limits = SharedLimits {
        listed_max: 10,
        visited_max: 100,
        examples_max: 1,
    };
    let told = |by: &[SharedBy]| {
        let found = shared_infrastructure(&view, at("10:00"), by, limits);
        let each = found.providers.iter().map(|one| {
            format!(
                "{} by {}: {:?} {:?} {:?}",
                one.item.key(),
                one.dependents,
                one.zones,
                one.environments,
                one.teams
            )
        });
        let each: Vec<String> = each.collect();
        each.join("\n")
    };
    assert_eq!(
        told(&[SharedBy::Zone]),
        r#"database:one by 2: [("z1", 1), ("z2", 1)] [("prod", 2)] [("x", 1), ("y", 1)]"#
    );
    assert_eq!(
        told(&[SharedBy::Environment]),
        r#"database:two by 2: [("z1", 1)] [("prod", 1), ("test", 1)] [("x", 2)]"#
    );
    assert!(told(&[SharedBy::Team]).starts_with("database:one"));
}

/// The verdict on retiring an item at 10:00, with its reasons.
fn retirement(text: &str, key: &str) -> String {
    let view = estate(text);
    let item = view
        .item(model::CiId::of(&graph::claim_of(&SourceKey::text(key))))
        .expect("a known item");
    let check = retirement_check(item, at("10:00"), RetirementLimits { listed_max: 2 });
    let reasons: Vec<&str> = check.reasons.iter().map(|reason| reason.code).collect();
    format!("{:?}: {}", check.verdict, reasons.join(" "))
}

#[test]
fn retirement_is_judged_by_what_is_known() {
    let text = "
        web -> old
        item idle
        item box
        part -part_of-> box
        saw late -> faded 01:00-01:10
        saw gone -> dead 00:00-00:10
        end other -> left 05:00
        other -> left
        item busy
        change c1 busy 11:00 status=planned
        change c2 busy 09:00 status=succeeded until=09:10
        saw alive -> nothing 09:00-09:58
    ";
    assert_eq!(retirement(text, "service:old"), "Needed: STILL_USED");
    assert_eq!(retirement(text, "service:idle"), "Free: NOT_USED");
    assert_eq!(
        retirement(text, "service:box"),
        "Needed: CONTAINS_ITEMS NOT_USED"
    );
    assert_eq!(
        retirement(text, "service:faded"),
        "Unclear: USE_UNCONFIRMED STILL_SEEN"
    );
    assert_eq!(retirement(text, "service:left"), "Free: NOT_USED");
    assert_eq!(
        retirement(text, "service:busy"),
        "Needed: CHANGES_AHEAD NOT_USED"
    );
    assert_eq!(
        retirement(text, "service:alive"),
        "Unclear: STILL_SEEN NOT_USED"
    );
}

/// Drift at 10:00 as sentences.
fn drifts(text: &str, filter: &DriftFilter) -> String {
    let view = estate(text);
    let found = drift(&view, at("10:00"), filter, 1_000);
    let reasons: Vec<&str> = found.drifts.iter().map(|one| one.reason.as_str()).collect();
    reasons.join("\n")
}

const DRIFT: &str = "
    item web owner=shop
    @cmdb web -depends_on-> api
    @cmdb web -> ghost
    @cmdb web -> unseen
    @cmdb web -runs_on-> host:h
    saw web -> api 08:00-09:58
    saw web -> extra 08:00-09:58
    saw ghost -> api 08:00-09:58
    saw undeclared -> api 08:00-09:58
    saw web -> past 01:00-01:01
    saw web -> past 01:00-01:01
";

#[test]
fn declared_and_seen_are_compared_item_by_item() {
    assert_snapshot!(drifts(DRIFT, &DriftFilter::default()), @r"
    service:web calls service:extra, seen by test since 2026-01-01T08:00:00Z, but nobody declared it, though other needs are declared
    service:web calls service:ghost by cmdb since 2026-01-01T00:00:00Z, but nobody ever saw it, though both are seen
    service:web calls service:past, seen by test since 2026-01-01T01:00:00Z, but nobody declared it, though other needs are declared
    ");
    let of = |kind, owner: Option<&str>| DriftFilter {
        kind,
        owner: owner.map(str::to_owned),
    };
    assert_eq!(
        drifts(DRIFT, &of(Some(DriftKind::DeclaredNeverSeen), Some("shop")))
            .lines()
            .count(),
        1
    );
    assert_eq!(drifts(DRIFT, &of(None, Some("nobody"))), "");
}

#[test]
fn issues_are_counted_by_kind_and_owner_with_examples() {
    let view = estate(
        "
        item service:a owner=x criticality=P1
        item service:b criticality=tier-1
        @other item service:a
        @other item service:b
        item service:c owner=x criticality=P1
        @other item service:c
        item service:d owner=x criticality=P1
        saw pod:p -> service:a 00:00-00:10
        saw service:old -> service:a 00:00-00:10
        item environment:prod
    ",
    );
    let limits = QualityLimits {
        examples_max: 2,
        groups_max: 2,
        visited_max: 100,
    };
    // Four days later, what was only seen has faded.
    let later = at("10:00").plus_millis(4 * 24 * 3_600_000);
    let quality = data_quality(&view, later, limits);
    let told = quality.findings.iter().map(|one| {
        let examples = one.examples.iter();
        let examples: Vec<String> = examples
            .map(|(item, reason)| format!(" {}: {reason}", item.key()))
            .collect();
        format!(
            "{:?} {} of {}:{}",
            one.issue,
            one.total,
            one.of,
            examples.concat()
        )
    });
    let told: Vec<String> = told.collect();
    assert_snapshot!(told.join("\n"), @r#"
    Ownerless 1 of 4: service:b: neither it nor anything that contains it has an owner
    Unmatched 1 of 5: service:d: only test speaks of it, while most of its kind are known by several sources
    Stale 1 of 6: service:old: nobody has seen it since 2026-01-01T00:10:00Z, and nobody said that it ended
    Drifting 0 of 5:
    Contested 0 of 5:
    WithoutCriticality 1 of 4: service:b: nobody knows what criticality "tier-1" means
    "#);
}

/// Items with their distance, then how many relations are between them.
fn around(text: &str, towards: Towards, kinds: &[&str], items_max: usize) -> String {
    let view = estate(text);
    let item = view
        .item(model::CiId::of(&graph::claim_of(&SourceKey::text(
            "service:m",
        ))))
        .expect("a known item");
    let limits = NeighbourLimits {
        hops_max: 2,
        items_max,
        relations_max: 10,
        visited_max: 100,
    };
    let kinds: Vec<String> = kinds.iter().map(|kind| (*kind).to_owned()).collect();
    let found = neighbours(item, at("10:00"), towards, &kinds, &limits);
    let items = found
        .items
        .iter()
        .map(|(item, hops)| format!("{}{hops}", item.name()));
    let items: Vec<String> = items.collect();
    let more = if found.truncated { ", more" } else { "" };
    format!(
        "{}, {} relations{more}",
        items.join(" "),
        found.relations.len()
    )
}

#[test]
fn neighbours_are_items_and_all_relations_between_them() {
    let text = "
        a -> m -> b -> c -> d
        m -> c
        m -queries-> q
    ";
    assert_eq!(
        around(text, Towards::Both, &[], 10),
        "m0 a1 b1 c1 q1 d2, 6 relations"
    );
    assert_eq!(
        around(text, Towards::Providers, &["calls"], 10),
        "m0 b1 c1 d2, 4 relations"
    );
    assert_eq!(
        around(text, Towards::Dependents, &[], 10),
        "m0 a1, 1 relations"
    );
    assert_eq!(
        around(text, Towards::Both, &[], 3),
        "m0 a1 b1, 2 relations, more"
    );
}
