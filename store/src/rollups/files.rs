//! The files of measurements: one for each hour of minutes, each hour and each day; frames behind each other.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use model::Timestamp;

use super::frame::{Block, Covered, HEADER_BYTES, Header, Index, MAGIC, Rows, read_block};
use super::level::{Level, floor};

const UNFINISHED: &str = "unfinished";
const ENDING: &str = "rollup";

/// What is known of one file.
#[derive(Clone, Debug)]
pub(super) struct RollupFile {
    pub(super) path: PathBuf,
    pub(super) bytes: u64,
    pub(super) frames: Vec<FrameAt>,
    /// The files that were summed up into it.
    pub(super) covered: Vec<Covered>,
}

/// A frame and where it lies in its file.
#[derive(Clone, Copy, Debug)]
pub(super) struct FrameAt {
    pub(super) offset: u64,
    pub(super) header: Header,
}

/// Every file, by level and by its first moment.
#[derive(Clone, Debug, Default)]
pub(super) struct Catalog {
    levels: [BTreeMap<i64, RollupFile>; 3],
}

/// What was not as it was written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Found {
    /// Bytes at the ends of files that were not written whole.
    pub(super) torn_bytes: u64,
    /// Parts of files that are damaged.
    pub(super) damaged: u64,
}

impl Catalog {
    pub(super) fn level(&self, level: Level) -> &BTreeMap<i64, RollupFile> {
        let [minutes, hours, days] = &self.levels;
        match level {
            Level::Minute => minutes,
            Level::Hour => hours,
            Level::Day => days,
        }
    }

    pub(super) fn level_mut(&mut self, level: Level) -> &mut BTreeMap<i64, RollupFile> {
        let [minutes, hours, days] = &mut self.levels;
        match level {
            Level::Minute => minutes,
            Level::Hour => hours,
            Level::Day => days,
        }
    }

    pub(super) fn file(&self, level: Level, start: i64) -> Option<&RollupFile> {
        self.level(level).get(&start)
    }

    pub(super) fn bytes(&self) -> u64 {
        let files = self.levels.iter().flat_map(BTreeMap::values);
        files.map(|file| file.bytes).sum()
    }

    /// The finer files that the file of this level and moment is made of.
    pub(super) fn sources(
        &self,
        level: Level,
        start: i64,
    ) -> impl Iterator<Item = (i64, &RollupFile)> {
        let finer = match level {
            Level::Minute => None,
            Level::Hour => Some(Level::Minute),
            Level::Day => Some(Level::Hour),
        };
        let range = start..start.saturating_add(level.file_nanos());
        let files = finer.map(|finer| self.level(finer).range(range));
        files.into_iter().flatten().map(|(at, file)| (*at, file))
    }

    /// Whether finer files hold something that the file of this level does not.
    pub(super) fn is_stale(&self, level: Level, start: i64) -> bool {
        let covered = self
            .file(level, start)
            .map_or(&[][..], |file| &file.covered);
        self.sources(level, start)
            .any(|(at, file)| !covered.contains(&file.as_covered(at)))
    }

    /// Reads the folder; what is no file of ours is left alone.
    pub(super) fn scan(folder: &Path) -> io::Result<(Self, Found)> {
        let mut catalog = Self::default();
        let mut found = Found::default();
        for level in Level::ALL {
            let folder = folder.join(level.name());
            fs::create_dir_all(&folder)?;
            for entry in fs::read_dir(&folder)? {
                let path = entry?.path();
                match path.extension().and_then(|ending| ending.to_str()) {
                    Some(UNFINISHED) => fs::remove_file(&path)?,
                    Some(ENDING) => {
                        let Some(start) = start_of(&path, level) else {
                            continue;
                        };
                        let file = scan_file(path, level, start, &mut found)?;
                        catalog
                            .level_mut(level)
                            .extend(file.map(|file| (start, file)));
                    }
                    _ => {}
                }
            }
        }
        Ok((catalog, found))
    }
}

impl RollupFile {
    /// How another file notes that it holds this one.
    pub(super) fn as_covered(&self, start: i64) -> Covered {
        let last = self.frames.last();
        Covered {
            start,
            bytes: self.bytes,
            checksum: last.map_or(0, |frame| frame.header.checksum),
        }
    }

    /// The file with a frame behind the others; the frame is on the disk when this returns.
    pub(super) fn append(before: Option<&Self>, path: PathBuf, frame: &[u8]) -> io::Result<Self> {
        let (offset, mut frames) =
            before.map_or((0, Vec::new()), |file| (file.bytes, file.frames.clone()));
        let file = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&path)?;
        // A write that failed may have left something behind the frames.
        file.set_len(offset)?;
        let written = file
            .write_all_at(frame, offset)
            .and_then(|()| file.sync_data());
        if let Err(error) = written {
            drop(file.set_len(offset));
            return Err(error);
        }
        if offset == 0 {
            sync_folder_of(&path)?;
        }
        frames.extend(frame_at(offset, frame));
        Ok(Self {
            path,
            bytes: offset + frame.len() as u64,
            frames,
            covered: before.map_or_else(Vec::new, |file| file.covered.clone()),
        })
    }

    /// A file that holds this frame alone, in the place of what was there before.
    pub(super) fn replace(path: PathBuf, frame: &[u8], covered: Vec<Covered>) -> io::Result<Self> {
        let unfinished = path.with_extension(UNFINISHED);
        let written = File::create(&unfinished).and_then(|mut file| {
            file.write_all(frame)?;
            file.sync_all()
        });
        let written = written.and_then(|()| fs::rename(&unfinished, &path));
        if let Err(error) = written {
            drop(fs::remove_file(&unfinished));
            return Err(error);
        }
        sync_folder_of(&path)?;
        Ok(Self {
            path,
            bytes: frame.len() as u64,
            frames: frame_at(0, frame).into_iter().collect(),
            covered,
        })
    }
}

fn frame_at(offset: u64, frame: &[u8]) -> Option<FrameAt> {
    let header = Header::read(frame.get(..HEADER_BYTES)?)?;
    Some(FrameAt { offset, header })
}

fn sync_folder_of(path: &Path) -> io::Result<()> {
    match path.parent() {
        Some(folder) => File::open(folder)?.sync_all(),
        None => Ok(()),
    }
}

/// Where the file of a level lies that begins at this moment.
pub(super) fn path_of(folder: &Path, level: Level, start: i64) -> PathBuf {
    let moment = Timestamp::from_unix_nanos(start).to_string();
    let name = format!("{}.{ENDING}", moment.replace(':', "-"));
    folder.join(level.name()).join(name)
}

fn start_of(path: &Path, level: Level) -> Option<i64> {
    let name = path.file_stem()?.to_str()?;
    let (day, time) = name.split_once('T')?;
    let moment: Timestamp = format!("{day}T{}", time.replace('-', ":")).parse().ok()?;
    let start = moment.unix_nanos();
    (floor(start, level.file_nanos()) == start).then_some(start)
}

/// Finds the frames of a file. What was not written whole at its end is cut off; a file without any frame is removed.
fn scan_file(
    path: PathBuf,
    level: Level,
    start: i64,
    found: &mut Found,
) -> io::Result<Option<RollupFile>> {
    let file = File::options().read(true).write(true).open(&path)?;
    let length = file.metadata()?.len();
    let mut frames = Vec::new();
    let mut covered = Vec::new();
    let (mut offset, mut end) = (0, 0);
    while offset < length {
        let header = header_at(&file, offset)?;
        let whole = header.filter(|header| {
            header.frame_bytes() <= length - offset
                && floor(header.start, level.file_nanos()) == start
        });
        let Some(header) = whole else {
            match next_magic(&file, offset + 1, length)? {
                Some(next) => {
                    found.damaged += 1;
                    offset = next;
                    continue;
                }
                None => break,
            }
        };
        let at = FrameAt { offset, header };
        if level != Level::Minute {
            match OpenFrame::open(&file, at) {
                Ok(frame) => covered.extend(frame.index.covered),
                Err(_) => found.damaged += 1,
            }
        }
        frames.push(at);
        offset += header.frame_bytes();
        end = offset;
    }
    if end < length {
        found.torn_bytes += length - end;
        file.set_len(end)?;
    }
    if frames.is_empty() {
        fs::remove_file(&path)?;
        return Ok(None);
    }
    Ok(Some(RollupFile {
        path,
        bytes: end,
        frames,
        covered,
    }))
}

fn header_at(file: &File, offset: u64) -> io::Result<Option<Header>> {
    let mut bytes = [0; HEADER_BYTES];
    match file.read_exact_at(&mut bytes, offset) {
        Ok(()) => Ok(Header::read(&bytes)),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(None),
        Err(error) => Err(error),
    }
}

/// Where the next frame may begin.
fn next_magic(file: &File, from: u64, length: u64) -> io::Result<Option<u64>> {
    const STEP: u64 = 1024 * 1024;
    let mut offset = from;
    while offset < length {
        let wanted = (length - offset).min(STEP + MAGIC.len() as u64 - 1);
        let mut bytes = vec![0; usize::try_from(wanted).expect("about a megabyte")];
        file.read_exact_at(&mut bytes, offset)?;
        let place = bytes
            .windows(MAGIC.len())
            .position(|window| window == MAGIC.as_slice());
        if let Some(place) = place {
            return Ok(Some(offset + place as u64));
        }
        offset += STEP;
    }
    Ok(None)
}

/// Why a part of a file cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unreadable {
    /// Another file lies there by now.
    Changed,
    /// It is not what was written.
    Damaged,
}

/// A frame whose index was read.
pub(super) struct OpenFrame<'f> {
    file: &'f File,
    at: FrameAt,
    pub(super) index: Index,
}

impl<'f> OpenFrame<'f> {
    pub(super) fn open(file: &'f File, at: FrameAt) -> Result<Self, Unreadable> {
        match header_at(file, at.offset) {
            Ok(Some(header)) if header == at.header => {}
            Ok(_) => return Err(Unreadable::Changed),
            Err(_) => return Err(Unreadable::Damaged),
        }
        let mut bytes = vec![0; at.header.index_bytes as usize];
        file.read_exact_at(&mut bytes, at.offset + HEADER_BYTES as u64)
            .map_err(|_| Unreadable::Damaged)?;
        let index = Index::read(&bytes).ok_or(Unreadable::Damaged)?;
        Ok(Self { file, at, index })
    }

    /// The rows of one block.
    pub(super) fn rows(&self, block: &Block) -> Result<Rows, Unreadable> {
        let header = &self.at.header;
        let blocks = self.at.offset + HEADER_BYTES as u64 + u64::from(header.index_bytes);
        let mut packed = vec![0; block.bytes as usize];
        self.file
            .read_exact_at(&mut packed, blocks + block.offset)
            .map_err(|_| Unreadable::Damaged)?;
        read_block(block, &packed, header.start).ok_or(Unreadable::Damaged)
    }
}
