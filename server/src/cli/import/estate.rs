//! Files of other systems: decoded here, sent as events of our own.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use anyhow::{Context, bail};
use ingest::import::{self, Format, ImportFile, Listing, Mapping, Surroundings};
use model::{Clock, Timestamp};
use serde_json::{Value, json};

use super::post::{Poster, WholeListing};
use super::{EstateFlags, Summary};
use crate::cli::{print, progress};
use crate::clock::SystemClock;

/// The largest file that is read.
const FILE_BYTES_MAX: u64 = 1024 * 1024 * 1024;

/// What the files say, and as whose word.
pub(super) struct Estate {
    listing: Listing,
    source: String,
    scope: Option<String>,
    at: Timestamp,
    is_full: bool,
    ends_all: bool,
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
        let mapping = flags.mapping.as_deref().map(read_mapping).transpose()?;
        let listing = match &mapping {
            None => import::decode(format, &files, &around).context("--mapping is missing")?,
            Some(mapping) => import::decode_with(mapping, format, &files, &around)
                .context("--mapping is for csv and jsonl")?,
        };
        let named = flags.source.clone();
        let named = named.or_else(|| mapping?.source);
        let mut listing = listing;
        listing.gather();
        let is_whole = format.is_whole() && !listing.items.is_empty();
        let scope = || stem(paths).filter(|_| is_whole);
        Ok(Self {
            source: named.unwrap_or_else(|| format.name().to_owned()),
            scope: flags.scope.clone().or_else(scope),
            at,
            is_full: flags.full || (is_whole && !flags.partial),
            ends_all: flags.end_all,
            listing,
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

    /// Sends the listing.
    pub(super) async fn send(&self, poster: &Poster, summary: &mut Summary) -> anyhow::Result<()> {
        let (mut lines, places): (Vec<String>, Vec<String>) = self.lines().unzip();
        for line in &mut lines {
            line.push('\n');
        }
        // What could not be read may be what seems to be gone.
        if self.is_full && self.listing.rejected.is_empty() {
            let complete = json!({ "complete": true, "listed": lines.len() });
            lines.push(format!("{complete}\n"));
        }
        let mut asked = vec![("source", self.source.clone()), ("at", self.at.to_string())];
        asked.extend(self.scope.clone().map(|scope| ("scope", scope)));
        asked.extend(self.ends_all.then(|| ("ends", "all".to_owned())));
        let listing = WholeListing {
            asked,
            lines,
            places,
        };
        let bar = progress::events(listing.lines.len() as u64, &self.source);
        let sent = poster.listing(&listing, &bar, summary).await;
        bar.finish_and_clear();
        sent
    }

    /// Each statement as a line, and what it speaks of.
    fn lines(&self) -> impl Iterator<Item = (String, String)> + '_ {
        self.listing.events().map(|(event, place)| {
            let mut payload = Vec::new();
            event.encode_payload(&mut payload);
            let mut data: Value = serde_json::from_slice(&payload).unwrap_or_default();
            // A sender says only which; of whom it says so stands beside it.
            if let Some(listed) = data.get_mut("relations") {
                let relations = listed.get("relations").cloned();
                *listed = relations.unwrap_or_default();
            }
            let line = json!({ "type": event.tag().0, "data": data });
            (line.to_string(), place)
        })
    }
}

/// The file's name without its ending, for a scope that nobody named.
fn stem(paths: &[PathBuf]) -> Option<String> {
    match paths {
        [one] if !is_standard_input(one) => Some(one.file_stem()?.to_str()?.to_owned()),
        _ => None,
    }
}

fn read_mapping(path: &Path) -> anyhow::Result<Mapping> {
    let text = std::fs::read_to_string(path);
    let text = text.with_context(|| format!("could not read {}", path.display()))?;
    Ok(Mapping::read(&text)?)
}

pub(super) fn read_file(path: &Path) -> anyhow::Result<ImportFile> {
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
