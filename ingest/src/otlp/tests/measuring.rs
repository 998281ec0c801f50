//! What closed windows show is measured, by relation and by the item that takes the calls.

use std::path::Path;

use store::{CALL_PARTS, Level, RollupConfig, RollupQuestion, Rollups, Series};
use tempfile::TempDir;

use super::windows::{told_after, traffic};
use super::*;

/// Measurements that are kept for a day.
pub(super) fn rollups(folder: &Path) -> Arc<Rollups> {
    let day = Duration::from_secs(86_400);
    let kept = RollupConfig {
        minutes_kept: day,
        hours_kept: day,
        days_kept: day,
        bytes_max: u64::MAX,
        series_max: 250_000,
        waiting_bytes_max: 256 * 1024 * 1024,
    };
    Arc::new(Rollups::open(folder, kept).unwrap())
}

/// OpenTelemetry that is measured, and its measurements.
struct Measuring {
    bench: Bench,
    rollups: Arc<Rollups>,
}

impl Measuring {
    /// One that stops: what it measured is on the disk, and what it knew is gone.
    async fn stopped(self) {
        self.bench.otlp.flush().await.unwrap();
        self.rollups.write_all(self.bench.clock.now());
    }

    /// One that starts so many minutes after noon over what another measured.
    async fn started(folder: &TempDir, minutes: i64) -> Self {
        let measuring = Self::over(folder);
        let clock = &measuring.bench.clock;
        clock.0.fetch_add(minutes * 60_000, Ordering::SeqCst);
        let now = clock.now();
        measuring.bench.otlp.warm_up(now).await;
        measuring
    }

    fn over(folder: &TempDir) -> Self {
        let rollups = rollups(folder.path());
        let mut bench = Bench::new();
        bench.otlp = Otlp::measured(
            bench.otlp.recorder.clone(),
            bench.clock.clone(),
            config(),
            Arc::clone(&rollups),
        );
        Self { bench, rollups }
    }

    fn of_calls(&self, dependent: &str) -> String {
        self.points(Series::of_relation(dependent, "service:api", "calls"))
    }

    fn points(&self, series: Series) -> String {
        let from = Timestamp::from_unix_millis(NOON_MS);
        let answer = self.rollups.read(&RollupQuestion {
            series: vec![series],
            from,
            until: from.plus_millis(3_600_000),
            step_nanos: Level::Minute.nanos(),
        });
        let lines = answer.points.iter().map(|point| {
            let totals = &point.measured.totals;
            format!(
                "{} {} calls {} errors {} samples p99 {:.2}",
                &point.start.to_string()[11..16],
                totals.calls / CALL_PARTS,
                totals.errors / CALL_PARTS,
                totals.samples,
                point.measured.latency.quantile_ms(0.99).unwrap()
            )
        });
        lines.collect::<Vec<_>>().join("\n")
    }
}

#[tokio::test]
async fn what_closed_windows_show_is_measured_by_relation_and_item() {
    let folder = tempfile::tempdir().unwrap();
    let measuring = Measuring::over(&folder);
    let bench = &measuring.bench;
    traffic(bench, 0, 30, 3, 10).await;
    traffic(bench, 1, 10, 0, 50).await;
    // Late for its window, and one that stands for four.
    bench
        .spans("900001 cart client @1 +20 peer.service=api")
        .await;
    let mut sampled = request("900002 batch client @2 +20 peer.service=api");
    sampled.resource_spans[0].scope_spans[0].spans[0].trace_state = "ot=th:c".to_owned();
    let body = sampled.encode_to_vec();
    bench
        .post("/v1/traces", "application/x-protobuf", body)
        .await;
    told_after(bench).await;
    assert_eq!(
        measuring.of_calls("service:web"),
        "12:00 30 calls 3 errors 30 samples p99 10.00\n\
         12:01 10 calls 0 errors 10 samples p99 50.00"
    );
    assert_eq!(
        measuring.of_calls("service:batch"),
        "12:00 4 calls 0 errors 1 samples p99 20.00"
    );
    assert_eq!(
        measuring.points(Series::of_item("service:api")),
        "12:00 35 calls 3 errors 32 samples p99 19.69\n\
         12:01 10 calls 0 errors 10 samples p99 50.00"
    );
    assert_eq!(measuring.points(Series::of_item("service:web")), "");
}

/// What is told of deviations, each with the beginning of its window.
fn deviations(bench: &Bench) -> Vec<String> {
    let told = |event: &EventEnvelope| {
        let Event::RelationDeviated(it) = &event.event else {
            return None;
        };
        let (from, until) = (it.deviation.window.from(), it.deviation.window.until()?);
        let clock = |at: Timestamp| at.to_string()[11..16].to_owned();
        let (metric, value) = (&it.deviation.metric, it.deviation.value);
        Some(format!(
            "{metric} {value:.2} {} to {}",
            clock(from),
            clock(until)
        ))
    };
    bench.events().iter().filter_map(told).collect()
}

#[tokio::test]
async fn what_is_usual_is_known_again_after_a_start() {
    let folder = tempfile::tempdir().unwrap();
    let before = Measuring::over(&folder);
    for minute in 0..8 {
        traffic(&before.bench, minute, 30, 0, 10).await;
    }
    before.stopped().await;
    let after = Measuring::started(&folder, 9).await;
    traffic(&after.bench, 10, 30, 15, 10).await;
    told_after(&after.bench).await;
    assert_eq!(deviations(&after.bench), ["error_rate 0.50 12:10 to 12:11"]);
}

#[tokio::test]
async fn a_deviation_that_goes_on_over_a_start_keeps_its_beginning() {
    let folder = tempfile::tempdir().unwrap();
    let before = Measuring::over(&folder);
    for minute in 0..8 {
        let failed = if minute < 6 { 0 } else { 15 };
        traffic(&before.bench, minute, 30, failed, 10).await;
    }
    assert_eq!(
        deviations(&before.bench),
        ["error_rate 0.50 12:06 to 12:07"]
    );
    before.stopped().await;
    let after = Measuring::started(&folder, 9).await;
    traffic(&after.bench, 10, 30, 20, 10).await;
    for minute in 11..15 {
        traffic(&after.bench, minute, 30, 0, 10).await;
    }
    told_after(&after.bench).await;
    assert_eq!(deviations(&after.bench), ["error_rate 0.67 12:06 to 12:11"]);
}

#[tokio::test]
async fn the_window_of_a_start_and_the_time_before_it_are_not_held_against_the_calls() {
    let folder = tempfile::tempdir().unwrap();
    let before = Measuring::over(&folder);
    for minute in 0..8 {
        traffic(&before.bench, minute, 60, 0, 10).await;
    }
    before.stopped().await;
    let after = Measuring::started(&folder, 25).await;
    traffic(&after.bench, 25, 5, 0, 10).await;
    for minute in 26..30 {
        traffic(&after.bench, minute, 60, 0, 10).await;
    }
    told_after(&after.bench).await;
    assert_eq!(deviations(&after.bench), [""; 0]);
    traffic(&after.bench, 32, 5, 0, 10).await;
    told_after(&after.bench).await;
    assert_eq!(
        deviations(&after.bench),
        ["calls_per_second 0.08 12:32 to 12:33"]
    );
}

#[tokio::test]
async fn what_was_measured_long_before_a_start_is_not_what_is_usual() {
    let folder = tempfile::tempdir().unwrap();
    let before = Measuring::over(&folder);
    for minute in 0..8 {
        traffic(&before.bench, minute, 30, 0, 10).await;
    }
    before.stopped().await;
    let after = Measuring::started(&folder, 120).await;
    traffic(&after.bench, 121, 30, 15, 10).await;
    told_after(&after.bench).await;
    assert_eq!(deviations(&after.bench), [""; 0]);
}
