//! Remembers on disk up to when the spans' calls stand in the log, so that a
//! start can say what is missing.
//!
//! It may be behind after a power cut; then the gap is told larger than it was,
//! never smaller.

use std::fs;
use std::io;
use std::path::PathBuf;

use model::Timestamp;

/// A small file with one moment.
#[derive(Clone, Debug)]
pub(crate) struct Cursor {
    path: PathBuf,
}

impl Cursor {
    /// The cursor in this file.
    pub(crate) const fn at(path: PathBuf) -> Self {
        Self { path }
    }

    /// The moment; `None` when there is none or it cannot be read.
    pub(crate) fn load(&self) -> Option<Timestamp> {
        let text = fs::read_to_string(&self.path).ok()?;
        text.trim().parse().ok()
    }

    /// Replaces the moment as a whole.
    pub(crate) fn save(&self, complete_until: Timestamp) -> io::Result<()> {
        let beside = self.path.with_extension("new");
        fs::write(&beside, format!("{complete_until}\n"))?;
        fs::rename(beside, &self.path)
    }
}
