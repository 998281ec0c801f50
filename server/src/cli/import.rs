//! `epicenter import`: history from files, sent through a server's own intake.
//!
//! A stopped server's folder is opened for the time of the import and written
//! through the same intake, so that there is one way in.

mod post;
mod read;

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use clap::ValueEnum;

use super::serve::runtime;
use super::{SettingFlags, print, progress};
use crate::serve::Server;
use post::Poster;
use read::Batches;

/// Send files through a server's intake.
#[derive(Debug, clap::Args)]
pub(crate) struct ImportFlags {
    /// What the files hold
    format: Format,
    /// The files
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// The server to send to
    #[arg(
        long,
        value_name = "URL",
        env = "EPICENTER_SERVER",
        default_value = "http://127.0.0.1:8080",
        conflicts_with = "data_dir"
    )]
    server: String,
    /// Write to the folder of a stopped server instead
    #[arg(long, value_name = "DIR")]
    data_dir: Option<String>,
}

/// What a file holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// Our own events, one JSON object a line
    Jsonl,
    /// OTLP traces and logs as JSON, one request a line, as the Collector's file exporter writes them
    Otlp,
}

/// What became of everything that was read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Summary {
    read: u64,
    accepted: u64,
    duplicates: u64,
    quarantined: u64,
    /// How many lines were rejected, and the first reasons.
    rejected: u64,
    last_rejected: Option<u64>,
    reasons: Vec<String>,
    position: Option<String>,
}

/// Reasons that are shown one by one.
const REASONS_SHOWN: usize = 20;

/// Imports every file, and fails when any part of one was rejected.
pub(super) fn import(flags: &ImportFlags) -> anyhow::Result<()> {
    let summary = runtime()?.block_on(async {
        let Some(data_dir) = &flags.data_dir else {
            return send_all(flags, &flags.server).await;
        };
        let server = Server::start(SettingFlags::alone_over(data_dir).settings()?).await?;
        let url = format!("http://{}", server.addresses.http);
        let sent = send_all(flags, &url).await;
        server.stop().await;
        sent
    })?;
    print(&summary.say())?;
    match summary.rejected {
        0 => Ok(()),
        rejected => bail!("{rejected} of {} were rejected", summary.read),
    }
}

async fn send_all(flags: &ImportFlags, server: &str) -> anyhow::Result<Summary> {
    let poster = Poster::new(server)?;
    let mut summary = Summary::default();
    for file in &flags.files {
        send_file(&poster, flags.format, file, &mut summary)
            .await
            .with_context(|| format!("{}", file.display()))?;
    }
    Ok(summary)
}

async fn send_file(
    poster: &Poster,
    format: Format,
    path: &Path,
    summary: &mut Summary,
) -> anyhow::Result<()> {
    let length = std::fs::metadata(path).context("could not be read")?.len();
    summary.last_rejected = None;
    let bar = progress::bytes(length, &path.display().to_string());
    let mut batches = Batches::open(path, format == Format::Otlp)?;
    while let Some(batch) = batches.next_batch()? {
        let bytes = batch.body.len() as u64;
        match format {
            Format::Jsonl => poster.events(batch, summary).await?,
            Format::Otlp => poster.otlp(batch, summary).await?,
        }
        bar.inc(bytes);
    }
    bar.finish_and_clear();
    Ok(())
}

impl Summary {
    /// Notes a reason; a line with several counts once.
    fn reject(&mut self, line: u64, reason: &str) {
        if self.last_rejected != Some(line) {
            self.rejected += 1;
            self.last_rejected = Some(line);
        }
        if self.reasons.len() < REASONS_SHOWN {
            self.reasons.push(format!("line {line}: {reason}"));
        }
    }

    fn say(&self) -> String {
        let mut text = format!(
            "{} read, {} accepted, {} duplicates, {} quarantined, {} rejected\n",
            self.read, self.accepted, self.duplicates, self.quarantined, self.rejected
        );
        for reason in &self.reasons {
            text.push_str(&format!("  {reason}\n"));
        }
        if self.reasons.len() == REASONS_SHOWN {
            text.push_str("  perhaps more\n");
        }
        if let Some(position) = &self.position {
            text.push_str(&format!("log position {position}\n"));
        }
        text
    }
}
