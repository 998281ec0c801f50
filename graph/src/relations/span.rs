//! A relation in few bytes: what a search checks, and the one statement that most rest on.
//!
//! A row that rests on more than that keeps its statements elsewhere and shows here from when until when it held.

use model::{Strength, Timestamp, ValidInterval};
use serde::{Deserialize, Serialize};
use smallvec::SmallVec;

use super::Row;
use super::layout::Seat;
use crate::intern::WordIx;
use crate::validity::{Said, Statement, Validity};

/// What a search reads of a relation; those of one provider lie side by side.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Span {
    /// The dependent.
    pub(crate) other: Seat,
    tag: Tag,
    pub(super) from: i64,
    pub(super) until: i64,
}

/// The kind with what else there is to know, in one number: two relations with one tag that do not
/// fade let the same share of harm through.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Tag(u32);

const KIND: u32 = (1 << 25) - 1;
const SAID: u32 = 0b111 << 25;
const DECLARED: u32 = 1 << 25;
const STANDING: u32 = 2 << 25;
const SEEN: u32 = 3 << 25;
const LISTED: u32 = 4 << 25;
const WEAK: u32 = 1 << 28;
const STRONG: u32 = 1 << 29;
const FADES: u32 = 1 << 30;
const SEVERAL: u32 = 1 << 31;

/// The rest of the one statement that a span rests on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Ground {
    source: u32,
    /// The tie of a declaration, the report interval of a sight or a list.
    more: u32,
    /// When a declaration was made, or the last sight or list.
    at: i64,
}

/// Statements that do not fit into a span, and when they say that it held.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Spilled {
    pub(super) validity: Validity,
    pub(super) intervals: SmallVec<[(i64, i64); 1]>,
}

impl Spilled {
    pub(super) fn of(validity: Validity) -> Self {
        Self {
            intervals: ends(&validity.intervals()),
            validity,
        }
    }
}

/// A row in its short form.
pub(super) struct Packed {
    pub(super) span: Span,
    pub(super) ground: Ground,
    pub(super) spilled: Option<Spilled>,
}

impl Tag {
    pub(crate) fn kind(self) -> WordIx {
        WordIx::from_number(self.0 & KIND)
    }

    pub(crate) fn strength(self) -> Option<Strength> {
        match self.0 & (WEAK | STRONG) {
            0 => None,
            WEAK => Some(Strength::Weak),
            _ => Some(Strength::Strong),
        }
    }

    /// Whether what is known of it fades with time.
    pub(crate) fn fades(self) -> bool {
        self.0 & FADES != 0
    }

    /// Whether it held in several intervals, so that one span does not tell all.
    pub(crate) fn is_several(self) -> bool {
        self.0 & SEVERAL != 0
    }
}

impl Span {
    /// A relation of which nothing was said yet.
    pub(super) fn empty(other: Seat, kind: WordIx) -> Self {
        assert!(kind.number() <= KIND, "fewer than 2^25 different words");
        Self {
            other,
            tag: Tag(kind.number()),
            from: i64::MAX,
            until: i64::MIN,
        }
    }

    pub(crate) fn tag(&self) -> Tag {
        self.tag
    }

    pub(crate) fn kind(&self) -> WordIx {
        self.tag.kind()
    }

    /// Whether a moment lies between its first and its last.
    pub(crate) fn spans(&self, at: i64) -> bool {
        self.from <= at && at < self.until
    }

    /// The same relation, its dependent at another seat.
    pub(super) fn at_seat(self, other: Seat) -> Self {
        Self { other, ..self }
    }

    /// The statement it rests on, unless it rests on several or on none.
    pub(crate) fn statement(&self, ground: &Ground) -> Option<Statement> {
        let moment = Timestamp::from_unix_nanos;
        let said = match self.tag.0 & SAID {
            DECLARED => Said::Declared,
            STANDING => Said::Standing,
            SEEN => Said::Seen,
            LISTED => Said::Listed,
            _ => return None,
        };
        let (until, at) = match said {
            Said::Declared => (self.until, ground.at),
            Said::Standing | Said::Ended => (i64::MAX, self.from),
            Said::Seen | Said::Listed => (ground.at, self.until),
        };
        Some(Statement {
            source: WordIx::from_number(ground.source),
            said,
            from: moment(self.from),
            until: moment(until),
            at: moment(at),
            more: u64::from(ground.more),
        })
    }

    /// Packs a row; the relation's ends and kind stay.
    pub(super) fn packed(&self, row: &Row) -> Packed {
        let intervals = ends(&row.validity.intervals());
        let first = intervals.first().map_or(i64::MAX, |(from, _)| *from);
        let last = intervals.last().map_or(i64::MIN, |(_, until)| *until);
        let strength = match row.strength() {
            None => 0,
            Some((_, Strength::Weak)) => WEAK,
            Some((_, Strength::Strong)) => STRONG,
        };
        let fades = if row.validity.is_firm() { 0 } else { FADES };
        let several = if 1 < intervals.len() { SEVERAL } else { 0 };
        let mut span = Self {
            other: self.other,
            tag: Tag(self.tag.0 & KIND | strength | fades | several),
            from: first,
            until: last,
        };
        let only = row.validity.only();
        if let Some((sort, ground)) = only.and_then(ground) {
            let mut short = span;
            short.tag.0 |= sort;
            if short.statement(&ground).as_ref() == only {
                return Packed {
                    span: short,
                    ground,
                    spilled: None,
                };
            }
        }
        span.tag.0 &= !SAID;
        let spilled = (!row.validity.is_empty()).then(|| Spilled {
            validity: row.validity.clone(),
            intervals,
        });
        Packed {
            span,
            ground: Ground::default(),
            spilled,
        }
    }
}

/// What is kept of a statement beside its span, if that is enough.
fn ground(statement: &Statement) -> Option<(u32, Ground)> {
    let (sort, at) = match statement.said {
        Said::Declared => (DECLARED, statement.at),
        Said::Standing => (STANDING, statement.at),
        Said::Seen => (SEEN, statement.until),
        Said::Listed => (LISTED, statement.until),
        Said::Ended => return None,
    };
    let ground = Ground {
        source: statement.source.number(),
        more: u32::try_from(statement.more).ok()?,
        at: at.unix_nanos(),
    };
    Some((sort, ground))
}

fn ends(intervals: &[ValidInterval]) -> SmallVec<[(i64, i64); 1]> {
    let nanos = |held: &ValidInterval| {
        let until = held.until().unwrap_or(Timestamp::MAX);
        (held.from().unix_nanos(), until.unix_nanos())
    };
    intervals.iter().map(nanos).collect()
}
