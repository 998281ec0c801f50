//! Files of other systems: decoded here, sent as events of our own.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use anyhow::{Context, bail};
use ingest::import::{self, Format, ImportFile, Listing, Surroundings};
use model::{Clock, Timestamp};
use serde_json::{Value, json};

use super::post::Poster;
use super::read::{Batch, Places};
use super::{EstateFlags, Summary};
use crate::cli::{print, progress};
use crate::clock::SystemClock;

/// Most events and bytes of one request.
const EVENTS_MAX: usize = 1_000;
const BYTES_MAX: usize = 2 * 1024 * 1024;
/// The largest file that is read.
const FILE_BYTES_MAX: u64 = 1024 * 1024 * 1024;

/// What the files say, and as whose word.
pub(super) struct Estate {
    listing: Listing,
    source: String,
    at: Timestamp,
}

impl Estate {
    /// Reads and decodes the files.
    pub(super) fn read(
        format: Format,
        paths: &[PathBuf],
        flags: &EstateFlags,
    ) -> anyhow::Result<Self> {
        let mut files = Vec::with_capacity(paths.len());
        for path in paths {
            let file = read_file(path).with_context(|| format!("{}", path.display()))?;
            files.push(file);
        }
        let at = match &flags.at {
            Some(stated) => stated.parse().context("--at is no moment in RFC 3339")?,
            None => spoken_at(paths),
        };
        let around = Surroundings {
            environment: flags.environment.clone(),
            cluster: flags.cluster.clone(),
            at,
        };
        let named = flags.source.clone();
        Ok(Self {
            listing: import::decode(format, &files, &around),
            source: named.unwrap_or_else(|| format.name().to_owned()),
            at,
        })
    }

    /// Takes note of everything that could not be read.
    pub(super) fn tell_rejected(&self, summary: &mut Summary) {
        for part in &self.listing.rejected {
            summary.read += 1;
            match part.field.is_empty() {
                true => summary.reject(&part.place, &part.reason),
                false => summary.reject(&part.place, &format!("{} {}", part.field, part.reason)),
            }
        }
        summary.passed_over += self.listing.passed_over;
    }

    /// Prints every event that would be sent.
    pub(super) fn show(&self) -> anyhow::Result<()> {
        let mut text = String::new();
        for (line, _) in self.lines() {
            text.push_str(&line);
            text.push('\n');
        }
        print(&text)
    }

    /// Sends every event.
    pub(super) async fn send(&self, poster: &Poster, summary: &mut Summary) -> anyhow::Result<()> {
        let total = self.listing.events().count() as u64;
        let bar = progress::events(total, &self.source);
        let mut batch = Batch::default();
        let mut named = Vec::new();
        for (line, place) in self.lines() {
            batch.body.extend_from_slice(line.as_bytes());
            batch.body.push(b'\n');
            named.push(place);
            if named.len() < EVENTS_MAX && batch.body.len() < BYTES_MAX {
                continue;
            }
            bar.inc(named.len() as u64);
            batch.places = Places::Named(std::mem::take(&mut named));
            poster.events(std::mem::take(&mut batch), summary).await?;
        }
        if !named.is_empty() {
            batch.places = Places::Named(named);
            poster.events(batch, summary).await?;
        }
        bar.finish_and_clear();
        Ok(())
    }

    /// Each event as a line, and what it speaks of.
    fn lines(&self) -> impl Iterator<Item = (String, String)> + '_ {
        self.listing.events().map(|(event, place)| {
            let mut payload = Vec::new();
            event.encode_payload(&mut payload);
            let data: Value = serde_json::from_slice(&payload).unwrap_or_default();
            let line = json!({
                "source": self.source,
                "type": event.tag().0,
                "time": self.at.to_string(),
                "data": data,
            });
            (line.to_string(), place)
        })
    }
}

fn read_file(path: &Path) -> anyhow::Result<ImportFile> {
    let mut bytes = Vec::new();
    let name = if is_standard_input(path) {
        let read = std::io::stdin()
            .take(FILE_BYTES_MAX + 1)
            .read_to_end(&mut bytes);
        read.context("could not be read")?;
        "standard input".to_owned()
    } else {
        let file = std::fs::File::open(path).context("could not be opened")?;
        let read = file.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes);
        read.context("could not be read")?;
        path.display().to_string()
    };
    if FILE_BYTES_MAX < bytes.len() as u64 {
        bail!("has more than {FILE_BYTES_MAX} bytes");
    }
    Ok(ImportFile { name, bytes })
}

fn is_standard_input(path: &Path) -> bool {
    path.as_os_str() == "-"
}

/// The moment of which the files speak: when the last of them was written, so that
/// the same files say the same again. Never later than now.
fn spoken_at(paths: &[PathBuf]) -> Timestamp {
    let now = SystemClock.now();
    let written = |path: &PathBuf| {
        let modified = std::fs::metadata(path).ok()?.modified().ok()?;
        let since = modified.duration_since(SystemTime::UNIX_EPOCH).ok()?;
        // Whole seconds: copies and archives keep no more.
        let seconds = i64::try_from(since.as_secs()).ok()?;
        Some(Timestamp::from_unix_nanos(
            seconds.checked_mul(1_000_000_000)?,
        ))
    };
    if paths.iter().any(|path| is_standard_input(path)) {
        return now;
    }
    let written = paths.iter().map(written).collect::<Option<Vec<_>>>();
    let last = written.and_then(|written| written.into_iter().max());
    last.map_or(now, |last| last.min(now))
}
