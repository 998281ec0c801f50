//! Folding and blast radius against hand-written limits and petgraph, in one run.
//!
//! The estate: items in layers, every item needs five others, a few of them hubs;
//! relations hold since the first day, one in ten ended before the question.
//! Sources state an item with all that it needs, but the items in no order, as sources do: so what is
//! numbered by arrival is not numbered by locality. The best hand-written limit is given that numbering.
//!
//! usage: `graph [ITEMS]`

#![expect(
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::print_stdout,
    reason = "a benchmark makes its own input and prints its result"
)]

use std::collections::VecDeque;
use std::hint::black_box;
use std::time::Instant;

use benches::{Random, Row, median, quantile, resident_bytes};
use graph::{BlastLimits, Estate, GraphView, Projection, blast_radius};
use model::{
    Actor, AsOf, CiId, Event, EventEnvelope, EventId, KeyParts, LogPosition, ObservedRelation,
    RelationKind, SourceKey, SourceName, Timestamp,
};
use petgraph::algo::dijkstra;
use petgraph::graph::{DiGraph, EdgeReference, NodeIndex};
use petgraph::visit::EdgeFiltered;

const RELATIONS_PER_ITEM: usize = 5;
const REPETITIONS: usize = 7;

/// The moment asked about, in nanoseconds.
const NOW: i64 = 900;

fn main() {
    let items: usize = std::env::args().nth(1).map_or(100_000, |text| {
        text.parse().expect("the argument is a number of items")
    });
    let pairs = pairs(items);
    let before = resident_bytes();
    let (estate, view) = fold(&pairs);
    let bytes = resident_bytes() - before;
    Row::new(
        "graph memory, bytes a relation (items included)",
        bytes / pairs.len() as f64,
    )
    .print();
    snapshot(&estate);
    let arrival = by_arrival(items, &pairs);
    let as_arrived = renumbered(&pairs, &arrival);
    let peers = Peers {
        by_locality: HandWritten::new(items, &pairs),
        by_arrival: HandWritten::new(items, &as_arrived),
        graph: peer_graph(items, &as_arrived),
        arrival,
    };
    let hubs = items / 1_000 + 1;
    let unlimited = |_: &mut Random| items * 4 / 5;
    radius("unlimited hops", None, &view, &peers, unlimited);
    let anywhere = |random: &mut Random| hubs + random.below(items - hubs);
    radius("3 hops, away from hubs", Some(3), &view, &peers, anywhere);
    let on_hubs = |random: &mut Random| random.below(hubs);
    radius("3 hops, on hubs", Some(3), &view, &peers, on_hubs);
    best_scores(&view, &peers, items * 4 / 5);
}

/// What the same questions are asked of besides.
struct Peers {
    by_locality: HandWritten,
    by_arrival: HandWritten,
    graph: DiGraph<(), (i64, i64), u32>,
    /// The number of each item by its first mention.
    arrival: Vec<usize>,
}

/// One relation of the made estate.
#[derive(Clone, Copy)]
struct Pair {
    dependent: usize,
    provider: usize,
    from: i64,
    until: i64,
}

fn pairs(items: usize) -> Vec<Pair> {
    let mut random = Random::new(7);
    let mut pairs: Vec<Pair> = Vec::with_capacity(items * RELATIONS_PER_ITEM);
    let mut dependents: Vec<usize> = (1..items).collect();
    for place in (1..dependents.len()).rev() {
        dependents.swap(place, random.below(place + 1));
    }
    for dependent in dependents {
        let first = pairs.len();
        for _ in 0..RELATIONS_PER_ITEM {
            // Most needs lie near by, one in fifty is a hub.
            let near = dependent.saturating_sub(1 + random.below(1_000.min(dependent)));
            let hub = random.below(items / 1_000 + 1);
            let provider = if random.below(50) == 0 { hub } else { near };
            let until = if random.below(10) == 0 { 500 } else { i64::MAX };
            if pairs[first..].iter().all(|pair| pair.provider != provider) {
                pairs.push(Pair {
                    dependent,
                    provider,
                    from: 0,
                    until,
                });
            }
        }
    }
    pairs
}

/// The numbers that items get as they are first mentioned.
fn by_arrival(items: usize, pairs: &[Pair]) -> Vec<usize> {
    let mut numbers = vec![usize::MAX; items];
    let mut next = 0;
    let ends = pairs
        .iter()
        .flat_map(|pair| [pair.dependent, pair.provider]);
    for item in ends.chain(0..items) {
        if numbers[item] == usize::MAX {
            numbers[item] = next;
            next += 1;
        }
    }
    numbers
}

fn renumbered(pairs: &[Pair], numbers: &[usize]) -> Vec<Pair> {
    let renumber = |pair: &Pair| Pair {
        dependent: numbers[pair.dependent],
        provider: numbers[pair.provider],
        ..*pair
    };
    pairs.iter().map(renumber).collect()
}

fn name(item: usize) -> SourceKey {
    let parts = KeyParts::new("service", format!("service-{item}"));
    SourceKey::Parts(parts.in_environment(Some("prod".to_owned())))
}

fn envelope(position: u64, pair: Pair) -> EventEnvelope {
    let until = (pair.until != i64::MAX).then(|| Timestamp::from_unix_nanos(pair.until));
    EventEnvelope {
        position: LogPosition::new(position),
        recorded_at: Timestamp::from_unix_nanos(1_000),
        id: EventId {
            source: SourceName::new("bench"),
            delivery: position.to_string(),
        },
        occurred_at: Timestamp::from_unix_nanos(pair.from),
        actor: Actor::default(),
        event: Event::RelationObserved(ObservedRelation {
            dependent: name(pair.dependent),
            provider: name(pair.provider),
            kind: RelationKind::new("calls"),
            strength: None,
            valid_from: Some(Timestamp::from_unix_nanos(pair.from)),
            valid_until: until,
            report_interval_ms: None,
        }),
    }
}

fn fold(pairs: &[Pair]) -> (Estate, std::sync::Arc<GraphView>) {
    let mut estate = Estate::default();
    let (mut folding, mut aside) = (std::time::Duration::ZERO, std::time::Duration::ZERO);
    let numbered: Vec<(u64, Pair)> = (1_u64..).zip(pairs.iter().copied()).collect();
    for chunk in numbered.chunks(10_000) {
        let envelopes: Vec<EventEnvelope> = chunk
            .iter()
            .map(|(position, pair)| envelope(*position, *pair))
            .collect();
        let started = Instant::now();
        for envelope in &envelopes {
            estate.apply(envelope);
        }
        if estate.is_layout_due() {
            let layout = estate.lay_out_aside();
            let begun = Instant::now();
            let made = layout.make();
            aside += begun.elapsed();
            estate.take_layout(made);
        }
        black_box(estate.publish());
        folding += started.elapsed();
    }
    // A server lays many relations out on a thread of their own.
    let own = folding - aside;
    let rate = |time: std::time::Duration| pairs.len() as f64 / time.as_secs_f64();
    Row::new("fold, decoded events a second", rate(own)).print();
    Row::new(
        "fold with all layouts, decoded events a second",
        rate(folding),
    )
    .print();
    Row::new("layouts made aside, seconds", aside.as_secs_f64()).print();
    let view = estate.publish();
    (estate, view)
}

fn snapshot(estate: &Estate) {
    let started = Instant::now();
    let bytes = estate.save();
    let saved = started.elapsed();
    let started = Instant::now();
    let restored = Estate::restore(&bytes).expect("what was saved just now can be read");
    black_box(&restored);
    Row::new("snapshot save, seconds", saved.as_secs_f64()).print();
    Row::new("snapshot restore, seconds", started.elapsed().as_secs_f64()).print();
}

/// Rows by provider in one array, validity beside them, a bitset for what was seen.
struct HandWritten {
    starts: Vec<u32>,
    rows: Vec<(u32, i64, i64)>,
}

impl HandWritten {
    fn new(items: usize, pairs: &[Pair]) -> Self {
        let mut sorted: Vec<&Pair> = pairs.iter().collect();
        sorted.sort_by_key(|pair| pair.provider);
        let mut starts = vec![0_u32; items + 1];
        for pair in pairs {
            starts[pair.provider + 1] += 1;
        }
        for item in 0..items {
            starts[item + 1] += starts[item];
        }
        let rows = sorted
            .iter()
            .map(|pair| (pair.dependent as u32, pair.from, pair.until))
            .collect();
        Self { starts, rows }
    }

    fn reached(&self, origin: usize, at: i64, hops_max: u32) -> usize {
        let mut seen = vec![0_u64; self.starts.len().div_ceil(64)];
        seen[origin / 64] |= 1 << (origin % 64);
        let (mut frontier, mut next, mut count) = (vec![origin as u32], Vec::new(), 0);
        for _ in 0..hops_max {
            for item in frontier.drain(..) {
                let range =
                    self.starts[item as usize] as usize..self.starts[item as usize + 1] as usize;
                for (dependent, from, until) in &self.rows[range] {
                    let bit = 1_u64 << (dependent % 64);
                    let word = &mut seen[*dependent as usize / 64];
                    if *from <= at && at < *until && *word & bit == 0 {
                        *word |= bit;
                        next.push(*dependent);
                    }
                }
            }
            count += next.len();
            if next.is_empty() {
                break;
            }
            std::mem::swap(&mut frontier, &mut next);
        }
        count
    }
}

fn peer_graph(items: usize, pairs: &[Pair]) -> DiGraph<(), (i64, i64), u32> {
    let mut graph = DiGraph::with_capacity(items, pairs.len());
    for _ in 0..items {
        graph.add_node(());
    }
    for pair in pairs {
        let ends = (
            NodeIndex::new(pair.provider),
            NodeIndex::new(pair.dependent),
        );
        graph.add_edge(ends.0, ends.1, (pair.from, pair.until));
    }
    graph
}

fn peer_reached(
    graph: &DiGraph<(), (i64, i64), u32>,
    origin: usize,
    at: i64,
    hops_max: u32,
) -> usize {
    let mut seen = fixedbitset::FixedBitSet::with_capacity(graph.node_count());
    seen.insert(origin);
    let mut queue = VecDeque::from([(NodeIndex::new(origin), 0)]);
    let mut count = 0;
    while let Some((item, hops)) = queue.pop_front() {
        if hops == hops_max {
            continue;
        }
        let mut edges = graph.neighbors(item).detach();
        while let Some((edge, dependent)) = edges.next(graph) {
            let (from, until) = graph[edge];
            if from <= at && at < until && !seen.put(dependent.index()) {
                count += 1;
                queue.push_back((dependent, hops + 1));
            }
        }
    }
    count
}

fn radius(
    name: &str,
    hops_max: Option<u32>,
    view: &GraphView,
    peers: &Peers,
    mut pick: impl FnMut(&mut Random) -> usize,
) {
    let mut random = Random::new(11);
    let [mut ours, mut limit, mut arrived, mut petgraph] = [(); 4].map(|()| Vec::new());
    let mut total = 0;
    let questions = if hops_max.is_some() { 200 } else { REPETITIONS };
    for _ in 0..questions {
        let origin = pick(&mut random);
        let id = id(view, origin);
        let hops = hops_max.unwrap_or(u32::MAX);
        let number = peers.arrival[origin];
        let found = timed(&mut ours, || {
            blast_radius(view, &[id], now(view), all(hops_max))
        });
        let reached = [
            timed(&mut limit, || peers.by_locality.reached(origin, NOW, hops)),
            timed(&mut arrived, || peers.by_arrival.reached(number, NOW, hops)),
            timed(&mut petgraph, || {
                peer_reached(&peers.graph, number, NOW, hops)
            }),
        ];
        assert_eq!(reached, [found.total; 3], "all reach the same items");
        total = total.max(found.total);
    }
    for (share, what) in [(0.5, "p50"), (0.99, "p99")] {
        let what = format!("blast radius with paths and scores, {name}, ms ({what})");
        Row::new(&what, quantile(&mut ours, share))
            .against("hand-written reachability", quantile(&mut limit, share))
            .against(
                "the same numbered by arrival",
                quantile(&mut arrived, share),
            )
            .against(
                "petgraph Graph with time, reachability",
                quantile(&mut petgraph, share),
            )
            .print();
    }
    println!("# up to {total} items reached");
}

/// The like of it by the peer: the best score of each item, as its own algorithm finds it.
fn best_scores(view: &GraphView, peers: &Peers, origin: usize) {
    let (mut ours, mut petgraph) = (Vec::new(), Vec::new());
    let id = id(view, origin);
    let start = NodeIndex::new(peers.arrival[origin]);
    for _ in 0..REPETITIONS {
        let found = timed(&mut ours, || {
            blast_radius(view, &[id], now(view), all(None))
        });
        let scores = timed(&mut petgraph, || {
            let holds = |edge: EdgeReference<'_, (i64, i64), u32>| {
                let (from, until) = *edge.weight();
                from <= NOW && NOW < until
            };
            let holding = EdgeFiltered::from_fn(&peers.graph, holds);
            dijkstra(&holding, start, None, |_| -0.8_f64.ln())
        });
        assert_eq!(scores.len() - 1, found.total, "both reach the same items");
    }
    Row::new(
        "best score of every item, unlimited hops, ms (p50)",
        median(&mut ours),
    )
    .against("petgraph Graph with time, dijkstra", median(&mut petgraph))
    .print();
}

fn timed<T>(times: &mut Vec<f64>, work: impl FnOnce() -> T) -> T {
    let started = Instant::now();
    let result = black_box(work());
    times.push(started.elapsed().as_secs_f64() * 1e3);
    result
}

fn now(view: &GraphView) -> AsOf {
    AsOf {
        valid_at: Timestamp::from_unix_nanos(NOW),
        known_at: view.position(),
    }
}

fn all(hops_max: Option<u32>) -> BlastLimits {
    BlastLimits {
        hops_max,
        impacts_max: 20,
        visited_max: usize::MAX,
        score_min: 0.0,
    }
}

fn id(view: &GraphView, item: usize) -> CiId {
    view.resolve(&name(item), None, Timestamp::from_unix_nanos(NOW))
        .item()
        .expect("every item of the estate was named")
        .id()
}
