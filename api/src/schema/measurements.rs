//! What was measured of calls: in steps, as a whole, and before and after a moment.
//!
//! Measurements are no facts and belong to no view; names and gaps are read from the standpoint's.

mod traffic;
mod unseen;

use std::collections::BTreeSet;

use async_graphql::{Context, ID, Object, Result, SimpleObject};
use graph::GraphView;
use model::{ChangeId, CiId, Claim, Lookback, Timestamp};

use super::Shared;
use super::scalars::{DateTime, Duration};
use super::standpoint::Standpoint;
use crate::error::ErrorCode;
use crate::{KeptMeasurements, MeasuredName, MeasuredStep, MeasuredSteps, MeasurementQuestion};
pub(crate) use traffic::{Traffic, traffic};
pub(crate) use unseen::dropped;
use unseen::{kept_since, not_kept, not_seen};

/// Most steps of one answer.
const STEPS_MAX: i64 = 1_500;
/// Most names whose measurements are put together.
const NAMES_MAX: usize = 256;
const MINUTE: i64 = 60_000_000_000;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

/// Questions about what is kept of measurements.
#[derive(Default)]
pub(crate) struct MeasurementQuery;

/// Calls that were measured in a span of time. What spans stand for by sampling is in the counts.
#[derive(SimpleObject)]
pub(crate) struct Measurement {
    /// Its first moment.
    start: DateTime,
    /// The first moment behind it; now, where it is not over.
    end: DateTime,
    /// Calls, adjusted for sampling: a span that was kept for four counts four.
    calls: f64,
    /// Calls a second, from `start` to `end`.
    calls_per_second: f64,
    /// Failed calls, likewise adjusted.
    errors: f64,
    /// Failed calls of all calls, from 0 to 1.
    error_rate: f64,
    /// The duration that half of the calls stay within, in milliseconds; at most 2 % off.
    latency_p50_ms: Option<f64>,
    /// The duration that nine of ten calls stay within, in milliseconds; at most 2 % off.
    latency_p90_ms: Option<f64>,
    /// The duration that all but one of a hundred calls stay within, in milliseconds; at most 2 % off.
    latency_p99_ms: Option<f64>,
    /// The longest duration, in milliseconds.
    latency_max_ms: Option<f64>,
    /// Calls that were seen, without those they stand for: few samples say little.
    samples: f64,
    /// The start of the first call.
    first_seen_at: DateTime,
    /// The start of the last call.
    last_seen_at: DateTime,
}

/// What was measured of calls over a span of time, in steps. Measurements are no facts: they are kept
/// for a time only, and `asOf` decides which names are meant, not what had been measured by then.
#[derive(SimpleObject)]
pub(crate) struct Measurements {
    /// The first moment of the first step: a multiple of the step in UTC.
    from: DateTime,
    /// The first moment behind the last step.
    to: DateTime,
    /// The length of a step.
    step: Duration,
    /// Steps in which a call was measured, oldest first. A step that is missing here had none.
    points: Vec<Measurement>,
    /// All of it as one; null when nothing was measured.
    total: Option<Measurement>,
    /// The first moment of which steps of this length can tell anything; null when nothing is kept.
    kept_since: Option<DateTime>,
    /// What this cannot see, in words; empty when nothing is known to be missing.
    unseen: Vec<String>,
}

/// Calls before a moment and after it, in windows of the same length.
#[derive(SimpleObject)]
pub(crate) struct MeasurementComparison {
    /// The moment: the start of the change, or the one that was given.
    at: DateTime,
    /// The length of each window, in whole steps.
    window: Duration,
    /// The window that ends with the last whole step before the moment; null when nothing was measured in it.
    before: Option<Measurement>,
    /// The window that begins with the first whole step from the moment on, as far as it has passed; null when nothing was measured in it.
    after: Option<Measurement>,
    /// The error rate after, less the one before; null without both.
    error_rate_change: Option<f64>,
    /// The 99th percentile of latency after, as a multiple of the one before; null without both.
    latency_p99_ratio: Option<f64>,
    /// Calls a second after, as a multiple of those before; null without both.
    calls_per_second_ratio: Option<f64>,
    /// What this cannot see, in words; empty when nothing is known to be missing.
    unseen: Vec<String>,
}

/// What is kept of measurements of calls, and what was dropped; counted since the server started.
#[derive(SimpleObject)]
pub(crate) struct MeasurementStore {
    /// What is kept in steps of each length, the shortest first.
    levels: Vec<MeasurementLevel>,
    /// Measurements that wait for the disk; they are in every answer.
    waiting: f64,
    /// Measurements written.
    written: f64,
    /// Dropped because a minute held as many relations and items as it may (`rollups.series_max`).
    dropped_series_full: f64,
    /// Dropped because too much waited for the disk (`rollups.waiting_bytes_max`).
    dropped_waiting_full: f64,
    /// Dropped because they speak of a time that is no longer kept.
    dropped_too_old: f64,
    /// Damaged parts of files that were met; what they held is missing.
    damaged_parts: f64,
    /// Bytes at the ends of files that were not written whole, and are cut off.
    torn_bytes: f64,
    /// Files that went before their time, because all together were too large (`rollups.bytes_max`).
    files_let_go_early: f64,
    /// Times the disk refused.
    refused_by_disk: f64,
}

/// What is kept of measurements in steps of one length.
#[derive(SimpleObject)]
pub(crate) struct MeasurementLevel {
    /// The length of a step.
    step: Duration,
    /// How many files.
    files: usize,
    /// Their bytes.
    bytes: f64,
    /// The first moment of which such steps can tell anything; null when nothing is kept.
    kept_since: Option<DateTime>,
}

#[Object]
impl MeasurementQuery {
    /// What is kept of measurements of calls, and what was dropped, by reason.
    async fn measurement_store(&self, ctx: &Context<'_>) -> Result<MeasurementStore> {
        Ok(ctx.data::<Shared>()?.ports.measurements.kept().into())
    }
}

/// Of when, and in which steps.
pub(crate) struct Span {
    pub(crate) from: Option<DateTime>,
    pub(crate) to: Option<DateTime>,
    pub(crate) step: Option<Duration>,
}

/// Around which moment, and how far.
pub(crate) struct Around {
    pub(crate) change: Option<ID>,
    pub(crate) at: Option<DateTime>,
    pub(crate) window: Option<Duration>,
}

/// Every two names between which a relation's calls may have been measured.
pub(crate) fn names_of_relation(
    at: &Standpoint,
    dependent: CiId,
    provider: CiId,
    kind: &str,
) -> BTreeSet<MeasuredName> {
    let graph = &at.view.graph;
    let relation = graph.relation(dependent, provider, kind);
    let stated = relation.map_or_else(Vec::new, |relation| relation.claims());
    let stated = stated
        .iter()
        .map(|(dependent, provider)| (dependent.to_text(), provider.to_text()));
    let mut pairs: BTreeSet<(String, String)> = stated.take(NAMES_MAX).collect();
    let providers = names(graph, provider);
    for dependent in names(graph, dependent) {
        let with = |provider: &String| (dependent.clone(), provider.clone());
        pairs.extend(providers.iter().map(with));
        if NAMES_MAX < pairs.len() {
            break;
        }
    }
    let relation = |(dependent, provider)| MeasuredName::Relation {
        dependent,
        provider,
        kind: kind.to_owned(),
    };
    pairs.into_iter().map(relation).collect()
}

/// Every name under which calls that an item takes may have been measured.
pub(crate) fn names_of_item(at: &Standpoint, item: CiId) -> BTreeSet<MeasuredName> {
    let names = names(&at.view.graph, item).into_iter();
    names.map(MeasuredName::Item).collect()
}

fn names(graph: &GraphView, item: CiId) -> BTreeSet<String> {
    let Some(item) = graph.item(item) else {
        return BTreeSet::new();
    };
    let mut names: BTreeSet<String> = item.names().iter().map(Claim::to_text).collect();
    let aliases = item.aliases().into_iter();
    names.extend(aliases.map(|alias| Claim::new(alias.scheme, alias.value).to_text()));
    names
}

/// The calls under these names over a span of time.
pub(crate) async fn measurements(
    ctx: &Context<'_>,
    at: &Standpoint,
    names: BTreeSet<MeasuredName>,
    span: Span,
) -> Result<Measurements> {
    let ports = &ctx.data::<Shared>()?.ports;
    let now = ports.clock.now();
    let to = span.to.map_or(at.valid_at, |to| to.0);
    let from = span.from.map_or(to.plus_nanos(-HOUR), |from| from.0);
    let step = step_of(from, to, span.step.map(|step| step.0.nanos()))?;
    let (from, until) = (floor(from, step), ceil(to, step));
    let (read, mut unseen) = read(ctx, names, from, until, step).await?;
    let kept = ports.measurements.kept();
    let since = kept_since(&kept, step);
    unseen.extend(not_kept(&kept, from, step));
    unseen.extend(not_seen(at, &kept, (from, until), now));
    if read.steps.is_empty() {
        unseen.push(NOTHING.to_owned());
    }
    let end = |start: Timestamp| start.plus_nanos(step).min(now.max(start));
    let point = |point: &MeasuredStep| Measurement::of(point, point.start, end(point.start));
    let total = read.total.as_ref();
    Ok(Measurements {
        from: DateTime(from),
        to: DateTime(until),
        step: Duration(Lookback::from_nanos(step)),
        points: read.steps.iter().map(point).collect(),
        total: total.map(|total| Measurement::of(total, from, until.min(now.max(from)))),
        kept_since: since.map(DateTime),
        unseen,
    })
}

/// The calls under these names before a moment and after it.
pub(crate) async fn comparison(
    ctx: &Context<'_>,
    at: &Standpoint,
    names: BTreeSet<MeasuredName>,
    around: Around,
) -> Result<MeasurementComparison> {
    let ports = &ctx.data::<Shared>()?.ports;
    let now = ports.clock.now();
    let moment = moment_of(at, &around)?;
    let window = around.window.map_or(HOUR, |window| window.0.nanos());
    if window <= 0 || STEPS_MAX * HOUR < window {
        let message = format!("window must be longer than nothing and at most {STEPS_MAX} hours");
        return Err(ErrorCode::BadInput.error(message));
    }
    let kept = ports.measurements.kept();
    let step = match reaches_by_minutes(&kept, moment.plus_nanos(-window)) {
        true if window <= STEPS_MAX * MINUTE => MINUTE,
        _ => HOUR,
    };
    let window = ceil(Timestamp::from_unix_nanos(window), step).unix_nanos();
    let (ends, begins) = (floor(moment, step), ceil(moment, step));
    let (from, until) = (ends.plus_nanos(-window), begins.plus_nanos(window));
    let (before, mut unseen) = read(ctx, names.clone(), from, ends, step).await?;
    let (after, more) = read(ctx, names, begins, until, step).await?;
    unseen.extend(more);
    unseen.dedup();
    if step == HOUR {
        unseen.push(
            "minutes of this time are not kept, or too many: whole hours are compared".to_owned(),
        );
    }
    unseen.extend(not_kept(&kept, from, step));
    unseen.extend(not_seen(at, &kept, (from, until), now));
    let before = before.total.as_ref();
    let before = before.map(|total| Measurement::of(total, from, ends));
    let after = after.total.as_ref();
    let after = after.map(|total| Measurement::of(total, begins, until.min(now.max(begins))));
    if before.is_none() && after.is_none() {
        unseen.push(NOTHING.to_owned());
    }
    let both = before.as_ref().zip(after.as_ref());
    Ok(MeasurementComparison {
        at: DateTime(moment),
        window: Duration(Lookback::from_nanos(window)),
        error_rate_change: both.map(|(before, after)| after.error_rate - before.error_rate),
        latency_p99_ratio: both
            .and_then(|(before, after)| ratio(before.latency_p99_ms?, after.latency_p99_ms?)),
        calls_per_second_ratio: both
            .and_then(|(before, after)| ratio(before.calls_per_second, after.calls_per_second)),
        before,
        after,
        unseen,
    })
}

const NOTHING: &str = "no calls were measured here in this time: only calls that spans show are";

/// Whether minutes are kept from a moment on, or hours reach no farther back than they do.
fn reaches_by_minutes(kept: &KeptMeasurements, moment: Timestamp) -> bool {
    let farther = kept_since(kept, HOUR);
    kept_since(kept, MINUTE).is_some_and(|since| {
        since <= moment || farther.is_none_or(|farther| floor(since, HOUR) <= farther)
    })
}

fn ratio(before: f64, after: f64) -> Option<f64> {
    (0.0 < before).then(|| after / before)
}

fn moment_of(at: &Standpoint, around: &Around) -> Result<Timestamp> {
    match (&around.change, &around.at) {
        (Some(_), Some(_)) | (None, None) => Err(ErrorCode::BadInput
            .error("a comparison takes change or at: around which moment to compare")),
        (None, Some(moment)) => Ok(moment.0),
        (Some(id), None) => {
            let change = id.parse::<ChangeId>().ok();
            let change = change.and_then(|change| at.view.graph.change(change));
            let change = change.ok_or_else(|| {
                let message = format!("no change has the id {}", id.as_str());
                ErrorCode::ChangeNotFound.error(message)
            })?;
            Ok(change.started_at())
        }
    }
}

async fn read(
    ctx: &Context<'_>,
    names: BTreeSet<MeasuredName>,
    from: Timestamp,
    until: Timestamp,
    step_nanos: i64,
) -> Result<(MeasuredSteps, Vec<String>)> {
    let mut unseen = Vec::new();
    if NAMES_MAX < names.len() {
        unseen.push(format!(
            "only the measurements of {NAMES_MAX} of its {} names are put together",
            names.len()
        ));
    }
    let question = MeasurementQuestion {
        of: names.into_iter().take(NAMES_MAX).collect(),
        from,
        until,
        step_nanos,
    };
    let measured = ctx
        .data::<Shared>()?
        .ports
        .measurements
        .read(question)
        .await;
    let measured = measured.map_err(|error| {
        tracing::error!(error = %error, "could not read measurements: {error}");
        ErrorCode::Internal.error("internal error")
    })?;
    if 0 < measured.damaged {
        unseen.push(format!(
            "{} parts of files of this time are damaged; what they held is missing",
            measured.damaged
        ));
    }
    Ok((measured, unseen))
}

/// The length of a step: what was asked for, or what gives no more than a few hundred.
fn step_of(from: Timestamp, to: Timestamp, asked: Option<i64>) -> Result<i64> {
    let length = to.unix_nanos().saturating_sub(from.unix_nanos());
    if length <= 0 {
        return Err(ErrorCode::BadInput.error("from must be before to"));
    }
    let fits = [MINUTE, HOUR, DAY]
        .into_iter()
        .find(|step| length / step <= 360);
    let step = asked.or(fits).unwrap_or(DAY);
    if step < MINUTE || step.rem_euclid(MINUTE) != 0 {
        return Err(
            ErrorCode::BadInput.error("step must be whole minutes, such as PT1M, PT1H or P1D")
        );
    }
    if STEPS_MAX < length / step {
        let message =
            format!("from, to and step give more than {STEPS_MAX} steps; take longer ones");
        return Err(ErrorCode::BadInput.error(message));
    }
    Ok(step)
}

fn floor(moment: Timestamp, step: i64) -> Timestamp {
    moment.plus_nanos(-moment.unix_nanos().rem_euclid(step))
}

fn ceil(moment: Timestamp, step: i64) -> Timestamp {
    floor(moment.plus_nanos(step - 1), step)
}

impl Measurement {
    fn of(step: &MeasuredStep, start: Timestamp, end: Timestamp) -> Self {
        let seconds = (end.millis_since(start) / 1_000.0).max(1.0);
        Self {
            start: DateTime(start),
            end: DateTime(end),
            calls: step.calls,
            calls_per_second: step.calls / seconds,
            errors: step.errors,
            error_rate: ratio(step.calls, step.errors).unwrap_or(0.0),
            latency_p50_ms: step.p50_ms,
            latency_p90_ms: step.p90_ms,
            latency_p99_ms: step.p99_ms,
            latency_max_ms: step.longest_ms,
            samples: float(step.samples),
            first_seen_at: DateTime(step.first_seen_at),
            last_seen_at: DateTime(step.last_seen_at),
        }
    }
}

impl From<KeptMeasurements> for MeasurementStore {
    fn from(kept: KeptMeasurements) -> Self {
        let levels = kept.levels.iter().map(|level| MeasurementLevel {
            step: Duration(Lookback::from_nanos(level.step_nanos)),
            files: level.files,
            bytes: float(level.bytes),
            kept_since: level.since.map(DateTime),
        });
        Self {
            levels: levels.collect(),
            waiting: float(kept.waiting as u64),
            written: float(kept.written),
            dropped_series_full: float(kept.beyond_series),
            dropped_waiting_full: float(kept.beyond_room),
            dropped_too_old: float(kept.too_old),
            damaged_parts: float(kept.damaged),
            torn_bytes: float(kept.torn_bytes),
            files_let_go_early: float(kept.let_go_early),
            refused_by_disk: float(kept.failures),
        }
    }
}

/// Counts go beyond what an `Int` of GraphQL holds.
#[expect(clippy::cast_precision_loss, reason = "a measure, not an id")]
const fn float(count: u64) -> f64 {
    count as f64
}

/// What an answer of measurements costs: each of its steps may hold every field.
pub(crate) fn steps_cost(
    from: Option<&DateTime>,
    to: Option<&DateTime>,
    step: Option<&Duration>,
    inside: usize,
) -> usize {
    let steps = match (from, to) {
        (Some(from), Some(to)) => step_of(from.0, to.0, step.map(|step| step.0.nanos()))
            .map(|step| (to.0.unix_nanos().saturating_sub(from.0.unix_nanos())) / step)
            .unwrap_or_default(),
        (_, None) | (None, _) => step.map_or(60, |step| HOUR / step.0.nanos().max(MINUTE)),
    };
    let steps = usize::try_from(steps.clamp(1, STEPS_MAX)).unwrap_or_default();
    inside.saturating_mul(steps).saturating_add(20)
}
