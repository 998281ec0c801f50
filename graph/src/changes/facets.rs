//! What lists of changes are filtered, ordered and grouped by, side by side and small.
//!
//! A row holds the stamps of every statement; a question that goes through millions of changes
//! reads these instead.

use model::{ActorKind, ChangeStatus, ContentHash, Timestamp};

use super::row::{NOTHING, Row};
use crate::cow::CowVec;
use crate::intern::WordIx;
use crate::table::Table;

/// What a change is listed by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Facet {
    pub(crate) start: Timestamp,
    /// `Timestamp::MAX` while it is not through.
    pub(crate) finish: Timestamp,
    /// Which words it has, of those that few have of their own.
    sort: u32,
    operator: u32,
    pub(crate) status: ChangeStatus,
    pub(crate) actor: ActorKind,
    pub(crate) emergency: Option<bool>,
    /// Whether only bookkeeping differs.
    pub(crate) bookkeeping: bool,
    ending: Ending,
}

/// When the last effect of a change began at the latest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ending {
    /// When it started.
    AtStart,
    /// When it was through.
    AtFinish,
    /// It goes on.
    GoesOn,
    /// As its row has it.
    Otherwise,
}

/// What every change is listed by, by number.
pub(super) type Facets = CowVec<Facet, 128>;

/// What a change has one word for; the last is kept by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum WordFacet {
    Source,
    Kind,
    Scene,
    Environment,
    Level,
    Operator,
}

/// The words of changes, each combination once. Operators are left out, for there are many.
#[derive(Clone, Debug, Default)]
pub(super) struct Sorts {
    sorts: CowVec<[u32; 5], 64>,
    numbers: Table,
}

impl Sorts {
    fn number(&mut self, words: [u32; 5]) -> u32 {
        let bytes = words.map(u32::to_be_bytes);
        let hash = ContentHash::of(bytes.as_flattened());
        let next = u32::try_from(self.sorts.len()).unwrap_or(u32::MAX);
        let number = self.numbers.insert(*hash.as_bytes(), next);
        if number == next {
            self.sorts.push(words);
        }
        number
    }

    /// The word of a change for something.
    pub(super) fn word(&self, facet: &Facet, of: WordFacet) -> Option<WordIx> {
        let word = match of {
            WordFacet::Operator => facet.operator,
            of => *self.sorts.get(facet.sort as usize)?.get(of as usize)?,
        };
        (word != NOTHING).then(|| WordIx::from_number(word))
    }
}

impl Facet {
    /// That of a change of which only its beginning matters.
    #[cfg(test)]
    pub(super) fn starting_at(start: Timestamp) -> Self {
        Self {
            start,
            finish: Timestamp::MAX,
            sort: 0,
            operator: NOTHING,
            status: ChangeStatus::Succeeded,
            actor: ActorKind::Unknown,
            emergency: None,
            bookkeeping: false,
            ending: Ending::AtStart,
        }
    }

    /// What a row comes to.
    pub(super) fn of(row: &Row, sorts: &mut Sorts) -> Self {
        let [kind, scene, environment, level, operator] = row.words();
        let (start, end) = (row.start(), row.end());
        let ending = match row.finished_at() {
            Some(finished) if finished == end => Ending::AtFinish,
            _ if end == start => Ending::AtStart,
            _ if end == Timestamp::MAX => Ending::GoesOn,
            _ => Ending::Otherwise,
        };
        Self {
            start,
            finish: row.finished_at().unwrap_or(Timestamp::MAX),
            sort: sorts.number([row.source.number(), kind, scene, environment, level]),
            operator,
            status: row.status(),
            actor: row.actor(),
            emergency: row.emergency(),
            bookkeeping: row.is_bookkeeping(),
            ending,
        }
    }

    /// When it was through.
    pub(crate) fn finished_at(&self) -> Option<Timestamp> {
        (self.finish != Timestamp::MAX).then_some(self.finish)
    }

    /// When its last effect began at the latest, unless only its row knows.
    pub(crate) fn end(&self) -> Option<Timestamp> {
        match self.ending {
            Ending::AtStart => Some(self.start),
            Ending::AtFinish => Some(self.finish),
            Ending::GoesOn => Some(Timestamp::MAX),
            Ending::Otherwise => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_change_is_listed_by_stays_small() {
        let bytes = size_of::<Facet>();
        assert!(bytes <= 32, "{bytes} bytes");
    }
}
