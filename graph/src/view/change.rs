//! A change as a handle.

mod course;

use std::fmt;

use model::{
    ActorKind, BatchStatus, ChangeId, ChangeStatus, LogPosition, SourceName, SourceRef, Timestamp,
    Verdict,
};

use super::{GraphView, Item};
use crate::changes::{BatchRow, ChangeIx, Facet, Row, RowRef, WordFacet};
use crate::mention::MentionIx;

pub use course::{CheckOfChange, Membership};

/// A deployment, config edit, flag flip.
#[derive(Clone, Copy)]
pub struct ChangeRow<'v> {
    view: &'v GraphView,
    change: ChangeIx,
}

/// What a change touches.
#[derive(Clone, Copy, Debug)]
pub struct TargetOfChange<'v> {
    mention: MentionIx,
    /// The item it means.
    pub item: Item<'v>,
}

/// One wave of a gradual change.
#[derive(Clone, Debug)]
pub struct BatchOfChange<'v> {
    /// Its place among the batches.
    pub index: u32,
    /// What it touches.
    pub targets: Vec<TargetOfChange<'v>>,
    /// The share of traffic it covers.
    pub traffic_percent: Option<f64>,
    /// When it was to begin.
    pub planned_start_at: Option<Timestamp>,
    /// When it was to be through.
    pub planned_finish_at: Option<Timestamp>,
    /// When it began.
    pub started_at: Option<Timestamp>,
    /// When it was through.
    pub finished_at: Option<Timestamp>,
    /// Where it stands.
    pub status: Option<BatchStatus>,
}

/// How a change stands to another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinkedChange {
    /// `rollback_of`, `caused_by` or `part_of`.
    pub kind: String,
    /// The other change; it may be unknown yet.
    pub change: SourceRef,
}

impl fmt::Debug for ChangeRow<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.source(), self.source_id())
    }
}

impl PartialEq for ChangeRow<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.change == other.change
    }
}

impl Eq for ChangeRow<'_> {}

impl TargetOfChange<'_> {
    /// The key as the source gave it.
    pub fn key(&self) -> String {
        let identity = &self.item.view.identity;
        let name = &identity.mention(self.mention).name;
        name.to_claim(&identity.words).to_text()
    }
}

impl<'v> ChangeRow<'v> {
    pub(crate) fn new(view: &'v GraphView, change: ChangeIx) -> Self {
        Self { view, change }
    }

    pub(crate) fn index(&self) -> ChangeIx {
        self.change
    }

    pub(crate) fn view(&self) -> &'v GraphView {
        self.view
    }

    /// Its row for a look.
    fn row(&self) -> RowRef<'v> {
        self.view.changes.look(self.change)
    }

    /// Its row, for as long as the view lives.
    fn kept_row(&self) -> &'v Row {
        self.view.changes.row(self.change)
    }

    /// What it is listed by, which is in memory where its row may not be.
    fn facet(&self) -> &'v Facet {
        self.view.changes.facet(self.change)
    }

    /// Its id.
    pub fn id(&self) -> ChangeId {
        ChangeId::of(&self.reference())
    }

    /// What its platform calls it.
    pub fn reference(&self) -> SourceRef {
        SourceRef {
            source: SourceName::new(self.source()),
            source_id: self.row().source_id.to_string(),
        }
    }

    /// The platform.
    pub fn source(&self) -> &'v str {
        self.word(WordFacet::Source).unwrap_or_default()
    }

    /// The platform's own id.
    pub fn source_id(&self) -> &'v str {
        &self.kept_row().source_id
    }

    /// A line for people; the platform's id where nobody gave one.
    pub fn title(&self) -> &'v str {
        self.kept_row().title().unwrap_or(self.source_id())
    }

    /// What sort of change.
    pub fn kind(&self) -> Option<&'v str> {
        self.word(WordFacet::Kind)
    }

    /// The registered scene.
    pub fn scene(&self) -> Option<&'v str> {
        self.word(WordFacet::Scene)
    }

    /// Where it takes effect.
    pub fn environment(&self) -> Option<&'v str> {
        self.word(WordFacet::Environment)
    }

    /// Its level of control.
    pub fn level(&self) -> Option<&'v str> {
        self.word(WordFacet::Level)
    }

    fn word(&self, of: WordFacet) -> Option<&'v str> {
        let word = self.view.changes.word(self.facet(), of)?;
        Some(self.view.identity.words.text(word))
    }

    /// Where it stands.
    pub fn status(&self) -> ChangeStatus {
        self.facet().status
    }

    /// Who carried it out, if a name was given.
    pub fn operator(&self) -> Option<&'v str> {
        let name = self.view.changes.word(self.facet(), WordFacet::Operator)?;
        Some(self.view.changes.operators.text(name))
    }

    /// Whether a person or a machine carried it out.
    pub fn operator_kind(&self) -> ActorKind {
        self.facet().actor
    }

    /// When it began to take effect.
    pub fn started_at(&self) -> Timestamp {
        self.facet().start
    }

    /// When it began, as its platform says.
    pub fn stated_start(&self) -> Option<Timestamp> {
        self.row().started_at()
    }

    /// When it was through.
    pub fn finished_at(&self) -> Option<Timestamp> {
        self.facet().finished_at()
    }

    /// When it was to begin.
    pub fn planned_start_at(&self) -> Option<Timestamp> {
        self.row().planned_start_at()
    }

    /// When it was to be through.
    pub fn planned_finish_at(&self) -> Option<Timestamp> {
        self.row().planned_finish_at()
    }

    /// How much later than planned it began, in milliseconds; negative where earlier. `None` unless both are stated.
    pub fn start_delay_ms(&self) -> Option<f64> {
        let began = self.stated_start()?;
        Some(began.millis_since(self.planned_start_at()?))
    }

    /// How much later than planned it was through, in milliseconds; negative where earlier. `None` unless both are stated.
    pub fn finish_delay_ms(&self) -> Option<f64> {
        let through = self.finished_at()?;
        Some(through.millis_since(self.planned_finish_at()?))
    }

    /// Whether alerts were kept quiet while it ran.
    pub fn shielded(&self) -> bool {
        self.row().shielded
    }

    /// Whether it jumped the queue.
    pub fn emergency(&self) -> Option<bool> {
        self.facet().emergency
    }

    /// What it touches.
    pub fn targets(&self) -> Vec<TargetOfChange<'v>> {
        let row = self.row();
        let targets = row.targets().iter();
        targets.map(|mention| self.target(*mention)).collect()
    }

    /// Its batches, by index.
    pub fn batches(&self) -> Vec<BatchOfChange<'v>> {
        let row = self.row();
        let batches = row.batches().iter();
        batches
            .map(|(index, row)| self.batch(*index, row))
            .collect()
    }

    fn batch(&self, index: u32, row: &BatchRow) -> BatchOfChange<'v> {
        let targets = row.targets.get().into_iter().flatten();
        BatchOfChange {
            index,
            targets: targets.map(|mention| self.target(*mention)).collect(),
            traffic_percent: row.traffic_percent.get().copied(),
            planned_start_at: row.planned_start_at.get().copied(),
            planned_finish_at: row.planned_finish_at.get().copied(),
            started_at: row.started_at.get().copied(),
            finished_at: row.finished_at.get().copied(),
            status: row.status.get().copied(),
        }
    }

    fn target(&self, mention: MentionIx) -> TargetOfChange<'v> {
        let item = self
            .view
            .meant(mention, self.environment(), self.started_at());
        TargetOfChange {
            mention,
            item: self.view.item_at(item),
        }
    }

    /// Every item it touches, by itself or by a batch, each once.
    pub fn items(&self) -> Vec<Item<'v>> {
        let mut items: Vec<Item<'v>> = self
            .row()
            .touched()
            .map(|mention| self.target(mention).item)
            .collect();
        items.sort_by_key(|item| item.item);
        items.dedup();
        items
    }

    /// Every item that one of its batches touches, each once; nothing where there is no such batch.
    pub fn items_of_batch(&self, batch: u32) -> Option<Vec<Item<'v>>> {
        let row = self.row();
        let targets = row.batches().get(&batch)?.targets.get();
        let targets = targets.into_iter().flatten();
        let mut items: Vec<Item<'v>> = targets.map(|it| self.target(*it).item).collect();
        items.sort_by_key(|item| item.item);
        items.dedup();
        Some(items)
    }

    /// Whether it touches an item.
    pub fn touches(&self, item: Item<'v>) -> bool {
        let row = self.row();
        let mut touched = row.touched();
        touched.any(|mention| self.target(mention).item == item)
    }

    /// How it stands to other changes.
    pub fn links(&self) -> Vec<LinkedChange> {
        let words = &self.view.identity.words;
        let row = self.row();
        let links = row.links().map(|link| LinkedChange {
            kind: words.text(link.kind).to_owned(),
            change: link.reference(words),
        });
        let mut links: Vec<LinkedChange> = links.collect();
        links.sort_by(|one, other| one.kind.cmp(&other.kind));
        links
    }

    /// What people judged of it, by incident.
    pub fn verdicts(&self) -> Vec<(model::IncidentId, Verdict)> {
        let id = self.id();
        let all = self.view.verdicts().filter(|(change, _, _)| *change == id);
        all.map(|(_, incident, verdict)| (incident, verdict))
            .collect()
    }

    /// Where its statements stand in the log; the index holds them in full.
    pub fn statements(&self) -> &'v [LogPosition] {
        &self.kept_row().statements
    }
}
