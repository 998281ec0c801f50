//! An incident as a handle.

use std::fmt;

use model::{IncidentId, IncidentStatus, LogPosition, SourceName, SourceRef, Timestamp};

use super::{GraphView, Item};
use crate::incidents::{IncidentIx, Row};

/// An unplanned disturbance.
#[derive(Clone, Copy)]
pub struct IncidentRow<'v> {
    view: &'v GraphView,
    incident: IncidentIx,
}

impl fmt::Debug for IncidentRow<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.source(), self.source_id())
    }
}

impl<'v> IncidentRow<'v> {
    pub(crate) fn new(view: &'v GraphView, incident: IncidentIx) -> Self {
        Self { view, incident }
    }

    fn row(&self) -> &'v Row {
        self.view.incidents.row(self.incident)
    }

    /// Its id.
    pub fn id(&self) -> IncidentId {
        IncidentId::of(&self.reference())
    }

    /// What its source calls it.
    pub fn reference(&self) -> SourceRef {
        SourceRef {
            source: SourceName::new(self.source()),
            source_id: self.source_id().to_owned(),
        }
    }

    /// The system that raised it.
    pub fn source(&self) -> &'v str {
        self.view.identity.words.text(self.row().source)
    }

    /// That system's own id.
    pub fn source_id(&self) -> &'v str {
        &self.row().source_id
    }

    /// A line for people; the source's id where nobody gave one.
    pub fn title(&self) -> &'v str {
        self.row()
            .title
            .get()
            .map_or(self.source_id(), |title| title)
    }

    /// Where it stands.
    pub fn status(&self) -> IncidentStatus {
        self.row().status()
    }

    /// The source's word for how bad it is.
    pub fn severity(&self) -> Option<&'v str> {
        self.row()
            .severity
            .get()
            .map(|word| self.view.identity.words.text(*word))
    }

    /// Whether people declared it, rather than a monitor having raised an alert.
    pub fn is_declared(&self) -> bool {
        self.row().declared.get() == Some(&true)
    }

    /// Where it happens.
    pub fn environment(&self) -> Option<&'v str> {
        self.row()
            .environment
            .get()
            .map(|word| self.view.identity.words.text(*word))
    }

    /// When it began.
    pub fn started_at(&self) -> Timestamp {
        self.row().start()
    }

    /// When it ended.
    pub fn resolved_at(&self) -> Option<Timestamp> {
        self.row().end()
    }

    /// Whether it had begun by a moment and was not over yet.
    pub fn goes_on(&self, at: Timestamp) -> bool {
        let is_over = match self.resolved_at() {
            Some(resolved) => resolved <= at,
            None => self.status() == IncidentStatus::Resolved,
        };
        self.started_at() <= at && !is_over
    }

    /// The items that show the symptom, each once, in the order they were named.
    pub fn items(&self) -> Vec<Item<'v>> {
        let mut items: Vec<Item<'v>> = Vec::new();
        for mention in self.row().items.get().into_iter().flatten() {
            let meant = self
                .view
                .meant(*mention, self.environment(), self.started_at());
            let item = self.view.item_at(meant);
            if !items.contains(&item) {
                items.push(item);
            }
        }
        items
    }

    /// Where its statements stand in the log; the index holds them in full.
    pub fn statements(&self) -> &'v [LogPosition] {
        &self.row().statements
    }
}
