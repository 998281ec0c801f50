//! How a change went: its statements one by one, its rollout, checks and exemption.

use async_graphql::{Context, Json, Object, Result, SimpleObject};
use graph::ChangeRow;
use model::{CheckIdentity, Event, EventEnvelope, LogPosition as Position};
use serde_json::Value;

use super::word;
use crate::schema::Shared;
use crate::schema::details::failed;
use crate::schema::scalars::{DateTime, LogPosition};

/// Statements of one change that are listed at most.
const STATEMENTS_MAX: usize = 1_000;

/// The rules by which a change is rolled out.
#[derive(SimpleObject)]
pub(crate) struct Rollout {
    /// How it takes effect: `one_shot`, `machine_batches` or `traffic_ratio`.
    flow: Option<String>,
    /// How large a batch is, as a share of all, 0 to 100.
    batch_percent: Option<f64>,
    /// How large a batch is, as a number of instances.
    batch_count: Option<u32>,
    /// What happens when a batch fails: `pause`, `ignore`, `roll_on`, `ask` or `roll_back`.
    on_failure: Option<String>,
    /// Where it stops for a look.
    pause_points: Vec<PausePoint>,
    /// Whether it stops after every batch.
    pause_after_each: Option<bool>,
}

/// Where a rollout stops for a look.
#[derive(SimpleObject)]
pub(crate) struct PausePoint {
    /// After the batch of this index.
    after_batch: Option<u32>,
    /// After so many instances.
    after_instances: Option<u32>,
    /// After this share of the instances or the traffic, 0 to 100.
    after_percent: Option<f64>,
}

/// An exemption that a change uses.
#[derive(SimpleObject)]
pub(crate) struct ChangeExemption {
    /// `green_channel` or `white_list`.
    kind: String,
    /// What it is called where it was granted.
    reference: Option<String>,
    /// Who granted it.
    approver: Option<String>,
    /// Why.
    reason: Option<String>,
    /// From when it holds; null when nobody knows, as of a white list without a date.
    valid_from: Option<DateTime>,
    /// Until when it holds; a green channel is open for one hour.
    valid_until: Option<DateTime>,
}

/// A check of a change: what it found, and what people said of it.
#[derive(SimpleObject)]
pub(crate) struct Check {
    /// The check.
    name: String,
    /// Where it stands: `before_order`, `after_order`, `before_batch` or `after_batch`.
    at: Option<String>,
    /// The batch it belongs to.
    batch: Option<u32>,
    /// What it looks at: `freeze`, `slo`, `batch`, `environment` or the platform's own word.
    kind: Option<String>,
    /// `observer` or `enforcer`.
    mode: Option<String>,
    /// What it does when it finds something: `block`, `warn` or `escalate`.
    strategy: Option<String>,
    /// `pass`, `warn`, `block`, `error` or `skipped`; null where only a judgement of it is known.
    result: Option<String>,
    /// Why.
    reason: Option<String>,
    /// The metric that looked wrong.
    metric: Option<String>,
    /// What the person answered: `close`, `roll_back` or `continue`.
    answer: Option<String>,
    /// Whether it was right, as somebody judged: `right`, `wrong` or `unsure`.
    verdict: Option<String>,
}

/// Everything that was said of a change, in the order of the times it speaks of.
#[derive(SimpleObject)]
pub(crate) struct ChangeHistory {
    /// The statements, the earliest first.
    statements: Vec<ChangeStatement>,
    /// How many there are.
    total_count: usize,
    /// Whether the latest were left out.
    truncated: bool,
}

/// One statement about a change.
pub(crate) struct ChangeStatement {
    envelope: EventEnvelope,
}

/// What a statement says of one batch.
#[derive(SimpleObject)]
pub(crate) struct BatchStatement {
    /// Its place among the batches.
    index: u32,
    /// Where it stands.
    status: Option<String>,
    /// When it began.
    started_at: Option<DateTime>,
    /// When it was through.
    finished_at: Option<DateTime>,
}

/// One statement about a change.
#[Object]
impl ChangeStatement {
    /// Where it stands in the log.
    async fn position(&self) -> LogPosition {
        LogPosition(self.envelope.position)
    }

    /// The time it speaks of.
    async fn occurred_at(&self) -> DateTime {
        DateTime(self.envelope.occurred_at)
    }

    /// When the log took it.
    async fn recorded_at(&self) -> DateTime {
        DateTime(self.envelope.recorded_at)
    }

    /// Who sent it; that may be another than the platform of the change.
    async fn source(&self) -> &str {
        self.envelope.id.source.as_str()
    }

    /// The sender's id of it, or the hash of its content where it gave none.
    async fn event_id(&self) -> &str {
        &self.envelope.id.delivery
    }

    /// Who caused it, if somebody said.
    async fn actor(&self) -> Option<&str> {
        self.envelope.actor.name.as_deref()
    }

    /// Whether a person or a machine caused it: `human`, `automatic` or `unknown`.
    async fn actor_kind(&self) -> String {
        word(&self.envelope.actor.kind)
    }

    /// Where it says the change stands; null when it does not say.
    async fn status(&self) -> Option<String> {
        let said = self.said()?;
        said.status.as_ref().map(word)
    }

    /// What it says of batches.
    async fn batches(&self) -> Vec<BatchStatement> {
        let batches = self.said().into_iter().flat_map(|said| &said.batches);
        batches
            .map(|batch| BatchStatement {
                index: batch.index,
                status: batch.status.as_ref().map(word),
                started_at: batch.started_at.map(DateTime),
                finished_at: batch.finished_at.map(DateTime),
            })
            .collect()
    }

    /// The names of the fields it says something of.
    async fn fields(&self) -> Vec<String> {
        match self.payload() {
            Some(Value::Object(fields)) => {
                let names = fields.into_iter().map(|(name, _)| name);
                names
                    .filter(|name| name != "source" && name != "sourceId")
                    .collect()
            }
            _ => Vec::new(),
        }
    }

    /// Its whole payload, as it lies in the log.
    async fn data(&self) -> Option<Json<Value>> {
        self.payload().map(Json)
    }
}

impl ChangeStatement {
    fn said(&self) -> Option<&model::Change> {
        if let Event::ChangeRecorded(change) = &self.envelope.event {
            return Some(change);
        }
        None
    }

    fn payload(&self) -> Option<Value> {
        let mut payload = Vec::new();
        self.envelope.event.encode_payload(&mut payload);
        serde_json::from_slice(&payload).ok()
    }
}

impl ChangeHistory {
    /// The statements at these positions.
    pub(super) async fn read(
        ctx: &Context<'_>,
        positions: &[Position],
        first: Option<u32>,
    ) -> Result<Self> {
        let size = first.map_or(STATEMENTS_MAX, |first| first as usize);
        let total_count = positions.len();
        let events = &ctx.data::<Shared>()?.ports.events;
        let newest = total_count.saturating_sub(STATEMENTS_MAX);
        let wanted = positions.get(newest..).unwrap_or_default().to_vec();
        let mut envelopes = events.at(wanted).await.map_err(|error| failed(&error))?;
        envelopes.sort_by_key(|envelope| (envelope.occurred_at, envelope.position));
        envelopes.truncate(size);
        let statements: Vec<ChangeStatement> = envelopes
            .into_iter()
            .map(|envelope| ChangeStatement { envelope })
            .collect();
        Ok(Self {
            truncated: statements.len() < total_count,
            statements,
            total_count,
        })
    }
}

impl From<model::Rollout> for Rollout {
    fn from(rollout: model::Rollout) -> Self {
        let points = rollout.pause_points.into_iter();
        Self {
            flow: rollout.flow.as_ref().map(word),
            batch_percent: rollout.batch_percent,
            batch_count: rollout.batch_count,
            on_failure: rollout.on_failure.as_ref().map(word),
            pause_points: points
                .map(|point| PausePoint {
                    after_batch: point.after_batch,
                    after_instances: point.after_instances,
                    after_percent: point.after_percent,
                })
                .collect(),
            pause_after_each: rollout.pause_after_each,
        }
    }
}

impl ChangeExemption {
    /// What the statements say, with the time in which the fold found it to hold.
    pub(super) fn of(said: model::Exemption, row: &ChangeRow<'_>) -> Self {
        let valid = row.exemption().filter(|(kind, _)| *kind == said.kind);
        Self {
            kind: word(&said.kind),
            reference: said.reference,
            approver: said.approver,
            reason: said.reason,
            valid_from: valid.map(|(_, valid)| DateTime(valid.from())),
            valid_until: valid.and_then(|(_, valid)| valid.until()).map(DateTime),
        }
    }
}

/// The checks of a change: what the fold knows of them, with what their statements say in full.
pub(super) fn checks(row: &ChangeRow<'_>, whole: Option<&model::Change>) -> Vec<Check> {
    let said = |identity: &CheckIdentity| {
        let mut results = whole.into_iter().flat_map(|whole| &whole.check_results);
        results.find(|result| result.identity() == *identity)
    };
    let known = row.checks().into_iter().map(|check| {
        let said = said(&check.identity);
        let text = |field: fn(&model::CheckResult) -> &Option<String>| field(said?).clone();
        Check {
            at: check.identity.at.as_ref().map(word),
            batch: check.identity.batch,
            kind: text(|it| &it.kind),
            mode: check.mode,
            strategy: text(|it| &it.strategy),
            result: check.result,
            reason: text(|it| &it.reason),
            metric: text(|it| &it.metric),
            answer: check.answer,
            verdict: check.verdict.as_ref().map(word),
            name: check.identity.name,
        }
    });
    known.collect()
}
