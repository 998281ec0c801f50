//! Folding and blast radius against hand-written limits and petgraph, in one run.
//!
//! The estate: items in layers, every item needs five others, a few of them hubs;
//! relations hold since the first day, one in ten ended before the question.

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

use benches::{Random, Row, median};
use graph::{BlastLimits, Estate, GraphView, Projection, blast_radius};
use model::{
    Actor, AsOf, CiId, Event, EventEnvelope, EventId, KeyParts, LogPosition, ObservedRelation,
    RelationKind, SourceKey, SourceName, Timestamp,
};
use petgraph::graph::{DiGraph, NodeIndex};

const RELATIONS_PER_ITEM: usize = 5;
const REPETITIONS: usize = 5;

fn main() {
    let items: usize = std::env::args().nth(1).map_or(100_000, |text| {
        text.parse().expect("the argument is a number of items")
    });
    let pairs = pairs(items);
    let before = resident_bytes();
    let (estate, view) = fold(&pairs);
    let bytes = resident_bytes().saturating_sub(before);
    Row::new(
        "graph memory, bytes a relation (items included)",
        bytes as f64 / pairs.len() as f64,
    )
    .print();
    snapshot(&estate);
    let hand = HandWritten::new(items, &pairs);
    let peer = peer_graph(items, &pairs);
    for (name, hops_max) in [("unlimited hops", None), ("3 hops", Some(3))] {
        radius(name, hops_max, &view, &hand, &peer, items);
    }
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
    for dependent in 1..items {
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
    let mut folding = std::time::Duration::ZERO;
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
        black_box(estate.publish());
        folding += started.elapsed();
    }
    Row::new(
        "fold, decoded events a second",
        pairs.len() as f64 / folding.as_secs_f64(),
    )
    .print();
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
    hand: &HandWritten,
    peer: &DiGraph<(), (i64, i64), u32>,
    items: usize,
) {
    let mut random = Random::new(11);
    let (mut ours, mut limit, mut petgraph) = (Vec::new(), Vec::new(), Vec::new());
    let mut total = 0;
    let questions = if hops_max.is_some() { 200 } else { REPETITIONS };
    for _ in 0..questions {
        let origin = if hops_max.is_some() {
            random.below(items)
        } else {
            items * 4 / 5
        };
        let id = id(view, origin);
        let as_of = AsOf {
            valid_at: Timestamp::from_unix_nanos(900),
            known_at: view.position(),
        };
        let limits = BlastLimits {
            hops_max,
            impacts_max: 20,
            visited_max: usize::MAX,
            score_min: 0.0,
        };
        let started = Instant::now();
        let found = blast_radius(view, &[id], as_of, limits);
        ours.push(started.elapsed().as_secs_f64() * 1e3);
        let hops = hops_max.unwrap_or(u32::MAX);
        let started = Instant::now();
        let by_hand = hand.reached(origin, 900, hops);
        limit.push(started.elapsed().as_secs_f64() * 1e3);
        let started = Instant::now();
        let by_peer = peer_reached(peer, origin, 900, hops);
        petgraph.push(started.elapsed().as_secs_f64() * 1e3);
        assert_eq!(
            (found.total, by_peer),
            (by_hand, by_hand),
            "all three reach the same items"
        );
        total = total.max(found.total);
    }
    Row::new(
        &format!("blast radius with paths and scores, {name}, ms (p50)"),
        median(&mut ours),
    )
    .against("hand-written reachability", median(&mut limit))
    .against("petgraph Graph reachability", median(&mut petgraph))
    .print();
    println!("# up to {total} items reached");
}

fn id(view: &GraphView, item: usize) -> CiId {
    view.resolve(&name(item), None, Timestamp::from_unix_nanos(900))
        .item()
        .expect("every item of the estate was named")
        .id()
}

/// Resident memory of this process, from /proc.
fn resident_bytes() -> usize {
    let status = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages = status
        .split_whitespace()
        .nth(1)
        .and_then(|pages| pages.parse::<usize>().ok());
    pages.unwrap_or(0) * 4096
}
