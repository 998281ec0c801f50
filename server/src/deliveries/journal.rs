//! What was tried, a line an attempt: two files of bounded size for each subscription, the older of which goes.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use api::DeliveryAttempt;
use model::{LogPosition, Timestamp};
use serde::{Deserialize, Serialize};

/// An attempt as it is written down.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Line {
    /// The event it was about.
    pub(crate) position: LogPosition,
    /// When it began.
    pub(crate) at: Timestamp,
    /// How often it had been tried, this one included.
    pub(crate) number: u32,
    /// How long it took.
    pub(crate) ms: u64,
    /// The status of the answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) status: Option<u16>,
    /// Why there was none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) error: Option<String>,
    /// Whether it was taken.
    pub(crate) taken: bool,
    /// Whether it was a digest.
    #[serde(default)]
    pub(crate) digest: bool,
}

impl From<Line> for DeliveryAttempt {
    fn from(line: Line) -> Self {
        Self {
            number: line.number,
            at: line.at,
            duration_ms: line.ms,
            status: line.status,
            error: line.error,
        }
    }
}

/// The lines of one subscription.
#[derive(Clone, Debug)]
pub(crate) struct Journal {
    path: PathBuf,
    bytes_max: u64,
}

impl Journal {
    /// The journal in a file and the one before it, each no larger than half of `bytes_max`.
    pub(crate) const fn at(path: PathBuf, bytes_max: u64) -> Self {
        Self { path, bytes_max }
    }

    /// Adds lines. What a power cut takes of them is not missed by any delivery.
    pub(crate) fn add(&self, lines: &[Line]) -> io::Result<()> {
        if lines.is_empty() {
            return Ok(());
        }
        let mut text = Vec::new();
        for line in lines {
            serde_json::to_writer(&mut text, line)?;
            text.push(b'\n');
        }
        let bytes = fs::metadata(&self.path).map_or(0, |metadata| metadata.len());
        if self.bytes_max / 2 < bytes {
            fs::rename(&self.path, self.older())?;
        }
        let mut options = OpenOptions::new();
        options
            .create(true)
            .append(true)
            .open(&self.path)?
            .write_all(&text)
    }

    /// Every line that is still there, in the order they were written; one that is torn is passed over.
    pub(crate) fn read(&self) -> io::Result<Vec<Line>> {
        let mut lines = Vec::new();
        for path in [&self.older(), &self.path] {
            let text = read_or_nothing(path)?;
            let each = text.split(|byte| *byte == b'\n');
            lines.extend(each.filter_map(|line| serde_json::from_slice::<Line>(line).ok()));
        }
        Ok(lines)
    }

    /// Removes both files.
    pub(crate) fn remove(&self) -> io::Result<()> {
        for path in [&self.older(), &self.path] {
            match fs::remove_file(path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                Ok(()) | Err(_) => {}
            }
        }
        Ok(())
    }

    fn older(&self) -> PathBuf {
        self.path.with_extension("older")
    }
}

fn read_or_nothing(path: &Path) -> io::Result<Vec<u8>> {
    match fs::read(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        read => read,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(number: u32) -> Line {
        Line {
            position: LogPosition::new(u64::from(number)),
            at: Timestamp::from_unix_nanos(0),
            number,
            ms: 3,
            status: Some(200),
            error: None,
            taken: true,
            digest: false,
        }
    }

    #[test]
    fn the_newest_lines_stay_within_their_bytes() {
        let folder = tempfile::tempdir().unwrap();
        let journal = Journal::at(folder.path().join("a.log"), 2_000);
        for number in 1..=100 {
            journal.add(&[line(number)]).unwrap();
        }
        let lines = journal.read().unwrap();
        assert_eq!(lines.last(), Some(&line(100)));
        assert!(5 < lines.len() && lines.len() < 60, "{}", lines.len());
        let numbers: Vec<u32> = lines.iter().map(|line| line.number).collect();
        assert!(numbers.is_sorted(), "{numbers:?}");
        fs::write(folder.path().join("a.log"), b"{\"torn").unwrap();
        journal.add(&[line(101)]).unwrap();
        assert!(journal.read().is_ok());
        journal.remove().unwrap();
        assert!(journal.read().unwrap().is_empty());
        journal.remove().unwrap();
    }
}
