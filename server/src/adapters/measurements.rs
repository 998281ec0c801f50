//! Measurements of calls as `api` sees them: sketches become quantiles here.

use std::sync::Arc;

use api::{
    KeptLevel, KeptMeasurements, MeasuredName, MeasuredStep, MeasuredSteps, MeasurementQuestion,
    Measurements, MeasurementsError, PortFuture,
};
use model::Timestamp;
use store::{CALL_PARTS, Measured, RollupPoint, RollupQuestion, Rollups, Series};
use tokio::sync::Semaphore;

/// Most questions that read files at once; the others wait.
const AT_ONCE: usize = 4;

/// The measurements of this node.
pub(super) struct KeptRollups {
    rollups: Arc<Rollups>,
    room: Arc<Semaphore>,
}

impl KeptRollups {
    pub(super) fn new(rollups: Arc<Rollups>) -> Self {
        Self {
            rollups,
            room: Arc::new(Semaphore::new(AT_ONCE)),
        }
    }
}

impl Measurements for KeptRollups {
    fn read(
        &self,
        question: MeasurementQuestion,
    ) -> PortFuture<'_, Result<MeasuredSteps, MeasurementsError>> {
        let (rollups, room) = (Arc::clone(&self.rollups), Arc::clone(&self.room));
        Box::pin(async move {
            let room = room.acquire_owned().await.map_err(failed)?;
            let read = tokio::task::spawn_blocking(move || {
                let _room = room;
                steps(&rollups, &question)
            });
            read.await.map_err(failed)
        })
    }

    fn kept(&self) -> KeptMeasurements {
        let stats = self.rollups.stats();
        let levels = stats.levels.iter().map(|level| KeptLevel {
            step_nanos: level.level.nanos(),
            files: level.files,
            bytes: level.bytes,
            since: level.first,
        });
        KeptMeasurements {
            levels: levels.collect(),
            waiting: stats.waiting,
            written: stats.written,
            beyond_series: stats.beyond_series,
            beyond_room: stats.beyond_room,
            too_old: stats.too_old,
            damaged: stats.damaged,
            torn_bytes: stats.torn_bytes,
            let_go_early: stats.let_go_early,
            failures: stats.failures,
        }
    }
}

fn failed(error: impl std::error::Error + Send + Sync + 'static) -> MeasurementsError {
    MeasurementsError(Box::new(error))
}

fn steps(rollups: &Rollups, question: &MeasurementQuestion) -> MeasuredSteps {
    let series = question.of.iter().map(|name| match name {
        MeasuredName::Item(key) => Series::of_item(key),
        MeasuredName::Relation {
            dependent,
            provider,
            kind,
        } => Series::of_relation(dependent, provider, kind),
    });
    let answer = rollups.read(&RollupQuestion {
        series: series.collect(),
        from: question.from,
        until: question.until,
        step_nanos: question.step_nanos,
    });
    let mut total: Option<RollupPoint> = None;
    for point in &answer.points {
        match &mut total {
            None => total = Some(point.clone()),
            Some(total) => total.measured.merge(&point.measured),
        }
    }
    let step = |point: &RollupPoint| step(point.start, &point.measured);
    MeasuredSteps {
        steps: answer.points.iter().map(step).collect(),
        total: total.as_ref().map(step),
        damaged: answer.damaged,
    }
}

fn step(start: Timestamp, measured: &Measured) -> MeasuredStep {
    let (totals, latency) = (&measured.totals, &measured.latency);
    MeasuredStep {
        start,
        calls: whole(totals.calls),
        errors: whole(totals.errors),
        samples: totals.samples,
        first_seen_at: totals.first_seen_at,
        last_seen_at: totals.last_seen_at,
        p50_ms: latency.quantile_ms(0.5),
        p90_ms: latency.quantile_ms(0.9),
        p99_ms: latency.quantile_ms(0.99),
        longest_ms: latency.longest_ms(),
    }
}

#[expect(clippy::cast_precision_loss, reason = "a measure, not an id")]
fn whole(parts: u64) -> f64 {
    parts as f64 / CALL_PARTS as f64
}
