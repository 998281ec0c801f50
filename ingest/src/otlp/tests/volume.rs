//! How many bytes a busy estate writes: to the log, and as measurements beside it.
//!
//! Calls are made up, everything behind them is real: windows, reports, the recorder, segment
//! files, frames. A tenth of the relations carries 200 calls a minute, four tenths 30, half of
//! them 3; durations are spread log-normally around a median of the relation's own, half a percent
//! of calls fails, and in every hour one relation in a hundred fails for ten minutes.

use store::{Rollups, SegmentConfig, SegmentLog, stats};
use tempfile::TempDir;

use super::super::calls::CallKind;
use super::measuring::rollups;
use super::*;
use model::KeyParts;

const RELATIONS_PER_SERVICE: usize = 10;
/// Head, ids, checksums and padding of a record, and the mark of a group of its own; generously.
const RECORD_BYTES: u64 = 300;
const DAY_MINUTES: f64 = 1_440.0;

/// Numbers that look random and are the same in every run.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    /// From 0 to 1.
    fn share(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Around 0, mostly within 1.
    fn spread(&mut self) -> f64 {
        (0..12).map(|_| self.share()).sum::<f64>() - 6.0
    }
}

/// One relation of the estate.
struct Route {
    dependent: KeyParts,
    provider: KeyParts,
    calls_per_minute: f64,
    median_ms: f64,
}

struct Estate {
    folder: TempDir,
    otlp: Arc<Otlp>,
    rollups: Arc<Rollups>,
    clock: Arc<HandClock>,
    routes: Vec<Route>,
    numbers: Numbers,
    minute: i64,
}

/// What was written so far.
struct Written {
    log: f64,
    /// Events by name.
    names: std::collections::BTreeMap<String, u64>,
    events: f64,
    measured: f64,
    /// Of hours that are over.
    hours: f64,
}

impl Estate {
    fn of(services: usize) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let clock = Arc::new(HandClock(AtomicI64::new(NOON_MS)));
        let segments = SegmentConfig {
            segment_bytes: 1024 * 1024,
            group_bytes: 4 * 1024 * 1024,
            group_delay: Duration::ZERO,
            queue_bytes: 64 * 1024 * 1024,
        };
        let log = SegmentLog::open(&folder.path().join("log"), segments, clock.clone()).unwrap();
        let limits = RecorderLimits {
            events_in_flight: 50_000,
            bytes_in_flight: 64 * 1024 * 1024,
        };
        let rollups = rollups(&folder.path().join("rollups"));
        let config = OtlpConfig {
            relations_max: 1_000_000,
            items_max: 1_000_000,
            ..config()
        };
        let recorder = Recorder::new(Arc::new(log), limits);
        let otlp = Otlp::measured(recorder, clock.clone(), config, Arc::clone(&rollups));
        let mut numbers = Numbers(0x9e37_79b9_7f4a_7c15);
        Self {
            routes: routes(services, &mut numbers),
            folder,
            otlp,
            rollups,
            clock,
            numbers,
            minute: 0,
        }
    }

    /// Lets the estate call for some minutes.
    async fn run(&mut self, minutes: i64) {
        for _ in 0..minutes {
            self.call_for_a_minute();
            self.minute += 1;
            let now = NOON_MS + self.minute * 60_000 + 25_000;
            self.clock.0.store(now, Ordering::SeqCst);
            self.otlp.close_due_now().await;
            self.rollups.tend(self.clock.now());
        }
        self.rollups.write_all(self.clock.now());
    }

    fn call_for_a_minute(&mut self) {
        let mut state = self.otlp.state();
        let from = (NOON_MS + self.minute * 60_000) * 1_000_000;
        let numbers = &mut self.numbers;
        for (place, route) in self.routes.iter().enumerate() {
            let mean = route.calls_per_minute;
            let count = (mean + mean.sqrt() * numbers.spread()).round().max(0.0) as usize;
            let in_trouble = place % 101 == 7 && (20..30).contains(&(self.minute % 60));
            let failing = if in_trouble { 0.3 } else { 0.005 };
            let calls: Vec<(i64, u64, bool)> = (0..count)
                .map(|_| {
                    let started_at = from + (numbers.share() * 59e9) as i64;
                    let millis = route.median_ms * (0.6 * numbers.spread()).exp();
                    (started_at, (millis * 1e6) as u64, numbers.share() < failing)
                })
                .collect();
            let ends = (&route.dependent, &route.provider, CallKind::Calls);
            let now = self.clock.now().unix_nanos();
            state.aggregate().add_calls(ends, calls.into_iter(), now);
        }
    }

    fn written(&self) -> Written {
        let log = stats(&self.folder.path().join("log"), &mut |_| {}).unwrap();
        let kept = self.rollups.stats();
        assert_eq!((kept.dropped(), kept.damaged, kept.failures), (0, 0, 0));
        let beside_payload = (RECORD_BYTES * log.records) as f64;
        Written {
            log: log.stored_payload_bytes as f64 + beside_payload,
            names: log.events,
            events: log.records as f64,
            measured: kept.levels[0].bytes as f64,
            hours: kept.levels[1].bytes as f64,
        }
    }
}

fn routes(services: usize, numbers: &mut Numbers) -> Vec<Route> {
    let service = |n: usize| {
        KeyParts::new("service", format!("service-{n:05}"))
            .in_environment(Some("prod".to_owned()))
            .in_namespace(Some(format!("shop-{:03}", n / 50)))
    };
    let mut routes = Vec::new();
    for dependent in 0..services {
        for place in 0..RELATIONS_PER_SERVICE {
            let provider = numbers.next() as usize % services;
            routes.push(Route {
                dependent: service(dependent),
                provider: service(provider),
                calls_per_minute: [200.0, 30.0, 30.0, 30.0, 30.0, 3.0, 3.0, 3.0, 3.0, 3.0][place],
                median_ms: 5.0 * (2.0 * numbers.spread()).exp(),
            });
        }
    }
    routes
}

/// Bytes a relation and day writes to the log and takes as minutes of measurements.
async fn bytes_of_a_relation_and_day(services: usize, settle: i64, minutes: i64) -> (f64, f64) {
    let mut estate = Estate::of(services);
    let relations = (services * RELATIONS_PER_SERVICE) as f64;
    estate.run(1).await;
    let first = estate.written();
    estate.run(settle).await;
    let before = estate.written();
    estate.run(minutes).await;
    let after = estate.written();
    let of_a_day = |bytes: f64| bytes / relations * DAY_MINUTES / minutes as f64;
    let log = of_a_day(after.log - before.log);
    let measured = of_a_day(after.measured - before.measured);
    println!("{:?} and then {:?}", before.names, after.names);
    println!(
        "{services} services, {relations} relations, {minutes} minutes after {settle}: \
         {:.0} bytes a relation when it appears, {log:.0} bytes a relation and day in the log \
         ({:.3} GB a day for 100,000), {:.1} events a minute; {:.0} bytes a relation and minute \
         of measurements ({measured:.0} a day), {:.0} bytes a relation and hour",
        first.log / relations,
        log * 100_000.0 / 1e9,
        (after.events - before.events) / minutes as f64,
        measured / DAY_MINUTES,
        after.hours / relations,
    );
    (log, measured)
}

#[tokio::test]
async fn a_hundred_thousand_relations_write_less_than_a_gigabyte_a_day() {
    let (log, measured) = bytes_of_a_relation_and_day(200, 15, 60).await;
    assert!(log * 100_000.0 < 1e9, "{log} bytes a relation and day");
    assert!(measured < 250_000.0, "{measured} bytes a relation and day");
}

#[tokio::test]
#[ignore = "a measurement that takes minutes: ten thousand services, a hundred thousand relations"]
async fn the_same_in_full() {
    let (log, _) = bytes_of_a_relation_and_day(10_000, 15, 30).await;
    assert!(log * 100_000.0 < 1e9, "{log} bytes a relation and day");
}
