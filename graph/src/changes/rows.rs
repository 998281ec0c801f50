//! Rows of changes: those of late in memory, those of changes that began long ago on sealed pages.
//!
//! Where a row lies shows in no answer. A page is read when one of its rows is asked for, and stays read for
//! the views that share it until they hold more than they should.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::ops::Deref;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use model::{ContentHash, SourceName, SourceRef, Timestamp};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{ChangeIx, Row};
use crate::archive::{PageError, Pages, SealedPage};
use crate::cow::CowVec;
use crate::identity::Renamed;
use crate::intern::Words;
use crate::mention::MentionIx;

/// Rows that are put away together.
const CHUNK: usize = 32;
/// Chunks on one page at most.
const PAGE: usize = 8;
/// Pages that views keep read at most, once somebody looks: 16,384 rows.
const READ_MAX: usize = 64;
/// Pages at hand for those who go through many.
const RECENT: usize = 16;
/// The place of a chunk that is in memory.
const HERE: u32 = u32::MAX;

/// Rows by number.
#[derive(Clone, Debug, Default)]
pub(crate) struct Rows {
    here: CowVec<Row, CHUNK>,
    away: Arc<Away>,
}

/// What was put away.
#[derive(Clone, Debug, Default)]
struct Away {
    /// Of each chunk its number among those on pages, [`PAGE`] to a page, or [`HERE`].
    places: Vec<u32>,
    /// Pages by number; none where all that lay on it was brought back.
    pages: Vec<Option<Arc<SealedRows>>>,
    /// How many chunks lie on them: asked for with every event.
    chunks: usize,
    from: PageSource,
    read: Read,
    lost: Arc<OnceLock<Lost>>,
}

/// What memory keeps of a page.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct SealedRows {
    page: ContentHash,
    /// The names its rows speak of; on the page are their places here.
    names: Vec<MentionIx>,
    /// Chunks that were not brought back.
    chunks: u8,
}

/// Where pages are read.
#[derive(Clone, Default)]
struct PageSource(Option<Arc<dyn Pages>>);

/// Pages that were read. A copy begins without any.
#[derive(Debug, Default)]
struct Read {
    pages: Vec<OnceLock<Arc<[Row]>>>,
    count: AtomicUsize,
    /// The last that somebody looked at and no view keeps, by number.
    recent: Mutex<VecDeque<(usize, Arc<[Row]>)>>,
}

/// A page that could not be read, and what is shown instead of its rows until the log is folded anew.
#[derive(Debug)]
struct Lost {
    page: ContentHash,
    cause: String,
    row: Row,
}

/// Rows as they are saved.
#[derive(Serialize)]
struct Saving<'r> {
    chunks: Vec<&'r [Row]>,
    places: &'r [u32],
    pages: &'r [Option<Arc<SealedRows>>],
}

/// Rows as they were saved.
#[derive(Deserialize)]
struct Saved {
    chunks: Vec<Vec<Row>>,
    places: Vec<u32>,
    pages: Vec<Option<Arc<SealedRows>>>,
}

impl fmt::Debug for PageSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "pages" } else { "nowhere" })
    }
}

impl Clone for Read {
    fn clone(&self) -> Self {
        Self::of(self.pages.len())
    }
}

impl Read {
    fn of(pages: usize) -> Self {
        Self {
            pages: (0..pages).map(|_| OnceLock::new()).collect(),
            count: AtomicUsize::new(0),
            recent: Mutex::default(),
        }
    }
}

impl Away {
    /// The row with a number whose chunk is not in memory.
    fn row(&self, index: usize) -> Option<&Row> {
        let place = *self.places.get(index / CHUNK)? as usize;
        let slot = self.read.pages.get(place / PAGE)?;
        let rows = slot.get_or_init(|| {
            self.read.count.fetch_add(1, Ordering::Relaxed);
            self.read_page(place / PAGE)
        });
        rows.get(place % PAGE * CHUNK + index % CHUNK)
    }

    /// The same for a look.
    fn look(&self, index: usize) -> Option<RowRef<'_>> {
        let place = *self.places.get(index / CHUNK)? as usize;
        let number = place / PAGE;
        let on_page = place % PAGE * CHUNK + index % CHUNK;
        if let Some(rows) = self.read.pages.get(number)?.get() {
            return rows.get(on_page).map(RowRef::Kept);
        }
        let recent = || {
            let recent = self.read.recent.lock();
            recent.unwrap_or_else(PoisonError::into_inner)
        };
        let known = recent().iter().find(|(kept, _)| *kept == number).cloned();
        let rows = known.map(|(_, rows)| rows).unwrap_or_else(|| {
            let rows = self.read_page(number);
            let mut recent = recent();
            if recent.len() == RECENT {
                recent.pop_front();
            }
            recent.push_back((number, Arc::clone(&rows)));
            rows
        });
        (on_page < rows.len()).then_some(RowRef::Read(rows, on_page))
    }

    /// The rows on a page; none if it is lost.
    fn read_page(&self, number: usize) -> Arc<[Row]> {
        let Some(Some(sealed)) = self.pages.get(number) else {
            return Arc::default();
        };
        self.rows_of(sealed).unwrap_or_else(|cause| {
            self.lost.get_or_init(|| Lost::new(sealed.page, cause));
            Arc::default()
        })
    }

    fn rows_of(&self, sealed: &SealedRows) -> Result<Arc<[Row]>, String> {
        let pages = self.from.0.as_ref().ok_or("there are no pages")?;
        let read = pages.read(sealed.page);
        let bytes = read.map_err(|error| error.cause.to_string())?;
        let rows = postcard::from_bytes::<Vec<Row>>(&bytes);
        let mut rows = rows.map_err(|error| error.to_string())?;
        for row in &mut rows {
            let mut is_known = true;
            row.each_name(|name| match sealed.names.get(name.0 as usize) {
                Some(known) => *name = *known,
                None => is_known = false,
            });
            if !is_known {
                return Err("it speaks of a name that was not kept".to_owned());
            }
        }
        Ok(rows.into())
    }

    fn is_away(&self, chunk: usize) -> bool {
        self.places.get(chunk).is_some_and(|place| *place != HERE)
    }

    /// Takes a chunk from its page.
    fn take(&mut self, chunk: usize) -> Option<Vec<Row>> {
        let place = self.places.get_mut(chunk)?;
        let taken = std::mem::replace(place, HERE) as usize;
        self.chunks = self.chunks.saturating_sub(1);
        let rows = self.read_page(taken / PAGE);
        let sealed = self.pages.get_mut(taken / PAGE)?;
        if let Some(page) = sealed {
            match page.chunks {
                0 | 1 => *sealed = None,
                more => Arc::make_mut(page).chunks = more - 1,
            }
        }
        let first = taken % PAGE * CHUNK;
        Some(rows.get(first..first + CHUNK)?.to_vec())
    }
}

impl Lost {
    fn new(page: ContentHash, cause: String) -> Self {
        let reference = SourceRef {
            source: SourceName::new("unreadable"),
            source_id: page.to_string(),
        };
        let mut row = Row::new(&reference, &mut Words::default(), Timestamp::MIN);
        row.set_title("what is known of this change cannot be read at the moment");
        Self { page, cause, row }
    }
}

impl Rows {
    pub(crate) fn len(&self) -> usize {
        self.here.len()
    }

    /// How many are in memory.
    pub(crate) fn here(&self) -> usize {
        self.here.len() - self.away.chunks * CHUNK
    }

    pub(crate) fn get(&self, index: usize) -> Option<&Row> {
        let row = self.here.get(index).or_else(|| self.away.row(index));
        row.or_else(|| self.away.lost.get().map(|lost| &lost.row))
    }

    pub(super) fn push(&mut self, row: Row) -> usize {
        self.here.push(row)
    }

    /// The row for writing, in memory from now on.
    pub(super) fn get_mut(&mut self, index: usize) -> Option<&mut Row> {
        let chunk = index / CHUNK;
        if self.away.is_away(chunk) {
            // A page that is lost leaves the chunk empty: the log is folded anew before anybody sees that.
            let rows = Arc::make_mut(&mut self.away).take(chunk);
            self.here.put_chunk(chunk, rows.unwrap_or_default());
        }
        self.here.get_mut(index)
    }

    /// Calls `visit` with every row in order, keeping no page.
    pub(super) fn each(&self, mut visit: impl FnMut(ChangeIx, &Row)) {
        for number in (0..).take(self.len()).map(ChangeIx) {
            if let Some(row) = self.look(number.0 as usize) {
                visit(number, &row);
            }
        }
    }

    /// The row for a look: unlike by [`Self::get`], no view keeps its page for that.
    pub(crate) fn look(&self, index: usize) -> Option<RowRef<'_>> {
        let row = self.here.get(index).map(RowRef::Kept);
        let row = row.or_else(|| self.away.look(index));
        row.or_else(|| self.away.lost.get().map(|lost| RowRef::Kept(&lost.row)))
    }

    /// Calls `visit` with every name that a row speaks of, some more than once; of a page with all it ever held.
    pub(crate) fn each_name(&self, mut visit: impl FnMut(MentionIx)) {
        for row in self.here.iter() {
            let names = row.touched().chain(row.hinted.iter().copied());
            names.for_each(&mut visit);
        }
        for page in self.away.pages.iter().flatten() {
            page.names.iter().copied().for_each(&mut visit);
        }
    }

    /// Gives names their new numbers.
    pub(super) fn rename(&mut self, renamed: &Renamed) {
        for chunk in 0..self.len().div_ceil(CHUNK) {
            if let Some(rows) = self.here.chunk_mut(chunk) {
                for row in rows {
                    row.each_name(|name| *name = renamed.of(*name));
                }
            }
        }
        if !self.away.pages.is_empty() {
            let away = Arc::make_mut(&mut self.away);
            away.read = Read::of(away.pages.len());
            for page in away.pages.iter_mut().flatten() {
                let names = Arc::make_mut(page).names.iter_mut();
                names.for_each(|name| *name = renamed.of(*name));
            }
        }
    }

    /// Puts away every chunk in memory of which all rows are to go; the pages are to be kept.
    pub(super) fn put_away(&mut self, goes: impl Fn(&Row) -> bool) -> Vec<SealedPage> {
        let mut going: Vec<usize> = Vec::new();
        for chunk in 0..self.len() / CHUNK {
            let rows = self.here.chunk(chunk);
            if !rows.is_empty() && rows.iter().all(&goes) {
                going.push(chunk);
            }
        }
        if going.is_empty() {
            return Vec::new();
        }
        let away = Arc::make_mut(&mut self.away);
        away.places.resize(self.here.len().div_ceil(CHUNK), HERE);
        let mut sealed = Vec::with_capacity(going.len().div_ceil(PAGE));
        for chunks in going.chunks(PAGE) {
            let first = away.pages.len() * PAGE;
            for (chunk, place) in chunks.iter().zip(first..) {
                if let Some(kept) = away.places.get_mut(*chunk) {
                    *kept = u32::try_from(place).expect("there are fewer chunks than changes");
                }
            }
            let rows = chunks.iter().flat_map(|chunk| self.here.chunk(*chunk));
            let (names, bytes) = write(rows);
            let page = ContentHash::of(&bytes);
            let bytes = bytes.into();
            sealed.push(SealedPage { page, bytes });
            let chunks = u8::try_from(chunks.len()).expect("a page holds few chunks");
            away.pages.push(Some(Arc::new(SealedRows {
                page,
                names,
                chunks,
            })));
        }
        away.chunks += going.len();
        away.read = Read::of(away.pages.len());
        self.here.take_chunks(&going);
        sealed
    }

    /// The pages that rows lie on.
    pub(crate) fn pages(&self) -> impl Iterator<Item = ContentHash> {
        self.away.pages.iter().flatten().map(|sealed| sealed.page)
    }

    /// Where pages are to be read.
    pub(super) fn read_from(&mut self, pages: &Arc<dyn Pages>) {
        Arc::make_mut(&mut self.away).from = PageSource(Some(Arc::clone(pages)));
    }

    /// Whether views that share them hold more pages than they should.
    pub(crate) fn has_read_much(&self) -> bool {
        READ_MAX < self.away.read.count.load(Ordering::Relaxed)
    }

    /// Shares no page that was read with older views.
    pub(crate) fn forget_read(&mut self) {
        self.away = Arc::new((*self.away).clone());
    }

    /// Why what is asked of these rows cannot be trusted, if a page is lost.
    pub(crate) fn lost(&self) -> Option<PageError> {
        let lost = self.away.lost.get()?;
        Some(PageError {
            page: lost.page,
            cause: lost.cause.clone().into(),
        })
    }
}

/// The bytes of a page and the names that its rows speak of.
fn write<'r>(rows: impl Iterator<Item = &'r Row>) -> (Vec<MentionIx>, Vec<u8>) {
    let mut places: BTreeMap<MentionIx, u32> = BTreeMap::new();
    let mut names: Vec<MentionIx> = Vec::new();
    let mut written: Vec<Row> = Vec::new();
    for row in rows {
        let mut row = row.clone();
        row.each_name(|name| {
            let next = u32::try_from(names.len()).expect("a page speaks of few names");
            let place = *places.entry(*name).or_insert(next);
            if place == next {
                names.push(*name);
            }
            *name = MentionIx(place);
        });
        written.push(row);
    }
    let bytes = postcard::to_stdvec(&written);
    let bytes = bytes.expect("every part of a row has a length and memory takes it");
    (names, bytes)
}

/// A row that somebody looks at, and its page as long as they do.
pub(crate) enum RowRef<'r> {
    /// It lies in memory, or on a page that the view keeps.
    Kept(&'r Row),
    /// On a page of which nobody keeps more than what is looked at.
    Read(Arc<[Row]>, usize),
}

impl Deref for RowRef<'_> {
    type Target = Row;

    fn deref(&self) -> &Row {
        match self {
            Self::Kept(row) => row,
            Self::Read(rows, place) => rows.get(*place).expect("it was found on this page"),
        }
    }
}

impl Serialize for Rows {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let chunks = 0..self.len().div_ceil(CHUNK);
        let saving = Saving {
            chunks: chunks.map(|chunk| self.here.chunk(chunk)).collect(),
            places: &self.away.places,
            pages: &self.away.pages,
        };
        saving.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Rows {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let saved = Saved::deserialize(deserializer)?;
        let away = Away {
            read: Read::of(saved.pages.len()),
            chunks: saved.places.iter().filter(|place| **place != HERE).count(),
            places: saved.places,
            pages: saved.pages,
            ..Away::default()
        };
        Ok(Self {
            here: CowVec::of_chunks(saved.chunks),
            away: Arc::new(away),
        })
    }
}
