//! Changes as handles.

mod course;

use async_graphql::{Context, ID, Object, Result, SimpleObject};
use model::ChangeId;

use super::anomaly::Anomaly;
use super::change_model::Scene;
use super::details::{ChangeDetails, change_details, whole_change};
use super::impact::ImpactComparison;
use super::item::ConfigurationItem;
use super::paging::question_size;
use super::risk::RiskScore;
use super::scalars::DateTime;
use super::sight::HIDDEN;
use super::standpoint::Standpoint;
use crate::error::ErrorCode;
use course::{ChangeExemption, ChangeHistory, Check, Rollout};

/// Changes that link to one, as many as are listed when nobody says.
const PARTS_USUAL: usize = 100;
/// And at most.
const PARTS_MAX: usize = 1_000;

/// A deployment, configuration edit, flag flip ...
#[derive(Clone)]
pub(crate) struct Change {
    at: Standpoint,
    id: ChangeId,
    /// Whether it is shown to whoever asks.
    is_shown: bool,
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
    /// When it was to begin.
    planned_start_at: Option<DateTime>,
    /// When it was to be through.
    planned_finish_at: Option<DateTime>,
    /// When it began.
    started_at: Option<DateTime>,
    /// When it was through.
    finished_at: Option<DateTime>,
    /// Where it stands: `planned`, `running`, `paused`, `succeeded`, `skipped`, `failed`, `timed_out`, `cancelled` or `rolled_back`.
    status: Option<String>,
}

/// Changes that say they are part of another.
#[derive(SimpleObject)]
pub(crate) struct ChangeParts {
    /// Those that are listed.
    changes: Vec<Change>,
    /// How many there are.
    total_count: usize,
    /// Whether some were left out.
    truncated: bool,
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
    /// A handle to a change of a view, if it is there and shown to whoever asks.
    pub(crate) fn find(at: &Standpoint, id: ChangeId) -> Option<Self> {
        at.view.graph.change(id)?;
        Some(Self::of(at, id)).filter(|change| change.is_shown)
    }

    /// A handle to a change that is in the standpoint's view. One that is hidden stands for itself.
    pub(crate) fn of(at: &Standpoint, id: ChangeId) -> Self {
        let row = at.sight.as_ref().and_then(|_| at.view.graph.change(id));
        Self {
            is_shown: row.is_none_or(|row| at.sees_change(&row)),
            at: at.clone(),
            id,
        }
    }

    /// The change an id names; an error when there is none.
    pub(crate) fn require<'v>(at: &'v Standpoint, id: &ID) -> Result<graph::ChangeRow<'v>> {
        let not_found =
            || ErrorCode::ChangeNotFound.error(format!("no change has the id {}", &**id));
        let id: ChangeId = id.parse().map_err(|_| not_found())?;
        let row = at.view.graph.change(id);
        row.filter(|row| at.sees_change(row)).ok_or_else(not_found)
    }

    /// It as the view has it, if it is shown to whoever asks.
    fn shown(&self) -> Option<graph::ChangeRow<'_>> {
        self.is_shown.then(|| self.row())
    }

    /// It as the view has it.
    pub(crate) fn row(&self) -> graph::ChangeRow<'_> {
        let row = self.at.view.graph.change(self.id);
        row.expect("a handle is made of a change of its own view")
    }

    fn linked(&self, kind: &str) -> Vec<Self> {
        let links = self.row().links().into_iter();
        let of_kind = links.filter(|link| link.kind == kind);
        of_kind
            .filter_map(|link| Self::find(&self.at, ChangeId::of(&link.change)))
            .collect()
    }

    fn linking(&self, kind: &str, first: Option<u32>) -> ChangeParts {
        let first = first.map_or(PARTS_USUAL, |first| (first as usize).min(PARTS_MAX));
        let linking = self.row().linked_by(kind);
        let listed = linking.iter().take(first);
        ChangeParts {
            changes: listed.map(|it| Self::of(&self.at, it.id())).collect(),
            total_count: linking.len(),
            truncated: first < linking.len(),
        }
    }

    fn targets_of(&self, targets: Vec<graph::TargetOfChange<'_>>) -> Vec<ChangeTarget> {
        let targets = targets.into_iter();
        targets
            .map(|target| ChangeTarget {
                key: match self.at.sees(target.item) {
                    true => target.key(),
                    false => HIDDEN.to_owned(),
                },
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
        match self.is_shown {
            true => ID(self.id.to_string()),
            false => ID(self.at.veiled_change(self.id).to_string()),
        }
    }

    /// Whether it touches only what is outside of what the token shows: then it is there, has its times and holds its
    /// place, its texts are `hidden`, and nothing else is told of it.
    async fn hidden(&self) -> bool {
        !self.is_shown
    }

    /// The platform that made it.
    async fn source(&self) -> &str {
        self.shown().map_or(HIDDEN, |row| row.source())
    }

    /// The platform's own id.
    async fn source_id(&self) -> &str {
        self.shown().map_or(HIDDEN, |row| row.source_id())
    }

    /// A line for people; the platform's id where nobody gave one.
    async fn title(&self) -> &str {
        self.shown().map_or(HIDDEN, |row| row.title())
    }

    /// What sort of change: `deployment`, `configuration`, `flag`, `infrastructure`, `database`, `drill` or the source's own word.
    async fn kind(&self) -> Option<&str> {
        self.shown()?.kind()
    }

    /// The registered scene, such as an iteration release.
    async fn scene(&self) -> Option<&str> {
        self.row().scene()
    }

    /// Where it takes effect.
    async fn environment(&self) -> Option<&str> {
        self.shown()?.environment()
    }

    /// Its level of control, `G0` to `G4`.
    async fn level(&self) -> Option<&str> {
        self.shown()?.level()
    }

    /// Where it stands: `planned`, `submitted`, `approved`, `rejected`, `running`, `paused`, `succeeded`, `skipped`,
    /// `failed`, `timed_out`, `cancelled` or `rolled_back`.
    async fn status(&self) -> String {
        let row = self.shown();
        row.map_or_else(|| HIDDEN.to_owned(), |row| word(&row.status()))
    }

    /// Who carried it out, if a name was given.
    async fn operator(&self) -> Option<&str> {
        self.shown()?.operator()
    }

    /// Whether a person or a machine carried it out: `human`, `automatic` or `unknown`.
    async fn operator_kind(&self) -> String {
        word(&self.row().operator_kind())
    }

    /// Whether it jumped the queue, if its platform said.
    async fn emergency(&self) -> Option<bool> {
        self.shown()?.emergency()
    }

    /// Whether alerts were kept quiet while it ran; silence is then no sign of health.
    async fn shielded(&self) -> bool {
        self.row().shielded()
    }

    /// What it touches, in the source's own keys and as the items they mean.
    async fn targets(&self) -> Vec<ChangeTarget> {
        let targets = self.shown().map(|row| row.targets());
        self.targets_of(targets.unwrap_or_default())
    }

    /// Its batches, if it is gradual.
    async fn batches(&self) -> Vec<ChangeBatch> {
        let batches = self.shown().map(|row| row.batches());
        let batches = batches.into_iter().flatten();
        batches
            .map(|batch| ChangeBatch {
                index: batch.index,
                targets: self.targets_of(batch.targets),
                traffic_percent: batch.traffic_percent,
                planned_start_at: batch.planned_start_at.map(DateTime),
                planned_finish_at: batch.planned_finish_at.map(DateTime),
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

    /// The changes that take this one back.
    #[graphql(complexity = "10 + 5 * child_complexity")]
    async fn rolled_back_by(&self) -> Vec<Self> {
        self.linking("rollback_of", None).changes
    }

    /// The changes this one takes back, as far as they are known here.
    async fn rollback_of(&self) -> Vec<Self> {
        self.linked("rollback_of")
    }

    /// The changes that say they are part of this one, in order of their id.
    #[graphql(complexity = "20 + 20 * child_complexity")]
    async fn parts(
        &self,
        #[graphql(desc = "How many are listed; 100 when missing, 1,000 at most.")] first: Option<
            u32,
        >,
    ) -> ChangeParts {
        self.linking("part_of", first)
    }

    /// The changes this one is part of, as far as they are known here.
    async fn part_of(&self) -> Vec<Self> {
        self.linked("part_of")
    }

    /// The changes that say this one caused them.
    #[graphql(complexity = "10 + 5 * child_complexity")]
    async fn consequences(&self) -> Vec<Self> {
        self.linking("caused_by", None).changes
    }

    /// The changes that caused this one, as far as they are known here.
    async fn caused_by(&self) -> Vec<Self> {
        self.linked("caused_by")
    }

    /// How it takes effect, as stated or as its batches tell: `one_shot`, `machine_batches` or `traffic_ratio`.
    async fn flow(&self) -> Option<String> {
        self.row().flow().as_ref().map(word)
    }

    /// By which rules it is rolled out, if its platform said.
    #[graphql(complexity = 5)]
    async fn rollout(&self, ctx: &Context<'_>) -> Result<Option<Rollout>> {
        let whole = whole_change(ctx, self.id, self.row().statements()).await?;
        Ok(whole.and_then(|whole| whole.rollout).map(Rollout::from))
    }

    /// Which exemption it uses, and when that holds.
    #[graphql(complexity = 5)]
    async fn exemption(&self, ctx: &Context<'_>) -> Result<Option<ChangeExemption>> {
        let whole = whole_change(ctx, self.id, self.row().statements()).await?;
        let said = whole.and_then(|whole| whole.exemption);
        Ok(said.map(|said| ChangeExemption::of(said, &self.row())))
    }

    /// How risky other systems hold it, each by its newest word.
    async fn risk_scores(&self) -> Vec<RiskScore> {
        RiskScore::all(&self.row())
    }

    /// What its checks found, and what people said of them, by name and place.
    #[graphql(complexity = "5 + 2 * child_complexity")]
    async fn checks(&self, ctx: &Context<'_>) -> Result<Vec<Check>> {
        let whole = whole_change(ctx, self.id, self.row().statements()).await?;
        Ok(course::checks(&self.row(), whole.as_ref()))
    }

    /// Everything that was said of it, each statement with its time, its place in the log and its sender.
    #[graphql(complexity = "10 + 10 * child_complexity")]
    async fn history(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many are listed, the earliest first; 1,000 at most.")] first: Option<
            u32,
        >,
    ) -> Result<ChangeHistory> {
        ChangeHistory::read(ctx, self.row().statements(), first).await
    }

    /// Which of its members are changed at the moment asked about (`asOf.validAt`).
    async fn changed_members(&self) -> Vec<ChangeTarget> {
        self.targets_of(self.row().membership(self.at.valid_at).changed)
    }

    /// Which of its members are being changed at the moment asked about.
    async fn changing_members(&self) -> Vec<ChangeTarget> {
        self.targets_of(self.row().membership(self.at.valid_at).changing)
    }

    /// Which of its members are as before at the moment asked about: not reached yet, passed over or taken back.
    async fn not_yet_changed(&self) -> Vec<ChangeTarget> {
        self.targets_of(self.row().membership(self.at.valid_at).not_yet)
    }

    /// What its author expects to be affected, against what harm would reach at the moment asked about; null where nothing is expected.
    #[graphql(complexity = "50 + child_complexity")]
    async fn impact_comparison(
        &self,
        ctx: &Context<'_>,
        #[graphql(
            desc = "Harm less likely than this, from 0 to 1, is not told as missed.",
            default = 0.3
        )]
        least: f64,
        #[graphql(desc = "How many missed items are listed; 20 when missing.")] first: Option<i32>,
    ) -> Result<Option<ImpactComparison>> {
        let first = question_size(ctx, first)?;
        ImpactComparison::of(ctx, self.at.clone(), self.clone(), least, first).await
    }

    /// The share of traffic that is changed at the moment asked about; null when it does not go by traffic.
    async fn changed_traffic_percent(&self) -> Option<f64> {
        self.row().membership(self.at.valid_at).traffic_percent
    }

    /// What its platform knows several changes of one act by.
    async fn fold_key(&self) -> Option<&str> {
        self.row().fold_key()
    }

    /// Whether only bookkeeping differs, which nobody meant to change anything by.
    async fn bookkeeping(&self) -> bool {
        self.row().is_bookkeeping()
    }

    /// The registration of its scene that counts at the moment asked about, if there is one.
    async fn registered_scene(&self) -> Option<Scene> {
        let row = self.row();
        Scene::find(&self.at, row.source(), row.scene()?)
    }

    /// What it lacks of what its level and its scene ask for. Nothing is refused for these.
    #[graphql(complexity = 10)]
    async fn open_questions(&self) -> Vec<Anomaly> {
        let open = self.row().open_questions(self.at.valid_at).into_iter();
        open.map(Anomaly::from).collect()
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

    /// How much later than planned it began, in milliseconds; negative where earlier, null unless both are stated.
    async fn start_delay_ms(&self) -> Option<f64> {
        self.row().start_delay_ms()
    }

    /// How much later than planned it was through, in milliseconds; negative where earlier, null unless both are stated.
    async fn finish_delay_ms(&self) -> Option<f64> {
        self.row().finish_delay_ms()
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

/// The word that an enumeration of the model is stored under.
pub(crate) fn word(value: &impl serde::Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(word)) => word,
        other => unreachable!("an enumeration is stored as a word, not {other:?}"),
    }
}
