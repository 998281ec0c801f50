//! What a sender states of the course of a change: how it rolls out, its batches, its checks, its exemption.

use model::{
    BatchStatus, CHECK_ANSWERS, CHECK_MODES, CHECK_RESULTS, CHECK_STRATEGIES, ChangeBatch,
    CheckPoint, CheckResult, Exemption, ExemptionKind, FlowKind, OnFailure, PausePoint, Rollout,
    bounds,
};
use serde_json::Value;

use crate::fields::{self, Fields, Path, Problems};

pub(super) fn rollout(value: Value, path: &Path<'_>, problems: &mut Problems) -> Option<Rollout> {
    let mut fields = Fields::open(value, path, problems)?;
    let rollout = Rollout {
        flow: fields.may("flow", |value, path, problems| {
            fields::word(&FlowKind::WRITTEN, value, path, problems)
        }),
        batch_percent: fields.may("batchPercent", fields::percent),
        batch_count: fields.may("batchCount", place),
        on_failure: fields.may("onFailure", |value, path, problems| {
            fields::word(&OnFailure::WRITTEN, value, path, problems)
        }),
        pause_points: fields.list("pausePoints", bounds::DETAILS_MAX, pause_point),
        pause_after_each: fields.may("pauseAfterEach", fields::truth),
    };
    if rollout.batch_percent.is_some() && rollout.batch_count.is_some() {
        fields.problem("batchCount", "cannot stand beside batchPercent");
    }
    fields.close();
    Some(rollout)
}

fn pause_point(value: Value, path: &Path<'_>, problems: &mut Problems) -> Option<PausePoint> {
    let mut fields = Fields::open(value, path, problems)?;
    let point = PausePoint {
        after_batch: fields.may("afterBatch", place),
        after_instances: fields.may("afterInstances", place),
        after_percent: fields.may("afterPercent", fields::percent),
    };
    fields.close();
    if point == PausePoint::default() {
        problems.add(path, "names afterBatch, afterInstances or afterPercent");
        return None;
    }
    Some(point)
}

pub(super) fn batch(value: Value, path: &Path<'_>, problems: &mut Problems) -> Option<ChangeBatch> {
    let mut fields = Fields::open(value, path, problems)?;
    let index = fields.must("index", place);
    let targets = fields.list("targets", bounds::TARGETS_MAX, fields::key);
    let traffic_percent = fields.may("trafficPercent", fields::percent);
    let planned_start_at = fields.may("plannedStartAt", fields::time);
    let planned_finish_at = fields.may("plannedFinishAt", fields::time);
    let started_at = fields.may("startedAt", fields::time);
    let finished_at = fields.may("finishedAt", fields::time);
    let status = fields.may("status", |value, path, problems| {
        fields::word(&BatchStatus::WRITTEN, value, path, problems)
    });
    fields.in_order(("startedAt", started_at), ("finishedAt", finished_at));
    let planned = ("plannedStartAt", planned_start_at);
    fields.in_order(planned, ("plannedFinishAt", planned_finish_at));
    fields.close();
    Some(ChangeBatch {
        targets,
        traffic_percent,
        planned_start_at,
        planned_finish_at,
        started_at,
        finished_at,
        status,
        ..ChangeBatch::new(index?)
    })
}

pub(super) fn check_result(
    value: Value,
    path: &Path<'_>,
    problems: &mut Problems,
) -> Option<CheckResult> {
    let mut fields = Fields::open(value, path, problems)?;
    let name = fields.must("name", fields::line);
    let at = fields.may("at", place_of_check);
    let batch = fields.may("batch", place);
    let kind = fields.may("kind", fields::name);
    let mode = fields.may("mode", one_of(&CHECK_MODES));
    let strategy = fields.may("strategy", one_of(&CHECK_STRATEGIES));
    let result = fields.must("result", one_of(&CHECK_RESULTS));
    let reason = fields.may("reason", fields::text);
    let metric = fields.may("metric", fields::line);
    let answer = fields.may("answer", one_of(&CHECK_ANSWERS));
    if batch.is_some() && at.is_some_and(|at: CheckPoint| !at.is_of_batch()) {
        fields.problem("batch", "belongs to before_batch and after_batch only");
    }
    fields.close();
    Some(CheckResult {
        at,
        batch,
        kind,
        mode,
        strategy,
        reason,
        metric,
        answer,
        ..CheckResult::new(name?, result?)
    })
}

/// An exemption, or the line that stands for it: its kind, then its reference.
pub(super) fn exemption(
    value: Value,
    path: &Path<'_>,
    problems: &mut Problems,
) -> Option<Exemption> {
    if value.is_string() {
        let line = fields::line(value, path, problems)?;
        let read = Exemption::of_line(&line);
        if read.is_none() {
            problems.add(path, "begins with green_channel or white_list");
        }
        return read;
    }
    let mut fields = Fields::open(value, path, problems)?;
    let kind = fields.must("kind", |value, path, problems| {
        fields::word(&ExemptionKind::WRITTEN, value, path, problems)
    });
    let reference = fields.may("reference", fields::line);
    let from = fields.may("from", fields::time);
    let until = fields.may("until", fields::time);
    let approver = fields.may("approver", fields::line);
    let reason = fields.may("reason", fields::line);
    let exemption = kind.map(|kind| Exemption {
        reference,
        from,
        until,
        approver,
        reason,
        ..Exemption::new(kind)
    });
    for (field, reason) in exemption.iter().flat_map(Exemption::faults) {
        fields.problem(field, reason);
    }
    fields.close();
    exemption
}

pub(super) fn place_of_check(
    value: Value,
    path: &Path<'_>,
    problems: &mut Problems,
) -> Option<CheckPoint> {
    fields::word(&CheckPoint::WRITTEN, value, path, problems)
}

/// A place in a list, or a number of things in one.
pub(super) fn place(value: Value, path: &Path<'_>, problems: &mut Problems) -> Option<u32> {
    let quantity = fields::quantity(value, path, problems)?;
    let place = u32::try_from(quantity).ok();
    if place.is_none() {
        problems.add(path, "is larger than any batch's");
    }
    place
}

/// Reads one of a few words and keeps it as it is written.
pub(super) fn one_of(
    words: &'static [&'static str],
) -> impl Fn(Value, &Path<'_>, &mut Problems) -> Option<String> {
    move |value, path, problems| {
        let known: Vec<(&'static str, &'static str)> =
            words.iter().map(|word| (*word, *word)).collect();
        fields::word(&known, value, path, problems).map(str::to_owned)
    }
}
