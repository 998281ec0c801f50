//! A sorted file of id hashes with their positions.
//!
//! ```text
//! header 64   magic 8, checksum 4 of the rest, checksum 4 of the filter, first segment 8,
//!             last segment 8, ids 8, filter bytes 8, fingerprint of the key 8, zeros 8
//! filter
//! pages 4096  checksum 4 of the rest, count 4, (hash 16 big-endian, position 8)*, zeros
//! ```

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::io;
use std::sync::{Arc, OnceLock};

use model::LogPosition;
use thiserror::Error;

use super::filter::Filter;
use super::{IdHash, IdKey};
use crate::segments::directory::{Directory, DirectoryFile, read_full};
use crate::segments::layout::{run_name, unfinished_name};
use crate::segments::record::{u32_at, u64_at};

const MAGIC: [u8; 8] = *b"\xFFeids\0\0\x01";
const HEADER_BYTES: usize = 64;
const PAGE_BYTES: usize = 4096;
const ENTRY_BYTES: usize = 24;
const ENTRIES_PER_PAGE: usize = (PAGE_BYTES - 8) / ENTRY_BYTES;

/// Why a run cannot be asked.
#[derive(Debug, Error)]
pub(crate) enum RunError {
    #[error("could not read the ids")]
    Io(#[from] io::Error),
    #[error("the ids are damaged")]
    Damaged,
}

/// The ids of some complete segments, on disk.
pub(crate) struct Run {
    name: String,
    fingerprint: u64,
    directory: Arc<dyn Directory>,
    /// Read when first asked, so that opening a long log costs nothing.
    loaded: OnceLock<Result<Loaded, Refused>>,
}

struct Loaded {
    file: Arc<dyn DirectoryFile>,
    filter: Filter,
    ids: u64,
    pages_from: u64,
}

/// A load that failed is not tried again: the run is made anew.
struct Refused;

impl Run {
    /// The run of these segments; nothing is read yet.
    pub(crate) fn at(directory: Arc<dyn Directory>, first: u64, last: u64, key: &IdKey) -> Self {
        Self {
            name: run_name(first, last),
            fingerprint: key.fingerprint(),
            directory,
            loaded: OnceLock::new(),
        }
    }

    /// Writes the ids of these segments, which come sorted, and gives the file its name.
    pub(crate) fn write(
        directory: &Arc<dyn Directory>,
        (first, last): (u64, u64),
        key: &IdKey,
        sorted: impl Iterator<Item = Result<(IdHash, LogPosition), RunError>>,
        count: u64,
    ) -> Result<Self, RunError> {
        let run = Self::at(Arc::clone(directory), first, last, key);
        let unfinished = unfinished_name(&run.name);
        let file = directory.create(&unfinished, 0, &|| false)?;
        let room = usize::try_from(count).map_err(|_| RunError::Damaged)?;
        let mut filter = Filter::with_room_for(room);
        let filter_bytes = filter.encode().len() as u64;
        let mut pages = PageWriter {
            file: &*file,
            offset: HEADER_BYTES as u64 + filter_bytes,
            page: Vec::with_capacity(PAGE_BYTES),
            entries: 0,
        };
        for entry in sorted {
            let (hash, position) = entry?;
            filter.insert(hash);
            pages.push(hash, position)?;
        }
        pages.flush()?;
        let filter = filter.encode();
        file.write_at(&filter, HEADER_BYTES as u64)?;
        let numbers = [first, last, count, filter_bytes, run.fingerprint];
        file.write_at(&header(crc32c::crc32c(&filter), numbers), 0)?;
        directory.rename(&unfinished, &run.name)?;
        Ok(run)
    }

    /// The positions of ids with this hash.
    pub(crate) fn candidates(
        &self,
        hash: IdHash,
        found: &mut Vec<LogPosition>,
    ) -> Result<(), RunError> {
        let loaded = self.loaded()?;
        if !loaded.filter.may_hold(hash) {
            return Ok(());
        }
        let pages = loaded.pages();
        // Hashes are spread evenly, so the place of one is nearly known.
        let mut page = u64::try_from(((hash >> 64) * u128::from(pages)) >> 64).unwrap_or(0);
        let mut previous = None;
        let mut entries = Vec::with_capacity(ENTRIES_PER_PAGE);
        loop {
            loaded.page(page, &mut entries)?;
            let (Some((lowest, _)), Some((highest, _))) = (entries.first(), entries.last()) else {
                return Err(RunError::Damaged);
            };
            let before = hash <= *lowest && 0 < page;
            let next = match () {
                () if before => page - 1,
                () if *highest < hash && page + 1 < pages => page + 1,
                () => break,
            };
            // Between two pages: the hash stands in neither but may begin in the later one.
            if previous == Some(next) {
                page = page.max(next);
                break;
            }
            previous = Some(page);
            page = next;
        }
        loaded.collect(hash, page, found)
    }

    /// How many ids there are.
    pub(crate) fn count(&self) -> Result<u64, RunError> {
        Ok(self.loaded()?.ids)
    }

    /// Checks every byte.
    pub(crate) fn check(&self) -> Result<(), RunError> {
        let loaded = self.loaded()?;
        let mut entries = Vec::new();
        for page in 0..loaded.pages() {
            loaded.page(page, &mut entries)?;
        }
        Ok(())
    }

    fn loaded(&self) -> Result<&Loaded, RunError> {
        let load = || self.load().map_err(|_| Refused);
        let loaded = self.loaded.get_or_init(load).as_ref();
        loaded.map_err(|Refused| RunError::Damaged)
    }

    fn load(&self) -> Result<Loaded, RunError> {
        let file = self.directory.open(&self.name)?;
        let mut bytes = [0; HEADER_BYTES];
        read_full(&*file, &mut bytes, 0)?;
        let field = |offset| u64_at(&bytes, offset).ok_or(RunError::Damaged);
        let (ids, filter_bytes) = (field(32)?, field(40)?);
        let covered = bytes.get(12..).unwrap_or_default();
        let sound = bytes.starts_with(&MAGIC)
            && u32_at(&bytes, 8) == Some(crc32c::crc32c(covered))
            && field(48)? == self.fingerprint
            && self.name == run_name(field(16)?, field(24)?);
        if !sound {
            return Err(RunError::Damaged);
        }
        let length = usize::try_from(filter_bytes).map_err(|_| RunError::Damaged)?;
        let mut filter = vec![0; length];
        read_full(&*file, &mut filter, HEADER_BYTES as u64)?;
        if u32_at(&bytes, 12) != Some(crc32c::crc32c(&filter)) {
            return Err(RunError::Damaged);
        }
        Ok(Loaded {
            file,
            filter: Filter::decode(&filter).ok_or(RunError::Damaged)?,
            ids,
            pages_from: HEADER_BYTES as u64 + filter_bytes,
        })
    }
}

impl Loaded {
    fn pages(&self) -> u64 {
        self.ids.div_ceil(ENTRIES_PER_PAGE as u64)
    }

    fn page(&self, page: u64, entries: &mut Vec<(IdHash, LogPosition)>) -> Result<(), RunError> {
        let mut bytes = [0; PAGE_BYTES];
        let offset = self.pages_from + page * PAGE_BYTES as u64;
        read_full(&*self.file, &mut bytes, offset)?;
        let (checksum, covered) = bytes.split_first_chunk::<4>().ok_or(RunError::Damaged)?;
        if u32::from_le_bytes(*checksum) != crc32c::crc32c(covered) {
            return Err(RunError::Damaged);
        }
        let count = u32_at(covered, 0).ok_or(RunError::Damaged)?;
        let kept = covered.get(4..).unwrap_or_default();
        entries.clear();
        for entry in kept.chunks_exact(ENTRY_BYTES).take(count as usize) {
            let hash = *entry.first_chunk().ok_or(RunError::Damaged)?;
            let position = u64_at(entry, 16).ok_or(RunError::Damaged)?;
            entries.push((u128::from_be_bytes(hash), LogPosition::new(position)));
        }
        Ok(())
    }

    fn collect(
        &self,
        hash: IdHash,
        from: u64,
        found: &mut Vec<LogPosition>,
    ) -> Result<(), RunError> {
        let mut entries = Vec::with_capacity(ENTRIES_PER_PAGE);
        for page in from..self.pages() {
            self.page(page, &mut entries)?;
            let equal = entries.iter().filter(|(known, _)| *known == hash);
            found.extend(equal.map(|(_, position)| *position));
            if entries.last().is_none_or(|(highest, _)| hash < *highest) {
                break;
            }
        }
        Ok(())
    }
}

/// All ids of some runs, sorted, reading a page of each at a time.
pub(crate) struct Merged<'a> {
    runs: Vec<(&'a Run, u64)>,
    next: BinaryHeap<Reverse<(IdHash, LogPosition, usize)>>,
    waiting: Vec<usize>,
}

impl<'a> Merged<'a> {
    pub(crate) fn of(runs: &[&'a Run]) -> Result<Self, RunError> {
        let mut merged = Self {
            runs: runs.iter().map(|run| (*run, 0)).collect(),
            next: BinaryHeap::new(),
            waiting: vec![0; runs.len()],
        };
        for index in 0..runs.len() {
            merged.refill(index)?;
        }
        Ok(merged)
    }

    fn refill(&mut self, index: usize) -> Result<(), RunError> {
        let Some((run, page)) = self.runs.get_mut(index) else {
            return Ok(());
        };
        let loaded = run.loaded()?;
        if *page < loaded.pages() {
            let mut entries = Vec::with_capacity(ENTRIES_PER_PAGE);
            loaded.page(*page, &mut entries)?;
            *page += 1;
            if let Some(waiting) = self.waiting.get_mut(index) {
                *waiting = entries.len();
            }
            let tagged = entries
                .into_iter()
                .map(|(hash, position)| Reverse((hash, position, index)));
            self.next.extend(tagged);
        }
        Ok(())
    }

    fn advance(&mut self) -> Result<Option<(IdHash, LogPosition)>, RunError> {
        let Some(Reverse((hash, position, index))) = self.next.pop() else {
            return Ok(None);
        };
        if let Some(waiting) = self.waiting.get_mut(index) {
            *waiting -= 1;
            if *waiting == 0 {
                self.refill(index)?;
            }
        }
        Ok(Some((hash, position)))
    }
}

impl Iterator for Merged<'_> {
    type Item = Result<(IdHash, LogPosition), RunError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.advance().transpose()
    }
}

struct PageWriter<'a> {
    file: &'a dyn DirectoryFile,
    offset: u64,
    page: Vec<u8>,
    entries: usize,
}

impl PageWriter<'_> {
    fn push(&mut self, hash: IdHash, position: LogPosition) -> io::Result<()> {
        self.page.extend_from_slice(&hash.to_be_bytes());
        self.page
            .extend_from_slice(&position.number().to_le_bytes());
        self.entries += 1;
        if self.entries == ENTRIES_PER_PAGE {
            self.flush()?;
        }
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.entries == 0 {
            return Ok(());
        }
        let count = u32::try_from(self.entries).unwrap_or(u32::MAX);
        let mut covered = count.to_le_bytes().to_vec();
        covered.append(&mut self.page);
        covered.resize(PAGE_BYTES - 4, 0);
        let mut bytes = crc32c::crc32c(&covered).to_le_bytes().to_vec();
        bytes.append(&mut covered);
        self.file.write_at(&bytes, self.offset)?;
        self.offset += PAGE_BYTES as u64;
        self.entries = 0;
        Ok(())
    }
}

fn header(filter_checksum: u32, numbers: [u64; 5]) -> Vec<u8> {
    let mut covered = filter_checksum.to_le_bytes().to_vec();
    for number in numbers {
        covered.extend_from_slice(&number.to_le_bytes());
    }
    covered.resize(HEADER_BYTES - 12, 0);
    let mut bytes = MAGIC.to_vec();
    bytes.extend_from_slice(&crc32c::crc32c(&covered).to_le_bytes());
    bytes.extend_from_slice(&covered);
    bytes
}
