//! The note beside sled's folder: how it was left, and what its files were.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// The note's name and first line.
const NAME: &str = "state";
const FIRST_LINE: &str = "epicenter key-value store 1";

/// Large values are named by their hash and checked when read.
pub(super) const LARGE_FOLDER: &str = "large";

/// Relative path -> what the file was.
pub(super) type Files = BTreeMap<String, FileSum>;

/// What a file was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct FileSum {
    bytes: u64,
    /// Absent for files whose name is their hash.
    hash: Option<String>,
}

/// How the folder was left.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// A process has it open, since this start of the machine.
    Open(String),
    /// A process tries to recover what a killed one left.
    Recovering,
    /// It was found damaged.
    Damaged,
    /// It was closed with these files.
    Closed(Files),
}

impl Phase {
    /// Open now. A machine whose start is unknown can never vouch for what a killed process left.
    pub(super) fn open() -> Self {
        Self::Open(boot_id().unwrap_or_else(|| "unknown".to_owned()))
    }
}

/// A note that is whole.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Note {
    pub(super) layout: u32,
    pub(super) generation: u64,
    pub(super) phase: Phase,
}

/// What was found in place of a note.
#[derive(Debug)]
pub(super) struct State {
    note: Option<Note>,
    absent: bool,
    newest_generation: u64,
}

impl State {
    /// Reads the note, whatever it holds.
    pub(super) fn read(directory: &Path) -> io::Result<Self> {
        let note = match fs::read_to_string(directory.join(NAME)) {
            Ok(text) => parse(&text),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) if error.kind() == io::ErrorKind::InvalidData => None,
            Err(error) => return Err(error),
        };
        let mut newest_generation = None;
        for entry in fs::read_dir(directory)? {
            let name = entry?.file_name();
            let generation = name.to_str().and_then(|name| name.parse::<u64>().ok());
            newest_generation = newest_generation.max(generation);
        }
        Ok(Self {
            absent: newest_generation.is_none(),
            newest_generation: newest_generation.unwrap_or(0),
            note,
        })
    }

    /// The note, if it is whole.
    pub(super) const fn note(&self) -> Option<&Note> {
        self.note.as_ref()
    }

    /// Whether there is no content at all.
    pub(super) const fn is_absent(&self) -> bool {
        self.absent
    }

    /// The newest generation that may lie there.
    pub(super) fn generation(&self) -> u64 {
        let noted = self.note.as_ref().map_or(0, |note| note.generation);
        self.newest_generation.max(noted)
    }
}

/// Writes the note; it is on the disk, whole, when this returns.
pub(super) fn write(
    directory: &Path,
    layout: u32,
    generation: u64,
    phase: &Phase,
) -> io::Result<()> {
    let mut text = format!("{FIRST_LINE}\nlayout {layout}\ngeneration {generation}\n");
    match phase {
        Phase::Open(boot) => text.push_str(&format!("open {boot}\n")),
        Phase::Recovering => text.push_str("recovering\n"),
        Phase::Damaged => text.push_str("damaged\n"),
        Phase::Closed(files) => {
            text.push_str("closed\n");
            for (path, sum) in files {
                let hash = sum.hash.as_deref().unwrap_or("-");
                text.push_str(&format!("file {hash} {} {path}\n", sum.bytes));
            }
        }
    }
    let sum = blake3::hash(text.as_bytes());
    text.push_str(&format!("sum {sum}\n"));
    let temporary = directory.join("state.unfinished");
    let mut file = File::create(&temporary)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    fs::rename(&temporary, directory.join(NAME))?;
    File::open(directory)?.sync_all()
}

fn parse(text: &str) -> Option<Note> {
    let content = text.get(..text.strip_suffix('\n')?.rfind('\n')? + 1)?;
    let sum = text.get(content.len()..)?.strip_prefix("sum ")?.trim_end();
    if sum != blake3::hash(content.as_bytes()).to_hex().as_str() {
        return None;
    }
    let mut lines = content.lines();
    if lines.next()? != FIRST_LINE {
        return None;
    }
    let layout = lines.next()?.strip_prefix("layout ")?.parse().ok()?;
    let generation = lines.next()?.strip_prefix("generation ")?.parse().ok()?;
    let phase = match lines.next()? {
        "recovering" => Phase::Recovering,
        "damaged" => Phase::Damaged,
        "closed" => Phase::Closed(lines.map(parse_file).collect::<Option<_>>()?),
        open => Phase::Open(open.strip_prefix("open ")?.to_owned()),
    };
    Some(Note {
        layout,
        generation,
        phase,
    })
}

fn parse_file(line: &str) -> Option<(String, FileSum)> {
    let (hash, rest) = line.strip_prefix("file ")?.split_once(' ')?;
    let (bytes, path) = rest.split_once(' ')?;
    let sum = FileSum {
        bytes: bytes.parse().ok()?,
        hash: (hash != "-").then(|| hash.to_owned()),
    };
    Some((path.to_owned(), sum))
}

/// Reads every file below the folder.
pub(super) fn sum_files(folder: &Path) -> io::Result<Files> {
    let mut files = Files::new();
    let mut folders = vec![PathBuf::new()];
    while let Some(inside) = folders.pop() {
        for entry in fs::read_dir(folder.join(&inside))? {
            let entry = entry?;
            let relative = inside.join(entry.file_name());
            if entry.file_type()?.is_dir() {
                folders.push(relative);
                continue;
            }
            let named_by_hash = relative.starts_with(LARGE_FOLDER);
            let sum = sum_file(&entry.path(), named_by_hash)?;
            files.insert(relative.to_string_lossy().into_owned(), sum);
        }
    }
    Ok(files)
}

fn sum_file(path: &Path, named_by_hash: bool) -> io::Result<FileSum> {
    if named_by_hash {
        let bytes = fs::metadata(path)?.len();
        return Ok(FileSum { bytes, hash: None });
    }
    let mut hasher = blake3::Hasher::new();
    let mut file = io::BufReader::with_capacity(1 << 20, File::open(path)?);
    let bytes = io::copy(&mut file, &mut hasher)?;
    let hash = Some(hasher.finalize().to_hex().to_string());
    Ok(FileSum { bytes, hash })
}

/// Names this start of the machine, where the system tells.
pub(super) fn boot_id() -> Option<String> {
    let id = fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
    Some(id.trim().to_owned())
}
