//! The same questions of rows written by hand, and of petgraph: what can be reached, without paths and scores.

use std::collections::VecDeque;

use fixedbitset::FixedBitSet;
use petgraph::algo::dijkstra;
use petgraph::graph::{DiGraph, EdgeReference, NodeIndex};
use petgraph::visit::EdgeFiltered;

use crate::estate::Pair;

/// Rows by provider in one array, validity beside them, a bitset for what was seen.
pub(crate) struct HandWritten {
    starts: Vec<u32>,
    rows: Vec<(u32, i64, i64)>,
}

impl HandWritten {
    pub(crate) fn new(items: usize, pairs: &[Pair]) -> Self {
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

    pub(crate) fn reached(&self, origin: usize, at: i64, hops_max: u32) -> usize {
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

/// A graph of petgraph with the interval on every edge.
pub(crate) struct Petgraph(DiGraph<(), (i64, i64), u32>);

impl Petgraph {
    pub(crate) fn new(items: usize, pairs: &[Pair]) -> Self {
        let mut graph = DiGraph::with_capacity(items, pairs.len());
        for _ in 0..items {
            graph.add_node(());
        }
        for pair in pairs {
            let provider = NodeIndex::new(pair.provider);
            let dependent = NodeIndex::new(pair.dependent);
            graph.add_edge(provider, dependent, (pair.from, pair.until));
        }
        Self(graph)
    }

    pub(crate) fn reached(&self, origin: usize, at: i64, hops_max: u32) -> usize {
        let graph = &self.0;
        let mut seen = FixedBitSet::with_capacity(graph.node_count());
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

    /// How many items get a best score, by its own algorithm.
    pub(crate) fn scored(&self, origin: usize, at: i64) -> usize {
        let holds = |edge: EdgeReference<'_, (i64, i64), u32>| {
            let (from, until) = *edge.weight();
            from <= at && at < until
        };
        let holding = EdgeFiltered::from_fn(&self.0, holds);
        let scores = dijkstra(&holding, NodeIndex::new(origin), None, |_| -0.8_f64.ln());
        scores.len() - 1
    }
}
