//! What databases can be asked of the same history: the newest changes of three days on all that lies
//! within three relations of the affected items, in either direction. They are neither weighed nor explained.

use benches::{Peer, write_table};
use serde_json::json;
use tempfile::TempDir;

use crate::{History, LIMITS, LOOKBACK_SECONDS};

const HOPS_MAX: u32 = 3;

/// Whom the plainer question is asked of: rows written by hand, and databases.
pub(crate) struct Peers {
    neighbours: Rows,
    /// The numbers of the changes of each item, which is the order in which they started.
    changes: Rows,
    started: Vec<u32>,
    pub(crate) programs: Vec<Peer>,
    /// Where the programs find their tables.
    _tables: TempDir,
}

/// The affected items and the moment, in seconds.
pub(crate) struct Plain {
    pub(crate) items: Vec<usize>,
    pub(crate) at: usize,
}

/// The values of every key, side by side.
struct Rows {
    starts: Vec<u32>,
    values: Vec<u32>,
}

impl Peers {
    pub(crate) fn of(items: usize, history: &History) -> Self {
        let needs = history.needs.iter();
        let mut both_ways: Vec<(u32, u32)> = needs
            .flat_map(|(dependent, provider)| [(*dependent, *provider), (*provider, *dependent)])
            .collect();
        both_ways.sort_unstable();
        both_ways.dedup();
        let changed = history.changed.iter().enumerate();
        let mut changes: Vec<(u32, u32)> = changed
            .map(|(number, item)| (*item, number as u32))
            .collect();
        changes.sort_unstable();
        let started = (0..changes.len()).map(|number| history.started(number) as u32);
        let started: Vec<u32> = started.collect();
        let tables = tempfile::tempdir().expect("a temporary folder");
        let ends = both_ways.iter();
        let rows = ends.map(|(item, other)| [i64::from(*item), i64::from(*other), 0, i64::MAX]);
        write_table(tables.path(), "neighbour", rows);
        let rows = changes.iter().map(|(item, number)| {
            let at = started[*number as usize];
            [*item, at, *number].map(i64::from)
        });
        write_table(tables.path(), "change", rows);
        let engines = ["sqlite", "duckdb", "postgresql"];
        Self {
            neighbours: Rows::of(items, &both_ways),
            changes: Rows::of(items, &changes),
            started,
            programs: Peer::start_all(&engines, "nearby", tables.path()),
            _tables: tables,
        }
    }

    /// The numbers of the newest changes, by rows written by hand.
    pub(crate) fn newest(&self, plain: &Plain) -> Vec<u64> {
        let since = plain.at.saturating_sub(LOOKBACK_SECONDS) as u32;
        let from = self.started.partition_point(|at| *at < since) as u32;
        let until = self.started.partition_point(|at| *at <= plain.at as u32) as u32;
        let mut newest: Vec<u64> = Vec::new();
        for item in self.near(&plain.items) {
            let changes = self.changes.of_key(item);
            let first = changes.partition_point(|number| *number < from);
            let end = changes.partition_point(|number| *number < until);
            newest.extend(changes[first..end].iter().map(|number| u64::from(*number)));
        }
        newest.sort_unstable_by(|one, other| other.cmp(one));
        newest.truncate(LIMITS.first);
        newest
    }

    /// What lies within so many relations, the items themselves among it.
    fn near(&self, items: &[usize]) -> Vec<u32> {
        let mut seen = vec![0_u64; self.neighbours.starts.len().div_ceil(64)];
        let mut near: Vec<u32> = Vec::new();
        let mut meet = |item: u32, near: &mut Vec<u32>| {
            let (word, bit) = (&mut seen[item as usize / 64], 1 << (item % 64));
            if *word & bit == 0 {
                *word |= bit;
                near.push(item);
            }
        };
        for item in items {
            meet(*item as u32, &mut near);
        }
        let mut first = 0;
        for _ in 0..HOPS_MAX {
            let end = near.len();
            for place in first..end {
                for other in self.neighbours.of_key(near[place]) {
                    meet(*other, &mut near);
                }
            }
            first = end;
        }
        near
    }

    /// Asks every program, which must find what rows written by hand find; adds what each took.
    pub(crate) fn ask_programs(&mut self, plain: &Plain, times: &mut [Vec<f64>]) {
        let newest = self.newest(plain);
        let item = |place: usize| plain.items[place.min(plain.items.len() - 1)];
        let parameters = json!({
            "one": item(0),
            "two": item(1),
            "three": item(2),
            "hops": HOPS_MAX,
            "at": plain.at,
            "since": plain.at.saturating_sub(LOOKBACK_SECONDS),
            "first": LIMITS.first,
        });
        for (program, times) in self.programs.iter_mut().zip(times) {
            let found = program.ask(&parameters);
            assert_eq!(found.numbers, newest, "{} finds the same", program.name());
            times.push(found.ms);
        }
    }
}

impl Rows {
    /// Of pairs that are sorted.
    fn of(keys: usize, pairs: &[(u32, u32)]) -> Self {
        let mut starts = vec![0_u32; keys + 1];
        for (key, _) in pairs {
            starts[*key as usize + 1] += 1;
        }
        for key in 0..keys {
            starts[key + 1] += starts[key];
        }
        let values = pairs.iter().map(|(_, value)| *value).collect();
        Self { starts, values }
    }

    fn of_key(&self, key: u32) -> &[u32] {
        let key = key as usize;
        &self.values[self.starts[key] as usize..self.starts[key + 1] as usize]
    }
}
