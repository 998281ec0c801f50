//! What one relation did before and after a change, read back among 100,000 relations, beside SQLite.
//!
//! Two hours of minutes of every relation lie on the disk: counts, errors and a sketch of 40 durations. The
//! question is that of `Relation.comparison`: half an hour before a moment and half an hour after it, each as
//! one step. SQLite has a row for each relation and minute, clustered by both, with the durations of the row as
//! its blob, and its caller adds the rows up. Both are asked of relations chosen at random.
//!
//! `measurements RELATIONS` (100,000 by default).

use std::time::{Duration, Instant};

use benches::{Random, Row, quantile};
use model::Timestamp;
use rusqlite::{Connection, params};
use store::{
    CALL_PARTS, Latency, Level, Measured, RollupConfig, RollupQuestion, Rollups, Series, Totals,
};

const NOON: i64 = 1_795_176_000_000_000_000;
const MINUTE: i64 = 60_000_000_000;
const MINUTES: i64 = 120;
const QUESTIONS: usize = 400;
const DURATIONS: usize = 40;

fn main() {
    let relations = std::env::args().nth(1);
    let relations: usize =
        relations.map_or(100_000, |text| text.parse().expect("a number of relations"));
    let folder = tempfile::tempdir().expect("there is room for a folder");
    let rollups = filled(folder.path(), relations);
    let sqlite = filled_sqlite(folder.path(), relations);
    let mut random = Random::new(11);
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..QUESTIONS {
        let relation = random.below(relations);
        let change = NOON + (30 + random.below(60) as i64) * MINUTE;
        let started = Instant::now();
        let told = compared(&rollups, relation, change);
        ours.push(millis(started.elapsed()));
        let started = Instant::now();
        let expected = compared_by_sqlite(&sqlite, relation, change);
        theirs.push(millis(started.elapsed()));
        assert_eq!(told, expected, "both know the same calls and errors");
    }
    let name = format!("measurements, before and after a change, {relations} relations");
    for (share, called) in [(0.5, "p50"), (0.99, "p99")] {
        Row::new(&format!("{name}, {called} ms"), quantile(&mut ours, share))
            .against(
                "SQLite, rows added up by the caller",
                quantile(&mut theirs, share),
            )
            .print();
    }
    let levels = rollups.stats().levels;
    let minutes = levels.iter().filter(|it| it.level == Level::Minute);
    let bytes = minutes.map(|level| level.bytes).sum();
    Row::new(
        "measurements, bytes a relation and minute",
        per_row(bytes, relations),
    )
    .against("SQLite", per_row(sqlite_bytes(&sqlite), relations))
    .print();
}

/// Calls and errors in half an hour, before and after.
type Compared = [(u64, u64); 2];

fn filled(folder: &std::path::Path, relations: usize) -> Rollups {
    let config = RollupConfig {
        minutes_kept: Duration::from_secs(86_400),
        hours_kept: Duration::from_secs(86_400),
        days_kept: Duration::from_secs(86_400),
        bytes_max: u64::MAX,
        series_max: relations,
        waiting_bytes_max: usize::MAX,
    };
    let rollups = Rollups::open(folder.join("rollups"), config).expect("the folder is new");
    for minute in 0..MINUTES {
        let from = moment(NOON + minute * MINUTE);
        let rows = (0..relations).map(|relation| (series(relation), measured(relation, minute)));
        rollups.add(from, rows);
        // As the server does: what is over is written, and summed up when its hour is.
        rollups.tend(from.plus_nanos(2 * MINUTE));
    }
    rollups.write_all(moment(NOON + (MINUTES + 2) * MINUTE));
    rollups
}

fn series(relation: usize) -> Series {
    let (dependent, provider) = (relation / 10, relation % 997);
    Series::of_relation(
        &format!("service:prod/service-{dependent}"),
        &format!("service:prod/service-{provider}-{}", relation % 10),
        "calls",
    )
}

/// The durations of a relation's calls in a minute, in nanoseconds, and how many failed.
fn durations(relation: usize, minute: i64) -> (Vec<u64>, u64) {
    let mut random = Random::new((relation as u64) << 16 | minute as u64);
    let durations = (0..DURATIONS).map(|_| 1_000_000 + random.below(50_000_000) as u64);
    let durations: Vec<u64> = durations.collect();
    (durations, random.below(3) as u64)
}

fn measured(relation: usize, minute: i64) -> Measured {
    let (durations, errors) = durations(relation, minute);
    let mut latency = Latency::default();
    durations.iter().for_each(|nanos| latency.add(*nanos, 1));
    Measured {
        totals: Totals {
            calls: DURATIONS as u64 * CALL_PARTS,
            errors: errors * CALL_PARTS,
            samples: DURATIONS as u64,
            first_seen_at: moment(NOON + minute * MINUTE),
            last_seen_at: moment(NOON + minute * MINUTE + MINUTE / 2),
        },
        latency,
    }
}

fn compared(rollups: &Rollups, relation: usize, change: i64) -> Compared {
    let half_hour = 30 * MINUTE;
    [change - half_hour, change].map(|from| {
        let answer = rollups.read(&RollupQuestion {
            series: vec![series(relation)],
            from: moment(from),
            until: moment(from + half_hour),
            step_nanos: MINUTE,
        });
        let mut whole: Option<Measured> = None;
        for point in answer.points {
            match &mut whole {
                Some(whole) => whole.merge(&point.measured),
                None => whole = Some(point.measured),
            }
        }
        let whole = whole.expect("every relation was called in every minute");
        std::hint::black_box(whole.latency.quantile_ms(0.99));
        (
            whole.totals.calls / CALL_PARTS,
            whole.totals.errors / CALL_PARTS,
        )
    })
}

fn filled_sqlite(folder: &std::path::Path, relations: usize) -> Connection {
    let mut sqlite = Connection::open(folder.join("peer.sqlite")).expect("the folder is new");
    sqlite
        .execute_batch(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;
             CREATE TABLE minutes (relation INTEGER, minute INTEGER, calls INTEGER, errors INTEGER, durations BLOB,
                                   PRIMARY KEY (relation, minute)) WITHOUT ROWID;",
        )
        .expect("the tables are new");
    let rows = sqlite.transaction().expect("nobody else writes");
    {
        let mut insert = rows
            .prepare("INSERT INTO minutes VALUES (?, ?, ?, ?, ?)")
            .expect("the table is there");
        for relation in 0..relations {
            for minute in 0..MINUTES {
                let (durations, errors) = durations(relation, minute);
                // What a caller must keep to tell a quantile of several rows: tenths of milliseconds.
                let kept = durations.iter().map(|nanos| (nanos / 100_000) as u16);
                let blob: Vec<u8> = kept.flat_map(u16::to_le_bytes).collect();
                let values = params![
                    relation as i64,
                    minute,
                    DURATIONS as i64,
                    errors as i64,
                    blob
                ];
                insert.execute(values).expect("the row is new");
            }
        }
    }
    rows.commit().expect("there is room");
    sqlite
}

fn compared_by_sqlite(sqlite: &Connection, relation: usize, change: i64) -> Compared {
    let mut question = sqlite
        .prepare_cached(
            "SELECT calls, errors, durations FROM minutes WHERE relation = ? AND ? <= minute AND minute < ?",
        )
        .expect("the table is there");
    let change = (change - NOON) / MINUTE;
    [change - 30, change].map(|from| {
        let mut rows = question
            .query(params![relation as i64, from, from + 30])
            .expect("the question is right");
        let (mut calls, mut errors, mut durations) = (0, 0, Vec::new());
        while let Some(row) = rows.next().expect("the row is whole") {
            calls += row.get::<_, i64>(0).expect("a number") as u64;
            errors += row.get::<_, i64>(1).expect("a number") as u64;
            let blob: Vec<u8> = row.get(2).expect("bytes");
            let (pairs, _) = blob.as_chunks::<2>();
            durations.extend(pairs.iter().map(|pair| u16::from_le_bytes(*pair)));
        }
        let place = durations.len() * 99 / 100;
        std::hint::black_box(durations.select_nth_unstable(place).1);
        (calls, errors)
    })
}

fn sqlite_bytes(sqlite: &Connection) -> u64 {
    let question = "SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()";
    let bytes: i64 = sqlite
        .query_row(question, [], |row| row.get(0))
        .expect("it knows");
    bytes.unsigned_abs()
}

fn per_row(bytes: u64, relations: usize) -> f64 {
    bytes as f64 / relations as f64 / MINUTES as f64
}

fn moment(nanos: i64) -> Timestamp {
    Timestamp::from_unix_nanos(nanos)
}

fn millis(elapsed: Duration) -> f64 {
    elapsed.as_secs_f64() * 1_000.0
}
