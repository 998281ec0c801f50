//! What was closed long ago: memory keeps where to find it, pages on the disk keep the rest.
//!
//! Items that hang together and have all been over for longer than the horizon are put away as one
//! [bundle](frozen::Bundle). Nothing that stays refers to them, so nobody misses them until a name of
//! theirs comes up or a moment is asked about at which they were there. Then they are brought back as
//! they were: into the fold before a late fact about them is applied, or into a copy of the view for a
//! question ([`GraphView::with_past`](crate::GraphView::with_past)). What is over is judged by the
//! times in the log, so the same log puts the same items away.
//!
//! Rows of changes that began before the horizon go on pages as well, by themselves
//! (`changes/rows.rs`): what changes are found and listed by stays.

mod freeze;
mod frozen;
mod named;
mod rests;
mod run;
mod thaw;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use model::{ContentHash, LogPosition, Timestamp};
use serde::{Deserialize, Serialize};

pub use named::Asked;
use run::{Run, Times};

/// When what is closed is put away. The same log and the same of this give the same state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PuttingAway {
    /// How long it must have been closed, by the times in the log, in milliseconds.
    pub closed_for_ms: i64,
    /// So many events at least lie between two looks for what is closed.
    pub events_min: u64,
    /// Putting away costs what there is in memory, so at least this part of it must go: one of so many.
    pub part: usize,
}

impl PuttingAway {
    /// As it is best for a log of any length.
    pub const fn after(closed_for_ms: i64) -> Self {
        Self {
            closed_for_ms,
            events_min: 256,
            part: 8,
        }
    }
}

/// Pages that were sealed by the fold, by the hash of their content.
pub trait Pages: Send + Sync {
    /// The bytes of a page.
    fn read(&self, page: ContentHash) -> Result<Arc<[u8]>, PageError>;
}

/// Why a page is not to be had.
#[derive(Debug)]
pub struct PageError {
    /// Which page.
    pub page: ContentHash,
    /// What went wrong with it.
    pub cause: Box<dyn std::error::Error + Send + Sync>,
}

impl fmt::Display for PageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the page {} of the archive cannot be read", self.page)
    }
}

impl std::error::Error for PageError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(self.cause.as_ref())
    }
}

/// A page that is to be kept, until it is ([`Estate::kept`](crate::Estate::kept)).
#[derive(Clone, Debug)]
pub struct SealedPage {
    /// The hash of its content.
    pub page: ContentHash,
    /// Its content.
    pub bytes: Arc<[u8]>,
}

/// Pages in memory, where there is no disk to keep them on.
#[derive(Debug, Default)]
pub struct MemoryPages {
    kept: Mutex<BTreeMap<ContentHash, Arc<[u8]>>>,
}

impl MemoryPages {
    /// Keeps pages.
    pub fn keep(&self, sealed: &[SealedPage]) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        for page in sealed {
            kept.insert(page.page, Arc::clone(&page.bytes));
        }
    }

    /// How many bytes they are.
    pub fn bytes(&self) -> usize {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.values().map(|bytes| bytes.len()).sum()
    }
}

impl Pages for MemoryPages {
    fn read(&self, page: ContentHash) -> Result<Arc<[u8]>, PageError> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.get(&page).cloned().ok_or_else(|| PageError {
            page,
            cause: "it was never kept".into(),
        })
    }
}

/// The number of a bundle, in the order in which they were put away.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct BundleIx(u32);

/// Where a bundle lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Shelf {
    page: ContentHash,
    place: usize,
}

/// What memory keeps of what was put away.
#[derive(Clone, Debug, Default)]
pub(crate) struct Archive {
    /// Nothing is ever put away without.
    when: Option<PuttingAway>,
    runs: Vec<Arc<Run>>,
    bundles_count: u32,
    /// Bundles that were brought back for good.
    recalled: Arc<BTreeSet<BundleIx>>,
    sealed: Arc<Vec<SealedPage>>,
    looked: Looked,
}

/// When it was last looked for what can be put away.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
struct Looked {
    position: LogPosition,
    at: Option<Timestamp>,
}

/// It as it is saved.
#[derive(Serialize, Deserialize)]
pub(crate) struct SavedArchive {
    when: Option<PuttingAway>,
    runs: Vec<Arc<Run>>,
    bundles_count: u32,
    recalled: Arc<BTreeSet<BundleIx>>,
    looked: Looked,
}

impl Archive {
    pub(crate) fn begin(&mut self, when: PuttingAway) {
        self.when = Some(when);
    }

    /// Nothing more is put away.
    pub(crate) fn rest(&mut self) {
        self.when = None;
    }

    pub(crate) fn when(&self) -> Option<PuttingAway> {
        self.when
    }

    /// Whether nothing was ever put away.
    pub(crate) fn is_empty(&self) -> bool {
        self.runs.is_empty()
    }

    /// How many bundles there are that were not brought back.
    pub(crate) fn bundles(&self) -> usize {
        self.bundles_count as usize - self.recalled.len()
    }

    pub(crate) fn brought_back(&self) -> usize {
        self.recalled.len()
    }

    /// Every page that anything lies on.
    pub(crate) fn pages(&self) -> impl Iterator<Item = ContentHash> {
        self.runs.iter().flat_map(|run| run.pages())
    }

    pub(crate) fn sealed(&self) -> &Arc<Vec<SealedPage>> {
        &self.sealed
    }

    /// Takes pages of others that are to be kept.
    fn seal(&mut self, sealed: Vec<SealedPage>) {
        if !sealed.is_empty() {
            Arc::make_mut(&mut self.sealed).extend(sealed);
        }
    }

    pub(crate) fn kept(&mut self) {
        self.sealed = Arc::default();
    }

    /// The bundles that may have a name with this fingerprint: all that have, and seldom another.
    fn named(&self, fingerprint: u32) -> impl Iterator<Item = BundleIx> {
        let runs = self.runs.iter();
        let found = runs.flat_map(move |run| run.named(fingerprint));
        found.filter(|bundle| !self.recalled.contains(bundle))
    }

    /// The bundles of which anything may have held at some moment of these times.
    fn during(&self, times: &Times) -> impl Iterator<Item = BundleIx> {
        let runs = self.runs.iter();
        let found = runs.flat_map(|run| run.during(times));
        found.filter(|bundle| !self.recalled.contains(bundle))
    }

    fn shelf(&self, bundle: BundleIx) -> Option<Shelf> {
        let after = self.runs.partition_point(|run| run.first() <= bundle);
        let run = self.runs.get(after.checked_sub(1)?)?;
        run.shelf(bundle)
    }

    fn recall(&mut self, bundle: BundleIx) {
        Arc::make_mut(&mut self.recalled).insert(bundle);
    }

    /// Takes what was put away just now, and joins runs so that there are few.
    fn put(&mut self, run: Run, sealed: Vec<SealedPage>) {
        self.bundles_count = run.end();
        self.seal(sealed);
        self.runs.push(Arc::new(run));
        while let [.., one, other] = self.runs.as_slice()
            && one.len() <= 2 * other.len()
        {
            let joined = Run::joined(one, other, &self.recalled);
            self.runs.truncate(self.runs.len() - 2);
            self.runs.push(Arc::new(joined));
        }
    }

    /// What tells it from another one, for the hash of the state.
    pub(crate) fn describe(&self, mut take: impl FnMut(String)) {
        for page in self.pages() {
            take(format!("put away {page}"));
        }
        for bundle in self.recalled.iter() {
            take(format!("brought back {}", bundle.0));
        }
    }

    pub(crate) fn save(&self) -> SavedArchive {
        SavedArchive {
            when: self.when,
            runs: self.runs.clone(),
            bundles_count: self.bundles_count,
            recalled: Arc::clone(&self.recalled),
            looked: self.looked,
        }
    }

    pub(crate) fn restore(saved: SavedArchive) -> Self {
        Self {
            when: saved.when,
            runs: saved.runs,
            bundles_count: saved.bundles_count,
            recalled: saved.recalled,
            sealed: Arc::default(),
            looked: saved.looked,
        }
    }
}
