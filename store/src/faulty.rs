//! A directory in memory whose n-th operation fails, and whose power can be cut: the twin
//! every promise about durability is tested with.
//!
//! It forgets what a disk may forget: after a power cut each unsynced sector of 512 bytes is
//! there or not, and the newest unsynced changes of names are gone (names change in order, as
//! in a journal). After a failed sync the bytes it was for can be read, but no later sync
//! makes them durable.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::{Directory, DirectoryFile};

const SECTOR_BYTES: usize = 512;

/// Which operation fails, and how. Only operations that change something count, from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Which operation.
    pub at: u64,
    /// How it fails.
    pub kind: FaultKind,
}

/// How an operation fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FaultKind {
    /// It does nothing, once.
    Error,
    /// A write leaves its first half, once; anything else does nothing.
    HalfDone,
    /// A write leaves its first half, and nothing works any more.
    PowerCut,
}

/// A directory in memory that fails when told to.
#[derive(Clone, Default)]
pub struct FaultyDirectory {
    disk: Arc<Mutex<Disk>>,
}

#[derive(Default)]
struct Disk {
    names: BTreeMap<String, usize>,
    durable_names: BTreeMap<String, usize>,
    /// Changes of names since the last sync of the directory.
    renamed: Vec<NameChange>,
    files: Vec<FileBytes>,
    operations: u64,
    fault: Option<Fault>,
    dead: bool,
}

#[derive(Clone)]
enum NameChange {
    Set(String, usize),
    Move(String, String, usize),
    Remove(String),
}

#[derive(Clone, Default)]
struct FileBytes {
    current: Vec<u8>,
    durable: Vec<u8>,
    unsynced: Vec<Unsynced>,
}

#[derive(Clone)]
enum Unsynced {
    Write(usize, Vec<u8>),
    Cut(usize),
}

enum Outcome {
    Done,
    HalfDone,
}

impl FaultyDirectory {
    /// An empty directory in which nothing fails.
    pub fn new() -> Self {
        Self::default()
    }

    /// Lets an operation fail; they are counted from now on.
    pub fn set_fault(&self, fault: Option<Fault>) {
        let mut disk = self.disk();
        disk.operations = 0;
        disk.fault = fault;
    }

    /// How many operations were counted.
    pub fn operations(&self) -> u64 {
        self.disk().operations
    }

    /// What is there after the process ended and the machine did not: everything.
    #[must_use]
    pub fn after_process_end(&self) -> Self {
        let disk = self.disk();
        Self::holding(disk.names.clone(), disk.files.clone())
    }

    /// What is there after the power was cut; the seed decides what of the unsynced is.
    #[must_use]
    pub fn after_power_cut(&self, seed: u64) -> Self {
        let disk = self.disk();
        let mut chance = Chance(seed);
        let mut names = disk.durable_names.clone();
        let kept = chance.below(disk.renamed.len() + 1);
        for change in disk.renamed.iter().take(kept) {
            change.apply(&mut names);
        }
        let mut files = disk.files.clone();
        for file in &mut files {
            file.lose(&mut chance);
        }
        Self::holding(names, files)
    }

    fn holding(names: BTreeMap<String, usize>, files: Vec<FileBytes>) -> Self {
        let disk = Disk {
            durable_names: names.clone(),
            names,
            files,
            ..Disk::default()
        };
        Self {
            disk: Arc::new(Mutex::new(disk)),
        }
    }

    fn disk(&self) -> MutexGuard<'_, Disk> {
        self.disk.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn file(&self, index: usize) -> Arc<dyn DirectoryFile> {
        Arc::new(FaultyFile {
            disk: Arc::clone(&self.disk),
            index,
        })
    }
}

impl Directory for FaultyDirectory {
    fn list(&self) -> io::Result<Vec<String>> {
        Ok(self.disk().alive()?.names.keys().cloned().collect())
    }

    fn create(
        &self,
        name: &str,
        zeros: u64,
        _: &dyn Fn() -> bool,
    ) -> io::Result<Arc<dyn DirectoryFile>> {
        let mut disk = self.disk();
        disk.operate_whole()?;
        let bytes = vec![0; usize::try_from(zeros).map_err(io::Error::other)?];
        disk.files.push(FileBytes {
            current: bytes.clone(),
            durable: bytes,
            unsynced: Vec::new(),
        });
        let index = disk.files.len() - 1;
        disk.rename(NameChange::Set(name.to_owned(), index));
        drop(disk);
        Ok(self.file(index))
    }

    fn open(&self, name: &str) -> io::Result<Arc<dyn DirectoryFile>> {
        let found = self.disk().alive()?.names.get(name).copied();
        Ok(self.file(found.ok_or(io::ErrorKind::NotFound)?))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let mut disk = self.disk();
        disk.operate_whole()?;
        let index = disk.names.get(from).copied();
        let index = index.ok_or(io::ErrorKind::NotFound)?;
        disk.rename(NameChange::Move(from.to_owned(), to.to_owned(), index));
        Ok(())
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        let mut disk = self.disk();
        disk.operate_whole()?;
        if !disk.names.contains_key(name) {
            return Err(io::ErrorKind::NotFound.into());
        }
        disk.rename(NameChange::Remove(name.to_owned()));
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        let mut disk = self.disk();
        disk.operate_whole()?;
        disk.durable_names = disk.names.clone();
        disk.renamed.clear();
        Ok(())
    }
}

struct FaultyFile {
    disk: Arc<Mutex<Disk>>,
    index: usize,
}

impl FaultyFile {
    fn with<T>(
        &self,
        work: impl FnOnce(&mut Disk, &mut FileBytes) -> io::Result<T>,
    ) -> io::Result<T> {
        let mut disk = self.disk.lock().unwrap_or_else(PoisonError::into_inner);
        let file = disk.files.get_mut(self.index).map(std::mem::take);
        let mut file = file.ok_or(io::ErrorKind::NotFound)?;
        let worked = work(&mut disk, &mut file);
        if let Some(place) = disk.files.get_mut(self.index) {
            *place = file;
        }
        worked
    }
}

impl DirectoryFile for FaultyFile {
    fn length(&self) -> io::Result<u64> {
        self.with(|disk, file| {
            disk.alive()?;
            Ok(file.current.len() as u64)
        })
    }

    fn read_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
        self.with(|disk, file| {
            disk.alive()?;
            let start = usize::try_from(offset).map_err(io::Error::other)?;
            let there = file.current.get(start..).unwrap_or_default();
            let read = there.iter().zip(bytes.iter_mut());
            Ok(read.map(|(from, to)| *to = *from).count())
        })
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.with(|disk, file| {
            let start = usize::try_from(offset).map_err(io::Error::other)?;
            match disk.operate()? {
                Outcome::Done => {
                    file.write(start, bytes);
                    Ok(())
                }
                Outcome::HalfDone => {
                    file.write(start, bytes.get(..bytes.len() / 2).unwrap_or_default());
                    Err(broken())
                }
            }
        })
    }

    fn sync(&self) -> io::Result<()> {
        self.with(|disk, file| {
            let outcome = disk.operate_whole();
            if outcome.is_ok() {
                file.make_durable();
            }
            if !disk.dead {
                // After an error the system takes the bytes for written and forgets that they are not.
                file.unsynced.clear();
            }
            outcome
        })
    }

    fn cut(&self, length: u64) -> io::Result<()> {
        self.with(|disk, file| {
            disk.operate_whole()?;
            let length = usize::try_from(length).map_err(io::Error::other)?;
            file.current.truncate(length);
            file.unsynced.push(Unsynced::Cut(length));
            Ok(())
        })
    }
}

impl Disk {
    fn alive(&self) -> io::Result<&Self> {
        match self.dead {
            true => Err(broken()),
            false => Ok(self),
        }
    }

    /// Counts an operation, and lets it fail if it is its turn.
    fn operate(&mut self) -> io::Result<Outcome> {
        self.alive()?;
        self.operations += 1;
        let fault = self.fault.filter(|fault| fault.at == self.operations);
        match fault.map(|fault| fault.kind) {
            None => Ok(Outcome::Done),
            Some(FaultKind::Error) => Err(broken()),
            Some(FaultKind::HalfDone) => Ok(Outcome::HalfDone),
            Some(FaultKind::PowerCut) => {
                self.dead = true;
                Ok(Outcome::HalfDone)
            }
        }
    }

    /// The same for an operation that cannot be half done.
    fn operate_whole(&mut self) -> io::Result<()> {
        match self.operate()? {
            Outcome::Done => Ok(()),
            Outcome::HalfDone => Err(broken()),
        }
    }

    fn rename(&mut self, change: NameChange) {
        change.apply(&mut self.names);
        self.renamed.push(change);
    }
}

impl NameChange {
    fn apply(&self, names: &mut BTreeMap<String, usize>) {
        match self {
            Self::Set(name, index) => drop(names.insert(name.clone(), *index)),
            Self::Move(from, to, index) => {
                names.remove(from);
                names.insert(to.clone(), *index);
            }
            Self::Remove(name) => drop(names.remove(name)),
        }
    }
}

impl FileBytes {
    fn write(&mut self, start: usize, bytes: &[u8]) {
        write_into(&mut self.current, start, bytes);
        self.unsynced.push(Unsynced::Write(start, bytes.to_vec()));
    }

    fn make_durable(&mut self) {
        for change in &self.unsynced {
            match change {
                Unsynced::Cut(length) => self.durable.truncate(*length),
                Unsynced::Write(start, bytes) => write_into(&mut self.durable, *start, bytes),
            }
        }
    }

    /// Keeps what is durable, and of the rest what chance keeps.
    fn lose(&mut self, chance: &mut Chance) {
        for change in std::mem::take(&mut self.unsynced) {
            match change {
                Unsynced::Cut(length) if chance.heads() => self.durable.truncate(length),
                Unsynced::Cut(_) => {}
                Unsynced::Write(start, bytes) => {
                    let mut offset = start;
                    let mut rest = bytes.as_slice();
                    while !rest.is_empty() {
                        let in_sector = SECTOR_BYTES - offset % SECTOR_BYTES;
                        let (piece, behind) = rest.split_at(in_sector.min(rest.len()));
                        if chance.heads() {
                            write_into(&mut self.durable, offset, piece);
                        }
                        offset += piece.len();
                        rest = behind;
                    }
                }
            }
        }
        self.current = self.durable.clone();
    }
}

fn write_into(file: &mut Vec<u8>, start: usize, bytes: &[u8]) {
    let end = start + bytes.len();
    if file.len() < end {
        file.resize(end, 0);
    }
    if let Some(place) = file.get_mut(start..end) {
        place.copy_from_slice(bytes);
    }
}

fn broken() -> io::Error {
    io::Error::other("the disk was told to fail")
}

/// Repeatable chance (`SplitMix64`).
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    fn heads(&mut self) -> bool {
        self.next().is_multiple_of(2)
    }

    fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() % bound as u64).unwrap_or(0)
    }
}
