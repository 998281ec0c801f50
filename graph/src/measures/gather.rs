//! Counts of some changes, and the measures they make.

use std::collections::BTreeSet;

use model::{ActorKind, ChangeStatus, CheckVerdict, IncidentId, Verdict};

use super::{CheckMeasures, Measures, Share};
use crate::view::{ChangeRow, CheckOfChange};

/// What was counted so far.
#[derive(Debug, Default)]
pub(super) struct Gathered {
    measures: Measures,
    durations_ms: Vec<f64>,
    incidents: BTreeSet<IncidentId>,
}

/// How a change ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    Success,
    Failure,
    Rollback,
    Cancel,
}

impl Gathered {
    pub(super) fn take(&mut self, change: &ChangeRow<'_>) {
        let status = change.status();
        let end = end(change);
        let measures = &mut self.measures;
        measures.changes += 1;
        *measures.by_status.entry(status).or_default() += 1;
        for (share, of) in [
            (&mut measures.success, End::Success),
            (&mut measures.failure, End::Failure),
            (&mut measures.rollback, End::Rollback),
            (&mut measures.cancel, End::Cancel),
        ] {
            count(share, end.map(|end| end == of));
        }
        let was_stated = ChangeStatus::WRITTEN
            .iter()
            .any(|(_, it)| change.was_ever(*it));
        measures.assumed_done += usize::from(!was_stated && status.is_over());
        let is_automatic = match change.operator_kind() {
            ActorKind::Automatic => Some(true),
            ActorKind::Human => Some(false),
            ActorKind::Unknown => None,
        };
        count(&mut measures.automation, is_automatic);
        let duration_ms = change
            .stated_start()
            .zip(change.finished_at())
            .map(|(start, end)| end.millis_since(start))
            .filter(|millis| 0.0 <= *millis);
        measures.timed.whole += 1;
        match duration_ms {
            Some(_) => measures.timed.part += 1,
            None => measures.timed.unknown += 1,
        }
        self.durations_ms.extend(duration_ms);
        let start_ms = change.start_delay_ms();
        count(&mut measures.late, start_ms.map(|delay| 0.0 < delay));
        count(&mut measures.early, start_ms.map(|delay| delay < 0.0));
        let finish_ms = change.finish_delay_ms();
        count(&mut measures.overran, finish_ms.map(|delay| 0.0 < delay));
        count(&mut measures.emergency, change.emergency());
        let verdicts = change.verdicts().into_iter();
        let caused = verdicts.filter(|(_, verdict)| *verdict == Verdict::Cause);
        self.incidents.extend(caused.map(|(incident, _)| incident));
        take_checks(&mut measures.checks, &change.checks(), end);
    }

    pub(super) fn measures(mut self) -> Measures {
        self.measures.incidents_caused = self.incidents.len();
        self.measures.median_duration_ms = median(&mut self.durations_ms);
        self.measures
    }
}

fn count(share: &mut Share, is_part: Option<bool>) {
    match is_part {
        Some(is_part) => {
            share.whole += 1;
            share.part += usize::from(is_part);
        }
        None => share.unknown += 1,
    }
}

/// How it ended. What another change takes back did not end well, whatever it says of itself.
pub(crate) fn end(change: &ChangeRow<'_>) -> Option<End> {
    let is_taken_back = || !change.linked_by("rollback_of").is_empty();
    match change.status() {
        ChangeStatus::RolledBack => Some(End::Rollback),
        ChangeStatus::Succeeded if is_taken_back() => Some(End::Rollback),
        ChangeStatus::Succeeded => Some(End::Success),
        ChangeStatus::Failed | ChangeStatus::TimedOut => Some(End::Failure),
        ChangeStatus::Cancelled => Some(End::Cancel),
        ChangeStatus::Planned
        | ChangeStatus::Submitted
        | ChangeStatus::Approved
        | ChangeStatus::Rejected
        | ChangeStatus::Skipped
        | ChangeStatus::Running
        | ChangeStatus::Paused => None,
    }
}

fn take_checks(measures: &mut CheckMeasures, checks: &[CheckOfChange], end: Option<End>) {
    let mut is_stopped = false;
    for check in checks {
        let Some(result) = check.result.as_deref() else {
            continue;
        };
        measures.results += 1;
        let is_right = match check.verdict {
            Some(CheckVerdict::Right) => Some(true),
            Some(CheckVerdict::Wrong) => Some(false),
            Some(CheckVerdict::Unsure) | None => None,
        };
        count(&mut measures.accuracy, is_right);
        let is_wrong = is_right.map(|is_right| !is_right);
        match result {
            "block" | "warn" => count(&mut measures.false_alarms, is_wrong),
            "pass" => count(&mut measures.missed, is_wrong),
            _ => {}
        }
        is_stopped |= result == "block" && check.mode.as_deref() != Some("observer");
    }
    if is_stopped {
        let was_effective = end.map(|end| matches!(end, End::Rollback | End::Cancel));
        count(&mut measures.effective_blocks, was_effective);
    }
}

fn median(all: &mut [f64]) -> Option<f64> {
    all.sort_by(f64::total_cmp);
    let middle = all.len() / 2;
    let upper = all.get(middle).copied()?;
    match all.len() % 2 {
        0 => all
            .get(middle - 1)
            .map(|lower| f64::midpoint(*lower, upper)),
        _ => Some(upper),
    }
}
