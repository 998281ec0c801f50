//! Relations between mentions, and the adjacency that searches walk.

use model::{Deviation, RelationKind, Strength, Timestamp, ValidInterval};
use serde::{Deserialize, Serialize};
use smallvec::SmallVec;

use crate::cow::CowVec;
use crate::deviations::{self, DeviationRow};
use crate::intern::{WordIx, Words};
use crate::mention::MentionIx;
use crate::stamped::{Stamp, Stamped};
use crate::validity::Validity;

/// The number of a relation between two mentions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct RowIx(pub(crate) u32);

/// The kind under which deviations are kept that name none; such a row holds at no time.
pub(crate) const ANY_KIND: &str = "";

/// What was counted in the last closed window.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct CallCounts {
    /// Calls in the window.
    pub calls: u64,
    /// Of these, failed.
    pub errors: u64,
    /// The window's start.
    pub from: Timestamp,
    /// The window's end.
    pub until: Timestamp,
}

/// All that is known of one relation between two mentions.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Row {
    pub(crate) dependent: MentionIx,
    pub(crate) provider: MentionIx,
    pub(crate) kind: WordIx,
    pub(crate) validity: Validity,
    /// What most relations lack.
    more: Option<Box<More>>,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct More {
    strength: Stamped<Strength>,
    counts: Stamped<CallCounts>,
    deviations: Vec<DeviationRow>,
}

/// When a relation held, in the form that searches check.
#[derive(Clone, Debug, Default, PartialEq)]
struct Held {
    from: i64,
    until: i64,
    more: Option<Box<HeldMore>>,
}

/// What few relations need: more intervals than one, evidence that fades, a stated strength.
#[derive(Clone, Debug, PartialEq)]
struct HeldMore {
    intervals: SmallVec<[(i64, i64); 1]>,
    fades: bool,
    strength: Option<Strength>,
}

/// How a relation holds at a moment.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Hold {
    /// Whether what is known of it fades with time.
    pub(crate) fades: bool,
    /// Whether the dependent can do without.
    pub(crate) strength: Option<Strength>,
}

/// One step from a mention: to which other, by which relation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Edge {
    pub(crate) other: MentionIx,
    pub(crate) row: RowIx,
    pub(crate) kind: WordIx,
}

/// Relations by number and by mention.
#[derive(Clone, Debug, Default)]
pub(crate) struct Relations {
    pub(crate) rows: CowVec<Row, 64>,
    held: CowVec<Held, 512>,
    providers: CowVec<Vec<Edge>, 32>,
    dependents: CowVec<Vec<Edge>, 32>,
}

impl Relations {
    pub(crate) fn row(&self, row: RowIx) -> &Row {
        self.rows
            .get(row.0 as usize)
            .expect("a row's number comes from this view")
    }

    /// The relation between two mentions, made if it is new.
    pub(crate) fn row_of(
        &mut self,
        dependent: MentionIx,
        provider: MentionIx,
        kind: &RelationKind,
        words: &mut Words,
    ) -> RowIx {
        let kind = words.add(kind.as_str());
        if let Some(known) = self.find(dependent, provider, kind) {
            return known;
        }
        let row = Row {
            dependent,
            provider,
            kind,
            validity: Validity::default(),
            more: None,
        };
        let number = u32::try_from(self.rows.push(row)).expect("fewer than 2^32 relations");
        self.held.push(Held::default());
        self.connect(dependent, provider, RowIx(number), kind);
        RowIx(number)
    }

    /// The relation between two mentions, if there ever was one: looked for on the side with fewer.
    pub(crate) fn find(
        &self,
        dependent: MentionIx,
        provider: MentionIx,
        kind: WordIx,
    ) -> Option<RowIx> {
        let (needed, needing) = (self.providers_of(dependent), self.dependents_of(provider));
        let fewer = needed.len() <= needing.len();
        let (edges, other) = if fewer {
            (needed, provider)
        } else {
            (needing, dependent)
        };
        let between = |edge: &&Edge| edge.other == other && edge.kind == kind;
        edges.iter().find(between).map(|edge| edge.row)
    }

    fn connect(&mut self, dependent: MentionIx, provider: MentionIx, row: RowIx, kind: WordIx) {
        let (needed, needing) = (&mut self.providers, &mut self.dependents);
        needed.grow_to(dependent.0 as usize).push(Edge {
            other: provider,
            row,
            kind,
        });
        needing.grow_to(provider.0 as usize).push(Edge {
            other: dependent,
            row,
            kind,
        });
    }

    /// Changes a relation and what searches check of it.
    pub(crate) fn change(&mut self, row: RowIx, change: impl FnOnce(&mut Row)) {
        let place = row.0 as usize;
        let changed = self
            .rows
            .get_mut(place)
            .expect("a row's number comes from this view");
        change(changed);
        let held = Held::of(changed);
        if self.held.get(place) != Some(&held)
            && let Some(kept) = self.held.get_mut(place)
        {
            *kept = held;
        }
    }

    /// How a relation holds at a moment, if it does.
    pub(crate) fn hold_at(&self, row: RowIx, at: Timestamp) -> Option<Hold> {
        self.held.get(row.0 as usize)?.at(at.unix_nanos())
    }

    /// What a mention needs, ever.
    pub(crate) fn providers_of(&self, mention: MentionIx) -> &[Edge] {
        self.providers
            .get(mention.0 as usize)
            .map_or(&[], Vec::as_slice)
    }

    /// Who needs a mention, ever.
    pub(crate) fn dependents_of(&self, mention: MentionIx) -> &[Edge] {
        self.dependents
            .get(mention.0 as usize)
            .map_or(&[], Vec::as_slice)
    }

    /// The relations as they were saved, their tables made again.
    pub(crate) fn restore(rows: CowVec<Row, 64>) -> Self {
        let mut relations = Self::default();
        for (number, row) in (0..).map(RowIx).zip(rows.iter()) {
            relations.held.push(Held::of(row));
            relations.connect(row.dependent, row.provider, number, row.kind);
        }
        Self { rows, ..relations }
    }
}

impl Held {
    fn of(row: &Row) -> Self {
        let validity = &row.validity;
        let ends = |held: &ValidInterval| {
            let until = held.until().unwrap_or(Timestamp::MAX);
            (held.from().unix_nanos(), until.unix_nanos())
        };
        let intervals: SmallVec<[(i64, i64); 1]> = validity.intervals().iter().map(ends).collect();
        let (Some((from, _)), Some((_, until))) = (intervals.first(), intervals.last()) else {
            return Self::default();
        };
        let (from, until, fades) = (*from, *until, !validity.is_firm());
        let strength = row.strength().map(|(_, strength)| strength);
        let needed = fades || strength.is_some() || 1 < intervals.len();
        let more = needed.then(|| {
            Box::new(HeldMore {
                intervals,
                fades,
                strength,
            })
        });
        Self { from, until, more }
    }

    fn at(&self, at: i64) -> Option<Hold> {
        if at < self.from || self.until <= at {
            return None;
        }
        let Some(more) = &self.more else {
            return Some(Hold {
                fades: false,
                strength: None,
            });
        };
        let inside = |(from, until): &(i64, i64)| *from <= at && at < *until;
        let hold = Hold {
            fades: more.fades,
            strength: more.strength,
        };
        more.intervals.iter().any(inside).then_some(hold)
    }
}

impl Row {
    /// Takes a statement of strength.
    pub(crate) fn say_strength(&mut self, stamp: Stamp, strength: Option<Strength>) {
        if strength.is_some() {
            self.more
                .get_or_insert_default()
                .strength
                .say(stamp, strength);
        }
    }

    /// Takes the counts of a window; the newest window counts.
    pub(crate) fn say_counts(&mut self, stamp: Stamp, counts: CallCounts) {
        self.more
            .get_or_insert_default()
            .counts
            .say(stamp, Some(counts));
    }

    /// Keeps a deviation.
    pub(crate) fn say_deviation(&mut self, deviation: &Deviation, stamp: Stamp) {
        deviations::keep(
            &mut self.more.get_or_insert_default().deviations,
            deviation,
            stamp,
        );
    }

    /// Whether the dependent can do without, and when that was said.
    pub(crate) fn strength(&self) -> Option<(Stamp, Strength)> {
        let said = &self.more.as_ref()?.strength;
        Some((said.stamp()?, *said.get()?))
    }

    pub(crate) fn counts(&self) -> Option<CallCounts> {
        self.more.as_ref()?.counts.get().copied()
    }

    pub(crate) fn deviations(&self) -> &[DeviationRow] {
        self.more
            .as_ref()
            .map_or(&[], |more| more.deviations.as_slice())
    }
}
