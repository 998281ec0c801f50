//! Measurements as somebody who adds and asks meets them, on a real folder.

use std::fs;
use std::path::PathBuf;

use proptest::prelude::*;
use tempfile::TempDir;

use super::level::{DAY, HOUR};
use super::*;

const MINUTE: i64 = Level::Minute.nanos();
/// 2026-11-20T00:00:00Z.
const MIDNIGHT: i64 = 1_795_132_800 * 1_000_000_000;

fn config() -> RollupConfig {
    RollupConfig {
        minutes_kept: Duration::from_secs(6 * 3_600),
        hours_kept: Duration::from_secs(3 * 86_400),
        days_kept: Duration::from_secs(10 * 86_400),
        bytes_max: 1024 * 1024 * 1024,
        series_max: 1_000,
        waiting_bytes_max: 16 * 1024 * 1024,
    }
}

fn moment(minute: i64) -> Timestamp {
    Timestamp::from_unix_nanos(MIDNIGHT + minute * MINUTE)
}

fn series() -> Series {
    Series::of_relation("service:web", "service:api", "calls")
}

/// A call: the minute of its start, how long it took in microseconds, whether it failed.
type Call = (i64, u64, bool);

fn measured(calls: &[Call]) -> Measured {
    let mut latency = Latency::default();
    for (_, micros, _) in calls {
        latency.add(micros * 1_000, 1);
    }
    let starts = || calls.iter().map(|(minute, ..)| moment(*minute));
    Measured {
        totals: Totals {
            calls: calls.len() as u64 * CALL_PARTS,
            errors: calls.iter().filter(|call| call.2).count() as u64 * CALL_PARTS,
            samples: calls.len() as u64,
            first_seen_at: starts().min().unwrap(),
            last_seen_at: starts().max().unwrap(),
        },
        latency,
    }
}

fn opened(folder: &TempDir) -> Rollups {
    Rollups::open(folder.path(), config()).unwrap()
}

fn add(rollups: &Rollups, calls: &[Call]) {
    let minute = calls[0].0;
    rollups.add(moment(minute), [(series(), measured(calls))]);
}

/// As many calls in each of these minutes, of one millisecond each.
fn steady(rollups: &Rollups, minutes: std::ops::Range<i64>, calls: usize) {
    for minute in minutes {
        add(rollups, &vec![(minute, 1_000, false); calls]);
    }
}

fn asked(rollups: &Rollups, minutes: std::ops::Range<i64>, step_nanos: i64) -> RollupAnswer {
    rollups.read(&RollupQuestion {
        series: vec![series()],
        from: moment(minutes.start),
        until: moment(minutes.end),
        step_nanos,
    })
}

fn calls_of(answer: &RollupAnswer) -> Vec<u64> {
    let calls = |point: &RollupPoint| point.measured.totals.calls / CALL_PARTS;
    answer.points.iter().map(calls).collect()
}

/// Lets so much time go by that everything is written and summed up that is due.
fn pass(rollups: &Rollups, until_minute: i64) {
    for _ in 0..100 {
        rollups.tend(moment(until_minute));
    }
}

fn files(folder: &TempDir) -> Vec<PathBuf> {
    let levels = ["minute", "hour", "day"].into_iter();
    let entries = levels.flat_map(|level| fs::read_dir(folder.path().join(level)).unwrap());
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths
}

#[test]
fn what_waits_for_the_disk_is_in_the_answer() {
    let folder = tempfile::tempdir().unwrap();
    let rollups = opened(&folder);
    rollups.tend(moment(0));
    steady(&rollups, 0..2, 3);
    rollups.tend(moment(0));
    assert_eq!(files(&folder), Vec::<PathBuf>::new());
    assert_eq!(calls_of(&asked(&rollups, 0..5, MINUTE)), [3, 3]);
    rollups.tend(moment(1));
    assert_eq!(files(&folder).len(), 1);
    steady(&rollups, 1..3, 2);
    assert_eq!(calls_of(&asked(&rollups, 0..5, MINUTE)), [3, 5, 2]);
}

#[test]
fn what_was_written_is_there_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let rollups = opened(&folder);
    steady(&rollups, 0..90, 4);
    rollups.write_all(moment(90));
    let again = opened(&folder);
    assert_eq!(calls_of(&asked(&again, 0..120, HOUR)), [240, 120]);
    assert_eq!(again.stats().damaged, 0);
}

#[test]
fn late_windows_of_an_hour_that_was_summed_up_are_in_every_answer() {
    let folder = tempfile::tempdir().unwrap();
    let rollups = opened(&folder);
    steady(&rollups, 0..60, 1);
    pass(&rollups, 70);
    steady(&rollups, 30..31, 5);
    let all = |rollups: &Rollups| calls_of(&asked(rollups, 0..60, HOUR));
    assert_eq!(all(&rollups), [65]);
    pass(&rollups, 72);
    assert_eq!(all(&rollups), [65]);
    pass(&rollups, 200);
    assert_eq!(all(&rollups), [65]);
    assert_eq!(all(&opened(&folder)), [65]);
    assert_eq!(calls_of(&asked(&rollups, 0..60, DAY)), [65]);
}

#[test]
fn minutes_go_before_hours_and_hours_before_days() {
    let folder = tempfile::tempdir().unwrap();
    let rollups = opened(&folder);
    steady(&rollups, 0..1_440, 1);
    pass(&rollups, 1_445);
    let kept = |rollups: &Rollups| -> Vec<usize> {
        let stats = rollups.stats();
        stats.levels.iter().map(|level| level.files).collect()
    };
    // An hour goes when all of it is older than six hours.
    assert_eq!(kept(&rollups), [6, 24, 1]);
    let answer = asked(&rollups, 0..1_440, MINUTE);
    assert_eq!(answer.points.len(), 360);
    assert_eq!(answer.kept_since[0].since, moment(18 * 60));
    assert_eq!(calls_of(&asked(&rollups, 0..1_440, HOUR)), [60; 24]);
    pass(&rollups, 5 * 1_440);
    assert_eq!(kept(&rollups), [0, 0, 1]);
    assert_eq!(calls_of(&asked(&rollups, 0..1_440, HOUR)), [0_u64; 0]);
    assert_eq!(calls_of(&asked(&rollups, 0..1_440, DAY)), [1_440]);
    pass(&rollups, 12 * 1_440);
    assert_eq!(kept(&rollups), [0, 0, 0]);
}

#[test]
fn what_comes_when_only_hours_or_days_are_kept_goes_there() {
    let folder = tempfile::tempdir().unwrap();
    let rollups = opened(&folder);
    steady(&rollups, 0..120, 1);
    pass(&rollups, 1_440);
    steady(&rollups, 30..32, 10);
    pass(&rollups, 1_441);
    assert_eq!(calls_of(&asked(&rollups, 0..120, HOUR)), [80, 60]);
    pass(&rollups, 1_600);
    assert_eq!(calls_of(&asked(&rollups, 0..120, DAY)), [140]);
    pass(&rollups, 6 * 1_440);
    steady(&rollups, 45..46, 100);
    pass(&rollups, 6 * 1_440 + 1);
    assert_eq!(calls_of(&asked(&rollups, 0..120, DAY)), [240]);
    assert_eq!(calls_of(&asked(&opened(&folder), 0..120, DAY)), [240]);
    pass(&rollups, 20 * 1_440);
    steady(&rollups, 45..46, 100);
    pass(&rollups, 20 * 1_440 + 1);
    assert_eq!(rollups.stats().too_old, 1);
}

#[test]
fn the_oldest_of_the_finest_goes_when_there_is_too_much() {
    let folder = tempfile::tempdir().unwrap();
    let small = RollupConfig {
        bytes_max: 20_000,
        ..config()
    };
    let rollups = Rollups::open(folder.path(), small).unwrap();
    steady(&rollups, 0..300, 1);
    pass(&rollups, 300);
    let stats = rollups.stats();
    assert!(0 < stats.let_go_early, "{stats:?}");
    let bytes: u64 = stats.levels.iter().map(|level| level.bytes).sum();
    assert!(bytes <= 20_000, "{stats:?}");
    assert_eq!(calls_of(&asked(&rollups, 0..300, HOUR)), [60; 5]);
}

#[test]
fn more_series_than_a_minute_may_hold_are_counted() {
    let folder = tempfile::tempdir().unwrap();
    let rollups = opened(&folder);
    let one = measured(&[(0, 1_000, false)]);
    let many = (0..1_500).map(|n| (Series::of_item(&format!("service:s{n}")), one.clone()));
    rollups.add(moment(0), many);
    let stats = rollups.stats();
    assert_eq!((stats.waiting, stats.beyond_series), (1_000, 500));
    assert_eq!(stats.dropped(), 500);
}

#[test]
fn a_write_that_stopped_half_way_costs_what_was_not_written_whole() {
    let folder = tempfile::tempdir().unwrap();
    let rollups = opened(&folder);
    steady(&rollups, 0..3, 7);
    rollups.write_all(moment(3));
    let path = files(&folder).remove(0);
    let bytes = fs::read(&path).unwrap();
    fs::write(&path, &bytes[..bytes.len() - 5]).unwrap();
    let again = opened(&folder);
    assert_eq!(calls_of(&asked(&again, 0..3, MINUTE)), [7, 7]);
    assert!(0 < again.stats().torn_bytes);
    steady(&again, 2..4, 1);
    again.write_all(moment(4));
    assert_eq!(
        calls_of(&asked(&opened(&folder), 0..4, MINUTE)),
        [7, 7, 1, 1]
    );
}

#[test]
fn a_deleted_folder_costs_the_measurements_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let rollups = opened(&folder);
    steady(&rollups, 0..3, 7);
    rollups.write_all(moment(3));
    fs::remove_dir_all(folder.path().join("minute")).unwrap();
    assert_eq!(asked(&rollups, 0..3, MINUTE).damaged, 1);
    assert_eq!(calls_of(&asked(&opened(&folder), 0..3, MINUTE)), [0_u64; 0]);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, ..ProptestConfig::default() })]

    /// However calls are split, shuffled, written and read back, and whichever level answers, the
    /// counts are those of the whole and quantiles as close as the sketch says.
    #[test]
    fn parts_in_any_order_make_the_whole(
        calls in prop::collection::vec((0_i64..200, 1_u64..10_000_000, any::<bool>()), 1..200),
        restarts in prop::collection::vec(any::<bool>(), 200),
        writes in prop::collection::vec(prop::bool::weighted(0.1), 200),
    ) {
        let folder = tempfile::tempdir().unwrap();
        let mut rollups = opened(&folder);
        for (call, (restart, write)) in calls.iter().zip(restarts.iter().zip(&writes)) {
            add(&rollups, &[*call]);
            if *write {
                rollups.write_all(moment(200));
            }
            if *write && *restart {
                rollups = opened(&folder);
            }
        }
        let before = asked(&rollups, 0..240, HOUR);
        is_whole(&before, &calls)?;
        pass(&rollups, 1_500);
        let hours = asked(&rollups, 0..240, HOUR);
        is_whole(&hours, &calls)?;
        prop_assert_eq!(calls_of(&before), calls_of(&hours));
        is_whole(&asked(&rollups, 0..1_440, DAY), &calls)?;
        is_whole(&asked(&opened(&folder), 0..1_440, DAY), &calls)?;
    }

    /// A flipped bit anywhere is told, costs at most its own minute or hour, and never a panic.
    #[test]
    fn a_flipped_bit_is_told_and_costs_little(place in any::<prop::sample::Index>(), bit in 0_u8..8) {
        let folder = tempfile::tempdir().unwrap();
        let rollups = opened(&folder);
        steady(&rollups, 0..20, 7);
        for minute in 1..=20 {
            rollups.tend(moment(minute));
        }
        rollups.write_all(moment(21));
        let path = files(&folder).remove(0);
        let mut bytes = fs::read(&path).unwrap();
        let place = place.index(bytes.len());
        bytes[place] ^= 1_u8 << bit;
        fs::write(&path, bytes).unwrap();
        let again = opened(&folder);
        let answer = asked(&again, 0..20, MINUTE);
        let stats = again.stats();
        prop_assert!(0 < stats.damaged || 0 < stats.torn_bytes, "{stats:?}");
        prop_assert_eq!(calls_of(&answer), [7; 19]);
        pass(&again, 100);
        prop_assert_eq!(calls_of(&asked(&again, 0..60, HOUR)), [7 * 19]);
    }

    /// Any bytes in the place of a file are read without a panic.
    #[test]
    fn any_bytes_are_no_frame(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let folder = tempfile::tempdir().unwrap();
        drop(opened(&folder));
        let name = "2026-11-20T00-00-00Z.rollup";
        fs::write(folder.path().join("minute").join(name), &bytes).unwrap();
        let rollups = opened(&folder);
        prop_assert_eq!(calls_of(&asked(&rollups, 0..60, HOUR)), [0_u64; 0]);
        prop_assert_eq!(rollups.stats().torn_bytes, bytes.len() as u64);
    }
}

fn is_whole(answer: &RollupAnswer, calls: &[Call]) -> Result<(), TestCaseError> {
    let mut points = answer
        .points
        .clone()
        .into_iter()
        .map(|point| point.measured);
    let mut all = points.next().unwrap();
    points.for_each(|point| all.merge(&point));
    let exact = measured(calls);
    prop_assert_eq!(all.totals, exact.totals);
    let mut micros: Vec<u64> = calls.iter().map(|call| call.1).collect();
    micros.sort_unstable();
    for share in [0.0, 0.1, 0.5, 0.9, 0.99, 1.0] {
        let rank = (share * (micros.len() - 1) as f64) as usize;
        let exact_ms = micros[rank] as f64 / 1_000.0;
        let found = all.latency.quantile_ms(share).unwrap();
        let off = (found - exact_ms).abs() / exact_ms;
        prop_assert!(
            off <= Latency::ACCURACY + 1e-9,
            "{found} for {exact_ms} at {share}"
        );
        // The bins of the whole and of its parts are the same.
        prop_assert_eq!(Some(found), exact.latency.quantile_ms(share));
    }
    Ok(())
}
