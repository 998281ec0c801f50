//! Incidents grown into groups: a cascade over layers of services, beside its limit.
//!
//! Every service needs three of the layer below, as many alerts as asked for come at one hundred each five minutes.
//!
//! usage: `incidents [ALERTS [SERVICES]]`

#![expect(
    clippy::print_stdout,
    reason = "a benchmark makes its own input and prints its result"
)]

use std::sync::Arc;
use std::time::Instant;

use benches::Row;
use graph::{
    Estate, GraphView, GroupsAsked, IncidentGroups, Projection, SimilarLimits, similar_incidents,
};
use model::Timestamp;
use testkit::{envelopes_of, events};

const LAYERS: usize = 10;
const NEEDS: usize = 3;
const ALL: GroupsAsked = GroupsAsked {
    from: Timestamp::MIN,
    to: Timestamp::MAX,
    seen_until: Timestamp::MAX,
    looked_at_max: usize::MAX,
};
const SIMILAR: SimilarLimits = SimilarLimits {
    first: 20,
    looked_at_max: usize::MAX,
};

fn main() {
    let argument = |place: usize, usual: usize| {
        let text = std::env::args().nth(place);
        text.map_or(usual, |text| {
            text.parse().expect("the arguments are numbers")
        })
    };
    let (alerts, services) = (argument(1, 10_000), argument(2, 1_000));
    let view = estate(alerts, services);
    println!("# {alerts} alerts on {services} services");
    let started = Instant::now();
    let groups = IncidentGroups::find(&view, ALL);
    let took = started.elapsed().as_secs_f64() * 1e3;
    Row::new(&format!("groups of {alerts} alerts, ms"), took)
        .against("limit", 1_000.0)
        .print();
    let sizes = groups.numbers().map(|number| groups.rows(number).count());
    println!(
        "# {} groups, the largest of {}",
        groups.numbers().count(),
        sizes.max().unwrap_or(0)
    );
    let started = Instant::now();
    let told: Vec<_> = groups
        .numbers()
        .map(|number| groups.group(number))
        .collect();
    let took = started.elapsed().as_secs_f64() * 1e3;
    Row::new(
        &format!("the same told in full, {} groups, ms", told.len()),
        took,
    )
    .against("limit", 1_000.0)
    .print();
    if let Some(newest) = view.incidents().first() {
        let started = Instant::now();
        let similar = similar_incidents(&view, newest.id(), SIMILAR);
        let took = started.elapsed().as_secs_f64() * 1e3;
        let what = format!("similar to one of {} incidents, ms", similar.looked_at);
        Row::new(&what, took).against("limit", 100.0).print();
    }
}

fn estate(alerts: usize, services: usize) -> Arc<GraphView> {
    let layer = services / LAYERS;
    let mut text = String::new();
    for service in 0..services - layer {
        for need in 0..NEEDS {
            let below = (service / layer + 1) * layer + (service * 7 + need * 13) % layer;
            text += &format!("s{service} -> s{below}\n");
        }
    }
    for alert in 0..alerts {
        let minute = (alert / 100 * 5).min(23 * 60 + 59);
        let (service, time) = (
            alert % services,
            format!("{:02}:{:02}", minute / 60, minute % 60),
        );
        text += &format!(
            "incident i{alert} s{service} {time} title=alert_{}\n",
            alert % 40
        );
    }
    let mut estate = Estate::default();
    for envelope in envelopes_of(events(&text)) {
        estate.apply(&envelope);
    }
    estate.publish()
}
