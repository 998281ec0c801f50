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

/// What few relations need: more intervals than one, evidence that fades, a stated strength.
#[derive(Clone, Debug, PartialEq)]
struct HeldMore {
    intervals: SmallVec<[(i64, i64); 1]>,
    hold: Hold,
}

/// How a relation holds at a moment.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Hold {
    /// Whether what is known of it fades with time.
    pub(crate) fades: bool,
    /// Whether the dependent can do without.
    pub(crate) strength: Option<Strength>,
}

/// One step from a mention: to which other, by which relation, from when until when.
///
/// The time stands here too, so that a search reads its steps in one piece.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Edge {
    pub(crate) other: MentionIx,
    pub(crate) row: RowIx,
    pub(crate) kind: WordIx,
    /// Whether more is to be read of the relation than its first moment and its last.
    more: bool,
    from: i64,
    until: i64,
}

/// Relations by number and by mention.
#[derive(Clone, Debug, Default)]
pub(crate) struct Relations {
    pub(crate) rows: CowVec<Row, 64>,
    more: CowVec<Option<Box<HeldMore>>, 512>,
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
        self.more.push(None);
        self.connect(RowIx(number));
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

    /// Adds a row to the steps of its two ends; steps stand in the order of rows.
    fn connect(&mut self, row: RowIx) {
        let Row {
            dependent,
            provider,
            kind,
            ..
        } = *self.row(row);
        let (from, until) = (i64::MAX, i64::MIN);
        let edge = |other| Edge {
            other,
            row,
            kind,
            more: false,
            from,
            until,
        };
        self.providers
            .grow_to(dependent.0 as usize)
            .push(edge(provider));
        self.dependents
            .grow_to(provider.0 as usize)
            .push(edge(dependent));
    }

    /// Changes a relation and what searches check of it.
    pub(crate) fn change(&mut self, row: RowIx, change: impl FnOnce(&mut Row)) {
        let changed = self.rows.get_mut(row.0 as usize);
        change(changed.expect("a row's number comes from this view"));
        self.refresh(row);
    }

    /// Brings what searches check in line with the row.
    fn refresh(&mut self, row: RowIx) {
        let changed = self.row(row);
        let (dependent, provider) = (changed.dependent, changed.provider);
        let (from, until, more) = held(changed);
        let has_more = more.is_some();
        if self.more.get(row.0 as usize) != Some(&more)
            && let Some(kept) = self.more.get_mut(row.0 as usize)
        {
            *kept = more;
        }
        for (edges, end) in [
            (&mut self.providers, dependent),
            (&mut self.dependents, provider),
        ] {
            let place = |edges: &Vec<Edge>| edges.binary_search_by_key(&row, |edge| edge.row).ok();
            let end = end.0 as usize;
            let Some(place) = edges.get(end).and_then(place) else {
                continue;
            };
            let kept = edges.get(end).and_then(|edges| edges.get(place)).copied();
            if kept
                .is_some_and(|kept| (kept.from, kept.until, kept.more) == (from, until, has_more))
            {
                continue;
            }
            if let Some(edge) = edges.get_mut(end).and_then(|edges| edges.get_mut(place)) {
                (edge.from, edge.until, edge.more) = (from, until, has_more);
            }
        }
    }

    /// How a relation holds at a moment, if it does.
    pub(crate) fn hold_at(&self, edge: &Edge, at: Timestamp) -> Option<Hold> {
        let at = at.unix_nanos();
        if at < edge.from || edge.until <= at {
            return None;
        }
        if !edge.more {
            return Some(Hold {
                fades: false,
                strength: None,
            });
        }
        let more = self.more.get(edge.row.0 as usize)?.as_ref()?;
        let inside = |(from, until): &(i64, i64)| *from <= at && at < *until;
        more.intervals.iter().any(inside).then_some(more.hold)
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
        let count = u32::try_from(rows.len()).expect("a row's number was a u32 when saved");
        let mut relations = Self {
            rows,
            ..Self::default()
        };
        for row in (0..count).map(RowIx) {
            relations.more.push(None);
            relations.connect(row);
            relations.refresh(row);
        }
        relations
    }
}

/// When a row held: from its first moment until its last, and what more there is to read.
fn held(row: &Row) -> (i64, i64, Option<Box<HeldMore>>) {
    let ends = |held: &ValidInterval| {
        let until = held.until().unwrap_or(Timestamp::MAX);
        (held.from().unix_nanos(), until.unix_nanos())
    };
    let intervals: SmallVec<[(i64, i64); 1]> = row.validity.intervals().iter().map(ends).collect();
    let (Some((from, _)), Some((_, until))) = (intervals.first(), intervals.last()) else {
        return (i64::MAX, i64::MIN, None);
    };
    let (from, until, fades) = (*from, *until, !row.validity.is_firm());
    let strength = row.strength().map(|(_, strength)| strength);
    let needed = fades || strength.is_some() || 1 < intervals.len();
    let hold = Hold { fades, strength };
    (
        from,
        until,
        needed.then(|| Box::new(HeldMore { intervals, hold })),
    )
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
