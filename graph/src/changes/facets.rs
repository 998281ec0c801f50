//! What lists of changes are filtered, ordered and grouped by, side by side and small.
//!
//! A row holds the stamps of every statement; a question that goes through millions of changes
//! reads these instead.

use model::{ActorKind, ChangeStatus, Timestamp};

use super::row::{NOTHING, Row};
use crate::intern::WordIx;

/// What a change is listed by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Facet {
    pub(crate) start: Timestamp,
    /// `Timestamp::MAX` while it is not through.
    pub(crate) finish: Timestamp,
    words: [u32; WordFacet::ALL.len()],
    pub(crate) status: ChangeStatus,
    pub(crate) actor: ActorKind,
    pub(crate) emergency: Option<bool>,
    /// Whether only bookkeeping differs.
    pub(crate) bookkeeping: bool,
}

/// What a change has one word for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum WordFacet {
    Source,
    Kind,
    Scene,
    Environment,
    Level,
    Operator,
}

impl WordFacet {
    pub(crate) const ALL: [Self; 6] = [
        Self::Source,
        Self::Kind,
        Self::Scene,
        Self::Environment,
        Self::Level,
        Self::Operator,
    ];
}

impl Facet {
    /// What a row comes to.
    pub(super) fn of(row: &Row) -> Self {
        let [kind, scene, environment, level, operator] = row.words();
        Self {
            start: row.start(),
            finish: row.finished_at().unwrap_or(Timestamp::MAX),
            words: [
                row.source.number(),
                kind,
                scene,
                environment,
                level,
                operator,
            ],
            status: row.status(),
            actor: row.actor(),
            emergency: row.emergency(),
            bookkeeping: row.is_bookkeeping(),
        }
    }

    /// Its word for something.
    pub(crate) fn word(&self, facet: WordFacet) -> Option<WordIx> {
        let [source, kind, scene, environment, level, operator] = self.words;
        let word = match facet {
            WordFacet::Source => source,
            WordFacet::Kind => kind,
            WordFacet::Scene => scene,
            WordFacet::Environment => environment,
            WordFacet::Level => level,
            WordFacet::Operator => operator,
        };
        (word != NOTHING).then(|| WordIx::from_number(word))
    }
}
