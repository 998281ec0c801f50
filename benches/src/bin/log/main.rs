//! The log beside a plain preallocated file and beside engines, all on one disk in one run.
//!
//! The plain file and the engines get ready bytes and one group-commit writer thread (their
//! best form); the log gets events, which it encodes, digests, chains, checks for known ids
//! and writes in the same way. The column "encoded" is a plain file that is given the same
//! events and encodes them: what is left beside it is the log's own work. Every cell is measured several times, interleaved; the median
//! counts. `log [SECONDS [REPETITIONS [COLUMN...]]]`.

#![expect(
    clippy::expect_used,
    reason = "a benchmark stops where it cannot measure"
)]

mod events;
mod group;
mod peers;

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use benches::{Row, median, quantile};
use model::{LogPosition, NewEvent};
use store::{EventLog, ReadLimit, SegmentConfig, SegmentLog};

use events::{BenchClock, event, prepared_batches};
use group::GroupCommit;
use peers::{OpenSink, PEERS, Sink};

/// As the server sets it.
const CONFIG: SegmentConfig = SegmentConfig {
    segment_bytes: 16 * 1024 * 1024,
    group_bytes: 4 * 1024 * 1024,
    group_delay: Duration::ZERO,
    queue_bytes: 32 * 1024 * 1024,
};
const BULK_EVENTS: usize = 100_000;
const BATCH: usize = 1_000;

fn main() {
    let mut arguments = std::env::args().skip(1);
    let mut number = |usual| {
        let said = arguments.next();
        said.map_or(usual, |said| said.parse::<u64>().expect("a number"))
    };
    let duration = Duration::from_secs(number(2));
    let repetitions = number(3);
    let columns: Vec<String> = arguments.collect();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .build()
        .expect("a runtime");
    for writers in [64, 1] {
        let mut cells: Vec<Cell> = Cell::of(&columns);
        for _ in 0..repetitions {
            for cell in &mut cells {
                let directory = settled_directory();
                let mut waits = match cell.sink {
                    None => acknowledge_by_log(&runtime, directory.path(), writers, duration),
                    Some(sink) => {
                        let sink = sink(directory.path());
                        acknowledge_by_sink(&runtime, sink, cell.given, writers, duration)
                    }
                };
                cell.rates.push(waits.len() as f64 / duration.as_secs_f64());
                cell.p99_ms.push(quantile(&mut waits, 0.99));
            }
        }
        print_row(
            &format!("durable acknowledgement, 1 KB, {writers} writers, per second"),
            &mut cells,
            |cell| &mut cell.rates,
        );
        print_row("the same, p99 in ms", &mut cells, |cell| &mut cell.p99_ms);
    }
    for payload_bytes in [1_000, 300] {
        let mut cells = Cell::of(&columns);
        for _ in 0..repetitions {
            for cell in &mut cells {
                let directory = settled_directory();
                let seconds = match cell.sink {
                    None => bulk_by_log(&runtime, directory.path(), payload_bytes),
                    Some(sink) => {
                        let sink = sink(directory.path());
                        bulk_by_sink(&runtime, sink, cell.given, payload_bytes)
                    }
                };
                cell.rates.push(BULK_EVENTS as f64 / seconds);
            }
        }
        print_row(
            &format!("bulk append, {payload_bytes} B, batches of {BATCH}, per second"),
            &mut cells,
            |cell| &mut cell.rates,
        );
        replay(&runtime, payload_bytes, repetitions);
    }
}

/// A new directory, once the disk has done what was left of the cell before: files that are gone too.
fn settled_directory() -> tempfile::TempDir {
    let synced = std::process::Command::new("sync").status();
    assert!(synced.expect("a sync").success());
    tempfile::tempdir_in(".").expect("a directory")
}

/// One column: the log itself, or a sink.
struct Cell {
    name: &'static str,
    sink: Option<OpenSink>,
    given: Given,
    rates: Vec<f64>,
    p99_ms: Vec<f64>,
}

/// What whoever appends is given.
#[derive(Clone, Copy)]
enum Given {
    Events,
    Bytes,
}

impl Cell {
    /// The log itself and the peers of these names, or all of them.
    fn of(columns: &[String]) -> Vec<Self> {
        let [plain, ..] = PEERS;
        let events = [("epicenter", None), ("encoded", Some(plain.1))];
        let events = events.map(|(name, sink)| (name, sink, Given::Events));
        let peers = PEERS.map(|(name, sink)| (name, Some(sink), Given::Bytes));
        let wanted = |name: &str| columns.is_empty() || columns.iter().any(|column| column == name);
        events
            .into_iter()
            .chain(peers)
            .filter(|(name, sink, _)| sink.is_none() || wanted(name))
            .map(|(name, sink, given)| Self {
                name,
                sink,
                given,
                rates: Vec::new(),
                p99_ms: Vec::new(),
            })
            .collect()
    }
}

fn encoded(new: &NewEvent) -> Vec<u8> {
    let mut payload = Vec::with_capacity(1_024);
    new.event.encode_payload(&mut payload);
    payload
}

fn print_row(what: &str, cells: &mut [Cell], figures: impl Fn(&mut Cell) -> &mut Vec<f64>) {
    let mut medians = cells
        .iter_mut()
        .map(|cell| (cell.name, median(figures(cell))));
    let Some((_, own)) = medians.next() else {
        return;
    };
    let row = medians.fold(Row::new(what, own), |row, (name, figure)| {
        row.against(name, figure)
    });
    row.print();
}

/// How long each acknowledgement took, in milliseconds.
fn acknowledge_by_log(
    runtime: &tokio::runtime::Runtime,
    path: &Path,
    writers: u64,
    duration: Duration,
) -> Vec<f64> {
    let log =
        Arc::new(SegmentLog::open(path, CONFIG, Arc::new(BenchClock::default())).expect("a log"));
    let end = Instant::now() + duration;
    let tasks: Vec<_> = (0..writers)
        .map(|writer| {
            let log = Arc::clone(&log);
            runtime.spawn(async move {
                let mut waits = Vec::new();
                let mut number = writer << 40;
                while Instant::now() < end {
                    number += 1;
                    let started = Instant::now();
                    log.append(vec![event(number, 1_000)])
                        .await
                        .expect("an acknowledgement");
                    waits.push(started.elapsed().as_secs_f64() * 1e3);
                }
                waits
            })
        })
        .collect();
    joined(runtime, tasks)
}

fn acknowledge_by_sink(
    runtime: &tokio::runtime::Runtime,
    sink: Box<dyn Sink>,
    given: Given,
    writers: u64,
    duration: Duration,
) -> Vec<f64> {
    let group = Arc::new(GroupCommit::start(sink, CONFIG.group_bytes));
    let end = Instant::now() + duration;
    let tasks: Vec<_> = (0..writers)
        .map(|writer| {
            let group = Arc::clone(&group);
            runtime.spawn(async move {
                let mut waits = Vec::new();
                let mut number = writer << 40;
                while Instant::now() < end {
                    number += 1;
                    let started = Instant::now();
                    let record = match given {
                        Given::Events => encoded(&event(number, 1_000)),
                        Given::Bytes => vec![b'x'; 1_000],
                    };
                    group.append(vec![record]).await;
                    waits.push(started.elapsed().as_secs_f64() * 1e3);
                }
                waits
            })
        })
        .collect();
    joined(runtime, tasks)
}

fn joined(
    runtime: &tokio::runtime::Runtime,
    tasks: Vec<tokio::task::JoinHandle<Vec<f64>>>,
) -> Vec<f64> {
    runtime.block_on(async {
        let mut all = Vec::new();
        for task in tasks {
            all.extend(task.await.expect("a writer ends"));
        }
        all
    })
}

/// Seconds for all events, four batches in flight.
fn bulk_by_log(runtime: &tokio::runtime::Runtime, path: &Path, payload_bytes: usize) -> f64 {
    let log =
        Arc::new(SegmentLog::open(path, CONFIG, Arc::new(BenchClock::default())).expect("a log"));
    let batches = Arc::new(std::sync::Mutex::new(prepared_batches(
        BULK_EVENTS,
        BATCH,
        payload_bytes,
    )));
    let started = Instant::now();
    let tasks: Vec<_> = (0..4)
        .map(|_| {
            let (log, batches) = (Arc::clone(&log), Arc::clone(&batches));
            runtime.spawn(async move {
                loop {
                    let batch = batches.lock().expect("no writer panics").pop();
                    let Some(batch) = batch else {
                        return Vec::new();
                    };
                    log.append(batch).await.expect("an acknowledgement");
                }
            })
        })
        .collect();
    joined(runtime, tasks);
    started.elapsed().as_secs_f64()
}

enum Batch {
    Events(Vec<NewEvent>),
    Bytes(Vec<Vec<u8>>),
}

fn bulk_by_sink(
    runtime: &tokio::runtime::Runtime,
    sink: Box<dyn Sink>,
    given: Given,
    payload_bytes: usize,
) -> f64 {
    let group = Arc::new(GroupCommit::start(sink, CONFIG.group_bytes));
    let batches: Vec<Batch> = match given {
        Given::Events => {
            let batches = prepared_batches(BULK_EVENTS, BATCH, payload_bytes);
            batches.into_iter().map(Batch::Events).collect()
        }
        Given::Bytes => (0..BULK_EVENTS / BATCH)
            .map(|_| Batch::Bytes(vec![vec![b'x'; payload_bytes]; BATCH]))
            .collect(),
    };
    let batches = Arc::new(std::sync::Mutex::new(batches));
    let started = Instant::now();
    let tasks: Vec<_> = (0..4)
        .map(|_| {
            let (group, batches) = (Arc::clone(&group), Arc::clone(&batches));
            runtime.spawn(async move {
                loop {
                    let batch = batches.lock().expect("no writer panics").pop();
                    let records = match batch {
                        Some(Batch::Events(events)) => events.iter().map(encoded).collect(),
                        Some(Batch::Bytes(records)) => records,
                        None => return Vec::new(),
                    };
                    group.append(records).await;
                }
            })
        })
        .collect();
    joined(runtime, tasks);
    started.elapsed().as_secs_f64()
}

/// Reads a log from its start: records checked only, then whole events; and opens it.
fn replay(runtime: &tokio::runtime::Runtime, payload_bytes: usize, repetitions: u64) {
    let directory = tempfile::tempdir_in(".").expect("a directory");
    bulk_by_log(runtime, directory.path(), payload_bytes);
    let plain = directory.path().join("plain");
    peers::write_plain(&plain, BULK_EVENTS, payload_bytes);
    let (mut decode, mut whole, mut opening, mut plain_rates) = (vec![], vec![], vec![], vec![]);
    for _ in 0..repetitions * 3 {
        let started = Instant::now();
        let log = SegmentLog::open(directory.path(), CONFIG, Arc::new(BenchClock::default()))
            .expect("a log");
        opening.push(started.elapsed().as_secs_f64() * 1e3);
        let (started, mut bytes) = (Instant::now(), 0);
        log.visit_stored(LogPosition::ZERO, &mut |record| {
            bytes += record.stored.len();
        })
        .expect("a record");
        decode.push(BULK_EVENTS as f64 / started.elapsed().as_secs_f64());
        assert!(BULK_EVENTS * payload_bytes / 2 < bytes);
        let (started, mut after) = (Instant::now(), LogPosition::ZERO);
        while let Some(last) = log
            .read(
                after,
                ReadLimit {
                    events: 1_000,
                    bytes: usize::MAX,
                },
            )
            .expect("events")
            .last()
        {
            after = last.position;
        }
        whole.push(BULK_EVENTS as f64 / started.elapsed().as_secs_f64());
        let started = Instant::now();
        assert_eq!(peers::read_plain(&plain), BULK_EVENTS);
        plain_rates.push(BULK_EVENTS as f64 / started.elapsed().as_secs_f64());
    }
    let row = Row::new(
        &format!(
            "replay, decode only (records checked, payload in place), {payload_bytes} B, per second"
        ),
        median(&mut decode),
    );
    row.against("plain file", median(&mut plain_rates)).print();
    Row::new(
        &format!("replay, whole events, one thread, {payload_bytes} B, per second"),
        median(&mut whole),
    )
    .print();
    Row::new(
        &format!("opening a log of {BULK_EVENTS} events, {payload_bytes} B, in ms"),
        median(&mut opening),
    )
    .against("limit", 30.0)
    .print();
}
