//! Which earlier incidents are like one, and why.
#![expect(clippy::unwrap_used, reason = "a test fails where it is wrong")]

use std::sync::Arc;

use graph::{Estate, GraphView, Projection, SimilarIncidents, SimilarLimits, similar_incidents};
use insta::assert_snapshot;
use model::{IncidentId, NewEvent, SourceName, SourceRef};
use proptest::prelude::*;
use testkit::{envelopes_of, shuffled};

const LIMITS: SimilarLimits = SimilarLimits {
    first: 20,
    looked_at_max: 10_000,
};

fn view_of(events: Vec<NewEvent>) -> Arc<GraphView> {
    let mut estate = Estate::default();
    for envelope in envelopes_of(events) {
        estate.apply(&envelope);
    }
    estate.publish()
}

fn found(view: &GraphView, name: &str) -> SimilarIncidents {
    let reference = SourceRef {
        source: SourceName::new("test"),
        source_id: name.to_owned(),
    };
    similar_incidents(view, IncidentId::of(&reference), LIMITS)
}

/// What is like an incident: one a line, with its parts and what was judged its cause.
fn similar(text: &str, name: &str) -> String {
    let view = view_of(testkit::events(text));
    let mut lines = Vec::new();
    for one in found(&view, name).similar {
        let causes = one.causes.iter().map(|id| view.change(*id).unwrap());
        let causes: Vec<&str> = causes.map(|change| change.source_id()).collect();
        let incident = view.incident(one.incident).unwrap().source_id().to_owned();
        lines.push(format!("{incident} x{} caused by {causes:?}", one.times));
        for part in &one.contributions {
            lines.push(format!("  {:+.2} {}", part.contribution, part.explanation));
        }
    }
    lines.join("\n")
}

const SHOP: &str = "
    web -> api -> db
    worker -> db
    mail -> smtp
";

#[test]
fn the_same_item_and_words_come_first_with_their_cause() {
    let text = format!(
        "{SHOP}
        change deploy-1 api 01:00 kind=deployment
        incident old-1 web 01:10 title=checkout_timeouts
        judged old-1 deploy-1 cause
        incident old-2 worker 02:00 title=queue_grows
        incident old-3 mail 03:00 title=checkout_mails_late
        incident old-4 printer 04:00 title=paper_jam
        incident now web 10:00 title=checkout_timeouts
    "
    );
    assert_snapshot!(similar(&text, "now"), @r#"
    old-1 x1 caused by ["deploy-1"]
      +4.00 both are on service:web
      +2.00 harm to both may come from service:api, service:db
      +3.00 both titles speak of "timeout", "checkout"
    old-3 x1 caused by []
      +1.10 both titles speak of "checkout"
    "#);
}

#[test]
fn its_own_group_and_what_came_later_are_not_among_them() {
    let text = format!(
        "{SHOP}
        incident on-db db 09:58 title=slow_queries
        incident now web 10:00 title=slow_answers
        incident later web 15:00 title=slow_answers
    "
    );
    assert_eq!(similar(&text, "now"), "");
}

#[test]
fn repeats_of_one_alert_stand_as_one_and_the_one_with_a_cause_is_shown() {
    let text = format!(
        "{SHOP}
        change deploy-1 web 01:00
        incident a web 01:10 title=latency
        judged a deploy-1 cause
        incident b web 03:30 title=latency
        incident c web 06:00 title=latency
        incident now web 10:00 title=latency
    "
    );
    assert_snapshot!(similar(&text, "now"), @r#"
    a x3 caused by ["deploy-1"]
      +4.00 both are on service:web
      +2.00 harm to both may come from service:api, service:db
      +3.00 both titles speak of "latency"
      +0.50 both speak of latency
    "#);
}

#[test]
fn causes_of_one_sort_make_incidents_alike() {
    let text = "
        change flag-1 a 01:00 kind=feature_flag
        change flag-2 b 09:50 kind=feature_flag
        incident old a 01:10 title=spikes
        incident now b 10:00 title=spikes
        judged old flag-1 cause
        judged now flag-2 cause
    ";
    assert_snapshot!(similar(text, "now"), @r#"
    old x1 caused by ["flag-1"]
      +3.00 both titles speak of "spike"
      +2.00 a change of the same sort was judged the cause of both: kind feature flag
    "#);
}

proptest! {
    #[test]
    fn the_order_of_arrival_changes_nothing_and_parts_add_up(
        incidents in prop::collection::vec((0..6_u8, 0..600_u32, 0..4_u8), 1..20),
        seed: u64,
    ) {
        let mut text = "s0 -> s1 -> s2\ns3 -> s1\ns4 -> s2\n".to_owned();
        for (n, (item, minute, word)) in incidents.iter().enumerate() {
            let (hour, minute) = (1 + minute / 60, minute % 60);
            text += &format!("incident i{n} s{item} {hour:02}:{minute:02} title=word{word}_errors\n");
        }
        text += "incident now s0 12:00 title=word1_errors\n";
        let events = testkit::events(&text);
        let one = found(&view_of(events.clone()), "now");
        let other = found(&view_of(shuffled(events, seed)), "now");
        for found in &one.similar {
            let sum: f64 = found.contributions.iter().map(|part| part.contribution).sum();
            prop_assert!((sum - found.score).abs() < 1e-9);
        }
        prop_assert_eq!(one, other);
    }
}
