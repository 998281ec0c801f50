//! A change that somebody wants to make.

use model::{CiId, SourceKey, SourceRef, Timestamp};

use crate::view::{ChangeRow, GraphView, Item, Resolution};

/// A change that somebody wants to make.
#[derive(Clone, Debug, PartialEq)]
pub struct AskedChange {
    /// What its platform calls it, if it is recorded.
    pub change: Option<SourceRef>,
    /// What it touches.
    pub targets: Vec<CiId>,
    /// Targets that nobody knows.
    pub unknown_targets: Vec<String>,
    /// Where it takes effect.
    pub environment: Option<String>,
    /// What sort of change.
    pub kind: Option<String>,
    /// Its level of control.
    pub level: Option<String>,
    /// Its registered scene.
    pub scene: Option<String>,
    /// What it is for.
    pub goal: Option<String>,
    /// Whether an administrator makes it, whom not every rule binds.
    pub by_administrator: bool,
    /// When it is to begin.
    pub start: Timestamp,
    /// When it is to be through.
    pub finish: Timestamp,
}

impl AskedChange {
    /// A recorded change as it was planned or, where it is under way, as it runs.
    pub fn of(change: &ChangeRow<'_>) -> Self {
        let start = change.planned_start_at().unwrap_or(change.started_at());
        let finish = change.planned_finish_at().or(change.finished_at());
        let text = |text: Option<&str>| text.map(str::to_owned);
        Self {
            change: Some(change.reference()),
            targets: change.items().iter().map(Item::id).collect(),
            unknown_targets: Vec::new(),
            environment: text(change.environment()),
            kind: text(change.kind()),
            level: text(change.level()),
            scene: text(change.scene()),
            goal: None,
            by_administrator: false,
            start,
            finish: finish.unwrap_or(start).max(start),
        }
    }

    /// Takes the targets that keys mean; what nobody knows is remembered as such.
    pub fn aim(&mut self, view: &GraphView, keys: &[SourceKey]) {
        for key in keys {
            match view.resolve(key, self.environment.as_deref(), self.start) {
                Resolution::Item(item) => self.targets.push(item.id()),
                Resolution::Ambiguous(_) | Resolution::Unknown => {
                    self.unknown_targets.push(key.to_string());
                }
            }
        }
    }
}
