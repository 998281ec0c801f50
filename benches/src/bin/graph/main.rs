//! Folding and blast radius against hand-written limits, petgraph, igraph and databases, in one run.
//!
//! The estate: items in layers, every item needs five others, a few of them hubs; one in ten relations ended
//! before now, another one in ten began since the past moment that is asked about too.
//! Sources state an item with all that it needs, but the items in no order, as sources do: so what is
//! numbered by arrival is not numbered by locality. The best hand-written limit is given that numbering,
//! everybody else the numbers of arrival.
//!
//! usage: `graph [ITEMS]`; `benches/peers/setup` brings what the peers need

#![expect(
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_precision_loss,
    clippy::print_stdout,
    reason = "a benchmark makes its own input and prints its result"
)]

mod estate;
mod in_memory;

use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use benches::{Peer, Random, Row, median, quantile, resident_bytes, write_table};
use graph::{BlastLimits, Estate, GraphView, Projection, blast_radius};
use model::{AsOf, CiId, EventEnvelope, Timestamp};
use serde_json::json;

use estate::{Pair, by_arrival, envelope, name, pairs, renumbered};
use in_memory::{HandWritten, Petgraph};

const REPETITIONS: usize = 7;
const QUESTIONS: usize = 200;

/// Of many questions the programs get one in so many.
const PROGRAMS_EVERY: usize = 5;

/// The moments asked about, in nanoseconds.
const MOMENTS: [(&str, i64); 2] = [("", NOW), (", as of the past", 400)];
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
    drop(estate);
    let mut asked = Asked {
        items,
        view,
        peers: Peers::of(items, &pairs),
    };
    for (when, at) in MOMENTS {
        for question in QUESTIONS_ASKED {
            asked.radius(question, when, at);
        }
    }
    asked.best_scores();
}

fn fold(pairs: &[Pair]) -> (Estate, Arc<GraphView>) {
    let mut estate = Estate::default();
    let (mut folding, mut aside) = (Duration::ZERO, Duration::ZERO);
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
    let rate = |time: Duration| pairs.len() as f64 / time.as_secs_f64();
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

/// What the same questions are asked of besides.
struct Peers {
    by_locality: HandWritten,
    by_arrival: HandWritten,
    petgraph: Petgraph,
    programs: Vec<Peer>,
    /// The number of each item by its first mention.
    arrival: Vec<usize>,
    /// Where the programs find their table.
    _table: tempfile::TempDir,
}

impl Peers {
    fn of(items: usize, pairs: &[Pair]) -> Self {
        let arrival = by_arrival(items, pairs);
        let mut as_arrived = renumbered(pairs, &arrival);
        let petgraph = Petgraph::new(items, &as_arrived);
        as_arrived.sort_unstable_by_key(|pair| (pair.provider, pair.dependent));
        let table = tempfile::tempdir().expect("a temporary folder");
        let rows = as_arrived.iter();
        let rows = rows.map(|pair| {
            let [provider, dependent] = [pair.provider, pair.dependent].map(|item| item as i64);
            [provider, dependent, pair.from, pair.until]
        });
        write_table(table.path(), "relation", rows);
        let engines = ["igraph", "sqlite", "duckdb", "postgresql"];
        Self {
            by_locality: HandWritten::new(items, pairs),
            by_arrival: HandWritten::new(items, &as_arrived),
            petgraph,
            programs: Peer::start_all(&engines, "reach", table.path()),
            arrival,
            _table: table,
        }
    }
}

/// A blast radius that is asked for often.
#[derive(Clone, Copy)]
struct Question {
    name: &'static str,
    hops_max: Option<u32>,
    /// Picks an item of so many to begin at, of which the first thousandth are hubs.
    origin: fn(&mut Random, usize) -> usize,
}

const QUESTIONS_ASKED: [Question; 5] = [
    Question {
        name: "unlimited hops",
        hops_max: None,
        origin: far_along,
    },
    Question {
        name: "3 hops, away from hubs",
        hops_max: Some(3),
        origin: away_from_hubs,
    },
    Question {
        name: "3 hops, on hubs",
        hops_max: Some(3),
        origin: on_hubs,
    },
    Question {
        name: "5 hops, away from hubs",
        hops_max: Some(5),
        origin: away_from_hubs,
    },
    Question {
        name: "5 hops, on hubs",
        hops_max: Some(5),
        origin: on_hubs,
    },
];

fn far_along(_: &mut Random, items: usize) -> usize {
    items * 4 / 5
}

fn away_from_hubs(random: &mut Random, items: usize) -> usize {
    let hubs = items / 1_000 + 1;
    hubs + random.below(items - hubs)
}

fn on_hubs(random: &mut Random, items: usize) -> usize {
    random.below(items / 1_000 + 1)
}

/// The estate that is asked about, and the peers that know it too.
struct Asked {
    items: usize,
    view: Arc<GraphView>,
    peers: Peers,
}

/// One question: where harm begins, how far it goes, and when.
#[derive(Clone, Copy)]
struct Harm {
    origin: usize,
    hops_max: Option<u32>,
    at: i64,
}

impl Asked {
    fn radius(&mut self, question: Question, when: &str, at: i64) {
        let mut random = Random::new(11);
        let mut times = Times::of(&self.peers);
        let (questions, programs_every) = match question.hops_max {
            Some(_) => (QUESTIONS, PROGRAMS_EVERY),
            None => (REPETITIONS, 1),
        };
        let mut most = 0;
        for number in 0..questions {
            let harm = Harm {
                origin: (question.origin)(&mut random, self.items),
                hops_max: question.hops_max,
                at,
            };
            if number == 0 {
                // Nobody's first time counts.
                let mut uncounted = Times::of(&self.peers);
                let reached = self.ask(harm, &mut uncounted);
                self.ask_programs(harm, reached, &mut uncounted);
            }
            let reached = self.ask(harm, &mut times);
            if number.is_multiple_of(programs_every) {
                self.ask_programs(harm, reached, &mut times);
            }
            most = most.max(reached);
        }
        let what = format!("{}{when}", question.name);
        times.print(&what, &self.peers.programs);
        println!("# up to {most} items reached");
    }

    /// Asks everybody in this process, who must all reach as many items.
    fn ask(&self, harm: Harm, times: &mut Times) -> usize {
        let (view, peers, at) = (&self.view, &self.peers, harm.at);
        let id = id(view, harm.origin);
        let hops = harm.hops_max.unwrap_or(u32::MAX);
        let number = peers.arrival[harm.origin];
        let found = timed(&mut times.ours, || {
            blast_radius(view, &[id], as_of(view, at), all(harm.hops_max))
        });
        let [by_locality, by_arrival, petgraph] = &mut times.in_memory;
        let reached = [
            timed(by_locality, || {
                peers.by_locality.reached(harm.origin, at, hops)
            }),
            timed(by_arrival, || peers.by_arrival.reached(number, at, hops)),
            timed(petgraph, || peers.petgraph.reached(number, at, hops)),
        ];
        assert_eq!(reached, [found.total; 3], "all reach the same items");
        found.total
    }

    fn ask_programs(&mut self, harm: Harm, reached: usize, times: &mut Times) {
        let number = self.peers.arrival[harm.origin];
        let parameters = json!({ "origin": number, "hops": harm.hops_max, "at": harm.at });
        for (program, times) in self.peers.programs.iter_mut().zip(&mut times.programs) {
            let found = program.ask(&parameters);
            let name = program.name();
            assert_eq!(found.numbers, [reached as u64], "{name} reaches the same");
            times.push(found.ms);
        }
    }

    /// The like of it by a peer: the best score of each item, as its own algorithm finds it.
    fn best_scores(&self) {
        let (view, peers) = (&self.view, &self.peers);
        let (mut ours, mut petgraph) = (Vec::new(), Vec::new());
        let origin = self.items * 4 / 5;
        let id = id(view, origin);
        for _ in 0..REPETITIONS {
            let found = timed(&mut ours, || {
                blast_radius(view, &[id], as_of(view, NOW), all(None))
            });
            let scored = timed(&mut petgraph, || {
                peers.petgraph.scored(peers.arrival[origin], NOW)
            });
            assert_eq!(scored, found.total, "both reach the same items");
        }
        Row::new(
            "best score of every item, unlimited hops, ms (p50)",
            median(&mut ours),
        )
        .against("petgraph Graph with time, dijkstra", median(&mut petgraph))
        .print();
    }
}

/// What everybody took, in milliseconds: we, the peers in this process, and the programs.
struct Times {
    ours: Vec<f64>,
    in_memory: [Vec<f64>; 3],
    programs: Vec<Vec<f64>>,
}

const IN_MEMORY: [&str; 3] = [
    "hand-written reachability",
    "the same numbered by arrival",
    "petgraph Graph with time, reachability",
];

impl Times {
    fn of(peers: &Peers) -> Self {
        Self {
            ours: Vec::new(),
            in_memory: [(); 3].map(|()| Vec::new()),
            programs: vec![Vec::new(); peers.programs.len()],
        }
    }

    fn print(&mut self, question: &str, programs: &[Peer]) {
        for (share, part) in [(0.5, "p50"), (0.99, "p99")] {
            let what = format!("blast radius with paths and scores, {question}, ms ({part})");
            let mut row = Row::new(&what, quantile(&mut self.ours, share));
            for (name, times) in IN_MEMORY.iter().zip(&mut self.in_memory) {
                row = row.against(name, quantile(times, share));
            }
            for (program, times) in programs.iter().zip(&mut self.programs) {
                row = row.against(program.name(), quantile(times, share));
            }
            row.print();
        }
    }
}

fn timed<T>(times: &mut Vec<f64>, work: impl FnOnce() -> T) -> T {
    let started = Instant::now();
    let result = black_box(work());
    times.push(started.elapsed().as_secs_f64() * 1e3);
    result
}

fn as_of(view: &GraphView, at: i64) -> AsOf {
    AsOf {
        valid_at: Timestamp::from_unix_nanos(at),
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
