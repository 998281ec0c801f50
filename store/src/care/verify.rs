//! Finds and locates whatever is not as it was written.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use model::LogPosition;

use super::survey::{Damage, Met, survey};
use super::{CareError, CareProgress};
use crate::TornTail;
use crate::segments::ids::{IdKey, KEY_NAME, Run};
use crate::segments::layout::run_name;
use crate::segments::recovery::io_error;

/// So many damages are listed; all are counted.
const LISTED_MAX: usize = 1_000;

/// What a verification found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifyReport {
    /// Segments in use.
    pub segments: u64,
    /// Records that can be read.
    pub records: u64,
    /// The last position.
    pub head: LogPosition,
    /// The chain up to and with it. Two copies of a log with the same head and digest are equal.
    pub digest: [u8; 32],
    /// The first damages.
    pub damages: Vec<Damage>,
    /// How many there are.
    pub damages_total: u64,
    /// The end of a group that was being written, if the process stopped then; it is cut off when the log opens.
    pub torn: Option<TornTail>,
    /// Damaged or missing files that are made anew from the segments.
    pub rebuildable: Vec<String>,
}

impl VerifyReport {
    /// Whether every record is what was written.
    pub fn is_sound(&self) -> bool {
        self.damages_total == 0
    }
}

impl fmt::Display for VerifyReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "segments  {}", self.segments)?;
        writeln!(f, "records   {}", self.records)?;
        writeln!(f, "head      {}", self.head)?;
        write!(f, "digest    ")?;
        for byte in self.digest {
            write!(f, "{byte:02x}")?;
        }
        for damage in &self.damages {
            write!(f, "\ndamage    {damage}")?;
        }
        if (self.damages.len() as u64) < self.damages_total {
            let more = self.damages_total - self.damages.len() as u64;
            write!(f, "\ndamage    and {more} more")?;
        }
        if let Some(torn) = &self.torn {
            let TornTail {
                after,
                place,
                bytes,
            } = torn;
            write!(
                f,
                "\ntorn end  {bytes} bytes after position {after} ({place})"
            )?;
        }
        for name in &self.rebuildable {
            write!(f, "\nmade anew {name}")?;
        }
        Ok(())
    }
}

/// Reads every byte of the log in a directory and checks it.
pub fn verify(
    path: &Path,
    progress: &mut dyn FnMut(CareProgress),
) -> Result<VerifyReport, CareError> {
    let mut damages = Vec::new();
    let mut damages_total = 0;
    let surveyed = survey(path, &mut |met| {
        match met {
            Met::Record(..) => {}
            Met::SegmentDone(done) => progress(done),
            Met::Damage(damage) => {
                damages_total += 1;
                if damages.len() < LISTED_MAX {
                    damages.push(damage);
                }
            }
        }
        Ok(())
    })?;
    let mut rebuildable = Vec::new();
    let (directory, inventory) = (&surveyed.files.directory, &surveyed.files.inventory);
    let key = IdKey::load(&**directory, &inventory.names).map_err(io_error("read a key"))?;
    match key {
        None if surveyed.records == 0 => {}
        None => rebuildable.push(KEY_NAME.to_owned()),
        Some(key) => {
            for &(first, last) in &inventory.runs {
                let run = Run::at(Arc::clone(directory), first, last, &key);
                let name = run_name(first, last);
                // A run that has become part of a wider one is no longer there.
                if run.check().is_err() && directory.open(&name).is_ok() {
                    rebuildable.push(name);
                }
            }
        }
    }
    Ok(VerifyReport {
        segments: surveyed.segments,
        records: surveyed.records,
        head: surveyed.head,
        digest: surveyed.link,
        damages,
        damages_total,
        torn: surveyed.torn,
        rebuildable,
    })
}
