//! Files of iCalendar: one file is one feed, whole as it stands.

use std::path::Path;

use anyhow::{Context, bail};
use clap::ValueEnum;
use serde_json::json;

use super::ImportFlags;
use super::estate::read_file;
use super::post::{Poster, Request};
use super::summary::Summary;

/// The header by which a request says what the events of a feed mean.
const MEANING_HEADER: &str = "epicenter-calendar";

/// What the events of a feed mean, where no sender of the configuration says it.
#[derive(Debug, clap::Args)]
pub(super) struct CalendarFlags {
    /// Of an iCalendar file: what its events mean
    #[arg(long, value_name = "MEANING", conflicts_with = "sender")]
    means: Option<Meaning>,
    /// Of an iCalendar file: changes of this item, by its key
    #[arg(long = "item", value_name = "KEY")]
    items: Vec<String>,
    /// Of an iCalendar file: how far it reaches from the items
    #[arg(long, value_name = "REACH")]
    reach: Option<Reach>,
    /// Of an iCalendar file: changes of this level of control
    #[arg(long = "level", value_name = "LEVEL")]
    levels: Vec<String>,
    /// Of an iCalendar file: where days and times that name no zone are read from a clock
    #[arg(long, value_name = "ZONE")]
    time_zone: Option<String>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Meaning {
    /// Each event is a freeze
    Freeze,
    /// All events are the times of one window
    Window,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Reach {
    /// The items only
    Itself,
    /// The items and everything they need
    DependsOn,
    /// The items and everything that needs them
    UsedBy,
    /// The items and everything around them
    Both,
}

/// Feeds to be sent.
pub(super) struct Calendars<'f> {
    address: String,
    flags: &'f ImportFlags,
}

impl<'f> Calendars<'f> {
    pub(super) fn of(flags: &'f ImportFlags) -> anyhow::Result<Self> {
        let estate = &flags.estate;
        if estate.dry_run || estate.full || estate.partial || estate.scope.is_some() {
            bail!(
                "a feed is whole; --dry-run, --full, --partial and --scope are for files of an estate"
            );
        }
        if flags.sender.is_empty() && flags.calendar.means.is_none() {
            bail!(
                "say what the events mean by --means, or name a table of `[[senders]]` by --sender"
            );
        }
        let address = match flags.sender.as_str() {
            "" => "/ingest/ical".to_owned(),
            name => format!("/ingest/ical/{name}"),
        };
        Ok(Self { address, flags })
    }

    pub(super) async fn send(&self, poster: &Poster, summary: &mut Summary) -> anyhow::Result<()> {
        for path in &self.flags.files {
            self.send_one(poster, path, summary)
                .await
                .with_context(|| format!("{}", path.display()))?;
        }
        Ok(())
    }

    async fn send_one(
        &self,
        poster: &Poster,
        path: &Path,
        summary: &mut Summary,
    ) -> anyhow::Result<()> {
        let file = read_file(path)?;
        summary.next_file();
        let before = summary.taken();
        let request = Request {
            path: &self.address,
            kind: "text/calendar",
            body: file.bytes,
            header: self.meaning(path).map(|said| (MEANING_HEADER, said)),
        };
        let place = |index: usize| format!("event {}", index + 1);
        poster.parts(request, place, summary).await?;
        summary.read += summary.taken() - before;
        Ok(())
    }

    /// What the events mean, and as whose word; the file's name keeps the rules of two files apart.
    fn meaning(&self, path: &Path) -> Option<String> {
        let said = &self.flags.calendar;
        let effect = said.means?.to_possible_value()?;
        let reach = said.reach.and_then(|reach| reach.to_possible_value());
        let reach = reach.map(|reach| reach.get_name().replace('-', "_"));
        let stem = path.file_stem().and_then(|stem| stem.to_str());
        let own = format!("ical/{}", stem.unwrap_or("calendar"));
        let environment = &self.flags.estate.environment;
        let meaning = json!({
            "effect": effect.get_name(),
            "source": self.flags.estate.source.clone().unwrap_or(own),
            "scope": {
                "items": said.items,
                "reach": reach,
                "levels": said.levels,
                "environments": environment.as_slice(),
            },
            "timeZone": said.time_zone,
        });
        Some(ascii(&meaning.to_string()))
    }
}

/// JSON that a header can carry.
fn ascii(json: &str) -> String {
    let mut text = String::with_capacity(json.len());
    for unit in json.chars() {
        match unit.is_ascii() {
            true => text.push(unit),
            false => {
                let mut units = [0; 2];
                for unit in unit.encode_utf16(&mut units) {
                    text.push_str(&format!("\\u{unit:04x}"));
                }
            }
        }
    }
    text
}
