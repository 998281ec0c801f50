//! Relations between mentions, and the adjacency that searches walk.

use model::{ContentHash, RelationKind, Strength, Timestamp, ValidInterval};
use serde::{Deserialize, Serialize};

use crate::cow::CowVec;
use crate::deviations::DeviationRow;
use crate::intern::{WordIx, Words};
use crate::mention::MentionIx;
use crate::stamped::{Stamp, Stamped};
use crate::table::Table;
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
    pub(crate) strength: Stamped<Strength>,
    pub(crate) validity: Validity,
    pub(crate) counts: Stamped<CallCounts>,
    pub(crate) deviations: Vec<DeviationRow>,
}

/// When a relation held, in the form that searches check.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Held {
    from: i64,
    until: i64,
    /// All intervals, if there is more than one.
    apart: Option<Box<[(i64, i64)]>>,
}

/// One step from a mention: to which other, by which relation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Edge {
    pub(crate) other: MentionIx,
    pub(crate) row: RowIx,
}

/// Relations by number, by ends, and by mention.
#[derive(Clone, Debug, Default)]
pub(crate) struct Relations {
    pub(crate) rows: CowVec<Row, 64>,
    held: CowVec<Held, 512>,
    by_ends: Table,
    providers: CowVec<Vec<Edge>, 32>,
    dependents: CowVec<Vec<Edge>, 32>,
}

impl Held {
    fn of(intervals: &[ValidInterval]) -> Self {
        let ends: Vec<(i64, i64)> = intervals
            .iter()
            .map(|held| {
                (
                    held.from().unix_nanos(),
                    held.until().unwrap_or(Timestamp::MAX).unix_nanos(),
                )
            })
            .collect();
        match (ends.first(), ends.last()) {
            (Some((from, _)), Some((_, until))) => Self {
                from: *from,
                until: *until,
                apart: (1 < ends.len()).then(|| ends.clone().into_boxed_slice()),
            },
            _ => Self::default(),
        }
    }

    fn contains(&self, at: i64) -> bool {
        if at < self.from || self.until <= at {
            return false;
        }
        match &self.apart {
            None => true,
            Some(intervals) => intervals
                .iter()
                .any(|(from, until)| *from <= at && at < *until),
        }
    }
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
        let key = row_key(dependent, provider, kind.as_str());
        if let Some(known) = self.by_ends.get(key.as_bytes()) {
            return RowIx(known);
        }
        let kind = words.add(kind.as_str());
        let row = Row {
            dependent,
            provider,
            kind,
            strength: Stamped::default(),
            validity: Validity::default(),
            counts: Stamped::default(),
            deviations: Vec::new(),
        };
        self.add(row, key)
    }

    /// The relation between two mentions, if there ever was one.
    pub(crate) fn find(
        &self,
        dependent: MentionIx,
        provider: MentionIx,
        kind: &str,
    ) -> Option<RowIx> {
        self.by_ends
            .get(row_key(dependent, provider, kind).as_bytes())
            .map(RowIx)
    }

    fn add(&mut self, row: Row, key: ContentHash) -> RowIx {
        let (dependent, provider) = (row.dependent, row.provider);
        let held = Held::of(&row.validity.intervals());
        let number =
            u32::try_from(self.rows.push(row)).expect("fewer than 2^32 relations fit in memory");
        let index = RowIx(number);
        self.held.push(held);
        self.by_ends.insert(*key.as_bytes(), number);
        self.providers.grow_to(dependent.0 as usize).push(Edge {
            other: provider,
            row: index,
        });
        self.dependents.grow_to(provider.0 as usize).push(Edge {
            other: dependent,
            row: index,
        });
        index
    }

    /// Changes a relation and what searches check of it.
    pub(crate) fn change(&mut self, row: RowIx, change: impl FnOnce(&mut Row)) {
        let place = row.0 as usize;
        let changed = self
            .rows
            .get_mut(place)
            .expect("a row's number comes from this view");
        change(changed);
        let held = Held::of(&changed.validity.intervals());
        if self.held.get(place) != Some(&held)
            && let Some(kept) = self.held.get_mut(place)
        {
            *kept = held;
        }
    }

    pub(crate) fn holds_at(&self, row: RowIx, at: Timestamp) -> bool {
        self.held
            .get(row.0 as usize)
            .is_some_and(|held| held.contains(at.unix_nanos()))
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
    pub(crate) fn restore(rows: &CowVec<Row, 64>, words: &Words) -> Self {
        let mut relations = Self::default();
        for row in rows.iter() {
            let key = row_key(row.dependent, row.provider, words.text(row.kind));
            relations.add(row.clone(), key);
        }
        relations
    }
}

impl Row {
    /// Takes a later statement of strength.
    pub(crate) fn say_strength(&mut self, stamp: Stamp, strength: Option<Strength>) {
        self.strength.say(stamp, strength);
    }
}

fn row_key(dependent: MentionIx, provider: MentionIx, kind: &str) -> ContentHash {
    let mut bytes = Vec::with_capacity(kind.len() + 8);
    bytes.extend_from_slice(&dependent.0.to_be_bytes());
    bytes.extend_from_slice(&provider.0.to_be_bytes());
    bytes.extend_from_slice(kind.as_bytes());
    ContentHash::of(&bytes)
}
