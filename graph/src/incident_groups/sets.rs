//! Incidents joined to sets, within a longest span and a greatest size.
#![expect(
    clippy::indexing_slicing,
    reason = "a number is the place of an incident in the sweep that made the sets"
)]

use model::Timestamp;

/// Why two sets stay two although harm links them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum GroupLimit {
    /// From the first beginning to the last it would be too long.
    Span,
    /// It would have too many members.
    Members,
    /// Somebody says that an incident of one is not one with an incident of the other.
    Judged,
}

/// What a set may become.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    pub(super) span: i64,
    pub(super) members_max: usize,
}

/// Numbers joined to sets.
#[derive(Clone, Debug)]
pub(super) struct Sets {
    above: Vec<usize>,
    of: Vec<Set>,
    bounds: Bounds,
}

/// A set, as its root knows it.
#[derive(Clone, Copy, Debug)]
struct Set {
    first_at: Timestamp,
    last_at: Timestamp,
    size: usize,
}

impl Sets {
    pub(super) fn new(bounds: Bounds) -> Self {
        Self {
            above: Vec::new(),
            of: Vec::new(),
            bounds,
        }
    }

    /// Adds a set of one.
    pub(super) fn add(&mut self, at: Timestamp) {
        self.above.push(self.above.len());
        self.of.push(Set {
            first_at: at,
            last_at: at,
            size: 1,
        });
    }

    /// The number that stands for the set of another: the least of it.
    pub(super) fn root(&mut self, number: usize) -> usize {
        let mut root = number;
        while self.above[root] != root {
            self.above[root] = self.above[self.above[root]];
            root = self.above[root];
        }
        root
    }

    /// The same without remembering the way.
    pub(super) fn standing(&self, number: usize) -> usize {
        let mut root = number;
        while self.above[root] != root {
            root = self.above[root];
        }
        root
    }

    /// Makes the sets of two numbers one, unless that breaks a bound; whether they are one now.
    pub(super) fn join(&mut self, one: usize, other: usize) -> Result<(), GroupLimit> {
        let (one, other) = (self.root(one), self.root(other));
        if one == other {
            return Ok(());
        }
        let (root, rest) = (one.min(other), one.max(other));
        let (first, second) = (self.of[root], self.of[rest]);
        let joined = Set {
            first_at: first.first_at.min(second.first_at),
            last_at: first.last_at.max(second.last_at),
            size: first.size + second.size,
        };
        let end = joined.first_at.plus_nanos(self.bounds.span);
        if end < joined.last_at {
            return Err(GroupLimit::Span);
        }
        if self.bounds.members_max < joined.size {
            return Err(GroupLimit::Members);
        }
        self.above[rest] = root;
        self.of[root] = joined;
        Ok(())
    }
}
