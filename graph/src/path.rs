//! Paths and parts of a score, as every answer shows them.

use model::CiId;

use crate::view::Relation;

/// One step of a path: along a relation, with its arrow or against it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PathStep {
    /// Where the step begins.
    pub from: CiId,
    /// Where it ends.
    pub to: CiId,
    /// The relation's kind.
    pub kind: String,
    /// Whether the step goes from provider to dependent.
    pub against_arrow: bool,
}

/// One part of a score. The parts add up to it.
#[derive(Clone, Debug, PartialEq)]
pub struct Contribution {
    /// The signal's stable name.
    pub signal: String,
    /// What was measured, if it is a number.
    pub value: Option<f64>,
    /// What it adds to the score.
    pub contribution: f64,
    /// The same in words.
    pub explanation: String,
}

impl PathStep {
    pub(crate) fn of(relation: &Relation<'_>, against_arrow: bool) -> Self {
        let (dependent, provider) = (relation.dependent().id(), relation.provider().id());
        let (from, to) = if against_arrow {
            (provider, dependent)
        } else {
            (dependent, provider)
        };
        Self {
            from,
            to,
            kind: relation.kind().to_owned(),
            against_arrow,
        }
    }

    /// The dependent of the step's relation.
    pub fn dependent(&self) -> CiId {
        if self.against_arrow {
            self.to
        } else {
            self.from
        }
    }

    /// The provider of the step's relation.
    pub fn provider(&self) -> CiId {
        if self.against_arrow {
            self.from
        } else {
            self.to
        }
    }
}
