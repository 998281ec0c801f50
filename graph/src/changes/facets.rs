//! What lists of changes are filtered, ordered and grouped by, side by side and small.
//!
//! A row holds the stamps of every statement; a question that goes through millions of changes
//! reads these instead.

use model::{ActorKind, ChangeStatus, Timestamp};

use super::Row;
use crate::intern::{WordIx, Words};

/// A word that nobody said.
const NOTHING: u32 = u32::MAX;

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
    /// What a row comes to; `operators` are words of their own, for there are many.
    pub(super) fn of(row: &Row, operators: &mut Words) -> Self {
        let word = |word: Option<&WordIx>| word.map_or(NOTHING, |word| word.number());
        let (actor, operator) = match row.operator.get() {
            Some((kind, name)) => (*kind, name.as_deref().map(|name| operators.add(name))),
            None => (ActorKind::Unknown, None),
        };
        Self {
            start: row.start(),
            finish: row.finished_at.get().copied().unwrap_or(Timestamp::MAX),
            words: [
                row.source.number(),
                word(row.kind.get()),
                word(row.scene.get()),
                word(row.environment.get()),
                word(row.level.get()),
                word(operator.as_ref()),
            ],
            status: row.status(),
            actor,
            emergency: row.emergency.get().copied(),
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
