//! Changes as handles, and lists of them.

use std::sync::Arc;

use async_graphql::connection::{Connection, EmptyFields, OpaqueCursor};
use async_graphql::{Context, ID, Object, Result, SimpleObject};
use model::ChangeId;

use super::asking::ask;
use super::change_filter::{ChangeCriteria, ChangeOrder};
use super::details::{ChangeDetails, change_details};
use super::item::ConfigurationItem;
use super::scalars::{DateTime, LogPosition};
use super::standpoint::Standpoint;
use crate::error::ErrorCode;

/// A deployment, configuration edit, flag flip ...
#[derive(Clone)]
pub(crate) struct Change {
    at: Standpoint,
    id: ChangeId,
}

/// What a change touches.
#[derive(SimpleObject)]
pub(crate) struct ChangeTarget {
    /// The key as the source said it.
    key: String,
    /// The item it means.
    item: Option<ConfigurationItem>,
}

/// One wave of a gradual change.
#[derive(SimpleObject)]
pub(crate) struct ChangeBatch {
    /// Its place among the batches, from 0.
    index: u32,
    /// What it touches; empty when it goes by traffic.
    targets: Vec<ChangeTarget>,
    /// The share of traffic it covers, 0 to 100.
    traffic_percent: Option<f64>,
    /// When it began.
    started_at: Option<DateTime>,
    /// When it was through.
    finished_at: Option<DateTime>,
    /// Where it stands: `planned`, `running`, `succeeded` or `failed`.
    status: Option<String>,
}

/// How a change stands to another.
#[derive(SimpleObject)]
pub(crate) struct ChangeRelation {
    /// `rollback_of`, `caused_by` or `part_of`.
    kind: String,
    /// The other change's source.
    source: String,
    /// What that source calls the other change.
    source_id: String,
    /// The other change, if it is known here.
    change: Option<Change>,
}

impl Change {
    /// A handle to a change of a view, if it is there.
    pub(crate) fn find(at: &Standpoint, id: ChangeId) -> Option<Self> {
        at.view.graph.change(id)?;
        Some(Self { at: at.clone(), id })
    }

    /// A handle to a change that is in the standpoint's view.
    pub(crate) fn of(at: &Standpoint, id: ChangeId) -> Self {
        Self { at: at.clone(), id }
    }

    /// The change an id names; an error when there is none.
    pub(crate) fn require<'v>(at: &'v Standpoint, id: &ID) -> Result<graph::ChangeRow<'v>> {
        let not_found =
            || ErrorCode::ChangeNotFound.error(format!("no change has the id {}", &**id));
        let id: ChangeId = id.parse().map_err(|_| not_found())?;
        at.view.graph.change(id).ok_or_else(not_found)
    }

    fn row(&self) -> graph::ChangeRow<'_> {
        let row = self.at.view.graph.change(self.id);
        row.expect("a handle is made of a change of its own view")
    }

    fn targets_of(&self, targets: Vec<graph::TargetOfChange<'_>>) -> Vec<ChangeTarget> {
        let targets = targets.into_iter();
        targets
            .map(|target| ChangeTarget {
                key: target.key(),
                item: Some(ConfigurationItem::of(&self.at, target.item)),
            })
            .collect()
    }
}

/// A deployment, configuration edit, flag flip ... as all statements of its source together describe it.
#[Object]
impl Change {
    /// The global id: derived from `source` and `sourceId`.
    pub(crate) async fn id(&self) -> ID {
        ID(self.id.to_string())
    }

    /// The platform that made it.
    async fn source(&self) -> &str {
        self.row().source()
    }

    /// The platform's own id.
    async fn source_id(&self) -> &str {
        self.row().source_id()
    }

    /// A line for people; the platform's id where nobody gave one.
    async fn title(&self) -> &str {
        self.row().title()
    }

    /// What sort of change: `deployment`, `configuration`, `flag`, `infrastructure`, `database`, `drill` or the source's own word.
    async fn kind(&self) -> Option<&str> {
        self.row().kind()
    }

    /// The registered scene, such as an iteration release.
    async fn scene(&self) -> Option<&str> {
        self.row().scene()
    }

    /// Where it takes effect.
    async fn environment(&self) -> Option<&str> {
        self.row().environment()
    }

    /// Its level of control, `G0` to `G4`.
    async fn level(&self) -> Option<&str> {
        self.row().level()
    }

    /// Where it stands: `planned`, `running`, `succeeded`, `failed`, `cancelled` or `rolled_back`.
    async fn status(&self) -> String {
        word(&self.row().status())
    }

    /// Who carried it out, if a name was given.
    async fn operator(&self) -> Option<&str> {
        self.row().operator()
    }

    /// Whether a person or a machine carried it out: `human`, `automatic` or `unknown`.
    async fn operator_kind(&self) -> String {
        word(&self.row().operator_kind())
    }

    /// Whether it jumped the queue, if its platform said.
    async fn emergency(&self) -> Option<bool> {
        self.row().emergency()
    }

    /// Whether alerts were kept quiet while it ran; silence is then no sign of health.
    async fn shielded(&self) -> bool {
        self.row().shielded()
    }

    /// What it touches, in the source's own keys and as the items they mean.
    async fn targets(&self) -> Vec<ChangeTarget> {
        self.targets_of(self.row().targets())
    }

    /// Its batches, if it is gradual.
    async fn batches(&self) -> Vec<ChangeBatch> {
        let batches = self.row().batches().into_iter();
        batches
            .map(|batch| ChangeBatch {
                index: batch.index,
                targets: self.targets_of(batch.targets),
                traffic_percent: batch.traffic_percent,
                started_at: batch.started_at.map(DateTime),
                finished_at: batch.finished_at.map(DateTime),
                status: batch.status.as_ref().map(word),
            })
            .collect()
    }

    /// How it stands to other changes: what it rolls back, what caused it, what it is part of.
    async fn links(&self) -> Vec<ChangeRelation> {
        let links = self.row().links().into_iter();
        links
            .map(|link| ChangeRelation {
                kind: link.kind,
                source: link.change.source.as_str().to_owned(),
                change: Self::find(&self.at, ChangeId::of(&link.change)),
                source_id: link.change.source_id,
            })
            .collect()
    }

    /// Its whole description; null only when no statement of it can be read.
    #[graphql(complexity = 5)]
    async fn details(&self, ctx: &Context<'_>) -> Result<Option<ChangeDetails>> {
        change_details(ctx, self.id, self.row().statements()).await
    }

    /// When it began to take effect; the time of its first statement where its source did not say.
    async fn started_at(&self) -> DateTime {
        DateTime(self.row().started_at())
    }

    /// When it was through, if it is.
    async fn finished_at(&self) -> Option<DateTime> {
        self.row().finished_at().map(DateTime)
    }

    /// When it was to begin.
    async fn planned_start_at(&self) -> Option<DateTime> {
        self.row().planned_start_at().map(DateTime)
    }

    /// When it was to be through.
    async fn planned_finish_at(&self) -> Option<DateTime> {
        self.row().planned_finish_at().map(DateTime)
    }
}

/// Additional fields of a list of changes.
pub(crate) struct ChangeTotals {
    pub(crate) at: Standpoint,
    pub(crate) criteria: Arc<ChangeCriteria>,
}

/// Additional fields of a list of changes.
#[Object]
impl ChangeTotals {
    /// How many changes there are on all pages. Counting reads every change of the filter's time.
    async fn total_count(&self, ctx: &Context<'_>) -> Result<usize> {
        let (at, criteria) = (self.at.clone(), Arc::clone(&self.criteria));
        ask(ctx, move || criteria.count(&at)).await
    }

    /// Whether a search for a text left long texts unread, because there are too many.
    async fn truncated(&self) -> bool {
        self.criteria.truncated()
    }

    /// The last position that was known when this was answered.
    async fn position(&self) -> LogPosition {
        self.at.position()
    }
}

/// A page of changes, the newest first.
pub(crate) type ChangeConnection =
    Connection<OpaqueCursor<ChangeOrder>, Change, ChangeTotals, EmptyFields>;

/// The word that an enumeration of the model is stored under.
pub(crate) fn word(value: &impl serde::Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(word)) => word,
        other => unreachable!("an enumeration is stored as a word, not {other:?}"),
    }
}
