//! `epicenter log`: care for the log's files.

use std::fs::File;
use std::io::{BufRead, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, bail};
use indicatif::ProgressBar;
use model::{Clock, LogPosition};
use serde_json::json;
use store::{CareProgress, LogStats, Rewriting, VerifyReport};

use super::serve::runtime;
use super::text::{Table, clock_time};
use super::{SettingFlags, print, progress};
use crate::clock::SystemClock;
use crate::config::LogUrl;
use crate::data_dir::{DataDir, log_folder};
use crate::parts::{open_log, open_persons};
use crate::persons::MARK;

/// Care for the log's files.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum LogCommand {
    /// Read every byte and check it; fail when anything is not as it was written
    Verify(ReadFlags),
    /// Count what the log holds
    Stats(ReadFlags),
    /// Write the events out, one JSON object a line
    Export {
        /// Only events after this position
        #[arg(long, value_name = "POSITION", default_value = "0")]
        after: LogPosition,
        /// Where to write; standard output when missing
        #[arg(long, value_name = "FILE")]
        output: Option<PathBuf>,
        #[command(flatten)]
        settings: SettingFlags,
    },
    /// Append exported events to the log of a stopped server
    Import {
        /// The exported file
        file: PathBuf,
        #[command(flatten)]
        settings: SettingFlags,
    },
}

/// Which log, and how the answer is shown.
#[derive(Debug, clap::Args)]
pub(crate) struct ReadFlags {
    /// Print the answer as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    settings: SettingFlags,
}

/// Does what was typed.
pub(super) fn log(command: &LogCommand) -> anyhow::Result<()> {
    match command {
        LogCommand::Verify(flags) => verify(flags),
        LogCommand::Stats(flags) => stats(flags),
        LogCommand::Export {
            after,
            output,
            settings,
        } => export(*after, output.as_deref(), settings),
        LogCommand::Import { file, settings } => import(file, settings),
    }
}

/// The folder of the log, which may be open elsewhere.
fn folder(flags: &SettingFlags) -> anyhow::Result<PathBuf> {
    let settings = flags.settings()?;
    let folder = match &settings.log {
        LogUrl::Memory => bail!("a log in memory has no files"),
        LogUrl::Segments(Some(folder)) => folder.clone(),
        LogUrl::Segments(None) => log_folder(&settings.data_dir),
    };
    match folder.is_dir() {
        true => Ok(folder),
        false => bail!("there is no log in {}", folder.display()),
    }
}

fn verify(flags: &ReadFlags) -> anyhow::Result<()> {
    let folder = folder(&flags.settings)?;
    let bar = progress::steps("verifying");
    let report = store::verify(&folder, &mut |care| show(&bar, care))?;
    bar.finish_and_clear();
    match flags.json {
        true => print(&format!("{:#}\n", report_json(&report)))?,
        false => print(&format!("{report}\n"))?,
    }
    match report.is_sound() {
        true => Ok(()),
        false => bail!("the log is damaged in {} places", report.damages_total),
    }
}

fn report_json(report: &VerifyReport) -> serde_json::Value {
    let digest: String = report
        .digest
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let damages: Vec<String> = report.damages.iter().map(ToString::to_string).collect();
    json!({
        "sound": report.is_sound(),
        "segments": report.segments,
        "records": report.records,
        "head": report.head,
        "digest": digest,
        "damages": damages,
        "damagesTotal": report.damages_total,
        "tornBytes": report.torn.map(|torn| torn.bytes),
        "rebuildable": report.rebuildable,
    })
}

fn stats(flags: &ReadFlags) -> anyhow::Result<()> {
    let folder = folder(&flags.settings)?;
    let bar = progress::steps("counting");
    let stats = store::stats(&folder, &mut |care| show(&bar, care))?;
    bar.finish_and_clear();
    match flags.json {
        true => print(&format!("{}\n", serde_json::to_string_pretty(&stats)?)),
        false => print(&say(&stats)),
    }
}

fn say(stats: &LogStats) -> String {
    let moment = |at: Option<model::Timestamp>| at.map_or_else(|| "-".to_owned(), clock_time);
    let mut events = Table::with_head(&["event", "number"]);
    for (name, number) in &stats.events {
        events.row(vec![name.clone(), number.to_string()]);
    }
    let mut sources = Table::with_head(&["source", "number"]);
    for (name, number) in &stats.sources {
        sources.row(vec![name.clone(), number.to_string()]);
    }
    format!(
        "{} events in {} segments of {} bytes\n\
         payloads {} bytes, stored as {}\n\
         first recorded {}\nlast recorded  {}\n\n{events}\n{sources}",
        stats.records,
        stats.segments,
        stats.file_bytes,
        stats.payload_bytes,
        stats.stored_payload_bytes,
        moment(stats.first_recorded_at),
        moment(stats.last_recorded_at),
    )
}

fn export(after: LogPosition, output: Option<&Path>, flags: &SettingFlags) -> anyhow::Result<()> {
    let folder = folder(flags)?;
    let settings = flags.settings()?;
    let persons = open_persons(&settings, &settings.data_dir)?;
    // Names go out open: another folder has other keys.
    let opening = Rewriting {
        mark: MARK,
        rewrite: &|actor, event| {
            persons.open_each(|visit| actor.each_person(visit));
            persons.open_each(|visit| event.each_person(visit));
        },
    };
    let opening = Some(&opening);
    let bar = progress::steps("exporting");
    let written = match output {
        None => {
            let mut stdout = BufWriter::new(std::io::stdout().lock());
            let written = store::export(&folder, after, opening, &mut stdout, &mut |_| {})?;
            stdout
                .flush()
                .context("could not write to standard output")?;
            written
        }
        Some(path) => {
            let file = File::create_new(path)
                .with_context(|| format!("could not make {}", path.display()))?;
            let mut file = BufWriter::new(file);
            let written = store::export(&folder, after, opening, &mut file, &mut |care| {
                show(&bar, care);
            })?;
            let file = file.into_inner().context("could not write the file")?;
            file.sync_all().context("could not write the file")?;
            written
        }
    };
    bar.finish_and_clear();
    tracing::debug!("exported {written} events");
    match output {
        None => Ok(()),
        Some(path) => print(&format!("{written} events in {}\n", path.display())),
    }
}

fn import(path: &Path, flags: &SettingFlags) -> anyhow::Result<()> {
    let settings = flags.settings()?;
    let file = File::open(path).with_context(|| format!("could not open {}", path.display()))?;
    let data_dir = DataDir::take(&settings.data_dir)?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let opened = open_log(&settings, &data_dir, &clock)?;
    let bar = progress::steps("importing");
    let mut reader: Box<dyn BufRead + Send> = Box::new(BufReader::new(file));
    let report = runtime()?.block_on(store::import(
        opened.log.as_ref(),
        reader.as_mut(),
        &mut |care| show(&bar, care),
    ))?;
    bar.finish_and_clear();
    if let Some(segments) = opened.segments {
        segments.close();
    }
    let mut text = format!(
        "{} recorded, {} duplicates, {} conflicts\n",
        report.recorded, report.duplicates, report.conflicts
    );
    for conflict in &report.listed {
        let (id, first) = (&conflict.id, conflict.first);
        text.push_str(&format!(
            "  {id} stands at position {first} with other content\n"
        ));
    }
    print(&text)?;
    match report.conflicts {
        0 => Ok(()),
        conflicts => bail!("{conflicts} events were not taken"),
    }
}

fn show(bar: &ProgressBar, care: CareProgress) {
    if 0 < care.segments {
        bar.set_length(care.segments);
        bar.set_position(care.segments_done);
    }
    bar.set_message(format!("{} events", care.records));
}
