//! Who is harmed with what, by which path, and how the score is made.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test fails where it is wrong"
)]

use graph::{
    BlastLimits, BlastRadius, Estate, GraphView, Projection, blast_radius, compare_impact,
};
use insta::assert_snapshot;
use model::{AsOf, CiId, SourceKey};
use proptest::prelude::*;
use std::sync::Arc;
use testkit::{Oracle, at, envelopes};

const ALL: BlastLimits = BlastLimits {
    hops_max: None,
    impacts_max: 1_000,
    visited_max: 10_000,
    score_min: 0.0,
};

fn estate(text: &str) -> Arc<GraphView> {
    let mut estate = Estate::default();
    for envelope in envelopes(text) {
        estate.apply(&envelope);
    }
    estate.publish()
}

fn id(view: &GraphView, key: &str) -> CiId {
    let key = if key.contains(':') {
        key.to_owned()
    } else {
        format!("service:{key}")
    };
    view.resolve(&SourceKey::text(key), None, at("10:00"))
        .item()
        .unwrap()
        .id()
}

fn radius(view: &GraphView, origin: &str, limits: BlastLimits) -> BlastRadius {
    let as_of = AsOf {
        valid_at: at("10:00"),
        known_at: view.position(),
    };
    blast_radius(view, &[id(view, origin)], as_of, limits)
}

/// Every impact as its path against the arrows, with its score.
fn impact(text: &str, origin: &str, limits: BlastLimits) -> String {
    let view = estate(text);
    let found = radius(&view, origin, limits);
    let name = |id: CiId| view.item(id).unwrap().name().to_owned();
    let mut lines: Vec<String> = found
        .impacts
        .iter()
        .map(|impact| {
            let mut line = name(impact.path[0].from);
            for step in &impact.path {
                line = if step.against_arrow {
                    format!("{} -> {line}", name(step.to))
                } else {
                    format!("{} <- {line}", name(step.to))
                };
            }
            format!("{line} {:.3}", impact.score)
        })
        .collect();
    if found.truncated {
        lines.push(format!("cut at {} of {}", found.impacts.len(), found.total));
    }
    lines.join("\n")
}

#[test]
fn harm_travels_against_the_arrow() {
    assert_snapshot!(impact("web -> api -> db", "db", ALL), @r"
    api -> db 0.800
    web -> api -> db 0.640
    ");
    assert_snapshot!(impact("web -> api -> db", "web", ALL), @"");
}

#[test]
fn a_cycle_ends_and_a_diamond_takes_its_best_side() {
    assert_snapshot!(impact("a -> b -> a", "a", ALL), @"b -> a 0.800");
    assert_snapshot!(impact("
        web -> left -> db
        web -> right -queries-> db
    ", "db", ALL), @r"
    right -> db 0.900
    left -> db 0.800
    web -> right -> db 0.720
    ");
}

#[test]
fn harm_crosses_a_queue_from_producer_to_consumer() {
    assert_snapshot!(impact("
        orders -publishes_to-> queue:mail
        mailer -consumes_from-> queue:mail
    ", "orders", ALL), @r"
    mail <- orders 0.700
    mailer -> mail <- orders 0.560
    ");
}

#[test]
fn a_limit_cuts_and_says_so() {
    let hops = BlastLimits {
        hops_max: Some(1),
        ..ALL
    };
    assert_snapshot!(impact("web -> api -> db", "db", hops), @"api -> db 0.800");
    let list = BlastLimits {
        impacts_max: 1,
        ..ALL
    };
    assert_snapshot!(impact("web -> api -> db", "db", list), @r"
    api -> db 0.800
    cut at 1 of 2
    ");
}

#[test]
fn what_held_then_counts_not_what_holds_now() {
    let text = "web -> api\nend web -> api 09:00\nshop -> api";
    assert_snapshot!(impact(text, "api", ALL), @"shop -> api 0.800");
}

#[test]
fn teams_are_called_by_the_worst_harm() {
    let view = estate(
        "
        web -> api -> db
        item service:web owner=storefront
        item service:api owner=orders
    ",
    );
    let teams: Vec<String> = radius(&view, "db", ALL)
        .teams
        .iter()
        .map(|team| {
            format!(
                "{} {} {:.2} {}",
                team.team, team.items, team.score, team.hops
            )
        })
        .collect();
    assert_eq!(teams, ["orders 1 0.80 1", "storefront 1 0.64 2"]);
}

/// What the last step to an item says of those that do the same work, and its score.
fn of_several(text: &str, origins: &[&str], item: &str) -> String {
    let view = estate(text);
    let origins: Vec<CiId> = origins.iter().map(|key| id(&view, key)).collect();
    let as_of = AsOf {
        valid_at: at("10:00"),
        known_at: view.position(),
    };
    let found = blast_radius(&view, &origins, as_of, ALL);
    let wanted = id(&view, item);
    let impact = found.impacts.iter().find(|impact| impact.item == wanted);
    let Some(impact) = impact else {
        return "spared".to_owned();
    };
    let said = impact.redundancy.map_or("alone".to_owned(), |it| {
        let needed = it
            .needed
            .map_or(String::new(), |needed| format!(" needs {needed}"));
        format!("{} of {}{needed}", it.touched, it.members)
    });
    format!("{said} {:.3}", impact.score)
}

#[test]
fn harm_to_some_of_those_that_do_the_same_work_is_a_share_of_it() {
    let on = |kind: &str, members: &str| {
        let members = members.split(' ').map(|it| format!("shop -{kind}-> {it}"));
        members.collect::<Vec<String>>().join("\n")
    };
    let hosts = "host:a host:b host:c";
    let cases = [
        ("runs_on", hosts, &["host:a"][..], "1 of 3 0.317"),
        ("runs_on", hosts, &["host:a", "host:b"], "2 of 3 0.633"),
        (
            "runs_on",
            hosts,
            &["host:a", "host:b", "host:c"],
            "3 of 3 0.950",
        ),
        ("includes", "pod:a pod:b", &["pod:a"], "1 of 2 0.400"),
        (
            "runs",
            "instance:a instance:b",
            &["instance:a"],
            "1 of 2 0.150",
        ),
        ("routes_to", "one two three", &["one"], "1 of 3 0.200"),
        (
            "has_member",
            "database:a database:b",
            &["database:b"],
            "1 of 2 0.250",
        ),
        // Whoever is alone of its kind has nobody beside it.
        ("runs_on", "host:a rack:b", &["host:a"], "alone 0.950"),
        // Parts that are not known to be as good as each other do each their own work, as do called services.
        ("includes", "cart checkout", &["cart"], "alone 0.800"),
        ("calls", "cart checkout", &["cart"], "alone 0.800"),
    ];
    for (kind, members, origins, expected) in cases {
        let found = of_several(&on(kind, members), origins, "shop");
        assert_eq!(found, expected, "{kind} {members}, harmed {origins:?}");
    }
}

#[test]
fn a_quorum_makes_harm_all_or_nothing() {
    let shop = "shop -has_member-> host:a\nshop -has_member-> host:b\nshop -has_member-> host:c";
    let (one, two) = (&["host:a"][..], &["host:a", "host:c"][..]);
    let cases = [
        ("quorum=2", one, "spared"),
        ("quorum=2", two, "2 of 3 needs 2 0.500"),
        ("quorum=3", one, "1 of 3 needs 3 0.500"),
        ("quorum=60%", one, "spared"),
        ("quorum=60%", two, "2 of 3 needs 2 0.500"),
        ("quorum=1", two, "spared"),
        // More than there are cannot all be up once one is not.
        ("quorum=9", one, "1 of 3 needs 9 0.500"),
        // What is no quorum says nothing.
        ("quorum=most", one, "1 of 3 0.167"),
    ];
    for (quorum, origins, expected) in cases {
        let text = format!("{shop}\nitem service:shop {quorum}");
        assert_eq!(
            of_several(&text, origins, "shop"),
            expected,
            "{quorum}, harmed {origins:?}"
        );
    }
}

#[test]
fn the_latest_quorum_counts_and_what_is_none_takes_it_back() {
    let shop = "shop -has_member-> host:a\nshop -has_member-> host:b";
    let cases = [
        ("item service:shop quorum=1", "spared"),
        (
            "item service:shop quorum=1\n@test item service:shop at=09:30 quorum=2",
            "1 of 2 needs 2 0.500",
        ),
        (
            "item service:shop quorum=1\n@test item service:shop at=09:30 quorum=none",
            "1 of 2 0.250",
        ),
    ];
    for (said, expected) in cases {
        let text = format!("{shop}\n{said}");
        assert_eq!(of_several(&text, &["host:a"], "shop"), expected, "{said}");
    }
}

#[test]
fn parts_of_a_whole_that_says_how_many_it_needs_do_the_same_work() {
    let ring = "ring -includes-> shard:1\nring -includes-> shard:2\nring -includes-> shard:3";
    assert_eq!(of_several(ring, &["shard:1"], "ring"), "alone 0.800");
    let needed = format!("{ring}\nitem service:ring quorum=2");
    assert_eq!(of_several(&needed, &["shard:1"], "ring"), "spared");
    assert_eq!(
        of_several(&needed, &["shard:1", "shard:3"], "ring"),
        "2 of 3 needs 2 0.800"
    );
}

#[test]
fn an_explanation_tells_how_many_are_touched_and_needed() {
    let view = estate(
        "
        shop -includes-> pod:a
        shop -includes-> pod:b
        shop -includes-> pod:c
        pod:a -runs_on-> node:1
        pod:b -runs_on-> node:1
        pod:c -runs_on-> node:2
        item service:shop quorum=2
    ",
    );
    let found = radius(&view, "node:1", ALL);
    let shop = found.impacts.iter().find(|it| it.item == id(&view, "shop"));
    let shop = shop.unwrap();
    assert_eq!(
        shop.reason,
        "pod:a runs on node:1, service:shop includes pod:a (2 of 3 members touched, 2 needed: the whole)"
    );
    assert_eq!(
        shop.contributions.last().unwrap().explanation,
        "service:shop includes pod:a: 80 % of it gets through, 2 of 3 members touched, 2 needed: the whole"
    );
}

#[test]
fn a_failing_pod_node_zone_or_region_reaches_what_has_no_more_than_it() {
    let shop = "
        web -calls-> service:shop
        service:shop -runs_on-> deployment:shop
        deployment:shop -includes-> pod:a
        deployment:shop -includes-> pod:b
        deployment:shop -includes-> pod:c
        deployment:batch -includes-> pod:d
        pod:a -runs_on-> node:1
        pod:b -runs_on-> node:2
        pod:c -runs_on-> node:3
        pod:d -runs_on-> node:3
        node:1 -runs_on-> zone:a
        node:2 -runs_on-> zone:a
        node:3 -runs_on-> zone:b
        zone:a -runs_on-> region:eu
        zone:b -runs_on-> region:eu
    ";
    let cases = [
        ("", "pod:a", "1 of 3 0.267", "spared", "alone 0.203"),
        ("", "node:1", "1 of 3 0.253", "spared", "alone 0.193"),
        ("", "node:3", "1 of 3 0.253", "alone 0.760", "alone 0.193"),
        ("", "zone:a", "2 of 3 0.481", "spared", "alone 0.366"),
        ("", "zone:b", "1 of 3 0.241", "alone 0.722", "alone 0.183"),
        (
            "",
            "region:eu",
            "3 of 3 0.686",
            "alone 0.686",
            "alone 0.521",
        ),
        ("quorum=2", "pod:a", "spared", "spared", "spared"),
        ("quorum=2", "zone:b", "spared", "alone 0.722", "spared"),
        (
            "quorum=2",
            "zone:a",
            "2 of 3 needs 2 0.722",
            "spared",
            "alone 0.549",
        ),
        (
            "quorum=3",
            "node:2",
            "1 of 3 needs 3 0.760",
            "spared",
            "alone 0.578",
        ),
    ];
    for (quorum, failing, deployment, batch, caller) in cases {
        let text = format!("{shop}\nitem deployment:shop {quorum}");
        let found = |item: &str| of_several(&text, &[failing], item);
        let found = [
            found("deployment:shop"),
            found("deployment:batch"),
            found("web"),
        ];
        assert_eq!(
            found,
            [deployment, batch, caller],
            "{failing} fails, {quorum}"
        );
    }
}

fn chains() -> impl Strategy<Value = String> {
    let pair = (0..12_u8, 0..12_u8).prop_map(|(one, other)| format!("s{one} -> s{other}"));
    prop::collection::vec(pair, 1..40).prop_map(|lines| lines.join("\n"))
}

proptest! {
    #[test]
    fn the_oracle_agrees(text in chains(), hops_max in prop::option::of(1..6_u32)) {
        let view = estate(&format!("{text}\nitem service:s0"));
        let log = envelopes(&text);
        let mut expected = Oracle::of(&log).harmed_with("service:s0");
        expected.remove("service:s0");
        expected.retain(|_, hops| hops_max.is_none_or(|most| *hops <= most as usize));
        let found = radius(&view, "s0", BlastLimits { hops_max, ..ALL });
        let names: Vec<String> = found.impacts.iter().map(|impact| view.item(impact.item).unwrap().key()).collect();
        let mut sorted = names.clone();
        sorted.sort();
        prop_assert_eq!(sorted, expected.keys().cloned().collect::<Vec<_>>());
        for (impact, name) in found.impacts.iter().zip(&names) {
            prop_assert_eq!(impact.hops as usize, expected[name]);
            prop_assert_eq!(impact.path.len(), expected[name]);
        }
    }

    #[test]
    fn contributions_add_up(text in chains()) {
        let view = estate(&format!("{text}\nitem service:s0"));
        for impact in radius(&view, "s0", ALL).impacts {
            let sum: f64 = impact.contributions.iter().map(|part| part.contribution).sum();
            prop_assert_eq!(sum, impact.score);
            prop_assert!((sum - 0.8_f64.powi(i32::try_from(impact.hops).unwrap())).abs() < 1e-12);
        }
    }

    #[test]
    fn what_an_item_needs_and_who_needs_it_are_inverse(text in chains()) {
        let view = estate(&text);
        for item in view.items() {
            for relation in item.depends_on(at("10:00")) {
                let back = relation.provider().used_by(at("10:00"));
                prop_assert!(back.iter().any(|other| other.dependent() == item));
            }
        }
    }
}

/// What is confirmed, missed and unreached of a stated impact of the first origin.
fn compared(text: &str, origins: &[&str], stated: &[&str], least: f64) -> String {
    let view = estate(text);
    let ids = |keys: &[&str]| keys.iter().map(|key| id(&view, key)).collect::<Vec<CiId>>();
    let as_of = AsOf {
        valid_at: at("10:00"),
        known_at: view.position(),
    };
    let found = compare_impact(&view, &ids(origins), &ids(stated), as_of, ALL, least);
    let names = |items: &mut dyn Iterator<Item = CiId>| {
        let names = items.map(|item| view.item(item).unwrap().name().to_owned());
        names.collect::<Vec<String>>().join(" ")
    };
    format!(
        "confirmed [{}], missed [{}], unreached [{}]",
        names(&mut found.confirmed.iter().copied()),
        names(&mut found.missed.iter().map(|impact| impact.item)),
        names(&mut found.unreached.iter().copied())
    )
}

#[test]
fn a_stated_impact_is_held_against_what_harm_would_reach() {
    let shop = "
        web -> api -> db
        batch -> db
        printer -> spooler
    ";
    let cases = [
        // Everything that needs it was thought of.
        (
            &["web", "api", "batch"][..],
            "confirmed [web api batch], missed [], unreached []",
        ),
        // What is two steps away was not.
        (
            &["api", "batch"],
            "confirmed [api batch], missed [web], unreached []",
        ),
        // Harm does not travel to what nothing leads to, whatever is stated.
        (
            &["api", "printer", "batch", "web"],
            "confirmed [api batch web], missed [], unreached [printer]",
        ),
        // What a change touches itself counts as met; what is stated twice counts once.
        (
            &["db", "api", "api"],
            "confirmed [db api], missed [batch web], unreached []",
        ),
    ];
    for (stated, expected) in cases {
        assert_eq!(compared(shop, &["db"], stated, 0.1), expected, "{stated:?}");
    }
}

#[test]
fn harm_that_is_unlikely_is_not_missed() {
    let chain = "a -> b -> c -> d";
    assert_eq!(
        compared(chain, &["d"], &["c"], 0.6),
        "confirmed [c], missed [b], unreached []"
    );
    assert_eq!(
        compared(chain, &["d"], &["c"], 0.9),
        "confirmed [c], missed [], unreached []"
    );
}

#[test]
fn several_origins_reach_what_any_of_them_reaches() {
    let two = "web -> db\nreport -> lake";
    assert_eq!(
        compared(two, &["db", "lake"], &["web", "report"], 0.3),
        "confirmed [web report], missed [], unreached []"
    );
    assert_eq!(
        compared(two, &["db"], &["web", "report"], 0.3),
        "confirmed [web], missed [], unreached [report]"
    );
}
