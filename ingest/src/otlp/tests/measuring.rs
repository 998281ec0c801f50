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
