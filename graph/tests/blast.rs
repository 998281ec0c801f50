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
