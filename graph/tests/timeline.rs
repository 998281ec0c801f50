//! Changes, incidents, deviations and topology on one axis of time.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::sync::Arc;

use graph::{
    Estate, GraphView, Happened, Projection, TimelineLimits, TimelineQuestion, Towards, timeline,
};
use insta::assert_snapshot;
use model::SourceKey;
use testkit::{at, envelopes_of, events};

const ESTATE: &str = "
    web -> payments -> ledger
    search -> index
    item cache at=11:20
    payments -> cache 11:20
    end payments -> cache 11:50
    change c1 ledger 11:00 until=11:10 status=succeeded
    change c2 index 11:05
    change c3 web,cache 11:30 status=running
    change c4 ledger 11:58 status=planned
    deviated ledger latency 20 -> 90 11:40-11:55
    deviated payments -> ledger errors 0 -> .5 11:45-12:00
    incident i1 payments 11:52
    incident i2 index 11:53
";

fn folded(text: &str) -> Arc<GraphView> {
    let mut estate = Estate::default();
    for envelope in envelopes_of(events(text)) {
        estate.apply(&envelope);
    }
    estate.publish()
}

fn question(view: &GraphView, key: &str, hops_max: u32) -> TimelineQuestion {
    let item = view
        .resolve(&SourceKey::text(key), None, at("12:00"))
        .item();
    TimelineQuestion {
        items: vec![item.unwrap().id()],
        towards: Towards::Both,
        hops_max,
        around_at: at("12:00"),
        from: at("10:30"),
        until: at("12:00"),
        wanted: Vec::new(),
    }
}

const LIMITS: TimelineLimits = TimelineLimits {
    items_max: 100,
    relations_max: 100,
    first: 100,
};

/// The entries as lines of minute, distance and sentence.
fn told(view: &GraphView, question: &TimelineQuestion, limits: TimelineLimits) -> String {
    let timeline = timeline(view, question, limits);
    let lines = timeline.entries.iter().map(|entry| {
        let clock = entry.at.to_string();
        let minute = clock.split_once('T').map_or("", |(_, time)| &time[..5]);
        format!("{minute} {} {}", entry.hops, entry.sentence)
    });
    let mut lines: Vec<String> = lines.collect();
    if timeline.truncated {
        lines.push(format!("{} of {}", timeline.entries.len(), timeline.total));
    }
    lines.join("\n")
}

#[test]
fn what_happened_around_an_item_stands_in_order_of_time() {
    let view = folded(ESTATE);
    let around = question(&view, "service:payments", 1);
    assert_snapshot!(told(&view, &around, LIMITS), @r"
    11:00 1 c1 began on service:ledger
    11:10 1 c1 ended: succeeded
    11:30 1 c3 began on service:web, service:cache
    11:40 1 latency of service:ledger went to 90, usual is 20
    11:45 0 errors of service:payments -> service:ledger went to 0.5, usual is 0
    11:50 0 service:payments calls service:cache no more
    11:52 0 i1 began on service:payments
    11:55 1 latency of service:ledger had been 90 until here
    12:00 0 errors of service:payments -> service:ledger had been 0.5 until here
    ");
}

#[test]
fn what_ended_before_the_question_is_followed_at_its_own_moment() {
    let view = folded(ESTATE);
    let mut around = question(&view, "service:payments", 1);
    around.around_at = at("11:30");
    around.from = at("11:15");
    around.until = at("11:35");
    assert_snapshot!(told(&view, &around, LIMITS), @r"
    11:20 1 service:cache appeared
    11:30 1 c3 began on service:web, service:cache
    ");
}

#[test]
fn only_what_is_asked_for_is_told_and_the_newest_stays() {
    let view = folded(ESTATE);
    let mut around = question(&view, "service:payments", 2);
    around.wanted = vec![Happened::ChangeBegan, Happened::IncidentBegan];
    assert_snapshot!(told(&view, &around, LIMITS), @r"
    11:00 1 c1 began on service:ledger
    11:30 1 c3 began on service:web, service:cache
    11:52 0 i1 began on service:payments
    ");
    let two = TimelineLimits { first: 2, ..LIMITS };
    assert_snapshot!(told(&view, &around, two), @r"
    11:30 1 c3 began on service:web, service:cache
    11:52 0 i1 began on service:payments
    2 of 3
    ");
    let few = TimelineLimits {
        items_max: 1,
        ..LIMITS
    };
    assert!(timeline(&view, &around, few).truncated);
}

#[test]
fn the_item_alone_is_asked_about_without_hops() {
    let view = folded(ESTATE);
    let alone = question(&view, "service:ledger", 0);
    assert_snapshot!(told(&view, &alone, LIMITS), @r"
    11:00 0 c1 began on service:ledger
    11:10 0 c1 ended: succeeded
    11:40 0 latency of service:ledger went to 90, usual is 20
    11:45 0 errors of service:payments -> service:ledger went to 0.5, usual is 0
    11:55 0 latency of service:ledger had been 90 until here
    12:00 0 errors of service:payments -> service:ledger had been 0.5 until here
    ");
}
