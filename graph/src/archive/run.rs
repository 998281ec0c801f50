//! What memory keeps of bundles: fingerprints of their names, when they were there, and which page they lie on.

use std::collections::BTreeSet;

use model::{ContentHash, Timestamp};
use serde::{Deserialize, Serialize};

use super::{BundleIx, Shelf};

/// A time in whole seconds, no shorter than it was.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Hull {
    from: u32,
    until: u32,
}

/// Bundles that follow each other by number.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Run {
    first: u32,
    /// Fingerprint and bundle, sorted.
    names: Vec<(u32, u32)>,
    hulls: Vec<Hull>,
    /// The first bundle on each page.
    pages: Vec<(u32, ContentHash)>,
}

impl Hull {
    /// What was at no time.
    const NEVER: Self = Self {
        from: u32::MAX,
        until: 0,
    };

    pub(super) fn of(from: Timestamp, until: Timestamp) -> Self {
        Self {
            from: second(from),
            until: second(until).saturating_add(1),
        }
    }
}

/// Times in whole seconds that do not meet each other, sorted.
#[derive(Debug, Default)]
pub(super) struct Times(Vec<Hull>);

impl Times {
    /// The given times, both ends included.
    pub(super) fn of(times: &[(Timestamp, Timestamp)]) -> Self {
        let mut hulls: Vec<Hull> = Vec::with_capacity(times.len());
        let seconds = times.iter().map(|(from, until)| Hull {
            from: second(*from),
            until: second(*until),
        });
        let mut sorted: Vec<Hull> = seconds.collect();
        sorted.sort_unstable_by_key(|hull| (hull.from, hull.until));
        for hull in sorted {
            match hulls.last_mut() {
                Some(last) if hull.from <= last.until => last.until = last.until.max(hull.until),
                _ => hulls.push(hull),
            }
        }
        Self(hulls)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether any of them shares a moment with another time.
    fn meet(&self, hull: Hull) -> bool {
        let after = self.0.partition_point(|time| time.until < hull.from);
        self.0
            .get(after)
            .is_some_and(|time| time.from <= hull.until)
    }
}

/// The second a moment lies in; what is too early or too late for a number gets the least or the greatest.
fn second(moment: Timestamp) -> u32 {
    let seconds = moment.unix_nanos().div_euclid(1_000_000_000);
    u32::try_from(seconds.max(0)).unwrap_or(u32::MAX)
}

impl Run {
    pub(super) fn new(
        first: u32,
        mut names: Vec<(u32, u32)>,
        hulls: Vec<Hull>,
        pages: Vec<(u32, ContentHash)>,
    ) -> Self {
        names.sort_unstable();
        names.dedup();
        names.shrink_to_fit();
        Self {
            first,
            names,
            hulls,
            pages,
        }
    }

    /// Two runs as one; what was brought back is left out, but its number stays.
    pub(super) fn joined(one: &Self, other: &Self, recalled: &BTreeSet<BundleIx>) -> Self {
        let mut names = Vec::with_capacity(one.names.len() + other.names.len());
        let there = |(_, bundle): &&(u32, u32)| !recalled.contains(&BundleIx(*bundle));
        names.extend(one.names.iter().chain(&other.names).filter(there));
        let mut hulls = Vec::with_capacity(one.hulls.len() + other.hulls.len());
        hulls.extend_from_slice(&one.hulls);
        hulls.extend_from_slice(&other.hulls);
        for (bundle, hull) in (one.first..).zip(&mut hulls) {
            if recalled.contains(&BundleIx(bundle)) {
                *hull = Hull::NEVER;
            }
        }
        let pages = one.pages.iter().chain(&other.pages).copied().collect();
        Self::new(one.first, names, hulls, pages)
    }

    pub(super) fn first(&self) -> BundleIx {
        BundleIx(self.first)
    }

    /// The number after its last bundle.
    pub(super) fn end(&self) -> u32 {
        let count = u32::try_from(self.hulls.len()).expect("a bundle's number is a u32");
        self.first + count
    }

    pub(super) fn len(&self) -> usize {
        self.hulls.len()
    }

    pub(super) fn pages(&self) -> impl Iterator<Item = ContentHash> {
        self.pages.iter().map(|(_, page)| *page)
    }

    pub(super) fn named(&self, fingerprint: u32) -> impl Iterator<Item = BundleIx> {
        let first = self.names.partition_point(|(name, _)| *name < fingerprint);
        let names = self.names.iter().skip(first);
        let same = names.take_while(move |(name, _)| *name == fingerprint);
        same.map(|(_, bundle)| BundleIx(*bundle))
    }

    pub(super) fn during(&self, times: &Times) -> impl Iterator<Item = BundleIx> {
        let numbered = (self.first..).map(BundleIx).zip(&self.hulls);
        let there = numbered.filter(|(_, hull)| times.meet(**hull));
        there.map(|(bundle, _)| bundle)
    }

    pub(super) fn shelf(&self, bundle: BundleIx) -> Option<Shelf> {
        let after = self.pages.partition_point(|(first, _)| *first <= bundle.0);
        let (first, page) = self.pages.get(after.checked_sub(1)?)?;
        Some(Shelf {
            page: *page,
            place: (bundle.0 - first) as usize,
        })
    }
}
