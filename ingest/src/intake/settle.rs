//! Brings the parts of a request where they belong: into the log, the quarantine, or back.

use model::{Actor, Event, NewEvent, QuarantinedInput, Rejection};
use serde_json::Value;
use store::Appended;

use super::answer::{Answer, Refusal};
use crate::decoded::{NotUnderstood, Part};
use crate::kinds::{Check, Rules};
use crate::recorder::Submitted;
use crate::{Quarantine, QuarantineError, QuarantinedBody, RecordError, RecordedBatch, Recorder};

/// The parts of a request, ready for the log.
pub(super) struct Sorted {
    batch: Vec<NewEvent>,
    shares: Vec<Share>,
    rejected: Vec<Rejection>,
    aside: Aside,
}

/// What of a request comes neither into the log nor back as a fault.
#[derive(Clone, Default)]
struct Aside {
    /// Parts that say nothing here.
    ignored: usize,
    /// The answer that the sender asked for.
    asked: Option<Value>,
}

/// Which events of the batch belong to one part.
#[derive(Clone)]
struct Share {
    index: usize,
    events: usize,
    becomes: Becomes,
}

/// What events are in the eyes of their sender.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Becomes {
    /// The part itself.
    Part,
    /// A note that the part lies in the quarantine.
    Quarantined,
    /// The same, of a part that was refused and is told so.
    Refused,
}

/// Sorts the parts; what nobody understood is on the disk afterwards. May wait for the disk.
pub(super) fn sort(
    quarantine: &Quarantine,
    rules: Option<&Rules>,
    parts: Vec<Part>,
) -> Result<Sorted, Refusal> {
    let mut sorted = Sorted {
        batch: Vec::with_capacity(parts.len()),
        shares: Vec::with_capacity(parts.len()),
        rejected: Vec::new(),
        aside: Aside::default(),
    };
    let mut check = rules.map(Rules::begin);
    for (index, part) in parts.into_iter().enumerate() {
        match part {
            Part::Events(events) => match &mut check {
                Some(check) => sorted.add_checked(index, check, events)?,
                None => sorted.add(index, events, Becomes::Part),
            },
            Part::Rejected(problems) => sorted.rejected.extend(problems.rejections(index)),
            Part::Unknown(unknown) => {
                let event = keep(quarantine, *unknown).map_err(Refusal::Quarantine)?;
                sorted.add(index, vec![event], Becomes::Quarantined);
            }
            Part::Ignored(silent) => {
                tracing::trace!("ignored a part of a request: {silent}");
                sorted.aside.ignored += 1;
            }
            Part::Notice(notice) => {
                tracing::warn!("{notice}");
                sorted.aside.ignored += 1;
            }
            Part::Asked(answer) => sorted.aside.asked = Some(answer),
        }
    }
    Ok(sorted)
}

impl Sorted {
    /// Keeps what breaks a rule aside and names it; the rest of the part goes on.
    fn add_checked(
        &mut self,
        index: usize,
        check: &mut Check<'_>,
        events: Vec<NewEvent>,
    ) -> Result<(), Refusal> {
        let checked = check.sort(events);
        let is_whole = checked.refused.is_empty();
        if is_whole || !checked.kept.is_empty() {
            self.add(index, checked.kept, Becomes::Part);
        }
        for refused in checked.refused {
            let kept_aside = check.keep(&refused).map_err(Refusal::Quarantine)?;
            self.add(index, vec![kept_aside], Becomes::Refused);
            self.rejected.extend(refused.problems.rejections(index));
        }
        Ok(())
    }

    fn add(&mut self, index: usize, events: Vec<NewEvent>, becomes: Becomes) {
        self.shares.push(Share {
            index,
            events: events.len(),
            becomes,
        });
        self.batch.extend(events);
    }
}

fn keep(quarantine: &Quarantine, unknown: NotUnderstood) -> Result<NewEvent, QuarantineError> {
    let hash = quarantine.keep(&QuarantinedBody {
        source: unknown.source.clone(),
        format: unknown.format.to_owned(),
        content_type: Some("application/json".to_owned()),
        headers: unknown.headers,
        body: unknown.body,
        reason: unknown.reason.clone(),
    })?;
    let event = Event::InputQuarantined(QuarantinedInput {
        hash,
        source: unknown.source.clone(),
        reason: unknown.reason,
    });
    // Not named by the sender's id: the body may be understood one day, and that event has the name.
    Ok(NewEvent::named_by_content(
        unknown.source,
        unknown.occurred,
        Actor::default(),
        event,
    ))
}

/// A request whose events are with the log.
pub(super) struct Pending {
    submitted: Option<Submitted>,
    shares: Vec<Share>,
    rejected: Vec<Rejection>,
    aside: Aside,
}

/// Hands the events to the log.
pub(super) fn submit(recorder: &Recorder, sorted: Sorted) -> Result<Pending, Refusal> {
    let submitted = match sorted.batch.is_empty() {
        true => None,
        false => Some(recorder.submit(sorted.batch).map_err(refusal)?),
    };
    Ok(Pending {
        submitted,
        shares: sorted.shares,
        rejected: sorted.rejected,
        aside: sorted.aside,
    })
}

/// The same, and gives them back where the log is too busy.
pub(super) fn submit_or_return(
    recorder: &Recorder,
    sorted: Sorted,
) -> Result<Pending, Box<(Sorted, Refusal)>> {
    let kept = Sorted {
        batch: sorted.batch.clone(),
        shares: sorted.shares.clone(),
        rejected: sorted.rejected.clone(),
        aside: sorted.aside.clone(),
    };
    submit(recorder, sorted).map_err(|refusal| Box::new((kept, refusal)))
}

/// Waits for the log, and counts what became of each part.
pub(super) async fn settle(pending: Pending) -> Result<Answer, Refusal> {
    let recorded = match pending.submitted {
        Some(submitted) => submitted.recorded().await.map_err(refusal)?,
        None => RecordedBatch::default(),
    };
    let refused_before = pending.rejected.len();
    let mut answer = Answer {
        position: recorded.position(),
        rejected: pending.rejected,
        ignored: pending.aside.ignored,
        asked: pending.aside.asked,
        ..Answer::default()
    };
    let mut outcomes = recorded.outcomes.into_iter();
    for share in pending.shares {
        let own: Vec<Appended> = outcomes.by_ref().take(share.events).collect();
        answer.count(&share, &own);
    }
    answer.conflicts_only = refused_before == 0 && !answer.rejected.is_empty();
    answer.rejected.sort_by_key(|rejection| rejection.index);
    Ok(answer)
}

fn refusal(error: RecordError) -> Refusal {
    match error {
        RecordError::Busy => Refusal::Busy,
        other => Refusal::Record(other),
    }
}

impl Answer {
    fn count(&mut self, share: &Share, outcomes: &[Appended]) {
        if share.becomes == Becomes::Refused {
            return;
        }
        let conflict = outcomes.iter().find_map(|outcome| match outcome {
            Appended::Conflict { id, first } => Some((id, first)),
            Appended::Recorded(_) | Appended::Duplicate(_) => None,
        });
        let written = |outcome: &Appended| matches!(outcome, Appended::Recorded(_));
        match conflict {
            Some((id, first)) => self.rejected.push(Rejection {
                index: share.index,
                field: "id".to_owned(),
                reason: format!("{id} was recorded at position {first} with other content"),
            }),
            None if share.becomes == Becomes::Quarantined => self.quarantined += 1,
            None if outcomes.iter().any(written) => self.accepted += 1,
            None => self.duplicates += 1,
        }
    }
}
